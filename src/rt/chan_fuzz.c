/* Arbitrary bytes, in arbitrary pieces and with descriptors, reach the receiving side. What it delivers must be what a plain
 * reading of the same bytes gives, and no descriptor may be lost or kept.
 * The first byte says how the rest is cut into pieces, the second which pieces carry a descriptor, the third whether the rest
 * is taken as it is or as a recipe for frames that are mostly well-formed. */
#include "rt/chan_inside.h"
#include "rt/sock.h"

#include "base/mem.h"

#include <assert.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	str rest;   /* of all bytes sent */
	size_t fds; /* sent and not taken */
	bool broken;
};

static uint32_t
le32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* The next frame that is no answer, read plainly. */
static bool
model_next(struct model *m, struct frame *ret)
{
	for (;;) {
		str s = m->rest;
		uint32_t length, flags;

		if (m->broken || s.n < CHAN_HEADER)
			return false;
		length = le32(s.p);
		flags = le32(s.p + 4) >> 16;
		m->broken = length > CHAN_LARGEST || flags > 3 ||
			    (flags & CHAN_ANSWER && le32(s.p + 8) == 0) ||
			    (flags & CHAN_HAS_FD && m->fds == 0);
		if (m->broken || s.n - CHAN_HEADER < length)
			return false;
		if (flags & CHAN_HAS_FD)
			m->fds--;
		*ret = (struct frame){ .type = (uint16_t)le32(s.p + 4),
			.id = le32(s.p + 8),
			.payload = str_sub(s, CHAN_HEADER, length),
			.fd = flags & CHAN_HAS_FD ? 1 : -1 };
		m->rest = str_from(s, CHAN_HEADER + length);
		if (!(flags & CHAN_ANSWER))
			return true;
	}
}

static void
on_frame(struct chan *c, struct frame *f)
{
	struct frame want;

	assert(model_next(c->ctx, &want));
	assert(f->type == want.type && f->id == want.id && str_eq(f->payload, want.payload));
	assert((f->fd >= 0) == (want.fd >= 0));
	if (f->fd >= 0)
		close(f->fd);
}

static void
send_piece(int to, str piece, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec v = { .iov_base = (char *)(uintptr_t)piece.p, .iov_len = piece.n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	assert(sendmsg(to, &m, MSG_NOSIGNAL) == (ssize_t)piece.n || piece.n == 0);
}

/* Six bytes of the recipe make a header: what is odd about it, length, type, id. The payload follows. */
static void
cook(str recipe, struct buf *b)
{
	str r, payload;

	while (b->n < 65536 && str_take_bytes(&recipe, 6, &r)) {
		unsigned char odd = (unsigned char)r.p[0];
		uint32_t length = (unsigned char)r.p[1];

		if (odd & 64) /* larger ones */
			length = length * 257 % 20000;
		payload = str_sub(recipe, 0, length);
		recipe = str_from(recipe, payload.n);
		buf_add_le32(b, odd == 255 ? UINT32_MAX - length : length);
		buf_add_le16(b, (uint16_t)(unsigned char)r.p[2]);
		buf_add_le16(b, odd == 127 ? 0x4000 : odd & 3);
		buf_add_le32(b, le32(r.p + 2) & 0xff00ffff);
		buf_add(b, payload);
		if (odd != 63 &&
			payload.n < length) { /* else it is cut off, and what follows is in its place */
			char *p = buf_reserve(b, length - payload.n);
			memset(p, 'z', length - payload.n);
			buf_used(b, length - payload.n);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = { 0 };
	str bytes;
	struct model m = { 0 };
	struct loop *l;
	struct chan c;
	struct frame f;
	int fds[2], probe, lowest;
	size_t step, at;

	if (size < 4 || size > 65536)
		return 0;
	lowest = eventfd(0, EFD_CLOEXEC);
	close(lowest);
	l = loop_new_sim(0);
	probe = eventfd(0, EFD_CLOEXEC);
	assert(sock_pair(fds) == OK);
	chan_init(&c, l, "fuzz", STORE_DOWN);
	c.ctx = &m;
	c.on_frame = on_frame;
	chan_up(&c, fds[0]);
	bytes = str_of(data + 3, size - 3);
	if (data[2] & 1) {
		cook(bytes, &b);
		bytes = buf_str(&b);
	}
	step = data[0] ? data[0] * (size_t)(data[0] > 200 ? 64 : 1) : MIN(MAX(bytes.n, 1), 65536);
	m.rest = str_sub(bytes, 0, 0);
	for (at = 0; at < bytes.n && chan_is_up(&c); at += step) {
		bool with_fd = data[1] >> (at / step % 8) & 1 && m.fds + 1 < COUNT(c.in_fds);
		str piece = str_sub(bytes, at, step);

		m.rest.n += piece.n;
		m.fds += with_fd;
		send_piece(fds[1], piece, with_fd ? probe : -1);
		loop_run(l);                 /* until nothing more happens */
		assert(!model_next(&m, &f)); /* it has delivered all there is */
		assert(chan_is_up(&c) == !m.broken);
		assert(m.broken || c.in_fd_count == m.fds);
	}
	buf_done(&b);
	close(fds[1]);
	loop_run(l);
	assert(!chan_is_up(&c));
	close(probe);
	loop_free(l);
	probe = eventfd(0, EFD_CLOEXEC);
	assert(probe == lowest); /* all descriptors have been closed */
	close(probe);
	return 0;
}
