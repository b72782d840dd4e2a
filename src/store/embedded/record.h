/* store/embedded/record.h - how one record stands in the log
 * A record is a header of 40 bytes, its payload (a raw body first, then the effect's fields) and zeros up to the next multiple of 8.
 * The header's sum is keyed by the store's identity and covers the place (segment, offset): bytes of another store, of another
 * place, or written by a stranger into the body of a message never pass for a record. The payload's sum is XXH3. Our own disk is
 * treated as hostile input: everything here is bounded and total. doc/formats/log.md has the exact bytes. Pure. */
#ifndef STORE_EMBEDDED_RECORD_H
#define STORE_EMBEDDED_RECORD_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/hash.h"

enum { RECORD_HEADER = 40 };
#define RECORD_MAGIC 0x52736F50u          /* "PosR" */
#define RECORD_MOST  ((uint64_t)64 << 20) /* payload */

enum record_type {
	RECORD_NONE,
	RECORD_SEGMENT, /* the first of each segment */
	RECORD_BATCH,   /* the first of each batch */
	RECORD_MESSAGE,
	RECORD_FLAGS,
	RECORD_EXPUNGE,
	RECORD_ACCOUNT,
	RECORD_ACCOUNT_GONE,
	RECORD_DOMAIN,
	RECORD_DOMAIN_GONE,
	RECORD_ALIAS,
	RECORD_ALIAS_GONE,
	RECORD_NOTE,
	RECORD_NOTE_GONE,
	RECORD_MAILBOX,
	RECORD_MAILBOX_GONE,
	RECORD_COPIES,
	RECORD_TYPES
};
const char *record_name(enum record_type type); /* for reports */

enum {
	RECORD_CARRIED =
		1, /* written again by compaction: it counts as needed until its segment is compacted in turn */
};

/* Where a record stands. `bytes` is its whole length: header, payload and padding. */
struct record_place {
	uint64_t lsn;
	uint32_t segment;
	uint32_t bytes;
	uint64_t offset; /* of its header in the segment's file */
	uint16_t flags;
};

struct record {
	enum record_type type;
	struct record_place at;
	str body; /* the raw bytes of a message; else empty */
	str rest; /* the encoded effect */
};

/* How long a record of these payload parts is. */
static inline uint64_t
record_bytes(uint64_t body, uint64_t rest)
{
	return (RECORD_HEADER + body + rest + 7) & ~(uint64_t)7;
}

/* Writes a whole record to the end of *b; at->bytes says how much. False: over the buffer's limit. */
bool record_add(struct buf *b, const struct hash_key *id, enum record_type type,
	const struct record_place *at, str body, str rest);
/* Writes it over what was reserved for it at `to`. */
void record_write(char *to, const struct hash_key *id, enum record_type type, const struct record_place *at,
	str body, str rest);

/* What a header says, if it is one of this store and this place. */
struct record_head {
	enum record_type type;
	uint16_t flags;
	uint64_t lsn;
	uint32_t body, payload; /* bytes of the body; of the whole payload */
	uint64_t sum;
};
bool record_take_head(
	str bytes, const struct hash_key *id, uint32_t segment, uint64_t offset, struct record_head *ret);
/* Does the payload match its sum? body and rest as record_head says. */
bool record_is_whole(const struct record_head *h, str body, str rest);

#endif
