/* Is the store whole? The log is read record by record, an index is made of it beside the one in use, and the two are compared. */
#include "store/embedded/tool.h"

#include "base/mem.h"
#include "store/embedded/large.h"
#include "store/embedded/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINES = 200 };

struct verify {
	const struct store_tool *t;
	struct log log;
	int dir, log_dir, body_dir, lock;
	struct state live, made; /* the index in use; the one made of the log */
	uint64_t findings;
	struct arena a;
};

#define FOUND(v, ...)                                                                                        \
	do {                                                                                                 \
		if ((v)->findings++ < MOST_LINES)                                                            \
			tool_say((v)->t, __VA_ARGS__);                                                       \
	} while (0)

static unsigned long long
ull(uint64_t x)
{
	return x;
}

/* ---- the log ---- */

static void
check_records(struct verify *v, struct walk *w)
{
	struct record r = { 0 };
	struct effect e;
	enum walk_step step;

	while ((step = walk_next(w, &r)) == WALK_RECORD || step == WALK_BAD) {
		if (step == WALK_RECORD && effect_decode(&v->a, r.type, r.rest, &e) != OK)
			FOUND(v,
				"segment %08x offset %llu: record %llu (%s) says nothing that can be "
				"understood",
				r.at.segment, ull(r.at.offset), ull(r.at.lsn), record_name(r.type));
		arena_reset(&v->a);
	}
	if (step == WALK_FAILED)
		FOUND(v, "the log cannot be read to its end");
}

static enum fault
check_log(struct verify *v)
{
	struct hash_key id = v->live.meta.id;
	struct survey s = { 0 };
	struct walk w;

	TRY(survey_log(&v->log, v->log_dir, &id, (struct position){ 0 }, 0, &s));
	for (size_t i = 0; i < s.gap_count; i++)
		FOUND(v, "segment %08x offset %llu: %u bytes are no record%s%s", s.gaps[i].at.segment,
			ull(s.gaps[i].at.offset), s.gaps[i].at.bytes, s.gaps[i].type ? ", they were a " : "",
			s.gaps[i].type ? record_name(s.gaps[i].type) : "");
	if (s.torn)
		tool_say(v->t,
			"note: the log ends torn behind segment %08x offset %llu; the next start erases it",
			s.end.segment, ull(s.end.offset));
	if (v->live.meta.applied_lsn > s.last_lsn)
		FOUND(v, "the index knows record %llu, the log ends with %llu", ull(v->live.meta.applied_lsn),
			ull(s.last_lsn));
	tool_say(v->t, "log: %llu records", ull(s.records));
	survey_done(&s);
	TRY(walk_begin(&w, &v->log, v->log_dir, &id, 0, 0));
	check_records(v, &w);
	walk_end(&w);
	return OK;
}

/* ---- the two indexes ---- */

/* A walk over the rows of an index in which the entries of chunks come one by one, for where chunks are cut is not the same in both. */
struct items {
	struct state *st;
	enum fault f;
	str row_key, row_value;
	uint32_t i, n; /* of a chunk */
	struct key key;
	str value;
};

enum { KEY_ACCOUNT = 1, KEY_KIND = 5, KEY_REST = 6, ENTRY_KEY = KEY_REST + 8 };

static bool
is_of_account(str key, enum account_row_kind kind)
{
	return key.n > KEY_KIND && key.p[0] == ROW_OF_ACCOUNT && key.p[KEY_KIND] == (char)kind;
}

static void
give_item(struct items *it)
{
	it->key.n = MIN(it->row_key.n, (size_t)KEY_MOST);
	memcpy(it->key.bytes, it->row_key.p, it->key.n);
	it->value = it->row_value;
	if (it->n) { /* the key of an entry ends in its uid */
		it->key.n = ENTRY_KEY - 4;
		key_add_u32(&it->key, chunk_uid(it->row_value, it->i));
		it->value = str_sub(it->row_value, CHUNK_HEAD + it->i * (size_t)ENTRY_BYTES, ENTRY_BYTES);
	}
}

static void
take_row(struct items *it)
{
	it->i = it->n = 0;
	if (it->f == OK && is_of_account(it->row_key, OF_CHUNK) && it->row_key.n == ENTRY_KEY)
		it->n = chunk_count(it->row_value);
	if (it->f == OK)
		give_item(it);
}

static void
items_begin(struct items *it, struct state *st)
{
	it->st = st;
	it->f = index_seek(st->txn, S("\x01"), &it->row_key, &it->row_value);
	take_row(it);
}

static void
items_next(struct items *it)
{
	if (++it->i < it->n) {
		give_item(it);
		return;
	}
	it->f = index_step(it->st->txn, &it->row_key, &it->row_value);
	take_row(it);
}

/* Rows that say where the index stands, not what it holds. */
static bool
is_own_business(str key)
{
	return key.p[0] == ROW_META || key.p[0] == ROW_SEGMENT || key.p[0] == ROW_SKIPPED;
}

static bool
same_value(str key, str x, str y)
{
	struct row_mailbox a, b;

	if (!is_of_account(key, OF_MAILBOX))
		return str_eq(x, y);
	if (row_take_mailbox(x, &a) != OK || row_take_mailbox(y, &b) != OK || !str_eq(a.name, b.name))
		return false;
	/* which chunk is the last is not the same in both */
	return a.origin.lsn == b.origin.lsn && a.origin.segment == b.origin.segment &&
	       a.origin.bytes == b.origin.bytes && a.uidvalidity == b.uidvalidity && a.uidnext == b.uidnext &&
	       a.exists == b.exists && a.unseen == b.unseen && a.deleted == b.deleted &&
	       a.modseq == b.modseq && a.chg_floor == b.chg_floor && a.bytes == b.bytes && a.role == b.role &&
	       a.subscribed == b.subscribed;
}

static void
describe(str key, char *to, size_t room)
{
	static const char *const kinds[] = { "?", "meta", "segment", "domain", "alias", "note", "address",
		"account", "shared", "body", "skipped" };
	static const char *const of_account[] = { "?", "state", "mailbox", "mailbox name", "message",
		"vanished", "thread", "email" };
	unsigned kind = (unsigned char)key.p[0], of = key.n > KEY_KIND ? (unsigned char)key.p[KEY_KIND] : 0;

	if (kind == ROW_OF_ACCOUNT)
		(void)snprintf(to, room, "account %u, %s %llu %u", key_u32(key, KEY_ACCOUNT),
			of_account[of < COUNT(of_account) ? of : 0],
			key.n >= ENTRY_KEY ? ull(key_u64(key, KEY_REST)) : ull(key_u32(key, KEY_REST)),
			(unsigned)key.n);
	else
		(void)snprintf(to, room, "%s row of %zu bytes", kinds[kind < COUNT(kinds) ? kind : 0], key.n);
}

static void
found_row(struct verify *v, str key, const char *what)
{
	char name[128];

	describe(key, name, sizeof(name));
	FOUND(v, "index: %s %s", name, what);
}

static enum fault
compare_rows(struct verify *v)
{
	struct items live, made;

	items_begin(&live, &v->live);
	items_begin(&made, &v->made);
	while (live.f == OK || made.f == OK) {
		int order = live.f != OK   ? 1
			    : made.f != OK ? -1
					   : str_cmp(key_str(&live.key), key_str(&made.key));
		str key = order <= 0 ? key_str(&live.key) : key_str(&made.key);

		if (!is_own_business(key)) {
			if (order < 0)
				found_row(v, key, "is not in the log");
			else if (order > 0)
				found_row(v, key, "is in the log and not in the index");
			else if (!same_value(key, live.value, made.value))
				found_row(v, key, "is not as in the log");
		}
		if (order <= 0)
			items_next(&live);
		if (order >= 0)
			items_next(&made);
	}
	if (live.f != NOT_FOUND)
		return live.f;
	return made.f == NOT_FOUND ? OK : made.f;
}

/* A segment that was removed just before the process ended is still in the index; the next start forgets it. */
static bool
is_removed(struct verify *v, uint32_t number)
{
	char name[SEGMENT_NAME];

	segment_name(number, name);
	return faccessat(v->log_dir, name, F_OK, 0) != 0 && errno == ENOENT;
}

static void
compare_segments(struct verify *v)
{
	const struct state *x = &v->live, *y = &v->made;
	size_t i = 0, k = 0;

	while (i < x->segment_count || k < y->segment_count) {
		const struct segment_use *a = i < x->segment_count ? &x->segments[i] : NULL,
					 *b = k < y->segment_count ? &y->segments[k] : NULL;

		if (b && (!a || a->number > b->number)) {
			FOUND(v, "index: segment %08x is in the log and not in the index", b->number);
			k++;
		} else if (!b || a->number < b->number) {
			if (!is_removed(v, a->number))
				FOUND(v, "index: segment %08x has nothing the log knows of", a->number);
			i++;
		} else {
			if (a->live != b->live)
				FOUND(v, "index: segment %08x has %llu live bytes, by the log %llu",
					a->number, ull(a->live), ull(b->live));
			i++;
			k++;
		}
	}
}

static void
compare_counters(struct verify *v)
{
	const struct row_meta *x = &v->live.meta, *y = &v->made.meta;

	if (x->next_account != y->next_account || x->next_body != y->next_body ||
		x->accounts != y->accounts || x->mailboxes != y->mailboxes || x->messages != y->messages ||
		x->large_bodies != y->large_bodies || x->large_bytes != y->large_bytes)
		FOUND(v, "index: its totals are not those of the log");
	compare_segments(v);
}

/* ---- the index in itself ---- */

struct counted {
	uint32_t exists, unseen, deleted;
	uint64_t bytes;
};

static void
check_entry(struct verify *v, struct store_view *view, uint32_t account, uint32_t mailbox,
	const struct store_entry *e)
{
	struct row_email row = { 0 };
	struct key k;
	size_t parts;
	str value;

	key_of_account(&k, account, OF_EMAIL);
	key_add_u64(&k, e->email);
	if (parts_get(view->txn, &v->a, &k, &value, &parts) != OK || row_take_email(value, &row) != OK) {
		FOUND(v, "account %u mailbox %u uid %u: its email %llu is not there", account, mailbox,
			e->uid, ull(e->email));
		return;
	}
	if (row.prefix.n + row.body_size != e->size)
		FOUND(v, "account %u mailbox %u uid %u: %llu bytes, its email has %llu", account, mailbox,
			e->uid, ull(e->size), ull(row.prefix.n + row.body_size));
	for (size_t i = 0; i < row.copies.n / 8; i++) {
		struct row_copy c = row_copy_at(row.copies, i);

		if (c.mailbox == mailbox && c.uid == e->uid)
			return;
	}
	FOUND(v, "account %u mailbox %u uid %u: its email %llu does not know of it", account, mailbox, e->uid,
		ull(e->email));
}

static void
check_mailbox(struct verify *v, struct store_view *view, const struct store_mailbox *m, struct counted *ret)
{
	struct counted c = { 0 };
	struct store_entry e[32];
	uint32_t next = 1;
	size_t n = 0;

	while (next && view_entries(view, m->account, m->id, next, e, COUNT(e), &n) == OK && n) {
		for (size_t i = 0; i < n; i++) {
			if (e[i].uid < next || e[i].uid >= m->uidnext || e[i].modseq > m->modseq)
				FOUND(v, "account %u mailbox %u uid %u: its uid or modseq is out of order",
					m->account, m->id, e[i].uid);
			next = e[i].uid + 1;
			c.exists++;
			c.unseen += !(e[i].flags & FLAG_SEEN);
			c.deleted += !!(e[i].flags & FLAG_DELETED);
			c.bytes += e[i].size;
			check_entry(v, view, m->account, m->id, &e[i]);
			arena_reset(&v->a);
		}
	}
	if (c.exists != m->exists || c.unseen != m->unseen || c.deleted != m->deleted || c.bytes != m->bytes)
		FOUND(v,
			"account %u mailbox %u: counts %u/%u/%u messages and %llu bytes, holds %u/%u/%u and "
			"%llu",
			m->account, m->id, m->exists, m->unseen, m->deleted, ull(m->bytes), c.exists,
			c.unseen, c.deleted, ull(c.bytes));
	*ret = c;
}

static void
check_account(struct verify *v, struct store_view *view, const struct store_account *a)
{
	struct store_mailbox m;
	uint64_t messages = 0, bytes = 0;
	enum fault f;

	for (uint32_t at = 0; (f = view_next_mailbox(view, a->id, &at, &m)) == OK;) {
		struct counted c;

		check_mailbox(v, view, &m, &c);
		messages += c.exists;
		bytes += c.bytes;
		if (m.name.n == 0)
			FOUND(v, "account %u mailbox %u has no name", a->id, at);
	}
	if (f != NOT_FOUND)
		FOUND(v, "account %u: a mailbox cannot be read", a->id);
	if (messages != a->used_messages || bytes != a->used_bytes)
		FOUND(v, "account %u: counts %llu messages and %llu bytes, holds %llu and %llu", a->id,
			ull(a->used_messages), ull(a->used_bytes), ull(messages), ull(bytes));
}

static void
check_people(struct verify *v)
{
	struct store_view view = { .txn = v->live.txn };
	struct store_account a;
	enum fault f;

	for (uint32_t at = 0; (f = view_next_account(&view, &at, &a)) == OK; arena_reset(&view.arena)) {
		struct store_account same;

		check_account(v, &view, &a);
		if (view_account_by_address(&view, a.address, &same) != OK || same.id != a.id)
			FOUND(v, "account %u is not found by its address", a.id);
	}
	if (f != NOT_FOUND)
		FOUND(v, "an account cannot be read");
	arena_done(&view.arena);
}

/* ---- large bodies ---- */

static enum fault
check_body(struct verify *v, const struct row_email *e, struct buf *block)
{
	char name[17];
	uint64_t sum = 0, size = 0;
	ssize_t n;
	int fd;

	body_name(e->large, name);
	fd = openat(v->body_dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		FOUND(v, "large body %s: %s", name, strerrordesc_np(errno));
		return OK;
	}
	do {
		buf_clear(block);
		n = pread(fd, buf_reserve(block, LARGE_BLOCK), LARGE_BLOCK, (off_t)size);
		if (n > 0) {
			sum = large_sum_add(sum, str_of(block->p, (size_t)n));
			size += (uint64_t)n;
		}
	} while (n == LARGE_BLOCK);
	close(fd);
	if (n < 0 || size != e->body_size || sum != e->body_sum)
		FOUND(v, "large body %s is damaged", name);
	return OK;
}

static enum fault
check_bodies(struct verify *v)
{
	struct buf block = { 0 };
	str key, value;
	enum fault f;

	for (f = index_seek(v->live.txn, S("\x10"), &key, &value); f == OK;
		f = index_step(v->live.txn, &key, &value)) {
		struct row_email e = { 0 };
		struct key k = { .n = MIN(key.n, (size_t)KEY_MOST) };
		size_t parts;

		if (!is_of_account(key, OF_EMAIL) || key.n != KEY_REST + 8)
			continue;
		memcpy(k.bytes, key.p, k.n);
		if (parts_join(v->live.txn, &v->a, &k, value, &value, &parts) == OK &&
			row_take_email(value, &e) == OK && e.large)
			(void)check_body(v, &e, &block);
		arena_reset(&v->a);
	}
	buf_done(&block);
	return f == NOT_FOUND ? OK : f;
}

/* ---- all of it ---- */

static enum fault
open_live(struct verify *v)
{
	struct store_view view = { 0 };
	struct index_settings set = { .dir = arena_printf(&v->a, "%s/index", v->t->dir).p,
		.read_only = true };

	state_init(&v->live, &v->log);
	TRY(index_open(&set, &v->log, &v->live.ix));
	TRY(index_begin_read(v->live.ix, &v->live.txn));
	view.txn = v->live.txn;
	TRY(view_meta(&view, &v->live.meta));
	return state_read_segments(&v->live);
}

static enum fault
make_index(struct verify *v)
{
	struct index_settings set = { .dir = arena_printf(&v->a, "%s/index.verify", v->t->dir).p,
		.unsynced = true };

	state_init(&v->made, &v->log);
	TRY(tool_remove_folder(v->t, v->dir, "index.verify"));
	if (mkdirat(v->dir, "index.verify", 0700) != 0)
		return tool_failed(v->t, "make", "index.verify");
	TRY(index_open(&set, &v->log, &v->made.ix));
	TRY(state_begin(&v->made, false));
	v->made.meta.id = v->live.meta.id;
	return state_replay(&v->made, v->log_dir, v->live.meta.applied_lsn, v->live.txn, v->t);
}

static enum fault
verify(struct verify *v)
{
	enum fault f;

	TRY(tool_open_folder(v->t, AT_FDCWD, v->t->dir, &v->dir));
	TRY(store_lock(&v->log, v->dir, &v->lock));
	TRY(tool_open_folder(v->t, v->dir, "log", &v->log_dir));
	TRY(tool_open_folder(v->t, v->dir, "body", &v->body_dir));
	f = open_live(v);
	if (f == NOT_FOUND || f == STORE_CORRUPT) {
		FOUND(v, "the index cannot be used: rebuild it");
		return OK;
	}
	TRY(f);
	TRY(check_log(v));
	f = make_index(v);
	if (f == OK)
		f = compare_rows(v);
	if (f == OK)
		compare_counters(v);
	else
		FOUND(v, "the log cannot be applied to a new index: %s", fault_words(f)->text);
	check_people(v);
	return check_bodies(v);
}

enum fault
store_verify(const struct store_tool *t, uint64_t *ret_findings)
{
	struct verify *v = NEW(struct verify);
	enum fault f;

	v->t = t;
	v->dir = v->log_dir = v->body_dir = v->lock = -1;
	f = verify(v);
	if (f == OK) {
		*ret_findings = v->findings;
		if (v->findings > MOST_LINES)
			tool_say(t, "and %llu more", ull(v->findings - MOST_LINES));
	} else {
		tool_say(t, "verify: %s", fault_words(f)->text);
	}
	state_done(&v->live);
	state_done(&v->made);
	if (v->dir >= 0 && v->lock >= 0)
		(void)tool_remove_folder(t, v->dir, "index.verify");
	for (const int *fd = (const int[]){ v->dir, v->log_dir, v->body_dir, v->lock, -2 }; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	arena_done(&v->a);
	free(v);
	return f;
}
