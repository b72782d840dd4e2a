#include "mail/email_row.h"

#include "base/mem.h"

/* What a reader goes through. Nothing is believed: counts are bounded by the bytes that are left, offsets by the parent part. */
struct reader {
	struct arena *arena;
	str rest;
	bool bad;
};

static uint64_t
take_number(struct reader *r)
{
	uint64_t v = 0;

	if (!r->bad && !str_take_varint(&r->rest, &v))
		r->bad = true;
	return v;
}

/* A number of things of which each takes `least` bytes. */
static size_t
take_count(struct reader *r, size_t least)
{
	uint64_t n = take_number(r);

	if (n > r->rest.n / least)
		r->bad = true;
	return r->bad ? 0 : (size_t)n;
}

static uint8_t
take_byte(struct reader *r, uint8_t known)
{
	str byte = { 0 };

	if (r->bad || !str_take_bytes(&r->rest, 1, &byte) || ((uint8_t)byte.p[0] & ~known)) {
		r->bad = true;
		return 0;
	}
	return (uint8_t)byte.p[0];
}

/* Strings go into protocols whose lines they must not end. */
static bool
is_clean(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			return false;
	return true;
}

static str
take_bytes(struct reader *r, uint64_t n)
{
	str s = { 0 };

	if (r->bad || n > r->rest.n || !str_take_bytes(&r->rest, (size_t)n, &s) || !is_clean(s)) {
		r->bad = true;
		return (str){ 0 };
	}
	return s;
}

static str
take_string(struct reader *r)
{
	return take_bytes(r, take_number(r));
}

static str
take_coded(struct reader *r, str (*word_of_code)(uint64_t))
{
	uint64_t code = take_number(r);
	str word;

	if (code == 0)
		return take_string(r);
	word = word_of_code(code);
	if (word.n == 0)
		r->bad = true;
	return word;
}

static const str *
take_params(struct reader *r, size_t *ret_pairs)
{
	size_t n = take_count(r, 2);
	str *all = n ? ARENA_ARRAY(r->arena, 2 * n, str) : NULL;

	for (size_t i = 0; i < n && !r->bad; i++) {
		all[2 * i] = take_coded(r, row_param_of_code);
		all[2 * i + 1] = take_string(r);
	}
	*ret_pairs = n;
	return all;
}

/* ---- envelopes ---- */

static const struct email_addr *
take_addresses(struct reader *r, size_t *ret_n)
{
	size_t n = take_count(r, 3);
	struct email_addr *all = n ? ARENA_ARRAY(r->arena, n, struct email_addr) : NULL;

	for (size_t i = 0; i < n && !r->bad; i++) {
		all[i].name = take_string(r);
		all[i].mailbox = take_string(r);
		all[i].host = take_string(r);
	}
	*ret_n = n;
	return all;
}

/* RFC 9051 7.5.2: an absent or empty Sender or Reply-To is as From. */
static const struct email_addr *
take_addresses_or_from(struct reader *r, bool there, const struct email_envelope *e, size_t *ret_n)
{
	const struct email_addr *got = NULL;

	*ret_n = 0;
	if (there)
		got = take_addresses(r, ret_n);
	if (*ret_n)
		return got;
	*ret_n = e->from_n;
	return e->from;
}

static void
take_envelope(struct reader *r, struct email_envelope *e)
{
	uint8_t flags = take_byte(r, ROW_ENVELOPE_FLAGS);

	e->date = take_string(r);
	e->subject = take_string(r);
	e->from = take_addresses(r, &e->from_n);
	e->sender = take_addresses_or_from(r, flags & ROW_HAS_SENDER, e, &e->sender_n);
	e->reply_to = take_addresses_or_from(r, flags & ROW_HAS_REPLY_TO, e, &e->reply_to_n);
	e->to = take_addresses(r, &e->to_n);
	e->cc = take_addresses(r, &e->cc_n);
	e->bcc = take_addresses(r, &e->bcc_n);
	e->in_reply_to = take_string(r);
	e->message_id = take_string(r);
}

/* ---- parts ---- */

static void
take_rare(struct reader *r, struct email_part *p)
{
	uint8_t which = take_byte(r, (1 << ROW_RARE_COUNT) - 1);
	int bit = 0;

#define TAKE(name)                                                                                           \
	if (which & 1 << bit++)                                                                              \
		p->name = take_string(r);
	ROW_RARE_STRINGS(TAKE)
#undef TAKE
}

static str
charset_of(struct arena *a, const struct email_part *p)
{
	if (!str_eq(p->type, S("text")))
		return (str){ 0 };
	for (size_t i = 0; i < p->param_count; i++) {
		str value = p->params[2 * i + 1];

		if (!str_eq(p->params[2 * i], S("charset")))
			continue;
		for (size_t k = 0; k < value.n; k++)
			if (ascii_lower(value.p[k]) != value.p[k])
				return arena_lower(a, value);
		return value;
	}
	return (str){ 0 };
}

static void
take_description(struct reader *r, uint8_t flags, struct email_part *p)
{
	uint64_t code = take_number(r);
	const struct row_type *type = row_type_of_code(code);

	if (type) {
		p->type = type->type;
		p->subtype = type->subtype;
	} else if (code == 0) {
		p->type = take_string(r);
		p->subtype = take_string(r);
	} else {
		r->bad = true;
	}
	p->encoding = take_coded(r, row_encoding_of_code);
	if (flags & ROW_PARAMS)
		p->params = take_params(r, &p->param_count);
	if (flags & ROW_DISPOSITION) {
		p->disposition = take_coded(r, row_disposition_of_code);
		p->disposition_params = take_params(r, &p->disposition_param_count);
	}
	if (flags & ROW_RARE)
		take_rare(r, p);
	p->charset = charset_of(r->arena, p);
}

/* Where the next part may begin, and where it must end at the latest. */
struct span {
	uint64_t from, end;
	bool full; /* a message has one child */
};

/* Takes n octets off the front of a span. */
static uint64_t
take_octets(struct reader *r, struct span *s)
{
	uint64_t n = take_number(r);

	if (n > s->end - s->from) {
		r->bad = true;
		return 0;
	}
	s->from += n;
	return n;
}

/* In depth-first order the parent is the last part before that is less deep by one. */
static bool
find_parent(const struct email_part *parts, size_t i, struct email_part *p)
{
	if (i == 0)
		return p->depth == 0;
	if (p->depth == 0 || p->depth > parts[i - 1].depth + 1)
		return false;
	p->parent = (uint32_t)i - 1;
	while (parts[p->parent].depth >= p->depth)
		p->parent = parts[p->parent].parent;
	return parts[p->parent].is_multipart || parts[p->parent].is_message;
}

/* Where the part is: `around` is what is left of its parent. */
static void
take_place(struct reader *r, uint8_t flags, bool heads_message, struct span *around, struct email_part *p)
{
	if (around->full || (take_octets(r, around) &&
				    heads_message)) /* a message begins where its parent's body begins */
		r->bad = true;
	p->header_at = around->from;
	(void)take_octets(r, around);
	p->body_at = around->from;
	p->body_size = take_octets(r, around);
	if (flags & ROW_LINES)
		p->lines = take_number(r);
	around->full = heads_message;
}

static void
take_part(struct reader *r, struct email *e, struct email_part *parts, struct span *spans, size_t i)
{
	struct email_part *p = &parts[i];
	struct email_envelope *envelope = &e->envelope;
	uint64_t depth = take_number(r);
	bool heads_message = true;
	uint8_t flags;

	p->depth = (uint32_t)MIN(depth, UINT32_MAX);
	flags = take_byte(r, ROW_PART_FLAGS);
	p->is_multipart = flags & ROW_MULTIPART;
	p->is_message = flags & ROW_MESSAGE;
	if (r->bad || (p->is_multipart && p->is_message) || !find_parent(parts, i, p)) {
		r->bad = true;
		return;
	}
	if (i) {
		heads_message = parts[p->parent].is_message;
		take_place(r, flags, heads_message, &spans[p->parent], p);
	} else {
		struct span whole = { 0, e->size, false };

		take_place(r, flags, true, &whole, p);
		r->bad |= whole.from != whole.end;
	}
	spans[i] = (struct span){ p->body_at, p->body_at + p->body_size, false };
	if (heads_message) {
		if (i)
			parts[p->parent].envelope = envelope = ARENA_NEW(r->arena, struct email_envelope);
		take_envelope(r, envelope);
	}
	take_description(r, flags, p);
}

enum { LEAST_PART_BYTES = 7 };

static void
take_parts(struct reader *r, struct email *e, size_t n)
{
	struct email_part *parts = ARENA_ARRAY(r->arena, n, struct email_part);
	struct span *spans = ARENA_ARRAY(r->arena, n, struct span);

	for (size_t i = 0; i < n && !r->bad; i++)
		take_part(r, e, parts, spans, i);
	for (size_t i = 0; i < n && !r->bad; i++)
		r->bad = parts[i].is_message && !parts[i].envelope;
	e->parts = parts;
	e->part_count = n;
}

enum fault
email_row_read(struct arena *a, str row, struct email *ret)
{
	struct reader r = { a, row, false };
	struct email e = { 0 };
	uint64_t sent, base;
	size_t part_count;

	if (take_byte(&r, UINT8_MAX) != ROW_VERSION)
		return MALFORMED;
	e.size = take_number(&r);
	e.lines = take_number(&r);
	sent = take_number(&r);
	e.sent_ms = (int64_t)(sent >> 1 ^ -(sent & 1));
	part_count = take_count(&r, LEAST_PART_BYTES);
	e.references = take_string(&r);
	base = take_number(&r);
	if (base)
		e.subject_base = take_bytes(&r, base - 1);
	e.preview = take_string(&r);
	if (r.bad || part_count == 0)
		return MALFORMED;
	take_parts(&r, &e, part_count);
	if (r.bad || r.rest.n)
		return MALFORMED;
	e.header_size = e.parts[0].body_at;
	if (base == 0)
		e.subject_base = e.envelope.subject;
	*ret = e;
	return OK;
}
