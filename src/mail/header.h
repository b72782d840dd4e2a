/* mail/header.h - the fields of a header block, and the tokens inside a structured one
 * RFC 5322 2.2 and 3.2, with the obsolete forms of 4 and what the world sends besides: line ends are CRLF or LF, lines without
 * a colon are skipped, quotes and parentheses that never close are plain characters. Work is linear in the input, whatever it
 * holds. Pure: never waits, no globals. */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/arena.h"

struct header_field {
	str name;  /* as written; compare without case */
	str value; /* what stands after the colon, folds included, without the last line end */
};

/* Takes the next field off the front of a header block. Borrowed. False at the end. */
bool header_take_field(str *block, struct header_field *ret);
/* The value of the first field of that name; false when there is none. */
bool header_find(str block, str name, str *ret_value);

/* A value in one line: folds undone, NUL, CR and LF gone, outer blanks gone. Borrowed from raw where nothing was to do. */
str header_unfold(struct arena *a, str raw);

/* ---- inside a structured field ---- */

struct header_scan {
	str rest;
	str comment; /* inside of the last comment that was skipped; empty = none. The caller may clear it */
	bool quotes_open, parens_open,
		brackets_open; /* one of them was seen not to close: the rest is not searched again */
};

void header_scan_init(struct header_scan *s, str value);
/* Skips blanks, line ends, NULs and comments. */
void header_skip(struct header_scan *s);
/* At a quote, parenthesis or bracket: takes it whole and gives its inside as written. False, and nothing taken: it does not close. */
bool header_take_quoted(struct header_scan *s, str *ret_inside);
bool header_take_comment(struct header_scan *s, str *ret_inside);
bool header_take_literal(struct header_scan *s, str *ret_whole); /* with its brackets */
/* The bytes up to the next blank, control character or one of `stops`; may be empty. */
enum header_stops {
	STOP_PARENS = 1,
	STOP_ANGLES = 2,
	STOP_BRACKETS = 4,
	STOP_QUOTE = 8,
	STOP_AT = 16,
	STOP_COMMA = 32,
	STOP_SEMICOLON = 64,
	STOP_COLON = 128,
	STOP_EQUALS = 256,
	STOP_SLASH = 512,
};
str header_take_atom(struct header_scan *s, unsigned stops);
bool header_stops_at(char c, unsigned stops); /* is c one of them? */

/* The inside of a quoted string or comment as it is meant: backslashes and folds undone, no NUL, CR or LF. */
str header_unquote(struct arena *a, str inside);

/* The next <message-id>, without brackets and blanks; a bare word with an @ in it passes for one. RFC 5322 3.6.4. */
bool header_take_msg_id(struct arena *a, str *value, str *ret_id);

#endif
