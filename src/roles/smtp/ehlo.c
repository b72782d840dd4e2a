/* roles/smtp/ehlo.c - HELO, EHLO, LHLO and what they list */
#include "roles/smtp/restrict.h"

#include "base/mem.h"
#include "conf/maps.h"

#include <stdlib.h>

static bool
always(const struct smtp_session *s)
{
	(void)s;
	return true;
}
static bool
tls_unused(const struct smtp_session *s)
{
	return s->service->tls && !smtp_is_tls(s) && s->service->tls_level != TLS_NONE;
}
static bool
utf8_wanted(const struct smtp_session *s)
{
	return s->service->utf8;
}
static bool
may_auth(const struct smtp_session *s)
{
	for (size_t i = 0; i < s->smtp->mech_count; i++)
		if (smtp_may_auth(s, s->smtp->mechs[i]))
			return true;
	return false;
}
/* For mail programs of the last century, which look for "AUTH=". */
static bool
may_old_auth(const struct smtp_session *s)
{
	return s->service->old_auth && smtp_offers(s, SMTP_CAP_AUTH);
}
static bool
may_xclient(const struct smtp_session *s)
{
	return s->may_xclient;
}
static bool
may_xforward(const struct smtp_session *s)
{
	return s->may_xforward;
}

static bool
vrfy_wanted(const struct smtp_session *s)
{
	return !s->service->no_vrfy;
}
static bool
may_expn(const struct smtp_session *s)
{
	return !s->service->no_vrfy && smtp_may_vrfy(s);
}

static bool
prdr_wanted(const struct smtp_session *s)
{
	return s->service->prdr && !s->service->lmtp;
}

static void
say_size(const struct smtp_session *s, struct buf *b)
{
	buf_printf(b, " %llu", (unsigned long long)s->service->size_limit);
}
static void
say_limits(const struct smtp_session *s, struct buf *b)
{
	buf_printf(b, " RCPTMAX=%llu", (unsigned long long)s->service->rcpt_limit);
}
static void
add_mechs(const struct smtp_session *s, struct buf *b, const char *before)
{
	for (size_t i = 0; i < s->smtp->mech_count; i++)
		if (smtp_may_auth(s, s->smtp->mechs[i])) {
			buf_printf(b, "%s%s", before, sasl_mech_name(s->smtp->mechs[i]));
			before = " ";
		}
}
static void
say_mechs(const struct smtp_session *s, struct buf *b)
{
	add_mechs(s, b, " ");
}
static void
say_old_mechs(const struct smtp_session *s, struct buf *b)
{
	add_mechs(s, b, "=");
}
static void
say_xclient(const struct smtp_session *s, struct buf *b)
{
	(void)s;
	smtp_xclient_list(b, false);
}
static void
say_xforward(const struct smtp_session *s, struct buf *b)
{
	(void)s;
	smtp_xclient_list(b, true);
}

/* clang-format off */
static const struct ehlo_cap {
	str word;
	bool (*offered)(const struct smtp_session *s);
	void (*argument)(const struct smtp_session *s, struct buf *b);
} caps[SMTP_CAPS] = { /* word, offered when, its argument: source */
	[SMTP_CAP_PIPELINING] = { SC("PIPELINING"), always,       NULL },         /* RFC 2920 */
	[SMTP_CAP_SIZE] =       { SC("SIZE"),       always,       say_size },     /* RFC 1870 */
	[SMTP_CAP_8BITMIME] =   { SC("8BITMIME"),   always,       NULL },         /* RFC 6152 */
	[SMTP_CAP_SMTPUTF8] =   { SC("SMTPUTF8"),   utf8_wanted,  NULL },         /* RFC 6531 */
	[SMTP_CAP_CHUNKING] =   { SC("CHUNKING"),   always,       NULL },         /* RFC 3030 */
	[SMTP_CAP_PRDR] =       { SC("PRDR"),       prdr_wanted,  NULL },         /* draft-hall-prdr-00 */
	[SMTP_CAP_LIMITS] =     { SC("LIMITS"),     always,       say_limits },   /* RFC 9422 */
	[SMTP_CAP_ENHANCEDSTATUSCODES] = { SC("ENHANCEDSTATUSCODES"), always, NULL }, /* RFC 2034 */
	[SMTP_CAP_STARTTLS] =   { SC("STARTTLS"),   tls_unused,   NULL },         /* RFC 3207 */
	[SMTP_CAP_AUTH] =       { SC("AUTH"),       may_auth,     say_mechs },    /* RFC 4954 */
	[SMTP_CAP_OLD_AUTH] =   { SC("AUTH"),       may_old_auth, say_old_mechs }, /* broken_sasl_auth_clients */
	[SMTP_CAP_XCLIENT] =    { SC("XCLIENT"),    may_xclient,  say_xclient },  /* Postfix's XCLIENT_README */
	[SMTP_CAP_XFORWARD] =   { SC("XFORWARD"),   may_xforward, say_xforward }, /* Postfix's XFORWARD_README */
	[SMTP_CAP_VRFY] =       { SC("VRFY"),       vrfy_wanted,  NULL },         /* RFC 5321 3.5.3 */
	[SMTP_CAP_EXPN] =       { SC("EXPN"),       may_expn,     NULL },         /* RFC 5321 3.5.3 */
};
/* clang-format on */

uint32_t
smtp_caps_of(const str *words, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < SMTP_CAPS; k++)
			if (str_eq_nocase(words[i], caps[k].word))
				bits |= 1u << k;
	return bits;
}

bool
smtp_offers(const struct smtp_session *s, enum smtp_cap c)
{
	return !(s->discarded_caps & 1u << c) && caps[c].offered(s);
}

/* What is not offered to this client: by its address, else what is offered to nobody. */
static uint32_t
discarded_for(const struct smtp_session *s)
{
	enum { MOST_WORDS = 32 };
	struct arena a = { 0 };
	uint32_t caps_of = s->service->discarded_caps;
	str words[MOST_WORDS], value;
	size_t n = 0;

	if (maps_empty(s->service->discard_maps))
		return caps_of;
	if (maps_find(s->service->discard_maps, &a, peer_text(&a, &s->peer), true, &value) == OK) {
		for (str word; n < MOST_WORDS && str_take_until(&value, ',', &word);)
			while (n < MOST_WORDS && str_take_word(&word, &words[n]))
				n++;
		caps_of = smtp_caps_of(words, n);
	}
	arena_done(&a);
	return caps_of;
}

/* ALREADY_TOLD: the name that was said before stays. */
static enum fault
take_helo(struct smtp_session *s, str name, bool esmtp)
{
	char *before = s->helo;
	enum fault f;

	smtp_forget_mail(s);
	if (s->state != SMTP_FRESH)
		s->state = SMTP_GREETED;
	s->helo = strndup(name.p, name.n);
	smtp_trust_helo(s, name);
	f = smtp_restrict(s, RULES_AT_HELO, NULL, NULL);
	if (f != OK) {
		free(s->helo);
		s->helo = before;
		return f;
	}
	free(before);
	s->esmtp = esmtp;
	s->discarded_caps = discarded_for(s);
	s->state = SMTP_GREETED;
	return OK;
}

enum fault
smtp_cmd_helo(struct smtp_session *s, str args)
{
	TRY(smtp_helo_check(args));
	TRY(take_helo(s, args, false));
	smtp_say(s, REPLY_HELO, s->service->hostname);
	return OK;
}

enum fault
smtp_cmd_ehlo(struct smtp_session *s, str args)
{
	struct buf lines = { 0 };

	TRY(smtp_helo_check(args));
	TRY(take_helo(s, args, true));
	buf_add(&lines, s->service->hostname);
	for (unsigned i = 0; i < SMTP_CAPS; i++) {
		if (!smtp_offers(s, (enum smtp_cap)i))
			continue;
		buf_add_char(&lines, '\n');
		buf_add(&lines, caps[i].word);
		if (caps[i].argument)
			caps[i].argument(s, &lines);
	}
	smtp_lines_add(&s->stream.out, 250, S(""), buf_str(&lines));
	buf_done(&lines);
	return OK;
}
