#include "roles/auth.h"

#include "base/base64.h"
#include "base/mem.h"

enum { NONCE_BYTES = 24, SALT_MOST = 64 };

/* What is on its way between the client and the vault. */
struct exchange {
	struct auth_talk *talk;
	struct arena *arena; /* of the exchange: wiped at the end */
	struct sasl sasl;
	struct talk_auth_told told; /* the vault's verdict, when OK */
};

static void
wipe_buf(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->room);
	buf_done(b);
}

/* A call whose payload may hold a password. Whatever keeps the vault from answering is AUTH_UNAVAILABLE for the client. */
static enum fault
ask_vault(struct auth_talk *t, struct arena *a, uint16_t type, struct buf *payload, str *ret)
{
	struct frame answer = { .fd = -1 };
	enum fault f = chan_call(t->vault, type, buf_str(payload), -1, t->due_ms, a, &answer);

	wipe_buf(payload);
	if (f == CANCELLED)
		return f;
	if (f != OK)
		return AUTH_UNAVAILABLE;
	*ret = answer.payload;
	return OK;
}

static enum fault
read_verdict(str payload, struct talk_auth_told *ret)
{
	struct talk_auth_told told;

	if (!talk_read_auth_told(payload, &told))
		return AUTH_UNAVAILABLE;
	if (told.fault != OK)
		return told.fault;
	*ret = told;
	return OK;
}

static enum fault
ask_password(struct auth_talk *t, struct arena *a, str user, str password, struct talk_auth_told *ret)
{
	struct talk_password_ask ask = { .user = user,
		.password = password,
		.client = t->client,
		.service = t->service,
		.session = t->session };
	struct buf b = { 0 };
	str payload;

	(void)buf_reserve(&b, user.n + password.n + t->client.n + t->session.n +
				      64); /* growing would leave copies behind */
	talk_put_password_ask(&b, &ask);
	TRY(ask_vault(t, a, TALK_ASK_password_ask, &b, &payload));
	return read_verdict(payload, ret);
}

static enum fault
ask_salt(struct exchange *x, bool sha256, struct talk_salt_told *ret)
{
	struct talk_salt_ask ask = { .user = x->sasl.user, .sha256 = sha256, .client = x->talk->client };
	struct buf b = { 0 };
	str payload;

	talk_put_salt_ask(&b, &ask);
	TRY(ask_vault(x->talk, x->arena, TALK_ASK_salt_ask, &b, &payload));
	if (!talk_read_salt_told(payload, ret))
		return AUTH_UNAVAILABLE;
	if (ret->fault == OK && (ret->salt.n == 0 || ret->salt.n > SALT_MOST || ret->iterations == 0))
		return AUTH_UNAVAILABLE;
	return ret->fault;
}

static enum fault
ask_proof(struct exchange *x, bool sha256)
{
	struct talk_proof_ask ask = { .user = x->sasl.user,
		.sha256 = sha256,
		.auth_message = x->sasl.auth_message,
		.proof = x->sasl.proof,
		.client = x->talk->client,
		.service = x->talk->service,
		.session = x->talk->session };
	struct buf b = { 0 };
	str payload;

	talk_put_proof_ask(&b, &ask);
	TRY(ask_vault(x->talk, x->arena, TALK_ASK_proof_ask, &b, &payload));
	return read_verdict(payload, &x->told);
}

static enum fault
ask_external_name(struct exchange *x, str name)
{
	struct talk_external_ask ask = { .user = name,
		.client = x->talk->client,
		.service = x->talk->service,
		.session = x->talk->session };
	struct buf b = { 0 };
	str payload;

	talk_put_external_ask(&b, &ask);
	TRY(ask_vault(x->talk, x->arena, TALK_ASK_external_ask, &b, &payload));
	return read_verdict(payload, &x->told);
}

/* Whom the client wants to be must be in the certificate; when it does not say, the first address that is an account. */
static enum fault
ask_external(struct exchange *x)
{
	str wanted = arena_lower(x->arena, x->sasl.user);
	enum fault f = wanted.n ? NOT_PERMITTED : AUTH_FAILED;

	for (size_t i = 0; i < x->talk->name_count; i++) {
		str name = x->talk->names[i];

		if (wanted.n && !str_eq(wanted, name))
			continue;
		x->sasl.user = name;
		f = ask_external_name(x, name);
		if (f != AUTH_FAILED)
			return f;
	}
	return f;
}

/* Sends the challenge and feeds the client's answer. */
static enum fault
challenge(struct exchange *x, enum sasl_move *ret)
{
	struct buf text = { 0 }, response = { 0 };
	enum fault f;
	str line;

	base64_add(&text, x->sasl.challenge);
	f = x->talk->send(x->talk->ctx, buf_str(&text));
	buf_done(&text);
	TRY(f);
	TRY(x->talk->receive(x->talk->ctx, &line));
	if (str_eq(line, S("*")))
		return AUTH_ABORTED;
	(void)buf_reserve(&response, line.n);
	if (base64_decode(line, &response))
		*ret = sasl_step(&x->sasl, buf_str(&response));
	else
		f = BAD_BASE64;
	wipe_buf(&response);
	return f;
}

static enum sasl_move
ask(struct exchange *x, enum sasl_move what)
{
	bool sha256 = x->sasl.mech == SASL_SCRAM_SHA_256 || x->sasl.mech == SASL_SCRAM_SHA_256_PLUS;
	struct talk_salt_told salt;
	enum fault f;

	switch (what) {
	case SASL_ASK_PASSWORD:
		return sasl_told(
			&x->sasl, ask_password(x->talk, x->arena, x->sasl.user, x->sasl.password, &x->told));
	case SASL_ASK_EXTERNAL: return sasl_told(&x->sasl, ask_external(x));
	case SASL_ASK_SALT:
		f = ask_salt(x, sha256, &salt);
		return f == OK ? sasl_told_salt(&x->sasl, salt.salt, salt.iterations)
			       : sasl_told(&x->sasl, f);
	default:
		f = ask_proof(x, sha256);
		return sasl_told_proof(&x->sasl, f, f == OK ? x->told.signature : S(""));
	}
}

static enum fault
run(struct exchange *x, enum sasl_move move)
{
	for (;;)
		switch (move) {
		case SASL_SEND: TRY(challenge(x, &move)); break;
		case SASL_DONE: return OK;
		case SASL_FAILED: return x->sasl.fault;
		default: move = ask(x, move);
		}
}

static enum fault
start(struct exchange *x, enum sasl_mech mech, const struct sasl_binding *binding, bool plus_offered,
	bool has_initial, str initial_base64, enum sasl_move *ret)
{
	char noise[NONCE_BYTES];
	struct buf nonce = { 0 }, initial = { 0 };
	enum fault f = OK;

	loop_random(x->talk->loop, noise, sizeof(noise));
	base64_add(&nonce, str_of(noise, sizeof(noise)));
	if (str_eq(initial_base64, S("="))) /* RFC 4954 4, RFC 5034 4: an empty one, that is not none */
		initial_base64 = S("");
	(void)buf_reserve(&initial, initial_base64.n);
	if (base64_decode(initial_base64, &initial))
		*ret = sasl_start(&x->sasl, x->arena, mech, binding, plus_offered,
			arena_str(x->arena, buf_str(&nonce)), has_initial, buf_str(&initial));
	else
		f = BAD_BASE64;
	wipe_buf(&initial);
	buf_done(&nonce);
	return f;
}

static void
fill_result(struct arena *a, const struct talk_auth_told *told, enum sasl_mech mech, struct auth_result *ret)
{
	*ret = (struct auth_result){
		.account = told->account, .address = arena_str(a, told->address), .mech = mech
	};
}

enum fault
auth_exchange(struct auth_talk *t, struct arena *a, enum sasl_mech mech, const struct sasl_binding *binding,
	bool plus_offered, bool has_initial, str initial_base64, str *ret_user, struct auth_result *ret)
{
	struct arena own = { 0 };
	struct exchange *x = ARENA_NEW(&own, struct exchange);
	enum sasl_move move = SASL_FAILED;
	enum fault f;

	x->talk = t;
	x->arena = &own;
	f = start(x, mech, binding, plus_offered, has_initial, has_initial ? initial_base64 : S(""), &move);
	if (f == OK)
		f = run(x, move);
	if (ret_user)
		*ret_user = arena_str(a, x->sasl.user);
	if (f == OK && x->told.account == 0)
		f = AUTH_UNAVAILABLE; /* nobody has said who it is */
	if (f == OK)
		fill_result(a, &x->told, mech, ret);
	sasl_wipe(&x->sasl);
	arena_done(&own);
	return f;
}

enum fault
auth_password(struct auth_talk *t, struct arena *a, str user, str password, struct auth_result *ret)
{
	struct talk_auth_told told;

	TRY(ask_password(t, a, user, password, &told));
	fill_result(a, &told, SASL_PLAIN, ret);
	return OK;
}
