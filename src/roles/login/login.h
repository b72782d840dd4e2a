/* roles/login/login.h - POP3 before login: strangers' bytes, where there is no mail, no key and no password
 * TLS and the AUTHORIZATION state of RFC 1939: CAPA, STLS, USER and PASS, AUTH, UTF8, QUIT. Who somebody is, vault says, and it says it to the session
 * role itself; then login hands the connection over. In the clear that is the socket; under TLS it is one end of a socket pair, and login goes on
 * carrying bytes between the other end and the client. Between commands a session is its struct; a relay without traffic is two. */
#ifndef ROLES_LOGIN_LOGIN_H
#define ROLES_LOGIN_LOGIN_H

#include "roles/auth.h"
#include "roles/role.h"
#include "rt/sock.h"
#include "rt/tls.h"
#include "wire/pop3.h"

enum {
	LOGIN_ERRORS = 10,        /* bad commands before the connection is closed */
	LOGIN_FAILURES = 5,       /* wrong passwords before it is */
	LOGIN_TOKEN = 16,         /* bytes that name a session between roles */
	LOGIN_LAST_WORD_MS = 1000 /* how long a client may take to hear why it is sent away */
};

struct login_service {
	const char *name; /* "pop3", "pop3s" */
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
	struct chan vault, sessions;
	struct tls_server *tls;
	struct login_door *doors;
	size_t door_count;
	struct link list; /* of sessions */
	int64_t timeout_ms, relay_timeout_ms, rate_window_ms;
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
	char *user;                /* USER said it; NULL */
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

/* commands.c: faults are told to the client, but for those that end the connection. */
enum fault login_command_run(struct login_session *s, const struct pop3_command *c);

/* logging_in.c: PASS and AUTH. They wait. When OK the connection has been handed over. */
enum fault login_password(struct login_session *s, str password);
enum fault login_auth(struct login_session *s, str args);

/* relay.c: carries plaintext between the TLS client and `inner` until one of them ends; then the session ends, too. */
enum fault login_relay_new(struct login_session *s, int inner); /* takes inner over, also on a fault */
void login_relay_run(void *relay); /* in a fiber; the session may be gone when it returns */

#endif
