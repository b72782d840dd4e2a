/* cli/table.c - postrider table; also postmap, postalias and newaliases of Postfix: lookup tables are asked and judged
 * Tables are texts that the server reads itself, so there is no index to build. */
#include "cli/cli.h"

#include "base/mem.h"
#include "conf/maps.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

enum { LONGEST_KEY = 65536, NOT_THERE = 1 };

/* One call. */
struct asking {
	const char *verb;
	bool aliases, all;
	const char *key; /* NULL: none */
	char **specs;
	struct buf out;
};

static int
fail(const struct asking *q, int status, const char *why, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", q->verb, what, why);
	return status;
}

/* A name without type is a hash: table. */
static int
open_table(const struct asking *q, const char *spec, struct maps_one *one)
{
	struct buf report = { 0 };
	struct arena a = { 0 };
	str s = str_c(spec);
	enum fault fault;

	if (str_find(s, ':') == s.n)
		s = arena_join(&a, S("hash:"), s);
	fault = maps_one_open(one, q->verb, s, q->aliases, &report);
	if (report.n)
		fwrite(report.p, 1, report.n, stderr);
	buf_done(&report);
	arena_done(&a);
	return fault == OK ? EX_OK : EX_DATAERR;
}

/* The value of a key in the first table that has it. EX_OK, NOT_THERE, or said. */
static int
find(const struct asking *q, struct arena *a, str key, str *ret)
{
	for (char **spec = q->specs; *spec; spec++) {
		struct maps_one one;
		enum fault fault;
		int status = open_table(q, *spec, &one);

		if (status != EX_OK)
			return status;
		fault = maps_find(one.maps, a, key, true, ret);
		if (fault == OK)
			*ret = arena_str(a, *ret);
		maps_one_close(&one);
		if (fault == TABLE_DOWN)
			return fail(q, EX_TEMPFAIL, "the table cannot answer", *spec);
		if (fault == OK)
			return EX_OK;
	}
	return NOT_THERE;
}

static int
ask_one(struct asking *q)
{
	struct arena a = { 0 };
	str value;
	int status = find(q, &a, str_c(q->key), &value);

	if (status == EX_OK) {
		buf_add(&q->out, value);
		buf_add_char(&q->out, '\n');
	}
	arena_done(&a);
	return status;
}

/* As postmap and postalias print it. */
static void
print_pair(void *ctx, str key, str value)
{
	struct asking *q = ctx;

	buf_printf(&q->out, "%.*s%s\t%.*s\n", STR_ARG(key), q->aliases ? ":" : "", STR_ARG(value));
}

/* Keys from standard input, a line each. The tables are opened once. */
static int
ask_many(struct asking *q)
{
	struct maps_one *tables;
	size_t n = 0, opened = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t got;
	int status = EX_OK, found = NOT_THERE;
	struct arena a = { 0 };

	while (q->specs[n])
		n++;
	tables = mem_new_array(n, sizeof(*tables));
	while (opened < n && (status = open_table(q, q->specs[opened], &tables[opened])) == EX_OK)
		opened++;
	while (status == EX_OK && (got = getline(&line, &room, stdin)) >= 0) {
		str key = str_of(line, (size_t)got), value;
		enum fault fault = NOT_FOUND;

		while (key.n && (key.p[key.n - 1] == '\n' || key.p[key.n - 1] == '\r'))
			key.n--;
		if (key.n > LONGEST_KEY)
			status = fail(q, EX_DATAERR, "a key that is too long", "standard input");
		for (size_t i = 0; i < n && fault == NOT_FOUND && status == EX_OK; i++)
			fault = maps_find(tables[i].maps, &a, key, true, &value);
		if (fault == OK) {
			print_pair(q, key, value);
			found = EX_OK;
		} else if (fault == TABLE_DOWN) {
			status = fail(q, EX_TEMPFAIL, "the table cannot answer", "standard input");
		}
		arena_reset(&a);
	}
	free(line);
	arena_done(&a);
	for (size_t i = 0; i < opened; i++)
		maps_one_close(&tables[i]);
	free(tables);
	return status == EX_OK ? found : status;
}

static int
print_all(struct asking *q)
{
	for (char **spec = q->specs; *spec; spec++) {
		struct maps_one one;
		int status = open_table(q, *spec, &one);

		if (status != EX_OK)
			return status;
		if (!maps_each(one.maps, print_pair, q))
			status = fail(q, EX_USAGE, "a table of this type cannot be listed", *spec);
		maps_one_close(&one);
		if (status != EX_OK)
			return status;
	}
	return EX_OK;
}

static int
judge(struct asking *q)
{
	int status = EX_OK;

	for (char **spec = q->specs; *spec; spec++) {
		struct maps_one one;
		int this = open_table(q, *spec, &one);

		if (this == EX_OK) {
			buf_printf(&q->out,
				"%s: ok, %zu entries; the text itself is read, no index file is needed\n",
				*spec, maps_entries(one.maps));
			maps_one_close(&one);
		} else {
			status = this;
		}
	}
	return status;
}

static int
answer(struct asking *q)
{
	int status = q->all                     ? print_all(q)
		     : !q->key                  ? judge(q)
		     : strcmp(q->key, "-") == 0 ? ask_many(q)
						: ask_one(q);

	if (q->out.n && (fwrite(q->out.p, 1, q->out.n, stdout) != q->out.n || fflush(stdout) != 0))
		status = fail(q, EX_IOERR, strerror(errno), "standard output");
	buf_done(&q->out);
	return status;
}

static int
usage(const char *verb)
{
	fprintf(stderr, "usage: %s [-q KEY | -q - | -s] [TYPE:]FILE...\n", verb);
	return EX_USAGE;
}

/* Options of postmap that say how to write an index are taken, as there is none to write. */
static int
ask(const char *verb, bool aliases, int argc, char **argv)
{
	struct asking q = { .verb = verb, .aliases = aliases };
	int option;

	while ((option = getopt(argc, argv, "q:sNnoprw")) != -1)
		switch (option) {
		case 'q': q.key = optarg; break;
		case 's': q.all = true; break;
		case 'N':
		case 'n':
		case 'o':
		case 'p':
		case 'r':
		case 'w': break;
		default: return usage(verb);
		}
	if (optind == argc || (q.all && q.key))
		return usage(verb);
	q.specs = argv + optind;
	return answer(&q);
}

static int
as_postmap(const struct cli *cli, int argc, char **argv)
{
	(void)cli;
	return ask("postmap", false, argc, argv);
}

static int
as_postalias(const struct cli *cli, int argc, char **argv)
{
	(void)cli;
	return ask("postalias", true, argc, argv);
}

/* Judges main.cf and all its tables. */
static int
as_newaliases(const struct cli *cli, int argc, char **argv)
{
	struct conf *conf = NULL;
	struct buf report = { 0 };
	int status;

	(void)argv;
	if (argc > 1) {
		fprintf(stderr, "usage: newaliases\n");
		return EX_USAGE;
	}
	status = cli_load(cli, &conf);
	if (status != EX_OK)
		return status;
	if (conf_tables_load(conf, &report) != OK)
		status = EX_DATAERR;
	if (report.n)
		fwrite(report.p, 1, report.n, stderr);
	if (status == EX_OK)
		printf("%s: its %zu tables are ok; their texts are read when they change, no index file is "
		       "needed\n",
			cli->config, conf_tables(conf));
	buf_done(&report);
	conf_free(conf);
	return status;
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	static const char word[] = "--aliases";
	bool aliases = argc > 1 && strcmp(argv[1], word) == 0;

	(void)cli;
	if (aliases)
		argv[1] = argv[0];
	return ask("postrider table", aliases, argc - aliases, argv + aliases);
}

const struct cli_verb cli_table = { "table", "[--aliases] [-q KEY | -q - | -s] [TYPE:]FILE...",
	"what a lookup table answers; without -q and -s: is its text good?", run };

const struct cli_verb cli_postmap = { "postmap", "[-q KEY | -q - | -s] [TYPE:]FILE...", "as Postfix's",
	as_postmap };
const struct cli_verb cli_postalias = { "postalias", "[-q KEY | -q - | -s] [TYPE:]FILE...", "as Postfix's",
	as_postalias };
const struct cli_verb cli_newaliases = { "newaliases", "", "as Postfix's", as_newaliases };
