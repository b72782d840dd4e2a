#include "wire/sasl.h"

#include "base/base64.h"

#include "test/t.h"
#include "wire/test_vault.h"

static const str nonce_of_ours = SC("3rfcNHYJY1ZVvWVs7j");
static const struct sasl_binding both = { .exporter = SC("EXPORTER-KEYING-MATERIAL-32-OCTE"),
	.end_point = SC("\x01\x02\x03") };

static str
from_base64(struct arena *a, str text)
{
	struct buf b = { 0 };
	str got;

	CHECK(base64_decode(text, &b));
	got = arena_str(a, buf_str(&b));
	buf_done(&b);
	return got;
}

static void
mechanisms_have_names(void **state)
{
	(void)state;
	CHECK_INT(sasl_mech_of(S("plain")), SASL_PLAIN);
	CHECK_INT(sasl_mech_of(S("SCRAM-SHA-256-PLUS")), SASL_SCRAM_SHA_256_PLUS);
	CHECK_INT(sasl_mech_of(S("SCRAM-SHA-256-PLU")), SASL_NONE);
	CHECK_INT(sasl_mech_of(S("")), SASL_NONE);
	CHECK_INT(sasl_mech_of(S("CRAM-MD5")), SASL_NONE);
	for (int m = SASL_PLAIN; m <= SASL_EXTERNAL; m++)
		CHECK_INT(sasl_mech_of(str_c(sasl_mech_name((enum sasl_mech)m))), m);
	CHECK(sasl_mech_is_plain_text(SASL_PLAIN) && sasl_mech_is_plain_text(SASL_LOGIN));
	CHECK(!sasl_mech_is_plain_text(SASL_SCRAM_SHA_1) && !sasl_mech_is_plain_text(SASL_NONE));
}

static void
an_unknown_mechanism_fails(void **state)
{
	struct arena a = { 0 };
	struct sasl s;

	(void)state;
	CHECK_INT(sasl_start(&s, &a, SASL_NONE, &both, false, nonce_of_ours, true, S("x")), SASL_FAILED);
	CHECK_INT(s.fault, BAD_MECHANISM);
	arena_done(&a);
}

static void
external_names_whom_the_client_wants_to_be(void **state)
{
	static const struct {
		str response;
		enum sasl_move move;
	} cases[] = {
		{ SC(""), SASL_ASK_EXTERNAL },
		{ SC("ann@a.test"), SASL_ASK_EXTERNAL },
		{ SC("ann\0ben"), SASL_FAILED },
		{ SC("ann\r\n"), SASL_FAILED },
		{ SC("\xff"), SASL_FAILED },
	};
	(void)state;
	EACH(cases, c)
		for (int initial = 0; initial < 2; initial++) {
			struct arena a = { 0 };
			struct sasl s;
			enum sasl_move move = sasl_start(&s, &a, SASL_EXTERNAL, &both, false, nonce_of_ours,
				initial, initial ? c->response : S(""));

			if (!initial) {
				CHECK_INT(move, SASL_SEND);
				CHECK_STR(s.challenge, S(""));
				move = sasl_step(&s, c->response);
			}
			CHECK_INT(move, c->move);
			if (move == SASL_ASK_EXTERNAL) {
				CHECK_STR(s.user, c->response);
				CHECK_INT(sasl_told(&s, OK), SASL_DONE);
			} else {
				CHECK_INT(s.fault, AUTH_FAILED);
			}
			arena_done(&a);
		}
}

static void
plain_is_two_nuls_and_a_password(void **state)
{
	static const struct {
		str response;
		enum fault fault;
	} cases[] = {
		{ SC("\0ann@a.test\0secret"), OK },
		{ SC("ann@a.test\0ann@a.test\0secret"), OK },
		{ SC("\0gr\xc3\xbc\xc3\x9f"
		     "e@a.test\0gr\xc3\xbc\xc3\x9f"
		     "e"),
			OK },
		{ SC("ben@a.test\0ann@a.test\0secret"), NOT_PERMITTED },
		{ SC(""), AUTH_FAILED },
		{ SC("\0"), AUTH_FAILED },
		{ SC("\0\0"), AUTH_FAILED },
		{ SC("x"), AUTH_FAILED },
		{ SC("ann@a.test"), AUTH_FAILED },
		{ SC("\0ann@a.test"), AUTH_FAILED },
		{ SC("\0ann@a.test\0"), AUTH_FAILED },
		{ SC("\0\0secret"), AUTH_FAILED },
		{ SC("\0ann@a.test\0sec\0ret"), AUTH_FAILED },
		{ SC("\0ann@a.test\0secret\0"), AUTH_FAILED },
		{ SC("\0ann@a.test\r\n\0secret"), AUTH_FAILED },
		{ SC("\0ann\xff@a.test\0secret"), AUTH_FAILED },
		{ SC("\0ann@a.test\0sec\xffret"), AUTH_FAILED },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct sasl s;
		enum sasl_move want = c->fault == OK ? SASL_ASK_PASSWORD : SASL_FAILED;

		CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, c->response), want);
		CHECK_INT(s.fault, c->fault);
		CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), false, S("")), SASL_SEND);
		CHECK_STR(s.challenge, S(""));
		CHECK_INT(sasl_step(&s, c->response), want);
		CHECK_INT(s.fault, c->fault);
		arena_done(&a);
	}
}

static void
plain_is_done_when_vault_says_so(void **state)
{
	struct arena a = { 0 };
	struct sasl s;

	(void)state;
	CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, S("\0ann@a.test\0sec ret")),
		SASL_ASK_PASSWORD);
	CHECK_STR(s.user, S("ann@a.test"));
	CHECK_STR(s.password, S("sec ret"));
	CHECK_INT(sasl_told(&s, OK), SASL_DONE);
	CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, S("\0ann@a.test\0wrong")),
		SASL_ASK_PASSWORD);
	CHECK_INT(sasl_told(&s, AUTH_FAILED), SASL_FAILED);
	CHECK_INT(s.fault, AUTH_FAILED);
	CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, S("\0ann@a.test\0secret")),
		SASL_ASK_PASSWORD);
	CHECK_INT(sasl_told(&s, AUTH_UNAVAILABLE), SASL_FAILED);
	CHECK_INT(s.fault, AUTH_UNAVAILABLE);
	arena_done(&a);
}

static void
names_and_responses_are_bounded(void **state)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct sasl s;

	(void)state;
	buf_add_char(&b, '\0');
	while (b.n < 321)
		buf_add_char(&b, 'x');
	buf_add(&b, S("\0secret"));
	CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, buf_str(&b)), SASL_ASK_PASSWORD);
	CHECK_INT(s.user.n, SASL_USER);
	CHECK_INT(sasl_start(&s, &a, SASL_LOGIN, NULL, false, S(""), true, str_sub(buf_str(&b), 1, 320)),
		SASL_SEND);
	while (b.n < 4096)
		buf_add_char(&b, 'x');
	CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, buf_str(&b)), SASL_ASK_PASSWORD);
	buf_add_char(&b, 'x');
	CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, buf_str(&b)), SASL_FAILED);
	CHECK_INT(s.fault, AUTH_FAILED);
	buf_clear(&b);
	while (b.n < 321)
		buf_add_char(&b, 'x');
	CHECK_INT(sasl_start(&s, &a, SASL_LOGIN, NULL, false, S(""), true, buf_str(&b)), SASL_FAILED);
	buf_done(&b);
	arena_done(&a);
}

static void
login_asks_twice(void **state)
{
	struct arena a = { 0 };
	struct sasl s;

	(void)state;
	CHECK_INT(sasl_start(&s, &a, SASL_LOGIN, NULL, false, S(""), false, S("")), SASL_SEND);
	CHECK_STR(s.challenge, S("Username:"));
	CHECK_INT(sasl_step(&s, S("ann@a.test")), SASL_SEND);
	CHECK_STR(s.challenge, S("Password:"));
	CHECK_INT(sasl_step(&s, S("secret")), SASL_ASK_PASSWORD);
	CHECK_STR(s.user, S("ann@a.test"));
	CHECK_STR(s.password, S("secret"));
	CHECK_INT(sasl_told(&s, OK), SASL_DONE);

	CHECK_INT(sasl_start(&s, &a, SASL_LOGIN, NULL, false, S(""), true, S("ann@a.test")), SASL_SEND);
	CHECK_STR(s.challenge, S("Password:"));
	CHECK_INT(sasl_step(&s, S("")), SASL_FAILED);
	CHECK_INT(s.fault, AUTH_FAILED);

	CHECK_INT(sasl_start(&s, &a, SASL_LOGIN, NULL, false, S(""), true, S("")), SASL_FAILED);
	CHECK_INT(sasl_start(&s, &a, SASL_LOGIN, NULL, false, S(""), true, S("a\0b")), SASL_FAILED);
	CHECK_INT(sasl_start(&s, &a, SASL_LOGIN, NULL, false, S(""), true, S("a")), SASL_SEND);
	CHECK_INT(sasl_step(&s, S("sec\0ret")), SASL_FAILED);
	arena_done(&a);
}

static void
a_wiped_exchange_keeps_no_password(void **state)
{
	struct arena a = { 0 };
	struct sasl s;
	const char *p;

	(void)state;
	CHECK_INT(sasl_start(&s, &a, SASL_PLAIN, NULL, false, S(""), true, S("\0ann\0secret")),
		SASL_ASK_PASSWORD);
	p = s.password.p;
	sasl_wipe(&s);
	CHECK_STR(str_of(p, 6), S("\0\0\0\0\0\0"));
	CHECK_INT(s.password.n, 0);
	arena_done(&a);
}

struct exchange { /* of an RFC's example */
	enum sasl_mech mech;
	str nonce, salt; /* salt in base64 */
	str client_first, server_first, client_final, server_final;
};
static const struct exchange examples[] = {
	{ SASL_SCRAM_SHA_1, SC("3rfcNHYJY1ZVvWVs7j"), SC("QSXCR+Q6sek8bf92"), /* RFC 5802 5 */
		SC("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"),
		SC("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"),
		SC("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
		SC("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=") },
	{ SASL_SCRAM_SHA_256, SC("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
		SC("W22ZaJ0SNY7soEsUEjb6gQ=="), /* RFC 7677 3 */
		SC("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
		SC("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
		SC("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
		SC("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") },
};

static void
the_examples_of_the_rfcs_pass(void **state)
{
	(void)state;
	EACH(examples, c) {
		struct arena a = { 0 };
		struct test_vault vault;
		unsigned char room[32];
		struct sasl s;
		str signature;

		test_vault_init(&vault, c->mech, S("pencil"), from_base64(&a, c->salt), 4096);
		CHECK_INT(sasl_start(&s, &a, c->mech, NULL, false, c->nonce, true, c->client_first),
			SASL_ASK_SALT);
		CHECK_STR(s.user, S("user"));
		CHECK_INT(sasl_told_salt(&s, vault.salt, (uint32_t)vault.iterations), SASL_SEND);
		CHECK_STR(s.challenge, c->server_first);
		CHECK_INT(sasl_step(&s, c->client_final), SASL_ASK_PROOF);
		CHECK_INT(test_vault_verify(&vault, s.auth_message, s.proof, room, &signature), OK);
		CHECK_INT(sasl_told_proof(&s, OK, signature), SASL_SEND);
		CHECK_STR(s.challenge, c->server_final);
		CHECK_INT(sasl_step(&s, S("")), SASL_DONE);
		CHECK_STR(s.user, S("user"));
		arena_done(&a);
	}
}

static void
a_wrong_proof_fails(void **state)
{
	const struct exchange *c = &examples[1];
	struct arena a = { 0 };
	struct test_vault vault;
	unsigned char room[32];
	struct sasl s;
	str signature;

	(void)state;
	test_vault_init(&vault, c->mech, S("pencils"), from_base64(&a, c->salt), 4096);
	CHECK_INT(sasl_start(&s, &a, c->mech, NULL, false, c->nonce, false, S("")), SASL_SEND);
	CHECK_STR(s.challenge, S(""));
	CHECK_INT(sasl_step(&s, c->client_first), SASL_ASK_SALT);
	CHECK_INT(sasl_told_salt(&s, vault.salt, 4096), SASL_SEND);
	CHECK_INT(sasl_step(&s, c->client_final), SASL_ASK_PROOF);
	CHECK_INT(test_vault_verify(&vault, s.auth_message, s.proof, room, &signature), AUTH_FAILED);
	CHECK_INT(sasl_told_proof(&s, AUTH_FAILED, S("")), SASL_FAILED);
	CHECK_INT(s.fault, AUTH_FAILED);
	arena_done(&a);
}

static void
something_said_after_the_servers_signature_fails(void **state)
{
	const struct exchange *c = &examples[0];
	struct arena a = { 0 };
	struct sasl s;

	(void)state;
	CHECK_INT(sasl_start(&s, &a, c->mech, NULL, false, c->nonce, true, c->client_first), SASL_ASK_SALT);
	CHECK_INT(sasl_told_salt(&s, from_base64(&a, c->salt), 4096), SASL_SEND);
	CHECK_INT(sasl_step(&s, c->client_final), SASL_ASK_PROOF);
	CHECK_INT(sasl_told_proof(&s, OK, S("12345678901234567890")), SASL_SEND);
	CHECK_INT(sasl_step(&s, S("x")), SASL_FAILED);
	arena_done(&a);
}

static void
vault_may_have_no_salt_to_give(void **state)
{
	struct arena a = { 0 };
	struct sasl s;

	(void)state;
	CHECK_INT(sasl_start(&s, &a, SASL_SCRAM_SHA_1, NULL, false, nonce_of_ours, true, S("n,,n=ann,r=x")),
		SASL_ASK_SALT);
	CHECK_INT(sasl_told(&s, AUTH_UNAVAILABLE), SASL_FAILED);
	CHECK_INT(s.fault, AUTH_UNAVAILABLE);
	arena_done(&a);
}

static void
the_first_message_of_scram_is_read_strictly(void **state)
{
	static const struct sasl_binding none = { 0 }, only_end_point = { .end_point = SC("\x01\x02\x03") };
	static const struct {
		enum sasl_mech mech;
		const struct sasl_binding *binding;
		bool plus_offered;
		str message;
		enum fault fault;
		str user;
	} cases[] = {
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=abc"), OK, SC("ann") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("y,,n=ann,r=abc"), OK, SC("ann") },
		{ SASL_SCRAM_SHA_1, &both, true, SC("n,,n=ann,r=abc"), OK, SC("ann") },
		{ SASL_SCRAM_SHA_1, &both, true, SC("y,,n=ann,r=abc"), AUTH_FAILED,
			SC("") }, /* a downgrade */
		{ SASL_SCRAM_SHA_1, &both, true, SC("p=tls-exporter,,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1_PLUS, &both, true, SC("n,,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1_PLUS, &both, true, SC("y,,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1_PLUS, &both, true, SC("p=tls-exporter,,n=ann,r=abc"), OK, SC("ann") },
		{ SASL_SCRAM_SHA_1_PLUS, &both, true, SC("p=tls-server-end-point,,n=ann,r=abc"), OK,
			SC("ann") },
		{ SASL_SCRAM_SHA_1_PLUS, &both, true, SC("p=tls-unique,,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1_PLUS, &both, true, SC("p=,,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1_PLUS, &only_end_point, true, SC("p=tls-exporter,,n=ann,r=abc"),
			AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1_PLUS, &only_end_point, true, SC("p=tls-server-end-point,,n=ann,r=abc"), OK,
			SC("ann") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,a=ann,n=ann,r=abc"), OK, SC("ann") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,a=ben,n=ann,r=abc"), NOT_PERMITTED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,a=,n=ann,r=abc"), NOT_PERMITTED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,a=a=2Cb,n=a=2Cb,r=abc"), OK, SC("a,b") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=a=2Cb=3Dc,r=abc"), OK, SC("a,b=c") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=a=2cb,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=a=b,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=a=,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=a\0b,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=a\xff,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r="), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=a b"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,r=abc,n=ann"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=abc,"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=abc,x=ext"), OK, SC("ann") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=abc,x=e,,z=y"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=abc,x="), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=abc,1=e"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,m=x,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,,n=ann,r=abc,m=x"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("N,,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC(",,n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n=ann,r=abc"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC("n"), AUTH_FAILED, SC("") },
		{ SASL_SCRAM_SHA_1, &none, false, SC(""), AUTH_FAILED, SC("") },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct sasl s;

		CHECK_INT(sasl_start(&s, &a, c->mech, c->binding, c->plus_offered, nonce_of_ours, true,
				  c->message),
			c->fault == OK ? SASL_ASK_SALT : SASL_FAILED);
		CHECK_INT(s.fault, c->fault);
		if (c->fault == OK)
			CHECK_STR(s.user, c->user);
		arena_done(&a);
	}
}

/* What follows "client-first" in the exchange whose nonce is abc + ours. */
static void
the_last_message_of_scram_is_read_strictly(void **state)
{
	static const struct {
		str message;
		bool good;
	} cases[] = {
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), true },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,x=ext,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), true },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,m=ext,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=,x=ext"), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("r=abc3rfcNHYJY1ZVvWVs7j,c=biws,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7k,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=biws,r=abc,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=eSws,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false }, /* "y,," */
		{ SC("c=biwsAQ==,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=biw,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Q=="), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts"), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Tt="),
			false }, /* stray bits */
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p="), false },
		{ SC("c=biws,r=abc3rfcNHYJY1ZVvWVs7j"), false },
		{ SC("p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), false },
		{ SC(","), false },
		{ SC(""), false },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct sasl s;

		CHECK_INT(sasl_start(&s, &a, SASL_SCRAM_SHA_1, NULL, false, nonce_of_ours, true,
				  S("n,,n=ann,r=abc")),
			SASL_ASK_SALT);
		CHECK_INT(sasl_told_salt(&s, S("salt"), 4096), SASL_SEND);
		CHECK_INT(sasl_step(&s, c->message), c->good ? SASL_ASK_PROOF : SASL_FAILED);
		CHECK_INT(s.fault, c->good ? OK : AUTH_FAILED);
		if (c->good) {
			CHECK_INT(s.proof.n, 20);
			CHECK(str_starts(s.auth_message, S("n=ann,r=abc,r=abc3rfcNHYJY1ZVvWVs7j,s=c2FsdA==,i="
							   "4096,c=biws,r=abc3rfcNHYJY1ZVvWVs7j")));
			CHECK_INT(str_find_str(s.auth_message, S(",p=")), s.auth_message.n);
		}
		arena_done(&a);
	}
}

static void
the_channel_must_be_the_one_we_see(void **state)
{
	static const struct {
		str first, bound;
		bool good;
	} cases[] = {
		{ SC("p=tls-exporter,,"), SC("p=tls-exporter,,EXPORTER-KEYING-MATERIAL-32-OCTE"), true },
		{ SC("p=tls-exporter,,"), SC("p=tls-exporter,,EXPORTER-KEYING-MATERIAL-32-OCTF"), false },
		{ SC("p=tls-exporter,,"), SC("p=tls-exporter,,"), false },
		{ SC("p=tls-exporter,,"), SC("n,,"), false },
		{ SC("p=tls-exporter,,"), SC("p=tls-server-end-point,,\x01\x02\x03"), false },
		{ SC("p=tls-server-end-point,,"), SC("p=tls-server-end-point,,\x01\x02\x03"), true },
		{ SC("p=tls-server-end-point,,"), SC("p=tls-server-end-point,,\x01\x02\x04"), false },
		{ SC("p=tls-exporter,a=ann,"), SC("p=tls-exporter,a=ann,EXPORTER-KEYING-MATERIAL-32-OCTE"),
			true },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct buf b = { 0 };
		struct sasl s;

		CHECK_INT(sasl_start(&s, &a, SASL_SCRAM_SHA_256_PLUS, &both, true, nonce_of_ours, true,
				  arena_join(&a, c->first, S("n=ann,r=abc"))),
			SASL_ASK_SALT);
		CHECK_INT(sasl_told_salt(&s, S("salt"), 4096), SASL_SEND);
		buf_add(&b, S("c="));
		base64_add(&b, c->bound);
		buf_add(&b, S(",r=abc3rfcNHYJY1ZVvWVs7j,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
		CHECK_INT(sasl_step(&s, buf_str(&b)), c->good ? SASL_ASK_PROOF : SASL_FAILED);
		CHECK_INT(s.fault, c->good ? OK : AUTH_FAILED);
		buf_done(&b);
		arena_done(&a);
	}
}

T_MAIN(T(mechanisms_have_names), T(external_names_whom_the_client_wants_to_be), T(an_unknown_mechanism_fails),
	T(plain_is_two_nuls_and_a_password), T(plain_is_done_when_vault_says_so),
	T(names_and_responses_are_bounded), T(login_asks_twice), T(a_wiped_exchange_keeps_no_password),
	T(the_examples_of_the_rfcs_pass), T(a_wrong_proof_fails),
	T(something_said_after_the_servers_signature_fails), T(vault_may_have_no_salt_to_give),
	T(the_first_message_of_scram_is_read_strictly), T(the_last_message_of_scram_is_read_strictly),
	T(the_channel_must_be_the_one_we_see))
