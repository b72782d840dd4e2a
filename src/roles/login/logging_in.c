/* roles/login/logging_in.c - a password, or SASL: vault is asked, and the connection goes to the session role */
#include "roles/login/login.h"

#include "base/mem.h"
#include "roles/pop3/capa.h"

#include <unistd.h>

/* One line an attempt: what fail2ban and people look for. */
static void
log_attempt(const struct login_session *s, enum fault f, str user, const char *mech)
{
	struct arena a = { 0 };
	char id[20];
	struct log log = login_log(s, id);
	str client = peer_text(&a, &s->peer);

	if (f == OK)
		log_event(&log, "login-ok", kv_str("client", client), kv_str("user", user),
			kv_c("mech", mech), kv_c("service", s->service->name),
			kv_bool("tls", login_is_tls(s)));
	else
		log_warn(&log, "login-failed", kv_str("client", client), kv_str("user", user),
			kv_c("mech", mech), kv_c("service", s->service->name),
			kv_bool("tls", login_is_tls(s)), kv_c("why", fault_words(f)->name));
	arena_done(&a);
}

/* ---- the handover ---- */

static void
send_handover(struct login_session *s, str token, bool tls, str input, int fd)
{
	struct arena a = { 0 };
	char id[20];
	struct talk_handover m = { .session = token,
		.id = login_log(s, id).id,
		.client = peer_text(&a, &s->peer),
		.tls = tls,
		.utf8 = s->utf8,
		.greeting = str_c(s->tag),
		.input = input };
	struct buf b = { 0 };

	talk_put_handover(&b, &m);
	chan_send(&login_side(s)->sessions, TALK_SAY_handover, 0, buf_str(&b), fd);
	chan_flush(&login_side(s)->sessions);
	buf_done(&b);
	arena_done(&a);
}

/* The session role answers the command that logged in. What the client has sent already goes with the connection. */
static enum fault
hand_over(struct login_session *s, str token)
{
	int ends[2];

	if (!chan_is_up(&login_side(s)->sessions))
		return AUTH_UNAVAILABLE;
	TRY(stream_flush(&s->stream));
	if (!login_is_tls(s)) {
		int fd = stream_take_fd(&s->stream);

		send_handover(s, token, false, stream_pending(&s->stream), fd);
		buf_done(&s->stream.in);
		s->handed_over = true;
		return OK;
	}
	if (sock_pair(ends) != OK)
		return TOO_BUSY;
	send_handover(s, token, true, stream_pending(&s->stream), ends[1]);
	stream_discard_input(&s->stream);
	s->handed_over = true;
	return login_relay_new(s, ends[0]);
}

/* ---- asking ---- */

static enum fault
send_challenge(void *ctx, str challenge)
{
	struct login_session *s = ctx;

	buf_add(&s->stream.out, S("+ "));
	buf_add(&s->stream.out, challenge);
	buf_add(&s->stream.out, S("\r\n"));
	return stream_flush(&s->stream);
}

static enum fault
receive_answer(void *ctx, str *ret_line)
{
	struct login_session *s = ctx;
	bool bare;
	enum fault f = stream_take_line(&s->stream, s->service->protocol->line, ret_line, &bare);

	return f == LINE_TOO_LONG ? AUTH_TOO_LONG : f;
}

struct attempt {
	struct auth_talk talk;
	struct arena arena;
	unsigned char client[9];
	char token[LOGIN_TOKEN];
	struct auth_result who;
};

static struct attempt *
attempt_new(struct login_session *s)
{
	struct attempt *t = NEW(struct attempt);

	peer_client_key(&s->peer, t->client);
	loop_random(s->login->role->loop, t->token, sizeof(t->token));
	t->talk = (struct auth_talk){ .loop = s->login->role->loop,
		.vault = &s->login->vault,
		.client = str_of(t->client, sizeof(t->client)),
		.service = s->service->protocol->service,
		.session = str_of(t->token, sizeof(t->token)),
		.due_ms = s->due_ms,
		.ctx = s,
		.send = send_challenge,
		.receive = receive_answer };
	return t;
}

/* What becomes of the connection after an attempt. */
static enum fault
attempt_end(struct login_session *s, struct attempt *t, enum fault f, str user, const char *mech)
{
	bool alive = f != CLOSED && f != CANCELLED;

	if (f == OK)
		user = t->who.address;
	if (alive)
		log_attempt(s, f, user, mech);
	if (f == OK)
		f = hand_over(s, str_of(t->token, sizeof(t->token)));
	arena_done(&t->arena);
	free(t);
	/* The last failure is told like every other, and then the connection ends: the errors are used up. */
	if (f == AUTH_FAILED && ++s->failures >= LOGIN_FAILURES)
		s->errors = LOGIN_ERRORS - 1;
	return f;
}

enum fault
login_password(struct login_session *s, str user, str password, const char *word)
{
	struct attempt *t = attempt_new(s);
	enum fault f;

	s->stream.due_ms = s->due_ms;
	f = str_is_utf8(password) ? auth_password(&t->talk, &t->arena, user, password, &t->who) : AUTH_FAILED;
	mem_wipe((char *)password.p, password.n); /* where it was read */
	return attempt_end(s, t, f, user, word);
}

/* ---- what is offered ---- */

bool
login_may(const struct login_session *s)
{
	return pop3_may_log_in(s->login->role->conf, login_is_tls(s));
}

static bool
offers(const struct login_session *s, enum sasl_mech mech)
{
	return pop3_offers_mech(s->login->role->conf, login_is_tls(s), mech);
}

void
login_mechs_add(struct buf *b, const struct login_session *s, str before, str after)
{
	pop3_mechs_add(b, s->login->role->conf, login_is_tls(s), before, after);
}

/* ---- SASL ---- */

static void
get_binding(const struct login_session *s, char exporter[32], char end_point[64], struct sasl_binding *ret)
{
	size_t n = 0;

	*ret = (struct sasl_binding){ 0 };
	if (!login_is_tls(s))
		return;
	if (tls_exporter(s->stream.tls, exporter))
		ret->exporter = str_of(exporter, 32);
	if (tls_server_end_point(s->stream.tls, end_point, &n))
		ret->end_point = str_of(end_point, n);
}

/* mechanism [initial-response]: RFC 5034 4, RFC 4959 */
enum fault
login_auth(struct login_session *s, str args)
{
	bool plus = false;
	char exporter[32], end_point[64];
	struct sasl_binding binding;
	struct attempt *t;
	enum sasl_mech mech;
	str word = { 0 }, user = S(""), initial;
	enum fault f;

	(void)str_take_word(&args, &word);
	mech = sasl_mech_of(word);
	if (!offers(s, mech))
		return BAD_MECHANISM;
	for (enum sasl_mech m = SASL_PLAIN; m <= SASL_SCRAM_SHA_256_PLUS; m++)
		plus |= sasl_mech_is_plus(m) && offers(s, m);
	get_binding(s, exporter, end_point, &binding);
	t = attempt_new(s);
	args = str_trim(args);
	initial = arena_str(&t->arena, args); /* the line is gone when the client answers */
	mem_wipe((char *)args.p, args.n);
	s->stream.due_ms = s->due_ms;
	f = auth_exchange(&t->talk, &t->arena, mech, &binding, plus, initial.n > 0, initial, &user, &t->who);
	mem_wipe((char *)initial.p, initial.n);
	return attempt_end(s, t, f, user, sasl_mech_name(mech));
}
