/* OpenSSL's older doors EC_KEY_METHOD and RSA_METHOD are deprecated in 3.0 and complete; the newer one, a provider, takes ten
 * times the code for the same two functions. EVP sees that the key is not its own and comes here. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "rt/tls_own.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

enum { LARGEST_RSA_BYTES = 1024 };

struct tls_remote {
	tls_sign_fn *sign;
	void *ctx;
	uint32_t key;
	EC_KEY_METHOD *ec; /* one of these two */
	RSA_METHOD *rsa;
};

/* Asks for a signature of at most `room` bytes at p. Waits: other connections use OpenSSL meanwhile, and its error queue is
 * the thread's; what they left there must not be taken for ours. */
static bool
ask(struct tls_remote *r, enum tls_sign_how how, str data, unsigned char *p, size_t room, size_t *ret_n)
{
	struct tls_sign what = { .key = r->key, .how = how, .data = data };
	struct buf signature;
	bool ok;

	buf_init(&signature, room);
	ok = r->sign(r->ctx, &what, &signature) == OK && !signature.full && signature.n > 0 &&
	     signature.n <= room;
	ERR_clear_error();
	if (ok) {
		memcpy(p, signature.p, signature.n);
		*ret_n = signature.n;
	} else {
		ERR_raise_data(
			ERR_LIB_USER, ERR_R_OPERATION_FAIL, "the private key's process gave no signature");
	}
	buf_done(&signature);
	return ok;
}

static int
ec_sign(int type, const unsigned char *digest, int n, unsigned char *signature, unsigned int *ret_n,
	const BIGNUM *kinv, const BIGNUM *rp, EC_KEY *key)
{
	size_t got;

	(void)type, (void)kinv, (void)rp;
	if (!ask(EC_KEY_get_ex_data(key, 0), TLS_SIGN_ECDSA, str_of(digest, (size_t)n), signature,
		    (size_t)ECDSA_size(key), &got))
		return 0;
	*ret_n = (unsigned)got;
	return 1;
}

static int
rsa_private_encrypt(int n, const unsigned char *from, unsigned char *to, RSA *key, int padding)
{
	int size = RSA_size(key);
	unsigned char block[LARGEST_RSA_BYTES];
	size_t got;

	if (n < 0 || size > LARGEST_RSA_BYTES)
		return -1;
	if (padding == RSA_PKCS1_PADDING) {
		if (RSA_padding_add_PKCS1_type_1(block, size, from, n) != 1)
			return -1;
		from = block;
	} else if (padding != RSA_NO_PADDING || n != size) {
		return -1;
	}
	if (!ask(RSA_get_ex_data(key, 0), TLS_SIGN_RSA_RAW, str_of(from, (size_t)size), to, (size_t)size,
		    &got) ||
		got != (size_t)size)
		return -1;
	return size;
}

static bool
make_ec(struct tls_remote *r, EVP_PKEY *public, EVP_PKEY *ret)
{
	const EC_KEY *theirs = EVP_PKEY_get0_EC_KEY(public);
	EC_KEY *ours = theirs ? EC_KEY_dup(theirs) : NULL;

	r->ec = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	if (!ours || !r->ec)
		goto failed;
	/* Without sign_setup and sign_sig there is no way to a signature but ours. */
	EC_KEY_METHOD_set_sign(r->ec, ec_sign, NULL, NULL);
	if (EC_KEY_set_method(ours, r->ec) != 1 || EC_KEY_set_ex_data(ours, 0, r) != 1 ||
		EVP_PKEY_assign_EC_KEY(ret, ours) != 1)
		goto failed;
	return true;
failed:
	EC_KEY_free(ours);
	return false;
}

static bool
make_rsa(struct tls_remote *r, EVP_PKEY *public, EVP_PKEY *ret)
{
	const RSA *theirs = EVP_PKEY_get0_RSA(public);
	RSA *ours = theirs ? RSAPublicKey_dup(theirs) : NULL;

	r->rsa = RSA_meth_dup(RSA_PKCS1_OpenSSL());
	if (!ours || !r->rsa)
		goto failed;
	if (RSA_meth_set_priv_enc(r->rsa, rsa_private_encrypt) != 1 || RSA_set_method(ours, r->rsa) != 1 ||
		RSA_set_ex_data(ours, 0, r) != 1 || EVP_PKEY_assign_RSA(ret, ours) != 1)
		goto failed;
	return true;
failed:
	RSA_free(ours);
	return false;
}

/* The curves TLS has signatures for (RFC 8446 4.2.3). */
static bool
is_known_curve(EVP_PKEY *key)
{
	char group[32] = "";

	return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0 ||
		       strcmp(group, "secp521r1") == 0);
}

enum fault
tls_remote_new(X509 *leaf, uint32_t key, tls_sign_fn *sign, void *ctx, struct buf *why,
	struct tls_remote **ret, EVP_PKEY **ret_key)
{
	EVP_PKEY *public = X509_get0_pubkey(leaf), *made = EVP_PKEY_new();
	struct tls_remote *r = NEW(struct tls_remote);
	int type = public ? EVP_PKEY_get_base_id(public) : EVP_PKEY_NONE;
	bool ok = false;

	*r = (struct tls_remote){ .sign = sign, .ctx = ctx, .key = key };
	if (type == EVP_PKEY_EC && is_known_curve(public))
		ok = made && make_ec(r, public, made);
	else if (type == EVP_PKEY_RSA && EVP_PKEY_get_size(public) <= LARGEST_RSA_BYTES)
		ok = made && make_rsa(r, public, made);
	else
		ERR_raise_data(ERR_LIB_USER, ERR_R_UNSUPPORTED, NULL);
	if (!ok) {
		tls_why_add(
			why, "its key must be ECDSA on P-256, P-384 or P-521, or RSA of at most 8192 bits");
		EVP_PKEY_free(made);
		tls_remote_free(r);
		return BAD_ARGUMENT;
	}
	*ret = r;
	*ret_key = made;
	return OK;
}

void
tls_remote_free(struct tls_remote *r)
{
	if (!r)
		return;
	if (r->ec)
		EC_KEY_METHOD_free(r->ec);
	RSA_meth_free(r->rsa);
	free(r);
}
