/* Header blocks into bytes of the email row. What does not fit is cut: a string may take a share of what is left, never all. */
#include "base/mem.h"
#include "mail/addrs.h"
#include "mail/date.h"
#include "mail/email_build.h"
#include "mail/email_row.h"
#include "mail/params.h"
#include "mail/subject.h"
#include "mail/words.h"

#include <assert.h>

/* ---- reading fields ---- */

static const str field_names[FIELDS] = {
	[F_FROM] = SC("from"),
	[F_SENDER] = SC("sender"),
	[F_REPLY_TO] = SC("reply-to"),
	[F_TO] = SC("to"),
	[F_CC] = SC("cc"),
	[F_BCC] = SC("bcc"),
	[F_DATE] = SC("date"),
	[F_SUBJECT] = SC("subject"),
	[F_MESSAGE_ID] = SC("message-id"),
	[F_IN_REPLY_TO] = SC("in-reply-to"),
	[F_REFERENCES] = SC("references"),
	[F_RECEIVED] = SC("received"),
	[F_DELIVERED_TO] = SC("delivered-to"),
	[F_TYPE] = SC("content-type"),
	[F_ENCODING] = SC("content-transfer-encoding"),
	[F_DISPOSITION] = SC("content-disposition"),
	[F_ID] = SC("content-id"),
	[F_DESCRIPTION] = SC("content-description"),
	[F_MD5] = SC("content-md5"),
	[F_LANGUAGE] = SC("content-language"),
	[F_LOCATION] = SC("content-location"),
};

static enum email_field
field_of(str name)
{
	for (int f = 0; f < FIELDS; f++)
		if (name.n == field_names[f].n && ascii_lower(name.p[0]) == field_names[f].p[0] &&
			str_eq_nocase(name, field_names[f]))
			return (enum email_field)f;
	return FIELDS;
}

/* ---- room ---- */

static size_t
may_take(const struct email_builder *b, unsigned share)
{
	return b->left > PACK_RESERVE ? (b->left - PACK_RESERVE) / share : 0;
}

static void
put(struct email_builder *b, str bytes)
{
	assert(bytes.n <= b->left);
	buf_add(&b->pack, bytes);
	b->left -= bytes.n;
}

static void
put_number(struct email_builder *b, uint64_t number)
{
	size_t before = b->pack.n;

	buf_add_varint(&b->pack, number);
	assert(b->pack.n - before <= b->left);
	b->left -= b->pack.n - before;
}

/* Gives how much of it was put. */
static size_t
put_string(struct email_builder *b, str s, unsigned share)
{
	size_t most = may_take(b, share);

	s = str_sub(s, 0, charset_utf8_front(s, most > 4 ? most - 4 : 0));
	put_number(b, s.n);
	put(b, s);
	return s.n;
}

/* A list that may grow to that share and is put when it is whole. */
static void
begin_list(const struct email_builder *b, struct buf *list, unsigned share)
{
	buf_clear(list);
	list->limit = may_take(b, share) + 1; /* 0 would be no limit */
}

static void
put_list(struct email_builder *b, struct buf *list, size_t count)
{
	put_number(b, count);
	put(b, buf_str(list));
}

/* ---- addresses ---- */

static bool
add_address(struct buf *list, const struct email_addr *ad)
{
	size_t before = list->n;

	if (buf_add_counted(list, ad->name) && buf_add_counted(list, ad->mailbox) &&
		buf_add_counted(list, ad->host))
		return true;
	list->n = before;
	return false;
}

/* The addresses of a value, packed behind those of *list, as long as they fit. Gives how many. */
static size_t
add_addresses(struct email_builder *b, str value, struct buf *list)
{
	struct email_addr ad;
	size_t count = 0;
	bool in_group = false;

	if (list->full)
		return 0;
	addrs_begin(&b->addrs, value);
	while (addrs_next(&b->addrs, &ad)) {
		if (!add_address(list, &ad))
			break;
		in_group = ad.host.n ? in_group : ad.mailbox.n > 0;
		count++;
	}
	if (list->full && in_group) { /* a group that was cut still ends */
		struct buf room = *list;

		room.limit += 3;
		room.full = false;
		count += add_address(&room, &(struct email_addr){ 0 });
		list->p = room.p;
		list->n = room.n;
		list->room = room.room;
	}
	return count;
}

/* RFC 5322 4.5.3: several destination fields of one name are one list. */
static void
add_destinations(struct email_builder *b, enum email_field field, str value)
{
	b->list_counts[field - F_TO] += add_addresses(b, value, &b->lists[field - F_TO]);
}

void
email_read_fields(
	struct email_builder *b, str block, bool is_message, unsigned share, struct email_fields *ret)
{
	struct header_field f;

	*ret = (struct email_fields){ 0 };
	for (size_t i = 0; i < COUNT(b->lists) && is_message; i++) {
		begin_list(b, &b->lists[i], 2 * share);
		b->list_counts[i] = 0;
	}
	while (header_take_field(&block, &f)) {
		enum email_field field = field_of(f.name);

		if (field == FIELDS || (field < F_TYPE && !is_message))
			continue;
		if (field >= F_TO && field <= F_BCC)
			add_destinations(b, field, f.value);
		if (ret->counts[field]++ == 0 || field < F_TYPE)
			ret->value[field] = f.value;
	}
}

/* ---- what a part is ---- */

void
email_read_entity(
	struct email_builder *b, const struct email_fields *f, bool digest, struct email_entity *ret)
{
	str rest = { 0 };

	*ret = (struct email_entity){ 0 };
	if (f->counts[F_TYPE] &&
		params_take_type(&b->arena, f->value[F_TYPE], &ret->type, &ret->subtype, &rest)) {
		ret->param_count = params_parse(&b->arena, b->cs, rest, &ret->params);
	} else if (digest && !f->counts[F_TYPE]) { /* RFC 2046 5.1.5 */
		ret->type = S("message");
		ret->subtype = S("rfc822");
	} else { /* RFC 2045 5.2 */
		ret->type = S("text");
		ret->subtype = S("plain");
	}
	ret->encoding = params_take_token(&b->arena, f->value[F_ENCODING], &rest);
	ret->disposition = params_take_token(&b->arena, f->value[F_DISPOSITION], &rest);
	if (ret->disposition.n)
		ret->disposition_param_count = params_parse(&b->arena, b->cs, rest, &ret->disposition_params);
}

/* Those that fit, whole. */
static void
put_params(struct email_builder *b, const struct param *p, size_t n, unsigned share)
{
	size_t count = 0;

	begin_list(b, &b->list, share);
	for (size_t i = 0; i < n; i++) {
		size_t before = b->list.n;
		uint64_t code = row_code_of_param(p[i].name);

		if (!buf_add_varint(&b->list, code) || (!code && !buf_add_counted(&b->list, p[i].name)) ||
			!buf_add_counted(&b->list, p[i].value)) {
			b->list.n = before;
			b->list.full = false;
			continue;
		}
		count++;
	}
	put_list(b, &b->list, count);
}

static void
put_coded(struct email_builder *b, uint64_t code, str word, unsigned share)
{
	put_number(b, code);
	if (!code)
		put_string(b, word, share);
}

static void
put_rare(struct email_builder *b, const struct email_fields *f, unsigned share)
{
	unsigned which = 0;

	for (int i = 0; i < ROW_RARE_COUNT; i++)
		which |= (f->counts[F_ID + i] > 0) << i;
	put_number(b, which);
	for (int i = 0; i < ROW_RARE_COUNT; i++)
		if (which & 1 << i)
			put_string(b, header_unfold(&b->arena, f->value[F_ID + i]), share);
}

void
email_pack_entity(struct email_builder *b, const struct email_fields *f, const struct email_entity *e,
	unsigned share, uint8_t *flags)
{
	uint64_t type = row_code_of_type(e->type, e->subtype);

	put_number(b, type);
	if (!type) {
		put_string(b, e->type, share);
		put_string(b, e->subtype, share);
	}
	put_coded(b, row_code_of_encoding(e->encoding), e->encoding, share);
	if (e->param_count) {
		*flags |= ROW_PARAMS;
		put_params(b, e->params, e->param_count, share);
	}
	if (e->disposition.n) {
		*flags |= ROW_DISPOSITION;
		put_coded(b, row_code_of_disposition(e->disposition), e->disposition, share);
		put_params(b, e->disposition_params, e->disposition_param_count, share);
	}
	for (int i = F_ID; i <= F_LOCATION; i++)
		if (f->counts[i])
			*flags |= ROW_RARE;
	if (*flags & ROW_RARE)
		put_rare(b, f, share);
}

/* ---- envelopes ---- */

/* Gives what was put of it. */
static str
put_text(struct email_builder *b, str value, unsigned share)
{
	str text = header_unfold(&b->arena, value);

	return str_sub(text, 0, put_string(b, text, share));
}

static void
put_addresses(struct email_builder *b, str value, unsigned share)
{
	size_t count;

	begin_list(b, &b->list, share);
	count = add_addresses(b, value, &b->list);
	put_list(b, &b->list, count);
}

str
email_pack_envelope(struct email_builder *b, const struct email_fields *f, unsigned share)
{
	str subject;
	bool has_sender = f->counts[F_SENDER] && !str_eq(f->value[F_SENDER], f->value[F_FROM]);
	bool has_reply_to = f->counts[F_REPLY_TO] && !str_eq(f->value[F_REPLY_TO], f->value[F_FROM]);

	put_number(b, (has_sender ? ROW_HAS_SENDER : 0) | (has_reply_to ? ROW_HAS_REPLY_TO : 0));
	put_text(b, f->value[F_DATE], 4 * share);
	subject = put_text(b, f->value[F_SUBJECT], share);
	put_addresses(b, f->value[F_FROM], share);
	if (has_sender)
		put_addresses(b, f->value[F_SENDER], share);
	if (has_reply_to)
		put_addresses(b, f->value[F_REPLY_TO], share);
	for (size_t i = 0; i < COUNT(b->lists); i++)
		put_list(b, &b->lists[i], b->list_counts[i]);
	put_text(b, f->value[F_IN_REPLY_TO], share);
	put_text(b, f->value[F_MESSAGE_ID], share);
	return subject;
}

/* ---- ids, dates, counts ---- */

static uint64_t
key_of_id(const struct email_builder *b, str id)
{
	uint64_t key = hash_keyed(&b->key, id);

	return key ? key : 1;
}

/* The list may be longer than we keep: the first id is the root of the thread, the last ones are nearest. */
static void
add_reference(struct email_builder *b, uint64_t key, size_t most)
{
	if (b->reference_count == most) {
		memmove(b->reference_keys + 1, b->reference_keys + 2,
			(most - 2) * sizeof(*b->reference_keys));
		b->reference_count--;
	}
	b->reference_keys[b->reference_count++] = key;
}

static void
note_references(struct email_builder *b, const struct email_fields *f)
{
	str value = f->value[F_REFERENCES], id;

	while (header_take_msg_id(&b->arena, &value, &id)) {
		if (b->references.n + id.n < b->references.limit) {
			if (b->references.n)
				buf_add_char(&b->references, ' ');
			buf_add(&b->references, id);
		}
		add_reference(b, key_of_id(b, id), REFERENCES_MAX - 1);
	}
	value = f->value[F_IN_REPLY_TO];
	if (header_take_msg_id(&b->arena, &value, &id)) {
		uint64_t key = key_of_id(b, id);

		for (size_t i = 0; i < b->reference_count; i++)
			if (b->reference_keys[i] == key)
				return;
		add_reference(b, key, REFERENCES_MAX);
	}
}

static void
note_subject(struct email_builder *b, str subject)
{
	struct buf decoded = { .limit = SUBJECT_MAX };
	str base;

	words_decode(b->cs, str_sub(subject, 0, charset_utf8_front(subject, SUBJECT_MAX / 4)), &decoded);
	base = subject_base(&b->arena, buf_str(&decoded));
	b->base_is_subject = str_eq(base, subject);
	buf_add(&b->base, base);
	buf_done(&decoded);
}

void
email_note_message(struct email_builder *b, const struct email_fields *f, str subject)
{
	str value = f->value[F_MESSAGE_ID], id;
	int zone;

	memcpy(b->counts, f->counts, sizeof(b->counts));
	if (!date_parse(f->value[F_DATE], &b->sent_ms, &zone))
		b->sent_ms = 0;
	if (header_take_msg_id(&b->arena, &value, &id))
		b->message_id_key = key_of_id(b, id);
	note_references(b, f);
	note_subject(b, subject);
}
