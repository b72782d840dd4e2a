#include "test/t.h"

#include "store/embedded/test_life.h"

#include "base/mem.h"

#include <dirent.h>

static void
what_was_committed_is_read_by_a_reader(void **state)
{
	struct ts t;
	uint32_t ann;
	struct store_delivery d;
	struct store_view *v;
	struct store_mailbox m;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "Ann@a.test");
	d = ts_deliver(&t, ann, S("Subject: 1\r\n\r\none\r\n"));
	CHECK_INT(d.uid, 1);
	CHECK_INT(d.mailbox, 1);
	CHECK(d.modseq > 0 && d.email > 0);
	m = ts_mailbox(store_now(t.s), ann, 1);
	CHECK_INT(m.exists, 1);

	CHECK_INT(store_view_begin(t.r, &v), OK);
	CHECK_INT(view_mailbox(v, ann, 1, &m), NOT_FOUND);
	store_view_end(v);
	CHECK_INT(store_flush(t.s), OK);
	CHECK_INT(store_view_begin(t.r, &v), OK);
	CHECK_INT(view_mailbox(v, ann, 1, &m), NOT_FOUND);
	store_view_end(v);
	CHECK_INT(store_commit(t.s), OK);
	CHECK_INT(store_view_begin(t.r, &v), OK);
	m = ts_mailbox(v, ann, 1);
	CHECK_STR(m.name, S("INBOX"));
	CHECK_INT(m.role, ROLE_INBOX);
	CHECK_INT(m.exists, 1);
	CHECK_INT(m.unseen, 1);
	CHECK_INT(m.uidnext, 2);
	CHECK_INT(m.modseq, d.modseq);
	CHECK_INT(m.bytes, 25 + 19);
	CHECK_INT(view_applied_lsn(v), store_acked_lsn(t.s));
	store_view_end(v);
	CHECK_STR(ts_read(&t, ann, 1, 1), S("Return-Path: <x@y.test>\r\nSubject: 1\r\n\r\none\r\n"));
	ts_end(&t);
}

static void
a_message_for_several_stands_in_the_log_once_and_each_has_a_verdict(void **state)
{
	struct ts t;
	struct store_account off = { .address = S("off@a.test"), .disabled = true },
			     small = { .address = S("small@a.test"), .quota_bytes = 10 };
	struct store_message m = { .body = S("Subject: x\r\n\r\nhello\r\n"), .row = S("r") };
	struct store_delivery d[7] = { 0 };
	struct store_stats before, after;
	struct store_email e1, e2;
	uint32_t ann, bob, id, list;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	bob = ts_account(&t, "bob@a.test");
	CHECK_INT(store_create_mailbox(t.s, bob, S("List"), ROLE_NONE, &list), OK);
	d[0].account = ann;
	CHECK_INT(store_put_account(t.s, &off, &id), OK);
	d[1].account = id;
	CHECK_INT(store_put_account(t.s, &small, &id), OK);
	d[2].account = id;
	d[3].account = 99;
	d[4].account = bob;
	d[5] = (struct store_delivery){ .account = bob, .mailbox = list, .flags = FLAG_SEEN };
	d[6] = (struct store_delivery){ .account = bob, .mailbox = 77 };
	store_get_stats(t.s, &before);
	CHECK_INT(store_accept(t.s, &m, d, 7), OK);
	store_get_stats(t.s, &after);
	CHECK_INT(d[0].verdict, OK);
	CHECK_INT(d[1].verdict, MAILBOX_DISABLED);
	CHECK_INT(d[2].verdict, OVER_QUOTA);
	CHECK_INT(d[3].verdict, NO_SUCH_MAILBOX);
	CHECK_INT(d[4].verdict, OK);
	CHECK_INT(d[5].verdict, OK);
	CHECK_INT(d[6].verdict, NO_SUCH_MAILBOX);
	CHECK_INT(d[4].email, d[5].email);
	CHECK_INT(d[5].uid, 1);
	CHECK_INT(after.messages - before.messages, 3);
	CHECK_INT(view_email(store_now(t.s), ann, d[0].email, &e1), OK);
	CHECK_INT(view_email(store_now(t.s), bob, d[4].email, &e2), OK);
	CHECK_INT(e1.place.offset, e2.place.offset);
	CHECK_INT(store_accept(t.s, &m, d + 1, 3), MAILBOX_DISABLED);
	CHECK_INT(store_commit(t.s), OK);
	CHECK_STR(ts_read(&t, bob, list, 1), m.body);
	ts_end(&t);
}

static void
the_quota_counts_what_this_message_brings_itself(void **state)
{
	struct ts t;
	struct store_account a = { .address = S("ann@a.test"), .quota_bytes = 25 };
	struct store_message m = { .body = S("0123456789"), .row = S("r") };
	struct store_delivery d[3] = { 0 };
	uint32_t ann;

	(void)state;
	ts_begin(&t);
	CHECK_INT(store_put_account(t.s, &a, &ann), OK);
	d[0].account = d[1].account = d[2].account = ann;
	CHECK_INT(store_accept(t.s, &m, d, 3), OK);
	CHECK_INT(d[0].verdict, OK);
	CHECK_INT(d[1].verdict, OK);
	CHECK_INT(d[1].uid, 2);
	CHECK_INT(d[2].verdict, OVER_QUOTA);
	ts_end(&t);
}

static void
what_was_promised_is_kept_beyond_the_quota(void **state)
{
	struct ts t;
	struct store_account small = { .address = S("small@a.test"), .quota_bytes = 5 };
	struct store_account off = { .address = S("off@a.test") };
	struct store_message m = { .body = S("0123456789"), .row = S("r") };
	struct store_delivery d[6] = { 0 };
	uint32_t ann, id;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	CHECK_INT(store_put_account(t.s, &small, &small.id), OK);
	CHECK_INT(store_put_account(t.s, &off, &off.id), OK);
	off.disabled = true;
	CHECK_INT(store_put_account(t.s, &off, &id), OK);
	for (size_t i = 0; i < COUNT(d); i++)
		d[i].promised = true;
	d[0].account = small.id;
	/* alone it is refused: the sender keeps its copy */
	CHECK_INT(store_accept(t.s, &m, d, 1), OVER_QUOTA);
	d[1] = (struct store_delivery){
		.account = ann, .mailbox = 77, .promised = true
	}; /* the mailbox is gone */
	d[2].account = ann;
	d[3].account = off.id;
	d[4].account = 99;
	d[5] = (struct store_delivery){ .account = small.id }; /* not promised */
	CHECK_INT(store_accept(t.s, &m, d, 6), OK);
	CHECK_INT(d[0].verdict, OK);
	CHECK_INT(d[1].verdict, OK);
	CHECK_INT(d[2].verdict, OK);
	CHECK_INT(d[3].verdict, OK);
	CHECK_INT(d[4].verdict, NO_SUCH_MAILBOX);
	CHECK_INT(d[5].verdict, OVER_QUOTA);
	CHECK_INT(d[1].email, d[2].email);
	CHECK(d[1].mailbox == d[2].mailbox && d[1].uid == 1 && d[2].uid == 2);
	CHECK_INT(store_commit(t.s), OK);
	CHECK_STR(ts_read(&t, small.id, d[0].mailbox, 1), m.body);
	CHECK_STR(ts_read(&t, ann, d[1].mailbox, 1), m.body);
	ts_end(&t);
}

static void
mailboxes_have_names_and_validities_of_their_own(void **state)
{
	struct ts t;
	static const struct {
		str name;
		enum fault fault;
	} names[] = {
		{ SC("Work"), OK },
		{ SC("Work/Plans"), OK },
		{ SC("Work"), ALREADY_EXISTS },
		{ SC("inbox"), ALREADY_EXISTS },
		{ SC(""), BAD_ARGUMENT },
		{ SC("/x"), BAD_ARGUMENT },
		{ SC("x/"), BAD_ARGUMENT },
		{ SC("x//y"), BAD_ARGUMENT },
		{ SC("x\r\ny"), BAD_ARGUMENT },
		{ SC("\xff"), BAD_ARGUMENT },
		{ SC("Entw\xc3\xbcrfe"), OK },
	};
	uint32_t ann, id, at = 0, validity = 0, seen = 0;
	struct store_mailbox m;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	EACH(names, c)
		CHECK_INT(store_create_mailbox(t.s, ann, c->name, ROLE_NONE, &id), c->fault);
	CHECK_INT(store_create_mailbox(t.s, 99, S("x"), ROLE_NONE, &id), NOT_FOUND);
	while (view_next_mailbox(store_now(t.s), ann, &at, &m) == OK) {
		CHECK(m.uidvalidity > validity);
		validity = m.uidvalidity;
		seen++;
	}
	CHECK_INT(seen, 4);
	CHECK_INT(view_mailbox_by_name(store_now(t.s), ann, S("Work"), &m), OK);
	CHECK_INT(store_rename_mailbox(t.s, ann, m.id, S("Play")), OK);
	CHECK_INT(store_rename_mailbox(t.s, ann, 1, S("Else")), NOT_PERMITTED);
	CHECK_INT(store_delete_mailbox(t.s, ann, 1), NOT_PERMITTED);
	CHECK_INT(view_mailbox_by_name(store_now(t.s), ann, S("Work"), &m), NOT_FOUND);
	CHECK_INT(view_mailbox_by_name(store_now(t.s), ann, S("Play"), &m), OK);
	CHECK_INT(store_subscribe_mailbox(t.s, ann, m.id, true), OK);
	CHECK_INT(view_mailbox(store_now(t.s), ann, m.id, &m), OK);
	CHECK(m.subscribed);
	CHECK_INT(store_delete_mailbox(t.s, ann, m.id), OK);
	CHECK_INT(view_mailbox_by_name(store_now(t.s), ann, S("Play"), &m), NOT_FOUND);
	CHECK_INT(store_create_mailbox(t.s, ann, S("Play"), ROLE_NONE, &id), OK);
	CHECK_INT(view_mailbox(store_now(t.s), ann, id, &m), OK);
	CHECK(m.uidvalidity > validity);
	ts_end(&t);
}

static void
people_are_found_without_case_and_listed_in_order(void **state)
{
	struct ts t;
	str targets[2] = { S("ann@a.test"), S("bob@b.test") }, *got, at = S("");
	struct store_account a = { 0 };
	uint32_t ann, bob, next = 0;
	size_t n;

	(void)state;
	ts_begin(&t);
	CHECK_INT(store_put_domain(t.s, S("A.test")), OK);
	CHECK_INT(store_put_domain(t.s, S("a.test")), ALREADY_EXISTS);
	CHECK_INT(store_put_domain(t.s, S("a.tes")), OK);
	CHECK_INT(view_domain(store_now(t.s), S("a.TEST")), OK);
	CHECK_INT(view_next_domain(store_now(t.s), &t.a, &at), OK);
	CHECK_STR(at, S("a.tes"));
	CHECK_INT(view_next_domain(store_now(t.s), &t.a, &at), OK);
	CHECK_STR(at, S("a.test"));
	CHECK_INT(view_next_domain(store_now(t.s), &t.a, &at), NOT_FOUND);
	CHECK_INT(store_remove_domain(t.s, S("a.tes")), OK);
	CHECK_INT(store_remove_domain(t.s, S("a.tes")), NOT_FOUND);

	ann = ts_account(&t, "Ann@a.test");
	bob = ts_account(&t, "bob@a.test");
	a = (struct store_account){ .address = S("ann@A.test") };
	CHECK_INT(store_put_account(t.s, &a, &next), ALREADY_EXISTS);
	CHECK_INT(view_account_by_address(store_now(t.s), S("aNN@a.test"), &a), OK);
	CHECK_INT(a.id, ann);
	CHECK_STR(a.address, S("Ann@a.test"));
	CHECK_STR(a.secret, S("sealed"));
	a = (struct store_account){ .id = ann, .secret = S("new"), .quota_bytes = 7, .disabled = true };
	CHECK_INT(store_put_account(t.s, &a, &next), OK);
	CHECK_INT(view_account(store_now(t.s), ann, &a), OK);
	CHECK_STR(a.secret, S("new"));
	CHECK_STR(a.address, S("Ann@a.test"));
	CHECK(a.disabled && a.quota_bytes == 7);
	next = 0;
	CHECK_INT(view_next_account(store_now(t.s), &next, &a), OK);
	CHECK_INT(a.id, ann);
	CHECK_INT(view_next_account(store_now(t.s), &next, &a), OK);
	CHECK_INT(a.id, bob);
	CHECK_INT(view_next_account(store_now(t.s), &next, &a), NOT_FOUND);

	CHECK_INT(store_put_alias(t.s, S("All@a.test"), targets, 2), OK);
	CHECK_INT(view_alias(store_now(t.s), &t.a, S("all@A.test"), &got, &n), OK);
	CHECK_INT(n, 2);
	CHECK_STR(got[1], targets[1]);
	at = S("");
	CHECK_INT(view_next_alias(store_now(t.s), &t.a, &at, &got, &n), OK);
	CHECK_STR(at, S("all@a.test"));
	CHECK_INT(view_next_alias(store_now(t.s), &t.a, &at, &got, &n), NOT_FOUND);
	CHECK_INT(store_remove_alias(t.s, S("ALL@a.test")), OK);
	CHECK_INT(view_alias(store_now(t.s), &t.a, S("all@A.test"), &got, &n), NOT_FOUND);

	CHECK_INT(store_put_note(t.s, S("seal"), S("v")), OK);
	CHECK_INT(view_note(store_now(t.s), S("seal"), &at), OK);
	CHECK_STR(at, S("v"));
	CHECK_INT(store_put_note(t.s, S("seal"), S("")), OK);
	CHECK_INT(view_note(store_now(t.s), S("seal"), &at), NOT_FOUND);
	ts_end(&t);
}

static void
an_alias_may_have_more_targets_than_a_row_holds(void **state)
{
	struct ts t;
	enum { MANY = 1000 };
	str *targets = mem_new_array(MANY, sizeof(str)), *got;
	size_t n = 0;

	(void)state;
	ts_begin(&t);
	for (size_t i = 0; i < MANY; i++)
		targets[i] = arena_printf(&t.a, "member-%zu@somewhere.test", i);
	CHECK_INT(store_put_alias(t.s, S("all@a.test"), targets, MANY), OK);
	CHECK_INT(store_put_alias(t.s, S("b@a.test"), targets, 1), OK);
	CHECK_INT(view_alias(store_now(t.s), &t.a, S("all@a.test"), &got, &n), OK);
	CHECK_INT(n, MANY);
	CHECK_STR(got[999], targets[999]);
	got = NULL;
	targets[0] = S("");
	CHECK_INT(view_next_alias(store_now(t.s), &t.a, &targets[0], &got, &n), OK);
	CHECK_INT(view_next_alias(store_now(t.s), &t.a, &targets[0], &got, &n), OK);
	CHECK_STR(targets[0], S("b@a.test"));
	CHECK_INT(store_put_alias(t.s, S("all@a.test"), targets + 1, 1), OK);
	CHECK_INT(view_alias(store_now(t.s), &t.a, S("all@a.test"), &got, &n), OK);
	CHECK_INT(n, 1);
	free(targets);
	ts_end(&t);
}

static void
flags_change_only_what_changes(void **state)
{
	struct ts t;
	struct uid_range all = { 1, 100 }, some = { 2, 3 }, *modified;
	struct store_mailbox m;
	struct store_entry e[8];
	uint64_t modseq = 0, first = 0;
	uint32_t ann;
	size_t n;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 5; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_flag(t.s, &t.a, ann, 1, &some, 1, FLAGS_ADD, FLAG_SEEN | FLAG_DELETED, 4, UINT64_MAX,
			  &first, &modified, &n),
		OK);
	CHECK(first > 0 && n == 0);
	m = ts_mailbox(store_now(t.s), ann, 1);
	CHECK_INT(m.unseen, 3);
	CHECK_INT(m.deleted, 2);
	CHECK_INT(m.modseq, first);
	CHECK_INT(store_flag(t.s, &t.a, ann, 1, &some, 1, FLAGS_ADD, FLAG_SEEN, 0, UINT64_MAX, &modseq,
			  &modified, &n),
		OK);
	CHECK_INT(modseq, 0);
	CHECK_INT(store_flag(t.s, &t.a, ann, 1, &all, 1, FLAGS_REPLACE, FLAG_FLAGGED, 0, first - 1, &modseq,
			  &modified, &n),
		OK);
	CHECK_INT(n, 1);
	CHECK_INT(modified[0].first, 2);
	CHECK_INT(modified[0].last, 3);
	CHECK(modseq > first);
	CHECK_INT(view_entries(store_now(t.s), ann, 1, 1, e, 8, &n), OK);
	CHECK_INT(n, 5);
	CHECK_INT(e[0].flags, FLAG_FLAGGED);
	CHECK_INT(e[1].flags, FLAG_SEEN | FLAG_DELETED);
	CHECK_INT(e[1].keywords, 4);
	CHECK_INT(e[4].modseq, modseq);
	CHECK_INT(store_flag(t.s, &t.a, ann, 1, &some, 1, FLAGS_REMOVE, FLAG_DELETED, 0, UINT64_MAX, &modseq,
			  &modified, &n),
		OK);
	CHECK_INT(ts_mailbox(store_now(t.s), ann, 1).deleted, 0);
	all = (struct uid_range){ 3, 2 };
	CHECK_INT(store_flag(t.s, &t.a, ann, 1, &all, 1, FLAGS_ADD, 1, 0, 0, &modseq, &modified, &n),
		BAD_ARGUMENT);
	CHECK_INT(store_flag(t.s, &t.a, ann, 9, &some, 1, FLAGS_ADD, 1, 0, 0, &modseq, &modified, &n),
		NOT_FOUND);
	ts_end(&t);
}

static void
what_is_expunged_is_gone_and_its_uid_never_comes_back(void **state)
{
	struct ts t;
	struct uid_range some[] = { { 1, 2 }, { 5, 5 }, { 9, UINT32_MAX } };
	struct store_changes c;
	struct store_mailbox m;
	struct store_email email;
	struct store_delivery d;
	uint64_t since;
	uint32_t ann, count;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 6; i++)
		d = ts_deliver(&t, ann, S("x\r\n"));
	since = d.modseq;
	CHECK_INT(store_expunge(t.s, ann, 1, some, 3, &count), OK);
	CHECK_INT(count, 3);
	m = ts_mailbox(store_now(t.s), ann, 1);
	CHECK_INT(m.exists, 3);
	CHECK_INT(m.unseen, 3);
	CHECK_INT(m.bytes, 3 * 28);
	CHECK_INT(m.uidnext, 7);
	CHECK_INT(view_email(store_now(t.s), ann, 1, &email), NOT_FOUND);
	CHECK_INT(view_changes(store_now(t.s), &t.a, ann, 1, since, &c), OK);
	CHECK(c.exact);
	CHECK_INT(c.changed_n, 0);
	CHECK_INT(c.vanished_n, 2);
	CHECK_INT(c.vanished[0].last, 2);
	CHECK_INT(c.vanished[1].first, 5);
	CHECK_INT(view_changes(store_now(t.s), &t.a, ann, 1, c.upto, &c), OK);
	CHECK_INT(c.vanished_n, 0);
	CHECK_INT(ts_deliver(&t, ann, S("x\r\n")).uid, 7);
	CHECK_INT(view_changes(store_now(t.s), &t.a, ann, 1, c.upto, &c), OK);
	CHECK_INT(c.changed_n, 1);
	CHECK_INT(c.changed[0].first, 7);
	some[0] = (struct uid_range){ 1, UINT32_MAX };
	CHECK_INT(store_expunge(t.s, ann, 1, some, 1, &count), OK);
	CHECK_INT(count, 4);
	CHECK_INT(store_expunge(t.s, ann, 1, some, 1, &count), OK);
	CHECK_INT(count, 0);
	CHECK_INT(ts_mailbox(store_now(t.s), ann, 1).bytes, 0);
	CHECK_INT(ts_deliver(&t, ann, S("x\r\n")).uid, 8);
	ts_end(&t);
}

static void
many_messages_stand_in_chunks_and_are_found(void **state)
{
	struct ts t;
	struct store_entry e[30];
	struct uid_range *odd = mem_new_array(500, sizeof(*odd));
	struct store_account a;
	uint32_t ann, count, uid = 1, want = 2;
	size_t n;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 1000; i++)
		ts_deliver(&t, ann, S("x\r\n"));
	CHECK_INT(store_commit(t.s), OK);
	for (uint32_t i = 0; i < 500; i++)
		odd[i] = (struct uid_range){ 2 * i + 1, 2 * i + 1 };
	CHECK_INT(store_expunge(t.s, ann, 1, odd, 500, &count), OK);
	CHECK_INT(count, 500);
	do {
		CHECK_INT(view_entries(store_now(t.s), ann, 1, uid, e, COUNT(e), &n), OK);
		for (size_t i = 0; i < n; i++) {
			CHECK_INT(e[i].uid, want);
			CHECK_INT(e[i].email, want);
			want += 2;
		}
		uid = want;
	} while (n);
	CHECK_INT(want, 1002);
	CHECK_INT(view_account(store_now(t.s), ann, &a), OK);
	CHECK_INT(a.used_messages, 500);
	CHECK_INT(a.used_bytes, 500 * 28);
	free(odd);
	ts_end(&t);
}

static void
replies_join_the_thread_of_what_they_answer(void **state)
{
	static const struct {
		uint64_t id, references[3];
		size_t n;
		uint64_t thread; /* email whose thread it is */
	} mails[] = {
		{ 100, { 0 }, 0, 1 },
		{ 101, { 100 }, 1, 1 },
		{ 102, { 999, 101 }, 2, 1 },
		{ 103, { 998 }, 1, 4 },
		{ 998, { 0 }, 0, 4 }, /* the one that was answered comes late */
		{ 104, { 999 }, 1, 1 },
		{ 0, { 0 }, 0, 7 },
		{ 0, { 0 }, 0, 8 },
	};
	struct ts t;
	uint32_t ann, count;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	EACH(mails, c) {
		struct store_delivery d = { .account = ann };
		struct store_message m = { .body = S("x\r\n"),
			.row = S("r"),
			.message_id_key = c->id,
			.reference_keys = c->references,
			.reference_count = c->n };
		struct store_email e;

		CHECK_INT(store_accept(t.s, &m, &d, 1), OK);
		CHECK_INT(view_email(store_now(t.s), ann, d.email, &e), OK);
		CHECK_INT(e.thread, c->thread);
	}
	CHECK_INT(store_expunge(t.s, ann, 1, &(struct uid_range){ 1, UINT32_MAX }, 1, &count), OK);
	{
		struct store_delivery d = { .account = ann };
		struct store_message m = { .body = S("x\r\n"), .row = S("r"), .message_id_key = 101 };
		struct store_email e;

		CHECK_INT(store_accept(t.s, &m, &d, 1), OK);
		CHECK_INT(view_email(store_now(t.s), ann, d.email, &e), OK);
		CHECK_INT(e.thread, d.email);
	}
	ts_end(&t);
}

static void
an_account_goes_with_all_its_mail(void **state)
{
	struct ts t;
	struct store_account a;
	struct store_stats stats;
	uint32_t ann, bob;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	bob = ts_account(&t, "bob@a.test");
	for (int i = 0; i < 100; i++) {
		struct store_delivery d[] = { { .account = ann }, { .account = i % 2 ? bob : 99 } };
		struct store_message m = { .body = S("x\r\n"), .row = S("r") };
		CHECK_INT(store_accept(t.s, &m, d, 2), OK);
	}
	CHECK_INT(store_remove_account(t.s, ann), OK);
	CHECK_INT(store_remove_account(t.s, ann), NOT_FOUND);
	CHECK_INT(view_account_by_address(store_now(t.s), S("ann@a.test"), &a), NOT_FOUND);
	store_get_stats(t.s, &stats);
	CHECK_INT(stats.accounts, 1);
	CHECK_INT(stats.mailboxes, 1);
	CHECK_INT(stats.messages, 50);
	CHECK(ts_account(&t, "ann@a.test") > bob);
	ts_end(&t);
}

static void
a_long_row_is_kept_in_parts(void **state)
{
	struct ts t;
	struct store_delivery d = { 0 };
	struct store_message m = { .body = S("x\r\n") };
	struct store_email e;
	uint32_t count;
	char *row = mem_new(100000);

	(void)state;
	memset(row, 'r', 100000);
	row[99999] = 'z';
	ts_begin(&t);
	d.account = ts_account(&t, "ann@a.test");
	m.row = str_of(row, 100000);
	CHECK_INT(store_accept(t.s, &m, &d, 1), OK);
	CHECK_INT(view_email(store_now(t.s), d.account, d.email, &e), OK);
	CHECK_STR(e.row, m.row);
	ts_deliver(&t, d.account, S("y\r\n"));
	CHECK_INT(store_expunge(t.s, d.account, 1, &(struct uid_range){ 1, 1 }, 1, &count), OK);
	CHECK_INT(view_email(store_now(t.s), d.account, d.email, &e), NOT_FOUND);
	CHECK_INT(view_email(store_now(t.s), d.account, d.email + 1, &e), OK);
	ts_end(&t);
	free(row);
}

static void
a_second_writer_is_turned_away(void **state)
{
	struct ts t;
	struct store *other;

	(void)state;
	ts_begin(&t);
	CHECK_INT(store_open(&t.set, &t.log, &other), TOO_BUSY);
	ts_end(&t);
}

static void
segments_follow_each_other_and_a_batch_may_span_them(void **state)
{
	struct ts t;
	struct store_stats stats;
	uint32_t ann;
	char body[3000];

	(void)state;
	memset(body, 'b', sizeof(body));
	ts_begin(&t);
	ts_close(&t);
	t.set.segment_bytes = 16 * 1024;
	ts_open(&t);
	ann = ts_account(&t, "ann@a.test");
	for (int i = 0; i < 40; i++)
		ts_deliver(&t, ann, str_of(body, sizeof(body)));
	CHECK_INT(store_commit(t.s), OK);
	store_get_stats(t.s, &stats);
	CHECK(stats.segments >= 8);
	for (uint32_t uid = 1; uid <= 40; uid++)
		CHECK_INT(ts_read(&t, ann, 1, uid).n, 3025);
	ts_close(&t);
	ts_open(&t);
	for (uint32_t uid = 1; uid <= 40; uid++)
		CHECK_INT(ts_read(&t, ann, 1, uid).n, 3025);
	ts_end(&t);
}

static struct store_large *
receive(struct ts *t, str bytes, size_t step)
{
	struct store_large *l = NULL;

	CHECK_INT(store_large_new(t->s, &l), OK);
	for (; bytes.n; bytes = str_from(bytes, step))
		CHECK_INT(store_large_add(l, str_sub(bytes, 0, step)), OK);
	CHECK_INT(store_large_sync(l), OK);
	return l;
}

static void
a_large_body_lies_in_a_file_until_its_last_email_goes(void **state)
{
	struct ts t;
	size_t n = 300001;
	char *bytes = mem_new(n), path[128];
	struct store_delivery d[2] = { { .prefix = S("Return-Path: <>\r\n") }, { 0 } };
	struct store_message m = { .row = S("r") };
	struct store_email e;
	struct store_stats stats;
	uint32_t count;
	int fd;

	(void)state;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 1000);
	ts_begin(&t);
	d[0].account = ts_account(&t, "ann@a.test");
	d[1].account = ts_account(&t, "bob@a.test");
	m.large = receive(&t, str_of(bytes, n), 4711);
	CHECK_INT(store_accept(t.s, &m, d, 2), OK);
	CHECK_INT(store_commit(t.s), OK);
	CHECK_INT(view_email(store_now(t.s), d[0].account, d[0].email, &e), OK);
	CHECK(e.place.large);
	CHECK_INT(e.place.size, n);
	CHECK_INT(store_reader_file(t.r, &e, &fd), OK);
	store_reader_release(t.r, fd);
	CHECK_STR(str_from(ts_read(&t, d[0].account, 1, 1), 17), str_of(bytes, n));
	store_get_stats(t.s, &stats);
	CHECK_INT(stats.large_bodies, 1);
	CHECK_INT(stats.large_bytes, n);
	(void)snprintf(path, sizeof(path), "%s/body/%016llx", t.dir, (unsigned long long)e.place.file);
	CHECK(access(path, F_OK) == 0);

	CHECK_INT(store_expunge(t.s, d[0].account, 1, &(struct uid_range){ 1, 1 }, 1, &count), OK);
	CHECK_INT(store_commit(t.s), OK);
	CHECK(access(path, F_OK) == 0);
	ts_close(&t);
	ts_open(&t);
	CHECK_STR(ts_read(&t, d[1].account, 1, 1), str_of(bytes, n));
	CHECK_INT(store_expunge(t.s, d[1].account, 1, &(struct uid_range){ 1, 1 }, 1, &count), OK);
	CHECK(access(path, F_OK) == 0);
	CHECK_INT(store_commit(t.s), OK);
	CHECK(access(path, F_OK) != 0);
	CHECK_INT(store_reader_file(t.r, &e, &fd), STALE);
	store_get_stats(t.s, &stats);
	CHECK_INT(stats.large_bodies, 0);
	CHECK_INT(stats.large_bytes, 0);
	ts_end(&t);
	free(bytes);
}

static unsigned
files_in_body(struct ts *t)
{
	char path[128];
	unsigned n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/body", t->dir);
	d = opendir(path);
	CHECK(d != NULL);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
bodies_that_nobody_names_are_removed(void **state)
{
	struct ts t;
	struct store_delivery d = { 0 };
	struct store_message m = { .row = S("r") };
	struct store_large *l;

	(void)state;
	ts_begin(&t);
	t.set.most_unfinished_bytes = 1000;
	ts_close(&t);
	ts_open(&t);
	d.account = ts_account(&t, "ann@a.test");
	CHECK_INT(store_commit(t.s), OK);
	CHECK_INT(store_large_new(t.s, &l), OK);
	CHECK_INT(store_large_add(l, S("some bytes")), OK);
	m.large = l;
	CHECK_INT(store_accept(t.s, &m, &d, 1), BAD_ARGUMENT); /* not synced */
	store_large_free(l);
	CHECK_INT(files_in_body(&t), 0);

	l = receive(&t, S("0123456789"), 3);
	d.account = 99;
	m.large = l;
	CHECK_INT(store_accept(t.s, &m, &d, 1), NO_SUCH_MAILBOX);
	store_large_free(l); /* still ours */
	CHECK_INT(files_in_body(&t), 0);

	CHECK_INT(store_large_new(t.s, &l), OK);
	CHECK_INT(store_large_add(l, S("")), OK);
	{
		char *much = mem_new(2000);

		CHECK_INT(store_large_add(l, str_of(much, 900)), OK);
		CHECK_INT(store_large_add(l, str_of(much, 200)), STORE_FULL);
		free(much);
	}
	store_large_free(l);

	m.large = receive(&t, S("acked and killed before it was flushed"), 10);
	d.account = 1;
	CHECK_INT(store_accept(t.s, &m, &d, 1), OK);
	(void)receive(&t, S("unfinished"), 10);
	CHECK_INT(files_in_body(&t), 2);
	kill_store(&t);
	ts_open(&t);
	CHECK_INT(files_in_body(&t), 0);
	ts_end(&t);
}

T_MAIN(T(a_large_body_lies_in_a_file_until_its_last_email_goes), T(bodies_that_nobody_names_are_removed),
	T(what_was_committed_is_read_by_a_reader),
	T(a_message_for_several_stands_in_the_log_once_and_each_has_a_verdict),
	T(the_quota_counts_what_this_message_brings_itself), T(what_was_promised_is_kept_beyond_the_quota),
	T(mailboxes_have_names_and_validities_of_their_own),
	T(people_are_found_without_case_and_listed_in_order),
	T(an_alias_may_have_more_targets_than_a_row_holds), T(flags_change_only_what_changes),
	T(what_is_expunged_is_gone_and_its_uid_never_comes_back),
	T(many_messages_stand_in_chunks_and_are_found), T(replies_join_the_thread_of_what_they_answer),
	T(an_account_goes_with_all_its_mail), T(a_long_row_is_kept_in_parts),
	T(a_second_writer_is_turned_away), T(segments_follow_each_other_and_a_batch_may_span_them))
