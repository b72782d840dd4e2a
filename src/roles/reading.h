/* roles/reading.h - a message's octets, for sessions that show them
 * A message is its prefix and its body. The index says where the body is, in a view that lasts as long as the lookup; the octets are read outside of it:
 * at once when they are in memory, else by a thread while the other sessions go on. */
#ifndef ROLES_READING_H
#define ROLES_READING_H

#include "rt/chan.h"
#include "rt/pool.h"
#include "store/store.h"

struct reading { /* of a role */
	struct store_reader *reader;
	struct pool *pool;
	bool no_nowait; /* the file system cannot say whether a read would block */
};

/* Waits until all that the store has acknowledged when it is asked can be read. Faults: STORE_DOWN, CANCELLED and what the store says. */
enum fault reading_catch_up(struct chan *store, int64_t most_ms);

struct body {
	int fd;
	uint64_t offset, size;
	bool dot_lines;
};
/* Opens the body of an email that was looked up; body_close wants it once. STALE: it has moved, look it up again. */
enum fault body_open(struct reading *r, const struct store_email *e, struct body *ret);
void body_close(struct reading *r, const struct body *b);
/* n octets from `at` of the body. Waits when they are not in memory. STORE_CORRUPT, STORE_DOWN. */
enum fault body_read(struct reading *r, const struct body *b, uint64_t at, size_t n, char *to);
/* Brings a piece into memory unless its last octet is there, so that it can be sent from the file. scratch: n octets. Waits. */
enum fault body_warm(struct reading *r, const struct body *b, uint64_t at, size_t n, char *scratch);

#endif
