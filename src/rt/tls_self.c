/* A certificate for a first start: its own issuer, for one name. */
#include "rt/tls_own.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum {
	LONGEST_NAME = 253,
	LONGEST_LABEL = 63,
	LONGEST_CN = 64,
	SERIAL_BYTES = 16,
	HOUR_S = 3600,
	DAY_S = 86400,
	MOST_DAYS = 36500
};

static bool
is_dns_name(str name)
{
	str label;

	if (name.n == 0 || name.n > LONGEST_NAME || str_ends(name, S(".")))
		return false;
	while (str_take_until(&name, '.', &label)) {
		if (label.n == 0 || label.n > LONGEST_LABEL || label.p[0] == '-' ||
			label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!ascii_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
				return false;
	}
	return true;
}

static bool
set_serial(X509 *x)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and never short */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

static bool
set_names(X509 *x, str name)
{
	X509_NAME *subject = X509_get_subject_name(x);
	str cn = name.n <= LONGEST_CN ? name : S("Postrider");

	return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, (const unsigned char *)cn.p,
		       (int)cn.n, -1, 0) == 1 &&
	       X509_set_issuer_name(x, subject) == 1;
}

static bool
add_alt_name(X509 *x, str name)
{
	GENERAL_NAMES *sans = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *san = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	bool ok;

	if (!sans || !san || !text || ASN1_STRING_set(text, name.p, (int)name.n) != 1)
		abort();
	GENERAL_NAME_set0_value(san, GEN_DNS, text);
	if (!sk_GENERAL_NAME_push(sans, san))
		abort();
	ok = X509_add1_ext_i2d(x, NID_subject_alt_name, sans, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(sans);
	return ok;
}

static bool
add_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static bool
fill(X509 *x, EVP_PKEY *key, str name, int days, int64_t now_s)
{
	/* An hour back: clocks of first machines are seldom right. */
	return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_names(x, name) &&
	       ASN1_TIME_set(X509_getm_notBefore(x), now_s - HOUR_S) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), now_s + (int64_t)days * DAY_S) &&
	       X509_set_pubkey(x, key) == 1 && add_alt_name(x, name) &&
	       add_ext(x, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_ext(x, NID_key_usage, "critical,digitalSignature") &&
	       add_ext(x, NID_ext_key_usage, "serverAuth") &&
	       add_ext(x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()) > 0;
}

static void
take_text(BIO *from, struct buf *to)
{
	char *p;
	long n = BIO_get_mem_data(from, &p);

	buf_add(to, str_of(p, (size_t)n));
}

enum fault
tls_self_signed(str name, int days, int64_t now_ms, struct buf *ret_cert, struct buf *ret_key)
{
	EVP_PKEY *key;
	BIO *cert_text, *key_text;
	X509 *x;
	bool ok;

	if (!is_dns_name(name) || days < 1 || days > MOST_DAYS)
		return BAD_ARGUMENT;
	key = EVP_EC_gen("P-256");
	x = X509_new();
	cert_text = BIO_new(BIO_s_mem());
	key_text = BIO_new(BIO_s_secmem());
	ok = key && x && cert_text && key_text && fill(x, key, name, days, now_ms / 1000) &&
	     PEM_write_bio_X509(cert_text, x) == 1 &&
	     PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1;
	if (ok) {
		take_text(cert_text, ret_cert);
		take_text(key_text, ret_key);
		ok = !ret_cert->full && !ret_key->full;
	}
	BIO_free(cert_text);
	BIO_free(key_text);
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok ? OK : INTERNAL;
}
