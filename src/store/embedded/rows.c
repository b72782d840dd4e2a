#include "store/embedded/rows.h"

#include "base/mem.h"

#include <endian.h>

/* ---- keys ---- */

void
key_begin(struct key *k, enum row_kind kind)
{
	k->bytes[0] = (char)kind;
	k->n = 1;
}

void
key_add_u32(struct key *k, uint32_t v)
{
	v = htobe32(v);
	memcpy(k->bytes + k->n, &v, sizeof(v));
	k->n += sizeof(v);
}

void
key_add_u64(struct key *k, uint64_t v)
{
	v = htobe64(v);
	memcpy(k->bytes + k->n, &v, sizeof(v));
	k->n += sizeof(v);
}

void
key_of_account(struct key *k, uint32_t account, enum account_row_kind kind)
{
	key_begin(k, ROW_OF_ACCOUNT);
	key_add_u32(k, account);
	k->bytes[k->n++] = (char)kind;
}

void
key_add_name(struct key *k, str name)
{
	name = str_sub(name, 0, NAME_MOST);
	if (name.n)
		memcpy(k->bytes + k->n, name.p, name.n);
	k->n += name.n;
	k->bytes[k->n++] = 0;
}

uint32_t
key_u32(str key, size_t at)
{
	uint32_t v = 0;

	if (key.n >= at + sizeof(v))
		memcpy(&v, key.p + at, sizeof(v));
	return be32toh(v);
}

uint64_t
key_u64(str key, size_t at)
{
	uint64_t v = 0;

	if (key.n >= at + sizeof(v))
		memcpy(&v, key.p + at, sizeof(v));
	return be64toh(v);
}

bool
name_is_good(str name)
{
	return name.n > 0 && name.n <= NAME_MOST && !memchr(name.p, 0, name.n);
}

/* ---- values ---- */

static enum fault
whole(bool decoded, str rest)
{
	return decoded && rest.n == 0 ? OK : STORE_CORRUPT;
}

void
row_add_origin(struct buf *b, const struct origin *o)
{
	buf_add_le64(b, o->lsn);
	buf_add_le32(b, o->segment);
	buf_add_le32(b, o->bytes);
}

bool
row_take_origin(str *in, struct origin *ret)
{
	return str_take_le64(in, &ret->lsn) && str_take_le32(in, &ret->segment) &&
	       str_take_le32(in, &ret->bytes);
}

void
row_add_meta(struct buf *b, const struct row_meta *m)
{
	buf_add_le64(b, m->applied_lsn);
	buf_add_le64(b, m->applied_offset);
	buf_add_le32(b, m->applied_segment);
	buf_add_le32(b, m->format);
	buf_add_le64(b, m->id.k0);
	buf_add_le64(b, m->id.k1);
	buf_add_le32(b, m->next_account);
	buf_add_le64(b, m->next_body);
	buf_add_le64(b, m->accounts);
	buf_add_le64(b, m->mailboxes);
	buf_add_le64(b, m->messages);
	buf_add_le64(b, m->large_bodies);
	buf_add_le64(b, m->large_bytes);
}

enum fault
row_take_meta(str v, struct row_meta *ret)
{
	struct row_meta m;
	bool ok = str_take_le64(&v, &m.applied_lsn) && str_take_le64(&v, &m.applied_offset) &&
		  str_take_le32(&v, &m.applied_segment) && str_take_le32(&v, &m.format) &&
		  str_take_le64(&v, &m.id.k0) && str_take_le64(&v, &m.id.k1) &&
		  str_take_le32(&v, &m.next_account) && str_take_le64(&v, &m.next_body) &&
		  str_take_le64(&v, &m.accounts) && str_take_le64(&v, &m.mailboxes) &&
		  str_take_le64(&v, &m.messages) && str_take_le64(&v, &m.large_bodies) &&
		  str_take_le64(&v, &m.large_bytes);

	TRY(whole(ok, v));
	*ret = m;
	return OK;
}

void
row_add_segment(struct buf *b, const struct row_segment *s)
{
	buf_add_le64(b, s->bytes);
	buf_add_le64(b, s->live);
}

enum fault
row_take_segment(str v, struct row_segment *ret)
{
	struct row_segment s;
	bool ok = str_take_le64(&v, &s.bytes) && str_take_le64(&v, &s.live);

	TRY(whole(ok, v));
	*ret = s;
	return OK;
}

void
row_add_state(struct buf *b, const struct row_state *s)
{
	buf_add_le64(b, s->modseq);
	buf_add_le64(b, s->next_email);
	buf_add_le64(b, s->used_bytes);
	buf_add_le64(b, s->used_messages);
	buf_add_le64(b, s->quota_bytes);
	buf_add_le32(b, s->next_mailbox);
	buf_add_le32(b, s->uidvalidity);
	buf_add_le32(b, s->inbox);
	buf_add_le32(b, s->disabled);
}

enum fault
row_take_state(str v, struct row_state *ret)
{
	struct row_state s;
	uint32_t disabled = 0;
	bool ok = str_take_le64(&v, &s.modseq) && str_take_le64(&v, &s.next_email) &&
		  str_take_le64(&v, &s.used_bytes) && str_take_le64(&v, &s.used_messages) &&
		  str_take_le64(&v, &s.quota_bytes) && str_take_le32(&v, &s.next_mailbox) &&
		  str_take_le32(&v, &s.uidvalidity) && str_take_le32(&v, &s.inbox) &&
		  str_take_le32(&v, &disabled);

	TRY(whole(ok, v));
	s.disabled = disabled;
	*ret = s;
	return OK;
}

void
row_add_account(struct buf *b, const struct row_account *c)
{
	row_add_origin(b, &c->origin);
	buf_add_signed(b, c->created_ms);
	buf_add_varint(b, c->inbox_uidvalidity);
	buf_add_counted(b, c->address);
	buf_add_counted(b, c->secret);
}

enum fault
row_take_account(str v, struct row_account *ret)
{
	struct row_account c;
	uint64_t validity = 0;
	bool ok = row_take_origin(&v, &c.origin) && str_take_signed(&v, &c.created_ms) &&
		  str_take_varint(&v, &validity) && validity <= UINT32_MAX &&
		  str_take_counted(&v, &c.address) && str_take_counted(&v, &c.secret);

	TRY(whole(ok, v));
	c.inbox_uidvalidity = (uint32_t)validity;
	*ret = c;
	return OK;
}

enum { MAILBOX_SUBSCRIBED = 0x100 }; /* above the role */

void
row_add_mailbox(struct buf *b, const struct row_mailbox *m)
{
	row_add_origin(b, &m->origin);
	buf_add_le32(b, m->uidvalidity);
	buf_add_le32(b, m->uidnext);
	buf_add_le32(b, m->exists);
	buf_add_le32(b, m->unseen);
	buf_add_le32(b, m->deleted);
	buf_add_le32(b, m->tail);
	buf_add_le64(b, m->modseq);
	buf_add_le64(b, m->chg_floor);
	buf_add_le64(b, m->bytes);
	buf_add_le32(b, (uint32_t)m->role | (m->subscribed ? MAILBOX_SUBSCRIBED : 0));
	buf_add(b, m->name);
}

enum fault
row_take_mailbox(str v, struct row_mailbox *ret)
{
	struct row_mailbox m;
	uint32_t role = 0;
	bool ok = row_take_origin(&v, &m.origin) && str_take_le32(&v, &m.uidvalidity) &&
		  str_take_le32(&v, &m.uidnext) && str_take_le32(&v, &m.exists) &&
		  str_take_le32(&v, &m.unseen) && str_take_le32(&v, &m.deleted) &&
		  str_take_le32(&v, &m.tail) && str_take_le64(&v, &m.modseq) &&
		  str_take_le64(&v, &m.chg_floor) && str_take_le64(&v, &m.bytes) && str_take_le32(&v, &role);

	m.role = (enum store_role)(role & 0xFF);
	m.subscribed = role & MAILBOX_SUBSCRIBED;
	m.name = v;
	if (!ok || m.role > ROLE_ARCHIVE || m.uidnext == 0)
		return STORE_CORRUPT;
	*ret = m;
	return OK;
}

enum { EMAIL_DOTS = 1, EMAIL_SHARED = 2, EMAIL_LARGE = 4 };

void
row_add_email(struct buf *b, const struct row_email *e)
{
	buf_add_char(b, (char)((e->dot_lines ? EMAIL_DOTS : 0) | (e->shared ? EMAIL_SHARED : 0) |
				(e->large ? EMAIL_LARGE : 0)));
	row_add_origin(b, &e->origin);
	buf_add_varint(b, e->offset);
	buf_add_varint(b, e->body_size);
	if (e->large) {
		buf_add_varint(b, e->large);
		buf_add_le64(b, e->body_sum);
	}
	buf_add_varint(b, e->thread);
	buf_add_varint(b, e->created);
	buf_add_signed(b, e->received_ms);
	buf_add_signed(b, e->sent_ms);
	buf_add_counted(b, e->copies);
	buf_add_counted(b, e->keys);
	buf_add_counted(b, e->prefix);
	buf_add(b, e->row);
}

enum fault
row_take_email(str v, struct row_email *ret)
{
	struct row_email e = { 0 };
	str bits = { 0 };

	if (!str_take_bytes(&v, 1, &bits) || !row_take_origin(&v, &e.origin) ||
		!str_take_varint(&v, &e.offset) || !str_take_varint(&v, &e.body_size))
		return STORE_CORRUPT;
	e.dot_lines = bits.p[0] & EMAIL_DOTS;
	e.shared = bits.p[0] & EMAIL_SHARED;
	if ((bits.p[0] & EMAIL_LARGE) &&
		(!str_take_varint(&v, &e.large) || !str_take_le64(&v, &e.body_sum) || !e.large))
		return STORE_CORRUPT;
	if (!str_take_varint(&v, &e.thread) || !str_take_varint(&v, &e.created) ||
		!str_take_signed(&v, &e.received_ms) || !str_take_signed(&v, &e.sent_ms) ||
		!str_take_counted(&v, &e.copies) || !str_take_counted(&v, &e.keys) ||
		!str_take_counted(&v, &e.prefix) || e.copies.n % 8 || e.keys.n % 8)
		return STORE_CORRUPT;
	e.row = v;
	*ret = e;
	return OK;
}

struct row_copy
row_copy_at(str copies, size_t i)
{
	str at = str_from(copies, i * 8);
	struct row_copy c = { 0 };

	(void)(str_take_le32(&at, &c.mailbox) && str_take_le32(&at, &c.uid));
	return c;
}

/* -1, 0, 1: x before, with, behind y. */
static int
compare_copies(struct row_copy x, struct row_copy y)
{
	if (x.mailbox != y.mailbox)
		return x.mailbox < y.mailbox ? -1 : 1;
	return x.uid < y.uid ? -1 : x.uid > y.uid;
}

bool
row_add_copy(struct buf *b, struct row_copy c)
{
	size_t n = b->n / 8, at = n;

	while (at > 0) {
		int order = compare_copies(row_copy_at(buf_str(b), at - 1), c);

		if (order == 0)
			return false;
		if (order < 0)
			break;
		at--;
	}
	buf_add_le32(b, c.mailbox);
	buf_add_le32(b, c.uid);
	if (at < n) { /* it was put at the end: there it stands in front of those behind it */
		char copy[8];

		memcpy(copy, b->p + 8 * n, 8);
		memmove(b->p + 8 * (at + 1), b->p + 8 * at, 8 * (n - at));
		memcpy(b->p + 8 * at, copy, 8);
	}
	return true;
}

void
row_add_thread(struct buf *b, const struct row_thread *t)
{
	buf_add_le64(b, t->thread);
	buf_add_le64(b, t->email);
}

enum fault
row_take_thread(str v, struct row_thread *ret)
{
	struct row_thread t;
	bool ok = str_take_le64(&v, &t.thread) && str_take_le64(&v, &t.email);

	TRY(whole(ok, v));
	*ret = t;
	return OK;
}

void
row_add_body(struct buf *b, const struct row_body *y)
{
	buf_add_le32(b, y->emails);
	buf_add_le64(b, y->bytes);
}

enum fault
row_take_body(str v, struct row_body *ret)
{
	struct row_body y;
	bool ok = str_take_le32(&v, &y.emails) && str_take_le64(&v, &y.bytes);

	TRY(whole(ok, v));
	*ret = y;
	return OK;
}

/* ---- values in parts: the first begins with the length of all ---- */

enum { LENGTH_BYTES = 4, MOST_PARTS = 65535 };

static size_t
room_of(const struct key *k, size_t part)
{
	return part == 0 ? ROW_MOST - k->n - LENGTH_BYTES : ROW_MOST - k->n - 2;
}

static struct key
key_of_part(const struct key *k, size_t part)
{
	struct key p = *k;

	p.bytes[p.n++] = (char)(part >> 8);
	p.bytes[p.n++] = (char)part;
	return p;
}

static enum fault
put_first(struct index_txn *t, const struct key *k, str value)
{
	char bytes[ROW_MOST];
	uint32_t n = htole32((uint32_t)value.n);
	str head = str_sub(value, 0, room_of(k, 0));

	memcpy(bytes, &n, LENGTH_BYTES);
	if (head.n)
		memcpy(bytes + LENGTH_BYTES, head.p, head.n);
	return index_put(t, key_str(k), str_of(bytes, LENGTH_BYTES + head.n));
}

enum fault
parts_put(struct index_txn *t, const struct key *k, str value, size_t old_parts)
{
	size_t part = 1;

	TRY(put_first(t, k, value));
	for (str rest = str_from(value, room_of(k, 0)); rest.n;
		rest = str_from(rest, room_of(k, part)), part++) {
		struct key p = key_of_part(k, part);

		if (part >= MOST_PARTS)
			return TOO_BIG;
		TRY(index_put(t, key_str(&p), str_sub(rest, 0, room_of(k, part))));
	}
	for (; part < old_parts; part++) {
		struct key p = key_of_part(k, part);

		TRY(index_remove(t, key_str(&p)));
	}
	return OK;
}

enum fault
parts_join(struct index_txn *t, struct arena *a, const struct key *k, str first, str *ret, size_t *ret_parts)
{
	size_t part = 1, used;
	uint32_t n = 0;
	char *all;

	if (!str_take_le32(&first, &n) || first.n > n || n > (uint64_t)MOST_PARTS * ROW_MOST)
		return STORE_CORRUPT;
	if (first.n == n) {
		*ret = first;
		*ret_parts = 1;
		return OK;
	}
	all = arena_take(a, n);
	memcpy(all, first.p, first.n);
	for (used = first.n; used < n; part++) {
		struct key p = key_of_part(k, part);
		str more = { 0 };

		if (part >= MOST_PARTS || index_get(t, key_str(&p), &more) != OK || more.n == 0 ||
			more.n > n - used)
			return STORE_CORRUPT;
		memcpy(all + used, more.p, more.n);
		used += more.n;
	}
	*ret = str_of(all, n);
	*ret_parts = part;
	return OK;
}

enum fault
parts_get(struct index_txn *t, struct arena *a, const struct key *k, str *ret, size_t *ret_parts)
{
	str first;

	TRY(index_get(t, key_str(k), &first));
	return parts_join(t, a, k, first, ret, ret_parts);
}

enum fault
parts_remove(struct index_txn *t, const struct key *k, size_t parts)
{
	TRY(index_remove(t, key_str(k)));
	for (size_t part = 1; part < parts; part++) {
		struct key p = key_of_part(k, part);

		TRY(index_remove(t, key_str(&p)));
	}
	return OK;
}
