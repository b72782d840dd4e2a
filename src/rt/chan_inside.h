/* rt/chan_inside.h - what chan.c and chan_wire.c know of each other
 * On the wire a frame is {u32 length, u16 type, u16 flags, u32 id} in little-endian, then `length` bytes. A descriptor arrives
 * with its frame or before it, in the order of the frames whose flags have CHAN_HAS_FD. */
#ifndef RT_CHAN_INSIDE_H
#define RT_CHAN_INSIDE_H

#include "rt/chan.h"

enum {
	CHAN_HEADER = 12,
	CHAN_HAS_FD = 1,
	CHAN_ANSWER = 2 /* to the call with this id, which is the receiver's own */
};

/* chan_wire.c */
void chan_on_event(struct watch *w);
void chan_read_again(struct timer *t);
void chan_put(struct chan *c, uint16_t type, uint16_t flags, uint32_t id, str head, str tail, int fd);
size_t chan_waiting_out(const struct chan *c);    /* bytes */
void chan_free_buffers(struct chan *c);           /* and closes the descriptors in them */
void chan_break(struct chan *c, const char *why); /* logs (NULL: the peer closed it); it goes down before the
						   * loop sleeps */

/* chan.c */
void chan_take_answer(struct chan *c, struct frame *f);
void chan_wake_waiters(struct chan *c);

#endif
