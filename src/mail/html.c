#include "mail/preview.h"

#include "base/mem.h"

/* What a tag does to the text around it. */
enum effect { INLINE, BLOCK, QUOTE, HIDDEN /* with all its content, up to its end tag */ };

static const struct {
	str name;
	enum effect effect;
} tags[] = {
	{ SC("blockquote"), QUOTE },
	{ SC("head"), BLOCK },
	{ SC("style"), HIDDEN },
	{ SC("script"), HIDDEN },
	{ SC("title"), HIDDEN },
	{ SC("noscript"), HIDDEN },
	{ SC("template"), HIDDEN },
	{ SC("svg"), HIDDEN },
	{ SC("select"), HIDDEN },
	{ SC("p"), BLOCK },
	{ SC("br"), BLOCK },
	{ SC("div"), BLOCK },
	{ SC("tr"), BLOCK },
	{ SC("td"), BLOCK },
	{ SC("th"), BLOCK },
	{ SC("li"), BLOCK },
	{ SC("ul"), BLOCK },
	{ SC("ol"), BLOCK },
	{ SC("dt"), BLOCK },
	{ SC("dd"), BLOCK },
	{ SC("hr"), BLOCK },
	{ SC("pre"), BLOCK },
	{ SC("table"), BLOCK },
	{ SC("center"), BLOCK },
	{ SC("body"), BLOCK },
	{ SC("section"), BLOCK },
	{ SC("article"), BLOCK },
	{ SC("header"), BLOCK },
	{ SC("footer"), BLOCK },
	{ SC("h1"), BLOCK },
	{ SC("h2"), BLOCK },
	{ SC("h3"), BLOCK },
	{ SC("h4"), BLOCK },
	{ SC("h5"), BLOCK },
	{ SC("h6"), BLOCK },
};

/* clang-format off */
static const struct {
	str name;
	uint16_t code;
} entities[] = {
	{ SC("amp"), '&' }, { SC("lt"), '<' }, { SC("gt"), '>' }, { SC("quot"), '"' }, { SC("apos"), '\'' },
	{ SC("nbsp"), ' ' }, { SC("shy"), 0xAD }, { SC("zwnj"), 0x200C }, { SC("zwj"), 0x200D }, { SC("ensp"), ' ' },
	{ SC("emsp"), ' ' }, { SC("thinsp"), ' ' }, { SC("hellip"), 0x2026 }, { SC("ndash"), 0x2013 }, { SC("mdash"), 0x2014 },
	{ SC("lsquo"), 0x2018 }, { SC("rsquo"), 0x2019 }, { SC("sbquo"), 0x201A }, { SC("ldquo"), 0x201C }, { SC("rdquo"), 0x201D },
	{ SC("bdquo"), 0x201E }, { SC("laquo"), 0xAB }, { SC("raquo"), 0xBB }, { SC("bull"), 0x2022 }, { SC("middot"), 0xB7 },
	{ SC("copy"), 0xA9 }, { SC("reg"), 0xAE }, { SC("trade"), 0x2122 }, { SC("euro"), 0x20AC }, { SC("pound"), 0xA3 },
	{ SC("cent"), 0xA2 }, { SC("yen"), 0xA5 }, { SC("sect"), 0xA7 }, { SC("deg"), 0xB0 }, { SC("times"), 0xD7 },
	{ SC("szlig"), 0xDF }, { SC("auml"), 0xE4 }, { SC("ouml"), 0xF6 }, { SC("uuml"), 0xFC }, { SC("Auml"), 0xC4 },
	{ SC("Ouml"), 0xD6 }, { SC("Uuml"), 0xDC }, { SC("eacute"), 0xE9 }, { SC("egrave"), 0xE8 }, { SC("ecirc"), 0xEA },
	{ SC("agrave"), 0xE0 }, { SC("aacute"), 0xE1 }, { SC("acirc"), 0xE2 }, { SC("aring"), 0xE5 }, { SC("aelig"), 0xE6 },
	{ SC("ccedil"), 0xE7 }, { SC("iacute"), 0xED }, { SC("icirc"), 0xEE }, { SC("iuml"), 0xEF }, { SC("ntilde"), 0xF1 },
	{ SC("oacute"), 0xF3 }, { SC("ocirc"), 0xF4 }, { SC("oslash"), 0xF8 }, { SC("uacute"), 0xFA }, { SC("ugrave"), 0xF9 },
	{ SC("ucirc"), 0xFB }, { SC("Eacute"), 0xC9 }, { SC("iexcl"), 0xA1 }, { SC("iquest"), 0xBF },
};
/* clang-format on */

/* ---- characters ---- */

static void
add_code(uint32_t c, struct buf *out)
{
	char u[4] = { (char)c };
	size_t n = 1;

	if (c >= 0x80 && c < 0x800) {
		n = 2;
		u[0] = (char)(0xC0 | c >> 6);
	} else if (c >= 0x800 && c < 0x10000) {
		n = 3;
		u[0] = (char)(0xE0 | c >> 12);
	} else if (c >= 0x10000) {
		n = 4;
		u[0] = (char)(0xF0 | c >> 18);
	}
	for (size_t i = 1; i < n; i++)
		u[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 63));
	buf_add(out, str_of(u, n));
}

/* The digits of "&#8217;" or "&#x2019;"; 0: no character. */
static uint32_t
numeric(str digits)
{
	bool hex = str_take_nocase(&digits, S("x"));
	uint32_t c = 0;

	for (size_t i = 0; i < digits.n; i++) {
		char d = ascii_lower(digits.p[i]);
		int v = ascii_digit(d) ? d - '0' : hex && d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;

		if (v < 0)
			return 0;
		c = c * (hex ? 16 : 10) + (uint32_t)v;
		if (c > 0x10FFFF)
			return 0;
	}
	return c >= 0xD800 && c < 0xE000 ? 0 : c;
}

/* At '&': how many bytes it takes up. */
static size_t
add_entity(str s, struct buf *out)
{
	str name = str_sub(s, 1, str_find(str_sub(s, 1, 12), ';'));
	size_t n = name.n + 2;
	uint32_t c = 0;

	if (n <= s.n && s.p[n - 1] == ';') {
		if (name.n && name.p[0] == '#')
			c = numeric(str_from(name, 1));
		for (size_t i = 0; i < COUNT(entities) && !c; i++)
			if (str_eq(name, entities[i].name))
				c = entities[i].code;
	}
	if (c == 0) {
		buf_add_char(out, '&');
		return 1;
	}
	add_code(c < ' ' ? ' ' : c, out);
	return n;
}

/* ---- tags ---- */

struct strip {
	str in;
	struct buf *out;
	unsigned quotes; /* open blockquotes */
	bool line_begun, no_comment_end;
};

static enum effect
effect_of(str name)
{
	for (size_t i = 0; i < COUNT(tags); i++)
		if (str_eq_nocase(name, tags[i].name))
			return tags[i].effect;
	return INLINE;
}

/* The length of the tag at the front, quotes in it respected; all that is left when it does not end. */
static size_t
tag_length(str s)
{
	char quote = 0;

	for (size_t i = 1; i < s.n; i++) {
		char c = s.p[i];

		if (quote) {
			if (c == quote)
				quote = 0;
		} else if (c == '>') {
			return i + 1;
		} else if ((c == '"' || c == '\'') && s.p[i - 1] == '=') {
			quote = c;
		}
	}
	return s.n;
}

/* Behind <name ...>: what follows "</name". */
static str
after_end_tag(str s, str name)
{
	while (s.n) {
		size_t at = str_find(s, '<');

		s = str_from(s, at);
		if (s.n > name.n + 2 && s.p[1] == '/' && str_eq_nocase(str_sub(s, 2, name.n), name))
			return str_from(s, tag_length(s));
		s = str_from(s, 1);
	}
	return s;
}

static void
end_line(struct strip *st)
{
	if (st->line_begun)
		buf_add_char(st->out, '\n');
	st->line_begun = false;
}

static void
take_tag(struct strip *st)
{
	size_t n = 1, length;
	bool closes = st->in.n > 1 && st->in.p[1] == '/';
	enum effect effect;
	str name;

	if (str_starts(st->in, S("<!--"))) {
		size_t end = st->no_comment_end ? st->in.n : str_find_str(st->in, S("-->"));

		st->no_comment_end |= end == st->in.n;
		st->in = str_from(st->in, end < st->in.n ? end + 3 : tag_length(st->in));
		return;
	}
	n += closes;
	while (n < st->in.n && ascii_alnum(st->in.p[n]))
		n++;
	name = str_sub(st->in, 1 + closes, n - 1 - closes);
	length = tag_length(st->in);
	effect = effect_of(name);
	st->in = str_from(st->in, length);
	if (effect != INLINE)
		end_line(st);
	if (effect == QUOTE)
		st->quotes = closes ? st->quotes - (st->quotes > 0) : st->quotes + 1;
	else if (effect == HIDDEN && !closes)
		st->in = after_end_tag(st->in, name);
}

static void
take_text(struct strip *st)
{
	if (!st->line_begun && ascii_space(st->in.p[0])) {
		st->in = str_from(st->in, 1);
		return;
	}
	if (!st->line_begun && st->quotes)
		buf_add(st->out, S("> "));
	st->line_begun = true;
	while (st->in.n && st->in.p[0] != '<') {
		size_t n = 0;

		if (st->in.p[0] == '&') {
			st->in = str_from(st->in, add_entity(st->in, st->out));
			continue;
		}
		while (n < st->in.n && st->in.p[n] != '<' && st->in.p[n] != '&' && st->in.p[n] != '\n' &&
			st->in.p[n] != '\r')
			n++;
		buf_add(st->out, str_sub(st->in, 0, n));
		st->in = str_from(st->in, n);
		if (st->in.n && (st->in.p[0] == '\n' || st->in.p[0] == '\r')) {
			buf_add_char(st->out, ' ');
			st->in = str_from(st->in, 1);
		}
	}
}

static bool
is_tag(str s)
{
	return s.n > 1 && s.p[0] == '<' &&
	       (ascii_alpha(s.p[1]) || s.p[1] == '/' || s.p[1] == '!' || s.p[1] == '?');
}

void
preview_strip_html(str html, struct buf *out)
{
	struct strip st = { .in = html, .out = out };

	while (st.in.n && !out->full) {
		if (is_tag(st.in)) {
			take_tag(&st);
		} else if (st.in.p[0] == '<') {
			buf_add_char(out, '<');
			st.line_begun = true;
			st.in = str_from(st.in, 1);
		} else {
			take_text(&st);
		}
	}
	end_line(&st);
}
