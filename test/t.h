/* test/t.h - what our types need on top of cmocka
 * A test's name is a sentence; a table of cases comes first:
 *	EACH (paths, c) { CHECK(...); CHECK_STR(got, c->want); }
 * T_MAIN(T(name), ...) makes main(). */
#ifndef TEST_T_H
#define TEST_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* Tests run on the process's own stack; the limit of frames is for what runs on fibers. */
#pragma GCC diagnostic ignored "-Wframe-larger-than="

#define EACH(table, c)                                                                                       \
	for (size_t c##_i = 0; c##_i < sizeof(table) / sizeof((table)[0]); c##_i++)                          \
		for (const __typeof__((table)[0]) *c = &(table)[c##_i]; c; c = NULL)

#define CHECK(cond)                                                                                          \
	do {                                                                                                 \
		if (!(cond))                                                                                 \
			t_fail(__FILE__, __LINE__, #cond);                                                   \
	} while (0)

#define CHECK_STR(got, want) t_check_str(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_C(got, want)   t_check_str(__FILE__, __LINE__, #got, (got), str_c(want))
#define CHECK_INT(got, want) t_check_int(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))

static inline void
t_fail(const char *file, int line, const char *what)
{
	print_error("%s:%d: failed: %s\n", file, line, what);
	_fail(file, line);
}

static inline void
t_print_str(const char *label, str s)
{
	fprintf(stderr, "  %s (%zu) \"", label, s.n);
	for (size_t i = 0; i < s.n && i < 2000; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '\n' || c == '\r' || c == '\t')
			fprintf(stderr, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if (c < 32 || c == 127 || c == '"' || c == '\\')
			fprintf(stderr, "\\x%02x", c);
		else
			fputc(c, stderr);
	}
	fprintf(stderr, "\"\n");
}

static inline void
t_check_str(const char *file, int line, const char *what, str got, str want)
{
	if (str_eq(got, want))
		return;
	t_print_str("got ", got);
	t_print_str("want", want);
	t_fail(file, line, what);
}

static inline void
t_check_int(const char *file, int line, const char *what, long long got, long long want)
{
	if (got == want)
		return;
	fprintf(stderr, "  got %lld, want %lld\n", got, want);
	t_fail(file, line, what);
}

#define T(f) cmocka_unit_test(f)
#define T_MAIN(...)                                                                                          \
	int main(void)                                                                                       \
	{                                                                                                    \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };                                           \
		return cmocka_run_group_tests(tests, NULL, NULL);                                            \
	}

#endif
