/* wire/imap_out.h - the language of IMAP, our side: structs become bytes that no client can misread
 * RFC 9051 9 and RFC 3501 9. Pure. Every string goes out as an atom where only that is allowed, else quoted where it can be, else as a literal; no byte
 * of anybody's can end a line of ours. `mode` is the session's IMAP_MODE_*. */
#ifndef WIRE_IMAP_OUT_H
#define WIRE_IMAP_OUT_H

#include "wire/imap.h"

/* "text" or {n} CRLF text. In quotes: no control character, and above ASCII only well-formed UTF-8 where it is enabled. NUL, which a client may
 * not see (RFC 3501 4.3), becomes 0x80. */
void imap_string_add(struct buf *b, str s, unsigned mode);
void imap_nstring_add(struct buf *b, str s, unsigned mode); /* NIL when s.p is NULL */
/* A mailbox's name, in modified UTF-7 unless UTF-8 is enabled. */
void imap_name_add(struct buf *b, str utf8, unsigned mode);
/* "(\Seen $Junk)" */
void imap_flags_add(struct buf *b, const struct imap_flags *flags);
/* "1:3,7", of ascending ranges; not empty. */
void imap_set_add(struct buf *b, const struct imap_range *ranges, size_t n);
/* One more number of an ascending set that is written as it is found: begin with a zeroed struct, end with imap_set_end. */
struct imap_set_writer {
	uint32_t first, last;
	bool begun;
};
void imap_set_put(struct buf *b, struct imap_set_writer *w, uint32_t n);
void imap_set_end(struct buf *b, struct imap_set_writer *w);
/* "17-Jul-1996 02:44:25 +0000", in quotes */
void imap_date_time_add(struct buf *b, int64_t unix_ms);
/* "BODY[1.HEADER.FIELDS (From)]<5>" as the answer names it: fields as they were asked for, the offset alone. */
void imap_section_add(struct buf *b, const struct imap_fetch_item *item, unsigned mode);

/* "TAG OK text", "TAG OK [code] text". */
void imap_ok_add(struct buf *b, str tag, str code, str text);
/* "TAG NO [CODE] text" or "TAG BAD text": which, the fault's SMTP code says (500-504, 555: the client's mistake in the language). tag "" is "*". more goes
 * behind the text and is made printable. */
void imap_fault_add(struct buf *b, str tag, enum fault f, str more);

/* Does a name fit a pattern of LIST? "*" is anything, "%" anything but the separator. Work is bounded by the product of the lengths. */
bool imap_pattern_fits(str pattern, str name, char separator);

#endif
