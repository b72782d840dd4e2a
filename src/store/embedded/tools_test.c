#include "test/t.h"

#include "store/embedded/test_life.h"

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
	for (uint64_t seed = 1; seed < 4; seed++) {
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

T_MAIN(T(a_sound_store_has_no_findings), T(each_kind_of_damage_to_the_index_is_found_and_healed_by_a_rebuild),
	T(damage_to_the_log_is_found))
