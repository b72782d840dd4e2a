#include "test/t.h"

#include "store/embedded/test_life.h"

static uint32_t
make_mailbox(struct ts *t, uint32_t account, const char *name)
{
	uint32_t id = 0;

	CHECK_INT(store_create_mailbox(t->s, account, str_c(name), ROLE_NONE, &id), OK);
	return id;
}

/* uid flags keywords, of each message of a mailbox */
static str
list(struct ts *t, uint32_t account, uint32_t mailbox)
{
	struct buf b = { 0 };
	struct store_entry e;
	size_t n;
	str text;

	for (uint32_t uid = 1; view_entries(store_now(t->s), account, mailbox, uid, &e, 1, &n) == OK && n;
		uid = e.uid + 1)
		buf_printf(&b, "%u=%u/%llu/%llu ", e.uid, e.flags, (unsigned long long)e.keywords,
			(unsigned long long)e.email);
	text = arena_str(&t->a, buf_str(&b));
	buf_done(&b);
	return text;
}

static void
a_copy_has_the_flags_and_the_identity_of_the_message(void **state)
{
	struct ts t;
	struct uid_range all = { 1, 9 }, second = { 2, 2 }, *modified;
	struct uid_pair *pairs;
	struct store_mailbox m;
	uint32_t ann, sent, count;
	uint64_t modseq;
	size_t n;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	sent = make_mailbox(&t, ann, "Sent");
	ts_deliver(&t, ann, S("one\r\n"));
	ts_deliver(&t, ann, S("two\r\n"));
	ts_deliver(&t, ann, S("three\r\n"));
	CHECK_INT(store_flag(t.s, &t.a, ann, 1, &second, 1, FLAGS_REPLACE, FLAG_SEEN, 5, UINT64_MAX, &modseq,
			  &modified, &n),
		OK);
	CHECK_INT(store_expunge(t.s, ann, 1, &(struct uid_range){ 1, 1 }, 1, &count), OK);
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &all, 1, sent, false, &pairs, &n), OK);
	CHECK_INT(n, 2);
	CHECK(pairs[0].from == 2 && pairs[0].to == 1 && pairs[1].from == 3 && pairs[1].to == 2);
	CHECK_C(list(&t, ann, 1), "2=1/5/2 3=0/0/3 ");
	CHECK_C(list(&t, ann, sent), "1=1/5/2 2=0/0/3 ");
	m = ts_mailbox(store_now(t.s), ann, sent);
	CHECK(m.exists == 2 && m.unseen == 1 && m.uidnext == 3);
	CHECK(m.modseq > modseq);
	CHECK_INT(store_commit(t.s), OK);
	CHECK_INT(ts_read(&t, ann, sent, 2).n, ts_read(&t, ann, 1, 3).n);
	/* the one goes, the other stays */
	CHECK_INT(store_expunge(t.s, ann, 1, &all, 1, &count), OK);
	CHECK_INT(store_commit(t.s), OK);
	CHECK_STR(ts_read(&t, ann, sent, 2), S("Return-Path: <x@y.test>\r\nthree\r\n"));
	ts_end(&t);
}

static void
a_moved_message_is_in_one_mailbox(void **state)
{
	struct ts t;
	struct uid_range some = { 2, 3 };
	struct uid_pair *pairs;
	struct store_changes ch;
	struct store_account a;
	uint32_t ann, trash;
	size_t n;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	trash = make_mailbox(&t, ann, "Trash");
	for (int i = 0; i < 4; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &some, 1, trash, true, &pairs, &n), OK);
	CHECK_INT(n, 2);
	CHECK_C(list(&t, ann, 1), "1=0/0/1 4=0/0/4 ");
	CHECK_C(list(&t, ann, trash), "1=0/0/2 2=0/0/3 ");
	CHECK_INT(view_changes(store_now(t.s), &t.a, ann, 1, 0, &ch), OK);
	CHECK(ch.vanished_n == 1 && ch.vanished[0].first == 2 && ch.vanished[0].last == 3);
	CHECK_INT(view_account(store_now(t.s), ann, &a), OK);
	CHECK_INT(a.used_messages, 4);
	/* within one mailbox: new uids */
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &(struct uid_range){ 1, UINT32_MAX }, 1, 1, true, &pairs, &n),
		OK);
	CHECK_C(list(&t, ann, 1), "5=0/0/1 6=0/0/4 ");
	ts_end(&t);
}

static void
copying_a_mailbox_into_itself_ends(void **state)
{
	struct ts t;
	struct uid_pair *pairs;
	uint32_t ann;
	size_t n;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 1500; i++) /* more than a record's worth */
		ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(
		store_copy(t.s, &t.a, ann, 1, &(struct uid_range){ 1, UINT32_MAX }, 1, 1, false, &pairs, &n),
		OK);
	CHECK_INT(n, 1500);
	CHECK(pairs[1499].from == 1500 && pairs[1499].to == 3000);
	CHECK_INT(ts_mailbox(store_now(t.s), ann, 1).exists, 3000);
	ts_end(&t);
}

static void
what_cannot_be_copied_is_refused_whole(void **state)
{
	struct ts t;
	struct uid_range all = { 1, 9 }, bad[] = { { 3, 4 }, { 4, 5 } };
	struct store_account a = { .quota_bytes = 80, .secret = S("sealed") };
	struct uid_pair *pairs;
	uint32_t ann, box;
	size_t n = 7;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	box = make_mailbox(&t, ann, "box");
	ts_deliver(&t, ann, S("01234567890123456789\r\n"));
	a.id = ann;
	CHECK_INT(store_put_account(t.s, &a, &a.id), OK);
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &all, 1, 77, false, &pairs, &n), NOT_FOUND);
	CHECK_INT(store_copy(t.s, &t.a, ann, 77, &all, 1, box, false, &pairs, &n), NOT_FOUND);
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, bad, 2, box, false, &pairs, &n), BAD_ARGUMENT);
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &all, 1, box, false, &pairs, &n), OVER_QUOTA);
	CHECK_INT(n, 7);
	CHECK_INT(ts_mailbox(store_now(t.s), ann, box).exists, 0);
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &all, 1, box, true, &pairs, &n), OK); /* nothing is added */
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &all, 1, box, true, &pairs, &n), OK); /* nothing is left */
	CHECK_INT(n, 0);
	ts_end(&t);
}

/* Killed behind the flush, index removed: the log alone says it. */
static void
copies_survive_a_kill_and_the_loss_of_the_index(void **state)
{
	struct ts t;
	struct uid_pair *pairs;
	uint32_t ann, box;
	size_t n;
	str before;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	box = make_mailbox(&t, ann, "box");
	for (int i = 0; i < 100; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &(struct uid_range){ 1, 50 }, 1, box, false, &pairs, &n), OK);
	CHECK_INT(store_copy(t.s, &t.a, ann, 1, &(struct uid_range){ 40, 60 }, 1, box, true, &pairs, &n), OK);
	CHECK_INT(store_flush(t.s), OK);
	before = picture(store_now(t.s), &t.a);
	kill_store(&t);
	ts_open(&t);
	CHECK_STR(picture(store_now(t.s), &t.a), before);
	ts_close(&t);
	remove_index(&t);
	ts_open(&t);
	CHECK_STR(picture(store_now(t.s), &t.a), before);
	ts_end(&t);
}

T_MAIN(T(a_copy_has_the_flags_and_the_identity_of_the_message), T(a_moved_message_is_in_one_mailbox),
	T(copying_a_mailbox_into_itself_ends), T(what_cannot_be_copied_is_refused_whole),
	T(copies_survive_a_kill_and_the_loss_of_the_index))
