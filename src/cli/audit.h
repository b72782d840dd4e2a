/* cli/audit.h - the part of `postrider audit` that reads the store; inside cli/ */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include "audit/audit.h"
#include "cli/cli.h"

/* Is there a store? */
bool audit_has_store(const struct conf *c);
/* Looks at accounts and aliases. Loads main.cf again, and says on stderr what is odd about it; root becomes mail_owner, so this comes last. */
void audit_people(struct audit *a, const struct cli *cli);

#endif
