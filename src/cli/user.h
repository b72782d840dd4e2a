/* cli/user.h - what user.c, import.c and show.c share */
#ifndef CLI_USER_H
#define CLI_USER_H

#include "cli/words.h"

/* postrider user import [--quota SIZE] [--domain DOMAIN] [--update] FILE */
int user_import(const struct cli *cli, int argc, char **argv);

/* show.c: postrider user show ADDRESS */
int user_show(const struct cli *cli, int argc, char **argv);

/* Random bytes, or the end of the process: there is no going on without them. Safe in a thread. */
void user_noise(void *p, size_t n);
int64_t user_clock_ms(void); /* since 1970 */

#endif
