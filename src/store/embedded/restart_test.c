/* What a store is after its process, or the machine, went away. */
#include "store/embedded/engine.h"
#include "test/t.h"

#include "store/embedded/test_life.h"

#include "base/mem.h"

#include <fcntl.h>

static uint32_t
exists(struct ts *t, uint32_t account)
{
	return ts_mailbox(store_now(t->s), account, 1).exists;
}

static void
what_was_flushed_is_there_after_a_kill(void **state)
{
	struct ts t;
	uint32_t ann;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	CHECK_INT(store_commit(t.s), OK);
	for (int i = 0; i < 3; i++) {
		ts_deliver(&t, ann, S("x\r\n"));
		CHECK_INT(store_flush(t.s), OK);
	}
	ts_deliver(&t, ann, S("not flushed\r\n"));
	kill_store(&t);
	ts_open(&t);
	CHECK_INT(exists(&t, ann), 3);
	CHECK_STR(ts_read(&t, ann, 1, 3), S("Return-Path: <x@y.test>\r\nx\r\n"));
	CHECK_INT(ts_deliver(&t, ann, S("x\r\n")).uid, 4);
	ts_close(&t);
	ts_open(&t);
	CHECK_INT(exists(&t, ann), 4);
	ts_end(&t);
}

static void
a_torn_tail_is_erased_and_forgotten(void **state)
{
	struct ts t;
	struct store_stats stats;
	uint64_t whole, torn;
	uint32_t ann;
	int fd;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	ts_deliver(&t, ann, S("one\r\n"));
	CHECK_INT(store_commit(t.s), OK);
	fd = open_log(&t, "00000001.seg", O_RDWR);
	whole = file_size(fd);
	ts_deliver(&t, ann, S("two\r\n"));
	ts_deliver(&t, ann, S("three\r\n"));
	CHECK_INT(store_flush(t.s), OK);
	torn = file_size(fd);
	kill_store(&t);
	flip_byte(&t, "00000001.seg",
		whole + 72 +
			40); /* the body of the first, behind the head of the batch: the second is whole */
	ts_open(&t);
	CHECK_INT(exists(&t, ann), 1);
	CHECK(file_size(fd) < torn);
	store_get_stats(t.s, &stats);
	CHECK_INT(stats.damaged, 0);
	CHECK_INT(ts_deliver(&t, ann, S("again\r\n")).uid, 2);
	ts_close(&t);
	ts_open(&t);
	CHECK_INT(exists(&t, ann), 2);
	close(fd);
	ts_end(&t);
}

static void
every_cut_of_the_last_batch_leaves_what_was_acked(void **state)
{
	struct ts t;
	uint64_t whole, end;
	uint32_t ann;
	char *saved;
	int fd;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	ts_deliver(&t, ann, S("one\r\n"));
	CHECK_INT(store_flush(t.s), OK);
	fd = open_log(&t, "00000001.seg", O_RDWR);
	whole = file_size(fd);
	for (int i = 0; i < 4; i++)
		ts_deliver(&t, ann, S("more\r\n"));
	CHECK_INT(store_flush(t.s), OK);
	end = file_size(fd);
	kill_store(&t);
	saved = mem_new(end);
	CHECK(pread(fd, saved, end, 0) == (ssize_t)end);
	for (uint64_t cut = whole; cut <= end; cut += cut == whole ? 1 : 8) {
		uint32_t n, next;

		remove_index(&t);
		CHECK(ftruncate(fd, 0) == 0);
		CHECK(pwrite(fd, saved, cut, 0) == (ssize_t)cut);
		if (cut % 16 == 0) /* a hole of zeros behind it, as file systems leave them */
			CHECK(ftruncate(fd, (off_t)(cut + 4096)) == 0);
		ts_open(&t);
		n = exists(&t, ann);
		CHECK(n >= 1 && n <= 5);
		next = ts_deliver(&t, ann, S("new\r\n")).uid;
		CHECK_INT(next, n + 1);
		CHECK_INT(store_flush(t.s), OK);
		kill_store(&t);
		ts_open(&t);
		CHECK_INT(exists(&t, ann), n + 1);
		kill_store(&t);
	}
	free(saved);
	close(fd);
	ts_open(&t);
	ts_end(&t);
}

static void
damage_below_what_was_durable_is_reported_and_skipped(void **state)
{
	struct ts t;
	struct store_stats stats;
	struct store_email e;
	struct store_delivery d[3];
	uint32_t ann;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 3; i++) {
		d[i] = ts_deliver(&t, ann, S("some body\r\n"));
		CHECK_INT(store_flush(t.s), OK);
	}
	CHECK_INT(view_email(store_now(t.s), ann, d[1].email, &e), OK);
	ts_close(&t);
	flip_byte(&t, "00000001.seg", e.place.offset + 2);
	remove_index(&t);
	ts_open(&t);
	store_get_stats(t.s, &stats);
	CHECK_INT(stats.damaged, 1);
	CHECK_INT(exists(&t, ann), 2);
	CHECK_INT(view_email(store_now(t.s), ann, d[1].email, &e), NOT_FOUND);
	CHECK_INT(view_email(store_now(t.s), ann, d[2].email, &e), OK);
	CHECK_INT(ts_deliver(&t, ann, S("x\r\n")).uid, 4);
	ts_end(&t);
}

static void
damage_to_the_last_batch_is_no_torn_tail_after_a_clean_end(void **state)
{
	struct ts t;
	struct store_stats stats;
	struct store_email e;
	struct store_delivery d;
	uint32_t ann;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	d = ts_deliver(&t, ann, S("last\r\n"));
	CHECK_INT(view_email(store_now(t.s), ann, d.email, &e), OK);
	ts_close(&t);
	flip_byte(&t, "00000001.seg", e.place.offset);
	remove_index(&t);
	ts_open(&t);
	store_get_stats(t.s, &stats);
	CHECK_INT(stats.damaged, 1);
	CHECK_INT(exists(&t, ann), 0);
	ts_end(&t);
}

static void
a_damaged_body_is_not_served(void **state)
{
	struct ts t;
	struct store_email e;
	struct store_delivery d;
	str bytes;
	int fd;

	(void)state;
	ts_begin(&t);
	d = ts_deliver(&t, ts_account(&t, "ann@a.test"), S("some body\r\n"));
	CHECK_INT(store_commit(t.s), OK);
	CHECK_INT(view_email(store_now(t.s), d.account, d.email, &e), OK);
	CHECK_INT(store_reader_file(t.r, &e, &fd), OK);
	store_reader_release(t.r, fd);
	flip_byte(&t, "00000001.seg", e.place.offset + 3);
	CHECK_INT(store_reader_load(t.r, &t.a, &e, 1000, &bytes), STORE_CORRUPT);
	e.place.lsn++;
	CHECK_INT(store_reader_file(t.r, &e, &fd), STORE_CORRUPT);
	e.place.file = 9;
	CHECK_INT(store_reader_file(t.r, &e, &fd), STALE);
	ts_end(&t);
}

static void
replay_and_a_new_index_give_the_same_store(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ts_seeds(6); seed++) {
		struct ts t;
		str before;

		ts_begin(&t);
		ts_close(&t);
		t.set.segment_bytes = 20000;
		ts_open(&t);
		live(&t, seed, 1200);
		CHECK_INT(store_flush(t.s), OK);
		before = picture(store_now(t.s), &t.a);
		kill_store(&t);
		ts_open(&t);
		CHECK_STR(picture(store_now(t.s), &t.a), before);
		kill_store(&t);
		remove_index(&t);
		ts_open(&t);
		CHECK_STR(picture(store_now(t.s), &t.a), before);
		live(&t, seed + 100, 300);
		ts_end(&t);
	}
}

static void
a_log_that_nothing_identifies_is_left_alone(void **state)
{
	struct ts t;
	struct store *s;
	char path[128];

	(void)state;
	ts_begin(&t);
	ts_deliver(&t, ts_account(&t, "ann@a.test"), S("x\r\n"));
	ts_close(&t);
	remove_index(&t);
	(void)snprintf(path, sizeof(path), "%s/id", t.dir);
	CHECK(unlink(path) == 0);
	flip_byte(&t, "00000001.seg", 50);
	CHECK_INT(store_open(&t.set, &t.log, &s), STORE_CORRUPT);
	flip_byte(&t, "00000001.seg", 50);
	ts_open(&t);
	CHECK_INT(exists(&t, 1), 1);
	ts_end(&t);
}

static void
a_damaged_index_is_made_anew(void **state)
{
	struct ts t;
	char path[128];
	int fd;

	(void)state;
	ts_begin(&t);
	ts_deliver(&t, ts_account(&t, "ann@a.test"), S("x\r\n"));
	ts_close(&t);
	(void)snprintf(path, sizeof(path), "%s/index/data.mdb", t.dir);
	fd = open(path, O_RDWR);
	CHECK(fd >= 0);
	for (off_t at = 0; at < 8192; at += 8)
		CHECK(pwrite(fd, "garbage!", 8, at) == 8);
	close(fd);
	ts_open(&t);
	CHECK_INT(exists(&t, 1), 1);
	ts_end(&t);
}

T_MAIN(T(what_was_flushed_is_there_after_a_kill), T(a_torn_tail_is_erased_and_forgotten),
	T(every_cut_of_the_last_batch_leaves_what_was_acked),
	T(damage_below_what_was_durable_is_reported_and_skipped),
	T(damage_to_the_last_batch_is_no_torn_tail_after_a_clean_end), T(a_damaged_body_is_not_served),
	T(replay_and_a_new_index_give_the_same_store), T(a_log_that_nothing_identifies_is_left_alone),
	T(a_damaged_index_is_made_anew))
