#include "wire/smtp.h"

#include "test/t.h"

static void
what_a_trusted_peer_may_tell_of_a_client(void **state)
{
	static const struct {
		bool forward;
		str args;
		enum fault fault;
	} cases[] = {
		{ false, SC("NAME=spike.porcupine.org ADDR=168.100.189.2"), OK },
		{ false,
			SC("name=a.test addr=192.0.2.1 port=1 proto=smtp helo=[192.0.2.1] login=ann+40a.test "
			   "destaddr=ipv6:::1 destport=65535"),
			OK },
		{ false, SC("NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] LOGIN=[unavailable] HELO=[TEMPUNAVAIL]"),
			OK },
		{ false, SC("ADDR=IPV6:2001:db8::1"), OK },
		{ false, SC("LOGIN=a+20b+2B"), OK },
		{ true, SC("NAME=a.test ADDR=192.0.2.1 PORT=25 HELO=a PROTO=ESMTP IDENT=4ABC SOURCE=LOCAL"),
			OK },
		{ true, SC("SOURCE=remote"), OK },
		{ false, SC(""), BAD_ARGUMENT },
		{ false, SC("NAME"), BAD_ARGUMENT },
		{ false, SC("NAME="), BAD_ARGUMENT },
		{ false, SC("=x"), BAD_ARGUMENT },
		{ false, SC("FOO=bar"), BAD_ARGUMENT },
		{ false, SC("NAME=a.test NAME=b.test"), BAD_ARGUMENT },
		{ false, SC("NAME=a.test NAME=[UNAVAILABLE]"), BAD_ARGUMENT },
		{ false, SC("NAME=[192.0.2.1]"), BAD_ARGUMENT },
		{ false, SC("NAME=a..test"), BAD_ARGUMENT },
		{ false, SC("NAME=a+0D+0Ab"), BAD_ARGUMENT },
		{ false, SC("NAME=a+0"), BAD_ARGUMENT },
		{ false, SC("ADDR=192.0.2.256"), BAD_ARGUMENT },
		{ false, SC("ADDR=2001:db8::1"), BAD_ARGUMENT },
		{ false, SC("ADDR=IPV6:192.0.2.1"), BAD_ARGUMENT },
		{ false, SC("ADDR=IPV6:fe80::1+25eth0"), BAD_ARGUMENT },
		{ false, SC("ADDR=[192.0.2.1]"), BAD_ARGUMENT },
		{ false, SC("PORT=0"), BAD_ARGUMENT },
		{ false, SC("PORT=65536"), BAD_ARGUMENT },
		{ false, SC("PORT=2x"), BAD_ARGUMENT },
		{ false, SC("PROTO=LMTP"), BAD_ARGUMENT },
		{ false, SC("HELO=<script>"), BAD_ARGUMENT },
		{ false, SC("HELO=a+20b"), BAD_ARGUMENT },
		{ false, SC("LOGIN="), BAD_ARGUMENT },
		{ false, SC("LOGIN=ann+00"), BAD_ARGUMENT },
		{ false, SC("IDENT=4ABC"), BAD_ARGUMENT },
		{ false, SC("SOURCE=LOCAL"), BAD_ARGUMENT },
		{ true, SC("LOGIN=ann"), BAD_ARGUMENT },
		{ true, SC("DESTADDR=192.0.2.1"), BAD_ARGUMENT },
		{ true, SC("SOURCE=MARS"), BAD_ARGUMENT },
		{ true, SC("IDENT="), BAD_ARGUMENT },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct smtp_xclient x;

		CHECK_INT(smtp_xclient_parse(&a, c->args, c->forward, &x), c->fault);
		arena_done(&a);
	}
}

static void
it_means_what_it_says(void **state)
{
	struct arena a = { 0 };
	struct smtp_xclient x;

	(void)state;
	CHECK_INT(smtp_xclient_parse(&a,
			  S("NAME=a.test ADDR=IPV6:2001:db8::1 PORT=1025 PROTO=ESMTP LOGIN=ann+40a.test "
			    "DESTADDR=192.0.2.9 HELO=[UNAVAILABLE]"),
			  false, &x),
		OK);
	CHECK_STR(x.text[XATTR_NAME], S("a.test"));
	CHECK_STR(x.text[XATTR_LOGIN], S("ann@a.test"));
	CHECK_STR(x.text[XATTR_HELO], S(""));
	CHECK_STR(str_of(x.addr.ip, x.addr.bytes), S("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"));
	CHECK_STR(str_of(x.destaddr.ip, x.destaddr.bytes), S("\xc0\0\x02\x09"));
	CHECK_INT(x.port, 1025);
	CHECK(x.esmtp);
	CHECK_INT(x.unavailable, 1 << XATTR_HELO);
	CHECK_INT(x.given & 1 << XATTR_HELO, 1 << XATTR_HELO);
	CHECK_INT(x.given & 1 << XATTR_DESTPORT, 0);
	arena_done(&a);
}

static void
each_command_announces_its_own(void **state)
{
	struct buf b = { 0 };

	(void)state;
	smtp_xclient_list(&b, false);
	CHECK_STR(buf_str(&b), S(" NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"));
	buf_clear(&b);
	smtp_xclient_list(&b, true);
	CHECK_STR(buf_str(&b), S(" NAME ADDR PORT PROTO HELO IDENT SOURCE"));
	buf_done(&b);
}

T_MAIN(T(what_a_trusted_peer_may_tell_of_a_client), T(it_means_what_it_says),
	T(each_command_announces_its_own))
