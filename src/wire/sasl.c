#include "wire/sasl.h"

#include "base/mem.h"
#include "wire/sasl_inside.h"

#include <assert.h>

/* Where an exchange stands: what it waits for. */
enum { FIRST, SECOND, LAST, VAULT_PASSWORD, VAULT_SALT, VAULT_PROOF, EXTERNALLY, OVER };

static enum sasl_move plain_step(struct sasl *s, str response);
static enum sasl_move login_step(struct sasl *s, str response);
static enum sasl_move scram_step(struct sasl *s, str response);
static enum sasl_move external_step(struct sasl *s, str response);

/* clang-format off */
static const struct mech {
	str name;
	enum sasl_mech mech;
	bool plain_text, plus;
	size_t proof_size;
	const char *opening; /* the first challenge, when the client sent no initial response */
	enum sasl_move (*step)(struct sasl *s, str response);
} mechs[] = {
	{ SC("PLAIN"),              SASL_PLAIN,              true,  false, 0,  "",          plain_step },
	{ SC("LOGIN"),              SASL_LOGIN,              true,  false, 0,  "Username:", login_step }, /* draft-murchison-sasl-login */
	{ SC("SCRAM-SHA-1"),        SASL_SCRAM_SHA_1,        false, false, 20, "",          scram_step },
	{ SC("SCRAM-SHA-1-PLUS"),   SASL_SCRAM_SHA_1_PLUS,   false, true,  20, "",          scram_step },
	{ SC("SCRAM-SHA-256"),      SASL_SCRAM_SHA_256,      false, false, 32, "",          scram_step },
	{ SC("SCRAM-SHA-256-PLUS"), SASL_SCRAM_SHA_256_PLUS, false, true,  32, "",          scram_step },
	{ SC("EXTERNAL"),           SASL_EXTERNAL,           false, false, 0,  "",          external_step },
};
/* clang-format on */

static const struct mech *
row_of(enum sasl_mech m)
{
	for (size_t i = 0; i < COUNT(mechs); i++)
		if (mechs[i].mech == m)
			return &mechs[i];
	return NULL;
}

enum sasl_mech
sasl_mech_of(str name)
{
	for (size_t i = 0; i < COUNT(mechs); i++)
		if (str_eq_nocase(name, mechs[i].name))
			return mechs[i].mech;
	return SASL_NONE;
}

const char *
sasl_mech_name(enum sasl_mech m)
{
	const struct mech *row = row_of(m);

	return row ? row->name.p : "NONE";
}

bool
sasl_mech_is_plain_text(enum sasl_mech m)
{
	const struct mech *row = row_of(m);

	return row && row->plain_text;
}

bool
sasl_mech_is_plus(enum sasl_mech m)
{
	const struct mech *row = row_of(m);

	return row && row->plus;
}

size_t
sasl_mech_proof_size(enum sasl_mech m)
{
	const struct mech *row = row_of(m);

	return row ? row->proof_size : 0;
}

enum sasl_move
sasl_fail(struct sasl *s, enum fault f)
{
	s->step = OVER;
	s->fault = f;
	return SASL_FAILED;
}

enum sasl_move
sasl_send(struct sasl *s, str challenge)
{
	s->challenge = challenge;
	return SASL_SEND;
}

bool
sasl_is_user(str name)
{
	return name.n > 0 && name.n <= SASL_USER && str_is_utf8(name) && !str_has_ctl(name);
}

static bool
is_password(str password)
{
	return password.n > 0 && str_is_utf8(password) && str_find(password, '\0') == password.n;
}

static enum sasl_move
ask_password(struct sasl *s, str password)
{
	if (!is_password(password))
		return sasl_fail(s, AUTH_FAILED);
	s->password = arena_str(s->arena, password);
	s->step = VAULT_PASSWORD;
	return SASL_ASK_PASSWORD;
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd */
static enum sasl_move
plain_step(struct sasl *s, str response)
{
	size_t first = str_find(response, '\0');
	str authzid = str_sub(response, 0, first), rest = str_from(response, first + 1);
	size_t second = str_find(rest, '\0');
	str user = str_sub(rest, 0, second), password = str_from(rest, second + 1);

	if (!sasl_is_user(user) || !is_password(password))
		return sasl_fail(s, AUTH_FAILED);
	if (authzid.n && !str_eq(authzid, user))
		return sasl_fail(s, NOT_PERMITTED);
	s->user = arena_str(s->arena, user);
	return ask_password(s, password);
}

static enum sasl_move
login_step(struct sasl *s, str response)
{
	if (s->step == SECOND)
		return ask_password(s, response);
	if (!sasl_is_user(response))
		return sasl_fail(s, AUTH_FAILED);
	s->user = arena_str(s->arena, response);
	s->step = SECOND;
	return sasl_send(s, S("Password:"));
}

/* The response is the authorization identity; none means the one that the certificate has. */
static enum sasl_move
external_step(struct sasl *s, str response)
{
	if (response.n && !sasl_is_user(response))
		return sasl_fail(s, AUTH_FAILED);
	s->user = arena_str(s->arena, response);
	s->step = EXTERNALLY;
	return SASL_ASK_EXTERNAL;
}

static enum sasl_move
scram_step(struct sasl *s, str response)
{
	enum sasl_move move;

	if (s->step == LAST) { /* the client has seen that we know its password, too; it says nothing more */
		if (response.n)
			return sasl_fail(s, AUTH_FAILED);
		s->step = OVER;
		return SASL_DONE;
	}
	move = s->step == FIRST ? scram_first(s, response) : scram_final(s, response);
	if (move == SASL_ASK_SALT)
		s->step = VAULT_SALT;
	if (move == SASL_ASK_PROOF)
		s->step = VAULT_PROOF;
	return move;
}

enum sasl_move
sasl_start(struct sasl *s, struct arena *a, enum sasl_mech mech, const struct sasl_binding *binding,
	bool plus_offered, str nonce, bool has_initial, str initial)
{
	const struct mech *row = row_of(mech);

	*s = (struct sasl){
		.mech = mech, .step = FIRST, .arena = a, .nonce = nonce, .plus_offered = plus_offered
	};
	if (binding)
		s->binding = *binding;
	if (!row)
		return sasl_fail(s, BAD_MECHANISM);
	return has_initial ? sasl_step(s, initial) : sasl_send(s, str_c(row->opening));
}

enum sasl_move
sasl_step(struct sasl *s, str response)
{
	assert(s->step == FIRST || s->step == SECOND || s->step == LAST);
	if (response.n > SASL_RESPONSE)
		return sasl_fail(s, AUTH_FAILED);
	return row_of(s->mech)->step(s, response);
}

enum sasl_move
sasl_told(struct sasl *s, enum fault verdict)
{
	assert(s->step == VAULT_PASSWORD || s->step == EXTERNALLY || verdict != OK);
	if (verdict != OK)
		return sasl_fail(s, verdict);
	s->step = OVER;
	return SASL_DONE;
}

enum sasl_move
sasl_told_salt(struct sasl *s, str salt, uint32_t iterations)
{
	assert(s->step == VAULT_SALT);
	s->step = SECOND;
	return scram_salted(s, salt, iterations);
}

enum sasl_move
sasl_told_proof(struct sasl *s, enum fault verdict, str server_signature)
{
	assert(s->step == VAULT_PROOF);
	if (verdict != OK)
		return sasl_fail(s, verdict);
	s->step = LAST;
	return scram_proven(s, server_signature);
}

void
sasl_wipe(struct sasl *s)
{
	str secrets[] = { s->password, s->proof };

	for (size_t i = 0; i < COUNT(secrets); i++)
		if (secrets[i].n)
			mem_wipe((char *)secrets[i].p, secrets[i].n);
	s->password = s->proof = S("");
	s->step = OVER;
}
