#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

/* One file with all roots, read at once: a jailed process could not look into a folder of them later. */
static const char *const root_files[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
	"/etc/ssl/ca-bundle.pem",             /* SUSE */
};

bool
tls_client_load_roots(SSL_CTX *ctx)
{
	for (size_t i = 0; i < COUNT(root_files); i++)
		if (access(root_files[i], R_OK) == 0 && SSL_CTX_load_verify_file(ctx, root_files[i]) == 1)
			return true;
	return SSL_CTX_set_default_verify_paths(ctx) == 1;
}

static bool
load_roots(SSL_CTX *ctx, const char *ca_file, struct buf *why)
{
	if (ca_file ? SSL_CTX_load_verify_file(ctx, ca_file) == 1 : tls_client_load_roots(ctx))
		return true;
	tls_why_add(why, ca_file ? ca_file : "the system's roots");
	return false;
}

struct tls_client *
tls_client_new(bool insecure, const char *ca_file, struct buf *ret_why)
{
	struct tls_client *c = NEW(struct tls_client);
	bool ok;

	ERR_clear_error();
	c->refs = 1;
	c->insecure = insecure;
	c->socket = tls_socket_method();
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx)
		abort();
	ok = tls_ctx_common(c->ctx, TLS1_2_VERSION, S(""), ret_why) == OK;
	SSL_CTX_set_verify(c->ctx, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (ok && !insecure)
		ok = load_roots(c->ctx, ca_file, ret_why);
	ERR_clear_error();
	if (ok)
		return c;
	tls_client_unref(c);
	return NULL;
}

bool
tls_client_use_cert(struct tls_client *c, const char *file, struct buf *ret_why)
{
	bool ok;

	ERR_clear_error();
	ok = SSL_CTX_use_certificate_chain_file(c->ctx, file) == 1 &&
	     SSL_CTX_use_PrivateKey_file(c->ctx, file, SSL_FILETYPE_PEM) == 1 &&
	     SSL_CTX_check_private_key(c->ctx) == 1;
	if (!ok)
		tls_why_add(ret_why, file);
	return ok;
}

void
tls_client_unref(struct tls_client *c)
{
	if (!c || --c->refs > 0)
		return;
	SSL_CTX_free(c->ctx);
	BIO_meth_free(c->socket);
	free(c);
}

void
tls_client_free(struct tls_client *c)
{
	tls_client_unref(c);
}

static bool
is_address(const char *name)
{
	unsigned char ip[16];

	return inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
}

static bool
expect_name(SSL *ssl, const char *name)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

void
tls_client_expect(struct tls *t, str server_name)
{
	bool ok;

	if (str_ends(server_name, S("."))) /* the root is not part of it on the wire (RFC 6066 3) */
		server_name.n--;
	t->server_name = mem_new(server_name.n + 1);
	if (server_name.n)
		memcpy(t->server_name, server_name.p, server_name.n);
	if (server_name.n == 0)
		ok = t->client->insecure; /* nothing to compare with */
	else if (str_find(server_name, '\0') < server_name.n)
		ok = false;
	else if (is_address(t->server_name))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), t->server_name) == 1;
	else
		ok = expect_name(t->ssl, t->server_name);
	ERR_clear_error();
	if (!ok) {
		t->broken = true;
		t->why = "not a server name";
	}
}
