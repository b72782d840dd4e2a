#include "wire/proxy.h"

#include "base/arena.h"
#include "base/buf.h"

#include "test/t.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void
lines_of_version_1(void **state)
{
	static const struct {
		str in;
		enum proxy_verdict verdict;
		bool has_client;
		str from; /* bytes of the address */
		unsigned from_port, to_port;
	} cases[] = {
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\nEHLO a\r\n"), PROXY_DONE, true,
			SC("\xc0\0\x02\x01"), 56324, 25 },
		{ SC("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), PROXY_DONE, true,
			SC("\xff\xff\xff\xff"), 65535, 65535 },
		{ SC("PROXY TCP6 2001:db8::1 2001:db8::2 0 1\r\n"), PROXY_DONE, true,
			SC("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"), 0, 1 },
		{ SC("PROXY UNKNOWN\r\n"), PROXY_DONE, false, SC(""), 0, 0 },
		{ SC("PROXY UNKNOWN ffff:f...f:ffff whatever\r\n"), PROXY_DONE, false, SC(""), 0, 0 },
		/* not all of it has come */
		{ SC("P"), PROXY_MORE, false, SC(""), 0, 0 },
		{ SC("PROXY"), PROXY_MORE, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r"), PROXY_MORE, false, SC(""), 0, 0 },
		/* never */
		{ SC("EHLO a\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("proxy tcp4 192.0.2.1 198.51.100.2 56324 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY  TCP4 192.0.2.1 198.51.100.2 56324 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 56324 25 \r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 56324 25 7\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 056 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2 198.51.100.2 1 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 ::1 ::1 1 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP6 192.0.2.1 198.51.100.2 1 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP6 fe80::1%lo fe80::2 1 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY UDP4 192.0.2.1 198.51.100.2 1 25\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY UNKNOWNX\r\n"), PROXY_BAD, false, SC(""), 0, 0 },
		{ SC("PROXY \r\n"), PROXY_BAD, false, SC(""), 0, 0 },
	};
	(void)state;
	EACH(cases, c) {
		struct proxy_header h = { 0 };
		size_t used = 0;

		CHECK_INT(proxy_take(c->in, &h, &used), c->verdict);
		CHECK_INT(h.has_client, c->has_client);
		CHECK_STR(str_of(h.from.ip, h.from.bytes), c->from);
		CHECK_INT(h.from.port, c->from_port);
		CHECK_INT(h.to.port, c->to_port);
		CHECK_INT(used, c->verdict == PROXY_DONE ? str_find(c->in, '\n') + 1 : 0);
		if (c->verdict == PROXY_DONE)
			for (size_t n = 0; n < used; n++)
				CHECK_INT(proxy_take(str_sub(c->in, 0, n), &h, &used), PROXY_MORE);
	}
}

static void
a_line_without_end_is_given_up(void **state)
{
	struct buf b = { 0 };
	struct proxy_header h;
	size_t used;

	(void)state;
	buf_add(&b, S("PROXY UNKNOWN "));
	while (b.n < PROXY_V1_MOST - 1)
		buf_add_char(&b, 'x');
	CHECK_INT(proxy_take(buf_str(&b), &h, &used), PROXY_MORE);
	buf_add_char(&b, 'x');
	CHECK_INT(proxy_take(buf_str(&b), &h, &used), PROXY_BAD);
	buf_done(&b);
}

#define FOUR "\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\0\x19" /* 192.0.2.1 198.51.100.2 56324 25 */

static void
headers_of_version_2(void **state)
{
	static const struct {
		str in;
		enum proxy_verdict verdict;
		bool has_client;
		unsigned bytes, port;
		size_t rest;
	} cases[] = {
		{ SC(SIGNATURE "\x21\x11\0\x0c" FOUR "EHLO"), PROXY_DONE, true, 4, 56324, 4 },
		{ SC(SIGNATURE "\x21\x21\0\x24"
			       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0"
			       "\0\0\x02\0\x07\0\x19"),
			PROXY_DONE, true, 16, 7, 0 },
		{ SC(SIGNATURE "\x20\0\0\0"), PROXY_DONE, false, 0, 0, 0 },
		{ SC(SIGNATURE "\x20\x11\0\x0c" FOUR "x"), PROXY_DONE, false, 0, 0,
			1 }, /* LOCAL: its addresses are not looked at */
		{ SC(SIGNATURE "\x21\0\0\0"), PROXY_DONE, false, 0, 0, 0 },
		{ SC(SIGNATURE "\x21\x11\0\x11" FOUR "\x04\0\x02\0\0"), PROXY_DONE, true, 4, 56324,
			0 }, /* a NOOP extra */
		/* not all of it has come */
		{ SC("\r\n\r\n"), PROXY_MORE, false, 0, 0, 0 }, { SC(SIGNATURE), PROXY_MORE, false, 0, 0, 0 },
		{ SC(SIGNATURE "\x21\x11\0\x0c\xc0"), PROXY_MORE, false, 0, 0, 0 },
		/* never */
		{ SC("\r\n\r\nX"), PROXY_BAD, false, 0, 0, 0 },
		{ SC(SIGNATURE "\x22\x11\0\x0c" FOUR), PROXY_BAD, false, 0, 0,
			0 }, /* a command nobody knows */
		{ SC(SIGNATURE "\x11\x11\0\x0c" FOUR), PROXY_BAD, false, 0, 0,
			0 }, /* version 1 in the clothes of 2 */
		{ SC(SIGNATURE "\x21\x12\0\x0c" FOUR), PROXY_BAD, false, 0, 0, 0 }, /* datagrams */
		{ SC(SIGNATURE "\x21\x41\0\x0c" FOUR), PROXY_BAD, false, 0, 0,
			0 }, /* a family nobody knows */
		{ SC(SIGNATURE "\x21\x11\0\x0b" FOUR), PROXY_BAD, false, 0, 0,
			0 }, /* too short for its addresses */
		{ SC(SIGNATURE "\x21\x11\xff\xff" FOUR), PROXY_BAD, false, 0, 0,
			0 }, /* longer than anybody needs */
		{ SC(SIGNATURE "\x21\x11\0\x0e" FOUR "\x04\0"), PROXY_BAD, false, 0, 0,
			0 }, /* half an extra */
		{ SC(SIGNATURE "\x21\x11\0\x0f" FOUR "\x04\0\x01"), PROXY_BAD, false, 0, 0, 0 },
		{ SC(SIGNATURE "\x21\x11\0\x13" FOUR "\x03\0\x04\x01\x02\x03\x04"), PROXY_BAD, false, 0, 0,
			0 }, /* a wrong checksum */
	};
	(void)state;
	EACH(cases, c) {
		struct proxy_header h = { 0 };
		size_t used = 0;

		CHECK_INT(proxy_take(c->in, &h, &used), c->verdict);
		CHECK_INT(h.has_client, c->has_client);
		CHECK_INT(h.from.bytes, c->bytes);
		CHECK_INT(h.from.port, c->port);
		if (c->verdict == PROXY_DONE) {
			CHECK_INT(c->in.n - used, c->rest);
			for (size_t n = 0; n < used; n++)
				CHECK_INT(proxy_take(str_sub(c->in, 0, n), &h, &used), PROXY_MORE);
		}
	}
}

/* As HAProxy makes it: computed apart from our code, with the polynomial checked against "123456789" (E3069283), over the header with zeros. */
static void
a_right_checksum_is_right(void **state)
{
	static const str in = SC(SIGNATURE "\x21\x11\0\x13" FOUR "\x03\0\x04"
					   "\x7f\xab\x4a\xb2");
	struct proxy_header h;
	size_t used = 0;

	(void)state;
	CHECK_INT(proxy_take(in, &h, &used), PROXY_DONE);
	CHECK_INT(used, in.n);
}

T_MAIN(T(lines_of_version_1), T(a_line_without_end_is_given_up), T(headers_of_version_2),
	T(a_right_checksum_is_right))
