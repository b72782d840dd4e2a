#include "cli/words.h"

#include "base/mem.h"

#include <getopt.h>
#include <stdio.h>

int
words_run(const struct cli_verb *verb, const struct action *actions, size_t n, const struct cli *cli,
	int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < n; i++)
		if (strcmp(argv[1], actions[i].name) == 0) {
			optind = 0;
			return actions[i].run(cli, argc - 1, argv + 1);
		}
	return cli_usage(verb);
}

int
words_address(const char *verb, struct arena *a, const char *word, struct addr *ret_addr, str *ret)
{
	enum fault f = addr_parse(str_c(word), ret_addr);

	if (f != OK)
		return cli_fail(EX_DATAERR, verb, "`%s' is no address, such as ann@example.org", word);
	*ret = addr_canonical(a, ret_addr);
	return EX_OK;
}

int
words_domain(const char *verb, struct arena *a, const char *word, str *ret)
{
	str s = str_c(word);

	if (!addr_is_domain(s, true))
		return cli_fail(EX_DATAERR, verb, "`%s' is no domain, such as example.org", word);
	*ret = arena_lower(a, s);
	return EX_OK;
}

bool
words_size(str text, uint64_t unit, uint64_t *ret)
{
	static const char letters[] = "bkmgt";
	size_t at = sizeof(letters);
	uint64_t n;

	for (size_t i = 0; text.n && i + 1 < sizeof(letters); i++)
		if (ascii_lower(text.p[text.n - 1]) == letters[i])
			at = i;
	if (at < sizeof(letters)) {
		text.n--;
		unit = (uint64_t)1 << 10 * at;
	}
	if (!str_to_u64(text, (uint64_t)1 << 62, &n) || n > ((uint64_t)1 << 62) / unit)
		return false;
	*ret = n * unit;
	return true;
}

str
words_bytes(struct arena *a, uint64_t bytes)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1023.95 && unit + 1 < COUNT(units); unit++)
		value /= 1024;
	return arena_printf(a, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

int
words_check_domain(struct house *h, const char *verb, str domain)
{
	if (house_has_domain(h, domain))
		return EX_OK;
	return cli_fail(EX_NOHOST, verb,
		"%.*s is not a domain of this server; first: postrider domain add %.*s", STR_ARG(domain),
		STR_ARG(domain));
}
