/* roles/smtp/auth.c - AUTH (RFC 4954): the grammar here, the secret in vault */
#include "roles/auth.h"

#include "base/mem.h"
#include "roles/smtp/smtp.h"

#include <stdlib.h>

enum { AUTH_LINE = 12288 }; /* RFC 4954 4 */

static bool
is_plus(enum sasl_mech m)
{
	return m == SASL_SCRAM_SHA_1_PLUS || m == SASL_SCRAM_SHA_256_PLUS;
}

bool
smtp_may_auth(const struct smtp_session *s, enum sasl_mech m)
{
	if (!s->service->auth || smtp_is_logged_in(s))
		return false;
	if (m == SASL_EXTERNAL) {
		const struct smtp_ccert *cert = smtp_ccert(s);

		return cert && cert->verified && cert->email_count > 0;
	}
	if (sasl_mech_is_plain_text(m) &&
		(smtp_is_tls(s) ? s->service->no_plain_tls : s->service->no_plain_clear))
		return false;
	if (smtp_is_tls(s))
		return true;
	return !is_plus(m) && !s->service->tls_auth_only;
}

static enum fault
send_challenge(void *ctx, str challenge)
{
	struct smtp_session *s = ctx;

	smtp_say(s, REPLY_CHALLENGE, challenge);
	return smtp_flush(s);
}

static enum fault
receive_answer(void *ctx, str *ret_line)
{
	struct smtp_session *s = ctx;
	bool bare;
	enum fault f;

	s->stream.due_ms = smtp_due(s);
	f = stream_take_line(&s->stream, AUTH_LINE, ret_line, &bare);
	return f == LINE_TOO_LONG ? AUTH_TOO_LONG : f;
}

static bool
is_known(const struct smtp_session *s, enum sasl_mech m)
{
	for (size_t i = 0; i < s->smtp->mech_count; i++)
		if (s->smtp->mechs[i] == m)
			return true;
	return false;
}

static void
get_binding(const struct smtp_session *s, char exporter[32], char end_point[64], struct sasl_binding *ret)
{
	size_t n = 0;

	*ret = (struct sasl_binding){ 0 };
	if (!smtp_is_tls(s))
		return;
	if (tls_exporter(s->stream.tls, exporter))
		ret->exporter = str_of(exporter, 32);
	if (tls_server_end_point(s->stream.tls, end_point, &n))
		ret->end_point = str_of(end_point, n);
}

static void
log_login(const struct smtp_session *s, enum fault f, str user, enum sasl_mech m)
{
	struct arena a = { 0 };
	str client = peer_text(&a, &s->peer);

	if (f == OK)
		log_event(&s->log, "login-ok", kv_str("client", client), kv_c("user", s->user),
			kv_c("mech", sasl_mech_name(m)), kv_c("service", s->service->name));
	else
		log_warn(&s->log, "login-failed", kv_str("client", client), kv_str("user", user),
			kv_c("mech", sasl_mech_name(m)), kv_c("service", s->service->name),
			kv_c("why", fault_words(f)->name));
	arena_done(&a);
}

static enum fault
exchange(struct smtp_session *s, enum sasl_mech m, bool has_initial, str initial)
{
	char exporter[32], end_point[64];
	struct sasl_binding binding;
	struct arena a = { 0 };
	struct auth_result who = { 0 };
	struct auth_talk t = { .loop = s->smtp->role->loop,
		.vault = &s->smtp->vault,
		.client = str_of(s->client, sizeof(s->client)),
		.service = TALK_SMTP,
		.due_ms = smtp_due(s),
		.ctx = s,
		.send = send_challenge,
		.receive = receive_answer };
	str user = S("");
	bool plus = false;
	enum fault f;

	if (m == SASL_EXTERNAL) {
		t.names = smtp_ccert(s)->emails;
		t.name_count = smtp_ccert(s)->email_count;
	}

	for (size_t i = 0; i < s->smtp->mech_count; i++)
		plus |= is_plus(s->smtp->mechs[i]) && smtp_may_auth(s, s->smtp->mechs[i]);
	get_binding(s, exporter, end_point, &binding);
	f = auth_exchange(&t, &a, m, &binding, plus, has_initial, arena_str(&a, initial), &user, &who);
	if (f == OK) {
		s->account = who.account;
		s->user = strndup(who.address.p, who.address.n);
		s->mech = m;
		smtp_say(s, REPLY_AUTH_OK, S(""));
	}
	log_login(s, f, user, m);
	arena_done(&a);
	return f;
}

enum fault
smtp_cmd_auth(struct smtp_session *s, str args)
{
	str word = { 0 };
	enum sasl_mech m;

	if (!s->service->auth)
		return NOT_IMPLEMENTED;
	if (smtp_is_logged_in(s))
		return BAD_SEQUENCE;
	if (!smtp_is_tls(s) && s->service->tls_auth_only)
		return TLS_REQUIRED;
	if (!str_take_word(&args, &word))
		return BAD_ARGUMENT;
	m = sasl_mech_of(word);
	if (m == SASL_NONE || !is_known(s, m) || !smtp_may_auth(s, m))
		return BAD_MECHANISM;
	TRY(smtp_count(s, LIMITS_LOGINS));
	args = str_trim(args);
	return exchange(s, m, args.n > 0, args);
}
