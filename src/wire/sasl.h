/* wire/sasl.h - SASL exchanges, the server's side of the grammar
 * PLAIN (RFC 4616), LOGIN, SCRAM-SHA-1, SCRAM-SHA-256 and their -PLUS forms (RFC 5802, 7677, 9266 tls-exporter, 5929
 * tls-server-end-point). It runs where strangers' bytes are parsed and knows no secret: what needs one is asked of `vault` in
 * fixed fields. Pure: bytes in, next move out. Strings are SASLprep'd by people/ when a password is compared (RFC 4013).
 * The client's side is wire/sasl_client.h. */
#ifndef WIRE_SASL_H
#define WIRE_SASL_H

#include "base/arena.h"
#include "base/fault.h"

enum sasl_mech {
	SASL_NONE,
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_SCRAM_SHA_1,
	SASL_SCRAM_SHA_1_PLUS,
	SASL_SCRAM_SHA_256,
	SASL_SCRAM_SHA_256_PLUS,
	SASL_EXTERNAL,    /* RFC 4422 appendix A: the certificate says who it is */
	SASL_OAUTHBEARER, /* these are only of the client's side so far */
	SASL_XOAUTH2
};
enum sasl_mech sasl_mech_of(str name); /* without case; SASL_NONE: unknown */
const char *sasl_mech_name(enum sasl_mech m);
bool sasl_mech_is_plain_text(enum sasl_mech m); /* the password travels: only under TLS */
bool sasl_mech_is_plus(enum sasl_mech m);       /* binds to the TLS channel */
size_t sasl_mech_proof_size(enum sasl_mech m);  /* octets of a SCRAM proof: 20 or 32; 0 for the others */

/* Most octets: of one response, decoded; of a user's name. */
enum { SASL_RESPONSE = 4096, SASL_USER = 320 };

/* What the connection can bind to. Empty: not available. */
struct sasl_binding {
	str exporter;  /* tls-exporter, 32 bytes */
	str end_point; /* tls-server-end-point */
};

enum sasl_move {
	SASL_SEND,         /* send the challenge (decoded bytes), feed the answer */
	SASL_ASK_PASSWORD, /* ask vault about user + password, then sasl_told */
	SASL_ASK_SALT,     /* ask vault for user's SCRAM salt and iterations, then sasl_told_salt */
	SASL_ASK_EXTERNAL, /* ask whether the certificate lets the client be user ("": whoever the certificate names), then sasl_told */
	SASL_ASK_PROOF, /* ask vault whether proof fits auth_message, then sasl_told_proof */
	SASL_DONE,      /* the client is `user` */
	SASL_FAILED     /* fault says how */
};
struct sasl {
	enum sasl_mech mech;
	int step;
	struct arena *arena; /* of the exchange; wiped by the caller */
	struct sasl_binding binding;
	str user, password; /* password: PLAIN and LOGIN */
	str challenge;      /* to send, decoded */
	str auth_message;   /* SCRAM: what proof and signature are made over */
	str proof;          /* 20 or 32 bytes */
	enum fault fault;
	/* inside */
	str client_first_bare, gs2_header, nonce, server_first;
	str channel; /* the binding's bytes the client chose; empty for none */
	bool plus_offered;
};

/* Begins. plus_offered: were -PLUS mechanisms advertised (downgrade check: gs2 flag "y" is refused then). nonce: 18+ random bytes, base64 printable. has_initial: the
 * command carried an initial response ("" is an empty one). The binding's strings and the nonce live as long as the exchange; the initial
 * response and the later ones only during the call.
 * Faults of SASL_FAILED: AUTH_FAILED (malformed, too long, wrong), NOT_PERMITTED (to act as somebody else), BAD_MECHANISM. */
enum sasl_move sasl_start(struct sasl *s, struct arena *a, enum sasl_mech mech,
	const struct sasl_binding *binding, bool plus_offered, str nonce, bool has_initial, str initial);
/* The client's next response, base64 already decoded. */
enum sasl_move sasl_step(struct sasl *s, str response);
/* Vault's answers. A wrong password or proof: the fault AUTH_FAILED; others are passed on as they are. sasl_told also ends an exchange that
 * waits for a salt or a proof, when vault cannot give one (a verdict other than OK). */
enum sasl_move sasl_told(struct sasl *s, enum fault verdict);
enum sasl_move sasl_told_salt(struct sasl *s, str salt, uint32_t iterations);
enum sasl_move sasl_told_proof(struct sasl *s, enum fault verdict, str server_signature);
/* After SASL_SEND of a final challenge the client's empty response ends it: SASL_DONE (PLAIN is done at once). */

/* Overwrites the password and the proof in the arena; the exchange is over. */
void sasl_wipe(struct sasl *s);

#endif
