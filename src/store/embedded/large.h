/* store/embedded/large.h - bodies too large for a batch, while they are received
 * Written to body/HEX.tmp as they come, flushed, given their name when a record is about to name them. The sum of a large body is
 * XXH3 over blocks of 64 KiB, each with the sum of those before it as seed. */
#ifndef STORE_EMBEDDED_LARGE_H
#define STORE_EMBEDDED_LARGE_H

#include "store/embedded/engine.h"

enum { LARGE_BLOCK = 64 * 1024 };

struct store_large {
	struct store *store;
	struct link link;
	int fd;
	uint64_t name; /* of the file that holds it for now */
	uint64_t size, written, sum;
	bool synced, linked;
	struct buf block; /* not written yet */
};

static inline uint64_t
large_sum_add(uint64_t sum, str block)
{
	return hash_sum(block, sum);
}

/* Gives the body its lasting name and says so in the effect. The folder is flushed with the batch. */
enum fault large_link(struct store *s, struct store_large *l, struct effect_message *m);
/* The bodies linked by a batch that is not to be. */
void large_unlink_batch(struct store *s);

#endif
