/* mail/email.h - the email row: all that is known of a message without opening it
 * Made once, when the message is accepted, by the process that received it; stored with it; opaque to the store. It holds what
 * IMAP ENVELOPE, BODYSTRUCTURE, the common HEADER.FIELDS, previews, threads and POP3 need, so that no reader parses mail.
 * RFC 5322, 2045-2047, 2183, 2231, 6532; ENVELOPE and BODYSTRUCTURE as in RFC 9051 7.5.2. Pure. */
#ifndef MAIL_EMAIL_H
#define MAIL_EMAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/hash.h"

/* ---- making it: fed with the message as it comes, in pieces of any size, never holding more than its limits ---- */

struct email_limits {
	uint32_t
		header_bytes; /* of one header block that is looked at; what is beyond counts but is not read. 0 = 256 KiB */
	uint32_t parts; /* MIME parts; further ones belong to the last as text. 0 = 1000 */
	uint32_t depth; /* nesting. 0 = 50 */
	uint32_t
		row_bytes; /* the whole row; previews, then references, then long headers, are cut to fit. 0 = 64 KiB */
};
/* Charsets are converted by iconv: the process holds a charset_stock (mail/charset.h) from before it is jailed. */
struct email_builder;
extern const struct hash_key email_thread_key; /* the one of all who store mail: threads are found by it */
struct email_builder *email_builder_new(const struct email_limits *limits, const struct hash_key *thread_key);
void email_builder_free(struct email_builder *b);            /* calm with NULL */
void email_builder_reset(struct email_builder *b);           /* for the next message; keeps memory */
void email_builder_feed(struct email_builder *b, str bytes); /* CRLF line ends, as they will be stored */

/* What the store and the transport want to know at once. */
struct email_facts {
	uint64_t size, lines,
		header_size; /* octets; header_size includes the empty line. A last line without its end counts */
	int64_t sent_ms;     /* Date, or 0: none or not understood */
	/* Keys are hash_keyed of an id without <> and blanks; 0 is made 1, and means: none. */
	uint64_t message_id_key;
	const uint64_t *
		reference_keys; /* References, of many the first and the last ones, then what In-Reply-To adds; the builder's */
	size_t reference_count; /* at most 32 */
	bool dot_lines;         /* a line begins with a dot */
	bool has_nul, has_bare_cr, has_bare_lf, has_8bit_header;
	uint32_t longest_line;                       /* octets without CRLF */
	uint32_t received_count, delivered_to_count; /* hops: RFC 5321 6.3 */
	bool has_from, has_date, has_message_id;
	uint32_t from_count; /* From header fields */
};
/* The end: appends the row to ret_row. Facts live until reset. */
void email_builder_finish(struct email_builder *b, struct buf *ret_row, struct email_facts *ret);

/* ---- reading it ---- */

struct email_addr {
	str name;    /* display name, decoded to UTF-8 */
	str mailbox; /* local part without quotes; for a group: its name */
	str host; /* empty: start (mailbox set) or end (mailbox empty) of a group. An address without one has ADDRS_NO_HOST (addrs.h) */
};
/* Every part lies within its parent's body, and the root's ends with the message: offsets of a row that was read can be relied on.
 * A multipart without a boundary, too deep, or one too many is no is_multipart; a message/rfc822 in base64 or quoted-printable (which
 * RFC 2046 5.2.1 forbids), or too deep, is no is_message: both are leaves of their type. A multipart may have no children. */
struct email_part {
	uint32_t parent; /* index of the parent part; the root's is itself */
	uint32_t depth;
	bool is_multipart,
		is_message; /* message/rfc822 or message/global: its child is the embedded message's root */
	str type, subtype;  /* lower case; text/plain where RFC 2045 5.2 says so */
	str charset;        /* of text; lower case; "" = none given */
	const str *
		params; /* name, value, name, value ...; RFC 2231 decoded to UTF-8, encoded words left as they are */
	size_t param_count; /* pairs */
	str id, description, md5, encoding, disposition, language,
		location; /* as written, unfolded; encoding, disposition: lower case */
	const str *disposition_params;
	size_t disposition_param_count;
	uint64_t header_at, body_at,
		body_size; /* offsets in the message; body_size without the CRLF that belongs to the boundary */
	uint64_t lines; /* of the body, for text and embedded messages; a last line without its end counts */
	const struct email_envelope *envelope; /* of an embedded message, for is_message; else NULL */
};
/* Strings have no NUL, CR or LF. Sender and Reply-To are From's where the message has none. Several To, Cc or Bcc fields are one list
 * (RFC 5322 4.5.3); of other fields that come twice the last counts. */
struct email_envelope {
	str date, subject; /* as IMAP gives them: raw (encoded words kept), unfolded */
	const struct email_addr *from, *sender, *reply_to, *to, *cc, *bcc;
	size_t from_n, sender_n, reply_to_n, to_n, cc_n, bcc_n;
	str in_reply_to, message_id; /* raw, unfolded: with <> */
};
struct email {
	uint64_t size, lines, header_size;
	int64_t sent_ms;
	struct email_envelope envelope;
	str references;                 /* ids without <>, space-separated */
	str subject_base;               /* RFC 5256 2.1, decoded, for SORT and THREAD */
	str preview;                    /* RFC 8970: up to 200 characters of UTF-8 text */
	const struct email_part *parts; /* depth first; parts[0] is the root */
	size_t part_count;
};
/* Decodes a row; everything is borrowed from row or lives in the arena. Rows are read from a disk: a malformed one gives MALFORMED, never
 * more than its bytes. */
enum fault email_row_read(struct arena *a, str row, struct email *ret);

#endif
