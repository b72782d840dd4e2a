#include "wire/smtp.h"

#include "base/buf.h"
#include "wire/printable.h"

#include "test/t.h"

static void
a_reply_has_code_status_and_text(void **state)
{
	static const struct {
		enum smtp_reply r;
		str more, want;
	} cases[] = {
		{ REPLY_GREETING, SC("mx.a.test ESMTP Postrider"), SC("220 mx.a.test ESMTP Postrider\r\n") },
		{ REPLY_HELO, SC("mx.a.test"), SC("250 mx.a.test\r\n") },
		{ REPLY_SENDER_OK, SC(""), SC("250 2.1.0 Sender OK\r\n") },
		{ REPLY_RCPT_OK, SC(""), SC("250 2.1.5 Recipient OK\r\n") },
		{ REPLY_SEND_DATA, SC(""), SC("354 End data with <CR><LF>.<CR><LF>\r\n") },
		{ REPLY_STORED, SC("4F2A"), SC("250 2.0.0 Stored as 4F2A\r\n") },
		{ REPLY_QUEUED, SC("4F2A"), SC("250 2.0.0 Queued as 4F2A\r\n") },
		{ REPLY_CHALLENGE, SC("UGFzc3dvcmQ6"), SC("334 UGFzc3dvcmQ6\r\n") },
		{ REPLY_CHALLENGE, SC(""), SC("334 \r\n") },
		{ REPLY_AUTH_OK, SC(""), SC("235 2.7.0 Authentication successful\r\n") },
		{ REPLY_START_TLS, SC(""), SC("220 2.0.0 Ready to start TLS\r\n") },
		{ REPLY_BYE, SC(""), SC("221 2.0.0 Bye\r\n") },
	};
	(void)state;
	EACH(cases, c) {
		struct buf b = { 0 };

		smtp_reply_add(&b, c->r, c->more);
		CHECK_STR(buf_str(&b), c->want);
		buf_done(&b);
	}
}

/* RFC 2034 4: the class of the status is the code's first digit; 3yz and 1yz have none. */
static void
every_status_is_of_its_codes_class(void **state)
{
	(void)state;
	for (int r = 0; r < SMTP_REPLIES; r++) {
		struct buf b = { 0 };
		str line;

		smtp_reply_add(&b, (enum smtp_reply)r, S(""));
		line = buf_str(&b);
		CHECK(line.n > 4 && line.p[3] == ' ' && str_ends(line, S("\r\n")));
		CHECK(!(line.n > 6 && line.p[5] == '.') || (line.p[4] == line.p[0] && line.p[0] != '3'));
		buf_done(&b);
	}
	for (int f = OK; f < FAULTS; f++) {
		const struct fault_words *w = fault_words((enum fault)f);

		CHECK(w->smtp / 100 == w->status[0] - '0');
	}
}

static void
a_fault_is_told_in_its_own_words(void **state)
{
	struct buf b = { 0 };

	(void)state;
	smtp_fault_add(&b, NO_SUCH_MAILBOX, S(""));
	smtp_fault_add(&b, OVER_QUOTA, S("ann@a.test"));
	CHECK_STR(buf_str(&b), S("550 5.1.1 No such mailbox\r\n452 4.2.2 Mailbox full: ann@a.test\r\n"));
	buf_done(&b);
}

static void
a_reply_of_many_lines_says_so_on_each(void **state)
{
	struct buf b = { 0 };

	(void)state;
	smtp_lines_add(&b, 250, S(""), S("mx.a.test\nPIPELINING\nSIZE 1000"));
	smtp_lines_add(&b, 214, S("2.0.0"), S("one\n\nthree"));
	smtp_lines_add(&b, 550, S("5.7.1"), S(""));
	CHECK_STR(buf_str(&b), S("250-mx.a.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"
				 "214-2.0.0 one\r\n214-2.0.0\r\n214 2.0.0 three\r\n550 5.7.1\r\n"));
	buf_done(&b);
}

static void
what_a_peer_said_cannot_forge_a_line(void **state)
{
	static const struct {
		str more, want;
	} cases[] = {
		{ SC("a\r\n250 2.0.0 OK"), SC("a?\?250 2.0.0 OK") },
		{ SC("a\nb\rc"), SC("a?b?c") },
		{ SC("\0\x1b[2J\x7f\t"), SC("?\?[2J?\?") },
		{ SC("gr\xc3\xbc\xc3\x9f"
		     "e \xf0\x9f\x93\xac"),
			SC("gr\xc3\xbc\xc3\x9f"
			   "e \xf0\x9f\x93\xac") },
		{ SC("\xff\xc3(\xe2\x82"), SC("?\?(?\?") },
		{ SC("\xc2\x9b"
		     "2J\xc2\xa0"),
			SC("?2J\xc2\xa0") }, /* CSI, as a C1 control */
		{ SC("\xed\xa0\x80"), SC("???") },
	};
	(void)state;
	EACH(cases, c) {
		struct buf b = { 0 }, want = { 0 };

		smtp_fault_add(&b, NO_SUCH_MAILBOX, c->more);
		buf_printf(&want, "550 5.1.1 No such mailbox: %.*s\r\n", STR_ARG(c->want));
		CHECK_STR(buf_str(&b), buf_str(&want));
		buf_done(&b);
		buf_done(&want);
	}
}

static void
long_lines_are_cut_between_characters(void **state)
{
	struct buf more = { 0 }, b = { 0 };

	(void)state;
	for (int i = 0; i < 4000; i++)
		buf_add(&more, S("\xc3\xbc"));
	smtp_fault_add(&b, NO_SUCH_MAILBOX, buf_str(&more));
	CHECK(b.n <= 512 && b.n > 508);
	CHECK(str_is_utf8(buf_str(&b)) && str_ends(buf_str(&b), S("\xc3\xbc\r\n")));
	buf_clear(&b);
	smtp_reply_add(&b, REPLY_CHALLENGE,
		str_sub(buf_str(&more), 0, 6000)); /* challenges may be longer: RFC 4954 4 */
	CHECK_INT(b.n, 6006);
	buf_clear(&b);
	smtp_lines_add(&b, 250, S("2.0.0"), buf_str(&more));
	CHECK(b.n <= 512);
	buf_done(&b);
	buf_done(&more);
}

static void
a_refusal_says_what_to_do_and_whose_session_it_was(void **state)
{
	static const struct {
		enum fault fault;
		str more, id, footer, want;
	} cases[] = {
		{ NO_SUCH_MAILBOX, SC(""), SC("1a2b"), SC(""),
			SC("550 5.1.1 No such mailbox; check the address for typing errors (id 1a2b)\r\n") },
		{ NO_SUCH_MAILBOX, SC("<x@a.test>"), SC("1a2b"), SC(""),
			SC("550 5.1.1 No such mailbox: <x@a.test>; check the address for typing errors (id "
			   "1a2b)\r\n") },
		{ SYNTAX, SC(""), SC(""), SC(""), SC("500 5.5.2 Syntax error\r\n") },
		{ SYNTAX, SC(""), SC("1"), SC("See https://a.test\nor call"),
			SC("500-5.5.2 Syntax error (id 1)\r\n500-5.5.2 See https://a.test\r\n500 5.5.2 or "
			   "call\r\n") },
		{ SYNTAX, SC("a\r\n250 b"), SC("1"), SC(""),
			SC("500 5.5.2 Syntax error: a??250 b (id 1)\r\n") },
	};
	struct buf b = { 0 }, more = { 0 };

	(void)state;
	EACH(cases, c) {
		buf_clear(&b);
		smtp_fault_tell(&b, c->fault, c->more, c->id, c->footer);
		CHECK_STR(buf_str(&b), c->want);
	}
	for (int i = 0; i < 2000; i++)
		buf_add_char(&more, 'x');
	for (unsigned f = 1; f < FAULTS; f++) {
		buf_clear(&b);
		smtp_fault_tell(&b, (enum fault)f, buf_str(&more), S("0123456789abcdef"), S(""));
		CHECK(b.n <= 512);
		CHECK(str_ends(buf_str(&b), S(" (id 0123456789abcdef)\r\n"))); /* however long the rest */
	}
	buf_done(&b);
	buf_done(&more);
}

T_MAIN(T(a_refusal_says_what_to_do_and_whose_session_it_was), T(a_reply_has_code_status_and_text),
	T(every_status_is_of_its_codes_class), T(a_fault_is_told_in_its_own_words),
	T(a_reply_of_many_lines_says_so_on_each), T(what_a_peer_said_cannot_forge_a_line),
	T(long_lines_are_cut_between_characters))
