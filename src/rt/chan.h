/* rt/chan.h - how roles speak: frames over a socket pair
 * A frame is {length, type, id, payload} and at most one descriptor. A call is a frame that wants the frame with its id
 * back. Many fibers call over one channel at once. Writes gather and go once an iteration. Payloads are encoded and
 * checked by talk/. A peer that breaks the framing loses the channel, never the process. */
#ifndef RT_CHAN_H
#define RT_CHAN_H

#include "base/arena.h"
#include "rt/fiber.h"

enum { CHAN_LARGEST = 1 << 20 }; /* payload bytes */

struct frame {
	uint16_t type;
	uint32_t id; /* 0: wants no answer */
	str payload; /* borrowed: in on_frame until it returns, from chan_call in the arena */
	int fd;	     /* -1: none; the receiver owns it */
};

struct chan {
	const char *name; /* for the log: "store" */
	struct loop *loop;
	struct watch watch; /* fd -1 while down */
	struct buf in, out;
	size_t out_at;
	int in_fds[16];
	size_t in_fd_count;
	struct link out_fds; /* descriptors to send, in order */
	uint32_t next_id;
	struct link calls;   /* who waits for an answer */
	struct link waiters; /* who waits for it to come up */
	void *ctx;
	/* A frame that is no answer. In the loop: must not wait. */
	void (*on_frame)(struct chan *c, struct frame *f);
	void (*on_down)(struct chan *c); /* may be NULL. All calls have failed with STORE_DOWN... (c->down_fault) by then */
	enum fault down_fault;	     /* what callers get while it is down, or when it goes down under them */
	struct hook hook;
	size_t most_out; /* bytes that may wait to go before callers wait; 0 = 8 MiB */
};

/* Begins down. name, down_fault, ctx, on_frame, on_down are the caller's to set after. */
void chan_init(struct chan *c, struct loop *l, const char *name, enum fault down_fault);
void chan_up(struct chan *c, int fd); /* takes the stream socket over; a channel that was up goes down first */
void chan_down(struct chan *c);	      /* closes; calls in flight fail */
bool chan_is_up(const struct chan *c);

/* Waits for the answer, at most until due_ms, and up to one second for a channel that is down to come up.
 * The fd (-1: none) is closed when sent. ret may be NULL. Faults: c->down_fault, TIMED_OUT, CANCELLED. */
enum fault chan_call(struct chan *c, uint16_t type, str payload, int fd, int64_t due_ms, struct arena *a, struct frame *ret);
/* Sends without waiting; dropped (and fd closed) when down. id 0, or the id of the frame being answered. */
void chan_send(struct chan *c, uint16_t type, uint32_t id, str payload, int fd);
/* As chan_send, payload in two pieces, to save a copy. */
void chan_send2(struct chan *c, uint16_t type, uint32_t id, str head, str tail, int fd);
void chan_flush(struct chan *c); /* now, instead of before the loop sleeps */

#endif
