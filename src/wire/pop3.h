/* wire/pop3.h - the language of POP3: bytes <-> structs
 * RFC 1939, 2449 (CAPA, response codes), 2595 (STLS), 3206 (AUTH-RESP-CODE), 5034 (AUTH), 6856 (UTF8). Pure. */
#ifndef WIRE_POP3_H
#define WIRE_POP3_H

#include "base/buf.h"
#include "base/fault.h"

enum pop3_verb {
	POP3_UNKNOWN,
	POP3_USER,
	POP3_PASS,
	POP3_APOP,
	POP3_AUTH,
	POP3_CAPA,
	POP3_STLS,
	POP3_UTF8,
	POP3_LANG,
	POP3_QUIT,
	POP3_NOOP,
	POP3_STAT,
	POP3_LIST,
	POP3_RETR,
	POP3_DELE,
	POP3_RSET,
	POP3_TOP,
	POP3_UIDL
};
enum { POP3_LINE = 8192 }; /* RFC 2449 4: 255; AUTH initial responses are longer */
struct pop3_command {
	enum pop3_verb verb;
	str word,
		args; /* args: after one blank, the rest as it is (passwords keep their blanks); trailing blanks kept for PASS only */
};
enum fault pop3_command_parse(str line, struct pop3_command *ret); /* SYNTAX: NUL */
const char *pop3_verb_name(enum pop3_verb v);

/* One message number, or number and count (TOP). 1-based; BAD_ARGUMENT on anything else. */
enum fault pop3_args_number(str args, bool *ret_given, uint32_t *ret_n);
enum fault pop3_args_two(str args, uint32_t *ret_n, uint32_t *ret_count);

void pop3_ok_add(struct buf *b, str text);                  /* "+OK text" */
void pop3_fault_add(struct buf *b, enum fault f, str more); /* "-ERR [CODE] text" */
/* Bytes of a multi-line answer: lines beginning with a dot get another. *at_line_start carries over between pieces (begin with true). What
 * we store has CRLF line ends only; a bare LF, should there be one, counts as a line end here: many clients see it as one, and a dot
 * behind it must not end their answer early. */
void pop3_stuff_add(struct buf *b, str bytes, bool *at_line_start);
/* What ends a multi-line answer: ".", on a line of its own. */
void pop3_end_add(struct buf *b, bool at_line_start);
/* How many bytes of message to send for TOP n: the header, its empty line and n lines of the body. */
size_t pop3_top_size(str message, uint32_t lines);

#endif
