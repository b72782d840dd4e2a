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

enum fault
smtp_cmd_mail(struct smtp_session *s, str args)
{
	struct role *r = s->smtp->role;
	struct txn *t;
	enum fault f;

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
	if (t->mail.from.local.n || t->mail.from.domain.n)
		t->sender = arena_printf(&t->arena, "%.*s%s%.*s", STR_ARG(t->mail.from.local),
			t->mail.from.domain.n ? "@" : "", STR_ARG(t->mail.from.domain));
	else
		t->sender = S("");
	t->answers_each = s->service->lmtp || t->mail.prdr;
	table_init(&t->seen, s->smtp->table_key);
	s->state = SMTP_IN_MAIL;
	smtp_say(s, REPLY_SENDER_OK, S(""));
	return OK;
}

static void
add_share(struct txn *t, uint32_t rcpt)
{
	if (!t->answers_each)
		return;
	if (t->share_count == t->share_room) {
		t->share_room = t->share_room ? t->share_room * 2 : 4;
		t->shares = mem_grow(t->shares, t->share_room * sizeof(*t->shares));
	}
	t->shares[t->share_count++] = (struct smtp_share){ (uint32_t)t->named, rcpt };
}

void
smtp_add_rcpt(struct txn *t, const struct talk_rcpt *r)
{
	str key = arena_printf(&t->arena, "%u %u", r->account, r->mailbox);
	uintptr_t number = (uintptr_t)table_get(&t->seen, key);

	if (!number) {
		if (t->rcpt_count == t->rcpt_room) {
			t->rcpt_room = t->rcpt_room ? t->rcpt_room * 2 : 4;
			t->rcpts = mem_grow(t->rcpts, t->rcpt_room * sizeof(*t->rcpts));
		}
		t->rcpts[t->rcpt_count++] =
			(struct talk_rcpt){ r->account, r->mailbox, arena_str(&t->arena, r->address) };
		number = t->rcpt_count;
		table_put(&t->seen, key, (void *)number);
	}
	add_share(t, (uint32_t)number - 1);
}

/* The client's recipient is taken. */
static void
add_name(struct txn *t, const struct addr *to)
{
	str name = to->domain.n
			   ? arena_printf(&t->arena, "%.*s@%.*s", STR_ARG(to->local), STR_ARG(to->domain))
			   : to->local;

	if (t->named == 0)
		t->first_named = name;
	if (t->answers_each) {
		if (t->named == t->name_room) {
			t->name_room = t->name_room ? t->name_room * 2 : 4;
			t->names = mem_grow(t->names, t->name_room * sizeof(*t->names));
		}
		t->names[t->named] = name;
	}
	t->named++;
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
		smtp_add_rcpt(t, &r);
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
	TRY(smtp_count(s, LIMITS_RECIPIENTS));
	args = arena_str(&t->arena, args);
	TRY(smtp_rcpt_parse(&t->arena, args, offered(s), t->mail.smtputf8, !s->service->strict, &rcpt));
	f = ask_store(s, &rcpt.to);
	if (f == RELAY_DENIED && smtp_is_logged_in(s))
		f = NO_RELAY_YET;
	if (f != OK) {
		struct arena a = { 0 };
		log_event(&s->log, "rcpt-refused", kv_str("client", peer_text(&a, &s->peer)),
			kv_str("from", t->sender), kv_str("to", args), kv_c("why", fault_words(f)->name));
		arena_done(&a);
		smtp_refuse(s, f, S(""));
		return OK;
	}
	add_name(t, &rcpt.to);
	s->state = SMTP_HAS_RCPT;
	smtp_say(s, REPLY_RCPT_OK, S(""));
	return OK;
}
