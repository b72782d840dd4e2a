/* rt/pool.h - threads for what computes or blocks long: password hashes, flushes of large bodies
 * fn runs in a thread, must touch nothing but its argument, and then the waiting fiber goes on. */
#ifndef RT_POOL_H
#define RT_POOL_H

#include "rt/fiber.h"

/* threads >= 1. Ends the process when the system gives no threads. */
struct pool *pool_new(struct loop *l, int threads);
/* Blocks until all jobs have run, those in the queue too; their fibers go on when the loop next runs fibers. */
void pool_free(struct pool *p);
/* Waits (the fiber, not the loop) until fn(arg) has run, however long it takes: a cancelled fiber, too, waits for its job.
 * Faults, and fn does not run: TOO_BUSY when more than `most` jobs are queued already (0 = no limit); CANCELLED before. */
enum fault pool_run(struct pool *p, void (*fn)(void *arg), void *arg, size_t most);

#endif
