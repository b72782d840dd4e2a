#include "test/t.h"

#include "store/embedded/test_life.h"

static struct store_stats
stats_of(struct ts *t)
{
	struct store_stats st;

	store_get_stats(t->s, &st);
	return st;
}

/* To the end; how many steps it took. */
static int
compact_all(struct ts *t, uint64_t step)
{
	int n = 0;

	while (store_compact_step(t->s, step)) {
		CHECK_INT(store_commit(t->s), OK);
		CHECK(++n < 20000);
	}
	CHECK_INT(store_commit(t->s), OK);
	return n;
}

static void
begin_small(struct ts *t, uint64_t segment_bytes)
{
	ts_begin(t);
	ts_close(t);
	t->set.segment_bytes = segment_bytes;
	ts_open(t);
}

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	if (getenv("STORE_TEST_LOG"))
		fprintf(stderr, "%s\n", line);
}

static void
check_whole(struct ts *t)
{
	struct store_tool tool = { .dir = t->dir, .say = say };
	uint64_t findings = UINT64_MAX;

	CHECK_INT(store_verify(&tool, &findings), OK);
	CHECK_INT(findings, 0);
}

static void
dead_segments_go_and_living_mail_stays(void **state)
{
	struct ts t;
	struct store_stats before, after;
	struct uid_range most = { 1, 390 };
	struct store_email email;
	struct store_entry e;
	uint32_t ann, count;
	char body[1000];
	size_t n;
	int fd;

	(void)state;
	memset(body, 'b', sizeof(body));
	begin_small(&t, 50000);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 400; i++)
		ts_deliver(&t, ann, str_of(body, sizeof(body)));
	CHECK_INT(store_commit(t.s), OK);
	CHECK(!store_compact_step(t.s, 1 << 20));
	CHECK_INT(view_entries(store_now(t.s), ann, 1, 5, &e, 1, &n), OK);
	CHECK_INT(view_email(store_now(t.s), ann, e.email, &email), OK);
	store_email_keep(&t.a, &email);
	CHECK_INT(store_expunge(t.s, ann, 1, &most, 1, &count), OK);
	CHECK_INT(store_commit(t.s), OK);
	before = stats_of(&t);
	compact_all(&t, 3000);
	after = stats_of(&t);
	CHECK(before.segments >= 9);
	CHECK(after.segments <= 3);
	CHECK(after.log_bytes < 60000);
	CHECK_INT(store_reader_file(t.r, &email, &fd), STALE);
	for (uint32_t uid = 391; uid <= 400; uid++)
		CHECK_INT(ts_read(&t, ann, 1, uid).n, 1025);
	ts_close(&t);
	check_whole(&t);
	ts_open(&t);
	CHECK_INT(ts_deliver(&t, ann, S("x\r\n")).uid, 401);
	ts_end(&t);
}

/* After any life and any compaction, the log that is left gives the same store. */
static void
a_compacted_log_gives_the_same_store(void **state)
{
	uint64_t removed = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= ts_seeds(6); seed++) {
		uint64_t x = seed * 991;
		struct ts t;

		begin_small(&t, 6000);
		for (int round = 0; round < 8; round++) {
			str before, after;

			live(&t, next_random(&x), 150);
			ts_now_ms += (int64_t)(next_random(&x) % 2) * 40 * TS_DAY_MS;
			CHECK_INT(store_commit(t.s), OK);
			before = picture_with(store_now(t.s), &t.a, false);
			if (round % 2) {
				compact_all(&t, 1 + next_random(&x) % 3000);
			} else { /* life goes on between the steps */
				for (int i = 0; i < 30 && store_compact_step(t.s, 500); i++)
					live(&t, next_random(&x), 5);
				before = picture_with(store_now(t.s), &t.a, false);
			}
			/* only what vanished long ago is forgotten */
			CHECK_STR(picture_with(store_now(t.s), &t.a, false), before);
			after = picture(store_now(t.s), &t.a);
			CHECK_INT(store_flush(t.s), OK);
			if (round % 3 == 0)
				kill_store(&t);
			else
				ts_close(&t);
			check_whole(&t);
			if (round % 3 != 1)
				remove_index(&t);
			ts_open(&t);
			CHECK_STR(picture(store_now(t.s), &t.a), after);
		}
		removed += t.s->j.segment - stats_of(&t).segments;
		ts_end(&t);
	}
	CHECK(removed > 10 * ts_seeds(6)); /* segments did go, in each of the lives */
}

static void
compaction_comes_to_an_end(void **state)
{
	struct ts t;
	struct uid_range all = { 1, UINT32_MAX }, *modified;
	uint64_t modseq;
	uint32_t ann;
	size_t n;
	int steps;

	(void)state;
	begin_small(&t, 5000);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 300; i++) {
		struct uid_range one = { (uint32_t)i + 1, (uint32_t)i + 1 };

		ts_deliver(&t, ann, S("x\r\n"));
		for (uint32_t k = 0; k < 4; k++)
			CHECK_INT(store_flag(t.s, &t.a, ann, 1, &one, 1, FLAGS_REPLACE, k + 1, 0, UINT64_MAX,
					  &modseq, &modified, &n),
				OK);
		CHECK_INT(store_flush(t.s), OK);
	}
	steps = compact_all(&t, 1000);
	CHECK(steps > 10);
	CHECK_INT(compact_all(&t, 1000), 0);
	CHECK_INT(store_flag(t.s, &t.a, ann, 1, &all, 1, FLAGS_REPLACE, 0, 0, UINT64_MAX, &modseq, &modified,
			  &n),
		OK);
	for (int i = 0; i < 50; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	compact_all(&t, 1000);
	CHECK_INT(compact_all(&t, 1000), 0);
	ts_close(&t);
	check_whole(&t);
	ts_open(&t);
	ts_end(&t);
}

static void
a_segment_with_damage_in_it_is_left_as_it_is(void **state)
{
	struct ts t;
	struct uid_range most = { 1, 90 };
	struct store_email e;
	uint32_t ann, count;
	char path[128];

	(void)state;
	begin_small(&t, 5000);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 100; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_commit(t.s), OK);
	CHECK_INT(view_email(store_now(t.s), ann, 60, &e), OK);
	CHECK(e.place.file > 1);
	CHECK_INT(store_expunge(t.s, ann, 1, &most, 1, &count), OK);
	CHECK_INT(store_commit(t.s), OK);
	(void)snprintf(path, sizeof(path), "%08llx.seg", (unsigned long long)e.place.file);
	flip_byte(&t, path, e.place.offset);
	compact_all(&t, 100000);
	(void)snprintf(path, sizeof(path), "%s/log/%08llx.seg", t.dir, (unsigned long long)e.place.file);
	CHECK(access(path, F_OK) == 0);
	ts_end(&t);
}

static void
ids_are_not_used_again_when_nothing_remembers_them(void **state)
{
	struct ts t;
	struct store_email e;
	struct store_delivery d = { 0 };
	uint32_t ann, bob, box, count, again;

	(void)state;
	begin_small(&t, 4000);
	ann = ts_account(&t, "ann@a.test");
	bob = ts_account(&t, "bob@a.test");
	CHECK_INT(store_create_mailbox(t.s, ann, S("Box"), ROLE_NONE, &box), OK);
	for (int i = 0; i < 50; i++)
		d = ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_expunge(t.s, ann, 1, &(struct uid_range){ 1, 50 }, 1, &count), OK);
	CHECK_INT(store_delete_mailbox(t.s, ann, box), OK);
	CHECK_INT(store_remove_account(t.s, bob), OK);
	CHECK_INT(store_commit(t.s), OK);
	for (int i = 0; i < 5; i++) {
		struct store_delivery x;

		for (int k = 0; k < 40; k++)
			x = ts_deliver(&t, ann, S("x\r\n"));
		CHECK_INT(store_expunge(t.s, ann, 1, &(struct uid_range){ 1, x.uid - 1 }, 1, &count), OK);
		CHECK_INT(store_commit(t.s), OK);
		compact_all(&t, 10000);
	}
	CHECK(stats_of(&t).segments <= 2);
	ts_close(&t);
	check_whole(&t);
	remove_index(&t);
	ts_open(&t);
	d = ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(d.uid, 251);
	CHECK_INT(d.email, 251);
	CHECK_INT(view_email(store_now(t.s), ann, 250, &e), OK);
	CHECK_INT(store_create_mailbox(t.s, ann, S("Box"), ROLE_NONE, &again), OK);
	CHECK(again > box);
	CHECK(ts_account(&t, "bob@a.test") > bob);
	ts_end(&t);
}

static void
what_vanished_is_known_for_months_and_then_forgotten(void **state)
{
	struct ts t;
	struct store_changes c;
	struct store_mailbox m;
	uint64_t since;
	uint32_t ann, count;

	(void)state;
	begin_small(&t, 4000);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 100; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	since = ts_mailbox(store_now(t.s), ann, 1).modseq;
	CHECK_INT(store_expunge(t.s, ann, 1, &(struct uid_range){ 1, 99 }, 1, &count), OK);
	for (int i = 0; i < 100; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_commit(t.s), OK);
	compact_all(&t, 100000);
	CHECK_INT(view_changes(store_now(t.s), &t.a, ann, 1, since, &c), OK);
	CHECK(c.exact);
	CHECK_INT(c.vanished_n, 1);
	CHECK_INT(c.vanished[0].last, 99);

	ts_now_ms += (int64_t)100 * TS_DAY_MS;
	for (int i = 0; i < 3; i++) {
		m = ts_mailbox(store_now(t.s), ann, 1);
		CHECK_INT(
			store_expunge(t.s, ann, 1, &(struct uid_range){ 100, m.uidnext - 1 }, 1, &count), OK);
		for (int k = 0; k < 60; k++)
			ts_deliver(&t, ann, S("x\r\n"));
		CHECK_INT(store_commit(t.s), OK);
		compact_all(&t, 100000);
	}
	CHECK_INT(view_changes(store_now(t.s), &t.a, ann, 1, since, &c), OK);
	CHECK(!c.exact);
	m = ts_mailbox(store_now(t.s), ann, 1);
	CHECK(m.chg_floor > since);
	CHECK_INT(view_changes(store_now(t.s), &t.a, ann, 1, m.chg_floor, &c), OK);
	CHECK(c.exact);
	ts_close(&t);
	check_whole(&t);
	ts_open(&t);
	ts_end(&t);
}

T_MAIN(T(what_vanished_is_known_for_months_and_then_forgotten), T(dead_segments_go_and_living_mail_stays),
	T(a_compacted_log_gives_the_same_store), T(compaction_comes_to_an_end),
	T(a_segment_with_damage_in_it_is_left_as_it_is),
	T(ids_are_not_used_again_when_nothing_remembers_them))
