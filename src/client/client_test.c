/* Our client and a server that says what is written for it. */
#include "client/inside.h"

#include "base/mem.h"
#include "test/t.h"

enum { MOST_RCPTS = 4 };

/* ---- the server's side: a script of lines, "S: ..." said, "C: ..." expected, "W" waits for ever, "X" closes, "+ ..." said in the same breath as the
 * line before it, without CRLF ---- */

struct side {
	struct loop *loop;
	struct stream stream;
	const char *script;
	struct buf trouble; /* what did not come as expected */
	bool over;
};

static void
expect_line(struct side *s, str want)
{
	str line;
	bool bare;

	(void)stream_flush(&s->stream);
	if (stream_take_line(&s->stream, 100000, &line, &bare) != OK)
		buf_printf(&s->trouble, "no line where %.*s was expected\n", STR_ARG(want));
	else if (!str_eq(line, want) || bare)
		buf_printf(&s->trouble, "got %.*s%s, expected %.*s\n", STR_ARG(line), bare ? " (bare)" : "",
			STR_ARG(want));
}

static void
serve(void *arg)
{
	struct side *s = arg;

	for (str script = str_c(s->script), line; str_take_until(&script, '\n', &line);) {
		if (str_take(&line, S("S: "))) {
			(void)stream_write(&s->stream, line);
			(void)stream_write(&s->stream, S("\r\n"));
		} else if (str_take(&line, S("+ "))) {
			(void)stream_write(&s->stream, line);
		} else if (str_take(&line, S("C: ")) || str_eq(line, S("C:"))) {
			expect_line(s, str_eq(line, S("C:")) ? S("") : line);
		} else if (str_eq(line, S("W"))) {
			(void)stream_flush(&s->stream);
			while (stream_fill(&s->stream, 1 << 20) == OK)
				stream_discard_input(&s->stream);
		}
		if (s->trouble.n)
			break;
	}
	stream_close(&s->stream); /* sends what is left */
	s->over = true;
}

/* ---- the client's side ---- */

struct talk {
	struct loop *loop;
	struct client *client;
	int fd;
	struct client_settings set;
	const struct client_login *login;
	struct client_message message;
	struct client_rcpt rcpts[MOST_RCPTS];
	struct arena arena;
	enum client_end end;
	str text;
	size_t piece; /* octets of the message at a time */
	struct buf trace;
	bool quits;
};

static enum fault
next_piece(void *ctx, str *ret)
{
	struct talk *t = ctx;

	*ret = str_sub(t->text, 0, t->piece ? t->piece : SIZE_MAX);
	t->text = str_from(t->text, ret->n);
	return OK;
}

static void
note(void *ctx, char who, str line)
{
	struct talk *t = ctx;

	buf_printf(&t->trace, "%c %.*s\n", who, STR_ARG(line));
}

static void
converse(void *arg)
{
	struct talk *t = arg;

	t->end = client_begin(t->client, t->fd);
	if (t->end == CLIENT_OK && t->login)
		t->end = client_login(t->client, t->login);
	if (t->end == CLIENT_OK && t->message.rcpt_count)
		t->end = client_send(t->client, &t->arena, &t->message);
	if (t->quits)
		client_quit(t->client);
	else
		stream_close(&t->client->stream);
}

static void
run(struct talk *t, const char *script)
{
	struct side s = { .script = script };
	int fds[2];

	t->loop = s.loop = loop_new_sim(1000000);
	CHECK(sock_pair(fds) == OK);
	CHECK(stream_init(&s.stream, s.loop, fds[1]) == OK);
	t->fd = fds[0];
	t->set.trace = note;
	t->set.trace_ctx = t;
	if (!t->set.helo.p)
		t->set.helo = S("me.test");
	t->client = client_new(t->loop, &t->set);
	t->message.next = next_piece;
	t->message.ctx = t;
	t->message.rcpts = t->rcpts;
	(void)fiber_start(s.loop, serve, &s);
	(void)fiber_start(t->loop, converse, t);
	while (fiber_count(t->loop) && loop_run_once(t->loop))
		;
	CHECK_STR(buf_str(&s.trouble), S(""));
	CHECK(s.over);
	stream_close(&s.stream);
	buf_done(&s.trouble);
}

static void
done(struct talk *t)
{
	client_free(t->client);
	loop_free(t->loop);
	arena_done(&t->arena);
	buf_done(&t->trace);
}

/* A message of that text to ben and cid, from ann. */
static void
a_message(struct talk *t, const char *text, size_t rcpts)
{
	static const char *const names[MOST_RCPTS] = { "ben@a.test", "cid@a.test", "dan@a.test",
		"eve@a.test" };

	t->text = str_c(text);
	t->message.size = t->text.n;
	t->message.from = S("ann@a.test");
	t->message.rcpt_count = rcpts;
	for (size_t i = 0; i < rcpts; i++)
		t->rcpts[i] = (struct client_rcpt){ .to = str_c(names[i]) };
}

static bool
says(const struct talk *t, const char *words)
{
	str text = client_why(t->client)->text;

	if (str_find_str(text, str_c(words)) < text.n)
		return true;
	t_print_str("why", text);
	return false;
}

/* ---- beginnings ---- */

static void
beginnings_end_as_they_should(void **state)
{
	static const struct {
		const char *script;
		bool lmtp;
		enum client_tls tls;
		enum client_end end;
		enum client_phase phase;
		int code;
		const char *why;
	} cases[] = {
		{ "S: 220 hi\nC: EHLO me.test\nS: 250 hi\n", false, 0, CLIENT_OK, 0, 0, "" },
		{ "S: 220-hi\nS: 220 there\nC: EHLO me.test\nS: 250-hi\nS: 250 PIPELINING\n", false, 0,
			CLIENT_OK, 0, 0, "" },
		{ "S: 220 hi\nC: LHLO me.test\nS: 250 hi\n", true, 0, CLIENT_OK, 0, 0, "" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 502 what?\nC: HELO me.test\nS: 250 hi\n", false, 0,
			CLIENT_OK, 0, 0, "" },
		{ "S: 220 hi\nC: LHLO me.test\nS: 500 what?\n", true, 0, CLIENT_REFUSED, CLIENT_HELLO, 500,
			"500" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 450 later\n", false, 0, CLIENT_REFUSED, CLIENT_HELLO, 450,
			"450" },
		{ "S: 554 5.7.1 go away\n", false, 0, CLIENT_REFUSED, CLIENT_GREETING, 554, "go away" },
		{ "S: 421 4.3.2 not now\n", false, 0, CLIENT_REFUSED, CLIENT_GREETING, 421, "not now" },
		{ "X\n", false, 0, CLIENT_LOST, CLIENT_GREETING, 0, "closed" },
		{ "+ 220 hi\n", false, 0, CLIENT_LOST, CLIENT_GREETING, 0, "in the middle of a reply" },
		{ "W\n", false, 0, CLIENT_LOST, CLIENT_GREETING, 0, "took too long" },
		{ "S: HTTP/1.1 400 Bad Request\n", false, 0, CLIENT_GARBLED, CLIENT_GREETING, 0,
			"HTTP/1.1 400" },
		{ "S: 220-hi\nS: 250 there\n", false, 0, CLIENT_GARBLED, CLIENT_GREETING, 0, "no SMTP" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 250 hi\n", false, CLIENT_TLS_MAY, CLIENT_OK, 0, 0, "" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 250 hi\n", false, CLIENT_TLS_STARTTLS, CLIENT_INSECURE,
			CLIENT_TLS, 0, "does not offer STARTTLS" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 500 hi\nC: HELO me.test\nS: 250 hi\n", false,
			CLIENT_TLS_STARTTLS, CLIENT_INSECURE, CLIENT_TLS, 0, "does not offer STARTTLS" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 no\n", false,
			CLIENT_TLS_STARTTLS, CLIENT_INSECURE, CLIENT_TLS, 454, "refuses it" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 no\n", false,
			CLIENT_TLS_MAY, CLIENT_OK, 0, 0, "" },
		/* what comes behind the 220 was said in clear: CVE-2011-0411 */
		{ "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nS: "
		  "250-evil\nS: 250 AUTH PLAIN\n",
			false, CLIENT_TLS_STARTTLS, CLIENT_GARBLED, CLIENT_TLS, 0, "slip" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n+ 2\n",
			false, CLIENT_TLS_MAY, CLIENT_GARBLED, CLIENT_TLS, 0, "slip" },
	};
	(void)state;
	EACH(cases, c) {
		struct talk t = { .set = { .lmtp = c->lmtp, .tls = c->tls } };

		run(&t, c->script);
		CHECK_INT(t.end, c->end);
		if (c->end != CLIENT_OK) {
			CHECK_INT(client_why(t.client)->phase, c->phase);
			CHECK_INT(client_why(t.client)->answer.code, c->code);
			CHECK(says(&t, c->why));
		}
		done(&t);
	}
}

static void
a_reply_without_end_is_cut_off(void **state)
{
	struct buf script = { 0 };
	struct talk t = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_add(&script, S("S: 220-still more\n"));
	buf_add_char(&script, '\0');
	run(&t, script.p);
	CHECK_INT(t.end, CLIENT_GARBLED);
	done(&t);
	buf_clear(&script);
	buf_add(&script, S("+ 220 "));
	for (int i = 0; i < 20000; i++)
		buf_add_char(&script, 'x');
	buf_add(&script, S("\nW\n"));
	buf_add_char(&script, '\0');
	t = (struct talk){ 0 };
	run(&t, script.p);
	CHECK_INT(t.end, CLIENT_GARBLED);
	done(&t);
	buf_done(&script);
}

static void
what_ehlo_promises_is_read(void **state)
{
	static const struct {
		const char *text;
		unsigned has;
		uint64_t size;
		const char *mechanisms;
	} cases[] = {
		{ "mx.a.test", 0, 0, "" },
		{ "mx.a.test\nPIPELINING\nsize 1000\n8BITMIME",
			CLIENT_HAS_PIPELINING | CLIENT_HAS_SIZE | CLIENT_HAS_8BITMIME, 1000, "" },
		{ "PIPELINING\nSIZE", CLIENT_HAS_SIZE, 0, "" }, /* the first line is its name */
		{ "x\nSIZE 99999999999999999999999", CLIENT_HAS_SIZE, 0, "" },
		{ "x\nAUTH PLAIN LOGIN", CLIENT_HAS_AUTH, 0, "PLAIN LOGIN" },
		{ "x\nAUTH=PLAIN\nAUTH SCRAM-SHA-256", CLIENT_HAS_AUTH, 0, "PLAIN SCRAM-SHA-256" },
		{ "x\nAUTH", CLIENT_HAS_AUTH, 0, "" },
		{ "x\n\n \nCHUNKING \nDSN x y\nSMTPUTF8\nSTARTTLS\nENHANCEDSTATUSCODES\nX-UNKNOWN",
			CLIENT_HAS_CHUNKING | CLIENT_HAS_DSN | CLIENT_HAS_SMTPUTF8 | CLIENT_HAS_STARTTLS |
				CLIENT_HAS_STATUS,
			0, "" },
		{ "", 0, 0, "" },
	};
	static const struct {
		const char *text;
		uint64_t most;
	} limits[] = {
		{ "x\nLIMITS MAILMAX=9 RCPTMAX=1000", 1000 },
		{ "x\nlimits rcptmax=7 X", 7 },
		{ "x\nLIMITS RCPTMAX=", 0 },
		{ "x\nLIMITS RCPTMAX=99999999999999999999", 0 },
		{ "x\nLIMITS", 0 },
	};
	(void)state;
	EACH(limits, c) {
		struct arena a = { 0 };
		struct client_caps caps;

		client_caps_read(&a, str_c(c->text), &caps);
		CHECK_INT(caps.rcpt_max, c->most);
		arena_done(&a);
	}
	EACH(cases, c) {
		struct arena a = { 0 };
		struct client_caps caps;

		client_caps_read(&a, str_c(c->text), &caps);
		CHECK_INT(caps.has, c->has);
		CHECK_INT(caps.size, c->size);
		CHECK_C(caps.mechanisms, c->mechanisms);
		arena_done(&a);
	}
}

/* ---- logging in ---- */

#define HELLO(caps) "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250 " caps "\n"

static void
logins_end_as_they_should(void **state)
{
	static const struct {
		const char *script, *user, *password, *mechanism;
		bool private_line;
		enum client_end end;
		const char *why;
	} cases[] = {
		{ HELLO("AUTH LOGIN PLAIN") "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 235 in\n", "ann", "secret",
			"", true, CLIENT_OK, "" },
		{ HELLO("AUTH LOGIN PLAIN") "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 535 5.7.8 no\n", "ann",
			"secret", "", true, CLIENT_NO_AUTH, "5.7.8" },
		{ HELLO("AUTH LOGIN PLAIN") "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 454 4.7.0 later\n", "ann",
			"secret", "", true, CLIENT_REFUSED, "later" },
		{ HELLO("AUTH LOGIN PLAIN") "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 421 4.7.0 bye\n", "ann",
			"secret", "", true, CLIENT_REFUSED, "bye" },
		{ HELLO("AUTH PLAIN LOGIN") "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 "
					    "UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 235 in\n",
			"ann", "secret", "login", true, CLIENT_OK, "" },
		{ HELLO("AUTH LOGIN") "C: AUTH LOGIN\nS: 334 ?\nC: *\nS: 501 ok\n", "ann", "secret", "", true,
			CLIENT_NO_AUTH, "mechanism" },
		/* nobody hears a password in clear, whatever the server wishes */
		{ HELLO("AUTH LOGIN PLAIN"), "ann", "secret", "", false, CLIENT_NO_AUTH, "without TLS" },
		{ HELLO("AUTH LOGIN PLAIN"), "ann", "secret", "PLAIN", false, CLIENT_NO_AUTH, "wants TLS" },
		{ HELLO("AUTH XOAUTH2"), "ann", "token", "XOAUTH2", false, CLIENT_NO_AUTH, "wants TLS" },
		{ HELLO("SIZE"), "ann", "secret", "", true, CLIENT_NO_AUTH, "does not offer to log in" },
		{ HELLO("AUTH GSSAPI"), "ann", "secret", "", true, CLIENT_NO_AUTH, "GSSAPI" },
		{ HELLO("AUTH LOGIN"), "ann", "secret", "PLAIN", true, CLIENT_NO_AUTH,
			"does not offer PLAIN" },
		{ HELLO("AUTH LOGIN"), "ann", "secret", "NTLM", true, CLIENT_NO_AUTH, "no mechanism NTLM" },
		{ HELLO("AUTH SCRAM-SHA-256-PLUS"), "ann", "secret", "SCRAM-SHA-256-PLUS", true,
			CLIENT_NO_AUTH, "binds to a TLS" },
		/* a server that does not prove what it knows */
		{ HELLO("AUTH XOAUTH2") "C: AUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgdDBrAQE=\nS: 235 in\n",
			"ann", "t0k", "XOAUTH2", true, CLIENT_OK, "" },
		{ HELLO("AUTH XOAUTH2") "C: AUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgdDBrAQE=\nS: 334 "
					"e30=\nC:\nS: 535 no\n",
			"ann", "t0k", "XOAUTH2", true, CLIENT_NO_AUTH, "535" },
		{ HELLO("AUTH OAUTHBEARER") "C: AUTH OAUTHBEARER bixhPWFubiwBYXV0aD1CZWFyZXIgdDBrAQE=\nS: "
					    "334 e30=\nC: AQ==\nS: 535 no\n",
			"ann", "t0k", "OAUTHBEARER", true, CLIENT_NO_AUTH, "535" },
		{ HELLO("AUTH EXTERNAL") "C: AUTH EXTERNAL =\nS: 235 in\n", "", "", "", true, CLIENT_OK, "" },
		{ HELLO("AUTH EXTERNAL") "C: AUTH EXTERNAL YW5u\nS: 235 in\n", "ann", "", "EXTERNAL", true,
			CLIENT_OK, "" },
	};
	(void)state;
	EACH(cases, c) {
		struct client_login who = { str_c(c->user), str_c(c->password), str_c(c->mechanism) };
		struct talk t = { .set = { .private_line = c->private_line }, .login = &who };
		str trace;

		run(&t, c->script);
		CHECK_INT(t.end, c->end);
		CHECK(c->end == CLIENT_OK || says(&t, c->why));
		trace = buf_str(&t.trace);
		CHECK(str_find_str(trace, S("AGFubgBzZWNyZXQ=")) == trace.n &&
			str_find_str(trace, S("c2VjcmV0")) == trace.n);
		done(&t);
	}
}

static void
a_server_that_says_yes_without_proof_is_not_believed(void **state)
{
	struct client_login who = { S("ann"), S("secret"), S("SCRAM-SHA-256") };
	struct talk t = { .login = &who };
	str replies = S("220 hi\r\n250-hi\r\n250 AUTH SCRAM-SHA-256\r\n235 welcome\r\n");
	int fds[2];

	/* The nonce is random, so the script is by hand: whatever comes, 235. */
	(void)state;
	t.loop = loop_new_sim(1000000);
	CHECK(sock_pair(fds) == OK);
	t.fd = fds[0];
	t.set.helo = S("me.test");
	t.client = client_new(t.loop, &t.set);
	(void)fiber_start(t.loop, converse, &t);
	CHECK(write(fds[1], replies.p, replies.n) == (ssize_t)replies.n);
	while (fiber_count(t.loop) && loop_run_once(t.loop))
		;
	CHECK_INT(t.end, CLIENT_NO_AUTH);
	CHECK(says(&t, "has not proved"));
	close(fds[1]);
	done(&t);
}

/* ---- messages ---- */

enum {
	U = CLIENT_UNTRIED,
	A = CLIENT_ACCEPTED,
	D = CLIENT_DEFERRED,
	R = CLIENT_REJECTED,
	I = CLIENT_IN_DOUBT
};

#define MAIL "C: MAIL FROM:<ann@a.test>\n"
#define BEN  "C: RCPT TO:<ben@a.test>\n"
#define CID  "C: RCPT TO:<cid@a.test>\n"

static void
messages_end_as_they_should(void **state)
{
	static const struct {
		const char *script;
		bool lmtp;
		size_t rcpts;
		enum client_end end;
		int ben, cid;
		const char *why;
	} cases[] = {
		{ HELLO("X") MAIL "S: 250 ok\n" BEN
				  "S: 250 ok\nC: DATA\nS: 354 go\nC: ..x\nC: y\nC: .\nS: 250 2.0.0 stored\n",
			false, 1, CLIENT_OK, A, U, "" },
		{ HELLO("PIPELINING") MAIL BEN CID "C: DATA\nS: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 354 "
						   "go\nC: ..x\nC: y\nC: .\nS: 250 ok\n",
			false, 2, CLIENT_OK, A, R, "" },
		{ HELLO("PIPELINING") MAIL BEN CID
			"C: DATA\nS: 250 ok\nS: 450 later\nS: 550 5.1.1 no\nS: 503 none\n",
			false, 2, CLIENT_OK, D, R, "" },
		/* nobody, and yet 354: an empty message, that is not believed */
		{ HELLO("PIPELINING") MAIL BEN CID
			"C: DATA\nS: 250 ok\nS: 450 later\nS: 550 no\nS: 354 go\nC: .\nS: 250 fine\n",
			false, 2, CLIENT_OK, D, R, "" },
		{ HELLO("PIPELINING") MAIL BEN CID
			"C: DATA\nS: 553 5.1.7 you?\nS: 503 no\nS: 503 no\nS: 503 no\n",
			false, 2, CLIENT_OK, R, R, "" },
		{ HELLO("X") MAIL "S: 451 later\n", false, 2, CLIENT_OK, D, D, "" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 550 no\n" CID "S: 452 full\n", false, 2, CLIENT_OK, R,
			D, "" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 250 ok\nC: DATA\nS: 554 no\n", false, 1, CLIENT_OK, R,
			U, "" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN
				  "S: 250 ok\nC: DATA\nS: 354 go\nC: ..x\nC: y\nC: .\nS: 554 spam\n",
			false, 1, CLIENT_OK, R, U, "" },
		/* the end comes too soon */
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 421 4.3.2 bye\n", false, 2, CLIENT_REFUSED, D, U,
			"bye" },
		{ HELLO("PIPELINING") MAIL BEN CID "C: DATA\nS: 250 ok\nS: 250 ok\nS: 421 4.3.2 bye\n", false,
			2, CLIENT_REFUSED, U, D, "bye" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 250 ok\n" CID "X\n", false, 2, CLIENT_LOST, U, U,
			"closed" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 250 ok\nC: DATA\nS: 354 go\nC: ..x\nC: y\nC: .\nX\n",
			false, 1, CLIENT_LOST, I, U, "closed" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 250 ok\nC: DATA\nS: 354 go\nC: ..x\nC: y\nC: .\nW\n",
			false, 1, CLIENT_LOST, I, U, "too long" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 250 ok\nC: DATA\nS: 354 go\nS: 421 4.3.2 enough\n",
			false, 1, CLIENT_REFUSED, D, U, "enough" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 250 ok\nC: DATA\nS: 354 go\nS: 250 done already\n",
			false, 1, CLIENT_GARBLED, U, U, "before it had" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN "S: 250 ok\nC: DATA\nS: 250 fine\n", false, 1,
			CLIENT_GARBLED, U, U, "strange" },
		{ HELLO("X") MAIL "S: 250 ok\n" BEN
				  "S: 250 ok\nC: DATA\nS: 354 go\nC: ..x\nC: y\nC: .\nS: 354 go on\n",
			false, 1, CLIENT_GARBLED, I, U, "strange" },
		/* BDAT: no dots, one chunk */
		{ HELLO("CHUNKING") MAIL "S: 250 ok\n" BEN
					 "S: 250 ok\nC: BDAT 7 LAST\nC: .x\nC: y\nS: 250 ok\n",
			false, 1, CLIENT_OK, A, U, "" },
		{ "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250-PIPELINING\nS: 250 CHUNKING\n" MAIL BEN CID
		  "S: 250 ok\nS: 550 no\nS: 550 no\n",
			false, 2, CLIENT_OK, R, R, "" },
		/* LMTP: a reply each */
		{ "S: 220 hi\nC: LHLO me.test\nS: 250-hi\nS: 250 PIPELINING\n" MAIL BEN CID
		  "C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: ..x\nC: y\nC: .\nS: 250 ok\nS: "
		  "452 full\n",
			true, 2, CLIENT_OK, A, D, "" },
		{ "S: 220 hi\nC: LHLO me.test\nS: 250-hi\nS: 250 PIPELINING\n" MAIL BEN CID
		  "C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: ..x\nC: y\nC: .\nS: 250 ok\nX\n",
			true, 2, CLIENT_LOST, A, I, "closed" },
	};
	(void)state;
	EACH(cases, c) {
		for (size_t piece = 0; piece < 3; piece++) {
			struct talk t = { .set = { .lmtp = c->lmtp }, .piece = piece };

			a_message(&t, ".x\r\ny\r\n", c->rcpts);
			run(&t, c->script);
			CHECK_INT(t.end, c->end);
			CHECK_INT(t.rcpts[0].verdict, c->ben);
			if (c->rcpts > 1)
				CHECK_INT(t.rcpts[1].verdict, c->cid);
			CHECK(c->end == CLIENT_OK || says(&t, c->why));
			done(&t);
		}
	}
}

static void
parameters_go_where_they_are_offered(void **state)
{
	struct talk t = { 0 };

	(void)state;
	a_message(&t, "x\r\n", 2);
	t.message.eight_bit = t.message.utf8 = true;
	t.message.ret = SMTP_RET_HDRS;
	t.message.envid = S("a+b");
	t.rcpts[0].notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY;
	t.rcpts[0].orcpt = S("rfc822;ben+x@a.test");
	t.rcpts[1].notify = SMTP_NOTIFY_NEVER;
	run(&t, "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250-SIZE 1000\nS: 250-8BITMIME\nS: "
		"250-SMTPUTF8\nS: 250 DSN\n"
		"C: MAIL FROM:<ann@a.test> SIZE=3 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb\nS: 250 ok\n"
		"C: RCPT TO:<ben@a.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ben+2Bx@a.test\nS: 250 ok\n"
		"C: RCPT TO:<cid@a.test> NOTIFY=NEVER\nS: 250 ok\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 "
		"ok\n");
	CHECK_INT(t.end, CLIENT_OK);
	done(&t);
	t = (struct talk){ 0 };
	a_message(&t, "x\r\n", 1);
	t.message.from = S("");
	t.message.ret = SMTP_RET_HDRS;
	t.rcpts[0].notify = SMTP_NOTIFY_NEVER;
	run(&t, HELLO("X") "C: MAIL FROM:<>\nS: 250 ok\n" BEN
			   "S: 250 ok\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\n");
	CHECK_INT(t.end, CLIENT_OK);
	done(&t);
}

static void
what_does_not_fit_is_not_begun(void **state)
{
	static const struct {
		const char *from, *to, *caps;
		bool eight_bit, utf8;
		uint64_t size;
		enum client_end end;
		const char *why;
	} cases[] = {
		{ "ann@a.test", "ben@a.test", "X", true, false, 3, CLIENT_UNFIT, "8BITMIME" },
		{ "ann@a.test", "ben@a.test", "8BITMIME", false, true, 3, CLIENT_UNFIT, "SMTPUTF8" },
		{ "ann@a.test", "b\xc3\xa4n@a.test", "8BITMIME", false, false, 3, CLIENT_UNFIT, "SMTPUTF8" },
		{ "\xc3\xa4nn@a.test", "ben@a.test", "8BITMIME", false, false, 3, CLIENT_UNFIT, "SMTPUTF8" },
		{ "ann@a.test", "ben@a.test", "SIZE 2", false, false, 3, CLIENT_UNFIT, "2 at most" },
		/* nothing ends a line of ours */
		{ "ann@a.test>\r\nRCPT TO:<x@y.test", "ben@a.test", "X", false, false, 3, CLIENT_BROKEN,
			"no address" },
		{ "ann@a.test", "ben@a.test>\r\nDATA", "X", false, false, 3, CLIENT_BROKEN, "no address" },
		{ "ann@a.test", "ben@a.test> NOTIFY=NEVER", "X", false, false, 3, CLIENT_BROKEN,
			"no address" },
		{ "ann@a.test", "", "X", false, false, 3, CLIENT_BROKEN, "no address" },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct talk t = { .quits = c->end == CLIENT_UNFIT };
		const char *script = arena_printf(&a, "S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250 %s\n%s",
			c->caps, c->end == CLIENT_UNFIT ? "C: QUIT\nS: 221 bye\n" : "")
					     .p;

		a_message(&t, "x\r\n", 1);
		t.message.from = str_c(c->from);
		t.rcpts[0].to = str_c(c->to);
		t.message.eight_bit = c->eight_bit;
		t.message.utf8 = c->utf8;
		t.message.size = c->size;
		run(&t, script);
		CHECK_INT(t.end, c->end);
		CHECK(says(&t, c->why));
		CHECK_INT(t.rcpts[0].verdict, CLIENT_UNTRIED);
		done(&t);
		arena_done(&a);
	}
}

/* A message that is not what was said of it never gets its end: the server must not keep half of it. */
static void
a_broken_message_is_cut_off_before_its_end(void **state)
{
	static const struct {
		const char *caps, *text;
		uint64_t size;
		const char *command, *why;
	} cases[] = {
		{ "X", "x\r\n", 4, "C: DATA\nS: 354 go\n", "shorter" },
		{ "X", "x\r\n", 2, "C: DATA\nS: 354 go\n", "longer" },
		{ "X", "a\nb\r\n", 5, "C: DATA\nS: 354 go\n", "CRLF" },
		{ "X", "a\rb\r\n", 5, "C: DATA\nS: 354 go\n", "CRLF" },
		{ "X", "a\r\n\r", 4, "C: DATA\nS: 354 go\n", "shorter" },
		{ "CHUNKING", "x\r\n", 4, "", "shorter" },
		{ "CHUNKING", "x\r\n", 2, "", "longer" },
		{ "CHUNKING", "x\ny", 3, "", "CRLF" },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct talk t = { 0 };
		const char *script = arena_printf(&a,
			"S: 220 hi\nC: EHLO me.test\nS: 250-hi\nS: 250 %s\n" MAIL "S: 250 ok\n" BEN
			"S: 250 ok\n%sW\n",
			c->caps, c->command)
					     .p;

		a_message(&t, c->text, 1);
		t.message.size = c->size;
		run(&t, script);
		CHECK_INT(t.end, CLIENT_BROKEN);
		CHECK(says(&t, c->why));
		CHECK_INT(t.rcpts[0].verdict, CLIENT_UNTRIED);
		done(&t);
		arena_done(&a);
	}
}

/* ---- two messages, and who probes ---- */

struct twice {
	struct talk t;
	struct client_rcpt second;
	struct smtp_answer answer;
};

static void
send_twice(void *arg)
{
	struct twice *w = arg;
	struct client *c = w->t.client;

	CHECK_INT(client_begin(c, w->t.fd), CLIENT_OK);
	CHECK_INT(client_send(c, &w->t.arena, &w->t.message), CLIENT_OK);
	CHECK_INT(w->t.rcpts[0].verdict, CLIENT_REJECTED);
	CHECK_INT(client_ask(c, &w->t.arena, S("VRFY ann"), &w->answer), CLIENT_OK);
	CHECK_INT(w->answer.code, 252);
	w->t.message.rcpts = &w->second;
	w->second.to = S("cid@a.test");
	CHECK_INT(client_send(c, &w->t.arena, &w->t.message), CLIENT_OK);
	CHECK_INT(w->second.verdict, CLIENT_ACCEPTED);
	CHECK_INT(client_ask(c, &w->t.arena, S("NOOP\r\nQUIT"), &w->answer), CLIENT_BROKEN);
	stream_close(&c->stream);
}

static void
a_conversation_goes_on_after_a_refusal(void **state)
{
	struct twice w = { 0 };
	struct side s = { .script = HELLO("X") MAIL
			  "S: 250 ok\n" BEN
			  "S: 550 no\nC: VRFY ann\nS: 252 perhaps\nC: RSET\nS: 250 ok\n" MAIL
			  "S: 250 ok\n" CID "S: 250 ok\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\n" };
	int fds[2];

	(void)state;
	a_message(&w.t, "x\r\n", 1);
	w.t.loop = s.loop = loop_new_sim(1000000);
	CHECK(sock_pair(fds) == OK);
	CHECK(stream_init(&s.stream, s.loop, fds[1]) == OK);
	w.t.fd = fds[0];
	w.t.set.helo = S("me.test");
	w.t.client = client_new(w.t.loop, &w.t.set);
	w.t.message.next = next_piece;
	w.t.message.ctx = &w.t;
	w.t.message.rcpts = w.t.rcpts;
	(void)fiber_start(s.loop, serve, &s);
	(void)fiber_start(s.loop, send_twice, &w);
	while (fiber_count(s.loop) && loop_run_once(s.loop))
		;
	CHECK_STR(buf_str(&s.trouble), S(""));
	done(&w.t);
}

static void
controls_of_a_server_do_not_reach_the_terminal(void **state)
{
	struct talk t = { 0 };
	str trace;

	(void)state;
	run(&t, "S: 554 \x1b]0;owned\x07\xc2\x9b"
		"31m\n");
	CHECK_INT(t.end, CLIENT_REFUSED);
	trace = buf_str(&t.trace);
	for (size_t i = 0; i < trace.n; i++)
		CHECK((unsigned char)trace.p[i] >= 32 || trace.p[i] == '\n');
	CHECK(!str_has_ctl(client_why(t.client)->text));
	done(&t);
}

T_MAIN(T(beginnings_end_as_they_should), T(a_reply_without_end_is_cut_off), T(what_ehlo_promises_is_read),
	T(logins_end_as_they_should), T(a_server_that_says_yes_without_proof_is_not_believed),
	T(messages_end_as_they_should), T(parameters_go_where_they_are_offered),
	T(what_does_not_fit_is_not_begun), T(a_broken_message_is_cut_off_before_its_end),
	T(a_conversation_goes_on_after_a_refusal), T(controls_of_a_server_do_not_reach_the_terminal))
