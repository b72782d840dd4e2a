#include "wire/smtp.h"

#include "test/t.h"

enum {
	ALL = SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 | SMTP_EXT_DSN | SMTP_EXT_AUTH |
	      SMTP_EXT_BINARYMIME | SMTP_EXT_PRDR
};

static void
a_sender_is_a_path_or_nobody(void **state)
{
	static const struct {
		str args;
		bool lenient;
		enum fault fault;
		str local, domain;
	} cases[] = {
		{ SC("FROM:<ann@a.test>"), false, OK, SC("ann"), SC("a.test") },
		{ SC("from:<ann@a.test>"), false, OK, SC("ann"), SC("a.test") },
		{ SC("FROM:<>"), false, OK, SC(""), SC("") },
		{ SC("FROM: <ann@a.test>"), true, OK, SC("ann"), SC("a.test") },
		{ SC("FROM:   <>"), true, OK, SC(""), SC("") },
		{ SC("FROM: <ann@a.test>"), false, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:ann@a.test"), true, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:<ann@a.test"), true, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:ann@a.test>"), true, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:< >"), true, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:<ann>"), true, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:<postmaster>"), true, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:"), true, BAD_SENDER, SC(""), SC("") },
		{ SC("FROM:<ann@a.test>>"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("FROM:<ann@a.test>SIZE=1"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("FROM:<ann@a.test> <ben@a.test>"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("FROM <ann@a.test>"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("FROM :<ann@a.test>"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("TO:<ann@a.test>"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("<ann@a.test>"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC(""), true, BAD_ARGUMENT, SC(""), SC("") },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		struct smtp_mail got = { 0 };

		CHECK_INT(smtp_mail_parse(&a, c->args, ALL, c->lenient, &got), c->fault);
		CHECK_STR(got.from.local, c->local);
		CHECK_STR(got.from.domain, c->domain);
	}
	arena_done(&a);
}

static void
a_recipient_is_a_path_or_postmaster(void **state)
{
	static const struct {
		str args;
		bool lenient;
		enum fault fault;
		str local, domain;
	} cases[] = {
		{ SC("TO:<ann@a.test>"), false, OK, SC("ann"), SC("a.test") },
		{ SC("tO:<@b.test,@c.test:ann@a.test>"), false, OK, SC("ann"), SC("a.test") },
		{ SC("TO:<postmaster>"), false, OK, SC("postmaster"), SC("") },
		{ SC("TO:<PostMaster>"), false, OK, SC("PostMaster"), SC("") },
		{ SC("TO: <ann@a.test>"), true, OK, SC("ann"), SC("a.test") },
		{ SC("TO: <ann@a.test>"), false, BAD_ADDRESS, SC(""), SC("") },
		{ SC("TO:<>"), true, BAD_ADDRESS, SC(""), SC("") },
		{ SC("TO:<ann>"), true, BAD_ADDRESS, SC(""), SC("") },
		{ SC("TO:ann@a.test"), true, BAD_ADDRESS, SC(""), SC("") },
		{ SC("TO:ann"), true, BAD_ADDRESS, SC(""), SC("") },
		{ SC("TO:<ann@a.test"), true, BAD_ADDRESS, SC(""), SC("") },
		{ SC("TO:<ann@a.test>x"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("TO:<ann@a.test> x y"), true, UNKNOWN_PARAMETER, SC(""), SC("") },
		{ SC("FROM:<ann@a.test>"), true, BAD_ARGUMENT, SC(""), SC("") },
		{ SC("TO"), true, BAD_ARGUMENT, SC(""), SC("") },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		struct smtp_rcpt got = { 0 };

		CHECK_INT(smtp_rcpt_parse(&a, c->args, ALL, false, c->lenient, &got), c->fault);
		CHECK_STR(got.to.local, c->local);
		CHECK_STR(got.to.domain, c->domain);
	}
	arena_done(&a);
}

/* All of the parameters below follow a good path. */
struct faulty {
	str params;
	unsigned offered;
	enum fault fault;
};

static void
check_mail(const struct faulty *cases, size_t count)
{
	struct arena a = { 0 };

	for (const struct faulty *c = cases; c < cases + count; c++) {
		struct smtp_mail got = { 0 };

		CHECK_INT(smtp_mail_parse(&a, arena_join(&a, S("FROM:<ann@a.test> "), c->params), c->offered,
				  false, &got),
			c->fault);
		CHECK(c->fault == OK || got.from.local.n == 0);
	}
	arena_done(&a);
}

static void
check_rcpt(const struct faulty *cases, size_t count)
{
	struct arena a = { 0 };

	for (const struct faulty *c = cases; c < cases + count; c++) {
		struct smtp_rcpt got = { 0 };

		CHECK_INT(smtp_rcpt_parse(&a, arena_join(&a, S("TO:<ann@a.test> "), c->params), c->offered,
				  false, false, &got),
			c->fault);
		CHECK(c->fault == OK || got.to.local.n == 0);
	}
	arena_done(&a);
}

static void
only_what_ehlo_offered_is_known(void **state)
{
	static const struct faulty mail[] = {
		{ SC("SIZE=1"), SMTP_EXT_SIZE, OK },
		{ SC("SIZE=1"), ALL & ~SMTP_EXT_SIZE, UNKNOWN_PARAMETER },
		{ SC("BODY=7BIT"), ALL & ~SMTP_EXT_8BITMIME, UNKNOWN_PARAMETER },
		{ SC("BODY=BINARYMIME"), ALL, OK },
		{ SC("BODY=BINARYMIME"), ALL & ~SMTP_EXT_BINARYMIME, BAD_ARGUMENT },
		{ SC("SMTPUTF8"), ALL & ~SMTP_EXT_SMTPUTF8, UNKNOWN_PARAMETER },
		{ SC("PRDR"), ALL & ~SMTP_EXT_PRDR, UNKNOWN_PARAMETER },
		{ SC("AUTH=<>"), ALL & ~SMTP_EXT_AUTH, UNKNOWN_PARAMETER },
		{ SC("RET=FULL"), ALL & ~SMTP_EXT_DSN, UNKNOWN_PARAMETER },
		{ SC("ENVID=x"), ALL & ~SMTP_EXT_DSN, UNKNOWN_PARAMETER },
		{ SC("NOTIFY=NEVER"), ALL, UNKNOWN_PARAMETER }, /* RCPT's */
		{ SC("XYZ"), ALL, UNKNOWN_PARAMETER },
		{ SC("XYZ=1"), ALL, UNKNOWN_PARAMETER },
		{ SC("-XYZ=1"), ALL, BAD_ARGUMENT },
		{ SC("X_Z=1"), ALL, BAD_ARGUMENT },
		{ SC("=1"), ALL, BAD_ARGUMENT },
		{ SC("="), ALL, BAD_ARGUMENT },
	};
	static const struct faulty rcpt[] = {
		{ SC("NOTIFY=NEVER"), SMTP_EXT_DSN, OK },
		{ SC("NOTIFY=NEVER"), ALL & ~SMTP_EXT_DSN, UNKNOWN_PARAMETER },
		{ SC("ORCPT=rfc822;x"), ALL & ~SMTP_EXT_DSN, UNKNOWN_PARAMETER },
		{ SC("SIZE=1"), ALL, UNKNOWN_PARAMETER },
		{ SC("RET=FULL"), ALL, UNKNOWN_PARAMETER },
	};
	(void)state;
	check_mail(mail, sizeof(mail) / sizeof(mail[0]));
	check_rcpt(rcpt, sizeof(rcpt) / sizeof(rcpt[0]));
}

static void
malformed_parameters_are_refused(void **state)
{
	static const struct faulty mail[] = {
		{ SC("SIZE=0"), ALL, OK },
		{ SC("SIZE=9223372036854775807"), ALL, OK },
		{ SC("SIZE=9223372036854775808"), ALL, BAD_ARGUMENT },
		{ SC("SIZE=18446744073709551616"), ALL, BAD_ARGUMENT },
		{ SC("SIZE=99999999999999999999999999"), ALL, BAD_ARGUMENT },
		{ SC("SIZE=-1"), ALL, BAD_ARGUMENT },
		{ SC("SIZE=1k"), ALL, BAD_ARGUMENT },
		{ SC("SIZE="), ALL, BAD_ARGUMENT },
		{ SC("SIZE"), ALL, BAD_ARGUMENT },
		{ SC("SIZE=1 SIZE=1"), ALL, BAD_ARGUMENT },
		{ SC("SIZE=1 size=2"), ALL, BAD_ARGUMENT },
		{ SC("SIZE=1=2"), ALL, BAD_ARGUMENT },
		{ SC("SIZE = 1"), ALL, BAD_ARGUMENT },
		{ SC("BODY=8bitmime"), ALL, OK },
		{ SC("BODY=9BIT"), ALL, BAD_ARGUMENT },
		{ SC("BODY="), ALL, BAD_ARGUMENT },
		{ SC("BODY=7BIT BODY=7BIT"), ALL, BAD_ARGUMENT },
		{ SC("SMTPUTF8=1"), ALL, BAD_ARGUMENT },
		{ SC("PRDR=1"), ALL, BAD_ARGUMENT },
		{ SC("PRDR PRDR"), ALL, BAD_ARGUMENT },
		{ SC("SMTPUTF8="), ALL, BAD_ARGUMENT },
		{ SC("SMTPUTF8 SMTPUTF8"), ALL, BAD_ARGUMENT },
		{ SC("AUTH="), ALL, BAD_ARGUMENT },
		{ SC("AUTH=<"), ALL, OK }, /* an xtext like any other */
		{ SC("AUTH=a+0Db"), ALL, BAD_ARGUMENT },
		{ SC("AUTH=a+00b"), ALL, BAD_ARGUMENT },
		{ SC("AUTH=a+b"), ALL, BAD_ARGUMENT },
		{ SC("RET=full"), ALL, OK },
		{ SC("RET=BODY"), ALL, BAD_ARGUMENT },
		{ SC("RET="), ALL, BAD_ARGUMENT },
		{ SC("RET"), ALL, BAD_ARGUMENT },
		{ SC("RET=FULL RET=HDRS"), ALL, BAD_ARGUMENT },
		{ SC("ENVID="), ALL, BAD_ARGUMENT },
		{ SC("ENVID=a+0Ab"), ALL, BAD_ARGUMENT },
		{ SC("ENVID=a+C3+BCb"), ALL, BAD_ARGUMENT }, /* printable ASCII only: RFC 3461 4.4 */
		{ SC("ENVID=a+ZZ"), ALL, BAD_ARGUMENT },
		{ SC("ENVID=a ENVID=b"), ALL, BAD_ARGUMENT },
		{ SC("ENVID="
		     "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
		     "8901234567890"),
			ALL, OK },
		{ SC("ENVID="
		     "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
		     "89012345678901"),
			ALL, BAD_ARGUMENT },
	};
	static const struct faulty rcpt[] = {
		{ SC("NOTIFY="), ALL, BAD_ARGUMENT },
		{ SC("NOTIFY=NEVER,SUCCESS"), ALL, BAD_ARGUMENT },
		{ SC("NOTIFY=SUCCESS,NEVER"), ALL, BAD_ARGUMENT },
		{ SC("NOTIFY=SUCCESS,"), ALL, BAD_ARGUMENT },
		{ SC("NOTIFY=,SUCCESS"), ALL, BAD_ARGUMENT },
		{ SC("NOTIFY=SUCCESS,,DELAY"), ALL, BAD_ARGUMENT },
		{ SC("NOTIFY=ALWAYS"), ALL, BAD_ARGUMENT },
		{ SC("NOTIFY=NEVER NOTIFY=NEVER"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT="), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=ann@a.test"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=;ann@a.test"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=rfc822;"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=rfc(822;ann@a.test"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=rfc822;ann+0D+0A@a.test"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=rfc822;ann+"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=rfc822;ann=a.test"), ALL, BAD_ARGUMENT },
		{ SC("ORCPT=utf-8;\xc3\xbc@a.test"), ALL, BAD_ARGUMENT }, /* without SMTPUTF8 in MAIL */
		{ SC("ORCPT=rfc822;a ORCPT=rfc822;a"), ALL, BAD_ARGUMENT },
	};
	(void)state;
	check_mail(mail, sizeof(mail) / sizeof(mail[0]));
	check_rcpt(rcpt, sizeof(rcpt) / sizeof(rcpt[0]));
}

static void
an_orcpt_has_at_most_500_octets(void **state)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct smtp_rcpt got;

	(void)state;
	buf_add(&b, S("TO:<ann@a.test> ORCPT=rfc822;"));
	while (b.n < 22 + 500)
		buf_add(&b, S("x"));
	CHECK_INT(smtp_rcpt_parse(&a, buf_str(&b), ALL, false, false, &got), OK);
	buf_add(&b, S("x"));
	CHECK_INT(smtp_rcpt_parse(&a, buf_str(&b), ALL, false, false, &got), BAD_ARGUMENT);
	buf_done(&b);
	arena_done(&a);
}

static void
what_mail_says_is_understood(void **state)
{
	struct arena a = { 0 };
	struct smtp_mail m;

	(void)state;
	CHECK_INT(smtp_mail_parse(&a,
			  S("FROM:<ann@a.test> PRDR SIZE=12345 BODY=8BITMIME SMTPUTF8 AUTH=ann+2Bx@a.test "
			    "RET=HDRS ENVID=QQ+20314159"),
			  ALL, false, &m),
		OK);
	CHECK(m.has_size && m.smtputf8 && m.has_auth);
	CHECK_INT(m.size, 12345);
	CHECK_INT(m.body, SMTP_BODY_8BITMIME);
	CHECK_STR(m.auth, S("ann+x@a.test"));
	CHECK_INT(m.ret, SMTP_RET_HDRS);
	CHECK_STR(m.envid, S("QQ 314159"));
	CHECK_INT(smtp_mail_parse(&a, S("FROM:<>   AUTH=<>  RET=FULL  "), ALL, false, &m), OK);
	CHECK(m.has_auth && m.auth.n == 0 && !m.has_size && !m.smtputf8 && m.envid.n == 0);
	CHECK_INT(m.body, SMTP_BODY_7BIT);
	CHECK_INT(m.ret, SMTP_RET_FULL);
	arena_done(&a);
}

static void
what_rcpt_says_is_understood(void **state)
{
	struct arena a = { 0 };
	struct smtp_rcpt r;

	(void)state;
	CHECK_INT(smtp_rcpt_parse(&a, S("TO:<ann@a.test> NOTIFY=success,DELAY ORCPT=rfc822;Bob+2BX@b.test"),
			  ALL, false, false, &r),
		OK);
	CHECK_INT(r.notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY);
	CHECK_STR(r.orcpt_type, S("rfc822"));
	CHECK_STR(r.orcpt, S("Bob+X@b.test"));
	CHECK_INT(smtp_rcpt_parse(&a, S("TO:<ann@a.test> NOTIFY=NEVER"), ALL, false, false, &r), OK);
	CHECK_INT(r.notify, SMTP_NOTIFY_NEVER);
	CHECK_INT(r.orcpt.n, 0);
	CHECK_INT(smtp_rcpt_parse(
			  &a, S("TO:<ann@a.test> ORCPT=UTF-8;\\x{FC}ben@b.test"), ALL, false, false, &r),
		OK);
	CHECK_STR(r.orcpt, S("\xc3\xbc"
			     "ben@b.test"));
	CHECK_INT(r.notify, 0);
	CHECK_INT(smtp_rcpt_parse(&a,
			  S("TO:<ann@a.test> ORCPT=utf-8;\xc3\xbc"
			    "ben@b.test"),
			  ALL, true, false, &r),
		OK);
	CHECK_STR(r.orcpt, S("\xc3\xbc"
			     "ben@b.test"));
	arena_done(&a);
}

static void
letters_beyond_ascii_need_smtputf8(void **state)
{
	struct arena a = { 0 };
	struct smtp_mail m;
	struct smtp_rcpt r;
	str from = S("FROM:<gr\xc3\xbc\xc3\x9f"
		     "e@a.test>"),
	    to = S("TO:<gr\xc3\xbc\xc3\x9f"
		   "e@a.test>");

	(void)state;
	CHECK_INT(smtp_mail_parse(&a, from, ALL, false, &m), NEEDS_SMTPUTF8);
	CHECK_INT(smtp_mail_parse(&a, from, ALL & ~SMTP_EXT_SMTPUTF8, false, &m), NEEDS_SMTPUTF8);
	CHECK_INT(smtp_mail_parse(&a, arena_join(&a, from, S(" SMTPUTF8")), ALL, false, &m), OK);
	CHECK_INT(smtp_rcpt_parse(&a, to, ALL, false, false, &r), NEEDS_SMTPUTF8);
	CHECK_INT(smtp_rcpt_parse(&a, to, ALL, true, false, &r), OK);
	CHECK_INT(smtp_rcpt_parse(&a, S("TO:<gr\xfc@a.test>"), ALL, true, false, &r), BAD_ADDRESS);
	arena_done(&a);
}

static void
vrfy_asks_for_an_address_or_a_name(void **state)
{
	static const struct {
		str args;
		bool offered;
		enum fault want;
		str local, domain;
		bool utf8;
	} cases[] = {
		{ SC("ann"), true, OK, SC("ann"), SC(""), false },
		{ SC("<ann>"), true, OK, SC("ann"), SC(""), false },
		{ SC("ann SMTPUTF8"), true, OK, SC("ann"), SC(""), true },
		{ SC("ann smtputf8"), false, BAD_ADDRESS, SC(""), SC(""), false },
		{ SC("SMTPUTF8"), true, OK, SC("SMTPUTF8"), SC(""), false },
		{ SC("ann@A.test"), true, OK, SC("ann"), SC("A.test"), false },
		{ SC("<ann@a.test>"), true, OK, SC("ann"), SC("a.test"), false },
		{ SC("<ann@a.test> SMTPUTF8"), true, OK, SC("ann"), SC("a.test"), true },
		{ SC("<@b.test:ann@a.test>"), true, OK, SC("ann"), SC("a.test"), false },
		{ SC("\"odd name\"@a.test"), true, OK, SC("\"odd name\""), SC("a.test"), false },
		{ SC("gr\xc3\xbcn@a.test"), true, NEEDS_SMTPUTF8, SC(""), SC(""), false },
		{ SC("gr\xc3\xbcn"), true, NEEDS_SMTPUTF8, SC(""), SC(""), false },
		{ SC("gr\xc3\xbcn@a.test SMTPUTF8"), true, OK, SC("gr\xc3\xbcn"), SC("a.test"), true },
		{ SC("gr\xfcn@a.test SMTPUTF8"), true, BAD_ADDRESS, SC(""), SC(""), false },
		{ SC(""), true, BAD_ARGUMENT, SC(""), SC(""), false },
		{ SC("<>"), true, BAD_ADDRESS, SC(""), SC(""), false },
		{ SC("<ann@a.test> x"), true, BAD_ADDRESS, SC(""), SC(""), false },
		{ SC("<ann@a.test"), true, BAD_ADDRESS, SC(""), SC(""), false },
		{ SC("Ann Smith"), true, BAD_ADDRESS, SC(""), SC(""), false },
		{ SC("ann@"), true, BAD_ADDRESS, SC(""), SC(""), false },
		{ SC("@a.test"), true, BAD_ADDRESS, SC(""), SC(""), false },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		struct smtp_vrfy v = { .of = { S(""), S(""), false } };

		CHECK_INT(smtp_vrfy_parse(&a, c->args, c->offered, &v), c->want);
		CHECK_STR(v.of.local, c->local);
		CHECK_STR(v.of.domain, c->domain);
		CHECK_INT(v.utf8, c->utf8);
	}
	arena_done(&a);
}

T_MAIN(T(a_sender_is_a_path_or_nobody), T(a_recipient_is_a_path_or_postmaster),
	T(only_what_ehlo_offered_is_known), T(malformed_parameters_are_refused),
	T(an_orcpt_has_at_most_500_octets), T(what_mail_says_is_understood), T(what_rcpt_says_is_understood),
	T(letters_beyond_ascii_need_smtputf8), T(vrfy_asks_for_an_address_or_a_name))
