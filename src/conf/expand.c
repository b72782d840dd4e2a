/* conf/expand.c - values in place of $names
 * $name ${name} $(name); ${name?text} ${name?{text}} ${name:text} ${name:{text}} ${name?{text}:{text}}; ${{text} == {text} ? {text} : {text}} with == != <
 * <= > >= and their ...level forms; $$ is a dollar sign. Each name is expanded once in each view and remembered, so that work is
 * bounded by the text; a name that is still being expanded when it is asked for is a loop. */
#include "conf/inside.h"

#include "base/mem.h"

struct memo {
	str text;
	enum { BUSY, GOOD, BAD, UNKNOWN } state;
};
/* Where an expansion stands. */
struct scope {
	struct loader *l;
	size_t view;
	struct place at;
	int depth;
};

static bool expand(struct scope *s, str text, struct buf *out);

static bool
name_char(char c)
{
	return ascii_alnum(c) || c == '_';
}

static str
take_name(str *s)
{
	size_t n = 0;
	str name;

	while (n < s->n && name_char(s->p[n]))
		n++;
	name = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return name;
}

static str
skip_blanks(str s)
{
	while (s.n && ascii_space(s.p[0]))
		s = str_from(s, 1);
	return s;
}

/* Takes "(inner)" or "{inner}" off the front; s begins with `open`. */
static bool
take_group(str *s, char open, char close, str *ret_inner)
{
	size_t level = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == open) {
			level++;
		} else if (s->p[i] == close && --level == 0) {
			*ret_inner = str_sub(*s, 1, i - 1);
			*s = str_from(*s, i + 1);
			return true;
		}
	}
	return false;
}

static bool
complain(struct scope *s, const char *what, str where)
{
	report_error(&s->l->report, s->at, "%s: `%.*s`", what, STR_ARG(show(s->l->a, where)));
	return false;
}

void
raw_of(struct loader *l, size_t view, enum conf_id id, str *ret_raw, struct place *ret_at)
{
	const char *own = listener_initial(view, id);
	const char *name = param_of(id)->name;
	struct line *line = NULL;

	if (view && param_of(id)->per_listener) {
		str full = arena_printf(l->a, "%s_%s", view_names()[view], name);
		line = table_get(&l->by_name, full);
	}
	if (!line && !own)
		line = table_get(&l->by_name, str_c(name));
	*ret_raw = line ? line->value : str_c(own ? own : param_of(id)->initial);
	*ret_at = line ? line->at : (struct place){ 0 };
}

/* What a name is before expansion. False: nobody knows it. */
static bool
raw_of_name(struct scope *s, str name, str *ret_raw, struct place *ret_at)
{
	const struct foreign *foreign = foreign_of(name);
	struct line *line;
	enum conf_id id;

	if (conf_find(name, &id) == OK) {
		raw_of(s->l, s->view, id, ret_raw, ret_at);
		return true;
	}
	line = table_get(&s->l->by_name, name);
	*ret_at = line ? line->at : s->at;
	if (line)
		*ret_raw = line->value;
	else if (str_eq(name, S("config_directory")))
		*ret_raw = s->l->folder;
	else if (foreign)
		*ret_raw = str_c(foreign->initial);
	else
		return false;
	return true;
}

static bool name_value(struct scope *s, str name, struct memo **ret);

/* myhostname and mydomain are made when nobody gives them. */
static bool
made_name(struct scope *s, str name, struct buf *out)
{
	struct memo *host;
	size_t dot;

	if (str_eq(name, S("myhostname"))) {
		buf_add(out, s->l->source->machine);
		if (str_find(s->l->source->machine, '.') == s->l->source->machine.n)
			buf_add_c(out, ".localdomain");
		return true;
	}
	if (!str_eq(name, S("mydomain")))
		return true;
	if (!name_value(s, S("myhostname"), &host) || host->state != GOOD)
		return false;
	dot = str_find(host->text, '.');
	buf_add(out, dot < host->text.n ? str_from(host->text, dot + 1) : S("localdomain"));
	return true;
}

/* Expands a name into m, which says BUSY meanwhile. */
static void
fill_memo(struct scope *s, str name, struct memo *m)
{
	struct scope inner = *s;
	struct buf out = { .limit = VALUE_BYTES };
	const char *listener;
	enum conf_id id;
	str raw;

	inner.depth++;
	if (conf_find_for(name, &listener, &id) == OK &&
		listener[0]) { /* $submission_smtpd_...: as that listener sees it */
		struct memo *there;

		inner.view = view_of(listener);
		if (name_value(&inner, str_c(param_of(id)->name), &there))
			*m = *there;
		else
			m->state = BAD;
		return;
	}
	if (!raw_of_name(s, name, &raw, &inner.at)) {
		m->state = UNKNOWN;
		return;
	}
	if (!expand(&inner, raw, &out) ||
		(str_trim(buf_str(&out)).n == 0 && !made_name(&inner, name, &out))) {
		m->state = BAD;
	} else {
		m->text = arena_str(s->l->a, str_trim(buf_str(&out)));
		m->state = GOOD;
		s->l->expanded += m->text.n;
	}
	buf_done(&out);
}

/* The memo of a name; false: a loop, or something bad, reported. *ret may be UNKNOWN. */
static bool
name_value(struct scope *s, str name, struct memo **ret)
{
	struct table *memos = &s->l->memo[s->view];
	struct memo *m = table_get(memos, name);

	if (!m && s->depth > EXPAND_DEPTH)
		return complain(s, "names that refer to names, too deep", name);
	if (!m) {
		m = ARENA_NEW(s->l->a, struct memo);
		table_put(memos, arena_str(s->l->a, name), m);
		fill_memo(s, name, m);
	} else if (m->state == BUSY) {
		m->state = BAD;
		return complain(s, "a value that refers to itself", name);
	}
	if (m->state == BAD)
		return false;
	if (s->l->expanded > EXPAND_BYTES)
		return complain(s, "values are too long when their names are expanded", name);
	*ret = m;
	return true;
}

static bool
unknown_name(struct scope *s, str name)
{
	str near = conf_suggest(s->l->a, name);

	report_error(&s->l->report, s->at, "`$%.*s`: no such parameter%s%.*s%s", STR_ARG(show(s->l->a, name)),
		near.n ? "; did you mean `$" : "", STR_ARG(near), near.n ? "`?" : "");
	return false;
}

static bool
add_name(struct scope *s, str name, struct buf *out)
{
	struct memo *m;

	if (!name_value(s, name, &m))
		return false;
	if (m->state != GOOD)
		return unknown_name(s, name);
	if (!buf_add(out, m->text))
		return complain(s, "a value that is too long when its names are expanded", name);
	return true;
}

/* What stands behind ? or :, up to the end of s or of its braces. */
static bool
take_branch(struct scope *s, str *in, str *ret_text)
{
	str rest = skip_blanks(*in);

	if (rest.n == 0 || rest.p[0] != '{') {
		*ret_text = *in;
		*in = S("");
		return true;
	}
	if (!take_group(&rest, '{', '}', ret_text))
		return complain(s, "`{` without `}`", *in);
	*in = skip_blanks(rest);
	return true;
}

/* rest: "?text", ":text", "?{text}:{text}". */
static bool
choose(struct scope *s, str rest, bool truth, struct buf *out)
{
	str yes = S(""), no = S(""), whole = rest;

	if (str_take(&rest, S("?")) && !take_branch(s, &rest, &yes))
		return false;
	if (str_take(&rest, S(":")) && !take_branch(s, &rest, &no))
		return false;
	if (rest.n)
		return complain(s, "expected `?` or `:` and text", whole);
	return expand(s, truth ? yes : no, out);
}

enum relation { EQUAL, UNEQUAL, AT_MOST, LESS, AT_LEAST, MORE };

static bool
holds(enum relation r, int order)
{
	switch (r) {
	case EQUAL: return order == 0;
	case UNEQUAL: return order != 0;
	case AT_MOST: return order <= 0;
	case LESS: return order < 0;
	case AT_LEAST: return order >= 0;
	case MORE: return order > 0;
	}
	return false;
}

/* Versions such as 3.6: number by number; false when one is not. */
static bool
compare_levels(str a, str b, int *ret_order)
{
	*ret_order = 0;
	while (a.n || b.n) {
		uint64_t x = 0, y = 0;
		str head;

		if (str_take_until(&a, '.', &head) && !str_to_u64(head, INT32_MAX, &x))
			return false;
		if (str_take_until(&b, '.', &head) && !str_to_u64(head, INT32_MAX, &y))
			return false;
		if (*ret_order == 0)
			*ret_order = (x > y) - (x < y);
	}
	return true;
}

/* Numbers as numbers, everything else by bytes. */
static int
compare(str a, str b)
{
	uint64_t x, y;

	if (str_to_u64(a, UINT64_MAX, &x) && str_to_u64(b, UINT64_MAX, &y))
		return (x > y) - (x < y);
	return str_cmp(a, b);
}

static bool
take_relation(str *s, enum relation *ret)
{
	static const str signs[] = { [EQUAL] = SC("=="),
		[UNEQUAL] = SC("!="),
		[AT_MOST] = SC("<="),
		[LESS] = SC("<"),
		[AT_LEAST] = SC(">="),
		[MORE] = SC(">") };

	for (size_t i = 0; i < COUNT(signs); i++)
		if (str_take(s, signs[i])) {
			*ret = (enum relation)i;
			return true;
		}
	return false;
}

/* body: "{text} == {text} ? {text} : {text}" */
static bool
add_comparison(struct scope *s, str body, struct buf *out)
{
	struct buf left = { .limit = VALUE_BYTES }, right = { .limit = VALUE_BYTES };
	str a, b, whole = body;
	enum relation relation;
	bool ok = false, levels, truth;
	int order;

	if (!take_group(&body, '{', '}', &a))
		return complain(s, "`{` without `}`", whole);
	body = skip_blanks(body);
	if (!take_relation(&body, &relation))
		return complain(s, "expected a comparison such as `==`", whole);
	levels = str_take(&body, S("level"));
	body = skip_blanks(body);
	if (body.n == 0 || body.p[0] != '{' || !take_group(&body, '{', '}', &b))
		return complain(s, "expected `{text}` behind the comparison", whole);
	if (!expand(s, a, &left) || !expand(s, b, &right))
		goto out;
	order = compare(buf_str(&left), buf_str(&right));
	if (levels && !compare_levels(buf_str(&left), buf_str(&right), &order)) {
		complain(s, "a level is a number such as 3.6", whole);
		goto out;
	}
	truth = holds(relation, order);
	body = skip_blanks(body);
	if (body.n)
		ok = choose(s, body, truth, out);
	else
		ok = !truth || buf_add_c(out, "bool:true"); /* as Postfix, for ${ {..} == {..} } alone */
out:
	buf_done(&left);
	buf_done(&right);
	return ok;
}

/* What stands between ${ and }. */
static bool
add_braced(struct scope *s, str body, struct buf *out)
{
	struct memo *m;
	str rest = skip_blanks(body), name;
	bool ok;

	if (s->depth >= EXPAND_DEPTH)
		return complain(s, "too many braces within braces", body);
	s->depth++;
	if (rest.n && rest.p[0] == '{') {
		ok = add_comparison(s, rest, out);
	} else {
		name = take_name(&rest);
		rest = skip_blanks(rest);
		if (name.n == 0)
			ok = complain(s, "expected a name in `${...}`", body);
		else if (rest.n == 0)
			ok = add_name(s, name, out);
		else /* whether an unknown name has a value is a fair question */
			ok = name_value(s, name, &m) &&
			     choose(s, rest, m->state == GOOD && m->text.n > 0, out);
	}
	s->depth--;
	return ok;
}

static bool
expand(struct scope *s, str text, struct buf *out)
{
	while (text.n) {
		size_t dollar = str_find(text, '$');
		str inner;

		if (!buf_add(out, str_sub(text, 0, dollar)))
			return complain(s, "a value that is too long when its names are expanded", text);
		if (dollar == text.n)
			break;
		text = str_from(text, dollar + 1);
		if (str_take(&text, S("$"))) {
			buf_add_char(out, '$');
		} else if (text.n && (text.p[0] == '{' || text.p[0] == '(')) {
			bool round = text.p[0] == '(';

			if (!take_group(&text, round ? '(' : '{', round ? ')' : '}', &inner))
				return complain(s, round ? "`$(` without `)`" : "`${` without `}`", text);
			if (!add_braced(s, inner, out))
				return false;
		} else {
			inner = take_name(&text);
			if (inner.n == 0)
				return complain(s, "`$` begins a name; write `$$` for a dollar sign", text);
			if (!add_name(s, inner, out))
				return false;
		}
	}
	return true;
}

bool
expand_text(struct loader *l, size_t view, struct place at, str text, str *ret)
{
	struct scope s = { l, view, at, 0 };
	struct buf out = { .limit = VALUE_BYTES };
	bool ok = expand(&s, text, &out);

	if (ok)
		*ret = arena_str(l->a, str_trim(buf_str(&out)));
	buf_done(&out);
	return ok;
}

bool
expand_name(struct loader *l, size_t view, struct place at, str name, str *ret_text)
{
	struct scope s = { l, view, at, 0 };
	struct memo *m;

	if (!name_value(&s, name, &m) || m->state != GOOD)
		return false;
	*ret_text = m->text;
	return true;
}

void
each_mention(str text, void (*fn)(void *ctx, str name), void *ctx)
{
	for (size_t at = str_find(text, '$'); at < text.n; at = str_find(text, '$')) {
		str name;

		text = str_from(text, at + 1);
		if (str_take(&text, S("$")))
			continue;
		if (!str_take(&text, S("{")))
			(void)str_take(&text, S("("));
		text = skip_blanks(text);
		name = take_name(&text);
		if (name.n)
			fn(ctx, name);
	}
}
