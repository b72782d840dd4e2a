/* roles/role.h - what every role has in common
 * A role is one process (under test: one of several in a process) with one loop. master forks it; it opens what it needs, closes itself in with
 * role_ready, and runs its loop until it is drained. It speaks to master and to its peers through channels; when a peer is restarted,
 * master sends the end of a new channel and on_peer puts it in place of the old one. */
#ifndef ROLES_ROLE_H
#define ROLES_ROLE_H

#include "base/log.h"
#include "conf/conf.h"
#include "rt/chan.h"
#include "rt/jail.h"
#include "rt/loop.h"
#include "talk/talk.h"

struct limits;

struct role_listener {
	int fd;
	const char *service; /* "smtp", "submission", "submissions", "lmtp", "pop3", "pop3s", "control" */
};
struct role {
	unsigned kind;   /* TALK_SMTP ... */
	uint32_t number; /* of several of a kind, from 0 */
	unsigned column; /* of the shared limits: unique among all processes */
	const struct conf
		*conf; /* its lookup tables get new content when a file changes, by a frame of master's */
	struct loop *loop;
	struct log_sink sink;
	struct log log;
	struct chan master;
	struct limits *limits; /* shared by all roles */
	str ticket_keys;       /* 80 random bytes, the same in all roles: TLS resumption */
	const struct role_listener *listeners;
	size_t listener_count;
	const char *state_dir;
	bool dropped, draining;
	int64_t drain_by_ms; /* loop time */
	uint32_t
		sessions; /* kept by the role; when draining and 0, the loop is stopped (role_session_ended) */
	int status;       /* exit status */
	struct hook hook;
	struct timer drain_timer;

	/* set by the role's main before role_ready */
	void *own;
	void (*on_peer)(struct role *r, unsigned kind, uint32_t number, int fd); /* takes fd over */
	void (*on_drain)(struct role *r);                                        /* stop accepting */
};

/* Becomes mail_owner, where the server was started by root; calm when done already. Before files of state_directory are opened; after those that
 * only root may read (keys, certificates). */
enum fault role_drop(struct role *r);
/* Tells master that the role serves, after having dropped and closed it in. From here on no file can be opened but what the jail permits. */
enum fault role_ready(struct role *r, const struct jail *jail);
void role_session_began(struct role *r);
void role_session_ended(struct role *r);
/* Runs until drained or stopped; the exit status. */
int role_loop(struct role *r);
/* Ends the role's loop after this iteration. */
void role_stop(struct role *r, int status);

/* Each role's main: sets up, role_ready, role_loop, cleans up. Returns the exit status (sysexits). */
int store_role(struct role *r);
int vault_role(struct role *r);
int smtp_role(struct role *r);
int login_role(struct role *r);
int pop3_role(struct role *r);
int imap_role(struct role *r);

/* What to do with a frame that breaks the rules of talk/: log it and take the channel down. */
void role_bad_frame(struct role *r, struct chan *c, const struct frame *f, const char *why);
/* Checks that `from` may say it; false: bad frame, dealt with. */
bool role_check_frame(struct role *r, struct chan *c, const struct frame *f, unsigned from);

/* Answers a question with a message: ROLE_ANSWER(c, f, done, { .fault = OK }). */
#define ROLE_ANSWER(c, f, message, ...)                                                                      \
	do {                                                                                                 \
		struct talk_##message answer_ = __VA_ARGS__;                                                 \
		struct buf bytes_ = { 0 };                                                                   \
		talk_put_##message(&bytes_, &answer_);                                                       \
		chan_send((c), (f)->type, (f)->id, buf_str(&bytes_), -1);                                    \
		buf_done(&bytes_);                                                                           \
	} while (0)

#endif
