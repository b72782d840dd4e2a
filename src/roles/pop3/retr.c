/* roles/pop3/retr.c - RETR and TOP
 * A message is its prefix and its body. The index says where the body is, in a view that lasts as long as the lookup; the bytes are read outside of it. Small
 * bodies are read right behind the +OK, so that one write sends it all; large ones go from the file to the socket. What is not in memory is read
 * by a thread, while the other sessions go on. */
#include "roles/pop3/pop3.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/uio.h>

enum { LOOKUPS = 4, TOP_PIECE = 16 * 1024 };

struct body {
	int fd;
	uint64_t offset, size;
	bool dot_lines;
};

/* ---- finding it ---- */

/* One look at the index: prefix to out, place to e. The strings of e are gone with the view. */
static enum fault
look_up(struct pop3_session *s, const struct pop3_entry *entry, struct buf *out, struct store_email *e)
{
	struct store_view *v;
	enum fault f;

	TRY(store_view_begin(s->pop3->reader, &v));
	f = view_email(v, s->account, entry->email, e);
	if (f == OK)
		buf_add(out, e->prefix);
	store_view_end(v);
	e->prefix = e->row = S("");
	return f;
}

/* Adds "+OK ..." and the prefix to what is to be sent, and opens the body, which close_message wants once. On a fault nothing was added. */
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
			f = store_reader_file(s->pop3->reader, &e, &ret->fd);
	}
	if (f == OK && out->n - prefix + e.place.size != entry->size) {
		store_reader_release(s->pop3->reader, ret->fd);
		f = STORE_CORRUPT;
	}
	if (f == STORE_CORRUPT)
		log_error(&s->log, "message-damaged", kv_uint("account", s->account),
			kv_uint("email", entry->email));
	if (f != OK) {
		out->n = before;
		return f;
	}
	ret->offset = e.place.offset;
	ret->size = e.place.size;
	ret->dot_lines = e.dot_lines;
	return OK;
}

static void
close_message(struct pop3_session *s, const struct body *b)
{
	store_reader_release(s->pop3->reader, b->fd);
}

/* ---- reading it ---- */

struct read_job {
	int fd;
	uint64_t offset;
	size_t n;
	char *to;
	enum fault fault;
};

/* In a thread. */
static void
read_slowly(void *arg)
{
	struct read_job *j = arg;

	while (j->n > 0) {
		ssize_t n = pread(j->fd, j->to, j->n, (off_t)j->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			j->fault = n == 0 ? STORE_CORRUPT : STORE_DOWN;
			return;
		}
		j->to += n;
		j->offset += (uint64_t)n;
		j->n -= (size_t)n;
	}
}

/* Reads what is in memory; moves the job on. */
static void
read_at_once(struct pop3 *p, struct read_job *j)
{
	while (j->n > 0 && !p->no_nowait) {
		struct iovec to = { j->to, j->n };
		ssize_t n = preadv2(j->fd, &to, 1, (off_t)j->offset, RWF_NOWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
			p->no_nowait = true;
		if (n <= 0)
			return;
		j->to += n;
		j->offset += (uint64_t)n;
		j->n -= (size_t)n;
	}
}

/* n bytes from `at` of the body. Waits when they are not in memory. */
static enum fault
read_body(struct pop3_session *s, const struct body *b, uint64_t at, size_t n, char *to)
{
	struct read_job job = { .fd = b->fd, .offset = b->offset + at, .n = n, .to = to, .fault = OK };

	read_at_once(s->pop3, &job);
	if (job.n == 0)
		return OK;
	TRY(pool_run(s->pop3->pool, read_slowly, &job, 0));
	return job.fault;
}

/* Is this piece of the body in memory? A look at its last octet tells, mostly; if not, the piece is read by a thread, which brings it there. */
static enum fault
warm(struct pop3_session *s, const struct body *b, uint64_t at, size_t n, char *scratch)
{
	struct read_job last = { .fd = b->fd, .offset = b->offset + at + n - 1, .n = 1, .to = scratch };

	read_at_once(s->pop3, &last);
	return last.n == 0 ? OK : read_body(s, b, at, n, scratch);
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

		TRY(read_body(s, b, 0, n, to));
		*at_line_start = to[n - 1] == '\n';
		buf_used(out, n);
		return OK;
	}
	f = read_body(s, b, 0, n, buf_reserve(&plain, n));
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
			f = read_body(s, b, at, n, scratch);
			if (f == OK) {
				pop3_stuff_add(&s->stream.out, str_of(scratch, n), at_line_start);
				f = pop3_relieve(s);
			}
			continue;
		}
		f = warm(s, b, at, n, scratch);
		if (f == OK)
			f = stream_send_file(&s->stream, b->fd, b->offset + at, n);
	}
	if (f == OK && !b->dot_lines) {
		f = read_body(s, b, b->size - 1, 1, scratch);
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
	close_message(s, &b);
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
		f = read_body(s, b, at, n, scratch);
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
	close_message(s, &b);
	TRY(f);
	pop3_end_add(&s->stream.out, at_line_start);
	return pop3_relieve(s);
}
