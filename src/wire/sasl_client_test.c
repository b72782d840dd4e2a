#include "wire/sasl_client.h"

#include "base/base64.h"

#include "test/t.h"
#include "wire/test_vault.h"

static const struct sasl_binding both = { SC("EXPORTER-KEYING-MATERIAL-32-OCTE"), SC("\x01\x02\x03") };
static const struct sasl_binding end_point = { { 0 }, SC("\x01\x02\x03") };

static void
the_strongest_mechanism_is_chosen(void **state)
{
	static const struct {
		str offered;
		bool tls;
		const struct sasl_binding *binding;
		enum sasl_mech want;
		bool plus;
	} cases[] = {
		{ SC("PLAIN LOGIN"), true, NULL, SASL_PLAIN, false },
		{ SC("LOGIN PLAIN"), true, NULL, SASL_PLAIN, false },
		{ SC("LOGIN"), true, NULL, SASL_LOGIN, false },
		{ SC("PLAIN LOGIN"), false, NULL, SASL_NONE, false },
		{ SC("PLAIN SCRAM-SHA-1"), false, NULL, SASL_SCRAM_SHA_1, false },
		{ SC("PLAIN SCRAM-SHA-1 SCRAM-SHA-256"), true, &both, SASL_SCRAM_SHA_256, false },
		{ SC("scram-sha-256 scram-sha-256-plus plain"), true, &both, SASL_SCRAM_SHA_256_PLUS, true },
		{ SC("SCRAM-SHA-256 SCRAM-SHA-1-PLUS"), true, &end_point, SASL_SCRAM_SHA_1_PLUS, true },
		{ SC("SCRAM-SHA-256 SCRAM-SHA-1-PLUS"), true, NULL, SASL_SCRAM_SHA_256, true },
		{ SC("GSSAPI CRAM-MD5 XOAUTH2"), true, NULL, SASL_NONE, false },
		/* nobody has a token or a certificate by accident */
		{ SC("EXTERNAL OAUTHBEARER XOAUTH2"), true, &both, SASL_NONE, false },
		{ SC("EXTERNAL XOAUTH2 LOGIN"), true, &both, SASL_LOGIN, false },
		{ SC(""), true, NULL, SASL_NONE, false },
	};
	(void)state;
	EACH(cases, c) {
		bool plus;

		CHECK_INT(sasl_client_choose(c->offered, c->tls, c->binding, &plus), c->want);
		CHECK_INT(plus, c->plus);
	}
}

/* Our client with our server, until one of them ends it: OK, or the first fault of either. */
static enum fault
converse(enum sasl_mech mech, str password, const struct sasl_binding *client_sees,
	const struct sasl_binding *server_sees, bool plus_offered, bool client_knows_plus)
{
	struct arena a = { 0 };
	struct sasl_client c;
	struct sasl s;
	struct test_vault vault;
	unsigned char room[32];
	str initial = S(""), response, signature;
	bool has_initial;
	enum sasl_move move;
	enum fault f = sasl_client_start(&c, &a, mech, S("a,n=n@a.test"), password, client_sees,
		client_knows_plus, S("rOprNGfwEbeRWgbNEkqO"), &has_initial, &initial);

	if (f != OK)
		goto out;
	if (sasl_mech_proof_size(mech))
		test_vault_init(&vault, mech, S("secret"), S("0123456789abcdef"), 4096);
	move = sasl_start(
		&s, &a, mech, server_sees, plus_offered, S("3rfcNHYJY1ZVvWVs7j"), has_initial, initial);
	while (move != SASL_DONE && move != SASL_FAILED) {
		switch (move) {
		case SASL_SEND:
			f = sasl_client_step(&c, s.challenge, &response);
			if (f != OK)
				goto out;
			move = sasl_step(&s, response);
			break;
		case SASL_ASK_PASSWORD:
			move = sasl_told(&s, str_eq(s.password, S("secret")) ? OK : AUTH_FAILED);
			break;
		case SASL_ASK_SALT: move = sasl_told_salt(&s, vault.salt, (uint32_t)vault.iterations); break;
		default:
			f = test_vault_verify(&vault, s.auth_message, s.proof, room, &signature);
			move = sasl_told_proof(&s, f, signature);
		}
	}
	f = move == SASL_FAILED ? s.fault : sasl_client_finish(&c);
	if (move == SASL_DONE)
		CHECK_STR(s.user, S("a,n=n@a.test"));
out:
	arena_done(&a);
	return f;
}

static void
our_client_and_our_server_understand_each_other(void **state)
{
	(void)state;
	for (int m = SASL_PLAIN; m <= SASL_SCRAM_SHA_256_PLUS; m++) {
		enum sasl_mech mech = (enum sasl_mech)m;

		CHECK_INT(converse(mech, S("secret"), &both, &both, sasl_mech_is_plus(mech),
				  sasl_mech_is_plus(mech)),
			OK);
		CHECK_INT(converse(mech, S("secrets"), &both, &both, sasl_mech_is_plus(mech),
				  sasl_mech_is_plus(mech)),
			AUTH_FAILED);
	}
	CHECK_INT(converse(SASL_SCRAM_SHA_256_PLUS, S("secret"), &end_point, &both, true, true), OK);
	CHECK_INT(converse(SASL_SCRAM_SHA_256, S("secret"), NULL, &both, true, true), OK);
}

static void
somebody_between_is_noticed(void **state)
{
	static const struct sasl_binding other = { SC("OTHER-EXPORTED-MATERIAL-32-OCTET"), SC("\x04") };

	(void)state;
	CHECK_INT(converse(SASL_SCRAM_SHA_256_PLUS, S("secret"), &both, &other, true, true), AUTH_FAILED);
	CHECK_INT(converse(SASL_SCRAM_SHA_1_PLUS, S("secret"), &end_point, &other, true, true), AUTH_FAILED);
	/* The server offered -PLUS and the client was not told of it. */
	CHECK_INT(converse(SASL_SCRAM_SHA_256, S("secret"), &both, &both, true, false), AUTH_FAILED);
	CHECK_INT(converse(SASL_SCRAM_SHA_256_PLUS, S("secret"), NULL, &both, true, true), BAD_MECHANISM);
}

static void
a_client_without_a_name_or_with_nuls_does_not_begin(void **state)
{
	struct arena a = { 0 };
	struct sasl_client c;
	bool has;
	str initial;

	(void)state;
	CHECK_INT(sasl_client_start(&c, &a, SASL_PLAIN, S(""), S("x"), NULL, false, S("n"), &has, &initial),
		BAD_ARGUMENT);
	CHECK_INT(
		sasl_client_start(&c, &a, SASL_PLAIN, S("a\0b"), S("x"), NULL, false, S("n"), &has, &initial),
		BAD_ARGUMENT);
	CHECK_INT(
		sasl_client_start(&c, &a, SASL_PLAIN, S("a"), S("x\0y"), NULL, false, S("n"), &has, &initial),
		BAD_ARGUMENT);
	CHECK_INT(sasl_client_start(&c, &a, SASL_NONE, S("a"), S("x"), NULL, false, S("n"), &has, &initial),
		BAD_MECHANISM);
	CHECK_INT(sasl_client_start(&c, &a, SASL_PLAIN, S("a"), S("x"), NULL, false, S("n"), &has, &initial),
		OK);
	CHECK(has);
	CHECK_STR(initial, S("\0a\0x"));
	CHECK_INT(sasl_client_step(&c, S(""), &initial), MALFORMED);
	arena_done(&a);
}

static void
the_example_of_rfc_7677_passes(void **state)
{
	struct arena a = { 0 };
	struct sasl_client c;
	bool has;
	str response;

	(void)state;
	CHECK_INT(sasl_client_start(&c, &a, SASL_SCRAM_SHA_256, S("user"), S("pencil"), NULL, false,
			  S("rOprNGfwEbeRWgbNEkqO"), &has, &response),
		OK);
	CHECK(has);
	CHECK_STR(response, S("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
	CHECK_INT(sasl_client_step(&c,
			  S("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
			    "i=4096"),
			  &response),
		OK);
	CHECK_STR(response, S("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
			      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
	CHECK_INT(sasl_client_finish(&c), AUTH_FAILED); /* a server that says yes too early */
	CHECK_INT(sasl_client_step(&c, S("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), &response), OK);
	CHECK_STR(response, S(""));
	CHECK_INT(sasl_client_finish(&c), OK);
	CHECK_INT(sasl_client_step(&c, S("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), &response),
		MALFORMED);
	arena_done(&a);
}

static void
a_servers_bad_messages_are_refused(void **state)
{
	static const struct {
		str first, final; /* final empty: the first is bad */
		enum fault fault;
	} cases[] = {
		{ SC("r=abcX,s=c2FsdA==,i=4096"), SC("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
			AUTH_FAILED },
		{ SC("r=abcX,s=c2FsdA==,i=4096"), SC("v="), AUTH_FAILED },
		{ SC("r=abcX,s=c2FsdA==,i=4096"), SC("v=????"), AUTH_FAILED },
		{ SC("r=abcX,s=c2FsdA==,i=4096"), SC("e=invalid-proof"), AUTH_FAILED },
		{ SC("r=abcX,s=c2FsdA==,i=4096"), SC("x=y"), MALFORMED },
		{ SC("r=abc,s=c2FsdA==,i=4096"), SC(""), MALFORMED }, /* nothing of the server in it */
		{ SC("r=abdX,s=c2FsdA==,i=4096"), SC(""), MALFORMED },
		{ SC("r=ab,s=c2FsdA==,i=4096"), SC(""), MALFORMED },
		{ SC("r=abcX,s=,i=4096"), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2F,i=4096"), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2FsdA==,i=4095"), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2FsdA==,i=1"), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2FsdA==,i=2000001"), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2FsdA==,i=99999999999999999999"), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2FsdA==,i=-1"), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2FsdA==,i="), SC(""), MALFORMED },
		{ SC("r=abcX,s=c2FsdA=="), SC(""), MALFORMED },
		{ SC("m=x,r=abcX,s=c2FsdA==,i=4096"), SC(""), MALFORMED },
		{ SC("s=c2FsdA==,r=abcX,i=4096"), SC(""), MALFORMED },
		{ SC(""), SC(""), MALFORMED },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct sasl_client client;
		bool has;
		str response;

		CHECK_INT(sasl_client_start(&client, &a, SASL_SCRAM_SHA_256, S("ann"), S("secret"), NULL,
				  false, S("abc"), &has, &response),
			OK);
		CHECK_INT(sasl_client_step(&client, c->first, &response), c->final.n ? OK : c->fault);
		if (c->final.n)
			CHECK_INT(sasl_client_step(&client, c->final, &response), c->fault);
		CHECK_INT(sasl_client_finish(&client), AUTH_FAILED);
		arena_done(&a);
	}
}

static void
tokens_and_certificates_are_said_as_their_mechanisms_want(void **state)
{
	static const struct {
		const char *name, *user, *secret;
		str initial, after_error;
		enum fault fault;
	} cases[] = {
		{ "external", "", "", SC(""), SC(""), OK },
		{ "EXTERNAL", "ann@a.test", "", SC("ann@a.test"), SC(""), OK },
		{ "XOAUTH2", "ann", "t0k", SC("user=ann\001auth=Bearer t0k\001\001"), SC(""), OK },
		{ "OAUTHBEARER", "a,n=n", "t0k", SC("n,a=a=2Cn=3Dn,\001auth=Bearer t0k\001\001"), SC("\001"),
			OK },
		{ "XOAUTH2", "ann", "t0k\001auth=Bearer other", SC(""), SC(""), BAD_ARGUMENT },
		{ "XOAUTH2", "ann\001auth=x", "t0k", SC(""), SC(""), BAD_ARGUMENT },
		{ "OAUTHBEARER", "ann", "", SC(""), SC(""), BAD_ARGUMENT },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct sasl_client client;
		enum sasl_mech mech = sasl_client_mech_of(str_c(c->name));
		bool has = false;
		str response;

		CHECK(str_eq_nocase(str_c(sasl_client_mech_name(mech)), str_c(c->name)));
		CHECK(sasl_client_shows_secret(mech) == (mech != SASL_EXTERNAL));
		CHECK_INT(sasl_client_start(&client, &a, mech, str_c(c->user), str_c(c->secret), NULL, false,
				  S("abc"), &has, &response),
			c->fault);
		if (c->fault == OK) {
			CHECK(has);
			CHECK_STR(response, c->initial);
			if (sasl_client_is_token(mech)) {
				CHECK_INT(sasl_client_step(&client, S("{}"), &response), OK);
				CHECK_STR(response, c->after_error);
			}
			CHECK_INT(sasl_client_step(&client, S("{}"), &response), MALFORMED);
		}
		arena_done(&a);
	}
	CHECK_INT(sasl_client_mech_of(S("NTLM")), SASL_NONE);
}

T_MAIN(T(tokens_and_certificates_are_said_as_their_mechanisms_want), T(the_strongest_mechanism_is_chosen),
	T(our_client_and_our_server_understand_each_other), T(somebody_between_is_noticed),
	T(a_client_without_a_name_or_with_nuls_does_not_begin), T(the_example_of_rfc_7677_passes),
	T(a_servers_bad_messages_are_refused))
