/* conf/maps_spec.c - type:name, what main.cf writes for a table */
#include "conf/maps_inside.h"

#include "base/mem.h"

#include <stdlib.h>

/* clang-format off */
static const struct type {
	const char *name;
	enum lookup_type type;
	bool file;	 /* a file, or { lines } of main.cf */
	bool parts;
	const char *why; /* it is not supported; NULL: it is */
} types[] = {
	{ "hash",	LOOKUP_INDEX,	true,  true,  NULL },
	{ "btree",	LOOKUP_INDEX,	true,  true,  NULL },
	{ "lmdb",	LOOKUP_INDEX,	true,  true,  NULL },
	{ "cdb",	LOOKUP_INDEX,	true,  true,  NULL },
	{ "dbm",	LOOKUP_INDEX,	true,  true,  NULL },
	{ "sdbm",	LOOKUP_INDEX,	true,  true,  NULL },
	{ "texthash",	LOOKUP_INDEX,	true,  true,  NULL },
	{ "inline",	LOOKUP_INDEX,	false, true,  NULL },
	{ "pcre",	LOOKUP_PCRE,	true,  false, NULL },
	{ "regexp",	LOOKUP_REGEXP,	true,  false, NULL },
	{ "cidr",	LOOKUP_CIDR,	true,  false, NULL },
	{ "static",	LOOKUP_STATIC,	false, true,  NULL },
	{ "unionmap",	LOOKUP_UNION,	false, true,  NULL },
	{ "pipemap",	LOOKUP_PIPE,	false, true,  NULL },
	{ "randmap",	LOOKUP_RANDOM,	false, false, NULL },
	{ "fail",	LOOKUP_FAIL,	false, false, NULL },
	{ "mysql",	LOOKUP_FAIL,	false, false, "tables over a network are not supported yet" },
	{ "pgsql",	LOOKUP_FAIL,	false, false, "tables over a network are not supported yet" },
	{ "ldap",	LOOKUP_FAIL,	false, false, "tables over a network are not supported yet" },
	{ "mongodb",	LOOKUP_FAIL,	false, false, "tables over a network are not supported yet" },
	{ "socketmap",	LOOKUP_FAIL,	false, false, "tables over a network are not supported yet" },
	{ "tcp",	LOOKUP_FAIL,	false, false, "tables over a network are not supported yet" },
	{ "memcache",	LOOKUP_FAIL,	false, false, "tables over a network are not supported yet" },
	{ "sqlite",	LOOKUP_FAIL,	false, false, "databases are not supported yet" },
	{ "nis",	LOOKUP_FAIL,	false, false, "NIS is not supported" },
	{ "nisplus",	LOOKUP_FAIL,	false, false, "NIS is not supported" },
	{ "netinfo",	LOOKUP_FAIL,	false, false, "NetInfo is not supported" },
	{ "unix",	LOOKUP_FAIL,	false, false, "users of the machine are no mail users here; write an account or an alias" },
	{ "environ",	LOOKUP_FAIL,	false, false, "the environment is not used" },
	{ "debug",	LOOKUP_FAIL,	false, false, "ask with `postrider table -q`" },
};
/* clang-format on */

static const struct type *
type_of(str name)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (str_eq(name, str_c(types[i].name)))
			return &types[i];
	return NULL;
}

/* Takes "type:" off the front, and any proxy: before. */
static const struct type *
take_type(str *spec)
{
	const struct type *type;
	size_t colon;

	while (str_take(spec, S("proxy:")))
		;
	colon = str_find(*spec, ':');
	type = colon < spec->n ? type_of(str_sub(*spec, 0, colon)) : NULL;
	if (type)
		*spec = str_from(*spec, colon + 1);
	return type;
}

bool
maps_is_spec(str item)
{
	return str_starts(item, S("proxy:")) || take_type(&item);
}

/* A declaration being made. */
struct making {
	struct registry *reg;
	struct report *report;
	struct place at;
	const char *who;
	int depth;
	struct lookup *l;
};

static bool
wrong(struct making *m, const char *what, str where)
{
	report_error(m->report, m->at, "%s: %s: `%.*s`", m->who, what, STR_ARG(show(m->reg->a, where)));
	return false;
}

/* "{ inner }": without its braces. False: it has none. */
static bool
unbrace(str s, str *ret)
{
	if (s.n < 2 || s.p[0] != '{' || s.p[s.n - 1] != '}')
		return false;
	*ret = maps_trim(str_sub(s, 1, s.n - 2));
	return true;
}

/* The items between braces, in the arena. */
static bool
take_items(struct making *m, str name)
{
	struct lookup *l = m->l;
	str inner, rest, item;
	bool broken;
	size_t n = 0;

	if (!unbrace(name, &inner))
		return wrong(m, "expected `{ ... }` behind the type", name);
	for (rest = inner; list_take(&rest, &item, &broken);)
		n++;
	if (broken || n == 0)
		return wrong(
			m, broken ? "`{` and `}` do not match" : "there is nothing between the braces", name);
	l->items = ARENA_ARRAY(m->reg->a, n, str);
	for (rest = inner; list_take(&rest, &item, &broken);)
		l->items[l->n++] = arena_str(m->reg->a, item);
	return true;
}

static bool
take_members(struct making *m, str name)
{
	struct lookup *l = m->l;

	if (m->depth >= MAPS_DEPTH)
		return wrong(m, "tables within tables, too deep", name);
	if (!take_items(m, name))
		return false;
	l->members = ARENA_ARRAY(m->reg->a, l->n, struct lookup *);
	l->parts = false;
	for (size_t i = 0; i < l->n; i++) {
		l->members[i] =
			maps_declare(m->reg, m->report, m->at, m->who, l->syntax, l->items[i], m->depth + 1);
		if (!l->members[i])
			return false;
		l->parts |= l->members[i]->parts;
	}
	if (l->type == LOOKUP_PIPE)
		l->parts = l->members[0]->parts;
	return true;
}

static bool
take_file(struct making *m, str name)
{
	struct lookup *l = m->l;
	str inside = name;

	if (unbrace(name, &l->text))
		return true;
	if (name.n == 0 || name.n > 4000 || str_has_ctl(name))
		return wrong(m, "expected the path of a file behind the type", name);
	if (m->reg->folder.n && name.p[0] != '/' &&
		!(str_take(&inside, m->reg->folder) && str_take(&inside, S("/"))))
		return wrong(m, "expected the whole path of a file, from / on", name);
	l->path = arena_cstr(m->reg->a, name);
	return true;
}

void
maps_split_pair(str item, str *ret_key, str *ret_value)
{
	size_t equals = str_find(item, '=');

	*ret_key = maps_trim(str_sub(item, 0, equals));
	*ret_value = maps_trim(str_from(item, equals + 1));
}

/* inline:{ key=value { key = value } } */
static bool
take_pairs(struct making *m, str name)
{
	if (!take_items(m, name))
		return false;
	for (size_t i = 0; i < m->l->n; i++) {
		str key, value;

		maps_split_pair(m->l->items[i], &key, &value);
		if (key.n == 0 || value.n == 0)
			return wrong(m, "expected key=value, or { key = value }", m->l->items[i]);
	}
	return true;
}

static bool
fill(struct making *m, const struct type *type, str name)
{
	struct lookup *l = m->l;

	switch (l->type) {
	case LOOKUP_INDEX: return type->file ? take_file(m, name) : take_pairs(m, name);
	case LOOKUP_PCRE:
	case LOOKUP_REGEXP:
	case LOOKUP_CIDR: return take_file(m, name);
	case LOOKUP_UNION:
	case LOOKUP_PIPE: return take_members(m, name);
	case LOOKUP_RANDOM: return take_items(m, name);
	case LOOKUP_STATIC:
		if (!unbrace(name, &l->text))
			l->text = name;
		return l->text.n > 0 || wrong(m, "expected a value behind static:", name);
	case LOOKUP_FAIL: l->text = name; return true;
	}
	return false;
}

struct lookup *
maps_declare(struct registry *reg, struct report *report, struct place at, const char *who,
	enum maps_syntax syntax, str spec, int depth)
{
	struct making m = { .reg = reg, .report = report, .at = at, .who = who, .depth = depth };
	str key = arena_printf(reg->a, "%d%.*s", (int)syntax, STR_ARG(spec));
	str name = spec;
	const struct type *type = take_type(&name);
	struct lookup *l = table_get(&reg->by_spec, key);

	if (l)
		return l;
	if (!type) {
		wrong(&m, "expected a table such as hash:/etc/aliases", spec);
		return NULL;
	}
	if (type->why) {
		report_error(report, at, "%s: %s: is not supported: %s", who, type->name, type->why);
		return NULL;
	}
	if (reg->n == MAPS_MOST) {
		wrong(&m, "too many tables", spec);
		return NULL;
	}
	l = ARENA_NEW(reg->a, struct lookup);
	*l = (struct lookup){ .type = type->type,
		.syntax = syntax,
		.spec = arena_cstr(reg->a, spec),
		.parts = type->parts,
		.at = at };
	m.l = l;
	name = arena_str(reg->a, name);
	if (!fill(&m, type, name) || !registry_add(reg, report, key, l))
		return NULL;
	return l;
}

struct maps *
maps_of_list(struct arena *a, struct lookup **lookups, size_t n)
{
	struct maps *m = ARENA_NEW(a, struct maps);

	m->lookups = ARENA_ARRAY(a, n, struct lookup *);
	if (n)
		memcpy(m->lookups, lookups, n * sizeof(struct lookup *));
	m->n = n;
	return m;
}
