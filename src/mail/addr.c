#include "mail/addr.h"

#include "base/mem.h"

/* RFC 5321 4.5.3.1, in octets. A path counts its brackets, so a mailbox has two less. */
enum { LOCAL_MAX = 64, DOMAIN_MAX = 255, PATH_MAX_ = 256, LABEL_MAX = 63 };

static bool
is_high(char c)
{
	return (unsigned char)c > 127;
}

static bool
is_atext(char c)
{
	return ascii_alnum(c) || is_high(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
take_char(str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* Well-formed UTF-8 without the C1 control characters: they move cursors on terminals and mean nothing in an address. */
static bool
is_clean_utf8(str s)
{
	if (!str_is_utf8(s))
		return false;
	for (size_t i = 0; i + 1 < s.n; i++)
		if ((unsigned char)s.p[i] == 0xC2 && (unsigned char)s.p[i + 1] < 0xA0)
			return false;
	return true;
}

/* ---- literals: RFC 5321 4.1.3 ---- */

static bool
take_number(str *s, uint64_t max)
{
	size_t n = 0;
	uint64_t value;

	while (n < s->n && n < 3 && ascii_digit(s->p[n]))
		n++;
	if (!str_to_u64(str_sub(*s, 0, n), max, &value))
		return false;
	*s = str_from(*s, n);
	return true;
}

static bool
is_ipv4(str s)
{
	for (int i = 0; i < 4; i++)
		if ((i && !take_char(&s, '.')) || !take_number(&s, 255))
			return false;
	return s.n == 0;
}

static bool
is_hex4(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]) && (ascii_lower(s.p[i]) < 'a' || ascii_lower(s.p[i]) > 'f'))
			return false;
	return s.n >= 1 && s.n <= 4;
}

/* Groups of 16 bits separated by single colons; the last may be an IPv4 address, which counts as two. -1: not that. */
static int
count_groups(str s, bool v4_ok)
{
	int groups = 0;

	if (s.n == 0)
		return 0;
	for (;;) {
		size_t n = str_find(s, ':');
		str group = str_sub(s, 0, n);

		if (n == s.n && v4_ok && is_ipv4(group))
			return groups + 2;
		if (!is_hex4(group) || ++groups > 8)
			return -1;
		if (n == s.n)
			return groups;
		s = str_from(s, n + 1);
	}
}

/* "::" stands for two groups at least, as the grammar of RFC 5321 has it; a zone id is no part of an address. */
static bool
is_ipv6(str s)
{
	size_t gap = str_find_str(s, S("::"));
	int before, after;

	if (gap == s.n)
		return count_groups(s, true) == 8;
	before = count_groups(str_sub(s, 0, gap), false);
	after = count_groups(str_from(s, gap + 2), true);
	return before >= 0 && after >= 0 && before + after <= 6;
}

bool
addr_is_literal(str text)
{
	if (text.n < 2 || text.p[0] != '[' || text.p[text.n - 1] != ']')
		return false;
	text = str_sub(text, 1, text.n - 2);
	if (str_take_nocase(&text, S("IPv6:")))
		return is_ipv6(text);
	return is_ipv4(text);
}

/* ---- domains ---- */

/* One label. The octets of a label in UTF-8 are not bounded here: what counts is its length as an A-label. An underscore is
 * no letter of a host name, but the DNS and every mail server know domains that have one. */
static bool
take_label(str *s)
{
	bool high = false;
	size_t n = 0;

	while (n < s->n && (ascii_alnum(s->p[n]) || s->p[n] == '-' || s->p[n] == '_' || is_high(s->p[n])))
		high |= is_high(s->p[n++]);
	if (n == 0 || s->p[0] == '-' || s->p[n - 1] == '-' || (n > LABEL_MAX && !high))
		return false;
	*s = str_from(*s, n);
	return true;
}

static bool
take_domain(str *in, str *ret)
{
	str s = *in;

	if (s.n && s.p[0] == '[') {
		size_t n = MIN(str_find(s, ']') + 1, s.n);
		if (!addr_is_literal(str_sub(s, 0, n)))
			return false;
		s = str_from(s, n);
	} else {
		do
			if (!take_label(&s))
				return false;
		while (take_char(&s, '.'));
	}
	if (in->n - s.n > DOMAIN_MAX)
		return false;
	*ret = str_sub(*in, 0, in->n - s.n);
	*in = s;
	return true;
}

bool
addr_is_domain(str text, bool utf8_ok)
{
	str rest = text, domain;

	if (!take_domain(&rest, &domain) || rest.n)
		return false;
	return str_is_ascii(text) || (utf8_ok && is_clean_utf8(text));
}

/* ---- local parts ---- */

/* After the opening quote. Blanks other than space and quoted bytes above 126 are not for the envelope. */
static bool
take_quoted(str *s)
{
	while (s->n) {
		char c = s->p[0];

		*s = str_from(*s, 1);
		if (c == '"')
			return true;
		if (c == '\\') {
			if (s->n == 0)
				return false;
			c = s->p[0];
			if (is_high(c))
				return false;
			*s = str_from(*s, 1);
		}
		if (c < ' ' && !is_high(c))
			return false;
		if (c == 127)
			return false;
	}
	return false;
}

static bool
take_dot_atom(str *s)
{
	do {
		size_t n = 0;

		while (n < s->n && is_atext(s->p[n]))
			n++;
		if (n == 0)
			return false;
		*s = str_from(*s, n);
	} while (take_char(s, '.'));
	return true;
}

static bool
take_local(str *in, str *ret)
{
	str s = *in;

	if (take_char(&s, '"') ? !take_quoted(&s) : !take_dot_atom(&s))
		return false;
	if (in->n - s.n > LOCAL_MAX)
		return false;
	*ret = str_sub(*in, 0, in->n - s.n);
	*in = s;
	return true;
}

/* ---- the whole ---- */

static enum fault
check_bytes(str written, bool utf8_ok, bool *ret_utf8)
{
	*ret_utf8 = !str_is_ascii(written);
	if (!*ret_utf8)
		return OK;
	if (!is_clean_utf8(written))
		return BAD_ADDRESS;
	return utf8_ok ? OK : NEEDS_SMTPUTF8;
}

/* A source route, with its colon. Nobody follows it; it must still be one. */
static bool
drop_route(str *s)
{
	str domain;

	if (s->n == 0 || s->p[0] != '@')
		return true;
	do
		if (!take_char(s, '@') || !take_domain(s, &domain))
			return false;
	while (take_char(s, ','));
	return take_char(s, ':');
}

enum fault
addr_take_path(str *in, bool null_ok, bool utf8_ok, struct addr *ret_addr)
{
	struct addr got = { 0 };
	str s = *in;

	if (!take_char(&s, '<'))
		return BAD_ADDRESS;
	if (null_ok && take_char(&s, '>'))
		goto done;
	if (!drop_route(&s) || !take_local(&s, &got.local))
		return BAD_ADDRESS;
	if (take_char(&s, '@')) {
		if (!take_domain(&s, &got.domain))
			return BAD_ADDRESS;
	} else if (null_ok || !str_eq_nocase(got.local, S("postmaster"))) {
		return BAD_ADDRESS;
	}
	if (!take_char(&s, '>') || in->n - s.n > PATH_MAX_)
		return BAD_ADDRESS;
	TRY(check_bytes(str_sub(*in, 0, in->n - s.n), utf8_ok, &got.utf8));
done:
	*in = s;
	*ret_addr = got;
	return OK;
}

enum fault
addr_parse(str s, struct addr *ret_addr)
{
	struct addr got = { 0 };
	str rest = s;

	if (!take_local(&rest, &got.local) || !take_char(&rest, '@') || !take_domain(&rest, &got.domain))
		return BAD_ADDRESS;
	if (rest.n || s.n > PATH_MAX_ - 2)
		return BAD_ADDRESS;
	TRY(check_bytes(s, true, &got.utf8));
	*ret_addr = got;
	return OK;
}

/* ---- what is meant ---- */

str
addr_local_meant(struct arena *a, const struct addr *ad)
{
	str in = ad->local;
	size_t n = 0;
	char *p;

	if (in.n < 2 || in.p[0] != '"')
		return arena_str(a, in);
	p = arena_take(a, in.n);
	for (size_t i = 1; i + 1 < in.n; i++) {
		if (in.p[i] == '\\' && i + 2 < in.n)
			i++;
		p[n++] = in.p[i];
	}
	return str_of(p, n);
}

static bool
is_dot_atom(str s)
{
	return take_dot_atom(&s) && s.n == 0;
}

str
addr_canonical(struct arena *a, const struct addr *ad)
{
	str meant = addr_local_meant(a, ad);
	size_t n = 0;
	char *p;

	if (ad->domain.n == 0)
		return meant;
	p = arena_take(a, 2 * meant.n + 3 + ad->domain.n);
	if (is_dot_atom(meant)) {
		memcpy(p, meant.p, meant.n);
		n = meant.n;
	} else {
		p[n++] = '"';
		for (size_t i = 0; i < meant.n; i++) {
			if (meant.p[i] == '"' || meant.p[i] == '\\')
				p[n++] = '\\';
			p[n++] = meant.p[i];
		}
		p[n++] = '"';
	}
	p[n++] = '@';
	for (size_t i = 0; i < ad->domain.n; i++)
		p[n++] = ascii_lower(ad->domain.p[i]);
	return str_of(p, n);
}
