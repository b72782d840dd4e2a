/* roles/smtp/envelope.c - MAIL and RCPT: who sends to whom, and is it ours? */
#include "roles/smtp/recipients.h"

#include "base/mem.h"
#include "roles/limits.h"
#include "roles/smtp/restrict.h"

#include <stdlib.h>

static unsigned
offered(const struct smtp_session *s)
{
	if (!s->esmtp)
		return 0;
	return SMTP_EXT_SIZE | SMTP_EXT_8BITMIME |
	       (smtp_offers(s, SMTP_CAP_SMTPUTF8) ? SMTP_EXT_SMTPUTF8 : 0u) |
	       (s->service->auth ? SMTP_EXT_AUTH : 0u) | (smtp_offers(s, SMTP_CAP_PRDR) ? SMTP_EXT_PRDR : 0u);
}

/* What must have been done before mail may be sent here: HELO, STARTTLS, AUTH, in the words of each. */
static enum fault
may_send(const struct smtp_session *s)
{
	if (s->state == SMTP_FRESH && s->service->helo_required)
		return BAD_SEQUENCE;
	if (s->service->tls_level == TLS_ENCRYPT && !smtp_is_tls(s))
		return STARTTLS_FIRST;
	if (s->service->submission && !smtp_is_logged_in(s))
		return AUTH_REQUIRED;
	return OK;
}

/* The sender as it will stand in Return-Path. */
static enum fault
take_sender(struct smtp_session *s)
{
	struct txn *t = s->txn;
	struct resolve_tables tables;

	t->sender = S("");
	if (t->mail.from.local.n || t->mail.from.domain.n)
		t->sender = arena_printf(&t->arena, "%.*s%s%.*s", STR_ARG(t->mail.from.local),
			t->mail.from.domain.n ? "@" : "", STR_ARG(t->mail.from.domain));
	if (!people_has_sender_maps(s->smtp->people))
		return OK;
	people_text_fill(s->smtp->people, &tables);
	return people_canonical(&t->arena, &tables, RESOLVE_SENDER_CANONICAL, t->sender, &t->sender);
}

enum fault
smtp_cmd_mail(struct smtp_session *s, str args)
{
	struct role *r = s->smtp->role;
	struct txn *t;
	enum fault f;
	str why = S("");

	TRY(may_send(s));
	smtp_recheck_trust(s);
	if (!s->trusted && s->service->message_rate)
		TRY(limits_message(r->limits, s->client, s->service->message_rate, s->smtp->rate_window_ms,
			loop_now_ms(r->loop)));
	t = NEW(struct txn);
	args = arena_str(&t->arena, args);
	f = smtp_mail_parse(&t->arena, args, offered(s), !s->service->strict, &t->mail);
	if (f == BAD_ADDRESS)
		f = BAD_SENDER;
	if (f == OK && s->service->size_limit && t->mail.has_size && t->mail.size > s->service->size_limit)
		f = TOO_BIG;
	s->txn = t;
	if (f != OK) {
		smtp_forget_mail(s);
		return f;
	}
	t->answers_each = s->service->lmtp || t->mail.prdr;
	table_init(&t->seen, s->smtp->table_key);
	f = take_sender(s);
	if (f == OK)
		f = smtp_count_account(s, LIMITS_ACCOUNT_MESSAGES, &why);
	if (f != OK) {
		smtp_refuse(s, f, why);
		smtp_forget_mail(s);
		return OK;
	}
	f = smtp_restrict(s, RULES_AT_MAIL, NULL, NULL);
	if (f != OK) {
		smtp_forget_mail(s);
		return f;
	}
	s->state = SMTP_IN_MAIL;
	smtp_say(s, REPLY_SENDER_OK, S(""));
	return OK;
}

/* The client's recipient is taken. */
static void
add_name(struct txn *t, const struct addr *to)
{
	str name = to->domain.n
			   ? arena_printf(&t->arena, "%.*s@%.*s", STR_ARG(to->local), STR_ARG(to->domain))
			   : to->local;

	if (t->named == 0) {
		t->first_named = name;
		t->only_rcpt = *to; /* in the arena, as the command is */
	}
	if (t->answers_each) {
		if (t->named == t->name_room) {
			t->name_room = t->name_room ? t->name_room * 2 : 4;
			t->names = mem_grow(t->names, t->name_room * sizeof(*t->names));
		}
		t->names[t->named] = name;
	}
	t->named++;
}

enum fault
smtp_cmd_rcpt(struct smtp_session *s, str args)
{
	struct txn *t = s->txn;
	struct smtp_whose whose = { 0 };
	struct smtp_rcpt rcpt;
	enum fault f;
	str why;

	if (t->named >= s->service->rcpt_limit)
		return TOO_MANY_RCPTS;
	TRY(smtp_count(s, LIMITS_RECIPIENTS));
	args = arena_str(&t->arena, args);
	TRY(smtp_rcpt_parse(&t->arena, args, offered(s), t->mail.smtputf8, !s->service->strict, &rcpt));
	TRY(smtp_restrict(s, RULES_AT_RCPT, &rcpt.to, &whose));
	f = t->effects.discard ? OK : smtp_take_rcpt(s, &rcpt.to, &whose, &why);
	if (f == RELAY_DENIED) /* the lists permitted it */
		f = NO_RELAY_YET;
	if (f != OK) {
		struct arena a = { 0 };
		log_event(&s->log, "rcpt-refused", kv_str("client", peer_text(&a, &s->peer)),
			kv_str("from", t->sender), kv_str("to", args), kv_c("why", fault_words(f)->name));
		arena_done(&a);
		smtp_refuse(s, f, why);
		return OK;
	}
	add_name(t, &rcpt.to);
	s->state = SMTP_HAS_RCPT;
	smtp_say(s, REPLY_RCPT_OK, S(""));
	return OK;
}
