/* roles/smtp/incoming.h - a message on its way in, whichever command brings it
 * DATA takes dots off (data.c), BDAT counts octets (bdat.c); both add what they got to `body` and call smtp_incoming_grow, which feeds the email
 * row (mail/email.h). The client's header is held back until it is whole, for duties.h. Up to SMTP_LARGE the body waits here; beyond, it streams into a file of the store's in pieces. The end
 * gives the whole to `store` in one request. */
#ifndef ROLES_SMTP_INCOMING_H
#define ROLES_SMTP_INCOMING_H

#include "mail/mend.h"
#include "roles/smtp/smtp.h"

struct incoming {
	struct smtp_session *s;
	struct email_builder *builder;
	struct buf body; /* not yet handed over */
	uint64_t size;   /* octets stored so far, trace header included */
	uint64_t taken;  /* octets the client sent */
	uint64_t large;  /* number of the large body at the store; 0: none */
	int64_t began_ms, wall_ms;
	int64_t paused_ms; /* the end of the last chunk */
	char id[32];
	bool in_header; /* the client's header has not ended: nothing of it has been fed to the row */
	size_t header_at, header_seen; /* in body: where it begins; how much of it has been looked at */
	struct mend_lines lines;
	struct smtp_newlines newlines; /* of chunks */
	bool bare_cr, bare_lf;         /* seen, in what must have neither */
	enum fault
		*verdicts; /* after the end: of each of txn->rcpts, when they are answered each; else NULL */
	bool ended_in_cr, gave_lf; /* how the last piece ended, for newlines that are mended */
	enum fault fault;          /* the first that went wrong: the rest is read and dropped */
};

/* May octets of a message come now? Asked before 354 and before the first chunk: what must hold for DATA holds for BDAT. */
enum fault smtp_incoming_may_begin(struct smtp_session *s);
/* The caller's memory; the transaction must outlive it. The trace header stands in it already. */
void smtp_incoming_init(struct incoming *in, struct smtp_session *s);
/* Takes in what has been added to the body since `from`. May wait (a large body). */
void smtp_incoming_grow(struct incoming *in, size_t from);
/* smtpd_forbid_bare_newline, for what has been added since `from`: call it before smtp_incoming_grow. */
void smtp_incoming_mend_newlines(struct incoming *in, size_t from);
/* Has the client been slower than smtpd_min_data_rate permits? */
bool smtp_incoming_too_slow(const struct incoming *in);
/* All octets are there: judges the message and, if nothing went wrong, makes it durable. Waits. The result is what the client is told;
 * it has been logged. */
enum fault smtp_incoming_end(struct incoming *in);
/* Says it, and the transaction is over. */
void smtp_incoming_tell(struct incoming *in, enum fault f);
/* What is not stored is dropped. Calm when zeroed. */
void smtp_incoming_done(struct incoming *in);

#endif
