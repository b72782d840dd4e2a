#include "audit/audit.h"

#include "base/mem.h"

#include "wire/printable.h"

#include <stdarg.h>
#include <stdlib.h>

static const struct audit_check checks[] = {
#define CONFIG(name, severity, what, why, mend) { #name, AUDIT_##severity, what, why, mend },
#define PROBE(name, severity, what, why, mend)  { #name, AUDIT_##severity, what, why, mend },
#include "audit/checks.def"
#undef CONFIG
#undef PROBE
};

const struct audit_check *
audit_check(enum audit_id id)
{
	return &checks[id];
}

str
audit_id_name(struct arena *a, enum audit_id id)
{
	str lower = arena_lower(a, str_c(checks[id].name));
	char *p = arena_cstr(a, lower);

	for (size_t i = 0; i < lower.n; i++)
		if (p[i] == '_')
			p[i] = '-';
	return str_of(p, lower.n);
}

const char *
audit_severity_name(enum audit_severity s)
{
	static const char *const names[] = { "note", "low", "medium", "high", "critical" };

	return names[s];
}

void
audit_done(struct audit *a)
{
	free(a->findings);
	arena_done(&a->arena);
	*a = (struct audit){ 0 };
}

void
audit_ran(struct audit *a, enum audit_id id)
{
	a->states[id].ran = true;
}

void
audit_failed(struct audit *a, enum audit_id id, const char *why)
{
	if (!a->states[id].failed)
		a->states[id].failed = why;
}

void
audit_idle(struct audit *a, enum audit_id id, const char *why)
{
	if (!a->states[id].idle)
		a->states[id].idle = why;
}

void
audit_find(struct audit *a, enum audit_id id, str where, const char *format, ...)
{
	enum { MOST_DETAIL = 500 };
	struct buf line = { 0 };
	struct audit_finding *f;
	char text[1000];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (a->count == a->room) {
		a->room = a->room ? a->room * 2 : 16;
		a->findings = mem_grow(a->findings, a->room * sizeof(*a->findings));
	}
	f = &a->findings[a->count++];
	f->id = id;
	f->where = arena_str(&a->arena, where);
	printable_add(&line, str_of(text, MIN((size_t)MAX(n, 0), sizeof(text) - 1)), MOST_DETAIL);
	f->detail = arena_str(&a->arena, buf_str(&line));
	buf_done(&line);
	a->states[id].ran = true;
}

size_t
audit_worst(const struct audit *a, enum audit_severity least)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += checks[a->findings[i].id].severity >= least;
	return n;
}

size_t
audit_count_ran(const struct audit *a)
{
	size_t n = 0;

	for (size_t i = 0; i < AUDIT_CHECKS; i++)
		n += a->states[i].ran;
	return n;
}

size_t
audit_count_failed(const struct audit *a)
{
	size_t n = 0;

	for (size_t i = 0; i < AUDIT_CHECKS; i++)
		n += a->states[i].failed && !a->states[i].ran;
	return n;
}
