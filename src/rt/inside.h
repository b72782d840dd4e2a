/* rt/inside.h - what loop.c, fiber.c and pool.c know of each other; nobody else includes it */
#ifndef RT_INSIDE_H
#define RT_INSIDE_H

#include "rt/fiber.h"
#include "rt/switch.h"

#include <signal.h>

struct epoll_event;

struct signal_call {
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop {
	int epoll_fd;
	bool sim, stopped, hurry;
	int64_t now_ms, wall_ms;
	uint64_t sim_seed;
	size_t outside; /* jobs in threads: the simulation's clock stands still for them */

	struct timer **heap; /* timer.c: 4-ary, the earliest first */
	size_t timer_count, timer_room;

	struct epoll_event *events; /* the batch being dispatched: [event_at, event_count) is still to come */
	int event_at, event_count;
	struct link hooks;
	struct link hooks_todo; /* of the walk under way */
	bool in_hooks;

	struct watch signal_watch; /* signal.c */
	sigset_t signals;
	struct signal_call *signal_calls; /* by number; NULL until needed */

	struct fiber *self;      /* NULL: the loop itself runs */
	struct switch_spot spot; /* where the loop goes on when a fiber waits */
	struct link runnable;    /* fibers that may go on */
	struct link yielded;     /* fibers that may go on in the next iteration */
	struct fiber *free_fibers;
	size_t free_fiber_count, fiber_count;

	struct log log;
};

struct fiber {
	struct link link; /* in runnable or yielded while it may run, in no list while it waits */
	struct loop *loop;
	struct switch_spot spot;
	void (*fn)(void *arg);
	void *arg;
	char *stack; /* its lowest usable byte; this struct lies above its highest */
	size_t stack_size;
	struct timer timer;
	struct watch *watch; /* that it waits for, or NULL */
	uint32_t wanted;
	struct fiber *next; /* that waits for the same watch, or in the pool of free ones */
	enum fault said;
	bool waits, deaf, cancelled, over;
	unsigned valgrind_id;
};

/* Runs what is due and tells when the next timer is (NEVER_MS: none). */
void timers_run(struct loop *l);
int64_t timers_next_ms(const struct loop *l);

void signals_free(struct loop *l);

void fibers_init(struct loop *l);
void fibers_run(struct loop *l);
bool fibers_can_run(const struct loop *l);
void fibers_wake_ready(struct watch *w);                /* those that wait for what is ready now */
void fibers_wake_all(struct watch *w, enum fault said); /* all that wait for w */
void fibers_free(struct loop *l);

/* As fiber_park without a deadline, and deaf to fiber_cancel: for a wait whose memory somebody else uses until it ends. */
enum fault fiber_park_deaf(struct loop *l);

#endif
