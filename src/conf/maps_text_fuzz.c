/* Whatever the text of a table says, of every type and in files as in main.cf: reading it ends in findings that no line of it could forge, or in
 * content whose every key is found, and which answers any key with a value, no, or that it cannot. */
#include "base/mem.h"
#include "conf/maps_inside.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	enum lookup_type type;
	enum maps_syntax syntax;
} kinds[] = { { LOOKUP_INDEX, MAPS_SYNTAX_KEYS }, { LOOKUP_INDEX, MAPS_SYNTAX_ALIASES },
	{ LOOKUP_PCRE, MAPS_SYNTAX_KEYS }, { LOOKUP_REGEXP, MAPS_SYNTAX_KEYS },
	{ LOOKUP_CIDR, MAPS_SYNTAX_KEYS } };

static void
check_report(str report)
{
	str line;

	assert(report.n == 0 || report.p[report.n - 1] == '\n');
	while (str_take_until(&report, '\n', &line))
		assert(!str_has_ctl(line) && line.n < 2000);
}

static void
check_key(struct lookup *l, str key)
{
	struct arena a = { 0 };
	str value = S("");
	enum fault fault = lookup_find(l, &a, key, true, &value);

	assert(fault == OK || fault == NOT_FOUND || fault == TABLE_DOWN);
	assert(fault != OK || value.n);
	arena_done(&a);
}

static void
check_content(struct lookup *l, str text)
{
	struct maps maps = { &l, 1 };
	const struct maps_image *image = &l->content->image;
	str key, value, found;

	for (size_t at = 0; l->type == LOOKUP_INDEX && maps_image_next(image, &at, &key, &value);) {
		assert(key.n && value.n);
		assert(maps_image_get(image, key, &found) == OK);
	}
	check_key(l, S("a"));
	check_key(l, S("10.0.0.1"));
	check_key(l, S("::1"));
	check_key(l, str_sub(text, 0, 40));
	(void)maps_entries(&maps);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf findings = { 0 };
	struct report report = { .to = &findings };
	struct lookup l = { .path = "file", .at = { "main.cf", 3 }, .parts = true };
	str text = str_of(data, size);

	if (size == 0)
		return 0;
	l.type = kinds[data[0] % COUNT(kinds)].type;
	l.syntax = kinds[data[0] % COUNT(kinds)].syntax;
	l.text = text = str_from(text, 1);
	if (data[0] < 128)
		l.content = content_of_file(&l, text, &report, NULL);
	else
		l.content = content_of_braces(&l, &report);
	assert(!l.content == (report.errors > 0));
	check_report(buf_str(&findings));
	if (l.content)
		check_content(&l, text);
	content_free(l.content);
	buf_done(&findings);
	return 0;
}
