/* audit/visit.c - one connection to the server that is looked at */
#include "audit/probe_inside.h"

#include "base/mem.h"
#include "wire/printable.h"

#include <stdarg.h>

enum { MOST_CONNECTIONS = 80, MOST_PENDING = 65536, END_MS = 2000 };

static int64_t
due(const struct probe *p)
{
	return loop_now_ms(p->loop) + p->t->timeout_ms;
}

str
answer_text(struct arena *a, const struct smtp_answer *answer)
{
	enum { MOST = 200 };
	struct buf b = { 0 };
	size_t line = str_find(answer->text, '\n');
	str copy;

	buf_printf(&b, "%d ", answer->code);
	if (answer->status.n)
		buf_printf(&b, "%.*s ", STR_ARG(answer->status));
	printable_add(&b, str_sub(answer->text, 0, line), MOST);
	copy = arena_str(a, buf_str(&b));
	buf_done(&b);
	return copy;
}

/* ---- beginning ---- */

enum fault
visit_connect(struct probe *p, struct visit *v)
{
	struct peer to = p->t->peer;
	int error = 0;

	*v = (struct visit){ .probe = p };
	if (p->connections++ >= MOST_CONNECTIONS)
		return TOO_BUSY;
	if (loop_now_ms(p->loop) < p->next_ms)
		TRY(fiber_sleep(p->loop, p->next_ms - loop_now_ms(p->loop)));
	p->next_ms = loop_now_ms(p->loop) + p->t->pause_ms;
	to.port = p->port;
	TRY(stream_connect(&v->stream, p->loop, &to, due(p), &error));
	v->up = true;
	if (p->service == PROBE_SUBMISSIONS) {
		v->stream.due_ms = due(p);
		return stream_connect_tls(&v->stream, p->tls, str_c(p->t->name));
	}
	return OK;
}

enum fault
visit_begin(struct probe *p, struct visit *v)
{
	TRY(visit_connect(p, v));
	TRY(visit_hear(v, &v->greeting));
	return is_yes(&v->greeting) ? OK : TOO_BUSY;
}

enum fault
visit_begin_ehlo(struct probe *p, struct visit *v)
{
	TRY(visit_begin(p, v));
	return visit_ehlo(v);
}

/* ---- words ---- */

enum fault
visit_write(struct visit *v, str bytes)
{
	v->stream.due_ms = due(v->probe);
	TRY(stream_write(&v->stream, bytes));
	return stream_flush(&v->stream);
}

enum fault
visit_hear_within(struct visit *v, int64_t ms, struct smtp_answer *ret)
{
	int64_t by_ms = loop_now_ms(v->probe->loop) + ms;

	for (;;) {
		str in = stream_pending(&v->stream), rest = in;
		enum fault f = OK;

		if (in.n && smtp_answer_take(&v->arena, &rest, ret, &f)) {
			/* What it says is to stay when the input goes. */
			ret->text = arena_str(&v->arena, ret->text);
			ret->status = arena_str(&v->arena, ret->status);
			stream_consume(&v->stream, in.n - rest.n);
			return f;
		}
		TRY(f);
		v->stream.due_ms = by_ms;
		f = stream_fill(&v->stream, MOST_PENDING);
		if (f != OK)
			return f == TOO_BIG ? MALFORMED : f;
	}
}

enum fault
visit_hear(struct visit *v, struct smtp_answer *ret)
{
	return visit_hear_within(v, v->probe->t->timeout_ms, ret);
}

enum fault
visit_ask(struct visit *v, struct smtp_answer *ret, const char *format, ...)
{
	struct buf b = { 0 };
	char text[1200];
	va_list args;
	enum fault f;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_add_c(&b, text);
	buf_add_c(&b, "\r\n");
	f = visit_write(v, buf_str(&b));
	buf_done(&b);
	return f == OK ? visit_hear(v, ret) : f;
}

static const struct {
	str word;
	unsigned cap;
} caps[] = {
	{ SC("STARTTLS"), CAP_STARTTLS },
	{ SC("AUTH"), CAP_AUTH },
	{ SC("SIZE"), CAP_SIZE },
	{ SC("DSN"), CAP_DSN },
	{ SC("XCLIENT"), CAP_XCLIENT },
};

static void
take_caps(struct visit *v)
{
	str rest = v->ehlo.text, line, word;

	v->caps = 0;
	v->auth = v->size = S("");
	(void)str_take_until(&rest, '\n', &line); /* the name */
	while (str_take_until(&rest, '\n', &line)) {
		if (!str_take_word(&line, &word))
			continue;
		for (size_t i = 0; i < COUNT(caps); i++)
			if (str_eq_nocase(word, caps[i].word))
				v->caps |= caps[i].cap;
		if (str_eq_nocase(word, S("AUTH")))
			v->auth = str_trim(line);
		if (str_eq_nocase(word, S("SIZE")))
			v->size = str_trim(line);
	}
}

enum fault
visit_ehlo(struct visit *v)
{
	TRY(visit_ask(v, &v->ehlo, "EHLO %s", v->probe->t->helo));
	if (v->ehlo.code == 421)
		return TOO_BUSY;
	if (is_yes(&v->ehlo)) {
		take_caps(v);
		return OK;
	}
	v->caps = 0;
	TRY(visit_ask(v, &v->ehlo, "HELO %s", v->probe->t->helo)); /* an old one */
	return is_yes(&v->ehlo) ? OK : TOO_BUSY;
}

enum fault
visit_starttls(struct visit *v, struct tls_client *c)
{
	struct smtp_answer a;

	TRY(visit_ask(v, &a, "STARTTLS"));
	if (a.code != 220)
		return NOT_IMPLEMENTED;
	stream_discard_input(&v->stream);
	v->stream.due_ms = due(v->probe);
	return stream_connect_tls(&v->stream, c, str_c(v->probe->t->name));
}

/* ---- the end ---- */

void
visit_drop(struct visit *v)
{
	if (v->up)
		stream_close(&v->stream);
	arena_done(&v->arena);
	*v = (struct visit){ .probe = v->probe };
}

void
visit_end(struct visit *v)
{
	struct smtp_answer a;

	if (v->up && visit_write(v, S("QUIT\r\n")) == OK)
		while (visit_hear_within(v, END_MS, &a) == OK && a.code != 221)
			;
	visit_drop(v);
}
