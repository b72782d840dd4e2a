#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/evp.h>

enum { TICKET_KEYS = 80, TICKET_LIFE_S = 3600, MOST_CERTS = 1000 };

/* ---- names and resumption: decided when the ClientHello has come ---- */

static const struct tls_group *
group_for(const struct tls_server *s, str name)
{
	const struct tls_group *wild = NULL;

	for (size_t i = 0; i < s->group_count; i++) {
		enum tls_match m = tls_names_match(&s->groups[i].names, name);

		if (m == TLS_EXACT)
			return &s->groups[i];
		if (m == TLS_WILDCARD && !wild)
			wild = &s->groups[i];
	}
	return wild ? wild : &s->groups[0];
}

/* A ticket is good for the same server name, certificates and protocol only (RFC 6066 3, RFC 8446 4.6.1): OpenSSL refuses
 * one of another session id context before it looks further. */
static bool
bind_tickets(SSL *ssl, const struct tls_group *g, str name)
{
	unsigned char text[sizeof(g->digest) + 256], context[32];

	memcpy(text, g->digest, sizeof(g->digest));
	memcpy(text + sizeof(g->digest), name.p, name.n);
	return EVP_Digest(text, sizeof(g->digest) + name.n, context, NULL, EVP_sha256(), NULL) == 1 &&
	       SSL_set_session_id_context(ssl, context, sizeof(context)) == 1;
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *s = arg;
	struct tls *t = SSL_get_app_data(ssl);
	const unsigned char *extension;
	char room[256];
	str name = S("");
	size_t n;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &n) == 1 &&
		!tls_names_take_sni(str_of(extension, n), room, sizeof(room), &name)) {
		*alert = SSL_AD_DECODE_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	t->group = group_for(s, name);
	free(t->server_name); /* of the first hello, when this is the second */
	t->server_name = name.n ? strndup(name.p, name.n) : NULL;
	if (!SSL_set_SSL_CTX(ssl, t->group->ctx) || !bind_tickets(ssl, t->group, name)) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* Only to acknowledge the extension when it was of use (RFC 6066 3). */
static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls *t = SSL_get_app_data(ssl);

	(void)alert, (void)arg;
	if (t->server_name && t->group &&
		tls_names_match(&t->group->names, str_c(t->server_name)) != TLS_NO_MATCH)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_NOACK;
}

/* A client that wants to speak another protocol (a browser led astray) learns that before it has said anything. */
static int
on_alpn(SSL *ssl, const unsigned char **ret_p, unsigned char *ret_n, const unsigned char *theirs,
	unsigned theirs_n, void *arg)
{
	const struct tls_server *s = arg;
	unsigned char *chosen;

	(void)ssl;
	if (s->alpn.n == 0 || SSL_select_next_proto(&chosen, ret_n, (const unsigned char *)s->alpn.p,
				      (unsigned)s->alpn.n, theirs, theirs_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret_p = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- making one ---- */

static enum fault
set_tickets(SSL_CTX *ctx, str keys, struct buf *why)
{
	unsigned char copy[TICKET_KEYS];

	if (keys.n == 0) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		return SSL_CTX_set_num_tickets(ctx, 0) == 1 ? OK : INTERNAL;
	}
	if (keys.n != sizeof(copy)) {
		buf_printf(why, "ticket keys are %d bytes, not %zu", TICKET_KEYS, keys.n);
		return BAD_ARGUMENT;
	}
	memcpy(copy, keys.p, sizeof(copy));
	if (SSL_CTX_set_tlsext_ticket_keys(ctx, copy, sizeof(copy)) != 1 ||
		SSL_CTX_set_num_tickets(ctx, 1) != 1)
		tls_why_add(why, "ticket keys");
	mem_wipe(copy, sizeof(copy));
	SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
	return why->n ? BAD_ARGUMENT : OK;
}

static enum fault
new_ctx(struct tls_server *s, const struct tls_settings *settings, struct buf *why, SSL_CTX **ret)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		abort();
	*ret = ctx;
	TRY(tls_ctx_common(ctx, settings->least_version, settings->ciphers, why));
	if (settings->most_version && SSL_CTX_set_max_proto_version(ctx, settings->most_version) != 1) {
		tls_why_add(why, "the newest TLS version");
		return BAD_ARGUMENT;
	}
	TRY(set_tickets(ctx, settings->ticket_keys, why));
	TRY(tls_ask_clients(ctx, settings, why));
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, s);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, s);
	return OK;
}

static bool
first_digest(const struct tls_server *s, const struct tls_settings *settings, unsigned char ret[32])
{
	struct buf text = { 0 };
	bool ok;

	buf_add(&text, s->alpn);
	if (settings->clients != TLS_ASK_NO) {
		buf_add_char(&text, (char)settings->clients);
		buf_add(&text, settings->client_cas_pem);
	}
	ok = EVP_Digest(text.p, text.n, ret, NULL, EVP_sha256(), NULL) == 1;
	buf_done(&text);
	return ok;
}

/* The group the certificate joins: of the same names, but without a key of its type yet. A new one otherwise. */
static enum fault
group_of(struct tls_server *s, const struct tls_settings *settings, X509 *leaf, struct buf *why,
	struct tls_group **ret)
{
	int type = EVP_PKEY_get_base_id(X509_get0_pubkey(leaf));
	struct tls_names names;
	struct tls_group *g;

	tls_names_of(&s->arena, leaf, &names);
	for (g = s->groups; g < s->groups + s->group_count; g++) {
		bool taken = g->certs == COUNT(g->types);

		for (size_t k = 0; k < g->certs; k++)
			taken |= g->types[k] == type;
		if (!taken && tls_names_same(&g->names, &names))
			break;
	}
	if (g == s->groups + s->group_count) {
		s->group_count++;
		g->names = names;
		/* Tickets of one protocol are not good for another, nor those of clients that were asked for less. */
		if (!first_digest(s, settings, g->digest))
			return INTERNAL;
		TRY(new_ctx(s, settings, why, &g->ctx));
	}
	g->types[g->certs++] = type;
	*ret = g;
	return OK;
}

static bool
add_to_digest(struct tls_group *g, X509 *leaf)
{
	unsigned char both[2 * sizeof(g->digest)];

	memcpy(both, g->digest, sizeof(g->digest));
	return X509_digest(leaf, EVP_sha256(), both + sizeof(g->digest), NULL) == 1 &&
	       EVP_Digest(both, sizeof(both), g->digest, NULL, EVP_sha256(), NULL) == 1;
}

static enum fault
add_chain(struct tls_server *s, const struct tls_settings *settings, const struct tls_cert *cert,
	STACK_OF(X509) * chain, tls_sign_fn *sign, void *ctx, struct buf *why)
{
	X509 *leaf = sk_X509_value(chain, 0);
	struct tls_group *g;
	EVP_PKEY *key;
	bool ok;

	TRY(tls_remote_new(leaf, cert->key, sign, ctx, why, &s->remotes[s->remote_count], &key));
	s->remote_count++;
	ok = group_of(s, settings, leaf, why, &g) == OK;
	if (ok && (SSL_CTX_use_certificate(g->ctx, leaf) != 1 || SSL_CTX_use_PrivateKey(g->ctx, key) != 1 ||
			  !add_to_digest(g, leaf))) {
		tls_why_add(why, "not usable");
		ok = false;
	}
	EVP_PKEY_free(key);
	for (int i = 1; ok && i < sk_X509_num(chain); i++)
		if (SSL_CTX_add1_chain_cert(g->ctx, sk_X509_value(chain, i)) != 1) {
			tls_why_add(why, "its chain");
			ok = false;
		}
	return ok ? OK : BAD_ARGUMENT;
}

static enum fault
add_cert(struct tls_server *s, const struct tls_settings *settings, size_t i, tls_sign_fn *sign, void *ctx,
	struct buf *ret_why)
{
	struct buf why = { 0 };
	STACK_OF(X509) *chain = tls_chain_read(settings->certs[i].chain_pem, &why);
	enum fault f = BAD_ARGUMENT;

	if (chain)
		f = add_chain(s, settings, &settings->certs[i], chain, sign, ctx, &why);
	if (f != OK)
		buf_printf(ret_why, "certificate %zu: %.*s", i + 1, STR_ARG(buf_str(&why)));
	sk_X509_pop_free(chain, X509_free);
	buf_done(&why);
	return f;
}

/* "imap" or "smtp esmtp" as ALPN spells lists: a length byte before each. */
static enum fault
set_alpn(struct tls_server *s, const char *names, struct buf *why)
{
	str rest = str_c(names), word;
	struct buf wire = { 0 };
	enum fault f = OK;

	while (str_take_word(&rest, &word)) {
		if (word.n > 255) {
			buf_add_c(why, "an ALPN name has at most 255 bytes");
			f = BAD_ARGUMENT;
			break;
		}
		buf_add_char(&wire, (char)word.n);
		buf_add(&wire, word);
	}
	s->alpn = arena_str(&s->arena, buf_str(&wire));
	buf_done(&wire);
	return f;
}

enum fault
tls_server_new(const struct tls_settings *settings, tls_sign_fn *sign, void *ctx, struct buf *ret_why,
	struct tls_server **ret)
{
	struct tls_server *s;
	enum fault f;

	if (settings->cert_count == 0 || settings->cert_count > MOST_CERTS) {
		buf_printf(ret_why, "a TLS server has 1 to %d certificates, not %zu", MOST_CERTS,
			settings->cert_count);
		return BAD_ARGUMENT;
	}
	s = NEW(struct tls_server);
	s->refs = 1;
	s->socket = tls_socket_method();
	s->believes = settings->client_cas_pem.n > 0;
	s->groups = ARENA_ARRAY(&s->arena, settings->cert_count, struct tls_group);
	s->remotes = ARENA_ARRAY(&s->arena, settings->cert_count, struct tls_remote *);
	f = set_alpn(s, settings->alpn, ret_why);
	for (size_t i = 0; f == OK && i < settings->cert_count; i++)
		f = add_cert(s, settings, i, sign, ctx, ret_why);
	ERR_clear_error();
	if (f != OK) {
		tls_server_unref(s);
		return f;
	}
	*ret = s;
	return OK;
}

void
tls_server_unref(struct tls_server *s)
{
	if (!s || --s->refs > 0)
		return;
	for (size_t i = 0; i < s->group_count; i++)
		SSL_CTX_free(s->groups[i].ctx);
	for (size_t i = 0; i < s->remote_count; i++)
		tls_remote_free(s->remotes[i]);
	BIO_meth_free(s->socket);
	arena_done(&s->arena);
	free(s);
}

void
tls_server_free(struct tls_server *s)
{
	tls_server_unref(s);
}
