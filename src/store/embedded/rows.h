/* store/embedded/rows.h - keys and values of the index
 * Keys are a kind byte and big-endian fields, so that they sort as numbers do; everything of one account stands together, what each
 * delivery touches in front. Values are little-endian or varints. doc/formats/index.md has the exact bytes. Decoding is bounded and
 * total. Pure but for the rows in parts, which use a transaction. */
#ifndef STORE_EMBEDDED_ROWS_H
#define STORE_EMBEDDED_ROWS_H

#include "store/embedded/effect.h"
#include "store/embedded/index.h"

enum row_kind {
	ROW_META = 1,
	ROW_SEGMENT,
	ROW_DOMAIN,
	ROW_ALIAS,
	ROW_NOTE,
	ROW_ADDRESS, /* account by lower-cased address */
	ROW_ACCOUNT,
	ROW_SHARED,          /* how many emails live in one record, when more than one came in it */
	ROW_BODY,            /* how many emails live in one large body */
	ROW_SKIPPED,         /* records that were set aside */
	ROW_ORPHAN,          /* while the log is read again: an email in no mailbox for the moment */
	ROW_OF_ACCOUNT = 16, /* account, then: */
};
enum account_row_kind {
	OF_STATE = 1, /* counters of the account */
	OF_MAILBOX,
	OF_NAME, /* mailbox by name */
	OF_CHUNK,
	OF_VANISHED,
	OF_THREAD,
	OF_EMAIL,
};
enum { NAME_MOST = 480 }; /* bytes of an address, of a mailbox's name, of a note's name */

struct key {
	size_t n;
	char bytes[KEY_MOST + 1];
};
static inline str
key_str(const struct key *k)
{
	return str_of(k->bytes, k->n);
}
void key_begin(struct key *k, enum row_kind kind);
void key_of_account(struct key *k, uint32_t account, enum account_row_kind kind);
void key_add_u32(struct key *k, uint32_t v);
void key_add_u64(struct key *k, uint64_t v);
void key_add_name(struct key *k, str name); /* with an end mark: names hold no NUL */
uint32_t key_u32(str key, size_t at);       /* of a key of the index; 0 when it is too short */
uint64_t key_u64(str key, size_t at);
bool name_is_good(str name); /* 1 to NAME_MOST bytes, no NUL */

/* Where the record stands that made a row: what is no longer needed is taken off its segment's live bytes. */
struct origin {
	uint64_t lsn;
	uint32_t segment, bytes;
};
static inline struct origin
origin_of(const struct record_place *at)
{
	return (struct origin){ at->lsn, at->segment, at->bytes };
}

struct row_meta {
	uint64_t applied_lsn;
	uint64_t applied_offset; /* where the log goes on */
	uint32_t applied_segment;
	uint32_t format;
	struct hash_key id;
	uint32_t next_account;
	uint64_t next_body;
	uint64_t accounts, mailboxes, messages, large_bodies, large_bytes;
};
struct row_segment {
	uint64_t bytes, live;
};
/* The row of an account that each delivery reads and changes. */
struct row_state {
	uint64_t modseq, next_email, used_bytes, used_messages, quota_bytes;
	uint32_t next_mailbox, uidvalidity; /* the highest given */
	uint32_t inbox;                     /* 0: its account record is still to come (rebuilding) */
	bool disabled;
};
struct row_account {
	struct origin origin;
	int64_t created_ms;
	uint32_t inbox_uidvalidity;
	str address, secret;
};
struct row_mailbox {
	struct origin origin;
	uint32_t uidvalidity, uidnext, exists, unseen, deleted;
	uint32_t tail; /* uid in the key of the last chunk; 0: begin a new one */
	uint64_t modseq, chg_floor, bytes;
	enum store_role role;
	bool subscribed;
	str name; /* empty: its own record is still to come (rebuilding) */
};
struct row_email {
	struct origin origin;
	uint64_t offset;    /* of the record */
	uint64_t body_size; /* wherever it is */
	uint64_t large, body_sum;
	uint64_t thread, created;
	int64_t received_ms, sent_ms;
	bool dot_lines, shared;
	str copies; /* 8 bytes each: mailbox, uid */
	str keys;   /* 8 bytes each */
	str prefix, row;
};
struct row_thread {
	uint64_t thread, email; /* email: whose arrival put it */
};
struct row_body {
	uint32_t emails;
	uint64_t bytes;
};

/* Adders write to the end of *b; readers give STORE_CORRUPT. */
void row_add_meta(struct buf *b, const struct row_meta *m);
enum fault row_take_meta(str v, struct row_meta *ret);
void row_add_segment(struct buf *b, const struct row_segment *s);
enum fault row_take_segment(str v, struct row_segment *ret);
void row_add_state(struct buf *b, const struct row_state *s);
enum fault row_take_state(str v, struct row_state *ret);
void row_add_account(struct buf *b, const struct row_account *c);
enum fault row_take_account(str v, struct row_account *ret);
void row_add_mailbox(struct buf *b, const struct row_mailbox *m);
enum fault row_take_mailbox(str v, struct row_mailbox *ret);
void row_add_email(struct buf *b, const struct row_email *e);
enum fault row_take_email(str v, struct row_email *ret);
void row_add_thread(struct buf *b, const struct row_thread *t);
enum fault row_take_thread(str v, struct row_thread *ret);
void row_add_body(struct buf *b, const struct row_body *y);
enum fault row_take_body(str v, struct row_body *ret);
void row_add_origin(struct buf *b, const struct origin *o);
bool row_take_origin(str *in, struct origin *ret);

struct row_copy {
	uint32_t mailbox, uid;
};
struct row_copy row_copy_at(str copies, size_t i);
/* Copies stand in a row in ascending order, each once, so that it does not depend on which was told first: adds one to such a list where it belongs.
 * False: it is there. */
bool row_add_copy(struct buf *b, struct row_copy c);

/* Values that may be longer than a row: cut in parts, the first under the key itself and with the length of all. */
enum fault parts_put(struct index_txn *t, const struct key *k, str value,
	size_t old_parts); /* how many there were, 0: none */
enum fault parts_get(struct index_txn *t, struct arena *a, const struct key *k, str *ret, size_t *ret_parts);
enum fault parts_remove(struct index_txn *t, const struct key *k, size_t parts);
/* The same when the first part has been read already, by a walk. */
enum fault parts_join(
	struct index_txn *t, struct arena *a, const struct key *k, str first, str *ret, size_t *ret_parts);

/* ---- chunks: the messages of a mailbox, packed ---- */

enum { ENTRY_BYTES = 44, CHUNK_HEAD = 8, CHUNK_ENTRIES = 45 };

/* A chunk taken out of the index to be changed. */
struct chunk {
	uint32_t
		first; /* in its key: no uid in it is lower, none of the chunk before it is higher or the same */
	uint32_t n;
	char entries[CHUNK_ENTRIES * ENTRY_BYTES];
};
void key_of_chunk(struct key *k, uint32_t account, uint32_t mailbox, uint32_t first);
/* Views into a value; n = 0 when it is not a chunk. */
uint32_t chunk_count(str value);
uint64_t chunk_modseq(str value); /* the highest of its entries */
void chunk_entry(str value, uint32_t i, struct store_entry *ret);
uint32_t chunk_uid(str value, uint32_t i);
uint32_t chunk_find(str value, uint32_t uid); /* index of the first entry with a uid >= uid; n: none */

bool chunk_load(struct chunk *c, uint32_t first, str value);
void chunk_store(const struct chunk *c, struct buf *b);
void chunk_get(const struct chunk *c, uint32_t i, struct store_entry *ret);
void chunk_set(struct chunk *c, uint32_t i, const struct store_entry *e);
void chunk_insert(struct chunk *c, uint32_t i, const struct store_entry *e); /* n < CHUNK_ENTRIES */
void chunk_remove(struct chunk *c, uint32_t i);
uint32_t chunk_lower_bound(const struct chunk *c, uint32_t uid); /* as chunk_find */

#endif
