/* roles/smtp/duties.h - the header of a message at the door
 * RFC 6409 6 and 8. The header is held back until its end has come; then it passes here once. */
#ifndef ROLES_SMTP_DUTIES_H
#define ROLES_SMTP_DUTIES_H

#include "mail/mend.h"
#include "roles/smtp/incoming.h"

/* header: the client's, without the empty line. wants_gap: an empty line has to follow, because none came. *ret_changed: ret has got the header as it
 * is to be kept; else it stays as it is. Waits only for messages of who has logged in. Faults: FROM_TWICE, FROM_NOT_YOURS, NEEDS_SMTPUTF8, or a
 * temporary one. */
enum fault smtp_do_duties(
	struct incoming *in, str header, bool wants_gap, struct buf *ret, bool *ret_changed);
/* Does the header end before the first line that is no field? Of own clients, whose messages are made valid; others' are left as they are. */
bool smtp_header_is_strict(const struct smtp_session *s);
/* Are lines that are too long broken? Not in what has no lines (BINARYMIME). */
bool smtp_breaks_lines(const struct smtp_session *s);

#endif
