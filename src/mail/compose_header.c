/* Header fields: folding, encoded words, addresses, parameters. */
#include "mail/compose.h"

#include "base/base64.h"
#include "base/mem.h"
#include "mail/addr.h"
#include "mail/charset.h"
#include "mail/idn.h"

enum {
	LINE = 78,       /* RFC 5322 2.1.1 */
	WORD = 75,       /* RFC 2047 2: of an encoded word */
	WORD_FRAME = 12, /* =?UTF-8?Q?...?= */
	LONG_ATOM = 900, /* cannot be folded: 998 is the end */
	LONG_QUOTED = 70,
	LONG_PARAMETER = 60,
	SECTION = 50
};

/* A header that is being written, and where on its line it stands. */
struct folded {
	struct buf *b;
	size_t column;
};

static void
put(struct folded *f, str s)
{
	buf_add(f->b, s);
	f->column += s.n;
}

/* A blank, or a fold, before something of n octets. */
static void
gap(struct folded *f, size_t n)
{
	if (f->column + 1 + n > LINE && f->column > 1) {
		buf_add(f->b, S("\r\n "));
		f->column = 1;
	} else {
		put(f, S(" "));
	}
}

/* ---- encoded words ---- */

/* RFC 2047 5 (3): what Q may show as it is, also in a phrase. */
static bool
is_q_plain(char c)
{
	return ascii_alnum(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

static size_t
q_cost(str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += is_q_plain(s.p[i]) || s.p[i] == ' ' ? 1 : 3;
	return n;
}

static size_t
b_cost(size_t n)
{
	return (n + 2) / 3 * 4;
}

static void
add_q(struct buf *b, str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == ' ')
			buf_add_char(b, '_');
		else if (is_q_plain((char)c))
			buf_add_char(b, (char)c);
		else
			buf_add(b, str_of((char[]){ '=', digits[c >> 4], digits[c & 15] }, 3));
	}
}

static size_t
char_length(str s)
{
	size_t n = 1;

	while (n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* Encoded words for the whole of text, a blank before each; no character is split. */
static void
put_encoded(struct folded *f, str text)
{
	bool q =
		q_cost(text) * 2 <= b_cost(text.n) * 3; /* a person can read Q, where it is not much longer */

	while (text.n) {
		/* RFC 2047 2: a line with an encoded word has 76 characters. One that would be short gets a line of its own. */
		size_t left = f->column < WORD ? WORD - f->column : 0, n = 0, cost = 0;
		size_t room = (left < WORD_FRAME + 16 ? (size_t)WORD : left) - WORD_FRAME;

		while (n < text.n) {
			size_t more = char_length(str_from(text, n));
			size_t with = q ? cost + q_cost(str_sub(text, n, more)) : b_cost(n + more);

			if (with > room)
				break;
			cost = with;
			n += more;
		}
		gap(f, cost + WORD_FRAME + 2);
		put(f, q ? S("=?UTF-8?Q?") : S("=?UTF-8?B?"));
		if (q)
			add_q(f->b, str_sub(text, 0, n));
		else
			base64_add(f->b, str_sub(text, 0, n));
		f->column += cost;
		put(f, S("?="));
		text = str_from(text, n);
	}
}

/* Must this word be encoded, so that it is read as it was meant? */
static bool
wants_encoding(str word, bool utf8)
{
	return (!utf8 && !str_is_ascii(word)) || word.n > LONG_ATOM || str_find_str(word, S("=?")) < word.n;
}

static bool
is_good_text(str s)
{
	return charset_is_utf8(s) && !str_has_ctl(s);
}

/* ---- unstructured text ---- */

/* Each word behind a blank or a fold. Runs of blanks stay, and never stand alone on a line. */
static void
put_words(struct folded *f, str text)
{
	while (text.n) {
		size_t blanks = 0;
		str word;

		while (blanks < text.n && text.p[blanks] == ' ')
			blanks++;
		text = str_from(text, blanks);
		word = str_sub(text, 0, str_find(text, ' '));
		for (size_t i = 1; i < blanks; i++)
			put(f, S(" "));
		if (!word.n)
			break; /* the last blank is the gap before what follows */
		gap(f, word.n);
		put(f, word);
		text = str_from(text, word.n);
	}
}

/* From the first word that must be encoded to the last, so that the blanks between them count. */
static void
find_encoded(str text, bool utf8, size_t *ret_from, size_t *ret_to)
{
	str rest = text, word;

	*ret_from = *ret_to = text.n;
	while (str_take_until(&rest, ' ', &word)) {
		size_t at = (size_t)(word.p - text.p);

		if (!wants_encoding(word, utf8))
			continue;
		if (*ret_from == text.n)
			*ret_from = at;
		*ret_to = at + word.n;
	}
}

bool
compose_is_field_name(str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 127 || name.p[i] == ':')
			return false;
	return name.n > 0 && name.n <= 76;
}

bool
compose_add_field(struct buf *b, str name, str value, bool utf8)
{
	struct folded f = { b, name.n + 1 };
	size_t from, to;

	if (!compose_is_field_name(name) || !is_good_text(value))
		return false;
	value = str_trim(value);
	find_encoded(value, utf8, &from, &to);
	buf_add(b, name);
	buf_add_char(b, ':');
	if (from == value.n) {
		put_words(&f, value);
	} else {
		put_words(&f, str_sub(value, 0, from));
		put_encoded(&f, str_sub(value, from, to - from));
		put_words(&f, str_from(value, to));
	}
	buf_add(b, S("\r\n"));
	return true;
}

/* ---- addresses ---- */

static bool
is_atom_char(char c)
{
	return ascii_alnum(c) || (unsigned char)c > 127 || (c && strchr("!#$%&'*+-/=?^_`{|}~ ", c));
}

static bool
is_atoms(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_atom_char(s.p[i]))
			return false;
	return str_find_str(s, S("  ")) == s.n;
}

static void
add_quoted(struct buf *b, str s)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, s.p[i]);
	}
	buf_add_char(b, '"');
}

static void
put_name(struct folded *f, str name, bool utf8)
{
	struct buf quoted = { 0 };

	if (wants_encoding(name, utf8) || (name.n > LONG_QUOTED && str_is_ascii(name))) {
		put_encoded(f, name);
		return;
	}
	if (is_atoms(name)) {
		put_words(f, name);
		return;
	}
	add_quoted(&quoted, name);
	gap(f, quoted.n);
	put(f, buf_str(&quoted));
	buf_done(&quoted);
}

/* local@domain as this header may have it. */
static bool
written(struct arena *a, str address, bool utf8, str *ret, struct buf *why)
{
	struct addr ad;
	str domain;

	if (addr_parse(address, &ad) != OK || !ad.domain.n) {
		buf_printf(why, "`%.*s' is no address, such as ann@example.org",
			STR_ARG(str_sub(address, 0, 200)));
		return false;
	}
	if (utf8) {
		*ret = address;
		return true;
	}
	if (!str_is_ascii(ad.local)) {
		buf_printf(why,
			"%.*s: letters beyond ASCII before the @ can only be sent to servers that know "
			"SMTPUTF8 "
			"(--smtputf8)",
			STR_ARG(address));
		return false;
	}
	if (!idn_to_ascii(a, ad.domain, &domain)) {
		buf_printf(why, "%.*s: there can be no such domain", STR_ARG(address));
		return false;
	}
	*ret = arena_printf(a, "%.*s@%.*s", STR_ARG(ad.local), STR_ARG(domain));
	return true;
}

bool
compose_add_addresses(
	struct arena *a, struct buf *b, str name, struct compose_list list, bool utf8, struct buf *why)
{
	struct folded f = { b, name.n + 1 };

	buf_add(b, name);
	buf_add_char(b, ':');
	for (size_t i = 0; i < list.n; i++) {
		const struct compose_addr *addr = &list.addr[i];
		str who = str_trim(addr->name), at;

		if (!written(a, addr->address, utf8, &at, why))
			return false;
		if (!is_good_text(who)) {
			buf_printf(why,
				"the name of %.*s has a line end or another control character in it, or is "
				"not UTF-8",
				STR_ARG(at));
			return false;
		}
		if (who.n) {
			put_name(&f, who, utf8);
			gap(&f, at.n + 3);
			put(&f, S("<"));
		} else {
			gap(&f, at.n + 1);
		}
		put(&f, at);
		put(&f, who.n ? S(">") : S(""));
		put(&f, i + 1 < list.n ? S(",") : S(""));
	}
	buf_add(b, S("\r\n"));
	return true;
}

/* ---- parameters ---- */

/* RFC 2231 7: attribute-char */
static bool
is_plain_in_parameter(char c)
{
	return ascii_alnum(c) || (c && strchr("!#$&+-.^_`{|}~", c));
}

static void
add_percent(struct buf *b, char c)
{
	static const char digits[] = "0123456789ABCDEF";

	if (is_plain_in_parameter(c))
		buf_add_char(b, c);
	else
		buf_add(b, str_of((char[]){ '%', digits[(unsigned char)c >> 4], digits[c & 15] }, 3));
}

/* name*0*=UTF-8''..., name*1*=...; one section is name*= */
static void
add_sections(struct buf *b, str name, str value)
{
	struct buf text = { 0 };
	int section = 0;
	bool many;

	for (size_t i = 0; i < value.n; i++)
		add_percent(&text, value.p[i]);
	many = text.n > LONG_PARAMETER;
	buf_clear(&text);
	for (size_t i = 0; i < value.n || section == 0;) {
		buf_clear(&text);
		while (i < value.n &&
			(!many ||
				text.n <
					SECTION)) /* characters whole: some readers decode each section alone */
			for (size_t n = char_length(str_from(value, i)); n > 0; n--)
				add_percent(&text, value.p[i++]);
		if (many)
			buf_printf(b, ";\r\n %.*s*%d*=", STR_ARG(name), section);
		else
			buf_printf(b, ";\r\n %.*s*=", STR_ARG(name));
		buf_add(b, section == 0 ? S("UTF-8''") : S(""));
		buf_add(b, buf_str(&text));
		section++;
	}
	buf_done(&text);
}

void
compose_add_parameter(struct buf *b, str name, str value)
{
	if (!str_is_ascii(value) || value.n > LONG_PARAMETER) {
		add_sections(b, name, value);
		return;
	}
	buf_printf(b, ";\r\n %.*s=", STR_ARG(name));
	add_quoted(b, value);
}

void
compose_add_plain_parameter(struct buf *b, str name, str value)
{
	struct buf plain = { 0 };

	for (size_t i = 0; i < value.n && plain.n < LONG_PARAMETER; i += char_length(str_from(value, i)))
		buf_add_char(&plain, (unsigned char)value.p[i] < 128 ? value.p[i] : '_');
	buf_printf(b, ";\r\n %.*s=", STR_ARG(name));
	add_quoted(b, buf_str(&plain));
	buf_done(&plain);
}
