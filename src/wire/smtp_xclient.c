#include "wire/smtp.h"

#include "base/mem.h"
#include "wire/xtext.h"

#include <arpa/inet.h>

enum { MOST_NAME = 255, MOST_IDENT = 255 };

static bool
take_ip(str text, struct smtp_ip *ret)
{
	char c[INET6_ADDRSTRLEN];
	bool six = str_take_nocase(&text, S("IPV6:"));

	if (text.n == 0 || text.n >= sizeof(c) || memchr(text.p, 0, text.n))
		return false;
	memcpy(c, text.p, text.n);
	c[text.n] = 0;
	*ret = (struct smtp_ip){ .bytes = six ? 16 : 4 };
	return inet_pton(six ? AF_INET6 : AF_INET, c, ret->ip) == 1;
}

static enum fault
take_name(struct smtp_xclient *x, enum smtp_xattr a)
{
	return addr_is_domain(x->text[a], false) && !addr_is_literal(x->text[a]) ? OK : BAD_ARGUMENT;
}

static enum fault
take_addr(struct smtp_xclient *x, enum smtp_xattr a)
{
	return take_ip(x->text[a], a == XATTR_ADDR ? &x->addr : &x->destaddr) ? OK : BAD_ARGUMENT;
}

static enum fault
take_port(struct smtp_xclient *x, enum smtp_xattr a)
{
	uint64_t port;

	if (x->text[a].n > 5 || !str_to_u64(x->text[a], 65535, &port) || port == 0)
		return BAD_ARGUMENT;
	*(a == XATTR_PORT ? &x->port : &x->destport) = (uint16_t)port;
	return OK;
}

static enum fault
take_proto(struct smtp_xclient *x, enum smtp_xattr a)
{
	x->esmtp = str_eq_nocase(x->text[a], S("ESMTP"));
	return x->esmtp || str_eq_nocase(x->text[a], S("SMTP")) ? OK : BAD_ARGUMENT;
}

/* What may stand in Received. */
static enum fault
take_helo(struct smtp_xclient *x, enum smtp_xattr a)
{
	return smtp_helo_check(x->text[a]);
}

static enum fault
take_login(struct smtp_xclient *x, enum smtp_xattr a)
{
	return x->text[a].n && x->text[a].n <= 320 ? OK : BAD_ARGUMENT;
}

static enum fault
take_ident(struct smtp_xclient *x, enum smtp_xattr a)
{
	return x->text[a].n && x->text[a].n <= MOST_IDENT ? OK : BAD_ARGUMENT;
}

static enum fault
take_source(struct smtp_xclient *x, enum smtp_xattr a)
{
	return str_eq_nocase(x->text[a], S("LOCAL")) || str_eq_nocase(x->text[a], S("REMOTE")) ? OK
											       : BAD_ARGUMENT;
}

/* clang-format off */
static const struct attr {
	str word;
	bool xclient, xforward; /* in which of them it may stand */
	enum fault (*take)(struct smtp_xclient *x, enum smtp_xattr a);
} attrs[XATTRS] = {
	[XATTR_NAME] =     { SC("NAME"),     true,  true,  take_name },
	[XATTR_ADDR] =     { SC("ADDR"),     true,  true,  take_addr },
	[XATTR_PORT] =     { SC("PORT"),     true,  true,  take_port },
	[XATTR_PROTO] =    { SC("PROTO"),    true,  true,  take_proto },
	[XATTR_HELO] =     { SC("HELO"),     true,  true,  take_helo },
	[XATTR_LOGIN] =    { SC("LOGIN"),    true,  false, take_login },
	[XATTR_DESTADDR] = { SC("DESTADDR"), true,  false, take_addr },
	[XATTR_DESTPORT] = { SC("DESTPORT"), true,  false, take_port },
	[XATTR_IDENT] =    { SC("IDENT"),    false, true,  take_ident },
	[XATTR_SOURCE] =   { SC("SOURCE"),   false, true,  take_source },
};
/* clang-format on */

static enum fault
take_one(struct arena *a, str word, bool forward, struct smtp_xclient *x)
{
	size_t eq = str_find(word, '=');
	str name = str_sub(word, 0, eq), value = str_from(word, eq + 1);

	for (unsigned i = 0; i < XATTRS; i++) {
		unsigned bit = 1u << i;

		if (!str_eq_nocase(name, attrs[i].word) || !(forward ? attrs[i].xforward : attrs[i].xclient))
			continue;
		if (eq == word.n || x->given & bit)
			return BAD_ARGUMENT;
		x->given |= bit;
		if (str_eq_nocase(value, S("[UNAVAILABLE]")) || str_eq_nocase(value, S("[TEMPUNAVAIL]"))) {
			x->unavailable |= bit;
			return OK;
		}
		TRY(xtext_decode(a, value, true, &x->text[i]));
		return attrs[i].take(x, (enum smtp_xattr)i);
	}
	return BAD_ARGUMENT;
}

enum fault
smtp_xclient_parse(struct arena *a, str args, bool forward, struct smtp_xclient *ret)
{
	struct smtp_xclient x = { 0 };
	str word;

	while (str_take_word(&args, &word))
		TRY(take_one(a, word, forward, &x));
	if (!x.given)
		return BAD_ARGUMENT;
	*ret = x;
	return OK;
}

void
smtp_xclient_list(struct buf *b, bool forward)
{
	for (unsigned i = 0; i < XATTRS; i++)
		if (forward ? attrs[i].xforward : attrs[i].xclient) {
			buf_add_char(b, ' ');
			buf_add(b, attrs[i].word);
		}
}

/* Names that are no domain are taken, as everybody does, but not what could not stand in Received. */
enum fault
smtp_helo_check(str name)
{
	if (name.n == 0 || name.n > MOST_NAME || str_has_ctl(name) || !str_is_utf8(name))
		return BAD_ARGUMENT;
	for (size_t i = 0; i < name.n; i++)
		if (memchr("<>()\"\\,; \t", name.p[i], 10))
			return BAD_ARGUMENT;
	return OK;
}
