/* Input: one octet, then, when it is odd, an email row as it may lie on a disk: what is read keeps its promises. When it is even, a message: its
 * row is the same whole and cut in pieces, can be read, and keeps the promises, too. */
#include "mail/email.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
is_clean(str s)
{
	assert(!s.n || (!memchr(s.p, 0, s.n) && !memchr(s.p, '\r', s.n) && !memchr(s.p, '\n', s.n)));
}

static void
are_clean(const struct email_addr *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		is_clean(a[i].name);
		is_clean(a[i].mailbox);
		is_clean(a[i].host);
	}
}

static void
envelope_is_clean(const struct email_envelope *e)
{
	is_clean(e->date);
	is_clean(e->subject);
	is_clean(e->in_reply_to);
	is_clean(e->message_id);
	are_clean(e->from, e->from_n);
	are_clean(e->sender, e->sender_n);
	are_clean(e->reply_to, e->reply_to_n);
	are_clean(e->to, e->to_n);
	are_clean(e->cc, e->cc_n);
	are_clean(e->bcc, e->bcc_n);
}

static void
part_is_sound(const struct email *m, size_t i)
{
	const struct email_part *p = &m->parts[i], *up = &m->parts[p->parent];

	assert(p->header_at <= p->body_at && p->body_at <= m->size && p->body_size <= m->size - p->body_at);
	assert(i == 0 ? p->parent == 0 : p->parent < i);
	if (i) {
		assert(p->header_at >= up->body_at);
		assert(p->body_at + p->body_size <= up->body_at + up->body_size);
		assert(up->is_multipart || up->is_message);
	}
	is_clean(p->type);
	is_clean(p->subtype);
	is_clean(p->charset);
	is_clean(p->disposition);
	is_clean(p->encoding);
	for (size_t k = 0; k < 2 * p->param_count; k++)
		is_clean(p->params[k]);
	for (size_t k = 0; k < 2 * p->disposition_param_count; k++)
		is_clean(p->disposition_params[k]);
	if (p->envelope)
		envelope_is_clean(p->envelope);
}

static bool
is_sound(str row)
{
	struct arena a = { 0 };
	struct email m;
	bool ok = email_row_read(&a, row, &m) == OK;

	if (ok) {
		assert(m.part_count >= 1 && m.part_count <= row.n);
		envelope_is_clean(&m.envelope);
		is_clean(m.references);
		is_clean(m.subject_base);
		is_clean(m.preview);
		for (size_t i = 0; i < m.part_count; i++)
			part_is_sound(&m, i);
	}
	arena_done(&a);
	return ok;
}

static void
build(str message, size_t piece, struct buf *row)
{
	static const struct hash_key key = { 1, 2 };
	static struct email_builder *b;
	struct email_facts facts;

	if (!b)
		b = email_builder_new(NULL, &key);
	email_builder_reset(b);
	while (message.n) {
		email_builder_feed(b, str_sub(message, 0, piece));
		message = str_from(message, piece);
	}
	email_builder_finish(b, row, &facts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };
	str rest;

	if (size == 0)
		return 0;
	rest = str_of(data + 1, size - 1);
	if (data[0] & 1) {
		(void)is_sound(rest);
		return 0;
	}
	build(rest, SIZE_MAX / 2, &whole);
	build(rest, 1 + data[0] / 2, &pieces);
	assert(str_eq(buf_str(&whole), buf_str(&pieces)));
	assert(is_sound(buf_str(&whole)));
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
