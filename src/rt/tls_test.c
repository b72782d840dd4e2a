#include "test/t.h"

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

static void
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
static void
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

static void
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

static enum fault
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

static struct tls_server *
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

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct pair *p = SSL_get_app_data(ssl);

	SSL_SESSION_free(p->session);
	p->session = session;
	return 1;
}

static SSL *
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

static void
socket_pair(int fds[2])
{
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
}

static void
pair_init(struct pair *p, struct tls_server *s, const struct wish *w)
{
	*p = (struct pair){ 0 };
	socket_pair(p->fds);
	p->server = tls_accept_new(s, p->fds[0]);
	p->client = client_new(p, w);
	SSL_set_fd(p->client, p->fds[1]);
}

static void
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
static void
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

static void
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

static void
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

static int
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

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < KINDS; i++)
		identity_done(&f->ids[i]);
	identity_done(&f->other);
	free(f);
	return 0;
}

/* ---- handshakes ---- */

static const struct {
	int version;
	enum kind kind;
	enum tls_sign_how how;
	const char *says, *cipher;
	int bits;
} handshakes[] = {
	{ TLS1_2_VERSION, P256, TLS_SIGN_ECDSA, "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", 256 },
	{ TLS1_3_VERSION, P256, TLS_SIGN_ECDSA, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256 },
	{ TLS1_2_VERSION, P384, TLS_SIGN_ECDSA, "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", 256 },
	{ TLS1_3_VERSION, P384, TLS_SIGN_ECDSA, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256 },
	{ TLS1_2_VERSION, RSA2048, TLS_SIGN_RSA_RAW, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", 256 },
	{ TLS1_3_VERSION, RSA2048, TLS_SIGN_RSA_RAW, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256 },
};

static void
the_vault_signs_each_full_handshake_once(void **state)
{
	struct fixture *f = *state;

	EACH(handshakes, c) {
		struct vault v = { .ids = &f->ids[c->kind], .n = 1 };
		struct tls_server *s = server_new(&v, NULL);
		struct tls_facts facts;
		struct pair p;

		pair_init(&p, s, &(struct wish){ .version = c->version, .name = "Some.Test" });
		pair_shake(&p);
		CHECK_INT(p.server_says, 1);
		CHECK_INT(p.client_says, 1);
		CHECK_INT(v.asked, 1);
		CHECK_INT(v.last, c->how);
		tls_facts(p.server, &facts);
		CHECK_C(str_c(facts.version), c->says);
		CHECK_C(str_c(facts.cipher), c->cipher);
		CHECK_INT(facts.bits, c->bits);
		CHECK(!facts.resumed);
		CHECK_STR(facts.server_name, S("some.test"));
		exchange(&p);
		pair_done(&p);
		tls_server_free(s);
	}
}

/* RSA in TLS 1.2 is PKCS#1 unless the client prefers PSS: both paddings are made here and pass the vault's check. */
static void
both_paddings_of_rsa_are_signed(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *sigalgs;
	} cases[] = { { "RSA+SHA256" }, { "RSA+SHA512" }, { "rsa_pss_rsae_sha256" },
		{ "rsa_pss_rsae_sha512" } };

	EACH(cases, c) {
		struct vault v = { .ids = &f->ids[RSA2048], .n = 1 };
		struct tls_server *s = server_new(&v, NULL);
		struct pair p;

		pair_init(&p, s, &(struct wish){ .version = TLS1_2_VERSION, .sigalgs = c->sigalgs });
		pair_shake(&p);
		CHECK_INT(p.server_says, 1);
		CHECK_INT(p.client_says, 1);
		exchange(&p);
		pair_done(&p);
		tls_server_free(s);
	}
}

static void
a_vault_that_refuses_fails_this_handshake_only(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1, .refuses = STORE_DOWN };
	struct tls_server *s = server_new(&v, NULL);
	struct pair p;

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		pair_init(&p, s, &(struct wish){ .version = version });
		pair_shake(&p);
		CHECK_INT(p.server_says, -3);
		CHECK(*tls_why(p.server));
		CHECK(p.client_error);
		CHECK_INT(tls_handshake(p.server), -3);
		CHECK_INT(tls_write(p.server, "x", 1), -3);
		pair_done(&p);
	}
	v.refuses = OK;
	pair_init(&p, s, &(struct wish){ 0 });
	pair_shake(&p);
	CHECK_INT(p.server_says, 1);
	pair_done(&p);
	tls_server_free(s);
}

static void
fail_another(void *arg)
{
	struct tls_server *s = arg;
	int fds[2];
	struct tls *t;

	socket_pair(fds);
	t = tls_accept_new(s, fds[0]);
	CHECK_INT(write(fds[1], "EHLO not.tls.test\r\n", 19), 19);
	CHECK_INT(tls_handshake(t), -3);
	tls_close(t);
	close(fds[0]);
	close(fds[1]);
	ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); /* what some other fiber left in the thread's queue */
}

static void
what_others_do_while_one_waits_for_its_signature_does_not_disturb_it(void **state)
{
	struct fixture *f = *state;

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		for (int kind = P256; kind <= RSA2048; kind++) {
			struct vault v = { .ids = &f->ids[kind], .n = 1 };
			struct tls_server *s = server_new(&v, NULL);
			struct pair p;

			v.meanwhile = fail_another;
			v.arg = s;
			pair_init(&p, s, &(struct wish){ .version = version });
			pair_shake(&p);
			CHECK_INT(v.asked, 1);
			CHECK(!v.meanwhile);
			CHECK_INT(p.server_says, 1);
			CHECK_INT(p.client_says, 1);
			exchange(&p);
			pair_done(&p);
			tls_server_free(s);
		}
}

static void
old_versions_and_weak_ciphers_are_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int least, version;
		const char *ciphers, *sigalgs;
	} cases[] = {
		{ TLS1_2_VERSION, TLS1_1_VERSION, NULL, NULL }, { TLS1_2_VERSION, TLS1_VERSION, NULL, NULL },
		{ TLS1_3_VERSION, TLS1_2_VERSION, NULL, NULL },
		{ TLS1_2_VERSION, TLS1_2_VERSION, "AES128-GCM-SHA256", NULL },       /* no forward secrecy */
		{ TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256", NULL }, /* CBC */
		{ TLS1_2_VERSION, TLS1_2_VERSION, "ADH-AES128-GCM-SHA256", NULL },   /* nobody */
		{ TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL }, /* not our key's */
	};

	EACH(cases, c) {
		struct vault v = { .ids = &f->ids[RSA2048], .n = 1 };
		struct tls_server *s = server_new(&v, &(struct tls_settings){ .least_version = c->least });
		struct pair p;

		pair_init(&p, s,
			&(struct wish){
				.version = c->version, .ciphers = c->ciphers, .sigalgs = c->sigalgs });
		pair_shake(&p);
		CHECK_INT(p.server_says, -3);
		CHECK(p.client_error);
		CHECK_INT(v.asked, 0);
		pair_done(&p);
		tls_server_free(s);
	}
}

static void
our_order_of_ciphers_counts_and_settings_can_change_it(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(
		&v, &(struct tls_settings){
			    .ciphers = S("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384") });
	struct tls_facts facts;
	struct pair p;

	pair_init(&p, s,
		&(struct wish){ .version = TLS1_2_VERSION,
			.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256" });
	pair_shake(&p);
	CHECK_INT(p.server_says, 1);
	tls_facts(p.server, &facts);
	CHECK_C(str_c(facts.cipher), "ECDHE-ECDSA-AES128-GCM-SHA256");
	pair_done(&p);
	tls_server_free(s);
}

static void
a_client_cannot_renegotiate(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);
	struct pair p;
	char c;

	pair_init(&p, s, &(struct wish){ .version = TLS1_2_VERSION });
	pair_shake(&p);
	CHECK_INT(p.server_says, 1);
	CHECK(SSL_renegotiate(p.client) == 1);
	SSL_do_handshake(p.client);
	for (int i = 0; i < 5; i++) {
		tls_read(p.server, &c, 1);
		SSL_do_handshake(p.client);
		ERR_clear_error();
	}
	CHECK_INT(v.asked, 1);
	pair_done(&p);
	tls_server_free(s);
}

/* ---- names ---- */

static const struct {
	const char *asked;
	const char *cn;
} sni_cases[] = {
	{ NULL, "ec" },
	{ "ec.test", "ec" },
	{ "EC.Test", "ec" },
	{ "rsa.test", "rsa" },
	{ "a.wild.test", "ec" },
	{ "exact.wild.test", "rsa" }, /* by its own name, before another's wildcard */
	{ "a.b.wild.test", "ec" },    /* the default */
	{ "wild.test", "ec" },
	{ "ec384.test", "ec384" },
	{ "nobody.test", "ec" },
};

static void
the_server_name_chooses_the_certificate(void **state)
{
	struct fixture *f = *state;
	struct identity ids[] = { f->ids[P256], f->ids[RSA2048], f->ids[P384] };
	struct vault v = { .ids = ids, .n = 3 };
	struct tls_server *s = server_new(&v, NULL);

	EACH(sni_cases, c)
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct tls_facts facts;
			struct pair p;
			char cn[64];

			pair_init(&p, s, &(struct wish){ .version = version, .name = c->asked });
			pair_shake(&p);
			CHECK_INT(p.server_says, 1);
			X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(p.client)),
				NID_commonName, cn, sizeof(cn));
			CHECK_C(str_c(cn), c->cn);
			tls_facts(p.server, &facts);
			CHECK(str_eq_nocase(facts.server_name, str_c(c->asked)));
			exchange(&p);
			pair_done(&p);
		}
	tls_server_free(s);
}

static void
certificates_of_one_name_and_two_kinds_serve_old_and_new_clients(void **state)
{
	struct fixture *f = *state;
	struct identity ids[] = { f->ids[P384], f->ids[P256], f->other };
	static const struct {
		const char *sigalgs;
		int version;
		enum tls_sign_how how;
	} cases[] = {
		{ "ECDSA+SHA256:RSA+SHA256", TLS1_2_VERSION, TLS_SIGN_ECDSA },
		{ "RSA+SHA256", TLS1_2_VERSION, TLS_SIGN_RSA_RAW },
		{ "RSA-PSS+SHA256", TLS1_3_VERSION, TLS_SIGN_RSA_RAW },
		{ "ECDSA+SHA256", TLS1_3_VERSION, TLS_SIGN_ECDSA },
	};
	struct vault v = { .ids = ids, .n = 3 };
	struct tls_server *s = server_new(&v, NULL);

	CHECK_INT(s->group_count, 2);
	EACH(cases, c) {
		struct pair p;

		pair_init(&p, s,
			&(struct wish){ .version = c->version, .name = "ec.test", .sigalgs = c->sigalgs });
		pair_shake(&p);
		CHECK_INT(p.server_says, 1);
		CHECK_INT(v.last, c->how);
		exchange(&p);
		pair_done(&p);
	}
	tls_server_free(s);
}

static const struct {
	str extension;
	bool ok;
	const char *name;
} sni_bytes[] = {
	{ SC("\0\7\0\0\4a.b."), true, "a.b" },
	{ SC("\0\6\0\0\3A.b"), true, "a.b" },
	{ SC("\0\6\0\0\3a b"), true, "" },
	{ SC("\0\6\0\0\3\0.b"), true, "" },
	{ SC("\0\4\0\0\1."), true, "" },
	{ SC("\0\4\0\0\1\n"), true, "" },
	{ SC("\0\6\0\0\4a.b"), false, "" },
	{ SC("\0\7\0\0\3a.b"), false, "" },
	{ SC("\0\6\1\0\3a.b"), false, "" },
	{ SC("\0\3\0\0\0"), false, "" },
	{ SC("\0\0"), false, "" },
	{ SC("\0"), false, "" },
	{ SC(""), false, "" },
};

static void
a_server_name_extension_gives_a_name_or_nothing_or_is_malformed(void **state)
{
	(void)state;
	EACH(sni_bytes, c) {
		char room[256];
		str name = S("");

		CHECK_INT(tls_names_take_sni(c->extension, room, sizeof(room), &name), c->ok);
		CHECK_C(name, c->name);
	}
}

/* ---- resumption ---- */

static SSL_SESSION *
session_from(struct tls_server *s, const struct wish *w)
{
	struct pair p;
	SSL_SESSION *got;

	pair_init(&p, s, w);
	pair_shake(&p);
	CHECK_INT(p.server_says, 1);
	got = p.session;
	if (got)
		SSL_SESSION_up_ref(got);
	pair_done(&p);
	return got;
}

static void
check_resumes(struct tls_server *s, struct vault *v, struct wish w, SSL_SESSION *session, bool wanted)
{
	unsigned asked = v->asked;
	struct tls_facts facts;
	struct pair p;

	w.session = session;
	pair_init(&p, s, &w);
	pair_shake(&p);
	CHECK_INT(p.server_says, 1);
	CHECK_INT(p.client_says, 1);
	tls_facts(p.server, &facts);
	CHECK_INT(facts.resumed, wanted);
	CHECK_INT(SSL_session_reused(p.client), wanted);
	CHECK_INT(v->asked, asked + !wanted);
	CHECK(str_eq(facts.server_name, str_c(w.name)));
	exchange(&p);
	pair_done(&p);
}

static void
a_ticket_of_one_process_resumes_in_another(void **state)
{
	struct fixture *f = *state;
	static const struct wish wishes[] = {
		{ .version = TLS1_2_VERSION, .name = "ec.test" },
		{ .version = TLS1_3_VERSION, .name = "ec.test" },
		{ .version = TLS1_2_VERSION, .name = "rsa.test" },
		{ .version = TLS1_3_VERSION, .name = "rsa.test" },
		{ .version = TLS1_2_VERSION },
		{ .version = TLS1_3_VERSION },
	};
	struct identity ids[] = { f->ids[P256], f->ids[RSA2048] };
	struct vault v = { .ids = ids, .n = 2 };

	EACH(wishes, w) {
		struct tls_server *s1 = server_new(&v, NULL), *s2;
		SSL_SESSION *session = session_from(s1, w);

		CHECK(session);
		tls_server_free(s1);
		s2 = server_new(&v, NULL);
		check_resumes(s2, &v, *w, session, true);
		SSL_SESSION_free(session);
		tls_server_free(s2);
	}
}

static void
a_ticket_is_bound_to_name_certificates_protocol_and_keys(void **state)
{
	struct fixture *f = *state;
	struct identity ids[] = { f->ids[P256], f->ids[RSA2048] };
	struct vault v = { .ids = ids, .n = 2 }, fewer = { .ids = &ids[1], .n = 1 };
	struct tls_settings imap = { .ticket_keys = S(TICKET_KEYS), .alpn = "imap" };
	struct tls_settings rekeyed = { .ticket_keys = str_sub(S(TICKET_KEYS "x"), 1, 80) };
	struct tls_settings ticketless = { .ticket_keys = S("") };

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct wish w = { .version = version, .name = "ec.test" }, w2 = w;
		struct tls_server *s = server_new(&v, NULL), *other;
		SSL_SESSION *session = session_from(s, &w);

		CHECK(session);
		check_resumes(s, &v, w, session, true);
		w2.name = "a.wild.test"; /* of the same certificate */
		check_resumes(s, &v, w2, session, false);
		w2.name = "rsa.test";
		check_resumes(s, &v, w2, session, false);
		w2.name = NULL;
		check_resumes(s, &v, w2, session, false);
		other = server_new(&v, &imap);
		check_resumes(other, &v, w, session, false);
		tls_server_free(other);
		other = server_new(&v, &rekeyed);
		check_resumes(other, &v, w, session, false);
		tls_server_free(other);
		other = server_new(&v, &ticketless);
		check_resumes(other, &v, w, session, false);
		SSL_SESSION_free(session);
		session = session_from(other, &w);
		CHECK(!session || !SSL_SESSION_has_ticket(session));
		tls_server_free(other);
		SSL_SESSION_free(session);
		session = session_from(s, &w);
		other = server_new(&fewer, NULL);
		check_resumes(other, &fewer, w, session, false);
		tls_server_free(other);
		SSL_SESSION_free(session);
		tls_server_free(s);
	}
}

/* ---- protocols ---- */

static const struct {
	const char *ours, *theirs, *chosen; /* chosen NULL: refused */
} alpn_cases[] = {
	{ "imap", "\4imap", "imap" },
	{ "imap", NULL, "" },
	{ "imap", "\10http/1.1\4imap", "imap" },
	{ "imap", "\10http/1.1", NULL },
	{ "imap", "\4pop3", NULL },
	{ "imap", "\5imaps", NULL },
	{ "imap", "\3ima", NULL },
	{ "smtp esmtp", "\5esmtp\4smtp", "smtp" },
	{ "smtp esmtp", "\5esmtp", "esmtp" },
	{ NULL, "\2h2\10http/1.1", NULL },
	{ NULL, NULL, "" },
};

static void
a_client_that_wants_another_protocol_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };

	EACH(alpn_cases, c)
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct tls_server *s = server_new(&v, &(struct tls_settings){ .alpn = c->ours });
			const unsigned char *chosen = NULL;
			unsigned n = 0;
			struct pair p;

			pair_init(&p, s, &(struct wish){ .version = version, .alpn = c->theirs });
			pair_shake(&p);
			CHECK_INT(p.server_says, c->chosen ? 1 : -3);
			if (c->chosen) {
				SSL_get0_alpn_selected(p.client, &chosen, &n);
				CHECK_C(str_of(chosen, n), c->chosen);
			} else {
				CHECK_INT(ERR_GET_REASON(p.client_error),
					SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
				CHECK_C(str_c(tls_why(p.server)), "no application protocol");
			}
			pair_done(&p);
			tls_server_free(s);
		}
}

/* ---- channel bindings ---- */

static void
both_ends_export_the_same_binding(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);
	char ours[32], theirs[32], before[32] = { 0 };
	struct pair p;

	for (int i = 0; i < 2; i++) {
		pair_init(&p, s, &(struct wish){ .version = TLS1_3_VERSION });
		CHECK(!tls_exporter(p.server, ours));
		pair_shake(&p);
		CHECK(tls_exporter(p.server, ours));
		CHECK(SSL_export_keying_material(p.client, (unsigned char *)theirs, 32,
			      "EXPORTER-Channel-Binding", 24, (const unsigned char *)"", 0, 1) == 1);
		CHECK(memcmp(ours, theirs, 32) == 0);
		CHECK(memcmp(ours, before, 32) != 0);
		memcpy(before, ours, 32);
		pair_done(&p);
	}
	pair_init(&p, s, &(struct wish){ .version = TLS1_2_VERSION });
	pair_shake(&p);
	CHECK_INT(p.server_says, 1);
	CHECK(!tls_exporter(p.server, ours));
	pair_done(&p);
	tls_server_free(s);
}

static const struct {
	enum kind kind;
	const char *digest;
	size_t n;
} end_points[] = {
	{ P256, "SHA256", 32 },
	{ RSA2048, "SHA256", 32 },
	{ P384, "SHA384", 48 },
};

static void
the_end_point_is_the_certificates_digest(void **state)
{
	struct fixture *f = *state;

	EACH(end_points, c) {
		struct vault v = { .ids = &f->ids[c->kind], .n = 1 };
		struct tls_server *s = server_new(&v, NULL);
		struct wish w = { .version = TLS1_3_VERSION };
		unsigned char want[64];
		struct pair p;
		char got[64];
		size_t n = 0;

		for (int resumed = 0; resumed < 2; resumed++) {
			pair_init(&p, s, &w);
			CHECK(!tls_server_end_point(p.server, got, &n));
			pair_shake(&p);
			CHECK_INT(SSL_session_reused(p.client), resumed);
			CHECK(tls_server_end_point(p.server, got, &n));
			CHECK_INT(n, c->n);
			CHECK(X509_digest(SSL_get0_peer_certificate(p.client),
				      EVP_get_digestbyname(c->digest), want, NULL) == 1);
			CHECK(memcmp(got, want, n) == 0);
			if (!resumed) {
				w.session = p.session;
				SSL_SESSION_up_ref(w.session);
			}
			pair_done(&p);
		}
		SSL_SESSION_free(w.session);
		tls_server_free(s);
	}
}

/* ---- ends ---- */

static void
a_peer_that_goes_is_closed_at_every_step(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);

	for (int steps = 0; steps < 3; steps++) {
		struct pair p;
		char c;
		int r;

		pair_init(&p, s, &(struct wish){ .version = TLS1_3_VERSION });
		for (int i = 0; i < steps; i++) {
			client_step(&p);
			tls_handshake(p.server);
		}
		shutdown(p.fds[1], SHUT_RDWR);
		r = tls_handshake(p.server);
		if (r == 1)
			r = (int)tls_read(p.server, &c, 1);
		CHECK(r == 0 || r == -3);
		CHECK(*tls_why(p.server));
		pair_done(&p);
	}
	tls_server_free(s);
}

static void
close_notify_and_a_cut_both_read_as_closed(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);

	for (int polite = 0; polite < 2; polite++) {
		struct pair p;
		char c;

		pair_init(&p, s, &(struct wish){ 0 });
		pair_shake(&p);
		if (polite)
			SSL_shutdown(p.client);
		else
			shutdown(p.fds[1], SHUT_WR);
		CHECK_INT(tls_read(p.server, &c, 1), 0);
		CHECK_INT(tls_read(p.server, &c, 1), 0);
		pair_done(&p);
	}
	tls_server_free(s);
}

static void
closing_says_close_notify(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);
	struct pair p;
	char c;

	pair_init(&p, s, &(struct wish){ 0 });
	pair_shake(&p);
	tls_close(p.server);
	p.server = NULL;
	CHECK_INT(SSL_read(p.client, &c, 1), 0);
	CHECK_INT(SSL_get_error(p.client, 0), SSL_ERROR_ZERO_RETURN);
	pair_done(&p);
	tls_close(NULL);
	tls_server_free(s);
}

static void
what_is_no_tls_fails(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);
	static const struct {
		str bytes;
	} cases[] = {
		{ SC("GET / HTTP/1.1\r\nHost: mail.test\r\n\r\n") },
		{ SC("EHLO client.test\r\nEHLO client.test\r\n") },
		{ SC("\x16\x03\x01\xff\xff") },
		{ SC("\x16\x03\x01\0\4\1\0\0\0") },
		{ SC("\x15\x03\x01\0\2\2\50") },
		{ SC("\x17\x03\x03\0\1x") },
		{ SC("\x80\x2e\1\3\1\0\x15\0\0\0\x10") },
	};

	EACH(cases, c) {
		struct tls *t;
		int fds[2];

		socket_pair(fds);
		t = tls_accept_new(s, fds[0]);
		CHECK_INT(tls_handshake(t), -1);
		CHECK_INT(write(fds[1], c->bytes.p, c->bytes.n), (long long)c->bytes.n);
		shutdown(fds[1], SHUT_WR);
		CHECK(tls_handshake(t) != 1);
		CHECK(*tls_why(t));
		CHECK_INT(v.asked, 0);
		tls_close(t);
		close(fds[0]);
		close(fds[1]);
	}
	tls_server_free(s);
}

static void
connections_outlive_their_server(void **state)
{
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[RSA2048], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);
	struct pair p;

	pair_init(&p, s, &(struct wish){ .name = "rsa.test" });
	tls_server_free(s);
	pair_shake(&p);
	CHECK_INT(p.server_says, 1);
	exchange(&p);
	pair_done(&p);
}

static void
what_a_full_socket_does_not_take_is_sent_later(void **state)
{
	enum { MUCH = 3000000 };
	struct fixture *f = *state;
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);
	char *much = mem_new(MUCH), *got = mem_new(MUCH);
	size_t sent = 0, seen = 0;
	bool was_full = false;
	struct pair p;

	for (size_t i = 0; i < MUCH; i++)
		much[i] = (char)(i * 7 + i / 251);
	pair_init(&p, s, &(struct wish){ 0 });
	pair_shake(&p);
	while (seen < MUCH) {
		int r;

		while (sent < MUCH) {
			long n = tls_write(p.server, much + sent, MUCH - sent);

			if (n == -2)
				was_full = true;
			if (n < 0)
				break;
			sent += (size_t)n;
		}
		while ((r = SSL_read(p.client, got + seen, MUCH - (int)seen)) > 0)
			seen += (size_t)r;
		ERR_clear_error();
	}
	CHECK(was_full);
	CHECK(memcmp(much, got, MUCH) == 0);
	pair_done(&p);
	tls_server_free(s);
	free(much);
	free(got);
}

/* ---- the client's side ---- */

static void
write_file(char *path, str text)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, text.p, text.n), (long long)text.n);
	close(fd);
}

static const struct {
	const char *name;
	bool insecure, right_root;
	const char *why; /* NULL: it works */
} verified[] = {
	{ "ec.test", false, true, NULL },
	{ "EC.test.", false, true, NULL },
	{ "a.wild.test", false, true, NULL },
	{ "a.b.wild.test", false, true, "hostname mismatch" },
	{ "other.test", false, true, "hostname mismatch" },
	{ "127.0.0.1", false, true, "IP address mismatch" },
	{ "ec.test", false, false, "self-signed certificate" },
	{ "other.test", true, false, NULL },
	{ "127.0.0.1", true, false, NULL },
	{ "", true, false, NULL },
	{ "", false, true, "not a server name" },
};

static void
a_client_believes_a_certificate_of_its_roots_and_of_the_name(void **state)
{
	struct fixture *f = *state;
	char right[] = "/tmp/postrider-tls-test-XXXXXX", wrong[] = "/tmp/postrider-tls-test-XXXXXX";
	struct vault v = { .ids = &f->ids[P256], .n = 1 };
	struct tls_server *s = server_new(&v, NULL);
	struct buf why = { 0 };

	write_file(right, buf_str(&f->ids[P256].chain));
	write_file(wrong, buf_str(&f->ids[RSA2048].chain));
	EACH(verified, c) {
		struct tls_client *client = tls_client_new(c->insecure, c->right_root ? right : wrong, &why);
		struct tls *ours, *theirs;
		int fds[2], r = -1, r2 = -1;
		char x[64], y[64];
		size_t n = 0, n2 = 0;

		CHECK(client);
		socket_pair(fds);
		ours = tls_connect_new(client, fds[1], str_c(c->name));
		theirs = tls_accept_new(s, fds[0]);
		tls_client_free(client);
		for (int i = 0; i < 10 && (r == -1 || r2 == -1); i++) {
			if (r == -1)
				r = tls_handshake(ours);
			if (r2 == -1)
				r2 = tls_handshake(theirs);
		}
		CHECK_INT(r, c->why ? -3 : 1);
		if (c->why) {
			CHECK_C(str_c(tls_why(ours)), c->why);
		} else {
			CHECK_INT(r2, 1);
			CHECK(tls_exporter(ours, x) && tls_exporter(theirs, y) && memcmp(x, y, 32) == 0);
			CHECK(tls_server_end_point(ours, x, &n) && tls_server_end_point(theirs, y, &n2));
			CHECK(n == n2 && memcmp(x, y, n) == 0);
			CHECK_INT(tls_write(ours, "hi", 2), 2);
			CHECK_INT(tls_read(theirs, x, sizeof(x)), 2);
			CHECK_INT(tls_write(theirs, "ho", 2), 2);
			CHECK_INT(tls_read(ours, x, sizeof(x)), 2);
		}
		tls_close(ours);
		tls_close(theirs);
		close(fds[0]);
		close(fds[1]);
	}
	CHECK(!tls_client_new(false, "/nowhere/roots.pem", &why));
	CHECK(str_starts(buf_str(&why), S("/nowhere/roots.pem: ")));
	unlink(right);
	unlink(wrong);
	buf_done(&why);
	tls_server_free(s);
}

/* ---- settings and keys that cannot work ---- */

static void
bad_settings_are_explained(void **state)
{
	struct fixture *f = *state;
	struct tls_cert good = { buf_str(&f->ids[P256].chain), 0 };
	struct tls_cert empty[] = { good, { S(""), 1 } };
	struct tls_cert key_only[] = { { buf_str(&f->ids[P256].key), 0 } };
	struct tls_cert torn[] = { { str_sub(good.chain_pem, 0, good.chain_pem.n / 2), 0 } };
	struct tls_cert ed[] = { good, { buf_str(&f->ids[ED25519].chain), 1 } };
	const struct {
		struct tls_settings s;
		const char *why;
	} cases[] = {
		{ { &good, 0, TLS1_2_VERSION, S(""), S(""), NULL },
			"a TLS server has 1 to 1000 certificates, not 0" },
		{ { empty, 2, TLS1_2_VERSION, S(""), S(""), NULL },
			"certificate 2: no PEM certificate: no start line" },
		{ { key_only, 1, TLS1_2_VERSION, S(""), S(""), NULL },
			"certificate 1: no PEM certificate: no start line" },
		{ { torn, 1, TLS1_2_VERSION, S(""), S(""), NULL },
			"certificate 1: no PEM certificate: bad end line" },
		{ { ed, 2, TLS1_2_VERSION, S(""), S(""), NULL },
			"certificate 2: its key must be ECDSA on P-256, P-384 or P-521, or RSA of at most "
			"8192 bits: unsupported" },
		{ { &good, 1, TLS1_1_VERSION, S(""), S(""), NULL },
			"certificate 1: the least TLS version must be 1.2 or 1.3" },
		{ { &good, 1, TLS1_2_VERSION, S("NOSUCH"), S(""), NULL },
			"certificate 1: NOSUCH: no cipher match" },
		{ { &good, 1, TLS1_2_VERSION, S(""), S("short"), NULL },
			"certificate 1: ticket keys are 80 bytes, not 5" },
	};

	EACH(cases, c) {
		struct vault v = { 0 };
		struct tls_server *s = NULL;
		struct buf why = { 0 };

		CHECK_INT(tls_server_new(&c->s, vault_sign, &v, &why, &s), BAD_ARGUMENT);
		CHECK(!s);
		CHECK_C(buf_str(&why), c->why);
		buf_done(&why);
	}
}

static void
a_key_is_refused_that_is_not_the_certificates(void **state)
{
	struct fixture *f = *state;
	static const char sealed[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
				     "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\n"
				     "-----END ENCRYPTED PRIVATE KEY-----\n";
	const struct {
		str key, chain;
		const char *why;
	} cases[] = {
		{ buf_str(&f->ids[P256].key), buf_str(&f->ids[RSA2048].chain),
			"the private key is not the one of the first certificate" },
		{ buf_str(&f->ids[P256].key), S(""), "no PEM certificate: no start line" },
		{ buf_str(&f->ids[P256].chain), buf_str(&f->ids[P256].chain),
			"no PEM private key: unsupported" },
		{ S(""), buf_str(&f->ids[P256].chain), "no PEM private key: unsupported" },
		{ str_c(sealed), buf_str(&f->ids[P256].chain), "no PEM private key: unsupported" },
	};

	EACH(cases, c) {
		struct tls_key *k = NULL;
		struct buf why = { 0 };

		CHECK_INT(tls_key_new(c->key, c->chain, &why, &k), BAD_ARGUMENT);
		CHECK(!k);
		CHECK_C(buf_str(&why), c->why);
		buf_done(&why);
	}
	tls_key_free(NULL);
}

static void
a_key_behind_a_passphrase_is_refused_without_asking(void **state)
{
	struct fixture *f = *state;
	BIO *text = BIO_new(BIO_s_mem());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct tls_key *k = NULL;
	struct buf why = { 0 };
	char *p;
	long n;

	CHECK(PEM_write_bio_PrivateKey(
		      text, key, EVP_aes_128_cbc(), (const unsigned char *)"pw", 2, NULL, NULL) == 1);
	n = BIO_get_mem_data(text, &p);
	CHECK_INT(tls_key_new(str_of(p, (size_t)n), buf_str(&f->ids[P256].chain), &why, &k), BAD_ARGUMENT);
	CHECK_C(buf_str(&why), "the private key is encrypted with a passphrase");
	buf_done(&why);
	EVP_PKEY_free(key);
	BIO_free(text);
}

static void
a_key_signs_only_what_is_a_signature_to_be(void **state)
{
	struct fixture *f = *state;
	char block[257] = { 0 };
	const struct {
		enum kind kind;
		enum tls_sign_how how;
		size_t n;
		unsigned char first, second, third, last;
		enum fault fault;
	} cases[] = {
		{ P256, TLS_SIGN_ECDSA, 32, 1, 2, 3, 4, OK },
		{ P256, TLS_SIGN_ECDSA, 48, 1, 2, 3, 4, OK },
		{ P256, TLS_SIGN_ECDSA, 31, 1, 2, 3, 4, BAD_ARGUMENT },
		{ P256, TLS_SIGN_ECDSA, 0, 1, 2, 3, 4, BAD_ARGUMENT },
		{ P256, TLS_SIGN_RSA_RAW, 256, 0, 1, 0xff, 4, BAD_ARGUMENT },
		{ P256, TLS_SIGN_ED25519, 32, 1, 2, 3, 4, BAD_ARGUMENT },
		{ P256, 99, 32, 1, 2, 3, 4, BAD_ARGUMENT },
		{ RSA2048, TLS_SIGN_RSA_RAW, 256, 0, 1, 0xff, 4, OK },
		{ RSA2048, TLS_SIGN_RSA_RAW, 256, 0x12, 1, 0xff, 0xbc, OK },
		{ RSA2048, TLS_SIGN_RSA_RAW, 256, 0x82, 1, 0xff, 0xbc, BAD_ARGUMENT },
		{ RSA2048, TLS_SIGN_RSA_RAW, 256, 0, 2, 0xff, 4, BAD_ARGUMENT }, /* a decryption */
		{ RSA2048, TLS_SIGN_RSA_RAW, 256, 7, 2, 0xff, 4, BAD_ARGUMENT },
		{ RSA2048, TLS_SIGN_RSA_RAW, 255, 0, 1, 0xff, 4, BAD_ARGUMENT },
		{ RSA2048, TLS_SIGN_RSA_RAW, 257, 0, 1, 0xff, 4, BAD_ARGUMENT },
		{ RSA2048, TLS_SIGN_ECDSA, 32, 0, 1, 0xff, 4, BAD_ARGUMENT },
		{ ED25519, TLS_SIGN_ED25519, 100, 0, 1, 0xff, 4, OK },
		{ ED25519, TLS_SIGN_ECDSA, 32, 0, 1, 0xff, 4, BAD_ARGUMENT },
	};

	EACH(cases, c) {
		struct buf signature = { 0 };

		block[0] = (char)c->first, block[1] = (char)c->second, block[2] = (char)c->third;
		if (c->n > 3)
			block[c->n - 1] = (char)c->last;
		CHECK_INT(tls_key_sign(f->ids[c->kind].vault, c->how, str_of(block, c->n), &signature),
			c->fault);
		CHECK((signature.n > 0) == (c->fault == OK));
		memset(block, 0, sizeof(block));
		buf_done(&signature);
	}
}

/* ---- self-signed ---- */

static void
a_self_signed_certificate_serves_its_name(void **state)
{
	struct identity id = { 0 };
	struct vault v = { .ids = &id, .n = 1 };
	char path[] = "/tmp/postrider-tls-test-XXXXXX";
	struct tls_client *client;
	struct tls_server *s;
	struct tls *ours, *theirs;
	struct buf why = { 0 };
	int fds[2], r = -1;
	int64_t now_ms = (int64_t)time(NULL) * 1000;

	(void)state;
	CHECK_INT(tls_self_signed(S("mail.example.org"), 365, now_ms, &id.chain, &id.key), OK);
	CHECK_INT(tls_key_new(buf_str(&id.key), buf_str(&id.chain), &why, &id.vault), OK);
	s = server_new(&v, NULL);
	write_file(path, buf_str(&id.chain));
	client = tls_client_new(false, path, &why);
	socket_pair(fds);
	ours = tls_connect_new(client, fds[1], S("mail.example.org"));
	theirs = tls_accept_new(s, fds[0]);
	for (int i = 0; i < 10 && r == -1; i++) {
		r = tls_handshake(ours);
		tls_handshake(theirs);
	}
	CHECK_C(str_c(tls_why(ours)), "");
	CHECK_INT(r, 1);
	tls_close(ours);
	tls_close(theirs);
	close(fds[0]);
	close(fds[1]);
	unlink(path);
	tls_client_free(client);
	tls_server_free(s);
	identity_done(&id);
	buf_done(&why);
}

static void
a_self_signed_certificate_has_a_time_a_use_and_one_name(void **state)
{
	struct buf cert = { 0 }, key = { 0 }, why = { 0 };
	int64_t then_ms = 1000000000000;
	STACK_OF(X509) * chain;
	struct arena a = { 0 };
	struct tls_names names;
	time_t t;
	X509 *x;

	(void)state;
	CHECK_INT(tls_self_signed(S("a.test"), 10, then_ms, &cert, &key), OK);
	chain = tls_chain_read(buf_str(&cert), &why);
	CHECK(chain && sk_X509_num(chain) == 1);
	x = sk_X509_value(chain, 0);
	t = (time_t)(then_ms / 1000) - 3600;
	CHECK_INT(ASN1_TIME_cmp_time_t(X509_get0_notBefore(x), t), 0);
	t = (time_t)(then_ms / 1000) + 10 * 86400;
	CHECK_INT(ASN1_TIME_cmp_time_t(X509_get0_notAfter(x), t), 0);
	CHECK_INT(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
	CHECK_INT(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	CHECK_INT(X509_check_ca(x), 0);
	tls_names_of(&a, x, &names);
	CHECK_INT(names.n, 1);
	CHECK_STR(names.names[0], S("a.test"));
	sk_X509_pop_free(chain, X509_free);
	arena_done(&a);
	buf_done(&cert);
	buf_done(&key);
}

static void
a_self_signed_certificate_needs_a_host_name(void **state)
{
	static const struct {
		str name;
		int days;
	} cases[] = {
		{ SC(""), 1 },
		{ SC("a..b"), 1 },
		{ SC(".a"), 1 },
		{ SC("a."), 1 },
		{ SC("-a"), 1 },
		{ SC("a,DNS:b"), 1 },
		{ SC("a b"), 1 },
		{ SC("a\0b"), 1 },
		{ SC("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test"), 1 },
		{ SC("a"), 0 },
		{ SC("a"), -1 },
		{ SC("a"), 1000000 },
	};

	(void)state;
	EACH(cases, c) {
		struct buf cert = { 0 }, key = { 0 };

		CHECK_INT(tls_self_signed(c->name, c->days, 0, &cert, &key), BAD_ARGUMENT);
		CHECK(cert.n == 0 && key.n == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_vault_signs_each_full_handshake_once),
		T(both_paddings_of_rsa_are_signed),
		T(a_vault_that_refuses_fails_this_handshake_only),
		T(what_others_do_while_one_waits_for_its_signature_does_not_disturb_it),
		T(old_versions_and_weak_ciphers_are_refused),
		T(our_order_of_ciphers_counts_and_settings_can_change_it),
		T(a_client_cannot_renegotiate),
		T(the_server_name_chooses_the_certificate),
		T(certificates_of_one_name_and_two_kinds_serve_old_and_new_clients),
		T(a_server_name_extension_gives_a_name_or_nothing_or_is_malformed),
		T(a_ticket_of_one_process_resumes_in_another),
		T(a_ticket_is_bound_to_name_certificates_protocol_and_keys),
		T(a_client_that_wants_another_protocol_is_refused),
		T(both_ends_export_the_same_binding),
		T(the_end_point_is_the_certificates_digest),
		T(a_peer_that_goes_is_closed_at_every_step),
		T(close_notify_and_a_cut_both_read_as_closed),
		T(closing_says_close_notify),
		T(what_is_no_tls_fails),
		T(connections_outlive_their_server),
		T(what_a_full_socket_does_not_take_is_sent_later),
		T(a_client_believes_a_certificate_of_its_roots_and_of_the_name),
		T(bad_settings_are_explained),
		T(a_key_is_refused_that_is_not_the_certificates),
		T(a_key_behind_a_passphrase_is_refused_without_asking),
		T(a_key_signs_only_what_is_a_signature_to_be),
		T(a_self_signed_certificate_serves_its_name),
		T(a_self_signed_certificate_has_a_time_a_use_and_one_name),
		T(a_self_signed_certificate_needs_a_host_name),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
