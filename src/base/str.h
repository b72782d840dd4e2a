/* base/str.h - a borrowed run of bytes
 * Pointer and length, not NUL-terminated, never owned: whoever made the bytes says how long they live.
 * The only struct of ours that is passed by value and has a typedef. Pure. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct str {
	const char *p;
	size_t n;
} str;

/* A string literal as a str: S() in expressions, SC() in static tables. */
#define SC(lit) { "" lit, sizeof(lit) - 1 }
#define S(lit)  ((str)SC(lit))
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p

static inline str
str_of(const void *p, size_t n)
{
	return (str){ p, n };
}

/* A C string; NULL gives the empty str. */
static inline str
str_c(const char *c)
{
	return (str){ c ? c : "", c ? strlen(c) : 0 };
}

static inline bool
str_eq(str a, str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Bytes [from, from + n), cut to what there is. */
static inline str
str_sub(str s, size_t from, size_t n)
{
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return (str){ from ? s.p + from : s.p, n }; /* NULL + 0 is undefined in C */
}

/* What follows the first `from` bytes. */
static inline str
str_from(str s, size_t from)
{
	return str_sub(s, from, SIZE_MAX);
}

/* ASCII only: bytes above 127 are never letters, digits or space, whatever the locale. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline char
ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
static inline bool
ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool
ascii_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool
ascii_alnum(char c)
{
	return ascii_alpha(c) || ascii_digit(c);
}
static inline bool
ascii_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool str_eq_nocase(str a, str b); /* ASCII case only */
int str_cmp(str a, str b);        /* by bytes, shorter first */
int str_cmp_nocase(str a, str b);
bool str_starts(str s, str prefix);
bool str_starts_nocase(str s, str prefix);
bool str_ends(str s, str suffix);
bool str_ends_nocase(str s, str suffix);

/* Index of the first/last c, or of the first needle; s.n where there is none. */
size_t str_find(str s, char c);
size_t str_rfind(str s, char c);
size_t str_find_str(str s, str needle);

str str_trim(str s); /* without white space at both ends */

/* Takes `prefix` off the front of *s; false (and *s untouched) when it is not there. */
bool str_take(str *s, str prefix);
bool str_take_nocase(str *s, str prefix);

/* Takes what stands before the first `sep` and drops the separator; the whole rest when there is none.
 * False only when *s is empty. */
bool str_take_until(str *s, char sep, str *ret_head);

/* Takes the next word: skips blanks (space, tab), gives what stands before the next blank. False when none is left. */
bool str_take_word(str *s, str *ret_word);

/* Decimal digits, the whole of s, at least one, no sign; false on anything else or above max. */
bool str_to_u64(str s, uint64_t max, uint64_t *ret_value);

bool str_is_ascii(str s);
bool str_is_utf8(str s); /* well-formed as in RFC 3629: no overlong forms, no surrogates, at most U+10FFFF */
bool str_has_ctl(str s); /* any byte below 32, or 127 */

#endif
