/* mail/subject.h - the base subject: what is left of a subject without its Re:, Fwd: and list tags
 * RFC 5256 2.1, to the letter, because clients do the same by themselves. Pure, linear. */
#ifndef MAIL_SUBJECT_H
#define MAIL_SUBJECT_H

#include "base/arena.h"

/* decoded: UTF-8, encoded words undone. The result is borrowed from the arena. */
str subject_base(struct arena *a, str decoded);

#endif
