/* The vault's side: the private half of a certificate. */
#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

struct tls_key {
	EVP_PKEY *key;
	int type;
	size_t size; /* of a signature, at most */
};

/* Nobody is there to be asked for a passphrase. */
static int
no_passphrase(char *p, int n, int writing, void *ctx)
{
	(void)p, (void)n, (void)writing;
	*(bool *)ctx = true;
	return -1;
}

static EVP_PKEY *
read_key(str pem, struct buf *why)
{
	BIO *in = BIO_new_mem_buf(pem.n ? pem.p : "", pem.n <= INT32_MAX ? (int)pem.n : 0);
	bool encrypted = false;
	EVP_PKEY *key;

	if (!in)
		abort();
	ERR_clear_error();
	key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &encrypted);
	BIO_free(in);
	if (!key && encrypted)
		buf_add_c(why, "the private key is encrypted with a passphrase");
	else if (!key)
		tls_why_add(why, "no PEM private key");
	ERR_clear_error();
	return key;
}

static enum fault
check_key(EVP_PKEY *key, str chain_pem, struct buf *why)
{
	int type = EVP_PKEY_get_base_id(key);
	STACK_OF(X509) * chain;
	bool same;

	if (type != EVP_PKEY_EC && type != EVP_PKEY_RSA && type != EVP_PKEY_ED25519) {
		buf_add_c(why, "the private key is neither ECDSA, RSA nor Ed25519");
		return BAD_ARGUMENT;
	}
	chain = tls_chain_read(chain_pem, why);
	if (!chain)
		return BAD_ARGUMENT;
	same = X509_check_private_key(sk_X509_value(chain, 0), key) == 1;
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	if (!same)
		buf_add_c(why, "the private key is not the one of the first certificate");
	return same ? OK : BAD_ARGUMENT;
}

enum fault
tls_key_new(str key_pem, str chain_pem, struct buf *ret_why, struct tls_key **ret)
{
	EVP_PKEY *key = read_key(key_pem, ret_why);
	struct tls_key *k;
	enum fault f;

	if (!key)
		return BAD_ARGUMENT;
	f = check_key(key, chain_pem, ret_why);
	if (f != OK) {
		EVP_PKEY_free(key);
		return f;
	}
	k = NEW(struct tls_key);
	*k = (struct tls_key){ key, EVP_PKEY_get_base_id(key), (size_t)EVP_PKEY_get_size(key) };
	*ret = k;
	return OK;
}

void
tls_key_free(struct tls_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key); /* wipes it */
	free(k);
}

static bool
is_digest(str data)
{
	return data.n == 32 || data.n == 48 || data.n == 64;
}

/* Does the block have the shape of a signature's padding (RFC 8017 8.1.1 step 2, 9.2)? An RSA key that signs whatever it is
 * shown would also decrypt. PSS leaves its top bits clear and ends in 0xbc; PKCS#1 begins 00 01 ff. */
static bool
is_signature_block(str data, size_t size)
{
	const unsigned char *p = (const unsigned char *)data.p;

	if (data.n != size || size < 64)
		return false;
	if (p[0] == 0 && p[1] == 1 && p[2] == 0xff)
		return true;
	return p[size - 1] == 0xbc && p[0] < 0x80;
}

static bool
sign_prepared(EVP_PKEY *key, bool rsa, str data, unsigned char *p, size_t *n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	bool ok = c && EVP_PKEY_sign_init(c) == 1 &&
		  (!rsa || EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING) == 1) &&
		  EVP_PKEY_sign(c, p, n, (const unsigned char *)data.p, data.n) == 1;

	EVP_PKEY_CTX_free(c);
	return ok;
}

static bool
sign_message(EVP_PKEY *key, str data, unsigned char *p, size_t *n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(c, p, n, (const unsigned char *)data.p, data.n) == 1;

	EVP_MD_CTX_free(c);
	return ok;
}

enum fault
tls_key_sign(struct tls_key *k, enum tls_sign_how how, str data, struct buf *ret_signature)
{
	unsigned char *p;
	size_t n = k->size;
	bool ok = false;

	if ((how == TLS_SIGN_ECDSA && (k->type != EVP_PKEY_EC || !is_digest(data))) ||
		(how == TLS_SIGN_RSA_RAW &&
			(k->type != EVP_PKEY_RSA || !is_signature_block(data, k->size))) ||
		(how == TLS_SIGN_ED25519 && k->type != EVP_PKEY_ED25519) || how > TLS_SIGN_ED25519)
		return BAD_ARGUMENT;
	p = (unsigned char *)buf_reserve(ret_signature, n);
	if (!p)
		return TOO_BIG;
	ERR_clear_error();
	if (how == TLS_SIGN_ED25519)
		ok = sign_message(k->key, data, p, &n);
	else
		ok = sign_prepared(k->key, how == TLS_SIGN_RSA_RAW, data, p, &n);
	ERR_clear_error();
	if (!ok)
		return INTERNAL;
	buf_used(ret_signature, n);
	return OK;
}
