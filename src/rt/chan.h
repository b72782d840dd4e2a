/* rt/chan.h - how roles speak: frames over a socket pair
 * A frame is {length, type, id, payload} and at most one descriptor. A call is a frame that wants the frame with its id
 * back. Many fibers call over one channel at once. Writes gather and go once an iteration. Payloads are encoded and
 * checked by talk/. A peer that breaks the framing loses the channel, never the process. */
#ifndef RT_CHAN_H
#define RT_CHAN_H

#include "base/arena.h"
#include "rt/fiber.h"

enum {
	CHAN_LARGEST = 1 << 20, /* payload bytes */
	CHAN_FDS = 16,          /* descriptors one sendmsg carries */
	CHAN_UP_WAIT_MS = 1000  /* that a call waits for a channel to come up */
};

struct frame {
	uint16_t type;
	uint32_t id; /* 0: wants no answer */
	str payload; /* borrowed: in on_frame until it returns, from chan_call in the arena */
	int fd;      /* -1: none; the receiver owns it */
};

struct chan_call;

struct chan {
	const char *name; /* for the log: "store" */
	struct loop *loop;
	struct watch watch; /* fd -1 while down */
	struct buf in, out;
	size_t out_at;            /* what has been sent of `out` */
	size_t fds_until;         /* the bytes before belong to descriptors that have been sent */
	int in_fds[2 * CHAN_FDS]; /* received before their frames */
	size_t in_fd_count;
	struct link out_fds;      /* descriptors to send, in order */
	struct chan_call **calls; /* who waits for an answer, at the low bits of its id */
	size_t call_count, call_room;
	uint32_t next_id;
	struct link waiters; /* who waits for it to come up, or for room */
	void *ctx;
	/* A frame that is no answer. In the loop: must not wait. May take the channel down. */
	void (*on_frame)(struct chan *c, struct frame *f);
	/* May be NULL. When it went down, by the peer or by chan_down; all calls have failed with down_fault by then. Must not
	 * wait. May bring it up again or free it. */
	void (*on_down)(struct chan *c);
	enum fault down_fault; /* what callers get while it is down, or when it goes down under them */
	struct hook hook;      /* set while something waits to be sent */
	size_t most_out; /* bytes that may wait to go before callers wait; 0 = 8 MiB. Eight times as much: the peer is stuck,
				* and the channel goes down */
	struct timer again; /* set while there is more to read than one turn permits */
	bool *gone;         /* set true when it goes down under its reader */
	bool broken;        /* goes down before the loop sleeps */
};

/* Begins down. down_fault is what callers get meanwhile; ctx, on_frame, on_down are the caller's to set after. */
void chan_init(struct chan *c, struct loop *l, const char *name, enum fault down_fault);
void chan_up(
	struct chan *c, int fd); /* takes the stream socket over; a channel that was up goes down first */
/* Closes; calls in flight fail. Everything the channel owns is freed: chan_up makes it usable again. */
void chan_down(struct chan *c);
bool chan_is_up(const struct chan *c);

/* Waits for the answer, at most until due_ms, and up to one second for a channel that is down to come up.
 * The fd (-1: none) is closed when sent, and on a fault. ret may be NULL (an answer's descriptor is closed then).
 * Faults: c->down_fault, TIMED_OUT, CANCELLED, TOO_BIG (payload). */
enum fault chan_call(struct chan *c, uint16_t type, str payload, int fd, int64_t due_ms, struct arena *a,
	struct frame *ret);
/* Sends without waiting; dropped (and fd closed) when down. id 0: a frame that wants no answer; else an answer to the frame
 * with that id. The payload is at most CHAN_LARGEST (asserted). */
void chan_send(struct chan *c, uint16_t type, uint32_t id, str payload, int fd);
/* As chan_send, payload in two pieces, to save a copy. */
void chan_send2(struct chan *c, uint16_t type, uint32_t id, str head, str tail, int fd);
void chan_flush(struct chan *c); /* now, instead of before the loop sleeps */

#endif
