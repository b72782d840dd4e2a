/* mail/words.h - encoded words
 * RFC 2047 with RFC 2231 5 (language), and what passes for them in the world: blanks inside, no blanks between, characters split over
 * two words, raw UTF-8 or Latin-1 beside them. Pure, linear. */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

#include "mail/charset.h"

/* Appends the text of an unfolded value to out: UTF-8 without control characters (they become spaces). An encoded word of an unknown
 * charset stays as it is written. Stops where out is full. */
void words_decode(struct charset_reader *cs, str raw, struct buf *out);

/* Appends well-formed UTF-8 to out, control characters (C0, DEL, C1, line and paragraph separators) made spaces. */
void words_add_clean(str utf8, struct buf *out);

#endif
