/* mail/mbox.h - many messages in one file
 * RFC 4155 and what it does not say. Each message begins with a line "From SENDER DATE" after an empty line. What a message itself begins so
 * is quoted: ">From" (mboxo), ">From", ">>From" ... (mboxrd), or not at all, and Content-Length says where the message ends (mboxcl2).
 * Status, X-Status and X-Keywords are the mailbox's marks and not the message's. Pure; linear; lines end in LF or CRLF. */
#ifndef MAIL_MBOX_H
#define MAIL_MBOX_H

#include "base/buf.h"

enum mbox_kind { MBOX_RD, MBOX_O };

/* Is this line (without its end) one that begins a message? It is when it ends in a date as asctime writes it. */
bool mbox_is_from(str line, int64_t *ret_date_ms);

/* Where one is in the file; zeroes to begin. */
struct mbox {
	enum { MBOX_START, MBOX_HEADER, MBOX_BODY } stage;
	size_t scanned;  /* octets of what is at hand that have been looked at */
	size_t body;     /* where the body begins */
	uint64_t length; /* Content-Length + 1, or 0 */
	bool blank;      /* the line before was empty */
	bool too_big;    /* the message is longer than what is kept of it */
	bool begun;      /* a message was found before */
	int64_t date_ms;
};
struct mbox_message {
	int64_t date_ms; /* of the From_ line, taken as UTC where it names no zone */
	str bytes;    /* as they stand, quoted, without the From_ line and the empty line behind; borrowed */
	bool counted; /* its end was where Content-Length says: nothing is quoted */
	bool too_big; /* bytes is empty */
};
enum mbox_step { MBOX_MESSAGE, MBOX_MORE, MBOX_END, MBOX_NONE /* this is no mbox */ };
/* Looks at what is at hand, from the octets not used yet on. MBOX_MORE: call again with more behind it. Of whatever is longer than
 * `most` nothing is kept: *ret_used may say that octets can be dropped with MBOX_MORE, too. last: there is no more. */
enum mbox_step mbox_take(
	struct mbox *m, str bytes, bool last, size_t most, struct mbox_message *ret, size_t *ret_used);

/* The marks of a message, and the message without them. */
struct mbox_marks {
	bool seen, answered, flagged, deleted, draft;
	bool internal;       /* not a message, but what some programs keep at the beginning of a mailbox */
	struct buf keywords; /* separated by blanks */
};
/* Appends the message with its quoting undone (unless counted) and CRLF line ends to *ret. Bare CR stays. */
void mbox_open(
	const struct mbox_message *m, enum mbox_kind kind, struct buf *ret, struct mbox_marks *ret_marks);

/* Appends a message (CRLF line ends) as mboxrd with LF line ends; a CR that stands before a CRLF is lost by whoever reads it. Keywords: separated by blanks, or empty. */
void mbox_add(struct buf *b, str sender, int64_t date_ms, const struct mbox_marks *marks, str message);

/* Appends text with CRLF in place of each bare LF, and at its end. */
void mbox_add_crlf(struct buf *b, str text);

#endif
