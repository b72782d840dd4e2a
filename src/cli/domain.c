/* cli/domain.c - postrider domain: whose mail is for this server, besides what main.cf names */
#include "cli/words.h"

#include "base/mem.h"

#include <getopt.h>
#include <stdio.h>

static const char verb[] = "domain";

static int
add(const struct cli *cli, int argc, char **argv)
{
	struct arena a = { 0 };
	struct house *h = NULL;
	int status = EX_OK;
	str domain;

	if (argc < 2)
		return cli_usage(&cli_domain);
	for (int i = 1; i < argc && status == EX_OK; i++)
		status = words_domain(verb, &a, argv[i], &domain);
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_WRITE, &h);
	for (int i = 1; i < argc && status == EX_OK; i++) {
		enum fault f;

		(void)words_domain(verb, &a, argv[i], &domain);
		f = house_put_domain(h, domain);
		if (f != OK)
			status = house_fault(h, f, domain);
	}
	arena_done(&a);
	return house_close(h, status);
}

/* How many accounts of the domain there are, and one of them. */
static size_t
count_accounts(struct store_view *v, struct arena *a, str domain, str *ret_one)
{
	str suffix = arena_join(a, S("@"), domain);
	struct store_account account;
	size_t n = 0;

	for (uint32_t at = 0; view_next_account(v, &at, &account) == OK;)
		if (str_ends_nocase(account.address, suffix)) {
			*ret_one = arena_str(a, account.address);
			n++;
		}
	return n;
}

static int
remove_one(struct house *h, struct arena *a, str domain)
{
	struct store_view *v = house_view(h);
	str one = S("");
	size_t n;
	enum fault f;

	if (!v)
		return EX_TEMPFAIL;
	if (view_domain(v, domain) == NOT_FOUND && house_has_domain(h, domain))
		return cli_fail(EX_CONFIG, verb, "%.*s is named by main.cf, not by `postrider domain'",
			STR_ARG(domain));
	n = count_accounts(v, a, domain, &one);
	if (n && !conf_has_domain(house_conf(h), CONF_mydestination, domain) &&
		!conf_has_domain(house_conf(h), CONF_virtual_mailbox_domains, domain))
		return cli_fail(EX_DATAERR, verb,
			"%.*s has %zu user%s, such as %.*s; first: postrider user remove ADDRESS",
			STR_ARG(domain), n, n == 1 ? "" : "s", STR_ARG(one));
	f = house_remove_domain(h, domain);
	if (f == NOT_FOUND)
		return cli_fail(EX_NOHOST, verb, "%.*s: there is no such domain", STR_ARG(domain));
	return f == OK ? EX_OK : house_fault(h, f, domain);
}

static int
remove_domains(const struct cli *cli, int argc, char **argv)
{
	struct arena a = { 0 };
	struct house *h = NULL;
	int status;
	str domain;

	if (argc < 2)
		return cli_usage(&cli_domain);
	status = house_open(cli, verb, HOUSE_READ, &h);
	for (int i = 1; i < argc && status == EX_OK; i++) {
		status = words_domain(verb, &a, argv[i], &domain);
		if (status == EX_OK)
			status = remove_one(h, &a, domain);
	}
	arena_done(&a);
	return house_close(h, status);
}

static void
add_line(struct buf *b, bool json, size_t *n, str domain, const char *from)
{
	if (!json) {
		buf_printf(b, "%.*s%s%s%s\n", STR_ARG(domain), from[0] ? " (" : "", from, from[0] ? ")" : "");
		return;
	}
	buf_add_c(b, (*n)++ ? ",\n  {\"domain\": " : "\n  {\"domain\": ");
	buf_add_quoted(b, domain);
	buf_add_c(b, ", \"from\": ");
	buf_add_quoted(b, from[0] ? str_c(from) : S("store"));
	buf_add_char(b, '}');
}

static void
add_configured(struct buf *b, const struct conf *c, enum conf_id id, const char *name, bool json, size_t *n)
{
	size_t count = 0;
	const str *list = conf_list(c, id, &count);

	for (size_t i = 0; i < count; i++)
		add_line(b, json, n, list[i], name);
}

static int
list_domains(const struct cli *cli, int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct arena a = { 0 };
	struct house *h = NULL;
	struct buf b = { 0 };
	size_t n = 0;
	int status;

	if (argc > 1 && !json)
		return cli_usage(&cli_domain);
	status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK) {
		struct store_view *v = house_view(h);

		if (json)
			buf_add_char(&b, '[');
		for (str at = S(""); v && view_next_domain(v, &a, &at) == OK;)
			add_line(&b, json, &n, at, "");
		add_configured(&b, house_conf(h), CONF_mydestination, "mydestination", json, &n);
		add_configured(
			&b, house_conf(h), CONF_virtual_mailbox_domains, "virtual_mailbox_domains", json, &n);
		if (json)
			buf_add_c(&b, n ? "\n]\n" : "]\n");
		status = v ? cli_write(verb, &b) : EX_TEMPFAIL;
	}
	buf_done(&b);
	arena_done(&a);
	return house_close(h, status);
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	static const struct action actions[] = { { "add", add }, { "list", list_domains },
		{ "remove", remove_domains } };

	return words_run(&cli_domain, actions, COUNT(actions), cli, argc, argv);
}

const struct cli_verb cli_domain = { verb, "add DOMAIN... | list [--json] | remove DOMAIN...",
	"domains whose mail is for this server, besides those that main.cf names", run };
