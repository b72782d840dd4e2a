/* The certificate that a client showed. Every byte of it is a stranger's: the signature of an authority we were told to believe says that it may
 * stand there, not that it is well formed. */
#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { MOST_EMAILS = 8, MOST_EMAIL = 320, MOST_SUBJECT = 500 };

static str
fingerprint_of(struct arena *a, X509 *x, const char *digest)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char sum[EVP_MAX_MD_SIZE];
	const EVP_MD *md = EVP_get_digestbyname(digest);
	unsigned n = 0;
	char *text;

	if (!md || X509_digest(x, md, sum, &n) != 1 || n == 0)
		return S("");
	text = arena_take(a, 3 * (size_t)n);
	for (unsigned i = 0; i < n; i++) {
		text[3 * i] = digits[sum[i] >> 4];
		text[3 * i + 1] = digits[sum[i] & 15];
		text[3 * i + 2] = ':';
	}
	return str_of(text, 3 * (size_t)n - 1);
}

/* RFC 2253; OpenSSL escapes what is no printable ASCII. */
static str
subject_of(struct arena *a, X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;
	str text;

	if (!b)
		abort();
	X509_NAME_print_ex(b, X509_get_subject_name(x), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_QUOTE);
	n = BIO_get_mem_data(b, &p);
	text = arena_str(a, str_sub(str_of(p, n > 0 ? (size_t)n : 0), 0, MOST_SUBJECT));
	BIO_free(b);
	return str_has_ctl(text) ? S("") : text;
}

/* RFC 5280 4.2.1.6: rfc822Name is ASCII local@domain. With a NUL or a second @ it could be read in two ways. */
static bool
is_email(str s)
{
	size_t at = str_find(s, '@');

	return s.n <= MOST_EMAIL && at > 0 && at + 1 < s.n && str_rfind(s, '@') == at && str_is_ascii(s) &&
	       !str_has_ctl(s) && str_find(s, ' ') == s.n && str_find(s, '"') == s.n;
}

static void
add_emails(struct arena *a, X509 *x, struct tls_peer *ret)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	str *list = ARENA_ARRAY(a, MOST_EMAILS, str);

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && ret->email_count < MOST_EMAILS; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		str text;

		if (name->type != GEN_EMAIL)
			continue;
		text = str_of(ASN1_STRING_get0_data(name->d.rfc822Name),
			(size_t)ASN1_STRING_length(name->d.rfc822Name));
		if (is_email(text))
			list[ret->email_count++] = arena_lower(a, text);
	}
	GENERAL_NAMES_free(names);
	ret->emails = list;
	ERR_clear_error();
}

void
tls_peer_of(struct arena *a, X509 *x, const char *digest, struct tls_peer *ret)
{
	ret->fingerprint = fingerprint_of(a, x, digest);
	ret->subject = subject_of(a, x);
	add_emails(a, x, ret);
}

bool
tls_peer_cert(const struct tls *t, struct arena *a, const char *digest, struct tls_peer *ret)
{
	X509 *x = SSL_get0_peer_certificate(t->ssl);
	long verdict = SSL_get_verify_result(t->ssl);

	if (!x)
		return false;
	*ret = (struct tls_peer){ .verified = verdict == X509_V_OK && t->server && t->server->believes,
		.why = X509_verify_cert_error_string(verdict) };
	tls_peer_of(a, x, digest, ret);
	return true;
}

/* ---- asking for it ---- */

/* Whatever is wrong with it is remembered (SSL_get_verify_result) and the handshake goes on. */
static int
go_on(int ok, X509_STORE_CTX *ctx)
{
	(void)ok, (void)ctx;
	return 1;
}

enum fault
tls_ask_clients(SSL_CTX *ctx, const struct tls_settings *s, struct buf *why)
{
	STACK_OF(X509) *cas = NULL;
	bool ok = true;

	if (s->clients == TLS_ASK_NO)
		return OK;
	if (s->client_cas_pem.n) {
		cas = tls_chain_read(s->client_cas_pem, why);
		if (!cas)
			return BAD_ARGUMENT;
	}
	for (int i = 0; ok && i < sk_X509_num(cas); i++)
		ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), sk_X509_value(cas, i)) == 1 &&
		     SSL_CTX_add_client_CA(ctx, sk_X509_value(cas, i)) == 1;
	sk_X509_pop_free(cas, X509_free);
	if (!ok) {
		tls_why_add(why, "the authorities of clients");
		return BAD_ARGUMENT;
	}
	SSL_CTX_set_verify_depth(ctx, s->client_depth);
	if (s->clients == TLS_REQUIRE)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	else
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, go_on);
	return OK;
}
