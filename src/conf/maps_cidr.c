/* conf/maps_cidr.c - cidr: tables
 * network result, !network result, if network ... endif; the first rule that fits decides. A rule is about its own family of addresses: !10.0.0.0/8
 * fits no IPv6 address. */
#include "conf/maps_inside.h"

#include "base/mem.h"

#include <stdlib.h>

enum { MOST_IFS_DEEP = 50 };

struct cidr_rule {
	struct net net;
	bool is_if;
	size_t next; /* of an `if`: the rule behind its endif */
	str result;
};
struct maps_cidr {
	struct arena arena;
	struct cidr_rule *rules;
	size_t n, networks;
};
struct parse {
	struct maps_cidr *to;
	struct buf rules; /* of struct cidr_rule */
	struct report *report;
	struct place at;
	size_t open[MOST_IFS_DEEP];
	struct place opened[MOST_IFS_DEEP];
	size_t depth;
};

static bool
take_network(struct parse *p, str *in, struct net *ret)
{
	bool no = false, host_bits;
	str word;

	while (str_take(in, S("!"))) {
		no = !no;
		*in = maps_trim(*in);
	}
	if (!str_take_word(in, &word))
		word = S("");
	if (!net_parse(word, ret, &host_bits)) {
		report_error(p->report, p->at,
			host_bits ? "bits beyond the network's length in `%.*s`"
				  : "`%.*s` is no network such as 192.0.2.0/24 or 2001:db8::/32",
			STR_ARG(show(&p->to->arena, word)));
		return false;
	}
	ret->no = no;
	*in = maps_trim(*in);
	return true;
}

static void
add_rule(struct parse *p, const struct cidr_rule *rule)
{
	buf_add(&p->rules, str_of(rule, sizeof(*rule)));
	p->to->n++;
}

static void
read_if(struct parse *p, str line)
{
	struct cidr_rule rule = { .is_if = true };

	if (p->depth == MOST_IFS_DEEP) {
		report_error(p->report, p->at, "`if` within `if`, too deep");
		return;
	}
	p->opened[p->depth] = p->at;
	p->open[p->depth++] = p->to->n;
	if (take_network(p, &line, &rule.net) && line.n)
		report_warning(p->report, p->at, "what follows the network of `if` has no effect");
	add_rule(p, &rule);
}

static void
read_endif(struct parse *p, str line)
{
	if (line.n)
		report_warning(p->report, p->at, "what follows `endif` has no effect");
	if (p->depth == 0)
		report_error(p->report, p->at, "`endif` without `if`");
	else
		((struct cidr_rule *)(void *)p->rules.p)[p->open[--p->depth]].next = p->to->n;
}

static void
read_rule(struct parse *p, str line)
{
	struct cidr_rule rule = { 0 };

	if (!take_network(p, &line, &rule.net))
		return;
	if (line.n == 0) {
		report_error(p->report, p->at, "expected a result behind the network");
		return;
	}
	rule.result = arena_str(&p->to->arena, line);
	add_rule(p, &rule);
	p->to->networks++;
}

static bool
take_word(str *line, str word)
{
	str rest = *line;

	if (!str_take_nocase(&rest, word) || (rest.n && !maps_space(rest.p[0]) && rest.p[0] != '!'))
		return false;
	*line = maps_trim(rest);
	return true;
}

struct maps_cidr *
maps_cidr_new(struct maps_lines *lines, struct report *report)
{
	struct maps_cidr *c = NEW(struct maps_cidr);
	struct parse p = { .to = c, .report = report };
	unsigned before = report->errors;
	str line;

	while (maps_lines_next(lines, &line, &p.at)) {
		if (take_word(&line, S("if")))
			read_if(&p, line);
		else if (take_word(&line, S("endif")))
			read_endif(&p, line);
		else
			read_rule(&p, line);
	}
	while (p.depth)
		report_error(report, p.opened[--p.depth], "`if` without `endif`");
	c->rules = (struct cidr_rule *)(void *)p.rules.p;
	if (report->errors > before) {
		maps_cidr_free(c);
		return NULL;
	}
	return c;
}

void
maps_cidr_free(struct maps_cidr *c)
{
	if (!c)
		return;
	free(c->rules);
	arena_done(&c->arena);
	free(c);
}

size_t
maps_cidr_count(const struct maps_cidr *c)
{
	return c->networks;
}

/* The bytes of an address; an IPv4 address in an IPv6 one's clothes is IPv4, as in rules. */
static bool
key_address(str key, unsigned char ip[16], size_t *ret_bytes)
{
	struct net net;
	bool host_bits;

	if (str_find(key, '/') < key.n || str_find(key, '!') < key.n || !net_parse(key, &net, &host_bits))
		return false;
	memcpy(ip, net.ip, 16);
	*ret_bytes = net.bytes;
	return true;
}

enum fault
maps_cidr_find(const struct maps_cidr *c, struct arena *a, str key, str *ret)
{
	unsigned char ip[16];
	size_t bytes;

	if (!key_address(key, ip, &bytes))
		return NOT_FOUND;
	for (size_t i = 0; i < c->n; i++) {
		const struct cidr_rule *rule = &c->rules[i];
		bool fits = rule->net.bytes == bytes && net_has(&rule->net, ip, bytes) != rule->net.no;

		if (rule->is_if && !fits)
			i = rule->next - 1;
		else if (!rule->is_if && fits) {
			*ret = arena_str(a, rule->result);
			return OK;
		}
	}
	return NOT_FOUND;
}
