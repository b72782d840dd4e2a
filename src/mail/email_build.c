/* The course of a message through the builder: mime.c finds the parts, email_pack.c turns their headers into bytes of the row as they
 * come, here they are put together. */
#include "mail/email_build.h"

#include "base/mem.h"
#include "mail/email_row.h"

enum {
	HEADER_BYTES = 256 * 1024,
	PARTS = 1000,
	DEPTH = 50,
	ROW_BYTES = 64 * 1024,
	ROW_BYTES_LEAST = 1024,
	HEAD_COST = 64,        /* what stands before the parts, without strings */
	TEXT_BODY = 8 * 1024,  /* of a body that may give a preview */
	HTML_BODY = 48 * 1024, /* styles come first there */
	ARENA_BYTES = 8 * 1024,
	KEPT_BYTES = 128 * 1024, /* a buffer that grew beyond is given back at reset */
};

const struct hash_key email_thread_key = { 0x706f737472696465, 0x7220746872656164 };

/* ---- what mime tells ---- */

static bool
heads_message(const struct email_builder *b, size_t part)
{
	return part == 0 || b->mime.parts[b->mime.parts[part].parent].is_message;
}

static struct part_pack *
new_part(struct email_builder *b, size_t part)
{
	if (part >= b->part_room) {
		b->part_room = MAX(2 * b->part_room, 16);
		b->parts = mem_grow(b->parts, b->part_room * sizeof(*b->parts));
	}
	b->parts[part] = (struct part_pack){ .at = (uint32_t)b->pack.n };
	b->left -= PART_COST; /* given back but for what it came to when the part ends */
	return &b->parts[part];
}

static bool
is_opaque(str encoding)
{
	return transfer_of(encoding) != TRANSFER_PLAIN;
}

static struct mime_kind
kind_of(const struct email_entity *e)
{
	if (str_eq(e->type, S("multipart")))
		return (struct mime_kind){ MIME_MULTIPART,
			params_get(e->params, e->param_count, S("boundary")), false };
	if (str_eq(e->type, S("message")) &&
		(str_eq(e->subtype, S("rfc822")) || str_eq(e->subtype, S("global"))) &&
		!is_opaque(e->encoding))
		return (struct mime_kind){ MIME_MESSAGE };
	return (struct mime_kind){ MIME_LEAF };
}

/* Will this leaf's body be kept for the preview? The first text that has something to show gives it. */
static bool
begin_body(struct email_builder *b, size_t part, const struct email_entity *e)
{
	str charset = params_get(e->params, e->param_count, S("charset"));

	if (b->preview.n || !str_eq(e->type, S("text")) || str_eq(e->disposition, S("attachment")))
		return false;
	b->body_is_html = str_eq(e->subtype, S("html"));
	if (!b->body_is_html && !str_eq(e->subtype, S("plain")))
		return false;
	buf_clear(&b->body);
	b->body_part = part;
	b->body_limit = b->body_is_html ? HTML_BODY : TEXT_BODY;
	b->body_encoding = transfer_of(e->encoding);
	b->body_charset_n = MIN(charset.n, sizeof(b->body_charset));
	memcpy(b->body_charset, charset.p ? charset.p : "", b->body_charset_n);
	return true;
}

static void
on_header(void *ctx, size_t part, str block, struct mime_kind *ret)
{
	struct email_builder *b = ctx;
	struct part_pack *p = new_part(b, part);
	uint32_t parent = b->mime.parts[part].parent;
	bool is_message = heads_message(b, part), digest = part && b->parts[parent].is_digest;
	unsigned share = part ? 8 : 2;
	struct email_fields f;
	struct email_entity e;

	arena_reset(&b->arena);
	email_read_fields(b, block, is_message, share, &f);
	email_read_entity(b, &f, digest, &e);
	if (is_message) {
		str subject = email_pack_envelope(b, &f, share);
		if (part == 0)
			email_note_message(b, &f, subject);
	}
	email_pack_entity(b, &f, &e, share, &p->flags);
	p->n = (uint32_t)b->pack.n - p->at;
	p->is_text = str_eq(e.type, S("text"));
	p->is_digest = str_eq(e.type, S("multipart")) && str_eq(e.subtype, S("digest"));
	if (b->left < 2 * PACK_RESERVE)
		b->mime.most_parts = part + 1;
	*ret = kind_of(&e);
	if (ret->what == MIME_LEAF)
		ret->want_body = begin_body(b, part, &e);
}

static bool
on_body(void *ctx, str bytes)
{
	struct email_builder *b = ctx;

	buf_add(&b->body, str_sub(bytes, 0, b->body_limit - b->body.n));
	return b->body.n < b->body_limit;
}

static uint8_t
flags_of(const struct mime_part *m, const struct part_pack *p)
{
	unsigned flags = p->flags;

	flags |= m->is_multipart ? ROW_MULTIPART : 0;
	flags |= m->is_message ? ROW_MESSAGE : 0;
	flags |= (p->is_text || m->is_message) && m->lines ? ROW_LINES : 0;
	return (uint8_t)flags;
}

static void
add_numbers(struct buf *row, const struct mime_part *m, uint8_t flags, uint64_t gap)
{
	buf_add_varint(row, m->depth);
	buf_add_char(row, (char)flags);
	buf_add_varint(row, gap);
	buf_add_varint(row, m->body_at - m->header_at);
	buf_add_varint(row, m->body_size);
	if (flags & ROW_LINES)
		buf_add_varint(row, m->lines);
}

static void
on_end(void *ctx, size_t part)
{
	struct email_builder *b = ctx;
	const struct mime_part *m = &b->mime.parts[part];

	buf_clear(&b->list);
	b->list.limit = 0;
	add_numbers(&b->list, m, flags_of(m, &b->parts[part]), UINT64_MAX);
	b->left += PART_COST - b->list.n;
	if (b->preview.n || b->body_part != part || b->body.n == 0)
		return;
	preview_make(b->cs, &b->scratch, buf_str(&b->body), b->body_encoding,
		str_of(b->body_charset, b->body_charset_n), b->body_is_html, &b->preview);
	buf_clear(&b->body);
}

/* ---- the builder ---- */

static uint32_t
or_default(uint32_t given, uint32_t standard)
{
	return given ? given : standard;
}

struct email_builder *
email_builder_new(const struct email_limits *limits, const struct hash_key *thread_key)
{
	struct email_builder *b = NEW(struct email_builder);
	struct email_limits l = limits ? *limits : (struct email_limits){ 0 };

	b->limits.header_bytes = or_default(l.header_bytes, HEADER_BYTES);
	b->limits.parts = or_default(l.parts, PARTS);
	b->limits.depth = or_default(l.depth, DEPTH);
	b->limits.row_bytes = MAX(or_default(l.row_bytes, ROW_BYTES), ROW_BYTES_LEAST);
	b->key = *thread_key;
	b->cs = charset_reader_new();
	(void)arena_take(&b->arena, ARENA_BYTES); /* the first block stays: most headers need no other */
	addrs_init(&b->addrs, &b->arena, b->cs);
	b->references.limit = b->limits.row_bytes / 4;
	b->base.limit = SUBJECT_MAX;
	b->preview.limit = PREVIEW_BYTES;
	mime_init(&b->mime, (struct mime_owner){ on_header, on_body, on_end, b }, b->limits.header_bytes,
		b->limits.parts, b->limits.depth);
	email_builder_reset(b);
	return b;
}

static void
each_buffer(struct email_builder *b, void (*f)(struct buf *))
{
	struct buf *const all[] = { &b->pack, &b->lists[0], &b->lists[1], &b->lists[2], &b->list,
		&b->references, &b->base, &b->preview, &b->body, &b->scratch.bytes, &b->scratch.utf8,
		&b->scratch.text, &b->mime.header, &b->mime.held };

	for (size_t i = 0; i < COUNT(all); i++)
		f(all[i]);
}

void
email_builder_free(struct email_builder *b)
{
	if (!b)
		return;
	each_buffer(b, buf_done);
	addrs_done(&b->addrs);
	mime_done(&b->mime);
	charset_reader_free(b->cs);
	arena_done(&b->arena);
	free(b->parts);
	free(b);
}

static void
clear_or_shrink(struct buf *b)
{
	if (b->room > KEPT_BYTES)
		buf_done(b);
	buf_clear(b);
}

void
email_builder_reset(struct email_builder *b)
{
	each_buffer(b, clear_or_shrink);
	arena_reset(&b->arena);
	b->mime.most_parts = b->limits.parts;
	mime_reset(&b->mime);
	b->left = b->limits.row_bytes - HEAD_COST;
	b->sent_ms = 0;
	b->message_id_key = 0;
	b->reference_count = 0;
	b->base_is_subject = false;
	memset(b->counts, 0, sizeof(b->counts));
}

void
email_builder_feed(struct email_builder *b, str bytes)
{
	mime_feed(&b->mime, bytes);
}

/* ---- the row ---- */

/* A string cut to what is left, at a blank if it is a list. */
static str
cut(struct email_builder *b, str s, bool is_list)
{
	size_t most = b->left > 4 ? b->left - 4 : 0;

	if (s.n > most && is_list)
		s = str_sub(s, 0, most ? str_rfind(str_sub(s, 0, most), ' ') : 0);
	else
		s = str_sub(s, 0, charset_utf8_front(s, most));
	b->left -= MIN(b->left, s.n + 4);
	return s;
}

static void
add_head(struct email_builder *b, struct buf *row)
{
	str references = cut(b, buf_str(&b->references), true);
	str base = cut(b, b->base_is_subject ? (str){ 0 } : buf_str(&b->base), false);
	str preview = cut(b, buf_str(&b->preview), false);

	buf_add_char(row, ROW_VERSION);
	buf_add_varint(row, b->mime.facts.size);
	buf_add_varint(row, b->mime.facts.lines);
	buf_add_varint(row, (uint64_t)b->sent_ms << 1 ^ (uint64_t)(b->sent_ms >> 63));
	buf_add_varint(row, b->mime.part_count);
	buf_add_counted(row, references);
	buf_add_varint(row, b->base_is_subject ? 0 : base.n + 1);
	buf_add(row, base);
	buf_add_counted(row, preview);
}

static void
add_parts(struct email_builder *b, struct buf *row)
{
	for (size_t i = 0; i < b->mime.part_count; i++) {
		const struct mime_part *m = &b->mime.parts[i];
		struct part_pack *p = &b->parts[i];
		uint64_t gap = i ? m->header_at - b->parts[m->parent].next_at : 0;

		add_numbers(row, m, flags_of(m, p), gap);
		buf_add(row, str_sub(buf_str(&b->pack), p->at, p->n));
		p->next_at = m->body_at;
		b->parts[m->parent].next_at = i ? m->body_at + m->body_size : m->body_at;
	}
}

void
email_builder_finish(struct email_builder *b, struct buf *ret_row, struct email_facts *ret)
{
	const struct mime_facts *m = &b->mime.facts;

	mime_finish(&b->mime);
	add_head(b, ret_row);
	add_parts(b, ret_row);
	*ret = (struct email_facts){
		.size = m->size,
		.lines = m->lines,
		.header_size = b->mime.parts[0].body_at,
		.sent_ms = b->sent_ms,
		.message_id_key = b->message_id_key,
		.reference_keys = b->reference_keys,
		.reference_count = b->reference_count,
		.dot_lines = m->dot_lines,
		.has_nul = m->has_nul,
		.has_bare_cr = m->has_bare_cr,
		.has_bare_lf = m->has_bare_lf,
		.has_8bit_header = m->has_8bit_header,
		.longest_line = (uint32_t)MIN(m->longest_line, UINT32_MAX),
		.received_count = b->counts[F_RECEIVED],
		.delivered_to_count = b->counts[F_DELIVERED_TO],
		.has_from = b->counts[F_FROM] > 0,
		.has_date = b->counts[F_DATE] > 0,
		.has_message_id = b->message_id_key != 0,
		.from_count = b->counts[F_FROM],
	};
}
