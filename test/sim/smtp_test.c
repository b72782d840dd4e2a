/* smtp and store in one process, on a clock that jumps from timer to timer: what takes minutes outside takes none here, and comes out the same
 * each time. The client is a fiber that reads a script: "C: line" and "S: pattern" as in roles/test_role.h, "WAIT ms" sleeps, "RAW text" sends it
 * without a line end, "S!" is the end of the connection. */
#include "test/t.h"

#include "base/mem.h"
#include "roles/smtp/smtp.h"
#include "roles/store/role.h"
#include "roles/test_role.h"

#include <netinet/in.h>

enum { BEGIN_MS = 1000, MINUTE_MS = 60000 };
static const int64_t wall_ms = 1795471920000; /* 2026-11-23 22:12 UTC */

struct world {
	struct loop *loop;
	struct test_role smtp_side, store_side;
	struct smtp_role *smtp;
	struct storekeeper *keeper;
	struct store_reader *reader;
	struct smtp_door door;
	uint32_t ann;
};
struct client {
	struct test_client c;
	struct world *world;
	const char *const *script;
	size_t at; /* line of the script */
	int64_t took_ms;
	bool done;
};

static void
wire(struct world *w)
{
	int ends[2];

	CHECK(sock_pair(ends) == OK);
	w->store_side.role.on_peer(&w->store_side.role, TALK_SMTP, 0, ends[0]);
	w->smtp_side.role.on_peer(&w->smtp_side.role, TALK_STORE, 0, ends[1]);
}

static void
give_certificate(struct world *w)
{
	struct buf cert = { 0 }, key = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/tls", w->smtp_side.dir);
	CHECK(mkdir(path, 0700) == 0);
	CHECK(tls_self_signed(S("mx.a.test"), 30, wall_ms, &cert, &key) == OK);
	test_write_file(&w->smtp_side, "tls/cert.pem", buf_str(&cert));
	buf_done(&cert);
	buf_done(&key);
}

static struct world *
world_new(const char *main_cf)
{
	struct world *w = NEW(struct world);
	struct store_account ann = { .address = S("ann@a.test") };

	w->loop = loop_new_sim(wall_ms);
	test_role_init(&w->store_side, TALK_STORE, main_cf, w->loop);
	test_role_init(&w->smtp_side, TALK_SMTP, main_cf, w->loop);
	give_certificate(w);
	w->keeper = storekeeper_new(&w->store_side.role);
	CHECK(w->keeper != NULL);
	CHECK(store_put_account(w->keeper->store, &ann, &w->ann) == OK);
	CHECK(store_commit(w->keeper->store) == OK);
	CHECK(store_reader_beside(w->keeper->store, &w->reader) == OK);
	w->smtp = smtp_new(&w->smtp_side.role);
	CHECK(w->smtp != NULL);
	w->door = (struct smtp_door){ .role = w->smtp, .service = &w->smtp->services[0] };
	wire(w);
	return w;
}

static void
world_free(struct world *w)
{
	CHECK(list_empty(&w->smtp->sessions));
	smtp_free(w->smtp);
	store_reader_close(w->reader);
	storekeeper_free(w->keeper);
	test_role_done(&w->smtp_side);
	test_role_done(&w->store_side);
	loop_free(w->loop);
	free(w);
}

static uint32_t
messages(struct world *w)
{
	struct store_mailbox m = { 0 };

	CHECK(view_mailbox(store_now(w->keeper->store), w->ann, 1, &m) == OK);
	return m.exists;
}

/* ---- the client ---- */

static void
client_run(void *arg)
{
	struct client *k = arg;
	int64_t begun_ms = loop_now_ms(k->world->loop);

	for (const char *const *line = k->script; *line; line++, k->at++) {
		str s = str_c(*line);
		uint64_t ms;

		if (str_take(&s, S("WAIT "))) {
			CHECK(str_to_u64(s, NEVER_MS / 2, &ms));
			CHECK(stream_flush(&k->c.stream) == OK);
			CHECK(fiber_sleep(k->world->loop, (int64_t)ms) == OK);
		} else if (str_take(&s, S("RAW "))) {
			if (stream_write(&k->c.stream, s) != OK || stream_flush(&k->c.stream) != OK)
				break; /* the server has had enough */
		} else {
			test_line(&k->c, s);
		}
	}
	stream_close(&k->c.stream);
	k->took_ms = loop_now_ms(k->world->loop) - begun_ms;
	k->done = true;
}

static void
client_start(struct world *w, struct client *k, const char *const *script)
{
	struct peer peer = { .family = AF_INET, .ip = { 192, 0, 2, 1 }, .port = 4321 };
	int ends[2];

	*k = (struct client){ .world = w, .script = script };
	k->c.loop = w->loop;
	k->c.name = script[0];
	k->c.patience_ms = 60 * MINUTE_MS;
	CHECK(sock_pair(ends) == OK);
	CHECK(stream_init(&k->c.stream, w->loop, ends[0]) == OK);
	k->c.stream.due_ms = NEVER_MS;
	smtp_session_accept(&w->door, ends[1], &peer);
	fiber_start(w->loop, client_run, k);
}

/* Until the client has come to the end of his script and the server has let go of him. */
static void
finish(struct world *w, struct client *k)
{
	while (!k->done || !list_empty(&w->smtp->sessions))
		CHECK(loop_run_once(w->loop));
}

static int64_t
talk(struct world *w, const char *const *script)
{
	struct client k;

	client_start(w, &k, script);
	finish(w, &k);
	return k.took_ms;
}

#define MAIN_CF "mydestination = a.test\nqueue_minfree = 0\n"

/* ---- */

static void
a_message_goes_from_the_socket_into_the_mailbox(void **state)
{
	struct world *w = world_new(MAIN_CF);
	struct store_entry e = { 0 };
	struct store_email email;
	struct arena a = { 0 };
	size_t n = 0;
	str text;

	(void)state;
	CHECK_INT(talk(w, SCRIPT("S: 220 *", "C: HELO c.test", "S: 250 *", "C: MAIL FROM:<x@far.test>",
				  "S: 250 *", "C: RCPT TO:<nobody@a.test>", "S: 550 5.1.1 *",
				  "C: RCPT TO:<ann@a.test>", "S: 250 *", "C: DATA", "S: 354 *",
				  "C: Subject: hello", "C: ", "C: body", "C: .", "S: 250 2.0.0 *", "C: QUIT",
				  "S: 221 *", "S!")),
		0); /* it waited for nobody */
	CHECK_INT(messages(w), 1);
	CHECK(view_entries(store_now(w->keeper->store), w->ann, 1, 1, &e, 1, &n) == OK && n == 1);
	CHECK_INT(e.received_ms, wall_ms);
	CHECK(view_email(store_now(w->keeper->store), w->ann, e.email, &email) == OK);
	store_email_keep(&a, &email);
	CHECK(store_flush(w->keeper->store) == OK);
	CHECK(store_reader_load(w->reader, &a, &email, 1 << 20, &text) == OK);
	CHECK(str_starts(
		text, S("Return-Path: <x@far.test>\r\nDelivered-To: ann@a.test\r\nReceived: from c.test")));
	CHECK(str_ends(text, S("Subject: hello\r\n\r\nbody\r\n")));
	arena_done(&a);
	world_free(w);
}

static void
a_client_that_says_nothing_is_told_to_go_when_its_time_is_over(void **state)
{
	struct world *w = world_new(MAIN_CF "smtpd_timeout = 300s\n");

	(void)state;
	CHECK_INT(talk(w, SCRIPT("S: 220 *", "S: 421 4.4.2 *", "S!")), 300 * 1000);
	CHECK_INT(talk(w, SCRIPT("S: 220 *", "C: HELO c.test", "S: 250 *", "WAIT 299999", "C: NOOP",
				  "S: 250 *", "S: 421 4.4.2 *", "S!")),
		299999 + 300 * 1000);
	/* half a command is none */
	CHECK_INT(talk(w, SCRIPT("S: 220 *", "WAIT 200000", "RAW HEL", "S: 421 4.4.2 *", "S!")), 500 * 1000);
	world_free(w);
}

static void
who_makes_too_many_errors_waits_for_each_reply(void **state)
{
	struct world *w = world_new(MAIN_CF
		"smtpd_soft_error_limit = 2\nsmtpd_hard_error_limit = 5\nsmtpd_error_sleep_time = 7s\n");

	(void)state;
	CHECK_INT(talk(w, SCRIPT("S: 220 *", "C: XA", "S: 500 *", "C: XB", "S: 500 *", "C: NOOP", "S: 250 *",
				  "C: QUIT", "S: 221 *", "S!")),
		0);
	/* the third and the fourth error cost 7 s each; the fifth ends it */
	CHECK_INT(talk(w, SCRIPT("S: 220 *", "C: XA", "S: 500 *", "C: XB", "S: 500 *", "C: XC", "S: 500 *",
				  "C: XD", "S: 500 *", "C: XE", "S: 500 *", "S: 421 4.7.0 *", "S!")),
		14 * 1000);
	world_free(w);
}

/* An octet every ten seconds keeps no connection open for ever. */
static void
a_message_that_trickles_is_cut_off(void **state)
{
	static const char *trickle[400] = { "S: 220 *", "C: HELO c.test", "S: 250 *",
		"C: MAIL FROM:<x@far.test>", "S: 250 *", "C: RCPT TO:<ann@a.test>", "S: 250 *", "C: DATA",
		"S: 354 *" };
	struct world *w = world_new(MAIN_CF "smtpd_min_data_rate = 500\n");
	int64_t took_ms;
	size_t n = 9;

	(void)state;
	while (n < 380) {
		trickle[n++] = "RAW x";
		trickle[n++] = "WAIT 10000";
	}
	took_ms = talk(w, trickle);
	CHECK(took_ms >= 20 * 1000 && took_ms <= 40 * 1000); /* behind 20 s of grace */
	CHECK_INT(messages(w), 0);
	world_free(w);
}

/* Fifty at once, each with its own pace: the slow ones stop nobody, and each message is there once. */
static void
many_sessions_share_the_loop_and_the_flushes(void **state)
{
	struct world *w = world_new(MAIN_CF "smtpd_client_connection_count_limit = 0\n");
	static const char *const quick[] = { "S: 220 *", "C: HELO c.test", "S: 250 *",
		"C: MAIL FROM:<x@far.test>", "S: 250 *", "C: RCPT TO:<ann@a.test>", "S: 250 *", "C: DATA",
		"S: 354 *", "C: Subject: q", "C: ", "C: .", "S: 250 *", "C: QUIT", "S: 221 *", "S!", NULL };
	static const char *const slow[] = { "S: 220 *", "WAIT 100000", "C: HELO c.test", "S: 250 *",
		"WAIT 100000", "C: MAIL FROM:<x@far.test>", "S: 250 *", "C: RCPT TO:<ann@a.test>", "S: 250 *",
		"WAIT 100000", "C: DATA", "S: 354 *", "C: Subject: s", "C: ", "C: .", "S: 250 *", "C: QUIT",
		"S: 221 *", "S!", NULL };
	struct store_stats before, after;
	struct client *k = mem_new_array(50, sizeof(*k));

	(void)state;
	store_get_stats(w->keeper->store, &before);
	for (int i = 0; i < 50; i++)
		client_start(w, &k[i], i % 2 ? slow : quick);
	for (int i = 0; i < 50; i++)
		finish(w, &k[i]);
	store_get_stats(w->keeper->store, &after);
	for (int i = 0; i < 50; i++)
		CHECK_INT(k[i].took_ms, i % 2 ? 300000 : 0);
	CHECK_INT(messages(w), 50);
	CHECK(after.flushes - before.flushes < 25); /* company shares a flush */
	free(k);
	world_free(w);
}

/* The store goes while a session is open: that one is told to come again, and the next one finds the store that came in its place. */
static void
a_store_that_goes_is_a_temporary_failure_until_it_is_back(void **state)
{
	struct world *w = world_new(MAIN_CF);
	struct client k;

	(void)state;
	client_start(w, &k,
		SCRIPT("S: 220 *", "C: HELO c.test", "S: 250 *", "C: MAIL FROM:<x@far.test>", "S: 250 *",
			"WAIT 5000", "C: RCPT TO:<ann@a.test>", "S: 451 4.3.0 *", "WAIT 60000",
			"C: RCPT TO:<ann@a.test>", "S: 250 *", "C: DATA", "S: 354 *", "C: Subject: back",
			"C: ", "C: .", "S: 250 *", "C: QUIT", "S: 221 *", "S!"));
	while (k.at < 5) /* it is at its first WAIT */
		CHECK(loop_run_once(w->loop));
	store_reader_close(w->reader);
	storekeeper_free(w->keeper);
	w->keeper = NULL;
	while (loop_now_ms(w->loop) < BEGIN_MS + 30 * 1000 && !k.done)
		CHECK(loop_run_once(w->loop));
	w->keeper = storekeeper_new(&w->store_side.role);
	CHECK(w->keeper != NULL);
	CHECK(store_reader_beside(w->keeper->store, &w->reader) == OK);
	wire(w);
	finish(w, &k);
	CHECK_INT(messages(w), 1);
	world_free(w);
}

T_MAIN(T(a_message_goes_from_the_socket_into_the_mailbox),
	T(a_client_that_says_nothing_is_told_to_go_when_its_time_is_over),
	T(who_makes_too_many_errors_waits_for_each_reply), T(a_message_that_trickles_is_cut_off),
	T(many_sessions_share_the_loop_and_the_flushes),
	T(a_store_that_goes_is_a_temporary_failure_until_it_is_back))
