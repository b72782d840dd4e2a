#include "rt/chan_inside.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/socket.h>

enum {
	READ_STEP = 64 << 10,
	READS_A_TURN = 16,     /* before others have theirs */
	KEPT_ROOM = 256 << 10, /* a buffer that grew larger is freed when empty */
	TOO_MANY_WAIT_MS = 10
};

struct out_fd {
	struct link link;
	int fd;
	size_t at; /* in c->out: where its frame begins */
};

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int) * CHAN_FDS)];
};

void
chan_break(struct chan *c, const char *why)
{
	if (c->broken)
		return;
	if (why)
		log_error(loop_log(c->loop), "channel-broken", kv_c("peer", c->name), kv_c("why", why));
	else
		log_event(loop_log(c->loop), "channel-closed", kv_c("peer", c->name));
	c->broken = true;
	if (!c->hook.link.next)
		loop_before_sleep(c->loop, &c->hook);
}

size_t
chan_waiting_out(const struct chan *c)
{
	return c->out.n - c->out_at;
}

static void
empty(struct buf *b)
{
	if (b->room > KEPT_ROOM)
		buf_done(b);
	else
		buf_clear(b);
}

void
chan_free_buffers(struct chan *c)
{
	struct link *at;

	buf_done(&c->in);
	buf_done(&c->out);
	c->out_at = c->fds_until = 0;
	while (c->in_fd_count > 0)
		close(c->in_fds[--c->in_fd_count]);
	while ((at = list_take_first(&c->out_fds))) {
		close(CONTAINER(at, struct out_fd, link)->fd);
		free(CONTAINER(at, struct out_fd, link));
	}
}

void
chan_put(struct chan *c, uint16_t type, uint16_t flags, uint32_t id, str head, str tail, int fd)
{
	struct buf *b = &c->out;

	if (fd >= 0) {
		struct out_fd *o = NEW(struct out_fd);
		*o = (struct out_fd){ .fd = fd, .at = b->n };
		list_append(&c->out_fds, &o->link);
		flags |= CHAN_HAS_FD;
	}
	buf_add_le32(b, (uint32_t)(head.n + tail.n));
	buf_add_le16(b, type);
	buf_add_le16(b, flags);
	buf_add_le32(b, id);
	buf_add(b, head);
	buf_add(b, tail);
	if (!c->hook.link.next)
		loop_before_sleep(c->loop, &c->hook);
}

/* Fills m's control with the next descriptors, at most CHAN_FDS; *ret_end is where the bytes to be sent with them end. The
 * next ones go when these bytes have gone, so that a receiver never holds more than twice CHAN_FDS. */
static size_t
add_fds(struct chan *c, struct msghdr *m, union control *control, size_t *ret_end)
{
	size_t count = 0;
	int fds[CHAN_FDS];
	struct cmsghdr *h;

	if (c->out_at < c->fds_until) {
		*ret_end = c->fds_until;
		return 0;
	}
	*ret_end = c->out.n;
	LIST_EACH(&c->out_fds, at) {
		struct out_fd *o = CONTAINER(at, struct out_fd, link);
		if (count == CHAN_FDS) {
			*ret_end = o->at;
			break;
		}
		fds[count++] = o->fd;
	}
	if (count == 0)
		return 0;
	m->msg_control = control->room;
	m->msg_controllen = CMSG_SPACE(sizeof(int) * count);
	h = CMSG_FIRSTHDR(m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(h), fds, sizeof(int) * count);
	return count;
}

/* `sent` bytes have gone, and with them `fds` descriptors, which belong to the bytes before `end`. */
static void
count_sent(struct chan *c, size_t sent, size_t fds, size_t end)
{
	if (fds > 0)
		c->fds_until = end;
	while (fds-- > 0) {
		struct out_fd *o = CONTAINER(list_take_first(&c->out_fds), struct out_fd, link);
		close(o->fd);
		free(o);
	}
	c->out_at += sent;
	if (c->out_at == c->out.n) {
		empty(&c->out);
		c->out_at = c->fds_until = 0;
	} else if (c->out_at > c->out.n / 2) { /* so a byte is moved once, on average */
		buf_drop_front(&c->out, c->out_at);
		LIST_EACH(&c->out_fds, at)
			CONTAINER(at, struct out_fd, link)->at -= c->out_at;
		c->fds_until = c->fds_until > c->out_at ? c->fds_until - c->out_at : 0;
		c->out_at = 0;
	}
}

void
chan_flush(struct chan *c)
{
	size_t before = chan_waiting_out(c);

	while (chan_is_up(c) && !c->broken && chan_waiting_out(c) > 0) {
		union control control = { 0 };
		struct iovec v = { .iov_base = c->out.p + c->out_at };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
		size_t end, fds = add_fds(c, &m, &control, &end);
		ssize_t sent;

		v.iov_len = end - c->out_at;
		sent = sendmsg(c->watch.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0) {
			count_sent(c, (size_t)sent, fds, end);
		} else if (errno == EAGAIN) {
			watch_want_out(&c->watch, true);
			break;
		} else if (errno == ETOOMANYREFS) { /* descriptors under way, of all this user's processes */
			timer_set(c->loop, &c->again, loop_now_ms(c->loop) + TOO_MANY_WAIT_MS);
			break;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			chan_break(c, NULL);
		} else if (errno != EINTR) {
			chan_break(c, strerror(errno));
		}
	}
	if (chan_waiting_out(c) == 0)
		watch_want_out(&c->watch, false);
	if (chan_waiting_out(c) < before)
		chan_wake_waiters(c);
}

/* Takes the received descriptors over. False: more than our own sending half ever sends. */
static bool
take_fds(struct chan *c, struct msghdr *m, size_t *ret_count)
{
	bool fits = !(m->msg_flags & MSG_CTRUNC);

	*ret_count = 0;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = h->cmsg_len > CMSG_LEN(0) ? (h->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
			++*ret_count;
			if (c->in_fd_count < COUNT(c->in_fds)) {
				c->in_fds[c->in_fd_count++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

enum taken { FRAME, INCOMPLETE, BROKEN };

static enum taken
take_frame(struct chan *c, str *in, struct frame *ret, bool *ret_answer)
{
	str s = *in;
	uint32_t length, id;
	uint16_t type, flags;

	if (!str_take_le32(&s, &length) || !str_take_le16(&s, &type) || !str_take_le16(&s, &flags) ||
		!str_take_le32(&s, &id))
		return INCOMPLETE;
	if (length > CHAN_LARGEST || flags & ~(CHAN_HAS_FD | CHAN_ANSWER) ||
		(flags & CHAN_ANSWER && id == 0) || (flags & CHAN_HAS_FD && c->in_fd_count == 0)) {
		chan_break(c, "malformed-frame");
		return BROKEN;
	}
	*ret = (struct frame){ .type = type, .id = id, .fd = -1 };
	if (!str_take_bytes(&s, length, &ret->payload))
		return INCOMPLETE;
	if (flags & CHAN_HAS_FD) {
		ret->fd = c->in_fds[0];
		memmove(c->in_fds, c->in_fds + 1, --c->in_fd_count * sizeof(c->in_fds[0]));
	}
	*ret_answer = flags & CHAN_ANSWER;
	*in = s;
	return FRAME;
}

/* Hands out the whole frames of c->in. False: the channel is down or broken, and c may be gone. */
static bool
deliver(struct chan *c)
{
	struct buf in =
		c->in; /* ours while frames borrow from it: their receiver may take the channel down */
	str rest = buf_str(&in);
	bool gone = false, answer;
	struct frame f;

	c->in = (struct buf){ 0 };
	c->gone = &gone;
	while (!gone && !c->broken && take_frame(c, &rest, &f, &answer) == FRAME) {
		if (answer)
			chan_take_answer(c, &f);
		else
			c->on_frame(c, &f);
	}
	if (gone) {
		buf_done(&in);
		return false;
	}
	c->gone = NULL;
	c->in = in;
	buf_drop_front(&c->in, in.n - rest.n);
	if (c->in.n == 0)
		empty(&c->in);
	return !c->broken;
}

/* One recvmsg. False: nothing more to read now, or the channel is down, and c may be gone. */
static bool
receive(struct chan *c)
{
	union control control;
	struct iovec v = { .iov_base = buf_reserve(&c->in, READ_STEP) };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	size_t fds;
	ssize_t n;

	v.iov_len = c->in.room - c->in.n;
	n = recvmsg(c->watch.fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN) {
		c->watch.ready &= ~(uint32_t)READY_IN;
		return false;
	}
	if (n <= 0) {
		chan_break(c, n == 0 || errno == ECONNRESET ? NULL : strerror(errno));
		return false;
	}
	buf_used(&c->in, (size_t)n);
	if (!take_fds(c, &m, &fds)) {
		chan_break(c, "too-many-descriptors");
		return false;
	}
	/* Less than asked for: nothing more is there (but for the end, and what follows descriptors). */
	if ((size_t)n < v.iov_len && fds == 0 && !(c->watch.ready & READY_END))
		c->watch.ready &= ~(uint32_t)READY_IN;
	return deliver(c) && c->watch.ready & (READY_IN | READY_END);
}

static void
read_turn(struct chan *c)
{
	for (int i = 0; i < READS_A_TURN; i++)
		if (!receive(c))
			return;
	timer_set(c->loop, &c->again, loop_now_ms(c->loop)); /* in the next iteration */
}

void
chan_on_event(struct watch *w)
{
	struct chan *c = CONTAINER(w, struct chan, watch);

	if (c->broken)
		return;
	if (w->ready & READY_OUT) {
		w->ready &= ~(uint32_t)READY_OUT;
		chan_flush(c);
	}
	if (!c->broken && w->ready & (READY_IN | READY_END))
		read_turn(c);
}

void
chan_read_again(struct timer *t)
{
	struct chan *c = CONTAINER(t, struct chan, again);

	chan_flush(c);
	if (!c->broken)
		read_turn(c);
}
