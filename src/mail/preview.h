/* mail/preview.h - the first words of a message
 * RFC 8970: up to 200 characters of a text part, transfer-decoded, in UTF-8, white space collapsed. What the sender wrote comes first,
 * lines quoted from others last. HTML is stripped to what a reader would see first. Pure, linear. */
#ifndef MAIL_PREVIEW_H
#define MAIL_PREVIEW_H

#include "mail/charset.h"
#include "mail/transfer.h"

enum { PREVIEW_CHARS = 200, PREVIEW_BYTES = 800 };

struct preview_scratch { /* keep it for the next message; zeroes to begin with */
	struct buf bytes, utf8, text;
};
void preview_scratch_done(struct preview_scratch *s);

/* body: the raw body, or its beginning, cut anywhere. Appends to out. False: nothing was there to show. */
bool preview_make(struct charset_reader *cs, struct preview_scratch *s, str body, enum transfer encoding,
	str charset, bool html, struct buf *out);

/* HTML (UTF-8) to text: tags, scripts, styles, comments and the head left out, entities undone, blocks on lines of their own, lines
 * inside <blockquote> marked with "> ". Appends to out. */
void preview_strip_html(str html, struct buf *out);

#endif
