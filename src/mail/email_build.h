/* mail/email_build.h - the inside of the email builder: shared by email_build.c (the course of a message) and email_pack.c (headers into
 * bytes of the row) */
#ifndef MAIL_EMAIL_BUILD_H
#define MAIL_EMAIL_BUILD_H

#include "mail/addrs.h"
#include "mail/email.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/params.h"
#include "mail/preview.h"

enum {
	REFERENCES_MAX = 32,
	SUBJECT_MAX = 4096, /* octets of a decoded subject that are looked at */
	/* what one part may take at most besides its strings: see email_row.h */
	PART_COST = 64,
	PACK_RESERVE = 2 * PART_COST,
};

/* The fields that are looked at. */
enum email_field {
	F_FROM,
	F_SENDER,
	F_REPLY_TO,
	F_TO,
	F_CC,
	F_BCC,
	F_DATE,
	F_SUBJECT,
	F_MESSAGE_ID,
	F_IN_REPLY_TO,
	F_REFERENCES,
	F_RECEIVED,
	F_DELIVERED_TO,
	F_TYPE,
	F_ENCODING,
	F_DISPOSITION,
	F_ID,
	F_DESCRIPTION,
	F_MD5,
	F_LANGUAGE,
	F_LOCATION,
	FIELDS
};

/* What the row will say of a part, beside what mime knows. */
struct part_pack {
	uint32_t at, n; /* its bytes in pack: [envelope], type, parameters ... */
	uint8_t flags;  /* enum row_part_flags */
	bool is_digest; /* multipart/digest: its children are messages by default */
	bool is_text;
	uint64_t next_at; /* where the gap before its next child begins */
};

struct email_builder {
	struct email_limits limits;
	struct hash_key key;
	struct mime mime;
	struct charset_reader *cs;
	struct arena arena; /* of the header block at hand */

	struct part_pack *parts;
	size_t part_room;
	struct buf pack;     /* bytes of the row, part by part */
	size_t left;         /* of row_bytes, after what stands in pack and what is set aside for parts */
	struct buf lists[3]; /* To, Cc, Bcc of the block at hand, packed */
	size_t list_counts[3];
	struct buf list; /* another list */
	struct addrs addrs;

	/* of the message itself */
	int64_t sent_ms;
	struct buf references, base; /* base: the base subject */
	bool base_is_subject;
	uint64_t message_id_key;
	uint64_t reference_keys[REFERENCES_MAX];
	size_t reference_count;
	uint32_t counts[FIELDS]; /* how many fields of each kind */

	/* the preview, and the body it is made of */
	struct buf preview, body;
	struct preview_scratch scratch;
	size_t body_part; /* whose body it is */
	size_t body_limit;
	enum transfer body_encoding;
	bool body_is_html;
	char body_charset[64];
	size_t body_charset_n;
};

/* What a header block says. */
struct email_fields {
	str value[FIELDS]; /* as written; the last one, of Content-* the first */
	uint32_t counts[FIELDS];
};
/* What the part is, as read from its header. */
struct email_entity {
	str type, subtype, encoding, disposition;
	struct param *params, *disposition_params;
	size_t param_count, disposition_param_count;
};

/* All of them: share: one string or list may take 1/share of the room that is left. */
/* Reads a block; To, Cc and Bcc fields go into b->lists at once. is_message: it heads a message, not a mere part. */
void email_read_fields(
	struct email_builder *b, str block, bool is_message, unsigned share, struct email_fields *ret);
/* digest: what has no Content-Type is a message. */
void email_read_entity(
	struct email_builder *b, const struct email_fields *f, bool digest, struct email_entity *ret);
/* Append to b->pack. */
void email_pack_entity(struct email_builder *b, const struct email_fields *f, const struct email_entity *e,
	unsigned share, uint8_t *flags);
/* Gives the subject as far as it was packed; in the arena, or borrowed from the block. */
str email_pack_envelope(struct email_builder *b, const struct email_fields *f, unsigned share);
/* Ids, dates and counts of the message itself. */
void email_note_message(struct email_builder *b, const struct email_fields *f, str subject);

#endif
