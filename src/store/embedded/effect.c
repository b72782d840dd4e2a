#include "store/embedded/effect.h"

#include "base/mem.h"

/* ---- pieces ---- */

bool
buf_add_signed(struct buf *b, int64_t v)
{
	return buf_add_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

bool
str_take_signed(str *in, int64_t *ret)
{
	uint64_t v;

	if (!str_take_varint(in, &v))
		return false;
	*ret = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
	return true;
}

static bool
take_u32(str *in, uint32_t *ret)
{
	str at = *in;
	uint64_t v;

	if (!str_take_varint(&at, &v) || v > UINT32_MAX)
		return false;
	*in = at;
	*ret = (uint32_t)v;
	return true;
}

/* An id: never 0. */
static bool
take_id(str *in, uint32_t *ret)
{
	return take_u32(in, ret) && *ret != 0;
}

/* Email ids, modseqs: 48 bits, as the index packs them. */
static bool
take_long_id(str *in, uint64_t *ret)
{
	return str_take_varint(in, ret) && *ret != 0 && *ret >> 48 == 0;
}

static bool
take_bool(str *in, bool *ret)
{
	uint32_t v;

	if (!take_u32(in, &v) || v > 1)
		return false;
	*ret = v;
	return true;
}

/* How many follow: each takes at least `least` bytes, so a number that the bytes cannot hold is refused before memory is taken. */
static bool
take_count(str *in, size_t least, size_t *ret)
{
	uint64_t n;

	if (!str_take_varint(in, &n) || n > in->n / least)
		return false;
	*ret = (size_t)n;
	return true;
}

static void
range_encode(struct buf *b, const struct uid_range *r, uint32_t *last)
{
	buf_add_varint(b, r->first - *last);
	buf_add_varint(b, r->last - r->first);
	*last = r->last;
}

static bool
range_decode(str *in, uint32_t *last, struct uid_range *ret)
{
	uint32_t gap, more;

	if (!take_id(in, &gap) || !take_u32(in, &more) || gap > UINT32_MAX - *last ||
		more > UINT32_MAX - *last - gap)
		return false;
	ret->first = *last + gap;
	*last = ret->last = ret->first + more;
	return true;
}

void
ranges_encode(struct buf *b, const struct uid_range *r, size_t n)
{
	uint32_t last = 0;

	buf_add_varint(b, n);
	for (size_t i = 0; i < n; i++)
		range_encode(b, &r[i], &last);
}

bool
ranges_decode(struct arena *a, str *in, struct uid_range **ret, size_t *ret_n)
{
	struct uid_range *r;
	uint32_t last = 0;
	size_t n;

	if (!take_count(in, 2, &n))
		return false;
	r = ARENA_ARRAY(a, n, struct uid_range);
	for (size_t i = 0; i < n; i++)
		if (!range_decode(in, &last, &r[i]))
			return false;
	*ret = r;
	*ret_n = n;
	return true;
}

/* ---- the head of segments and batches: fixed, for they are filled in when the batch is written ---- */

static void
encode_segment(struct buf *b, const struct effect_segment *s)
{
	buf_add_le32(b, s->format);
	buf_add_le32(b, s->number);
	buf_add_le64(b, s->id.k0);
	buf_add_le64(b, s->id.k1);
	buf_add_le64(b, s->first_lsn);
	buf_add_le64(b, s->durable_lsn);
	buf_add_le32(b, s->next_account);
	buf_add_le64(b, s->next_body);
}

static bool
decode_segment(str *in, struct effect_segment *s)
{
	return str_take_le32(in, &s->format) && str_take_le32(in, &s->number) &&
	       str_take_le64(in, &s->id.k0) && str_take_le64(in, &s->id.k1) &&
	       str_take_le64(in, &s->first_lsn) && str_take_le64(in, &s->durable_lsn) &&
	       str_take_le32(in, &s->next_account) && str_take_le64(in, &s->next_body) && s->number != 0;
}

static void
encode_batch(struct buf *b, const struct effect_batch *t)
{
	buf_add_le64(b, t->durable_lsn);
	buf_add_le64(b, (uint64_t)t->wall_ms);
	buf_add_le64(b, t->bytes);
	buf_add_le32(b, t->count);
}

static bool
decode_batch(str *in, struct effect_batch *t)
{
	uint64_t wall;

	if (!str_take_le64(in, &t->durable_lsn) || !str_take_le64(in, &wall) ||
		!str_take_le64(in, &t->bytes) || !str_take_le32(in, &t->count))
		return false;
	t->wall_ms = (int64_t)wall;
	return true;
}

/* ---- messages ---- */

enum { MESSAGE_DOTS = 1, MESSAGE_LARGE = 2 };

enum { COPY_LEAST = 6 }; /* bytes of a copy */

static void
encode_copy(struct buf *b, const struct effect_copy *c)
{
	buf_add_varint(b, c->mailbox);
	buf_add_varint(b, c->uid);
	buf_add_varint(b, c->flags);
	buf_add_varint(b, c->modseq);
	buf_add_varint(b, c->keywords);
	buf_add_signed(b, c->saved_ms);
}

static bool
decode_copy(str *in, struct effect_copy *c)
{
	return take_id(in, &c->mailbox) && take_id(in, &c->uid) && take_u32(in, &c->flags) &&
	       take_long_id(in, &c->modseq) && str_take_varint(in, &c->keywords) &&
	       str_take_signed(in, &c->saved_ms);
}

static void
encode_email(struct buf *b, const struct effect_email *e)
{
	buf_add_varint(b, e->account);
	buf_add_varint(b, e->email);
	buf_add_varint(b, e->thread);
	buf_add_varint(b, e->created);
	buf_add_counted(b, e->prefix);
	buf_add_varint(b, e->key_count);
	for (size_t i = 0; i < e->key_count; i++)
		buf_add_le64(b, e->keys[i]);
	buf_add_varint(b, e->copy_count);
	for (size_t i = 0; i < e->copy_count; i++)
		encode_copy(b, &e->copies[i]);
}

static bool
decode_keys(struct arena *a, str *in, struct effect_email *e)
{
	uint64_t *keys;

	if (!take_count(in, sizeof(*keys), &e->key_count))
		return false;
	e->keys = keys = ARENA_ARRAY(a, e->key_count, uint64_t);
	for (size_t i = 0; i < e->key_count; i++)
		if (!str_take_le64(in, &keys[i]) || keys[i] == 0)
			return false;
	return true;
}

static bool
decode_email(struct arena *a, str *in, struct effect_email *e)
{
	if (!take_id(in, &e->account) || !take_long_id(in, &e->email) || !take_long_id(in, &e->thread) ||
		!take_long_id(in, &e->created) || !str_take_counted(in, &e->prefix) ||
		!decode_keys(a, in, e) || !take_count(in, COPY_LEAST, &e->copy_count) || e->copy_count == 0)
		return false;
	e->copies = ARENA_ARRAY(a, e->copy_count, struct effect_copy);
	for (size_t i = 0; i < e->copy_count; i++)
		if (!decode_copy(in, &e->copies[i]))
			return false;
	return true;
}

static void
encode_message(struct buf *b, const struct effect_message *m)
{
	buf_add_varint(b, (m->dot_lines ? MESSAGE_DOTS : 0) | (m->large ? MESSAGE_LARGE : 0));
	buf_add_signed(b, m->received_ms);
	buf_add_signed(b, m->sent_ms);
	if (m->large) {
		buf_add_varint(b, m->large);
		buf_add_varint(b, m->body_size);
		buf_add_le64(b, m->body_sum);
	}
	buf_add_counted(b, m->row);
	buf_add_varint(b, m->email_count);
	for (size_t i = 0; i < m->email_count; i++)
		encode_email(b, &m->emails[i]);
}

static bool
decode_message(struct arena *a, str *in, struct effect_message *m)
{
	uint32_t bits;

	if (!take_u32(in, &bits) || bits > (MESSAGE_DOTS | MESSAGE_LARGE) ||
		!str_take_signed(in, &m->received_ms) || !str_take_signed(in, &m->sent_ms))
		return false;
	m->dot_lines = bits & MESSAGE_DOTS;
	if ((bits & MESSAGE_LARGE) && (!take_long_id(in, &m->large) || !str_take_varint(in, &m->body_size) ||
					      !str_take_le64(in, &m->body_sum)))
		return false;
	if (!str_take_counted(in, &m->row) || !take_count(in, 13, &m->email_count) || m->email_count == 0)
		return false;
	m->emails = ARENA_ARRAY(a, m->email_count, struct effect_email);
	for (size_t i = 0; i < m->email_count; i++)
		if (!decode_email(a, in, &m->emails[i]))
			return false;
	return true;
}

static void
encode_copies(struct buf *b, const struct effect_copies *x)
{
	buf_add_varint(b, x->account);
	buf_add_varint(b, x->item_count);
	for (size_t i = 0; i < x->item_count; i++) {
		buf_add_varint(b, x->items[i].email);
		encode_copy(b, &x->items[i].copy);
	}
}

static bool
decode_copies(struct arena *a, str *in, struct effect_copies *x)
{
	if (!take_id(in, &x->account) || !take_count(in, 1 + COPY_LEAST, &x->item_count) ||
		x->item_count == 0)
		return false;
	x->items = ARENA_ARRAY(a, x->item_count, struct effect_more);
	for (size_t i = 0; i < x->item_count; i++)
		if (!take_long_id(in, &x->items[i].email) || !decode_copy(in, &x->items[i].copy))
			return false;
	return true;
}

/* ---- flags and expunge ---- */

static void
encode_flags(struct buf *b, const struct effect_flags *f)
{
	uint32_t last = 0;

	buf_add_varint(b, f->account);
	buf_add_varint(b, f->mailbox);
	buf_add_varint(b, f->modseq);
	buf_add_varint(b, f->run_count);
	for (size_t i = 0; i < f->run_count; i++) {
		range_encode(b, &f->runs[i].uids, &last);
		buf_add_varint(b, f->runs[i].flags);
		buf_add_varint(b, f->runs[i].keywords);
	}
}

static bool
decode_flags(struct arena *a, str *in, struct effect_flags *f)
{
	uint32_t last = 0;

	if (!take_id(in, &f->account) || !take_id(in, &f->mailbox) || !take_long_id(in, &f->modseq) ||
		!take_count(in, 4, &f->run_count))
		return false;
	f->runs = ARENA_ARRAY(a, f->run_count, struct effect_run);
	for (size_t i = 0; i < f->run_count; i++)
		if (!range_decode(in, &last, &f->runs[i].uids) || !take_u32(in, &f->runs[i].flags) ||
			!str_take_varint(in, &f->runs[i].keywords))
			return false;
	return true;
}

static void
encode_expunge(struct buf *b, const struct effect_expunge *x)
{
	buf_add_varint(b, x->account);
	buf_add_varint(b, x->mailbox);
	buf_add_varint(b, x->modseq);
	buf_add_signed(b, x->at_ms);
	ranges_encode(b, x->uids, x->uid_count);
}

static bool
decode_expunge(struct arena *a, str *in, struct effect_expunge *x)
{
	return take_id(in, &x->account) && take_id(in, &x->mailbox) && take_long_id(in, &x->modseq) &&
	       str_take_signed(in, &x->at_ms) && ranges_decode(a, in, &x->uids, &x->uid_count);
}

/* ---- people and mailboxes ---- */

static void
encode_account(struct buf *b, const struct effect_account *c)
{
	buf_add_varint(b, c->id);
	buf_add_counted(b, c->address);
	buf_add_counted(b, c->secret);
	buf_add_varint(b, c->quota_bytes);
	buf_add_varint(b, c->disabled);
	buf_add_signed(b, c->created_ms);
	buf_add_varint(b, c->inbox);
	buf_add_varint(b, c->inbox_uidvalidity);
	buf_add_varint(b, c->next_mailbox);
	buf_add_varint(b, c->uidvalidity);
	buf_add_varint(b, c->next_email);
	buf_add_varint(b, c->modseq);
}

static bool
decode_account(str *in, struct effect_account *c)
{
	return take_id(in, &c->id) && str_take_counted(in, &c->address) && str_take_counted(in, &c->secret) &&
	       str_take_varint(in, &c->quota_bytes) && take_bool(in, &c->disabled) &&
	       str_take_signed(in, &c->created_ms) && take_id(in, &c->inbox) &&
	       take_id(in, &c->inbox_uidvalidity) && take_id(in, &c->next_mailbox) &&
	       take_id(in, &c->uidvalidity) && take_long_id(in, &c->next_email) &&
	       take_long_id(in, &c->modseq) && c->address.n > 0;
}

static void
encode_mailbox(struct buf *b, const struct effect_mailbox *m)
{
	buf_add_varint(b, m->account);
	buf_add_varint(b, m->id);
	buf_add_counted(b, m->name);
	buf_add_varint(b, (uint64_t)m->role);
	buf_add_varint(b, m->subscribed);
	buf_add_varint(b, m->uidvalidity);
	buf_add_varint(b, m->uidnext);
	buf_add_varint(b, m->modseq);
	buf_add_varint(b, m->chg_floor);
}

static bool
decode_mailbox(str *in, struct effect_mailbox *m)
{
	uint32_t role;

	if (!take_id(in, &m->account) || !take_id(in, &m->id) || !str_take_counted(in, &m->name) ||
		m->name.n == 0 || !take_u32(in, &role) || role > ROLE_ARCHIVE ||
		!take_bool(in, &m->subscribed) || !take_id(in, &m->uidvalidity) ||
		!take_id(in, &m->uidnext) || !take_long_id(in, &m->modseq) ||
		!str_take_varint(in, &m->chg_floor))
		return false;
	m->role = (enum store_role)role;
	return true;
}

static void
encode_alias(struct buf *b, const struct effect_alias *l)
{
	buf_add_counted(b, l->address);
	buf_add_varint(b, l->target_count);
	for (size_t i = 0; i < l->target_count; i++)
		buf_add_counted(b, l->targets[i]);
}

static bool
decode_alias(struct arena *a, str *in, struct effect_alias *l)
{
	if (!str_take_counted(in, &l->address) || !take_count(in, 1, &l->target_count))
		return false;
	l->targets = ARENA_ARRAY(a, l->target_count, str);
	for (size_t i = 0; i < l->target_count; i++)
		if (!str_take_counted(in, &l->targets[i]))
			return false;
	return true;
}

static bool
decode_gone(str *in, enum record_type type, struct effect_gone *g)
{
	return take_id(in, &g->account) && take_u32(in, &g->mailbox) && str_take_varint(in, &g->modseq) &&
	       (g->mailbox != 0) == (type == RECORD_MAILBOX_GONE);
}

/* ---- the door ---- */

void
effect_encode(struct buf *b, const struct effect *e)
{
	switch (e->type) {
	case RECORD_SEGMENT: encode_segment(b, &e->segment); break;
	case RECORD_BATCH: encode_batch(b, &e->batch); break;
	case RECORD_MESSAGE: encode_message(b, &e->message); break;
	case RECORD_COPIES: encode_copies(b, &e->copies); break;
	case RECORD_FLAGS: encode_flags(b, &e->flags); break;
	case RECORD_EXPUNGE: encode_expunge(b, &e->expunge); break;
	case RECORD_ACCOUNT: encode_account(b, &e->account); break;
	case RECORD_MAILBOX: encode_mailbox(b, &e->mailbox); break;
	case RECORD_ALIAS: encode_alias(b, &e->alias); break;
	case RECORD_NOTE:
		buf_add_counted(b, e->note.name);
		buf_add_counted(b, e->note.value);
		break;
	case RECORD_DOMAIN:
	case RECORD_DOMAIN_GONE:
	case RECORD_ALIAS_GONE:
	case RECORD_NOTE_GONE: buf_add_counted(b, e->name); break;
	case RECORD_ACCOUNT_GONE:
	case RECORD_MAILBOX_GONE:
		buf_add_varint(b, e->gone.account);
		buf_add_varint(b, e->gone.mailbox);
		buf_add_varint(b, e->gone.modseq);
		break;
	case RECORD_NONE:
	case RECORD_TYPES: break;
	}
}

static bool
decode(struct arena *a, str *in, struct effect *e)
{
	switch (e->type) {
	case RECORD_SEGMENT: return decode_segment(in, &e->segment);
	case RECORD_BATCH: return decode_batch(in, &e->batch);
	case RECORD_MESSAGE: return decode_message(a, in, &e->message);
	case RECORD_COPIES: return decode_copies(a, in, &e->copies);
	case RECORD_FLAGS: return decode_flags(a, in, &e->flags);
	case RECORD_EXPUNGE: return decode_expunge(a, in, &e->expunge);
	case RECORD_ACCOUNT: return decode_account(in, &e->account);
	case RECORD_MAILBOX: return decode_mailbox(in, &e->mailbox);
	case RECORD_ALIAS: return decode_alias(a, in, &e->alias);
	case RECORD_NOTE: return str_take_counted(in, &e->note.name) && str_take_counted(in, &e->note.value);
	case RECORD_DOMAIN:
	case RECORD_DOMAIN_GONE:
	case RECORD_ALIAS_GONE:
	case RECORD_NOTE_GONE: return str_take_counted(in, &e->name);
	case RECORD_ACCOUNT_GONE:
	case RECORD_MAILBOX_GONE: return decode_gone(in, e->type, &e->gone);
	case RECORD_NONE:
	case RECORD_TYPES: break;
	}
	return false;
}

enum fault
effect_decode(struct arena *a, enum record_type type, str rest, struct effect *ret)
{
	struct effect e;

	memset(&e, 0, sizeof(e)); /* every member of the union */
	e.type = type;
	if (!decode(a, &rest, &e) || rest.n)
		return MALFORMED;
	*ret = e;
	return OK;
}
