#include "rt/tls_own.h"

#include <openssl/err.h>

#include <errno.h>

enum { WANTS_IN = -1, WANTS_OUT = -2, FAILED = -3, ENDED = 0 };

/* ---- a connection's life ---- */

static struct tls *
tls_new(SSL_CTX *ctx, const BIO_METHOD *socket, int fd)
{
	struct tls *t = NEW(struct tls);
	BIO *b;

	ERR_clear_error();
	t->fd = fd;
	t->ssl = SSL_new(ctx);
	if (!t->ssl)
		abort();
	b = tls_socket_new(socket, t);
	SSL_set_bio(t->ssl, b, b);
	if (SSL_set_app_data(t->ssl, t) != 1)
		abort();
	return t;
}

struct tls *
tls_accept_new(struct tls_server *server, int fd)
{
	struct tls *t = tls_new(server->groups[0].ctx, server->socket, fd);

	server->refs++;
	t->server = server;
	SSL_set_accept_state(t->ssl);
	return t;
}

struct tls *
tls_connect_new(struct tls_client *client, int fd, str server_name)
{
	struct tls *t = tls_new(client->ctx, client->socket, fd);

	client->refs++;
	t->client = client;
	SSL_set_connect_state(t->ssl);
	tls_client_expect(t, server_name);
	return t;
}

void
tls_close(struct tls *t)
{
	if (!t)
		return;
	ERR_clear_error();
	if (t->up && !t->broken)
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	ERR_clear_error();
	tls_server_unref(t->server);
	tls_client_unref(t->client);
	free(t->server_name);
	free(t);
}

/* ---- bytes ---- */

/* What the client's side should know of a certificate that was not believed. */
static const char *
verify_error(const struct tls *t)
{
	long e = SSL_get_verify_result(t->ssl);

	return t->client && e != X509_V_OK ? X509_verify_cert_error_string(e) : NULL;
}

/* Why the last call did nothing. To be asked at once: the error queue belongs to all connections of the thread. */
static int
outcome(struct tls *t, int result)
{
	const char *why;

	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ: return WANTS_IN;
	case SSL_ERROR_WANT_WRITE: return WANTS_OUT;
	case SSL_ERROR_ZERO_RETURN: t->why = t->up ? "closed" : "closed during the handshake"; return ENDED;
	case SSL_ERROR_SYSCALL: why = t->error ? strerrordesc_np(t->error) : "connection lost"; break;
	default:
		why = verify_error(t);
		if (!why)
			why = tls_take_error();
	}
	ERR_clear_error();
	t->broken = true;
	t->why = why;
	return FAILED;
}

int
tls_handshake(struct tls *t)
{
	int r;

	if (t->up)
		return 1;
	if (t->broken)
		return FAILED;
	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	if (r != 1)
		return outcome(t, r);
	t->up = true;
	return 1;
}

long
tls_read(struct tls *t, void *p, size_t n)
{
	size_t got;

	if (t->broken || !t->up)
		return FAILED;
	ERR_clear_error();
	if (SSL_read_ex(t->ssl, p, n, &got) == 1)
		return (long)got;
	return outcome(t, 0);
}

long
tls_write(struct tls *t, const void *p, size_t n)
{
	size_t put;

	if (t->broken || !t->up)
		return FAILED;
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, p, n, &put) == 1)
		return (long)put;
	return outcome(t, 0);
}

/* ---- what is known of it ---- */

const char *
tls_why(const struct tls *t)
{
	return t->why ? t->why : "";
}

void
tls_facts(const struct tls *t, struct tls_facts *ret)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);

	*ret = (struct tls_facts){
		.version = SSL_get_version(t->ssl),
		.cipher = cipher ? SSL_CIPHER_get_name(cipher) : "",
		.bits = cipher ? SSL_CIPHER_get_bits(cipher, NULL) : 0,
		.resumed = SSL_session_reused(t->ssl) == 1,
		.server_name = str_c(t->server_name),
	};
}

bool
tls_exporter(const struct tls *t, char ret[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	bool ok;

	/* Below 1.3 "no context" and "an empty context" differ, and implementations do not agree which is meant. */
	if (!t->up || SSL_version(t->ssl) < TLS1_3_VERSION)
		return false;
	ok = SSL_export_keying_material(
		     t->ssl, (unsigned char *)ret, 32, label, sizeof(label) - 1, NULL, 0, 0) == 1;
	ERR_clear_error();
	return ok;
}

/* The certificate this handshake, or the one it resumes, has shown. */
static X509 *
server_certificate(const struct tls *t)
{
	if (t->client)
		return SSL_get0_peer_certificate(t->ssl);
	/* Of several, a resumed session does not remember which. */
	if (!t->group || (SSL_session_reused(t->ssl) && t->group->certs > 1))
		return NULL;
	return SSL_get_certificate(t->ssl);
}

bool
tls_server_end_point(const struct tls *t, char ret[64], size_t *ret_n)
{
	X509 *x = t->up ? server_certificate(t) : NULL;
	int digest = NID_undef;
	unsigned n = 0;
	bool ok;

	if (!x || X509_get_signature_info(x, &digest, NULL, NULL, NULL) != 1 || digest == NID_undef) {
		ERR_clear_error();
		return false;
	}
	if (digest == NID_md5 || digest == NID_sha1)
		digest = NID_sha256; /* RFC 5929 4.1 */
	ok = EVP_MD_get_size(EVP_get_digestbynid(digest)) <= 64 &&
	     X509_digest(x, EVP_get_digestbynid(digest), (unsigned char *)ret, &n) == 1;
	ERR_clear_error();
	if (ok)
		*ret_n = n;
	return ok;
}
