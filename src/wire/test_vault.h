/* wire/test_vault.h - a vault for tests: one password, and what SCRAM keeps of it (RFC 5802 3), by OpenSSL */
#ifndef WIRE_TEST_VAULT_H
#define WIRE_TEST_VAULT_H

#include "wire/sasl.h"

#include <assert.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

struct test_vault {
	const EVP_MD *md;
	size_t size; /* of a digest */
	unsigned char stored_key[32], server_key[32];
	str salt;
	int iterations;
};

static inline void
test_hmac(const EVP_MD *md, const void *key, size_t key_size, str text, unsigned char *ret)
{
	unsigned n;

	assert(HMAC(md, key, (int)key_size, (const unsigned char *)text.p, text.n, ret, &n));
}

static inline void
test_vault_init(struct test_vault *v, enum sasl_mech mech, str password, str salt, int iterations)
{
	unsigned char salted[32], client_key[32];

	v->size = sasl_mech_proof_size(mech);
	v->md = v->size == 20 ? EVP_sha1() : EVP_sha256();
	v->salt = salt;
	v->iterations = iterations;
	assert(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)salt.p, (int)salt.n,
		iterations, v->md, (int)v->size, salted));
	test_hmac(v->md, salted, v->size, S("Client Key"), client_key);
	test_hmac(v->md, salted, v->size, S("Server Key"), v->server_key);
	assert(EVP_Digest(client_key, v->size, v->stored_key, NULL, v->md, NULL));
}

/* The verdict on a proof; *ret_signature is the server's, `room` for it is the caller's. */
static inline enum fault
test_vault_verify(
	const struct test_vault *v, str auth_message, str proof, unsigned char room[32], str *ret_signature)
{
	unsigned char signature[32], key[32], digest[32];

	if (proof.n != v->size)
		return AUTH_FAILED;
	test_hmac(v->md, v->stored_key, v->size, auth_message, signature);
	for (size_t i = 0; i < v->size; i++)
		key[i] = (unsigned char)(signature[i] ^ (unsigned char)proof.p[i]);
	assert(EVP_Digest(key, v->size, digest, NULL, v->md, NULL));
	test_hmac(v->md, v->server_key, v->size, auth_message, room);
	*ret_signature = str_of(room, v->size);
	return memcmp(digest, v->stored_key, v->size) ? AUTH_FAILED : OK;
}

#endif
