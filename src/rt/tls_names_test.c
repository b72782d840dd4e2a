#include "test/t.h"

#include "rt/tls_fixture.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_server_name_chooses_the_certificate),
		T(certificates_of_one_name_and_two_kinds_serve_old_and_new_clients),
		T(a_server_name_extension_gives_a_name_or_nothing_or_is_malformed),
		T(a_client_that_wants_another_protocol_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
