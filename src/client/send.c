/* One transaction: MAIL, RCPT, and the message by DATA or BDAT. */
#include "client/inside.h"

#include "base/mem.h"
#include "wire/xtext.h"

enum { GROUP = 100 /* recipients in one flight */, MOST_EARLY = 8192 };

struct transaction {
	struct client *c;
	struct client_message *m;
	struct arena *a;
	bool pipelining, chunking;
	bool mail_ok, data_said;
	size_t accepted;
	struct smtp_answer data; /* the reply to DATA, when it was said */
};

static enum client_verdict
verdict_of(const struct smtp_answer *answer)
{
	return answer->code < 300 ? CLIENT_ACCEPTED : answer->code < 500 ? CLIENT_DEFERRED : CLIENT_REJECTED;
}

/* The verdict of all who have none, or who were accepted so far. */
static void
judge_all(struct transaction *t, bool accepted_too, const struct smtp_answer *answer)
{
	for (size_t i = 0; i < t->m->rcpt_count; i++) {
		struct client_rcpt *r = &t->m->rcpts[i];

		if (r->verdict == CLIENT_UNTRIED || (accepted_too && r->verdict == CLIENT_ACCEPTED)) {
			r->verdict = verdict_of(answer);
			r->answer = *answer;
		}
	}
}

/* RCPT's "yes" is worth nothing when the message did not get through. */
static void
forget_verdicts(struct transaction *t, enum client_verdict instead)
{
	for (size_t i = 0; i < t->m->rcpt_count; i++)
		if (t->m->rcpts[i].verdict == CLIENT_ACCEPTED) {
			t->m->rcpts[i].verdict = instead;
			t->m->rcpts[i].answer = (struct smtp_answer){ 0 };
		}
}

/* ---- may it go here? ---- */

static enum client_end
unfit(struct client *c, const char *text)
{
	return client_fail(c, CLIENT_UNFIT, CLIENT_MAIL, NULL, "%s", text);
}

static enum client_end
check_path(struct transaction *t, str address, bool null_ok, bool *utf8)
{
	str path = arena_printf(t->a, "<%.*s>", STR_ARG(address));
	struct addr ad;

	if (str_has_ctl(address) || addr_take_path(&path, null_ok, true, &ad) != OK || path.n)
		return client_fail(t->c, CLIENT_BROKEN, CLIENT_MAIL, NULL, "this is no address: %.*s",
			STR_ARG(str_sub(address, 0, 200)));
	*utf8 |= ad.utf8;
	return CLIENT_OK;
}

static enum client_end
check(struct transaction *t)
{
	struct client *c = t->c;
	bool utf8 = t->m->utf8;
	enum client_end end = check_path(t, t->m->from, true, &utf8);

	for (size_t i = 0; end == CLIENT_OK && i < t->m->rcpt_count; i++)
		end = check_path(t, t->m->rcpts[i].to, false, &utf8);
	if (end != CLIENT_OK)
		return end;
	t->m->utf8 = utf8;
	if (utf8 && !(c->caps.has & CLIENT_HAS_SMTPUTF8))
		return unfit(c, "addresses or headers with letters beyond ASCII want SMTPUTF8, which the "
				"server does not offer");
	if (t->m->eight_bit && !(c->caps.has & CLIENT_HAS_8BITMIME))
		return unfit(c, "the message has octets above 127, and the server does not offer 8BITMIME");
	if (c->caps.size && t->m->size > c->caps.size)
		return client_fail(c, CLIENT_UNFIT, CLIENT_MAIL, NULL,
			"the message has %llu octets, and the server takes %llu at most",
			(unsigned long long)t->m->size, (unsigned long long)c->caps.size);
	return CLIENT_OK;
}

/* ---- the envelope ---- */

static enum client_end
say_mail(struct transaction *t)
{
	const struct client_message *m = t->m;
	unsigned has = t->c->caps.has;
	struct buf *b = &t->c->line;

	buf_clear(b);
	buf_printf(b, "MAIL FROM:<%.*s>", STR_ARG(m->from));
	if (has & CLIENT_HAS_SIZE)
		buf_printf(b, " SIZE=%llu", (unsigned long long)m->size);
	if (m->eight_bit)
		buf_add(b, S(" BODY=8BITMIME"));
	if (m->utf8)
		buf_add(b, S(" SMTPUTF8"));
	if ((has & CLIENT_HAS_DSN) && m->ret != SMTP_RET_UNSET)
		buf_add(b, m->ret == SMTP_RET_FULL ? S(" RET=FULL") : S(" RET=HDRS"));
	if ((has & CLIENT_HAS_DSN) && m->envid.n) {
		buf_add(b, S(" ENVID="));
		xtext_add(b, m->envid);
	}
	t->c->dirty = true;
	return client_say(t->c, CLIENT_MAIL, buf_str(b), S(""));
}

static void
add_notify(struct buf *b, unsigned notify)
{
	static const struct {
		unsigned bit;
		str word;
	} words[] = {
		{ SMTP_NOTIFY_NEVER, SC("NEVER") },
		{ SMTP_NOTIFY_SUCCESS, SC("SUCCESS") },
		{ SMTP_NOTIFY_FAILURE, SC("FAILURE") },
		{ SMTP_NOTIFY_DELAY, SC("DELAY") },
	};
	bool any = false;

	for (size_t i = 0; i < COUNT(words); i++)
		if (notify & words[i].bit) {
			buf_add(b, any ? S(",") : S(" NOTIFY="));
			buf_add(b, words[i].word);
			any = true;
		}
}

static enum client_end
say_rcpt(struct transaction *t, const struct client_rcpt *r)
{
	struct buf *b = &t->c->line;
	str type, address = r->orcpt;

	buf_clear(b);
	buf_printf(b, "RCPT TO:<%.*s>", STR_ARG(r->to));
	if (t->c->caps.has & CLIENT_HAS_DSN) {
		add_notify(b, r->notify);
		if (address.n && str_take_until(&address, ';', &type)) {
			buf_printf(b, " ORCPT=%.*s;", STR_ARG(type));
			xtext_add(b, address);
		}
	}
	return client_say(t->c, CLIENT_RCPT, buf_str(b), S(""));
}

static enum client_end
hear_mail(struct transaction *t)
{
	struct smtp_answer answer;
	enum client_end end = client_hear(t->c, t->a, CLIENT_MAIL, &answer);

	if (end != CLIENT_OK)
		return end;
	t->mail_ok = answer.code / 100 == 2;
	if (t->mail_ok)
		return CLIENT_OK;
	if (answer.code < 400)
		return client_fail(t->c, CLIENT_GARBLED, CLIENT_MAIL, &answer, "a strange reply to MAIL: %d",
			answer.code);
	(void)client_refused(t->c, CLIENT_MAIL, &answer);
	judge_all(t, false, &answer);
	return CLIENT_OK;
}

static enum client_end
hear_rcpt(struct transaction *t, struct client_rcpt *r)
{
	struct smtp_answer answer;
	enum client_end end = client_hear(t->c, t->a, CLIENT_RCPT, &answer);

	if (end != CLIENT_OK || !t->mail_ok)
		return end;
	if (answer.code / 100 == 3)
		return client_fail(t->c, CLIENT_GARBLED, CLIENT_RCPT, &answer, "a strange reply to RCPT: %d",
			answer.code);
	r->verdict = verdict_of(&answer);
	r->answer = answer;
	t->accepted += r->verdict == CLIENT_ACCEPTED;
	if (r->verdict != CLIENT_ACCEPTED)
		(void)client_refused(t->c, CLIENT_RCPT, &answer);
	return CLIENT_OK;
}

/* Recipients [at, end) and, behind the last, DATA: what goes together where the server has PIPELINING. */
static enum client_end
flight(struct transaction *t, size_t at, size_t end)
{
	enum client_end said = CLIENT_OK;
	bool with_mail = t->pipelining && at == 0;

	for (size_t i = at; said == CLIENT_OK && i < end; i++)
		said = say_rcpt(t, &t->m->rcpts[i]);
	if (said == CLIENT_OK && t->pipelining && !t->chunking && end == t->m->rcpt_count) {
		said = client_say(t->c, CLIENT_DATA, S("DATA"), S(""));
		t->data_said = true;
	}
	if (said == CLIENT_OK && with_mail)
		said = hear_mail(t);
	for (size_t i = at; said == CLIENT_OK && i < end; i++)
		said = hear_rcpt(t, &t->m->rcpts[i]);
	if (said == CLIENT_OK && t->data_said)
		said = client_hear(t->c, t->a, CLIENT_DATA, &t->data);
	return said;
}

static enum client_end
envelope(struct transaction *t)
{
	size_t group = t->pipelining ? GROUP : 1, n = t->m->rcpt_count;
	enum client_end end = say_mail(t);

	if (end == CLIENT_OK && !t->pipelining) {
		end = hear_mail(t);
		if (end != CLIENT_OK || !t->mail_ok)
			return end;
	}
	for (size_t at = 0; end == CLIENT_OK && at < n && (at == 0 || t->mail_ok); at += group)
		end = flight(t, at, MIN(at + group, n));
	return end;
}

/* ---- the message ---- */

/* It speaks, or has gone, before it has all: what it says is why. */
static enum client_end
interrupted(struct transaction *t, enum fault f)
{
	struct smtp_answer answer;
	enum client_end end;

	forget_verdicts(t, CLIENT_UNTRIED);
	if (f != OK)
		(void)stream_poll(&t->c->stream, MOST_EARLY);
	if (!stream_has_line(&t->c->stream) && f != OK)
		return client_lost(t->c, CLIENT_BODY, f);
	stream_discard_output(&t->c->stream); /* the rest would only be in the way */
	end = client_hear(t->c, t->a, CLIENT_BODY, &answer);
	if (end != CLIENT_OK)
		return end;
	if (answer.code < 400)
		return client_fail(t->c, CLIENT_GARBLED, CLIENT_BODY, &answer,
			"the server answered %d before it had the whole message", answer.code);
	judge_all(t, true, &answer);
	(void)client_refused(t->c, CLIENT_BODY, &answer);
	t->c->over = true; /* it is in the middle of a message */
	return CLIENT_REFUSED;
}

/* Ours are the lines that end in CRLF, and as many octets as were promised: else the server must not get the end. */
static enum client_end
broken(struct transaction *t, const char *text)
{
	forget_verdicts(t, CLIENT_UNTRIED);
	stream_discard_output(&t->c->stream);
	return client_fail(t->c, CLIENT_BROKEN, CLIENT_BODY, NULL, "%s", text);
}

static enum client_end
push(struct transaction *t, struct smtp_out *out, str piece)
{
	struct client *c = t->c;
	enum fault f = stream_poll(&c->stream, MOST_EARLY);

	if (f != OK || stream_pending(&c->stream).n)
		return interrupted(t, f);
	buf_clear(&c->chunk);
	smtp_out_feed(out, &c->chunk, piece);
	if (out->mended)
		return broken(t, "a line of the message does not end in CRLF");
	client_begin_phase(c, CLIENT_BODY);
	f = stream_write(&c->stream, buf_str(&c->chunk));
	return f == OK ? CLIENT_OK : interrupted(t, f);
}

static enum client_end
send_body(struct transaction *t)
{
	struct smtp_out out = { .dots = !t->chunking };
	uint64_t sent = 0;
	enum client_end end = CLIENT_OK;

	while (end == CLIENT_OK) {
		str piece = S("");

		if (t->m->next(t->m->ctx, &piece) != OK)
			return broken(t, "the message could not be read to its end");
		if (!piece.n)
			break;
		sent += piece.n;
		if (sent > t->m->size)
			return broken(t, "the message is longer than was said");
		end = push(t, &out, piece);
	}
	if (end != CLIENT_OK)
		return end;
	if (sent < t->m->size || out.after_cr)
		return broken(t, "the message is shorter than was said");
	if (t->chunking)
		return CLIENT_OK;
	buf_clear(&t->c->chunk);
	smtp_out_end(&out, &t->c->chunk);
	client_begin_phase(t->c, CLIENT_BODY);
	return stream_write(&t->c->stream, buf_str(&t->c->chunk)) == OK ? CLIENT_OK : interrupted(t, CLOSED);
}

/* LMTP answers for each recipient that it accepted, in their order (RFC 2033 4.2). */
static enum client_end
hear_final(struct transaction *t)
{
	struct smtp_answer answer;
	enum client_end end = CLIENT_OK;

	forget_verdicts(t, CLIENT_IN_DOUBT);
	for (size_t i = 0; end == CLIENT_OK && i < t->m->rcpt_count; i++) {
		struct client_rcpt *r = &t->m->rcpts[i];

		if (r->verdict != CLIENT_IN_DOUBT)
			continue;
		end = client_hear(t->c, t->a, CLIENT_FINAL, &answer);
		if (end == CLIENT_OK && answer.code / 100 == 3)
			end = client_fail(t->c, CLIENT_GARBLED, CLIENT_FINAL, &answer,
				"a strange reply to the message: %d", answer.code);
		if (end != CLIENT_OK)
			break;
		if (answer.code >= 400)
			(void)client_refused(t->c, CLIENT_FINAL, &answer);
		for (size_t k = i; k < (t->c->set.lmtp ? i + 1 : t->m->rcpt_count); k++)
			if (t->m->rcpts[k].verdict == CLIENT_IN_DOUBT) {
				t->m->rcpts[k].verdict = verdict_of(&answer);
				t->m->rcpts[k].answer = answer;
			}
	}
	t->c->dirty = false;
	return end;
}

static enum client_end
message(struct transaction *t)
{
	struct client *c = t->c;
	enum client_end end;

	end = t->chunking
		      ? client_say(c, CLIENT_BODY,
				arena_printf(t->a, "BDAT %llu LAST", (unsigned long long)t->m->size), S(""))
		      : CLIENT_OK;
	if (end == CLIENT_OK)
		end = send_body(t);
	if (end != CLIENT_OK)
		return end;
	client_note(c, t->chunking ? "%llu octets of message" : "%llu octets of message, and the dot",
		(unsigned long long)t->m->size);
	return hear_final(t);
}

/* DATA's reply is 354 or a refusal. Nobody is accepted, and yet 354: an empty message has to be sent and is not believed (RFC 2920 3.1). */
static enum client_end
after_data(struct transaction *t)
{
	struct smtp_answer answer;

	if (t->data.code == 354 && t->accepted)
		return message(t);
	if (t->data.code == 354) {
		enum client_end end = client_command(t->c, t->a, CLIENT_FINAL, S("."), S(""), &answer);

		t->c->dirty = false;
		return end;
	}
	if (t->data.code < 400) {
		forget_verdicts(t, CLIENT_UNTRIED);
		return client_fail(t->c, CLIENT_GARBLED, CLIENT_DATA, &t->data, "a strange reply to DATA: %d",
			t->data.code);
	}
	if (t->accepted) {
		(void)client_refused(t->c, CLIENT_DATA, &t->data);
		judge_all(t, true, &t->data);
	}
	return CLIENT_OK;
}

static enum client_end
transact(struct transaction *t)
{
	enum client_end end = envelope(t);

	if (end != CLIENT_OK) {
		forget_verdicts(t, CLIENT_UNTRIED);
		return end;
	}
	if (t->data_said)
		return after_data(t);
	if (!t->accepted)
		return CLIENT_OK;
	if (t->chunking)
		return message(t);
	end = client_command(t->c, t->a, CLIENT_DATA, S("DATA"), S(""), &t->data);
	if (end != CLIENT_OK)
		forget_verdicts(t, CLIENT_UNTRIED);
	return end == CLIENT_OK ? after_data(t) : end;
}

enum client_end
client_send(struct client *c, struct arena *a, struct client_message *m)
{
	struct transaction t = { .c = c,
		.m = m,
		.a = a,
		.pipelining = c->caps.has & CLIENT_HAS_PIPELINING,
		.chunking = c->caps.has & CLIENT_HAS_CHUNKING };
	struct smtp_answer answer;
	enum client_end end;

	for (size_t i = 0; i < m->rcpt_count; i++) {
		m->rcpts[i].verdict = CLIENT_UNTRIED;
		m->rcpts[i].answer = (struct smtp_answer){ 0 };
	}
	if (c->over)
		return c->why.end != CLIENT_OK ? c->why.end : client_lost(c, CLIENT_MAIL, CLOSED);
	end = check(&t);
	if (end == CLIENT_OK && c->dirty)
		end = client_command(c, a, CLIENT_MAIL, S("RSET"), S(""), &answer);
	if (end != CLIENT_OK)
		return end;
	c->dirty = false;
	end = transact(&t);
	/* 421 to the last command: it has its verdicts, but there is no going on. */
	return end == CLIENT_OK && c->over ? CLIENT_REFUSED : end;
}
