/* Rows from a damaged disk, or from a process that was taken over: refused, or safe to use. An input that begins with the version's byte is a
 * row; any other is a message whose row is damaged where its last bytes say. */
#include "mail/email.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_string(str s)
{
	for (size_t i = 0; i < s.n; i++)
		assert(s.p[i] != '\0' && s.p[i] != '\r' && s.p[i] != '\n');
}

static void
check_list(const struct email_addr *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		check_string(list[i].name);
		check_string(list[i].mailbox);
		check_string(list[i].host);
	}
}

static void
check_envelope(const struct email_envelope *v)
{
	check_string(v->date);
	check_string(v->subject);
	check_string(v->in_reply_to);
	check_string(v->message_id);
	check_list(v->from, v->from_n);
	check_list(v->sender, v->sender_n);
	check_list(v->reply_to, v->reply_to_n);
	check_list(v->to, v->to_n);
	check_list(v->cc, v->cc_n);
	check_list(v->bcc, v->bcc_n);
}

static void
check_row(str row)
{
	struct arena a = { 0 };
	struct email e;

	if (email_row_read(&a, row, &e) == OK) {
		assert(e.part_count >= 1 && e.part_count <= row.n);
		check_envelope(&e.envelope);
		check_string(e.references);
		check_string(e.subject_base);
		check_string(e.preview);
		for (size_t i = 0; i < e.part_count; i++) {
			const struct email_part *p = &e.parts[i], *q = &e.parts[p->parent];
			uint64_t begin = i ? q->body_at : 0, end = i ? q->body_at + q->body_size : e.size;

			assert(p->parent < i || i == 0);
			assert(begin <= p->header_at && p->header_at <= p->body_at && p->body_at <= end);
			assert(p->body_size <= end - p->body_at);
			assert(!p->is_message || p->envelope);
			for (size_t k = 0; k < 2 * p->param_count; k++)
				check_string(p->params[k]);
			for (size_t k = 0; k < 2 * p->disposition_param_count; k++)
				check_string(p->disposition_params[k]);
			check_string(p->type);
			check_string(p->encoding);
			check_string(p->description);
			if (p->envelope)
				check_envelope(p->envelope);
		}
	}
	arena_done(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct email_builder *b;
	struct email_facts facts;
	struct buf row = { 0 };

	if (size < 5 || data[0] == 1) {
		check_row(str_of(data, size));
		return 0;
	}
	b = email_builder_new(NULL, &(struct hash_key){ 1, 2 });
	email_builder_feed(b, str_of(data, size - 4));
	email_builder_finish(b, &row, &facts);
	for (size_t i = size - 4; i < size; i += 2)
		row.p[(data[i] * 7 + data[i] % 5) % row.n] ^= (char)data[i + 1];
	check_row(buf_str(&row));
	email_builder_free(b);
	buf_done(&row);
	return 0;
}
