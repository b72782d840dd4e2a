#include "mail/header.h"

/* ---- fields ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The length of a folded line: up to and with the line end that no blank follows. */
static size_t
field_length(str s)
{
	size_t at = 0;

	while (at < s.n) {
		at += str_find(str_from(s, at), '\n') + 1;
		if (at >= s.n)
			return s.n;
		if (!is_blank(s.p[at]))
			return at;
	}
	return s.n;
}

static bool
is_field_name(str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == 127)
			return false;
	return name.n > 0;
}

static str
without_line_end(str s)
{
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

bool
header_take_field(str *block, struct header_field *ret)
{
	while (block->n) {
		str line = str_sub(*block, 0, field_length(*block));
		size_t colon = str_find(line, ':');
		str name = str_sub(line, 0, colon);

		*block = str_from(*block, line.n);
		while (name.n &&
			is_blank(name.p[name.n - 1])) /* RFC 5322 4.5: obsolete blanks before the colon */
			name.n--;
		if (colon == line.n || !is_field_name(name))
			continue;
		ret->name = name;
		ret->value = without_line_end(str_from(line, colon + 1));
		return true;
	}
	return false;
}

bool
header_find(str block, str name, str *ret_value)
{
	struct header_field f;

	while (header_take_field(&block, &f))
		if (str_eq_nocase(f.name, name)) {
			*ret_value = f.value;
			return true;
		}
	return false;
}

static bool
is_line_or_nul(char c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

static str
trim_blanks(str s)
{
	while (s.n && (is_blank(s.p[0]) || is_line_or_nul(s.p[0])))
		s = str_from(s, 1);
	while (s.n && (is_blank(s.p[s.n - 1]) || is_line_or_nul(s.p[s.n - 1])))
		s.n--;
	return s;
}

/* A CR or LF that no blank follows must not join what stood on two lines. */
static size_t
copy_unfolded(char *to, str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!is_line_or_nul(s.p[i]))
			to[n++] = s.p[i];
		else if (s.p[i] != '\0' && i + 1 < s.n && !ascii_space(s.p[i + 1]) && n &&
			 !is_blank(to[n - 1]))
			to[n++] = ' ';
	}
	return n;
}

str
header_unfold(struct arena *a, str raw)
{
	str s = trim_blanks(raw);
	char *p;

	if (str_find(s, '\n') == s.n && str_find(s, '\r') == s.n && str_find(s, '\0') == s.n)
		return s;
	p = arena_take(a, s.n);
	return str_of(p, copy_unfolded(p, s));
}

/* ---- tokens ---- */

void
header_scan_init(struct header_scan *s, str value)
{
	*s = (struct header_scan){ .rest = value };
}

/* The index after the closing byte of what opens at 0, or 0: it never closes. Only parentheses nest. */
static size_t
closing(str s, char open, char close)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == close && depth == 1)
			return i + 1;
		else if (s.p[i] == close && depth)
			depth--;
		else if (s.p[i] == open && (open == '(' || depth == 0))
			depth++;
	}
	return 0;
}

static bool
take_enclosed(struct header_scan *s, char open, char close, bool *never, str *ret_inside)
{
	size_t n;

	if (*never || s->rest.n == 0 || s->rest.p[0] != open)
		return false;
	if (open == '"') { /* opens and closes alike */
		n = 1;
		while (n < s->rest.n && s->rest.p[n] != '"')
			n += s->rest.p[n] == '\\' ? 2 : 1;
		n = n < s->rest.n ? n + 1 : 0;
	} else {
		n = closing(s->rest, open, close);
	}
	if (n == 0) {
		*never = true;
		return false;
	}
	*ret_inside = str_sub(s->rest, 1, n - 2);
	s->rest = str_from(s->rest, n);
	return true;
}

bool
header_take_quoted(struct header_scan *s, str *ret_inside)
{
	return take_enclosed(s, '"', '"', &s->quotes_open, ret_inside);
}

bool
header_take_comment(struct header_scan *s, str *ret_inside)
{
	return take_enclosed(s, '(', ')', &s->parens_open, ret_inside);
}

bool
header_take_literal(struct header_scan *s, str *ret_whole)
{
	const char *from = s->rest.p;
	str inside;

	if (!take_enclosed(s, '[', ']', &s->brackets_open, &inside))
		return false;
	*ret_whole = str_of(from, inside.n + 2);
	return true;
}

void
header_skip(struct header_scan *s)
{
	do {
		size_t n = 0;

		while (n < s->rest.n && (is_blank(s->rest.p[n]) || is_line_or_nul(s->rest.p[n])))
			n++;
		s->rest = str_from(s->rest, n);
	} while (s->rest.n && s->rest.p[0] == '(' && header_take_comment(s, &s->comment));
}

enum { BLANK_OR_CONTROL = 1024 };

static const uint16_t classes[256] = {
	[0 ... ' '] = BLANK_OR_CONTROL,
	[127] = BLANK_OR_CONTROL,
	['('] = STOP_PARENS,
	[')'] = STOP_PARENS,
	['<'] = STOP_ANGLES,
	['>'] = STOP_ANGLES,
	['['] = STOP_BRACKETS,
	[']'] = STOP_BRACKETS,
	['"'] = STOP_QUOTE,
	['@'] = STOP_AT,
	[','] = STOP_COMMA,
	[';'] = STOP_SEMICOLON,
	[':'] = STOP_COLON,
	['='] = STOP_EQUALS,
	['/'] = STOP_SLASH,
};

bool
header_stops_at(char c, unsigned stops)
{
	return classes[(unsigned char)c] & stops;
}

str
header_take_atom(struct header_scan *s, unsigned stops)
{
	size_t n = 0;
	str atom;

	while (n < s->rest.n && !header_stops_at(s->rest.p[n], stops | BLANK_OR_CONTROL))
		n++;
	atom = str_sub(s->rest, 0, n);
	s->rest = str_from(s->rest, n);
	return atom;
}

str
header_unquote(struct arena *a, str s)
{
	size_t n = 0;
	char *p;

	if (str_find(s, '\\') == s.n && str_find(s, '\n') == s.n && str_find(s, '\r') == s.n &&
		str_find(s, '\0') == s.n)
		return s;
	p = arena_take(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		if (!is_line_or_nul(s.p[i]))
			p[n++] = s.p[i];
	}
	return str_of(p, n);
}

/* ---- message ids ---- */

static str
without_blanks(struct arena *a, str s)
{
	size_t n = 0;
	char *p = NULL;

	for (size_t i = 0; i < s.n; i++) {
		bool drop = (unsigned char)s.p[i] <= ' ';

		if (drop && !p) {
			p = arena_take(a, s.n);
			memcpy(p, s.p, i);
			n = i;
		} else if (!drop && p) {
			p[n++] = s.p[i];
		}
	}
	return p ? str_of(p, n) : s;
}

bool
header_take_msg_id(struct arena *a, str *value, str *ret_id)
{
	while (value->n) {
		str id;

		if (ascii_space(value->p[0]) || value->p[0] == '\0' || value->p[0] == ',') {
			*value = str_from(*value, 1);
			continue;
		}
		if (value->p[0] == '<') {
			size_t n = 1;
			while (n < value->n && value->p[n] != '>' && value->p[n] != '<')
				n++;
			id = without_blanks(a, str_sub(*value, 1, n - 1));
			*value = str_from(*value, n < value->n && value->p[n] == '>' ? n + 1 : n);
		} else {
			size_t n = 0;
			while (n < value->n && !ascii_space(value->p[n]) && value->p[n] != '<')
				n++;
			id = str_sub(*value, 0, n);
			*value = str_from(*value, n);
			if (str_find(id, '@') == id.n)
				continue;
			id = without_blanks(a, id);
		}
		if (id.n) {
			*ret_id = id;
			return true;
		}
	}
	return false;
}
