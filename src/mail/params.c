#include "mail/params.h"

#include "base/mem.h"
#include "mail/header.h"
#include "mail/transfer.h"
#include "mail/words.h"

enum { NO_SECTION = -1, MOST_SECTIONS = 9999 };

/* One "name*section*=value" as written. */
struct piece {
	str name; /* lower case, without asterisks */
	str value;
	int section; /* or NO_SECTION */
	bool extended;
	size_t group; /* the first piece of this name */
};

/* ---- types ---- */

enum { NAME_STOPS = STOP_SEMICOLON | STOP_EQUALS | STOP_QUOTE | STOP_PARENS | STOP_COMMA };

bool
params_take_type(struct arena *a, str value, str *ret_type, str *ret_subtype, str *ret_params)
{
	struct header_scan s;
	str type, subtype = { 0 };

	header_scan_init(&s, value);
	header_skip(&s);
	type = header_take_atom(&s, NAME_STOPS | STOP_SLASH);
	header_skip(&s);
	if (s.rest.n && s.rest.p[0] == '/') {
		s.rest = str_from(s.rest, 1);
		header_skip(&s);
		subtype = header_take_atom(&s, STOP_SEMICOLON | STOP_QUOTE | STOP_PARENS);
	}
	*ret_params = s.rest;
	if (type.n == 0 || subtype.n == 0)
		return false;
	*ret_type = arena_lower(a, type);
	*ret_subtype = arena_lower(a, subtype);
	return true;
}

str
params_take_token(struct arena *a, str value, str *ret_params)
{
	struct header_scan s;
	str token;

	header_scan_init(&s, value);
	header_skip(&s);
	if (header_take_quoted(&s, &token)) /* some quote it */
		token = header_unfold(a, header_unquote(a, token));
	else
		token = header_take_atom(&s, NAME_STOPS | STOP_SLASH);
	*ret_params = s.rest;
	return arena_lower(a, token);
}

/* ---- pieces ---- */

/* The name, its section and whether its value is extended: "title", "title*", "title*1", "title*1*". */
static bool
read_name(struct arena *a, str written, struct piece *p)
{
	size_t star = str_find(written, '*');
	str tail = str_from(written, star);
	uint64_t section;

	p->name = arena_lower(a, str_sub(written, 0, star));
	p->section = NO_SECTION;
	p->extended = tail.n && tail.p[tail.n - 1] == '*';
	if (tail.n > 1) {
		tail = str_sub(tail, 1, tail.n - 1 - p->extended);
		if (!str_to_u64(tail, MOST_SECTIONS, &section))
			return false;
		p->section = (int)section;
	}
	return p->name.n > 0;
}

/* An unquoted value ends at a blank, unless what follows up to the semicolon can only belong to it: "name=my photo.jpg". */
static str
take_bare_value(struct header_scan *s)
{
	str all = str_sub(s->rest, 0, str_find(s->rest, ';')), tail;
	size_t end = 0;

	while (end < all.n && (unsigned char)all.p[end] > ' ' && all.p[end] != '(' && all.p[end] != '"')
		end++;
	tail = str_from(all, end);
	if (str_find(tail, '=') == tail.n && str_find(tail, '(') == tail.n && str_find(tail, '"') == tail.n)
		end = all.n;
	s->rest = str_from(s->rest, end);
	return str_trim(str_sub(all, 0, end));
}

static str
take_value(struct arena *a, struct header_scan *s)
{
	str inside;

	header_skip(s);
	if (header_take_quoted(s, &inside))
		return header_unquote(a, inside);
	if (s->rest.n && s->rest.p[0] == '"') { /* it never closes: all that is left */
		inside = str_from(s->rest, 1);
		s->rest = str_from(s->rest, s->rest.n);
		return header_unfold(a, header_unquote(a, inside));
	}
	return header_unfold(a, take_bare_value(s));
}

/* To the next parameter: over whatever is not a name and '='. */
static bool
take_piece(struct arena *a, struct header_scan *s, struct piece *ret)
{
	for (;;) {
		str name;

		header_skip(s);
		if (s->rest.n == 0)
			return false;
		name = header_take_atom(s, NAME_STOPS);
		header_skip(s);
		if (name.n == 0 || s->rest.n == 0 || s->rest.p[0] != '=') {
			if (name.n == 0)
				s->rest = str_from(s->rest, 1);
			continue;
		}
		s->rest = str_from(s->rest, 1);
		ret->value = take_value(a, s);
		if (read_name(a, name, ret))
			return true;
	}
}

/* ---- putting together ---- */

/* The charset in front of an extended value, "charset'language'". */
static str
take_charset(str *value)
{
	size_t first = str_find(*value, '\'');
	size_t second = first + 1 + str_find(str_from(*value, first + 1), '\'');
	str charset;

	if (first == value->n || second >= value->n)
		return (str){ 0 };
	charset = str_sub(*value, 0, first);
	*value = str_from(*value, second + 1);
	return charset;
}

static str
join(struct arena *a, struct charset_reader *cs, const struct piece *const *sorted, size_t n)
{
	struct buf bytes = { 0 }, utf8 = { 0 }, clean = { 0 };
	str charset = { 0 }, got;

	for (size_t i = 0; i < n; i++) {
		str value = sorted[i]->value;

		if (!sorted[i]->extended) {
			buf_add(&bytes, value);
			continue;
		}
		if (i == 0)
			charset = take_charset(&value);
		transfer_decode_percent(value, &bytes);
	}
	if (charset.n == 0 || !charset_add(cs, charset, buf_str(&bytes), &utf8))
		charset_add_unlabelled(buf_str(&bytes), &utf8);
	words_add_clean(buf_str(&utf8), &clean);
	got = arena_str(a, buf_str(&clean));
	buf_done(&bytes);
	buf_done(&utf8);
	buf_done(&clean);
	return got;
}

/* Sections by their number, wherever they stood; of two with the same number the first. */
static size_t
sort_sections(const struct piece *pieces, size_t n, size_t group, const struct piece **sorted)
{
	size_t count = 0;

	for (size_t i = group; i < n; i++) {
		size_t at = count;

		if (pieces[i].group != group || pieces[i].section == NO_SECTION)
			continue;
		while (at && sorted[at - 1]->section > pieces[i].section)
			at--;
		if (at && sorted[at - 1]->section == pieces[i].section)
			continue;
		memmove(sorted + at + 1, sorted + at, (count - at) * sizeof(*sorted));
		sorted[at] = &pieces[i];
		count++;
	}
	return count;
}

/* The best form of a name: extended and whole, then in sections, then plain. */
static str
value_of_group(struct arena *a, struct charset_reader *cs, const struct piece *pieces, size_t n, size_t group)
{
	const struct piece *sorted[PARAMS_MAX], *plain = NULL;
	size_t count;

	for (size_t i = group; i < n; i++) {
		const struct piece *p = &pieces[i];

		if (p->group != group || p->section != NO_SECTION)
			continue;
		if (p->extended)
			return join(a, cs, &p, 1);
		if (!plain)
			plain = p;
	}
	count = sort_sections(pieces, n, group, sorted);
	if (count)
		return join(a, cs, sorted, count);
	if (charset_ascii_run(plain->value) == plain->value.n && !str_has_ctl(plain->value))
		return plain->value;
	return join(a, cs, &plain, 1);
}

static size_t
group_of(const struct piece *pieces, size_t n, str name)
{
	for (size_t i = 0; i < n; i++)
		if (pieces[i].group == i && str_eq(pieces[i].name, name))
			return i;
	return n;
}

size_t
params_parse(struct arena *a, struct charset_reader *cs, str params, struct param **ret)
{
	struct header_scan s;
	struct piece *pieces, piece = { 0 };
	struct param *got;
	size_t n = 0, count = 0, room = 0;

	for (size_t i = 0; i < params.n && room < PARAMS_MAX; i++)
		room += params.p[i] == '=';
	header_scan_init(&s, params);
	if (!take_piece(a, &s, &piece))
		return 0;
	pieces = ARENA_ARRAY(a, room, struct piece);
	do {
		piece.group = group_of(pieces, n, piece.name);
		pieces[n++] = piece;
	} while (n < room && take_piece(a, &s, &piece));
	got = ARENA_ARRAY(a, n, struct param);
	for (size_t i = 0; i < n; i++)
		if (pieces[i].group == i)
			got[count++] = (struct param){ pieces[i].name, value_of_group(a, cs, pieces, n, i) };
	*ret = got;
	return count;
}

str
params_get(const struct param *p, size_t n, str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(p[i].name, name))
			return p[i].value;
	return (str){ 0 };
}
