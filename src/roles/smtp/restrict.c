/* roles/smtp/restrict.c - what the restriction lists want to know of a session, and what is done about their answer */
#include "roles/smtp/restrict.h"
#include "roles/smtp/recipients.h"

#include "base/mem.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

/* One question to the lists. */
struct restricting {
	struct smtp_session *s;
	const struct addr *rcpt;
	struct smtp_whose *whose;
	struct arena *arena;
	enum rules_step step;
	struct tls_facts tls;
	char instance[48];
};

/* ---- the hooks ---- */

static enum fault
whose_rcpt(void *ctx)
{
	struct restricting *r = ctx;

	return smtp_ask_whose(r->s, r->rcpt, false, r->whose);
}

static enum fault
whose_sender(void *ctx)
{
	struct restricting *r = ctx;
	struct txn *t = r->s->txn;

	return smtp_ask_whose(r->s, &t->mail.from, true, &t->whose_sender);
}

/* The account's own address needs no question. */
static enum fault
sender_is_owned(void *ctx)
{
	struct restricting *r = ctx;
	struct smtp_session *s = r->s;
	struct txn *t = s->txn;

	if (str_eq_nocase(t->sender, str_c(s->user)))
		return OK;
	return s->account ? smtp_owns(s, &t->mail.from, true) : NOT_PERMITTED;
}

static enum fault
ask_policy(void *ctx, size_t service, str request, str *ret_action)
{
	struct restricting *r = ctx;

	return smtp_policy_ask(r->s->service->policies, service, request, r->arena, &r->s->log, ret_action);
}

static enum fault
wait_a_while(void *ctx, unsigned seconds)
{
	struct restricting *r = ctx;

	return fiber_sleep(r->s->smtp->role->loop, (int64_t)seconds * 1000);
}

static void
note(void *ctx, const char *what, str text)
{
	struct restricting *r = ctx;
	struct smtp_session *s = r->s;
	str client = peer_text(r->arena, &s->peer);

	LOG_AT(&s->log, strcmp(what, "restriction-error") == 0 ? LOG_ERROR : LOG_INFO, what,
		kv_str("client", client), kv_c("helo", s->helo ? s->helo : ""),
		kv_str("from", s->txn ? s->txn->sender : S("")),
		kv_str("to", r->rcpt ? arena_printf(r->arena, "%.*s@%.*s", STR_ARG(r->rcpt->local),
					       STR_ARG(r->rcpt->domain))
				     : S("")),
		kv_str("text", text));
}

/* ---- what is known ---- */

/* What only policy services want to know. */
static void
gather_rare(struct restricting *r, struct rules_facts *f)
{
	struct smtp_session *s = r->s;
	struct sockaddr_storage at;
	socklen_t n = sizeof(at);
	struct peer server = { 0 };

	if (getsockname(s->stream.watch.fd, (struct sockaddr *)&at, &n) == 0) {
		peer_of((struct sockaddr *)&at, n, &server);
		f->server_address = peer_text(r->arena, &server);
		f->server_port = server.port;
	}
	if (smtp_is_tls(s)) {
		tls_facts(s->stream.tls, &r->tls);
		f->tls_version = r->tls.version;
		f->tls_cipher = r->tls.cipher;
		f->tls_bits = r->tls.bits;
	}
	if (s->user && s->account)
		f->auth_method = sasl_mech_name(s->mech);
	if (s->txn) {
		f->size = s->txn->size ? s->txn->size : s->txn->mail.size;
		f->auth_sender = s->txn->mail.auth;
	}
	snprintf(r->instance, sizeof(r->instance), "%s.%u", s->id, s->messages);
	f->instance = str_c(r->instance);
}

static void
gather(struct restricting *r, struct rules_facts *f)
{
	struct smtp_session *s = r->s;
	const struct smtp_ccert *cert = smtp_ccert(s);

	*f = (struct rules_facts){
		.client = &s->peer,
		.client_name = str_c(s->client_name),
		.reverse_name = str_c(s->client_name),
		.trusted = s->trusted,
		.has_helo = s->helo != NULL,
		.esmtp = s->esmtp,
		.tls = smtp_is_tls(s),
		.helo = str_c(s->helo),
		.pipelined = stream_pending(&s->stream).n > 0,
		.auth = s->service->auth,
		.user = str_c(s->user),
		.sender = s->txn ? &s->txn->mail.from : NULL,
		.rcpt = r->rcpt,
		.rcpt_count = s->txn ? s->txn->named : 0,
	};
	if (cert) {
		f->has_ccert = true;
		f->ccert_verified = cert->verified;
		f->ccert_fingerprint = cert->fingerprint;
		f->ccert_subject = cert->subject;
	}
	if (s->service->policies)
		gather_rare(r, f);
}

/* ---- the question ---- */

static void
log_refusal(struct restricting *r, const struct rules_reply *reply)
{
	struct smtp_session *s = r->s;
	const char *event = r->step == RULES_AT_RCPT ? "rcpt-refused" : "refused";
	str to = r->rcpt ? arena_printf(
				   r->arena, "%.*s@%.*s", STR_ARG(r->rcpt->local), STR_ARG(r->rcpt->domain))
			 : S("");
	str why = reply->fault != OK ? str_c(fault_words(reply->fault)->name)
				     : arena_printf(r->arena, "%d %.*s %.*s", reply->code,
					       STR_ARG(reply->status), STR_ARG(reply->text));

	log_event(&s->log, event, kv_str("client", peer_text(r->arena, &s->peer)),
		kv_c("helo", s->helo ? s->helo : ""), kv_c("user", s->user ? s->user : ""),
		kv_str("from", s->txn ? s->txn->sender : S("")), kv_str("to", to),
		kv_c("by", reply->by ? reply->by : ""), kv_str("why", why));
}

static enum fault
refuse(struct restricting *r, const struct rules_reply *reply)
{
	struct smtp_session *s = r->s;
	/* LMTP has a reply for each recipient behind the message (RFC 2033 4.2). */
	uint64_t replies = s->service->lmtp && r->step == RULES_AT_END ? s->txn->named : 1;
	str footer = s->service->footer, text = reply->text;

	log_refusal(r, reply);
	switch (reply->fault) {
	case OK:
		s->errors++;
		if (footer.n)
			text = arena_printf(r->arena, "%.*s\n%.*s", STR_ARG(text), STR_ARG(footer));
		for (uint64_t i = 0; i < replies; i++)
			smtp_lines_add(&s->stream.out, reply->code, reply->status, text);
		s->closing |= reply->code == 421 || reply->code == 521; /* RFC 5321 3.8, RFC 7504 */
		return ALREADY_TOLD;
	case CLOSED:
	case CANCELLED:
	case SHUTTING_DOWN: return reply->fault;
	default:
		if (r->step == RULES_AT_END)
			return reply->fault; /* the caller tells it, as often as it must */
		smtp_refuse(s, reply->fault, S(""));
		return ALREADY_TOLD;
	}
}

enum fault
smtp_restrict(struct smtp_session *s, enum rules_step step, const struct addr *rcpt, struct smtp_whose *whose)
{
	static const struct rules_hooks hooks = { .rcpt = whose_rcpt,
		.sender = whose_sender,
		.owns = sender_is_owned,
		.policy = ask_policy,
		.sleep = wait_a_while,
		.note = note };
	const struct rules *rules = s->service->rules;
	struct arena own = { 0 };
	struct restricting r = { .s = s, .rcpt = rcpt, .whose = whose, .step = step };
	struct rules_hooks mine = hooks;
	struct rules_reply reply = { 0 };
	struct rules_facts facts;
	struct rules_query q;
	struct smtp_whose later = { 0 };
	enum fault f = OK;

	if (!rules_busy(rules, step))
		return OK;
	/* What is behind RCPT concerns all recipients; one may be asked about. */
	if (step >= RULES_AT_DATA && s->txn->named == 1) {
		r.rcpt = &s->txn->only_rcpt;
		r.whose = &later;
	}
	r.arena = s->txn ? &s->txn->arena : &own;
	mine.ctx = &r;
	if (!rules_delayed(rules) && !s->carry)
		s->carry = NEW(struct rules_carry);
	gather(&r, &facts);
	q = (struct rules_query){ .rules = rules,
		.facts = &facts,
		.hooks = &mine,
		.arena = r.arena,
		.effects = s->txn ? &s->txn->effects : NULL,
		.effects_arena = r.arena,
		.carry = s->carry };
	if (!rules_ask(&q, step, &reply))
		f = refuse(&r, &reply);
	arena_done(&own);
	return f;
}

void
smtp_restrict_done(struct smtp_session *s)
{
	free(s->carry);
	s->carry = NULL;
}

/* ---- other recipients ---- */

static enum fault
add_target(struct smtp_session *s, const char *action, str address)
{
	struct smtp_whose whose = { 0 };
	struct addr ad;
	enum fault f = addr_parse(address, &ad);

	if (f == OK)
		f = smtp_ask_whose(s, &ad, false, &whose);
	if (f == OK)
		f = smtp_take_whose(s, &whose);
	if (f == OK)
		return OK;
	log_error(&s->log, "target-not-to-be-had", kv_c("action", action), kv_str("to", address),
		kv_c("why", fault_words(f)->name));
	return fault_is_temporary(f) ? f : BAD_TARGET;
}

enum fault
smtp_restrict_recipients(struct smtp_session *s)
{
	struct txn *t = s->txn;
	const struct rules_effects *e = &t->effects;

	if (e->redirect.n) {
		t->rcpt_count = 0;
		t->share_count = 0;
		table_done(&t->seen);
		table_init(&t->seen, s->smtp->table_key);
		TRY(add_target(s, "redirect", e->redirect));
	}
	for (size_t i = 0; i < e->bcc_count; i++)
		TRY(add_target(s, "bcc", e->bcc[i]));
	return OK;
}
