/* rt/tls_own.h - what the files behind tls.h share */
#ifndef RT_TLS_OWN_H
#define RT_TLS_OWN_H

#include "base/mem.h"
#include "rt/tls.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* The names a certificate stands for: its DNS SANs, else its common name. Lower case; "*.example.org" stays as written. */
struct tls_names {
	str *names;
	size_t n;
};
void tls_names_of(struct arena *a, X509 *x, struct tls_names *ret);
bool tls_names_same(const struct tls_names *x, const struct tls_names *y); /* as sets */
enum tls_match { TLS_NO_MATCH, TLS_WILDCARD, TLS_EXACT };
/* RFC 6125 6.4: a wildcard stands for one whole label, the first. `name` is in lower case. */
enum tls_match tls_names_match(const struct tls_names *names, str name);
/* The host name in a server_name extension (RFC 6066 3), in lower case and without a last dot, in room bytes at p.
 * False: malformed. An extension without a host name, or with one that no host can have, gives "". */
bool tls_names_take_sni(str extension, char *p, size_t room, str *ret_name);

/* A private key that is elsewhere: OpenSSL has the public half and asks `sign` for the other. */
struct tls_remote;
/* Faults: BAD_ARGUMENT (the certificate's key is of a kind that cannot be asked for; *why says so). *ret_key is the caller's
 * to free and must not outlive *ret. */
enum fault tls_remote_new(X509 *leaf, uint32_t key, tls_sign_fn *sign, void *ctx, struct buf *why,
	struct tls_remote **ret, EVP_PKEY **ret_key);
void tls_remote_free(struct tls_remote *r);

/* Certificates that one name leads to: of the same names, of different key types. */
struct tls_group {
	SSL_CTX *ctx;
	struct tls_names names;
	size_t certs;
	int types[4]; /* EVP_PKEY ids, certs of them */
	unsigned char digest
		[32]; /* of the certificates and the protocol: what a ticket is bound to, besides the server name */
};
struct tls_server {
	size_t refs;
	struct arena arena;
	BIO_METHOD *socket;
	struct tls_group *groups; /* the first is the default */
	size_t group_count;
	struct tls_remote **remotes;
	size_t remote_count;
	bool believes; /* there are authorities by which a client's certificate can verify */
	str alpn;      /* length byte and name, repeated; empty: none */
};
struct tls_client {
	size_t refs;
	bool insecure;
	BIO_METHOD *socket;
	SSL_CTX *ctx;
};
struct tls {
	SSL *ssl;
	struct tls_server *server; /* one of these two */
	struct tls_client *client;
	int fd;
	int error;       /* errno of the last failed recv or send */
	bool ended;      /* recv gave 0 */
	bool up;         /* the handshake is done */
	bool broken;     /* nothing can be sent any more */
	const char *why; /* of the last failure; static text */
	const struct tls_group *group;
	char *server_name; /* NULL: none */
};

/* Whom the client's side wants to see: SNI, and the name or address to be verified. A bad name breaks the connection. */
void tls_client_expect(struct tls *t, str server_name);

/* The system's roots of trust, from wherever they are. False: there are none. */
bool tls_client_load_roots(SSL_CTX *ctx);
/* tls_peer.c: without what the handshake found out. */
void tls_peer_of(struct arena *a, X509 *x, const char *digest, struct tls_peer *ret);
enum fault tls_ask_clients(SSL_CTX *ctx, const struct tls_settings *s, struct buf *why);

void tls_server_unref(struct tls_server *t);
void tls_client_unref(struct tls_client *t);

/* OpenSSL's view of a connection's socket: never a signal (MSG_NOSIGNAL), the error kept with the connection. */
BIO_METHOD *tls_socket_method(void);
BIO *tls_socket_new(const BIO_METHOD *m, struct tls *t);

/* What OpenSSL's error queue says first, in its words; never NULL. Empties the queue. */
const char *tls_take_error(void);
/* Appends "text: what the queue says" to why. */
void tls_why_add(struct buf *why, const char *text);

/* What both sides set alike. Faults: BAD_ARGUMENT. */
enum fault tls_ctx_common(SSL_CTX *ctx, int least_version, str ciphers, struct buf *why);

/* The certificates of a PEM text, leaf first; NULL: *why says what is wrong. */
STACK_OF(X509) * tls_chain_read(str pem, struct buf *why);

#endif
