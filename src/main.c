/* main.c - postrider [-c main.cf] [-o name=value] VERB ARGUMENTS */
#include "base/mem.h"
#include "cli/cli.h"
#include "roles/master/master.h"

#include <getopt.h>
#include <stdio.h>

static int
run_serve(const struct cli *cli, int argc, char **argv)
{
	struct conf *conf = NULL;
	int status;

	if (argc > 1)
		return cli_fail(EX_USAGE, argv[0], "takes no arguments");
	status = cli_load_closed(cli, &conf);
	return status == EX_OK ? master_serve(conf, cli->config, cli->overrides, cli->override_count)
			       : status;
}

static const struct cli_verb serve = { "serve", "",
	"run the server, in the foreground; prints `ready` with its addresses", run_serve };

static const struct cli_verb *const verbs[] = {
	&serve,
	&cli_domain,
	&cli_user,
	&cli_alias,
	&cli_mailbox,
	&cli_address,
	&cli_store,
	&cli_audit,
	&cli_config,
	&cli_explain,
	&cli_send,
	&cli_table,
};

/* Names the program may be called by instead, as other programs expect them; links in the file system. */
static const struct {
	const char *name;
	const struct cli_verb *verb;
} other_names[] = {
	{ "sendmail", &cli_sendmail },
	{ "postmap", &cli_postmap },
	{ "postalias", &cli_postalias },
	{ "newaliases", &cli_newaliases },
	{ "postconf", &cli_postconf },
};

static void
print_help(FILE *to)
{
	fprintf(to, "usage: postrider [-c main.cf] [-o name=value]... VERB ...\n\n");
	for (size_t i = 0; i < COUNT(verbs); i++)
		fprintf(to, "  %s %s\n      %s\n", verbs[i]->name, verbs[i]->usage, verbs[i]->meaning);
	fprintf(to, "\n  --help, --version\n\nThe default of -c is %s. See postrider(1), main.cf(5).\n",
		POSTRIDER_CONFIG);
}

static const struct cli_verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

static const struct cli_verb *
find_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < COUNT(other_names); i++)
		if (strcmp(other_names[i].name, slash ? slash + 1 : path) == 0)
			return other_names[i].verb;
	return NULL;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { 0 } };
	const char **overrides = mem_new_array((size_t)argc, sizeof(*overrides));
	struct cli cli = { .config = POSTRIDER_CONFIG, .overrides = overrides };
	const struct cli_verb *verb = argc > 0 ? find_name(argv[0]) : NULL;
	int option, status = EX_USAGE;

	if (verb) {
		status = verb->run(&cli, argc, argv);
		goto out;
	}
	while ((option = getopt_long(argc, argv, "+c:o:hV", options, NULL)) != -1)
		switch (option) {
		case 'c': cli.config = optarg; break;
		case 'o': overrides[cli.override_count++] = optarg; break;
		case 'h':
			print_help(stdout);
			status = EX_OK;
			goto out;
		case 'V':
			printf("postrider %s\n", POSTRIDER_VERSION);
			status = EX_OK;
			goto out;
		default: print_help(stderr); goto out;
		}
	if (optind == argc) {
		print_help(stderr);
		goto out;
	}
	verb = find_verb(argv[optind]);
	if (!verb) {
		fprintf(stderr, "postrider: no verb `%s`; see postrider --help\n", argv[optind]);
		goto out;
	}
	argc -= optind;
	argv += optind;
	optind = 0; /* getopt starts anew with the verb's own arguments */
	status = verb->run(&cli, argc, argv);
out:
	free(overrides);
	return status;
}
