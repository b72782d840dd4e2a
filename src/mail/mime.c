#include "mail/mime.h"

#include "base/mem.h"
#include "mail/charset.h"

enum { LINE_HELD_MAX = 1024 }; /* a longer line is no delimiter and does not end a header */

void
mime_init(struct mime *m, struct mime_owner owner, size_t header_limit, size_t most_parts, size_t most_depth)
{
	*m = (struct mime){ .owner = owner, .most_parts = MAX(most_parts, 1), .most_depth = most_depth };
	m->header.limit = header_limit;
	m->part_room = 16;
	m->parts = mem_new_array(m->part_room, sizeof(*m->parts));
	mime_reset(m);
}

void
mime_done(struct mime *m)
{
	free(m->parts);
	free(m->levels);
	buf_done(&m->boundaries);
	buf_done(&m->header);
	buf_done(&m->held);
}

static struct mime_part *
add_part(struct mime *m, uint32_t parent, uint64_t at)
{
	struct mime_part *p;

	if (m->part_count == m->part_room) {
		m->part_room *= 2;
		m->parts = mem_grow(m->parts, m->part_room * sizeof(*m->parts));
	}
	p = &m->parts[m->part_count];
	*p = (struct mime_part){ .parent = parent, .header_at = at };
	if (m->part_count)
		p->depth = m->parts[parent].depth + 1;
	m->current = (uint32_t)m->part_count++;
	m->in_header = true;
	m->want_body = false;
	buf_clear(&m->header);
	return p;
}

void
mime_reset(struct mime *m)
{
	m->facts = (struct mime_facts){ 0 };
	m->part_count = m->level_count = 0;
	buf_clear(&m->boundaries);
	buf_clear(&m->held);
	m->saturated = m->in_plain_line = m->after_cr = m->last_line_empty = false;
	m->line_at = m->line_n = 0;
	m->last_end_n = 0;
	add_part(m, 0, 0);
}

/* ---- parts ---- */

static void
open_multipart(struct mime *m, str boundary)
{
	while (boundary.n && (boundary.p[boundary.n - 1] == ' ' || boundary.p[boundary.n - 1] == '\t'))
		boundary.n--;
	if (boundary.n == 0 || boundary.n > MIME_BOUNDARY_MAX || m->parts[m->current].depth >= m->most_depth)
		return;
	if (m->level_count == m->level_room) {
		m->level_room = MAX(2 * m->level_room, 8);
		m->levels = mem_grow(m->levels, m->level_room * sizeof(*m->levels));
	}
	m->levels[m->level_count++] =
		(struct mime_level){ m->current, (uint32_t)m->boundaries.n, (uint32_t)boundary.n };
	buf_add(&m->boundaries, boundary);
	m->parts[m->current].is_multipart = true;
}

/* The header of the current part ends before offset `at`, where its body begins; `lines` line ends stand before that. */
static void
end_header(struct mime *m, uint64_t at, uint64_t lines)
{
	struct mime_kind kind = { 0 };
	uint32_t part = m->current;

	m->in_header = false;
	m->parts[part].body_at = at;
	m->parts[part].lines_before = lines;
	m->owner.header(m->owner.ctx, part, buf_str(&m->header), &kind);
	if (kind.what == MIME_MULTIPART) {
		open_multipart(m, kind.boundary);
	} else if (kind.what == MIME_MESSAGE) {
		if (m->part_count < m->most_parts && m->parts[part].depth < m->most_depth) {
			m->parts[part].is_message = true;
			add_part(m, part, at);
		}
	} else {
		m->want_body = kind.want_body;
	}
}

/* Where open parts end: before `offset`, before which `lines` lines stand. */
struct place {
	uint64_t offset, lines;
};

/* Ends the current part there, or where its body began: then what encloses it ends there, too. */
static void
end_part(struct mime *m, struct place *end)
{
	struct mime_part *p = &m->parts[m->current];

	if (end->offset <= p->body_at) {
		end->offset = p->body_at;
		end->lines = m->facts.lines;
	} else {
		p->lines = end->lines - p->lines_before;
	}
	p->body_size = end->offset - p->body_at;
	m->want_body = false;
	m->owner.end(m->owner.ctx, m->current);
	m->current = p->parent;
}

/* Ends what is open inside of part `outer`, headers that a delimiter or the end has cut short first. */
static void
end_parts_inside(struct mime *m, uint32_t outer, struct place *end)
{
	while (m->in_header) /* twice when it says that a message follows */
		end_header(m, m->line_at, m->facts.lines);
	while (m->current != outer)
		end_part(m, end);
}

/* ---- delimiters ---- */

static str
without_line_end(str line)
{
	if (line.n && line.p[line.n - 1] == '\n') {
		line.n--;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
	}
	return line;
}

/* Which open multipart the line delimits, counted from 1; 0: none. */
static size_t
find_level(const struct mime *m, str line, bool *ret_closes)
{
	str text = str_from(without_line_end(line), 2);

	while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
		text.n--;
	for (size_t i = m->level_count; i > 0; i--) {
		const struct mime_level *l = &m->levels[i - 1];
		str boundary = str_of(m->boundaries.p + l->boundary_at, l->boundary_n);

		*ret_closes = text.n == boundary.n + 2 && str_ends(text, S("--"));
		if ((*ret_closes || text.n == boundary.n) && memcmp(text.p, boundary.p, boundary.n) == 0)
			return i;
	}
	return 0;
}

static void
drop_levels(struct mime *m, size_t count)
{
	if (count < m->level_count)
		m->boundaries.n = m->levels[count].boundary_at;
	m->level_count = MIN(count, m->level_count);
}

static bool
take_delimiter(struct mime *m, str line)
{
	bool closes;
	size_t level = find_level(m, line, &closes);
	struct place end;
	uint32_t multipart;

	if (level == 0)
		return false;
	if (!closes && m->part_count >= m->most_parts) {
		m->saturated = true;
		return false;
	}
	multipart = m->levels[level - 1].part;
	end = (struct place){ m->line_at - m->last_end_n, m->facts.lines - m->last_line_empty };
	end_parts_inside(m, multipart, &end);
	drop_levels(m, closes ? level - 1 : level);
	if (!closes)
		add_part(m, multipart, m->line_at + m->line_n);
	return true;
}

/* ---- lines ---- */

static void
add_header(struct mime *m, str bytes)
{
	m->facts.has_8bit_header |= charset_ascii_run(bytes) < bytes.n;
	buf_add(&m->header, str_sub(bytes, 0, m->header.limit - m->header.n));
}

/* Bytes of a line that is no delimiter and no end of a header. */
static void
take_content(struct mime *m, str bytes)
{
	if (m->in_header)
		add_header(m, bytes);
	else if (m->want_body)
		m->want_body = m->owner.body(m->owner.ctx, bytes);
}

static bool
watches(const struct mime *m)
{
	return m->level_count > 0 && !m->saturated;
}

/* A line from its beginning to its end (or the end of the message). m->line_n is its length. */
static void
take_line(struct mime *m, str line)
{
	if (line.n <= LINE_HELD_MAX) {
		if (watches(m) && line.n > 2 && line.p[0] == '-' && line.p[1] == '-' &&
			take_delimiter(m, line))
			return;
		if (m->in_header && without_line_end(line).n == 0) {
			end_header(m, m->line_at + m->line_n, m->facts.lines + 1);
			return;
		}
	}
	take_content(m, line);
}

/* A piece of a line; `whole`: with its end. What may yet turn out to matter is held until it does. */
static void
take_piece(struct mime *m, str piece, bool begins, bool whole)
{
	if (m->in_plain_line) {
		take_content(m, piece);
	} else if (begins && whole) {
		take_line(m, piece);
	} else if (begins && !m->in_header &&
		   (!watches(m) || piece.p[0] != '-' || (piece.n > 1 && piece.p[1] != '-'))) {
		m->in_plain_line = true;
		take_content(m, piece);
	} else if (m->held.n + piece.n > LINE_HELD_MAX) {
		m->in_plain_line = true;
		take_content(m, buf_str(&m->held));
		take_content(m, piece);
		buf_clear(&m->held);
	} else {
		buf_add(&m->held, piece);
		if (whole) {
			take_line(m, buf_str(&m->held));
			buf_clear(&m->held);
		}
	}
}

static void
note_line_end(struct mime *m, unsigned end_n)
{
	uint64_t content = m->line_n - end_n;

	m->facts.longest_line = MAX(m->facts.longest_line, content);
	m->facts.lines++;
	m->last_end_n = end_n;
	m->last_line_empty = content == 0;
	m->line_at += m->line_n;
	m->line_n = 0;
	m->in_plain_line = false;
}

/* Looks at the carriage returns of a piece: its last one may belong to the line end. Gives whether the line end is CRLF. */
static bool
note_returns(struct mime *m, str content, bool whole)
{
	bool crlf = content.n ? content.p[content.n - 1] == '\r' : m->after_cr;
	size_t first = str_find(content, '\r');

	if (first + 1 < content.n || (m->after_cr && content.n))
		m->facts.has_bare_cr = true;
	m->after_cr = !whole && crlf;
	return crlf;
}

void
mime_feed(struct mime *m, str bytes)
{
	if (str_find(bytes, '\0') < bytes.n)
		m->facts.has_nul = true;
	m->facts.size += bytes.n;
	while (bytes.n) {
		size_t n = str_find(bytes, '\n');
		bool whole = n < bytes.n, begins = m->line_n == 0;
		bool crlf = note_returns(m, str_sub(bytes, 0, n), whole);
		str piece = str_sub(bytes, 0, n + whole);

		if (begins && piece.p[0] == '.')
			m->facts.dot_lines = true;
		m->line_n += piece.n;
		if (m->in_header || m->want_body || watches(m))
			take_piece(m, piece, begins, whole);
		if (whole) {
			m->facts.has_bare_lf |= !crlf;
			note_line_end(m, 1 + crlf);
		}
		bytes = str_from(bytes, piece.n);
	}
}

void
mime_finish(struct mime *m)
{
	struct place end;

	if (m->held.n)
		take_line(m, buf_str(&m->held));
	buf_clear(&m->held);
	m->facts.has_bare_cr |= m->after_cr;
	m->facts.longest_line = MAX(m->facts.longest_line, m->line_n);
	m->facts.lines += m->line_n > 0;
	m->line_at = m->facts.size;
	m->line_n = 0;
	end = (struct place){ m->facts.size, m->facts.lines };
	end_parts_inside(m, 0, &end);
	end_part(m, &end);
}
