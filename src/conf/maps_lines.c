#include "conf/maps_lines.h"

str
maps_trim(str s)
{
	while (s.n && maps_space(s.p[0]))
		s = str_from(s, 1);
	while (s.n && maps_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

void
maps_lines_init(struct maps_lines *l, str text, struct place before, bool braces, struct report *report)
{
	*l = (struct maps_lines){ .rest = text,
		.at = before,
		.braces = braces,
		.joined = { .limit = MAPS_LINE_BYTES },
		.report = report };
}

void
maps_lines_done(struct maps_lines *l)
{
	buf_done(&l->joined);
}

/* A line that can be shown, logged and put into a reply. */
static bool
good_text(struct maps_lines *l, str line, struct place at)
{
	bool plain = true;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];

		if ((c < 32 && !maps_space(line.p[i])) || c == 127) {
			report_error(l->report, at, "control character (byte %d)", c);
			return false;
		}
		plain &= c < 128;
	}
	if (!plain && !str_is_utf8(line)) {
		report_error(l->report, at, "the line is not UTF-8");
		return false;
	}
	return true;
}

/* Takes one physical line that is no comment; its first column is kept. False: none is left. */
static bool
take_physical(struct maps_lines *l, str *ret_line)
{
	str line;

	while (str_take_until(&l->rest, '\n', &line)) {
		str inner = maps_trim(line);

		l->at.line++;
		if (inner.n && inner.p[0] != '#') {
			if (line.p[line.n - 1] == '\r')
				line.n--;
			*ret_line = line;
			return true;
		}
	}
	return false;
}

/* Is the next physical line that counts a continuation? Comments before it are passed over only when it is. */
static bool
continues(const struct maps_lines *l)
{
	str rest = l->rest, line;

	while (str_take_until(&rest, '\n', &line)) {
		str inner = maps_trim(line);

		if (inner.n && inner.p[0] != '#')
			return maps_space(line.p[0]);
	}
	return false;
}

/* The lines that continue `line`, put behind it. False: too long, reported. */
static bool
join(struct maps_lines *l, str *line, struct place at)
{
	bool fits;
	str more;

	buf_clear(&l->joined);
	fits = buf_add(&l->joined, *line);
	while (continues(l) && take_physical(l, &more))
		fits = fits && buf_add(&l->joined, more);
	*line = buf_str(&l->joined);
	if (!fits)
		report_error(l->report, at, "a line of more than %d bytes", MAPS_LINE_BYTES);
	return fits;
}

static bool
next_in_file(struct maps_lines *l, str *ret_line, struct place *ret_at)
{
	str line;

	while (take_physical(l, &line)) {
		bool begins = !maps_space(line.p[0]), good = true;

		*ret_at = l->at;
		if (!begins)
			report_error(l->report, *ret_at,
				"white space at the start of a line continues the one before, but there is "
				"none");
		if (continues(l))
			good = join(l, &line, *ret_at);
		line = maps_trim(line);
		if (begins && good && line.n <= MAPS_LINE_BYTES && good_text(l, line, *ret_at)) {
			*ret_line = line;
			return true;
		}
	}
	return false;
}

bool
maps_lines_next(struct maps_lines *l, str *ret_line, struct place *ret_at)
{
	bool broken = false;
	str line;

	if (!l->braces)
		return next_in_file(l, ret_line, ret_at);
	*ret_at = l->at;
	while (list_take(&l->rest, &line, &broken)) {
		line = maps_trim(line);
		if (line.n && good_text(l, line, *ret_at)) {
			*ret_line = line;
			return true;
		}
	}
	if (broken) {
		report_error(l->report, *ret_at, "`{` and `}` do not match");
		l->rest = S("");
	}
	return false;
}
