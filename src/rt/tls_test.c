#include "test/t.h"

#include "rt/tls_fixture.h"

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
		int least, most, version;
		const char *ciphers, *sigalgs;
	} cases[] = {
		{ TLS1_2_VERSION, 0, TLS1_1_VERSION, NULL, NULL },
		{ TLS1_2_VERSION, 0, TLS1_VERSION, NULL, NULL },
		{ TLS1_3_VERSION, 0, TLS1_2_VERSION, NULL, NULL },
		{ TLS1_2_VERSION, TLS1_2_VERSION, TLS1_3_VERSION, NULL, NULL },   /* as main.cf wants it */
		{ TLS1_2_VERSION, 0, TLS1_2_VERSION, "AES128-GCM-SHA256", NULL }, /* no forward secrecy */
		{ TLS1_2_VERSION, 0, TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256", NULL }, /* CBC */
		{ TLS1_2_VERSION, 0, TLS1_2_VERSION, "ADH-AES128-GCM-SHA256", NULL },   /* nobody */
		{ TLS1_2_VERSION, 0, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256",
			NULL }, /* not our key's */
	};

	EACH(cases, c) {
		struct vault v = { .ids = &f->ids[RSA2048], .n = 1 };
		struct tls_server *s = server_new(
			&v, &(struct tls_settings){ .least_version = c->least, .most_version = c->most });
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
		T(a_peer_that_goes_is_closed_at_every_step),
		T(close_notify_and_a_cut_both_read_as_closed),
		T(closing_says_close_notify),
		T(what_is_no_tls_fails),
		T(connections_outlive_their_server),
		T(what_a_full_socket_does_not_take_is_sent_later),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
