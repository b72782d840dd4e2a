/* cli/alias.h - what alias.c and alias_import.c share */
#ifndef CLI_ALIAS_H
#define CLI_ALIAS_H

#include "cli/words.h"

/* postrider alias import [--domain DOMAIN] FILE */
int alias_import(const struct cli *cli, int argc, char **argv);

#endif
