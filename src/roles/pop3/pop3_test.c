#include "roles/pop3/pop3.h"

#include "test/t.h"

#include "roles/test_role.h"

/* The role with a real store behind it: the store's writer is the test's, as are vault and login. */
struct stage {
	struct test_role t;
	struct loop *loop;
	struct pop3 *pop3;
	struct store *store;
	struct chan store_end, vault_end, login_end;
	uint32_t ann;
	int applied, expunges, flaggings;
	uint32_t flagged;
	enum fault store_says;
	unsigned char next_token;
};

static int64_t
fixed_wall_ms(void)
{
	return 1795471920000;
}

static struct uid_range *
ranges_of(struct arena *a, str list, size_t *ret_n)
{
	struct uid_range *r = ARENA_ARRAY(a, list.n + 1, struct uid_range);
	struct talk_range one;

	*ret_n = 0;
	while (list.n && talk_take_range(&list, &one))
		r[(*ret_n)++] = (struct uid_range){ one.first, one.last };
	CHECK_INT(list.n, 0);
	return r;
}

static void
store_on_expunge(struct stage *g, struct chan *c, struct frame *f)
{
	struct arena a = { 0 };
	struct talk_expunge m;
	uint32_t count = 0;
	size_t n;

	CHECK(talk_read_expunge(f->payload, &m));
	g->expunges++;
	if (g->store_says == OK) {
		struct uid_range *r = ranges_of(&a, m.uids, &n);
		CHECK(store_expunge(g->store, m.account, m.mailbox, r, n, &count) == OK);
		CHECK(store_commit(g->store) == OK);
	}
	ROLE_ANSWER(c, f, expunged, { .fault = g->store_says, .count = count });
	arena_done(&a);
}

static void
store_on_flags(struct stage *g, struct chan *c, struct frame *f)
{
	struct uid_range *modified;
	struct arena a = { 0 };
	struct talk_add_flags m;
	size_t n = 0, modified_n;
	struct uid_range *uids;
	uint64_t modseq;

	CHECK(talk_read_add_flags(f->payload, &m));
	CHECK_INT(m.flags, FLAG_SEEN);
	g->flaggings++;
	uids = ranges_of(&a, m.uids, &n);
	CHECK(store_flag(g->store, &a, m.account, m.mailbox, uids, n, FLAGS_ADD, m.flags, 0, UINT64_MAX,
		      &modseq, &modified, &modified_n) == OK);
	CHECK(store_commit(g->store) == OK);
	ROLE_ANSWER(c, f, done, { .fault = OK });
	arena_done(&a);
}

static void
store_on_frame(struct chan *c, struct frame *f)
{
	struct stage *g = c->ctx;

	switch (f->type) {
	case TALK_ASK_apply:
		g->applied++;
		if (g->store_says == OK)
			CHECK(store_commit(g->store) == OK);
		ROLE_ANSWER(c, f, done, { .fault = g->store_says });
		return;
	case TALK_ASK_expunge: store_on_expunge(g, c, f); return;
	case TALK_ASK_add_flags: store_on_flags(g, c, f); return;
	default: fail();
	}
}

static void
nothing_expected(struct chan *c, struct frame *f)
{
	(void)c;
	(void)f;
	fail();
}

static void
deliver(struct stage *g, str prefix, str body, bool dot_lines)
{
	struct store_message m = { .body = body,
		.row = S("row"),
		.received_ms = fixed_wall_ms(),
		.sent_ms = fixed_wall_ms(),
		.dot_lines = dot_lines };
	struct store_delivery d = { .account = g->ann, .prefix = prefix };

	if (body.n > 256 * 1024) {
		CHECK(store_large_new(g->store, &m.large) == OK);
		CHECK(store_large_add(m.large, body) == OK);
		CHECK(store_large_sync(m.large) == OK);
		m.body = S("");
	}
	CHECK(store_accept(g->store, &m, &d, 1) == OK);
	CHECK(store_flush(g->store) == OK);
}

static void
stage_begin(struct stage *g, bool sim)
{
	struct store_settings set = { .wall_ms = fixed_wall_ms, .index_map_bytes = 1 << 30 };
	struct store_account ann = { .address = S("ann@a.test"), .secret = S("x") };
	char path[128];

	memset(g, 0, sizeof(*g));
	g->loop = sim ? loop_new_sim(fixed_wall_ms()) : loop_new();
	test_role_init(&g->t, TALK_POP3, "mydomain = a.test\n", g->loop);
	snprintf(path, sizeof(path), "%s/store", g->t.dir);
	set.dir = path;
	CHECK(store_open(&set, &g->t.role.log, &g->store) == OK);
	CHECK(store_put_domain(g->store, S("a.test")) == OK);
	CHECK(store_put_account(g->store, &ann, &g->ann) == OK);
	CHECK(store_commit(g->store) == OK);
	g->pop3 = pop3_new(&g->t.role);
	CHECK(store_reader_beside(g->store, &g->pop3->reading.reader) == OK);
	pop3_start_threads(g->pop3);
	test_peer_up(&g->t, &g->store_end, TALK_STORE, 0, g, store_on_frame);
	test_peer_up(&g->t, &g->vault_end, TALK_VAULT, 0, g, nothing_expected);
	test_peer_up(&g->t, &g->login_end, TALK_LOGIN, 3, g, nothing_expected);
}

static void
stage_end(struct stage *g)
{
	while (g->t.role.sessions && loop_run_once(g->loop))
		;
	pop3_free(g->pop3);
	chan_down(&g->store_end);
	chan_down(&g->vault_end);
	chan_down(&g->login_end);
	store_close(g->store);
	test_role_done(&g->t);
	loop_free(g->loop);
}

static void
grant(struct stage *g, str token)
{
	struct talk_grant m = { .session = token, .account = g->ann, .address = S("ann@a.test") };
	struct buf b = { 0 };

	talk_put_grant(&b, &m);
	chan_send(&g->vault_end, TALK_SAY_grant, 0, buf_str(&b), -1);
	buf_done(&b);
}

/* Gives the role one end of a new connection; the other one is the client's. */
static int
hand_over(struct stage *g, str token, const char *input)
{
	struct talk_handover m = { .session = token,
		.id = S("s1"),
		.client = S("192.0.2.7"),
		.tls = true,
		.greeting = S(""),
		.input = str_c(input) };
	struct buf b = { 0 };
	int ends[2];

	CHECK(sock_pair(ends) == OK);
	talk_put_handover(&b, &m);
	chan_send(&g->login_end, TALK_SAY_handover, 0, buf_str(&b), ends[0]);
	buf_done(&b);
	return ends[1];
}

/* A logged-in client, which says and hears the script. */
static void
client_begin(struct stage *g, struct test_client *c, const char *input, const char *const *script)
{
	char token[HANDOVER_TOKEN];

	memset(token, ++g->next_token, sizeof(token));
	grant(g, str_of(token, sizeof(token)));
	test_client_start(c, g->loop, hand_over(g, str_of(token, sizeof(token)), input), script);
}

static void
client_talk(struct stage *g, const char *const *script)
{
	struct test_client c = { 0 };

	client_begin(g, &c, "", script);
	test_until(g->loop, &c.done);
}

#define TALK(g, ...) client_talk((g), SCRIPT(__VA_ARGS__))

/* ---- tests ---- */

static const str prefix = SC("Return-Path: <b@b.test>\r\n"); /* 25 octets */

static void
three_messages(struct stage *g)
{
	deliver(g, prefix, S("Subject: one\r\n\r\nfirst\r\n"), false);                 /* 25 + 23 */
	deliver(g, prefix, S("Subject: two\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n"), true); /* 25 + 34 */
	deliver(g, S(""), S("Subject: three\r\n\r\nno line end"), false);              /* 29 */
}

static void
a_mailbox_is_shown_octet_for_octet(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	TALK(&g, "S: +OK Logged in, 3 messages (136 octets)", "C: STAT", "S: +OK 3 136", "C: LIST",
		"S: +OK *", "S: 1 48", "S: 2 59", "S: 3 29", "S: .", "C: list 2", "S: +OK 2 59", "C: LIST 4",
		"S: -ERR *", "C: LIST 0", "S: -ERR *", "C: LIST x", "S: -ERR *", "C: RETR 1",
		"S: +OK 48 octets", "S: Return-Path: <b@b.test>", "S: Subject: one", "S: ", "S: first",
		"S: .", "C: RETR 2", "S: +OK 59 octets", "S: Return-Path: <b@b.test>", "S: Subject: two",
		"S: ", "S: ..dot", "S: ...", "S: ..", "S: end", "S: .", "C: RETR 3", "S: +OK 29 octets",
		"S: Subject: three", "S: ", "S: no line end", "S: .", "C: RETR", "S: -ERR *", "C: RETR 1 2",
		"S: -ERR *", "C: NOOP", "S: +OK", "C: XYZZY", "S: -ERR *", "C: QUIT", "S: +OK *", "S!");
	CHECK_INT(g.applied, 1);
	CHECK_INT(g.expunges, 0);
	CHECK(test_logged(&g.t, "event=session-ended"));
	stage_end(&g);
}

static void
top_gives_the_header_and_so_many_lines(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	TALK(&g, "S: +OK *", "C: TOP 2 0", "S: +OK *", "S: Return-Path: <b@b.test>", "S: Subject: two",
		"S: ", "S: .", "C: TOP 2 2", "S: +OK *", "S: Return-Path: <b@b.test>", "S: Subject: two",
		"S: ", "S: ..dot", "S: ...", "S: .", "C: TOP 3 99", "S: +OK *", "S: Subject: three",
		"S: ", "S: no line end", "S: .", "C: TOP 1", "S: -ERR *", "C: TOP 9 1", "S: -ERR *",
		"C: TOP 1 -1", "S: -ERR *", "C: QUIT", "S: +OK *", "S!");
	CHECK_INT(g.flaggings, 0); /* TOP is no reading */
	stage_end(&g);
}

static void
deleted_messages_go_at_quit_and_not_before(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	TALK(&g, "S: +OK *", "C: DELE 1", "S: +OK *", "C: DELE 1", "S: -ERR *", "C: RETR 1", "S: -ERR *",
		"C: UIDL 1", "S: -ERR *", "C: STAT", "S: +OK 2 88", "C: LIST", "S: +OK 2 *", "S: 2 59",
		"S: 3 29", "S: .", "C: RSET", "S: +OK *", "C: STAT", "S: +OK 3 136", "C: DELE 3",
		"S: +OK *"); /* and away, without QUIT */
	CHECK_INT(g.expunges, 0);
	TALK(&g, "S: +OK Logged in, 3 messages *", "C: DELE 1", "S: +OK *", "C: DELE 2", "S: +OK *",
		"C: QUIT", "S: +OK *", "S!");
	CHECK_INT(g.expunges, 1);
	TALK(&g, "S: +OK Logged in, 1 messages (29 octets)", "C: LIST", "S: +OK *", "S: 1 29", "S: .",
		"C: QUIT", "S: +OK *", "S!");
	stage_end(&g);
}

static void
a_store_that_refuses_is_told_with_its_code(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	{
		struct test_client c = { 0 };
		client_begin(&g, &c, "", SCRIPT("S: +OK *", "C: DELE 1", "S: +OK *"));
		test_until(g.loop, &c.done);
	}
	g.store_says = STORE_FULL;
	TALK(&g, "S: -ERR [SYS/TEMP] *", "S!");
	stage_end(&g);
}

static void
unique_ids_stay(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	TALK(&g, "S: +OK *", "C: UIDL", "S: +OK *", "S: 1 *00000001", "S: 2 *00000002", "S: 3 *00000003",
		"S: .", "C: DELE 1", "S: +OK *", "C: DELE 2", "S: +OK *", "C: QUIT", "S: +OK *");
	deliver(&g, prefix, S("Subject: four\r\n\r\n\r\n"), false);
	TALK(&g, "S: +OK *", "C: UIDL", "S: +OK *", "S: 1 *00000003", "S: 2 *00000004", "S: .", "C: UIDL 2",
		"S: +OK 2 *00000004", "C: QUIT", "S: +OK *");
	stage_end(&g);
}

static void
one_session_has_the_mailbox(void **state)
{
	struct test_client first = { 0 }, second = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	client_begin(&g, &first, "", SCRIPT("S: +OK *", "C: NOOP", "S: +OK", "C: NOOP", "S: +OK", "S!"));
	client_begin(&g, &second, "", SCRIPT("S: -ERR [IN-USE] *", "S!"));
	test_until(g.loop, &second.done);
	(void)shutdown(first.stream.watch.fd, SHUT_WR); /* the first one ends */
	test_until(g.loop, &first.done);
	TALK(&g, "S: +OK *", "C: QUIT", "S: +OK *");
	stage_end(&g);
}

static void
commands_sent_together_are_answered_in_order(void **state)
{
	struct test_client c = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	client_begin(&g, &c, "STAT\r\nLIST 1\r\nRETR 3\r\nDELE 3\r\nNO",
		SCRIPT("C: OP", "C: STAT", "C: QUIT", "S: +OK Logged in, *", "S: +OK 3 136", "S: +OK 1 48",
			"S: +OK 29 octets", "S: Subject: three", "S: ", "S: no line end", "S: .", "S: +OK *",
			"S: +OK", "S: +OK 2 107", "S: +OK *", "S!"));
	test_until(g.loop, &c.done);
	CHECK_INT(g.expunges, 1);
	stage_end(&g);
}

static void
what_was_retrieved_has_been_seen(void **state)
{
	struct store_mailbox m;
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	three_messages(&g);
	TALK(&g, "S: +OK *", "C: RETR 1", "S: +OK *", "S: *", "S: *", "S: *", "S: *", "S: .", "C: DELE 2",
		"S: +OK *", "C: RETR 3", "S: +OK *", "S: *", "S: *", "S: *", "S: .", "C: RETR 3", "S: +OK *",
		"S: *", "S: *", "S: *", "S: .");
	while (g.t.role.sessions && loop_run_once(g.loop))
		;
	CHECK_INT(g.flaggings, 1);
	CHECK(view_mailbox_by_name(store_now(g.store), g.ann, S("INBOX"), &m) == OK);
	CHECK_INT(m.exists, 3);
	CHECK_INT(m.unseen, 1);
	/* What is seen already is not told again. */
	TALK(&g, "S: +OK *", "C: RETR 1", "S: +OK *", "S: *", "S: *", "S: *", "S: *", "S: .", "C: QUIT",
		"S: +OK *");
	CHECK_INT(g.flaggings, 1);
	stage_end(&g);
}

/* Large bodies take other ways: from the log in pieces, from a file of their own; with dots, they are read and stuffed. */
static void
large_messages_arrive_whole(void **state)
{
	static const size_t sizes[] = { 60 * 1024, 70 * 1024, 200 * 1024, 1200 * 1024 };
	struct stage g;

	(void)state;
	stage_begin(&g, false);
	EACH(sizes, size)
		for (int dots = 0; dots < 2; dots++) {
			struct test_client c = { 0 };
			struct buf body = { 0 };
			char retr[64], first[64];
			const char **script;
			size_t lines = 0, n = 0;

			buf_add(&body, S("Subject: large\r\n\r\n"));
			while (body.n < *size) {
				buf_printf(&body,
					"%sline %zu of many "
					"......................................................\r\n",
					dots ? "." : "", lines++);
			}
			deliver(&g, prefix, buf_str(&body), dots);
			script = mem_new_array(lines + 20, sizeof(*script));
			snprintf(retr, sizeof(retr), "C: RETR %d", (int)(size_i * 2) + dots + 1);
			snprintf(first, sizeof(first), "S: +OK %zu octets", body.n + prefix.n);
			script[n++] = "S: +OK *";
			script[n++] = retr;
			script[n++] = first;
			script[n++] = "S: Return-Path: <b@b.test>";
			script[n++] = "S: Subject: large";
			script[n++] = "S: ";
			for (size_t i = 0; i < lines; i++)
				script[n++] = dots ? "S: ..line * of many "
						     "......................................................"
						   : "S: line * of many "
						     "......................................................";
			script[n++] = "S: .";
			script[n++] = "C: QUIT";
			script[n++] = "S: +OK *";
			client_begin(&g, &c, "", script);
			test_until(g.loop, &c.done);
			free(script);
			buf_done(&body);
		}
	stage_end(&g);
}

static void
both_halves_of_a_session_must_come(void **state)
{
	static const char token[HANDOVER_TOKEN] = "0123456789abcdef",
			  other[HANDOVER_TOKEN] = "fedcba9876543210";
	struct test_client c = { 0 }, lost = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, true);
	/* The connection first, then the right to it. */
	test_client_start(&c, g.loop, hand_over(&g, str_of(token, sizeof(token)), ""),
		SCRIPT("S: +OK *", "C: QUIT", "S: +OK *"));
	CHECK(loop_run_once(g.loop));
	CHECK_INT(g.t.role.sessions, 0);
	grant(&g, str_of(token, sizeof(token)));
	test_until(g.loop, &c.done);
	/* A connection nobody vouches for. */
	test_client_start(
		&lost, g.loop, hand_over(&g, str_of(other, sizeof(other)), "STAT\r\n"), SCRIPT("S!"));
	test_until(g.loop, &lost.done);
	CHECK(test_logged(&g.t, "missing=grant"));
	/* The right comes too late. */
	grant(&g, str_of(other, sizeof(other)));
	CHECK(loop_run_once(g.loop));
	CHECK_INT(g.t.role.sessions, 0);
	stage_end(&g);
}

static void
an_idle_client_is_let_go_and_nothing_is_deleted(void **state)
{
	struct test_client c = { .patience_ms = 3600 * 1000 };
	int64_t begun_ms;
	struct stage g;

	(void)state;
	stage_begin(&g, true);
	three_messages(&g);
	begun_ms = loop_now_ms(g.loop);
	client_begin(&g, &c, "", SCRIPT("S: +OK *", "C: DELE 1", "S: +OK *", "S!"));
	test_until(g.loop, &c.done);
	CHECK_INT((loop_now_ms(g.loop) - begun_ms) / 1000, 600);
	CHECK_INT(g.expunges, 0);
	stage_end(&g);
}

T_MAIN(T(a_mailbox_is_shown_octet_for_octet), T(top_gives_the_header_and_so_many_lines),
	T(deleted_messages_go_at_quit_and_not_before), T(a_store_that_refuses_is_told_with_its_code),
	T(unique_ids_stay), T(one_session_has_the_mailbox), T(commands_sent_together_are_answered_in_order),
	T(what_was_retrieved_has_been_seen), T(large_messages_arrive_whole),
	T(both_halves_of_a_session_must_come), T(an_idle_client_is_let_go_and_nothing_is_deleted))
