/* roles/store/role.h - the only writer: requests in, one batch an iteration, answers out
 * Requests apply to the store as they come; before the loop sleeps one flush makes them durable and their answers go. Whoever comes
 * meanwhile is the next batch: nobody waits longer than one flush for company, and one flush serves all. */
#ifndef ROLES_STORE_ROLE_H
#define ROLES_STORE_ROLE_H

#include "base/table.h"
#include "roles/role.h"
#include "rt/pool.h"
#include "store/store.h"

enum {
	STORE_PEERS = 64,
	STORE_WATCHES = 100000 /* mailboxes one process may watch */
};

/* A channel's other end: another role, or an administrator's command line. */
struct store_peer {
	struct chan chan;
	unsigned kind; /* TALK_*; 0: free */
	uint32_t number;
	struct storekeeper *role;
	struct link link; /* of administrators */
	bool gone;        /* an administrator's: free it after the batch */
	unsigned busy;    /* fibers that will answer it */
	struct link larges;
	struct link watchers; /* of the mailboxes it wants to hear about */
	size_t watches;
};

/* An answer that waits for the flush. */
struct store_answer {
	struct store_peer *peer;
	uint16_t type;
	uint32_t id;
	uint32_t at, n; /* in answers.bytes */
};

struct storekeeper {
	struct role *role;
	struct store *store;
	struct pool *pool;
	struct hook hook;
	struct timer commit_timer, upkeep_timer;
	bool commit_now;
	struct store_peer peers[STORE_PEERS];
	struct link admins;
	struct watch control;
	struct store_answer *answers;
	size_t answer_count, answer_room;
	struct buf answer_bytes;
	struct store_answer *appliers; /* who waits for a commit */
	size_t applier_count, applier_room;
	uint64_t next_large;
	struct table topics;   /* mailboxes that are watched */
	struct link owed;      /* watchers who are to be told */
	size_t company, turns; /* of the batch that gathers: answers seen at the last turn, turns given */
	struct arena scratch;  /* of one request */
};

/* The role without its jail and its loop; NULL: the store cannot be opened (logged). */
struct storekeeper *storekeeper_new(struct role *r);
void storekeeper_free(struct storekeeper *s); /* flushes; channels must not be used afterwards */

/* A list of talk range, as uids of the arena `scratch`. */
bool store_read_ranges(struct storekeeper *s, str list, struct uid_range **ret, size_t *ret_n);

typedef void store_handler(struct storekeeper *s, struct store_peer *p, struct frame *f);

/* Answers after the flush with these bytes, or, when the batch fails, with the fault in the same message's form. */
void store_answer_later(struct storekeeper *s, struct store_peer *p, const struct frame *f, str payload);

#define STORE_ANSWER(s, p, f, message, ...)                                                                  \
	do {                                                                                                 \
		struct talk_##message answer_ = __VA_ARGS__;                                                 \
		struct buf bytes_ = { 0 };                                                                   \
		talk_put_##message(&bytes_, &answer_);                                                       \
		store_answer_later((s), (p), (f), buf_str(&bytes_));                                         \
		buf_done(&bytes_);                                                                           \
	} while (0)

/* mail.c */
store_handler store_on_names, store_on_accept, store_on_large_new, store_on_large_add, store_on_large_drop,
	store_on_apply, store_on_expunge, store_on_flags, store_on_append, store_on_mailbox_make,
	store_on_keyword;
void store_drop_larges(struct store_peer *p);
/* imap.c */
store_handler store_on_flag_ask, store_on_copy_ask, store_on_mailbox_rename, store_on_mailbox_delete,
	store_on_mailbox_subscribe;
/* people.c */
store_handler store_on_secret, store_on_domain_put, store_on_domain_remove, store_on_account_put,
	store_on_account_remove, store_on_alias, store_on_stats;
/* notices.c: who watches which mailbox. */
store_handler store_on_watch, store_on_unwatch;
void store_notices_init(struct storekeeper *s);
void store_notices_done(struct storekeeper *s);
void store_notices_drop(struct store_peer *p);                             /* it has gone */
void store_notices_changed(void *ctx, uint32_t account, uint32_t mailbox); /* store_settings.changed */
void store_notices_send(struct storekeeper *s); /* what is owed, when it can be seen */
/* resolve.c: what is known of the names, as a list of talk fact in ret_facts; whether the writer has never written to `written`. */
enum fault store_look(
	struct storekeeper *s, const struct talk_names_ask *ask, struct buf *ret_facts, bool *ret_first);

#endif
