#include "mail/mend.h"

#include "base/mem.h"
#include "mail/header.h"

/* ---- where the header ends ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_empty_line(str line)
{
	return str_eq(line, S("\r\n")) || str_eq(line, S("\n"));
}

/* A name, perhaps blanks, a colon. */
static bool
is_field(str line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 127 && line.p[n] != ':')
		n++;
	if (n == 0)
		return false;
	while (n < line.n && is_blank(line.p[n]))
		n++;
	return n < line.n && line.p[n] == ':';
}

bool
mend_find_end(str block, bool strict, bool all, size_t *at, size_t *ret_end)
{
	while (*at < block.n) {
		str rest = str_from(block, *at);
		size_t n = str_find(rest, '\n');
		str line = str_sub(rest, 0, n + 1);

		if (n == rest.n && !all)
			return false; /* the line is not whole yet */
		if (is_empty_line(line) ||
			(strict && !is_field(line) && (*at == 0 || !is_blank(line.p[0])))) {
			*ret_end = *at;
			return true;
		}
		*at += line.n;
	}
	*ret_end = block.n;
	return all;
}

/* ---- fields ---- */

/* The first field of the block, folds and line end included; its name without blanks, "" for a line that is none. */
static str
take_lines(str *block, str *ret_name)
{
	size_t at = 0, colon;
	str lines;

	do
		at += str_find(str_from(*block, at), '\n') + 1;
	while (at < block->n && is_blank(block->p[at]));
	lines = str_sub(*block, 0, at);
	*block = str_from(*block, lines.n);
	colon = str_find(lines, ':');
	*ret_name = is_field(lines) ? str_trim(str_sub(lines, 0, colon)) : S("");
	return lines;
}

static str
value_of(str lines)
{
	return str_trim(str_from(lines, str_find(lines, ':') + 1));
}

static bool
is_among(str name, const str *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].n == name.n && str_eq_nocase(names[i], name))
			return true;
	return false;
}

static void
look_at(str name, str lines, struct mend_facts *f)
{
	if (str_eq_nocase(name, S("from"))) {
		if (f->from_count < MEND_FROM)
			f->from[f->from_count] = value_of(lines);
		f->from_count++;
	} else if (str_eq_nocase(name, S("sender"))) {
		f->sender = value_of(lines);
		f->sender_count++;
	} else if (str_eq_nocase(name, S("date"))) {
		f->date_count++;
	} else if (str_eq_nocase(name, S("message-id"))) {
		f->id_count++;
	} else if (str_eq_nocase(name, S("resent-from")) || str_eq_nocase(name, S("resent-sender"))) {
		if (f->resent_n < MEND_FROM)
			f->resent[f->resent_n++] = value_of(lines);
		f->resent_from_count++;
	}
}

void
mend_look(str header, const str *names, size_t n, struct mend_facts *ret)
{
	str name, lines;

	*ret = (struct mend_facts){ .sender = S("") };
	while (header.n) {
		lines = take_lines(&header, &name);
		if (name.n == 0)
			continue;
		ret->drops |= is_among(name, names, n);
		look_at(name, lines, ret);
	}
}

static bool
is_trace(str name)
{
	static const str names[] = { SC("received"), SC("return-path"), SC("delivered-to") };

	return is_among(name, names, COUNT(names));
}

/* What is added begins a line, whatever came before. */
static void
add_lines(struct buf *b, str lines)
{
	if (lines.n && b->n && b->p[b->n - 1] != '\n')
		buf_add(b, S("\r\n"));
	buf_add(b, lines);
}

void
mend_write(struct buf *b, str header, const struct mend_change *c)
{
	str kept = str_sub(header, 0, 0), add = c->add;

	while (header.n) {
		str name, lines = take_lines(&header, &name);
		bool drop = is_among(name, c->drop, c->drop_count) ||
			    (c->drop_sender && str_eq_nocase(name, S("sender")));
		bool here = add.n && !drop && !is_trace(name);

		if (drop || here) {
			buf_add(b, kept);
			kept = str_sub(header, 0, 0);
		}
		if (here) {
			add_lines(b, add);
			add = S("");
		}
		if (!drop) /* what stands together is copied together */
			kept = kept.n ? str_of(kept.p, kept.n + lines.n) : lines;
	}
	buf_add(b, kept);
	add_lines(b, add);
	if (c->gap)
		add_lines(b, S("\r\n"));
}

/* ---- long lines ---- */

/* Octets of the line end at n, or of its half at the end of what has come. */
static size_t
cr_before(str bytes, size_t n)
{
	return n && bytes.p[n - 1] == '\r';
}

bool
mend_lines_needed(const struct mend_lines *l, str bytes)
{
	size_t at = l->at;

	while (bytes.n) {
		size_t n = str_find(bytes, '\n');
		size_t room = l->limit > at ? l->limit - at : 0;

		if (n - cr_before(bytes, n) > room)
			return true;
		at = n < bytes.n ? 0 : at + n;
		bytes = str_from(bytes, n + 1);
	}
	return false;
}

/* A place to break a line of text at, at most n: before a character, not inside. */
static size_t
whole_characters(str s, size_t n)
{
	size_t back = 0;

	if (n == 0) /* one that the piece before began */
		while (n < 3 && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
			n++;
	while (n < s.n && back < 4 && back < n && ((unsigned char)s.p[n - back] & 0xC0) == 0x80)
		back++;
	return back < 4 && back < n ? n - back : n;
}

bool
mend_lines(struct mend_lines *l, struct buf *b, str bytes)
{
	bool broke = false;

	while (bytes.n) {
		size_t n = str_find(bytes, '\n');
		size_t room = l->limit > l->at ? l->limit - l->at : 0;

		if (n - cr_before(bytes, n) <= room) {
			if (b)
				buf_add(b, str_sub(bytes, 0, n + 1));
			l->at = n < bytes.n ? 0 : l->at + n;
			bytes = str_from(bytes, n + 1);
			continue;
		}
		room = whole_characters(bytes, room);
		buf_add(b, str_sub(bytes, 0, room));
		buf_add(b, S("\r\n "));
		bytes = str_from(bytes, room);
		l->at = 1;
		broke = true;
	}
	return broke;
}
