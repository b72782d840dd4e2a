/* cli/words.h - how the people verbs read and print their words */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "cli/house.h"
#include "mail/addr.h"

/* One action of a verb, such as `add` of `user`. argv[0] is its name; getopt is ready to start with it. */
struct action {
	const char *name;
	int (*run)(const struct cli *cli, int argc, char **argv);
};
/* Runs the action that argv[1] names. */
int words_run(const struct cli_verb *verb, const struct action *actions, size_t n, const struct cli *cli,
	int argc, char **argv);

/* local@domain as the store knows it, in the arena. EX_OK, or said (EX_DATAERR). */
int words_address(const char *verb, struct arena *a, const char *word, struct addr *ret_addr, str *ret);
/* A domain in lower case. */
int words_domain(const char *verb, struct arena *a, const char *word, str *ret);
/* "500m", "2g", "0"; false: none. Dovecot's units, when kilo is the default one. */
bool words_size(str text, uint64_t unit, uint64_t *ret);
/* "1.5 GB", at most 16 octets. */
str words_bytes(struct arena *a, uint64_t bytes);
/* EX_OK, or said: the domain is not one of ours. */
int words_check_domain(struct house *h, const char *verb, str domain);

#endif
