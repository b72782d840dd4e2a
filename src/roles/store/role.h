/* roles/store/role.h - the only writer: requests in, one batch an iteration, answers out
 * Requests apply to the store as they come; before the loop sleeps one flush makes them durable and their answers go. Whoever comes
 * meanwhile is the next batch: nobody waits longer than one flush for company, and one flush serves all. */
#ifndef ROLES_STORE_ROLE_H
#define ROLES_STORE_ROLE_H

#include "roles/role.h"
#include "rt/pool.h"
#include "store/store.h"

enum { STORE_PEERS = 64 };

/* A channel's other end: another role, or an administrator's command line. */
struct store_peer {
	struct chan chan;
	unsigned kind; /* TALK_*; 0: free */
	uint32_t number;
	struct storekeeper *role;
	struct link link; /* of administrators */
	bool gone;        /* an administrator's: free it after the batch */
	struct link larges;
	/* what main.cf says about addresses (talk policy), in this peer's words */
	struct arena policy_arena;
	str delimiter, myhostname, postmaster;
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
	size_t company, turns; /* of the batch that gathers: answers seen at the last turn, turns given */
	struct arena scratch;  /* of one request */
};

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
store_handler store_on_policy, store_on_rcpt, store_on_accept, store_on_large_new, store_on_large_add,
	store_on_large_drop, store_on_apply, store_on_expunge, store_on_flags;
void store_drop_larges(struct store_peer *p);
/* people.c */
store_handler store_on_secret, store_on_domain_put, store_on_domain_remove, store_on_account_put,
	store_on_account_remove, store_on_alias, store_on_stats;
/* resolve.c: the accounts behind an address, as a list of talk rcpt in ret_rcpts. */
enum fault store_resolve(
	struct storekeeper *s, struct store_peer *p, const struct talk_rcpt_ask *ask, struct buf *ret_rcpts);

#endif
