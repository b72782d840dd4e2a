/* What is read from a client's certificate. The whole, with a handshake, is in test/e2e/esmtp_test.py. */
#include "test/t.h"

#include "rt/tls_fixture.h"

static void
addresses_and_subject_are_read(void **state)
{
	static const struct {
		const char *cn, *names;
		size_t emails;
		str first, subject;
	} cases[] = {
		{ "Ann", "email:Ann@A.test", 1, SC("ann@a.test"), SC("CN=Ann") },
		{ "Ann", "DNS:a.test,email:ann@a.test,email:ben@a.test", 2, SC("ann@a.test"), SC("CN=Ann") },
		{ "ann@a.test", NULL, 0, SC(""), SC("CN=ann@a.test") }, /* a subject is no address */
		{ "Ann", "DNS:ann.a.test,URI:mailto:ann@a.test", 0, SC(""), SC("CN=Ann") },
		{ "Ann", "email:ann", 0, SC(""), SC("CN=Ann") },
		{ "Ann", "email:@a.test", 0, SC(""), SC("CN=Ann") },
		{ "Ann", "email:ann@", 0, SC(""), SC("CN=Ann") },
		{ "Ann", "email:ann@b.test@a.test", 0, SC(""), SC("CN=Ann") },
		{ "Ann", "email:ann x@a.test", 0, SC(""), SC("CN=Ann") },
		{ "Ann",
			"email:a@a.a,email:b@a.a,email:c@a.a,email:d@a.a,email:e@a.a,email:f@a.a,email:g@a.a,"
			"email:h@a.a,email:i@a.a",
			8, SC("a@a.a"), SC("CN=Ann") },
		{ "a\nb,c=\"d\"", NULL, 0, SC(""), SC("CN=a\\0Ab\\,c=\\\"d\\\"") },
		{ "a\x7f\x1b", NULL, 0, SC(""), SC("CN=a\\7F\\1B") },
	};
	(void)state;
	EACH(cases, c) {
		struct identity id;
		struct arena a = { 0 };
		struct tls_peer p = { 0 };

		identity_init(&id, P256, c->cn, c->names);
		tls_peer_of(&a, id.leaf, "sha256", &p);
		CHECK_INT(p.email_count, c->emails);
		CHECK_STR(p.email_count ? p.emails[0] : S(""), c->first);
		CHECK_STR(p.subject, c->subject);
		CHECK_INT(p.fingerprint.n, 95);
		p = (struct tls_peer){ 0 };
		tls_peer_of(&a, id.leaf, "sha1", &p);
		CHECK_INT(p.fingerprint.n, 59);
		arena_done(&a);
		identity_done(&id);
	}
}

/* An address with a NUL in it: those who read it as a C string see another one. */
static void
an_address_with_a_nul_is_none(void **state)
{
	struct identity id;
	struct arena a = { 0 };
	struct tls_peer p = { 0 };
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	(void)state;
	identity_init(&id, P256, "Ann", NULL);
	CHECK(ASN1_STRING_set(text, "ann@a.test\0.b.test", 18) == 1);
	GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
	CHECK(sk_GENERAL_NAME_push(names, name) > 0);
	CHECK(X509_add1_ext_i2d(id.leaf, NID_subject_alt_name, names, 0, 0) == 1);
	GENERAL_NAMES_free(names);
	tls_peer_of(&a, id.leaf, "sha256", &p);
	CHECK_INT(p.email_count, 0);
	arena_done(&a);
	identity_done(&id);
}

T_MAIN(T(addresses_and_subject_are_read), T(an_address_with_a_nul_is_none))
