/* A message whole and the same message in pieces make one row; the row can be read and says what a naive look at the message says. The
 * last byte chooses the limits, the one before the size of the pieces. */
#include "mail/email.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct email_limits limits[] = {
	{ 0 },
	{ .header_bytes = 200 },
	{ .parts = 5, .depth = 2 },
	{ .row_bytes = 1024 },
};

static void
build(struct email_builder *b, str message, size_t step, struct buf *row, struct email_facts *facts)
{
	email_builder_reset(b);
	while (message.n) {
		email_builder_feed(b, str_sub(message, 0, step));
		message = str_from(message, step);
	}
	email_builder_finish(b, row, facts);
}

static void
check_facts(str m, const struct email_facts *f)
{
	struct email_facts want = { .size = m.n };
	uint32_t line = 0;

	for (size_t i = 0; i < m.n; i++) {
		bool lf = m.p[i] == '\n', after_cr = i && m.p[i - 1] == '\r';

		want.has_nul |= m.p[i] == '\0';
		want.has_bare_lf |= lf && !after_cr;
		want.has_bare_cr |= !lf && after_cr;
		want.dot_lines |= m.p[i] == '.' && (i == 0 || m.p[i - 1] == '\n');
		want.lines += lf;
		line = lf ? 0 : line + 1;
		if (i + 1 < m.n && m.p[i] == '\r' && m.p[i + 1] == '\n')
			line--;
		want.longest_line = MAX(want.longest_line, line);
	}
	want.has_bare_cr |= m.n && m.p[m.n - 1] == '\r';
	want.lines += m.n && m.p[m.n - 1] != '\n';
	assert(f->size == want.size && f->lines == want.lines && f->longest_line == want.longest_line);
	assert(f->has_nul == want.has_nul && f->has_bare_cr == want.has_bare_cr &&
		f->has_bare_lf == want.has_bare_lf);
	assert(f->dot_lines == want.dot_lines && f->header_size <= f->size && f->reference_count <= 32);
}

/* Lines of a body, a last one without its end counted. */
static uint64_t
lines_of(str s)
{
	uint64_t lines = s.n && s.p[s.n - 1] != '\n';

	for (size_t i = 0; i < s.n; i++)
		lines += s.p[i] == '\n';
	return lines;
}

static void
check_parts(str m, const struct email *e, const struct email_limits *l)
{
	assert(e->part_count >= 1 && e->part_count <= (l->parts ? l->parts : 1000));
	assert(e->parts[0].body_at + e->parts[0].body_size == e->size);
	for (size_t i = 0; i < e->part_count; i++) {
		const struct email_part *p = &e->parts[i], *q = &e->parts[p->parent];

		assert(p->type.n && p->subtype.n);
		assert(p->depth <= (l->depth ? l->depth : 50));
		assert(p->is_message == (p->envelope != NULL));
		if (str_eq(p->type, S("text")) || p->is_message)
			assert(p->lines == lines_of(str_sub(m, p->body_at, p->body_size)));
		if (i == 0)
			continue;
		assert(p->parent < i && p->depth == q->depth + 1 && (q->is_multipart || q->is_message));
		assert(p->header_at >= q->body_at && p->body_at >= p->header_at);
		assert(p->body_at + p->body_size <= q->body_at + q->body_size);
	}
}

static void
check_envelope(const struct email_envelope *v)
{
	for (size_t i = 0; i < v->from_n; i++)
		assert(str_is_utf8(v->from[i].name) && str_is_utf8(v->from[i].mailbox) &&
			str_is_utf8(v->from[i].host));
	assert(v->sender_n >= (v->from_n > 0));
	for (size_t i = 0; i < v->to_n; i++)
		assert(v->to[i].host.n || i + 1 < v->to_n || v->to[i].mailbox.n == 0); /* groups end */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hash_key key = { 1, 2 };
	const struct email_limits *l;
	struct buf whole = { 0 }, pieces = { 0 };
	struct email_facts facts, again;
	struct email_builder *b;
	struct arena a = { 0 };
	struct email e;
	str message;

	if (size < 2)
		return 0;
	l = &limits[data[size - 1] % COUNT(limits)];
	message = str_of(data, size - 2);
	b = email_builder_new(l, &key);
	build(b, message, SIZE_MAX, &whole, &facts);
	check_facts(message, &facts);
	assert(whole.n <= (l->row_bytes ? l->row_bytes : 64 * 1024));
	assert(email_row_read(&a, buf_str(&whole), &e) == OK);
	assert(e.size == message.n && e.header_size == facts.header_size && e.sent_ms == facts.sent_ms &&
		e.lines == facts.lines);
	assert(str_is_utf8(e.preview) && e.preview.n <= 800);
	check_parts(message, &e, l);
	check_envelope(&e.envelope);
	build(b, message, 1 + data[size - 2] % 64, &pieces, &again);
	assert(str_eq(buf_str(&whole), buf_str(&pieces)));
	assert(facts.has_8bit_header == again.has_8bit_header && facts.longest_line == again.longest_line);
	email_builder_free(b);
	arena_done(&a);
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
