#include "wire/xtext.h"

#include "test/t.h"

static void
xtext_is_undone(void **state)
{
	static const struct {
		str in;
		bool utf8_ok;
		enum fault fault;
		str want;
	} cases[] = {
		{ SC(""), false, OK, SC("") },
		{ SC("ann@a.test"), false, OK, SC("ann@a.test") },
		{ SC("ann+2Bspam+3D@a.test"), false, OK, SC("ann+spam=@a.test") },
		{ SC("a+20b"), false, OK, SC("a b") },
		{ SC("a+2bb"), false, OK, SC("a+b") },
		{ SC("+C3+BC"), false, OK, SC("\xc3\xbc") },
		{ SC("\xc3\xbc"), true, OK, SC("\xc3\xbc") },
		{ SC("\xc3\xbc"), false, BAD_ARGUMENT, SC("") },
		{ SC("+C3"), false, BAD_ARGUMENT, SC("") },
		{ SC("\xc3"), true, BAD_ARGUMENT, SC("") },
		{ SC("a+0Ab"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+0Db"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+00b"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+1Bb"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+7Fb"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+2"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+2G"), false, BAD_ARGUMENT, SC("") },
		{ SC("a+ 2"), false, BAD_ARGUMENT, SC("") },
		{ SC("a=b"), false, BAD_ARGUMENT, SC("") },
		{ SC("a b"), false, BAD_ARGUMENT, SC("") },
		{ SC("a\nb"), true, BAD_ARGUMENT, SC("") },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		str got = S("");

		CHECK_INT(xtext_decode(&a, c->in, c->utf8_ok, &got), c->fault);
		CHECK_STR(got, c->want);
	}
	arena_done(&a);
}

static void
xtext_comes_back_as_it_was(void **state)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	str got;

	(void)state;
	xtext_add(&b, S("ann+x=y z@\xc3\xbc.test~!"));
	CHECK_STR(buf_str(&b), S("ann+2Bx+3Dy+20z@+C3+BC.test~!"));
	CHECK_INT(xtext_decode(&a, buf_str(&b), false, &got), OK);
	CHECK_STR(got, S("ann+x=y z@\xc3\xbc.test~!"));
	buf_done(&b);
	arena_done(&a);
}

static void
unicode_escapes_are_undone_or_left_alone(void **state)
{
	static const struct {
		str in, want;
	} cases[] = {
		{ SC("ann@a.test"), SC("ann@a.test") },
		{ SC("\\x{FC}@a.test"), SC("\xc3\xbc@a.test") },
		{ SC("\\x{5C}\\x{2B}\\x{20}"), SC("\\+ ") },
		{ SC("\\x{20AC}"), SC("\xe2\x82\xac") },
		{ SC("\\x{1F4EC}"), SC("\xf0\x9f\x93\xac") },
		{ SC("\\x{10FFFF}"), SC("\xf4\x8f\xbf\xbf") },
		{ SC("\\x{110000}"), SC("\\x{110000}") },
		{ SC("\\x{D800}"), SC("\\x{D800}") },
		{ SC("\\x{0A}"), SC("\\x{0A}") },
		{ SC("\\x{7F}"), SC("\\x{7F}") },
		{ SC("\\x{A}"), SC("\\x{A}") },
		{ SC("\\x{FC"), SC("\\x{FC") },
		{ SC("\\x{}"), SC("\\x{}") },
		{ SC("\\x{00000041}"), SC("\\x{00000041}") },
		{ SC("a\\b"), SC("a\\b") },
		{ SC("\\x{FC}\\"), SC("\\x{FC}\\") },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c)
		CHECK_STR(xtext_unescape_utf8(&a, c->in), c->want);
	arena_done(&a);
}

T_MAIN(T(xtext_is_undone), T(xtext_comes_back_as_it_was), T(unicode_escapes_are_undone_or_left_alone))
