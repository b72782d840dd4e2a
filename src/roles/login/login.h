/* roles/login/login.h - POP3 and IMAP before login: strangers' bytes, where there is no mail, no key and no password
 * TLS and what may be said before it is known who speaks: RFC 1939's AUTHORIZATION state (pop3.c), RFC 9051's not authenticated state (imap.c). The
 * rest is the same for both. Who somebody is, vault says, and it says it to the session role itself; then login hands the connection over. In the clear that is the socket; under TLS it is one end of a socket pair, and login goes on
 * carrying bytes between the other end and the client. Between commands a session is its struct; a relay without traffic is two. */
#ifndef ROLES_LOGIN_LOGIN_H
#define ROLES_LOGIN_LOGIN_H

#include "roles/auth.h"
#include "roles/role.h"
#include "rt/sock.h"
#include "rt/tls.h"

enum {
	LOGIN_ERRORS = 10,        /* bad commands before the connection is closed */
	LOGIN_FAILURES = 5,       /* wrong passwords before it is */
	LOGIN_TOKEN = 16,         /* bytes that name a session between roles */
	LOGIN_LAST_WORD_MS = 1000 /* how long a client may take to hear why it is sent away */
};

struct login_session;
/* What is particular to a protocol. */
struct login_protocol {
	const char *alpn;
	unsigned service; /* the session role: TALK_POP3, TALK_IMAP */
	size_t line;      /* octets of a line, at most */
	void (*greet)(struct login_session *s);
	/* One line and what belongs to it. Waits. A fault is told to the client with `tell`, unless it ends the connection. */
	enum fault (*run)(struct login_session *s, str line);
	void (*tell)(struct login_session *s, enum fault f);
	/* The last word before the connection ends. */
	void (*cut)(struct login_session *s, enum fault f);
};
extern const struct login_protocol login_pop3, login_imap;
enum { LOGIN_PROTOCOLS = 2 };

struct login_service {
	const char *name; /* "pop3", "imaps" ... */
	const struct login_protocol *protocol;
	bool implicit_tls;
};
struct login_door { /* a listening socket */
	struct watch watch;
	struct timer timer; /* looks again when there were no descriptors left */
	const struct login_service *service;
	struct login *login;
};
struct login {
	struct role *role;
	struct chan vault;
	struct login_side { /* of one protocol */
		const struct login_protocol *protocol;
		struct chan sessions;
		struct tls_server *tls;
		int64_t relay_timeout_ms;
	} sides[LOGIN_PROTOCOLS];
	struct login_door *doors;
	size_t door_count;
	struct link list; /* of sessions */
	int64_t timeout_ms, rate_window_ms;
	uint32_t most_connections, most_sessions;
	uint32_t id_salt, next_id;
};

struct login_relay;
struct login_session {
	struct stream stream; /* the client */
	struct link link;
	struct login *login;
	const struct login_service *service;
	struct login_relay *relay; /* logged in, under TLS */
	char *user;                /* POP3: USER said it; NULL */
	char *tag;                 /* IMAP: of the command at hand; NULL */
	struct peer peer;
	uint32_t id;
	int64_t due_ms; /* by when it must have logged in */
	uint8_t errors, failures;
	bool counted, utf8, parked, closing, handed_over;
};

/* login_role.c: all of the role but its jail and its loop. Reads certificates; faults have been logged. */
enum fault login_open(struct role *r, struct login **ret);
void login_close(struct login *l); /* calm with NULL; sessions must have ended, or the process ends */

/* session.c */
void login_session_accept(struct login_door *door, int fd, const struct peer *peer);
void login_session_drain(struct login_session *s); /* says goodbye to a client that has not logged in */
void login_session_end(struct login_session *s);
struct log login_log(const struct login_session *s, char id[20]);
bool login_is_tls(const struct login_session *s);
bool login_ends_connection(enum fault f);

struct login_side *login_side(const struct login_session *s);
/* STARTTLS and STLS: `answer` goes out in the clear, then the handshake. Waits. What came in the clear behind the command was put there by somebody else
 * than the client (CVE-2011-0411): the connection ends. */
enum fault login_start_tls(struct login_session *s, str answer);

/* logging_in.c: by password, and by SASL (args: mechanism [initial response]). They wait. When OK the connection has been handed over. The
 * password is wiped. word: what the log calls it. */
enum fault login_password(struct login_session *s, str user, str password, const char *word);
enum fault login_auth(struct login_session *s, str args);
/* May passwords be taken now? And which mechanisms are offered, each with something before and after it. */
bool login_may(const struct login_session *s);
void login_mechs_add(struct buf *b, const struct login_session *s, str before, str after);

/* relay.c: carries plaintext between the TLS client and `inner` until one of them ends; then the session ends, too. */
enum fault login_relay_new(struct login_session *s, int inner); /* takes inner over, also on a fault */
void login_relay_run(void *relay); /* in a fiber; the session may be gone when it returns */

#endif
