/* conf/maps_posix.c - POSIX regular expressions in PCRE2's words
 * Extended ones are almost PCRE2's; what differs: brackets (\ is an ordinary character there), \< and \>, \` and \', repeats of repeats (PCRE2 has
 * other meanings for a*? and a*+), (? (PCRE2's extensions, an error here), and escapes of letters. (pcre2_pattern_convert knows neither \s and \w,
 * which regexp: tables written for glibc have, nor that a*? is no lazy repeat.) Of several ways to match the leftmost
 * longest is POSIX's and the leftmost first PCRE2's: whether there is a match is the same, $1 may differ. */
#include "conf/maps_inside.h"

enum { MOST_GROUPS_DEEP = 100, LARGEST_REPEAT = 32767 };

enum token {
	T_LITERAL,
	T_ESCAPE, /* \c */
	T_ANY,
	T_BRACKET,
	T_OPEN,
	T_CLOSE,
	T_OR,
	T_REPEAT,   /* * + ? */
	T_INTERVAL, /* { */
	T_BEGIN,
	T_END
};

struct conversion {
	str in;
	bool extended, lines;
	struct buf *out;
	size_t atom;   /* where in out what a repeat repeats begins; SIZE_MAX: there is nothing */
	bool repeated; /* it has a repeat already */
	bool fresh;    /* nothing stands before in this branch */
	size_t opened[MOST_GROUPS_DEEP];
	size_t depth;
};

/* What the character c is, unescaped, where it stands; after is what follows it. */
static enum token
plain_token(const struct conversion *v, char c, str after)
{
	switch (c) {
	case '.': return T_ANY;
	case '[': return T_BRACKET;
	case '*': return !v->extended && v->fresh ? T_LITERAL : T_REPEAT;
	case '^': return v->extended || v->fresh ? T_BEGIN : T_LITERAL;
	case '$':
		return v->extended || after.n == 0 || str_starts(after, S("\\)")) ||
				       str_starts(after, S("\\|"))
			       ? T_END
			       : T_LITERAL;
	default: break;
	}
	if (!v->extended)
		return T_LITERAL;
	switch (c) {
	case '(': return T_OPEN;
	case ')': return T_CLOSE;
	case '|': return T_OR;
	case '{': return T_INTERVAL;
	case '+':
	case '?': return T_REPEAT;
	default: return T_LITERAL;
	}
}

/* And behind a backslash. */
static enum token
escaped_token(const struct conversion *v, char c)
{
	if (v->extended)
		return T_ESCAPE;
	switch (c) {
	case '(': return T_OPEN;
	case ')': return T_CLOSE;
	case '|': return T_OR;
	case '{': return T_INTERVAL;
	case '+':
	case '?': return T_REPEAT;
	default: return T_ESCAPE;
	}
}

static void
add_literal(struct buf *out, char c)
{
	if (!ascii_alnum(c) && (unsigned char)c > 32 && (unsigned char)c < 127)
		buf_add_char(out, '\\');
	buf_add_char(out, c);
}

static void
begin_atom(struct conversion *v)
{
	v->atom = v->out->n;
	v->repeated = false;
	v->fresh = false;
}

static void
no_atom(struct conversion *v)
{
	v->atom = SIZE_MAX;
	v->repeated = false;
}

/* \c where it is no operator. */
static const char *
add_escape(struct conversion *v, char c)
{
	static const struct {
		char c;
		const char *words;
	} known[] = { { '<', "\\b(?=\\w)" }, { '>', "\\b(?<=\\w)" }, { '`', "\\A" }, { '\'', "\\z" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].c == c) {
			buf_add_c(v->out, known[i].words);
			no_atom(v);
			v->fresh = false;
			return NULL;
		}
	begin_atom(v);
	if (memchr("wWsSbB", c, 6)) {
		buf_printf(v->out, "\\%c", c);
	} else if (c >= '1' && c <= '9') {
		buf_printf(v->out, "\\g{%c}", c);
	} else if (ascii_alnum(c)) {
		return "a backslash before a letter or digit that has no meaning in regexp: (\\d is pcre:'s; "
		       "write "
		       "[0-9])"; /* with flag i, the default, it never matches in glibc */
	} else {
		add_literal(v->out, c);
	}
	return NULL;
}

/* "[:alpha:]", "[.x.]" or "[=x=]" at the front of *in. */
static const char *
take_class(struct conversion *v)
{
	char kind = v->in.p[1];
	char closing[3] = { kind, ']', 0 };
	str inner = str_from(v->in, 2);
	size_t end = str_find_str(inner, str_c(closing));

	if (end == inner.n)
		return "a class in brackets is not closed";
	v->in = str_from(inner, end + 2);
	inner = str_sub(inner, 0, end);
	if (kind == ':')
		buf_printf(v->out, "[:%.*s:]", STR_ARG(inner));
	else if (inner.n == 1)
		add_literal(v->out, inner.p[0]);
	else
		return "collating elements are not supported";
	return NULL;
}

/* What follows `[`. */
static const char *
take_bracket(struct conversion *v)
{
	bool first = true;

	begin_atom(v);
	buf_add_char(v->out, '[');
	if (str_take(&v->in, S("^")))
		buf_add_c(v->out, v->lines ? "^\\n" : "^");
	for (; v->in.n; first = false) {
		char c = v->in.p[0];

		if (c == ']' && !first) {
			v->in = str_from(v->in, 1);
			buf_add_char(v->out, ']');
			return NULL;
		}
		if (c == '[' && v->in.n > 1 && memchr(":.=", v->in.p[1], 3)) {
			const char *wrong = take_class(v);
			if (wrong)
				return wrong;
			continue;
		}
		v->in = str_from(v->in, 1);
		if (c == '-') /* the range's own sign */
			buf_add_char(v->out, c);
		else
			add_literal(v->out, c);
	}
	return "a bracket is not closed";
}

/* "n}", "n,}", "n,m}" or ",m}", with \} in a basic expression. */
static const char *
take_interval(struct conversion *v, struct buf *repeat)
{
	str end = v->extended ? S("}") : S("\\}");
	size_t n = str_find_str(v->in, end);
	str inner = str_sub(v->in, 0, n), low, high;
	size_t comma = str_find(inner, ',');
	uint64_t from = 0, to = 0;

	if (n == v->in.n)
		return "`{` without `}`";
	v->in = str_from(v->in, n + end.n);
	low = str_sub(inner, 0, comma);
	high = str_from(inner, comma + 1);
	if ((low.n || comma == inner.n) && !str_to_u64(low, LARGEST_REPEAT, &from))
		return "expected numbers between `{` and `}`";
	if (high.n && (!str_to_u64(high, LARGEST_REPEAT, &to) || to < from))
		return "expected numbers between `{` and `}`, the smaller first";
	buf_printf(repeat, "{%u", (unsigned)from);
	if (comma < inner.n)
		buf_add_char(repeat, ',');
	if (high.n)
		buf_add_u64(repeat, to);
	buf_add_char(repeat, '}');
	return NULL;
}

static const char *
add_repeat(struct conversion *v, str repeat)
{
	if (v->atom == SIZE_MAX)
		return "a repeat with nothing before it to repeat";
	if (v->repeated) { /* put a group around what is repeated already */
		struct buf atom = { 0 };

		buf_add(&atom, str_from(buf_str(v->out), v->atom));
		v->out->n = v->atom;
		buf_add_c(v->out, "(?:");
		buf_add(v->out, buf_str(&atom));
		buf_add_char(v->out, ')');
		buf_done(&atom);
	}
	buf_add(v->out, repeat);
	v->repeated = true;
	return NULL;
}

static const char *
open_group(struct conversion *v)
{
	if (v->depth == MOST_GROUPS_DEEP)
		return "groups within groups, too deep";
	v->opened[v->depth++] = v->out->n;
	buf_add_char(v->out, '(');
	no_atom(v);
	v->fresh = true;
	return NULL;
}

static const char *
close_group(struct conversion *v)
{
	if (v->depth == 0)
		return "`)` without `(`";
	buf_add_char(v->out, ')');
	v->atom = v->opened[--v->depth];
	v->repeated = false;
	v->fresh = false;
	return NULL;
}

static const char *
repeat_interval(struct conversion *v)
{
	struct buf repeat = { 0 };
	const char *wrong = take_interval(v, &repeat);

	if (!wrong)
		wrong = add_repeat(v, buf_str(&repeat));
	buf_done(&repeat);
	return wrong;
}

static const char *
convert_token(struct conversion *v, enum token token, char c)
{
	switch (token) {
	case T_LITERAL:
		if (((unsigned char)c & 0xC0) != 0x80) /* not within a character of UTF-8 */
			begin_atom(v);
		add_literal(v->out, c);
		return NULL;
	case T_ESCAPE: return add_escape(v, c);
	case T_ANY:
		begin_atom(v);
		buf_add_char(v->out, '.');
		return NULL;
	case T_BRACKET: return take_bracket(v);
	case T_OPEN: return open_group(v);
	case T_CLOSE: return close_group(v);
	case T_OR:
		buf_add_char(v->out, '|');
		no_atom(v);
		v->fresh = true;
		return NULL;
	case T_REPEAT: return add_repeat(v, str_of(&c, 1));
	case T_INTERVAL: return repeat_interval(v);
	case T_BEGIN:
	case T_END:
		buf_add_char(v->out, c);
		no_atom(v);
		return NULL;
	}
	return NULL;
}

const char *
maps_posix_convert(str pattern, bool extended, bool lines, struct buf *ret)
{
	struct conversion v = { .in = pattern,
		.extended = extended,
		.lines = lines,
		.out = ret,
		.atom = SIZE_MAX,
		.fresh = true };
	const char *wrong = NULL;

	while (v.in.n && !wrong && !ret->full) {
		char c = v.in.p[0];
		enum token token;

		v.in = str_from(v.in, 1);
		if (c != '\\') {
			token = plain_token(&v, c, v.in);
		} else if (v.in.n == 0) {
			return "a backslash at the end";
		} else {
			c = v.in.p[0];
			v.in = str_from(v.in, 1);
			token = escaped_token(&v, c);
		}
		wrong = convert_token(&v, token, c);
	}
	if (ret->full)
		return "too long";
	return wrong || v.depth == 0 ? wrong : "`(` without `)`";
}
