#include "people/resolve.h"

#include "base/mem.h"
#include "base/table.h"

enum {
	MOST_NESTING = 50,
	MOST_ACCOUNTS = 1000,
	MOST_STEPS = 10000 /* addresses looked up, so that aliases of nobody are bounded, too */
};

/* An address still to be looked up, and the aliases that led to it. */
struct step {
	struct step *next;
	const struct step *from; /* NULL: the address that was asked for */
	str alias;               /* the name under which it was expanded; "" when it was not */
	str target, extension;
	int nesting;
};
struct search {
	struct arena *a;
	const struct resolve_tables *t;
	struct step *first, **last; /* a queue, because stacks are small */
	size_t steps;
	struct table expanded; /* names of aliases that were expanded */
	struct table found;    /* by the four bytes of the account's id */
	struct resolved *list;
	size_t n, room;
	bool loop; /* something was cut that would never have ended */
};

/* An address as it is looked up. */
struct name {
	str whole;     /* canonical, lower case */
	str bare;      /* without the extension; "" when there is none */
	str extension; /* as written */
	str domain;    /* lower case */
	bool postmaster;
};

/* ---- names ---- */

/* Canonical and in lower case. */
static str
spell(struct arena *a, str meant, str domain)
{
	struct addr ad = { .domain = domain };
	char *quoted = arena_take(a, 2 * meant.n + 2);
	size_t n = 0;

	quoted[n++] = '"';
	for (size_t i = 0; i < meant.n; i++) {
		if (meant.p[i] == '"' || meant.p[i] == '\\')
			quoted[n++] = '\\';
		quoted[n++] = meant.p[i];
	}
	quoted[n++] = '"';
	ad.local = str_of(quoted, n);
	return arena_lower(a, addr_canonical(a, &ad));
}

/* Where the extension begins, with its delimiter; the end when there is none. One at the very front is no delimiter. */
static size_t
find_delimiter(str meant, str delimiter)
{
	for (size_t i = 1; i < meant.n; i++)
		if (str_find(delimiter, meant.p[i]) < delimiter.n)
			return i;
	return meant.n;
}

static struct name
name_of(struct arena *a, const struct resolve_tables *t, const struct addr *ad)
{
	str meant = addr_local_meant(a, ad);
	size_t at = find_delimiter(meant, t->delimiter);
	struct name n = { .domain = arena_lower(a, ad->domain), .bare = S(""), .extension = S("") };

	n.whole = spell(a, meant, n.domain);
	if (at < meant.n) {
		n.bare = spell(a, str_sub(meant, 0, at), n.domain);
		n.extension = arena_str(a, str_from(meant, at + 1));
	}
	n.postmaster = str_eq_nocase(str_sub(meant, 0, at), S("postmaster"));
	return n;
}

/* ---- finding ---- */

static enum fault
add(struct search *s, uint32_t account, str address, str extension)
{
	uint32_t *id;

	if (table_get(&s->found, str_of(&account, sizeof(account))))
		return OK;
	if (s->n == MOST_ACCOUNTS)
		return TOO_MANY_RCPTS;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 4;
		struct resolved *list = ARENA_ARRAY(s->a, room, struct resolved);

		if (s->n)
			memcpy(list, s->list, s->n * sizeof(*list));
		s->list = list;
		s->room = room;
	}
	s->list[s->n++] = (struct resolved){ account, address, extension };
	id = ARENA_NEW(s->a, uint32_t);
	*id = account;
	table_put(&s->found, str_of(id, sizeof(*id)), id);
	return OK;
}

static bool
leads_from(const struct step *at, str alias)
{
	for (; at; at = at->from)
		if (str_eq(at->alias, alias))
			return true;
	return false;
}

/* Queues the targets of the alias of this name. NOT_FOUND: there is none; NO_SUCH_MAILBOX: not again. */
static enum fault
expand(struct search *s, struct step *at, str name, str extension)
{
	str *targets = NULL;
	size_t n = 0;

	if (table_get(&s->expanded, name)) {
		s->loop |= leads_from(at, name);
		return NO_SUCH_MAILBOX;
	}
	if (!s->t->alias(s->t->ctx, s->a, name, &targets, &n))
		return NOT_FOUND;
	if (at->nesting == MOST_NESTING) {
		s->loop = true;
		return NO_SUCH_MAILBOX;
	}
	table_put(&s->expanded, name, s);
	at->alias = name;
	for (size_t i = 0; i < n; i++) {
		struct step *next = ARENA_NEW(s->a, struct step);

		if (++s->steps > MOST_STEPS)
			return TOO_MANY_RCPTS;
		*next = (struct step){
			.from = at, .target = targets[i], .extension = extension, .nesting = at->nesting + 1
		};
		*s->last = next;
		s->last = &next->next;
	}
	return OK;
}

/* Alias or account of exactly this name; an alias that was expanded before may be an account as well. */
static enum fault
find_name(struct search *s, struct step *at, str name, str extension)
{
	enum fault f = expand(s, at, name, extension);
	uint32_t id;

	if ((f == NOT_FOUND || f == NO_SUCH_MAILBOX) && s->t->account(s->t->ctx, name, &id))
		f = add(s, id, name, extension);
	return f;
}

/* Some account, for postmaster. */
static enum fault
find_any(struct search *s, struct step *at, const struct name *n, str extension)
{
	uint32_t id;

	(void)at;
	return s->t->any(s->t->ctx, &id) ? add(s, id, n->bare.n ? n->bare : n->whole, extension) : NOT_FOUND;
}

/* Whoever has the name; else who gets what nobody has. */
static enum fault
find(struct search *s, struct step *at, const struct name *n, str extension)
{
	enum fault f = find_name(s, at, n->whole, n->bare.n ? S("") : extension);
	struct name instead;
	struct addr ad;

	if (f == NOT_FOUND && n->bare.n)
		f = find_name(s, at, n->bare, extension);
	if (f == NOT_FOUND && n->postmaster && addr_parse(s->t->postmaster, &ad) == OK) {
		instead = name_of(s->a, s->t, &ad);
		f = find_name(s, at, instead.whole, extension);
	}
	if (f == NOT_FOUND)
		f = expand(s, at, arena_join(s->a, S("@"), n->domain), extension);
	if (f == NOT_FOUND && n->postmaster)
		f = find_any(s, at, n, extension);
	return f;
}

/* One target of an alias. */
static enum fault
follow(struct search *s, struct step *at)
{
	struct name n;
	struct addr ad;

	if (addr_parse(at->target, &ad) != OK)
		return NO_SUCH_MAILBOX;
	n = name_of(s->a, s->t, &ad);
	if (!s->t->is_local(s->t->ctx, n.domain))
		return NO_RELAY_YET;
	return find(s, at, &n, n.extension.n ? n.extension : at->extension);
}

typedef enum fault (*finder)(struct search *s, struct step *at, const struct name *n, str extension);

static enum fault
run(struct search *s, const struct name *n, finder begin)
{
	struct step asked = { 0 };
	enum fault f = begin(s, &asked, n, n->extension);

	while (f == OK || f == NOT_FOUND || f == NO_SUCH_MAILBOX) {
		struct step *at = s->first;

		if (!at)
			return s->n ? OK : s->loop ? MAIL_LOOP : NO_SUCH_MAILBOX;
		s->first = at->next;
		if (!s->first)
			s->last = &s->first;
		f = follow(s, at);
	}
	return f;
}

/* One search from its beginning to its end. */
static enum fault
search(struct arena *a, const struct resolve_tables *t, const struct name *n, finder begin,
	struct resolved **ret, size_t *ret_n)
{
	struct search s = { .a = a, .t = t };
	enum fault f;

	s.last = &s.first;
	/* A fixed key: but for the first, the names are the administrator's. */
	table_init(&s.expanded, (struct hash_key){ 0 });
	table_init(&s.found, (struct hash_key){ 0 });
	f = run(&s, n, begin);
	if (f == OK) {
		*ret = s.list;
		*ret_n = s.n;
	}
	table_done(&s.expanded);
	table_done(&s.found);
	return f;
}

enum fault
people_resolve(struct arena *a, const struct resolve_tables *t, const struct addr *to, struct resolved **ret,
	size_t *ret_n)
{
	struct addr ad = *to;
	struct name n;
	enum fault f;

	if (ad.domain.n == 0 && !str_eq_nocase(ad.local, S("postmaster")))
		return NO_SUCH_MAILBOX; /* the null path, or a mistake of ours */
	if (ad.domain.n == 0)
		ad.domain = t->myhostname;
	n = name_of(a, t, &ad);
	if (to->domain.n && !t->is_local(t->ctx, n.domain))
		return RELAY_DENIED;
	f = search(a, t, &n, find, ret, ret_n);
	if (f != OK &&
		n.postmaster) /* RFC 5321 4.5.1: whatever his alias leads to, somebody reads his mail */
		f = search(a, t, &n, find_any, ret, ret_n);
	return f;
}
