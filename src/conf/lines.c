/* conf/lines.c - the text of main.cf as assignments */
#include "conf/inside.h"

#include "base/mem.h"
#include "conf/text.h"

#include <stdarg.h>

static void
report(struct report *r, struct place at, const char *kind, const char *format, va_list args)
{
	size_t start = r->to->n;
	char text[1024];

	if (r->findings > MOST_FINDINGS)
		return;
	if (r->findings++ == MOST_FINDINGS) {
		buf_add_c(r->to, "(there is more)\n");
		return;
	}
	vsnprintf(text, sizeof(text), format, args);
	if (at.line)
		buf_printf(r->to, "%s:%d: %s: %s\n", at.file, at.line, kind, text);
	else
		buf_printf(r->to, "%s: %s: %s\n", at.file ? at.file : "(default)", kind, text);
	/* Several views of one parameter find the same thing. */
	if (str_find_str(str_sub(buf_str(r->to), 0, start), str_from(buf_str(r->to), start)) < start) {
		r->to->n = start;
		r->findings--;
	}
}

void
report_error(struct report *r, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(r, at, "error", format, args);
	va_end(args);
	r->errors++;
}

void
report_warning(struct report *r, struct place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(r, at, "warning", format, args);
	va_end(args);
}

str
show(struct arena *a, str s)
{
	enum { LONGEST = 80 };
	bool cut = s.n > LONGEST;
	struct buf b = { 0 };
	str shown;

	s = str_sub(s, 0, LONGEST);
	for (size_t i = 0; i < s.n; i++)
		buf_add_char(&b, (unsigned char)s.p[i] < 32 || s.p[i] == 127 ? '?' : s.p[i]);
	while (cut && b.n && ((unsigned char)b.p[b.n - 1] & 0xC0) == 0x80) /* not within a character */
		b.n--;
	if (cut)
		buf_add_c(&b, "...");
	shown = arena_str(a, buf_str(&b));
	buf_done(&b);
	return shown;
}

static bool
is_name(str s)
{
	if (s.n == 0 || s.n > NAME_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '.' && s.p[i] != '-')
			return false;
	return true;
}

static void
warn_comment(struct loader *l, str value, struct place at)
{
	for (size_t i = 1; i < value.n; i++)
		if (value.p[i] == '#' && ascii_space(value.p[i - 1])) {
			report_warning(&l->report, at,
				"`#` within a value does not begin a comment: `%.*s` is part of it",
				STR_ARG(show(l->a, str_from(value, i))));
			return;
		}
}

static void
add_line(struct loader *l, str name, str value, struct place at)
{
	struct line *line, *before;

	if (l->line_count == l->room) {
		report_error(&l->report, at, "more than %d settings", MOST_LINES);
		return;
	}
	line = &l->lines[l->line_count++];
	*line = (struct line){ .name = arena_str(l->a, name), .value = arena_str(l->a, value), .at = at };
	before = table_put(&l->by_name, line->name, line);
	if (!before)
		return;
	before->replaced = true;
	if (before->at.line && at.line)
		report_warning(&l->report, at, "%.*s was set in line %d already; this line counts",
			STR_ARG(name), before->at.line);
}

/* One assignment, name = value. */
static void
add_logical(struct loader *l, str text, struct place at)
{
	size_t equals = str_find(text, '=');
	str name = str_trim(str_sub(text, 0, equals));
	str value = str_trim(str_from(text, equals + 1));

	if (equals == text.n) {
		report_error(&l->report, at, "expected name = value, not `%.*s`", STR_ARG(show(l->a, text)));
		return;
	}
	if (!is_name(name)) {
		report_error(&l->report, at, "`%.*s` cannot be the name of a parameter",
			STR_ARG(show(l->a, name)));
		return;
	}
	for (size_t i = 0; i < value.n; i++)
		if (((unsigned char)value.p[i] < 32 && value.p[i] != '\t') || value.p[i] == 127) {
			report_error(&l->report, at, "%.*s: control character in the value", STR_ARG(name));
			return;
		}
	if (!str_is_utf8(value)) {
		report_error(&l->report, at, "%.*s: the value is not UTF-8", STR_ARG(name));
		return;
	}
	warn_comment(l, value, at);
	add_line(l, name, value, at);
}

void
lines_read(struct loader *l, str text, const char *file)
{
	struct text all = { .rest = text };
	struct buf joined = { 0 };
	struct text_line line;

	while (text_take(&all, &joined, &line)) {
		struct place at = { file, line.number };

		if (line.orphan)
			report_error(&l->report, at,
				"white space at the start of a line continues the one before, but there is "
				"none");
		else if (line.too_long)
			report_error(&l->report, at, "a value of more than %d bytes", VALUE_BYTES);
		else
			add_logical(l, line.text, at);
	}
	buf_done(&joined);
}

void
lines_add_override(struct loader *l, const char *text)
{
	if (strlen(text) > VALUE_BYTES)
		report_error(
			&l->report, (struct place){ "-o", 0 }, "a value of more than %d bytes", VALUE_BYTES);
	else
		add_logical(l, str_c(text), (struct place){ "-o", 0 });
}
