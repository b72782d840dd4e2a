#include "conf/text.h"

static bool
is_comment(str line)
{
	line = str_trim(line);
	return line.n == 0 || line.p[0] == '#';
}

/* The bytes from `from` up to where `rest` begins; both are of one text. */
static str
between(str from, str rest)
{
	return str_sub(from, 0, from.n - rest.n);
}

/* Adds the lines that go on from the one begun; the comments behind the last one are not its own. */
static void
take_more(struct text *t, struct buf *joined, struct text_line *ret)
{
	struct text at = *t;
	str line;

	while (str_take_until(&at.rest, '\n', &line)) {
		at.number++;
		if (is_comment(line))
			continue;
		if (!ascii_space(line.p[0]))
			break;
		if (!buf_add_char(joined, ' ') || !buf_add(joined, str_trim(line)))
			ret->too_long = true;
		*t = at;
	}
}

bool
text_take(struct text *t, struct buf *joined, struct text_line *ret)
{
	struct text_line found = { 0 };
	struct text at = *t;
	str begin = at.rest, line = S("");

	buf_clear(joined);
	joined->limit = TEXT_LINE_BYTES;
	do {
		found.before = between(t->rest, at.rest);
		begin = at.rest;
		if (!str_take_until(&at.rest, '\n', &line))
			return false;
		at.number++;
	} while (is_comment(line));
	found.number = at.number;
	found.orphan = ascii_space(line.p[0]);
	found.too_long = !buf_add(joined, str_trim(line));
	*t = at;
	if (!found.orphan)
		take_more(t, joined, &found);
	found.raw = between(begin, t->rest);
	found.text = buf_str(joined);
	*ret = found;
	return true;
}
