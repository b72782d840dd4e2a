/* audit/probe_manners.c - greeting, sizes, and clients that do not listen */
#include "audit/probe_inside.h"

#include "base/mem.h"

enum fault
probe_greeting(struct probe *p)
{
	struct visit v;
	str word;
	enum fault f = visit_begin(p, &v);

	if (f == OK && audit_tells_version(v.greeting.text, &word))
		audit_find(p->audit, AUDIT_GREETING_TELLS, p->where, "%.*s",
			STR_ARG(answer_text(&v.arena, &v.greeting)));
	visit_end(&v);
	return f;
}

enum fault
probe_size(struct probe *p)
{
	uint64_t size = 0;
	struct visit v;
	enum fault f = visit_begin_ehlo(p, &v);

	if (f == OK && !(v.caps & CAP_SIZE))
		audit_find(p->audit, AUDIT_SIZE_UNLIMITED, p->where, "EHLO does not announce SIZE");
	else if (f == OK && (v.size.n == 0 || !str_to_u64(v.size, UINT64_MAX, &size) || size == 0))
		audit_find(p->audit, AUDIT_SIZE_UNLIMITED, p->where, "SIZE %.*s", STR_ARG(v.size));
	visit_end(&v);
	return f;
}

/* EHLO is the last of a group (RFC 2920 3.1). */
enum fault
probe_pipelining(struct probe *p)
{
	struct smtp_answer first = { 0 }, second = { 0 };
	struct visit v;
	str bytes;
	enum fault f = visit_begin(p, &v);

	if (f == OK) {
		bytes = arena_printf(&v.arena, "EHLO %s\r\nNOOP\r\n", p->t->helo);
		f = visit_write(&v, bytes);
	}
	if (f == OK)
		f = visit_hear(&v, &first);
	if (f == OK && is_yes(&first))
		f = visit_hear(&v, &second);
	if (f == OK && is_yes(&first) && is_yes(&second))
		audit_find(p->audit, AUDIT_PIPELINES_EARLY, p->where, "EHLO and NOOP in one segment: %.*s",
			STR_ARG(answer_text(&v.arena, &second)));
	visit_end(&v);
	return f == CLOSED ? OK : f;
}

enum fault
probe_early(struct probe *p)
{
	struct smtp_answer a = { 0 };
	struct visit v;
	enum fault f = visit_connect(p, &v);

	if (f == OK)
		f = visit_write(&v, arena_printf(&v.arena, "EHLO %s\r\n", p->t->helo));
	if (f == OK)
		f = visit_hear(&v, &v.greeting);
	if (f == OK && is_yes(&v.greeting))
		f = visit_hear(&v, &a);
	if (f == OK && is_yes(&v.greeting) && is_yes(&a))
		audit_find(p->audit, AUDIT_TALKS_EARLY, p->where, "EHLO before the greeting: %.*s",
			STR_ARG(answer_text(&v.arena, &a)));
	visit_end(&v);
	return f == CLOSED ? OK : f;
}

/* What a browser sends; a header line of it is a command as good as any. */
enum fault
probe_http(struct probe *p)
{
	struct smtp_answer a = { 0 };
	struct visit v;
	enum fault f = visit_begin(p, &v);

	if (f == OK)
		f = visit_write(&v, S("POST / HTTP/1.1\r\n"));
	if (f == OK)
		f = visit_hear(&v, &a);
	if (f == OK)
		f = visit_ask(&v, &a, "NOOP");
	if (f == OK && is_yes(&a))
		audit_find(p->audit, AUDIT_SPEAKS_TO_BROWSERS, p->where, "POST / HTTP/1.1, then NOOP: %.*s",
			STR_ARG(answer_text(&v.arena, &a)));
	visit_end(&v);
	return f == CLOSED ? OK : f;
}

enum fault
probe_helo(struct probe *p)
{
	struct smtp_answer a = { 0 };
	struct visit v;
	enum fault f = visit_begin(p, &v);

	if (f == OK)
		f = visit_ask(&v, &a, "MAIL FROM:<%s>", p->t->from);
	if (f == OK && is_yes(&a))
		audit_find(p->audit, AUDIT_MAIL_WITHOUT_HELO, p->where, "MAIL FROM:<%s>: %.*s", p->t->from,
			STR_ARG(answer_text(&v.arena, &a)));
	visit_end(&v);
	return f;
}
