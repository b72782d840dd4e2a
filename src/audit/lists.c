/* audit/lists.c - do the restriction lists let a stranger relay?
 * They are asked, as the server would ask them, about strangers: an address of the internet, a recipient elsewhere, and now one, now another name,
 * sender or greeting that anybody can claim. What lets one of them through (permit before reject_unauth_destination, a table that says OK to a sender's
 * domain) relays for everybody who claims it. Tables answer as they do in the server. */
#include "audit/inside.h"

#include "base/mem.h"
#include "mail/addr.h"
#include "rt/sock.h"
#include "rules/rules.h"

struct stranger {
	const char *what; /* for people */
	const char *helo;
	bool ours_sender, null_sender;
};
static const struct stranger strangers[] = {
	{ "a stranger", "stranger.invalid", false, false },
	{ "a stranger who sends bounces", "stranger.invalid", false, true },
	{ "a stranger who claims a sender of ours", "stranger.invalid", true, false },
	{ "a stranger who says HELO localhost", "localhost", false, false },
	{ "a stranger who says HELO with our name", NULL, false, false },
};

/* ---- what the lists may ask ---- */

static enum fault
not_ours(void *ctx)
{
	(void)ctx;
	return RELAY_DENIED;
}

static enum fault
no_login(void *ctx)
{
	(void)ctx;
	return NOT_PERMITTED;
}

static enum fault
no_opinion(void *ctx, size_t service, str request, str *ret_action)
{
	(void)ctx, (void)service, (void)request;
	*ret_action = S("DUNNO");
	return OK;
}

static enum fault
no_pause(void *ctx, unsigned seconds)
{
	(void)ctx, (void)seconds;
	return OK;
}

static void
no_note(void *ctx, const char *what, str text)
{
	(void)ctx, (void)what, (void)text;
}

static const struct rules_hooks hooks = { NULL, not_ours, not_ours, no_login, no_opinion, no_pause, no_note };

static str
domain_of_ours(const struct conf *c)
{
	size_t n = 0;
	const str *items = conf_list(c, CONF_mydestination, &n);

	for (size_t i = 0; i < n; i++)
		if (str_find(items[i], '.') < items[i].n && str_find(items[i], ':') == items[i].n &&
			items[i].p[0] != '!')
			return items[i];
	return conf_str(c, CONF_myhostname);
}

/* Passes every step up to RCPT? */
static bool
gets_through(const struct rules *r, const struct conf *c, const struct stranger *s)
{
	struct arena a = { 0 };
	struct peer client = { 0 };
	struct addr sender = { S("someone"), S("stranger.invalid") },
		    rcpt = { S("victim"), S("elsewhere.invalid") };
	struct rules_effects effects = { 0 };
	struct rules_carry carry = { 0 };
	struct rules_reply reply;
	struct rules_facts f = { .client = &client,
		.client_name = S("unknown"),
		.reverse_name = S("unknown"),
		.has_helo = true,
		.esmtp = true,
		.auth = true,
		.tls = true,
		.user = S(""),
		.sender = &sender,
		.rcpt = &rcpt };
	struct rules_query q = { .rules = r,
		.facts = &f,
		.hooks = &hooks,
		.arena = &a,
		.effects = &effects,
		.effects_arena = &a,
		.carry = rules_delayed(r) ? NULL : &carry };
	bool through = true;

	(void)peer_parse(S("9.9.9.9"), &client);
	f.helo = s->helo ? str_c(s->helo) : conf_str(c, CONF_myhostname);
	if (s->ours_sender)
		sender = (struct addr){ S("postmaster"), domain_of_ours(c) };
	if (s->null_sender)
		sender = (struct addr){ S(""), S("") };
	for (int step = RULES_AT_CONNECT; through && step <= RULES_AT_RCPT; step++)
		if (rules_delayed(r) ? step == RULES_AT_RCPT : true)
			through = rules_ask(&q, (enum rules_step)step, &reply);
	arena_done(&a);
	return through;
}

const char *
audit_lists_open(const struct conf *c)
{
	struct buf report = { 0 };
	struct rules *r = NULL;
	const char *who = NULL;

	if (rules_compile(c, &report, &r) == OK)
		for (size_t i = 0; !who && i < COUNT(strangers); i++)
			if (gets_through(r, c, &strangers[i]))
				who = strangers[i].what;
	rules_free(r);
	buf_done(&report);
	return who;
}

/* ---- as findings ---- */

/* What is wrong with them at all is said where main.cf is loaded; here it counts when it opens the server. */
static void
judge_compiled(struct audit *a, const struct conf *c)
{
	struct buf report = { 0 };
	str rest, line, where;

	if (rules_judge(c, &report) != OK)
		for (rest = buf_str(&report); str_take_until(&rest, '\n', &line);) {
			size_t at = str_find_str(line, S(": error: "));
			bool open = str_find_str(line, S("relay for everybody")) < line.n;

			if (at == line.n)
				continue;
			where = str_sub(line, 0, at);
			line = str_from(line, at + 9);
			audit_find(
				a, open ? AUDIT_LISTS_OPEN : AUDIT_LISTS_WRONG, where, "%.*s", STR_ARG(line));
		}
	buf_done(&report);
}

void
audit_lists(struct audit *a, const struct conf *c)
{
	static const struct {
		const char *listener;
		enum conf_id listens;
	} views[] = { { "", CONF_listen_smtp }, { "submission", CONF_listen_submission },
		{ "submissions", CONF_listen_submissions } };
	const char *told = NULL;

	audit_ran(a, AUDIT_LISTS_OPEN);
	audit_ran(a, AUDIT_LISTS_WRONG);
	judge_compiled(a, c);
	for (size_t i = 0; i < COUNT(views); i++) {
		const struct conf *v = conf_for(c, views[i].listener);
		const char *who;
		size_t n = 0;

		(void)conf_list(c, views[i].listens, &n);
		who = n ? audit_lists_open(v) : NULL;
		if (!who || (told && who == told))
			continue;
		audit_find(a, AUDIT_LISTS_OPEN, audit_where(&a->arena, v, CONF_smtpd_relay_restrictions),
			"%s%sgets through all restriction lists with a recipient elsewhere: %s",
			views[i].listener, views[i].listener[0] ? ": " : "", who);
		told = who;
	}
}
