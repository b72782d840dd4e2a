/* roles/notices.h - a reader hears when a mailbox changes
 * Sessions subscribe to a mailbox; however many do, the process watches it once over its channel to `store`. Each commit that changed it
 * leads to one call of each subscriber, and whoever then begins a view sees the change. The order that misses nothing: subscribe, ask
 * the store to apply, look; from then on look when called. A call may come for what was seen already, and changes may come together.
 * When the store comes back, everything is watched anew and what changed meanwhile leads to calls. Never waits. */
#ifndef ROLES_NOTICES_H
#define ROLES_NOTICES_H

#include "base/list.h"
#include "base/table.h"
#include "roles/role.h"

struct notice {
	enum fault
		fault; /* OK; NOT_FOUND: it has gone, there are no further calls; TOO_BUSY: it cannot be watched, look from time to time */
	uint32_t account, mailbox;
	uint64_t modseq; /* HIGHESTMODSEQ, and how many messages there are */
	uint32_t exists;
};

struct notices {
	struct chan *store;
	struct table topics;
};
struct notice_topic;
struct subscription {
	struct link link;
	struct notice_topic *topic; /* NULL: none */
	/* In the loop: must not wait. May end this subscription and any other, and begin new ones. */
	void (*fn)(struct subscription *s, const struct notice *n);
};

/* The channel is the role's; it may be down. */
void notices_init(struct notices *n, struct loop *loop, struct chan *store);
void notices_done(struct notices *n); /* subscriptions must have ended */

/* *s is the caller's, zeroes but for fn. */
void notices_subscribe(struct notices *n, struct subscription *s, uint32_t account, uint32_t mailbox);
void notices_unsubscribe(struct notices *n, struct subscription *s); /* calm when it is none */

/* To be called after chan_up of the channel. */
void notices_store_up(struct notices *n);
/* For the role's on_frame: a TALK_SAY_notice. False: it breaks the rules (role_bad_frame). */
bool notices_on_frame(struct notices *n, const struct frame *f);

#endif
