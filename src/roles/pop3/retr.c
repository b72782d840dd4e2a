/* roles/pop3/retr.c - RETR and TOP
 * A message is its prefix and its body. The index says where the body is, in a view that lasts as long as the lookup; the bytes are read outside of it. Small
 * bodies are read right behind the +OK, so that one write sends it all; large ones go from the file to the socket. What is not in memory is read
 * by a thread, while the other sessions go on. */
#include "roles/pop3/pop3.h"

#include "base/mem.h"

enum { LOOKUPS = 4, TOP_PIECE = 16 * 1024 };

/* ---- finding it ---- */

/* One look at the index: prefix to out, place to e. The strings of e are gone with the view. */
static enum fault
look_up(struct pop3_session *s, const struct pop3_entry *entry, struct buf *out, struct store_email *e)
{
	struct store_view *v;
	enum fault f;

	TRY(store_view_begin(s->pop3->reading.reader, &v));
	f = view_email(v, s->account, entry->email, e);
	if (f == OK)
		buf_add(out, e->prefix);
	store_view_end(v);
	e->prefix = e->row = S("");
	return f;
}

/* Adds "+OK ..." and the prefix to what is to be sent, and opens the body, which body_close wants once. On a fault nothing was added. */
static enum fault
open_message(struct pop3_session *s, const struct pop3_entry *entry, str head, struct body *ret)
{
	struct buf *out = &s->stream.out;
	size_t before = out->n, prefix = 0;
	struct store_email e;
	enum fault f = STALE;

	for (int i = 0; i < LOOKUPS && f == STALE;
		i++) { /* it may have been moved between the look and the opening */
		out->n = before;
		buf_add(out, head);
		prefix = out->n;
		f = look_up(s, entry, out, &e);
		if (f == OK)
			f = body_open(&s->pop3->reading, &e, ret);
	}
	if (f == OK && out->n - prefix + e.place.size != entry->size) {
		body_close(&s->pop3->reading, ret);
		f = STORE_CORRUPT;
	}
	if (f == STORE_CORRUPT)
		log_error(&s->log, "message-damaged", kv_uint("account", s->account),
			kv_uint("email", entry->email));
	if (f != OK) {
		out->n = before;
		return f;
	}
	return OK;
}

/* ---- sending it ---- */

/* Small: behind the +OK in the same buffer. */
static enum fault
add_small(struct pop3_session *s, const struct body *b, bool *at_line_start)
{
	struct buf *out = &s->stream.out, plain = { 0 };
	size_t n = (size_t)b->size;
	enum fault f;

	if (n == 0)
		return OK;
	if (!b->dot_lines) {
		char *to = buf_reserve(out, n + sizeof("\r\n.\r\n"));

		TRY(body_read(&s->pop3->reading, b, 0, n, to));
		*at_line_start = to[n - 1] == '\n';
		buf_used(out, n);
		return OK;
	}
	f = body_read(&s->pop3->reading, b, 0, n, buf_reserve(&plain, n));
	if (f == OK) {
		buf_used(&plain, n);
		pop3_stuff_add(out, buf_str(&plain), at_line_start);
	}
	buf_done(&plain);
	return f;
}

static enum fault
send_large(struct pop3_session *s, const struct body *b, bool *at_line_start)
{
	char *scratch = mem_new(POP3_PIECE);
	enum fault f = OK;

	for (uint64_t at = 0; at < b->size && f == OK; at += POP3_PIECE) {
		size_t n = (size_t)MIN(b->size - at, (uint64_t)POP3_PIECE);

		s->stream.due_ms = loop_now_ms(s->pop3->role->loop) + s->pop3->timeout_ms;
		if (b->dot_lines) {
			f = body_read(&s->pop3->reading, b, at, n, scratch);
			if (f == OK) {
				pop3_stuff_add(&s->stream.out, str_of(scratch, n), at_line_start);
				f = pop3_relieve(s);
			}
			continue;
		}
		f = body_warm(&s->pop3->reading, b, at, n, scratch);
		if (f == OK)
			f = stream_send_file(&s->stream, b->fd, b->offset + at, n);
	}
	if (f == OK && !b->dot_lines) {
		f = body_read(&s->pop3->reading, b, b->size - 1, 1, scratch);
		*at_line_start = scratch[0] == '\n';
	}
	free(scratch);
	return f;
}

/* A message that has begun to go can only be finished or cut off: a client must never take half of one for all of it. */
static enum fault
cut(struct pop3_session *s, enum fault f)
{
	if (f == OK || pop3_ends_connection(f))
		return f;
	log_error(&s->log, "message-cut", kv_uint("account", s->account), kv_c("why", fault_words(f)->name));
	return CLOSED;
}

enum fault
pop3_relieve(struct pop3_session *s)
{
	return s->stream.out.n - s->stream.out_at >= POP3_SMALL ? stream_flush(&s->stream) : OK;
}

enum fault
pop3_retr(struct pop3_session *s, struct pop3_entry *e)
{
	struct buf *out = &s->stream.out;
	size_t before = out->n;
	bool at_line_start = true;
	struct body b;
	char head[64];
	int n = snprintf(head, sizeof(head), "+OK %llu octets\r\n", (unsigned long long)e->size);

	enum fault f;

	TRY(open_message(s, e, str_of(head, (size_t)n), &b));
	if (b.size <= POP3_SMALL) {
		f = add_small(s, &b, &at_line_start);
		if (f != OK)
			out->n = before;
	} else {
		f = cut(s, send_large(s, &b, &at_line_start));
	}
	body_close(&s->pop3->reading, &b);
	TRY(f);
	pop3_end_add(out, at_line_start);
	return pop3_relieve(s);
}

/* ---- TOP ---- */

/* How far TOP reaches, told piece by piece. */
struct top {
	bool in_header, line_begun;
	uint32_t lines; /* of the body, still to go */
};

/* How many octets of this piece belong to it; fewer than all: the end is reached. */
static size_t
top_take(struct top *t, str piece)
{
	for (size_t i = 0; i < piece.n; i++) {
		char c = piece.p[i];

		if (!t->in_header && t->lines == 0)
			return i;
		if (c == '\n') {
			if (!t->in_header)
				t->lines--;
			else if (!t->line_begun)
				t->in_header = false;
			t->line_begun = false;
		} else if (c != '\r') {
			t->line_begun = true;
		}
	}
	return piece.n;
}

static enum fault
send_top(struct pop3_session *s, struct top *t, const struct body *b, bool *at_line_start)
{
	char *scratch = mem_new(TOP_PIECE);
	enum fault f = OK;
	bool more = true;

	for (uint64_t at = 0; at < b->size && f == OK && more; at += TOP_PIECE) {
		size_t n = (size_t)MIN(b->size - at, (uint64_t)TOP_PIECE);

		s->stream.due_ms = loop_now_ms(s->pop3->role->loop) + s->pop3->timeout_ms;
		f = body_read(&s->pop3->reading, b, at, n, scratch);
		if (f == OK) {
			size_t wanted = top_take(t, str_of(scratch, n));
			pop3_stuff_add(&s->stream.out, str_of(scratch, wanted), at_line_start);
			more = wanted == n && (t->in_header || t->lines > 0);
			f = pop3_relieve(s);
		}
	}
	free(scratch);
	return f;
}

enum fault
pop3_top(struct pop3_session *s, const struct pop3_entry *e, uint32_t lines)
{
	struct top t = { .in_header = true, .lines = lines };
	bool at_line_start = true;
	struct body b;
	enum fault f;

	/* The prefix is header lines of ours, whole ones. */
	TRY(open_message(s, e, S("+OK top follows\r\n"), &b));
	f = cut(s, send_top(s, &t, &b, &at_line_start));
	body_close(&s->pop3->reading, &b);
	TRY(f);
	pop3_end_add(&s->stream.out, at_line_start);
	return pop3_relieve(s);
}
