#include "wire/smtp.h"

#include "base/mem.h"
#include "wire/xtext.h"

enum {
	MOST_ENVID = 100,
	MOST_ORCPT = 500,
	MOST_AUTH = 500
}; /* octets as sent: RFC 3461 5.4 (10), RFC 4954 5 */

struct params {
	struct arena *arena;
	unsigned offered;
	bool utf8_ok;
	struct smtp_mail *mail; /* whichever command it is */
	struct smtp_rcpt *rcpt;
};

struct param {
	str word;
	unsigned needs; /* the SMTP_EXT_* that announces it */
	enum { ALONE, VALUE } form;
	enum fault (*take)(struct params *p, str value);
};

static enum fault
take_size(struct params *p, str value)
{
	if (!str_to_u64(value, INT64_MAX, &p->mail->size))
		return BAD_ARGUMENT;
	p->mail->has_size = true;
	return OK;
}

static enum fault
take_body(struct params *p, str value)
{
	if (str_eq_nocase(value, S("7BIT")))
		p->mail->body = SMTP_BODY_7BIT;
	else if (str_eq_nocase(value, S("8BITMIME")))
		p->mail->body = SMTP_BODY_8BITMIME;
	else if (str_eq_nocase(value, S("BINARYMIME")) && p->offered & SMTP_EXT_BINARYMIME)
		p->mail->body = SMTP_BODY_BINARYMIME;
	else
		return BAD_ARGUMENT;
	return OK;
}

static enum fault
take_smtputf8(struct params *p, str value)
{
	(void)value;
	p->mail->smtputf8 = true;
	return OK;
}

static enum fault
take_prdr(struct params *p, str value)
{
	(void)value;
	p->mail->prdr = true;
	return OK;
}

static enum fault
take_auth(struct params *p, str value)
{
	str meant = S("");

	if (value.n > MOST_AUTH)
		return BAD_ARGUMENT;
	if (!str_eq(value, S("<>")))
		TRY(xtext_decode(p->arena, value, p->utf8_ok, &meant));
	p->mail->auth = meant;
	p->mail->has_auth = true;
	return OK;
}

static enum fault
take_ret(struct params *p, str value)
{
	if (str_eq_nocase(value, S("FULL")))
		p->mail->ret = SMTP_RET_FULL;
	else if (str_eq_nocase(value, S("HDRS")))
		p->mail->ret = SMTP_RET_HDRS;
	else
		return BAD_ARGUMENT;
	return OK;
}

static enum fault
take_envid(struct params *p, str value)
{
	str meant;

	if (value.n > MOST_ENVID)
		return BAD_ARGUMENT;
	TRY(xtext_decode(p->arena, value, false, &meant));
	if (!str_is_ascii(meant))
		return BAD_ARGUMENT;
	p->mail->envid = meant;
	return OK;
}

static enum fault
take_notify(struct params *p, str value)
{
	unsigned notify = 0;

	if (str_eq_nocase(value, S("NEVER"))) {
		p->rcpt->notify = SMTP_NOTIFY_NEVER;
		return OK;
	}
	if (str_ends(value, S(",")))
		return BAD_ARGUMENT;
	for (str one; str_take_until(&value, ',', &one);) {
		if (str_eq_nocase(one, S("SUCCESS")))
			notify |= SMTP_NOTIFY_SUCCESS;
		else if (str_eq_nocase(one, S("FAILURE")))
			notify |= SMTP_NOTIFY_FAILURE;
		else if (str_eq_nocase(one, S("DELAY")))
			notify |= SMTP_NOTIFY_DELAY;
		else
			return BAD_ARGUMENT; /* NEVER too: it stands alone */
	}
	p->rcpt->notify = notify;
	return OK;
}

/* RFC 5321 4.1.2: atext */
static bool
is_atom(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && !memchr("!#$%&'*+-/=?^_`{|}~", s.p[i], 19))
			return false;
	return s.n > 0;
}

static enum fault
take_orcpt(struct params *p, str value)
{
	str type, meant;

	if (value.n > MOST_ORCPT || str_find(value, ';') == value.n)
		return BAD_ARGUMENT;
	(void)str_take_until(&value, ';', &type);
	if (!is_atom(type))
		return BAD_ARGUMENT;
	TRY(xtext_decode(p->arena, value, p->utf8_ok, &meant));
	if (str_eq_nocase(type, S("utf-8")))
		meant = xtext_unescape_utf8(p->arena, meant);
	if (meant.n == 0)
		return BAD_ARGUMENT;
	p->rcpt->orcpt_type = type;
	p->rcpt->orcpt = meant;
	return OK;
}

/* clang-format off */
static const struct param mail_params[] = {
	{ SC("SIZE"),     SMTP_EXT_SIZE,     VALUE, take_size },     /* RFC 1870 3 */
	{ SC("BODY"),     SMTP_EXT_8BITMIME, VALUE, take_body },     /* RFC 6152 2, RFC 3030 3 */
	{ SC("SMTPUTF8"), SMTP_EXT_SMTPUTF8, ALONE, take_smtputf8 }, /* RFC 6531 3.4 */
	{ SC("PRDR"),     SMTP_EXT_PRDR,     ALONE, take_prdr },     /* draft-hall-prdr-00 */
	{ SC("AUTH"),     SMTP_EXT_AUTH,     VALUE, take_auth },     /* RFC 4954 5 */
	{ SC("RET"),      SMTP_EXT_DSN,      VALUE, take_ret },      /* RFC 3461 4.3 */
	{ SC("ENVID"),    SMTP_EXT_DSN,      VALUE, take_envid },    /* RFC 3461 4.4 */
};
static const struct param rcpt_params[] = {
	{ SC("NOTIFY"),   SMTP_EXT_DSN,      VALUE, take_notify },   /* RFC 3461 4.1 */
	{ SC("ORCPT"),    SMTP_EXT_DSN,      VALUE, take_orcpt },    /* RFC 3461 4.2, RFC 6533 3 */
};
/* clang-format on */

/* RFC 5321 4.1.1.11: esmtp-keyword ["=" esmtp-value]; a value has no "=" (old clients' ones may: nothing here takes them). */
static bool
is_keyword(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && (i == 0 || s.p[i] != '-'))
			return false;
	return s.n > 0;
}

static enum fault
take_params(struct params *p, str args, const struct param *table, size_t count)
{
	unsigned seen = 0;

	if (args.n && args.p[0] != ' ')
		return BAD_ARGUMENT; /* <ann@a.test>SIZE=1 */
	for (str one; str_take_word(&args, &one);) {
		size_t equals = str_find(one, '=');
		str word = str_sub(one, 0, equals), value = str_from(one, equals + 1);
		size_t i = 0;

		if (!is_keyword(word))
			return BAD_ARGUMENT;
		while (i < count && (!str_eq_nocase(word, table[i].word) || !(p->offered & table[i].needs)))
			i++;
		if (i == count)
			return UNKNOWN_PARAMETER;
		if (seen & 1u << i)
			return BAD_ARGUMENT;
		seen |= 1u << i;
		if (table[i].form == ALONE ? equals < one.n : value.n == 0)
			return BAD_ARGUMENT;
		TRY(table[i].take(p, value));
	}
	return OK;
}

static enum fault
take_prefix(str *args, str prefix, bool lenient)
{
	if (!str_take_nocase(args, prefix))
		return BAD_ARGUMENT;
	while (lenient && args->n && args->p[0] == ' ')
		*args = str_from(*args, 1);
	return OK;
}

enum fault
smtp_mail_parse(struct arena *a, str args, unsigned offered, bool lenient, struct smtp_mail *ret)
{
	struct smtp_mail m = { 0 };
	struct params p = {
		.arena = a, .offered = offered, .utf8_ok = offered & SMTP_EXT_SMTPUTF8, .mail = &m
	};
	enum fault f;

	TRY(take_prefix(&args, S("FROM:"), lenient));
	f = addr_take_path(&args, true, p.utf8_ok, &m.from);
	if (f == BAD_ADDRESS || (f == OK && m.from.local.n && !m.from.domain.n))
		return BAD_SENDER;
	TRY(f);
	TRY(take_params(&p, args, mail_params, COUNT(mail_params)));
	if (m.from.utf8 && !m.smtputf8)
		return NEEDS_SMTPUTF8;
	*ret = m;
	return OK;
}

enum fault
smtp_rcpt_parse(
	struct arena *a, str args, unsigned offered, bool utf8_ok, bool lenient, struct smtp_rcpt *ret)
{
	struct smtp_rcpt r = { 0 };
	struct params p = { .arena = a, .offered = offered, .utf8_ok = utf8_ok, .rcpt = &r };

	TRY(take_prefix(&args, S("TO:"), lenient));
	TRY(addr_take_path(&args, false, utf8_ok, &r.to));
	if (!r.to.domain.n && !str_eq_nocase(r.to.local, S("postmaster")))
		return BAD_ADDRESS;
	TRY(take_params(&p, args, rcpt_params, COUNT(rcpt_params)));
	*ret = r;
	return OK;
}
