/* cli/cli.h - the verbs of the command line
 * postrider [-c main.cf] [-o name=value] VERB ARGUMENTS. Each verb is a row of main.c's table and a function that prints to stdout, says what is
 * wrong on stderr, and returns an exit status of sysexits(3): EX_OK, EX_USAGE (how it was called), EX_CONFIG (main.cf), EX_NOINPUT (no such file),
 * EX_DATAERR, EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM ... */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "conf/conf.h"

#include <sysexits.h>

/* What stands before the verb. */
struct cli {
	const char *config;           /* -c, or where main.cf is by default */
	const char *const *overrides; /* -o */
	size_t override_count;
};
struct cli_verb {
	const char *name;
	const char *usage;   /* what follows the name, "" for nothing */
	const char *meaning; /* one line */
	/* argv[0] is the verb's name; argv[argc] is NULL. getopt is ready to start with it. */
	int (*run)(const struct cli *cli, int argc, char **argv);
};

/* Loads main.cf; says on stderr what is wrong with it, or odd. EX_OK, or EX_CONFIG with *ret untouched. */
int cli_load(const struct cli *cli, struct conf **ret);

/* The same; a configuration that would relay for the world is EX_CONFIG, too (audit/audit.h). */
int cli_load_closed(const struct cli *cli, struct conf **ret);

/* "postrider VERB: ..." on stderr; returns status. */
int cli_fail(int status, const char *verb, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Says how the verb is called; returns EX_USAGE. */
int cli_usage(const struct cli_verb *verb);
/* Writes to stdout. EX_OK, or EX_IOERR when it cannot (a full disk, a closed pipe). */
int cli_write(const char *verb, const struct buf *b);

extern const struct cli_verb cli_config, cli_domain, cli_user, cli_alias, cli_mailbox, cli_store, cli_explain,
	cli_send;
extern const struct cli_verb cli_audit;
extern const struct cli_verb cli_table;
extern const struct cli_verb cli_address;
/* Reached by the name the program is called by; argv[0] is that name. */
extern const struct cli_verb cli_sendmail, cli_postconf, cli_postmap, cli_postalias, cli_newaliases;

/* All of it, or false with errno. Waits. */
bool cli_write_whole(int fd, str bytes);

#endif
