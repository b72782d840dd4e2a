#include "test/t.h"

#include "store/embedded/test_life.h"

#include "base/mem.h"

static enum fault
append(struct ts *t, uint32_t account, uint64_t once, uint32_t *ret_uid)
{
	uint64_t refs[] = { 77 };
	struct store_message m = { .body = S("Subject: x\r\n\r\ny\r\n"),
		.row = S("row"),
		.once = once,
		.message_id_key = 5,
		.reference_keys = refs,
		.reference_count = 1 };
	struct store_delivery d = { .account = account };
	enum fault f = store_accept(t->s, &m, &d, 1);

	CHECK_INT(f, d.verdict);
	*ret_uid = d.uid;
	return f;
}

static void
reopen(struct ts *t)
{
	ts_close(t);
	ts_open(t);
}

static void
a_message_with_a_key_of_its_own_comes_once(void **state)
{
	uint32_t ann, ben, uid, count;
	struct uid_range first = { 1, 1 };
	struct store_tool tool = { 0 };
	struct ts t;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	ben = ts_account(&t, "ben@a.test");
	CHECK_INT(view_once(store_now(t.s), ann, 1000), NOT_FOUND);
	CHECK_INT(append(&t, ann, 1000, &uid), OK);
	CHECK_INT(append(&t, ann, 1000, &uid), ALREADY_EXISTS); /* before the flush */
	CHECK_INT(store_commit(t.s), OK);
	CHECK_INT(append(&t, ann, 1000, &uid), ALREADY_EXISTS);
	CHECK_INT(view_once(store_now(t.s), ann, 1000), OK);
	CHECK_INT(append(&t, ann, 1001, &uid), OK);
	CHECK_INT(append(&t, ben, 1000, &uid), OK); /* another account */
	CHECK_INT(append(&t, ann, 0, &uid), OK);    /* without a key: as often as one likes */
	CHECK_INT(append(&t, ann, 0, &uid), OK);
	reopen(&t);
	CHECK_INT(append(&t, ann, 1001, &uid), ALREADY_EXISTS);
	ts_close(&t);
	tool.dir = t.dir;
	CHECK_INT(store_rebuild(&tool), OK); /* from the log alone */
	ts_open(&t);
	CHECK_INT(append(&t, ann, 1000, &uid), ALREADY_EXISTS);
	/* the key goes with the email */
	CHECK_INT(store_expunge(t.s, ann, 1, &first, 1, &count), OK);
	CHECK_INT(count, 1);
	CHECK_INT(view_once(store_now(t.s), ann, 1000), NOT_FOUND);
	CHECK_INT(append(&t, ann, 1000, &uid), OK);
	CHECK_INT(append(&t, ann, 1001, &uid), ALREADY_EXISTS);
	ts_end(&t);
}

/* A power cut keeps the front of what was not flushed: what is kept is known, what is not is not. */
static void
a_batch_that_was_not_flushed_leaves_no_key(void **state)
{
	uint32_t ann, uid;
	struct ts t;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	CHECK_INT(store_commit(t.s), OK);
	t.set.least_free_bytes = UINT64_MAX / 2;
	reopen(&t);
	CHECK_INT(append(&t, ann, 1, &uid), STORE_FULL);
	CHECK_INT(view_once(store_now(t.s), ann, 1), NOT_FOUND);
	t.set.least_free_bytes = 0;
	reopen(&t);
	CHECK_INT(append(&t, ann, 1, &uid), OK);
	ts_end(&t);
}

static void
keywords_have_bits_and_go_with_the_account(void **state)
{
	static const str bad[] = { SC(""), SC("a b"), SC("(x"), SC("x)"), SC("{"), SC("%"), SC("*"),
		SC("\"q\""), SC("\\Seen"), SC("]"), SC("\x7f"), SC("\xc3\xa9") };
	uint32_t ann, ben;
	unsigned bit = 99;
	char name[8];
	struct ts t;
	str got;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	ben = ts_account(&t, "ben@a.test");
	EACH(bad, c)
		CHECK_INT(store_put_keyword(t.s, ann, *c, &bit), BAD_ARGUMENT);
	CHECK_INT(store_put_keyword(t.s, 99, S("x"), &bit), NOT_FOUND);
	CHECK_INT(store_put_keyword(t.s, ann, S("$Forwarded"), &bit), OK);
	CHECK_INT(bit, 0);
	CHECK_INT(store_put_keyword(t.s, ann, S("work"), &bit), OK);
	CHECK_INT(bit, 1);
	CHECK_INT(store_put_keyword(t.s, ann, S("$forwarded"), &bit), OK);
	CHECK_INT(bit, 0);
	CHECK_INT(store_put_keyword(t.s, ben, S("work"), &bit), OK);
	CHECK_INT(bit, 0);
	reopen(&t);
	CHECK_INT(view_keyword(store_now(t.s), ann, 1, &got), OK);
	CHECK_STR(got, S("work"));
	CHECK_INT(view_keyword(store_now(t.s), ann, 2, &got), NOT_FOUND);
	CHECK_INT(view_keyword(store_now(t.s), ann, 64, &got), NOT_FOUND);
	for (int i = 2; i < STORE_KEYWORDS; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		CHECK_INT(store_put_keyword(t.s, ann, str_c(name), &bit), OK);
		CHECK_INT(bit, i);
	}
	CHECK_INT(store_put_keyword(t.s, ann, S("one-more"), &bit), TOO_BIG);
	CHECK_INT(store_put_keyword(t.s, ann, S("WORK"), &bit), OK);
	CHECK_INT(store_remove_account(t.s, ann), OK);
	CHECK_INT(view_keyword(store_now(t.s), ann, 0, &got), NOT_FOUND);
	CHECK_INT(view_keyword(store_now(t.s), ben, 0, &got), OK);
	ts_end(&t);
}

T_MAIN(T(a_message_with_a_key_of_its_own_comes_once), T(a_batch_that_was_not_flushed_leaves_no_key),
	T(keywords_have_bits_and_go_with_the_account))
