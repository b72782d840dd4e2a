/* wire/sasl_client.h - SASL exchanges, the client's side
 * PLAIN (RFC 4616), LOGIN, SCRAM-SHA-1, SCRAM-SHA-256 and their -PLUS forms (RFC 5802, 7677), with the user's own password; EXTERNAL (RFC 4422
 * appendix A); OAUTHBEARER (RFC 7628) and XOAUTH2, whose password is a token. Pure:
 * bytes in, next bytes out. SCRAM computes (PBKDF2) for milliseconds, a second at most: where others wait, do it in a thread.
 * User and password should be prepared (RFC 4013). */
#ifndef WIRE_SASL_CLIENT_H
#define WIRE_SASL_CLIENT_H

#include "wire/sasl.h"

struct sasl_client {
	enum sasl_mech mech;
	struct arena *arena;
	str user, password; /* the caller's */
	struct sasl_binding binding;
	bool plus_offered;
	int step;
	/* inside; empty but for SCRAM */
	str gs2_header, client_first_bare, nonce, server_signature;
};

/* The mechanisms of this side, some of which the server's side has not. Names without case; SASL_NONE: unknown. */
enum sasl_mech sasl_client_mech_of(str name);
const char *sasl_client_mech_name(enum sasl_mech m);
bool sasl_client_shows_secret(enum sasl_mech m); /* who listens has it: only under TLS */
bool sasl_client_is_token(enum sasl_mech m);

/* The strongest mechanism in the server's list ("PLAIN LOGIN SCRAM-SHA-256"): SCRAM before the password in the clear, which wants
 * `tls` (an encrypted connection to the right server). Never EXTERNAL or a token's. SASL_NONE: none will do. *ret_plus_offered: the list has -PLUS forms. */
enum sasl_mech sasl_client_choose(
	str offered, bool tls, const struct sasl_binding *binding, bool *ret_plus_offered);

/* Begins. User, password, the binding's strings and the nonce (18 random bytes or more, in base64: RFC 5802 5.1) live as long as the
 * exchange. *ret_initial: the initial response, from the arena; *ret_has_initial false: LOGIN, which waits for the server.
 * Faults: BAD_MECHANISM (unknown, or -PLUS without a binding), BAD_ARGUMENT (a NUL in user or password, no user). */
enum fault sasl_client_start(struct sasl_client *c, struct arena *a, enum sasl_mech mech, str user,
	str password, const struct sasl_binding *binding, bool plus_offered, str nonce, bool *ret_has_initial,
	str *ret_initial);

/* The answer to a challenge, both decoded. Faults: MALFORMED (not this mechanism's grammar, a nonce that is not ours, too few or too
 * many iterations), AUTH_FAILED (the server does not know the password: its signature is wrong, or it says so). */
enum fault sasl_client_step(struct sasl_client *c, str challenge, str *ret_response);

/* The server said that we are in. Is that to be believed? AUTH_FAILED: it has not shown its signature (SCRAM). */
enum fault sasl_client_finish(const struct sasl_client *c);

#endif
