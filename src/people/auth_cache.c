#include "people/guess.h"

#include "people/lru.h"

#include "base/buf.h"
#include "base/mem.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

/* The digest is the key of its entry: whoever finds it has proved everything that went into it. */
struct auth_cache {
	EVP_MAC_CTX *keyed; /* HMAC with the key taken in, to be copied */
	int64_t ttl_ms;
	struct lru proved;
};

struct auth_cache *
auth_cache_new(const char key[32], size_t most_entries, int64_t ttl_ms)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	struct auth_cache *c = NEW(struct auth_cache);
	struct hash_key spread;

	c->ttl_ms = ttl_ms;
	c->keyed = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (!c->keyed || !EVP_MAC_init(c->keyed, (const unsigned char *)key, 32, params))
		abort();                      /* out of memory */
	memcpy(&spread, key, sizeof(spread)); /* the digests cannot be chosen; any key serves */
	lru_init(&c->proved, spread, most_entries);
	mem_wipe(&spread, sizeof(spread));
	return c;
}

void
auth_cache_free(struct auth_cache *c)
{
	if (!c)
		return;
	lru_done(&c->proved);
	EVP_MAC_CTX_free(c->keyed);
	mem_wipe(c, sizeof(*c));
	free(c);
}

/* Each with its length, so that no two triples give the same bytes. */
static void
digest_of(struct auth_cache *c, str user, str password, str sealed, char ret[LRU_KEY])
{
	const str parts[] = { user, password, sealed };
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(c->keyed);
	size_t n = 0;
	bool ok = ctx;

	for (size_t i = 0; ok && i < COUNT(parts); i++) {
		uint64_t size = parts[i].n;

		ok = EVP_MAC_update(ctx, (const unsigned char *)&size, sizeof(size)) &&
		     EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].n);
	}
	if (!ok || !EVP_MAC_final(ctx, (unsigned char *)ret, &n, LRU_KEY) || n != LRU_KEY)
		abort(); /* out of memory */
	EVP_MAC_CTX_free(ctx);
}

bool
auth_cache_has(struct auth_cache *c, str user, str password, str sealed_secret, int64_t now_ms)
{
	char digest[LRU_KEY];
	struct lru_entry *e;

	digest_of(c, user, password, sealed_secret, digest);
	e = lru_get(&c->proved, digest);
	mem_wipe(digest, sizeof(digest));
	if (e && now_ms - e->at_ms >= c->ttl_ms) {
		lru_remove(&c->proved, e);
		e = NULL;
	}
	return e;
}

void
auth_cache_add(struct auth_cache *c, str user, str password, str sealed_secret, int64_t now_ms)
{
	char digest[LRU_KEY];

	digest_of(c, user, password, sealed_secret, digest);
	lru_make(&c->proved, digest)->at_ms = now_ms;
	mem_wipe(digest, sizeof(digest));
}
