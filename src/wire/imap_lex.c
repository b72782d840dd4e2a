/* wire/imap_lex.c - atoms, strings, numbers, flags, dates */
#include "wire/imap_lex.h"

#include "base/mem.h"
#include "base/moment.h"

void *
imap_many_add(struct arena *a, struct imap_many *m, size_t size, size_t most)
{
	if (m->n == most)
		return NULL;
	if (m->n == m->room) {
		size_t room = m->room ? 2 * m->room : 8;
		void *items = arena_take_array(a, room, size);

		if (m->n)
			memcpy(items, m->items, m->n * size);
		m->items = items;
		m->room = room;
	}
	return (char *)m->items + m->n++ * size;
}

/* ---- characters and words ---- */

/* ATOM-CHAR; bytes above 127 are let through: old clients send names in UTF-8 bare. */
bool
imap_is_atom_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u > ' ' && u != 127 && !memchr("(){%*\"\\]", c, 8);
}

static bool
take_run(struct imap_in *in, bool (*good)(char c), str *ret)
{
	size_t n = 0;

	while (n < in->rest.n && good(in->rest.p[n]))
		n++;
	if (n == 0)
		return false;
	*ret = str_sub(in->rest, 0, n);
	in->rest = str_from(in->rest, n);
	return true;
}

bool
imap_take_atom(struct imap_in *in, str *ret)
{
	return take_run(in, imap_is_atom_char, ret);
}

static bool
is_word_char(char c)
{
	return ascii_alnum(c) || c == '.' || c == '-' || c == '_';
}

bool
imap_take_word(struct imap_in *in, str *ret)
{
	return take_run(in, is_word_char, ret);
}

bool
imap_take_word_of(struct imap_in *in, str word)
{
	if (!str_starts_nocase(in->rest, word))
		return false;
	if (in->rest.n > word.n && is_word_char(in->rest.p[word.n]))
		return false;
	in->rest = str_from(in->rest, word.n);
	return true;
}

bool
imap_take_space(struct imap_in *in)
{
	size_t n = 0;

	while (n < in->rest.n && in->rest.p[n] == ' ')
		n++;
	in->rest = str_from(in->rest, n);
	return n > 0;
}

bool
imap_take_char(struct imap_in *in, char c)
{
	if (in->rest.n == 0 || in->rest.p[0] != c)
		return false;
	in->rest = str_from(in->rest, 1);
	return true;
}

bool
imap_at_end(const struct imap_in *in)
{
	return str_trim(in->rest).n == 0;
}

/* ---- numbers ---- */

bool
imap_take_number(struct imap_in *in, uint64_t most, uint64_t *ret)
{
	size_t n = 0;

	while (n < in->rest.n && ascii_digit(in->rest.p[n]))
		n++;
	if (!str_to_u64(str_sub(in->rest, 0, n), most, ret))
		return false;
	in->rest = str_from(in->rest, n);
	return true;
}

bool
imap_take_u32(struct imap_in *in, uint32_t least, uint32_t *ret)
{
	struct imap_in at = *in;
	uint64_t n;

	if (!imap_take_number(&at, UINT32_MAX, &n) || n < least)
		return false;
	*in = at;
	*ret = (uint32_t)n;
	return true;
}

/* ---- strings ---- */

/* "{12}" or "~{12+}", with `after` behind it (CRLF in a text, nothing at the end of a line). */
static bool
take_announcement(str *s, struct imap_literal *ret)
{
	str at = *s;
	struct imap_literal l = { .binary = str_take(&at, S("~")) };
	size_t n = 0;

	if (!str_take(&at, S("{")))
		return false;
	while (n < at.n && ascii_digit(at.p[n]))
		n++;
	if (n == 0)
		return false;
	if (!str_to_u64(str_sub(at, 0, n), INT64_MAX, &l.size))
		l.size = UINT64_MAX;
	at = str_from(at, n);
	l.sync = !str_take(&at, S("+"));
	if (!str_take(&at, S("}")))
		return false;
	*s = at;
	*ret = l;
	return true;
}

bool
imap_literal_of(str line, struct imap_literal *ret)
{
	size_t at = str_rfind(line, '{');
	struct imap_literal l;
	str tail;

	if (at == line.n)
		return false;
	if (at > 0 && line.p[at - 1] == '~')
		at--;
	tail = str_from(line, at);
	if (!take_announcement(&tail, &l) || tail.n)
		return false;
	*ret = l;
	return true;
}

static bool
take_literal(struct imap_in *in, str *ret)
{
	str at = in->rest;
	struct imap_literal l;

	if (!take_announcement(&at, &l) || !str_take(&at, S("\r\n")) || l.size > at.n)
		return false;
	*ret = str_sub(at, 0, (size_t)l.size);
	if (!l.binary && str_find(*ret, '\0') < ret->n)
		return false;
	in->rest = str_from(at, (size_t)l.size);
	return true;
}

/* The length of what stands between the quotes, escapes counted as they are; SIZE_MAX: it does not end on this line. */
static size_t
quoted_length(str s, bool *ret_escaped)
{
	*ret_escaped = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '"')
			return i;
		if (c == '\r' || c == '\n' || c == '\0')
			return SIZE_MAX;
		if (c == '\\') {
			if (i + 1 == s.n || (s.p[i + 1] != '"' && s.p[i + 1] != '\\'))
				return SIZE_MAX;
			*ret_escaped = true;
			i++;
		}
	}
	return SIZE_MAX;
}

static str
unescape(struct arena *a, str s)
{
	char *p = arena_take(a, s.n);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		p[n++] = s.p[i];
	}
	return str_of(p, n);
}

static bool
take_quoted(struct imap_in *in, str *ret)
{
	bool escaped;
	size_t n;
	str inner;

	if (!str_starts(in->rest, S("\"")))
		return false;
	n = quoted_length(str_from(in->rest, 1), &escaped);
	if (n == SIZE_MAX)
		return false;
	inner = str_sub(in->rest, 1, n);
	in->rest = str_from(in->rest, n + 2);
	*ret = escaped ? unescape(in->a, inner) : inner;
	return true;
}

bool
imap_take_string(struct imap_in *in, str *ret)
{
	return take_quoted(in, ret) || take_literal(in, ret);
}

static bool
is_astring_char(char c)
{
	return imap_is_atom_char(c) || c == ']';
}

bool
imap_take_astring(struct imap_in *in, str *ret)
{
	return imap_take_string(in, ret) || take_run(in, is_astring_char, ret);
}

bool
imap_take_nstring(struct imap_in *in, str *ret)
{
	if (imap_take_word_of(in, S("NIL"))) {
		*ret = (str){ 0 };
		return true;
	}
	return imap_take_string(in, ret);
}

/* ---- names of mailboxes ---- */

/* RFC 9051 5.1: INBOX in any case, also before a "/". */
static str
spell_inbox(struct arena *a, str name)
{
	if (!str_starts_nocase(name, S("INBOX")) || (name.n > 5 && name.p[5] != '/'))
		return name;
	return arena_join(a, S("INBOX"), str_from(name, 5));
}

/* In modified UTF-7 unless UTF-8 is enabled; what is not that but UTF-8 all the same is taken as it is. */
static bool
name_of(struct imap_in *in, str written, str *ret)
{
	str name = written;

	if (!(in->mode & IMAP_MODE_UTF8) && str_find(written, '&') < written.n && str_is_ascii(written) &&
		!imap_name_decode(in->a, written, &name))
		name = written;
	if (!str_is_utf8(name) || str_has_ctl(name))
		return false;
	*ret = spell_inbox(in->a, name);
	return true;
}

bool
imap_take_mailbox(struct imap_in *in, str *ret)
{
	struct imap_in at = *in;
	str written;

	if (!imap_take_astring(&at, &written) || !name_of(in, written, ret))
		return false;
	in->rest = at.rest;
	return true;
}

static bool
is_pattern_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

bool
imap_take_pattern(struct imap_in *in, str *ret)
{
	struct imap_in at = *in;
	str written;

	if (!(imap_take_string(&at, &written) || take_run(&at, is_pattern_char, &written)) ||
		!name_of(in, written, ret))
		return false;
	in->rest = at.rest;
	return true;
}

/* ---- flags ---- */

static const struct {
	str word;
	uint32_t bit;
} system_flags[] = {
	{ SC("\\Seen"), IMAP_SEEN }, { SC("\\Answered"), IMAP_ANSWERED }, { SC("\\Flagged"), IMAP_FLAGGED },
	{ SC("\\Deleted"), IMAP_DELETED }, { SC("\\Draft"), IMAP_DRAFT },
	{ SC("\\Recent"), 0 }, /* cannot be set; clients that copy flags send it */
};

static bool
take_flag(struct imap_in *in, struct imap_flags *ret, struct imap_many *keywords)
{
	str word, *slot;

	for (size_t i = 0; i < COUNT(system_flags); i++)
		if (str_starts(in->rest, S("\\")) && str_starts_nocase(in->rest, system_flags[i].word) &&
			(in->rest.n == system_flags[i].word.n ||
				!imap_is_atom_char(in->rest.p[system_flags[i].word.n]))) {
			ret->bits |= system_flags[i].bit;
			in->rest = str_from(in->rest, system_flags[i].word.n);
			return true;
		}
	if (!imap_take_atom(in, &word) || !str_is_ascii(word) || word.n > 255)
		return false;
	for (size_t i = 0; i < keywords->n; i++)
		if (str_eq_nocase(((str *)keywords->items)[i], word))
			return true;
	slot = imap_many_add(in->a, keywords, sizeof(*slot), IMAP_ITEMS);
	if (slot)
		*slot = word;
	return slot != NULL;
}

bool
imap_take_flags(struct imap_in *in, bool bare, struct imap_flags *ret)
{
	struct imap_many keywords = { 0 };
	struct imap_flags flags = { 0 };
	bool list = imap_take_char(in, '(');

	if (!list && !bare)
		return false;
	(void)(list && imap_take_space(in));
	while (!(list && imap_take_char(in, ')'))) {
		if (!take_flag(in, &flags, &keywords))
			return false;
		if (!imap_take_space(in) && !list)
			break;
		if (!list && in->rest.n == 0)
			break;
	}
	flags.keywords = keywords.items;
	flags.keyword_count = keywords.n;
	*ret = flags;
	return true;
}

/* ---- dates ---- */

static bool
take_month(struct imap_in *in, int *ret)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (str_starts_nocase(in->rest, str_of(names + 3 * i, 3))) {
			in->rest = str_from(in->rest, 3);
			*ret = i + 1;
			return true;
		}
	return false;
}

/* So many digits, at least and at most, as a number. */
static bool
take_digits(struct imap_in *in, size_t least, size_t most, int *ret)
{
	size_t n = 0;
	uint64_t value;

	while (n < in->rest.n && n < most && ascii_digit(in->rest.p[n]))
		n++;
	if (n < least || !str_to_u64(str_sub(in->rest, 0, n), 9999, &value))
		return false;
	in->rest = str_from(in->rest, n);
	*ret = (int)value;
	return true;
}

static bool
is_day(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static bool
take_day_month_year(struct imap_in *in, struct moment_parts *ret)
{
	return take_digits(in, 1, 2, &ret->day) && imap_take_char(in, '-') && take_month(in, &ret->month) &&
	       imap_take_char(in, '-') && take_digits(in, 4, 4, &ret->year) &&
	       is_day(ret->year, ret->month, ret->day);
}

bool
imap_take_date(struct imap_in *in, uint64_t *ret_days)
{
	struct imap_in at = *in;
	struct moment_parts t = { 0 };
	bool quoted = imap_take_char(&at, '"');
	int64_t ms;

	if (!take_day_month_year(&at, &t) || (quoted && !imap_take_char(&at, '"')))
		return false;
	ms = moment_join(&t);
	*in = at;
	*ret_days = ms < 0 ? 0 : (uint64_t)ms / 86400000;
	return true;
}

/* "+0130" */
static bool
take_zone(struct imap_in *in, int *ret_minutes)
{
	bool west = str_starts(in->rest, S("-"));
	int zone;

	if (!(imap_take_char(in, '+') || imap_take_char(in, '-')) || !take_digits(in, 4, 4, &zone) ||
		zone % 100 > 59 || zone > 2359)
		return false;
	*ret_minutes = zone / 100 * 60 + zone % 100;
	if (west)
		*ret_minutes = -*ret_minutes;
	return true;
}

bool
imap_take_date_time(struct imap_in *in, int64_t *ret_ms)
{
	struct imap_in at = *in;
	struct moment_parts t = { 0 };
	int zone = 0;

	if (!imap_take_char(&at, '"'))
		return false;
	(void)imap_take_space(&at); /* a day of one digit has a blank before it */
	if (!take_day_month_year(&at, &t) || !imap_take_space(&at) || !take_digits(&at, 2, 2, &t.hour) ||
		!imap_take_char(&at, ':') || !take_digits(&at, 2, 2, &t.minute) ||
		!imap_take_char(&at, ':') || !take_digits(&at, 2, 2, &t.second) || !imap_take_space(&at) ||
		!take_zone(&at, &zone) || !imap_take_char(&at, '"'))
		return false;
	if (t.hour > 23 || t.minute > 59 || t.second > 60)
		return false;
	*in = at;
	*ret_ms = moment_join(&t) - (int64_t)zone * 60000;
	return true;
}
