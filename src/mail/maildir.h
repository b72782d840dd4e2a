/* mail/maildir.h - the names of a Maildir: of files, of Maildir++ folders, of Dovecot's keywords
 * A message is a file cur/BASE:2,FLAGS or new/BASE; a folder A/B is a folder .A.B in modified UTF-7 beside cur. Pure. */
#ifndef MAIL_MAILDIR_H
#define MAIL_MAILDIR_H

#include "base/arena.h"
#include "base/buf.h"

enum maildir_marks {
	MAILDIR_DRAFT = 1,
	MAILDIR_FLAGGED = 2,
	MAILDIR_PASSED = 4,
	MAILDIR_REPLIED = 8,
	MAILDIR_SEEN = 16,
	MAILDIR_TRASHED = 32
};

struct maildir_name {
	str base;          /* up to the colon: it stays when flags change */
	unsigned marks;    /* MAILDIR_* */
	uint32_t keywords; /* bit i: the letter 'a' + i, which dovecot-keywords explains */
	int64_t time_s;    /* since 1970, from the base; 0: it does not say */
};
/* False: not a message's (empty, begins with a dot, or holds a slash). Unknown flags are passed over. */
bool maildir_take_name(str name, struct maildir_name *ret);
void maildir_add_flags(struct buf *b, unsigned marks, uint32_t keywords); /* ":2,FS", in order */

/* ".A.B" as "A/B" in UTF-8, in the arena; NOT a folder's name: false. What is no modified UTF-7 but is UTF-8 is taken as it stands. */
bool maildir_take_folder(struct arena *a, str name, str *ret);
void maildir_add_folder(struct buf *b, str mailbox); /* ".A.B" */

/* Takes a line "3 $Forwarded" off dovecot-keywords; false at the end. Lines that are none are passed over. */
bool maildir_take_keyword(str *text, unsigned *ret_number, str *ret_name);

#endif
