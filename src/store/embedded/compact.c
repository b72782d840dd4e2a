/* Space is won back: what is still needed of a mostly dead segment is written again at the head of the log, then the segment goes.
 *
 * Why a log without the dropped records still gives the same store, read from its beginning:
 * - Each record states all of what it speaks of as of its LSN; of what is still true, a statement is written again, with its present state.
 * - What was true and is no more may come back while an older segment states it; so what ends it (expunge, gone) is written again too, as
 *   long as there is an older segment.
 * - Numbers that are never used again (uidnext, modseq, next email ...) are stated by a mailbox and an account record for each mailbox and
 *   account that dropped records speak of, unless a younger such record does.
 * - What put a message into one mailbox may now stand behind what took it out of another; so a reader of the log lets a message that is in no
 *   mailbox wait until the end (state_bury).
 * Ids are never used again, so a late "gone" hits nothing new; where names lead to ids, they are taken away only from the id that is gone. */
#include "store/embedded/engine.h"

#include "base/mem.h"
#include "base/table.h"
#include "store/embedded/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	READ_PER_STEP = 8 << 20, /* a step ends, too, when it has read so much that is dead */
	LEAST_STEP = 4096,       /* less would be mostly heads of batches, and dead again at once */
	KEPT_DAYS = 90,          /* how long it is known exactly what was expunged */
};

/* What a segment's records speak of; the numbers of these are stated anew. */
struct touched {
	uint32_t account, mailbox; /* mailbox 0: the account itself */
};

struct compaction {
	uint32_t segment;
	bool is_oldest; /* no older segment is there, so what is gone needs no saying */
	struct walk walk;
	struct arena arena;
	struct table seen;
	struct touched *touched;
	size_t touched_count, stated;
	bool read_through;
};

/* ---- which ---- */

static bool
is_unfit(const struct store *s, uint32_t segment)
{
	for (size_t i = 0; i < s->unfit_count; i++)
		if (s->unfit[i] == segment)
			return true;
	return false;
}

static bool
is_done(const struct store *s, uint32_t segment)
{
	for (size_t i = 0; i < s->emptied_count; i++)
		if (s->emptied[i].segment == segment)
			return true;
	return false;
}

/* The sealed segment of which least is needed, if that is less than half. */
static uint32_t
deadest(const struct store *s)
{
	const struct segment_use *best = NULL;

	for (size_t i = 0; i < s->st.segment_count; i++) {
		const struct segment_use *use = &s->st.segments[i];

		if (use->number >= s->j.segment || use->live * 2 >= use->bytes || is_unfit(s, use->number) ||
			is_done(s, use->number))
			continue;
		/* live / bytes, compared without dividing */
		if (!best || use->live * best->bytes < best->live * use->bytes)
			best = use;
	}
	return best ? best->number : 0;
}

static bool
has_older(const struct store *s, uint32_t segment)
{
	return s->st.segment_count && s->st.segments[0].number < segment;
}

static enum fault
begin(struct store *s, uint32_t segment)
{
	struct compaction *c = NEW(struct compaction);
	enum fault f = walk_begin(&c->walk, &s->log, s->log_dir, &s->st.meta.id, segment, 0);

	if (f != OK) {
		free(c);
		return f;
	}
	walk_only_this(&c->walk);
	c->segment = segment;
	c->is_oldest = !has_older(s, segment);
	table_init(&c->seen, s->st.meta.id);
	s->compaction = c;
	log_event(&s->log, "compaction-begun", kv_uint("segment", segment));
	return OK;
}

void
store_compact_stop(struct store *s)
{
	struct compaction *c = s->compaction;

	if (!c)
		return;
	walk_end(&c->walk);
	table_done(&c->seen);
	free(c->touched);
	arena_done(&c->arena);
	free(c);
	s->compaction = NULL;
}

/* ---- what is to be stated anew ---- */

static enum fault
origin_of_account(struct store *s, uint32_t account, struct origin *ret)
{
	struct row_account row = { 0 };
	struct key k;
	size_t parts;
	str value;

	key_begin(&k, ROW_ACCOUNT);
	key_add_u32(&k, account);
	TRY(parts_get(s->st.txn, &s->arena, &k, &value, &parts));
	TRY(row_take_account(value, &row));
	*ret = row.origin;
	return OK;
}

static enum fault
origin_of_mailbox(struct store *s, uint32_t account, uint32_t mailbox, struct origin *ret)
{
	struct mailbox_row m;

	TRY(state_get_mailbox(&s->st, account, mailbox, &m));
	*ret = m.row.origin;
	return OK;
}

static void
state_later(struct compaction *c, uint32_t account, uint32_t mailbox)
{
	struct touched *t = ARENA_NEW(&c->arena, struct touched);
	str key = str_of(t, sizeof(*t));

	*t = (struct touched){ account, mailbox };
	if (table_get(&c->seen, key))
		return;
	(void)table_put(&c->seen, key, t);
	c->touched = mem_grow(c->touched, (c->touched_count + 1) * sizeof(*c->touched));
	c->touched[c->touched_count++] = *t;
}

/* A record that is dropped spoke of this mailbox (0: of the account alone). Their own records, when they are younger, state its numbers. */
static enum fault
touch(struct store *s, struct compaction *c, uint32_t account, uint32_t mailbox, uint64_t lsn)
{
	struct origin o = { 0 };
	enum fault f = origin_of_account(s, account, &o);

	if (f != OK) /* an account that is gone has no numbers */
		return f == NOT_FOUND ? OK : f;
	if (o.lsn <= lsn)
		state_later(c, account, 0);
	if (mailbox == 0)
		return OK;
	f = origin_of_mailbox(s, account, mailbox, &o);
	if (f != OK)
		return f == NOT_FOUND ? OK : f;
	if (o.lsn <= lsn)
		state_later(c, account, mailbox);
	return OK;
}

/* ---- messages ---- */

static enum fault
find_entry(struct store *s, uint32_t account, struct row_copy copy, struct store_entry *ret)
{
	size_t n = 0;

	TRY(view_entries(store_now(s), account, copy.mailbox, copy.uid, ret, 1, &n));
	return n && ret->uid == copy.uid ? OK : NOT_FOUND;
}

static enum fault
get_email(struct store *s, uint32_t account, uint64_t email, struct row_email *ret)
{
	struct key k;
	size_t parts;
	str value;

	key_of_account(&k, account, OF_EMAIL);
	key_add_u64(&k, email);
	TRY(parts_get(s->st.txn, &s->arena, &k, &value, &parts));
	return row_take_email(arena_str(&s->arena, value), ret);
}

/* An email that still lives in this record, as it is now. NOT_FOUND: it does not. */
static enum fault
email_now(struct store *s, uint64_t lsn, struct effect_email *e)
{
	struct row_email row = { 0 };
	uint64_t *keys;

	TRY(get_email(s, e->account, e->email, &row));
	if (row.origin.lsn != lsn)
		return NOT_FOUND;
	e->copy_count = 0;
	e->copies = ARENA_ARRAY(&s->arena, row.copies.n / 8, struct effect_copy);
	for (size_t i = 0; i < row.copies.n / 8; i++) {
		struct row_copy at = row_copy_at(row.copies, i);
		struct store_entry entry;

		if (find_entry(s, e->account, at, &entry) != OK)
			return STORE_CORRUPT;
		e->copies[e->copy_count++] = (struct effect_copy){
			.mailbox = at.mailbox,
			.uid = at.uid,
			.flags = entry.flags,
			.modseq = entry.modseq,
			.keywords = entry.keywords,
			.saved_ms = entry.saved_ms,
		};
	}
	e->thread = row.thread;
	e->created = row.created;
	e->prefix = row.prefix;
	e->key_count = row.keys.n / 8;
	e->keys = keys = ARENA_ARRAY(&s->arena, e->key_count, uint64_t);
	for (size_t i = 0; i < e->key_count; i++)
		(void)str_take_le64(&row.keys, &keys[i]);
	return OK;
}

static bool
has_copy(const struct effect_email *e, const struct effect_copy *c)
{
	for (size_t i = 0; i < e->copy_count; i++)
		if (e->copies[i].mailbox == c->mailbox && e->copies[i].uid == c->uid)
			return true;
	return false;
}

/* Copies of the email that the record speaks of and that are no more. */
static enum fault
touch_lost_copies(struct store *s, struct compaction *c, const struct effect_email *was,
	const struct effect_email *is, uint64_t lsn)
{
	for (size_t i = 0; i < was->copy_count; i++)
		if (!is || !has_copy(is, &was->copies[i]))
			TRY(touch(s, c, was->account, was->copies[i].mailbox, lsn));
	return OK;
}

static enum fault
keep_message(struct store *s, struct compaction *c, struct effect *e, const struct record *r)
{
	struct effect_message *m = &e->message;
	size_t live = 0;

	for (size_t i = 0; i < m->email_count; i++) {
		struct effect_email now = m->emails[i];
		enum fault f = email_now(s, r->at.lsn, &now);

		if (f != OK && f != NOT_FOUND)
			return f;
		TRY(touch_lost_copies(s, c, &m->emails[i], f == OK ? &now : NULL, r->at.lsn));
		if (f == OK)
			m->emails[live++] = now;
	}
	m->email_count = live;
	return live ? store_effect(s, e, r->body) : OK;
}

/* ---- copies ---- */

/* The copies that are still there and that no younger record of the message states; each as it is now. */
static enum fault
keep_copies(struct store *s, struct compaction *c, struct effect *e, const struct record *r)
{
	struct effect_copies *x = &e->copies;
	size_t live = 0;

	for (size_t i = 0; i < x->item_count; i++) {
		struct effect_more more = x->items[i];
		struct row_copy at = { more.copy.mailbox, more.copy.uid };
		struct row_email row = { 0 };
		struct store_entry entry;
		enum fault f = find_entry(s, x->account, at, &entry);

		if (f == OK && entry.email == more.email)
			f = get_email(s, x->account, more.email, &row);
		else if (f == OK)
			f = NOT_FOUND;
		if (f != OK && f != NOT_FOUND)
			return f;
		if (f == NOT_FOUND || row.origin.lsn > r->at.lsn) {
			TRY(touch(s, c, x->account, at.mailbox, r->at.lsn));
			continue;
		}
		more.copy.flags = entry.flags;
		more.copy.keywords = entry.keywords;
		more.copy.modseq = entry.modseq;
		more.copy.saved_ms = entry.saved_ms;
		x->items[live++] = more;
	}
	x->item_count = live;
	return live ? store_effect_carried(s, e) : OK;
}

/* ---- flags ---- */

struct run_list {
	struct effect_run *p;
	size_t n, room;
};

static void
add_run(struct run_list *l, const struct store_entry *e)
{
	struct effect_run *last = l->n ? &l->p[l->n - 1] : NULL;

	if (last && last->uids.last + 1 == e->uid && last->flags == e->flags &&
		last->keywords == e->keywords) {
		last->uids.last++;
		return;
	}
	if (l->n == l->room) {
		l->room = MAX(l->room * 2, 64);
		l->p = mem_grow(l->p, l->room * sizeof(*l->p));
	}
	l->p[l->n++] = (struct effect_run){ { e->uid, e->uid }, e->flags, e->keywords };
}

/* The entries of a run that are still as this record made them, unless a later copy of the message says so as well. */
static enum fault
collect_run(
	struct store *s, const struct effect_flags *x, uint64_t lsn, struct uid_range r, struct run_list *l)
{
	struct store_entry e;
	size_t n = 0;

	for (;;) {
		struct row_email row = { 0 };

		TRY(view_entries(store_now(s), x->account, x->mailbox, r.first, &e, 1, &n));
		if (n == 0 || e.uid > r.last)
			return OK;
		if (e.modseq == x->modseq) {
			TRY(get_email(s, x->account, e.email, &row));
			if (row.origin.lsn < lsn)
				add_run(l, &e);
		}
		if (e.uid == r.last)
			return OK;
		r.first = e.uid + 1;
	}
}

static enum fault
keep_flags(struct store *s, struct compaction *c, struct effect *e, const struct record *r)
{
	struct run_list l = { 0 };
	enum fault f = OK;

	for (size_t i = 0; i < e->flags.run_count && f == OK; i++)
		f = collect_run(s, &e->flags, r->at.lsn, e->flags.runs[i].uids, &l);
	e->flags.runs = l.p;
	e->flags.run_count = l.n;
	if (f == OK)
		f = l.n ? store_effect_carried(s, e)
			: touch(s, c, e->flags.account, e->flags.mailbox, r->at.lsn);
	free(l.p);
	return f;
}

/* ---- what ended something ---- */

static enum fault
keep_expunge(struct store *s, struct compaction *c, struct effect *e)
{
	int64_t age_ms = s->set.wall_ms() - e->expunge.at_ms;
	struct effect m;
	enum fault f = store_mailbox_effect(s, e->expunge.account, e->expunge.mailbox, &m);

	if (f == NOT_FOUND) /* its own end is told elsewhere */
		return OK;
	TRY(f);
	if (!c->is_oldest || age_ms < (int64_t)KEPT_DAYS * 24 * 3600 * 1000)
		return store_effect_carried(s, e);
	if (m.mailbox.chg_floor >= e->expunge.modseq)
		return OK;
	m.mailbox.chg_floor = e->expunge.modseq;
	return store_effect(s, &m, S(""));
}

static enum fault
keep_gone(struct store *s, struct compaction *c, struct effect *e, uint64_t lsn)
{
	struct row_state st = { 0 };

	if (e->type == RECORD_MAILBOX_GONE) {
		enum fault f = state_get_account(&s->st, e->gone.account, &st);

		if (f != OK) /* the end of the account tells all */
			return f == NOT_FOUND ? OK : f;
	}
	if (!c->is_oldest)
		return store_effect_carried(s, e);
	return e->type == RECORD_MAILBOX_GONE ? touch(s, c, e->gone.account, 0, lsn) : OK;
}

/* ---- rows that know the record which made them ---- */

static enum fault
origin_of_name(struct store *s, enum row_kind kind, str name, struct origin *ret)
{
	struct key k;
	size_t parts;
	str value;

	key_begin(&k, kind);
	key_add_name(&k, kind == ROW_NOTE ? name : arena_lower(&s->arena, name));
	TRY(parts_get(s->st.txn, &s->arena, &k, &value, &parts));
	return row_take_origin(&value, ret) ? OK : STORE_CORRUPT;
}

static enum fault
keep_named(struct store *s, enum row_kind kind, str name, const struct effect *e, uint64_t lsn)
{
	struct origin o = { 0 };
	enum fault f = origin_of_name(s, kind, name, &o);

	if (f == NOT_FOUND || (f == OK && o.lsn != lsn))
		return OK;
	return f == OK ? store_effect(s, e, S("")) : f;
}

/* A name that is in use again was given anew later; else it must stay gone. */
static enum fault
keep_name_gone(struct store *s, struct compaction *c, enum row_kind kind, const struct effect *e)
{
	struct origin o = { 0 };
	enum fault f = origin_of_name(s, kind, e->name, &o);

	if (f != NOT_FOUND)
		return f;
	return c->is_oldest ? OK : store_effect_carried(s, e);
}

/* Only while this record is the one that states it. */
static enum fault
keep_account(struct store *s, struct compaction *c, uint32_t id, uint64_t lsn)
{
	struct origin o = { 0 };
	enum fault f = origin_of_account(s, id, &o);

	if (f == OK && o.lsn == lsn)
		state_later(c, id, 0);
	return f == NOT_FOUND ? OK : f;
}

static enum fault
keep_mailbox(struct store *s, struct compaction *c, const struct effect_mailbox *m, uint64_t lsn)
{
	struct origin o = { 0 };
	enum fault f = origin_of_mailbox(s, m->account, m->id, &o);

	if (f == OK && o.lsn == lsn)
		state_later(c, m->account, m->id);
	return f == NOT_FOUND ? OK : f;
}

/* ---- a record ---- */

static enum fault
keep(struct store *s, struct compaction *c, const struct record *r)
{
	struct effect e;

	TRY(effect_decode(&s->arena, r->type, r->rest, &e));
	switch (r->type) {
	case RECORD_MESSAGE: return keep_message(s, c, &e, r);
	case RECORD_COPIES: return keep_copies(s, c, &e, r);
	case RECORD_FLAGS: return keep_flags(s, c, &e, r);
	case RECORD_EXPUNGE: return keep_expunge(s, c, &e);
	case RECORD_ACCOUNT: return keep_account(s, c, e.account.id, r->at.lsn);
	case RECORD_MAILBOX: return keep_mailbox(s, c, &e.mailbox, r->at.lsn);
	case RECORD_ACCOUNT_GONE:
	case RECORD_MAILBOX_GONE: return keep_gone(s, c, &e, r->at.lsn);
	case RECORD_DOMAIN: return keep_named(s, ROW_DOMAIN, e.name, &e, r->at.lsn);
	case RECORD_ALIAS: return keep_named(s, ROW_ALIAS, e.alias.address, &e, r->at.lsn);
	case RECORD_NOTE: return keep_named(s, ROW_NOTE, e.note.name, &e, r->at.lsn);
	case RECORD_DOMAIN_GONE: return keep_name_gone(s, c, ROW_DOMAIN, &e);
	case RECORD_ALIAS_GONE: return keep_name_gone(s, c, ROW_ALIAS, &e);
	case RECORD_NOTE_GONE: return keep_name_gone(s, c, ROW_NOTE, &e);
	case RECORD_SEGMENT:
	case RECORD_BATCH:
	case RECORD_NONE:
	case RECORD_TYPES: break;
	}
	return OK;
}

/* ---- steps ---- */

/* States the next mailbox or account anew. */
static enum fault
state_next(struct store *s, struct compaction *c)
{
	const struct touched *t = &c->touched[c->stated];
	struct effect e;
	enum fault f = t->mailbox ? store_mailbox_effect(s, t->account, t->mailbox, &e)
				  : store_account_effect(s, t->account, &e);

	c->stated++;
	if (f == NOT_FOUND)
		return OK;
	TRY(f);
	return store_effect(s, &e, S(""));
}

/* What cannot be read is left where it is, to be looked into; its segment stays. */
static void
give_up(struct store *s, enum fault why)
{
	struct compaction *c = s->compaction;

	log_warn(&s->log, "compaction-given-up", kv_uint("segment", c->segment),
		kv_uint("offset", c->walk.offset), kv_c("fault", fault_words(why)->name));
	s->unfit = mem_grow(s->unfit, (s->unfit_count + 1) * sizeof(*s->unfit));
	s->unfit[s->unfit_count++] = c->segment;
	store_compact_stop(s);
}

static enum fault
read_next(struct store *s, struct compaction *c, uint64_t *read)
{
	struct record r = { 0 };
	enum walk_step step = walk_next(&c->walk, &r);

	if (step == WALK_END || (step != WALK_FAILED && r.at.segment != c->segment)) {
		c->read_through = true;
		return OK;
	}
	if (step != WALK_RECORD)
		return step == WALK_BAD ? STORE_CORRUPT : STORE_DOWN;
	*read += r.at.bytes;
	return keep(s, c, &r);
}

static void
finish(struct store *s)
{
	struct compaction *c = s->compaction;

	s->emptied = mem_grow(s->emptied, (s->emptied_count + 1) * sizeof(*s->emptied));
	/* its file goes when all that was written in its place is committed */
	s->emptied[s->emptied_count++] = (struct emptied){ c->segment, s->j.next_lsn - 1 };
	store_compact_stop(s);
	s->uncommitted = true;
}

bool
store_compact_step(struct store *s, uint64_t bytes)
{
	uint64_t before, read = 0;
	uint32_t segment;

	if (store_begin(s) != OK)
		return false;
	if (!s->compaction && (segment = deadest(s)) != 0 && begin(s, segment) != OK)
		return false;
	if (!s->compaction)
		return s->emptied_count > 0;
	before = s->j.batch.n;
	bytes = MAX(bytes, LEAST_STEP);
	while (s->j.batch.n - before < bytes && read < READ_PER_STEP) {
		struct compaction *c = s->compaction;
		enum fault f;

		arena_reset(&s->arena);
		if (c->read_through && c->stated == c->touched_count) {
			finish(s);
			break;
		}
		f = c->read_through ? state_next(s, c) : read_next(s, c, &read);
		if (f != OK) {
			if (s->broken)
				store_compact_stop(s); /* the batch cannot be kept; later again */
			else
				give_up(s, f);
			break;
		}
	}
	return true;
}

/* ---- the file goes ---- */

static enum fault
remove_segment(struct store *s, uint32_t number)
{
	char name[SEGMENT_NAME];

	segment_name(number, name);
	if (unlinkat(s->log_dir, name, 0) != 0 && errno != ENOENT)
		return fault_of_errno(&s->log, "remove", name);
	log_event(&s->log, "segment-removed", kv_uint("segment", number));
	return OK;
}

/* Durably, before anything is written that relies on its absence: a segment that came back would bring what was gone. */
void
store_remove_segments(struct store *s)
{
	size_t left = 0;
	int lock;

	if (s->emptied_count == 0 || s->emptied[0].lsn > s->applied_lsn || (lock = store_lock_removal(s)) < 0)
		return;
	(void)index_sync(s->st.ix);
	for (size_t i = 0; i < s->emptied_count; i++) {
		struct emptied *e = &s->emptied[i];

		if (e->lsn > s->applied_lsn || remove_segment(s, e->segment) != OK ||
			state_begin(&s->st, false) != OK || state_forget_segment(&s->st, e->segment) != OK)
			s->emptied[left++] = *e;
		else
			s->uncommitted = true;
	}
	s->emptied_count = left;
	flush_folder_or_die(&s->log, s->log_dir, "log");
	close(lock);
}
