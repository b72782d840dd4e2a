#include "people/resolve.h"

#include "base/mem.h"
#include "test/t.h"

/* A small world: accounts have the id of their place, from 1. */
static const char *const accounts[] = { "ann@a.test", "bob@a.test", "cid@b.test", "dot+ted@a.test",
	"o'neil@a.test", "\"odd one\"@a.test", "list@b.test", "dup@b.test" };
static const struct {
	const char *name, *targets; /* targets between blanks */
} aliases[] = {
	{ "both@a.test", "ann@a.test bob@a.test" },
	{ "keep@b.test", "keep@b.test cid@b.test" }, /* names itself, but is no account */
	{ "list@b.test", "ann@a.test list@b.test" }, /* names itself, and keeps a copy */
	{ "deep@a.test", "both@a.test keep@b.test ann+deep@a.test" },
	{ "ring1@a.test", "ring2@a.test" },
	{ "ring2@a.test", "ring1@a.test" },
	{ "diamond@a.test", "west@a.test east@a.test" },
	{ "west@a.test", "south@a.test" },
	{ "east@a.test", "south@a.test" },
	{ "south@a.test", "nobody@a.test" },
	{ "away@a.test", "ann@a.test friend@elsewhere.example" },
	{ "gone@a.test", "nobody@a.test" },
	{ "twice@a.test", "way1@a.test way2@a.test" },
	{ "way1@a.test", "dup@b.test" },
	{ "way2@a.test", "dup@b.test" },
	{ "dup@b.test", "ann@a.test" },
	{ "partly@a.test", "nobody@a.test BOB@A.test not-an-address" },
	{ "none@a.test", "" },
	{ "tag+one@a.test", "ann@a.test" },
	{ "tag@a.test", "bob@a.test" },
	{ "abuse@a.test", "postmaster@a.test" },
	{ "@c.test", "cid@b.test" },
	{ "real@c.test", "ann@a.test" },
	{ "@d.test", "lost@d.test" },
	{ "postmaster@e.test", "friend@elsewhere.example" },
	{ "postmaster@f.test", "bob@a.test" },
};

struct world {
	bool empty;
	size_t questions; /* how often the store was asked */
};

static enum resolve_class
class_of(const void *text, str domain)
{
	(void)text;
	if (domain.n != 6 || !str_ends(domain, S(".test")))
		return RESOLVE_FOREIGN;
	switch (domain.p[0]) {
	case 'a':
	case 'b': return RESOLVE_LOCAL;
	case 'c':
	case 'd':
	case 'e': return RESOLVE_MAILBOX;
	case 'v': return RESOLVE_ALIAS;
	case 'u': return RESOLVE_UNSURE;
	default: return RESOLVE_FOREIGN; /* f.test is the store's */
	}
}

static void
look_up(const struct world *w, struct arena *a, str address, struct resolve_fact *ret)
{
	*ret = (struct resolve_fact){ .domain = str_eq(address, S("@f.test")), .address = S("") };
	for (size_t i = 0; !w->empty && i < COUNT(accounts); i++)
		if (str_eq(address, str_c(accounts[i])) || address.n == 0) {
			ret->account = (uint32_t)i + 1;
			ret->address = str_c(accounts[i]);
			break;
		}
	EACH(aliases, c) {
		str rest = str_c(c->targets), word, *targets = ARENA_ARRAY(a, 8, str);

		if (!str_eq(address, str_c(c->name)))
			continue;
		ret->has_alias = true;
		ret->targets = targets;
		while (str_take_word(&rest, &word))
			targets[ret->target_count++] = word;
	}
}

static enum fault
ask(void *ctx, struct arena *a, const struct resolve_ask *asks, size_t n, struct resolve_fact *ret)
{
	struct world *w = ctx;

	w->questions++;
	for (size_t i = 0; i < n; i++)
		look_up(w, a, asks[i].address, &ret[i]);
	return OK;
}

static struct resolve_tables
tables(struct world *w, const char *delimiter, const char *postmaster)
{
	return (struct resolve_tables){ .class_of = class_of,
		.origin = S("b.test"),
		.delimiter = str_c(delimiter),
		.postmaster = str_c(postmaster),
		.luser_relay = S(""),
		.ctx = w,
		.ask = ask };
}

/* "address/extension(sender) address ..." as a line to compare. */
static str
resolve(struct arena *a, const struct resolve_tables *t, const char *path, enum fault *ret_fault)
{
	struct resolution r;
	struct addr to = { 0 };
	str in = str_c(path), line = S("");

	CHECK(addr_take_path(&in, false, true, &to) == OK);
	*ret_fault = people_resolve(a, t, &to, &r);
	CHECK(*ret_fault == OK ? r.n > 0 : r.n == 0 && !r.list);
	for (size_t i = 0; i < r.n; i++) {
		struct resolve_fact f;

		look_up(t->ctx, a, r.list[i].address, &f);
		if (f.account)
			CHECK_INT(r.list[i].account, f.account);
		line = arena_printf(a, "%.*s%s%.*s%s%.*s", STR_ARG(line), i ? " " : "",
			STR_ARG(r.list[i].address), r.list[i].extension.n ? "/" : "",
			STR_ARG(r.list[i].extension));
		if (r.list[i].sender.n)
			line = arena_printf(a, "%.*s(%.*s)", STR_ARG(line), STR_ARG(r.list[i].sender));
	}
	if (*ret_fault == RELOCATED)
		line = r.why;
	return line;
}

static const struct {
	const char *path, *found;
	enum fault fault;
} cases[] = {
	/* delimiters: + and - */
	{ "<ann@a.test>", "ann@a.test", OK },
	{ "<Ann@A.TEST>", "ann@a.test", OK },
	{ "<\"ann\"@a.test>", "ann@a.test", OK },
	{ "<\"Odd One\"@a.test>", "\"odd one\"@a.test", OK },
	{ "<\"odd one+Tag\"@a.test>", "\"odd one\"@a.test/Tag", OK },
	{ "<o'neil@a.test>", "o'neil@a.test", OK },
	{ "<nobody@a.test>", "", NO_SUCH_MAILBOX },
	{ "<ann@b.test>", "", NO_SUCH_MAILBOX },
	{ "<ann@elsewhere.example>", "", RELAY_DENIED },
	{ "<ann@[192.0.2.1]>", "", RELAY_DENIED },
	{ "<ann@u.test>", "", TABLE_DOWN }, /* whose it is cannot be told now: later, not never */
	/* extensions: the first delimiter counts; an address that has one in its name comes first */
	{ "<ann+Lists@a.test>", "ann@a.test/Lists", OK },
	{ "<ann-lists+x@a.test>", "ann@a.test/lists+x", OK },
	{ "<ann+@a.test>", "ann@a.test", OK },
	{ "<dot+ted@a.test>", "dot+ted@a.test", OK },
	{ "<dot+other@a.test>", "", NO_SUCH_MAILBOX },
	{ "<+ann@a.test>", "", NO_SUCH_MAILBOX },
	{ "<tag+one@a.test>", "ann@a.test", OK },
	{ "<tag+two@a.test>", "bob@a.test/two", OK },
	/* aliases */
	{ "<both@a.test>", "ann@a.test bob@a.test", OK },
	{ "<BOTH+x@a.test>", "ann@a.test/x bob@a.test/x", OK },
	{ "<keep@b.test>", "cid@b.test", OK },
	{ "<list@b.test>", "ann@a.test list@b.test", OK },
	{ "<deep@a.test>", "ann@a.test/deep bob@a.test cid@b.test", OK },
	{ "<partly@a.test>", "bob@a.test", OK },
	{ "<gone@a.test>", "", NO_SUCH_MAILBOX },
	{ "<none@a.test>", "", NO_SUCH_MAILBOX },
	{ "<ring1@a.test>", "", MAIL_LOOP },
	{ "<diamond@a.test>", "", NO_SUCH_MAILBOX },
	{ "<twice@a.test>", "ann@a.test",
		OK }, /* both ways lead to dup, who is expanded once and gets no copy */
	{ "<away@a.test>", "", NO_RELAY_YET },
	/* catch-all */
	{ "<anything@c.test>", "cid@b.test", OK },
	{ "<anything+x@c.test>", "cid@b.test/x", OK },
	{ "<real@c.test>", "ann@a.test", OK },
	{ "<x@d.test>", "", MAIL_LOOP },
	/* postmaster */
	{ "<postmaster>", "postmaster@b.test", OK },
	{ "<PostMaster@a.test>", "postmaster@a.test", OK },
	{ "<postmaster+x@a.test>", "postmaster@a.test/x", OK },
	{ "<postmaster@c.test>", "cid@b.test", OK },
	{ "<postmaster@e.test>", "postmaster@e.test", OK }, /* his alias leads away */
	{ "<postmaster@f.test>", "bob@a.test", OK },
	{ "<postmaster@elsewhere.example>", "", RELAY_DENIED },
	{ "<abuse@a.test>", "postmaster@a.test", OK },
	{ "<abuse@b.test>", "", NO_SUCH_MAILBOX },
};

static void
addresses_lead_to_accounts(void **state)
{
	struct world w = { 0 };
	struct resolve_tables t = tables(&w, "+-", "");
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		enum fault f;
		str found = resolve(&a, &t, c->path, &f);

		if (f != c->fault)
			fprintf(stderr, "  %s: %s\n", c->path, fault_words(f)->name);
		CHECK_INT(f, c->fault);
		CHECK_STR(found, str_c(c->found));
		arena_reset(&a);
	}
	arena_done(&a);
}

static void
without_a_delimiter_there_are_no_extensions(void **state)
{
	struct world w = { 0 };
	struct resolve_tables t = tables(&w, "", "");
	struct arena a = { 0 };
	enum fault f;

	(void)state;
	CHECK_C(resolve(&a, &t, "<dot+ted@a.test>", &f), "dot+ted@a.test");
	CHECK_C(resolve(&a, &t, "<ann+x@a.test>", &f), "");
	CHECK_INT(f, NO_SUCH_MAILBOX);
	arena_done(&a);
}

static const struct {
	const char *postmaster, *path, *found;
} postmasters[] = {
	{ "ann@a.test", "<postmaster>", "ann@a.test" },
	{ "both@a.test", "<postmaster@a.test>", "ann@a.test bob@a.test" },
	{ "ann@a.test", "<postmaster@c.test>", "ann@a.test" },
	{ "ann@a.test", "<postmaster@f.test>", "bob@a.test" },
	{ "ann@a.test", "<abuse@a.test>", "ann@a.test" },
	{ "nobody@a.test", "<postmaster@c.test>", "cid@b.test" },
	{ "nobody@a.test", "<postmaster@a.test>", "postmaster@a.test" },
	{ "away@a.test", "<postmaster@a.test>", "postmaster@a.test" },
	{ "no address", "<postmaster@a.test>", "postmaster@a.test" },
};

static void
postmaster_is_whom_the_configuration_names(void **state)
{
	struct world w = { 0 };
	struct arena a = { 0 };

	(void)state;
	EACH(postmasters, c) {
		struct resolve_tables t = tables(&w, "", c->postmaster);
		enum fault f;

		CHECK_C(resolve(&a, &t, c->path, &f), c->found);
		CHECK_INT(f, OK);
	}
	w.empty = true;
	{
		struct resolve_tables t = tables(&w, "", "ann@a.test");
		enum fault f;

		CHECK_C(resolve(&a, &t, "<postmaster>", &f), "");
		CHECK_INT(f, NO_SUCH_MAILBOX);
	}
	arena_done(&a);
}

/* ---- large graphs: names are numbers ---- */

struct graph {
	unsigned chain; /* n0 -> n1 -> ... -> n(chain), an account */
	unsigned fan;   /* w -> w0 ... w(fan-1), accounts */
	unsigned empty; /* v -> v0 ... , aliases of nobody */
	size_t asked;
};

static bool
take_name(str address, char kind, uint64_t *ret_number)
{
	str local = str_sub(address, 0, str_find(address, '@'));
	char word[2] = { kind, '\0' };

	return str_take(&local, str_c(word)) && str_to_u64(local, UINT32_MAX, ret_number);
}

static void
graph_look_up(struct graph *g, struct arena *a, str address, struct resolve_fact *ret)
{
	str *targets;
	uint64_t n;

	*ret = (struct resolve_fact){ .address = address };
	if (take_name(address, 'n', &n) ? n == g->chain : take_name(address, 'w', &n) && n < g->fan)
		ret->account = (uint32_t)n + 1;
	if (take_name(address, 'n', &n) && n < g->chain) {
		ret->has_alias = true;
		ret->targets = targets = ARENA_ARRAY(a, 1, str);
		targets[ret->target_count++] = arena_printf(a, "n%u@a.test", (unsigned)n + 1);
	}
	for (int i = 0; i < 2; i++) {
		const char *word = i ? "v" : "w";
		unsigned most = i ? g->empty : g->fan;

		if (!most || !str_eq(address, str_c(i ? "v@a.test" : "w@a.test")))
			continue;
		ret->has_alias = true;
		ret->targets = targets = ARENA_ARRAY(a, most, str);
		for (; ret->target_count < most; ret->target_count++)
			targets[ret->target_count] =
				arena_printf(a, "%s%u@a.test", word, (unsigned)ret->target_count);
	}
}

static enum fault
graph_ask(void *ctx, struct arena *a, const struct resolve_ask *asks, size_t n, struct resolve_fact *ret)
{
	struct graph *g = ctx;

	g->asked += n;
	for (size_t i = 0; i < n; i++)
		graph_look_up(g, a, asks[i].address, &ret[i]);
	return OK;
}

static const struct {
	struct graph g;
	const char *path;
	enum fault fault;
	size_t n;
} graphs[] = {
	{ { .chain = 50 }, "<n0@a.test>", OK, 1 },
	{ { .chain = 51 }, "<n0@a.test>", MAIL_LOOP, 0 },
	{ { .chain = 100000 }, "<n0@a.test>", MAIL_LOOP, 0 },
	{ { .fan = 1000 }, "<w@a.test>", OK, 1000 },
	{ { .fan = 1001 }, "<w@a.test>", TOO_MANY_RCPTS, 0 },
	{ { .empty = 10000 }, "<v@a.test>", NO_SUCH_MAILBOX, 0 },
	{ { .empty = 10001 }, "<v@a.test>", TOO_MANY_RCPTS, 0 },
};

static void
expansion_is_bounded_in_depth_and_width(void **state)
{
	(void)state;
	EACH(graphs, c) {
		struct graph g = c->g;
		struct resolve_tables t = { .class_of = class_of,
			.origin = S("a.test"),
			.delimiter = S(""),
			.postmaster = S(""),
			.luser_relay = S(""),
			.ctx = &g,
			.ask = graph_ask };
		struct resolution r;
		struct arena a = { 0 };
		struct addr to = { 0 };
		str in = str_c(c->path);

		CHECK(addr_take_path(&in, false, false, &to) == OK);
		CHECK_INT(people_resolve(&a, &t, &to, &r), c->fault);
		CHECK_INT(r.n, c->n);
		for (size_t i = 0; i < r.n && g.fan; i++)
			CHECK_INT(r.list[i].account, i + 1);
		CHECK(g.asked <= 30000);
		arena_done(&a);
	}
}

/* ---- text tables ---- */

static const struct {
	enum resolve_table table;
	const char *key, *value;
} texts[] = {
	{ RESOLVE_VIRTUAL, "sales@a.test", "ann@a.test, bob@a.test" },
	{ RESOLVE_VIRTUAL, "info@v.test", "sales" },
	{ RESOLVE_VIRTUAL, "sales@b.test", "sales@a.test" },
	{ RESOLVE_VIRTUAL, "abroad@v.test", "other@elsewhere.example" },
	{ RESOLVE_VIRTUAL, "loop1@v.test", "loop2@v.test" },
	{ RESOLVE_VIRTUAL, "loop2@v.test", "loop1@v.test" },
	{ RESOLVE_VIRTUAL, "cid@b.test", "cid@b.test ann@a.test" }, /* keeps a copy */
	{ RESOLVE_VIRTUAL, "@w.test", "@a.test" },
	{ RESOLVE_VIRTUAL, "odd@v.test", "\"odd one\"@a.test" },
	{ RESOLVE_VIRTUAL, "bad@v.test", "|/bin/sh" },
	{ RESOLVE_VIRTUAL, "friend@elsewhere.example", "ann@a.test" },
	{ RESOLVE_ALIASES, "root", "ann" },
	{ RESOLVE_ALIASES, "o'neil", "o'neil@a.test" }, /* itself */
	{ RESOLVE_ALIASES, "staff", "Ann Example <ann@a.test>, bob@a.test, staff2" },
	{ RESOLVE_ALIASES, "staff2", "cid@b.test" },
	{ RESOLVE_ALIASES, "owner-staff", "boss@a.test" },
	{ RESOLVE_ALIASES, "owner-staff2", "boss2@a.test" },
	{ RESOLVE_ALIASES, "boss", "bob@a.test" },
	{ RESOLVE_ALIASES, "news", "list" }, /* list@b.test is at myorigin only */
	{ RESOLVE_ALIASES, "ring", "gnir" },
	{ RESOLVE_ALIASES, "gnir", "ring" },
	{ RESOLVE_RCPT_CANONICAL, "old@a.test", "ann@a.test" },
	{ RESOLVE_CANONICAL, "older@a.test", "bob@a.test" },
	{ RESOLVE_CANONICAL, "ann@elsewhere.example", "ann@a.test" },
	{ RESOLVE_RELOCATED, "moved@a.test", "moved@new.example" },
	{ RESOLVE_MAILBOX_RCPTS, "ted@e.test", "ted/" },
};

/* user+ext@domain, user@domain, @domain; a name as it is. */
static enum fault
find_text(const void *text, struct arena *a, enum resolve_table table, str address, str *ret, str *ret_ext)
{
	size_t at = str_rfind(address, '@'), plus = str_find(str_sub(address, 0, at), '+');
	str forms[] = { address,
		plus < at ? arena_join(a, str_sub(address, 0, plus), str_from(address, at)) : S(""),
		str_from(address, at) };

	(void)text;
	for (size_t i = 0; i < (table == RESOLVE_ALIASES ? 1 : COUNT(forms)); i++)
		EACH(texts, c)
			if (c->table == table && forms[i].n && str_eq(forms[i], str_c(c->key))) {
				*ret = str_c(c->value);
				*ret_ext = i == 1 ? str_sub(address, plus, at - plus) : S("");
				return OK;
			}
	if (str_starts(address, S("down@")))
		return TABLE_DOWN;
	return NOT_FOUND;
}

static const struct {
	const char *path, *found;
	enum fault fault;
	bool may_relay;
	unsigned questions;
} with_text[] = {
	{ "<ann@a.test>", "ann@a.test", OK, false, 1 },
	{ "<sales@a.test>", "ann@a.test bob@a.test", OK, false, 1 },
	{ "<sales+x@a.test>", "ann@a.test/x bob@a.test/x", OK, false, 1 },
	{ "<info@v.test>", "ann@a.test bob@a.test", OK, false, 1 }, /* sales is sales@myorigin */
	{ "<nobody@v.test>", "", NO_SUCH_MAILBOX, false, 1 },
	{ "<abroad@v.test>", "", NO_RELAY_YET, false, 1 },
	{ "<loop1@v.test>", "", MAIL_LOOP, false, 1 },
	{ "<cid@b.test>", "cid@b.test ann@a.test", OK, false, 1 },
	{ "<odd@v.test>", "\"odd one\"@a.test", OK, false, 1 },
	{ "<bad@v.test>", "", NO_SUCH_MAILBOX, false, 0 },
	{ "<both@a.test>", "ann@a.test bob@a.test", OK, false, 2 }, /* an alias of the store */
	/* no table opens the door to somebody else's domain */
	{ "<friend@elsewhere.example>", "", RELAY_DENIED, false, 1 },
	{ "<ann@elsewhere.example>", "", RELAY_DENIED, false, 1 },
	{ "<friend@elsewhere.example>", "ann@a.test", OK, true, 1 },
	{ "<ann@elsewhere.example>", "ann@a.test", OK, true, 1 },
	{ "<other@elsewhere.example>", "", NO_RELAY_YET, true, 1 },
	/* aliases(5) */
	{ "<root@a.test>", "ann@a.test", OK, false, 1 },
	{ "<o'neil@a.test>", "o'neil@a.test", OK, false, 1 },
	{ "<ROOT@a.test>", "ann@a.test", OK, false, 1 },
	{ "<root@b.test>", "", NO_SUCH_MAILBOX, false, 1 },         /* nobody is ann@b.test */
	{ "<root@c.test>", "cid@b.test ann@a.test", OK, false, 2 }, /* not mydestination: the catch-all */
	{ "<staff@a.test>",
		"ann@a.test(owner-staff@a.test) bob@a.test(owner-staff@a.test) "
		"cid@b.test(owner-staff2@a.test)",
		OK, false, 1 },
	{ "<news@a.test>", "ann@a.test list@b.test", OK, false, 2 },
	{ "<ring@a.test>", "", MAIL_LOOP, false, 1 },
	/* canonical maps */
	{ "<old@a.test>", "ann@a.test", OK, false, 1 },
	{ "<old+y@a.test>", "ann@a.test/y", OK, false, 1 },
	{ "<older@a.test>", "bob@a.test", OK, false, 1 },
	{ "<moved@a.test>", "moved@new.example", RELOCATED, false, 0 },
	{ "<down@a.test>", "", TABLE_DOWN, false, 0 },
	{ "<anybody@f.test>", "", NO_SUCH_MAILBOX, false, 1 },
};

static void
text_tables_come_before_the_store(void **state)
{
	(void)state;
	EACH(with_text, c) {
		struct world w = { 0 };
		struct resolve_tables t = tables(&w, "+", "");
		struct arena a = { 0 };
		enum fault f;
		str found;

		t.find = find_text;
		t.has_aliases = t.canonical_rcpt = t.propagate_canonical = t.propagate_virtual = true;
		t.may_relay = c->may_relay;
		found = resolve(&a, &t, c->path, &f);
		if (f != c->fault)
			fprintf(stderr, "  %s: %s\n", c->path, fault_words(f)->name);
		CHECK_INT(f, c->fault);
		CHECK_STR(found, str_c(c->found));
		CHECK(w.questions <= c->questions);
		arena_done(&a);
	}
}

static void
the_common_case_is_one_question(void **state)
{
	static const char *const paths[] = { "<ann@a.test>", "<ann+lists@a.test>", "<nobody@a.test>",
		"<postmaster>", "<x@f.test>", "<x@elsewhere.example>", "<list@b.test>" };

	(void)state;
	EACH(paths, c) {
		struct world w = { 0 };
		struct resolve_tables t = tables(&w, "+", "");
		struct arena a = { 0 };
		enum fault f;

		resolve(&a, &t, *c, &f);
		/* list@b.test leads to ann and, known already, to itself */
		CHECK_INT(w.questions, str_eq(str_c(*c), S("<list@b.test>")) ? 2 : 1);
		arena_done(&a);
	}
}

static void
tables_of_recipients_say_who_exists(void **state)
{
	struct world w = { 0 };
	struct resolve_tables t = tables(&w, "+", "");
	struct arena a = { 0 };
	enum fault f;

	(void)state;
	t.find = find_text;
	t.lists_local = true;
	CHECK_C(resolve(&a, &t, "<dot+ted@a.test>", &f), "");
	CHECK_INT(f, NO_SUCH_MAILBOX);
	t.luser_relay = S("root@a.test");
	t.has_aliases = true;
	t.lists_local = false;
	CHECK_C(resolve(&a, &t, "<nobody@a.test>", &f), "ann@a.test");
	t.luser_relay = S("nobody@a.test");
	CHECK_C(resolve(&a, &t, "<other@a.test>", &f), "");
	CHECK_INT(f, MAIL_LOOP);
	arena_done(&a);
}

static void
senders_are_rewritten_once(void **state)
{
	struct world w = { 0 };
	struct resolve_tables t = tables(&w, "+", "");
	struct arena a = { 0 };
	str got;

	(void)state;
	t.find = find_text;
	t.canonical_sender = t.propagate_canonical = true;
	CHECK_INT(people_canonical(&a, &t, RESOLVE_SENDER_CANONICAL, S("older+z@a.test"), &got), OK);
	CHECK_C(got, "bob+z@a.test");
	CHECK_INT(people_canonical(&a, &t, RESOLVE_SENDER_CANONICAL, S(""), &got), OK);
	CHECK_C(got, "");
	CHECK_INT(people_canonical(&a, &t, RESOLVE_SENDER_CANONICAL, S("x@y.test"), &got), OK);
	CHECK_C(got, "x@y.test");
	t.canonical_sender = false;
	CHECK_INT(people_canonical(&a, &t, RESOLVE_SENDER_CANONICAL, S("older@a.test"), &got), OK);
	CHECK_C(got, "older@a.test");
	arena_done(&a);
}

T_MAIN(T(addresses_lead_to_accounts), T(without_a_delimiter_there_are_no_extensions),
	T(postmaster_is_whom_the_configuration_names), T(expansion_is_bounded_in_depth_and_width),
	T(text_tables_come_before_the_store), T(the_common_case_is_one_question),
	T(tables_of_recipients_say_who_exists), T(senders_are_rewritten_once))
