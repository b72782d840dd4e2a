/* audit/probe_users.c - what answers tell about who exists */
#include "audit/probe_inside.h"

#include "base/mem.h"

#include <stdlib.h>
#include <time.h>

/* An address that exists: the one that was named, else the one that must. */
static str
known(struct probe *p, struct arena *a)
{
	return p->t->to ? str_c(p->t->to) : arena_printf(a, "postmaster@%.*s", STR_ARG(p->domain));
}

static str
unknown(struct probe *p, struct arena *a)
{
	return arena_printf(a, "%s@%.*s", p->nobody, STR_ARG(p->domain));
}

/* Who answers 2xx to one and refuses the other tells, also with 252 (Postfix); who says 252 to both does not. */
static enum fault
ask_verb(struct probe *p, struct visit *v, const char *verb, enum audit_id id)
{
	struct arena *ar = &v->arena;
	struct smtp_answer yes, no;
	str local = known(p, ar);

	TRY(visit_ask(v, &yes, "%s %.*s", verb, STR_ARG(local)));
	if (!is_yes(&yes)) { /* some want it without the domain */
		local = str_sub(local, 0, str_rfind(local, '@'));
		TRY(visit_ask(v, &yes, "%s %.*s", verb, STR_ARG(local)));
	}
	TRY(visit_ask(v, &no, "%s %.*s", verb, STR_ARG(unknown(p, ar))));
	if (is_yes(&yes) && !is_yes(&no))
		audit_find(p->audit, id, p->where, "%s %.*s: %.*s; %s of nobody: %.*s", verb, STR_ARG(local),
			STR_ARG(answer_text(ar, &yes)), verb, STR_ARG(answer_text(ar, &no)));
	return OK;
}

static enum fault
ask_rcpt(struct probe *p, struct visit *v, str to, struct smtp_answer *ret)
{
	struct smtp_answer a;

	TRY(visit_ask(v, &a, "MAIL FROM:<%s>", p->t->from));
	if (!is_yes(&a)) {
		audit_idle(p->audit, AUDIT_RCPT_TELLS, "MAIL is refused");
		*ret = a;
		return OK;
	}
	TRY(visit_ask(v, ret, "RCPT TO:<%.*s>", STR_ARG(to)));
	return visit_ask(v, &a, "RSET");
}

enum fault
probe_users(struct probe *p)
{
	struct smtp_answer yes = { 0 }, no = { 0 };
	struct visit v;
	enum fault f = visit_begin_ehlo(p, &v);

	if (f == OK)
		f = ask_verb(p, &v, "VRFY", AUDIT_VRFY_TELLS);
	if (f == OK)
		f = ask_verb(p, &v, "EXPN", AUDIT_EXPN_TELLS);
	if (f == OK)
		f = ask_rcpt(p, &v, known(p, &v.arena), &yes);
	if (f == OK)
		f = ask_rcpt(p, &v, unknown(p, &v.arena), &no);
	if (f == OK && is_yes(&yes) && !is_yes(&no))
		audit_find(p->audit, AUDIT_RCPT_TELLS, p->where, "RCPT of %.*s: %.*s; of nobody: %.*s",
			STR_ARG(known(p, &v.arena)), STR_ARG(answer_text(&v.arena, &yes)),
			STR_ARG(answer_text(&v.arena, &no)));
	visit_end(&v);
	return f;
}

/* ---- timing ---- */

enum { ROUNDS = 8 };

static int
by_size(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool
audit_times_differ(int64_t *x, int64_t *y, size_t n)
{
	enum { LEAST_US = 5000 };
	int64_t apart;

	qsort(x, n, sizeof(*x), by_size);
	qsort(y, n, sizeof(*y), by_size);
	apart = x[n / 2] - y[n / 2];
	if (apart < 0)
		apart = -apart;
	/* Far apart, and not by a straggler: the quarters do not overlap. */
	return apart >= LEAST_US && (x[n / 4] > y[n - 1 - n / 4] || y[n / 4] > x[n - 1 - n / 4]);
}

static enum fault
time_one(struct probe *p, struct visit *v, bool vrfy, str to, int64_t *ret_us, int *ret_code)
{
	struct smtp_answer a;
	int64_t from_us;

	if (!vrfy)
		TRY(visit_ask(v, &a, "MAIL FROM:<%s>", p->t->from));
	from_us = now_us();
	TRY(visit_ask(v, &a, "%s%.*s%s", vrfy ? "VRFY " : "RCPT TO:<", STR_ARG(to), vrfy ? "" : ">"));
	*ret_us = now_us() - from_us;
	*ret_code = a.code;
	if (!vrfy)
		TRY(visit_ask(v, &a, "RSET"));
	return OK;
}

static enum fault
time_verb(struct probe *p, struct visit *v, bool vrfy, bool *ret_same)
{
	int64_t yes[ROUNDS], no[ROUNDS];
	int code_yes = 0, code_no = 0;

	*ret_same = false;
	for (size_t i = 0; i < ROUNDS; i++) {
		TRY(time_one(p, v, vrfy, known(p, &v->arena), &yes[i], &code_yes));
		TRY(time_one(p, v, vrfy, unknown(p, &v->arena), &no[i], &code_no));
		if (code_yes != code_no || code_yes >= 300)
			return OK; /* the words tell, or nothing is looked up */
	}
	*ret_same = true;
	if (audit_times_differ(yes, no, ROUNDS))
		audit_find(p->audit, AUDIT_TIMING_TELLS, p->where,
			"%s answers %d to both, in %lld us (median of %d) for %.*s, in %lld us for nobody",
			vrfy ? "VRFY" : "RCPT", code_yes, (long long)yes[ROUNDS / 2], ROUNDS,
			STR_ARG(known(p, &v->arena)), (long long)no[ROUNDS / 2]);
	return OK;
}

enum fault
probe_timing(struct probe *p)
{
	struct visit v;
	bool vrfy = false, rcpt = false;
	enum fault f = visit_begin_ehlo(p, &v);

	if (f == OK)
		f = time_verb(p, &v, true, &vrfy);
	if (f == OK)
		f = time_verb(p, &v, false, &rcpt);
	visit_end(&v);
	if (f == OK && !vrfy && !rcpt)
		audit_idle(p->audit, AUDIT_TIMING_TELLS, "the words of the answers differ, or tell nothing");
	return f;
}

/* ---- errors without end ---- */

enum fault
probe_errors(struct probe *p)
{
	enum { MANY = 40, SLOW_US = 500000, SLOW_ENOUGH = 2 };
	struct smtp_answer a = { 0 };
	struct visit v;
	unsigned slow = 0, made = 0;
	enum fault f = visit_begin_ehlo(p, &v);

	if (f != OK) {
		visit_end(&v);
		return f;
	}
	while (f == OK && made < MANY && slow < SLOW_ENOUGH && a.code != 421) {
		int64_t from_us = now_us();

		f = visit_ask(&v, &a, "XAUDIT %u", made++);
		slow += now_us() - from_us > SLOW_US;
	}
	if (f == OK && slow < SLOW_ENOUGH && a.code != 421)
		audit_find(p->audit, AUDIT_ERRORS_UNLIMITED, p->where, "after %d unknown commands: %.*s",
			MANY, STR_ARG(answer_text(&v.arena, &a)));
	visit_end(&v);
	return f == CLOSED ? OK : f;
}
