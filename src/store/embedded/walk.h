/* store/embedded/walk.h - the log, read from some place to its end
 * Gives whole records in order, and the stretches in between that are none. Never trusts a byte; never writes. */
#ifndef STORE_EMBEDDED_WALK_H
#define STORE_EMBEDDED_WALK_H

#include "base/log.h"
#include "store/embedded/record.h"

struct walk {
	const struct log *log;
	int dir; /* log/ */
	struct hash_key id;
	uint32_t *segments; /* the numbers that are there, ascending */
	size_t segment_count;
	size_t at; /* index of the one being read */
	int fd;
	uint64_t size;   /* of its file */
	uint64_t offset; /* of the next record */
	uint64_t window_offset;
	struct buf window; /* bytes of the file from window_offset */
};

/* The numbers of the segment files of a folder, ascending; mem, for free(). */
enum fault walk_list(const struct log *log, int dir, uint32_t **ret, size_t *ret_n);
/* Does the segment begin as one of a store does? Its id (not yet known to be ours) and what it says, from its head. NOT_FOUND: no head. */
struct effect_segment;
enum fault walk_segment_head(const struct log *log, int dir, uint32_t number, struct effect_segment *ret);

/* Begins at an offset of a segment, or at the first one that is there behind it. segment 0: at the beginning. */
enum fault walk_begin(struct walk *w, const struct log *log, int dir, const struct hash_key *id,
	uint32_t segment, uint64_t offset);
void walk_only_this(struct walk *w); /* the walk ends with the segment it stands in */
void walk_end(struct walk *w);

enum walk_step {
	WALK_RECORD, /* *ret is whole; its parts are borrowed until the next step */
	WALK_BAD, /* ret->at: bytes [offset, offset + bytes) of segment are no record; with a type and an LSN when its header is one */
	WALK_END,
	WALK_FAILED, /* the disk does not let us read; logged */
};
enum walk_step walk_next(struct walk *w, struct record *ret);

#endif
