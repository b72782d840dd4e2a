/* Messages are put into another mailbox too, or instead. */
#include "store/embedded/choice.h"

#include "base/mem.h"

enum { COPIES_PER_RECORD = 1000 };

struct copying {
	struct store *s;
	uint32_t account, from, to;
	uint32_t uid;    /* the next to be given */
	uint32_t before; /* uids from here on are not meant: they came by this very copying */
	uint64_t modseq;
	int64_t now_ms;
	struct uid_pair *pairs;
	size_t pair_count;
	struct uid_list moved;
};

/* How many there are and what they weigh. */
static enum fault
weigh(struct choice *c, uint32_t before, size_t *ret_n, uint64_t *ret_bytes)
{
	struct store_entry e;
	uint64_t bytes = 0;
	size_t n = 0;
	enum fault f;

	while ((f = choice_next(c, &e)) == OK && e.uid < before) {
		bytes += e.size;
		n++;
	}
	if (f != OK && f != NOT_FOUND)
		return f;
	*ret_n = n;
	*ret_bytes = bytes;
	return OK;
}

/* One record's worth. */
static enum fault
copy_some(struct copying *c, struct choice *choice, struct effect_more *items, bool *ret_more)
{
	struct effect e = { .type = RECORD_COPIES };
	struct store_entry entry;
	size_t n = 0;
	enum fault f = OK;

	while (n < COPIES_PER_RECORD && (f = choice_next(choice, &entry)) == OK && entry.uid < c->before) {
		items[n++] = (struct effect_more){ .email = entry.email,
			.copy = { .mailbox = c->to,
				.uid = c->uid,
				.flags = entry.flags,
				.keywords = entry.keywords,
				.modseq = c->modseq,
				.saved_ms = c->now_ms } };
		c->pairs[c->pair_count++] = (struct uid_pair){ entry.uid, c->uid++ };
		uid_list_add(&c->moved, entry.uid);
	}
	if (f != OK && f != NOT_FOUND)
		return f;
	*ret_more = n == COPIES_PER_RECORD;
	e.copies = (struct effect_copies){ c->account, items, n };
	return n ? store_effect(c->s, &e, S("")) : OK;
}

static enum fault
copy_all(struct copying *c, const struct uid_range *uids, size_t n, bool move)
{
	struct choice *choice = choice_new(c->s, c->account, c->from, uids, n);
	struct effect_more *items = ARENA_ARRAY(&c->s->arena, COPIES_PER_RECORD, struct effect_more);
	struct effect e = { .type = RECORD_EXPUNGE };
	bool more = true;

	while (more)
		TRY(copy_some(c, choice, items, &more));
	e.expunge = (struct effect_expunge){ c->account, c->from, c->modseq + 1, c->now_ms, c->moved.p,
		c->moved.n };
	return move && c->moved.n ? store_effect(c->s, &e, S("")) : OK;
}

enum fault
store_copy(struct store *s, struct arena *a, uint32_t account, uint32_t mailbox, const struct uid_range *uids,
	size_t n, uint32_t to, bool move, struct uid_pair **ret, size_t *ret_n)
{
	struct copying c = { .s = s, .account = account, .from = mailbox, .to = to };
	struct store_mailbox from, target;
	struct row_state st = { 0 };
	uint64_t bytes = 0;
	size_t count = 0;
	enum fault f;

	TRY(store_begin(s));
	if (!uids_are_good(uids, n))
		return BAD_ARGUMENT;
	TRY(view_mailbox(store_now(s), account, mailbox, &from));
	TRY(view_mailbox(store_now(s), account, to, &target));
	TRY(state_get_account(&s->st, account, &st));
	c.before = from.uidnext;
	c.uid = target.uidnext;
	c.modseq = st.modseq + 1;
	c.now_ms = s->set.wall_ms();
	TRY(weigh(choice_new(s, account, mailbox, uids, n), c.before, &count, &bytes));
	if (count >= UINT32_MAX - c.uid)
		return STORE_FULL;
	if (!move && st.quota_bytes &&
		(st.used_bytes > st.quota_bytes || bytes > st.quota_bytes - st.used_bytes))
		return OVER_QUOTA;
	c.pairs = ARENA_ARRAY(a, count, struct uid_pair);
	f = copy_all(&c, uids, n, move);
	free(c.moved.p);
	if (f != OK)
		return f;
	*ret = c.pairs;
	*ret_n = c.pair_count;
	return OK;
}
