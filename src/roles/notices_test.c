#include "roles/notices.h"

#include "test/t.h"

#include "roles/store/role.h"
#include "roles/test_role.h"
#include "store/store.h"

/* The role store as it is, and readers in the same process: their ends of channels, subscriptions, and views of what is committed. */
struct reader {
	struct stage *stage;
	struct chan chan;
	struct notices notices;
	unsigned frames;
	bool deaf;
};
struct ear {
	struct subscription sub;
	struct stage *stage;
	unsigned calls;
	struct notice last;
	uint32_t seen; /* messages that a view begun in the call shows */
	bool leaves;   /* ends its subscription when it is called */
	struct ear *other;
};
struct stage {
	struct test_role t;
	struct loop *loop;
	struct storekeeper *keeper;
	struct store_reader *view;
	struct reader readers[3];
	uint32_t ann, ben, sent;
};

static void
on_frame(struct chan *c, struct frame *f)
{
	struct reader *r = c->ctx;

	r->frames++;
	CHECK(notices_on_frame(&r->notices, f));
}

static void
reader_up(struct reader *r, uint32_t number)
{
	int ends[2];

	CHECK(sock_pair(ends) == OK);
	chan_up(&r->chan, ends[0]);
	r->stage->t.role.on_peer(&r->stage->t.role, TALK_POP3, number, ends[1]);
}

static void
keeper_up(struct stage *g)
{
	g->keeper = storekeeper_new(&g->t.role);
	CHECK(g->keeper != NULL);
	CHECK(store_reader_beside(g->keeper->store, &g->view) == OK);
}

static void
keeper_down(struct stage *g)
{
	store_reader_close(g->view);
	storekeeper_free(g->keeper);
	g->view = NULL;
	g->keeper = NULL;
}

static void
deliver(struct stage *g, uint32_t account, uint32_t mailbox)
{
	struct store_message m = { .body = S("Subject: x\r\n\r\ny\r\n"), .row = S("row") };
	struct store_delivery d = { .account = account, .mailbox = mailbox };

	CHECK(store_accept(g->keeper->store, &m, &d, 1) == OK);
}

/* Until nothing is left to do at once. */
static void
settle(struct stage *g)
{
	for (int i = 0; i < 20; i++) {
		loop_hurry(g->loop);
		(void)loop_run_once(g->loop);
	}
}

static void
commit(struct stage *g)
{
	CHECK(store_commit(g->keeper->store) == OK);
	settle(g);
}

static int
begin(void **state)
{
	struct stage *g = NEW(struct stage);
	struct store_account ann = { .address = S("ann@a.test") }, ben = { .address = S("ben@a.test") };

	g->loop = loop_new();
	test_role_init(&g->t, TALK_STORE, "mydestination = a.test\nqueue_minfree = 0\n", g->loop);
	keeper_up(g);
	CHECK(store_put_account(g->keeper->store, &ann, &g->ann) == OK);
	CHECK(store_put_account(g->keeper->store, &ben, &g->ben) == OK);
	CHECK(store_create_mailbox(g->keeper->store, g->ann, S("Sent"), ROLE_SENT, &g->sent) == OK);
	CHECK(store_commit(g->keeper->store) == OK);
	for (uint32_t i = 0; i < COUNT(g->readers); i++) {
		struct reader *r = &g->readers[i];

		r->stage = g;
		chan_init(&r->chan, g->loop, "store", STORE_DOWN);
		r->chan.ctx = r;
		r->chan.on_frame = on_frame;
		notices_init(&r->notices, g->loop, &r->chan);
		reader_up(r, i);
	}
	*state = g;
	return 0;
}

static int
end(void **state)
{
	struct stage *g = *state;

	for (size_t i = 0; i < COUNT(g->readers); i++) {
		chan_down(&g->readers[i].chan);
		notices_done(&g->readers[i].notices);
	}
	if (g->keeper)
		keeper_down(g);
	test_role_done(&g->t);
	loop_free(g->loop);
	free(g);
	return 0;
}

static void
hear(struct subscription *s, const struct notice *n)
{
	struct ear *e = CONTAINER(s, struct ear, sub);
	struct store_mailbox m = { 0 };
	struct store_view *v;

	e->calls++;
	e->last = *n;
	CHECK(store_view_begin(e->stage->view, &v) == OK);
	if (view_mailbox(v, n->account, n->mailbox, &m) == OK) {
		CHECK(m.modseq >= n->modseq); /* who looks sees at least what he was told of */
		e->seen = m.exists;
	}
	store_view_end(v);
	if (e->leaves)
		notices_unsubscribe(&e->stage->readers[0].notices, &e->sub);
	if (e->other)
		notices_unsubscribe(&e->stage->readers[0].notices, &e->other->sub);
}

static struct ear
ear_of(struct stage *g)
{
	return (struct ear){ .sub = { .fn = hear }, .stage = g };
}

/* ---- */

static void
a_subscriber_is_told_how_things_stand_and_then_of_each_commit(void **state)
{
	struct stage *g = *state;
	struct notices *n = &g->readers[0].notices;
	struct ear e = ear_of(g);

	notices_subscribe(n, &e.sub, g->ann, 1);
	settle(g);
	CHECK_INT(e.calls, 1);
	CHECK_INT(e.last.exists, 0);
	deliver(g, g->ann, 0);
	commit(g);
	CHECK_INT(e.calls, 2);
	CHECK_INT(e.last.exists, 1);
	CHECK_INT(e.seen, 1);
	deliver(g, g->ann, g->sent); /* another mailbox, another account */
	deliver(g, g->ben, 0);
	commit(g);
	CHECK_INT(e.calls, 2);
	notices_unsubscribe(n, &e.sub);
	deliver(g, g->ann, 0);
	commit(g);
	CHECK_INT(e.calls, 2);
	CHECK_INT(g->keeper->topics.n, 0);
}

static void
flags_and_expunges_count_as_changes(void **state)
{
	struct stage *g = *state;
	struct ear e = ear_of(g);
	struct uid_range one = { 1, 1 }, *modified;
	struct arena a = { 0 };
	uint64_t modseq;
	uint32_t count;
	size_t n;

	deliver(g, g->ann, 0);
	notices_subscribe(&g->readers[0].notices, &e.sub, g->ann, 1);
	commit(g);
	CHECK_INT(e.calls, 1);
	CHECK(store_flag(g->keeper->store, &a, g->ann, 1, &one, 1, FLAGS_ADD, FLAG_SEEN, 0, UINT64_MAX,
		      &modseq, &modified, &n) == OK);
	commit(g);
	CHECK_INT(e.calls, 2);
	CHECK_INT(e.last.modseq, modseq);
	CHECK(store_expunge(g->keeper->store, g->ann, 1, &one, 1, &count) == OK);
	commit(g);
	CHECK_INT(e.calls, 3);
	CHECK_INT(e.last.exists, 0);
	notices_unsubscribe(&g->readers[0].notices, &e.sub);
	arena_done(&a);
}

static void
many_effects_of_one_commit_are_one_notice(void **state)
{
	struct stage *g = *state;
	struct ear e = ear_of(g);

	notices_subscribe(&g->readers[0].notices, &e.sub, g->ann, 1);
	settle(g);
	g->readers[0].frames = 0;
	for (int i = 0; i < 500; i++)
		deliver(g, g->ann, 0);
	commit(g);
	CHECK_INT(g->readers[0].frames, 1);
	CHECK_INT(e.last.exists, 500);
	notices_unsubscribe(&g->readers[0].notices, &e.sub);
}

static void
nothing_is_said_before_it_can_be_seen(void **state)
{
	struct stage *g = *state;
	struct ear e = ear_of(g);

	notices_subscribe(&g->readers[0].notices, &e.sub, g->ann, 1);
	settle(g);
	deliver(g, g->ann, 0);
	CHECK(store_flush(g->keeper->store) == OK);
	loop_hurry(g->loop);
	(void)loop_run_once(g->loop);
	CHECK_INT(e.calls, 1);
	for (int i = 0; i < 100 && e.calls < 2; i++) /* the role commits by itself after some milliseconds */
		(void)loop_run_once(g->loop);
	CHECK_INT(e.calls, 2);
	CHECK_INT(e.seen, 1);
	notices_unsubscribe(&g->readers[0].notices, &e.sub);
}

static void
a_process_watches_a_mailbox_once_for_all_its_sessions(void **state)
{
	struct stage *g = *state;
	struct notices *n = &g->readers[0].notices;
	struct ear ears[50];

	for (size_t i = 0; i < COUNT(ears); i++) {
		ears[i] = ear_of(g);
		notices_subscribe(n, &ears[i].sub, g->ann, 1);
	}
	settle(g);
	CHECK_INT(g->readers[0].frames, 1);
	deliver(g, g->ann, 0);
	commit(g);
	CHECK_INT(g->readers[0].frames, 2);
	for (size_t i = 0; i < COUNT(ears); i++) {
		CHECK_INT(ears[i].calls, 2);
		notices_unsubscribe(n, &ears[i].sub);
	}
	settle(g);
	CHECK_INT(g->keeper->topics.n, 0);
}

static void
subscriptions_may_end_while_they_are_called(void **state)
{
	struct stage *g = *state;
	struct notices *n = &g->readers[0].notices;
	struct ear a = ear_of(g), b = ear_of(g), c = ear_of(g);

	notices_subscribe(n, &a.sub, g->ann, 1);
	notices_subscribe(n, &b.sub, g->ann, 1);
	notices_subscribe(n, &c.sub, g->ann, 1);
	settle(g);
	a.leaves = true;
	a.other = &b;
	deliver(g, g->ann, 0);
	commit(g);
	CHECK_INT(a.calls, 2);
	CHECK_INT(b.calls, 1);
	CHECK_INT(c.calls, 2);
	c.leaves = true;
	deliver(g, g->ann, 0);
	commit(g);
	CHECK_INT(c.calls, 3);
	CHECK_INT(g->keeper->topics.n, 0); /* the last one told the store */
}

static void
each_reader_hears_of_what_it_watches(void **state)
{
	struct stage *g = *state;
	struct ear a = ear_of(g), b = ear_of(g);

	notices_subscribe(&g->readers[0].notices, &a.sub, g->ann, 1);
	notices_subscribe(&g->readers[1].notices, &b.sub, g->ann, 1);
	settle(g);
	deliver(g, g->ann, 0);
	commit(g);
	CHECK_INT(a.calls, 2);
	CHECK_INT(b.calls, 2);
	CHECK_INT(g->readers[2].frames, 0);
	chan_down(&g->readers[1].chan); /* a reader dies: its watches go with it */
	settle(g);
	notices_unsubscribe(&g->readers[0].notices, &a.sub);
	settle(g);
	CHECK_INT(g->keeper->topics.n, 0);
	notices_unsubscribe(&g->readers[1].notices, &b.sub);
}

static void
a_mailbox_that_goes_is_told_and_watched_no_more(void **state)
{
	struct stage *g = *state;
	struct notices *n = &g->readers[0].notices;
	struct ear sent = ear_of(g), inbox = ear_of(g);

	notices_subscribe(n, &sent.sub, g->ann, g->sent);
	notices_subscribe(n, &inbox.sub, g->ann, 1);
	settle(g);
	CHECK(store_delete_mailbox(g->keeper->store, g->ann, g->sent) == OK);
	commit(g);
	CHECK_INT(sent.last.fault, NOT_FOUND);
	CHECK(sent.sub.topic == NULL);
	CHECK(store_remove_account(g->keeper->store, g->ann) == OK);
	commit(g);
	CHECK_INT(inbox.last.fault, NOT_FOUND);
	CHECK_INT(g->keeper->topics.n, 0);
	CHECK_INT(n->topics.n, 0);
}

static void
when_the_store_comes_back_everything_is_watched_anew(void **state)
{
	struct stage *g = *state;
	struct reader *r = &g->readers[0];
	struct ear inbox = ear_of(g), sent = ear_of(g);

	notices_subscribe(&r->notices, &inbox.sub, g->ann, 1);
	notices_subscribe(&r->notices, &sent.sub, g->ann, g->sent);
	settle(g);
	keeper_down(g);
	settle(g);
	CHECK(!chan_is_up(&r->chan));
	keeper_up(g);
	deliver(g, g->ann, 0); /* before the reader is there again */
	CHECK(store_commit(g->keeper->store) == OK);
	reader_up(r, 0);
	notices_store_up(&r->notices);
	settle(g);
	CHECK_INT(inbox.calls, 2);
	CHECK_INT(inbox.last.exists, 1);
	CHECK_INT(sent.calls, 1); /* nothing happened there */
	deliver(g, g->ann, g->sent);
	commit(g);
	CHECK_INT(sent.calls, 2);
	notices_unsubscribe(&r->notices, &inbox.sub);
	notices_unsubscribe(&r->notices, &sent.sub);
}

/* A peer that asks and does not read. */
static void
who_does_not_read_costs_a_bounded_buffer_and_stops_nobody(void **state)
{
	struct stage *g = *state;
	struct ear e = ear_of(g);
	struct talk_watch m = { g->ann, 1 };
	struct buf b = { 0 };
	struct store_peer *peer = NULL;
	int ends[2], small = 4096;
	size_t most = 0;

	CHECK(sock_pair(ends) == OK);
	CHECK(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
	g->t.role.on_peer(&g->t.role, TALK_POP3, 9, ends[1]);
	for (size_t i = 0; i < STORE_PEERS; i++)
		if (g->keeper->peers[i].number == 9)
			peer = &g->keeper->peers[i];
	CHECK(peer != NULL);
	talk_put_watch(&b, &m);
	/* the frame by hand: what rt/chan.h sends, through a channel whose end is never read again */
	{
		struct chan c;

		chan_init(&c, g->loop, "deaf", STORE_DOWN);
		c.on_frame = on_frame;
		chan_up(&c, ends[0]);
		chan_send(&c, TALK_SAY_watch, 0, buf_str(&b), -1);
		chan_flush(&c);
		watch_stop(&c.watch);
		notices_subscribe(&g->readers[0].notices, &e.sub, g->ann, 1);
		for (int i = 0; i < 2000; i++) {
			deliver(g, g->ann, 0);
			CHECK(store_commit(g->keeper->store) == OK);
			loop_hurry(g->loop);
			(void)loop_run_once(g->loop);
			most = MAX(most, peer->chan.out.n - peer->chan.out_at);
		}
		settle(g);
		CHECK_INT(most / 32768, 1);     /* its backlog was reached, and not passed */
		CHECK_INT(e.last.exists, 2000); /* the other one heard everything */
		chan_down(&c);
	}
	buf_done(&b);
	notices_unsubscribe(&g->readers[0].notices, &e.sub);
}

static void
a_process_may_watch_so_many_and_no_more(void **state)
{
	struct stage *g = *state;
	struct ear e = ear_of(g);

	settle(g);
	for (size_t i = 0; i < STORE_PEERS; i++)
		g->keeper->peers[i].watches = STORE_WATCHES;
	notices_subscribe(&g->readers[0].notices, &e.sub, g->ann, 1);
	settle(g);
	CHECK_INT(e.last.fault, TOO_BUSY);
	CHECK_INT(g->keeper->topics.n, 0);
	for (size_t i = 0; i < STORE_PEERS; i++)
		g->keeper->peers[i].watches = 0;
	notices_unsubscribe(&g->readers[0].notices, &e.sub);
}

static void
what_breaks_the_rules_takes_the_channel_down(void **state)
{
	struct stage *g = *state;
	struct reader *r = &g->readers[0];
	struct talk_watch m = { 0, 0 };
	struct buf b = { 0 };
	struct frame bad = { .type = TALK_SAY_notice, .payload = S("x"), .fd = -1 };

	CHECK(!notices_on_frame(&r->notices, &bad));
	talk_put_watch(&b, &m);
	chan_send(&r->chan, TALK_SAY_watch, 0, buf_str(&b), -1);
	settle(g);
	CHECK(!chan_is_up(&r->chan));
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define STAGED(f) cmocka_unit_test_setup_teardown(f, begin, end)
		STAGED(a_subscriber_is_told_how_things_stand_and_then_of_each_commit),
		STAGED(flags_and_expunges_count_as_changes),
		STAGED(many_effects_of_one_commit_are_one_notice),
		STAGED(nothing_is_said_before_it_can_be_seen),
		STAGED(a_process_watches_a_mailbox_once_for_all_its_sessions),
		STAGED(subscriptions_may_end_while_they_are_called),
		STAGED(each_reader_hears_of_what_it_watches),
		STAGED(a_mailbox_that_goes_is_told_and_watched_no_more),
		STAGED(when_the_store_comes_back_everything_is_watched_anew),
		STAGED(who_does_not_read_costs_a_bounded_buffer_and_stops_nobody),
		STAGED(a_process_may_watch_so_many_and_no_more),
		STAGED(what_breaks_the_rules_takes_the_channel_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
