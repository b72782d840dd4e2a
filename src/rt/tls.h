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
	uint32_t key; /* number of the certificate: tls_cert.key */
	enum tls_sign_how {
		TLS_SIGN_ECDSA, /* digest -> DER ECDSA signature */
		TLS_SIGN_RSA_RAW, /* padded block -> RSA private operation, no padding (covers PSS and PKCS#1: padding is made here) */
		TLS_SIGN_ED25519 /* message -> signature */
	} how;
	str data;
};
typedef enum fault tls_sign_fn(
	void *ctx, const struct tls_sign *what, struct buf *ret_signature); /* may wait */

struct tls_cert {
	str chain_pem; /* leaf first; public */
	uint32_t key;  /* what the sign callback gets */
};
struct tls_settings {
	const struct tls_cert *certs;
	size_t cert_count;
	int least_version; /* TLS1_2_VERSION or TLS1_3_VERSION (openssl/tls1.h) */
	str ciphers;       /* OpenSSL list for TLS 1.2; "" = ours */
	str ticket_keys; /* 80 random bytes shared by all processes; resumption works across them and over reload, for
			       * the same server name, certificates and protocol. "" = no tickets */
	const char *
		alpn; /* "imap", "pop3", "smtp esmtp" (in order of preference), or NULL for none: a client that asks
			       * for other protocols only is refused (ALPACA); one that asks for none is welcome */
	int most_version; /* 0: the newest */
	/* Certificates of clients. ASK: whatever comes of it the handshake goes on; REQUIRE: only with one that verifies. */
	enum tls_ask { TLS_ASK_NO, TLS_ASK, TLS_REQUIRE } clients;
	str client_cas_pem; /* the authorities that are believed; "" = none: no certificate verifies */
	int client_depth;   /* most authorities between a client and one of them */
};
/* Certificates with the same names and keys of different types (RSA, ECDSA) serve those names together. ECDSA on P-256, P-384,
 * P-521 and RSA keys are possible. On a fault *ret_why says what is wrong with which certificate. Faults: BAD_ARGUMENT. */
enum fault tls_server_new(const struct tls_settings *s, tls_sign_fn *sign, void *ctx, struct buf *ret_why,
	struct tls_server **ret);
void tls_server_free(struct tls_server *t); /* connections made with it go on */

struct tls_facts {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* OpenSSL's name */
	int bits;
	bool resumed;
	str server_name; /* SNI, "" = none; lives as long as the connection */
};
void tls_facts(const struct tls *t, struct tls_facts *ret);
/* The certificate that the other end showed. */
struct tls_peer {
	bool verified;   /* by client_cas_pem, and in its time */
	const char *why; /* when it is not; static */
	str fingerprint; /* AA:BB:... */
	str subject;     /* RFC 2253; "" when it could not be shown */
	str *emails;     /* rfc822Names of its subjectAltName, in lower case, well formed, at most 8 */
	size_t email_count;
};
/* digest: "sha256" ... The results live in the arena. False: none was shown. */
bool tls_peer_cert(const struct tls *t, struct arena *a, const char *digest, struct tls_peer *ret);
/* Why the last call gave 0 or -3, in OpenSSL's words, for the log; "" when none did. Static text. */
const char *tls_why(const struct tls *t);
/* Channel bindings for SCRAM-*-PLUS. 32 bytes, TLS 1.3 only; tls-server-end-point up to 64. False when there is none. */
bool tls_exporter(const struct tls *t, char ret[32]);
bool tls_server_end_point(const struct tls *t, char ret[64], size_t *ret_n);

/* The raw calls stream.c makes: >0 bytes; 0 = closed; -1 = wants READY_IN, -2 = wants READY_OUT, -3 = failed.
 * fd stays the caller's. The handshake of a server may wait (the signature), so it runs in a fiber, and the connection must not
 * be closed meanwhile. After tls_write gave -1 or -2 the next one must begin with the same bytes and have at least as many.
 * What was received may lie here rather than with the kernel: read until -1 before waiting. */
struct tls *tls_accept_new(struct tls_server *t, int fd);
struct tls *tls_connect_new(struct tls_client *t, int fd, str server_name);
int tls_handshake(struct tls *t); /* 1 = done; as above */
long tls_read(struct tls *t, void *p, size_t n);
long tls_write(struct tls *t, const void *p, size_t n);
void tls_close(struct tls *t); /* sends close-notify if it can; frees */

/* A client: verifies against ca_file, or the system's roots (NULL), unless `insecure`; server_name (a DNS name or an address) is
 * sent and checked. NULL: *ret_why says why. */
struct tls_client *tls_client_new(bool insecure, const char *ca_file, struct buf *ret_why);
/* Who we are, for servers that ask: a PEM file with the user's certificate, those between it and its authority, and its key. Before the first
 * connection. False: *ret_why says why. */
bool tls_client_use_cert(struct tls_client *c, const char *file, struct buf *ret_why);
void tls_client_free(struct tls_client *t); /* connections made with it go on */

/* ---- for audits ---- */

/* A certificate as it is. Strings live in the arena or are static. */
struct tls_cert_facts {
	int64_t from_ms, until_ms; /* since 1970 */
	bool self_signed;
	bool fits; /* it is for the name (or address) that was asked about */
	bool weak; /* RSA below 2048 bits, a curve below 224, a signature with MD5 or SHA-1 */
	int key_bits;
	const char *key_type; /* "RSA", "EC" */
	str names;            /* "mx.a.test, *.a.test" */
	const char *trouble;  /* of a peer's chain: why it cannot be trusted; "" for nothing */
};
/* The first certificate of chain_pem. BAD_ARGUMENT: there is none, see *ret_why. */
enum fault tls_cert_facts(
	struct arena *a, str chain_pem, str name, struct buf *ret_why, struct tls_cert_facts *ret);
/* The peer's, after a handshake. False: it has shown none. */
bool tls_peer_facts(const struct tls *t, struct arena *a, str name, struct tls_cert_facts *ret);
/* A client that looks rather than trusts: any versions and ciphers that OpenSSL still can (0x0301: TLSv1 ...; a list in its words), no certificate
 * makes its handshake fail. With ca_file, or the system's roots (NULL), tls_peer_facts judges the chain. NULL: not possible, see *ret_why. */
struct tls_client *tls_client_new_looker(
	int least_version, int most_version, const char *ciphers, const char *ca_file, struct buf *ret_why);

/* In vault: the private half. Loads a PEM key; key and first certificate of chain_pem must match. Faults: BAD_ARGUMENT, and
 * *ret_why says why. */
struct tls_key;
enum fault tls_key_new(str key_pem, str chain_pem, struct buf *ret_why, struct tls_key **ret);
void tls_key_free(struct tls_key *k);
/* Pure computation. BAD_ARGUMENT: not what this key signs: its kind, a digest's length, a block without a signature's padding. */
enum fault tls_key_sign(struct tls_key *k, enum tls_sign_how how, str data, struct buf *ret_signature);

/* A self-signed P-256 certificate for the DNS name, valid for `days`. PEM. Faults: BAD_ARGUMENT (no such name). */
enum fault tls_self_signed(str name, int days, int64_t now_ms, struct buf *ret_cert, struct buf *ret_key);

#endif
