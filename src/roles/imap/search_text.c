/* roles/imap/search_text.c - does a message hold a text? Exact substrings, decoded, without regard to case (Unicode's folding) */
#include "roles/imap/imap.h"

#include "base/mem.h"
#include "mail/preview.h"
#include "mail/transfer.h"
#include "mail/words.h"
#include "wire/imap_email.h"

#include <utf8proc.h>

#include <stdlib.h>

enum { PART_MOST = 64 << 20, HEADER_MOST = 32 << 20 };

/* Folded and composed, so that é is é however it is written. ASCII, most of all mail, without the library. */
void
imap_fold(struct buf *b, str utf8)
{
	utf8proc_uint8_t *out = NULL;
	utf8proc_ssize_t n;

	if (str_is_ascii(utf8)) {
		char *to = buf_reserve(b, utf8.n);

		for (size_t i = 0; to && i < utf8.n; i++)
			to[i] = ascii_lower(utf8.p[i]);
		buf_used(b, utf8.n);
		return;
	}
	n = utf8proc_map((const utf8proc_uint8_t *)utf8.p, (utf8proc_ssize_t)utf8.n, &out,
		UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
	if (n >= 0)
		buf_add(b, str_of(out, (size_t)n));
	free(out);
}

static bool
holds(str utf8, str needle)
{
	struct buf folded = { 0 };
	bool found;

	if (needle.n == 0)
		return true;
	imap_fold(&folded, utf8);
	found = str_find_str(buf_str(&folded), needle) < folded.n;
	buf_done(&folded);
	return found;
}

static bool
addresses_hold(const struct email_addr *list, size_t n, str needle)
{
	struct buf b = { 0 };
	bool found = false;

	for (size_t i = 0; i < n && !found; i++) {
		buf_clear(&b);
		buf_printf(&b, "%.*s <%.*s@%.*s>", STR_ARG(list[i].name), STR_ARG(list[i].mailbox),
			STR_ARG(list[i].host));
		found = holds(buf_str(&b), needle);
	}
	buf_done(&b);
	return found;
}

static bool
value_holds(struct imap_session *s, str raw, str needle)
{
	struct buf text = { 0 };
	bool found;

	words_decode(s->imap->charsets, raw, &text);
	found = holds(buf_str(&text), needle);
	buf_done(&text);
	return found;
}

/* ---- headers ---- */

static str
unfold(struct arena *a, str value)
{
	char *p = arena_take(a, value.n);
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != '\r' && value.p[i] != '\n')
			p[n++] = value.p[i];
	return str_of(p, n);
}

static enum fault
header_holds(struct imap_session *s, struct arena *a, struct imap_message *m, const struct imap_search_key *k,
	bool *ret)
{
	struct imap_span span = { 0 };
	struct imap_section section = { .text = IMAP_TEXT_HEADER };
	struct buf header = { 0 }, fields = { 0 };
	enum fault f;

	(void)imap_section_find(&m->row, &section, &span);
	buf_add(&header, m->email.prefix);
	f = imap_span_load(s, &m->email, span.at, span.size, HEADER_MOST, &header);
	*ret = false;
	if (f == OK && k->key == IMAP_KEY_TEXT) {
		*ret = value_holds(s, unfold(a, buf_str(&header)), k->text);
	} else if (f == OK) {
		str rest, line;

		imap_fields_add(&fields, buf_str(&header), &k->field, 1, false);
		rest = unfold(a, str_sub(buf_str(&fields), 0, fields.n - 2));
		line = str_from(rest, str_find(rest, ':') + 1);
		*ret = fields.n > 2 && value_holds(s, str_trim(line), k->text);
	}
	buf_done(&header);
	buf_done(&fields);
	return f;
}

/* ---- bodies ---- */

static enum fault
part_holds(struct imap_session *s, struct imap_message *m, const struct email_part *p, str needle, bool *ret)
{
	struct buf raw = { 0 }, bytes = { 0 }, utf8 = { 0 }, text = { 0 };
	enum fault f = imap_span_load(s, &m->email, p->body_at, p->body_size, PART_MOST, &raw);

	*ret = false;
	if (f == OK) {
		transfer_decode(transfer_of(p->encoding), buf_str(&raw), &bytes);
		if (p->charset.n == 0 || !charset_add(s->imap->charsets, p->charset, buf_str(&bytes), &utf8))
			charset_add_unlabelled(buf_str(&bytes), &utf8);
		if (str_eq(p->subtype, S("html")))
			preview_strip_html(buf_str(&utf8), &text);
		*ret = holds(text.n ? buf_str(&text) : buf_str(&utf8), needle);
	}
	buf_done(&raw);
	buf_done(&bytes);
	buf_done(&utf8);
	buf_done(&text);
	return f;
}

static enum fault
body_holds(struct imap_session *s, struct imap_message *m, str needle, bool *ret)
{
	*ret = needle.n == 0;
	for (size_t i = 0; i < m->row.part_count && !*ret; i++) {
		const struct email_part *p = &m->row.parts[i];

		if (!p->is_multipart && !p->is_message && str_eq(p->type, S("text")))
			TRY(part_holds(s, m, p, needle, ret));
	}
	return OK;
}

enum fault
imap_text_holds(struct imap_session *s, struct arena *a, struct imap_message *m,
	const struct imap_search_key *k, bool *ret)
{
	const struct email_envelope *e = &m->row.envelope;

	if (!m->has_row && email_row_read(a, m->email.row, &m->row) != OK)
		return STORE_CORRUPT;
	m->has_row = true;
	switch (k->key) {
	case IMAP_KEY_FROM: *ret = addresses_hold(e->from, e->from_n, k->text); return OK;
	case IMAP_KEY_TO: *ret = addresses_hold(e->to, e->to_n, k->text); return OK;
	case IMAP_KEY_CC: *ret = addresses_hold(e->cc, e->cc_n, k->text); return OK;
	case IMAP_KEY_BCC: *ret = addresses_hold(e->bcc, e->bcc_n, k->text); return OK;
	case IMAP_KEY_SUBJECT: *ret = value_holds(s, e->subject, k->text); return OK;
	case IMAP_KEY_HEADER: return header_holds(s, a, m, k, ret);
	case IMAP_KEY_BODY: return body_holds(s, m, k->text, ret);
	case IMAP_KEY_TEXT:
		TRY(header_holds(s, a, m, k, ret));
		return *ret ? OK : body_holds(s, m, k->text, ret);
	default: *ret = false; return OK;
	}
}
