/* people/secret.h - what proves a password, and how it is kept
 * A secret is a small record: the verifier (argon2id for new passwords; yescrypt, sha512crypt, bcrypt ... as imported) and SCRAM
 * keys (RFC 5802, 7677). It is stored sealed (AES-256-GCM, key in state_directory/vault/seal.key, address as associated data), so that the log, the index
 * and backups of the mail never hold anything to guess passwords from; only `vault` and the administrator's command line open it. Hashing takes tens of
 * milliseconds: call it in a thread. Passwords are prepared by SASLprep (RFC 4013), NFKC via utf8proc; those that cannot be are used as they are. */
#ifndef PEOPLE_SECRET_H
#define PEOPLE_SECRET_H

#include "base/arena.h"
#include "base/fault.h"

struct scram_keys {
	bool known;
	char salt[16];
	uint32_t iterations;
	char stored[32], server[32]; /* the first 20 bytes for SHA-1 */
};
struct secret {
	str verifier; /* "$argon2id$...", "$6$...", "$y$...", "$2b$..."; Dovecot's {SCHEME} prefix already taken off */
	struct scram_keys sha1, sha256;
};

/* A new one for a password: argon2id verifier (19 MiB, t=2, p=1) and SCRAM keys (iterations: 4096 or more). random: 48 bytes. */
enum fault secret_new(struct arena *a, str password, const char random[48], struct secret *ret);
/* From an imported verifier, {SCHEME} prefixes understood: BAD_ARGUMENT when the scheme is not supported. {PLAIN}/{CLEARTEXT} makes a new one. */
enum fault secret_import(struct arena *a, str verifier, const char random[48], struct secret *ret);
/* Is it the password? Constant-time compare. AUTH_FAILED: no. Slow. */
enum fault secret_check(const struct secret *s, str password);
/* Derives the SCRAM keys of an imported secret whose password was just proved; true when something changed (store it again). */
bool secret_add_scram(struct secret *s, str password, const char random[32]);
/* SCRAM: does proof (20 or 32 bytes) fit? *ret_signature (same size) is the server's. Fast. */
enum fault secret_check_proof(const struct scram_keys *k, bool sha256, str auth_message, str proof, char ret_signature[32]);

struct seal_key {
	unsigned char bytes[32];
};
/* random: 12 bytes. Unsealing: MALFORMED when key, address or bytes do not match. */
enum fault secret_seal(const struct seal_key *k, str address, const struct secret *s, const char random[12], struct buf *ret);
enum fault secret_unseal(struct arena *a, const struct seal_key *k, str address, str sealed, struct secret *ret);
/* Reads the key file, or makes it (0600) when `make`. Before the jail. */
enum fault seal_key_load(const char *path, bool make, struct seal_key *ret);

/* For a user that does not exist: the same salt at every asking, unlike for every name, and the usual iterations; and a hash that takes the usual time. */
void secret_unknown_salt(const struct seal_key *k, str user, char ret_salt[16], uint32_t *ret_iterations);
enum fault secret_check_unknown(str password); /* takes as long as secret_check of a new secret; AUTH_FAILED */

#endif
