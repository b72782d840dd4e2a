/* roles/vault/judge.c - who is right
 * Unknown users and wrong passwords get the same answer after the same work: one hash, one look at what the store has acknowledged meanwhile. */
#include "roles/vault/vault.h"

#include "base/mem.h"
#include "rt/sock.h"

enum { TELL_EVERY_MS = 1000, TURN_MS = 20 };

/* ---- guessing ---- */

/* The address of a client key (rt/sock.h); of an IPv6 network, its first one. */
static str
client_text(struct arena *a, str client)
{
	struct peer peer = { .family = client.p[0] == 4 ? AF_INET : client.p[0] == 6 ? AF_INET6 : AF_UNIX };

	memcpy(peer.ip, client.p + 1, CLIENT_KEY - 1);
	return peer_text(a, &peer);
}

/* A flood of guesses must not become a flood of lines. */
static void
tell_guessing(struct vault *v, str client, str name, int64_t now_ms)
{
	struct arena a = { 0 };

	if (v->told_ms && now_ms - v->told_ms < TELL_EVERY_MS) {
		v->untold++;
		return;
	}
	log_warn(&v->role->log, "guessing", kv_str("client", client_text(&a, client)), kv_str("user", name),
		kv_uint("more", v->untold));
	arena_done(&a);
	v->told_ms = now_ms;
	v->untold = 0;
}

static uint16_t *
checks_of(struct vault *v, str client)
{
	return &v->checks[hash_keyed(&v->checks_key, client) % COUNT(v->checks)];
}

/* Waits as long as the client and the name have deserved, and for its turn: few checks of a client are under way at a time, so that guessing in parallel
 * is not quicker. OK: leave_gate is due. AUTH_THROTTLED: we do not even look. */
static enum fault
enter_gate(struct vault *v, str client, str name)
{
	struct loop *loop = v->role->loop;
	uint16_t *checks = checks_of(v, client);
	int64_t wait_ms = 0, waited_ms = 0;

	for (;;) {
		enum fault f = guess_delay(v->guess, client, name, loop_now_ms(loop), &wait_ms);

		if (f == OK && wait_ms <= waited_ms && *checks < VAULT_CHECKS)
			break;
		/* Those who wait must not keep out those who need not. */
		if (f != OK || v->asks > VAULT_ASKS / 2) {
			tell_guessing(v, client, name, loop_now_ms(loop));
			return AUTH_THROTTLED;
		}
		TRY(fiber_sleep(loop, wait_ms > waited_ms ? wait_ms - waited_ms : TURN_MS));
		waited_ms = MAX(waited_ms, wait_ms);
	}
	++*checks;
	return OK;
}

static void
leave_gate(struct vault *v, str client, str name, enum fault verdict)
{
	int64_t now_ms = loop_now_ms(v->role->loop);

	--*checks_of(v, client);
	if (verdict == OK)
		guess_succeeded(v->guess, client, name, now_ms);
	else if (verdict == AUTH_FAILED)
		guess_failed(v->guess, client, name, now_ms);
}

/* ---- answers ---- */

static bool
is_user(str user)
{
	return user.n > 0 && user.n <= 320 && str_is_utf8(user) && !str_has_ctl(user);
}

/* May this asker ask for this service, about a client and a session of that shape? */
static bool
is_question(const struct ask *k, str client, uint32_t service, str session)
{
	if (client.n != CLIENT_KEY)
		return false;
	if (k->question.from->kind == TALK_LOGIN)
		return (service == TALK_POP3 || service == TALK_IMAP) && session.n == 16;
	return service == TALK_SMTP && session.n == 0;
}

/* The session role hears who it is from us, never from login, and before login hears it. */
static enum fault
grant(struct vault *v, uint32_t service, str session, const struct found *who)
{
	struct talk_grant grant = { .session = session, .account = who->id, .address = who->address };
	struct chan *sessions = service == TALK_IMAP ? &v->imap : &v->pop3;
	struct buf b = { 0 };

	if (service == TALK_SMTP)
		return OK;
	if (!chan_is_up(sessions))
		return AUTH_UNAVAILABLE;
	talk_put_grant(&b, &grant);
	chan_send(sessions, TALK_SAY_grant, 0, buf_str(&b), -1);
	chan_flush(sessions);
	buf_done(&b);
	return OK;
}

static void
answer(struct ask *k, enum fault f, const struct found *who, str signature)
{
	if (f == OK)
		QUESTION_ANSWER(&k->question, auth_told,
			{ .fault = OK, .account = who->id, .address = who->address, .signature = signature });
	else
		QUESTION_ANSWER(
			&k->question, auth_told, { .fault = f, .address = S(""), .signature = S("") });
}

/* What a client is told: never more than these. */
static enum fault
verdict_of(enum fault f)
{
	return f == OK || f == AUTH_FAILED || f == AUTH_THROTTLED ? f : AUTH_UNAVAILABLE;
}

/* ---- passwords ---- */

struct hash_job {
	struct secret *secret; /* NULL: of nobody */
	str password;
	bool add_scram, added;
	char noise[32];
	enum fault fault;
};

/* In a thread. */
static void
hash(void *arg)
{
	struct hash_job *j = arg;

	if (!j->secret) {
		j->fault = secret_check_unknown(j->password);
		return;
	}
	j->fault = secret_check(j->secret, j->password);
	if (j->fault == OK && j->add_scram)
		j->added = secret_add_scram(j->secret, j->password, j->noise);
}

/* *ret_added: the secret has got SCRAM keys, which are to be kept. */
static enum fault
prove(struct vault *v, struct found *who, str password, bool *ret_added)
{
	struct hash_job job = { .secret = who->exists ? &who->secret : NULL, .password = password };
	int64_t now_ms = loop_now_ms(v->role->loop);

	if (who->exists && !who->disabled && v->cache &&
		auth_cache_has(v->cache, who->address, password, who->sealed, now_ms))
		return OK;
	job.add_scram =
		who->exists && !who->disabled && !(who->secret.sha1.known && who->secret.sha256.known);
	if (job.add_scram)
		loop_random(v->role->loop, job.noise, sizeof(job.noise));
	TRY(pool_run(v->pool, hash, &job, VAULT_HASHES));
	TRY(job.fault);
	if (!who->exists || who->disabled)
		return AUTH_FAILED;
	if (v->cache)
		auth_cache_add(v->cache, who->address, password, who->sealed, loop_now_ms(v->role->loop));
	*ret_added = job.added;
	return OK;
}

/* Looks, and looks again at what was acknowledged meanwhile: an account or a password that was made a moment ago counts. One hash
 * in any case, and a second one only for a password that has just been changed. */
static enum fault
judge_password(struct vault *v, struct arena *a, str user, str password, struct found *who, bool *ret_added)
{
	struct found before;
	enum fault f = AUTH_FAILED;
	bool hashed = false;

	TRY(vault_find(v, a, user, who));
	if (who->exists) {
		hashed = true;
		f = prove(v, who, password, ret_added);
		if (f != AUTH_FAILED)
			return f;
	}
	before = *who;
	TRY(vault_freshen(v));
	TRY(vault_find(v, a, user, who));
	if (who->exists == before.exists && who->disabled == before.disabled &&
		str_eq(who->sealed, before.sealed) && hashed)
		return f;
	return prove(v, who, password, ret_added);
}

/* Keeps the SCRAM keys that a right password has made possible, for clients that will ask for them. */
static void
keep_scram(struct vault *v, struct arena *a, const struct found *who, str password)
{
	struct talk_secret_put put = { .account = who->id, .sealed_before = who->sealed };
	struct talk_done done = { .fault = STORE_DOWN };
	struct buf sealed = { 0 }, b = { 0 };
	struct frame reply;
	char noise[12];
	enum fault f;

	loop_random(v->role->loop, noise, sizeof(noise));
	f = secret_seal(&v->seal, who->address, &who->secret, noise, &sealed);
	if (f == OK) {
		put.sealed = buf_str(&sealed);
		talk_put_secret_put(&b, &put);
		f = chan_call(&v->store, TALK_ASK_secret_put, buf_str(&b), -1,
			loop_now_ms(v->role->loop) + VAULT_STORE_MS, a, &reply);
	}
	if (f == OK)
		f = talk_read_done(reply.payload, &done) ? done.fault : MALFORMED;
	if (f == OK && v->cache)
		auth_cache_add(v->cache, who->address, password, put.sealed, loop_now_ms(v->role->loop));
	if (f != OK && f != STALE) /* STALE: it has been changed meanwhile */
		log_warn(&v->role->log, "scram-keys-not-kept", kv_str("user", who->address),
			kv_c("why", fault_words(f)->name));
	buf_done(&sealed);
	buf_done(&b);
}

void
vault_on_password(struct ask *k)
{
	struct vault *v = k->vault;
	struct talk_password_ask m;
	struct found who = { 0 };
	bool added = false;
	enum fault f;
	str name;

	if (!talk_read_password_ask(k->payload, &m) || !is_question(k, m.client, m.service, m.session) ||
		!is_user(m.user)) {
		answer(k, AUTH_FAILED, NULL, S(""));
		return;
	}
	name = vault_name(v, &k->arena, m.user);
	f = enter_gate(v, m.client, name);
	if (f == OK) {
		f = judge_password(v, &k->arena, m.user, m.password, &who, &added);
		leave_gate(v, m.client, name, f);
	}
	if (f == OK)
		f = grant(v, m.service, m.session, &who);
	answer(k, verdict_of(f), &who, S(""));
	if (added)
		keep_scram(v, &k->arena, &who, m.password);
}

/* ---- SCRAM ---- */

static const struct scram_keys *
keys_of(const struct found *who, bool sha256)
{
	const struct scram_keys *keys = sha256 ? &who->secret.sha256 : &who->secret.sha1;

	return who->exists && keys->known ? keys : NULL;
}

/* Nobody learns from the salt or from when it comes whether there is such a user. */
void
vault_on_salt(struct ask *k)
{
	struct vault *v = k->vault;
	const struct scram_keys *keys = NULL;
	struct talk_salt_ask m;
	struct found who = { 0 };
	char salt[16] = { 0 };
	uint32_t iterations = 0;
	int64_t left_ms;
	enum fault f;

	if (!talk_read_salt_ask(k->payload, &m) || m.client.n != CLIENT_KEY || !is_user(m.user)) {
		QUESTION_ANSWER(&k->question, salt_told, { .fault = AUTH_FAILED, .salt = S("") });
		return;
	}
	f = vault_find(v, &k->arena, m.user, &who);
	if (f == OK && !who.exists) {
		f = vault_freshen(v);
		if (f == OK)
			f = vault_find(v, &k->arena, m.user, &who);
	}
	if (f == OK)
		keys = keys_of(&who, m.sha256);
	if (keys) {
		memcpy(salt, keys->salt, sizeof(salt));
		iterations = keys->iterations;
	} else if (f == OK) {
		str name = vault_name(v, &k->arena, m.user);
		secret_unknown_salt(&v->seal, arena_join(&k->arena, name, m.sha256 ? S("") : S(" SHA-1")),
			salt, &iterations);
	}
	left_ms = k->begun_ms + VAULT_SALT_MS - loop_now_ms(v->role->loop);
	if (left_ms > 0)
		(void)fiber_sleep(v->role->loop, left_ms);
	QUESTION_ANSWER(&k->question, salt_told,
		{ .fault = verdict_of(f),
			.salt = f == OK ? str_of(salt, sizeof(salt)) : S(""),
			.iterations = iterations });
}

static enum fault
judge_proof(struct vault *v, struct arena *a, const struct talk_proof_ask *m, struct found *who,
	char ret_signature[32])
{
	static const struct scram_keys nobody = { .known = true, .iterations = 4096 };
	const struct scram_keys *keys;
	enum fault f;

	if (m->proof.n != (m->sha256 ? 32 : 20))
		return AUTH_FAILED;
	TRY(vault_find(v, a, m->user, who));
	keys = keys_of(who, m->sha256);
	f = secret_check_proof(keys ? keys : &nobody, m->sha256, m->auth_message, m->proof, ret_signature);
	return keys && !who->disabled ? f : AUTH_FAILED;
}

void
vault_on_proof(struct ask *k)
{
	struct vault *v = k->vault;
	struct talk_proof_ask m;
	struct found who = { 0 };
	char signature[32];
	enum fault f;
	str name;

	if (!talk_read_proof_ask(k->payload, &m) || !is_question(k, m.client, m.service, m.session) ||
		!is_user(m.user)) {
		answer(k, AUTH_FAILED, NULL, S(""));
		return;
	}
	name = vault_name(v, &k->arena, m.user);
	f = enter_gate(v, m.client, name);
	if (f == OK) {
		f = judge_proof(v, &k->arena, &m, &who, signature);
		leave_gate(v, m.client, name, f);
	}
	if (f == OK)
		f = grant(v, m.service, m.session, &who);
	answer(k, verdict_of(f), &who, str_of(signature, m.sha256 ? 32 : 20));
}

/* ---- certificates ---- */

/* The proof was the handshake; what is asked is whether somebody has that address. A whole address only: no domain is added. */
void
vault_on_external(struct ask *k)
{
	struct vault *v = k->vault;
	struct talk_external_ask m;
	struct found who = { 0 };
	enum fault f;

	if (!talk_read_external_ask(k->payload, &m) || !is_question(k, m.client, m.service, m.session) ||
		!is_user(m.user) || str_find(m.user, '@') == m.user.n) {
		answer(k, AUTH_FAILED, NULL, S(""));
		return;
	}
	f = vault_find(v, &k->arena, m.user, &who);
	if (f == OK && !who.exists) { /* made a moment ago, perhaps */
		f = vault_freshen(v);
		if (f == OK)
			f = vault_find(v, &k->arena, m.user, &who);
	}
	if (f == OK && (!who.exists || who.disabled))
		f = AUTH_FAILED;
	answer(k, verdict_of(f), &who, S(""));
}
