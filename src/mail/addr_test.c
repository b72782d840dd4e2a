#include "mail/addr.h"

#include "base/mem.h"
#include "test/t.h"

#define L10 "abcdefghij"
#define L60 L10 L10 L10 L10 L10 L10
#define D63 L60 "abc"

static void
a_path_gives_its_two_halves_and_what_follows(void **state)
{
	static const struct {
		str in;
		enum fault fault;
		str local, domain, rest;
	} cases[] = {
		{ SC("<ann@example.org> SIZE=1"), OK, SC("ann"), SC("example.org"), SC(" SIZE=1") },
		{ SC("<ann.b+c@Example.ORG>"), OK, SC("ann.b+c"), SC("Example.ORG"), SC("") },
		{ SC("<@a.test,@b.test:ann@c.test>x"), OK, SC("ann"), SC("c.test"), SC("x") },
		{ SC("<@[192.0.2.1]:ann@c.test>"), OK, SC("ann"), SC("c.test"), SC("") },
		{ SC("<\"a > b\"@c.test>"), OK, SC("\"a > b\""), SC("c.test"), SC("") },
		{ SC("<\"a@b.test\"@c.test>"), OK, SC("\"a@b.test\""), SC("c.test"), SC("") },
		{ SC("<\"\"@c.test>"), OK, SC("\"\""), SC("c.test"), SC("") },
		{ SC("<a%b.test@c.test>"), OK, SC("a%b.test"), SC("c.test"), SC("") },
		{ SC("<b.test!a@c.test>"), OK, SC("b.test!a"), SC("c.test"), SC("") },
		{ SC("<a@[192.0.2.1]>"), OK, SC("a"), SC("[192.0.2.1]"), SC("") },
		{ SC("<a@[IPv6:2001:db8::1]>"), OK, SC("a"), SC("[IPv6:2001:db8::1]"), SC("") },
		{ SC("<a@under_score.test>"), OK, SC("a"), SC("under_score.test"), SC("") },
		{ SC("<postmaster>"), OK, SC("postmaster"), SC(""), SC("") },
		{ SC("<PostMaster>"), OK, SC("PostMaster"), SC(""), SC("") },
		{ SC("<>"), BAD_ADDRESS, .rest = SC("<>") },
		{ SC(""), BAD_ADDRESS },
		{ SC("<"), BAD_ADDRESS, .rest = SC("<") },
		{ SC("<ann"), BAD_ADDRESS, .rest = SC("<ann") },
		{ SC("<ann>"), BAD_ADDRESS, .rest = SC("<ann>") },
		{ SC("<\"postmaster\">"), BAD_ADDRESS, .rest = SC("<\"postmaster\">") },
		{ SC("<\"a@b.test\">"), BAD_ADDRESS, .rest = SC("<\"a@b.test\">") },
		{ SC("ann@example.org"), BAD_ADDRESS, .rest = SC("ann@example.org") },
		{ SC("<ann@example.org"), BAD_ADDRESS, .rest = SC("<ann@example.org") },
		{ SC("< ann@example.org>"), BAD_ADDRESS, .rest = SC("< ann@example.org>") },
		{ SC("<ann@example.org >"), BAD_ADDRESS, .rest = SC("<ann@example.org >") },
		{ SC("<ann@>"), BAD_ADDRESS, .rest = SC("<ann@>") },
		{ SC("<@a.test>"), BAD_ADDRESS, .rest = SC("<@a.test>") },
		{ SC("<@a.test:>"), BAD_ADDRESS, .rest = SC("<@a.test:>") },
		{ SC("<@a.test,b.test:x@c.test>"), BAD_ADDRESS, .rest = SC("<@a.test,b.test:x@c.test>") },
		{ SC("<a@b.test@c.test>"), BAD_ADDRESS, .rest = SC("<a@b.test@c.test>") },
		{ SC("<b.test!a>"), BAD_ADDRESS, .rest = SC("<b.test!a>") },
		{ SC("<a@b.test\0>"), BAD_ADDRESS, .rest = SC("<a@b.test\0>") },
		{ SC("<a\0@b.test>"), BAD_ADDRESS, .rest = SC("<a\0@b.test>") },
		{ SC("<\"a\0\"@b.test>"), BAD_ADDRESS, .rest = SC("<\"a\0\"@b.test>") },
		{ SC("<\"a\\\0\"@b.test>"), BAD_ADDRESS, .rest = SC("<\"a\\\0\"@b.test>") },
		{ SC("<a\r\n@b.test>"), BAD_ADDRESS, .rest = SC("<a\r\n@b.test>") },
		{ SC("<\"a\r\n\"@b.test>"), BAD_ADDRESS, .rest = SC("<\"a\r\n\"@b.test>") },
		{ SC("<\"a\tb\"@b.test>"), BAD_ADDRESS, .rest = SC("<\"a\tb\"@b.test>") },
		{ SC("<a@b\n.test>"), BAD_ADDRESS, .rest = SC("<a@b\n.test>") },
		{ SC("<a@[2001:db8::1]>"), BAD_ADDRESS, .rest = SC("<a@[2001:db8::1]>") },
		{ SC("<a@[IPv6:fe80::1%eth0]>"), BAD_ADDRESS, .rest = SC("<a@[IPv6:fe80::1%eth0]>") },
		{ SC("<a@[192.0.2.0001]>"), BAD_ADDRESS, .rest = SC("<a@[192.0.2.0001]>") },
		{ SC("<a@b.test.>"), BAD_ADDRESS, .rest = SC("<a@b.test.>") },
	};

	(void)state;
	EACH(cases, c) {
		struct addr got = { 0 };
		str rest = c->in;

		CHECK_INT(addr_take_path(&rest, false, false, &got), c->fault);
		CHECK_STR(got.local, c->local);
		CHECK_STR(got.domain, c->domain);
		CHECK_STR(rest, c->rest);
	}
}

static void
a_reverse_path_may_be_null_but_never_a_bare_postmaster(void **state)
{
	struct addr got = { .local = SC("x"), .domain = SC("y") };
	str in = S("<> RET=HDRS");

	(void)state;
	CHECK(addr_take_path(&in, true, false, &got) == OK);
	CHECK_STR(in, S(" RET=HDRS"));
	CHECK(got.local.n == 0 && got.domain.n == 0 && !got.utf8);
	in = S("<postmaster>");
	CHECK(addr_take_path(&in, true, false, &got) == BAD_ADDRESS);
	in = S("<a@b.test>");
	CHECK(addr_take_path(&in, true, false, &got) == OK);
}

static void
utf8_passes_where_it_was_agreed_and_only_well_formed(void **state)
{
	static const struct {
		str in;
		enum fault without, with;
	} cases[] = {
		{ SC("<j\xc3\xb6rg@b.test>"), NEEDS_SMTPUTF8, OK },
		{ SC("<a@b\xc3\xbc"
		     "cher.test>"),
			NEEDS_SMTPUTF8, OK },
		{ SC("<\"j \xc3\xb6\"@b.test>"), NEEDS_SMTPUTF8, OK },
		{ SC("<@b\xc3\xbc.test:a@b.test>"), NEEDS_SMTPUTF8, OK },
		{ SC("<\"j\\\xc3\xb6\"@b.test>"), BAD_ADDRESS, BAD_ADDRESS },
		{ SC("<j\xf6rg@b.test>"), BAD_ADDRESS, BAD_ADDRESS },
		{ SC("<a@\xc0\xae.test>"), BAD_ADDRESS, BAD_ADDRESS },
		{ SC("<a\xc2\x9b@b.test>"), BAD_ADDRESS, BAD_ADDRESS },
		{ SC("<a@b.test>"), OK, OK },
	};

	(void)state;
	EACH(cases, c) {
		struct addr got = { 0 };
		str rest = c->in;

		CHECK_INT(addr_take_path(&rest, false, false, &got), c->without);
		rest = c->in;
		CHECK_INT(addr_take_path(&rest, false, true, &got), c->with);
		CHECK(c->with != OK || got.utf8 == (c->without != OK));
	}
}

static void
lengths_end_where_rfc_5321_ends_them(void **state)
{
	static const struct {
		str in;
		bool ok;
	} cases[] = {
		{ SC(L60 "1234@b.test"), true },
		{ SC(L60 "12345@b.test"), false },
		{ SC("\"" L60 "12\"@b.test"), true },
		{ SC("\"" L60 "1\\2\"@b.test"), false },
		{ SC("a@" D63 ".test"), true },
		{ SC("a@" D63 "d.test"), false },
		{ SC("a@" D63 "." D63 "." D63 "." L60), true }, /* 254 together */
		{ SC("aa@" D63 "." D63 "." D63 "." L60), false },
		{ SC("a@" D63 "." D63 "." D63 "." L60 "a"), false },
	};

	(void)state;
	EACH(cases, c) {
		struct addr got;
		CHECK((addr_parse(c->in, &got) == OK) == c->ok);
	}
}

static void
a_domain_is_a_name_or_a_literal(void **state)
{
	static const struct {
		str in;
		bool ascii_ok, utf8_ok;
	} cases[] = {
		{ SC("localhost"), true, true },
		{ SC("mx-1.example.org"), true, true },
		{ SC("[192.0.2.7]"), true, true },
		{ SC("[IPv6:::1]"), true, true },
		{ SC("[ipv6:2001:db8:0:0:0:0:0:1]"), true, true },
		{ SC("[IPv6:::ffff:192.0.2.1]"), true, true },
		{ SC("b\xc3\xbc"
		     "cher.test"),
			false, true },
		{ SC("b\xff.test"), false, false },
		{ SC(""), false, false },
		{ SC("[]"), false, false },
		{ SC("["), false, false },
		{ SC("[IPv6:]"), false, false },
		{ SC("[IPv6:1:2:3:4:5:6:7::]"), false, false },
		{ SC("[IPv6:12345::1]"), false, false },
		{ SC("[192.0.2.256]"), false, false },
		{ SC("[192.0.2]"), false, false },
		{ SC("[192.0.2.7]x"), false, false },
		{ SC("-a.test"), false, false },
		{ SC("a-.test"), false, false },
		{ SC("a..test"), false, false },
		{ SC(".test"), false, false },
		{ SC("a b"), false, false },
		{ SC("a\0b"), false, false },
		{ SC("a@b"), false, false },
	};

	(void)state;
	EACH(cases, c) {
		CHECK(addr_is_domain(c->in, false) == c->ascii_ok);
		CHECK(addr_is_domain(c->in, true) == c->utf8_ok);
	}
	CHECK(addr_is_literal(S("[192.0.2.7]")) && !addr_is_literal(S("192.0.2.7")));
}

static void
spellings_of_one_address_have_one_canonical_form(void **state)
{
	static const struct {
		str in, meant, canonical;
	} cases[] = {
		{ SC("Ann@Example.ORG"), SC("Ann"), SC("Ann@example.org") },
		{ SC("\"ann\"@b.test"), SC("ann"), SC("ann@b.test") },
		{ SC("\"a\\nn\"@b.test"), SC("ann"), SC("ann@b.test") },
		{ SC("\"a.b\"@b.test"), SC("a.b"), SC("a.b@b.test") },
		{ SC("\"a..b\"@b.test"), SC("a..b"), SC("\"a..b\"@b.test") },
		{ SC("\"a b\"@b.test"), SC("a b"), SC("\"a b\"@b.test") },
		{ SC("\"a\\\"\\\\b\"@b.test"), SC("a\"\\b"), SC("\"a\\\"\\\\b\"@b.test") },
		{ SC("\"a@c\"@b.test"), SC("a@c"), SC("\"a@c\"@b.test") },
		{ SC("\"\"@b.test"), SC(""), SC("\"\"@b.test") },
		{ SC("a@[IPv6:::1]"), SC("a"), SC("a@[ipv6:::1]") },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		struct addr got = { 0 }, again = { 0 };

		CHECK(addr_parse(c->in, &got) == OK);
		CHECK_STR(addr_local_meant(&a, &got), c->meant);
		CHECK_STR(addr_canonical(&a, &got), c->canonical);
		CHECK(addr_parse(c->canonical, &again) == OK);
		CHECK_STR(addr_canonical(&a, &again), c->canonical);
	}
	CHECK_STR(addr_canonical(&a, &(struct addr){ 0 }), S(""));
	CHECK_STR(addr_canonical(&a, &(struct addr){ .local = SC("postmaster") }), S("postmaster"));
	arena_done(&a);
}

T_MAIN(T(a_path_gives_its_two_halves_and_what_follows),
	T(a_reverse_path_may_be_null_but_never_a_bare_postmaster),
	T(utf8_passes_where_it_was_agreed_and_only_well_formed), T(lengths_end_where_rfc_5321_ends_them),
	T(a_domain_is_a_name_or_a_literal), T(spellings_of_one_address_have_one_canonical_form))
