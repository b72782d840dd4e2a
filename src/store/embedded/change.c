/* Flags change and messages go. */
#include "store/embedded/engine.h"

#include "base/mem.h"

/* The entries of the uids asked for, in order: what both functions below go over. */
struct choice {
	struct store *s;
	uint32_t account, mailbox;
	const struct uid_range *uids;
	size_t n, at;
	uint32_t next; /* the lowest uid not seen yet */
	struct store_entry room[64];
	size_t have, used;
};

static bool
ranges_are_good(const struct uid_range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].first == 0 || r[i].first > r[i].last || (i && r[i].first <= r[i - 1].last))
			return false;
	return true;
}

static struct choice *
choice_new(struct store *s, uint32_t account, uint32_t mailbox, const struct uid_range *uids, size_t n)
{
	struct choice *c = ARENA_NEW(&s->arena, struct choice);

	*c = (struct choice){
		.s = s, .account = account, .mailbox = mailbox, .uids = uids, .n = n, .next = 1
	};
	return c;
}

/* NOT_FOUND: no more. */
static enum fault
choice_next(struct choice *c, struct store_entry *ret)
{
	for (;;) {
		while (c->at < c->n &&
			c->uids[c->at].last < c->next) /* next is 0 behind the last uid there can be */
			c->at++;
		if (c->at == c->n || c->next == 0)
			return NOT_FOUND;
		c->next = MAX(c->next, c->uids[c->at].first);
		while (c->used < c->have && c->room[c->used].uid < c->next)
			c->used++;
		if (c->used == c->have) {
			c->used = 0;
			TRY(view_entries(store_now(c->s), c->account, c->mailbox, c->next, c->room,
				COUNT(c->room), &c->have));
			if (c->have == 0)
				return NOT_FOUND;
		}
		c->next = c->room[c->used].uid;
		while (c->at < c->n && c->uids[c->at].last < c->next)
			c->at++;
		if (c->at == c->n)
			return NOT_FOUND;
		if (c->uids[c->at].first > c->next)
			continue;
		*ret = c->room[c->used++];
		c->next++;
		return OK;
	}
}

/* Ranges that grow at their end. */
struct range_list {
	struct uid_range *p;
	size_t n, room;
};

static void
add_uid(struct range_list *l, uint32_t uid)
{
	if (l->n && l->p[l->n - 1].last == uid - 1) {
		l->p[l->n - 1].last = uid;
		return;
	}
	if (l->n == l->room) {
		l->room = MAX(l->room * 2, 64);
		l->p = mem_grow(l->p, l->room * sizeof(*l->p));
	}
	l->p[l->n++] = (struct uid_range){ uid, uid };
}

/* ---- flags ---- */

struct run_list {
	struct effect_run *p;
	size_t n, room;
	uint32_t
		seen; /* the last uid that was looked at, changed or not: runs do not reach over one that is left as it is */
};

static void
add_run(struct run_list *l, uint32_t uid, uint32_t flags, uint64_t keywords, bool joins)
{
	struct effect_run *last = l->n ? &l->p[l->n - 1] : NULL;

	if (last && joins && last->flags == flags && last->keywords == keywords) {
		last->uids.last = uid;
		return;
	}
	if (l->n == l->room) {
		l->room = MAX(l->room * 2, 64);
		l->p = mem_grow(l->p, l->room * sizeof(*l->p));
	}
	l->p[l->n++] = (struct effect_run){ { uid, uid }, flags, keywords };
}

static void
changed(const struct store_entry *e, enum store_flag_change how, uint32_t *flags, uint64_t *keywords)
{
	switch (how) {
	case FLAGS_ADD:
		*flags |= e->flags;
		*keywords |= e->keywords;
		break;
	case FLAGS_REMOVE:
		*flags = e->flags & ~*flags;
		*keywords = e->keywords & ~*keywords;
		break;
	case FLAGS_REPLACE: break;
	}
}

enum { FLAGS_KNOWN = FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_DRAFT };

struct flag_request {
	enum store_flag_change how;
	uint32_t flags;
	uint64_t keywords, unchanged_since;
};

static enum fault
collect_runs(
	struct choice *c, const struct flag_request *q, struct run_list *runs, struct range_list *modified)
{
	struct store_entry e;
	bool joins = false;
	enum fault f;

	while ((f = choice_next(c, &e)) == OK) {
		uint32_t flags = q->flags;
		uint64_t keywords = q->keywords;

		changed(&e, q->how, &flags, &keywords);
		if (e.modseq > q->unchanged_since) {
			add_uid(modified, e.uid);
			joins = false;
			continue;
		}
		if (flags == e.flags && keywords == e.keywords) {
			joins = false;
			continue;
		}
		/* a run may reach over uids that do not exist, never over one that was not asked for */
		add_run(runs, e.uid, flags, keywords, joins && runs->seen + 1 == e.uid);
		runs->seen = e.uid;
		joins = true;
	}
	return f == NOT_FOUND ? OK : f;
}

enum fault
store_flag(struct store *s, struct arena *a, uint32_t account, uint32_t mailbox, const struct uid_range *uids,
	size_t n, enum store_flag_change how, uint32_t flags, uint64_t keywords, uint64_t unchanged_since,
	uint64_t *ret_modseq, struct uid_range **ret_modified, size_t *ret_modified_n)
{
	struct flag_request q = { how, flags & FLAGS_KNOWN, keywords, unchanged_since };
	struct range_list modified = { 0 };
	struct run_list runs = { 0 };
	struct row_state st = { 0 };
	struct store_mailbox m;
	struct effect e = { .type = RECORD_FLAGS };
	enum fault f;

	TRY(store_begin(s));
	if (!ranges_are_good(uids, n))
		return BAD_ARGUMENT;
	TRY(view_mailbox(store_now(s), account, mailbox, &m));
	TRY(state_get_account(&s->st, account, &st));
	f = collect_runs(choice_new(s, account, mailbox, uids, n), &q, &runs, &modified);
	e.flags = (struct effect_flags){ account, mailbox, st.modseq + 1, runs.p, runs.n };
	if (f == OK && runs.n)
		f = store_effect(s, &e, S(""));
	if (f == OK) {
		*ret_modseq = runs.n ? e.flags.modseq : 0;
		*ret_modified = ARENA_ARRAY(a, modified.n, struct uid_range);
		if (modified.n)
			memcpy(*ret_modified, modified.p, modified.n * sizeof(*modified.p));
		*ret_modified_n = modified.n;
	}
	free(runs.p);
	free(modified.p);
	return f;
}

/* ---- expunge ---- */

enum fault
store_expunge(struct store *s, uint32_t account, uint32_t mailbox, const struct uid_range *uids, size_t n,
	uint32_t *ret_count)
{
	struct range_list gone = { 0 };
	struct row_state st = { 0 };
	struct store_mailbox m;
	struct store_entry entry;
	struct effect e = { .type = RECORD_EXPUNGE };
	struct choice *c;
	uint32_t count = 0;
	enum fault f;

	TRY(store_begin(s));
	if (!ranges_are_good(uids, n))
		return BAD_ARGUMENT;
	TRY(view_mailbox(store_now(s), account, mailbox, &m));
	TRY(state_get_account(&s->st, account, &st));
	c = choice_new(s, account, mailbox, uids, n);
	while ((f = choice_next(c, &entry)) == OK) {
		add_uid(&gone, entry.uid);
		count++;
	}
	if (f == NOT_FOUND)
		f = OK;
	e.expunge =
		(struct effect_expunge){ account, mailbox, st.modseq + 1, s->set.wall_ms(), gone.p, gone.n };
	if (f == OK && count)
		f = store_effect(s, &e, S(""));
	free(gone.p);
	if (f == OK)
		*ret_count = count;
	return f;
}
