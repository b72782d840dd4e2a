/* store/embedded/effect.h - what the records of the log mean
 * A record is an effect: what became of something (this uid, this modseq, these flags), never a command, so that reading the log
 * again gives the same store. Each states the whole of what it speaks of as of its LSN; of two that speak of the same, the later counts
 * (of two about one message copy's flags, the one with the higher modseq), and a "gone" ends whatever came before it.
 * Decoding is bounded by the bytes given and total: MALFORMED for whatever is not exactly an effect. Pure. */
#ifndef STORE_EMBEDDED_EFFECT_H
#define STORE_EMBEDDED_EFFECT_H

#include "base/arena.h"
#include "base/fault.h"
#include "store/embedded/record.h"
#include "store/store.h"

enum { LOG_FORMAT = 1 };

struct effect_segment {
	uint32_t format, number;
	struct hash_key id;    /* the store's identity */
	uint64_t first_lsn;    /* its own */
	uint64_t durable_lsn;  /* known to be on disk when this was written */
	uint32_t next_account; /* ids below these may have been used by records that are gone */
	uint64_t next_body;
};
struct effect_batch {
	uint64_t durable_lsn;
	int64_t wall_ms;
	uint64_t bytes; /* of the records that follow, in this segment */
	uint32_t count;
};

/* A message in one mailbox. */
struct effect_copy {
	uint32_t mailbox, uid, flags;
	uint64_t modseq, keywords;
	int64_t saved_ms;
};
/* A message in one account. */
struct effect_email {
	uint32_t account;
	uint64_t email, thread;
	uint64_t created; /* modseq of its arrival */
	str prefix;
	const uint64_t *keys; /* message ids that lead to the thread since it came */
	size_t key_count;
	struct effect_copy *copies;
	size_t copy_count;
};
struct effect_message {
	int64_t received_ms, sent_ms;
	bool dot_lines;
	uint64_t large;               /* id in body/, or 0: the record's body */
	uint64_t body_size, body_sum; /* of the large body */
	str row;
	struct effect_email *emails;
	size_t email_count;
};

/* Emails of an account that are in one more mailbox each. An email that is not there (any more) is in none, and only the mailbox's numbers count:
 * a message that was written again states all of its copies itself. */
struct effect_more {
	uint64_t email;
	struct effect_copy copy;
};
struct effect_copies {
	uint32_t account;
	struct effect_more *items;
	size_t item_count;
};

/* The uids of a range that are there have these flags now. */
struct effect_run {
	struct uid_range uids;
	uint32_t flags;
	uint64_t keywords;
};
struct effect_flags {
	uint32_t account, mailbox;
	uint64_t modseq;
	struct effect_run *runs; /* ascending */
	size_t run_count;
};
struct effect_expunge {
	uint32_t account, mailbox;
	uint64_t modseq;
	int64_t at_ms;
	struct uid_range *uids; /* ascending */
	size_t uid_count;
};
struct effect_account {
	uint32_t id;
	str address, secret;
	uint64_t quota_bytes;
	bool disabled;
	int64_t created_ms;
	uint32_t inbox, inbox_uidvalidity; /* it is made with the account */
	/* numbers below these may have been used by records that are gone */
	uint32_t next_mailbox, uidvalidity;
	uint64_t next_email, modseq;
};
struct effect_mailbox {
	uint32_t account, id, uidvalidity, uidnext;
	uint64_t modseq, chg_floor;
	str name;
	enum store_role role;
	bool subscribed;
};
struct effect_alias {
	str address;
	str *targets;
	size_t target_count;
};
struct effect_note {
	str name, value;
};
struct effect_gone { /* mailbox 0: the account */
	uint32_t account, mailbox;
	uint64_t modseq;
};

struct effect {
	enum record_type type;
	union {
		struct effect_segment segment;
		struct effect_batch batch;
		struct effect_message message;
		struct effect_copies copies;
		struct effect_flags flags;
		struct effect_expunge expunge;
		struct effect_account account;
		struct effect_mailbox mailbox;
		struct effect_alias alias;
		struct effect_note note;
		struct effect_gone gone; /* ACCOUNT_GONE, MAILBOX_GONE */
		str name;                /* DOMAIN, DOMAIN_GONE, ALIAS_GONE, NOTE_GONE */
	};
};

enum {
	SEGMENT_PAYLOAD = 4 + 4 + 16 + 8 + 8 + 4 + 8,
	BATCH_PAYLOAD = 8 + 8 + 8 + 4
}; /* these two are of fixed size */

void effect_encode(struct buf *b, const struct effect *e);
/* Strings are borrowed from rest, lists are the arena's. */
enum fault effect_decode(struct arena *a, enum record_type type, str rest, struct effect *ret);

/* Ascending ranges, not touching; shared with the rows of what vanished. */
void ranges_encode(struct buf *b, const struct uid_range *r, size_t n);
bool ranges_decode(struct arena *a, str *in, struct uid_range **ret, size_t *ret_n);

/* Signed numbers as varints: small ones of either sign stay short. */
bool buf_add_signed(struct buf *b, int64_t v);
bool str_take_signed(str *in, int64_t *ret);

#endif
