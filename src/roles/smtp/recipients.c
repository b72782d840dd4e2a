/* roles/smtp/recipients.c - from an address of the envelope to mailboxes
 * people/resolve.h decides; here its questions go to `store`, all names of a level in one, and its answer becomes the message's list of mailboxes.
 * Text tables (patterns among them, on strangers' addresses) are read in this process, where there is no mail. */
#include "roles/smtp/recipients.h"

#include "base/hash.h"
#include "base/mem.h"
#include "roles/limits.h"

#include <stdlib.h>

enum { ASK_MS = 30000, MOST_RCPTS = 20000 };

/* ---- the store's answer ---- */

static enum fault
read_targets(struct arena *a, str list, struct resolve_fact *ret)
{
	struct talk_text text;
	str *targets;
	size_t n = 0;

	for (str rest = list; rest.n; n++)
		if (!talk_take_text(&rest, &text))
			return INTERNAL;
	targets = ARENA_ARRAY(a, n, str);
	for (size_t i = 0; i < n && talk_take_text(&list, &text); i++)
		targets[i] = text.text;
	ret->targets = targets;
	ret->target_count = n;
	return OK;
}

static enum fault
read_fact(struct arena *a, str *list, struct resolve_fact *ret)
{
	struct talk_fact fact;

	if (!talk_take_fact(list, &fact))
		return INTERNAL;
	*ret = (struct resolve_fact){ .domain = fact.domain,
		.has_alias = fact.alias,
		.account = fact.account,
		.address = fact.address,
		.mailbox = fact.mailbox,
		.fault = fact.fault };
	return fact.alias ? read_targets(a, fact.targets, ret) : OK;
}

/* As many of the names as one answer holds. */
static enum fault
ask_some(struct smtp_question *q, struct arena *a, const struct resolve_ask *asks, size_t n,
	struct resolve_fact *ret, size_t *ret_n)
{
	struct smtp_session *s = q->s;
	struct talk_names_ask ask = { .size = q->size, .writer = q->writer, .written = q->written };
	struct talk_names_told told;
	struct buf names = { 0 }, b = { 0 };
	struct frame answer;
	enum fault f;

	for (size_t i = 0; i < n; i++)
		talk_put_name(&names, &(struct talk_name){ asks[i].address, asks[i].extension });
	ask.names = buf_str(&names);
	talk_put_names_ask(&b, &ask);
	f = chan_call(&s->smtp->store, TALK_ASK_names_ask, buf_str(&b), -1,
		loop_now_ms(s->smtp->role->loop) + ASK_MS, a, &answer);
	buf_done(&names);
	buf_done(&b);
	TRY(f == TIMED_OUT ? STORE_DOWN : f);
	if (!talk_read_names_told(answer.payload, &told))
		return INTERNAL;
	TRY(told.fault);
	q->first = told.first;
	*ret_n = 0;
	for (str list = told.facts; list.n && *ret_n < n; ++*ret_n)
		TRY(read_fact(a, &list, &ret[*ret_n]));
	return *ret_n ? OK : INTERNAL;
}

static enum fault
ask_store(void *ctx, struct arena *a, const struct resolve_ask *asks, size_t n, struct resolve_fact *ret)
{
	for (size_t at = 0, got; at < n; at += got)
		TRY(ask_some(ctx, a, asks + at, n - at, ret + at, &got));
	return OK;
}

/* ---- one address ---- */

enum fault
smtp_resolve(struct smtp_question *q, struct arena *a, const struct addr *to, bool may_relay,
	struct resolution *ret)
{
	struct resolve_tables t;

	people_text_fill(q->s->smtp->people, &t);
	t.ctx = q;
	t.ask = ask_store;
	t.may_relay = may_relay;
	return people_resolve(a, &t, to, ret);
}

enum fault
smtp_owns(struct smtp_session *s, const struct addr *ad, bool alone)
{
	struct smtp_question q = { .s = s };
	struct arena a = { 0 };
	struct resolution r;
	enum fault f = smtp_resolve(&q, &a, ad, false, &r);
	bool owns = false;

	for (size_t i = 0; f == OK && i < r.n; i++)
		owns |= r.list[i].account == s->account && (!alone || r.n == 1);
	arena_done(&a);
	if (f != OK && fault_is_temporary(f))
		return f;
	return owns ? OK : NOT_PERMITTED;
}

/* ---- the message's mailboxes ---- */

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
smtp_add_box(struct txn *t, const struct smtp_box *box)
{
	str key = arena_printf(&t->arena, "%u %u", box->account, box->mailbox);
	uintptr_t number = (uintptr_t)table_get(&t->seen, key);

	if (!number) {
		if (t->rcpt_count == t->rcpt_room) {
			t->rcpt_room = t->rcpt_room ? t->rcpt_room * 2 : 4;
			t->rcpts = mem_grow(t->rcpts, t->rcpt_room * sizeof(*t->rcpts));
		}
		t->rcpts[t->rcpt_count++] = (struct smtp_box){ box->account, box->mailbox,
			arena_str(&t->arena, box->address), arena_str(&t->arena, box->sender) };
		number = t->rcpt_count;
		table_put(&t->seen, key, (void *)number);
	}
	add_share(t, (uint32_t)number - 1);
}

/* Some members of an alias may be full: the others get it. OK: somebody does. */
static enum fault
judge(struct smtp_session *s, const struct resolution *r)
{
	enum fault first = OK;
	size_t ok = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].fault == OK)
			ok++;
		else if (first == OK)
			first = r->list[i].fault;
	}
	if (!ok)
		return first;
	if (s->txn->rcpt_count + ok > MOST_RCPTS)
		return TOO_MANY_RCPTS;
	return OK;
}

static void
add_all(struct smtp_session *s, const struct resolution *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct resolved *m = &r->list[i];

		if (m->fault == OK)
			smtp_add_box(
				s->txn, &(struct smtp_box){ m->account, m->mailbox, m->address, m->sender });
		else
			log_event(&s->log, "member-passed-over", kv_str("list", r->address),
				kv_str("to", m->address), kv_c("why", fault_words(m->fault)->name));
	}
}

/* ---- copies ---- */

enum { MOST_COPIES = 3 };
struct copies {
	struct resolution list[MOST_COPIES];
	size_t n;
};

/* A copy that will never arrive does not hold up the message; one that may later does. */
static enum fault
add_copy(struct smtp_session *s, struct arena *a, str address, struct copies *c)
{
	struct smtp_question q = { .s = s, .size = s->txn->mail.size };
	struct addr ad;
	enum fault f;

	if (address.n == 0)
		return OK;
	f = addr_parse(address, &ad);
	if (f == OK)
		f = smtp_resolve(&q, a, &ad, true, &c->list[c->n]);
	if (f == OK)
		f = judge(s, &c->list[c->n]);
	if (f == OK) {
		c->n++;
		return OK;
	}
	if (fault_is_temporary(f))
		return f;
	log_warn(&s->log, "copy-lost", kv_str("from", s->txn->sender), kv_str("to", address),
		kv_c("why", fault_words(f)->name));
	return OK;
}

/* always_bcc and sender_bcc_maps once for a message, recipient_bcc_maps for each recipient. */
static enum fault
find_copies(struct smtp_session *s, struct arena *a, str rcpt, struct copies *c)
{
	const struct people_text *p = s->smtp->people;
	str address;

	if (!people_has_bcc(p))
		return OK;
	if (!s->txn->copied) {
		TRY(add_copy(s, a, people_always_bcc(p), c));
		TRY(people_bcc(p, a, true, s->txn->sender, &address));
		TRY(add_copy(s, a, address, c));
	}
	TRY(people_bcc(p, a, false, rcpt, &address));
	return add_copy(s, a, address, c);
}

/* ---- RCPT ---- */

static enum fault
count_rcpt(struct smtp_session *s, bool first, str *ret_why)
{
	if (!s->account)
		return OK;
	if (first)
		TRY(smtp_count_account(s, LIMITS_ACCOUNT_NEW_RCPTS, ret_why));
	return smtp_count_account(s, LIMITS_ACCOUNT_RCPTS, ret_why);
}

/* Whom the writer had never written to: told with the message, so that it is remembered when it has been sent. */
static void
note_first(struct txn *t, uint64_t written)
{
	if (t->first_count == t->first_room) {
		t->first_room = t->first_room ? t->first_room * 2 : 4;
		t->firsts = mem_grow(t->firsts, t->first_room * sizeof(*t->firsts));
	}
	t->firsts[t->first_count++] = written;
}

static uint64_t
hash_of(struct arena *a, const struct addr *to)
{
	uint64_t h = hash_sum(arena_lower(a, addr_canonical(a, to)), 0);

	return h ? h : 1;
}

static bool
noted(const struct txn *t, uint64_t written)
{
	for (size_t i = 0; i < t->first_count; i++)
		if (t->firsts[i] == written)
			return true;
	return false;
}

enum fault
smtp_ask_whose(struct smtp_session *s, const struct addr *ad, bool sender, struct smtp_whose *w)
{
	struct txn *t = s->txn;
	struct smtp_question q = {
		.s = s, .size = sender ? 0 : t->mail.size, .writer = sender ? 0 : s->account
	};

	if (w->asked)
		return w->fault;
	if (q.writer)
		q.written = hash_of(&t->arena, ad);
	w->fault = smtp_resolve(&q, &t->arena, ad, false, &w->found);
	w->first = q.first;
	w->asked = true;
	return w->fault;
}

enum fault
smtp_take_whose(struct smtp_session *s, const struct smtp_whose *w)
{
	TRY(judge(s, &w->found));
	add_all(s, &w->found);
	return OK;
}

static enum fault
take(struct smtp_session *s, struct arena *a, const struct addr *to, struct smtp_whose *w, str *ret_why)
{
	struct smtp_question q = { .s = s, .size = s->txn->mail.size, .writer = s->account };
	struct copies copies = { .n = 0 };
	struct resolution r;
	enum fault f = smtp_ask_whose(s, to, false, w);

	r = w->found;
	q.first = w->first;
	if (q.writer)
		q.written = hash_of(a, to);
	if (f == RELOCATED)
		*ret_why = arena_str(&s->txn->arena, r.why);
	if (f == OK)
		f = judge(s, &r);
	if (f == OK)
		f = find_copies(s, a, r.address, &copies);
	if (f == OK) {
		q.first = q.first && !noted(s->txn, q.written);
		f = count_rcpt(s, q.first, ret_why);
	}
	TRY(f);
	add_all(s, &r);
	for (size_t i = 0; i < copies.n; i++)
		add_all(s, &copies.list[i]);
	s->txn->copied = true;
	if (q.first)
		note_first(s->txn, q.written);
	return OK;
}

enum fault
smtp_take_rcpt(struct smtp_session *s, const struct addr *to, struct smtp_whose *w, str *ret_why)
{
	struct arena a = { 0 };
	enum fault f;

	*ret_why = S("");
	f = take(s, &a, to, w, ret_why);
	arena_done(&a);
	return f;
}

/* ---- what an account may send ---- */

static str
duration(struct arena *a, int64_t ms)
{
	int64_t minutes = (ms + 59999) / 60000, hours = (minutes + 59) / 60;

	if (minutes <= 1)
		return S("a minute");
	if (minutes < 120)
		return arena_printf(a, "%d minutes", (int)minutes);
	return arena_printf(a, "%d hours", (int)hours);
}

enum fault
smtp_count_account(struct smtp_session *s, enum limits_account_kind kind, str *ret_why)
{
	static const char *const kinds[] = { "messages", "recipients",
		"recipients you never wrote to before" };
	static const char *const windows[] = { "an hour", "a day" };
	const struct limits_rate *rates = s->service->account_rates[kind];
	struct role *r = s->smtp->role;
	unsigned which = 0;
	int64_t wait_ms = 0;
	enum fault f;

	if (!s->account || (!rates[0].most && !rates[1].most))
		return OK;
	f = limits_account(r->limits, s->account, kind, rates, loop_now_ms(r->loop), &which, &wait_ms);
	if (f == OK)
		return OK;
	*ret_why = arena_printf(&s->txn->arena, "%u %s in %s; more is possible in %.*s", rates[which].most,
		kinds[kind], windows[which], STR_ARG(duration(&s->txn->arena, wait_ms)));
	log_warn(&s->log, "account-limit", kv_c("user", s->user), kv_c("of", kinds[kind]),
		kv_uint("most", rates[which].most), kv_c("in", windows[which]),
		kv_int("wait_s", wait_ms / 1000));
	return f;
}
