/* mail/email_row.h - the bytes of an email row, between its writer and its reader (see mail/email.h)
 * Version 1. Numbers are varints (base/buf.h), strings are counted. A row is:
 *
 *	version (1 byte), size, lines, sent_ms (zigzag), number of parts
 *	references, base subject (0 = as the subject; else a counted string after its length + 1), preview
 *	the parts, depth first, each:
 *		depth, flags (1 byte), gap, header length, body size, [lines]
 *		[envelope: of the message itself in the root, of an embedded message in its root]
 *		type code [type, subtype], encoding code [encoding]
 *		[parameters] [disposition code [disposition], parameters] [which of the rare strings (1 byte), these]
 *
 * gap: octets between the end of the part before (or the beginning of the parent's body) and the part's header. All offsets follow
 * from it, so parts cannot but lie within their parents. Codes are indexes into the lists below, which only ever grow; 0 is "written out".
 *
 * An envelope is: flags (1 byte), date, subject, From, [Sender], [Reply-To], To, Cc, Bcc, In-Reply-To, Message-ID; an address list is a
 * number, then name, mailbox, host of each. Parameters are a number, then name code [name], value of each. */
#ifndef MAIL_EMAIL_ROW_H
#define MAIL_EMAIL_ROW_H

#include "mail/email.h"

enum { ROW_VERSION = 1 };

enum row_part_flags {
	ROW_MULTIPART = 1,
	ROW_MESSAGE = 2,
	ROW_PARAMS = 4,
	ROW_DISPOSITION = 8,
	ROW_RARE = 16,
	ROW_LINES = 32,
	ROW_PART_FLAGS = 63
};
enum row_envelope_flags {
	ROW_HAS_SENDER = 1,
	ROW_HAS_REPLY_TO = 2,
	ROW_ENVELOPE_FLAGS = 3
}; /* else they are as From */

/* The rare strings of a part, in the order of their bits. */
#define ROW_RARE_STRINGS(X) X(id) X(description) X(md5) X(language) X(location)
enum { ROW_RARE_COUNT = 5 };

/* The lists of codes: row_type(1), row_encoding(1) ... are the first entries; the empty str: no such code. */
struct row_type {
	str type, subtype;
};
const struct row_type *row_type_of_code(uint64_t code); /* NULL: no such code */
str row_encoding_of_code(uint64_t code);
str row_param_of_code(uint64_t code);
str row_disposition_of_code(uint64_t code);
/* 0: not on the list. */
uint64_t row_code_of_type(str type, str subtype);
uint64_t row_code_of_encoding(str encoding);
uint64_t row_code_of_param(str name);
uint64_t row_code_of_disposition(str disposition);

#endif
