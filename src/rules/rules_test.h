/* rules/rules_test.h - a world for tests of the lists: one configuration, one client, and what the store and a policy service would say */
#ifndef RULES_RULES_TEST_H
#define RULES_RULES_TEST_H

#include "base/mem.h"
#include "rules/rules.h"

#include <stdio.h>

/* a.test and its subdomains in `ours` are ours; ann, ben and anything+x exist there; team leads to both. */
struct world {
	struct conf *conf;
	struct rules *rules;
	struct buf report, notes;
	struct arena arena;
	struct rules_effects effects;
	struct rules_carry carry;
	const struct addr *sender, *rcpt;
	str user;
	str action; /* of every policy service */
	unsigned asked, asked_policy, slept;
	enum fault store; /* OK: it answers */
};

static inline enum fault
world_lookup(struct world *w, const struct addr *ad)
{
	str local = str_sub(ad->local, 0, str_find(ad->local, '+'));

	w->asked++;
	if (w->store != OK)
		return w->store;
	if (ad->domain.n && !str_eq_nocase(ad->domain, S("a.test")))
		return RELAY_DENIED;
	if (str_eq_nocase(local, S("full")))
		return OVER_QUOTA;
	return str_eq_nocase(local, S("ann")) || str_eq_nocase(local, S("ben")) ||
			       str_eq_nocase(local, S("team")) || str_eq_nocase(local, S("postmaster"))
		       ? OK
		       : NO_SUCH_MAILBOX;
}

static inline enum fault
world_rcpt(void *ctx)
{
	struct world *w = ctx;

	return world_lookup(w, w->rcpt);
}

static inline enum fault
world_sender(void *ctx)
{
	struct world *w = ctx;

	return world_lookup(w, w->sender);
}

static inline enum fault
world_owns(void *ctx)
{
	struct world *w = ctx;
	enum fault f = world_lookup(w, w->sender);
	str login = str_sub(w->user, 0, str_find(w->user, '@'));

	if (f != OK)
		return f;
	return str_starts_nocase(w->sender->local, login) ? OK : NOT_PERMITTED;
}

static inline enum fault
world_policy(void *ctx, size_t service, str request, str *ret_action)
{
	struct world *w = ctx;

	(void)service;
	(void)request;
	w->asked_policy++;
	*ret_action = w->action;
	return OK;
}

static inline enum fault
world_sleep(void *ctx, unsigned seconds)
{
	struct world *w = ctx;

	w->slept += seconds;
	return TIMED_OUT;
}

static inline void
world_note(void *ctx, const char *what, str text)
{
	struct world *w = ctx;

	buf_printf(&w->notes, "%s: %.*s\n", what, STR_ARG(text));
}

/* False: findings are in the report. */
static inline bool
world_begin(struct world *w, const char *lines)
{
	struct arena a = { 0 };
	struct conf_source source = { .file = "main.cf", .machine = S("mx.a.test") };
	enum fault f;

	*w = (struct world){ .action = S("DUNNO"), .user = S("") };
	source.text = arena_printf(&a, "%s\nmydestination = a.test\nrecipient_delimiter = +\n", lines);
	f = conf_parse(&source, &w->report, &w->conf);
	if (f == OK)
		f = rules_compile(w->conf, &w->report, &w->rules);
	arena_done(&a);
	return f == OK;
}

static inline void
world_end(struct world *w)
{
	rules_free(w->rules);
	conf_free(w->conf);
	arena_done(&w->arena);
	buf_done(&w->report);
	buf_done(&w->notes);
}

/* helo, sender, rcpt: NULL stands for mx.b.test, cay@b.test, ann@a.test, and "-" for what was not said; sender "" is the null path. */
struct visit {
	const char *ip, *name, *helo, *user, *sender, *rcpt;
	bool trusted, tls, pipelined, esmtp;
	unsigned taken;
};

static inline struct addr
world_address(const char *text)
{
	struct addr ad = { 0 };
	str s = str_c(text);
	size_t at = str_rfind(s, '@');

	ad.local = str_sub(s, 0, at);
	ad.domain = str_from(s, at + 1);
	return ad;
}

static inline const char *
world_said(const char *text, const char *otherwise)
{
	return !text ? otherwise : strcmp(text, "-") == 0 ? NULL : text;
}

/* One step; the reply as "CODE STATUS TEXT", "ok", or the name of a fault. In w->arena. */
static inline str
world_step(struct world *w, const struct visit *v, enum rules_step step)
{
	static const struct rules_hooks hooks = { NULL, world_rcpt, world_sender, world_owns, world_policy,
		world_sleep, world_note };
	struct rules_hooks mine = hooks;
	struct rules_facts f = { 0 };
	struct rules_reply reply = { 0 };
	struct rules_query q = { 0 };
	struct peer peer = { 0 };
	struct addr sender = { 0 }, rcpt = { 0 };
	const char *helo = world_said(v->helo, "mx.b.test"), *from = world_said(v->sender, "cay@b.test");
	const char *to = world_said(v->rcpt, "ann@a.test");

	mine.ctx = w;
	(void)peer_parse(str_c(v->ip ? v->ip : "192.0.2.1"), &peer);
	f.client = &peer;
	f.client_name = f.reverse_name = str_c(v->name ? v->name : "unknown");
	f.trusted = v->trusted;
	f.has_helo = helo != NULL;
	f.helo = str_c(helo);
	f.tls = v->tls;
	f.pipelined = v->pipelined;
	f.esmtp = v->esmtp;
	f.auth = true;
	f.user = w->user = str_c(v->user);
	f.rcpt_count = v->taken;
	if (from) {
		sender = world_address(from);
		f.sender = &sender;
	}
	if (to) {
		rcpt = world_address(to);
		f.rcpt = &rcpt;
	}
	w->sender = f.sender;
	w->rcpt = f.rcpt;
	q = (struct rules_query){ .rules = w->rules,
		.facts = &f,
		.hooks = &mine,
		.arena = &w->arena,
		.effects = from ? &w->effects : NULL,
		.effects_arena = &w->arena,
		.carry = rules_delayed(w->rules) ? NULL : &w->carry };
	if (rules_ask(&q, step, &reply))
		return S("ok");
	if (reply.fault != OK)
		return str_c(fault_words(reply.fault)->name);
	return arena_printf(
		&w->arena, "%d %.*s %.*s", reply.code, STR_ARG(reply.status), STR_ARG(reply.text));
}

#endif
