#include "rt/stream_inside.h"

#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

enum {
	KEPT_ROOM = 16 << 10, /* a larger buffer is freed when empty */
	GATHERED_FILE =
		32 << 10 /* a file up to this size is copied, so that it leaves with what stands around it */
};

static size_t
waiting(const struct stream *s)
{
	return s->out.n - s->out_at;
}

static enum fault
flush(struct stream *s, int flags)
{
	while (waiting(s) > 0) {
		long r = stream_raw_write(s, s->out.p + s->out_at, waiting(s), flags);
		if (r > 0)
			s->out_at += (size_t)r;
		else
			TRY(stream_wait_for(s, r));
	}
	s->out_at = 0;
	if (s->out.room > KEPT_ROOM)
		buf_done(&s->out);
	else
		buf_clear(&s->out);
	return OK;
}

enum fault
stream_flush(struct stream *s)
{
	if (!stream_is_open(s))
		return CLOSED;
	stream_unpark(s);
	return flush(s, 0);
}

void
stream_discard_output(struct stream *s)
{
	s->out_at = 0;
	buf_done(&s->out);
}

/* Makes room when nothing more may be gathered. */
static enum fault
flush_if_full(struct stream *s)
{
	if (waiting(s) < STREAM_MOST_OUT)
		return OK;
	TRY(stream_take_turn(s));
	return flush(s, 0);
}

enum fault
stream_write(struct stream *s, str bytes)
{
	if (!stream_is_open(s))
		return CLOSED;
	stream_unpark(s);
	while (bytes.n > 0) {
		str part;

		TRY(flush_if_full(s));
		part = str_sub(bytes, 0, STREAM_MOST_OUT - waiting(s));
		buf_add(&s->out, part);
		bytes = str_from(bytes, part.n);
	}
	return OK;
}

enum fault
stream_printf(struct stream *s, const char *format, ...)
{
	va_list args;
	char *to;
	int n;

	if (!stream_is_open(s))
		return CLOSED;
	stream_unpark(s);
	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return INTERNAL;
	TRY(flush_if_full(s));
	to = buf_reserve(&s->out, (size_t)n + 1);
	va_start(args, format);
	(void)vsnprintf(to, (size_t)n + 1, format, args);
	va_end(args);
	buf_used(&s->out, (size_t)n);
	return OK;
}

/* Through our memory: a small file, or any under TLS. */
static enum fault
copy_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
	while (n > 0) {
		size_t part;
		ssize_t got;

		TRY(flush_if_full(s));
		part = (size_t)MIN(n, (uint64_t)(STREAM_MOST_OUT - waiting(s)));
		got = pread(fd, buf_reserve(&s->out, part), part, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return STORE_CORRUPT;
		buf_used(&s->out, (size_t)got);
		offset += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return OK;
}

enum fault
stream_send_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
	off_t at = (off_t)offset;

	if (!stream_is_open(s))
		return CLOSED;
	stream_unpark(s);
	if (s->tls || n <= GATHERED_FILE)
		return copy_file(s, fd, offset, n);
	TRY(flush(s, MSG_MORE));
	while (n > 0) {
		ssize_t sent;

		TRY(stream_take_turn(s));
		sent = sendfile(s->watch.fd, fd, &at, (size_t)MIN(n, (uint64_t)1 << 20));
		if (sent > 0) {
			n -= (uint64_t)sent;
			s->bytes_out += (uint64_t)sent;
		} else if (sent == 0 || errno == EIO) {
			return STORE_CORRUPT;
		} else if (errno == EAGAIN) {
			s->watch.ready &= ~(uint32_t)READY_OUT;
			TRY(stream_wait_for(s, RAW_WANTS_OUT));
		} else if (errno != EINTR) {
			return CLOSED;
		}
	}
	return OK;
}
