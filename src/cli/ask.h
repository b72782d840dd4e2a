/* cli/ask.h - what is asked of the administrator: passwords are never words of the command line, where every process sees them */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "base/buf.h"

/* The first line of standard input, or, when from_stdin is false, what is typed at the terminal, twice and unseen. Appended to *ret,
 * which is the caller's to wipe. EX_OK, or said. */
int ask_password(const char *verb, bool from_stdin, str whose, struct buf *ret);
/* What is typed at the terminal, once and unseen: a password that somebody else keeps. */
int ask_password_once(const char *verb, str whose, struct buf *ret);
void ask_forget(struct buf *password); /* wipes and frees */
/* A question at the terminal; true without a question when standard input is none. */
bool ask_sure(const char *question);

#endif
