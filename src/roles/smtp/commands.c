/* roles/smtp/commands.c - the commands, the states in which they may be said, and the short ones themselves */
#include "roles/smtp/smtp.h"

#include "base/mem.h"

#include <stdlib.h>

static bool
is_in_list(const str *list, size_t n, str word)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(list[i], word))
			return true;
	return false;
}

/* RFC 3207. What the client sent behind STARTTLS came in the clear and may be an attacker's: it ends the connection. */
static enum fault
cmd_starttls(struct smtp_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	if (smtp_is_tls(s))
		return BAD_SEQUENCE;
	if (!s->service->tls || s->service->tls_level == TLS_NONE)
		return NOT_IMPLEMENTED;
	TRY(smtp_may_shake(s));
	smtp_say(s, REPLY_START_TLS, S(""));
	TRY(smtp_flush(s));
	if (smtp_shake(s) != OK)
		return CLOSED;
	/* All that was said before is forgotten. */
	smtp_forget_mail(s);
	free(s->helo);
	s->helo = NULL;
	s->esmtp = false;
	s->state = SMTP_FRESH;
	return OK;
}

static enum fault
cmd_rset(struct smtp_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	smtp_forget_mail(s);
	if (s->state != SMTP_FRESH)
		s->state = SMTP_GREETED;
	smtp_say(s, REPLY_RESET, S(""));
	return OK;
}

static enum fault
cmd_noop(struct smtp_session *s, str args)
{
	(void)args;
	smtp_say(s, REPLY_NOTHING_DONE, S(""));
	return OK;
}

static enum fault
cmd_quit(struct smtp_session *s, str args)
{
	(void)args;
	smtp_say(s, REPLY_BYE, S(""));
	s->closing = true;
	return OK;
}

static enum fault cmd_help(struct smtp_session *s, str args);

static enum fault
cmd_none(struct smtp_session *s, str args)
{
	(void)s;
	(void)args;
	return NOT_IMPLEMENTED;
}

enum {
	ANY = SMTP_FRESH | SMTP_GREETED | SMTP_IN_MAIL | SMTP_HAS_RCPT | SMTP_IN_CHUNKS,
	IDLE = SMTP_FRESH | SMTP_GREETED
};
/* Leads nowhere; must be the last of a group (RFC 2920 3.1); is not said in LMTP; in nothing but LMTP (RFC 2033 4.1). */
enum { JUNK = 1, LAST = 2, NO_LMTP = 4, LMTP = 8 };

/* clang-format off */
static const struct smtp_verb_row {
	enum smtp_verb verb;
	uint8_t states; /* in which it may be said */
	uint8_t kind;
	enum fault (*run)(struct smtp_session *s, str args);
} verbs[] = {
	{ SMTP_HELO,     ANY,                          LAST | NO_LMTP, smtp_cmd_helo },
	{ SMTP_EHLO,     ANY,                          LAST | NO_LMTP, smtp_cmd_ehlo },
	{ SMTP_LHLO,     ANY,                          LAST | LMTP, smtp_cmd_ehlo },
	{ SMTP_STARTTLS, IDLE,                         LAST, cmd_starttls },
	{ SMTP_AUTH,     SMTP_GREETED,                 LAST, smtp_cmd_auth },
	{ SMTP_XCLIENT,  IDLE,                         LAST, smtp_cmd_xclient },
	{ SMTP_XFORWARD, IDLE,                         JUNK, smtp_cmd_xforward },
	{ SMTP_MAIL,     IDLE,                         0,    smtp_cmd_mail },
	{ SMTP_RCPT,     SMTP_IN_MAIL | SMTP_HAS_RCPT, 0,    smtp_cmd_rcpt },
	{ SMTP_DATA,     SMTP_IN_MAIL | SMTP_HAS_RCPT, LAST, smtp_cmd_data },
	{ SMTP_BDAT,     ANY,                          0,    smtp_cmd_bdat }, /* its octets must be taken off in any state */
	{ SMTP_RSET,     ANY,                          JUNK, cmd_rset },
	{ SMTP_NOOP,     ANY,                          JUNK, cmd_noop },
	{ SMTP_HELP,     ANY,                          JUNK, cmd_help },
	{ SMTP_VRFY,     ANY,                          JUNK, smtp_cmd_vrfy },
	{ SMTP_EXPN,     ANY,                          JUNK, smtp_cmd_expn },
	{ SMTP_ETRN,     ANY,                          JUNK, cmd_none }, /* RFC 1985: there is nothing queued to fetch */
	{ SMTP_QUIT,     ANY,                          0,    cmd_quit },
};
/* clang-format on */

/* The words that mean something here: not the other language's, nor what only some peers may say. */
static enum fault
cmd_help(struct smtp_session *s, str args)
{
	struct buf lines = { 0 };

	(void)args;
	buf_add_c(&lines, "Commands:");
	for (size_t i = 0; i < COUNT(verbs); i++) {
		bool other = verbs[i].kind & (s->service->lmtp ? NO_LMTP : LMTP);
		bool hidden = (verbs[i].verb == SMTP_XCLIENT && !s->may_xclient) ||
			      (verbs[i].verb == SMTP_XFORWARD && !s->may_xforward) ||
			      (verbs[i].verb == SMTP_VRFY && !smtp_offers(s, SMTP_CAP_VRFY)) ||
			      (verbs[i].verb == SMTP_EXPN && !smtp_offers(s, SMTP_CAP_EXPN));

		if (!other && !hidden && verbs[i].run != cmd_none)
			buf_printf(&lines, " %s", smtp_verb_name(verbs[i].verb));
	}
	buf_add_c(&lines, "\nSee RFC 5321; `postrider explain CODE` says what a reply means");
	smtp_lines_add(&s->stream.out, 214, S("2.0.0"), buf_str(&lines));
	buf_done(&lines);
	return OK;
}

static const struct smtp_verb_row *
find(enum smtp_verb v)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].verb == v)
			return &verbs[i];
	return NULL;
}

static enum fault
run(struct smtp_session *s, const struct smtp_command *c)
{
	const struct smtp_verb_row *v = find(c->verb);

	if (!v)
		return c->verb == SMTP_UNKNOWN ? UNKNOWN_COMMAND : NOT_IMPLEMENTED;
	if (v->kind & (s->service->lmtp ? NO_LMTP : LMTP))
		return UNKNOWN_COMMAND;
	if ((v->kind & JUNK) && ++s->junk > s->service->junk_limit)
		s->errors++;
	if (s->denied && c->verb != SMTP_QUIT)
		return ACCESS_DENIED;
	if (!(v->states & s->state))
		return BAD_SEQUENCE;
	/* Commands behind one whose answer the client has to wait for were sent by somebody who does not listen. Behind STARTTLS that is an
	 * injection, always. */
	if ((v->kind & LAST) && stream_pending(&s->stream).n &&
		(s->service->no_early_pipelining || c->verb == SMTP_STARTTLS))
		return EARLY_PIPELINING;
	return v->run(s, c->args);
}

enum fault
smtp_command_run(struct smtp_session *s, const struct smtp_command *c)
{
	enum fault f;

	if (c->verb == SMTP_HTTP || is_in_list(s->service->forbidden, s->service->forbidden_count, c->word))
		return HTTP_HERE;
	f = run(s, c);
	switch (f) {
	case OK:
	case ALREADY_TOLD: return OK;
	case CLOSED:
	case CANCELLED:
	case TIMED_OUT:
	case EARLY_PIPELINING:
	case SHUTTING_DOWN: return f;
	default: smtp_refuse(s, f, S("")); return OK;
	}
}
