/* store/embedded/state.h - the index as the effects leave it
 * One state is the index, its one open write transaction and the counters that are written with each commit. The same functions apply
 * an effect when it happens and when the log is read again, so that both give the same rows. They validate nothing: what could be
 * refused was refused before there was a record. Any fault leaves the transaction worthless. */
#ifndef STORE_EMBEDDED_STATE_H
#define STORE_EMBEDDED_STATE_H

#include "store/embedded/rows.h"

struct segment_use {
	uint32_t number;
	bool changed;
	uint64_t bytes, live;
};

struct state {
	const struct log *log;
	struct index *ix;
	struct index_txn *txn; /* NULL between transactions */
	struct row_meta meta;
	struct segment_use *segments; /* ascending */
	size_t segment_count;
	uint64_t *bodies_gone; /* their files may go once this transaction is committed */
	size_t bodies_gone_count;
	bool replaying;             /* the log is read again: see state_bury */
	struct buf row, part, list; /* scratch */
	struct arena arena;         /* scratch of one effect */
};

void state_init(struct state *st, const struct log *log);
void state_done(struct state *st); /* the index too */

/* Begins a transaction unless one is open; reads meta and segments when `fresh` (after opening, after an abort). NOT_FOUND: a new index. */
enum fault state_begin(struct state *st, bool fresh);
/* Writes meta and segments, commits. On a fault the transaction is gone and nothing has happened. */
enum fault state_commit(struct state *st);
void state_abort(
	struct state *st); /* counters are those of the last commit after the next state_begin(fresh) */

enum fault state_read_segments(struct state *st);
struct segment_use *state_segment(struct state *st, uint32_t number); /* made when new */
void state_add_live(struct state *st, const struct origin *o);
void state_drop_live(struct state *st, const struct origin *o);
enum fault state_forget_segment(struct state *st, uint32_t number);

/* One effect, whose record stands at `at`. body_size is the record's own body. */
enum fault state_apply(
	struct state *st, const struct effect *e, const struct record_place *at, uint64_t body_size);

/* In the log, what put an email into a mailbox may stand behind what took it out of another, for compaction writes again what is still true:
 * while the log is read again, an email that is in no mailbox waits, and this ends those that are still in none. *ret_any: there were some
 * to look at. */
enum fault state_bury(struct state *st, bool *ret_any);

/* ---- for the parts of it ---- */

/* A mailbox's row out of the index, to be changed; its name is copied, for puts move what is borrowed. */
struct mailbox_row {
	uint32_t account, id;
	struct row_mailbox row;
	char name[NAME_MOST];
};
enum fault state_get_mailbox(
	struct state *st, uint32_t account, uint32_t id, struct mailbox_row *ret); /* NOT_FOUND */
enum fault state_need_mailbox(struct state *st, struct row_state *s, uint32_t account, uint32_t id,
	struct mailbox_row *ret); /* made when missing */
enum fault state_put_mailbox(struct state *st, const struct mailbox_row *m);
enum fault state_get_account(struct state *st, uint32_t account, struct row_state *ret); /* NOT_FOUND */
enum fault state_need_account(
	struct state *st, uint32_t account, struct row_state *ret); /* made when missing */
enum fault state_put_account(struct state *st, uint32_t account, const struct row_state *s);

enum fault apply_message(
	struct state *st, const struct effect_message *m, const struct record_place *at, uint64_t body_size);
enum fault apply_copies(struct state *st, const struct effect_copies *x);
enum fault apply_flags(struct state *st, const struct effect_flags *f);
enum fault apply_expunge(struct state *st, const struct effect_expunge *x);
/* Takes one copy off an email, and the email away with the last. */
enum fault apply_drop_copy(struct state *st, uint32_t account, uint64_t email, struct row_copy copy);
/* All entries of a mailbox, when it goes. */
enum fault apply_drop_entries(struct state *st, struct row_state *s, const struct mailbox_row *m);
/* The record and the large body of an email are no longer needed by it. */
enum fault apply_release_email(struct state *st, const struct row_email *e);

/* A walk over the chunks of a mailbox that changes them: each is put back when the walk leaves it. */
struct chunk_walk {
	struct state *st;
	struct mailbox_row *mailbox;
	struct chunk chunk;
	bool loaded, changed;
};
void chunk_walk_begin(struct chunk_walk *w, struct state *st, struct mailbox_row *m);
/* Goes to the first entry with a uid >= uid; *ret_i is its index in w->chunk. NOT_FOUND: none. */
enum fault chunk_walk_to(struct chunk_walk *w, uint32_t uid, uint32_t *ret_i);
/* Goes to where an entry of this uid stands or would stand, in a chunk with room for it. */
enum fault chunk_walk_to_insert(struct chunk_walk *w, uint32_t uid, uint32_t *ret_i, bool *ret_is_there);
enum fault chunk_walk_end(struct chunk_walk *w);
/* Puts a copy where it belongs, and counts it; of two of one uid the one with the higher modseq stays. *e: what is known of the email;
 * the copy's part is filled in. The account's row *s and the walk's mailbox are changed, not put. */
enum fault chunk_walk_enter(
	struct chunk_walk *w, struct row_state *s, const struct effect_copy *c, struct store_entry *e);

#endif
