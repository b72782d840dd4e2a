/* cli/alias_import.c - postrider alias import: a file of virtual(5) or aliases(5) becomes aliases of the store */
#include "cli/alias.h"

#include "base/mem.h"
#include "conf/maps.h"
#include "mail/targets.h"

#include <getopt.h>
#include <stdio.h>

static const char verb[] = "alias";

enum { MOST_TARGETS = 1000 };

struct importing {
	struct house *h;
	struct arena arena;
	const char *file;
	str domain; /* of names without one; "" none */
	bool put;   /* the second time: make them */
	int status; /* of the first thing that went wrong */
	size_t made;
	str targets[MOST_TARGETS];
};

/* local@domain, or a name when --domain says where. */
static bool
read_name(struct importing *m, str text, struct addr *ret, str *ret_address)
{
	if (addr_parse(text, ret) != OK &&
		(m->domain.n == 0 ||
			addr_parse(arena_printf(&m->arena, "%.*s@%.*s", STR_ARG(text), STR_ARG(m->domain)),
				ret) != OK))
		return false;
	*ret_address = addr_canonical(&m->arena, ret);
	return true;
}

static void
bad(struct importing *m, str key, const char *what, str more)
{
	int status =
		cli_fail(EX_DATAERR, verb, "%s: %.*s: %s%.*s", m->file, STR_ARG(key), what, STR_ARG(more));

	if (m->status == EX_OK)
		m->status = status;
}

/* The address the alias has; "@domain" for all of one. */
static bool
read_key(struct importing *m, str key, str *ret)
{
	str domain = str_from(key, 1);
	struct addr ad;

	if (str_starts(key, S("@")) && addr_is_domain(domain, true)) {
		*ret = arena_lower(&m->arena, key);
	} else if (read_name(m, key, &ad, ret)) {
		domain = ad.domain;
	} else {
		bad(m, key, "it is no address; --domain DOMAIN is where names without one belong", S(""));
		return false;
	}
	if (house_has_domain(m->h, domain))
		return true;
	bad(m, key, "not a domain of this server; first: postrider domain add ", domain);
	return false;
}

static bool
read_targets(struct importing *m, str key, str value, size_t *ret_n)
{
	struct target t;
	struct addr ad;
	str address;
	size_t n = 0;

	while (targets_take(&value, &t)) {
		if (t.kind != TARGET_ADDRESS || !read_name(m, t.text, &ad, &address)) {
			bad(m, key, "it leads to something that is no address: ", t.text);
			return false;
		}
		if (n == MOST_TARGETS) {
			bad(m, key, "at most 1000 targets", S(""));
			return false;
		}
		m->targets[n++] = address;
	}
	*ret_n = n;
	return n > 0;
}

static void
import_one(void *ctx, str key, str value)
{
	struct importing *m = ctx;
	str address;
	size_t n;

	if (read_key(m, key, &address) && read_targets(m, key, value, &n) && m->put && m->status == EX_OK) {
		enum fault f = house_put_alias(m->h, address, m->targets, n);

		if (f != OK)
			m->status = house_fault(m->h, f, address);
		else
			m->made++;
	}
	arena_reset(&m->arena);
}

/* aliases(5) have a colon behind the name. */
static bool
looks_like_aliases(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	bool found = false, aliases = false;
	ssize_t n;

	while (f && !found && (n = getline(&line, &room, f)) >= 0) {
		str rest = str_trim(str_of(line, (size_t)n)), word;

		if (rest.n == 0 || rest.p[0] == '#')
			continue;
		found = true;
		(void)str_take_word(&rest, &word);
		aliases = str_ends(word, S(":")) || str_starts(str_trim(rest), S(":"));
	}
	free(line);
	if (f)
		(void)fclose(f);
	return aliases;
}

static int
import(struct importing *m)
{
	struct buf report = { 0 };
	struct maps_one one;
	char *path = realpath(m->file, NULL);
	str spec;

	if (!path)
		return cli_fail(EX_NOINPUT, verb, "%s: no such file", m->file);
	spec = arena_printf(&m->arena, "texthash:%s", path);
	if (maps_one_open(&one, verb, spec, looks_like_aliases(path), &report) != OK)
		m->status = EX_DATAERR;
	free(path);
	fprintf(stderr, "%.*s", STR_ARG(buf_str(&report)));
	buf_done(&report);
	if (m->status != EX_OK)
		return m->status;
	maps_each(one.maps, import_one, m);
	m->put = true;
	if (m->status == EX_OK)
		maps_each(one.maps, import_one, m);
	maps_one_close(&one);
	if (m->status == EX_OK)
		printf("%zu alias%s\n", m->made, m->made == 1 ? "" : "es");
	return m->status;
}

int
alias_import(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "domain", required_argument, NULL, 'd' }, { 0 } };
	struct importing *m = NEW(struct importing);
	struct arena words = { 0 };
	int option, status = EX_OK;

	while (status == EX_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		status = option == 'd' ? words_domain(verb, &words, optarg, &m->domain)
				       : cli_usage(&cli_alias);
	if (status == EX_OK && optind + 1 != argc)
		status = cli_usage(&cli_alias);
	if (status == EX_OK) {
		m->file = argv[optind];
		status = house_open(cli, verb, HOUSE_WRITE, &m->h);
	}
	if (status == EX_OK)
		status = import(m);
	status = house_close(m->h, status);
	arena_done(&m->arena);
	arena_done(&words);
	free(m);
	return status;
}
