/* A sealed secret: version (1 byte), nonce (12), ciphertext, tag (16). What is sealed: version, verifier (counted), then for SHA-1
 * and SHA-256 each a byte 0, or a byte 1, salt, iterations (le32), StoredKey, ServerKey. */
#include "people/record.h"
#include "people/scram.h"
#include "people/verifier.h"

#include "base/mem.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { VERSION = 1, NONCE = 12, TAG = 16, OVERHEAD = 1 + NONCE + TAG };

/* ---- the record ---- */

static void
put_keys(struct buf *b, const struct scram_keys *k, size_t size)
{
	buf_add_char(b, k->known);
	if (!k->known)
		return;
	buf_add(b, str_of(k->salt, sizeof(k->salt)));
	buf_add_le32(b, k->iterations);
	buf_add(b, str_of(k->stored, size));
	buf_add(b, str_of(k->server, size));
}

void
record_put(struct buf *b, const struct secret *s)
{
	buf_add_char(b, VERSION);
	buf_add_counted(b, s->verifier);
	put_keys(b, &s->sha1, scram_size(false));
	put_keys(b, &s->sha256, scram_size(true));
}

static bool
take_keys(str *in, size_t size, struct scram_keys *ret)
{
	str known, salt, stored, server;

	*ret = (struct scram_keys){ 0 };
	if (!str_take_bytes(in, 1, &known) || (unsigned char)known.p[0] > 1)
		return false;
	if (known.p[0] == 0)
		return true;
	if (!str_take_bytes(in, sizeof(ret->salt), &salt) || !str_take_le32(in, &ret->iterations) ||
		!str_take_bytes(in, size, &stored) || !str_take_bytes(in, size, &server))
		return false;
	memcpy(ret->salt, salt.p, salt.n);
	memcpy(ret->stored, stored.p, size);
	memcpy(ret->server, server.p, size);
	ret->known = true;
	return ret->iterations > 0 && ret->iterations <= SCRAM_ITERATIONS_MOST;
}

bool
record_read(struct arena *a, str bytes, struct secret *ret)
{
	struct secret s = { 0 };
	str version;

	if (!str_take_bytes(&bytes, 1, &version) || version.p[0] != VERSION)
		return false;
	if (!str_take_counted(&bytes, &s.verifier) || s.verifier.n > VERIFIER_MOST)
		return false;
	if (!take_keys(&bytes, scram_size(false), &s.sha1) ||
		!take_keys(&bytes, scram_size(true), &s.sha256) || bytes.n)
		return false;
	s.verifier = arena_str(a, s.verifier);
	*ret = s;
	return true;
}

/* ---- the seal ---- */

/* What the seal is bound to, besides the key: that it is a secret, and whose. */
static void
add_bound(struct buf *b, str address)
{
	buf_add(b, S("postrider secret 1\n"));
	for (size_t i = 0; i < address.n; i++)
		buf_add_char(b, ascii_lower(address.p[i]));
}

/* Both directions: n bytes from `in` to `out`. Sealing writes the tag, opening demands it. */
static bool
gcm(bool seal, const struct seal_key *k, str address, const char *nonce, const char *in, size_t n, char *out,
	char *tag)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct buf bound = { 0 };
	int got = 0;
	bool ok;

	add_bound(&bound, address);
	ok = ctx &&
	     EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, k->bytes, (const unsigned char *)nonce, seal) &&
	     EVP_CipherUpdate(ctx, NULL, &got, (const unsigned char *)bound.p, (int)bound.n) &&
	     EVP_CipherUpdate(ctx, (unsigned char *)out, &got, (const unsigned char *)in, (int)n) &&
	     (size_t)got == n && (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag)) &&
	     EVP_CipherFinal_ex(ctx, (unsigned char *)out + n, &got) &&
	     (!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag));
	EVP_CIPHER_CTX_free(ctx);
	buf_done(&bound);
	return ok;
}

static void
wipe_and_free(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->room);
	buf_done(b);
}

enum fault
secret_seal(
	const struct seal_key *k, str address, const struct secret *s, const char noise[12], struct buf *ret)
{
	struct buf plain = { 0 };
	enum fault f = INTERNAL;
	char *p;

	(void)buf_reserve(&plain, SECRET_SEALED_MOST); /* so that it does not move and leave copies */
	record_put(&plain, s);
	if (s->verifier.n > VERIFIER_MOST) {
		f = BAD_ARGUMENT;
		goto out;
	}
	p = buf_reserve(ret, plain.n + OVERHEAD);
	if (!p) {
		f = TOO_BIG;
		goto out;
	}
	p[0] = VERSION;
	memcpy(p + 1, noise, NONCE);
	if (gcm(true, k, address, noise, plain.p, plain.n, p + 1 + NONCE, p + 1 + NONCE + plain.n)) {
		buf_used(ret, plain.n + OVERHEAD);
		f = OK;
	}
out:
	wipe_and_free(&plain);
	return f;
}

enum fault
secret_unseal(struct arena *a, const struct seal_key *k, str address, str sealed, struct secret *ret)
{
	enum fault f = MALFORMED;
	char tag[TAG], *plain;
	size_t n;

	if (sealed.n < OVERHEAD || sealed.n > SECRET_SEALED_MOST || sealed.p[0] != VERSION)
		return MALFORMED;
	n = sealed.n - OVERHEAD;
	memcpy(tag, sealed.p + sealed.n - TAG, TAG);
	plain = mem_new(n + 1);
	if (gcm(false, k, address, sealed.p + 1, sealed.p + 1 + NONCE, n, plain, tag) &&
		record_read(a, str_of(plain, n), ret))
		f = OK;
	mem_wipe(plain, n);
	free(plain);
	return f;
}

void
secret_unknown_salt(const struct seal_key *k, str user, char ret_salt[16], uint32_t *ret_iterations)
{
	struct buf b = { 0 };
	unsigned char made[32];
	unsigned n;

	buf_add(&b, S("postrider salt of nobody 1\n"));
	for (size_t i = 0; i < user.n; i++)
		buf_add_char(&b, ascii_lower(user.p[i]));
	if (!HMAC(EVP_sha256(), k->bytes, sizeof(k->bytes), (const unsigned char *)b.p, b.n, made, &n))
		abort();
	memcpy(ret_salt, made, 16);
	*ret_iterations = SCRAM_ITERATIONS;
	buf_done(&b);
}
