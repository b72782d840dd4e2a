/* mail/mend.h - what is done to a message on its way in: its header block, and lines that are too long
 * RFC 6409 8 (what an MSA may add), RFC 5322 3.6 (what a header must have), 2.1.1 (998 octets a line). Pure: never waits; work is linear. */
#ifndef MAIL_MEND_H
#define MAIL_MEND_H

#include "base/arena.h"
#include "base/buf.h"

/* ---- the header block ---- */

/* Where the header ends that begins at block: behind its last field's line end, before the empty line, if that has come. `strict`: also before the
 * first line that is no field and continues none. *at remembers what was looked at, 0 in the beginning: call it again when more
 * has come, or, with `all`, when no more will come (then it always ends). */
bool mend_find_end(str block, bool strict, bool all, size_t *at, size_t *ret_end);

enum { MEND_FROM = 8 }; /* From fields that are kept */
struct mend_facts {
	bool drops; /* a field of the list is there */
	unsigned from_count, sender_count, date_count, id_count, resent_from_count;
	str from[MEND_FROM]; /* values of From, Sender and Resent-From/Resent-Sender as written; borrowed */
	str sender, resent[MEND_FROM];
	unsigned resent_n;
};
/* names: lower case. */
void mend_look(str header, const str *names, size_t n, struct mend_facts *ret);

struct mend_change {
	const str *drop; /* names of fields that go, lower case */
	size_t drop_count;
	bool drop_sender;
	str add; /* whole fields, each with its CRLF; they go before the first field that is no trace of the way (Received ...) */
	bool gap; /* an empty line follows, because none came */
};
/* Appends the header as changed. */
void mend_write(struct buf *b, str header, const struct mend_change *c);

/* ---- long lines ---- */

struct mend_lines {
	size_t limit; /* octets without CRLF */
	size_t at;    /* octets of the line so far */
};
/* Appends bytes to b (NULL: nowhere, when mend_lines_needed says no), with CR LF SPACE wherever a line would have more than `limit` octets, never inside a UTF-8 character. True: some line
 * was broken. The parts of a message may be of any size. */
bool mend_lines(struct mend_lines *l, struct buf *b, str bytes);
/* Would it break one? Changes nothing. */
bool mend_lines_needed(const struct mend_lines *l, str bytes);

#endif
