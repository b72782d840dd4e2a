/* store/embedded/engine.h - what a store is made of; for the files of this folder */
#ifndef STORE_EMBEDDED_ENGINE_H
#define STORE_EMBEDDED_ENGINE_H

#include "base/list.h"
#include "store/embedded/journal.h"
#include "store/embedded/state.h"
#include "store/store.h"

struct store_view {
	struct index_txn *txn; /* NULL: it could not be begun */
	struct store_reader *reader;
	struct arena arena;
	struct link link;
};

/* How a store is opened for the tools; zeroes: as by store_open. */
struct opening {
	const char *index_name; /* of the folder; NULL: index */
	bool unsynced;          /* the index is flushed at the end only */
	const struct store_tool *tool;
};

/* A segment of which nothing is needed any more once an LSN is committed. */
struct emptied {
	uint32_t segment;
	uint64_t lsn;
};
struct compaction;

struct store {
	struct store_settings set;
	struct opening opening;
	struct log log;
	int dir, log_dir, body_dir, lock;
	struct state st;
	struct journal j;
	struct buf encoded; /* scratch */
	struct arena arena; /* scratch of one call */
	enum fault broken;  /* the batch at hand cannot be kept, and why */
	bool uncommitted;   /* effects that readers do not see yet */
	bool fresh;         /* the counters have been read from the index */
	uint64_t acked_lsn, applied_lsn;
	uint64_t free_bytes; /* of the disk, as of the batch's first accept, less what was taken since */
	bool free_known;
	struct store_view now;
	struct link larges; /* bodies being received */
	uint64_t unfinished_bytes;
	uint64_t *bodies_linked; /* by this batch: body/ is to be flushed before it */
	size_t bodies_linked_count;
	uint64_t large_names;
	struct compaction *compaction; /* under way, or NULL */
	struct emptied *emptied;       /* segments to be removed */
	size_t emptied_count;
	uint32_t *unfit; /* segments with damage in them: left as they are */
	size_t unfit_count;
	uint64_t batches, commits, replayed, damaged;
};

enum fault store_open_as(const struct store_settings *set, const struct log *log, const struct opening *how,
	struct store **ret);
/* Takes the lock of a store's folder: TOO_BUSY. */
enum fault store_lock(const struct log *log, int dir, int *ret_fd);

/* Begins an effect: a transaction is open and the batch is sound. */
enum fault store_begin(struct store *s);
/* Puts a validated effect into the batch and the index. */
enum fault store_effect(struct store *s, const struct effect *e, str body);
/* The same for an effect that was in the log before and is still true. */
enum fault store_effect_carried(struct store *s, const struct effect *e);
/* Back to what is flushed: the batch is forgotten, the index read anew from the log. */
void store_rewind(struct store *s);
/* Bodies whose last email is gone, once readers no longer see them. */
void store_unlink_bodies(struct store *s);
/* Held while files are removed; -1: a backup is looking, not now. */
int store_lock_removal(struct store *s);
/* compact.c: forgets what is under way; removes what is emptied, after a commit. */
void store_compact_stop(struct store *s);
void store_remove_segments(struct store *s);
void body_name(uint64_t id, char ret[17]);
bool body_of_name(const char *name, uint64_t *ret_id);

/* people.c, mailbox.c: what is there, as a record states it; strings are s->arena's. */
enum fault store_account_effect(struct store *s, uint32_t id, struct effect *ret);
enum fault store_mailbox_effect(struct store *s, uint32_t account, uint32_t mailbox, struct effect *ret);
enum fault store_forget_keywords(struct store *s, uint32_t account);
uint32_t store_next_uidvalidity(struct store *s, const struct row_state *st);

/* recover.c */
enum fault store_recover(struct store *s); /* from the folder as it is found to a store that goes on */
enum fault store_replay(struct store *s);  /* what the index has not applied of a sound log */
/* Applies the records of a log, up to an LSN, to a state of its own; but for those that another index has set aside. */
enum fault state_replay(struct state *st, int log_dir, uint64_t until_lsn, struct index_txn *skips,
	const struct store_tool *tool);

/* An index that cannot be used is removed, and a new one begun. */
enum fault store_give_up_index(struct store *s, const char *why);
/* identity.c: whose log it is; a new store gets an id. STORE_CORRUPT: there is a log that nothing identifies, or none where one must be. */
enum fault store_identify(struct store *s);

/* What the log holds from some place on. */
struct position {
	uint32_t segment;
	uint64_t offset;
};
struct gap {                    /* bytes that are no record */
	struct record_place at; /* lsn: if its header says one */
	enum record_type type;
	uint64_t after_lsn;
	struct position before; /* where the thing before it ends */
};
struct survey {
	struct gap *gaps;
	size_t gap_count;
	struct position end;      /* of what is to be kept */
	struct position doubtful; /* from here to the end: not known to be durable; segment 0: nothing */
	uint64_t first_doubtful_lsn;
	uint64_t last_lsn, durable_lsn, highest_lsn;
	bool torn;         /* there is something behind the end */
	bool last_is_mark; /* the last record says that all before it is durable */
	uint64_t torn_bytes;
	uint64_t records;
};
/* from: after which LSN; durable up to where at least. */
enum fault survey_log(const struct log *log, int dir, const struct hash_key *id, struct position from,
	uint64_t from_lsn, struct survey *ret);
void survey_done(struct survey *v);

/* view.c */
enum fault view_meta(struct store_view *v, struct row_meta *ret);

#endif
