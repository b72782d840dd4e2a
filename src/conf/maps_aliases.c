/* conf/maps_aliases.c - what aliases(5) permits on the right side, and what it means here
 * Mail is never given to a program or written to a file, so "|command" and /file are errors where they stand. The addresses of an :include: file
 * take its place when the table is read; that file is read again when the table is. */
#include "conf/maps_inside.h"

#include "mail/targets.h"

enum { INCLUDE_BYTES = 16 << 20, INCLUDE_DEPTH = 5 };

struct including {
	struct report *report;
	struct arena *a;
	bool may_read;
	int depth;
	struct buf *to;
};

static bool add_targets(const struct including *in, str value, struct place at);

/* The lines of an included file: addresses, and comments. */
static bool
add_lines(const struct including *in, str text, const char *file)
{
	struct place at = { file, 0 };
	bool good = true;
	str line;

	while (text.n && str_take_until(&text, '\n', &line)) {
		at.line++;
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			good &= add_targets(in, line, at);
	}
	return good;
}

static bool
include(const struct including *in, str path, struct place at)
{
	struct including inside = *in;
	struct buf text = { 0 };
	const char *file = arena_cstr(in->a, path), *why;
	bool good;

	if (!in->may_read || !str_starts(path, S("/"))) {
		report_error(in->report, at, ":include:%s: %s", file,
			in->may_read ? "the name of a file begins with /"
				     : "only a table in a file can include others");
		return false;
	}
	if (in->depth == INCLUDE_DEPTH) {
		report_error(in->report, at, ":include:%s: at most %d files deep", file, INCLUDE_DEPTH);
		return false;
	}
	inside.depth++;
	why = maps_read_file(file, INCLUDE_BYTES, &text);
	good = !why && add_lines(&inside, buf_str(&text), file);
	if (why)
		report_error(in->report, at, ":include:%s: %s", file, why);
	buf_done(&text);
	return good;
}

static bool
add_targets(const struct including *in, str value, struct place at)
{
	struct target t;
	bool good = true;

	while (targets_take(&value, &t)) {
		str text = show(in->a, t.text);

		switch (t.kind) {
		case TARGET_COMMAND:
			report_error(
				in->report, at, "mail is never given to a program: \"|%.*s\"", STR_ARG(text));
			good = false;
			break;
		case TARGET_FILE:
			report_error(in->report, at, "mail is never written to a file: %.*s", STR_ARG(text));
			good = false;
			break;
		case TARGET_INCLUDE: good &= include(in, t.text, at); break;
		default:
			buf_add(in->to, in->to->n ? S(", ") : S(""));
			buf_add(in->to, t.kind == TARGET_DOMAIN ? S("@") : S(""));
			buf_add(in->to, t.text);
		}
	}
	return good;
}

bool
maps_alias_value(struct arena *a, str value, struct place at, bool may_read, struct report *report, str *ret)
{
	struct buf to = { 0 };
	struct including in = { report, a, may_read, 0, &to };
	bool good;

	*ret = value;
	if (str_find(value, '|') == value.n && str_find(value, '/') == value.n &&
		str_find(value, ':') == value.n)
		return true;
	good = add_targets(&in, value, at);
	if (good && to.n == 0) {
		report_error(report, at, "it leads to nobody: what it includes is empty");
		good = false;
	}
	if (good)
		*ret = arena_str(a, buf_str(&to));
	buf_done(&to);
	return good;
}
