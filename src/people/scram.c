#include "people/scram.h"

#include "base/mem.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *
md_of(bool sha256)
{
	return sha256 ? EVP_sha256() : EVP_sha1();
}

/* The library fails here only when it has no memory. */
static void
hmac(bool sha256, const void *key, str text, unsigned char *ret)
{
	unsigned n;

	if (!HMAC(md_of(sha256), key, (int)scram_size(sha256), (const unsigned char *)text.p, text.n, ret,
		    &n))
		abort();
}

static void
digest(bool sha256, const void *bytes, unsigned char *ret)
{
	if (!EVP_Digest(bytes, scram_size(sha256), ret, NULL, md_of(sha256), NULL))
		abort();
}

void
scram_derive(bool sha256, str prepared, str salt, uint32_t iterations, struct scram_keys *ret)
{
	unsigned char salted[32], client[32];
	int size = (int)scram_size(sha256);

	assert(iterations > 0 && iterations <= SCRAM_ITERATIONS_MOST);
	if (!PKCS5_PBKDF2_HMAC(prepared.p, (int)prepared.n, (const unsigned char *)salt.p, (int)salt.n,
		    (int)iterations, md_of(sha256), size, salted))
		abort();
	hmac(sha256, salted, S("Client Key"), client);
	digest(sha256, client, (unsigned char *)ret->stored);
	hmac(sha256, salted, S("Server Key"), (unsigned char *)ret->server);
	ret->iterations = iterations;
	ret->known = true;
	mem_wipe(salted, sizeof(salted));
	mem_wipe(client, sizeof(client));
}

void
scram_new(bool sha256, str prepared, const char salt[16], struct scram_keys *ret)
{
	*ret = (struct scram_keys){ 0 };
	memcpy(ret->salt, salt, sizeof(ret->salt));
	scram_derive(sha256, prepared, str_of(salt, 16), SCRAM_ITERATIONS, ret);
}

bool
scram_fits(bool sha256, const struct scram_keys *k, str prepared)
{
	struct scram_keys made = { 0 };
	bool fits;

	if (!k->known || k->iterations == 0 || k->iterations > SCRAM_ITERATIONS_MOST)
		return false;
	scram_derive(sha256, prepared, str_of(k->salt, sizeof(k->salt)), k->iterations, &made);
	fits = CRYPTO_memcmp(made.stored, k->stored, scram_size(sha256)) == 0;
	mem_wipe(&made, sizeof(made));
	return fits;
}

enum fault
secret_check_proof(
	const struct scram_keys *k, bool sha256, str auth_message, str proof, char ret_signature[32])
{
	size_t size = scram_size(sha256);
	unsigned char client[32], stored[32];
	bool fits;

	if (!k->known || proof.n != size)
		return AUTH_FAILED;
	hmac(sha256, k->stored, auth_message, client);
	for (size_t i = 0; i < size; i++)
		client[i] = (unsigned char)(client[i] ^ (unsigned char)proof.p[i]);
	digest(sha256, client, stored);
	fits = CRYPTO_memcmp(stored, k->stored, size) == 0;
	if (fits)
		hmac(sha256, k->server, auth_message, (unsigned char *)ret_signature);
	mem_wipe(client, sizeof(client));
	mem_wipe(stored, sizeof(stored));
	return fits ? OK : AUTH_FAILED;
}
