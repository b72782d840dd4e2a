/* mail/compose.h - a message out of its parts
 * RFC 5322 (fields, folding at 78), 2045-2047 and 2231 (MIME, encoded words, parameters), 2387 (related), 6532 (UTF-8 in headers, when asked for). What
 * comes out has CRLF line ends and only 7 bits, but for UTF-8 in headers; its size is known before it is read, and attachments pass through in
 * pieces, so that none is ever in memory whole. Pure: the time, randomness and the bytes of files are the caller's.
 *
 * Nothing given here can begin a header field of its own: text with line ends or other control characters is refused wherever it goes into a header. */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

struct compose_addr {
	str name;    /* "": none */
	str address; /* local@domain; UTF-8 in the local part needs `utf8`, a domain in UTF-8 is written in its ASCII form where it is not set */
};
struct compose_list {
	const struct compose_addr *addr;
	size_t n;
};
struct compose_field {
	str name, value;
};
struct compose_file {
	str name;    /* for the recipient; without folders */
	str type;    /* "image/png"; "": application/octet-stream */
	str charset; /* of a text; "": not said */
	uint64_t size;
	/* Up to n bytes from where the last call ended; *ret_n 0: the end. Called only by composed_next. */
	enum fault (*read)(void *ctx, void *p, size_t n, size_t *ret_n);
	enum fault (*rewind)(void *ctx); /* to the beginning again; only for composed_rewind */
	void *ctx;
};
struct compose {
	int64_t date_ms;
	int zone_min;   /* east of UTC */
	str message_id; /* without brackets */
	struct compose_list from, reply_to, to, cc;
	str subject;
	const struct compose_field *fields; /* more of them, in this order; not those that are made here */
	size_t field_count;
	bool has_text, has_html;
	str text; /* UTF-8, any line ends. Without it, and with html, it is made of that */
	str html; /* "cid:NAME" in it is the inline file of that name */
	const struct compose_file *files; /* attachments */
	size_t file_count;
	const struct compose_file *inlines; /* pictures of the HTML */
	size_t inline_count;
	bool utf8; /* headers in plain UTF-8: for servers with SMTPUTF8 */
	str seed;  /* 16 random bytes or more, for boundaries and content ids */
};
struct composed;

/* Everything but the files' bytes is made here and lives in the arena, where what c borrows must live, too. Faults: BAD_ARGUMENT and *why
 * (a sentence for people). */
enum fault compose_make(struct arena *a, const struct compose *c, struct buf *why, struct composed **ret);
uint64_t composed_size(const struct composed *m); /* octets, exactly */
bool composed_is_utf8(const struct composed *m);  /* its header has octets above 127: SMTPUTF8 is needed */
/* The next piece, borrowed until the next call; empty: the end. Faults: that of a file's read; STALE: a file is not as long as it was. */
enum fault composed_next(struct composed *m, str *ret_piece);
/* From the beginning again. Faults: that of a file's rewind. */
enum fault composed_rewind(struct composed *m);
void composed_done(struct composed *m); /* calm with NULL */

/* ---- inside, of use alone ---- */

/* "Name: value CRLF" with encoded words where they are needed, folded. utf8: no encoded words. False: a control character, or not UTF-8. */
bool compose_add_field(struct buf *b, str name, str value, bool utf8);
/* The same with addresses. *why says which is none. */
bool compose_add_addresses(
	struct arena *a, struct buf *b, str name, struct compose_list list, bool utf8, struct buf *why);
/* "; name=value", as RFC 2231 wants it, on lines of its own. */
void compose_add_parameter(struct buf *b, str name, str value);
/* For readers who do not know RFC 2231: ASCII, and not too long. */
void compose_add_plain_parameter(struct buf *b, str name, str value);
/* Text with any line ends as a body with CRLF: its encoding ("7bit", "quoted-printable", "base64") is chosen by what it is. */
const char *compose_encode_text(struct buf *b, str text);
bool compose_is_field_name(str name); /* RFC 5322 2.2 */

#endif
