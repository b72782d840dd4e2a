/* rt/tls.h - TLS 1.2 and 1.3 with OpenSSL 3; private keys stay in another process
 * A tls_server holds certificate chains (chosen by SNI, the first is the default), session tickets and settings. Signing is a
 * callback that may wait (it asks `vault`), so this process never has the key. RFC 8446, RFC 9325 (settings), RFC 6066 (SNI),
 * RFC 9266 and 5929 (channel bindings). Per-connection memory is kept low: SSL_MODE_RELEASE_BUFFERS. */
#ifndef RT_TLS_H
#define RT_TLS_H

#include "base/arena.h"
#include "base/log.h"
#include "rt/stream.h"

/* What is to be signed, as the vault gets it. */
struct tls_sign {
	uint32_t key;	     /* number of the certificate: tls_cert.key */
	enum tls_sign_how {
		TLS_SIGN_ECDSA,	    /* digest -> DER ECDSA signature */
		TLS_SIGN_RSA_RAW,   /* padded block -> RSA private operation, no padding (covers PSS and PKCS#1: padding is made here) */
		TLS_SIGN_ED25519    /* message -> signature */
	} how;
	str data;
};
typedef enum fault tls_sign_fn(void *ctx, const struct tls_sign *what, struct buf *ret_signature); /* may wait */

struct tls_cert {
	str chain_pem;	 /* leaf first; public */
	uint32_t key;	 /* what the sign callback gets */
};
struct tls_settings {
	const struct tls_cert *certs;
	size_t cert_count;
	int least_version;    /* TLS1_2_VERSION ... */
	str ciphers;	      /* OpenSSL list for TLS 1.2; "" = ours */
	str ticket_keys;      /* 80 random bytes shared by all processes; resumption works across them and over reload */
	const char *alpn;     /* "imap", "pop3", or NULL: a client that asks for other protocols only is refused (ALPACA) */
};
/* On a fault *ret_why says what is wrong with which certificate. */
enum fault tls_server_new(const struct tls_settings *s, tls_sign_fn *sign, void *ctx, struct buf *ret_why, struct tls_server **ret);
void tls_server_free(struct tls_server *t); /* connections made with it go on */

struct tls_facts {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* OpenSSL's name */
	int bits;
	bool resumed;
	str server_name; /* SNI, "" = none; lives as long as the connection */
};
void tls_facts(const struct tls *t, struct tls_facts *ret);
/* Channel bindings for SCRAM-*-PLUS. 32 bytes; tls-server-end-point up to 64. False when there is none. */
bool tls_exporter(const struct tls *t, char ret[32]);
bool tls_server_end_point(const struct tls *t, char ret[64], size_t *ret_n);

/* The raw calls stream.c makes: >0 bytes; 0 = closed; -1 = wants READY_IN, -2 = wants READY_OUT, -3 = failed. */
struct tls *tls_accept_new(struct tls_server *t, int fd);
struct tls *tls_connect_new(struct tls_client *t, int fd, str server_name);
int tls_handshake(struct tls *t); /* 1 = done; as above */
long tls_read(struct tls *t, void *p, size_t n);
long tls_write(struct tls *t, const void *p, size_t n);
void tls_close(struct tls *t); /* sends close-notify if it can; frees */

/* A client: verifies against the system's roots unless `insecure`; server_name is sent and checked. */
struct tls_client *tls_client_new(bool insecure, const char *ca_file, struct buf *ret_why);
void tls_client_free(struct tls_client *t);

/* In vault: the private half. Loads a PEM key; key and first certificate of chain_pem must match. */
struct tls_key;
enum fault tls_key_new(str key_pem, str chain_pem, struct buf *ret_why, struct tls_key **ret);
void tls_key_free(struct tls_key *k);
enum fault tls_key_sign(struct tls_key *k, enum tls_sign_how how, str data, struct buf *ret_signature); /* pure computation */

/* A self-signed P-256 certificate for name, valid for `days`. PEM. */
enum fault tls_self_signed(str name, int days, int64_t now_ms, struct buf *ret_cert, struct buf *ret_key);

#endif
