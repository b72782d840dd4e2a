/* rt/loop.h - where a process waits: one epoll loop, its timers, its clock
 * A role has one loop and one thread that runs it. Descriptors are watched edge-triggered: `ready` remembers what epoll
 * said until whoever got EAGAIN clears it. Functions here do not wait; fiber.h does. */
#ifndef RT_LOOP_H
#define RT_LOOP_H

#include "base/fault.h"
#include "base/list.h"
#include "base/log.h"

#include <stdint.h>

struct loop;
struct fiber;

struct loop *loop_new(void);
/* The same door with a fake clock: when nothing is ready, time jumps to the next timer instead of passing. Starts at
 * start_wall_ms. For rt/sim and tests. */
struct loop *loop_new_sim(int64_t start_wall_ms);
void loop_free(struct loop *l); /* nothing may be watched any more, no fiber may wait */

/* Where the loop and what stands on it (channels, ...) log; the sink is flushed before each sleep. Without it nothing is logged. */
void loop_log_to(struct loop *l, const struct log *log);
const struct log *loop_log(const struct loop *l); /* never NULL */

void loop_run(struct loop *l);  /* until loop_stop */
void loop_stop(struct loop *l); /* after this iteration; safe in a signal watch */
bool loop_run_once(
	struct loop *l); /* one iteration: waits for events at most until the next timer; false = stopped, or
				     * a simulation in which nothing will ever happen again */

void loop_hurry(
	struct loop *l); /* this iteration does not sleep: there is more to do (from a hook or a watch) */

int64_t loop_now_ms(const struct loop *l);  /* monotonic, as of this iteration; 0 is never */
int64_t loop_wall_ms(const struct loop *l); /* since 1970, as of this iteration */

#define NEVER_MS INT64_MAX /* as a deadline */

/* A timer in its owner's struct; zeroed = not set. fn runs in the loop, not in a fiber: it must not wait. It may set the timer
 * again or free it. Timers run by due time; those of the same millisecond in no promised order. */
struct timer {
	void (*fn)(struct timer *t);
	struct loop *loop;
	int64_t due_ms;
	size_t at; /* place in the heap + 1; 0 = not set */
};
void timer_set(struct loop *l, struct timer *t, int64_t due_ms); /* sets or moves it; NEVER_MS clears it */
void timer_clear(struct timer *t);                               /* calm when not set */

enum {
	READY_IN = 1,
	READY_OUT = 4,
	READY_HUP = 16, /* both directions have ended; stays */
	READY_END = 32  /* the peer sends no more, READY_IN is never cleared for good; stays */
};

/* A descriptor being watched, in its owner's struct. fn (may be NULL) runs in the loop, not in a fiber: it must not wait; it
 * may stop and free any watch. Fibers that wait for the descriptor (fiber_wait) are woken first. */
struct watch {
	int fd;
	uint32_t
		ready; /* READY_*, kept until the reader or writer that met EAGAIN clears its bit; nothing at first */
	bool wants_out; /* READY_OUT is reported */
	void (*fn)(struct watch *w);
	struct loop *loop;     /* NULL: not started */
	struct fiber *waiters; /* fiber.c's */
};
/* Faults: INTERNAL (epoll refused it; logged by errno). The descriptor must be non-blocking. */
enum fault watch_start(struct loop *l, struct watch *w, int fd, void (*fn)(struct watch *w));
/* READY_OUT is reported only from when somebody wants it (fiber_wait does this by itself): writing comes first, waiting after
 * EAGAIN; and a socket pair would wake its writer whenever the reader reads. When it can be written to already, the next
 * iteration says so. */
void watch_want_out(struct watch *w, bool wants);
/* For a listener that several processes watch: level-triggered, input only, and one process is woken, not all. */
enum fault watch_start_shared(struct loop *l, struct watch *w, int fd, void (*fn)(struct watch *w));
/* Does not close the descriptor (w->fd stays); calm when not started. Fibers that wait for it get CLOSED. */
void watch_stop(struct watch *w);

/* Runs once an iteration, before the loop sleeps: where a role commits its batch. Hooks run in the order given; one that is
 * given while hooks run has its turn in the same walk (so a channel sends what a hook gave it). A hook may forget any hook. */
struct hook {
	struct link link;
	void (*fn)(struct hook *h);
};
void loop_before_sleep(struct loop *l, struct hook *h);
void loop_forget_hook(struct hook *h); /* calm when not given */

/* Calls fn in the loop when the signal arrives (signalfd). The signal is blocked in this thread from then on, and in threads
 * and processes started later. The last fn for a signal counts. (SIGPIPE is ignored from loop_new on.) */
enum fault loop_on_signal(struct loop *l, int signo, void (*fn)(void *ctx), void *ctx);

/* Random bytes for nonces and keys: getrandom, or the simulation's seed. */
void loop_random(struct loop *l, void *p, size_t n);

#endif
