/* roles/imap/fetch_body.c - the octets of messages: BODY[...] */
#include "roles/imap/imap.h"

#include "base/mem.h"
#include "wire/imap_email.h"

enum { LOOKUPS = 4, PIECE = 128 * 1024, HEADER_MOST = 32 * 1024 * 1024 };

/* It may have been moved since it was looked up. */
static enum fault
open_body(struct imap_session *s, struct store_email *email, struct body *ret)
{
	enum fault f = body_open(&s->imap->reading, email, ret);

	for (int i = 0; f == STALE && i < LOOKUPS; i++) {
		struct store_email again;
		struct store_view *v;

		TRY(store_view_begin(s->imap->reading.reader, &v));
		f = view_email(v, s->account, email->email, &again);
		store_view_end(v);
		TRY(f);
		email->place = again.place;
		f = body_open(&s->imap->reading, email, ret);
	}
	if (f == STORE_CORRUPT)
		log_error(&s->log, "message-damaged", kv_uint("account", s->account),
			kv_uint("email", email->email));
	return f;
}

enum fault
imap_span_load(struct imap_session *s, struct store_email *email, uint64_t at, uint64_t size, uint64_t most,
	struct buf *ret)
{
	struct body body;
	enum fault f;
	char *to;

	size = MIN(size, most);
	if (size == 0)
		return OK;
	TRY(open_body(s, email, &body));
	if (at > body.size || size > body.size - at) {
		body_close(&s->imap->reading, &body);
		return STORE_CORRUPT;
	}
	to = buf_reserve(ret, (size_t)size);
	f = body_read(&s->imap->reading, &body, at, (size_t)size, to);
	body_close(&s->imap->reading, &body);
	if (f == OK)
		buf_used(ret, (size_t)size);
	return f;
}

/* From file to socket, in pieces that are in memory. */
static enum fault
send_large(struct imap_session *s, const struct body *b, uint64_t at, uint64_t size)
{
	char *scratch = mem_new(PIECE);
	enum fault f = OK;

	while (size && f == OK) {
		size_t n = (size_t)MIN(size, (uint64_t)PIECE);

		s->stream.due_ms = imap_due(s);
		f = body_warm(&s->imap->reading, b, at, n, scratch);
		if (f == OK)
			f = stream_send_file(&s->stream, b->fd, b->offset + at, n);
		at += n;
		size -= n;
	}
	free(scratch);
	/* a literal that has begun can only be finished or cut off */
	return f == OK || imap_ends_connection(f) ? f : CLOSED;
}

/* "{n}" CRLF and the octets [offset, offset + size) of prefix and span together. */
static enum fault
send_octets(struct imap_session *s, struct store_email *email, const struct imap_span *span, uint64_t offset,
	uint64_t size)
{
	struct buf *out = &s->stream.out;
	str prefix = span->prefix ? str_from(email->prefix, (size_t)MIN(offset, email->prefix.n)) : S("");
	uint64_t skip = span->prefix ? offset - MIN(offset, email->prefix.n) : offset;
	struct body body;
	size_t before = out->n;
	enum fault f;

	prefix = str_sub(prefix, 0, (size_t)MIN(size, prefix.n));
	buf_printf(out, "{%llu}\r\n", (unsigned long long)size);
	buf_add(out, prefix);
	size -= prefix.n;
	if (size == 0)
		return OK;
	if (size <= IMAP_ENOUGH) {
		f = imap_span_load(s, email, span->at + skip, size, size, out);
		if (f != OK)
			out->n = before;
		return f;
	}
	f = open_body(s, email, &body);
	if (f == OK && (span->at + skip > body.size || size > body.size - span->at - skip)) {
		body_close(&s->imap->reading, &body);
		f = STORE_CORRUPT;
	}
	if (f != OK) {
		out->n = before;
		return f;
	}
	f = send_large(s, &body, span->at + skip, size);
	body_close(&s->imap->reading, &body);
	return f;
}

/* HEADER.FIELDS and HEADER.FIELDS.NOT: the header is read and sifted. */
static enum fault
send_fields(struct imap_session *s, struct store_email *email, const struct imap_span *span,
	const struct imap_fetch_item *item)
{
	struct buf header = { 0 }, kept = { 0 };
	bool not = item->section.text == IMAP_TEXT_FIELDS_NOT;
	str bytes;
	enum fault f;

	if (span->prefix)
		buf_add(&header, email->prefix);
	f = imap_span_load(s, email, span->at, span->size, HEADER_MOST, &header);
	if (f == OK) {
		imap_fields_add(&kept, buf_str(&header), item->section.fields, item->section.field_n, not);
		bytes = buf_str(&kept);
		if (item->has_partial)
			bytes = str_sub(bytes, item->offset, item->count);
		buf_printf(&s->stream.out, "{%zu}\r\n", bytes.n);
		buf_add(&s->stream.out, bytes);
	}
	buf_done(&header);
	buf_done(&kept);
	return f;
}

static void
add_name(struct imap_session *s, const struct imap_fetch_item *item)
{
	struct buf *out = &s->stream.out;

	switch (item->item) {
	case IMAP_ITEM_RFC822: buf_add(out, S("RFC822")); break;
	case IMAP_ITEM_RFC822_HEADER: buf_add(out, S("RFC822.HEADER")); break;
	case IMAP_ITEM_RFC822_TEXT: buf_add(out, S("RFC822.TEXT")); break;
	default: imap_section_add(out, item, s->mode);
	}
	buf_add_char(out, ' ');
}

enum fault
imap_section_send(struct imap_session *s, struct arena *a, const struct store_entry *entry,
	struct store_email *email, const struct email *row, const struct imap_fetch_item *item)
{
	struct imap_span span;
	uint64_t size, offset = 0;

	(void)a;
	(void)entry;
	add_name(s, item);
	if (!imap_section_find(row, &item->section, &span)) {
		buf_add(&s->stream.out, S("NIL"));
		return OK;
	}
	if (item->section.text == IMAP_TEXT_FIELDS || item->section.text == IMAP_TEXT_FIELDS_NOT)
		return send_fields(s, email, &span, item);
	size = span.size + (span.prefix ? email->prefix.n : 0);
	if (item->has_partial) {
		offset = MIN((uint64_t)item->offset, size);
		size = MIN(size - offset, (uint64_t)item->count);
	}
	return send_octets(s, email, &span, offset, size);
}
