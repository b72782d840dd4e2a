/* mail/mutf7.h - names of mailboxes in modified UTF-7
 * RFC 3501 5.1.3: what Maildir++ folders and IMAP4rev1 clients call a mailbox. Pure. */
#ifndef MAIL_MUTF7_H
#define MAIL_MUTF7_H

#include "base/buf.h"

/* Appends the UTF-8 that a name in modified UTF-7 stands for. False, and nothing appended: it is none. Characters that need not be encoded
 * may be. NUL is refused. */
bool mutf7_decode(str name, struct buf *ret);
/* Appends a name (well-formed UTF-8) in modified UTF-7; the ASCII characters in `also` are encoded, too. */
void mutf7_encode(str name, str also, struct buf *ret);

#endif
