#include "people/resolve.h"

#include "base/mem.h"
#include "test/t.h"

/* A small world: accounts have the id of their place, from 1. */
static const char *const accounts[] = { "ann@a.test", "bob@a.test", "cid@b.test", "dot+ted@a.test",
	"o'neil@a.test", "\"odd one\"@a.test", "list@b.test" };
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
};

static bool
is_local(void *ctx, str domain)
{
	(void)ctx;
	return domain.n == 6 && domain.p[0] >= 'a' && domain.p[0] <= 'f' && str_ends(domain, S(".test"));
}

static bool
find_account(void *ctx, str address, uint32_t *ret_id)
{
	const struct world *w = ctx;

	for (size_t i = 0; !w->empty && i < COUNT(accounts); i++)
		if (str_eq(address, str_c(accounts[i]))) {
			*ret_id = (uint32_t)i + 1;
			return true;
		}
	return false;
}

static bool
find_alias(void *ctx, struct arena *a, str address, str **ret_targets, size_t *ret_n)
{
	(void)ctx;
	EACH(aliases, c) {
		str rest = str_c(c->targets), word;

		if (!str_eq(address, str_c(c->name)))
			continue;
		*ret_targets = ARENA_ARRAY(a, 8, str);
		*ret_n = 0;
		while (str_take_word(&rest, &word))
			(*ret_targets)[(*ret_n)++] = word;
		return true;
	}
	return false;
}

static bool
any_account(void *ctx, uint32_t *ret_id)
{
	const struct world *w = ctx;

	*ret_id = 1;
	return !w->empty;
}

static struct resolve_tables
tables(struct world *w, const char *delimiter, const char *postmaster)
{
	return (struct resolve_tables){ w, is_local, find_account, find_alias, S("b.test"), str_c(delimiter),
		str_c(postmaster), any_account };
}

/* "address/extension address ..." as a line to compare. */
static str
resolve(struct arena *a, const struct resolve_tables *t, const char *path, enum fault *ret_fault)
{
	struct resolved *list = NULL;
	struct addr to = { 0 };
	str in = str_c(path), line = S("");
	size_t n = 0;

	CHECK(addr_take_path(&in, false, true, &to) == OK);
	*ret_fault = people_resolve(a, t, &to, &list, &n);
	CHECK(*ret_fault == OK ? n > 0 : n == 0 && !list);
	for (size_t i = 0; i < n; i++) {
		uint32_t id = 0;

		if (find_account(t->ctx, list[i].address, &id))
			CHECK_INT(list[i].account, id);
		line = arena_printf(a, "%.*s%s%.*s%s%.*s", STR_ARG(line), i ? " " : "",
			STR_ARG(list[i].address), list[i].extension.n ? "/" : "", STR_ARG(list[i].extension));
	}
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

static bool
graph_account(void *ctx, str address, uint32_t *ret_id)
{
	struct graph *g = ctx;
	uint64_t n;

	if (take_name(address, 'n', &n) ? n != g->chain : !take_name(address, 'w', &n) || n >= g->fan)
		return false;
	*ret_id = (uint32_t)n + 1;
	return true;
}

static bool
graph_alias(void *ctx, struct arena *a, str address, str **ret_targets, size_t *ret_n)
{
	struct graph *g = ctx;
	uint64_t n;

	g->asked++;
	*ret_n = 0;
	if (take_name(address, 'n', &n) && n < g->chain) {
		*ret_targets = ARENA_ARRAY(a, 1, str);
		(*ret_targets)[(*ret_n)++] = arena_printf(a, "n%u@a.test", (unsigned)n + 1);
		return true;
	}
	for (int i = 0; i < 2; i++) {
		const char *word = i ? "v" : "w";
		unsigned most = i ? g->empty : g->fan;

		if (!str_eq(address, str_c(i ? "v@a.test" : "w@a.test")))
			continue;
		*ret_targets = ARENA_ARRAY(a, most, str);
		for (; *ret_n < most; (*ret_n)++)
			(*ret_targets)[*ret_n] = arena_printf(a, "%s%u@a.test", word, (unsigned)*ret_n);
		return true;
	}
	return false;
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
		struct resolve_tables t = { &g, is_local, graph_account, graph_alias, S("a.test"), S(""),
			S(""), any_account };
		struct resolved *list = NULL;
		struct arena a = { 0 };
		struct addr to = { 0 };
		str in = str_c(c->path);
		size_t n = 0;

		CHECK(addr_take_path(&in, false, false, &to) == OK);
		CHECK_INT(people_resolve(&a, &t, &to, &list, &n), c->fault);
		CHECK_INT(n, c->n);
		for (size_t i = 0; i < n && g.fan; i++)
			CHECK_INT(list[i].account, i + 1);
		CHECK(g.asked <= 30000);
		arena_done(&a);
	}
}

T_MAIN(T(addresses_lead_to_accounts), T(without_a_delimiter_there_are_no_extensions),
	T(postmaster_is_whom_the_configuration_names), T(expansion_is_bounded_in_depth_and_width))
