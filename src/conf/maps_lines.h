/* conf/maps_lines.h - the logical lines of a table's text
 * A logical line begins in the first column and goes on in lines that begin with white space; comments (# first) and empty lines do not end it.
 * Or, of a table written in main.cf, { the lines } { between } { braces }. Pure. */
#ifndef CONF_MAPS_LINES_H
#define CONF_MAPS_LINES_H

#include "conf/inside.h"

enum { MAPS_LINE_BYTES = 1 << 20 }; /* one logical line */

struct maps_lines {
	str rest;
	struct place at; /* of the last physical line taken */
	bool braces;
	struct buf joined;
	struct report *report;
};
/* before: the file and the number of the line before the first; with braces the place of them all. */
void maps_lines_init(struct maps_lines *l, str text, struct place before, bool braces, struct report *report);
void maps_lines_done(struct maps_lines *l);
/* The next logical line, without white space at its ends, and the number of its first physical line (with braces always that of the place).
 * Borrowed until the next call. What is no line, not UTF-8 or has control characters is reported and left out. False: none is left. */
bool maps_lines_next(struct maps_lines *l, str *ret_line, struct place *ret_at);

static inline bool
maps_space(char c) /* as C's isspace */
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
str maps_trim(str s);

#endif
