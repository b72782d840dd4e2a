/* mail/addr.h - the addresses of an envelope
 * RFC 5321 4.1.2 (Path, Mailbox) and 4.1.3 (literals), RFC 6531 3.3 (UTF-8). Pure: never waits, no globals, no allocation. */
#ifndef MAIL_ADDR_H
#define MAIL_ADDR_H

#include "base/arena.h"
#include "base/fault.h"

struct addr {
	str local; /* as written, quotes included; empty for the null path <> */
	str domain; /* as written; compare without case. "[...]" for a literal. Empty: null path, or a bare <postmaster> */
	bool utf8; /* has bytes above 127: SMTPUTF8 was needed */
};

/* Takes one path, such as <ann@example.org>, off the front of *in; a source route (@a,@b:) is read and dropped (RFC 5321
 * appendix C). *ret_addr borrows its bytes from *in; on a fault *in and *ret_addr are untouched. Limits of RFC 5321 4.5.3.1
 * (local part 64, domain 255, path 256 with brackets and route). null_ok: this is a reverse path, which may be <>; elsewhere,
 * and only there, a bare <postmaster> is one. Strict: no comments, no blanks, no leniency of RFC 5322.
 * Faults: BAD_ADDRESS, NEEDS_SMTPUTF8 (bytes above 127 and !utf8_ok; also malformed UTF-8: BAD_ADDRESS). */
enum fault addr_take_path(str *in, bool null_ok, bool utf8_ok, struct addr *ret_addr);
/* The whole of s is local@domain, no brackets; UTF-8 is welcome: configuration and the command line. BAD_ADDRESS. */
enum fault addr_parse(str s, struct addr *ret_addr);

/* The local part as it is meant: quotes and backslashes undone. */
str addr_local_meant(struct arena *a, const struct addr *ad);
/* local@domain: domain in lower case, local part meant (quoted again only if it must be). What the store looks up.
 * Without a domain, the local part alone: "" for the null path, "postmaster". */
str addr_canonical(struct arena *a, const struct addr *ad);
/* Is text a valid domain name or address literal, as EHLO wants it (RFC 5321 4.1.1.1)? One label is enough; underscores
 * pass; U-labels are checked for their octets only (IDNA is not done here). */
bool addr_is_domain(str text, bool utf8_ok);
bool addr_is_literal(str text); /* [192.0.2.1], [IPv6:2001:db8::1] */

#endif
