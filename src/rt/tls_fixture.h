/* rt/tls_fixture.h - what the tests of TLS share: certificates, a vault, a client by OpenSSL's own hand, both ends in one thread
 * To be included after test/t.h. */
#ifndef RT_TLS_FIXTURE_H
#define RT_TLS_FIXTURE_H

#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <sys/socket.h>

/* ---- certificates ---- */

struct identity {
	struct buf chain, key;
	struct tls_key *vault;
	X509 *leaf;
};
enum kind { P256, P384, RSA2048, ED25519, KINDS };

static inline void
add_alt_names(X509 *x, const char *names)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names);
	CHECK(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/* names as OpenSSL's configuration writes them: "DNS:a.test,DNS:*.b.test"; cn NULL: none */
static inline void
identity_init(struct identity *id, enum kind kind, const char *cn, const char *names)
{
	EVP_PKEY *key = kind == P256      ? EVP_EC_gen("P-256")
			: kind == P384    ? EVP_EC_gen("P-384")
			: kind == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
					  : EVP_RSA_gen(2048);
	BIO *cert_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_mem());
	struct buf why = { 0 };
	X509 *x = X509_new();
	char *p;
	long n;

	*id = (struct identity){ 0 };
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	if (cn)
		X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC,
			(const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	if (names)
		add_alt_names(x, names);
	CHECK(X509_sign(x, key, kind == ED25519 ? NULL : kind == P384 ? EVP_sha384() : EVP_sha256()) > 0);
	PEM_write_bio_X509(cert_text, x);
	PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(cert_text, &p);
	buf_add(&id->chain, str_of(p, (size_t)n));
	n = BIO_get_mem_data(key_text, &p);
	buf_add(&id->key, str_of(p, (size_t)n));
	CHECK_INT(tls_key_new(buf_str(&id->key), buf_str(&id->chain), &why, &id->vault), OK);
	id->leaf = x;
	BIO_free(cert_text);
	BIO_free(key_text);
	EVP_PKEY_free(key);
	buf_done(&why);
}

static inline void
identity_done(struct identity *id)
{
	buf_done(&id->chain);
	buf_done(&id->key);
	tls_key_free(id->vault);
	X509_free(id->leaf);
}

/* ---- the vault, as the server's process sees it ---- */

struct vault {
	struct identity *ids;
	size_t n;
	unsigned asked;
	enum tls_sign_how last;
	enum fault refuses;
	void (*meanwhile)(void *arg); /* what other connections do while this one waits */
	void *arg;
};

static inline enum fault
vault_sign(void *ctx, const struct tls_sign *what, struct buf *ret_signature)
{
	struct vault *v = ctx;

	v->asked++;
	v->last = what->how;
	if (v->meanwhile) {
		void (*fn)(void *) = v->meanwhile;
		v->meanwhile = NULL;
		fn(v->arg);
	}
	if (v->refuses != OK)
		return v->refuses;
	CHECK(what->key < v->n);
	return tls_key_sign(v->ids[what->key].vault, what->how, what->data, ret_signature);
}

#define TICKET_KEYS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static inline struct tls_server *
server_new(struct vault *v, const struct tls_settings *with)
{
	struct tls_cert certs[8];
	struct tls_settings s = with ? *with : (struct tls_settings){ .ticket_keys = S(TICKET_KEYS) };
	struct buf why = { 0 };
	struct tls_server *server = NULL;

	for (uint32_t i = 0; i < v->n; i++)
		certs[i] = (struct tls_cert){ buf_str(&v->ids[i].chain), i };
	s.certs = certs;
	s.cert_count = v->n;
	if (!s.least_version)
		s.least_version = TLS1_2_VERSION;
	if (tls_server_new(&s, vault_sign, v, &why, &server) != OK)
		t_print_str("why", buf_str(&why));
	CHECK(server);
	CHECK_STR(buf_str(&why), S(""));
	buf_done(&why);
	return server;
}

/* ---- a client by OpenSSL's own hand, so that every mistake can be made ---- */

struct wish {
	int version; /* 0: the best */
	const char *name, *alpn, *ciphers, *sigalgs;
	SSL_SESSION *session;
};
struct pair {
	int fds[2];
	struct tls *server;
	SSL *client;
	SSL_SESSION *session;         /* what the server gave to resume */
	int server_says, client_says; /* of the handshake: 1, or the last result */
	unsigned long client_error;
};

static inline int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct pair *p = SSL_get_app_data(ssl);

	SSL_SESSION_free(p->session);
	p->session = session;
	return 1;
}

static inline SSL *
client_new(struct pair *p, const struct wish *w)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	SSL_CTX_set_security_level(ctx, 0);
	if (w->version) {
		SSL_CTX_set_min_proto_version(ctx, w->version);
		SSL_CTX_set_max_proto_version(ctx, w->version);
	}
	if (w->ciphers)
		CHECK(SSL_CTX_set_cipher_list(ctx, w->ciphers) == 1);
	if (w->sigalgs)
		CHECK(SSL_CTX_set1_sigalgs_list(ctx, w->sigalgs) == 1);
	if (w->alpn)
		CHECK(SSL_CTX_set_alpn_protos(
			      ctx, (const unsigned char *)w->alpn, (unsigned)strlen(w->alpn)) == 0);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_app_data(ssl, p);
	if (w->name)
		SSL_set_tlsext_host_name(ssl, w->name);
	if (w->session)
		SSL_set_session(ssl, w->session);
	SSL_set_connect_state(ssl);
	return ssl;
}

static inline void
socket_pair(int fds[2])
{
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
}

static inline void
pair_init(struct pair *p, struct tls_server *s, const struct wish *w)
{
	*p = (struct pair){ 0 };
	socket_pair(p->fds);
	p->server = tls_accept_new(s, p->fds[0]);
	p->client = client_new(p, w);
	SSL_set_fd(p->client, p->fds[1]);
}

static inline void
client_step(struct pair *p)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(p->client);
	p->client_says = r;
	if (r != 1 && SSL_get_error(p->client, r) == SSL_ERROR_WANT_READ)
		return;
	if (r != 1)
		p->client_error = ERR_peek_error();
	ERR_clear_error();
}

/* Both sides in turns, until nothing moves any more. */
static inline void
pair_shake(struct pair *p)
{
	for (int i = 0; i < 20; i++) {
		if (p->client_says != 1 && !p->client_error)
			client_step(p);
		if (p->server_says == 0 || p->server_says == -1)
			p->server_says = tls_handshake(p->server);
	}
	if (p->client_says == 1 && p->server_says == 1) { /* lets the client read its ticket */
		char c;
		CHECK(SSL_read(p->client, &c, 1) < 0);
		ERR_clear_error();
	}
}

static inline void
pair_done(struct pair *p)
{
	tls_close(p->server);
	SSL_set_shutdown(p->client, SSL_SENT_SHUTDOWN); /* or its session counts as broken */
	SSL_free(p->client);
	SSL_SESSION_free(p->session);
	close(p->fds[0]);
	close(p->fds[1]);
	ERR_clear_error();
}

static inline void
exchange(struct pair *p)
{
	static const char hello[] = "* OK ready\r\n";
	char got[64];

	CHECK_INT(tls_write(p->server, hello, sizeof(hello)), sizeof(hello));
	CHECK_INT(SSL_read(p->client, got, sizeof(got)), sizeof(hello));
	CHECK(memcmp(got, hello, sizeof(hello)) == 0);
	CHECK_INT(tls_read(p->server, got, sizeof(got)), -1);
	CHECK_INT(SSL_write(p->client, "QUIT", 4), 4);
	CHECK_INT(tls_read(p->server, got, 2), 2);
	CHECK_INT(tls_read(p->server, got + 2, sizeof(got)), 2);
	CHECK_STR(str_of(got, 4), S("QUIT"));
}

/* ---- fixtures: keys take their time, so they are made once ---- */

struct fixture {
	struct identity ids[KINDS];
	struct identity other;
};

static inline int
set_up(void **state)
{
	struct fixture *f = NEW(struct fixture);

	identity_init(&f->ids[P256], P256, "ec", "DNS:ec.test,DNS:*.wild.test");
	identity_init(&f->ids[P384], P384, "ec384", "DNS:ec384.test");
	identity_init(&f->ids[RSA2048], RSA2048, "rsa", "DNS:rsa.test,DNS:exact.wild.test");
	identity_init(&f->ids[ED25519], ED25519, "ed", "DNS:ed.test");
	identity_init(&f->other, RSA2048, "second of ec.test", "DNS:*.wild.test,DNS:EC.test");
	*state = f;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < KINDS; i++)
		identity_done(&f->ids[i]);
	identity_done(&f->other);
	free(f);
	return 0;
}

static inline void
write_file(char *path, str text)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, text.p, text.n), (long long)text.n);
	close(fd);
}

#endif
