/* roles/handover.h - a session is a connection and the right to an account; they come from two processes, in any order
 * Login hands the connection over (talk handover), vault says whose it is (talk grant); both name it by 16 random bytes. When both have
 * spoken, the session role's `start` is called. Of what waits too long, or is too many, the oldest is forgotten, with a line in the log. Never waits. */
#ifndef ROLES_HANDOVER_H
#define ROLES_HANDOVER_H

#include "base/list.h"
#include "base/table.h"
#include "roles/role.h"

enum {
	HANDOVER_TOKEN = 16,   /* bytes that name a session between roles */
	HANDOVER_INPUT = 65536 /* most octets that come with a connection */
};

struct handovers {
	struct role *role;
	/* A session begins: fd is taken over; the strings are borrowed until it returns. */
	void (*start)(void *ctx, int fd, const struct talk_handover *m, uint32_t account, str address);
	void *ctx;
	/* inside */
	struct table waiting; /* by token */
	struct link list;     /* oldest first */
	struct timer timer;
};

/* The rest is the caller's to set. */
void handovers_init(struct handovers *h, struct role *r);
void handovers_done(struct handovers *h); /* what waits is forgotten */

/* Frames of login and of vault, whose right to say it has been checked. f->fd is taken over. False: the frame breaks the rules. */
bool handovers_on_handover(struct handovers *h, struct frame *f);
bool handovers_on_grant(struct handovers *h, const struct frame *f);

/* Counts the client of a connection that came in the clear and is ours from now on (limits_leave(LIMITS_LOGIN, key) takes it off); one behind TLS
 * stays counted in login. False: not counted. */
bool handover_counts(struct role *r, const struct talk_handover *m, unsigned char ret_key[9]);

#endif
