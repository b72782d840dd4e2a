/* roles/vault/vault.h - the only process that can say whether a password is right, and that has the private keys
 * It has no network and speaks to smtp and login in fixed fields: is this the password (password_ask), what are the user's salt and iterations
 * (salt_ask), does this proof fit (proof_ask), sign this digest (sign_ask). Each question has a fiber of its own, so that hashing in threads and
 * making guessers wait does not keep the others waiting. RFC 4616, 5802, 7677. */
#ifndef ROLES_VAULT_VAULT_H
#define ROLES_VAULT_VAULT_H

#include "people/guess.h"
#include "people/secret.h"
#include "roles/askers.h"
#include "roles/tls_setup.h"
#include "rt/pool.h"
#include "store/store.h"

enum {
	VAULT_ASKS = 4096,       /* questions under way, at most */
	VAULT_CHECKS = 4,        /* of them, passwords and proofs of one client being checked */
	VAULT_HASHES = 128,      /* password hashes that wait for a thread */
	VAULT_SIGNATURES = 1024, /* RSA signatures that do */
	VAULT_STORE_MS = 5000,   /* how long the store may take to answer */
	VAULT_SALT_MS = 4, /* a salt is told so long after it was asked for, whether the user exists or not */
	CLIENT_KEY = 9     /* bytes of peer_client_key */
};

struct vault {
	struct role *role;
	struct chan store, pop3, imap; /* the last two: who hears whose session it is */
	struct askers askers;
	struct store_reader *reader;
	struct seal_key seal;
	struct tls_key *keys[TLS_CERTS];
	size_t key_count;
	struct pool *pool;    /* password hashes */
	struct pool *signers; /* RSA signatures: they must not queue behind hashes */
	struct guess *guess;
	struct auth_cache *cache;           /* NULL: off */
	str login_domain, domain, hostname; /* complete a bare user name, in this order */
	size_t asks;
	uint16_t checks[1024]; /* under way, by hash of the client */
	struct hash_key checks_key;
	int64_t told_ms; /* when `guessing` was last logged */
	uint64_t untold; /* since then */
};

/* One question being answered, in a fiber. */
struct ask {
	struct vault *vault;
	struct question question;
	struct arena arena;
	str payload; /* in the arena; wiped at the end */
	int64_t begun_ms;
};

/* Somebody who may log in, or not. The strings live in the arena they were found with. */
struct found {
	bool exists, disabled;
	uint32_t id;
	str address, sealed;
	struct secret secret;
};

/* vault.c: the role without its jail and its loop. */
struct vault *vault_new(struct role *r);
/* The private keys and the seal key; drops to mail_owner between the two. Faults have been logged. The caller opens the reader. */
enum fault vault_open_secrets(struct vault *v);
void vault_start_threads(struct vault *v); /* in the jail: a thread that is older than it would be outside */
void vault_free(struct vault *v);

/* find.c: names to accounts. */

/* The name in the one spelling under which guesses are counted and unknown users get their salt: lower case, with a domain. */
str vault_name(struct vault *v, struct arena *a, str user);
/* OK also when there is no such account. AUTH_UNAVAILABLE: the index cannot be read, or the secret cannot be opened. */
enum fault vault_find(struct vault *v, struct arena *a, str user, struct found *ret);
/* Waits until everything that the store has acknowledged can be found. AUTH_UNAVAILABLE. */
enum fault vault_freshen(struct vault *v);

/* judge.c: the answers; each in a fiber, with the question's payload. */
void vault_on_password(struct ask *k);
void vault_on_external(struct ask *k);
void vault_on_salt(struct ask *k);
void vault_on_proof(struct ask *k);
/* sign.c */
void vault_on_sign(struct ask *k);
/* At once, without a fiber, when the key is fast; false: it wants a fiber. */
bool vault_sign_now(struct vault *v, struct chan *c, struct frame *f);

#endif
