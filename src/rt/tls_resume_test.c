#include "test/t.h"

#include "rt/tls_fixture.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_ticket_of_one_process_resumes_in_another),
		T(a_ticket_is_bound_to_name_certificates_protocol_and_keys),
		T(both_ends_export_the_same_binding),
		T(the_end_point_is_the_certificates_digest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
