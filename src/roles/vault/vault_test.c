#include "roles/vault/vault.h"

#include "base/base64.h"
#include "roles/auth.h"
#include "test/t.h"

#include "roles/test_role.h"
#include "wire/sasl_client.h"

/* The role with a real store behind it, whose writer is the test's; the test also plays login, smtp and pop3. */
struct stage {
	struct test_role t;
	struct loop *loop;
	struct vault *vault;
	struct store *store;
	struct seal_key seal;
	struct chan store_end, sessions_end, login_end, smtp_end;
	struct arena arena;
	int applied, puts, grants;
	struct talk_grant granted; /* in the arena */
};

static const str client = SC("\4\xc0\0\2\x07\0\0\0\0"), session = SC("0123456789abcdef");

static int64_t
fixed_wall_ms(void)
{
	return 1795471920000;
}

static void
store_on_put(struct stage *g, struct chan *c, struct frame *f)
{
	struct talk_secret_put m;
	struct store_account a;
	enum fault fault;
	uint32_t id;

	CHECK(talk_read_secret_put(f->payload, &m));
	g->puts++;
	CHECK(view_account(store_now(g->store), m.account, &a) == OK);
	fault = str_eq(a.secret, m.sealed_before) ? OK : STALE;
	if (fault == OK) {
		a.address = arena_str(&g->arena, a.address);
		a.secret = m.sealed;
		fault = store_put_account(g->store, &a, &id);
		CHECK(store_commit(g->store) == OK);
	}
	ROLE_ANSWER(c, f, done, { .fault = fault });
}

static void
store_on_frame(struct chan *c, struct frame *f)
{
	struct stage *g = c->ctx;

	if (f->type == TALK_ASK_secret_put) {
		store_on_put(g, c, f);
		return;
	}
	CHECK_INT(f->type, TALK_ASK_apply);
	g->applied++;
	CHECK(store_commit(g->store) == OK);
	ROLE_ANSWER(c, f, done, { .fault = OK });
}

static void
sessions_on_frame(struct chan *c, struct frame *f)
{
	struct stage *g = c->ctx;

	CHECK_INT(f->type, TALK_SAY_grant);
	CHECK(talk_read_grant(str_of(arena_str(&g->arena, f->payload).p, f->payload.n), &g->granted));
	g->grants++;
}

static void
nothing_expected(struct chan *c, struct frame *f)
{
	(void)c;
	(void)f;
	fail();
}

enum how { FRESH, IMPORTED, DISABLED };

static uint32_t
put_account(struct stage *g, uint32_t id, const char *address, str password, enum how how)
{
	static const str sha512 =
		SC("{SHA512-CRYPT}$6$abcdefgh$"
		   "ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.");
	struct store_account a = { .id = id, .address = str_c(address), .disabled = how == DISABLED };
	struct buf sealed = { 0 };
	struct secret secret;
	char noise[48];

	loop_random(g->loop, noise, sizeof(noise));
	if (how == IMPORTED)
		CHECK(secret_import(&g->arena, sha512, noise, &secret) == OK);
	else
		CHECK(secret_new(&g->arena, password, noise, &secret) == OK);
	CHECK(secret_seal(&g->seal, a.address, &secret, noise, &sealed) == OK);
	a.secret = buf_str(&sealed);
	CHECK(store_put_account(g->store, &a, &id) == OK);
	CHECK(store_flush(g->store) == OK);
	buf_done(&sealed);
	return id;
}

static void
make_files(struct stage *g)
{
	struct buf cert = { 0 }, key = { 0 };
	char path[128];

	CHECK(tls_self_signed(S("mx.a.test"), 30, fixed_wall_ms(), &cert, &key) == OK);
	snprintf(path, sizeof(path), "%s/tls", g->t.dir);
	CHECK(mkdir(path, 0700) == 0);
	test_write_file(&g->t, "tls/cert.pem", buf_str(&cert));
	test_write_file(&g->t, "tls/key.pem", buf_str(&key));
	snprintf(path, sizeof(path), "%s/vault", g->t.dir);
	CHECK(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/vault/seal.key", g->t.dir);
	CHECK(seal_key_load(path, true, &g->seal) == OK);
	buf_done(&cert);
	buf_done(&key);
}

static void
stage_begin(struct stage *g, const char *main_cf)
{
	struct store_settings set = { .wall_ms = fixed_wall_ms, .index_map_bytes = 1 << 30 };
	char path[128];

	memset(g, 0, sizeof(*g));
	g->loop = loop_new_sim(fixed_wall_ms());
	test_role_init(&g->t, TALK_VAULT, main_cf, g->loop);
	make_files(g);
	snprintf(path, sizeof(path), "%s/store", g->t.dir);
	set.dir = path;
	CHECK(store_open(&set, &g->t.role.log, &g->store) == OK);
	CHECK(store_put_domain(g->store, S("a.test")) == OK);
	g->vault = vault_new(&g->t.role);
	CHECK(vault_open_secrets(g->vault) == OK);
	CHECK(store_reader_beside(g->store, &g->vault->reader) == OK);
	vault_start_threads(g->vault);
	test_peer_up(&g->t, &g->store_end, TALK_STORE, 0, g, store_on_frame);
	test_peer_up(&g->t, &g->sessions_end, TALK_POP3, 0, g, sessions_on_frame);
	test_peer_up(&g->t, &g->login_end, TALK_LOGIN, 1, g, nothing_expected);
	test_peer_up(&g->t, &g->smtp_end, TALK_SMTP, 1, g, nothing_expected);
}

static void
stage_end(struct stage *g)
{
	while (g->vault->asks && loop_run_once(g->loop))
		;
	vault_free(g->vault);
	chan_down(&g->store_end);
	chan_down(&g->sessions_end);
	chan_down(&g->login_end);
	chan_down(&g->smtp_end);
	store_close(g->store);
	arena_done(&g->arena);
	test_role_done(&g->t);
	loop_free(g->loop);
}

/* ---- asking, in fibers ---- */

struct query {
	struct stage *g;
	struct chan *from;
	uint16_t type;
	struct buf payload;
	struct arena arena;
	enum fault fault; /* of the call */
	struct frame answer;
	int64_t after_ms;
	bool done;
};

static void
query_run(void *arg)
{
	struct query *q = arg;
	int64_t begun_ms = loop_now_ms(q->g->loop);

	q->fault = chan_call(q->from, q->type, buf_str(&q->payload), -1, loop_now_ms(q->g->loop) + 600000,
		&q->arena, &q->answer);
	q->after_ms = loop_now_ms(q->g->loop) - begun_ms;
	q->done = true;
}

static void
query_begin(struct query *q, struct stage *g, struct chan *from, uint16_t type)
{
	q->g = g;
	q->from = from;
	q->type = type;
	fiber_start(g->loop, query_run, q);
}

static void
query_end(struct query *q)
{
	buf_done(&q->payload);
	arena_done(&q->arena);
}

static struct talk_password_ask
password_ask(const char *user, const char *password)
{
	return (struct talk_password_ask){ .user = str_c(user),
		.password = str_c(password),
		.client = client,
		.service = TALK_POP3,
		.session = session };
}

/* What vault says to a password. */
static struct talk_auth_told
ask_password(struct stage *g, struct chan *from, const struct talk_password_ask *m)
{
	struct query q = { 0 };
	struct talk_auth_told told;

	talk_put_password_ask(&q.payload, m);
	query_begin(&q, g, from, TALK_ASK_password_ask);
	test_until(g->loop, &q.done);
	CHECK(q.fault == OK && talk_read_auth_told(q.answer.payload, &told));
	told.address = arena_str(&g->arena, told.address);
	told.signature = arena_str(&g->arena, told.signature);
	query_end(&q);
	return told;
}

static enum fault
try_password(struct stage *g, const char *user, const char *password)
{
	struct talk_password_ask m = password_ask(user, password);

	return ask_password(g, &g->login_end, &m).fault;
}

static struct talk_salt_told
ask_salt(struct stage *g, const char *user, bool sha256)
{
	struct talk_salt_ask m = { .user = str_c(user), .sha256 = sha256, .client = client };
	struct query q = { 0 };
	struct talk_salt_told told;

	talk_put_salt_ask(&q.payload, &m);
	query_begin(&q, g, &g->login_end, TALK_ASK_salt_ask);
	test_until(g->loop, &q.done);
	CHECK(q.fault == OK && talk_read_salt_told(q.answer.payload, &told));
	told.salt = arena_str(&g->arena, told.salt);
	query_end(&q);
	return told;
}

/* ---- a SCRAM client ---- */

struct scram {
	struct stage *g;
	struct sasl_client said;
	struct buf line;
	struct arena arena;
	enum sasl_mech mech;
	enum fault fault;
	bool done;
};

static enum fault
scram_hears(void *ctx, str challenge)
{
	struct scram *x = ctx;
	struct buf plain = { 0 };
	str response = S("");

	CHECK(base64_decode(challenge, &plain));
	buf_clear(&x->line);
	if (sasl_client_step(&x->said, buf_str(&plain), &response) == OK)
		base64_add(&x->line, response);
	else
		buf_add(&x->line, S("*"));
	buf_done(&plain);
	return OK;
}

static enum fault
scram_says(void *ctx, str *ret_line)
{
	struct scram *x = ctx;

	*ret_line = buf_str(&x->line);
	return OK;
}

static void
scram_run(void *arg)
{
	struct scram *x = arg;
	struct auth_talk talk = { .loop = x->g->loop,
		.vault = &x->g->login_end,
		.client = client,
		.service = TALK_POP3,
		.session = session,
		.due_ms = loop_now_ms(x->g->loop) + 60000,
		.ctx = x,
		.send = scram_hears,
		.receive = scram_says };
	struct auth_result result;

	x->fault = auth_exchange(&talk, &x->arena, x->mech, NULL, false, true,
		arena_str(&x->arena, buf_str(&x->line)), NULL, &result);
	x->done = true;
}

static enum fault
try_scram(struct stage *g, enum sasl_mech mech, const char *user, const char *password)
{
	struct scram x = { .g = g, .mech = mech };
	bool has_initial;
	str initial;

	CHECK(sasl_client_start(&x.said, &x.arena, mech, str_c(user), str_c(password), NULL, false,
		      S("bm9uY2Vub25jZW5vbmNl"), &has_initial, &initial) == OK);
	base64_add(&x.line, initial);
	fiber_start(g->loop, scram_run, &x);
	test_until(g->loop, &x.done);
	if (x.fault == OK)
		CHECK(sasl_client_finish(&x.said) == OK);
	buf_done(&x.line);
	arena_done(&x.arena);
	return x.fault;
}

/* ---- tests ---- */

static void
passwords_are_judged(void **state)
{
	static const struct {
		const char *user, *password;
		enum fault fault;
	} cases[] = {
		{ "ann@a.test", "secret", OK },
		{ "ANN@A.Test", "secret", OK },
		{ "ann", "secret", OK },  /* ours is the domain */
		{ "host", "secret", OK }, /* or the host */
		{ "ann@b.test", "secret", AUTH_FAILED },
		{ "ann@a.test", "Secret", AUTH_FAILED },
		{ "ann@a.test", "", AUTH_FAILED },
		{ "ben@a.test", "secret", AUTH_FAILED }, /* disabled */
		{ "nobody@a.test", "secret", AUTH_FAILED },
		{ "", "secret", AUTH_FAILED },
		{ "a\nb", "secret", AUTH_FAILED },
	};
	struct stage g;

	(void)state;
	stage_begin(&g, "mydomain = a.test\nmyhostname = mx.a.test\n");
	put_account(&g, 0, "ann@a.test", S("secret"), FRESH);
	put_account(&g, 0, "ben@a.test", S("secret"), DISABLED);
	put_account(&g, 0, "host@mx.a.test", S("secret"), FRESH);
	CHECK(store_commit(g.store) == OK);
	EACH(cases, c) {
		struct talk_password_ask m = password_ask(c->user, c->password);
		struct talk_auth_told told = ask_password(&g, &g.login_end, &m);

		CHECK_INT(told.fault, c->fault);
		CHECK_INT(told.account != 0, c->fault == OK);
	}
	stage_end(&g);
}

static void
a_bare_name_is_looked_for_in_the_domain_for_logins_first(void **state)
{
	static const struct {
		const char *user, *password;
		enum fault fault;
	} cases[] = {
		{ "eve", "of b", OK }, { "eve", "of a", AUTH_FAILED }, { "eve@a.test", "of a", OK },
		{ "ann", "of a", OK }, /* not in b.test */
	};
	struct stage g;

	(void)state;
	stage_begin(&g, "mydomain = a.test\nsmtpd_sasl_local_domain = b.test\n");
	put_account(&g, 0, "eve@a.test", S("of a"), FRESH);
	put_account(&g, 0, "ann@a.test", S("of a"), FRESH);
	CHECK(store_put_domain(g.store, S("b.test")) == OK);
	put_account(&g, 0, "eve@b.test", S("of b"), FRESH);
	CHECK(store_commit(g.store) == OK);
	EACH(cases, c) {
		struct talk_password_ask m = password_ask(c->user, c->password);
		struct talk_auth_told told = ask_password(&g, &g.login_end, &m);

		CHECK_INT(told.fault, c->fault);
	}
	stage_end(&g);
}

static void
the_session_role_hears_who_it_is(void **state)
{
	struct talk_password_ask m = password_ask("ann", "secret");
	struct talk_auth_told told;
	struct stage g;
	uint32_t ann;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	ann = put_account(&g, 0, "ann@a.test", S("secret"), FRESH);
	told = ask_password(&g, &g.login_end, &m);
	CHECK_INT(told.fault, OK);
	CHECK_INT(told.account, ann);
	CHECK_STR(told.address, S("ann@a.test"));
	while (!g.grants && loop_run_once(g.loop))
		;
	CHECK_INT(g.granted.account, ann);
	CHECK_STR(g.granted.session, session);
	CHECK_STR(g.granted.address, S("ann@a.test"));
	CHECK_INT(try_password(&g, "ann", "wrong"), AUTH_FAILED);
	/* smtp has sessions of its own; neither may ask in the other's name. */
	m.service = TALK_SMTP;
	CHECK_INT(ask_password(&g, &g.login_end, &m).fault, AUTH_FAILED);
	m.session = S("");
	CHECK_INT(ask_password(&g, &g.smtp_end, &m).fault, OK);
	m.service = TALK_POP3;
	m.session = session;
	CHECK_INT(ask_password(&g, &g.smtp_end, &m).fault, AUTH_FAILED);
	CHECK_INT(g.grants, 1);
	/* Without anybody to grant it to there is no login. */
	chan_down(&g.sessions_end);
	while (chan_is_up(&g.vault->pop3) && loop_run_once(g.loop))
		;
	CHECK_INT(try_password(&g, "ann", "secret"), AUTH_UNAVAILABLE);
	stage_end(&g);
}

static void
what_was_acknowledged_a_moment_ago_counts(void **state)
{
	struct stage g;
	uint32_t ann;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	CHECK(store_commit(g.store) == OK);
	ann = put_account(&g, 0, "ann@a.test", S("old"), FRESH); /* flushed, but no reader can see it */
	CHECK_INT(try_password(&g, "ann@a.test", "old"), OK);
	CHECK_INT(g.applied, 1);
	CHECK_INT(try_password(&g, "ann@a.test", "old"), OK);
	CHECK_INT(g.applied, 1); /* not for every login */
	put_account(&g, ann, "ann@a.test", S("new"), FRESH);
	CHECK_INT(try_password(&g, "ann@a.test", "new"), OK);
	CHECK_INT(g.applied, 2);
	CHECK_INT(try_password(&g, "ann@a.test", "old"), AUTH_FAILED); /* forgotten by the cache, too */
	put_account(&g, 0, "eve@a.test", S("x"), FRESH);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "eve@a.test", "x"), OK);
	chan_down(&g.store_end);
	CHECK_INT(try_password(&g, "ann@a.test", "other"),
		AUTH_UNAVAILABLE); /* who knows what the store knows? */
	CHECK_INT(try_password(&g, "ann@a.test", "new"), OK);
	stage_end(&g);
}

static void
scram_works_and_its_keys_are_made_for_imported_accounts(void **state)
{
	struct stage g;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	put_account(&g, 0, "ann@a.test", S("secret"), FRESH);
	put_account(&g, 0, "old@a.test", S(""), IMPORTED);
	put_account(&g, 0, "ben@a.test", S("secret"), DISABLED);
	CHECK(store_commit(g.store) == OK);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_1, "ann@a.test", "secret"), OK);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "ann", "secret"), OK);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "ann@a.test", "other"), AUTH_FAILED);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "ben@a.test", "secret"), AUTH_FAILED);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "nobody@a.test", "secret"), AUTH_FAILED);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "old@a.test", "secret"),
		AUTH_FAILED); /* there are no keys yet */
	CHECK_INT(try_password(&g, "old@a.test", "secret"), OK);
	while (!g.puts && loop_run_once(g.loop))
		;
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "old@a.test", "secret"), OK);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_1, "old@a.test", "secret"), OK);
	CHECK_INT(try_password(&g, "old@a.test", "secret"), OK);
	CHECK_INT(g.puts, 1);
	stage_end(&g);
}

static void
unknown_users_look_like_known_ones(void **state)
{
	struct talk_salt_told known, one, again, other, sha1;
	struct stage g;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	put_account(&g, 0, "ann@a.test", S("secret"), FRESH);
	CHECK(store_commit(g.store) == OK);
	known = ask_salt(&g, "ann@a.test", true);
	one = ask_salt(&g, "nobody@a.test", true);
	again = ask_salt(&g, "Nobody", true);
	other = ask_salt(&g, "nobodi@a.test", true);
	sha1 = ask_salt(&g, "nobody@a.test", false);
	CHECK(known.fault == OK && one.fault == OK && again.fault == OK);
	CHECK_INT(one.iterations, known.iterations);
	CHECK_INT(one.salt.n, known.salt.n);
	CHECK_STR(again.salt, one.salt);
	CHECK(!str_eq(one.salt, other.salt) && !str_eq(one.salt, sha1.salt));
	stage_end(&g);
}

static void
those_who_guess_are_slowed(void **state)
{
	struct stage g;
	int64_t begun_ms;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	put_account(&g, 0, "ann@a.test", S("secret"), FRESH);
	CHECK(store_commit(g.store) == OK);
	begun_ms = loop_now_ms(g.loop);
	for (int i = 0; i < 20; i++)
		CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "ann@a.test", "guess"), AUTH_FAILED);
	CHECK(loop_now_ms(g.loop) - begun_ms > 60000);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "ann@a.test", "secret"), OK); /* but not locked out */
	begun_ms = loop_now_ms(g.loop);
	CHECK_INT(try_scram(&g, SASL_SCRAM_SHA_256, "ann@a.test", "secret"), OK);
	CHECK(loop_now_ms(g.loop) - begun_ms < 100);
	stage_end(&g);
}

/* Many at a time are no quicker than one after the other, and such a flood is soon not listened to any more. */
static void
guessing_in_parallel_does_not_help(void **state)
{
	enum { MANY = 100 };
	struct query *q = mem_new_array(MANY, sizeof(*q));
	struct talk_password_ask m = password_ask("ann@a.test", "guess");
	int failed = 0, refused = 0, at_once = 0;
	struct talk_auth_told told;
	struct stage g;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	put_account(&g, 0, "ann@a.test", S("secret"), FRESH);
	CHECK(store_commit(g.store) == OK);
	for (int i = 0; i < MANY; i++) {
		talk_put_password_ask(&q[i].payload, &m);
		query_begin(&q[i], &g, &g.login_end, TALK_ASK_password_ask);
	}
	for (int i = 0; i < MANY; i++) {
		test_until(g.loop, &q[i].done);
		CHECK(q[i].fault == OK && talk_read_auth_told(q[i].answer.payload, &told));
		failed += told.fault == AUTH_FAILED;
		refused += told.fault == AUTH_THROTTLED;
		at_once += q[i].after_ms < 200;
		query_end(&q[i]);
	}
	CHECK_INT(failed + refused, MANY);
	CHECK(at_once <= 8);
	CHECK(refused >= MANY - 70);
	CHECK(test_logged(&g.t, "event=guessing client=192.0.2.7 user=ann@a.test"));
	free(q);
	stage_end(&g);
}

static void
keys_sign_for_their_certificate_only(void **state)
{
	struct talk_sign_ask m = {
		.key = 0, .how = TLS_SIGN_ECDSA, .data = S("0123456789abcdef0123456789abcdef")
	};
	struct talk_sign_told told;
	struct query q = { 0 }, bad = { 0 };
	struct stage g;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	talk_put_sign_ask(&q.payload, &m);
	query_begin(&q, &g, &g.smtp_end, TALK_ASK_sign_ask);
	test_until(g.loop, &q.done);
	CHECK(q.fault == OK && talk_read_sign_told(q.answer.payload, &told));
	CHECK_INT(told.fault, OK);
	CHECK(told.signature.n > 60);
	m.key = 1; /* there is no such certificate: whoever asks for it is broken */
	talk_put_sign_ask(&bad.payload, &m);
	query_begin(&bad, &g, &g.smtp_end, TALK_ASK_sign_ask);
	test_until(g.loop, &bad.done);
	CHECK_INT(bad.fault, CLOSED);
	CHECK(test_logged(&g.t, "event=bad-frame"));
	query_end(&q);
	query_end(&bad);
	stage_end(&g);
}

/* The successor of a login process counts its questions from 1 again. An answer that was meant for the dead one must not reach it. */
static void
an_answer_reaches_only_who_has_asked(void **state)
{
	struct talk_password_ask m = password_ask("ann@a.test", "secret");
	struct talk_salt_ask salt = { .user = S("ann@a.test"), .sha256 = true, .client = client };
	struct talk_salt_told told;
	struct query old = { 0 }, fresh = { 0 };
	struct chan dead;
	struct stage g;

	(void)state;
	stage_begin(&g, "mydomain = a.test\n");
	put_account(&g, 0, "ann@a.test", S("secret"), FRESH);
	CHECK(store_commit(g.store) == OK);
	test_peer_up(&g.t, &dead, TALK_LOGIN, 2, &g, nothing_expected);
	talk_put_password_ask(&old.payload, &m);
	query_begin(&old, &g, &dead, TALK_ASK_password_ask);
	while (!g.vault->asks && loop_run_once(g.loop))
		;
	chan_down(&dead);
	test_until(g.loop, &old.done);
	CHECK_INT(old.fault, CLOSED);
	CHECK_INT(g.vault->asks, 1); /* it is hashing */
	test_peer_up(&g.t, &dead, TALK_LOGIN, 2, &g, nothing_expected);
	talk_put_salt_ask(&fresh.payload, &salt);
	query_begin(&fresh, &g, &dead, TALK_ASK_salt_ask);
	test_until(g.loop, &fresh.done);
	CHECK(fresh.fault == OK && talk_read_salt_told(fresh.answer.payload, &told));
	while (g.vault->asks && loop_run_once(g.loop))
		;
	(void)loop_run_once(g.loop); /* nothing unexpected comes */
	chan_down(&dead);
	query_end(&old);
	query_end(&fresh);
	stage_end(&g);
}

T_MAIN(T(passwords_are_judged), T(a_bare_name_is_looked_for_in_the_domain_for_logins_first),
	T(the_session_role_hears_who_it_is), T(what_was_acknowledged_a_moment_ago_counts),
	T(scram_works_and_its_keys_are_made_for_imported_accounts), T(unknown_users_look_like_known_ones),
	T(those_who_guess_are_slowed), T(guessing_in_parallel_does_not_help),
	T(keys_sign_for_their_certificate_only), T(an_answer_reaches_only_who_has_asked))
