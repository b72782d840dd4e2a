#include "test/t.h"

#include "store/embedded/test_life.h"

#include <sys/file.h>

struct told {
	struct buf lines;
	int per_mille;
};

static void
hear(void *ctx, const char *line)
{
	struct told *told = ctx;

	buf_add_c(&told->lines, line);
	buf_add_char(&told->lines, '\n');
}

static void
progress(void *ctx, int per_mille)
{
	struct told *told = ctx;

	CHECK(per_mille >= told->per_mille && per_mille <= 1000);
	told->per_mille = per_mille;
}

static uint64_t
findings(struct ts *t, struct told *told)
{
	struct store_tool tool = { .dir = t->dir, .say = hear, .progress = progress, .ctx = told };
	uint64_t n = UINT64_MAX;

	buf_clear(&told->lines);
	told->per_mille = 0;
	CHECK_INT(store_verify(&tool, &n), OK);
	if (getenv("STORE_TEST_LOG") && told->lines.n)
		fprintf(stderr, "%.*s", STR_ARG(buf_str(&told->lines)));
	return n;
}

static void
begin_life(struct ts *t, uint64_t seed, int steps)
{
	ts_begin(t);
	ts_close(t);
	t->set.segment_bytes = 20000;
	ts_open(t);
	live(t, seed, steps);
	CHECK_INT(store_flush(t->s), OK);
}

static void
a_sound_store_has_no_findings(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ts_seeds(3); seed++) {
		struct told told = { 0 };
		struct ts t;
		uint64_t n;
		struct store_tool tool = { .dir = t.dir };

		begin_life(&t, seed, 1000);
		CHECK_INT(store_verify(&tool, &n), TOO_BUSY);
		ts_close(&t);
		CHECK_INT(findings(&t, &told), 0);
		CHECK(told.per_mille > 900);
		ts_open(&t);
		live(&t, seed, 300);
		kill_store(&t); /* the index is behind the log now */
		CHECK_INT(findings(&t, &told), 0);
		ts_open(&t);
		ts_end(&t);
		buf_done(&told.lines);
	}
}

/* Changes one row of the index behind the store's back. */
static void
spoil_row(struct ts *t, enum account_row_kind kind, bool remove)
{
	struct log log = { 0 };
	struct index_settings set = { .dir = arena_printf(&t->a, "%s/index", t->dir).p };
	struct index *ix;
	struct index_txn *txn;
	struct key k;
	str key, value;
	char *changed;

	CHECK_INT(index_open(&set, &log, &ix), OK);
	CHECK_INT(index_begin_write(ix, &txn), OK);
	for (uint32_t account = 1;; account++) { /* the first that has one */
		key_of_account(&k, account, kind);
		CHECK_INT(index_seek(txn, key_str(&k), &key, &value), OK);
		if (str_starts(key, key_str(&k)))
			break;
	}
	k.n = key.n;
	memcpy(k.bytes, key.p, key.n);
	changed = arena_cstr(&t->a, value);
	changed[value.n - 1] = (char)(changed[value.n - 1] ^ 1);
	if (remove)
		CHECK_INT(index_remove(txn, key_str(&k)), OK);
	else
		CHECK_INT(index_put(txn, key_str(&k), str_of(changed, value.n)), OK);
	CHECK_INT(index_commit(txn), OK);
	index_close(ix);
}

static void
each_kind_of_damage_to_the_index_is_found_and_healed_by_a_rebuild(void **state)
{
	(void)state;
	for (int kind = OF_STATE; kind <= OF_EMAIL; kind++) {
		struct told told = { 0 };
		struct ts t;
		struct store_tool tool = { .dir = t.dir, .say = hear, .progress = progress, .ctx = &told };
		str before;

		begin_life(&t, 5, 800);
		before = picture(store_now(t.s), &t.a);
		ts_close(&t);
		spoil_row(&t, (enum account_row_kind)kind, kind % 2);
		CHECK(findings(&t, &told) > 0);
		told.per_mille = 0;
		CHECK_INT(store_rebuild(&tool), OK);
		CHECK_INT(findings(&t, &told), 0);
		ts_open(&t);
		CHECK_STR(picture(store_now(t.s), &t.a), before);
		ts_end(&t);
		buf_done(&told.lines);
	}
}

static void
damage_to_the_log_is_found(void **state)
{
	struct told told = { 0 };
	struct ts t;

	(void)state;
	begin_life(&t, 6, 800);
	ts_close(&t);
	flip_byte(&t, "00000002.seg", 3000);
	CHECK(findings(&t, &told) > 0);
	CHECK(str_find_str(buf_str(&told.lines), S("segment 00000002")) < told.lines.n);
	ts_open(&t);
	ts_end(&t);
	buf_done(&told.lines);
}

/* A folder beside the store's. */
static struct ts
sibling(struct ts *t)
{
	struct ts other = *t;

	(void)snprintf(other.dir, sizeof(other.dir), "%.60s.2", t->dir);
	other.set.dir = NULL;
	other.s = NULL;
	other.r = NULL;
	return other;
}

static void
remove_all(const char *dir)
{
	nftw(dir, ts_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
deliver_large(struct ts *t, uint32_t account)
{
	struct store_delivery d = { .account = account };
	struct store_message m = { .row = S("r") };

	CHECK_INT(store_large_new(t->s, &m.large), OK);
	CHECK_INT(store_large_add(m.large, S("a large body, as it were\r\n")), OK);
	CHECK_INT(store_large_sync(m.large), OK);
	CHECK_INT(store_accept(t->s, &m, &d, 1), OK);
}

static void
a_backup_of_a_store_in_use_restores_to_what_it_was(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 4; seed++) {
		struct told told = { 0 };
		struct ts t, back, again;
		struct store_tool tool = { .dir = t.dir, .say = hear, .ctx = &told },
				  restore = { .dir = again.dir, .say = hear, .ctx = &told };
		str before;

		begin_life(&t, seed, 700);
		deliver_large(&t, some_account(&t, 1));
		CHECK_INT(store_flush(t.s), OK);
		before = picture(store_now(t.s), &t.a);
		back = sibling(&t);
		again = sibling(&back);
		CHECK_INT(store_backup(&tool, back.dir), OK);
		CHECK_INT(store_backup(&tool, back.dir), ALREADY_EXISTS);
		live(&t, seed, 300); /* what is linked does not change */
		CHECK_INT(store_restore(&restore, back.dir), OK);
		CHECK_INT(store_restore(&restore, back.dir), ALREADY_EXISTS);
		CHECK_INT(findings(&again, &told), 0);
		again.set.dir = again.dir;
		ts_open(&again);
		CHECK_STR(picture(store_now(again.s), &t.a), before);
		ts_close(&again);
		remove_all(back.dir);
		remove_all(again.dir);
		ts_end(&t);
		buf_done(&told.lines);
	}
}

static void
a_backup_leaves_out_a_batch_that_is_being_written(void **state)
{
	struct told told = { 0 };
	struct ts t, back, again;
	struct store_tool tool = { .dir = t.dir, .say = hear, .ctx = &told },
			  restore = { .dir = again.dir, .say = hear, .ctx = &told };
	uint64_t end;
	uint32_t ann;
	int fd;

	(void)state;
	ts_begin(&t);
	back = sibling(&t);
	again = sibling(&back);
	ann = ts_account(&t, "ann@a.test");
	ts_deliver(&t, ann, S("one\r\n"));
	CHECK_INT(store_flush(t.s), OK);
	ts_deliver(&t, ann, S("two\r\n"));
	ts_deliver(&t, ann, S("three\r\n"));
	CHECK_INT(store_flush(t.s), OK);
	fd = open_log(&t, "00000001.seg", O_RDWR);
	end = file_size(fd);
	CHECK(ftruncate(fd, (off_t)end - 30) == 0); /* as if "three" were half written */
	CHECK_INT(store_backup(&tool, back.dir), OK);
	CHECK_INT(store_restore(&restore, back.dir), OK);
	again.set.dir = again.dir;
	ts_open(&again);
	CHECK_INT(ts_mailbox(store_now(again.s), ann, 1).exists, 1);
	ts_close(&again);
	remove_all(back.dir);
	remove_all(again.dir);
	close(fd);
	kill_store(&t);
	ts_open(&t);
	ts_end(&t);
	buf_done(&told.lines);
}

static void
nothing_is_removed_while_a_backup_looks(void **state)
{
	struct ts t;
	char path[128], lock[128];
	uint32_t ann, count;
	int fd;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	deliver_large(&t, ann);
	CHECK_INT(store_commit(t.s), OK);
	(void)snprintf(path, sizeof(path), "%s/body/%016x", t.dir, 1);
	(void)snprintf(lock, sizeof(lock), "%s/backup.lock", t.dir);
	fd = open(lock, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && flock(fd, LOCK_SH) == 0);
	CHECK_INT(store_expunge(t.s, ann, 1, &(struct uid_range){ 1, 1 }, 1, &count), OK);
	CHECK_INT(store_commit(t.s), OK);
	CHECK(access(path, F_OK) == 0);
	close(fd);
	ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_commit(t.s), OK);
	CHECK(access(path, F_OK) != 0);
	ts_end(&t);
}

T_MAIN(T(a_backup_of_a_store_in_use_restores_to_what_it_was),
	T(a_backup_leaves_out_a_batch_that_is_being_written), T(nothing_is_removed_while_a_backup_looks),
	T(a_sound_store_has_no_findings),
	T(each_kind_of_damage_to_the_index_is_found_and_healed_by_a_rebuild), T(damage_to_the_log_is_found))
