/* Input: an octet that says what the rest is: a sealed secret, a record, an imported verifier, a password to prepare. */
#include "people/prep.h"
#include "people/record.h"
#include "people/scram.h"
#include "people/verifier.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct seal_key key = { "fuzz" };

/* Nobody but us can make what opens. A true one, bent by the input, stays shut, too. */
static void
try_sealed(struct arena *a, str in)
{
	struct secret s = { .verifier = S("$6$x") }, got = { .verifier = S("untouched") };
	struct buf b = { 0 };

	assert(secret_unseal(a, &key, S("ann@example.org"), in, &got) == MALFORMED);
	assert(secret_seal(&key, S("ann@example.org"), &s, "nonce-of-12", &b) == OK);
	if (in.n >= 2 && in.p[1]) {
		size_t at = (unsigned char)in.p[0] % b.n;

		b.p[at] = (char)(b.p[at] ^ in.p[1]);
		assert(secret_unseal(a, &key, S("ann@example.org"), buf_str(&b), &got) == MALFORMED);
	}
	assert(str_eq(got.verifier, S("untouched")));
	buf_done(&b);
}

static void
check_round_trip(struct arena *a, const struct secret *s)
{
	struct buf b = { 0 };
	struct secret got;

	assert(secret_seal(&key, S("ann@example.org"), s, "nonce-of-12", &b) == OK &&
		b.n <= SECRET_SEALED_MOST);
	assert(secret_unseal(a, &key, S("ANN@example.org"), buf_str(&b), &got) == OK);
	assert(str_eq(got.verifier, s->verifier));
	assert(got.sha1.known == s->sha1.known && got.sha256.known == s->sha256.known);
	buf_done(&b);
}

static void
try_record(struct arena *a, str in)
{
	struct buf b = { 0 }, again = { 0 };
	struct secret s, t;

	if (!record_read(a, in, &s))
		return;
	record_put(&b, &s); /* the same but for how lengths may be spelled */
	assert(b.n <= in.n && record_read(a, buf_str(&b), &t));
	record_put(&again, &t);
	assert(str_eq(buf_str(&b), buf_str(&again)));
	check_round_trip(a, &s);
	buf_done(&b);
	buf_done(&again);
}

/* How costly whatever was taken may be, is said by verifier_check's own limits: here only cheap ones are computed. */
static bool
is_cheap(str v)
{
	return str_starts(v, S("{S")) || str_starts(v, S("$1$")) || str_starts(v, S("$5$salt")) ||
	       str_starts(v, S("$6$salt"));
}

static void
try_import(struct arena *a, str in)
{
	static const char noise[48] = "0123456789abcdef0123456789abcdef0123456789abcdef";
	str rest = in, again;
	struct secret s;

	if (str_take(&rest, S("{")) && (ascii_lower(str_sub(rest, 0, 1).n ? rest.p[0] : 0) == 'p' ||
					       str_starts_nocase(rest, S("CLEAR"))))
		return; /* 30 ms each */
	if (secret_import(a, in, noise, &s) != OK)
		return;
	assert(s.verifier.n <= VERIFIER_MOST);
	assert(s.verifier.n ? !s.sha1.known && !s.sha256.known : s.sha1.known != s.sha256.known);
	check_round_trip(a, &s);
	if (s.verifier.n && s.verifier.p[0] == '$') { /* what is kept is what would be kept of it */
		assert(verifier_import(a, S(""), s.verifier, &again) == OK && str_eq(again, s.verifier));
		assert(!str_has_ctl(s.verifier) && str_is_ascii(s.verifier));
	}
	if (is_cheap(s.verifier))
		assert(verifier_check(s.verifier, S("Hello world!")) <= AUTH_FAILED);
}

/* What is prepared stays as it is when prepared again, and the limits hold. */
static void
try_prep(str in)
{
	struct buf once = { .limit = 4096 }, twice = { .limit = 4096 };

	if (prep_sasl(str_sub(in, 0, SECRET_PASSWORD_MOST), &once)) {
		assert(once.n > 0 && str_is_utf8(buf_str(&once)) && !str_has_ctl(buf_str(&once)));
		if (prep_sasl(buf_str(&once), &twice))
			assert(str_eq(buf_str(&once), buf_str(&twice)));
	} else {
		assert(once.n == 0);
	}
	buf_done(&once);
	buf_done(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	str in;

	if (size == 0)
		return 0;
	in = str_of(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0: try_sealed(&a, in); break;
	case 1: try_record(&a, in); break;
	case 2: try_import(&a, in); break;
	default: try_prep(in);
	}
	arena_done(&a);
	return 0;
}
