/* mail/addrs.h - the address lists of header fields
 * RFC 5322 3.4 with groups and the obsolete forms of 4.4, and what the world writes: bare words, missing brackets, semicolons for
 * commas, names after addresses. Nothing is refused: what looks least like an address becomes a name. One pass, linear. Pure. For the
 * strict addresses of an envelope see mail/addr.h. */
#ifndef MAIL_ADDRS_H
#define MAIL_ADDRS_H

#include "mail/charset.h"
#include "mail/email.h"
#include "mail/header.h"

/* The host of an address that has none, so that it is not taken for a group; never delivered to (RFC 2606). */
#define ADDRS_NO_HOST "missing-host.invalid"

enum { ADDRS_TEXT_MAX = 1024 }; /* octets of a name, mailbox or host that are kept */

struct addrs {
	struct header_scan scan;
	struct arena *arena;
	struct charset_reader *cs;
	struct buf phrase, local, text;
	bool in_group;
};

/* A reader can read one value after the other. */
void addrs_init(struct addrs *r, struct arena *a, struct charset_reader *cs);
void addrs_done(struct addrs *r);
void addrs_begin(struct addrs *r, str value); /* borrowed until its last address */
/* The next address, beginning or end of a group (see struct email_addr), in UTF-8 without control characters; mailbox without its
 * quotes. False at the end. Results live in the arena or borrow from value. */
bool addrs_next(struct addrs *r, struct email_addr *ret);

#endif
