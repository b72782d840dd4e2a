#include "wire/smtp.h"

#include "base/buf.h"

#include "test/t.h"

static void
a_whole_reply_is_taken_off_the_front(void **state)
{
	static const struct {
		str in;
		int code;
		str status, text, rest;
	} cases[] = {
		{ SC("250 OK\r\n"), 250, SC(""), SC("OK"), SC("") },
		{ SC("250 2.1.5 OK\r\n354 go\r\n"), 250, SC("2.1.5"), SC("OK"), SC("354 go\r\n") },
		{ SC("250-mx.b.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"), 250, SC(""),
			SC("mx.b.test\nSIZE 1000\nSTARTTLS"), SC("") },
		{ SC("550-5.7.1 no\r\n550 5.7.1 never\r\n"), 550, SC("5.7.1"), SC("no\nnever"), SC("") },
		{ SC("550-no\r\n550 5.7.1 never\r\n"), 550, SC("5.7.1"), SC("no\nnever"), SC("") },
		{ SC("220\r\n"), 220, SC(""), SC(""), SC("") }, /* CVE-2026-43964: a code without text */
		{ SC("220 \r\n"), 220, SC(""), SC(""), SC("") },
		{ SC("250-\r\n250\r\n"), 250, SC(""), SC("\n"), SC("") },
		{ SC("250 2.0.0\r\n"), 250, SC("2.0.0"), SC(""), SC("") },
		{ SC("250 bare\n250 next\n"), 250, SC(""), SC("bare"), SC("250 next\n") },
		{ SC("571 5.7.1 odd digit\r\n"), 571, SC("5.7.1"), SC("odd digit"), SC("") },
		{ SC("550 2.0.0 another class\r\n"), 550, SC(""), SC("2.0.0 another class"), SC("") },
		{ SC("550 5.7 short\r\n"), 550, SC(""), SC("5.7 short"), SC("") },
		{ SC("550 5.7.1234 long\r\n"), 550, SC(""), SC("5.7.1234 long"), SC("") },
		{ SC("550 5..1 dots\r\n"), 550, SC(""), SC("5..1 dots"), SC("") },
		{ SC("550 5.1.1.1 dots\r\n"), 550, SC(""), SC("5.1.1.1 dots"), SC("") },
		{ SC("550 5.1.1: colon\r\n"), 550, SC(""), SC("5.1.1: colon"), SC("") },
		{ SC("550 5.700.100 wide\r\n"), 550, SC("5.700.100"), SC("wide"), SC("") },
		{ SC("354 3.0.0 no such class\r\n"), 354, SC(""), SC("3.0.0 no such class"), SC("") },
		{ SC("550 a\rb\0c\x1b\xff\r\n"), 550, SC(""), SC("a?b?c??"), SC("") },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		struct smtp_answer got = { 0 };
		enum fault f = INTERNAL;
		str rest = c->in;

		CHECK(smtp_answer_take(&a, &rest, &got, &f));
		CHECK_INT(f, OK);
		CHECK_INT(got.code, c->code);
		CHECK_STR(got.status, c->status);
		CHECK_STR(got.text, c->text);
		CHECK_STR(rest, c->rest);
		/* Of a reply, no shorter beginning is one. */
		for (size_t n = 0; n < c->in.n - c->rest.n; n++) {
			rest = str_sub(c->in, 0, n);
			CHECK(!smtp_answer_take(&a, &rest, &got, &f));
			CHECK_INT(f, OK);
			CHECK_INT(rest.n, n);
		}
	}
	arena_done(&a);
}

static void
what_is_no_reply_is_refused(void **state)
{
	static const str cases[] = {
		SC("\r\n"),
		SC("2\r\n"),
		SC("25\r\n"),
		SC("250x\r\n"),
		SC("250\tOK\r\n"),
		SC("2500 OK\r\n"),
		SC("150 wait\r\n"),
		SC("650 OK\r\n"),
		SC("abc def\r\n"),
		SC(" 250 OK\r\n"),
		SC("-50 OK\r\n"),
		SC("25a OK\r\n"),
		SC("250-a\r\n251 b\r\n"),
		SC("250-a\r\n550 b\r\n"),
		SC("250-a\r\n\r\n"),
		SC("250-a\r\n2\r\n"),
		SC("250-a\r\nb"
		   "\r\n250 c\r\n"),
		SC("SSH-2.0-OpenSSH\r\n"),
		SC("\0\0\0\r\n"),
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		struct smtp_answer got = { .code = 1 };
		enum fault f = OK;
		str rest = *c;

		CHECK(!smtp_answer_take(&a, &rest, &got, &f));
		CHECK_INT(f, MALFORMED);
		CHECK_INT(got.code, 1);
		CHECK_INT(rest.n, c->n);
	}
	arena_done(&a);
}

static enum fault
verdict_on(str in, bool *ret_whole)
{
	struct arena a = { 0 };
	struct smtp_answer got;
	enum fault f = INTERNAL;

	*ret_whole = smtp_answer_take(&a, &in, &got, &f);
	arena_done(&a);
	return f;
}

static void
reply_bombs_are_cut_off(void **state)
{
	struct buf b = { 0 };
	bool whole;

	(void)state;
	for (int i = 0; i < 63; i++)
		buf_add(&b, S("250-x\r\n"));
	CHECK(verdict_on(buf_str(&b), &whole) == OK && !whole);
	buf_add(&b, S("250 x\r\n"));
	CHECK(verdict_on(buf_str(&b), &whole) == OK && whole);
	b.n -= 7;
	buf_add(&b, S("250-x\r\n250 x\r\n")); /* 65 */
	CHECK(verdict_on(buf_str(&b), &whole) == MALFORMED && !whole);

	buf_clear(&b);
	buf_add(&b, S("250 "));
	while (b.n < 8190)
		buf_add(&b, S("x"));
	CHECK(verdict_on(buf_str(&b), &whole) == OK && !whole);
	buf_add(&b, S("\r\n"));
	CHECK(verdict_on(buf_str(&b), &whole) == OK && whole);
	b.n -= 2;
	buf_add(&b, S("xxx"));
	CHECK(verdict_on(buf_str(&b), &whole) == MALFORMED && !whole);
	buf_done(&b);
}

T_MAIN(T(a_whole_reply_is_taken_off_the_front), T(what_is_no_reply_is_refused), T(reply_bombs_are_cut_off))
