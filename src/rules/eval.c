/* rules/eval.c - walking the lists: what each outcome means for those behind it */
#include "rules/inside.h"

#include "base/mem.h"

#include <assert.h>

/* The words of Postfix's replies. */
static const struct {
	const char *parameter, *class;
} lists[LISTS] = {
	[CLIENT] = { "smtpd_client_restrictions", "Client host" },
	[HELO] = { "smtpd_helo_restrictions", "Helo command" },
	[SENDER] = { "smtpd_sender_restrictions", "Sender address" },
	[RELAY] = { "smtpd_relay_restrictions", "Recipient address" },
	[RECIPIENT] = { "smtpd_recipient_restrictions", "Recipient address" },
	[DATA] = { "smtpd_data_restrictions", "Data command" },
	[END_OF_DATA] = { "smtpd_end_of_data_restrictions", "End-of-data" },
};

void
run_note(const struct run *r, const char *what, str text)
{
	if (r->q->hooks->note)
		r->q->hooks->note(r->q->hooks->ctx, what, text);
}

static str
address_text(struct arena *a, const struct addr *ad)
{
	if (!ad)
		return S("");
	return ad->domain.n ? arena_printf(a, "%.*s@%.*s", STR_ARG(ad->local), STR_ARG(ad->domain))
			    : ad->local;
}

str
sender_text(const struct run *r)
{
	return address_text(r->q->arena, r->q->facts->sender);
}

str
rcpt_text(const struct run *r)
{
	return address_text(r->q->arena, r->q->facts->rcpt);
}

struct subject
subject_client(const struct run *r)
{
	const struct rules_facts *f = r->q->facts;
	str ip = f->client ? peer_text(r->q->arena, f->client) : S("unknown");

	return (struct subject){
		arena_printf(r->q->arena, "%.*s[%.*s]", STR_ARG(f->client_name), STR_ARG(ip)), "Client host"
	};
}

struct subject
run_subject(const struct run *r)
{
	str name = S("");

	switch (r->at) {
	case CLIENT: return subject_client(r);
	case HELO: name = r->q->facts->helo; break;
	case SENDER: name = sender_text(r); break;
	case RELAY:
	case RECIPIENT: name = rcpt_text(r); break;
	case DATA: name = S("DATA"); break;
	case END_OF_DATA: name = S("END-OF-MESSAGE"); break;
	case LISTS: assert(false);
	}
	return (struct subject){ name, lists[r->at].class };
}

/* ---- refusals ---- */

void
run_defer(struct rules_deferral *d, int code, str status, str text)
{
	if (d->active) /* the first reason is the one that is told */
		return;
	*d = (struct rules_deferral){ .active = true, .code = code };
	status = str_sub(status, 0, sizeof(d->status) - 1);
	text = str_sub(text, 0, sizeof(d->text) - 1);
	memcpy(d->status, status.p, status.n);
	memcpy(d->text, text.p, text.n);
}

/* The first digit of the status is the code's. */
static str
fitting_status(struct arena *a, int code, str status)
{
	if (status.n == 0 || status.p[0] == '0' + code / 100)
		return status;
	return arena_printf(a, "%d%.*s", code / 100, STR_ARG(str_from(status, 1)));
}

enum outcome
run_refuse_bare(struct run *r, int code, str status, str text)
{
	struct arena *a = r->q->arena;

	status = fitting_status(a, code, status);
	if (r->warn) {
		run_note(r, "reject-warning",
			arena_printf(a, "%d %.*s %.*s", code, STR_ARG(status), STR_ARG(text)));
		return DUNNO;
	}
	if (r->if_reject->active && code >= 500) {
		code = r->if_reject->code;
		status = fitting_status(a, code, arena_str(a, str_c(r->if_reject->status)));
		text = arena_str(a, str_c(r->if_reject->text));
	}
	*r->reply = (struct rules_reply){
		.code = code, .status = status, .text = text, .by = lists[r->at].parameter
	};
	return REFUSE;
}

enum outcome
run_refuse(struct run *r, int code, str status, struct subject about, str text)
{
	return run_refuse_bare(r, code, status,
		arena_printf(r->q->arena, "<%.*s>: %s rejected: %.*s", STR_ARG(about.name), about.class,
			STR_ARG(text)));
}

enum outcome
run_fault(struct run *r, enum fault f)
{
	*r->reply = (struct rules_reply){ .fault = f, .by = lists[r->at].parameter };
	return REFUSE;
}

enum outcome
run_broken(struct run *r, const char *what, str which)
{
	run_note(r, "restriction-error",
		arena_printf(r->q->arena, "%s: %s: %.*s", lists[r->at].parameter, what, STR_ARG(which)));
	*r->reply = (struct rules_reply){ .code = 451,
		.status = S("4.3.5"),
		.text = S("Server configuration error"),
		.by = lists[r->at].parameter };
	return REFUSE;
}

/* ---- a list ---- */

bool
run_is_discarded(const struct run *r)
{
	return (r->q->effects && r->q->effects->discard) || (r->q->carry && r->q->carry->discard);
}

enum outcome
run_list(struct run *r, const struct rule_list *list)
{
	bool warned = r->warn;
	enum outcome o = DUNNO;

	r->depth++;
	for (size_t i = 0; i < list->n && o == DUNNO && !run_is_discarded(r); i++) {
		const struct rule *rule = &list->rules[i];

		r->warn = warned || rule->warn;
		o = rule->verb == VERB_CLASS ? run_list(r, rule->list) : verb_run(r, rule);
		/* Whatever comes, it is a deferral. */
		if (r->if_permit->active && r->if_reject->active)
			break;
	}
	r->warn = warned;
	r->depth--;
	return o;
}

/* What the walks of one step share. defer_if_permit holds for all lists behind it; defer_if_reject for its own, where relay and recipient
 * are one. */
struct walks {
	const struct rules_query *q;
	enum rules_step step;
	struct rules_deferral if_permit, if_reject;
	struct rules_reply *reply;
};

/* One of the seven, from its beginning. */
static enum outcome
walk(struct walks *w, enum list at)
{
	const struct rules_query *q = w->q;
	struct run r = { .q = q,
		.step = w->step,
		.at = at,
		.if_permit = &w->if_permit,
		.if_reject = &w->if_reject,
		.reply = w->reply };
	enum outcome o;

	if (at == HELO && !q->facts->has_helo)
		return DUNNO;
	if (at != RECIPIENT)
		w->if_reject.active = false;
	o = run_list(&r, &q->rules->lists[at]);
	if (at == SENDER && q->rules->unlisted_sender && o != REFUSE && !r.sender_was_asked &&
		!run_is_discarded(&r)) {
		r.warn = false;
		o = check_unlisted_sender(&r);
	}
	/* A recipient who does not exist is refused by the caller, who has to ask anyway; but defer_if_reject has its word. */
	if (at == RECIPIENT && o != REFUSE && r.if_reject->active && q->facts->rcpt &&
		!run_is_discarded(&r)) {
		r.warn = false;
		o = check_unlisted_rcpt(&r);
	}
	return o;
}

/* Mail was about to be permitted although something kept us from refusing it. */
static bool
settle(const struct walks *w, enum list at)
{
	const struct rules_deferral *d = &w->if_permit;
	struct arena *a = w->q->arena;

	if (!d->active)
		return true;
	*w->reply = (struct rules_reply){ .code = d->code,
		.status = fitting_status(a, d->code, arena_str(a, str_c(d->status))),
		.text = arena_str(a, str_c(d->text)),
		.by = lists[at].parameter };
	return false;
}

static bool
at_rcpt(struct walks *w)
{
	const struct rules_query *q = w->q;
	const struct addr *to = q->facts->rcpt;

	/* RFC 5321 4.5.1: whoever writes to the postmaster of nowhere in particular is heard. */
	if (to && to->domain.n == 0 && str_eq_nocase(to->local, S("postmaster")))
		return true;
	if (q->carry) {
		w->if_permit = q->carry->after_sender;
		if (q->effects)
			q->effects->discard |= q->carry->discard;
	}
	for (enum list at = q->rules->delayed ? CLIENT : RELAY; at <= RECIPIENT; at++)
		if (walk(w, at) == REFUSE)
			return false;
	return settle(w, RECIPIENT);
}

/* A list that has its own time: what it leaves for those behind it goes to *after. */
static bool
at_once(struct walks *w, enum list at, const struct rules_deferral *before, struct rules_deferral *after)
{
	bool go_on;

	if (before)
		w->if_permit = *before;
	go_on = walk(w, at) != REFUSE;
	*after = w->if_permit;
	return go_on;
}

bool
rules_ask(const struct rules_query *q, enum rules_step step, struct rules_reply *ret)
{
	struct walks w = { .q = q, .step = step, .reply = ret };
	struct rules_carry *c = q->carry;

	if (!rules_busy(q->rules, step))
		return true;
	switch (step) {
	case RULES_AT_CONNECT: return at_once(&w, CLIENT, NULL, &c->after_client);
	case RULES_AT_HELO: return at_once(&w, HELO, &c->after_client, &c->after_helo);
	case RULES_AT_MAIL:
		return at_once(&w, SENDER, c->after_helo.active ? &c->after_helo : &c->after_client,
			&c->after_sender);
	case RULES_AT_RCPT: return at_rcpt(&w);
	case RULES_AT_DATA: return walk(&w, DATA) != REFUSE && settle(&w, DATA);
	case RULES_AT_END: return walk(&w, END_OF_DATA) != REFUSE && settle(&w, END_OF_DATA);
	}
	assert(false);
	return false;
}

bool
rules_busy(const struct rules *r, enum rules_step step)
{
	switch (step) {
	case RULES_AT_CONNECT: return !r->delayed && r->lists[CLIENT].n;
	case RULES_AT_HELO: return !r->delayed && (r->lists[CLIENT].n || r->lists[HELO].n);
	case RULES_AT_MAIL:
		return !r->delayed &&
		       (r->lists[CLIENT].n || r->lists[HELO].n || r->lists[SENDER].n || r->unlisted_sender);
	case RULES_AT_RCPT: return true; /* relaying is always a question */
	case RULES_AT_DATA: return r->lists[DATA].n;
	case RULES_AT_END: return r->lists[END_OF_DATA].n;
	}
	return false;
}

bool
rules_delayed(const struct rules *r)
{
	return r->delayed;
}
