/* roles/pop3/pop3.h - POP3 after login: RFC 1939, RFC 2449, RFC 6856
 * A session begins when two have spoken: login hands the connection over (handover), vault says whose it is (grant); both name it by 16 random
 * bytes. It takes the account's lock, waits until all that was acknowledged can be read, and keeps a snapshot of INBOX. Between
 * commands it is parked: its struct and 24 bytes a message. Nothing is changed before QUIT. */
#ifndef ROLES_POP3_POP3_H
#define ROLES_POP3_POP3_H

#include "base/table.h"
#include "roles/askers.h"
#include "roles/handover.h"
#include "roles/reading.h"
#include "rt/sock.h"
#include "rt/stream.h"
#include "wire/pop3.h"

enum {
	POP3_STORE_MS = 30000,   /* how long the store may take to answer */
	POP3_SMALL = 64 * 1024,  /* bodies up to here go with the +OK in one write */
	POP3_PIECE = 128 * 1024, /* larger ones in pieces of this size */
	POP3_ERRORS = 100        /* bad commands in a row before the connection is closed */
};

/* A message of the snapshot. */
struct pop3_entry {
	uint64_t email;
	uint64_t size : 48, deleted : 1, seen : 1 /* already, or told the store */,
		fetched : 1 /* by RETR, not told the store yet */;
	uint32_t uid;
};

struct pop3 {
	struct role *role;
	struct chan store, vault;
	struct askers logins;
	struct handovers handovers;
	struct reading reading;
	struct table locks; /* sessions by account */
	struct link sessions;
	int64_t timeout_ms;
};

struct pop3_session {
	struct stream stream;
	struct link link;
	struct pop3 *pop3;
	struct log log;
	char id[24];
	char *client, *address;
	unsigned char client_key[9];
	bool counted, tls, locked, closing;
	uint8_t errors;
	uint32_t account, mailbox, uidvalidity;
	struct pop3_entry *entries;
	uint32_t count, deleted, fetched; /* fetched: entries whose \Seen the store has not been told */
	uint32_t retrieved, expunged;
	uint64_t deleted_bytes, bytes; /* bytes: of all entries */
};

/* pop3_role.c: the role without its jail and its loop; the caller opens the reader. */
struct pop3 *pop3_new(struct role *r);
void pop3_start_threads(struct pop3 *p); /* in the jail: a thread that is older than it would be outside */
void pop3_free(struct pop3 *p);          /* sessions must have ended, or the process ends */

/* session.c */
void pop3_session_start(void *pop3, int fd, const struct talk_handover *m, uint32_t account, str address);

/* commands.c: a fault that ends the connection (CLOSED, TIMED_OUT, CANCELLED) is passed up; others are for the client. */
enum fault pop3_command_run(struct pop3_session *s, const struct pop3_command *c);
bool pop3_ends_connection(enum fault f);
/* The entry of a message number; NOT_FOUND when there is none, or it is deleted. */
enum fault pop3_entry_of(struct pop3_session *s, uint32_t number, struct pop3_entry **ret);

/* Waits for the client to take what is gathered when that is more than a piece. */
enum fault pop3_relieve(struct pop3_session *s);

/* retr.c */
enum fault pop3_retr(struct pop3_session *s, struct pop3_entry *e);
enum fault pop3_top(struct pop3_session *s, const struct pop3_entry *e, uint32_t lines);

/* update.c: what the store is asked for at the end. Wait. */
enum fault pop3_expunge(struct pop3_session *s);
void pop3_save_seen(struct pop3_session *s);

#endif
