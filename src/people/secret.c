#include "people/secret.h"

#include "people/prep.h"
#include "people/scram.h"
#include "people/verifier.h"

#include "base/base64.h"
#include "base/mem.h"

/* ---- the forms of a password ---- */

/* What a verifier may have been made from: the prepared password, and the raw one where that differs, because other servers' verifiers
 * know no preparation. Both cost a hash, for users that exist and for others. */
struct forms {
	str list[2]; /* [0]: what new secrets are made from */
	size_t n;    /* 0: no password at all */
	struct buf prepared;
};

static void
forms_init(struct forms *f, str password)
{
	*f = (struct forms){ 0 };
	if (password.n == 0 || password.n > SECRET_PASSWORD_MOST || str_find(password, '\0') < password.n)
		return;
	if (prep_sasl(password, &f->prepared) && !str_eq(buf_str(&f->prepared), password))
		f->list[f->n++] = buf_str(&f->prepared);
	f->list[f->n++] = password;
}

static void
forms_done(struct forms *f)
{
	if (f->prepared.p)
		mem_wipe(f->prepared.p, f->prepared.room);
	buf_done(&f->prepared);
}

/* ---- making ---- */

enum fault
secret_new(struct arena *a, str password, const char noise[48], struct secret *ret)
{
	struct secret made = { 0 };
	enum fault f = BAD_ARGUMENT;
	struct forms forms;

	forms_init(&forms, password);
	if (forms.n)
		f = verifier_new(a, forms.list[0], noise, &made.verifier);
	if (f == OK) {
		scram_new(false, forms.list[0], noise + 16, &made.sha1);
		scram_new(true, forms.list[0], noise + 32, &made.sha256);
		*ret = made;
	}
	forms_done(&forms);
	mem_wipe(&made, sizeof(made));
	return f;
}

/* Dovecot's "iterations,salt,StoredKey,ServerKey". Its salts have 16 bytes, as ours. */
static enum fault
import_scram(bool sha256, str text, struct secret *ret)
{
	struct scram_keys k = { .known = true };
	char *const to[] = { k.salt, k.stored, k.server };
	const size_t sizes[] = { sizeof(k.salt), scram_size(sha256), scram_size(sha256) };
	bool ended = str_ends(text, S(","));
	uint64_t iterations;
	str part;

	if (!str_take_until(&text, ',', &part) || !str_to_u64(part, SCRAM_ITERATIONS_MOST, &iterations) ||
		iterations < 1)
		return BAD_ARGUMENT;
	for (size_t i = 0; i < COUNT(to); i++) {
		struct buf b = { .limit = 64 };
		bool ok = str_take_until(&text, ',', &part) && base64_decode(part, &b) && b.n == sizes[i];

		if (ok)
			memcpy(to[i], b.p, b.n);
		buf_done(&b);
		if (!ok)
			return BAD_ARGUMENT;
	}
	if (text.n || ended)
		return BAD_ARGUMENT;
	k.iterations = (uint32_t)iterations;
	*ret = (struct secret){ .verifier = S("") };
	*(sha256 ? &ret->sha256 : &ret->sha1) = k;
	return OK;
}

static bool
is_plain(str scheme)
{
	return str_eq_nocase(scheme, S("PLAIN")) || str_eq_nocase(scheme, S("CLEARTEXT")) ||
	       str_eq_nocase(scheme, S("CLEAR"));
}

/* Takes "{SCHEME}" off, if there is one. */
static bool
take_scheme(str *text, str *ret_scheme)
{
	size_t n = str_find(*text, '}');

	*ret_scheme = S("");
	if (!str_starts(*text, S("{")))
		return true;
	if (n == text->n || n == 1)
		return false;
	*ret_scheme = str_sub(*text, 1, n - 1);
	*text = str_from(*text, n + 1);
	return true;
}

bool
secret_import_is_slow(str verifier)
{
	str scheme;

	return take_scheme(&verifier, &scheme) && is_plain(scheme);
}

enum fault
secret_import(struct arena *a, str text, const char noise[48], struct secret *ret)
{
	str scheme, verifier;

	if (text.n > VERIFIER_MOST + SECRET_PASSWORD_MOST || !take_scheme(&text, &scheme))
		return BAD_ARGUMENT;
	if (is_plain(scheme))
		return secret_new(a, text, noise, ret);
	if (str_eq_nocase(scheme, S("SCRAM-SHA-1")))
		return import_scram(false, text, ret);
	if (str_eq_nocase(scheme, S("SCRAM-SHA-256")))
		return import_scram(true, text, ret);
	TRY(verifier_import(a, scheme, text, &verifier));
	*ret = (struct secret){ .verifier = verifier };
	return OK;
}

bool
secret_add_scram(struct secret *s, str password, const char noise[32])
{
	bool changed = false;
	struct forms forms;

	forms_init(&forms, password);
	if (forms.n && !s->sha1.known) {
		scram_new(false, forms.list[0], noise, &s->sha1);
		changed = true;
	}
	if (forms.n && !s->sha256.known) {
		scram_new(true, forms.list[0], noise + 16, &s->sha256);
		changed = true;
	}
	forms_done(&forms);
	return changed;
}

/* ---- proving ---- */

static enum fault
check_form(const struct secret *s, str form)
{
	if (s->verifier.n)
		return verifier_check(s->verifier, form);
	if (s->sha256.known)
		return scram_fits(true, &s->sha256, form) ? OK : AUTH_FAILED;
	return scram_fits(false, &s->sha1, form) ? OK : AUTH_FAILED;
}

enum fault
secret_check(const struct secret *s, str password)
{
	enum fault f = AUTH_FAILED;
	struct forms forms;

	forms_init(&forms, password);
	for (size_t i = 0; i < forms.n && f == AUTH_FAILED; i++) {
		f = check_form(s, forms.list[i]);
		if (f == AUTH_FAILED && !verifier_is_slow(s->verifier))
			verifier_waste(forms.list[i]); /* a quick no would say that there is such a user */
	}
	forms_done(&forms);
	return f;
}

enum fault
secret_check_unknown(str password)
{
	struct forms forms;

	forms_init(&forms, password);
	for (size_t i = 0; i < forms.n; i++)
		verifier_waste(forms.list[i]);
	forms_done(&forms);
	return AUTH_FAILED;
}
