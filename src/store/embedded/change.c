/* Flags change and messages go. */
#include "store/embedded/choice.h"

#include "base/mem.h"

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

struct flag_request {
	enum store_flag_change how;
	uint32_t flags;
	uint64_t keywords, unchanged_since;
};

static enum fault
collect_runs(struct choice *c, const struct flag_request *q, struct run_list *runs, struct uid_list *modified)
{
	struct store_entry e;
	bool joins = false;
	enum fault f;

	while ((f = choice_next(c, &e)) == OK) {
		uint32_t flags = q->flags;
		uint64_t keywords = q->keywords;

		changed(&e, q->how, &flags, &keywords);
		if (e.modseq > q->unchanged_since) {
			uid_list_add(modified, e.uid);
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
	struct flag_request q = { how, flags & STORE_FLAGS, keywords, unchanged_since };
	struct uid_list modified = { 0 };
	struct run_list runs = { 0 };
	struct row_state st = { 0 };
	struct store_mailbox m;
	struct effect e = { .type = RECORD_FLAGS };
	enum fault f;

	TRY(store_begin(s));
	if (!uids_are_good(uids, n))
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
	struct uid_list gone = { 0 };
	struct row_state st = { 0 };
	struct store_mailbox m;
	struct store_entry entry;
	struct effect e = { .type = RECORD_EXPUNGE };
	struct choice *c;
	uint32_t count = 0;
	enum fault f;

	TRY(store_begin(s));
	if (!uids_are_good(uids, n))
		return BAD_ARGUMENT;
	TRY(view_mailbox(store_now(s), account, mailbox, &m));
	TRY(state_get_account(&s->st, account, &st));
	c = choice_new(s, account, mailbox, uids, n);
	while ((f = choice_next(c, &entry)) == OK) {
		uid_list_add(&gone, entry.uid);
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
