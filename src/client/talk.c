/* Commands out, replies in. */
#include "client/inside.h"

#include "base/mem.h"
#include "wire/printable.h"

#include <stdarg.h>

enum { MOST_REPLY = 8192 + 1024, SHOWN = 200, MINUTE = 60 * 1000 };

/* RFC 5321 4.5.3.2. Connecting and the end are not in it: for the first the kernel's own patience is too long for a person. */
static const struct {
	const char *name;
	int64_t most_ms;
} phases[CLIENT_PHASES] = {
	[CLIENT_CONNECT] = { "connecting", 30 * 1000 },
	[CLIENT_GREETING] = { "waiting for the greeting", 5 * MINUTE },
	[CLIENT_HELLO] = { "EHLO", 5 * MINUTE },
	[CLIENT_TLS] = { "beginning TLS", 2 * MINUTE },
	[CLIENT_AUTH] = { "logging in", 5 * MINUTE },
	[CLIENT_MAIL] = { "MAIL", 5 * MINUTE },
	[CLIENT_RCPT] = { "RCPT", 5 * MINUTE },
	[CLIENT_DATA] = { "DATA", 2 * MINUTE },
	[CLIENT_BODY] = { "sending the message", 3 * MINUTE },
	[CLIENT_FINAL] = { "waiting for the reply to the message", 10 * MINUTE },
	[CLIENT_QUIT] = { "QUIT", 5 * 1000 },
};

const char *
client_phase_name(enum client_phase p)
{
	return p < CLIENT_PHASES ? phases[p].name : "";
}

void
client_begin_phase(struct client *c, enum client_phase phase)
{
	int64_t most = phases[phase].most_ms;

	if (c->set.most_ms > 0)
		most = MIN(most, c->set.most_ms);
	c->stream.due_ms = loop_now_ms(c->loop) + most;
}

/* ---- the trace ---- */

void
client_trace(struct client *c, char who, str line)
{
	struct buf b = { 0 };

	if (!c->set.trace)
		return;
	printable_add(&b, line, line.n);
	c->set.trace(c->set.trace_ctx, who, buf_str(&b));
	buf_done(&b);
}

void
client_note(struct client *c, const char *format, ...)
{
	struct buf b = { 0 };
	va_list args;
	char *to;
	int n;

	if (!c->set.trace)
		return;
	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	to = buf_reserve(&b, (size_t)n + 1);
	va_start(args, format);
	(void)vsnprintf(to, (size_t)n + 1, format, args);
	va_end(args);
	buf_used(&b, (size_t)n);
	client_trace(c, '-', buf_str(&b));
	buf_done(&b);
}

/* ---- how it ends ---- */

enum client_end
client_fail(struct client *c, enum client_end end, enum client_phase phase, const struct smtp_answer *answer,
	const char *format, ...)
{
	struct buf b = { 0 };
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printable_add(&b, str_c(text), sizeof(text));
	c->why = (struct client_why){ .end = end, .phase = phase, .text = arena_str(&c->arena, buf_str(&b)) };
	if (answer) {
		c->why.answer = *answer;
		c->why.answer.status = arena_str(&c->arena, answer->status);
		c->why.answer.text = arena_str(&c->arena, answer->text);
	}
	buf_done(&b);
	c->over |= end != CLIENT_REFUSED && end != CLIENT_NO_AUTH && end != CLIENT_UNFIT;
	return end;
}

enum client_end
client_refused(struct client *c, enum client_phase phase, const struct smtp_answer *answer)
{
	return client_fail(c, CLIENT_REFUSED, phase, answer, "the server answered %d%s%.*s%s%.*s",
		answer->code, answer->status.n ? " " : "", STR_ARG(answer->status), answer->text.n ? " " : "",
		STR_ARG(str_sub(answer->text, 0, SHOWN)));
}

enum client_end
client_lost(struct client *c, enum client_phase phase, enum fault f)
{
	if (f == CANCELLED)
		return client_fail(c, CLIENT_CANCELLED, phase, NULL, "cancelled");
	if (f == TIMED_OUT)
		return client_fail(
			c, CLIENT_LOST, phase, NULL, "%s: the server took too long", phases[phase].name);
	return client_fail(c, CLIENT_LOST, phase, NULL, "%s: the server closed the connection%s",
		phases[phase].name, stream_pending(&c->stream).n ? " in the middle of a reply" : "");
}

/* ---- commands ---- */

enum client_end
client_say(struct client *c, enum client_phase phase, str command, str shown)
{
	enum fault f;

	if (str_has_ctl(command))
		return client_fail(c, CLIENT_BROKEN, phase, NULL,
			"%s: a control character in what would be sent", phases[phase].name);
	if (c->over)
		return c->why.end != CLIENT_OK ? c->why.end : client_lost(c, phase, CLOSED);
	client_trace(c, 'C', shown.n ? shown : command);
	client_begin_phase(c, phase);
	f = stream_write(&c->stream, command);
	if (f == OK)
		f = stream_write(&c->stream, S("\r\n"));
	/* A server that has gone may have left a last word: client_hear will see. */
	return f == OK || f == CLOSED ? CLIENT_OK : client_lost(c, phase, f);
}

/* ---- replies ---- */

static void
trace_lines(struct client *c, str said)
{
	for (str line; c->set.trace && str_take_until(&said, '\n', &line);) {
		if (str_ends(line, S("\r")))
			line.n--;
		client_trace(c, 'S', line);
	}
}

static enum client_end
garbled(struct client *c, enum client_phase phase)
{
	str line = str_sub(stream_pending(&c->stream), 0, SHOWN);

	line.n = str_find(line, '\n');
	trace_lines(c, line);
	return client_fail(c, CLIENT_GARBLED, phase, NULL,
		"%s: this is no SMTP reply, or one without end: %.*s", phases[phase].name, STR_ARG(line));
}

enum client_end
client_hear(struct client *c, struct arena *a, enum client_phase phase, struct smtp_answer *ret)
{
	enum fault f;

	if (c->over)
		return c->why.end != CLIENT_OK ? c->why.end : client_lost(c, phase, CLOSED);
	client_begin_phase(c, phase);
	f = stream_flush(&c->stream); /* may fail while a last word of the server's is here already */
	for (;;) {
		str pending = stream_pending(&c->stream), rest = pending;
		enum fault grammar;

		if (smtp_answer_take(a, &rest, ret, &grammar)) {
			trace_lines(c, str_sub(pending, 0, pending.n - rest.n));
			stream_consume(&c->stream, pending.n - rest.n);
			if (ret->code == 421) {
				(void)client_refused(c, phase, ret);
				c->over = true;
			}
			return CLIENT_OK;
		}
		if (grammar != OK)
			return garbled(c, phase);
		if (f != OK && f != CLOSED)
			return client_lost(c, phase, f);
		f = stream_fill(&c->stream, MOST_REPLY);
		if (f != OK)
			return client_lost(c, phase, f);
	}
}

enum client_end
client_command(struct client *c, struct arena *a, enum client_phase phase, str command, str shown,
	struct smtp_answer *ret)
{
	enum client_end end = client_say(c, phase, command, shown);

	return end == CLIENT_OK ? client_hear(c, a, phase, ret) : end;
}

enum client_end
client_ask(struct client *c, struct arena *a, str command, struct smtp_answer *ret)
{
	return client_command(c, a, CLIENT_MAIL, command, S(""), ret);
}
