/* roles/smtp/smtp.h - the server's side of SMTP: MTA on 25, MSA on 587 and 465
 * A session is parked between commands: then it is this struct and nothing else. When its socket is readable it borrows a fiber,
 * works through the commands that have come, flushes the replies and is parked again. What belongs to one message lives
 * in a struct txn from MAIL to the end of data. RFC 5321, 6409; names in the comments of the commands. */
#ifndef ROLES_SMTP_SMTP_H
#define ROLES_SMTP_SMTP_H

#include "base/table.h"
#include "mail/email.h"
#include "roles/role.h"
#include "rt/sock.h"
#include "rt/stream.h"
#include "rt/tls.h"
#include "wire/sasl.h"
#include "wire/smtp.h"

enum { SMTP_LARGE = 256 * 1024, SMTP_PIECE = 128 * 1024, SMTP_SPARE_BUILDERS = 8 };

/* A listener's view of main.cf, looked up once. */
struct smtp_service {
	const char *name;
	bool submission, implicit_tls;
	str hostname, banner;
	bool helo_required, no_vrfy, strict, utf8, auth, tls_auth_only, tls_header, no_early_pipelining;
	int bare_newline, tls_level, tls_loglevel; /* index of the word in params.def */
	uint64_t size_limit, header_limit, hop_limit, line_limit, rcpt_limit;
	int64_t timeout_ms, starttls_timeout_ms, error_sleep_ms;
	uint64_t least_rate, soft_errors, hard_errors, junk_limit;
	uint32_t most_connections, connection_rate, message_rate;
	const str *forbidden, *discarded;
	size_t forbidden_count, discarded_count;
};
enum { BARE_NO, BARE_NOTE, BARE_NORMALIZE, BARE_YES, BARE_REJECT }; /* smtpd_forbid_bare_newline */
enum { TLS_NONE, TLS_MAY, TLS_ENCRYPT };                            /* smtpd_tls_security_level */

struct smtp_door { /* a listening socket */
	struct watch watch;
	struct timer timer; /* while it rests */
	const struct smtp_service *service;
	struct smtp_role *role;
};
struct smtp_role {
	struct role *role;
	struct chan store, vault;
	struct tls_server *tls;
	struct smtp_service services[3];
	struct smtp_door *doors;
	size_t door_count;
	enum sasl_mech mechs[8];
	size_t mech_count;
	int64_t rate_window_ms;
	struct link sessions;
	uint64_t next_session;
	uint32_t id_salt;
	struct hash_key table_key;
	struct email_builder *spare[SMTP_SPARE_BUILDERS];
	size_t spare_count;
};

/* What belongs to one message. */
struct txn {
	struct arena arena;
	struct smtp_mail mail; /* its strings live in the arena */
	str sender;            /* as written in Return-Path: local@domain or "" */
	struct talk_rcpt *rcpts;
	size_t rcpt_count, rcpt_room;
	uint64_t named;    /* recipients the client has named and we have taken */
	str first_named;   /* for Received, when it is the only one */
	struct table seen; /* "account mailbox" already among rcpts */
};

/* In which states a command may be said. */
enum { SMTP_FRESH = 1, SMTP_GREETED = 2, SMTP_IN_MAIL = 4, SMTP_HAS_RCPT = 8 };

struct smtp_session {
	struct stream stream;
	struct link link;
	struct smtp_role *smtp;
	const struct smtp_service *service;
	struct log log;
	struct peer peer;
	unsigned char client[9];
	char id[20];
	uint8_t state; /* one of SMTP_FRESH ... */
	bool esmtp, counted, trusted, closing, parked;
	uint32_t errors, junk, messages;
	char *helo;       /* NULL: not said */
	uint32_t account; /* 0: not authenticated */
	char *user;       /* address of the account */
	enum sasl_mech mech;
	struct txn *txn;
};

/* session.c */
void smtp_session_accept(struct smtp_door *door, int fd, const struct peer *peer);
void smtp_session_drain(struct smtp_session
		*s); /* the server goes down: says so to a client that is not in a message, and closes */
void smtp_say(struct smtp_session *s, enum smtp_reply r, str more);
void smtp_refuse(struct smtp_session *s, enum fault f, str more); /* counts as an error */
bool smtp_is_tls(const struct smtp_session *s);
enum fault smtp_flush(struct smtp_session *s);
void smtp_forget_mail(struct smtp_session *s);
int64_t smtp_due(const struct smtp_session *s); /* the deadline of the next wait */

/* commands.c: a fault that says the connection is over (CLOSED, TIMED_OUT, CANCELLED) ends the session; every other one is told and the dialogue goes on. */
enum fault smtp_command_run(struct smtp_session *s, const struct smtp_command *c);
/* envelope.c */
enum fault smtp_cmd_mail(struct smtp_session *s, str args);
enum fault smtp_cmd_rcpt(struct smtp_session *s, str args);
/* data.c */
enum fault smtp_cmd_data(struct smtp_session *s, str args);
/* auth.c */
enum fault smtp_cmd_auth(struct smtp_session *s, str args);
bool smtp_may_auth(const struct smtp_session *s, enum sasl_mech m); /* may it be offered now? */
/* trace.c: the header lines we put before a message. RFC 5321 4.4, RFC 3848. */
void smtp_add_received(struct smtp_session *s, struct buf *b, str id, int64_t wall_ms);

#endif
