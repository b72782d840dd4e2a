#include "test/t.h"

#include "rt/tls_fixture.h"

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

/* ---- the client's side ---- */

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(bad_settings_are_explained),
		T(a_key_is_refused_that_is_not_the_certificates),
		T(a_key_behind_a_passphrase_is_refused_without_asking),
		T(a_key_signs_only_what_is_a_signature_to_be),
		T(a_self_signed_certificate_serves_its_name),
		T(a_self_signed_certificate_has_a_time_a_use_and_one_name),
		T(a_self_signed_certificate_needs_a_host_name),
		T(a_client_believes_a_certificate_of_its_roots_and_of_the_name),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
