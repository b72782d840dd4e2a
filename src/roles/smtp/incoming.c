/* roles/smtp/incoming.c - from the first octet of a message to the 250 that is a promise */
#include "roles/smtp/duties.h"
#include "roles/smtp/restrict.h"

#include "base/mem.h"
#include "base/moment.h"

#include <stdlib.h>

enum { STORE_MS = 60000, RATE_GRACE_MS = 20000 };

static struct email_builder *
take_builder(struct smtp_role *smtp)
{
	if (smtp->spare_count)
		return smtp->spare[--smtp->spare_count];
	return email_builder_new(NULL, &email_thread_key);
}

static void
give_builder(struct smtp_role *smtp, struct email_builder *b)
{
	if (smtp->spare_count == SMTP_SPARE_BUILDERS) {
		email_builder_free(b);
		return;
	}
	email_builder_reset(b);
	smtp->spare[smtp->spare_count++] = b;
}

static enum fault
call_store(struct incoming *in, uint16_t type, str payload, struct frame *ret)
{
	struct smtp_session *s = in->s;
	enum fault f = chan_call(&s->smtp->store, type, payload, -1,
		loop_now_ms(s->smtp->role->loop) + STORE_MS, &s->txn->arena, ret);

	return f == TIMED_OUT ? STORE_DOWN : f;
}

/* ---- a large body ---- */

static enum fault
large_begin(struct incoming *in)
{
	struct talk_large_new ask = { .size_hint = in->s->txn->mail.size };
	struct talk_large_made made;
	struct buf b = { 0 };
	struct frame answer;
	enum fault f;

	talk_put_large_new(&b, &ask);
	f = call_store(in, TALK_ASK_large_new, buf_str(&b), &answer);
	buf_done(&b);
	TRY(f);
	if (!talk_read_large_made(answer.payload, &made))
		return INTERNAL;
	TRY(made.fault);
	in->large = made.large;
	return OK;
}

/* Hands over what has gathered. */
static enum fault
large_push(struct incoming *in)
{
	struct talk_large_add add = { .large = in->large, .bytes = buf_str(&in->body) };
	struct talk_done done;
	struct buf b = { 0 };
	struct frame answer;
	enum fault f;

	if (in->body.n == 0)
		return OK;
	talk_put_large_add(&b, &add);
	f = call_store(in, TALK_ASK_large_add, buf_str(&b), &answer);
	buf_done(&b);
	buf_clear(&in->body);
	TRY(f);
	return talk_read_done(answer.payload, &done) ? done.fault : INTERNAL;
}

static void
large_drop(struct incoming *in)
{
	struct talk_large_drop drop = { .large = in->large };
	struct buf b = { 0 };

	if (!in->large)
		return;
	talk_put_large_drop(&b, &drop);
	chan_send(&in->s->smtp->store, TALK_SAY_large_drop, 0, buf_str(&b), -1);
	buf_done(&b);
	in->large = 0;
}

/* ---- octets ---- */

/* What arrived since `from` gets CRLF for each bare CR or LF. A piece may end between CR and LF. */
static void
normalize(struct incoming *in, size_t from)
{
	struct buf *body = &in->body, out = { 0 };
	size_t i = from;

	if (in->gave_lf && i < body->n && body->p[i] == '\n')
		i++;
	in->gave_lf = body->n > from && body->p[body->n - 1] == '\r';
	for (; i < body->n; i++) {
		char c = body->p[i];
		bool pair = c == '\r' && i + 1 < body->n && body->p[i + 1] == '\n';
		bool cut =
			c == '\n' && i == from && in->ended_in_cr; /* its CR came before anything was bare */

		if (cut) {
			buf_add_char(&out, c);
		} else if (c == '\r' || c == '\n') {
			buf_add(&out, S("\r\n"));
			i += pair;
		} else {
			buf_add_char(&out, c);
		}
	}
	body->n = from;
	buf_add(body, buf_str(&out));
	buf_done(&out);
}

void
smtp_incoming_mend_newlines(struct incoming *in, size_t from)
{
	int how = in->s->service->bare_newline;
	bool ends_in_cr = in->body.n > from ? in->body.p[in->body.n - 1] == '\r' : in->ended_in_cr;

	if ((in->bare_cr || in->bare_lf) && (how == BARE_NORMALIZE || how == BARE_YES)) {
		normalize(in, from);
		ends_in_cr = false;
	}
	in->ended_in_cr = ends_in_cr;
}

/* What is in the body since `from` belongs to the message as it is. */
static void
feed(struct incoming *in, size_t from)
{
	const struct smtp_service *sv = in->s->service;
	size_t added = in->body.n - from;

	email_builder_feed(in->builder, str_of(in->body.p + from, added));
	in->size += added;
	if (sv->size_limit && in->size > sv->size_limit)
		in->fault = TOO_BIG;
	if (in->fault == OK && in->body.n > SMTP_LARGE && !in->large)
		in->fault = large_begin(in);
	if (in->fault == OK && in->large && in->body.n >= SMTP_PIECE)
		in->fault = large_push(in);
	if (in->fault != OK)
		buf_done(&in->body);
}

static void
break_lines(struct incoming *in, size_t from)
{
	str added = str_of(in->body.p + from, in->body.n - from);
	struct buf out = { 0 };

	if (!mend_lines_needed(&in->lines, added)) {
		mend_lines(&in->lines, NULL, added);
		return;
	}
	mend_lines(&in->lines, &out, added);
	in->body.n = from;
	buf_add(&in->body, buf_str(&out));
	buf_done(&out);
}

/* The header has ended at `end` of the body; it goes on as the duties leave it. */
static void
pass_header(struct incoming *in, size_t end)
{
	str header = str_of(in->body.p + in->header_at, end - in->header_at);
	str rest = str_of(in->body.p + end, in->body.n - end);
	bool wants_gap = rest.n && !str_starts(rest, S("\r\n")) && !str_starts(rest, S("\n"));
	bool changed = false;
	struct buf out = { 0 };

	in->fault = smtp_do_duties(in, header, wants_gap, &out, &changed);
	if (in->fault == OK && changed) {
		buf_add(&out, rest);
		in->body.n = in->header_at;
		buf_add(&in->body, buf_str(&out));
	}
	buf_done(&out);
}

/* Has the header come? all: nothing more will. */
static bool
header_ended(struct incoming *in, bool all)
{
	str block = str_of(in->body.p + in->header_at, in->body.n - in->header_at);
	bool ended;
	size_t end;

	ended = mend_find_end(block, smtp_header_is_strict(in->s), all, &in->header_seen, &end);
	if ((ended ? end : block.n) > in->s->service->header_limit)
		in->fault = HEADER_TOO_BIG;
	else if (ended)
		pass_header(in, in->header_at + end);
	if (in->fault != OK)
		buf_done(&in->body);
	in->in_header = !ended && in->fault == OK;
	return ended && in->fault == OK;
}

void
smtp_incoming_grow(struct incoming *in, size_t from)
{
	if (in->fault != OK) {
		in->body.n = from;
		return;
	}
	if (smtp_breaks_lines(in->s))
		break_lines(in, from);
	if (!in->in_header)
		feed(in, from);
	else if (header_ended(in, false))
		feed(in, in->header_at);
}

/* Slow is one thing, holding on for ever by a byte now and then another. */
bool
smtp_incoming_too_slow(const struct incoming *in)
{
	int64_t took_ms = loop_now_ms(in->s->smtp->role->loop) - in->began_ms - RATE_GRACE_MS;

	return took_ms > 0 && in->taken * 1000 < in->s->service->least_rate * (uint64_t)took_ms;
}

static void
judge_newlines(struct incoming *in)
{
	int how = in->s->service->bare_newline;

	if (in->fault != OK || (!in->bare_cr && !in->bare_lf) || how == BARE_NO)
		return;
	if (how == BARE_REJECT)
		in->fault = BARE_NEWLINE;
	else
		log_event(
			&in->s->log, "bare-newline", kv_bool("cr", in->bare_cr), kv_bool("lf", in->bare_lf));
}

/* ---- the store's word ---- */

static str
list_deliveries(struct incoming *in)
{
	struct txn *t = in->s->txn;
	struct buf list = { 0 };
	str kept;

	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct smtp_box *box = &t->rcpts[i];
		struct talk_delivery d = {
			.account = box->account, .mailbox = box->mailbox, .promised = !t->answers_each
		};
		/* A bounce has no sender and gets none, whatever list it went through. */
		str sender = box->sender.n && t->sender.n ? box->sender : t->sender;

		d.prefix = arena_printf(&t->arena, "Return-Path: <%.*s>\r\nDelivered-To: %.*s\r\n",
			STR_ARG(sender), STR_ARG(box->address));
		talk_put_delivery(&list, &d);
	}
	kept = arena_str(&t->arena, buf_str(&list));
	buf_done(&list);
	return kept;
}

static str
list_keys(struct txn *t, const struct email_facts *facts)
{
	struct buf list = { 0 };
	str kept;

	for (size_t i = 0; i < facts->reference_count; i++)
		talk_put_key(&list, &(struct talk_key){ facts->reference_keys[i] });
	kept = arena_str(&t->arena, buf_str(&list));
	buf_done(&list);
	return kept;
}

static str
list_firsts(struct txn *t)
{
	struct buf list = { 0 };
	str kept;

	for (size_t i = 0; i < t->first_count; i++)
		talk_put_key(&list, &(struct talk_key){ t->firsts[i] });
	kept = arena_str(&t->arena, buf_str(&list));
	buf_done(&list);
	return kept;
}

/* The answer has a verdict for each mailbox. An account that was removed between RCPT and now is named in the log. */
static enum fault
read_verdicts(struct incoming *in, str payload)
{
	struct txn *t = in->s->txn;
	struct talk_accepted accepted;
	struct talk_verdict v;
	size_t i = 0;

	if (!talk_read_accepted(payload, &accepted))
		return INTERNAL;
	if (t->answers_each)
		in->verdicts = ARENA_ARRAY(&t->arena, t->rcpt_count, enum fault);
	for (str list = accepted.verdicts; list.n && talk_take_verdict(&list, &v) && i < t->rcpt_count; i++) {
		if (in->verdicts)
			in->verdicts[i] = v.fault;
		if (v.fault != OK && accepted.fault == OK)
			log_error(&in->s->log, "rcpt-lost", kv_c("id", in->id),
				kv_str("to", t->rcpts[i].address), kv_c("why", fault_words(v.fault)->name));
	}
	if (i != t->rcpt_count)
		in->verdicts = NULL;
	TRY(accepted.fault);
	return i == t->rcpt_count ? OK : INTERNAL;
}

static enum fault
store_message(struct incoming *in)
{
	struct smtp_session *s = in->s;
	struct email_facts facts;
	struct buf row = { 0 }, b = { 0 };
	struct talk_accept ask = { .received_ms = in->wall_ms, .large = in->large };
	struct frame answer;
	enum fault f = OK;

	email_builder_finish(in->builder, &row, &facts);
	if (facts.received_count > s->service->hop_limit)
		f = MAIL_LOOP;
	else if (facts.header_size > s->service->header_limit)
		f = HEADER_TOO_BIG;
	if (f == OK && in->large)
		f = large_push(in);
	if (f == OK) {
		ask.sent_ms = facts.sent_ms ? facts.sent_ms : in->wall_ms;
		ask.message_id_key = facts.message_id_key;
		ask.references = list_keys(s->txn, &facts);
		ask.dot_lines = facts.dot_lines;
		ask.writer = s->account;
		ask.written = list_firsts(s->txn);
		ask.row = buf_str(&row);
		ask.deliveries = list_deliveries(in);
		ask.body = buf_str(&in->body);
		talk_put_accept(&b, &ask);
		buf_done(&in->body);
		f = call_store(in, TALK_ASK_accept, buf_str(&b), &answer);
	}
	if (f == OK) {
		in->large = 0; /* the store has it */
		f = read_verdicts(in, answer.payload);
	}
	buf_done(&b);
	buf_done(&row);
	return f;
}

static void
log_result(struct incoming *in, enum fault f)
{
	struct smtp_session *s = in->s;
	struct txn *t = s->txn;
	struct arena a = { 0 };
	str client = peer_text(&a, &s->peer);
	int64_t took_ms = loop_now_ms(s->smtp->role->loop) - in->began_ms;

	if (f == OK)
		log_event(&s->log, "message-stored", kv_c("id", in->id), kv_str("client", client),
			kv_c("user", s->user ? s->user : ""), kv_str("from", t->sender),
			kv_str("to", t->first_named), kv_uint("rcpts", t->rcpt_count),
			kv_uint("size", in->size), kv_int("ms", took_ms));
	else
		log_event(&s->log, "message-refused", kv_c("id", in->id), kv_str("client", client),
			kv_str("from", t->sender), kv_str("to", t->first_named), kv_uint("size", in->size),
			kv_c("why", fault_words(f)->name));
	arena_done(&a);
}

/* ---- the beginning and the end ---- */

enum fault
smtp_incoming_may_begin(struct smtp_session *s)
{
	struct txn *t = s->txn;

	if (t->rcpt_count == 0 && (t->named == 0 || !t->effects.discard))
		return s->service->lmtp ? BAD_SEQUENCE : NO_VALID_RCPTS; /* RFC 2033 4.2 */
	return smtp_restrict(s, RULES_AT_DATA, NULL, NULL);
}

void
smtp_incoming_init(struct incoming *in, struct smtp_session *s)
{
	*in = (struct incoming){ .s = s,
		.builder = take_builder(s->smtp),
		.began_ms = loop_now_ms(s->smtp->role->loop),
		.wall_ms = loop_wall_ms(s->smtp->role->loop) };
	snprintf(in->id, sizeof(in->id), "%s-%u", s->id, ++s->messages);
	in->lines.limit = s->service->break_lines;
	buf_add(&in->body, s->txn->effects.prepend);
	smtp_add_received(s, &in->body, str_c(in->id), in->wall_ms);
	feed(in, 0);
	in->header_at = in->body.n;
	in->in_header = true;
}

/* An access table said DISCARD: it looks as if it were stored. */
static enum fault
discard(struct incoming *in)
{
	struct smtp_session *s = in->s;
	struct arena a = { 0 };

	log_event(&s->log, "message-discarded", kv_c("id", in->id), kv_str("client", peer_text(&a, &s->peer)),
		kv_str("from", s->txn->sender), kv_str("to", s->txn->first_named), kv_uint("size", in->size));
	arena_done(&a);
	s->junk = 0;
	return OK;
}

enum fault
smtp_incoming_end(struct incoming *in)
{
	enum fault f;

	if (in->fault == OK && in->in_header && header_ended(in, true))
		feed(in, in->header_at);
	judge_newlines(in);
	in->s->txn->size = in->size;
	f = in->fault != OK ? in->fault : smtp_restrict(in->s, RULES_AT_END, NULL, NULL);
	if (f == OK && in->s->txn->effects.discard)
		return discard(in);
	if (f == OK)
		f = smtp_restrict_recipients(in->s);
	if (f == OK)
		f = store_message(in);
	smtp_log_forwarded(in->s, str_c(in->id));
	log_result(in, f);
	in->s->junk = 0;
	return f;
}

void
smtp_incoming_done(struct incoming *in)
{
	if (!in->builder)
		return;
	large_drop(in);
	give_builder(in->s->smtp, in->builder);
	buf_done(&in->body);
	in->builder = NULL;
}

/* What the client is told of one recipient it named: good when the message reached any mailbox that the name leads to; who sends again to a
 * list of which one member was full would give it to the others twice. */
static enum fault
verdict_of(const struct incoming *in, uint32_t named, enum fault whole)
{
	const struct txn *t = in->s->txn;
	enum fault first = OK;

	if (!in->verdicts)
		return whole;
	for (size_t i = 0; i < t->share_count; i++) {
		enum fault f;

		if (t->shares[i].name != named)
			continue;
		f = in->verdicts[t->shares[i].rcpt];
		if (f == OK)
			return OK;
		if (first == OK)
			first = f;
	}
	return first;
}

static void
tell_each(struct incoming *in, enum fault whole)
{
	struct smtp_session *s = in->s;
	struct txn *t = s->txn;

	for (uint32_t i = 0; i < t->named; i++) {
		enum fault f = verdict_of(in, i, whole);
		str who = arena_printf(&t->arena, "<%.*s>", STR_ARG(t->names[i]));

		if (f == OK)
			smtp_say(s, REPLY_STORED, arena_printf(&t->arena, "%s %.*s", in->id, STR_ARG(who)));
		else
			smtp_tell_fault(s, f, who);
	}
}

/* LMTP has a reply for each recipient (RFC 2033 4.2); PRDR has them between 353 and the one for the message, where there are several
 * and the message was not refused for what it is. */
void
smtp_incoming_tell(struct incoming *in, enum fault f)
{
	struct smtp_session *s = in->s;
	bool lmtp = s->service->lmtp, prdr = !lmtp && in->verdicts && s->txn->named > 1;

	if (prdr)
		smtp_say(s, REPLY_EACH_FOLLOWS, S(""));
	if ((prdr || lmtp) && f != ALREADY_TOLD)
		tell_each(in, f);
	if (lmtp)
		s->errors += f != OK;
	else if (f == OK)
		smtp_say(s, REPLY_STORED, str_c(in->id));
	else if (f != ALREADY_TOLD)
		smtp_refuse(s, f, S(""));
	s->state = SMTP_GREETED;
}
