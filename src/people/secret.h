/* people/secret.h - what proves a password, and how it is kept
 * A secret is a small record: the verifier (argon2id for new passwords; yescrypt, sha512crypt, bcrypt ... as imported) and SCRAM
 * keys (RFC 5802, 7677). It is stored sealed (AES-256-GCM, key in state_directory/vault/seal.key, address as
 * associated data), so that the log, the index and backups of the mail never hold anything to guess passwords from;
 * only `vault` and the administrator's command line open it. Hashing takes tens of milliseconds: call it in a thread.
 * Passwords are prepared by SASLprep (RFC 4013), NFKC via utf8proc; those that cannot be are used as they are. What
 * is derived from a password on the way is wiped; the password itself is the caller's to wipe. */
#ifndef PEOPLE_SECRET_H
#define PEOPLE_SECRET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

enum {
	SECRET_PASSWORD_MOST = 1024, /* octets of a password */
	SECRET_SEALED_MOST = 1024,   /* octets of a sealed secret */
	SCRAM_ITERATIONS = 10000     /* of new keys; clients compute them at every login */
};

struct scram_keys {
	bool known;
	char salt[16];
	uint32_t iterations;
	char stored[32], server[32]; /* the first 20 bytes for SHA-1 */
};
struct secret {
	str verifier; /* "$argon2id$...", "$6$...", "$y$...", "$2b$...": Dovecot's {SCHEME} prefix is taken off, but for
		       * bare digests, which have no other mark ("{SSHA256}..."). "": only the SCRAM keys are known */
	struct scram_keys sha1, sha256;
};

/* A new one for a password: argon2id verifier (19 MiB, t=2, p=1) and SCRAM keys. noise: 48 random bytes. The result lives in the arena.
 * Faults: BAD_ARGUMENT (empty, longer than SECRET_PASSWORD_MOST, or with a NUL), AUTH_UNAVAILABLE (no memory). */
enum fault secret_new(struct arena *a, str password, const char noise[48], struct secret *ret);
/* From an imported verifier, with or without Dovecot's {SCHEME} prefix (then it must begin with "$"). {PLAIN} and {CLEARTEXT}
 * make a new one, as slow as secret_new; all others are quick. BAD_ARGUMENT: malformed, a scheme that is not supported, or one that
 * would take more than a second or 1 GiB to check (argon2: m <= 1 GiB, t <= 10, p <= 8). */
enum fault secret_import(struct arena *a, str verifier, const char noise[48], struct secret *ret);
bool secret_import_is_slow(str verifier); /* is it a plain password, of which a new secret is made? */
/* Is it the password? Constant-time compare. AUTH_FAILED: no. AUTH_UNAVAILABLE: no memory for it. Slow. A wrong password never takes
 * less time than secret_check_unknown, whatever the scheme. */
enum fault secret_check(const struct secret *s, str password);
/* Derives the SCRAM keys of an imported secret whose password was just proved; true when something changed (store it again). */
bool secret_add_scram(struct secret *s, str password, const char noise[32]);
/* SCRAM: does proof (20 or 32 bytes) fit? *ret_signature (same size) is the server's. Fast. AUTH_FAILED: no, or keys are not known. */
enum fault secret_check_proof(
	const struct scram_keys *k, bool sha256, str auth_message, str proof, char ret_signature[32]);

struct seal_key {
	unsigned char bytes[32];
};
/* noise: 12 random bytes, never the same again. Appends to *ret; the case of the address does not matter.
 * Unsealing: MALFORMED when key, address or bytes do not match; what it gives lives in the arena. */
enum fault secret_seal(
	const struct seal_key *k, str address, const struct secret *s, const char noise[12], struct buf *ret);
enum fault secret_unseal(
	struct arena *a, const struct seal_key *k, str address, str sealed, struct secret *ret);
/* Reads the key file, or makes it (0600, in a folder 0700, durable before it returns) when `make`. Before the jail. Faults: NOT_FOUND,
 * NOT_PERMITTED (others may read it, or we may not), MALFORMED (not a file of 32 bytes), STORE_DOWN (errno says why). */
enum fault seal_key_load(const char *path, bool make, struct seal_key *ret);

/* For a user that does not exist: the same salt at every asking, unlike for every name (in any case), and the usual iterations;
 * and a hash that takes the usual time. A real user's salts for SHA-1 and SHA-256 differ: ask with two names. */
void secret_unknown_salt(const struct seal_key *k, str user, char ret_salt[16], uint32_t *ret_iterations);
enum fault secret_check_unknown(
	str password); /* takes as long as secret_check of a new secret; AUTH_FAILED */

#endif
