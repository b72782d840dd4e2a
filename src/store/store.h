/* store/store.h - the one door to mail, people and their index
 *
 * The log is the truth, LMDB is its index. One process (role `store`) holds the writer; any number of processes hold readers
 * of the same directory. Everything below is called from one thread, blocks on the disk only where it says *flushes*, and
 * never waits for a peer.
 *
 * Writing happens in batches. Each effect function (store_accept, store_put_account, ...) validates against the index as it
 * will be, refuses with a fault, or applies: then the index's open transaction shows it (to store_now and later effects)
 * and its records stand in the batch. store_flush makes the whole batch durable with one write and one flush; only then may the
 * caller answer. If the batch cannot be written, store_flush says so and none of it has happened. store_commit makes what was
 * flushed visible to readers; the role calls it when a reader waits or after a few milliseconds.
 *
 * Ids: account u32, mailbox u32 (unique within the account), uid u32 (RFC 9051 2.3.1.1), email u64 (stable over copies and moves,
 * unique within the account), modseq u64 (per account, so that one number orders all changes of an account), lsn u64 (the number of a
 * record of the log). None is ever 0 or used again. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/log.h"

struct store;
struct store_reader;
struct store_view;

struct store_settings {
	const char *dir;          /* made when missing, mode 0700: log/ body/ index/ inside */
	uint64_t segment_bytes;   /* 0 = 128 MiB */
	uint64_t index_map_bytes; /* 0 = 1 TiB of address space */
	uint64_t
		least_free_bytes; /* accept gives STORE_FULL when the disk has less; expunge may still use it */
	uint64_t most_unfinished_bytes; /* of large bodies being received, all together; 0 = 1 GiB */
	int64_t (*wall_ms)(void);       /* the clock */
	bool read_only;                 /* verify: nothing is written, nothing is repaired */
	/* NULL, or told of each mailbox that an effect touches when it is applied, before its flush; mailbox 0: the whole account. Must not
	 * call back into the store. */
	void (*changed)(void *ctx, uint32_t account, uint32_t mailbox);
	void *changed_ctx;
};

/* Opens, or makes, the store; takes the lock of its directory (TOO_BUSY: another process has it); replays the log from where the
 * index ends; erases a torn tail; reports damage below what was durable and goes on (STORE_CORRUPT only if nothing can be read).
 * Faults: TOO_BUSY, STORE_FULL, STORE_DOWN (logged with errno and path), STORE_CORRUPT. */
enum fault store_open(const struct store_settings *set, const struct log *log, struct store **ret);
void store_close(struct store *s); /* flushes, commits, syncs */

/* ---- batches ---- */

/* One write, one flush. OK: every effect since the last flush survives a power cut. STORE_FULL or STORE_DOWN: the write failed,
 * none of them has happened (the index is rewound), the store goes on. A failed flush ends the process at once, with a log line: what it
 * left behind is judged anew at the next start. OK at once when there is nothing. */
enum fault store_flush(struct store *s);
bool store_has_batch(const struct store *s); /* is there anything to flush? */
/* Makes all flushed effects visible to readers (index commit; flushes unless metasync is off). Implies store_flush. */
enum fault store_commit(struct store *s);
bool store_has_uncommitted(const struct store *s);
/* Of the last flushed and of the last committed record; readers that were promised `acked` wait until applied >= acked. */
uint64_t store_acked_lsn(const struct store *s);
uint64_t store_applied_lsn(const struct store *s);

/* ---- people ---- */

struct store_account {
	uint32_t id;
	str address;          /* canonical: lower-case domain, local part as given; looked up without case */
	uint64_t quota_bytes; /* 0 = none */
	uint64_t used_bytes, used_messages; /* read only */
	uint64_t modseq;                    /* read only: highest of the account */
	bool disabled;
	str secret; /* password verifiers, sealed by people/: opaque here */
	int64_t created_ms;
};
enum fault store_put_domain(struct store *s, str domain);    /* ALREADY_EXISTS */
enum fault store_remove_domain(struct store *s, str domain); /* NOT_FOUND */
/* New accounts (id 0) get an id and a mailbox INBOX; ALREADY_EXISTS by address. With an id, replaces quota, disabled, secret. */
enum fault store_put_account(struct store *s, const struct store_account *a, uint32_t *ret_id);
enum fault store_remove_account(struct store *s, uint32_t account); /* with all its mail */
enum fault store_put_alias(struct store *s, str address, const str *targets, size_t n); /* replaces */
enum fault store_remove_alias(struct store *s, str address);
/* Small values of others, such as the sealed seal-check or a generation number: bytes under a name, below 1 KiB. Empty removes. */
enum fault store_put_note(struct store *s, str name, str value);

/* ---- mail ---- */

enum { /* flags of a message in a mailbox */
	FLAG_SEEN = 1,
	FLAG_ANSWERED = 2,
	FLAG_FLAGGED = 4,
	FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
	STORE_FLAGS = 31 /* all of them */
};
enum {
	STORE_KEYWORDS = 64
}; /* keyword bits of a mailbox entry; more keywords go to an overflow row (with IMAP) */
/* The bit of a keyword in an account; a new name gets the next free one. Names are compared without case. BAD_ARGUMENT: not an atom (RFC 9051 9);
 * TOO_BIG: all are in use. They go with the account. */
enum fault store_put_keyword(struct store *s, uint32_t account, str name, unsigned *ret_bit);

enum store_role { ROLE_NONE, ROLE_INBOX, ROLE_DRAFTS, ROLE_SENT, ROLE_TRASH, ROLE_JUNK, ROLE_ARCHIVE };
struct store_mailbox {
	uint32_t account, id;
	str name; /* UTF-8, '/' between levels; INBOX in upper case */
	enum store_role role;
	bool subscribed;
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;    /* HIGHESTMODSEQ; never 0 */
	uint64_t chg_floor; /* changes are known exactly for modseqs above this */
	uint32_t exists, unseen, deleted;
	uint64_t bytes;
};
enum fault store_create_mailbox(
	struct store *s, uint32_t account, str name, enum store_role role, uint32_t *ret_mailbox);
enum fault store_rename_mailbox(struct store *s, uint32_t account, uint32_t mailbox, str name);
enum fault store_subscribe_mailbox(struct store *s, uint32_t account, uint32_t mailbox, bool subscribed);
enum fault store_delete_mailbox(
	struct store *s, uint32_t account, uint32_t mailbox); /* with its messages; not INBOX */

/* One copy of a message for one mailbox. */
struct store_delivery {
	uint32_t account;
	uint32_t mailbox; /* 0: INBOX */
	uint32_t flags;
	uint64_t keywords;
	str prefix; /* bytes before the common body: Return-Path, Delivered-To ... CRLF lines */
	/* Its recipient was promised the message: where another delivery succeeds, this one does so beyond the quota, to an account disabled meanwhile,
	 * and into INBOX when its mailbox has gone. Alone, it is judged like any other. */
	bool promised;
	/* filled in: */
	enum fault
		verdict; /* OK, OVER_QUOTA, NO_SUCH_MAILBOX, STORE_FULL, MAILBOX_DISABLED, ALREADY_EXISTS */
	uint32_t uid;
	uint64_t email;
	uint64_t modseq;
};
struct store_large;
struct store_message {
	str body;                  /* as stored and served: CRLF line ends; or large */
	struct store_large *large; /* a body received in pieces (synced): its bytes; taken over on success */
	str row;                   /* the email row of mail/email.h: offsets are within body; opaque here */
	int64_t received_ms;       /* INTERNALDATE */
	int64_t sent_ms;           /* Date header, or received_ms */
	/* for threads: keyed hashes of Message-ID, and of References and In-Reply-To; 0 = none */
	uint64_t message_id_key;
	const uint64_t *reference_keys;
	size_t reference_count;
	bool dot_lines; /* some line begins with a dot: POP3 and SMTP must stuff */
	/* 0, or a key by which the message is known: an account that has an email that came with it gives ALREADY_EXISTS. It goes with the email. */
	uint64_t once;
};
/* Verdict per delivery; OK when at least one is OK (else the first one's verdict). The body stands in the log once. */
enum fault store_accept(struct store *s, const struct store_message *m, struct store_delivery *d, size_t n);

struct uid_range {
	uint32_t first, last;
};
enum store_flag_change { FLAGS_ADD, FLAGS_REMOVE, FLAGS_REPLACE };
/* Changes flags of those of the uids that exist; those whose modseq is above unchanged_since are left and listed in *ret_modified (borrowed
 * from the arena). *ret_modseq: what the changed ones have now (0: none changed). */
enum fault store_flag(struct store *s, struct arena *a, uint32_t account, uint32_t mailbox,
	const struct uid_range *uids, size_t n, enum store_flag_change how, uint32_t flags, uint64_t keywords,
	uint64_t unchanged_since, uint64_t *ret_modseq, struct uid_range **ret_modified,
	size_t *ret_modified_n);
/* Removes those of the uids that exist (whatever their flags); *ret_count how many. One record. */
enum fault store_expunge(struct store *s, uint32_t account, uint32_t mailbox, const struct uid_range *uids,
	size_t n, uint32_t *ret_count);

/* Copies those of the uids that exist into a mailbox of the same account (it may be the same one), in their order, flags and keywords with them; with
 * `move` they are gone from where they were, in the same batch. All or none. *ret: old uid and new uid of each, ascending by the old; the arena's.
 * Faults: NOT_FOUND (a mailbox), OVER_QUOTA (not when moving), STORE_FULL. */
struct uid_pair {
	uint32_t from, to;
};
enum fault store_copy(struct store *s, struct arena *a, uint32_t account, uint32_t mailbox,
	const struct uid_range *uids, size_t n, uint32_t to, bool move, struct uid_pair **ret, size_t *ret_n);

/* Bodies too large for a batch: written to an unlinked file of their own as they come. */
enum fault store_large_new(
	struct store *s, struct store_large **ret); /* STORE_FULL: too many unfinished bytes */
enum fault store_large_add(struct store_large *l, str bytes);
enum fault store_large_sync(
	struct store_large *l);               /* flushes; may run in another thread (pool) than the store's */
void store_large_free(struct store_large *l); /* forgets it; calm with NULL */

/* ---- upkeep ---- */

/* Copies live records out of the deadest segment, at most `bytes` of them; true while there is more to do. Effects like any
 * other: flush and commit follow; segments are unlinked only once the index that no longer names them is synced. */
bool store_compact_step(struct store *s, uint64_t bytes);

struct store_stats {
	uint64_t segments, log_bytes, live_bytes, large_bodies, large_bytes;
	uint64_t accounts, mailboxes, messages, index_bytes, acked_lsn, applied_lsn;
	uint64_t flushes, batches, records, commits, replayed, damaged;
};
void store_get_stats(struct store *s, struct store_stats *ret);

/* Tools, on a store that no process has open; report lines go to say(), progress in per mille to tell() (either may be NULL). */
struct store_tool {
	const char *dir;
	void (*say)(void *ctx, const char *line);
	void (*progress)(void *ctx, int per_mille);
	void *ctx;
};
/* Reads every record and every row: sums, cross references, counters; then compares with a rebuild in memory of the log.
 * *ret_findings = 0: whole. */
enum fault store_verify(const struct store_tool *t, uint64_t *ret_findings);
/* Makes the index anew from the log alone, in index.new, then puts it in place of the old one. */
enum fault store_rebuild(const struct store_tool *t);
/* A copy of a store, also one that is in use, into a new directory `to`: sealed segments and bodies by hard link or copy, the last one up to what is durable,
 * the index left out (restore rebuilds it). */
enum fault store_backup(const struct store_tool *t, const char *to);
enum fault store_restore(
	const struct store_tool *t, const char *from); /* into t->dir, which must not hold a store */

/* ---- reading ---- */

/* In another process than the writer's: open before the jail closes (it maps index/ and opens log/ and body/). */
enum fault store_reader_open(const char *dir, const struct log *log, struct store_reader **ret);
/* In the writer's own process (one process may open an index only once): shares its environment; closed before the store is. */
enum fault store_reader_beside(struct store *s, struct store_reader **ret);
void store_reader_close(struct store_reader *r);

/* A snapshot of the index. Held for one command at most, never across network I/O. Everything read from it is borrowed until it ends. */
enum fault store_view_begin(struct store_reader *r, struct store_view **ret);
void store_view_end(struct store_view *v);
/* The writer's own view: the open transaction, effects not flushed yet included. Not to be ended; what is read from it is borrowed until
 * the next effect, flush or commit. */
struct store_view *store_now(struct store *s);

uint64_t view_applied_lsn(struct store_view *v);
/* NOT_FOUND where there is none; STORE_CORRUPT where a row does not decode. */
enum fault view_domain(struct store_view *v, str domain);
enum fault view_account(struct store_view *v, uint32_t id, struct store_account *ret);
enum fault view_account_by_address(struct store_view *v, str address, struct store_account *ret);
enum fault view_alias(struct store_view *v, struct arena *a, str address, str **ret_targets, size_t *ret_n);
enum fault view_note(struct store_view *v, str name, str *ret_value);
/* The name of a keyword bit. */
enum fault view_keyword(struct store_view *v, uint32_t account, unsigned bit, str *ret_name);
/* Has the account an email that came with this key (store_message.once)? OK or NOT_FOUND. */
enum fault view_once(struct store_view *v, uint32_t account, uint64_t key);
/* Walks: *at = 0 (or "") to begin; NOT_FOUND at the end. */
enum fault view_next_domain(struct store_view *v, struct arena *a, str *at);
enum fault view_next_account(struct store_view *v, uint32_t *at, struct store_account *ret);
enum fault view_next_alias(struct store_view *v, struct arena *a, str *at, str **ret_targets, size_t *ret_n);
enum fault view_mailbox(struct store_view *v, uint32_t account, uint32_t id, struct store_mailbox *ret);
enum fault view_mailbox_by_name(struct store_view *v, uint32_t account, str name, struct store_mailbox *ret);
enum fault view_next_mailbox(
	struct store_view *v, uint32_t account, uint32_t *at, struct store_mailbox *ret); /* by id */

/* A message in a mailbox: what its packed chunk says. */
struct store_entry {
	uint32_t uid, flags;
	uint64_t keywords, modseq, email;
	uint64_t size; /* RFC822.SIZE: prefix + body */
	int64_t received_ms, saved_ms;
	bool dot_lines;
};
/* The entries with uid >= from, in order, up to `room` of them; *ret_n = 0 at the end. A sequential scan of packed chunks. */
enum fault view_entries(struct store_view *v, uint32_t account, uint32_t mailbox, uint32_t from,
	struct store_entry *ret, size_t room, size_t *ret_n);

/* Where bytes of a message are. */
struct store_place {
	bool large;      /* body/ID, else segment */
	uint64_t file;   /* segment number or body id */
	uint64_t offset; /* of the body's first byte */
	uint64_t size;   /* of the body */
	uint64_t lsn;    /* of the record that holds or names it */
	uint64_t sum;    /* of a large body */
};
struct store_email {
	uint32_t account;
	uint64_t email, thread;
	int64_t received_ms, sent_ms;
	str prefix; /* goes before the body */
	struct store_place place;
	str row;
	bool dot_lines;
};
enum fault view_email(struct store_view *v, uint32_t account, uint64_t email, struct store_email *ret);
/* Its prefix and row copied into an arena, so that they may be used when the view has ended: store_reader_load wants that. */
void store_email_keep(struct arena *a, struct store_email *e);

/* What happened in a mailbox above a modseq. `changed`: the messages that are there and whose modseq is above it, new ones included;
 * `vanished`: those removed since, exact when since >= chg_floor (else ask which of your uids are still there). Both ascending; the arena's. */
struct store_changes {
	const struct uid_range *changed, *vanished;
	size_t changed_n, vanished_n;
	uint64_t upto; /* ask from here next time: the mailbox's HIGHESTMODSEQ */
	bool exact;
};
enum fault view_changes(struct store_view *v, struct arena *a, uint32_t account, uint32_t mailbox,
	uint64_t since, struct store_changes *ret);

/* The file that holds a body, for pread and sendfile from place.offset on; open until store_reader_release, which each call of this
 * wants once (files are cached behind it). The record's header is checked: STALE when the body has moved (look the email up again),
 * STORE_CORRUPT when it is damaged. Outside any view. */
enum fault store_reader_file(struct store_reader *r, const struct store_email *e, int *ret_fd);
void store_reader_release(struct store_reader *r, int fd);
/* The whole message, prefix and body, for callers that want it in memory; at most `most` bytes (TOO_BIG). Checks the payload's sum. */
enum fault store_reader_load(
	struct store_reader *r, struct arena *a, const struct store_email *e, size_t most, str *ret);

#endif
