/* mail/mime.h - where the parts of a message are
 * RFC 2045 and 2046 as a push parser: it is fed with the message in pieces of any size, keeps offsets, and hands the header block of each
 * entity to its owner, who says what kind of entity it is. It holds one header block (up to a limit), one line that may be a
 * delimiter, and the list of parts; never bodies. What it finds does not depend on how the message was cut. Pure, linear.
 *
 * Lines end with LF; CR before it belongs to the line end. A delimiter is a whole line: "--", the boundary of an open multipart (the
 * innermost first), perhaps "--", blanks. So "--aa" is never taken for a delimiter of boundary "a". */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "base/buf.h"

enum { MIME_BOUNDARY_MAX = 250 }; /* RFC 2046 allows 70; a multipart with a longer one is not looked into */

struct mime_part {
	uint32_t parent; /* the root's is itself */
	uint32_t depth;
	bool is_multipart; /* its boundary was looked for */
	bool is_message;   /* the next part is its content */
	uint64_t header_at, body_at, body_size;
	uint64_t lines;        /* of the body; a last line without its end counts */
	uint64_t lines_before; /* private: line ends before the body */
};

/* What an entity is, as its header says. */
struct mime_kind {
	enum { MIME_LEAF, MIME_MULTIPART, MIME_MESSAGE } what;
	str boundary;   /* of a multipart; copied */
	bool want_body; /* of a leaf: body() is called */
};

struct mime_owner {
	/* The header block of part number `part` (parts come in order), cut at its limit, the empty line not included. */
	void (*header)(void *ctx, size_t part, str block, struct mime_kind *ret);
	/* Bytes of the body of a leaf that wanted them, in pieces, perhaps with the line end that belongs to the next delimiter. False: enough. */
	bool (*body)(void *ctx, str bytes);
	/* The part has ended: its struct is final. Inner parts end before outer ones. */
	void (*end)(void *ctx, size_t part);
	void *ctx;
};

struct mime_facts {            /* of all bytes fed */
	uint64_t size, lines;  /* a last line without its end counts */
	uint64_t longest_line; /* without its line end */
	bool has_nul, has_bare_cr, has_bare_lf, dot_lines;
	bool has_8bit_header; /* in the header of any entity */
};

struct mime_level { /* an open multipart */
	uint32_t part;
	uint32_t boundary_at, boundary_n; /* in boundaries */
};

struct mime {
	struct mime_owner owner;
	struct mime_facts facts;
	struct mime_part *parts;
	size_t part_count, part_room;
	size_t most_parts; /* the owner may lower it at any time; reached: no line is a delimiter any more */
	size_t most_depth;
	/* private from here */
	struct mime_level *levels;
	size_t level_count, level_room;
	struct buf boundaries, header, held;
	uint32_t current; /* the innermost open part */
	bool in_header, want_body, saturated;
	bool in_plain_line;       /* the rest of this line goes where its beginning went */
	bool after_cr;            /* the last byte was a CR */
	uint64_t line_at, line_n; /* of the current line: offset, bytes so far */
	unsigned last_end_n;      /* the line end before the current line: 0, 1, 2 octets */
	bool last_line_empty;
};

void mime_init(
	struct mime *m, struct mime_owner owner, size_t header_limit, size_t most_parts, size_t most_depth);
void mime_done(struct mime *m);
void mime_reset(struct mime *m); /* for the next message; limits and memory stay */
void mime_feed(struct mime *m, str bytes);
void mime_finish(struct mime *m); /* all parts end; facts and parts are final */

#endif
