/* wire/imap_email.h - what IMAP says of a message that it does not open: ENVELOPE, BODY, BODYSTRUCTURE, and where a section lies
 * RFC 9051 7.5.2 and 6.4.5.1, from the email row (mail/email.h). Where UTF-8 is not enabled, names and parameters beyond ASCII go out as encoded words
 * (RFC 2047), which every client reads. Pure. */
#ifndef WIRE_IMAP_EMAIL_H
#define WIRE_IMAP_EMAIL_H

#include "mail/email.h"
#include "wire/imap_out.h"

void imap_envelope_add(struct buf *b, const struct email_envelope *e, unsigned mode);
/* BODYSTRUCTURE, or with extended false BODY. */
void imap_structure_add(struct buf *b, const struct email *e, bool extended, unsigned mode);

/* Where the octets of a section are. The message is a prefix (the fields put before it at delivery) and what the row describes. */
struct imap_span {
	bool prefix; /* the prefix comes first */
	uint64_t at, size;
};
/* Of BODY[section] without field names: for HEADER.FIELDS and HEADER.FIELDS.NOT the whole header, to be filtered with imap_fields_add. False: there is no
 * such part, so the answer is an empty string or NIL. */
bool imap_section_find(const struct email *e, const struct imap_section *s, struct imap_span *ret);
/* The part a path leads to; NULL: none. An empty path is the whole message. */
const struct email_part *imap_part_find(const struct email *e, const uint32_t *path, size_t n);
/* Of a header block the fields that are named (or, with `not`, the others), with their folded lines, then the empty line. Names are compared without
 * case. */
void imap_fields_add(struct buf *b, str header, const str *names, size_t n, bool not);

#endif
