/* roles/smtp/envelope.c - MAIL and RCPT: who sends to whom, and is it ours? */
#include "roles/smtp/smtp.h"

#include "base/mem.h"
#include "roles/limits.h"

#include <stdlib.h>

enum { ASK_MS = 30000, MOST_RCPTS = 20000 };

static unsigned
offered(const struct smtp_session *s)
{
	if (!s->esmtp)
		return 0;
	return SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | (s->service->utf8 ? SMTP_EXT_SMTPUTF8 : 0u) |
	       (s->service->auth ? SMTP_EXT_AUTH : 0u);
}

/* What must have been done before mail may be sent here: HELO, STARTTLS, AUTH, in the words of each. */
static enum fault
may_send(const struct smtp_session *s)
{
	if (s->state == SMTP_FRESH && s->service->helo_required)
		return BAD_SEQUENCE;
	if (s->service->tls_level == TLS_ENCRYPT && !smtp_is_tls(s))
		return STARTTLS_FIRST;
	if (s->service->submission && !s->account)
		return AUTH_REQUIRED;
	return OK;
}

enum fault
smtp_cmd_mail(struct smtp_session *s, str args)
{
	struct role *r = s->smtp->role;
	struct txn *t;
	enum fault f;

	TRY(may_send(s));
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
	if (t->mail.from.local.n || t->mail.from.domain.n)
		t->sender = arena_printf(&t->arena, "%.*s%s%.*s", STR_ARG(t->mail.from.local),
			t->mail.from.domain.n ? "@" : "", STR_ARG(t->mail.from.domain));
	else
		t->sender = S("");
	table_init(&t->seen, s->smtp->table_key);
	s->state = SMTP_IN_MAIL;
	smtp_say(s, REPLY_SENDER_OK, S(""));
	return OK;
}

/* Each account and mailbox once, however many names lead to it. */
static void
add_rcpt(struct txn *t, const struct talk_rcpt *r)
{
	str key = arena_printf(&t->arena, "%u %u", r->account, r->mailbox);

	if (table_get(&t->seen, key))
		return;
	if (t->rcpt_count == t->rcpt_room) {
		t->rcpt_room = t->rcpt_room ? t->rcpt_room * 2 : 4;
		t->rcpts = mem_grow(t->rcpts, t->rcpt_room * sizeof(*t->rcpts));
	}
	t->rcpts[t->rcpt_count++] =
		(struct talk_rcpt){ r->account, r->mailbox, arena_str(&t->arena, r->address) };
	table_put(&t->seen, key, t);
}

static bool
is_ours(const struct smtp_session *s, str domain)
{
	const struct conf *c = s->smtp->role->conf;

	return conf_has_domain(c, CONF_mydestination, domain) ||
	       conf_has_domain(c, CONF_virtual_mailbox_domains, domain);
}

static enum fault
ask_store(struct smtp_session *s, const struct addr *to)
{
	struct txn *t = s->txn;
	struct talk_rcpt_ask ask = {
		.local = to->local, .domain = to->domain, .ours = is_ours(s, to->domain), .size = t->mail.size
	};
	struct talk_rcpt_told told;
	struct talk_rcpt r;
	struct buf b = { 0 };
	struct frame answer;
	enum fault f;

	talk_put_rcpt_ask(&b, &ask);
	f = chan_call(&s->smtp->store, TALK_ASK_rcpt_ask, buf_str(&b), -1,
		loop_now_ms(s->smtp->role->loop) + ASK_MS, &t->arena, &answer);
	buf_done(&b);
	if (f == TIMED_OUT)
		f = STORE_DOWN;
	TRY(f);
	if (!talk_read_rcpt_told(answer.payload, &told))
		return INTERNAL;
	TRY(told.fault);
	for (str list = told.rcpts; list.n;) {
		if (!talk_take_rcpt(&list, &r))
			return INTERNAL;
		if (t->rcpt_count >= MOST_RCPTS)
			return TOO_MANY_RCPTS;
		add_rcpt(t, &r);
	}
	return OK;
}

enum fault
smtp_cmd_rcpt(struct smtp_session *s, str args)
{
	struct txn *t = s->txn;
	struct smtp_rcpt rcpt;
	enum fault f;

	if (t->named >= s->service->rcpt_limit)
		return TOO_MANY_RCPTS;
	args = arena_str(&t->arena, args);
	TRY(smtp_rcpt_parse(&t->arena, args, offered(s), t->mail.smtputf8, !s->service->strict, &rcpt));
	f = ask_store(s, &rcpt.to);
	if (f == RELAY_DENIED && s->account)
		f = NO_RELAY_YET;
	if (f != OK) {
		struct arena a = { 0 };
		log_event(&s->log, "rcpt-refused", kv_str("client", peer_text(&a, &s->peer)),
			kv_str("from", t->sender), kv_str("to", args), kv_c("why", fault_words(f)->name));
		arena_done(&a);
		smtp_refuse(s, f, S(""));
		return OK;
	}
	if (t->named++ == 0)
		t->first_named = rcpt.to.domain.n ? arena_printf(&t->arena, "%.*s@%.*s",
							    STR_ARG(rcpt.to.local), STR_ARG(rcpt.to.domain))
						  : rcpt.to.local;
	s->state = SMTP_HAS_RCPT;
	smtp_say(s, REPLY_RCPT_OK, S(""));
	return OK;
}
