/* cli/mailbox.h - what the files of `postrider mailbox` share */
#ifndef CLI_MAILBOX_H
#define CLI_MAILBOX_H

#include "cli/words.h"

int mailbox_import(const struct cli *cli, int argc, char **argv);
int mailbox_export(const struct cli *cli, int argc, char **argv);

/* EX_OK, or said. */
int mailbox_find_account(struct house *h, const char *address, struct arena *a, struct store_account *ret);
int mailbox_find(struct house *h, uint32_t account, str name, struct store_mailbox *ret);
str mailbox_name(str name); /* INBOX in upper case */

extern const char *const mailbox_role_words[ROLE_ARCHIVE + 1]; /* by enum store_role; "" for none */
/* The role that a mailbox of this name is made for (RFC 6154 in the words of the usual programs). */
enum store_role mailbox_role_of(str name);

#endif
