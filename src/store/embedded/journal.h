/* store/embedded/journal.h - the log's end, where records are added
 * Segments are files log/NNNNNNNN.seg (hexadecimal, from 1), appended to and never changed. Records gather in memory and leave it in
 * one write and one flush. A record never spans segments; a batch does when a segment is full, and then takes a write and a flush
 * for each. Waits for the disk in journal_flush and journal_open_at. */
#ifndef STORE_EMBEDDED_JOURNAL_H
#define STORE_EMBEDDED_JOURNAL_H

#include "base/log.h"
#include "store/embedded/effect.h"

enum { SEGMENT_NAME = 13 }; /* "00000001.seg" and its end */
void segment_name(uint32_t number, char ret[SEGMENT_NAME]);
bool segment_of_name(const char *name, uint32_t *ret_number);

/* What of a batch goes into one segment. */
struct journal_piece {
	uint32_t segment;
	uint64_t offset;    /* in the segment */
	size_t from;        /* in the buffer */
	uint64_t first_lsn; /* of its first record: SEGMENT or BATCH */
	uint32_t count;     /* records behind its BATCH */
	bool is_new;        /* begins with SEGMENT */
};

struct journal {
	const struct log *log;
	int dir; /* log/ */
	struct hash_key id;
	uint64_t segment_bytes;
	uint32_t segment; /* the one that is open; 0: none yet */
	int fd;
	uint64_t end;         /* of what is flushed in it */
	uint64_t next_lsn;    /* of the next record */
	uint64_t durable_lsn; /* of the last flushed record */
	uint64_t marked_lsn;  /* of the last record, when it is a mark */
	struct buf batch;
	struct journal_piece *pieces;
	size_t piece_count;
	uint64_t flushes, records;
	/* what the head of a new segment says */
	uint32_t next_account;
	uint64_t next_body;
};

void journal_init(
	struct journal *j, const struct log *log, int dir, const struct hash_key *id, uint64_t segment_bytes);
void journal_done(struct journal *j);

/* Goes on behind the end of a segment that is there; segment 0: the next batch makes the first one. */
enum fault journal_open_at(struct journal *j, uint32_t segment, uint64_t end, uint64_t durable_lsn);

static inline bool
journal_has_batch(const struct journal *j)
{
	return j->piece_count > 0;
}

/* Adds a record to the batch and says where it will stand. flags: RECORD_CARRIED. TOO_BIG. */
enum fault journal_add(struct journal *j, enum record_type type, uint16_t flags, str body, str rest,
	struct record_place *ret);

/* Begins a batch without records, which says what is durable and nothing else. OK; nothing when there is a batch already. */
enum fault journal_mark(struct journal *j);

/* Writes and flushes the batch. STORE_FULL or STORE_DOWN: it could not be written and the files are as before. A flush that fails
 * ends the process. */
enum fault journal_flush(struct journal *j, int64_t wall_ms);
/* Forgets the batch. Its LSNs are not used again. */
void journal_drop(struct journal *j);

/* Flushes or ends the process: after a failed flush nobody knows what is on the disk, and the next one would report success. */
void flush_or_die(const struct log *log, int fd, const char *what);
void flush_folder_or_die(const struct log *log, int fd, const char *what);
/* Writes all of it. STORE_FULL, STORE_DOWN (logged). */
enum fault write_all(const struct log *log, int fd, uint64_t offset, str bytes);
enum fault fault_of_errno(const struct log *log, const char *doing, const char *path);

#endif
