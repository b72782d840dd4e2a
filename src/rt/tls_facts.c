/* For audits: certificates as they are, and a client that looks rather than trusts. */
#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

static int64_t
moment_of(const ASN1_TIME *t)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool ok = epoch && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;

	ASN1_TIME_free(epoch);
	return ok ? ((int64_t)days * 86400 + seconds) * 1000 : 0;
}

static bool
fits(X509 *x, str name)
{
	char text[256];
	unsigned char ip[16];

	if (name.n == 0 || name.n >= sizeof(text))
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	if (inet_pton(AF_INET, text, ip) == 1 || inet_pton(AF_INET6, text, ip) == 1)
		return X509_check_ip_asc(x, text, 0) == 1;
	return X509_check_host(x, text, name.n, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static bool
is_weak(X509 *x, int bits)
{
	int digest = NID_undef, type = EVP_PKEY_get_base_id(X509_get0_pubkey(x));

	if (type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS || type == EVP_PKEY_DSA ? bits < 2048
										     : bits < 224)
		return true;
	if (X509_get_signature_info(x, &digest, NULL, NULL, NULL) != 1)
		return false;
	return digest == NID_md5 || digest == NID_sha1 || digest == NID_md5_sha1;
}

static void
facts_of(struct arena *a, X509 *x, str name, struct tls_cert_facts *ret)
{
	struct tls_names names = { 0 };
	struct buf all = { .limit = 400 };
	EVP_PKEY *key = X509_get0_pubkey(x);

	*ret = (struct tls_cert_facts){ .from_ms = moment_of(X509_get0_notBefore(x)),
		.until_ms = moment_of(X509_get0_notAfter(x)),
		.self_signed = key && X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0 &&
			       X509_verify(x, key) == 1,
		.fits = fits(x, name),
		.key_bits = key ? EVP_PKEY_get_bits(key) : 0,
		.key_type = key ? EVP_PKEY_get0_type_name(key) : NULL,
		.trouble = "" };
	ret->key_type = ret->key_type ? ret->key_type : "?";
	ret->weak = !key || is_weak(x, ret->key_bits);
	tls_names_of(a, x, &names);
	for (size_t i = 0; i < names.n; i++) {
		buf_add_c(&all, i ? ", " : "");
		buf_add(&all, names.names[i]);
	}
	ret->names = arena_str(a, buf_str(&all));
	buf_done(&all);
	ERR_clear_error();
}

enum fault
tls_cert_facts(struct arena *a, str chain_pem, str name, struct buf *ret_why, struct tls_cert_facts *ret)
{
	STACK_OF(X509) *chain = tls_chain_read(chain_pem, ret_why);

	if (!chain)
		return BAD_ARGUMENT;
	facts_of(a, sk_X509_value(chain, 0), name, ret);
	sk_X509_pop_free(chain, X509_free);
	return OK;
}

bool
tls_peer_facts(const struct tls *t, struct arena *a, str name, struct tls_cert_facts *ret)
{
	X509 *x = SSL_get0_peer_certificate(t->ssl);
	long verdict = SSL_get_verify_result(t->ssl);

	if (!x)
		return false;
	facts_of(a, x, name, ret);
	/* Whether it fits is told apart. */
	if (verdict != X509_V_OK && verdict != X509_V_ERR_HOSTNAME_MISMATCH &&
		verdict != X509_V_ERR_IP_ADDRESS_MISMATCH)
		ret->trouble = X509_verify_cert_error_string(verdict);
	return true;
}

struct tls_client *
tls_client_new_looker(
	int least_version, int most_version, const char *ciphers, const char *ca_file, struct buf *ret_why)
{
	struct tls_client *c = tls_client_new(true, NULL, ret_why);
	bool ok;

	if (!c)
		return NULL;
	ERR_clear_error();
	SSL_CTX_set_security_level(c->ctx, 0);
	ok = SSL_CTX_set_min_proto_version(c->ctx, least_version) == 1 &&
	     SSL_CTX_set_max_proto_version(c->ctx, most_version) == 1 &&
	     SSL_CTX_set_cipher_list(c->ctx, ciphers) == 1;
	if (!ok)
		tls_why_add(ret_why, ciphers);
	if (ok && ca_file)
		ok = SSL_CTX_load_verify_file(c->ctx, ca_file) == 1;
	else if (ok)
		(void)tls_client_load_roots(
			c->ctx); /* without any, every chain is in trouble, and that is what is told */
	if (!ok && ca_file && ret_why->n == 0)
		tls_why_add(ret_why, ca_file);
	ERR_clear_error();
	if (ok)
		return c;
	tls_client_free(c);
	return NULL;
}
