#include "rt/stream_inside.h"

#include "base/mem.h"

str
stream_pending(const struct stream *s)
{
	return s->in.n > s->in_at ? str_of(s->in.p + s->in_at, s->in.n - s->in_at) : S("");
}

void
stream_consume(struct stream *s, size_t n)
{
	n = MIN(n, s->in.n - s->in_at);
	s->in_at += n; /* the bytes stay where they are until the next read: lines borrow them */
	s->searched -= MIN(s->searched, n);
}

void
stream_discard_input(struct stream *s)
{
	stream_consume(s, s->in.n - s->in_at);
	s->skips_line = false;
}

enum fault
stream_fill(struct stream *s, size_t most)
{
	long r;

	if (!stream_is_open(s))
		return CLOSED;
	stream_unpark(s);
	if (s->in.n - s->in_at >= most)
		return TOO_BIG;
	TRY(stream_take_turn(s));
	while ((r = stream_read_some(s, most)) <= 0)
		TRY(stream_wait_for(s, r));
	return OK;
}

enum fault
stream_poll(struct stream *s, size_t most)
{
	size_t before = s->in.n - s->in_at;
	long r = 1;

	if (!stream_is_open(s))
		return CLOSED;
	stream_unpark(s);
	s->dry = false; /* ask the kernel, though the loop has not said yet that something came */
	while (s->in.n - s->in_at < most && r > 0)
		r = stream_read_some(s, most);
	return s->ended && s->in.n - s->in_at == before ? CLOSED : OK;
}

/* Finds the LF among the first `limit` pending bytes. */
static bool
find_end(struct stream *s, size_t limit, size_t *ret_at)
{
	str p = str_sub(stream_pending(s), 0, limit);
	const char *lf = p.n > s->searched ? memchr(p.p + s->searched, '\n', p.n - s->searched) : NULL;

	if (lf) {
		*ret_at = (size_t)(lf - p.p);
		return true;
	}
	s->searched = MAX(s->searched, p.n);
	return false;
}

/* Drops the rest of a line that was too long. Waits. */
static enum fault
skip_line(struct stream *s)
{
	size_t at;

	while (!find_end(s, SIZE_MAX, &at)) {
		stream_consume(s, SIZE_MAX);
		TRY(stream_fill(s, STREAM_STEP));
	}
	stream_consume(s, at + 1);
	s->skips_line = false;
	return OK;
}

enum fault
stream_take_line(struct stream *s, size_t most, str *ret_line, bool *ret_bare)
{
	size_t at;
	str line;

	if (!stream_is_open(s))
		return CLOSED;
	stream_unpark(s);
	if (s->skips_line)
		TRY(skip_line(s));
	while (!find_end(s, most, &at)) {
		if (s->searched >= most) {
			stream_consume(s, most);
			s->skips_line = true;
			return LINE_TOO_LONG;
		}
		TRY(stream_fill(s, MAX(most, (size_t)STREAM_STEP)));
	}
	line = str_sub(stream_pending(s), 0, at);
	stream_consume(s, at + 1);
	*ret_bare = line.n == 0 || line.p[line.n - 1] != '\r';
	line.n -= !*ret_bare;
	*ret_line = line;
	return OK;
}

bool
stream_has_line(const struct stream *s)
{
	str p = stream_pending(s);
	size_t at = str_find(p, '\n');

	if (at < p.n && s->skips_line) {
		p = str_from(p, at + 1);
		at = str_find(p, '\n');
	}
	return at < p.n;
}
