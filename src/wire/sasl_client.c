#include "wire/sasl_client.h"

#include "base/base64.h"
#include "base/mem.h"
#include "wire/sasl_inside.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* RFC 5802 5.1 and RFC 7677 4 ask for 4096 at least: a false server that sets fewer makes guessing cheap for itself. More than
 * MOST only keeps us busy. */
enum { LEAST_ITERATIONS = 4096, MOST_ITERATIONS = 2000000, MOST_DIGEST = 32 };

enum { STARTED, ANSWERED, VERIFIED };

static enum fault plain_begin(struct sasl_client *c, str *ret_initial);
static enum fault scram_begin(struct sasl_client *c, str *ret_initial);
static enum fault external_begin(struct sasl_client *c, str *ret_initial);
static enum fault xoauth2_begin(struct sasl_client *c, str *ret_initial);
static enum fault oauthbearer_begin(struct sasl_client *c, str *ret_initial);
static enum fault no_step(struct sasl_client *c, str challenge, str *ret_response);
static enum fault login_step(struct sasl_client *c, str challenge, str *ret_response);
static enum fault scram_step(struct sasl_client *c, str challenge, str *ret_response);
static enum fault xoauth2_step(struct sasl_client *c, str challenge, str *ret_response);
static enum fault oauthbearer_step(struct sasl_client *c, str challenge, str *ret_response);

/* Who shows it, and whether it is chosen unasked: a token or a certificate is nothing one has by accident. */
enum { UNASKED = 1, SHOWS_SECRET = 2, TOKEN = 4, NO_USER = 8 };

/* The strongest first. */
static const struct mech {
	str name;
	enum sasl_mech mech;
	unsigned is;
	enum fault (*begin)(struct sasl_client *c, str *ret_initial); /* NULL: there is no initial response */
	enum fault (*step)(struct sasl_client *c, str challenge, str *ret_response);
} mechs[] = {
	{ SC("SCRAM-SHA-256-PLUS"), SASL_SCRAM_SHA_256_PLUS, UNASKED, scram_begin, scram_step },
	{ SC("SCRAM-SHA-1-PLUS"), SASL_SCRAM_SHA_1_PLUS, UNASKED, scram_begin, scram_step },
	{ SC("SCRAM-SHA-256"), SASL_SCRAM_SHA_256, UNASKED, scram_begin, scram_step },
	{ SC("SCRAM-SHA-1"), SASL_SCRAM_SHA_1, UNASKED, scram_begin, scram_step },
	{ SC("PLAIN"), SASL_PLAIN, UNASKED | SHOWS_SECRET, plain_begin, no_step },
	{ SC("LOGIN"), SASL_LOGIN, UNASKED | SHOWS_SECRET, NULL, login_step },
	{ SC("EXTERNAL"), SASL_EXTERNAL, NO_USER, external_begin, no_step },
	{ SC("OAUTHBEARER"), SASL_OAUTHBEARER, SHOWS_SECRET | TOKEN, oauthbearer_begin, oauthbearer_step },
	{ SC("XOAUTH2"), SASL_XOAUTH2, SHOWS_SECRET | TOKEN, xoauth2_begin, xoauth2_step },
};

static const struct mech *
row_of(enum sasl_mech m)
{
	for (size_t i = 0; i < COUNT(mechs); i++)
		if (mechs[i].mech == m)
			return &mechs[i];
	return NULL;
}

static const struct mech *
row_named(str name)
{
	for (size_t i = 0; i < COUNT(mechs); i++)
		if (str_eq_nocase(name, mechs[i].name))
			return &mechs[i];
	return NULL;
}

enum sasl_mech
sasl_client_mech_of(str name)
{
	const struct mech *row = row_named(name);

	return row ? row->mech : SASL_NONE;
}

const char *
sasl_client_mech_name(enum sasl_mech m)
{
	const struct mech *row = row_of(m);

	return row ? row->name.p : "NONE";
}

bool
sasl_client_shows_secret(enum sasl_mech m)
{
	const struct mech *row = row_of(m);

	return row && (row->is & SHOWS_SECRET);
}

bool
sasl_client_is_token(enum sasl_mech m)
{
	const struct mech *row = row_of(m);

	return row && (row->is & TOKEN);
}

/* tls-exporter is the better one: it is of this connection, not of the certificate. */
static str
channel_of(const struct sasl_client *c)
{
	if (!sasl_mech_is_plus(c->mech))
		return S("");
	return c->binding.exporter.n ? c->binding.exporter : c->binding.end_point;
}

enum sasl_mech
sasl_client_choose(str offered, bool tls, const struct sasl_binding *binding, bool *ret_plus_offered)
{
	bool can_bind = binding && (binding->exporter.n || binding->end_point.n), plus_offered = false;
	size_t best = COUNT(mechs);

	for (str word; str_take_word(&offered, &word);) {
		const struct mech *row = row_named(word);

		plus_offered |= row && sasl_mech_is_plus(row->mech);
		if (!row || !(row->is & UNASKED) || (sasl_mech_is_plus(row->mech) && !can_bind) ||
			((row->is & SHOWS_SECRET) && !tls))
			continue;
		best = MIN(best, (size_t)(row - mechs));
	}
	*ret_plus_offered = plus_offered;
	return best < COUNT(mechs) ? mechs[best].mech : SASL_NONE;
}

enum fault
sasl_client_start(struct sasl_client *c, struct arena *a, enum sasl_mech mech, str user, str password,
	const struct sasl_binding *binding, bool plus_offered, str nonce, bool *ret_has_initial,
	str *ret_initial)
{
	const struct mech *row = row_of(mech);

	*c = (struct sasl_client){ .mech = mech,
		.arena = a,
		.user = user,
		.password = password,
		.nonce = nonce,
		.plus_offered = plus_offered };
	if (binding)
		c->binding = *binding;
	if (!row || (sasl_mech_is_plus(mech) && !channel_of(c).n))
		return BAD_MECHANISM;
	if ((!user.n && !(row->is & NO_USER)) || str_find(user, '\0') < user.n ||
		str_find(password, '\0') < password.n)
		return BAD_ARGUMENT;
	if (row->begin)
		TRY(row->begin(c, ret_initial));
	*ret_has_initial = row->begin != NULL;
	return OK;
}

enum fault
sasl_client_step(struct sasl_client *c, str challenge, str *ret_response)
{
	if (challenge.n > SASL_RESPONSE)
		return MALFORMED;
	return row_of(c->mech)->step(c, challenge, ret_response);
}

enum fault
sasl_client_finish(const struct sasl_client *c)
{
	return sasl_mech_proof_size(c->mech) && c->step != VERIFIED ? AUTH_FAILED : OK;
}

/* ---- PLAIN and LOGIN ---- */

static enum fault
plain_begin(struct sasl_client *c, str *ret_initial)
{
	str user = arena_join(c->arena, S("\0"), c->user);

	*ret_initial = arena_join(c->arena, arena_join(c->arena, user, S("\0")), c->password);
	return OK;
}

static enum fault
no_step(struct sasl_client *c, str challenge, str *ret_response)
{
	(void)c, (void)challenge, (void)ret_response;
	return MALFORMED;
}

/* Servers word their questions differently, but all ask for the name first. */
static enum fault
login_step(struct sasl_client *c, str challenge, str *ret_response)
{
	(void)challenge;
	if (c->step == VERIFIED)
		return MALFORMED;
	*ret_response = c->step == STARTED ? c->user : c->password;
	c->step++;
	return OK;
}

/* ---- EXTERNAL: RFC 4422 appendix A ---- */

/* Whom we want to be; nothing: whom the certificate names. */
static enum fault
external_begin(struct sasl_client *c, str *ret_initial)
{
	*ret_initial = c->user;
	return OK;
}

/* ---- SCRAM: RFC 5802 3, 5 and 7 ---- */

static str
saslname(struct arena *a, str name)
{
	struct buf b = { 0 };
	str written;

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == ',' || name.p[i] == '=')
			buf_add(&b, name.p[i] == ',' ? S("=2C") : S("=3D"));
		else
			buf_add_char(&b, name.p[i]);
	}
	written = arena_str(a, buf_str(&b));
	buf_done(&b);
	return written;
}

/* "y": we could bind, but the server did not offer it. It fails when somebody struck its offer out (RFC 5802 6). */
static str
gs2_header_of(const struct sasl_client *c)
{
	bool can_bind = c->binding.exporter.n || c->binding.end_point.n;

	if (sasl_mech_is_plus(c->mech))
		return c->binding.exporter.n ? S("p=tls-exporter,,") : S("p=tls-server-end-point,,");
	return can_bind && !c->plus_offered ? S("y,,") : S("n,,");
}

static enum fault
scram_begin(struct sasl_client *c, str *ret_initial)
{
	str user = saslname(c->arena, c->user);

	c->gs2_header = gs2_header_of(c);
	c->client_first_bare = arena_printf(c->arena, "n=%.*s,r=%.*s", STR_ARG(user), STR_ARG(c->nonce));
	*ret_initial = arena_join(c->arena, c->gs2_header, c->client_first_bare);
	return OK;
}

static const EVP_MD *
digest_of(enum sasl_mech m)
{
	return sasl_mech_proof_size(m) == 20 ? EVP_sha1() : EVP_sha256();
}

struct keys {
	unsigned char salted[MOST_DIGEST], client[MOST_DIGEST], stored[MOST_DIGEST], server[MOST_DIGEST];
	unsigned char signature[MOST_DIGEST];
};

static bool
hmac(const EVP_MD *md, const unsigned char *key, str text, unsigned char *ret)
{
	return HMAC(md, key, EVP_MD_get_size(md), (const unsigned char *)text.p, text.n, ret, NULL) != NULL;
}

/* The proof for auth_message, in k->client, and the server's signature, in k->signature. */
static bool
compute(const struct sasl_client *c, str salt, int iterations, str auth_message, struct keys *k)
{
	const EVP_MD *md = digest_of(c->mech);
	int size = EVP_MD_get_size(md);

	if (!PKCS5_PBKDF2_HMAC(c->password.p, (int)c->password.n, (const unsigned char *)salt.p, (int)salt.n,
		    iterations, md, size, k->salted))
		return false;
	if (!hmac(md, k->salted, S("Client Key"), k->client) ||
		!hmac(md, k->salted, S("Server Key"), k->server) ||
		!EVP_Digest(k->client, (size_t)size, k->stored, NULL, md, NULL) ||
		!hmac(md, k->stored, auth_message, k->signature))
		return false;
	for (int i = 0; i < size; i++)
		k->client[i] ^= k->signature[i];
	return hmac(md, k->server, auth_message, k->signature);
}

static str
base64_of(struct arena *a, str bytes)
{
	struct buf b = { 0 };
	str text;

	base64_add(&b, bytes);
	text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

/* server-first-message = "r=" nonce ",s=" base64 ",i=" number ["," extensions] */
static enum fault
take_server_first(struct sasl_client *c, str in, struct buf *ret_salt, uint64_t *ret_iterations)
{
	str nonce, salt, iterations;

	if (!scram_take(&in, 'r', &nonce) || !scram_take(&in, 's', &salt) ||
		!scram_take(&in, 'i', &iterations))
		return MALFORMED;
	if (nonce.n <= c->nonce.n || !str_starts(nonce, c->nonce) || str_has_ctl(nonce))
		return MALFORMED;
	if (!base64_decode(salt, ret_salt) || !ret_salt->n)
		return MALFORMED;
	if (!str_to_u64(iterations, MOST_ITERATIONS, ret_iterations) || *ret_iterations < LEAST_ITERATIONS)
		return MALFORMED;
	c->nonce = arena_str(c->arena, nonce);
	return OK;
}

static enum fault
answer_server_first(struct sasl_client *c, str challenge, str *ret_response)
{
	struct buf salt = { .limit = SASL_RESPONSE };
	uint64_t iterations;
	enum fault f = take_server_first(c, challenge, &salt, &iterations);
	str channel, without_proof, auth_message, proof;
	size_t size = sasl_mech_proof_size(c->mech);
	struct keys k;

	if (f != OK)
		goto out;
	channel = base64_of(c->arena, arena_join(c->arena, c->gs2_header, channel_of(c)));
	without_proof = arena_printf(c->arena, "c=%.*s,r=%.*s", STR_ARG(channel), STR_ARG(c->nonce));
	auth_message = arena_printf(c->arena, "%.*s,%.*s,%.*s", STR_ARG(c->client_first_bare),
		STR_ARG(challenge), STR_ARG(without_proof));
	if (compute(c, buf_str(&salt), (int)iterations, auth_message, &k)) {
		c->server_signature = arena_str(c->arena, str_of(k.signature, size));
		proof = base64_of(c->arena, str_of(k.client, size));
		*ret_response = arena_printf(c->arena, "%.*s,p=%.*s", STR_ARG(without_proof), STR_ARG(proof));
	} else {
		f = INTERNAL;
	}
	mem_wipe(&k, sizeof(k));
out:
	buf_done(&salt);
	return f;
}

/* server-final-message = "e=" why | "v=" base64 ["," extensions] */
static enum fault
check_server_final(struct sasl_client *c, str challenge, str *ret_response)
{
	struct buf signature = { .limit = MOST_DIGEST };
	str value;
	bool same;

	if (scram_take(&challenge, 'e', &value))
		return AUTH_FAILED;
	if (!scram_take(&challenge, 'v', &value))
		return MALFORMED;
	same = base64_decode(value, &signature) && str_eq(buf_str(&signature), c->server_signature);
	buf_done(&signature);
	if (!same)
		return AUTH_FAILED;
	*ret_response = S("");
	return OK;
}

static enum fault
scram_step(struct sasl_client *c, str challenge, str *ret_response)
{
	if (c->step == VERIFIED)
		return MALFORMED;
	TRY(c->step == STARTED ? answer_server_first(c, challenge, ret_response)
			       : check_server_final(c, challenge, ret_response));
	c->step++;
	return OK;
}

/* ---- tokens: RFC 7628, and what Google made before it ---- */

/* What would end a field of theirs. */
static bool
is_token(str token)
{
	return token.n > 0 && !str_has_ctl(token) && str_is_ascii(token);
}

static enum fault
xoauth2_begin(struct sasl_client *c, str *ret_initial)
{
	if (!is_token(c->password) || str_has_ctl(c->user))
		return BAD_ARGUMENT;
	*ret_initial = arena_printf(
		c->arena, "user=%.*s\001auth=Bearer %.*s\001\001", STR_ARG(c->user), STR_ARG(c->password));
	return OK;
}

static enum fault
oauthbearer_begin(struct sasl_client *c, str *ret_initial)
{
	str user = saslname(c->arena, c->user);

	if (!is_token(c->password) || str_has_ctl(c->user))
		return BAD_ARGUMENT;
	*ret_initial = arena_printf(
		c->arena, "n,a=%.*s,\001auth=Bearer %.*s\001\001", STR_ARG(user), STR_ARG(c->password));
	return OK;
}

/* A challenge is an error in JSON; after our answer to it the server says no in SMTP's words. */
static enum fault
token_refused(struct sasl_client *c, str answer, str *ret_response)
{
	if (c->step++ != STARTED)
		return MALFORMED;
	*ret_response = answer;
	return OK;
}

static enum fault
xoauth2_step(struct sasl_client *c, str challenge, str *ret_response)
{
	(void)challenge;
	return token_refused(c, S(""), ret_response);
}

static enum fault
oauthbearer_step(struct sasl_client *c, str challenge, str *ret_response)
{
	(void)challenge;
	return token_refused(c, S("\001"), ret_response);
}
