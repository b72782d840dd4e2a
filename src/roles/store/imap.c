/* roles/store/imap.c - what imap asks of the store, and nobody else */
#include "roles/store/role.h"

void
store_on_flag_ask(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_flag_ask ask;
	struct uid_range *uids, *modified = NULL;
	struct buf list = { 0 };
	size_t n, modified_n = 0;
	uint64_t modseq = 0;
	enum fault fault;

	if (!talk_read_flag_ask(f->payload, &ask) || ask.how > FLAGS_REPLACE ||
		!store_read_ranges(s, ask.uids, &uids, &n)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_flag(s->store, &s->scratch, ask.account, ask.mailbox, uids, n,
		(enum store_flag_change)ask.how, ask.flags, ask.keywords, ask.unchanged_since, &modseq,
		&modified, &modified_n);
	for (size_t i = 0; fault == OK && i < modified_n; i++)
		talk_put_range(&list, &(struct talk_range){ modified[i].first, modified[i].last });
	STORE_ANSWER(s, p, f, flag_told, { .fault = fault, .modseq = modseq, .modified = buf_str(&list) });
	buf_done(&list);
}

/* The old uids of the pairs, as few ranges as they make. */
static void
put_sources(struct buf *list, const struct uid_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n;) {
		struct talk_range r = { pairs[i].from, pairs[i].from };

		for (i++; i < n && pairs[i].from == r.last + 1; i++)
			r.last++;
		talk_put_range(list, &r);
	}
}

void
store_on_copy_ask(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_copy_ask ask;
	struct uid_range *uids;
	struct uid_pair *pairs = NULL;
	struct buf list = { 0 };
	size_t n, pair_n = 0;
	enum fault fault;

	if (!talk_read_copy_ask(f->payload, &ask) || !store_read_ranges(s, ask.uids, &uids, &n)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_copy(
		s->store, &s->scratch, ask.account, ask.mailbox, uids, n, ask.to, ask.move, &pairs, &pair_n);
	if (fault == OK)
		put_sources(&list, pairs, pair_n);
	STORE_ANSWER(s, p, f, copy_told,
		{ .fault = fault,
			.first = pair_n ? pairs[0].to : 0,
			.count = (uint32_t)pair_n,
			.uids = buf_str(&list) });
	buf_done(&list);
}

void
store_on_mailbox_rename(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_mailbox_rename ask;

	if (!talk_read_mailbox_rename(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	STORE_ANSWER(s, p, f, done,
		{ .fault = store_rename_mailbox(s->store, ask.account, ask.mailbox, ask.name) });
}

void
store_on_mailbox_delete(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_mailbox_delete ask;

	if (!talk_read_mailbox_delete(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	STORE_ANSWER(s, p, f, done, { .fault = store_delete_mailbox(s->store, ask.account, ask.mailbox) });
}

void
store_on_mailbox_subscribe(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_mailbox_subscribe ask;

	if (!talk_read_mailbox_subscribe(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	STORE_ANSWER(s, p, f, done,
		{ .fault = store_subscribe_mailbox(s->store, ask.account, ask.mailbox, ask.subscribed) });
}
