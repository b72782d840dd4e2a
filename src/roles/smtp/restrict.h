/* roles/smtp/restrict.h - main.cf's restriction lists (rules/rules.h), asked on the way of a message
 * The lists know nothing of sessions: what they need is gathered here, and here is done what they say. */
#ifndef ROLES_SMTP_RESTRICT_H
#define ROLES_SMTP_RESTRICT_H

#include "roles/smtp/smtp.h"

/* Asks the lists of a step. OK: go on. ALREADY_TOLD: the reply has been said. Others end the session or are told as they are. rcpt and whose: at RCPT.
 * Waits, when a list asks somebody. */
enum fault smtp_restrict(
	struct smtp_session *s, enum rules_step step, const struct addr *rcpt, struct smtp_whose *whose);
/* A session's part of it: what is kept from step to step without smtpd_delay_reject. */
void smtp_restrict_done(struct smtp_session *s);
/* BCC and REDIRECT, when the message has come: they change its recipients. Waits. A target that cannot be had is a refusal for the time being. */
enum fault smtp_restrict_recipients(struct smtp_session *s);

/* policy.c: the services that the lists of one listener ask, and their connections. */
struct smtp_policies;
struct smtp_policies *smtp_policies_new(struct role *r, const struct rules *rules); /* NULL: none is asked */
void smtp_policies_free(struct smtp_policies *p);
/* The rights a jail needs for them; 0: none. */
unsigned smtp_policies_rights(const struct smtp_policies *p);
/* The action it says, or its default one when it cannot be asked; in the arena. Waits. CANCELLED. */
enum fault smtp_policy_ask(struct smtp_policies *p, size_t service, str request, struct arena *a,
	const struct log *log, str *ret_action);

#endif
