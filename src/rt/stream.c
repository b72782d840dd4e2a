/* A stream's life, its raw reads and writes, and parking. Reading is in stream_in.c, writing in stream_out.c. */
#include "rt/stream_inside.h"

#include "rt/sock.h"
#include "rt/tls.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>

enum { TURNS = 16 };

bool
stream_is_open(const struct stream *s)
{
	return s->loop && s->watch.fd >= 0;
}

void
stream_unpark(struct stream *s)
{
	s->parked = NULL;
	timer_clear(&s->timer);
}

static void
call_parked(struct stream *s, enum fault why)
{
	void (*parked)(struct stream *, enum fault) = s->parked;

	stream_unpark(s);
	parked(s, why); /* s may be gone afterwards */
}

static bool
has_news(const struct stream *s)
{
	return s->in.n > s->in_at || s->ended;
}

static void
on_event(struct watch *w)
{
	struct stream *s = CONTAINER(w, struct stream, watch);

	if (!s->parked || has_news(s)) /* in the latter case the timer is about to tell */
		return;
	(void)stream_read_some(s, STREAM_STEP);
	if (has_news(s))
		call_parked(s, OK);
	else
		buf_done(&s->in);
}

static void
on_timer(struct timer *t)
{
	struct stream *s = CONTAINER(t, struct stream, timer);

	call_parked(s, has_news(s) ? OK : TIMED_OUT);
}

enum fault
stream_init(struct stream *s, struct loop *l, int fd)
{
	enum fault f;

	*s = (struct stream){ .loop = l, .due_ms = NEVER_MS, .timer.fn = on_timer };
	f = watch_start(l, &s->watch, fd, on_event);
	if (f != OK) {
		close(fd);
		s->watch.fd = -1;
	}
	return f;
}

enum fault
stream_connect(struct stream *s, struct loop *l, const struct peer *to, int64_t due_ms, int *ret_errno)
{
	int error, fd = sock_connect_start(to);
	enum fault f;

	*s = (struct stream){ .watch.fd = -1 };
	if (fd < 0) {
		*ret_errno = errno;
		return CLOSED;
	}
	TRY(stream_init(s, l, fd));
	f = fiber_wait(&s->watch, READY_OUT, due_ms);
	if (f == OK && (error = sock_error(fd)) != 0) {
		*ret_errno = error;
		f = CLOSED;
	}
	if (f != OK)
		stream_close(s);
	return f;
}

void
stream_close(struct stream *s)
{
	if (!stream_is_open(s))
		return;
	stream_unpark(s);
	if (s->out.n > s->out_at)
		(void)stream_raw_write(s, s->out.p + s->out_at, s->out.n - s->out_at, 0);
	if (s->tls)
		tls_close(s->tls);
	s->tls = NULL;
	watch_stop(&s->watch);
	close(s->watch.fd);
	s->watch.fd = -1;
	buf_done(&s->in);
	buf_done(&s->out);
	s->in_at = s->out_at = s->searched = 0;
}

int
stream_take_fd(struct stream *s)
{
	int fd = s->watch.fd;

	assert(!s->tls && s->out.n == s->out_at);
	stream_unpark(s);
	watch_stop(&s->watch);
	s->watch.fd = -1;
	buf_done(&s->out);
	s->out_at = 0;
	return fd;
}

static long
read_clear(struct stream *s, void *p, size_t n)
{
	ssize_t got;

	do
		got = recv(s->watch.fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? RAW_WANTS_IN : RAW_FAILED;
	/* Less than asked for: the rest is not there yet, and the watch will tell. */
	if ((size_t)got < n && !(s->watch.ready & READY_END)) {
		s->watch.ready &= ~(uint32_t)READY_IN;
		s->dry = true;
	}
	return got;
}

static long
raw_read(struct stream *s, void *p, size_t n)
{
	long r;

	if (s->dry && !(s->watch.ready & (READY_IN | READY_END | READY_HUP)))
		return RAW_WANTS_IN;
	s->dry = false;
	r = s->tls ? tls_read(s->tls, p, n) : read_clear(s, p, n);
	if (r == RAW_WANTS_IN) {
		s->watch.ready &= ~(uint32_t)READY_IN;
		s->dry = true;
	} else if (r == RAW_WANTS_OUT) {
		s->watch.ready &= ~(uint32_t)READY_OUT;
	} else if (r <= 0) {
		s->ended = true;
	}
	return r;
}

long
stream_read_some(struct stream *s, size_t most)
{
	size_t pending = s->in.n - s->in_at;
	size_t want = MIN((size_t)(s->eager ? STREAM_EAGER_STEP : STREAM_STEP), most - pending);
	char *p;
	long r;

	if (s->ended)
		return RAW_END;
	if (s->in_at > 0 && (pending == 0 || s->in.room - s->in.n < want)) {
		buf_drop_front(&s->in, s->in_at);
		s->in_at = 0;
	}
	p = buf_reserve(&s->in, want);
	r = raw_read(s, p, want);
	if (r > 0) {
		buf_used(&s->in, (size_t)r);
		s->bytes_in += (uint64_t)r;
	}
	s->eager = r >= STREAM_STEP;
	return r;
}

long
stream_raw_write(struct stream *s, const void *p, size_t n, int flags)
{
	long r;

	if (s->tls) {
		r = tls_write(s->tls, p, n);
	} else {
		do
			r = send(s->watch.fd, p, n, MSG_NOSIGNAL | flags);
		while (r < 0 && errno == EINTR);
		if (r < 0)
			r = errno == EAGAIN ? RAW_WANTS_OUT : RAW_FAILED;
	}
	if (r == RAW_WANTS_IN)
		s->watch.ready &= ~(uint32_t)READY_IN;
	else if (r == RAW_WANTS_OUT)
		s->watch.ready &= ~(uint32_t)READY_OUT;
	else if (r > 0)
		s->bytes_out += (uint64_t)r;
	return r;
}

enum fault
stream_wait_for(struct stream *s, long raw)
{
	if (raw != RAW_WANTS_IN && raw != RAW_WANTS_OUT)
		return CLOSED;
	s->turns = 0;
	return fiber_wait(&s->watch, raw == RAW_WANTS_IN ? READY_IN : READY_OUT, s->due_ms);
}

enum fault
stream_take_turn(struct stream *s)
{
	if (++s->turns < TURNS)
		return OK;
	s->turns = 0;
	TRY(fiber_yield(s->loop));
	return s->due_ms <= loop_now_ms(s->loop) ? TIMED_OUT : OK;
}

void
stream_park(struct stream *s, int64_t due_ms, void (*parked)(struct stream *s, enum fault why))
{
	assert(stream_is_open(s) && s->out.n == s->out_at);
	if (!has_news(s))
		(void)stream_read_some(s, STREAM_STEP);
	s->parked = parked;
	if (has_news(s)) {
		timer_set(s->loop, &s->timer, loop_now_ms(s->loop));
		return;
	}
	buf_done(&s->in);
	buf_done(&s->out);
	s->in_at = s->out_at = 0;
	timer_set(s->loop, &s->timer, due_ms);
}
