#include "people/resolve.h"

#include "base/mem.h"
#include "base/table.h"
#include "mail/targets.h"

#include <assert.h>

enum {
	MOST_NESTING = 50,
	MOST_ACCOUNTS = 1000,
	MOST_STEPS = 10000, /* addresses looked up, so that aliases of nobody are bounded, too */
	SLICE = 64,         /* steps that are looked up together: their names are one question */
	NAMES_A_STEP = 6
};

/* An address as it is looked up. */
struct name {
	str whole;     /* canonical, lower case */
	str bare;      /* without the extension; "" when there is none */
	str extension; /* as written */
	str domain;    /* lower case */
	char delimiter;
	bool postmaster;
};
/* An address still to be looked up, and the aliases that led to it. */
struct step {
	struct step *next;
	const struct step *from; /* NULL: the address that was asked for */
	str alias;               /* the key under which it was expanded; "" when it was not */
	str target, extension, sender;
	str fallback; /* the target at myorigin, for a name without domain in alias_maps; else "" */
	int nesting;
	struct name name;
	enum resolve_class class;
	enum fault fault; /* decided without the store; NOT_FOUND: not yet */
	bool expanded;    /* its targets stand in the queue */
};
struct fact {
	struct resolve_fact known;
	bool is_known;
};
struct search {
	struct arena *a;
	const struct resolve_tables *t;
	struct step *first, **last; /* a queue, because stacks are small */
	size_t steps;
	struct table expanded;    /* keys of aliases that were expanded */
	struct table found;       /* by the four bytes of the account's id */
	struct table facts;       /* struct fact, by address and extension */
	struct resolve_ask *asks; /* what is not known yet */
	struct fact **answers;
	size_t ask_count, ask_room;
	struct resolved *list;
	size_t n, room;
	str why;
	bool loop; /* something was cut that would never have ended */
};

const char *
resolve_table_name(enum resolve_table t)
{
	static const char *const names[] = {
		[RESOLVE_SENDER_CANONICAL] = "sender_canonical_maps",
		[RESOLVE_RCPT_CANONICAL] = "recipient_canonical_maps",
		[RESOLVE_CANONICAL] = "canonical_maps",
		[RESOLVE_VIRTUAL] = "virtual_alias_maps",
		[RESOLVE_ALIASES] = "alias_maps",
		[RESOLVE_RELOCATED] = "relocated_maps",
		[RESOLVE_LOCAL_RCPTS] = "local_recipient_maps",
		[RESOLVE_MAILBOX_RCPTS] = "virtual_mailbox_maps",
	};

	return names[t];
}

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
		n.delimiter = meant.p[at];
	}
	n.postmaster = str_eq_nocase(str_sub(meant, 0, at), S("postmaster"));
	return n;
}

/* An address of a table: local@domain, or a name of ours without domain. */
static bool
read_address(struct arena *a, const struct resolve_tables *t, str text, struct addr *ret)
{
	if (text.n == 0)
		return false;
	if (addr_parse(text, ret) == OK)
		return true;
	return addr_parse(arena_printf(a, "%.*s@%.*s", STR_ARG(text), STR_ARG(t->origin)), ret) == OK;
}

/* The same address with an extension, its delimiter in front. */
static str
with_extension(struct arena *a, str address, str extension)
{
	struct addr ad;
	str meant;

	if (extension.n == 0 || addr_parse(address, &ad) != OK)
		return address;
	meant = addr_local_meant(a, &ad);
	meant = arena_join(a, meant, extension);
	return spell(a, meant, ad.domain);
}

static void
tell(struct search *s, const struct step *at, struct resolve_step what)
{
	if (!s->t->tell)
		return;
	what.nesting = at->nesting;
	what.address = at->name.whole.n ? at->name.whole : at->target;
	s->t->tell(s->t->ctx, &what);
}

/* ---- what was found ---- */

static void
add(struct search *s, const struct step *at, const struct resolve_fact *f, str address, str extension)
{
	uint32_t *id;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 4;
		struct resolved *list = ARENA_ARRAY(s->a, room, struct resolved);

		if (s->n)
			memcpy(list, s->list, s->n * sizeof(*list));
		s->list = list;
		s->room = room;
	}
	s->list[s->n++] = (struct resolved){ .account = f->account,
		.mailbox = f->mailbox,
		.address = address,
		.extension = extension,
		.sender = at->sender,
		.fault = f->fault };
	id = ARENA_NEW(s->a, uint32_t);
	*id = f->account;
	table_put(&s->found, str_of(id, sizeof(*id)), id);
}

static enum fault
take_account(
	struct search *s, const struct step *at, const struct resolve_fact *f, str address, str extension)
{
	if (table_get(&s->found, str_of(&f->account, sizeof(f->account))))
		return OK;
	if (s->n == (s->t->most_accounts ? s->t->most_accounts : MOST_ACCOUNTS))
		return TOO_MANY_RCPTS;
	add(s, at, f, address, extension);
	return OK;
}

/* ---- aliases ---- */

static bool
leads_from(const struct step *at, str key)
{
	for (; at; at = at->from)
		if (str_eq(at->alias, key))
			return true;
	return false;
}

/* May this one be expanded? OK; NO_SUCH_MAILBOX: it led to itself, or too deep; ALREADY_EXISTS: another branch has it. */
static enum fault
begin_expansion(struct search *s, struct step *at, str key)
{
	unsigned most = s->t->most_nesting ? s->t->most_nesting : MOST_NESTING;

	if (table_get(&s->expanded, key)) {
		if (!leads_from(at, key))
			return ALREADY_EXISTS;
		s->loop = true;
		tell(s, at, (struct resolve_step){ .what = STEP_LOOP });
		return NO_SUCH_MAILBOX;
	}
	if (at->nesting >= (int)most) {
		s->loop = true;
		tell(s, at, (struct resolve_step){ .what = STEP_LOOP });
		return NO_SUCH_MAILBOX;
	}
	table_put(&s->expanded, key, s);
	at->alias = key;
	at->expanded = true;
	return OK;
}

static enum fault
queue(struct search *s, struct step *at, str target, str fallback, str extension, str sender)
{
	struct step *next;

	if (++s->steps > MOST_STEPS)
		return TOO_MANY_RCPTS;
	next = ARENA_NEW(s->a, struct step);
	*next = (struct step){ .from = at,
		.target = target,
		.fallback = fallback,
		.extension = extension,
		.sender = sender,
		.nesting = at->nesting + 1 };
	*s->last = next;
	s->last = &next->next;
	return OK;
}

/* An alias of the store. */
static enum fault
expand_stored(struct search *s, struct step *at, str name, const struct resolve_fact *f, str extension)
{
	if (!f->has_alias)
		return NOT_FOUND;
	TRY(begin_expansion(s, at, arena_join(s->a, S("store "), name)));
	tell(s, at,
		(struct resolve_step){ .what = STEP_STORE_ALIAS,
			.key = name,
			.value = f->target_count ? f->targets[0] : S("") });
	for (size_t i = 0; i < f->target_count; i++)
		TRY(queue(s, at, f->targets[i], S(""), extension, at->sender));
	return OK;
}

/* The targets in a table's value. What is no address here (a command, a file) leads to nobody. A name without domain is one at myorigin; in
 * alias_maps, where all of mydestination is one house, first one of the domain that was asked for. */
static enum fault
queue_value(struct search *s, struct step *at, bool names, str value, str extension, str sender)
{
	struct target target;

	while (targets_take(&value, &target)) {
		str local = str_sub(at->name.whole, 0, str_rfind(at->name.whole, '@'));
		str address = target.text, fallback = S(""), here;
		struct addr ad;

		here = arena_printf(s->a, "%.*s@%.*s", STR_ARG(target.text), STR_ARG(at->name.domain));
		if (target.kind == TARGET_DOMAIN)
			address = arena_printf(s->a, "%.*s@%.*s", STR_ARG(local), STR_ARG(target.text));
		else if (target.kind != TARGET_ADDRESS || !read_address(s->a, s->t, target.text, &ad))
			address = target.text; /* fails when it is followed, and is explained there */
		else
			address = with_extension(s->a, addr_canonical(s->a, &ad), extension);
		if (names && target.kind == TARGET_ADDRESS && addr_parse(target.text, &ad) != OK &&
			addr_parse(here, &ad) == OK && !str_eq_nocase(at->name.domain, s->t->origin)) {
			fallback = address;
			address = with_extension(s->a, addr_canonical(s->a, &ad), extension);
		}
		TRY(queue(s, at, address, fallback, S(""), sender));
	}
	return OK;
}

static enum fault
expand_value(struct search *s, struct step *at, enum resolve_table table, str key, str value, str extension,
	str sender)
{
	const char *name = resolve_table_name(table);

	TRY(begin_expansion(s, at, arena_printf(s->a, "%s %.*s", name, STR_ARG(key))));
	tell(s, at, (struct resolve_step){ .what = STEP_TABLE, .table = table, .key = key, .value = value });
	return queue_value(s, at, table == RESOLVE_ALIASES, value, extension, sender);
}

/* virtual_alias_maps, for every address. NOT_FOUND: it goes on as it is. */
static enum fault
look_virtual(struct search *s, struct step *at)
{
	str value, extension = S("");
	enum fault f = s->t->find(s->t->text, s->a, RESOLVE_VIRTUAL, at->name.whole, &value, &extension);

	if (f != OK)
		return f;
	if (!s->t->propagate_virtual)
		extension = S("");
	f = expand_value(s, at, RESOLVE_VIRTUAL, at->name.whole, value, extension, at->sender);
	return f == NO_SUCH_MAILBOX ? NOT_FOUND : f;
}

/* The owner of a list gets what comes back from its members (RFC 5321 3.9.2), but a bounce has no sender and keeps none: whoever makes
 * the prefix sees to that. */
static enum fault
find_owner(struct search *s, const struct step *at, str name, str *ret)
{
	str owner = arena_join(s->a, S("owner-"), name), value, extension;
	enum fault f = s->t->find(s->t->text, s->a, RESOLVE_ALIASES, owner, &value, &extension);
	struct target target;
	struct addr ad;

	*ret = at->sender;
	if (f != OK)
		return f == NOT_FOUND ? OK : f;
	*ret = arena_printf(s->a, "%.*s@%.*s", STR_ARG(owner), STR_ARG(at->name.domain));
	if (s->t->expand_owner && targets_take(&value, &target) && target.kind == TARGET_ADDRESS &&
		read_address(s->a, s->t, target.text, &ad))
		*ret = addr_canonical(s->a, &ad);
	return OK;
}

/* alias_maps: names of mydestination, whole and without extension. */
static enum fault
look_alias(struct search *s, struct step *at)
{
	const str *address[] = { &at->name.whole, &at->name.bare };
	str delimited = arena_printf(s->a, "%c%.*s", at->name.delimiter, STR_ARG(at->name.extension));
	enum fault f = NOT_FOUND;

	for (size_t i = 0; i < COUNT(address) && f == NOT_FOUND && address[i]->n; i++) {
		str name = str_sub(*address[i], 0, str_rfind(*address[i], '@')), value, extension, sender;

		f = s->t->find(s->t->text, s->a, RESOLVE_ALIASES, name, &value, &extension);
		if (f != OK)
			continue;
		TRY(find_owner(s, at, name, &sender));
		f = expand_value(s, at, RESOLVE_ALIASES, name, value,
			i && s->t->propagate_alias ? delimited : S(""), sender);
		if (f == NO_SUCH_MAILBOX)
			return NOT_FOUND; /* not again: it may be an account as well */
	}
	return f;
}

/* ---- what the store knows ---- */

static struct fact *
fact_of(struct search *s, str address, str extension)
{
	str key =
		extension.n ? arena_printf(s->a, "%.*s %.*s", STR_ARG(address), STR_ARG(extension)) : address;
	struct fact *f = table_get(&s->facts, key);

	if (f)
		return f;
	f = ARENA_NEW(s->a, struct fact);
	table_put(&s->facts, key, f);
	if (s->ask_count == s->ask_room) {
		size_t room = s->ask_room ? 4 * s->ask_room : NAMES_A_STEP;
		struct resolve_ask *asks = ARENA_ARRAY(s->a, room, struct resolve_ask);
		struct fact **answers = ARENA_ARRAY(s->a, room, struct fact *);

		for (size_t i = 0; i < s->ask_count; i++) {
			asks[i] = s->asks[i];
			answers[i] = s->answers[i];
		}
		s->asks = asks;
		s->answers = answers;
		s->ask_room = room;
	}
	s->asks[s->ask_count] = (struct resolve_ask){ address, extension };
	s->answers[s->ask_count++] = f;
	return f;
}

static enum fault
ask_store(struct search *s)
{
	struct resolve_fact *list;

	if (s->ask_count == 0)
		return OK;
	list = ARENA_ARRAY(s->a, s->ask_count, struct resolve_fact);
	TRY(s->t->ask(s->t->ctx, s->a, s->asks, s->ask_count, list));
	for (size_t i = 0; i < s->ask_count; i++) {
		s->answers[i]->known = list[i];
		s->answers[i]->is_known = true;
	}
	s->ask_count = 0;
	return OK;
}

static str
extension_of(const struct step *at)
{
	return at->name.extension.n ? at->name.extension : at->extension;
}

/* As the store knows it. */
static str
fallback_of(struct search *s, const struct step *at)
{
	struct addr ad;
	struct name n;

	if (addr_parse(at->fallback, &ad) != OK)
		return at->fallback;
	n = name_of(s->a, s->t, &ad);
	return n.bare.n ? n.bare : n.whole;
}

/* Everything that may be looked at for a step. At most NAMES_A_STEP names. */
static void
want_facts(struct search *s, const struct step *at)
{
	const struct name *n = &at->name;
	struct addr ad;

	(void)fact_of(s, n->whole, n->bare.n ? S("") : extension_of(at));
	if (n->bare.n)
		(void)fact_of(s, n->bare, extension_of(at));
	(void)fact_of(s, arena_join(s->a, S("@"), n->domain), S(""));
	if (at->fallback.n)
		(void)fact_of(s, fallback_of(s, at), extension_of(at));
	if (!n->postmaster)
		return;
	if (addr_parse(s->t->postmaster, &ad) == OK)
		(void)fact_of(s, name_of(s->a, s->t, &ad).whole, extension_of(at));
	(void)fact_of(s, S(""), S(""));
}

static const struct resolve_fact *
known(struct search *s, str address, str extension)
{
	const struct fact *f = fact_of(s, address, extension);

	assert(f->is_known); /* want_facts asked for it */
	return &f->known;
}

/* Do the tables of recipients let it exist? */
static enum fault
check_listed(struct search *s, const struct step *at, str name)
{
	enum resolve_table table = at->class == RESOLVE_LOCAL ? RESOLVE_LOCAL_RCPTS : RESOLVE_MAILBOX_RCPTS;
	bool lists = at->class == RESOLVE_LOCAL     ? s->t->lists_local
		     : at->class == RESOLVE_MAILBOX ? s->t->lists_mailbox
						    : false;
	str value, extension;
	enum fault f;

	if (!lists)
		return OK;
	f = s->t->find(s->t->text, s->a, table, name, &value, &extension);
	if (f == NOT_FOUND)
		tell(s, at, (struct resolve_step){ .what = STEP_NOT_LISTED, .table = table });
	return f;
}

/* Alias or account of exactly this name; an alias that was expanded before may be an account as well. */
static enum fault
find_name(struct search *s, struct step *at, str name, str extension)
{
	const struct resolve_fact *k = known(s, name, extension);
	enum fault f = expand_stored(s, at, name, k, extension);

	if ((f != NOT_FOUND && f != NO_SUCH_MAILBOX) || !k->account)
		return f;
	f = check_listed(s, at, name);
	if (f != OK)
		return f;
	tell(s, at, (struct resolve_step){ .what = STEP_ACCOUNT, .value = k->address, .fault = k->fault });
	return take_account(s, at, k, name, extension);
}

/* Some account, for postmaster. */
static enum fault
find_any(struct search *s, struct step *at)
{
	const struct resolve_fact *k = known(s, S(""), S(""));
	const struct name *n = &at->name;

	if (!k->account)
		return NOT_FOUND;
	tell(s, at, (struct resolve_step){ .what = STEP_ANY, .value = k->address, .fault = k->fault });
	return take_account(s, at, k, n->bare.n ? n->bare : n->whole, extension_of(at));
}

/* Whoever has the name; else who gets what nobody has. */
static enum fault
find(struct search *s, struct step *at)
{
	const struct name *n = &at->name;
	str extension = extension_of(at), all = arena_join(s->a, S("@"), n->domain);
	enum fault f = find_name(s, at, n->whole, n->bare.n ? S("") : extension);
	struct addr ad;

	if (f == NOT_FOUND && n->bare.n)
		f = find_name(s, at, n->bare, extension);
	if (f == NOT_FOUND && at->fallback.n)
		f = find_name(s, at, fallback_of(s, at), extension);
	if (f == NOT_FOUND && n->postmaster && addr_parse(s->t->postmaster, &ad) == OK)
		f = find_name(s, at, name_of(s->a, s->t, &ad).whole, extension);
	if (f == NOT_FOUND)
		f = expand_stored(s, at, all, known(s, all, S("")), extension);
	if (f == NOT_FOUND && n->postmaster)
		f = find_any(s, at);
	if (f == NOT_FOUND && at->class == RESOLVE_LOCAL && s->t->luser_relay.n &&
		begin_expansion(s, at, S("luser_relay")) == OK) {
		tell(s, at, (struct resolve_step){ .what = STEP_LUSER, .value = s->t->luser_relay });
		f = queue_value(s, at, false, s->t->luser_relay, S(""), at->sender);
	}
	return f;
}

/* ---- one step ---- */

/* What the text tables say of it. */
static enum fault
look_in_tables(struct search *s, struct step *at)
{
	str value, extension;
	enum fault f = look_virtual(s, at);

	if (f != NOT_FOUND)
		return f;
	f = s->t->find(s->t->text, s->a, RESOLVE_RELOCATED, at->name.whole, &value, &extension);
	if (f == OK) {
		tell(s, at,
			(struct resolve_step){ .what = STEP_TABLE,
				.table = RESOLVE_RELOCATED,
				.key = at->name.whole,
				.value = value });
		s->why = value;
		return RELOCATED;
	}
	if (f == NOT_FOUND && at->class == RESOLVE_LOCAL && s->t->has_aliases)
		f = look_alias(s, at);
	return f;
}

/* The first half, up to what the store must be asked. */
static void
prepare(struct search *s, struct step *at)
{
	struct addr ad;

	at->fault = NOT_FOUND;
	if (!at->name.whole.n) {
		if (addr_parse(at->target, &ad) != OK) {
			at->fault = NO_SUCH_MAILBOX;
			return;
		}
		at->name = name_of(s->a, s->t, &ad);
		at->class = s->t->class_of(s->t->text, at->name.domain);
	}
	if (s->t->find)
		at->fault = look_in_tables(s, at);
	if (at->fault == NOT_FOUND)
		want_facts(s, at);
}

/* As far as main.cf can say now. */
static bool
is_elsewhere(enum resolve_class c)
{
	return c == RESOLVE_FOREIGN || c == RESOLVE_UNSURE;
}

static enum fault
settle(struct search *s, struct step *at)
{
	enum fault f = at->fault;

	if (f == NOT_FOUND) {
		bool ours = at->class != RESOLVE_RELAY && !is_elsewhere(at->class);

		if (!ours)
			ours = known(s, arena_join(s->a, S("@"), at->name.domain), S(""))->domain;
		f = ours ? find(s, at) : at->class == RESOLVE_UNSURE ? TABLE_DOWN : NO_RELAY_YET;
	}
	if (f != OK && f != ALREADY_EXISTS)
		tell(s, at,
			(struct resolve_step){
				.what = STEP_REFUSED, .fault = f == NOT_FOUND ? NO_SUCH_MAILBOX : f });
	return f == NOT_FOUND || f == ALREADY_EXISTS ? NO_SUCH_MAILBOX : f;
}

/* ---- the search ---- */

static enum fault
run(struct search *s)
{
	while (s->first) {
		struct step *slice[SLICE];
		size_t n = 0;

		for (; n < SLICE && s->first; n++) {
			slice[n] = s->first;
			s->first = s->first->next;
			if (!s->first)
				s->last = &s->first;
			prepare(s, slice[n]);
		}
		TRY(ask_store(s));
		for (size_t i = 0; i < n; i++) {
			enum fault f = settle(s, slice[i]);

			if (f != OK && f != NO_SUCH_MAILBOX && !(f == RELOCATED && slice[i]->from))
				return f;
		}
	}
	return s->n ? OK : s->loop ? MAIL_LOOP : NO_SUCH_MAILBOX;
}

/* As if nothing had been found; what the store said stays known. */
static void
begin(struct search *s)
{
	table_done(&s->expanded);
	table_done(&s->found);
	/* A fixed key: but for the first, the names are the administrator's. */
	table_init(&s->expanded, (struct hash_key){ 0 });
	table_init(&s->found, (struct hash_key){ 0 });
	s->first = NULL;
	s->last = &s->first;
	s->list = NULL;
	s->n = s->room = 0;
	s->loop = false;
}

static enum fault
search(struct search *s, const struct step *asked)
{
	struct step *top = ARENA_NEW(s->a, struct step);
	enum fault f;

	*top = *asked;
	begin(s);
	s->first = top;
	s->last = &top->next;
	f = run(s);
	if ((f == NO_SUCH_MAILBOX || f == MAIL_LOOP || f == NO_RELAY_YET) && asked->name.postmaster) {
		/* RFC 5321 4.5.1: whatever his alias leads to, somebody reads his mail. */
		begin(s);
		want_facts(s, top);
		TRY(ask_store(s));
		if (find_any(s, top) == OK)
			f = OK;
	}
	return f;
}

enum fault
people_canonical(
	struct arena *a, const struct resolve_tables *t, enum resolve_table first, str address, str *ret)
{
	const enum resolve_table tables[] = { first, RESOLVE_CANONICAL };
	bool second = first == RESOLVE_SENDER_CANONICAL ? t->canonical_sender : t->canonical_rcpt;

	for (size_t i = 0; i < (second ? 2 : 1) && t->find && address.n; i++) {
		str value, extension = S("");
		struct target target;
		struct addr ad;
		struct name n;
		enum fault f;

		if (addr_parse(address, &ad) != OK)
			break;
		n = name_of(a, t, &ad);
		f = t->find(t->text, a, tables[i], n.whole, &value, &extension);
		if (f == NOT_FOUND)
			continue;
		if (f != OK)
			return f;
		if (!targets_take(&value, &target))
			continue;
		if (target.kind == TARGET_DOMAIN) {
			address = arena_printf(a, "%.*s@%.*s", STR_ARG(ad.local), STR_ARG(target.text));
		} else if (target.kind == TARGET_ADDRESS) {
			struct addr to;

			if (!read_address(a, t, target.text, &to))
				continue;
			address = with_extension(
				a, addr_canonical(a, &to), t->propagate_canonical ? extension : S(""));
		}
		if (t->tell)
			t->tell(t->ctx, &(struct resolve_step){ .what = STEP_TABLE,
						.table = tables[i],
						.address = n.whole,
						.key = n.whole,
						.value = address });
	}
	*ret = address;
	return OK;
}

/* Is the domain ours, or may the client send anywhere? */
static enum fault
check_relay(struct search *s, const struct step *asked)
{
	enum fault denied = asked->class == RESOLVE_UNSURE ? TABLE_DOWN : RELAY_DENIED;

	if (!is_elsewhere(asked->class) || s->t->may_relay)
		return OK;
	want_facts(s, asked);
	TRY(ask_store(s));
	if (known(s, arena_join(s->a, S("@"), asked->name.domain), S(""))->domain)
		return OK;
	tell(s, asked, (struct resolve_step){ .what = STEP_REFUSED, .fault = denied });
	return denied;
}

static enum fault
resolve(struct search *s, const struct addr *to, struct resolution *ret)
{
	struct addr ad = *to;
	struct step asked = { 0 };
	str was, address;

	if (ad.domain.n == 0)
		ad.domain = s->t->origin;
	asked.name = name_of(s->a, s->t, &ad);
	asked.class = s->t->class_of(s->t->text, asked.name.domain);
	if (to->domain.n == 0 && is_elsewhere(asked.class))
		asked.class = RESOLVE_LOCAL; /* the bare postmaster is always ours */
	TRY(check_relay(s, &asked));
	was = address = addr_canonical(s->a, &ad);
	TRY(people_canonical(s->a, s->t, RESOLVE_RCPT_CANONICAL, address, &address));
	if (!str_eq(was, address) && addr_parse(address, &ad) == OK) {
		asked.name = name_of(s->a, s->t, &ad);
		asked.class = s->t->class_of(s->t->text, asked.name.domain);
	}
	ret->address = address;
	return search(s, &asked);
}

enum fault
people_resolve(struct arena *a, const struct resolve_tables *t, const struct addr *to, struct resolution *ret)
{
	struct search *s;
	enum fault f;

	*ret = (struct resolution){ .why = S(""), .address = S("") };
	if (to->domain.n == 0 && !str_eq_nocase(to->local, S("postmaster")))
		return NO_SUCH_MAILBOX; /* the null path, or a mistake of ours */
	s = ARENA_NEW(a, struct search);
	s->a = a;
	s->t = t;
	s->why = S("");
	table_init(&s->facts, (struct hash_key){ 0 });
	begin(s);
	f = resolve(s, to, ret);
	if (f == OK) {
		ret->list = s->list;
		ret->n = s->n;
	}
	ret->why = s->why;
	table_done(&s->facts);
	table_done(&s->expanded);
	table_done(&s->found);
	return f;
}
