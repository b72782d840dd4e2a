/* rules/access.c - the order in which an access table is asked (access(5)), and what becomes of its answer */
#include "rules/inside.h"

#include "base/mem.h"

#include <arpa/inet.h>

/* One question to a table. */
struct question {
	struct run *run;
	const struct rule *rule;
	struct subject about;
	bool whole; /* the next key is a whole query */
	bool over;  /* the table has answered, or cannot */
	enum outcome outcome;
};

static void
ask(struct question *q, str key)
{
	enum fault f;
	str value;

	if (q->over || key.n == 0)
		return;
	f = maps_find(q->rule->maps, q->run->q->arena, key, q->whole, &value);
	q->whole = false;
	if (f == NOT_FOUND)
		return;
	q->over = true;
	q->outcome = f == OK ? access_result(q->run, q->rule->word, value, q->about) : run_fault(q->run, f);
}

static bool
is_ip(str s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char ip[16];

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return inet_pton(AF_INET, text, ip) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

/* The name, then what it belongs to: .dom.ain or dom.ain, by parent_domain_matches_subdomains. */
static void
ask_domain(struct question *q, str domain)
{
	bool alone = is_ip(domain);

	while (domain.n && !q->over) {
		size_t dot;

		ask(q, domain);
		if (alone)
			break;
		dot = str_find(str_from(domain, 1), '.') + 1;
		if (dot >= domain.n)
			break;
		domain = str_from(domain, dot + q->run->q->rules->parents);
	}
}

/* The address, then its networks, octet by octet. */
static void
ask_ip(struct question *q, str ip)
{
	char delimiter = str_find(ip, ':') < ip.n ? ':' : '.';

	while (ip.n && !q->over) {
		size_t at = str_rfind(ip, delimiter);

		ask(q, ip);
		if (at == ip.n)
			break;
		ip = str_sub(ip, 0, at);
	}
}

static struct question
begin(struct run *r, const struct rule *rule, struct subject about)
{
	return (struct question){ .run = r, .rule = rule, .about = about, .whole = true, .outcome = DUNNO };
}

enum outcome
access_client(struct run *r, const struct rule *rule, str name, struct subject about)
{
	struct question q = begin(r, rule, about);

	ask_domain(&q, name);
	q.whole = true;
	if (!q.over && r->q->facts->client)
		ask_ip(&q, peer_text(r->q->arena, r->q->facts->client));
	return q.outcome;
}

enum outcome
access_domain(struct run *r, const struct rule *rule, str domain, struct subject about)
{
	struct question q = begin(r, rule, about);

	ask_domain(&q, domain);
	return q.outcome;
}

enum outcome
access_key(struct run *r, const struct rule *rule, str key, struct subject about)
{
	struct question q = begin(r, rule, about);

	ask(&q, key);
	return q.outcome;
}

/* user+ext@domain, user@domain, domain and what it belongs to, user+ext@, user@. */
enum outcome
access_address(struct run *r, const struct rule *rule, const struct addr *address, struct subject about)
{
	struct question q = begin(r, rule, about);
	struct arena *a = r->q->arena;
	str local = addr_local_meant(a, address), domain = address->domain, bare;
	size_t end = maps_extension(local, r->q->rules->delimiter);

	if (domain.n == 0)
		domain = conf_str(r->q->rules->conf, CONF_myhostname);
	bare = str_sub(local, 0, end);
	ask(&q, arena_printf(a, "%.*s@%.*s", STR_ARG(local), STR_ARG(domain)));
	if (end < local.n)
		ask(&q, arena_printf(a, "%.*s@%.*s", STR_ARG(bare), STR_ARG(domain)));
	ask_domain(&q, domain);
	ask(&q, arena_printf(a, "%.*s@", STR_ARG(local)));
	if (end < local.n)
		ask(&q, arena_printf(a, "%.*s@", STR_ARG(bare)));
	return q.outcome;
}

/* ---- the answer ---- */

static str
or_else(str text, const char *otherwise)
{
	return text.n ? text : str_c(otherwise);
}

static enum outcome
prepend(struct run *r, str from, str line)
{
	struct rules_effects *e = r->q->effects;
	size_t colon = str_find(line, ':');
	str whole;

	for (size_t i = 0; i < colon; i++)
		if ((unsigned char)line.p[i] <= ' ' || (unsigned char)line.p[i] > 126)
			colon = line.n;
	if (!e || r->step == RULES_AT_END || colon == 0 || colon == line.n || line.n > 998 ||
		str_has_ctl(line)) {
		run_note(r, "prepend-ignored",
			arena_printf(r->q->arena, "%.*s: %.*s", STR_ARG(from), STR_ARG(line)));
		return DUNNO;
	}
	whole = arena_printf(r->q->effects_arena, "%.*s\r\n", STR_ARG(line));
	/* Lists that have their turn at each RCPT say the same each time. */
	if (str_find_str(e->prepend, whole) == e->prepend.n && e->prepend.n < 65536)
		e->prepend = arena_join(r->q->effects_arena, e->prepend, whole);
	return DUNNO;
}

static enum outcome
send_to(struct run *r, const char *what, str address)
{
	struct rules_effects *e = r->q->effects;
	struct addr ad;

	if (!e || addr_parse(address, &ad) != OK || ad.domain.n == 0) {
		run_note(r, e ? "bad-address-in-table" : "action-too-early",
			arena_printf(r->q->arena, "%s %.*s", what, STR_ARG(address)));
		return DUNNO;
	}
	run_note(r, what, address);
	address = arena_str(r->q->effects_arena, address);
	if (strcmp(what, "redirect") == 0) {
		e->redirect = address;
		return DUNNO;
	}
	for (size_t i = 0; i < e->bcc_count; i++)
		if (str_eq_nocase(e->bcc[i], address))
			return DUNNO;
	if (e->bcc_count == COUNT(e->bcc))
		return run_broken(r, "more than 8 BCC actions for one message", address);
	e->bcc[e->bcc_count++] = address;
	return DUNNO;
}

/* Where a client or its HELO is judged at once there is no message to drop: skipped, as in Postfix. */
static enum outcome
discard(struct run *r, str text)
{
	if (!r->q->effects && (r->step == RULES_AT_CONNECT || r->step == RULES_AT_HELO)) {
		run_note(r, "action-too-early", S("discard"));
		return DUNNO;
	}
	run_note(r, "discard", text);
	if (r->q->effects)
		r->q->effects->discard = true;
	else if (r->q->carry)
		r->q->carry->discard = true;
	return PERMIT;
}

static enum outcome
defer_if_permit(struct run *r, const struct rules_result *res, struct subject about)
{
	const struct rules *p = r->q->rules;
	str status = or_else(res->status, "4.7.1");
	str text = arena_printf(r->q->arena, "<%.*s>: %s rejected: %.*s", STR_ARG(about.name), about.class,
		STR_ARG(or_else(res->text, "Service unavailable")));

	if (r->warn)
		return run_refuse_bare(r, p->map_defer_code, status, text);
	run_defer(r->if_permit, p->map_defer_code, status, text);
	return DUNNO;
}

static enum outcome
defer_if_reject(struct run *r, const struct rules_result *res, struct subject about)
{
	str text = arena_printf(r->q->arena, "<%.*s>: %s rejected: %.*s", STR_ARG(about.name), about.class,
		STR_ARG(or_else(res->text, "Service unavailable")));

	run_defer(r->if_reject, r->q->rules->map_defer_code, or_else(res->status, "4.7.1"), text);
	return DUNNO;
}

static enum outcome
restrictions(struct run *r, str from, str text)
{
	struct rule_list list;

	if (r->depth >= DEPTH)
		return run_broken(r, "lists within lists, too deep", from);
	if (!compile_answer(r, text, &list))
		return run_broken(r, "an access table answers what is no restriction", text);
	return run_list(r, &list);
}

enum outcome
access_result(struct run *r, str from, str value, struct subject about)
{
	const struct rules *p = r->q->rules;
	struct rules_result res;

	rules_result_parse(value, &res);
	switch (res.action) {
	case RULES_DUNNO: return DUNNO;
	case RULES_OK: return PERMIT;
	case RULES_REJECT:
		return run_refuse(r, p->map_reject_code, or_else(res.status, "5.7.1"), about,
			or_else(res.text, "Access denied"));
	case RULES_DEFER:
		return run_refuse(r, p->map_defer_code, or_else(res.status, "4.7.1"), about,
			or_else(res.text, "Access denied"));
	case RULES_CODE:
		return run_refuse(
			r, res.code, or_else(res.status, "5.7.1"), about, or_else(res.text, "Access denied"));
	case RULES_DEFER_IF_PERMIT: return defer_if_permit(r, &res, about);
	case RULES_DEFER_IF_REJECT: return defer_if_reject(r, &res, about);
	case RULES_WARN: run_note(r, "table-warning", res.text); return DUNNO;
	case RULES_INFO: run_note(r, "table-info", res.text); return DUNNO;
	case RULES_PREPEND: return prepend(r, from, res.text);
	case RULES_REDIRECT: return send_to(r, "redirect", res.text);
	case RULES_BCC: return send_to(r, "bcc", res.text);
	case RULES_DISCARD: return discard(r, res.text);
	case RULES_HANGUP: run_note(r, "hangup", res.text); return run_fault(r, CLOSED);
	/* To let it pass in silence would be the opposite of what was wanted. */
	case RULES_HOLD: return run_broken(r, "HOLD: there is no queue in which mail could be held", from);
	case RULES_FILTER: return run_broken(r, "FILTER: filters are not supported yet", from);
	case RULES_LIST: break;
	}
	return restrictions(r, from, res.text);
}
