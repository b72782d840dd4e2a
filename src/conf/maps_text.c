/* conf/maps_text.c - texts of keys and values: postmap(1), aliases(5) */
#include "conf/maps_inside.h"

#include <stdlib.h>
#include <utf8proc.h>

str
maps_fold(struct arena *a, str key)
{
	utf8proc_uint8_t *folded = NULL;
	utf8proc_ssize_t n;
	bool plain = true, lower = true;
	str copy;

	for (size_t i = 0; i < key.n; i++) {
		plain &= (unsigned char)key.p[i] < 128;
		lower &= key.p[i] < 'A' || key.p[i] > 'Z';
	}
	if (plain)
		return lower ? key : arena_lower(a, key);
	n = utf8proc_map((const utf8proc_uint8_t *)key.p, (utf8proc_ssize_t)key.n, &folded,
		UTF8PROC_CASEFOLD | UTF8PROC_STABLE);
	if (n < 0) /* not UTF-8 */
		return lower ? key : arena_lower(a, key);
	copy = arena_str(a, str_of(folded, (size_t)n));
	free(folded);
	return copy;
}

/* Where the key ends: at the first white space that is outside quotes. False: a quote is not closed. */
static bool
key_end(str line, size_t *ret)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < line.n; i++) {
		if (line.p[i] == '\\')
			i++;
		else if (line.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && maps_space(line.p[i]))
			break;
	}
	*ret = i < line.n ? i : line.n;
	return !quoted;
}

/* "key value"; quotes stay part of the key, as in Postfix. */
static bool
split_key(str line, struct place at, struct report *r, str *ret_key, str *ret_value)
{
	size_t end;

	if (!key_end(line, &end)) {
		report_error(r, at, "a quotation mark is not closed");
		return false;
	}
	*ret_key = str_sub(line, 0, end);
	*ret_value = maps_trim(str_from(line, end));
	if (ret_value->n == 0) {
		report_error(r, at, "expected a key, white space and a value");
		return false;
	}
	if (ret_key->p[ret_key->n - 1] == ':')
		report_warning(r, at,
			"the key ends in a colon: aliases are `name: value`, but this is not a table of "
			"aliases");
	return true;
}

/* A quoted name at the front of *line; its meaning, without quotes, in the arena. */
static bool
take_quoted(struct arena *a, str *line, str *ret)
{
	char *out = arena_take(a, line->n);
	size_t n = 0, i;

	for (i = 1; i < line->n && line->p[i] != '"'; i++) {
		if (line->p[i] == '\\' && i + 1 < line->n)
			i++;
		out[n++] = line->p[i];
	}
	if (i == line->n)
		return false;
	*ret = str_of(out, n);
	*line = str_from(*line, i + 1);
	return true;
}

/* "name: value" */
static bool
split_alias(struct arena *a, str line, struct place at, struct report *r, str *ret_key, str *ret_value)
{
	bool quoted = line.p[0] == '"';
	size_t colon;
	str name;

	if (quoted) {
		if (!take_quoted(a, &line, &name)) {
			report_error(r, at, "a quotation mark is not closed");
			return false;
		}
		colon = str_find(line, ':');
		if (maps_trim(str_sub(line, 0, colon)).n)
			colon = line.n;
	} else {
		colon = str_find(line, ':');
		name = maps_trim(str_sub(line, 0, colon));
	}
	*ret_key = name;
	*ret_value = maps_trim(str_from(line, colon + 1));
	if (colon == line.n || name.n == 0 || ret_value->n == 0) {
		report_error(r, at, "expected `name: value`");
		return false;
	}
	if (!quoted && str_find(name, '@') < name.n) {
		report_error(
			r, at, "an alias is a name without @domain; addresses go into virtual_alias_maps");
		return false;
	}
	return true;
}

void
maps_text_read(struct maps_lines *lines, enum maps_syntax syntax, struct report *report,
	void (*fn)(void *ctx, const struct maps_entry *e), void *ctx)
{
	struct arena a = { 0 };
	struct place at;
	str line;

	while (maps_lines_next(lines, &line, &at)) {
		struct maps_entry e = { .line = at.line };
		bool good = syntax == MAPS_SYNTAX_ALIASES
				    ? split_alias(&a, line, at, report, &e.key, &e.value)
				    : split_key(line, at, report, &e.key, &e.value);

		if (good) {
			e.key = maps_fold(&a, e.key);
			fn(ctx, &e);
		}
		arena_reset(&a);
	}
	arena_done(&a);
}
