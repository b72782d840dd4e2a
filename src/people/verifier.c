#include "people/verifier.h"

#include "base/base64.h"
#include "base/mem.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

/* ---- argon2: RFC 9106, "$argon2id$v=19$m=19456,t=2,p=1$salt$hash" ---- */

enum {
	OUR_KIB = 19456,
	OUR_PASSES = 2,
	OUR_LANES = 1,
	MOST_KIB = 1 << 20,
	MOST_PASSES = 10,
	MOST_LANES = 8,
	LEAST_SALT = 8,
	LEAST_HASH = 16,
	MOST_BYTES = 64
};

struct argon {
	argon2_type type;
	uint32_t version, kib, passes, lanes;
	unsigned char salt[MOST_BYTES], hash[MOST_BYTES];
	uint32_t salt_n, hash_n;
};

/* Base64 without its padding. */
static bool
take_bare_base64(str *in, size_t least, unsigned char *ret, uint32_t *ret_n)
{
	struct buf text = { .limit = 2 * MOST_BYTES }, bytes = { .limit = MOST_BYTES };
	bool ok = false;
	str part;

	if (!str_take_until(in, '$', &part) || !buf_add(&text, part))
		goto out;
	while (text.n % 4)
		(void)buf_add_char(&text, '=');
	if (!base64_decode(buf_str(&text), &bytes) || bytes.n < least)
		goto out;
	memcpy(ret, bytes.p, bytes.n);
	*ret_n = (uint32_t)bytes.n;
	ok = true;
out:
	buf_done(&text);
	buf_done(&bytes);
	return ok;
}

static bool
take_number(str *in, str name, char end, uint64_t least, uint64_t most, uint32_t *ret)
{
	str rest = *in, digits;
	uint64_t value;

	if (!str_take(&rest, name) || !str_take_until(&rest, end, &digits) ||
		!str_to_u64(digits, most, &value) || value < least)
		return false;
	*ret = (uint32_t)value;
	*in = rest;
	return true;
}

static bool
argon_read(str text, struct argon *ret)
{
	*ret = (struct argon){ .version = ARGON2_VERSION_10 };
	if (str_ends(text, S("$")))
		return false;
	if (str_take(&text, S("$argon2id$")))
		ret->type = Argon2_id;
	else if (str_take(&text, S("$argon2i$")))
		ret->type = Argon2_i;
	else
		return false;
	if (str_starts(text, S("v=")) &&
		!take_number(&text, S("v="), '$', ARGON2_VERSION_10, ARGON2_VERSION_13, &ret->version))
		return false;
	return (ret->version == ARGON2_VERSION_10 || ret->version == ARGON2_VERSION_13) &&
	       take_number(&text, S("m="), ',', 8, MOST_KIB, &ret->kib) &&
	       take_number(&text, S("t="), ',', 1, MOST_PASSES, &ret->passes) &&
	       take_number(&text, S("p="), '$', 1, MOST_LANES, &ret->lanes) && ret->kib >= 8 * ret->lanes &&
	       take_bare_base64(&text, LEAST_SALT, ret->salt, &ret->salt_n) &&
	       take_bare_base64(&text, LEAST_HASH, ret->hash, &ret->hash_n) && text.n == 0;
}

static enum fault
argon_hash(const struct argon *g, str password, unsigned char *out)
{
	argon2_context ctx = {
		.out = out,
		.outlen = g->hash_n,
		.pwd = (uint8_t *)(uintptr_t)password.p,
		.pwdlen = (uint32_t)password.n,
		.salt = (uint8_t *)(uintptr_t)g->salt,
		.saltlen = g->salt_n,
		.t_cost = g->passes,
		.m_cost = g->kib,
		.lanes = g->lanes,
		.threads = 1, /* the caller is a thread already, and a process of few rights */
		.version = g->version,
	};

	return argon2_ctx(&ctx, g->type) == ARGON2_OK ? OK : AUTH_UNAVAILABLE;
}

static bool
argon_ok(str verifier)
{
	struct argon g;

	return argon_read(verifier, &g);
}

static enum fault
argon_check(str verifier, str password)
{
	unsigned char made[MOST_BYTES];
	struct argon g;
	enum fault f;

	if (!argon_read(verifier, &g))
		return AUTH_FAILED;
	f = argon_hash(&g, password, made);
	if (f == OK && CRYPTO_memcmp(made, g.hash, g.hash_n) != 0)
		f = AUTH_FAILED;
	mem_wipe(made, sizeof(made));
	mem_wipe(&g, sizeof(g));
	return f;
}

static void
add_bare_base64(struct buf *b, const unsigned char *bytes, uint32_t n)
{
	base64_add(b, str_of(bytes, n));
	while (b->n && b->p[b->n - 1] == '=')
		b->n--;
}

enum fault
verifier_new(struct arena *a, str password, const char salt[16], str *ret)
{
	struct argon g = { Argon2_id, ARGON2_VERSION_13, OUR_KIB, OUR_PASSES, OUR_LANES, .salt_n = 16,
		.hash_n = 32 };
	struct buf b = { 0 };
	enum fault f;

	memcpy(g.salt, salt, 16);
	f = argon_hash(&g, password, g.hash);
	if (f == OK) {
		buf_printf(&b, "$argon2id$v=%u$m=%u,t=%u,p=%u$", g.version, g.kib, g.passes, g.lanes);
		add_bare_base64(&b, g.salt, g.salt_n);
		buf_add_char(&b, '$');
		add_bare_base64(&b, g.hash, g.hash_n);
		*ret = arena_str(a, buf_str(&b));
		mem_wipe(b.p, b.room);
	}
	buf_done(&b);
	mem_wipe(&g, sizeof(g));
	return f;
}

void
verifier_waste(str password)
{
	struct argon g = { Argon2_id, ARGON2_VERSION_13, OUR_KIB, OUR_PASSES, OUR_LANES, .salt_n = 16,
		.hash_n = 32 };

	(void)argon_hash(&g, password, g.hash);
	mem_wipe(&g, sizeof(g));
}

bool
verifier_is_slow(str verifier)
{
	struct argon g;

	return argon_read(verifier, &g) && (uint64_t)g.kib * g.passes >= (uint64_t)OUR_KIB * OUR_PASSES;
}

/* ---- crypt(5) ---- */

/* The letters of crypt's own base 64, of salts as well, as far as we let them in. */
static bool
is_crypt_text(str s, size_t least, size_t most)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '/')
			return false;
	return s.n >= least && s.n <= most;
}

/* "salt$hash" and nothing else. */
static bool
is_salt_and_hash(str s, size_t most_salt, size_t hash)
{
	size_t n = str_find(s, '$');

	return is_crypt_text(str_sub(s, 0, n), 0, most_salt) && n < s.n &&
	       is_crypt_text(str_from(s, n + 1), hash, hash);
}

static bool
sha_crypt_ok(str v)
{
	size_t hash = v.p[1] == '6' ? 86 : 43;
	uint32_t rounds;

	v = str_from(v, 3);
	if (str_starts(v, S("rounds=")) && !take_number(&v, S("rounds="), '$', 1000, 1000000, &rounds))
		return false;
	return is_salt_and_hash(v, 16, hash);
}

static bool
md5_crypt_ok(str v)
{
	return is_salt_and_hash(str_from(v, 3), 8, 22);
}

static bool
bcrypt_ok(str v)
{
	uint32_t cost;

	v = str_from(v, 4);
	return v.n > 2 && v.p[2] == '$' && take_number(&v, S(""), '$', 4, 14, &cost) &&
	       is_crypt_text(v, 53, 53);
}

/* Its parameters are letters: "j" (as everybody uses it), log2 of the number of blocks from '.' for 2, the size of a block. 7 to D are
 * 2^10 to 2^16 blocks, with T of 4 KiB: 256 MiB at most. */
static bool
yescrypt_ok(str v)
{
	v = str_from(v, 3);
	return v.n > 4 && v.p[0] == 'j' &&
	       ((v.p[1] >= '7' && v.p[1] <= '9') || (v.p[1] >= 'A' && v.p[1] <= 'D')) &&
	       (v.p[2] == '5' || v.p[2] == 'T') && v.p[3] == '$' && is_salt_and_hash(str_from(v, 4), 86, 43);
}

/* crypt wants 32 KiB of room, and C strings. */
static enum fault
crypt_check(str verifier, str password)
{
	struct {
		struct crypt_data data;
		char setting[VERIFIER_MOST + 1];
		char phrase[CRYPT_MAX_PASSPHRASE_SIZE + 1];
	} *room;
	enum fault f = AUTH_FAILED;
	const char *made;

	if (password.n > CRYPT_MAX_PASSPHRASE_SIZE || verifier.n > VERIFIER_MOST ||
		str_find(password, '\0') < password.n)
		return AUTH_FAILED;
	room = mem_new(sizeof(*room));
	memcpy(room->setting, verifier.p, verifier.n);
	memcpy(room->phrase, password.p, password.n);
	made = crypt_rn(room->phrase, room->setting, &room->data, (int)sizeof(room->data));
	if (made && strlen(made) == verifier.n && CRYPTO_memcmp(made, verifier.p, verifier.n) == 0)
		f = OK;
	mem_wipe(room, sizeof(*room));
	free(room);
	return f;
}

/* ---- digests, with or without a salt behind them: "{SSHA256}base64" ---- */

enum { MOST_DIGEST_SALT = 64, MOST_DIGEST = 64 + MOST_DIGEST_SALT };

struct digest_scheme {
	str mark;
	const EVP_MD *(*md)(void);
	size_t size;
	bool salted;
};

static const struct digest_scheme digests[] = {
	{ SC("{SSHA512}"), EVP_sha512, 64, true },
	{ SC("{SSHA256}"), EVP_sha256, 32, true },
	{ SC("{SSHA}"), EVP_sha1, 20, true },
	{ SC("{SHA512}"), EVP_sha512, 64, false },
	{ SC("{SHA256}"), EVP_sha256, 32, false },
	{ SC("{SHA1}"), EVP_sha1, 20, false },
};

static const struct digest_scheme *
digest_of(str *verifier)
{
	for (size_t i = 0; i < COUNT(digests); i++)
		if (str_take(verifier, digests[i].mark))
			return &digests[i];
	return NULL;
}

/* Base64, or hexadecimal where a digest without salt has the length of that. */
static bool
digest_read(const struct digest_scheme *d, str text, struct buf *ret)
{
	*ret = (struct buf){ .limit = MOST_DIGEST };
	if (!d->salted && text.n == 2 * d->size ? !hex_decode(text, ret) : !base64_decode(text, ret))
		return false;
	return d->salted ? ret->n > d->size && ret->n <= d->size + MOST_DIGEST_SALT : ret->n == d->size;
}

static bool
digest_ok(str verifier)
{
	const struct digest_scheme *d = digest_of(&verifier);
	struct buf b = { 0 };
	bool ok = d && digest_read(d, verifier, &b);

	buf_done(&b);
	return ok;
}

static enum fault
digest_check(str verifier, str password)
{
	const struct digest_scheme *d = digest_of(&verifier);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char made[EVP_MAX_MD_SIZE];
	enum fault f = AUTH_FAILED;
	struct buf b = { 0 };

	if (!ctx)
		f = AUTH_UNAVAILABLE;
	else if (d && digest_read(d, verifier, &b)) {
		if (!EVP_DigestInit_ex(ctx, d->md(), NULL) ||
			!EVP_DigestUpdate(ctx, password.p, password.n) ||
			!EVP_DigestUpdate(ctx, b.p + d->size, b.n - d->size) ||
			!EVP_DigestFinal_ex(ctx, made, NULL))
			f = AUTH_UNAVAILABLE;
		else if (CRYPTO_memcmp(made, b.p, d->size) == 0)
			f = OK;
	}
	EVP_MD_CTX_free(ctx);
	mem_wipe(made, sizeof(made));
	buf_done(&b);
	return f;
}

/* ---- the schemes ---- */

struct kind {
	str mark;                 /* how a verifier begins */
	const char *names[3];     /* Dovecot's for it */
	bool (*ok)(str verifier); /* well-formed, and not too costly */
	enum fault (*check)(str verifier, str password);
};

/* clang-format off */
static const struct kind kinds[] = {
	{ SC("$argon2id$"), { "ARGON2ID", "CRYPT" },	argon_ok,	argon_check },
	{ SC("$argon2i$"),  { "ARGON2I", "CRYPT" },	argon_ok,	argon_check },
	{ SC("$y$"),	    { "CRYPT" },		yescrypt_ok,	crypt_check },
	{ SC("$6$"),	    { "SHA512-CRYPT", "CRYPT" }, sha_crypt_ok,	crypt_check },
	{ SC("$5$"),	    { "SHA256-CRYPT", "CRYPT" }, sha_crypt_ok,	crypt_check },
	{ SC("$2b$"),	    { "BLF-CRYPT", "CRYPT" },	bcrypt_ok,	crypt_check },
	{ SC("$2y$"),	    { "BLF-CRYPT", "CRYPT" },	bcrypt_ok,	crypt_check },
	{ SC("$2a$"),	    { "BLF-CRYPT", "CRYPT" },	bcrypt_ok,	crypt_check },
	{ SC("$1$"),	    { "MD5-CRYPT", "MD5", "CRYPT" }, md5_crypt_ok, crypt_check },
	{ SC("{SSHA512}"),  { "SSHA512" },		digest_ok,	digest_check },
	{ SC("{SSHA256}"),  { "SSHA256" },		digest_ok,	digest_check },
	{ SC("{SSHA}"),	    { "SSHA" },			digest_ok,	digest_check },
	{ SC("{SHA512}"),   { "SHA512" },		digest_ok,	digest_check },
	{ SC("{SHA256}"),   { "SHA256" },		digest_ok,	digest_check },
	{ SC("{SHA1}"),	    { "SHA1", "SHA" },		digest_ok,	digest_check },
};
/* clang-format on */

static bool
has_name(const struct kind *k, str scheme)
{
	for (size_t i = 0; i < COUNT(k->names) && k->names[i]; i++)
		if (str_eq_nocase(scheme, str_c(k->names[i])))
			return true;
	return false;
}

static const struct kind *
kind_of(str verifier)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_starts(verifier, kinds[i].mark))
			return verifier.n <= VERIFIER_MOST && kinds[i].ok(verifier) ? &kinds[i] : NULL;
	return NULL;
}

enum fault
verifier_import(struct arena *a, str scheme, str text, str *ret)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct kind *k = &kinds[i];
		bool marked = k->mark.p[0] == '$';
		str verifier = text;

		if (scheme.n ? !has_name(k, scheme) : !marked)
			continue;
		if (marked && !str_starts(text, k->mark))
			continue;
		if (!marked)
			verifier = arena_join(a, k->mark, text);
		if (verifier.n > VERIFIER_MOST || !k->ok(verifier))
			return BAD_ARGUMENT;
		*ret = arena_str(a, verifier);
		return OK;
	}
	return BAD_ARGUMENT;
}

enum fault
verifier_check(str verifier, str password)
{
	const struct kind *k = kind_of(verifier);

	return k ? k->check(verifier, password) : AUTH_FAILED;
}
