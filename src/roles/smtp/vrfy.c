/* roles/smtp/vrfy.c - VRFY and EXPN: is it an address of ours, and who is behind it?
 * RFC 5321 3.5 and 7.3. Only those whom vrfy_clients permits are told, what RCPT would find, with nothing taken: a transaction goes on as it was. Others
 * hear 252 from VRFY, whatever they ask, and 502 from EXPN. Each question counts as RCPT and as a command that leads nowhere. */
#include "roles/smtp/recipients.h"

#include "base/mem.h"

enum { MOST_MEMBERS = 100 }; /* that EXPN lists */

bool
smtp_may_vrfy(const struct smtp_session *s)
{
	const struct conf *c = s->service->conf;

	if (conf_has_word(c, CONF_vrfy_clients, S("permit_sasl_authenticated")) && smtp_is_logged_in(s))
		return true;
	if (conf_has_word(c, CONF_vrfy_clients, S("permit_mynetworks")) && s->trusted &&
		smtp_peer_is_in(s, CONF_mynetworks))
		return true;
	return smtp_peer_is_in(s, CONF_vrfy_clients);
}

/* A name alone is one of mydomain or, else, of myhostname. */
static enum fault
resolve(struct smtp_session *s, struct arena *a, struct addr of, struct resolution *ret)
{
	struct smtp_question q = { .s = s };
	enum fault f;

	if (of.domain.n)
		return smtp_resolve(&q, a, &of, false, ret);
	of.domain = conf_str(s->service->conf, CONF_mydomain);
	f = smtp_resolve(&q, a, &of, false, ret);
	if (f == OK || fault_is_temporary(f))
		return f;
	of.domain = s->service->hostname;
	f = smtp_resolve(&q, a, &of, false, ret);
	return f == RELAY_DENIED ? NO_SUCH_MAILBOX : f;
}

/* VRFY tells an account's own address; a list's stays what it is. */
static void
add_lines(struct arena *a, const struct resolution *r, bool expand, struct buf *lines)
{
	size_t n = expand ? MIN(r->n, (size_t)MOST_MEMBERS) : 1;

	for (size_t i = 0; i < n; i++)
		buf_printf(lines, "%s<%.*s>", i ? "\n" : "",
			STR_ARG(expand || r->n == 1 ? r->list[i].address : r->address));
	if (expand && n < r->n)
		buf_add(lines, arena_printf(a, "\n%zu more are not listed", r->n - n));
}

static enum fault
answer(struct smtp_session *s, struct arena *a, str args, bool expand)
{
	struct smtp_vrfy v;
	struct resolution r;
	struct buf lines = { 0 };
	enum fault f;

	TRY(smtp_vrfy_parse(a, args, smtp_offers(s, SMTP_CAP_SMTPUTF8), &v));
	TRY(smtp_count(s, LIMITS_RECIPIENTS));
	f = resolve(s, a, v.of, &r);
	if (f == NO_SUCH_MAILBOX && !expand && v.of.domain.n == 0) {
		smtp_say(s, REPLY_CANNOT_VRFY,
			S("")); /* it may be somebody's, of a domain that was not said */
		return OK;
	}
	if (f == RELOCATED) {
		smtp_refuse(s, f, r.why);
		return OK;
	}
	TRY(f);
	add_lines(a, &r, expand, &lines);
	if (!v.utf8 && !str_is_ascii(buf_str(&lines)))
		smtp_say(s, REPLY_VRFY_NEEDS_UTF8, S(""));
	else
		smtp_lines_add(&s->stream.out, 250, S("2.1.5"), buf_str(&lines));
	buf_done(&lines);
	return OK;
}

static enum fault
ask(struct smtp_session *s, str args, bool expand)
{
	struct arena a = { 0 };
	enum fault f;

	if (s->service->tls_level == TLS_ENCRYPT && !smtp_is_tls(s))
		return STARTTLS_FIRST;
	f = answer(s, &a, arena_str(&a, args), expand); /* the line goes when there is a wait */
	arena_done(&a);
	return f;
}

enum fault
smtp_cmd_vrfy(struct smtp_session *s, str args)
{
	if (!smtp_offers(s, SMTP_CAP_VRFY))
		return NOT_IMPLEMENTED;
	if (args.n == 0)
		return BAD_ARGUMENT;
	smtp_recheck_trust(s);
	if (smtp_may_vrfy(s))
		return ask(s, args, false);
	smtp_say(s, REPLY_CANNOT_VRFY, S(""));
	return OK;
}

enum fault
smtp_cmd_expn(struct smtp_session *s, str args)
{
	smtp_recheck_trust(s);
	if (!smtp_offers(s, SMTP_CAP_EXPN))
		return NOT_IMPLEMENTED;
	return ask(s, args, true);
}
