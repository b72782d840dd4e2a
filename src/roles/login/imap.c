/* roles/login/imap.c - IMAP's not authenticated state: RFC 9051 6.1, 6.2; RFC 4959 (initial responses), RFC 7888 (literals)
 * CAPABILITY, NOOP, LOGOUT, ID, STARTTLS, LOGIN, AUTHENTICATE. What else there is, is told apart from what there is not. */
#include "roles/imap/caps.h"
#include "roles/login/login.h"

#include "base/mem.h"
#include "wire/imap_out.h"

#include <stdlib.h>

enum { TEXT = 16384 /* octets of a command with its literals, before anybody is known */ };

static const struct conf *
conf_of(const struct login_session *s)
{
	return s->login->role->conf;
}

/* What a client may know before it logs in. */
static void
add_capabilities(struct buf *b, const struct login_session *s)
{
	buf_add(b, S("CAPABILITY " IMAP_CAPS_ALWAYS));
	if (!login_is_tls(s))
		buf_add(b, S(" STARTTLS"));
	if (!login_may(s))
		buf_add(b, S(" LOGINDISABLED"));
	login_mechs_add(b, s, S(" AUTH="), S(""));
}

static void
say_ok(struct login_session *s, const char *text)
{
	imap_ok_add(&s->stream.out, str_c(s->tag), S(""), str_c(text));
}

/* ---- commands ---- */

static enum fault
cmd_capability(struct login_session *s, const struct imap_command *c)
{
	(void)c;
	buf_add(&s->stream.out, S("* "));
	add_capabilities(&s->stream.out, s);
	buf_add(&s->stream.out, S("\r\n"));
	say_ok(s, "That is it");
	return OK;
}

static enum fault
cmd_noop(struct login_session *s, const struct imap_command *c)
{
	(void)c;
	say_ok(s, "Done");
	return OK;
}

static enum fault
cmd_id(struct login_session *s, const struct imap_command *c)
{
	(void)c;
	buf_add(&s->stream.out, S("* ID (\"name\" \"Postrider\")\r\n"));
	say_ok(s, "Pleased to meet you");
	return OK;
}

static enum fault
cmd_logout(struct login_session *s, const struct imap_command *c)
{
	(void)c;
	s->closing = true;
	buf_add(&s->stream.out, S("* BYE Logging out\r\n"));
	say_ok(s, "Bye");
	return OK;
}

static enum fault
cmd_starttls(struct login_session *s, const struct imap_command *c)
{
	struct arena a = { 0 };
	str answer = arena_printf(&a, "%s OK Begin TLS negotiation\r\n", s->tag);
	enum fault f = login_start_tls(s, answer);

	(void)c;
	arena_done(&a);
	return f;
}

static enum fault
cmd_login(struct login_session *s, const struct imap_command *c)
{
	str user = c->two.first;

	if (!login_may(s))
		return TLS_REQUIRED;
	if (user.n == 0 || user.n > SASL_USER || !str_is_utf8(user) || str_has_ctl(user))
		return AUTH_FAILED;
	return login_password(s, user, c->two.second, "LOGIN");
}

static enum fault
cmd_authenticate(struct login_session *s, const struct imap_command *c)
{
	struct arena a = { 0 };
	str args;
	enum fault f;

	if (!login_may(s))
		return TLS_REQUIRED;
	args = arena_printf(&a, "%.*s %.*s", STR_ARG(c->two.first), STR_ARG(c->two.second));
	f = login_auth(s, args);
	arena_done(&a);
	return f;
}

static const struct {
	enum imap_verb verb;
	enum fault (*run)(struct login_session *s, const struct imap_command *c);
} verbs[] = {
	{ IMAP_CAPABILITY, cmd_capability },
	{ IMAP_NOOP, cmd_noop },
	{ IMAP_ID, cmd_id },
	{ IMAP_LOGOUT, cmd_logout },
	{ IMAP_STARTTLS, cmd_starttls },
	{ IMAP_LOGIN, cmd_login },
	{ IMAP_AUTHENTICATE, cmd_authenticate },
};

/* ---- a command with its literals ---- */

/* The octets of a literal and the line behind them go to the end of text. Waits. */
static enum fault
take_literal(struct login_session *s, const struct imap_literal *l, struct buf *text)
{
	str line;
	bool bare;

	if (l->size > TEXT - MIN(text->n, (size_t)TEXT))
		return l->sync ? TOO_BIG
			       : TOO_MANY_ERRORS; /* what is on its way cannot be told from commands */
	if (l->sync)
		buf_add(&s->stream.out, S("+ Go on\r\n"));
	TRY(stream_flush(&s->stream));
	buf_add(text, S("\r\n"));
	for (uint64_t left = l->size; left;) {
		str have = str_sub(stream_pending(&s->stream), 0, (size_t)left);

		if (have.n == 0) {
			TRY(stream_fill(&s->stream, TEXT));
			continue;
		}
		buf_add(text, have);
		stream_consume(&s->stream, have.n);
		left -= have.n;
	}
	TRY(stream_take_line(&s->stream, TEXT, &line, &bare));
	buf_add(text, line);
	return OK;
}

static enum fault
gather(struct login_session *s, str line, struct buf *text)
{
	struct imap_literal l;

	buf_add(text, line);
	while (imap_literal_of(buf_str(text), &l))
		TRY(take_literal(s, &l, text));
	return text->n > TEXT ? TOO_BIG : OK;
}

static enum fault
run_command(struct login_session *s, const struct imap_command *c)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].verb == c->verb)
			return verbs[i].run(s, c);
	return AUTH_REQUIRED;
}

static void
keep_tag(struct login_session *s, str tag)
{
	free(s->tag);
	s->tag = tag.n ? strndup(tag.p, tag.n) : NULL;
}

static enum fault
run(struct login_session *s, str line)
{
	struct arena a = { 0 };
	struct buf text = { 0 };
	struct imap_command c = { .tag = S("") };
	enum fault f = gather(s, line, &text);

	if (f == OK || f == TOO_BIG) {
		enum fault parsed = imap_command_parse(&a, buf_str(&text), 0, &c);

		keep_tag(s, c.tag);
		f = f == OK ? parsed : f;
	}
	if (f == OK)
		f = run_command(s, &c);
	if (text.n)
		mem_wipe(text.p, text.n); /* there may be a password in it */
	buf_done(&text);
	arena_done(&a);
	return f;
}

/* ---- words ---- */

static void
greet(struct login_session *s)
{
	buf_add(&s->stream.out, S("* OK ["));
	add_capabilities(&s->stream.out, s);
	buf_printf(&s->stream.out, "] %.*s IMAP server ready\r\n",
		STR_ARG(conf_str(conf_of(s), CONF_myhostname)));
}

static void
tell(struct login_session *s, enum fault f)
{
	imap_fault_add(&s->stream.out, str_c(s->tag), f, S(""));
}

static void
cut(struct login_session *s, enum fault f)
{
	buf_printf(&s->stream.out, "* BYE %s\r\n", fault_words(f)->text);
}

const struct login_protocol login_imap = { "imap", TALK_IMAP, IMAP_LINE, greet, run, tell, cut };
