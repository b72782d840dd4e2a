/* cli/alias.c - postrider alias: addresses that lead to others */
#include "cli/alias.h"

#include "base/mem.h"

#include <getopt.h>
#include <stdio.h>

static const char verb[] = "alias";

enum { MOST_TARGETS = 1000 };

/* ADDRESS of an alias: an address, or "@domain" for all that nobody has. */
static int
alias_address(struct arena *a, const char *word, str *ret_domain, str *ret)
{
	struct addr ad;
	int status;

	if (word[0] != '@') {
		status = words_address(verb, a, word, &ad, ret);
		if (status == EX_OK)
			*ret_domain = arena_lower(a, ad.domain);
		return status;
	}
	status = words_domain(verb, a, word + 1, ret_domain);
	if (status == EX_OK)
		*ret = arena_join(a, S("@"), *ret_domain);
	return status;
}

/* ---- the targets ---- */

struct targets {
	str list[MOST_TARGETS];
	size_t n;
};

static size_t
find_target(const struct targets *t, str address)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq_nocase(t->list[i], address))
			return i;
	return t->n;
}

/* What the alias has now; OK with none when there is no such alias. */
static enum fault
load(struct house *h, struct arena *a, str address, struct targets *ret)
{
	struct store_view *v = house_view(h);
	str *list = NULL;
	size_t n = 0;
	enum fault f = v ? view_alias(v, a, address, &list, &n) : STORE_DOWN;

	if (f != OK)
		return f;
	if (n > MOST_TARGETS)
		return TOO_BIG;
	memcpy(ret->list, list, n * sizeof(*list));
	ret->n = n;
	return OK;
}

/* What will not work as it may be meant is said, and done all the same: accounts and aliases come in any order. */
static void
advise(struct house *h, struct arena *a, str address, const struct targets *t)
{
	struct store_view *v = house_view(h);
	struct store_account account;
	str *list;
	size_t n;

	for (size_t i = 0; v && i < t->n; i++) {
		str domain = arena_str(a, str_from(t->list[i], str_rfind(t->list[i], '@') + 1));

		if (!house_has_domain(h, domain)) {
			cli_fail(0, verb,
				"note: %.*s is not of this server, and mail is not sent on: %.*s will be "
				"refused",
				STR_ARG(t->list[i]), STR_ARG(address));
			continue;
		}
		v = house_view(h);
		if (v && view_account_by_address(v, t->list[i], &account) == NOT_FOUND &&
			view_alias(v, a, t->list[i], &list, &n) == NOT_FOUND)
			cli_fail(0, verb, "note: nobody has %.*s yet", STR_ARG(t->list[i]));
	}
	v = house_view(h);
	if (v && view_account_by_address(v, address, &account) == OK && find_target(t, address) == t->n)
		cli_fail(0, verb, "note: %.*s is a user, too, who gets no copy unless named as a target",
			STR_ARG(address));
}

static int
add_targets(struct house *h, struct arena *a, str address, int argc, char **argv)
{
	struct targets *t = ARENA_NEW(a, struct targets);
	enum fault f = load(h, a, address, t);

	if (f != OK && f != NOT_FOUND)
		return house_fault(h, f, address);
	for (int i = 0; i < argc; i++) {
		struct addr ad;
		str target;

		(void)words_address(verb, a, argv[i], &ad, &target);
		if (find_target(t, target) < t->n)
			continue;
		if (t->n == MOST_TARGETS)
			return cli_fail(
				EX_DATAERR, verb, "%.*s: at most %d targets", STR_ARG(address), MOST_TARGETS);
		t->list[t->n++] = target;
	}
	f = house_put_alias(h, address, t->list, t->n);
	if (f != OK)
		return house_fault(h, f, address);
	advise(h, a, address, t);
	return EX_OK;
}

static int
add(const struct cli *cli, int argc, char **argv)
{
	struct arena a = { 0 };
	struct house *h = NULL;
	str address, domain, target;
	struct addr ad;
	int status;

	if (argc < 3)
		return cli_usage(&cli_alias);
	status = alias_address(&a, argv[1], &domain, &address);
	for (int i = 2; i < argc && status == EX_OK; i++)
		status = words_address(verb, &a, argv[i], &ad, &target);
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_WRITE, &h);
	if (status == EX_OK)
		status = words_check_domain(h, verb, domain);
	if (status == EX_OK)
		status = add_targets(h, &a, address, argc - 2, argv + 2);
	arena_done(&a);
	return house_close(h, status);
}

/* ---- remove ---- */

static int
remove_targets(struct house *h, struct arena *a, str address, int argc, char **argv)
{
	struct targets *t = ARENA_NEW(a, struct targets);
	enum fault f = load(h, a, address, t);

	if (f == NOT_FOUND)
		return cli_fail(EX_NOUSER, verb, "%.*s: there is no such alias", STR_ARG(address));
	if (f != OK)
		return house_fault(h, f, address);
	for (int i = 0; i < argc; i++) {
		size_t at = find_target(t, str_c(argv[i]));

		if (at == t->n)
			return cli_fail(
				EX_NOUSER, verb, "%.*s does not lead to %s", STR_ARG(address), argv[i]);
		t->list[at] = t->list[--t->n];
	}
	f = house_put_alias(h, address, t->list, argc ? t->n : 0);
	return f == OK ? EX_OK : house_fault(h, f, address);
}

static int
remove_alias(const struct cli *cli, int argc, char **argv)
{
	struct arena a = { 0 };
	struct house *h = NULL;
	str address, domain;
	int status;

	if (argc < 2)
		return cli_usage(&cli_alias);
	status = alias_address(&a, argv[1], &domain, &address);
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK)
		status = remove_targets(h, &a, address, argc - 2, argv + 2);
	arena_done(&a);
	return house_close(h, status);
}

/* ---- list ---- */

static void
add_alias(struct buf *b, bool json, size_t before, str address, const str *targets, size_t n)
{
	if (json) {
		buf_add_c(b, before ? ",\n  {\"address\": " : "\n  {\"address\": ");
		buf_add_quoted(b, address);
		buf_add_c(b, ", \"targets\": [");
	} else {
		buf_add(b, address);
		buf_add_char(b, ':');
	}
	for (size_t i = 0; i < n; i++) {
		if (json) {
			buf_add_c(b, i ? ", " : "");
			buf_add_quoted(b, targets[i]);
		} else {
			buf_add_c(b, i ? ", " : " ");
			buf_add(b, targets[i]);
		}
	}
	buf_add_c(b, json ? "]}" : "\n");
}

static int
list_aliases(const struct cli *cli, int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct house *h = NULL;
	struct arena a = { 0 };
	struct buf b = { 0 };
	size_t count = 0, n;
	str *targets;
	int status;

	if (argc > 1 && !json)
		return cli_usage(&cli_alias);
	status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK) {
		struct store_view *v = house_view(h);

		if (json)
			buf_add_char(&b, '[');
		for (str at = S(""); v && view_next_alias(v, &a, &at, &targets, &n) == OK;)
			add_alias(&b, json, count++, at, targets, n);
		if (json)
			buf_add_c(&b, count ? "\n]\n" : "]\n");
		status = v ? cli_write(verb, &b) : EX_TEMPFAIL;
	}
	buf_done(&b);
	arena_done(&a);
	return house_close(h, status);
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	static const struct action actions[] = { { "add", add }, { "import", alias_import },
		{ "list", list_aliases }, { "remove", remove_alias } };

	return words_run(&cli_alias, actions, COUNT(actions), cli, argc, argv);
}

const struct cli_verb cli_alias = { verb,
	"add ADDRESS TARGET... | list [--json] | remove ADDRESS [TARGET...] | import [--domain DOMAIN] FILE",
	"addresses that lead to others; @DOMAIN is whatever nobody has there", run };
