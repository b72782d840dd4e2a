#include "roles/auth.h"

#include "base/base64.h"
#include "base/mem.h"
#include "rt/sock.h"
#include "test/t.h"
#include "wire/sasl_client.h"
#include "wire/test_vault.h"

#include <unistd.h>

static const str user = SC("ann@a.test"), password = SC("s3cr3t "), salt = SC("0123456789abcdef"),
		 client = SC("\4\x7f\0\0\1\0\0\0\0"), session = SC("fedcba9876543210");

/* A vault that knows ann, and a client that says what sasl_client makes of the challenges, or what the test wants. */
struct stage {
	struct loop *loop;
	struct chan here, vault;
	struct arena arena;
	enum fault verdict; /* not OK: what vault says to everything */
	bool garbage;       /* vault says something else than it was asked for */
	int asked;
	bool fields_right;
	unsigned char signature[32];

	struct sasl_client said;
	const str *lines; /* instead of said */
	size_t line_count, line_at;
	struct buf line;

	enum sasl_mech mech;
	bool has_initial;
	str initial;
	bool first_later; /* `initial` is the answer to the first, empty challenge */
	str offered_password;
	struct sasl_binding binding;

	enum fault fault;
	str tried;
	struct auth_result result;
	bool done;
};

static bool
are_fields_right(const struct stage *t, str who, str from, uint32_t service, str token)
{
	(void)t;
	return str_eq(who, user) && str_eq(from, client) && service == TALK_POP3 && str_eq(token, session);
}

static void
vault_on_password(struct stage *t, struct chan *c, struct frame *f)
{
	struct talk_password_ask m;
	enum fault verdict = t->verdict;

	CHECK(talk_read_password_ask(f->payload, &m));
	t->fields_right = are_fields_right(t, m.user, m.client, m.service, m.session);
	if (verdict == OK && !(str_eq(m.user, user) && str_eq(m.password, password)))
		verdict = AUTH_FAILED;
	ROLE_ANSWER(c, f, auth_told, { .fault = verdict, .account = 7, .address = user, .signature = S("") });
}

static void
vault_on_salt(struct stage *t, struct chan *c, struct frame *f)
{
	struct talk_salt_ask m;

	CHECK(talk_read_salt_ask(f->payload, &m));
	ROLE_ANSWER(c, f, salt_told, { .fault = t->verdict, .salt = salt, .iterations = 4096 });
}

static void
vault_on_proof(struct stage *t, struct chan *c, struct frame *f)
{
	struct test_vault v;
	struct talk_proof_ask m;
	str signature = S("");
	enum fault verdict;

	CHECK(talk_read_proof_ask(f->payload, &m));
	t->fields_right = are_fields_right(t, m.user, m.client, m.service, m.session);
	test_vault_init(&v, m.sha256 ? SASL_SCRAM_SHA_256 : SASL_SCRAM_SHA_1, password, salt, 4096);
	verdict = test_vault_verify(&v, m.auth_message, m.proof, t->signature, &signature);
	ROLE_ANSWER(
		c, f, auth_told, { .fault = verdict, .account = 7, .address = user, .signature = signature });
}

static void
vault_on_frame(struct chan *c, struct frame *f)
{
	struct stage *t = c->ctx;

	t->asked++;
	if (t->garbage) {
		chan_send(c, f->type, f->id, S("\xff\xff\xff"), -1);
		return;
	}
	switch (f->type) {
	case TALK_ASK_password_ask: vault_on_password(t, c, f); return;
	case TALK_ASK_salt_ask: vault_on_salt(t, c, f); return;
	case TALK_ASK_proof_ask: vault_on_proof(t, c, f); return;
	default: fail();
	}
}

static enum fault
client_hears(void *ctx, str challenge)
{
	struct stage *t = ctx;
	struct buf plain = { 0 };
	str response;

	CHECK(base64_decode(challenge, &plain));
	buf_clear(&t->line);
	if (t->lines)
		buf_add(&t->line, t->line_at < t->line_count ? t->lines[t->line_at++] : S("*"));
	else if (t->first_later)
		buf_add(&t->line, t->initial);
	else if (sasl_client_step(&t->said, buf_str(&plain), &response) == OK)
		base64_add(&t->line, response);
	else
		buf_add(&t->line, S("*"));
	t->first_later = false;
	buf_done(&plain);
	return OK;
}

static enum fault
client_says(void *ctx, str *ret_line)
{
	struct stage *t = ctx;

	*ret_line = buf_str(&t->line);
	return OK;
}

static void
talk(void *arg)
{
	struct stage *t = arg;
	struct auth_talk at = { .loop = t->loop,
		.vault = &t->here,
		.client = client,
		.service = TALK_POP3,
		.session = session,
		.due_ms = loop_now_ms(t->loop) + 5000,
		.ctx = t,
		.send = client_hears,
		.receive = client_says };

	if (t->mech == SASL_NONE)
		t->fault = auth_password(&at, &t->arena, user, t->offered_password, &t->result);
	else
		t->fault = auth_exchange(&at, &t->arena, t->mech, &t->binding, t->binding.exporter.n > 0,
			t->has_initial, t->initial, &t->tried, &t->result);
	t->done = true;
}

static void
run(struct stage *t, bool vault_is_up)
{
	int ends[2];

	t->loop = loop_new();
	chan_init(&t->here, t->loop, "vault", AUTH_UNAVAILABLE);
	chan_init(&t->vault, t->loop, "login", CLOSED);
	t->vault.ctx = t;
	t->vault.on_frame = vault_on_frame;
	if (vault_is_up) {
		CHECK(sock_pair(ends) == OK);
		chan_up(&t->here, ends[0]);
		chan_up(&t->vault, ends[1]);
	}
	fiber_start(t->loop, talk, t);
	while (!t->done && loop_run_once(t->loop))
		;
	chan_down(&t->here);
	chan_down(&t->vault);
	loop_free(t->loop);
}

static void
end(struct stage *t)
{
	buf_done(&t->line);
	arena_done(&t->arena);
}

static void
every_mechanism_lets_the_right_password_in_and_no_other(void **state)
{
	static const struct {
		enum sasl_mech mech;
		str password;
		bool initial;
		enum fault fault;
	} cases[] = {
		{ SASL_PLAIN, SC("s3cr3t "), true, OK },
		{ SASL_PLAIN, SC("s3cr3t "), false, OK },
		{ SASL_PLAIN, SC("s3cr3t"), true, AUTH_FAILED },
		{ SASL_LOGIN, SC("s3cr3t "), false, OK },
		{ SASL_LOGIN, SC("S3cr3t "), false, AUTH_FAILED },
		{ SASL_SCRAM_SHA_1, SC("s3cr3t "), true, OK },
		{ SASL_SCRAM_SHA_1, SC("x"), true, AUTH_FAILED },
		{ SASL_SCRAM_SHA_256, SC("s3cr3t "), true, OK },
		{ SASL_SCRAM_SHA_256, SC("s3cr3t "), false, OK },
		{ SASL_SCRAM_SHA_256, SC("x"), false, AUTH_FAILED },
		{ SASL_SCRAM_SHA_1_PLUS, SC("s3cr3t "), true, OK },
		{ SASL_SCRAM_SHA_256_PLUS, SC("s3cr3t "), true, OK },
		{ SASL_SCRAM_SHA_256_PLUS, SC("x"), true, AUTH_FAILED },
	};

	(void)state;
	EACH(cases, c) {
		struct stage t = { .mech = c->mech };
		bool has_initial;
		str initial;

		if (sasl_mech_is_plus(c->mech))
			t.binding.exporter = S("0123456789abcdef0123456789abcdef");
		CHECK(sasl_client_start(&t.said, &t.arena, c->mech, user, c->password, &t.binding,
			      t.binding.exporter.n > 0, S("bm9uY2Vub25jZW5vbmNl"), &has_initial,
			      &initial) == OK);
		base64_add(&t.line, has_initial ? initial : S(""));
		t.initial = arena_str(&t.arena, buf_str(&t.line));
		t.has_initial = c->initial;
		t.first_later = has_initial && !c->initial;
		run(&t, true);
		CHECK_INT(t.fault, c->fault);
		CHECK_STR(t.tried, user);
		CHECK(t.fields_right);
		if (c->fault == OK) {
			CHECK_INT(t.result.account, 7);
			CHECK_INT(t.result.mech, c->mech);
			CHECK_STR(t.result.address, user);
			CHECK(sasl_client_finish(&t.said) == OK);
		}
		end(&t);
	}
}

static void
what_a_client_says_wrongly_is_told_apart(void **state)
{
	static const str abort[] = { SC("*") }, not_base64[] = { SC("AGFubgBz!") }, nothing[] = { SC("") },
			 half_login[] = { SC("YW5uQGEudGVzdA=="), SC("*") };
	static const struct {
		enum sasl_mech mech;
		bool has_initial;
		str initial;
		const str *lines;
		size_t n;
		enum fault fault;
		str tried;
	} cases[] = {
		{ SASL_PLAIN, false, SC(""), abort, 1, AUTH_ABORTED, SC("") },
		{ SASL_PLAIN, false, SC(""), not_base64, 1, BAD_BASE64, SC("") },
		{ SASL_PLAIN, false, SC(""), nothing, 1, AUTH_FAILED, SC("") },
		{ SASL_PLAIN, true, SC("="), NULL, 0, AUTH_FAILED,
			SC("") }, /* an empty initial response is one */
		{ SASL_PLAIN, true, SC("AGFubg"), NULL, 0, BAD_BASE64, SC("") },
		{ SASL_LOGIN, false, SC(""), half_login, 2, AUTH_ABORTED, SC("ann@a.test") },
		{ SASL_SCRAM_SHA_256, false, SC(""), abort, 1, AUTH_ABORTED, SC("") },
		{ SASL_SCRAM_SHA_256_PLUS, true, SC("biwsbj1hLHI9Yg=="), NULL, 0, AUTH_FAILED,
			SC("") }, /* no channel to bind to */
	};

	(void)state;
	EACH(cases, c) {
		struct stage t = { .mech = c->mech,
			.has_initial = c->has_initial,
			.initial = c->initial,
			.lines = c->lines,
			.line_count = c->n };
		run(&t, true);
		CHECK_INT(t.fault, c->fault);
		CHECK_STR(t.tried, c->tried);
		CHECK_INT(t.asked, 0);
		end(&t);
	}
}

static void
a_vault_that_does_not_answer_well_is_a_temporary_failure(void **state)
{
	static const struct {
		bool up, garbage;
		enum fault verdict, fault;
	} cases[] = {
		{ true, true, OK, AUTH_UNAVAILABLE },
		{ true, false, AUTH_UNAVAILABLE, AUTH_UNAVAILABLE },
		{ true, false, AUTH_THROTTLED, AUTH_THROTTLED },
		{ false, false, OK, AUTH_UNAVAILABLE },
	};
	static const enum sasl_mech mechs[] = { SASL_NONE, SASL_PLAIN, SASL_SCRAM_SHA_256 };

	(void)state;
	EACH(cases, c)
		EACH(mechs, m) {
			struct stage t = { .mech = *m,
				.verdict = c->verdict,
				.garbage = c->garbage,
				.offered_password = password,
				.has_initial = true };
			bool has_initial;
			str initial = S("");

			if (*m != SASL_NONE)
				CHECK(sasl_client_start(&t.said, &t.arena, *m, user, password, &t.binding,
					      false, S("bm9uY2Vub25jZW5vbmNl"), &has_initial,
					      &initial) == OK);
			base64_add(&t.line, initial);
			t.initial = arena_str(&t.arena, buf_str(&t.line));
			run(&t, c->up);
			CHECK_INT(t.fault, c->fault);
			end(&t);
		}
}

static void
user_and_pass_are_asked_in_one_question(void **state)
{
	struct stage right = { .offered_password = password }, wrong = { .offered_password = S("nonsense") };

	(void)state;
	run(&right, true);
	CHECK_INT(right.fault, OK);
	CHECK_INT(right.asked, 1);
	CHECK(right.fields_right);
	CHECK_INT(right.result.account, 7);
	run(&wrong, true);
	CHECK_INT(wrong.fault, AUTH_FAILED);
	end(&right);
	end(&wrong);
}

T_MAIN(T(every_mechanism_lets_the_right_password_in_and_no_other),
	T(what_a_client_says_wrongly_is_told_apart),
	T(a_vault_that_does_not_answer_well_is_a_temporary_failure),
	T(user_and_pass_are_asked_in_one_question))
