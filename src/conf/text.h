/* conf/text.h - the logical lines of main.cf and master.cf
 * A logical line begins in the first column and goes on in lines that begin with white space. Empty lines, and lines whose first other character is
 * '#', are comments wherever they stand: they do not end a logical line. Pure: never waits, no globals. */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include "base/buf.h"

enum { TEXT_LINE_BYTES = 65536 }; /* of one logical line */

/* What is left to be read. */
struct text {
	str rest;
	int number; /* of the line taken last */
};
struct text_line {
	int number; /* of its first line, from 1 */
	str before; /* the comments and empty lines before it, as they stand */
	str raw;    /* its own lines as they stand, with the comments between them */
	str text; /* its lines without white space at their ends, joined by one blank; in the caller's buffer */
	bool orphan; /* it begins with white space, and there is no line for it to go on from */
	bool too_long;
};

/* Takes the next logical line. False: only comments are left, all of t->rest. ret->text lives in *joined until the next call. */
bool text_take(struct text *t, struct buf *joined, struct text_line *ret);

#endif
