/* What messages, flags and expunges do to the index. */
#include "store/embedded/state.h"

#include "base/mem.h"

/* ---- chunks, changed in passing ---- */

void
chunk_walk_begin(struct chunk_walk *w, struct state *st, struct mailbox_row *m)
{
	w->st = st;
	w->mailbox = m;
	w->loaded = w->changed = false;
	w->chunk.n = 0;
}

static enum fault
put_chunk(struct chunk_walk *w, const struct chunk *c)
{
	struct key k;

	key_of_chunk(&k, w->mailbox->account, w->mailbox->id, c->first);
	if (c->n) {
		buf_clear(&w->st->row);
		chunk_store(c, &w->st->row);
		return index_put(w->st->txn, key_str(&k), buf_str(&w->st->row));
	}
	if (w->mailbox->row.tail == c->first)
		w->mailbox->row.tail = 0;
	return index_remove(w->st->txn, key_str(&k));
}

enum fault
chunk_walk_end(struct chunk_walk *w)
{
	enum fault f = w->loaded && w->changed ? put_chunk(w, &w->chunk) : OK;

	w->loaded = w->changed = false;
	return f;
}

enum { CHUNK_KEY = 1 + 4 + 1 + 4 + 4, CHUNK_KEY_FIRST = CHUNK_KEY - 4 };

static bool
is_chunk_of(str key, const struct key *like)
{
	return key.n == CHUNK_KEY && memcmp(key.p, like->bytes, CHUNK_KEY_FIRST) == 0;
}

static enum fault
load(struct chunk_walk *w, str key, str value)
{
	w->loaded = chunk_load(&w->chunk, key_u32(key, CHUNK_KEY_FIRST), value);
	w->changed = false;
	return w->loaded ? OK : STORE_CORRUPT;
}

static uint32_t
last_uid(const struct chunk *c)
{
	struct store_entry e;

	chunk_get(c, c->n - 1, &e);
	return e.uid;
}

/* The chunk that holds uid, or the first behind it. */
enum fault
chunk_walk_to(struct chunk_walk *w, uint32_t uid, uint32_t *ret_i)
{
	struct key k;
	str key, value;
	enum fault f;

	if (w->loaded && w->chunk.n && uid >= w->chunk.first && uid <= last_uid(&w->chunk)) {
		*ret_i = chunk_lower_bound(&w->chunk, uid);
		return OK;
	}
	TRY(chunk_walk_end(w));
	key_of_chunk(&k, w->mailbox->account, w->mailbox->id, uid);
	f = index_seek_back(w->st->txn, key_str(&k), &key, &value);
	if (f == OK && is_chunk_of(key, &k)) {
		TRY(load(w, key, value));
		if (last_uid(&w->chunk) >= uid) {
			*ret_i = chunk_lower_bound(&w->chunk, uid);
			return OK;
		}
		w->loaded = false;
	} else if (f != OK && f != NOT_FOUND) {
		return f;
	}
	TRY(index_seek(w->st->txn, key_str(&k), &key, &value));
	if (!is_chunk_of(key, &k))
		return NOT_FOUND;
	*ret_i = 0;
	return load(w, key, value);
}

static void
begin_chunk(struct chunk_walk *w, uint32_t first)
{
	w->chunk.first = first;
	w->chunk.n = 0;
	w->loaded = true;
	w->changed = false;
}

/* A chunk behind a full one, which may have been the last. */
static void
begin_behind(struct chunk_walk *w, uint32_t first)
{
	if (w->mailbox->row.tail == w->chunk.first)
		w->mailbox->row.tail = first;
	begin_chunk(w, first);
}

/* Behind everything there is: what deliveries do. */
static enum fault
walk_to_end(struct chunk_walk *w, uint32_t uid)
{
	struct key k;
	str value;

	if (w->mailbox->row.tail == 0) {
		begin_chunk(w, uid);
		w->mailbox->row.tail = uid;
		return OK;
	}
	key_of_chunk(&k, w->mailbox->account, w->mailbox->id, w->mailbox->row.tail);
	TRY(index_get(w->st->txn, key_str(&k), &value));
	if (!chunk_load(&w->chunk, w->mailbox->row.tail, value))
		return STORE_CORRUPT;
	w->loaded = true;
	w->changed = false;
	if (w->chunk.n == CHUNK_ENTRIES) {
		begin_chunk(w, uid);
		w->mailbox->row.tail = uid;
	}
	return OK;
}

/* Is the walk in the last chunk, and has that room? */
static bool
is_at_end(const struct chunk_walk *w)
{
	return w->loaded && w->chunk.n > 0 && w->chunk.n < CHUNK_ENTRIES &&
	       w->mailbox->row.tail == w->chunk.first;
}

/* A full chunk in which one more must find place: its upper half becomes a chunk of its own. */
static enum fault
split(struct chunk_walk *w, uint32_t uid)
{
	struct chunk upper = { .n = 0 };
	uint32_t half = w->chunk.n / 2;
	struct store_entry e;

	for (uint32_t i = half; i < w->chunk.n; i++) {
		chunk_get(&w->chunk, i, &e);
		chunk_insert(&upper, upper.n, &e);
	}
	chunk_get(&upper, 0, &e);
	upper.first = e.uid;
	w->chunk.n = half;
	w->changed = true;
	if (w->mailbox->row.tail == w->chunk.first)
		w->mailbox->row.tail = upper.first;
	if (uid < upper.first)
		return put_chunk(w, &upper);
	TRY(put_chunk(w, &w->chunk));
	w->chunk = upper;
	return OK;
}

enum fault
chunk_walk_to_insert(struct chunk_walk *w, uint32_t uid, uint32_t *ret_i, bool *ret_is_there)
{
	struct store_entry e;
	struct key k;
	str key, value;
	enum fault f;

	if (uid >= w->mailbox->row.uidnext) {
		if (!is_at_end(w)) {
			TRY(chunk_walk_end(w));
			TRY(walk_to_end(w, uid));
		}
		*ret_i = w->chunk.n;
		*ret_is_there = false;
		return OK;
	}
	TRY(chunk_walk_end(w));
	key_of_chunk(&k, w->mailbox->account, w->mailbox->id, uid);
	f = index_seek_back(w->st->txn, key_str(&k), &key, &value);
	if (f != OK && f != NOT_FOUND)
		return f;
	if (f == OK && is_chunk_of(key, &k))
		TRY(load(w, key, value));
	else
		begin_chunk(w, uid);
	*ret_i = chunk_lower_bound(&w->chunk, uid);
	if (*ret_i < w->chunk.n) {
		chunk_get(&w->chunk, *ret_i, &e);
		*ret_is_there = e.uid == uid;
		if (*ret_is_there)
			return OK;
	}
	*ret_is_there = false;
	if (w->chunk.n == CHUNK_ENTRIES) {
		if (*ret_i == CHUNK_ENTRIES)
			begin_behind(w, uid);
		else
			TRY(split(w, uid));
		*ret_i = chunk_lower_bound(&w->chunk, uid);
	}
	return OK;
}

/* ---- counters ---- */

/* Adds (by 1) or takes off (by -1) what an entry counts. */
static void
count(struct state *st, struct row_state *s, struct row_mailbox *m, const struct store_entry *e, int by)
{
	uint32_t one = (uint32_t)by;
	uint64_t size = by > 0 ? e->size : (uint64_t)0 - e->size;

	m->exists += one;
	m->unseen += e->flags & FLAG_SEEN ? 0 : one;
	m->deleted += e->flags & FLAG_DELETED ? one : 0;
	m->bytes += size;
	s->used_bytes += size;
	s->used_messages += (uint64_t)(int64_t)by;
	st->meta.messages += (uint64_t)(int64_t)by;
}

static void
recount_flags(struct row_mailbox *m, uint32_t before, uint32_t after)
{
	m->unseen += (uint32_t)(!(after & FLAG_SEEN)) - (uint32_t)(!(before & FLAG_SEEN));
	m->deleted += (uint32_t)(!!(after & FLAG_DELETED)) - (uint32_t)(!!(before & FLAG_DELETED));
}

/* ---- messages ---- */

enum fault
chunk_walk_enter(
	struct chunk_walk *w, struct row_state *s, const struct effect_copy *c, struct store_entry *e)
{
	struct row_mailbox *m = &w->mailbox->row;
	struct store_entry before;
	bool there = false;
	uint32_t i = 0;

	TRY(chunk_walk_to_insert(w, c->uid, &i, &there));
	e->uid = c->uid;
	e->flags = c->flags;
	e->keywords = c->keywords;
	e->modseq = c->modseq;
	e->saved_ms = c->saved_ms;
	w->changed = true;
	if (!there) {
		chunk_insert(&w->chunk, i, e);
		count(w->st, s, m, e, 1);
	} else {
		chunk_get(&w->chunk, i, &before);
		if (before.modseq <= e->modseq) {
			count(w->st, s, m, &before, -1);
			count(w->st, s, m, e, 1);
			chunk_set(&w->chunk, i, e);
		}
	}
	m->uidnext = MAX(m->uidnext, c->uid + 1);
	m->modseq = MAX(m->modseq, c->modseq);
	s->modseq = MAX(s->modseq, c->modseq);
	return OK;
}

static enum fault
put_entry(struct state *st, struct row_state *s, uint32_t account, const struct effect_copy *c,
	struct store_entry *e)
{
	struct mailbox_row m;
	struct chunk_walk w;

	TRY(state_need_mailbox(st, s, account, c->mailbox, &m));
	chunk_walk_begin(&w, st, &m);
	TRY(chunk_walk_enter(&w, s, c, e));
	TRY(chunk_walk_end(&w));
	return state_put_mailbox(st, &m);
}

static enum fault
put_shared(struct state *st, uint64_t lsn, uint32_t emails)
{
	struct key k;

	key_begin(&k, ROW_SHARED);
	key_add_u64(&k, lsn);
	if (emails == 0)
		return index_remove(st->txn, key_str(&k));
	buf_clear(&st->row);
	buf_add_le32(&st->row, emails);
	return index_put(st->txn, key_str(&k), buf_str(&st->row));
}

static enum fault
get_shared(struct state *st, uint64_t lsn, uint32_t *ret)
{
	struct key k;
	str value;

	key_begin(&k, ROW_SHARED);
	key_add_u64(&k, lsn);
	TRY(index_get(st->txn, key_str(&k), &value));
	return str_take_le32(&value, ret) ? OK : STORE_CORRUPT;
}

static struct key
key_of_body(uint64_t id)
{
	struct key k;

	key_begin(&k, ROW_BODY);
	key_add_u64(&k, id);
	return k;
}

static enum fault
hold_body(struct state *st, const struct effect_message *m)
{
	struct key k = key_of_body(m->large);
	struct row_body y = { .bytes = m->body_size };
	str value;
	enum fault f = index_get(st->txn, key_str(&k), &value);

	if (f == OK)
		TRY(row_take_body(value, &y));
	else if (f != NOT_FOUND)
		return f;
	if (y.emails == 0) {
		st->meta.large_bodies++;
		st->meta.large_bytes += y.bytes;
	}
	y.emails += (uint32_t)m->email_count;
	st->meta.next_body = MAX(st->meta.next_body, m->large + 1);
	buf_clear(&st->row);
	row_add_body(&st->row, &y);
	return index_put(st->txn, key_str(&k), buf_str(&st->row));
}

static enum fault
release_body(struct state *st, uint64_t id)
{
	struct key k = key_of_body(id);
	struct row_body y = { 0 };
	str value;

	TRY(index_get(st->txn, key_str(&k), &value));
	TRY(row_take_body(value, &y));
	if (y.emails > 1) {
		y.emails--;
		buf_clear(&st->row);
		row_add_body(&st->row, &y);
		return index_put(st->txn, key_str(&k), buf_str(&st->row));
	}
	st->meta.large_bodies--;
	st->meta.large_bytes -= y.bytes;
	st->bodies_gone = mem_grow(st->bodies_gone, (st->bodies_gone_count + 1) * sizeof(*st->bodies_gone));
	st->bodies_gone[st->bodies_gone_count++] = id;
	return index_remove(st->txn, key_str(&k));
}

enum fault
apply_release_email(struct state *st, const struct row_email *e)
{
	if (e->large)
		TRY(release_body(st, e->large));
	if (e->shared) {
		uint32_t emails = 0;

		TRY(get_shared(st, e->origin.lsn, &emails));
		TRY(put_shared(st, e->origin.lsn, emails - 1));
		if (emails > 1)
			return OK;
	}
	state_drop_live(st, &e->origin);
	return OK;
}

static struct key
key_of_email(uint32_t account, uint64_t email)
{
	struct key k;

	key_of_account(&k, account, OF_EMAIL);
	key_add_u64(&k, email);
	return k;
}

static struct key
key_of_thread(uint32_t account, uint64_t message_id_key)
{
	struct key k;

	key_of_account(&k, account, OF_THREAD);
	key_add_u64(&k, message_id_key);
	return k;
}

/* What the row says of an email that is there already: the record is a newer copy of it. Its places are left, its copies stay. */
static enum fault
supersede(struct state *st, uint32_t account, uint64_t email, size_t *ret_parts)
{
	struct key k = key_of_email(account, email);
	struct row_email old = { 0 };
	str value;
	enum fault f = parts_get(st->txn, &st->arena, &k, &value, ret_parts);

	if (f == NOT_FOUND)
		return OK;
	TRY(f);
	value = arena_str(&st->arena, value);
	TRY(row_take_email(value, &old));
	buf_add(&st->list, old.copies);
	return apply_release_email(st, &old);
}

static enum fault
put_email(struct state *st, const struct effect_message *m, const struct effect_email *e,
	struct row_email *row, bool is_new)
{
	struct key k = key_of_email(e->account, e->email);
	size_t parts = 0;

	buf_clear(&st->list);
	if (!is_new)
		TRY(supersede(st, e->account, e->email, &parts));
	for (size_t i = 0; i < e->copy_count; i++)
		(void)row_add_copy(&st->list, (struct row_copy){ e->copies[i].mailbox, e->copies[i].uid });
	row->copies = buf_str(&st->list);
	buf_clear(&st->part);
	for (size_t i = 0; i < e->key_count; i++)
		buf_add_le64(&st->part, e->keys[i]);
	row->keys = buf_str(&st->part);
	row->thread = e->thread;
	row->created = e->created;
	row->prefix = e->prefix;
	row->row = m->row;
	buf_clear(&st->row);
	row_add_email(&st->row, row);
	return parts_put(st->txn, &k, buf_str(&st->row), parts);
}

static enum fault
put_threads(struct state *st, const struct effect_email *e)
{
	for (size_t i = 0; i < e->key_count; i++) {
		struct key k = key_of_thread(e->account, e->keys[i]);

		buf_clear(&st->row);
		row_add_thread(&st->row, &(struct row_thread){ e->thread, e->email });
		TRY(index_put(st->txn, key_str(&k), buf_str(&st->row)));
	}
	return OK;
}

static enum fault
apply_email(
	struct state *st, const struct effect_message *m, const struct effect_email *e, struct row_email *row)
{
	struct row_state s = { 0 };
	struct store_entry entry = {
		.email = e->email,
		.size = e->prefix.n + row->body_size,
		.received_ms = m->received_ms,
		.dot_lines = m->dot_lines,
	};

	TRY(state_need_account(st, e->account, &s));
	TRY(put_email(st, m, e, row, e->email >= s.next_email));
	TRY(put_threads(st, e));
	s.next_email = MAX(s.next_email, e->email + 1);
	s.modseq = MAX(s.modseq, e->created);
	for (size_t i = 0; i < e->copy_count; i++)
		TRY(put_entry(st, &s, e->account, &e->copies[i], &entry));
	return state_put_account(st, e->account, &s);
}

enum fault
apply_message(
	struct state *st, const struct effect_message *m, const struct record_place *at, uint64_t body_size)
{
	struct row_email row = {
		.origin = origin_of(at),
		.offset = at->offset,
		.body_size = m->large ? m->body_size : body_size,
		.large = m->large,
		.body_sum = m->body_sum,
		.received_ms = m->received_ms,
		.sent_ms = m->sent_ms,
		.dot_lines = m->dot_lines,
		.shared = m->email_count > 1,
	};

	state_add_live(st, &row.origin);
	if (row.shared)
		TRY(put_shared(st, at->lsn, (uint32_t)m->email_count));
	if (m->large)
		TRY(hold_body(st, m));
	for (size_t i = 0; i < m->email_count; i++)
		TRY(apply_email(st, m, &m->emails[i], &row));
	return OK;
}

/* ---- flags ---- */

static enum fault
apply_run(struct chunk_walk *w, const struct effect_run *r, uint64_t modseq)
{
	uint32_t uid = r->uids.first, i = 0;
	struct store_entry e = { 0 };
	enum fault f;

	while ((f = chunk_walk_to(w, uid, &i)) == OK) {
		for (; i < w->chunk.n; i++) {
			chunk_get(&w->chunk, i, &e);
			if (e.uid > r->uids.last)
				return OK;
			if (e.modseq <= modseq) {
				recount_flags(&w->mailbox->row, e.flags, r->flags);
				e.flags = r->flags;
				e.keywords = r->keywords;
				e.modseq = modseq;
				chunk_set(&w->chunk, i, &e);
				w->changed = true;
			}
		}
		if (e.uid >= r->uids.last)
			return OK;
		uid = e.uid + 1;
	}
	return f == NOT_FOUND ? OK : f;
}

static enum fault
raise_modseq(struct state *st, struct row_state *s, struct mailbox_row *m, uint64_t modseq)
{
	m->row.modseq = MAX(m->row.modseq, modseq);
	s->modseq = MAX(s->modseq, modseq);
	TRY(state_put_mailbox(st, m));
	return state_put_account(st, m->account, s);
}

enum fault
apply_flags(struct state *st, const struct effect_flags *x)
{
	struct row_state s = { 0 };
	struct mailbox_row m;
	struct chunk_walk w;

	TRY(state_need_account(st, x->account, &s));
	TRY(state_need_mailbox(st, &s, x->account, x->mailbox, &m));
	chunk_walk_begin(&w, st, &m);
	for (size_t i = 0; i < x->run_count; i++)
		TRY(apply_run(&w, &x->runs[i], x->modseq));
	TRY(chunk_walk_end(&w));
	return raise_modseq(st, &s, &m, x->modseq);
}

/* ---- expunge ---- */

static enum fault
drop_email(struct state *st, uint32_t account, uint64_t email, const struct key *k, const struct row_email *e,
	size_t parts)
{
	for (str keys = e->keys; keys.n;) {
		struct row_thread t = { 0 };
		struct key tk;
		uint64_t key = 0;
		str value;
		enum fault f;

		(void)str_take_le64(&keys, &key);
		tk = key_of_thread(account, key);
		f = index_get(st->txn, key_str(&tk), &value);
		if (f == NOT_FOUND)
			continue;
		TRY(f);
		TRY(row_take_thread(value, &t));
		if (t.email == email) /* else a later message put it anew */
			TRY(index_remove(st->txn, key_str(&tk)));
	}
	TRY(parts_remove(st->txn, k, parts));
	return apply_release_email(st, e);
}

static enum fault
put_orphan(struct state *st, uint32_t account, uint64_t email)
{
	struct key k;

	key_begin(&k, ROW_ORPHAN);
	key_add_u32(&k, account);
	key_add_u64(&k, email);
	return index_put(st->txn, key_str(&k), S("!"));
}

enum fault
apply_drop_copy(struct state *st, uint32_t account, uint64_t email, struct row_copy copy)
{
	struct key k = key_of_email(account, email);
	struct row_email e = { 0 };
	size_t parts = 0;
	str value;

	TRY(parts_get(st->txn, &st->arena, &k, &value, &parts));
	buf_clear(&st->part);
	buf_add(&st->part, value); /* out of the pages, for they are about to change */
	TRY(row_take_email(buf_str(&st->part), &e));
	buf_clear(&st->list);
	for (size_t i = 0; i < e.copies.n / 8; i++) {
		struct row_copy c = row_copy_at(e.copies, i);

		if (c.mailbox != copy.mailbox || c.uid != copy.uid)
			(void)row_add_copy(&st->list, c);
	}
	e.copies = buf_str(&st->list);
	if (e.copies.n == 0 && !st->replaying)
		return drop_email(st, account, email, &k, &e, parts);
	buf_clear(&st->row);
	row_add_email(&st->row, &e);
	TRY(parts_put(st->txn, &k, buf_str(&st->row), parts));
	return e.copies.n ? OK : put_orphan(st, account, email);
}

/* One that waited: it is in a mailbox again, or it goes. */
static enum fault
bury(struct state *st, uint32_t account, uint64_t email)
{
	struct key k = key_of_email(account, email);
	struct row_email e = { 0 };
	size_t parts = 0;
	str value;
	enum fault f = parts_get(st->txn, &st->arena, &k, &value, &parts);

	if (f == NOT_FOUND) /* with its account */
		return OK;
	TRY(f);
	buf_clear(&st->part);
	buf_add(&st->part, value);
	TRY(row_take_email(buf_str(&st->part), &e));
	return e.copies.n ? OK : drop_email(st, account, email, &k, &e, parts);
}

enum fault
state_bury(struct state *st, bool *ret_any)
{
	struct key k, orphan;
	str key, value;
	enum fault f;

	*ret_any = false;
	key_begin(&k, ROW_ORPHAN);
	while ((f = index_seek(st->txn, key_str(&k), &key, &value)) == OK && str_starts(key, key_str(&k))) {
		*ret_any = true;
		key_begin(&orphan, ROW_ORPHAN);
		key_add_u32(&orphan, key_u32(key, k.n));
		key_add_u64(&orphan, key_u64(key, k.n + 4));
		TRY(bury(st, key_u32(key, k.n), key_u64(key, k.n + 4)));
		TRY(index_remove(st->txn, key_str(&orphan)));
		arena_reset(&st->arena);
	}
	return f == NOT_FOUND ? OK : f;
}

static enum fault
expunge_range(struct chunk_walk *w, struct row_state *s, struct uid_range r)
{
	struct mailbox_row *m = w->mailbox;
	struct store_entry e = { 0 };
	uint32_t i = 0;
	enum fault f;

	while ((f = chunk_walk_to(w, r.first, &i)) == OK) {
		while (i < w->chunk.n) {
			chunk_get(&w->chunk, i, &e);
			if (e.uid > r.last)
				return OK;
			chunk_remove(&w->chunk, i);
			w->changed = true;
			count(w->st, s, &m->row, &e, -1);
			TRY(apply_drop_copy(w->st, m->account, e.email, (struct row_copy){ m->id, e.uid }));
		}
		if (e.uid >= r.last)
			return OK;
		r.first = e.uid + 1;
	}
	return f == NOT_FOUND ? OK : f;
}

static enum fault
put_vanished(struct state *st, const struct effect_expunge *x)
{
	struct key k;
	size_t parts = 0;
	str value;
	enum fault f;

	key_of_account(&k, x->account, OF_VANISHED);
	key_add_u32(&k, x->mailbox);
	key_add_u64(&k, x->modseq);
	f = parts_get(st->txn, &st->arena, &k, &value, &parts);
	if (f != OK && f != NOT_FOUND)
		return f;
	buf_clear(&st->row);
	ranges_encode(&st->row, x->uids, x->uid_count);
	return parts_put(st->txn, &k, buf_str(&st->row), parts);
}

enum fault
apply_expunge(struct state *st, const struct effect_expunge *x)
{
	struct row_state s = { 0 };
	struct mailbox_row m;
	struct chunk_walk w;

	TRY(state_need_account(st, x->account, &s));
	TRY(state_need_mailbox(st, &s, x->account, x->mailbox, &m));
	chunk_walk_begin(&w, st, &m);
	for (size_t i = 0; i < x->uid_count; i++)
		TRY(expunge_range(&w, &s, x->uids[i]));
	TRY(chunk_walk_end(&w));
	if (x->uid_count)
		m.row.uidnext = MAX(m.row.uidnext, x->uids[x->uid_count - 1].last + 1);
	if (x->modseq > m.row.chg_floor)
		TRY(put_vanished(st, x));
	return raise_modseq(st, &s, &m, x->modseq);
}

enum fault
apply_drop_entries(struct state *st, struct row_state *s, const struct mailbox_row *m)
{
	struct mailbox_row all = *m;
	struct chunk_walk w;

	all.row.name.p = all.name;
	chunk_walk_begin(&w, st, &all);
	TRY(expunge_range(&w, s, (struct uid_range){ 1, UINT32_MAX }));
	return chunk_walk_end(&w);
}
