#include "roles/login/login.h"

#include "test/t.h"

#include "roles/test_role.h"
#include "roles/tls_setup.h"

/* The role with real sockets and real TLS; the test plays vault (which has the key), the session role and the clients. */
struct stage {
	struct test_role t;
	struct loop *loop;
	struct login *login;
	struct chan vault_end, sessions_end;
	struct role_listener listeners[2];
	struct tls_key *key;
	struct tls_client *tls;
	int asked, handed_over;
	struct talk_password_ask password; /* the last one, in the arena */
	struct arena arena;
	struct talk_handover handover; /* the last one, in the arena */
	struct test_client session;    /* what the session role says to whom it got */
	const char *const *session_script;
};

static void
vault_on_frame(struct chan *c, struct frame *f)
{
	struct stage *g = c->ctx;
	str payload = arena_str(&g->arena, f->payload);
	struct talk_sign_ask sign;

	if (f->type == TALK_ASK_password_ask) {
		bool right;

		CHECK(talk_read_password_ask(payload, &g->password));
		right = str_eq(g->password.user, S("ann@a.test")) &&
			str_eq(g->password.password, S("se cret "));
		g->asked++;
		ROLE_ANSWER(c, f, auth_told,
			{ .fault = right ? OK : AUTH_FAILED,
				.account = right ? 7 : 0,
				.address = S("ann@a.test"),
				.signature = S("") });
	} else if (f->type == TALK_ASK_sign_ask) {
		struct buf signature = { 0 };
		enum fault fault;

		CHECK(talk_read_sign_ask(payload, &sign));
		fault = tls_key_sign(g->key, (enum tls_sign_how)sign.how, sign.data, &signature);
		ROLE_ANSWER(c, f, sign_told, { .fault = fault, .signature = buf_str(&signature) });
		buf_done(&signature);
	} else {
		fail();
	}
}

static void
sessions_on_frame(struct chan *c, struct frame *f)
{
	struct stage *g = c->ctx;

	CHECK_INT(f->type, TALK_SAY_handover);
	CHECK(f->fd >= 0 && talk_read_handover(arena_str(&g->arena, f->payload), &g->handover));
	CHECK_STR(g->handover.session, g->password.session); /* the session vault vouched for */
	g->handed_over++;
	g->session = (struct test_client){ 0 };
	test_client_start(&g->session, g->loop, f->fd, g->session_script);
	f->fd = -1;
}

static void
make_certificate(struct stage *g)
{
	struct buf cert = { 0 }, key = { 0 }, why = { 0 };
	char path[128];

	CHECK(tls_self_signed(S("mx.a.test"), 30, 1795471920000, &cert, &key) == OK);
	CHECK(tls_key_new(buf_str(&key), buf_str(&cert), &why, &g->key) == OK);
	snprintf(path, sizeof(path), "%s/tls", g->t.dir);
	CHECK(mkdir(path, 0700) == 0);
	test_write_file(&g->t, "tls/cert.pem", buf_str(&cert));
	buf_done(&cert);
	buf_done(&key);
	g->tls = tls_client_new(true, NULL, &why);
	CHECK(g->tls);
	buf_done(&why);
}

static void
stage_begin(struct stage *g, const char *main_cf, bool sim)
{
	static const char *const services[] = { "pop3", "pop3s" };
	struct buf why = { 0 };
	size_t n;

	memset(g, 0, sizeof(*g));
	g->loop = sim ? loop_new_sim(1795471920000) : loop_new();
	test_role_init(&g->t, TALK_LOGIN, main_cf, g->loop);
	make_certificate(g);
	EACH(services, s) {
		CHECK(sock_listen(S("127.0.0.1:0"), &g->listeners[s_i].fd, 1, &n, &why) == OK);
		g->listeners[s_i].service = *s;
	}
	g->t.role.listeners = g->listeners;
	g->t.role.listener_count = COUNT(g->listeners);
	CHECK(login_open(&g->t.role, &g->login) == OK);
	test_peer_up(&g->t, &g->vault_end, TALK_VAULT, 0, g, vault_on_frame);
	test_peer_up(&g->t, &g->sessions_end, TALK_POP3, 0, g, sessions_on_frame);
}

static void
stage_end(struct stage *g)
{
	while (g->t.role.sessions && loop_run_once(g->loop))
		;
	CHECK_INT(g->t.role.sessions, 0);
	login_close(g->login);
	chan_down(&g->vault_end);
	chan_down(&g->sessions_end);
	tls_key_free(g->key);
	tls_client_free(g->tls);
	arena_done(&g->arena);
	test_role_done(&g->t);
	loop_free(g->loop);
}

enum { CLEAR, UNDER_TLS };

static void
client_begin(struct stage *g, struct test_client *c, int service, const char *const *script)
{
	struct peer to = {
		.family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = sock_port(g->listeners[service].fd)
	};
	int fd = sock_connect_start(&to);

	CHECK(fd >= 0);
	c->tls = g->tls;
	test_client_start(c, g->loop, fd, script);
}

static void
client_talk(struct stage *g, int service, const char *const *script)
{
	struct test_client c = { 0 };

	client_begin(g, &c, service, script);
	test_until(g->loop, &c.done);
}

#define TALK(g, ...)     client_talk((g), CLEAR, SCRIPT(__VA_ARGS__))
#define TALK_TLS(g, ...) client_talk((g), UNDER_TLS, SCRIPT("TLS", __VA_ARGS__))

/* ---- tests ---- */

static void
in_the_clear_nobody_can_log_in(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	TALK(&g, "S: +OK mx.a.test POP3 server ready", "C: CAPA", "S: +OK *", "S: TOP", "S: UIDL",
		"S: RESP-CODES", "S: AUTH-RESP-CODE", "S: PIPELINING", "S: EXPIRE NEVER", "S: UTF8 USER",
		"S: STLS", "S: .", "C: USER ann@a.test", "S: -ERR *", "C: PASS se cret ", "S: -ERR *",
		"C: AUTH PLAIN AGFubgBz", "S: -ERR *", "C: AUTH", "S: -ERR *", "C: RETR 1", "S: -ERR *",
		"C: APOP a b", "S: -ERR *", "C: QUIT", "S: +OK *", "S!");
	CHECK_INT(g.asked, 0);
	stage_end(&g);
}

static void
main_cf_may_permit_passwords_in_the_clear(void **state)
{
	struct test_client c = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, "login_tls_auth_only = no\n", false);
	TALK(&g, "S: +OK *", "C: CAPA", "S: +OK *", "S: TOP", "S: UIDL", "S: RESP-CODES", "S: AUTH-RESP-CODE",
		"S: PIPELINING", "S: EXPIRE NEVER", "S: UTF8 USER", "S: USER",
		"S: SASL PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1", "S: STLS", "S: .", "C: QUIT", "S: +OK *",
		"S!");
	/* The session role gets the client's own socket, and what the client has sent already. */
	g.session_script = SCRIPT("C: +OK Logged in", "S: NOOP", "C: +OK", "S!");
	client_begin(&g, &c, CLEAR,
		SCRIPT("S: +OK *", "C: USER ann@a.test", "C: PASS se cret ", "C: STAT", "C: QUIT",
			"S: +OK Send PASS", "S: +OK Logged in", "C: NOOP", "S: +OK"));
	test_until(g.loop, &c.done);
	test_until(g.loop, &g.session.done);
	CHECK_STR(g.handover.input, S("STAT\r\nQUIT\r\n"));
	CHECK_STR(g.handover.client, S("127.0.0.1"));
	CHECK(!g.handover.tls && !g.handover.utf8);
	CHECK(test_logged(&g.t, "event=login-ok"));
	CHECK_INT(g.t.role.sessions, 0); /* it is not ours any more */
	stage_end(&g);
}

static void
under_tls_the_session_is_relayed(void **state)
{
	struct test_client c = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	g.session_script = SCRIPT("C: +OK Logged in", "S: STAT", "C: +OK 0 0", "S: QUIT", "C: +OK Bye");
	client_begin(&g, &c, UNDER_TLS,
		SCRIPT("TLS", "S: +OK *", "C: UTF8", "S: +OK *", "C: USER ann@a.test", "S: +OK *",
			"C: PASS se cret ", "S: +OK Logged in", "C: STAT", "S: +OK 0 0", "C: QUIT",
			"S: +OK Bye", "S!"));
	test_until(g.loop, &c.done);
	test_until(g.loop, &g.session.done);
	CHECK(g.handover.tls && g.handover.utf8);
	CHECK_STR(g.handover.input, S(""));
	CHECK_INT(g.password.service, TALK_POP3);
	CHECK_INT(g.password.client.n, 9);
	stage_end(&g);
}

static void
stls_begins_anew(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	g.session_script = SCRIPT("C: +OK Logged in", "S: QUIT", "C: +OK Bye");
	TALK(&g, "S: +OK *", "C: STLS now", "S: -ERR *", "C: UTF8", "S: +OK *", "C: STLS", "S: +OK *", "TLS",
		"C: PASS se cret ", "S: -ERR *", "C: CAPA", "S: +OK *", "S: TOP", "S: UIDL", "S: RESP-CODES",
		"S: AUTH-RESP-CODE", "S: PIPELINING", "S: EXPIRE NEVER", "S: UTF8 USER", "S: USER",
		"S: SASL PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-1 SCRAM-SHA-1-PLUS", "S: .",
		"C: STLS", "S: -ERR *", "C: USER ann@a.test", "S: +OK *", "C: PASS se cret ",
		"S: +OK Logged in", "C: QUIT", "S: +OK Bye", "S!");
	CHECK(!g.handover.utf8); /* it was said in the clear, by whomever */
	stage_end(&g);
}

static void
what_follows_stls_in_the_clear_ends_the_connection(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	TALK(&g, "S: +OK *", "C: STLS\r\nUSER eve@a.test", "S: -ERR *", "S!");
	CHECK(test_logged(&g.t, "event=session-cut"));
	CHECK_INT(g.asked, 0);
	stage_end(&g);
}

static void
auth_goes_its_ways(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	TALK_TLS(&g, "S: +OK *", "C: AUTH", "S: +OK *", "S: PLAIN", "S: LOGIN", "S: SCRAM-SHA-256",
		"S: SCRAM-SHA-256-PLUS", "S: SCRAM-SHA-1", "S: SCRAM-SHA-1-PLUS", "S: .", "C: AUTH CRAM-MD5",
		"S: -ERR *", "C: AUTH PLAIN", "S: + ", "C: *", "S: -ERR *", "C: AUTH PLAIN", "S: + ", "C: !",
		"S: -ERR *", "C: AUTH PLAIN =", "S: -ERR [AUTH] *", "C: AUTH LOGIN", "S: + VXNlcm5hbWU6",
		"C: YW5uQGEudGVzdA==", "S: + UGFzc3dvcmQ6", "C: d3Jvbmc=", "S: -ERR [AUTH] *", "C: QUIT",
		"S: +OK *", "S!");
	CHECK_INT(g.asked, 1);
	CHECK(test_logged(&g.t, "event=login-failed"));
	g.session_script = SCRIPT("C: +OK Logged in", "S: QUIT", "C: +OK");
	TALK_TLS(&g, "S: +OK *", "C: AUTH plain AGFubkBhLnRlc3QAc2UgY3JldCA=", "S: +OK Logged in", "C: QUIT",
		"S: +OK", "S!");
	CHECK(test_logged(&g.t, "event=login-ok"));
	stage_end(&g);
}

static void
a_failure_is_a_line_that_tools_understand(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	TALK_TLS(&g, "S: +OK *", "C: USER eve@a.test", "S: +OK *", "C: PASS x", "S: -ERR [AUTH] *", "C: QUIT",
		"S: +OK *");
	CHECK(test_logged(
		&g.t, "client=127.0.0.1 user=eve@a.test mech=PASS service=pop3s tls=true why=AUTH_FAILED"));
	stage_end(&g);
}

static void
errors_and_wrong_passwords_are_counted(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	TALK(&g, "S: +OK *", "C: X", "S: -ERR *", "C: X", "S: -ERR *", "C: X", "S: -ERR *", "C: X",
		"S: -ERR *", "C: X", "S: -ERR *", "C: X", "S: -ERR *", "C: X", "S: -ERR *", "C: X",
		"S: -ERR *", "C: X", "S: -ERR *", "C: X", "S: -ERR *", "S: -ERR Too many errors", "S!");
	TALK_TLS(&g, "S: +OK *", "C: AUTH PLAIN AGFubgBh", "S: -ERR *", "C: AUTH PLAIN AGFubgBh", "S: -ERR *",
		"C: AUTH PLAIN AGFubgBh", "S: -ERR *", "C: AUTH PLAIN AGFubgBh", "S: -ERR *",
		"C: AUTH PLAIN AGFubgBh", "S: -ERR [AUTH] *", "S: -ERR Too many errors", "S!");
	CHECK_INT(g.asked, 5);
	stage_end(&g);
}

static void
a_vault_or_session_role_that_is_away_is_a_temporary_failure(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	TALK_TLS(&g, "S: +OK *", "C: QUIT", "S: +OK *"); /* TLS needs vault: the next handshakes resume */
	chan_down(&g.sessions_end);
	TALK_TLS(&g, "S: +OK *", "C: USER ann@a.test", "S: +OK *", "C: PASS se cret ", "S: -ERR [SYS/TEMP] *",
		"C: QUIT", "S: +OK *", "S!");
	stage_end(&g);
}

static void
strange_tongues_are_cut_short(void **state)
{
	static const char *const first_lines[] = { "C: GET / HTTP/1.1", "C: post / HTTP/1.0",
		"C: \x16\x03\x01\x02" };
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	EACH(first_lines, line)
		TALK(&g, "S: +OK *", *line, "S: -ERR *", "S!");
	CHECK(test_logged(&g.t, "why=HTTP_HERE"));
	stage_end(&g);
}

static void
lines_have_an_end(void **state)
{
	char *line = mem_new(20100);
	struct stage g;

	(void)state;
	snprintf(line, 20100, "C: USER ");
	memset(line + 8, 'x', 20000);
	stage_begin(&g, "", false);
	TALK(&g, "S: +OK *", line, "S: -ERR Line too long", "C: CAPA", "S: +OK *", "S: *", "S: *", "S: *",
		"S: *", "S: *", "S: *", "S: *", "S: *", "S: .", "C: QUIT", "S: +OK *", "S!");
	free(line);
	stage_end(&g);
}

static void
who_does_not_log_in_in_time_is_let_go(void **state)
{
	struct test_client c = { .patience_ms = 3600 * 1000 };
	int64_t begun_ms;
	struct stage g;

	(void)state;
	stage_begin(&g, "login_timeout = 30s\n", true);
	begun_ms = loop_now_ms(g.loop);
	client_begin(&g, &c, CLEAR,
		SCRIPT("S: +OK *", "C: CAPA", "S: +OK *", "S: *", "S: *", "S: *", "S: *", "S: *", "S: *",
			"S: *", "S: *", "S: .", "S!"));
	test_until(g.loop, &c.done);
	CHECK_INT((loop_now_ms(g.loop) - begun_ms) / 1000, 30);
	stage_end(&g);
}

static void
a_client_has_so_many_connections(void **state)
{
	struct test_client first = { 0 }, second = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, "mynetworks = 192.0.2.0/24\nlogin_client_connection_count_limit = 1\n", false);
	client_begin(&g, &first, CLEAR, SCRIPT("S: +OK *", "S!"));
	while (!g.t.role.sessions)
		CHECK(loop_run_once(g.loop));
	client_begin(&g, &second, CLEAR, SCRIPT("S: -ERR [IN-USE] *", "S!"));
	test_until(g.loop, &second.done);
	CHECK(test_logged(&g.t, "client=127.0.0.1 service=pop3 why=TOO_MANY_FROM_YOU"));
	(void)shutdown(first.stream.watch.fd, SHUT_WR);
	test_until(g.loop, &first.done);
	while (g.t.role.sessions)
		CHECK(loop_run_once(g.loop));
	TALK(&g, "S: +OK *", "C: QUIT", "S: +OK *");
	stage_end(&g);
}

static void
a_server_that_goes_down_says_so_and_lets_sessions_end(void **state)
{
	struct test_client waiting = { 0 }, inside = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	g.session_script = SCRIPT("C: +OK Logged in", "S: QUIT", "C: +OK");
	client_begin(&g, &waiting, CLEAR, SCRIPT("S: +OK *", "S: -ERR [SYS/TEMP] *", "S!"));
	client_begin(&g, &inside, UNDER_TLS,
		SCRIPT("TLS", "S: +OK *", "C: USER ann@a.test", "S: +OK *", "C: PASS se cret ",
			"S: +OK Logged in", "C: QUIT", "S: +OK", "S!"));
	while (!g.handed_over)
		CHECK(loop_run_once(g.loop));
	g.t.role.draining = true;
	g.t.role.on_drain(&g.t.role);
	test_until(g.loop, &waiting.done);
	loop_run(g.loop); /* until the last session has ended */
	CHECK_INT(g.t.role.sessions, 0);
	while (!inside.done)
		(void)loop_run_once(g.loop);
	stage_end(&g);
}

/* ---- the relay ---- */

enum { LINES = 60000 };

/* Much goes both ways at once, and ends of input are passed on. */
static void
a_relay_carries_whatever_comes(void **state)
{
	const char **client = mem_new_array(2 * LINES + 20, sizeof(*client)),
		   **session = mem_new_array(2 * LINES + 20, sizeof(*session));
	static const char *const begin[] = { "TLS", "S: +OK *", "C: USER ann@a.test", "S: +OK *",
		"C: PASS se cret ", "S: +OK Logged in" };
	size_t cn = 0, sn = 0;
	struct test_client c = { 0 };
	struct stage g;

	(void)state;
	EACH(begin, line)
		client[cn++] = *line;
	session[sn++] = "C: +OK Logged in";
	for (int i = 0; i < LINES; i++) {
		client[cn++] = "C: what the client says, again and again, until it has said it often enough";
		session[sn++] = "S: what the client says, again and again, until it has said it often enough";
	}
	for (int i = 0; i < LINES; i++) {
		session[sn++] =
			"C: what the server answers, which is a little longer, but otherwise much the same";
		client[cn++] =
			"S: what the server answers, which is a little longer, but otherwise much the same";
	}
	client[cn++] = "S!";
	stage_begin(&g, "", false);
	g.session_script = session;
	client_begin(&g, &c, UNDER_TLS, client);
	test_until(g.loop, &c.done);
	CHECK(g.session.done);
	free(client);
	free(session);
	stage_end(&g);
}

static void
a_client_that_has_ended_gets_what_it_asked_for(void **state)
{
	struct test_client c = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, "", false);
	g.session_script = SCRIPT("C: +OK Logged in", "S: QUIT", "S!"); /* it hears the end */
	client_begin(&g, &c, UNDER_TLS,
		SCRIPT("TLS", "S: +OK *", "C: USER ann@a.test", "S: +OK *", "C: PASS se cret ",
			"S: +OK Logged in", "C: QUIT"));
	test_until(g.loop, &c.done);
	test_until(g.loop, &g.session.done);
	stage_end(&g);
}

T_MAIN(T(in_the_clear_nobody_can_log_in), T(main_cf_may_permit_passwords_in_the_clear),
	T(under_tls_the_session_is_relayed), T(stls_begins_anew),
	T(what_follows_stls_in_the_clear_ends_the_connection), T(auth_goes_its_ways),
	T(a_failure_is_a_line_that_tools_understand), T(errors_and_wrong_passwords_are_counted),
	T(a_vault_or_session_role_that_is_away_is_a_temporary_failure), T(strange_tongues_are_cut_short),
	T(lines_have_an_end), T(who_does_not_log_in_in_time_is_let_go), T(a_client_has_so_many_connections),
	T(a_server_that_goes_down_says_so_and_lets_sessions_end), T(a_relay_carries_whatever_comes),
	T(a_client_that_has_ended_gets_what_it_asked_for))
