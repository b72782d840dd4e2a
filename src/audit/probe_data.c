/* audit/probe_data.c - what ends a message there?
 * The message is left unfinished by every ending that is none, and the connection dropped: nothing arrives. A server that takes one of them for
 * the end has accepted a message of two lines. */
#include "audit/probe_inside.h"

#include "base/mem.h"

static const struct {
	const char *name;
	str bytes;
} endings[] = {
	{ "LF . LF", SC("\n.\n") },
	{ "LF . CR LF", SC("\n.\r\n") },
	{ "CR LF . LF", SC("\r\n.\n") },
	{ "CR . CR", SC("\r.\r") },
	{ "CR . CR LF", SC("\r.\r\n") },
	{ "CR LF . CR", SC("\r\n.\r") },
	{ "LF . CR", SC("\n.\r") },
	{ "CR LF NUL . CR LF", SC("\r\n\0.\r\n") },
	{ "CR LF . NUL CR LF", SC("\r\n.\0\r\n") },
};

/* NOT_PERMITTED: the recipient is not taken. */
static enum fault
begin_data(struct probe *p, struct visit *v)
{
	struct smtp_answer a;

	TRY(visit_begin_ehlo(p, v));
	TRY(visit_ask(v, &a, "MAIL FROM:<%s>", p->t->from));
	if (a.code == 530 && (v->caps & CAP_STARTTLS)) {
		TRY(visit_starttls(v, p->tls));
		TRY(visit_ehlo(v));
		TRY(visit_ask(v, &a, "MAIL FROM:<%s>", p->t->from));
	}
	if (is_yes(&a))
		TRY(visit_ask(v, &a, "RCPT TO:<%s>", p->t->to));
	if (is_yes(&a))
		TRY(visit_ask(v, &a, "DATA"));
	return a.code == 354 ? OK : NOT_PERMITTED;
}

static enum fault
try_ending(struct probe *p, struct visit *v, size_t i)
{
	enum { WAIT_MS = 1500 };
	struct smtp_answer a;
	struct buf b = { 0 };
	enum fault f;

	buf_printf(&b,
		"Subject: postrider audit: %s\r\n\r\nThis message should never have arrived: %s has ended "
		"it.",
		endings[i].name, endings[i].name);
	buf_add(&b, endings[i].bytes);
	f = visit_write(v, buf_str(&b));
	buf_done(&b);
	TRY(f);
	f = visit_hear_within(v, WAIT_MS, &a);
	if (f == TIMED_OUT || f == CLOSED)
		return OK;
	TRY(f);
	if (is_yes(&a))
		audit_find(p->audit, AUDIT_SMUGGLED_END, p->where, "%s: %.*s", endings[i].name,
			STR_ARG(answer_text(&v->arena, &a)));
	return OK;
}

enum fault
probe_end_of_data(struct probe *p)
{
	if (!p->t->to) {
		audit_idle(p->audit, AUDIT_SMUGGLED_END, "it takes an address that exists there: --to");
		return OK;
	}
	for (size_t i = 0; i < COUNT(endings); i++) {
		struct visit v;
		enum fault f = begin_data(p, &v);

		if (f == OK)
			f = try_ending(p, &v, i);
		visit_drop(&v);
		TRY(f);
	}
	return OK;
}
