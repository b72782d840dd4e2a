/* roles/smtp/recipients.h - whose is an address of the envelope, and what may an account send
 * All of it may wait for `store`, once in the common case. */
#ifndef ROLES_SMTP_RECIPIENTS_H
#define ROLES_SMTP_RECIPIENTS_H

#include "people/text.h"
#include "roles/limits.h"
#include "roles/smtp/smtp.h"

struct smtp_question {
	struct smtp_session *s;
	uint64_t size;    /* of the message, when it was announced: for quotas */
	uint32_t writer;  /* 0, or: has this account written to that address? */
	uint64_t written; /* its hash */
	bool first;       /* the answer: never */
};
/* Nothing is taken: only asked. may_relay: the client may send to others' domains. Faults: those of people_resolve, STORE_DOWN. *ret lives in
 * the arena. */
enum fault smtp_resolve(struct smtp_question *q, struct arena *a, const struct addr *to, bool may_relay,
	struct resolution *ret);
/* Does mail for this address reach the account that has logged in, and, with `alone`, nobody else? OK, NOT_PERMITTED, or a temporary fault. */
enum fault smtp_owns(struct smtp_session *s, const struct addr *ad, bool alone);

/* RCPT: adds the mailboxes of the address, and of the copies main.cf wants, to the message; or nothing. *ret_why: what is to be said behind
 * the fault's words; in the message's arena. */
enum fault smtp_take_rcpt(struct smtp_session *s, const struct addr *to, struct smtp_whose *w, str *ret_why);
/* Asks whose an address is, unless it was asked before. sender: it is one, so room does not matter. Waits. */
enum fault smtp_ask_whose(struct smtp_session *s, const struct addr *ad, bool sender, struct smtp_whose *w);
/* Makes them recipients, for redirected mail and copies. Faults: of who cannot take it; TOO_MANY_RCPTS. */
enum fault smtp_take_whose(struct smtp_session *s, const struct smtp_whose *w);
/* One more of a kind for the account that has logged in, if its limits permit: ACCOUNT_LIMIT with *ret_why. Calm when nobody has. */
enum fault smtp_count_account(struct smtp_session *s, enum limits_account_kind kind, str *ret_why);

#endif
