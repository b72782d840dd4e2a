/* rt/pool.h - threads for what computes or blocks long: password hashes, flushes of large bodies
 * fn runs in a thread, must touch nothing but its argument, and then the waiting fiber goes on. */
#ifndef RT_POOL_H
#define RT_POOL_H

#include "rt/fiber.h"

struct pool *pool_new(struct loop *l, int threads);
void pool_free(struct pool *p); /* waits for running jobs */
/* Waits (the fiber, not the loop) until fn(arg) has run. TOO_BUSY when more than `most` jobs are queued already (0 = no limit). */
enum fault pool_run(struct pool *p, void (*fn)(void *arg), void *arg, size_t most);

#endif
