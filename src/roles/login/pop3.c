/* roles/login/pop3.c - POP3's AUTHORIZATION state: RFC 1939 4 and 7, RFC 2449 5, RFC 2595 4, RFC 5034, RFC 6856 2 */
#include "base/mem.h"
#include "roles/login/login.h"
#include "roles/pop3/capa.h"
#include "wire/pop3.h"

enum { MOST_USER = SASL_USER };

static const struct conf *
conf_of(const struct login_session *s)
{
	return s->login->role->conf;
}

static void
forget_user(struct login_session *s)
{
	free(s->user);
	s->user = NULL;
}

static enum fault
cmd_capa(struct login_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	pop3_ok_add(&s->stream.out, S("Capabilities follow"));
	pop3_capa_add(&s->stream.out, conf_of(s), login_is_tls(s));
	pop3_end_add(&s->stream.out, true);
	return OK;
}

static enum fault
cmd_stls(struct login_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	TRY(login_start_tls(s, S("+OK Begin TLS negotiation\r\n")));
	forget_user(s);
	s->utf8 = false;
	return OK;
}

static enum fault
may_log_in(const struct login_session *s)
{
	return login_may(s) ? OK : TLS_REQUIRED;
}

/* Every name gets the same answer. */
static enum fault
cmd_user(struct login_session *s, str args)
{
	TRY(may_log_in(s));
	if (args.n == 0 || args.n > MOST_USER || !str_is_utf8(args) || str_has_ctl(args))
		return BAD_ARGUMENT;
	forget_user(s);
	s->user = strndup(args.p, args.n);
	pop3_ok_add(&s->stream.out, S("Send PASS"));
	return OK;
}

static enum fault
cmd_pass(struct login_session *s, str args)
{
	char *user;
	enum fault f;

	TRY(may_log_in(s));
	if (!s->user)
		return BAD_SEQUENCE;
	if (args.n == 0)
		return BAD_ARGUMENT;
	user = s->user;
	s->user = NULL;
	f = login_password(s, str_c(user), args, "PASS");
	free(user);
	return f;
}

static enum fault
cmd_auth(struct login_session *s, str args)
{
	TRY(may_log_in(s));
	if (args.n)
		return login_auth(s, args);
	/* RFC 1734 had no list; clients older than CAPA ask in this way. */
	pop3_ok_add(&s->stream.out, S("Mechanisms follow"));
	login_mechs_add(&s->stream.out, s, S(""), S("\r\n"));
	pop3_end_add(&s->stream.out, true);
	return OK;
}

static enum fault
cmd_utf8(struct login_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	s->utf8 = true;
	pop3_ok_add(&s->stream.out, S("UTF-8 it is"));
	return OK;
}

static enum fault
cmd_quit(struct login_session *s, str args)
{
	(void)args;
	s->closing = true;
	pop3_ok_add(&s->stream.out, S("Bye"));
	return OK;
}

static enum fault
cmd_too_early(struct login_session *s, str args)
{
	(void)s;
	(void)args;
	return AUTH_REQUIRED;
}

static enum fault
cmd_not_here(struct login_session *s, str args)
{
	(void)s;
	(void)args;
	return NOT_IMPLEMENTED;
}

static const struct {
	enum pop3_verb verb;
	enum fault (*run)(struct login_session *s, str args);
} verbs[] = {
	{ POP3_CAPA, cmd_capa },
	{ POP3_STLS, cmd_stls },
	{ POP3_USER, cmd_user },
	{ POP3_PASS, cmd_pass },
	{ POP3_AUTH, cmd_auth },
	{ POP3_UTF8, cmd_utf8 },
	{ POP3_QUIT, cmd_quit },
	{ POP3_APOP, cmd_not_here }, /* needs the password itself, and MD5 */
	{ POP3_LANG, cmd_not_here },
	{ POP3_STAT, cmd_too_early },
	{ POP3_LIST, cmd_too_early },
	{ POP3_UIDL, cmd_too_early },
	{ POP3_RETR, cmd_too_early },
	{ POP3_TOP, cmd_too_early },
	{ POP3_DELE, cmd_too_early },
	{ POP3_RSET, cmd_too_early },
	{ POP3_NOOP, cmd_too_early },
};

static enum fault
run(struct login_session *s, str line)
{
	struct pop3_command c;

	TRY(pop3_command_parse(line, &c));
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].verb == c.verb)
			return verbs[i].run(s, c.args);
	return UNKNOWN_COMMAND;
}

static void
greet(struct login_session *s)
{
	buf_printf(&s->stream.out, "+OK %.*s POP3 server ready\r\n",
		STR_ARG(conf_str(conf_of(s), CONF_myhostname)));
}

static void
tell(struct login_session *s, enum fault f)
{
	pop3_fault_add(&s->stream.out, f, S(""));
}

const struct login_protocol login_pop3 = { "pop3", TALK_POP3, POP3_LINE, greet, run, tell, tell };
