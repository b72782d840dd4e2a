#include "people/record.h"
#include "people/scram.h"
#include "people/verifier.h"

#include "base/base64.h"
#include "test/t.h"

#include <time.h>

static const char noise[48] = "0123456789abcdefSALT-OF-SHA1----SALT-OF-SHA256--";
static const str world = SC("Hello world!");

static str
unbase64(struct arena *a, const char *text)
{
	struct buf b = { 0 };
	str s;

	CHECK(base64_decode(str_c(text), &b));
	s = arena_str(a, buf_str(&b));
	buf_done(&b);
	return s;
}

/* ---- verifiers ---- */

/* Made with crypt(3) and hashlib, the argon2 ones are libargon2's own test vectors, the first $6$ is of Drepper's specification. */
static const struct {
	const char *text, *kept, *password;
} foreign[] = {
	{ "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"password" },
	{ "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"password" },
	{ "{argon2i}$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
		"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
		"password" },
	{ "{SHA512-CRYPT}$6$saltstring$"
	  "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1",
		NULL, NULL }, /* one letter short */
	{ "{SHA512-CRYPT}$6$saltstring$"
	  "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
		"$6$saltstring$"
		"svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
		"Hello world!" },
	{ "{CRYPT}$6$rounds=1400$anotherlongsalts$"
	  "5FGyu8c4BZDX4wJgs0Un26YOw2XibT5eTkHF1I1aP3QqStoJI9BHD2YPJYsAjEePVGUyBjdZxcNqMWlrrbIOC.",
		"$6$rounds=1400$anotherlongsalts$"
		"5FGyu8c4BZDX4wJgs0Un26YOw2XibT5eTkHF1I1aP3QqStoJI9BHD2YPJYsAjEePVGUyBjdZxcNqMWlrrbIOC.",
		"Hello world!" },
	{ "{sha256-crypt}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
		"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!" },
	{ "{MD5-CRYPT}$1$saltsalt$le8lFSqqnPaRFOlmAZpvH1", "$1$saltsalt$le8lFSqqnPaRFOlmAZpvH1",
		"Hello world!" },
	{ "{BLF-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y",
		"$2y$05$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y", "Hello world!" },
	{ "$2b$05$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y",
		"$2b$05$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y", "Hello world!" },
	{ "{CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y", "Hello world!" },
	{ "{CRYPT}$y$j75$abcdefgh$seYLk3C3HyTtiwemJi2fPeplJP3Gd5RaKYGEt1rRkF2",
		"$y$j75$abcdefgh$seYLk3C3HyTtiwemJi2fPeplJP3Gd5RaKYGEt1rRkF2", "Hello world!" },
	{ "{SSHA}ZtbRi7VstOYYRjEFfVfoiix35pROYUNs", "{SSHA}ZtbRi7VstOYYRjEFfVfoiix35pROYUNs",
		"Hello world!" },
	{ "{SSHA256}MVwvy3M2uKGQjggB/RQSx2W8LWjbw5fiDT07MMl8X7ROYUNs",
		"{SSHA256}MVwvy3M2uKGQjggB/RQSx2W8LWjbw5fiDT07MMl8X7ROYUNs", "Hello world!" },
	{ "{SSHA512}4Hye6IQHBisRCYcIuzi6UNToXu8p8VF9WJjx8yms9FIgujRLq4E+"
	  "ocvuhGjEioWDmo4qz6rAACJFPM22cgPmUE5hQ2w=",
		"{SSHA512}4Hye6IQHBisRCYcIuzi6UNToXu8p8VF9WJjx8yms9FIgujRLq4E+"
		"ocvuhGjEioWDmo4qz6rAACJFPM22cgPmUE5hQ2w=",
		"Hello world!" },
	{ "{SHA}00hq6RNueFa8QiEjhep5cJRHWAI=", "{SHA1}00hq6RNueFa8QiEjhep5cJRHWAI=", "Hello world!" },
	{ "{SHA256}wFNeS+K3n/2TKRMFQ2v4iTFOSj+uwF7P/Lt98xrZ5Ro=",
		"{SHA256}wFNeS+K3n/2TKRMFQ2v4iTFOSj+uwF7P/Lt98xrZ5Ro=", "Hello world!" },
	{ "{SHA256}c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a",
		"{SHA256}c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a", "Hello world!" },
	{ "{SHA512}f6cde2a0f819314cdde55fc227d8d7dae3d28cc556222a0a8ad66d91ccad4aad"
	  "6094f517a2182360c9aacf6a3dc323162cb6fd8cdffedb0fe038f55e85ffb5b6",
		"{SHA512}f6cde2a0f819314cdde55fc227d8d7dae3d28cc556222a0a8ad66d91ccad4aad"
		"6094f517a2182360c9aacf6a3dc323162cb6fd8cdffedb0fe038f55e85ffb5b6",
		"Hello world!" },
	{ "{SCRAM-SHA-1}4096,MDEyMzQ1Njc4OWFiY2RlZg==,7c669p7D/"
	  "G2mok3B23hU2smgmhk=,ZPGiX0C4njdLpfT42wXctJ42548=",
		"", "Hello world!" },
	{ "{SCRAM-SHA-256}4096,MDEyMzQ1Njc4OWFiY2RlZg==,Py+tH4VwphwVB/vGZRmmE8IKZHuXuFAjJ3WT4GUiaFY=,"
	  "bQ6QyV5tY+6BEmt279I420FeQdxnOf78DfBXtipFRoo=",
		"", "Hello world!" },
	/* no scheme of ours, or not whole */
	{ "", NULL, NULL },
	{ "secret", NULL, NULL },
	{ "{}secret", NULL, NULL },
	{ "{PLAIN", NULL, NULL },
	{ "{PLAIN}", NULL, NULL },
	{ "{CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6", NULL, NULL },
	{ "{CRYPT}rl0uE0bXsw6dQ", NULL, NULL }, /* DES */
	{ "{SHA512-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", NULL, NULL },
	{ "{SSHA}00hq6RNueFa8QiEjhep5cJRHWAI=", NULL, NULL }, /* no salt */
	{ "{SHA256}wFNeS+K3n/2TKRMFQ2v4iTFOSj+uwF7P/Lt98xrZ5R", NULL, NULL },
	{ "{SHA}{SHA}00hq6RNueFa8QiEjhep5cJRHWAI=", NULL, NULL },
	{ "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4$", NULL,
		NULL },
	{ "$argon2id$v=18$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NULL,
		NULL },
	{ "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NULL, NULL },
	{ "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM", NULL, NULL }, /* 8 bytes are soon found */
	{ "{SCRAM-SHA-1}4096,MDEyMzQ1Njc4OWFiY2RlZg==,7c669p7D/G2mok3B23hU2smgmhk=", NULL, NULL },
	{ "{SCRAM-SHA-1}4096,MDEyMzQ1Njc4OWFiY2Rl,7c669p7D/G2mok3B23hU2smgmhk=,ZPGiX0C4njdLpfT42wXctJ42548=",
		NULL, NULL },
	{ "{SCRAM-SHA-1}4096,MDEyMzQ1Njc4OWFiY2RlZg==,7c669p7D/"
	  "G2mok3B23hU2smgmhk=,ZPGiX0C4njdLpfT42wXctJ42548=,",
		NULL, NULL },
	/* what would take too long or too much memory */
	{ "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NULL,
		NULL },
	{ "$argon2id$v=19$m=256,t=11,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NULL,
		NULL },
	{ "$argon2id$v=19$m=256,t=2,p=9$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NULL,
		NULL },
	{ "$argon2id$v=19$m=15,t=2,p=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", NULL, NULL },
	{ "$argon2id$v=19$m=99999999999999999999,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/"
	  "uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		NULL, NULL },
	{ "$5$rounds=999999999$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", NULL, NULL },
	{ "$2b$31$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y", NULL, NULL },
	{ "$y$jFT$abcdefgh$seYLk3C3HyTtiwemJi2fPeplJP3Gd5RaKYGEt1rRkF2", NULL, NULL },
	{ "{SCRAM-SHA-1}1000001,MDEyMzQ1Njc4OWFiY2RlZg==,7c669p7D/"
	  "G2mok3B23hU2smgmhk=,ZPGiX0C4njdLpfT42wXctJ42548=",
		NULL, NULL },
};

static void
imported_verifiers_prove_their_passwords_and_no_others(void **state)
{
	struct arena a = { 0 };

	(void)state;
	EACH(foreign, c) {
		struct secret s = { .verifier = S("untouched") };
		enum fault f = secret_import(&a, str_c(c->text), noise, &s);

		if (f != (c->kept ? OK : BAD_ARGUMENT))
			t_print_str("in", str_c(c->text));
		if (!c->kept) {
			CHECK_INT(f, BAD_ARGUMENT);
			CHECK_C(s.verifier, "untouched");
			continue;
		}
		CHECK_INT(f, OK);
		CHECK_C(s.verifier, c->kept);
		CHECK_INT(secret_check(&s, str_c(c->password)), OK);
		CHECK_INT(secret_check(&s, S("hello world!")), AUTH_FAILED);
		CHECK_INT(secret_check(&s, S("")), AUTH_FAILED);
		CHECK_INT(secret_check(&s, S("Hello world!\0")), AUTH_FAILED);
		arena_reset(&a);
	}
	arena_done(&a);
}

static void
a_hostile_verifier_that_got_in_anyway_is_refused_and_not_computed(void **state)
{
	struct secret s = { .verifier = S("$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/"
					  "uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4") };

	(void)state;
	CHECK(secret_check(&s, S("password")) == AUTH_FAILED);
	s.verifier = S("$2b$31$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y");
	CHECK(secret_check(&s, S("password")) == AUTH_FAILED);
	s.verifier = S("");
	CHECK(secret_check(&s, S("")) == AUTH_FAILED);
	CHECK(secret_check(&s, S("password")) == AUTH_FAILED);
}

/* As typed on one keyboard, then on another. */
static const struct {
	const char *set, *typed;
	bool same;
} spellings[] = {
	{ "correct horse", "correct horse", true }, { "correct horse", "Correct horse", false },
	{ "p\xC3\xA4sswort", "pa\xCC\x88sswort", true }, /* composed, decomposed */
	{ "pa\xCC\x88sswort", "p\xC3\xA4sswort", true }, { "a\xC2\xA0z", "a z", true }, /* no-break space */
	{ "\xE2\x85\xA8", "IX", true },                                                 /* Roman nine */
	{ "I\xC2\xADX", "IX", true },                                                   /* soft hyphen */
	{ "p\xE4ss", "p\xE4ss", true }, /* Latin 1: taken as it is */
	{ "p\xE4ss", "p\xC3\xA4ss", false },
	{ "tab\there", "tab\there", true }, /* prohibited: taken as it is */
};

static void
a_password_is_the_same_on_every_keyboard(void **state)
{
	struct arena a = { 0 };

	(void)state;
	EACH(spellings, c) {
		enum fault want = c->same ? OK : AUTH_FAILED;
		struct secret s = { 0 };

		CHECK_INT(secret_new(&a, str_c(c->set), noise, &s), OK);
		CHECK(str_starts(s.verifier, S("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$")));
		CHECK(verifier_is_slow(s.verifier));
		CHECK_INT(secret_check(&s, str_c(c->typed)), want);
		s.verifier = S(""); /* the same by SCRAM's keys */
		CHECK_INT(secret_check(&s, str_c(c->typed)), want);
		s.sha256.known = false;
		CHECK_INT(secret_check(&s, str_c(c->typed)), want);
	}
	arena_done(&a);
}

static void
what_is_no_password_makes_no_secret(void **state)
{
	char longest[SECRET_PASSWORD_MOST + 1];
	struct secret s = { .verifier = S("untouched") };
	struct arena a = { 0 };

	(void)state;
	memset(longest, 'x', sizeof(longest));
	CHECK(secret_new(&a, S(""), noise, &s) == BAD_ARGUMENT);
	CHECK(secret_new(&a, S("a\0b"), noise, &s) == BAD_ARGUMENT);
	CHECK(secret_new(&a, str_of(longest, sizeof(longest)), noise, &s) == BAD_ARGUMENT);
	CHECK(!secret_add_scram(&s, S("a\0b"), noise));
	CHECK_C(s.verifier, "untouched");
	CHECK(secret_new(&a, str_of(longest, sizeof(longest) - 1), noise, &s) == OK);
	CHECK(secret_check(&s, str_of(longest, sizeof(longest) - 1)) == OK);
	CHECK(secret_check(&s, str_of(longest, sizeof(longest) - 2)) == AUTH_FAILED);
	arena_done(&a);
}

static void
a_plain_import_makes_a_secret_of_our_own(void **state)
{
	struct arena a = { 0 };
	struct secret s = { 0 };

	(void)state;
	CHECK(secret_import(&a, S("{CLEARTEXT}geheim"), noise, &s) == OK);
	CHECK(str_starts(s.verifier, S("$argon2id$")) && s.sha1.known && s.sha256.known);
	CHECK(secret_check(&s, S("geheim")) == OK);
	CHECK(secret_import(&a, S("{plain}{SHA}x"), noise, &s) == OK);
	CHECK(secret_check(&s, S("{SHA}x")) == OK);
	arena_done(&a);
}

static void
scram_keys_are_added_once(void **state)
{
	struct arena a = { 0 };
	struct secret s = { 0 }, before;

	(void)state;
	CHECK(secret_import(&a, S("{SHA}00hq6RNueFa8QiEjhep5cJRHWAI="), noise, &s) == OK);
	CHECK(!s.sha1.known && !s.sha256.known);
	CHECK(secret_add_scram(&s, world, noise + 16));
	CHECK(s.sha1.known && s.sha256.known && s.sha256.iterations == SCRAM_ITERATIONS);
	CHECK(memcmp(s.sha1.salt, noise + 16, 16) == 0 && memcmp(s.sha256.salt, noise + 32, 16) == 0);
	CHECK(scram_fits(false, &s.sha1, world) && scram_fits(true, &s.sha256, world));
	before = s;
	CHECK(!secret_add_scram(&s, world, noise));
	CHECK(memcmp(&before, &s, sizeof(s)) == 0);
	arena_done(&a);
}

/* ---- SCRAM ---- */

static const struct {
	bool sha256;
	const char *salt, *auth_message, *proof, *signature;
} exchanges[] = {
	/* user "user", password "pencil" */
	{ false, "QSXCR+Q6sek8bf92", /* RFC 5802 5 */
		"n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
		"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ true, "W22ZaJ0SNY7soEsUEjb6gQ==", /* RFC 7677 3 */
		"n=user,r=rOprNGfwEbeRWgbNEkqO,"
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static void
proofs_fit_as_in_the_rfcs(void **state)
{
	struct arena a = { 0 };

	(void)state;
	EACH(exchanges, c) {
		str proof = unbase64(&a, c->proof), want = unbase64(&a, c->signature),
		    message = str_c(c->auth_message);
		char signature[32] = "untouched", bent[32];
		struct scram_keys k = { 0 };

		scram_derive(c->sha256, S("pencil"), unbase64(&a, c->salt), 4096, &k);
		for (size_t i = 0; i < proof.n; i++) {
			memcpy(bent, proof.p, proof.n);
			bent[i] ^= 1;
			CHECK(secret_check_proof(&k, c->sha256, message, str_of(bent, proof.n), signature) ==
				AUTH_FAILED);
		}
		CHECK(secret_check_proof(&k, c->sha256, message, str_sub(proof, 0, proof.n - 1), signature) ==
			AUTH_FAILED);
		CHECK(secret_check_proof(&k, c->sha256, str_from(message, 1), proof, signature) ==
			AUTH_FAILED);
		CHECK_C(str_of(signature, 9), "untouched");
		CHECK(secret_check_proof(&k, c->sha256, message, proof, signature) == OK);
		CHECK_STR(str_of(signature, want.n), want);
		k.known = false;
		CHECK(secret_check_proof(&k, c->sha256, message, proof, signature) == AUTH_FAILED);
	}
	arena_done(&a);
}

/* ---- nobody ---- */

static void
nobodys_salt_is_always_the_same_and_never_anothers(void **state)
{
	struct seal_key k = { "a key" }, other = { "another" };
	char salt[16], again[16];
	uint32_t n = 0;

	(void)state;
	secret_unknown_salt(&k, S("ghost@example.org"), salt, &n);
	CHECK_INT(n, SCRAM_ITERATIONS);
	secret_unknown_salt(&k, S("Ghost@Example.ORG"), again, &n);
	CHECK(memcmp(salt, again, 16) == 0);
	secret_unknown_salt(&k, S("ghost@example.net"), again, &n);
	CHECK(memcmp(salt, again, 16) != 0);
	secret_unknown_salt(&other, S("ghost@example.org"), again, &n);
	CHECK(memcmp(salt, again, 16) != 0);
	CHECK(secret_check_unknown(S("password")) == AUTH_FAILED);
	CHECK(secret_check_unknown(S("")) == AUTH_FAILED);
}

/* The least of some runs, in processor time of this thread: what else the machine does counts little. */
static int64_t
cost_us(const struct secret *s, str password)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		struct timespec t0, t1;
		int64_t us;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
		CHECK_INT(s ? secret_check(s, password) : secret_check_unknown(password), AUTH_FAILED);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
		us = (t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000;
		if (us < least)
			least = us;
	}
	return least;
}

static void
a_wrong_password_costs_the_same_for_somebody_nobody_and_foreign_schemes(void **state)
{
	static const str wrong[] = { SC("wrong"), SC("wr\xC3\xB6ng a\xCC\x88") };
	struct secret ours = { 0 }, foreign_one = { 0 };
	struct arena a = { 0 };

	(void)state;
	CHECK(secret_new(&a, S("right"), noise, &ours) == OK);
	CHECK(secret_import(&a, S("{SHA}00hq6RNueFa8QiEjhep5cJRHWAI="), noise, &foreign_one) == OK);
	EACH(wrong, c) {
		int64_t nobody = cost_us(NULL, *c), somebody = cost_us(&ours, *c),
			other = cost_us(&foreign_one, *c);

		print_message("%lld us for nobody, %lld for somebody, %lld for a foreign scheme\n",
			(long long)nobody, (long long)somebody, (long long)other);
		CHECK(somebody > nobody / 2 && somebody < nobody * 2);
		CHECK(other > nobody / 2 && other < nobody * 2);
	}
	arena_done(&a);
}

T_MAIN(T(imported_verifiers_prove_their_passwords_and_no_others),
	T(a_hostile_verifier_that_got_in_anyway_is_refused_and_not_computed),
	T(a_password_is_the_same_on_every_keyboard), T(what_is_no_password_makes_no_secret),
	T(a_plain_import_makes_a_secret_of_our_own), T(scram_keys_are_added_once),
	T(proofs_fit_as_in_the_rfcs), T(nobodys_salt_is_always_the_same_and_never_anothers),
	T(a_wrong_password_costs_the_same_for_somebody_nobody_and_foreign_schemes))
