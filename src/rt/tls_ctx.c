/* What a server's and a client's side set alike. */
#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/pem.h>

/* RFC 9325 4.2: forward secrecy and AEAD, nothing else. (TLS 1.3 has no other suites.) */
static const char our_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK";
static const char our_groups[] = "X25519:P-256:P-384:P-521";

const char *
tls_take_error(void)
{
	unsigned long e = ERR_get_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return reason ? reason : "unknown reason";
}

void
tls_why_add(struct buf *why, const char *text)
{
	buf_printf(why, "%s: %s", text, tls_take_error());
}

enum fault
tls_ctx_common(SSL_CTX *ctx, int least_version, str ciphers, struct buf *why)
{
	char *list;
	bool ok;

	if (least_version < TLS1_2_VERSION || least_version > TLS1_3_VERSION) {
		buf_add_c(why, "the least TLS version must be 1.2 or 1.3");
		return BAD_ARGUMENT;
	}
	list = ciphers.n ? strndup(ciphers.p, ciphers.n) : strdup(our_ciphers);
	ok = SSL_CTX_set_min_proto_version(ctx, least_version) == 1 &&
	     SSL_CTX_set_cipher_list(ctx, list) == 1 && SSL_CTX_set1_groups_list(ctx, our_groups) == 1;
	if (!ok)
		tls_why_add(why, list);
	free(list);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	/* Mail's protocols say themselves where they end: a connection cut without close-notify is just closed. */
	SSL_CTX_set_options(
		ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* One recv for a record instead of two; the buffer lives only while it holds something. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ok ? OK : BAD_ARGUMENT;
}

STACK_OF(X509) * tls_chain_read(str pem, struct buf *why)
{
	BIO *in = BIO_new_mem_buf(pem.n ? pem.p : "", pem.n <= INT32_MAX ? (int)pem.n : 0);
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *x;

	if (!in || !chain)
		abort();
	ERR_clear_error();
	while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		if (!sk_X509_push(chain, x))
			abort();
	BIO_free(in);
	/* The end of the text is an error, too: the one that is none. */
	if (sk_X509_num(chain) > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return chain;
	}
	tls_why_add(why, "no PEM certificate");
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}
