/* rt/fiber.h - dialogues that read downwards
 * A fiber is a function with a stack of its own (64 KiB reserved, guard page, touched lazily; 256 KiB under sanitizers) that
 * runs in its loop's thread until it waits. Stacks are pooled. Shared state is not trusted across a wait. */
#ifndef RT_FIBER_H
#define RT_FIBER_H

#include "rt/loop.h"

/* Starts fn(arg): it runs when the loop next runs fibers, in the order started. */
struct fiber *fiber_start(struct loop *l, void (*fn)(void *arg), void *arg);
/* Runs fn(arg) on a fiber at once, until it first waits. Not to be called from a fiber. */
void fiber_run(struct loop *l, void (*fn)(void *arg), void *arg);

struct fiber *fiber_self(struct loop *l); /* NULL when the loop itself runs */

/* Waits until fiber_wake or the deadline (loop_now_ms scale). Gives what the waker said, TIMED_OUT, or CANCELLED. */
enum fault fiber_park(struct loop *l, int64_t due_ms);
void fiber_wake(struct fiber *f, enum fault said); /* calm when it does not wait */

/* From now on every wait of f gives CANCELLED at once; its function is expected to return. */
void fiber_cancel(struct fiber *f);

/* Waits until one of `events` (READY_*) is ready on w. TIMED_OUT, CANCELLED. READY_HUP also ends the wait, with OK. */
enum fault fiber_wait(struct watch *w, uint32_t events, int64_t due_ms);
enum fault fiber_sleep(struct loop *l, int64_t ms);
/* Lets the other fibers and events of the loop have their turn. */
enum fault fiber_yield(struct loop *l);

size_t fiber_count(const struct loop *l); /* running or waiting */

#endif
