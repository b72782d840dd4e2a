/* store/embedded/choice.h - the messages that somebody named by their uids, one by one
 * What was named may be there or not; what is there is read in pieces, and the index may change between them. */
#ifndef STORE_EMBEDDED_CHOICE_H
#define STORE_EMBEDDED_CHOICE_H

#include "store/embedded/engine.h"

struct choice {
	struct store *s;
	uint32_t account, mailbox;
	const struct uid_range *uids;
	size_t n, at;
	uint32_t next; /* the lowest uid not seen yet */
	struct store_entry room[64];
	size_t have, used;
};

/* Ascending, disjoint, no 0. */
bool uids_are_good(const struct uid_range *r, size_t n);
/* In the arena of the call. uids: good, and borrowed. */
struct choice *choice_new(
	struct store *s, uint32_t account, uint32_t mailbox, const struct uid_range *uids, size_t n);
/* The next one that is there, in order. NOT_FOUND: no more. */
enum fault choice_next(struct choice *c, struct store_entry *ret);

/* Ranges that grow at their end; p is the caller's to free. */
struct uid_list {
	struct uid_range *p;
	size_t n, room;
};
void uid_list_add(struct uid_list *l, uint32_t uid);

#endif
