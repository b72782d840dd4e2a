/* conf/maps_rules.c - pcre: and regexp: tables
 * /pattern/flags result, !/pattern/flags result, if /pattern/flags ... endif; the first rule that fits decides. Both are matched by PCRE2, without
 * its compiler (a jailed role may not make code), and with limits: a pattern that takes too long gives TABLE_DOWN, because a rule that was
 * skipped could be one that refuses. Patterns within ASCII match bytes; the others, characters (bytes that are not UTF-8 match nothing then). */
#include "conf/maps_inside.h"

#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

enum {
	FEW_STEPS = 5000,    /* what nearly every match needs at most */
	MANY_STEPS = 500000, /* some tens of milliseconds */
	MOST_SLOW = 16,      /* matches in one look-up that may need more than a few */
	MOST_DEPTH = 50000,
	MOST_HEAP_KB = 16384,
	LONGEST_PATTERN = 32768,
	LONGEST_RESULT = 65536, /* with $1 replaced */
	MOST_IFS_DEEP = 50
};

/* A piece of a result: text, and then what a group matched (0: nothing). */
struct piece {
	str text;
	unsigned group;
};
struct rule {
	pcre2_code *code;
	bool no, is_if;
	size_t next; /* of an `if`: the rule behind its endif */
	struct piece *pieces;
	size_t n;
};
struct maps_rules {
	struct arena arena;
	struct rule *rules;
	size_t n, patterns;
	pcre2_match_context *limits;
	pcre2_match_data *found; /* reused: a role has one thread that asks */
};

/* A table being read. */
struct parse {
	struct maps_rules *to;
	struct buf rules; /* of struct rule */
	bool posix;
	struct report *report;
	struct place at;
	size_t open[MOST_IFS_DEEP];
	struct place opened[MOST_IFS_DEEP];
	size_t depth;
	pcre2_compile_context *limits;
	uint32_t groups; /* the most of any pattern */
};

static void
wrong(struct parse *p, const char *what, str where)
{
	report_error(p->report, p->at, "%s: `%.*s`", what, STR_ARG(show(&p->to->arena, where)));
}

/* ---- patterns ---- */

struct flags {
	bool no_case, extended, lines, dot_all, anchored, dollar_end, ungreedy, commented;
};

static bool
toggle(struct parse *p, struct flags *f, char c)
{
	switch (c) {
	case 'i': f->no_case = !f->no_case; return true;
	case 'm': f->lines = !f->lines; return true;
	case 'x':
		if (p->posix)
			f->extended = !f->extended;
		else
			f->commented = !f->commented;
		return true;
	default: break;
	}
	if (p->posix)
		return false;
	switch (c) {
	case 's': f->dot_all = !f->dot_all; return true;
	case 'A': f->anchored = !f->anchored; return true;
	case 'E': f->dollar_end = !f->dollar_end; return true;
	case 'U': f->ungreedy = !f->ungreedy; return true;
	case 'X': return true; /* PCRE2 does so by itself */
	default: return false;
	}
}

static uint32_t
options_of(const struct parse *p, const struct flags *f, str pattern)
{
	uint32_t options = PCRE2_NEVER_BACKSLASH_C;

	options |= f->no_case ? PCRE2_CASELESS : 0;
	options |= f->lines ? PCRE2_MULTILINE : 0;
	options |= f->dot_all && !(p->posix && f->lines) ? PCRE2_DOTALL : 0;
	options |= f->anchored ? PCRE2_ANCHORED : 0;
	options |= f->dollar_end ? PCRE2_DOLLAR_ENDONLY : 0;
	options |= f->ungreedy ? PCRE2_UNGREEDY : 0;
	options |= f->commented ? PCRE2_EXTENDED : 0;
	return options | (str_is_ascii(pattern) ? PCRE2_NEVER_UTF : PCRE2_UTF | PCRE2_MATCH_INVALID_UTF);
}

static pcre2_code *
compile(struct parse *p, str pattern, const struct flags *f)
{
	PCRE2_UCHAR message[200] = "";
	struct buf converted = { .limit = 4 * LONGEST_PATTERN };
	const char *bad = NULL;
	pcre2_code *code = NULL;
	PCRE2_SIZE at = 0;
	int error = 0;

	if (p->posix)
		bad = maps_posix_convert(pattern, f->extended, f->lines, &converted);
	if (bad)
		report_error(p->report, p->at, "%s, in the pattern `%.*s`", bad,
			STR_ARG(show(&p->to->arena, pattern)));
	if (!bad) {
		str ready = p->posix ? buf_str(&converted) : pattern;

		code = pcre2_compile((PCRE2_SPTR)(ready.n ? ready.p : ""), ready.n, options_of(p, f, pattern),
			&error, &at, p->limits);
		if (!code) {
			(void)pcre2_get_error_message(error, message, sizeof(message));
			report_error(p->report, p->at, "%s, in the pattern `%.*s` at %zu",
				(const char *)message, STR_ARG(show(&p->to->arena, pattern)), (size_t)at);
		}
	}
	buf_done(&converted);
	return code;
}

/* Takes "!", "/pattern/" and flags off the front. */
static bool
take_pattern(struct parse *p, str *in, struct rule *ret)
{
	struct flags flags = { .no_case = true, .extended = true, .dot_all = true, .dollar_end = p->posix };
	str whole = *in, pattern;
	size_t end;
	char mark;

	while (str_take(in, S("!"))) {
		ret->no = !ret->no;
		*in = maps_trim(*in);
	}
	if (in->n < 2 || ascii_alnum(in->p[0]) || (unsigned char)in->p[0] >= 127 || in->p[0] == '\\') {
		wrong(p, "expected a pattern between slashes", whole);
		return false;
	}
	mark = in->p[0];
	for (end = 1; end < in->n && in->p[end] != mark; end++)
		if (in->p[end] == '\\')
			end++;
	if (end >= in->n) {
		wrong(p, "the end of the pattern is missing", whole);
		return false;
	}
	pattern = str_sub(*in, 1, end - 1);
	*in = str_from(*in, end + 1);
	for (; in->n && !maps_space(in->p[0]); *in = str_from(*in, 1))
		if (!toggle(p, &flags, in->p[0])) {
			wrong(p, "unknown flag behind the pattern", *in);
			return false;
		}
	*in = maps_trim(*in);
	ret->code = compile(p, pattern, &flags);
	return ret->code != NULL;
}

/* ---- results ---- */

/* What follows a dollar sign: "1", "{1}", "(1)". */
static bool
take_group(struct parse *p, str *in, const struct rule *rule, unsigned *ret)
{
	char close = in->n && in->p[0] == '{' ? '}' : in->n && in->p[0] == '(' ? ')' : 0;
	uint32_t groups = 0;
	uint64_t number;
	str whole = *in, name;
	size_t n = 0;

	if (close) {
		*in = str_from(*in, 1);
		n = str_find(*in, close);
	} else {
		while (n < in->n && (ascii_alnum(in->p[n]) || in->p[n] == '_'))
			n++;
	}
	name = str_sub(*in, 0, n);
	*in = str_from(*in, n + (close != 0));
	(void)pcre2_pattern_info(rule->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (rule->no) {
		wrong(p, "a rule that begins with `!` has nothing to put in place of $", whole);
		return false;
	}
	if (!str_to_u64(name, 65535, &number) || number < 1 || number > groups) {
		report_error(p->report, p->at,
			"`$%.*s`: expected the number of a group, ${1} to ${%u}; write $$ for a dollar sign",
			STR_ARG(show(&p->to->arena, name)), groups);
		return false;
	}
	*ret = (unsigned)number;
	return true;
}

static bool
take_result(struct parse *p, str text, struct rule *rule)
{
	struct arena *a = &p->to->arena;
	size_t most = 1;

	for (size_t i = 0; i < text.n; i++)
		most += text.p[i] == '$';
	rule->pieces = ARENA_ARRAY(a, most, struct piece);
	while (text.n) {
		struct piece *piece = &rule->pieces[rule->n++];
		size_t dollar = str_find(text, '$');
		bool ends = dollar == text.n;

		piece->text = arena_str(a, str_sub(text, 0, dollar));
		text = str_from(text, dollar + 1);
		if (ends)
			break;
		if (str_take(&text, S("$")))
			piece->text = arena_join(a, piece->text, S("$"));
		else if (!take_group(p, &text, rule, &piece->group))
			return false;
	}
	return true;
}

/* ---- lines ---- */

static void
add_rule(struct parse *p, struct rule rule)
{
	buf_add(&p->rules, str_of(&rule, sizeof(rule)));
	p->to->n++;
}

static void
read_if(struct parse *p, str line)
{
	struct rule rule = { .is_if = true };

	if (p->depth == MOST_IFS_DEEP) {
		report_error(p->report, p->at, "`if` within `if`, too deep");
		return;
	}
	p->opened[p->depth] = p->at;
	p->open[p->depth++] = p->to->n;
	if (take_pattern(p, &line, &rule) && line.n)
		report_warning(p->report, p->at, "what follows the pattern of `if` has no effect");
	add_rule(p, rule);
}

static void
read_endif(struct parse *p, str line)
{
	if (line.n)
		report_warning(p->report, p->at, "what follows `endif` has no effect");
	if (p->depth == 0) {
		report_error(p->report, p->at, "`endif` without `if`");
		return;
	}
	((struct rule *)(void *)p->rules.p)[p->open[--p->depth]].next = p->to->n;
}

static void
read_rule(struct parse *p, str line)
{
	struct rule rule = { 0 };
	bool good = take_pattern(p, &line, &rule);

	if (good && line.n == 0) {
		report_error(p->report, p->at, "expected a result behind the pattern");
	} else if (good && take_result(p, line, &rule)) {
		add_rule(p, rule);
		p->to->patterns++;
		return;
	}
	pcre2_code_free(rule.code);
}

/* "if" or "endif" in any case, with white space or a pattern behind it. */
static bool
take_word(str *line, str word)
{
	str rest = *line;

	if (!str_take_nocase(&rest, word) || (rest.n && ascii_alnum(rest.p[0])))
		return false;
	*line = maps_trim(rest);
	return true;
}

static void
read_lines(struct parse *p, struct maps_lines *lines)
{
	uint32_t groups;
	str line;

	while (maps_lines_next(lines, &line, &p->at)) {
		if (take_word(&line, S("if")))
			read_if(p, line);
		else if (take_word(&line, S("endif")))
			read_endif(p, line);
		else
			read_rule(p, line);
	}
	while (p->depth)
		report_error(p->report, p->opened[--p->depth], "`if` without `endif`");
	p->to->rules = (struct rule *)(void *)p->rules.p;
	for (size_t i = 0; i < p->to->n; i++)
		if (p->to->rules[i].code &&
			pcre2_pattern_info(p->to->rules[i].code, PCRE2_INFO_CAPTURECOUNT, &groups) == 0)
			p->groups = MAX(p->groups, groups);
}

struct maps_rules *
maps_rules_new(struct maps_lines *lines, bool posix, struct report *report)
{
	struct maps_rules *r = NEW(struct maps_rules);
	struct parse p = { .to = r, .posix = posix, .report = report };
	unsigned before = report->errors;

	p.limits = pcre2_compile_context_create(NULL);
	pcre2_set_max_pattern_length(p.limits, 4 * LONGEST_PATTERN);
	pcre2_set_parens_nest_limit(p.limits, 100);
	read_lines(&p, lines);
	pcre2_compile_context_free(p.limits);
	if (report->errors > before) {
		maps_rules_free(r);
		return NULL;
	}
	r->limits = pcre2_match_context_create(NULL);
	pcre2_set_depth_limit(r->limits, MOST_DEPTH);
	pcre2_set_heap_limit(r->limits, MOST_HEAP_KB);
	r->found = pcre2_match_data_create(p.groups + 1, NULL);
	return r;
}

void
maps_rules_free(struct maps_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		pcre2_code_free(r->rules[i].code);
	free(r->rules);
	pcre2_match_context_free(r->limits);
	pcre2_match_data_free(r->found);
	arena_done(&r->arena);
	free(r);
}

size_t
maps_rules_count(const struct maps_rules *r)
{
	return r->patterns;
}

/* ---- asking ---- */

static int
match(const struct maps_rules *r, const struct rule *rule, str key, uint32_t steps)
{
	pcre2_set_match_limit(r->limits, steps);
	return pcre2_match(rule->code, (PCRE2_SPTR)key.p, key.n, 0, 0, r->found, r->limits);
}

/* OK: it fits (with `no`: it does not). *slow: how many matches were slow, so that a long table of slow patterns has an end, too. */
static enum fault
fits(const struct maps_rules *r, const struct rule *rule, str key, unsigned *slow)
{
	int got = match(r, rule, key, FEW_STEPS);

	if (got == PCRE2_ERROR_MATCHLIMIT && (*slow)++ < MOST_SLOW)
		got = match(r, rule, key, MANY_STEPS);
	if (got < 0 && got != PCRE2_ERROR_NOMATCH)
		return TABLE_DOWN;
	return (got >= 0) != rule->no ? OK : NOT_FOUND;
}

static enum fault
make_result(const struct maps_rules *r, const struct rule *rule, struct arena *a, str key, str *ret)
{
	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(r->found);
	struct buf out = { .limit = LONGEST_RESULT };
	bool good = true;

	if (rule->n == 1 && rule->pieces[0].group == 0) {
		*ret = arena_str(a, rule->pieces[0].text);
		return OK;
	}
	for (size_t i = 0; i < rule->n; i++) {
		unsigned group = rule->pieces[i].group;

		buf_add(&out, rule->pieces[i].text);
		if (group && found[2 * group] != PCRE2_UNSET && found[2 * group] < found[2 * group + 1])
			buf_add(&out,
				str_sub(key, found[2 * group], found[2 * group + 1] - found[2 * group]));
	}
	good = !out.full && out.n;
	if (good)
		*ret = arena_str(a, buf_str(&out));
	buf_done(&out);
	return good ? OK : TABLE_DOWN; /* nothing is no value, and not the same as no match */
}

enum fault
maps_rules_find(const struct maps_rules *r, struct arena *a, str key, str *ret)
{
	unsigned slow = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct rule *rule = &r->rules[i];
		enum fault fault = fits(r, rule, key, &slow);

		if (fault != OK && fault != NOT_FOUND)
			return fault;
		if (rule->is_if && fault == NOT_FOUND)
			i = rule->next - 1;
		else if (!rule->is_if && fault == OK)
			return make_result(r, rule, a, key, ret);
	}
	return NOT_FOUND;
}
