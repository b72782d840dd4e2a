#include "people/prep.h"

#include "test/t.h"

static const struct {
	const char *in, *out; /* NULL: there is none */
} texts[] = {
	/* RFC 4013 3 */
	{ "I\xC2\xADX", "IX" },
	{ "user", "user" },
	{ "USER", "USER" },
	{ "\xC2\xAA", "a" },
	{ "\xE2\x85\xA8", "IX" },
	{ "\x07", NULL },
	{ "\xD8\xA7"
	  "1",
		NULL },
	/* mapped: C.1.2 and B.1; U+200B is in both */
	{ "a\xC2\xA0"
	  "b\xE3\x80\x80"
	  "c\xE2\x80\x8B"
	  "d",
		"a b c d" },
	{ "a\xE2\x80\x8D"
	  "b\xEF\xBB\xBF"
	  "c\xE1\xA0\x8B"
	  "d",
		"abcd" },
	{ "\xC2\xAD", NULL },
	{ "", NULL },
	/* NFKC */
	{ "a\xCC\x88", "\xC3\xA4" },
	{ "\xEF\xAC\x81", "fi" },
	{ "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C" }, /* Hangul */
	{ "\xEF\xB7\xBA", "\xD8\xB5\xD9\x84\xD9\x89 \xD8\xA7\xD9\x84\xD9\x84\xD9\x87 "
			  "\xD8\xB9\xD9\x84\xD9\x8A\xD9\x87 \xD9\x88\xD8\xB3\xD9\x84\xD9\x85" },
	{ "q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87" }, /* order of marks */
	/* prohibited */
	{ "a\x7F", NULL },
	{ "\xC2\x85", NULL },
	{ "\xE2\x80\x8E"
	  "a",
		NULL },
	{ "\xEE\x80\x80", NULL },
	{ "\xEF\xB7\x90", NULL },
	{ "\xEF\xBF\xBD", NULL },
	{ "\xEF\xBF\xBF", NULL },
	{ "\xF0\x9F\xBF\xBE", NULL },
	{ "\xE2\xBF\xB0", NULL },
	{ "\xCD\x80", "\xCC\x80" }, /* NFKC takes the deprecated mark away first */
	{ "\xF3\xA0\x80\x81", NULL },
	{ "\xF4\x8F\xBF\xBD", NULL },
	/* directions */
	{ "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D", "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D" },
	{ "\xD7\xA9"
	  "1\xD7\x9D",
		"\xD7\xA9"
		"1\xD7\x9D" },
	{ "\xD7\xA9"
	  "a\xD7\x9D",
		NULL },
	{ "1\xD7\xA9", NULL },
	{ "\xD7\xA9"
	  "1",
		NULL },
	/* not UTF-8 */
	{ "\xE4", NULL },
	{ "\xC0\x80", NULL },
	{ "\xED\xA0\x80", NULL },
	/* unassigned in Unicode 3.2 */
	{ "\xF0\x9F\x90\x8E", "\xF0\x9F\x90\x8E" },
};

static void
texts_are_prepared_as_saslprep_says(void **state)
{
	(void)state;
	EACH(texts, c) {
		struct buf b = { 0 };
		bool ok;

		buf_add(&b, S(">"));
		ok = prep_sasl(str_c(c->in), &b);
		if (ok != (c->out != NULL))
			t_print_str("in", str_c(c->in));
		CHECK(ok == (c->out != NULL));
		CHECK_STR(str_from(buf_str(&b), 1), str_c(c->out));
		buf_done(&b);
	}
}

static void
what_does_not_fit_is_no_text(void **state)
{
	struct buf b = { .limit = 3 };

	(void)state;
	CHECK(!prep_sasl(S("abcd"), &b));
	CHECK(!prep_sasl(S("\xEF\xB7\xBA"), &b));
	CHECK_INT(b.n, 0);
	buf_done(&b);
}

T_MAIN(T(texts_are_prepared_as_saslprep_says), T(what_does_not_fit_is_no_text))
