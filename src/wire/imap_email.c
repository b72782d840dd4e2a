#include "wire/imap_email.h"

#include "base/base64.h"
#include "base/mem.h"
#include "mail/charset.h"

enum { WORD_BYTES = 45 }; /* of text in one encoded word: 75 characters with its frame */

/* ---- strings ---- */

/* UTF-8 text that a session without UTF-8 gets as encoded words. */
static void
add_text(struct buf *b, str s, unsigned mode)
{
	struct buf words = { 0 };

	if ((mode & IMAP_MODE_UTF8) || str_is_ascii(s)) {
		imap_string_add(b, s, mode);
		return;
	}
	while (s.n) {
		size_t n = charset_utf8_front(s, WORD_BYTES);

		n = n ? n : MIN(s.n, (size_t)WORD_BYTES);
		buf_add(&words, words.n ? S(" =?UTF-8?B?") : S("=?UTF-8?B?"));
		base64_add(&words, str_sub(s, 0, n));
		buf_add(&words, S("?="));
		s = str_from(s, n);
	}
	imap_string_add(b, buf_str(&words), mode);
	buf_done(&words);
}

/* What a row has not is empty there and NIL here. */
static void
add_or_nil(struct buf *b, str s, unsigned mode)
{
	if (s.n)
		imap_string_add(b, s, mode);
	else
		buf_add(b, S("NIL"));
}

/* ---- ENVELOPE ---- */

/* "(name adl mailbox host)"; a group begins with its name and no host, and ends with neither. */
static void
add_address(struct buf *b, const struct email_addr *a, unsigned mode)
{
	buf_add_char(b, '(');
	if (a->name.n)
		add_text(b, a->name, mode);
	else
		buf_add(b, S("NIL"));
	buf_add(b, S(" NIL "));
	if (a->host.n || a->mailbox.n)
		imap_string_add(b, a->mailbox, mode);
	else
		buf_add(b, S("NIL"));
	buf_add_char(b, ' ');
	add_or_nil(b, a->host, mode);
	buf_add_char(b, ')');
}

static void
add_addresses(struct buf *b, const struct email_addr *list, size_t n, unsigned mode)
{
	buf_add_char(b, ' ');
	if (n == 0) {
		buf_add(b, S("NIL"));
		return;
	}
	buf_add_char(b, '(');
	for (size_t i = 0; i < n; i++)
		add_address(b, &list[i], mode);
	buf_add_char(b, ')');
}

void
imap_envelope_add(struct buf *b, const struct email_envelope *e, unsigned mode)
{
	buf_add_char(b, '(');
	add_or_nil(b, e->date, mode);
	buf_add_char(b, ' ');
	add_or_nil(b, e->subject, mode);
	add_addresses(b, e->from, e->from_n, mode);
	add_addresses(b, e->sender, e->sender_n, mode);
	add_addresses(b, e->reply_to, e->reply_to_n, mode);
	add_addresses(b, e->to, e->to_n, mode);
	add_addresses(b, e->cc, e->cc_n, mode);
	add_addresses(b, e->bcc, e->bcc_n, mode);
	buf_add_char(b, ' ');
	add_or_nil(b, e->in_reply_to, mode);
	buf_add_char(b, ' ');
	add_or_nil(b, e->message_id, mode);
	buf_add_char(b, ')');
}

/* ---- BODYSTRUCTURE ---- */

static void
add_params(struct buf *b, const str *params, size_t pairs, unsigned mode)
{
	if (pairs == 0) {
		buf_add(b, S("NIL"));
		return;
	}
	for (size_t i = 0; i < pairs; i++) {
		buf_add_char(b, i ? ' ' : '(');
		imap_string_add(b, params[2 * i], mode);
		buf_add_char(b, ' ');
		add_text(b, params[2 * i + 1], mode);
	}
	buf_add_char(b, ')');
}

static void
add_disposition(struct buf *b, const struct email_part *p, unsigned mode)
{
	if (p->disposition.n == 0) {
		buf_add(b, S("NIL"));
		return;
	}
	buf_add_char(b, '(');
	imap_string_add(b, p->disposition, mode);
	buf_add_char(b, ' ');
	add_params(b, p->disposition_params, p->disposition_param_count, mode);
	buf_add_char(b, ')');
}

/* "de", or a list where the field has several. */
static void
add_language(struct buf *b, str s, unsigned mode)
{
	const char *between = "(";
	str tag;

	if (str_find(s, ',') == s.n) {
		add_or_nil(b, str_trim(s), mode);
		return;
	}
	while (str_take_until(&s, ',', &tag)) {
		buf_add_c(b, between);
		imap_string_add(b, str_trim(tag), mode);
		between = " ";
	}
	buf_add_char(b, ')');
}

static void
add_extension(struct buf *b, const struct email_part *p, unsigned mode)
{
	buf_add_char(b, ' ');
	add_disposition(b, p, mode);
	buf_add_char(b, ' ');
	add_language(b, p->language, mode);
	buf_add_char(b, ' ');
	add_or_nil(b, p->location, mode);
}

static void add_part(struct buf *b, const struct email *e, size_t i, bool extended, unsigned mode);

static void
add_multipart(struct buf *b, const struct email *e, size_t i, bool extended, unsigned mode)
{
	const struct email_part *p = &e->parts[i];
	bool any = false;

	buf_add_char(b, '(');
	for (size_t k = i + 1; k < e->part_count && e->parts[k].depth > p->depth; k++)
		if (e->parts[k].parent == i) {
			add_part(b, e, k, extended, mode);
			any = true;
		}
	if (!any) /* the grammar wants one */
		buf_add(b, S("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)"));
	buf_add_char(b, ' ');
	imap_string_add(b, p->subtype, mode);
	if (extended) {
		buf_add_char(b, ' ');
		add_params(b, p->params, p->param_count, mode);
		add_extension(b, p, mode);
	}
	buf_add_char(b, ')');
}

/* The embedded message's root. */
static size_t
child_of(const struct email *e, size_t i)
{
	return i + 1 < e->part_count && e->parts[i + 1].parent == i ? i + 1 : i;
}

static void
add_leaf(struct buf *b, const struct email *e, size_t i, bool extended, unsigned mode)
{
	const struct email_part *p = &e->parts[i];

	buf_add_char(b, '(');
	imap_string_add(b, p->type, mode);
	buf_add_char(b, ' ');
	imap_string_add(b, p->subtype, mode);
	buf_add_char(b, ' ');
	add_params(b, p->params, p->param_count, mode);
	buf_add_char(b, ' ');
	add_or_nil(b, p->id, mode);
	buf_add_char(b, ' ');
	add_or_nil(b, p->description, mode);
	buf_add_char(b, ' ');
	imap_string_add(b, p->encoding.n ? p->encoding : S("7bit"), mode);
	buf_printf(b, " %llu", (unsigned long long)p->body_size);
	if (p->is_message && p->envelope && child_of(e, i) != i) {
		buf_add_char(b, ' ');
		imap_envelope_add(b, p->envelope, mode);
		buf_add_char(b, ' ');
		add_part(b, e, child_of(e, i), extended, mode);
		buf_printf(b, " %llu", (unsigned long long)p->lines);
	} else if (str_eq(p->type, S("text"))) {
		buf_printf(b, " %llu", (unsigned long long)p->lines);
	}
	if (extended) {
		buf_add_char(b, ' ');
		add_or_nil(b, p->md5, mode);
		add_extension(b, p, mode);
	}
	buf_add_char(b, ')');
}

static void
add_part(struct buf *b, const struct email *e, size_t i, bool extended, unsigned mode)
{
	if (e->parts[i].is_multipart)
		add_multipart(b, e, i, extended, mode);
	else
		add_leaf(b, e, i, extended, mode);
}

void
imap_structure_add(struct buf *b, const struct email *e, bool extended, unsigned mode)
{
	add_part(b, e, 0, extended, mode);
}

/* ---- sections ---- */

/* Part number n of what a path has reached: of a multipart its n-th child; of anything else itself is its only part. */
static bool
step(const struct email *e, size_t *i, uint32_t n, bool first)
{
	size_t at = *i;
	uint32_t seen = 0;

	if (e->parts[at].is_message && !first)
		at = child_of(e, at);
	if (!e->parts[at].is_multipart) {
		/* 1 of a message that is one part; a leaf that a number led to has no parts */
		if (n != 1 || (!first && at == *i))
			return false;
		*i = at;
		return true;
	}
	for (size_t k = at + 1; k < e->part_count && e->parts[k].depth > e->parts[at].depth; k++)
		if (e->parts[k].parent == at && ++seen == n) {
			*i = k;
			return true;
		}
	return false;
}

const struct email_part *
imap_part_find(const struct email *e, const uint32_t *path, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		if (!step(e, &at, path[i], i == 0))
			return NULL;
	return &e->parts[at];
}

bool
imap_section_find(const struct email *e, const struct imap_section *s, struct imap_span *ret)
{
	const struct email_part *p = imap_part_find(e, s->path, s->path_n);

	if (!p)
		return false;
	if (s->path_n && s->text != IMAP_TEXT_ALL && s->text != IMAP_TEXT_MIME) {
		/* HEADER and TEXT are those of an embedded message: RFC 9051 6.4.5.1 */
		if (!p->is_message || child_of(e, (size_t)(p - e->parts)) == (size_t)(p - e->parts))
			return false;
		p = &e->parts[child_of(e, (size_t)(p - e->parts))];
	}
	*ret = (struct imap_span){ .prefix = s->path_n == 0 };
	switch (s->text) {
	case IMAP_TEXT_ALL:
		ret->at = s->path_n ? p->body_at : 0;
		ret->size = s->path_n ? p->body_size : e->size;
		break;
	case IMAP_TEXT_HEADER:
	case IMAP_TEXT_FIELDS:
	case IMAP_TEXT_FIELDS_NOT:
	case IMAP_TEXT_MIME:
		ret->at = p->header_at;
		ret->size = p->body_at - p->header_at;
		break;
	case IMAP_TEXT_TEXT:
		ret->prefix = false;
		ret->at = p->body_at;
		ret->size = p->body_size;
		break;
	}
	return true;
}

/* ---- fields ---- */

/* The next field with its folded lines; false at the empty line or the end. */
static bool
take_field(str *header, str *ret)
{
	size_t n = 0;

	do {
		size_t end = str_find(str_from(*header, n), '\n');

		n = MIN(n + end + 1, header->n);
	} while (n < header->n && (header->p[n] == ' ' || header->p[n] == '\t'));
	*ret = str_sub(*header, 0, n);
	*header = str_from(*header, n);
	return n > 0 && !str_eq(*ret, S("\r\n")) && !str_eq(*ret, S("\n"));
}

static bool
is_named(str field, const str *names, size_t n)
{
	str name = str_trim(str_sub(field, 0, str_find(field, ':')));

	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(name, names[i]))
			return true;
	return false;
}

void
imap_fields_add(struct buf *b, str header, const str *names, size_t n, bool not)
{
	str field;

	while (take_field(&header, &field))
		if (is_named(field, names, n) != not)
			buf_add(b, field);
	buf_add(b, S("\r\n"));
}
