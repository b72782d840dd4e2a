#include "mail/mbox.h"

#include "base/mem.h"
#include "base/moment.h"
#include "mail/date.h"
#include "mail/header.h"

enum { FROM_MOST = 1000 /* octets of a From_ line */ };

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* ---- lines ---- */

static bool
is_day(str s)
{
	for (size_t i = 0; i < 7; i++)
		if (s.n > 4 && memcmp(s.p, days + 3 * i, 3) == 0 && s.p[3] == ' ')
			return true;
	return false;
}

bool
mbox_is_from(str line, int64_t *ret_date_ms)
{
	int offset_min;

	if (line.n > FROM_MOST || !str_starts(line, S("From ")))
		return false;
	for (str rest = str_from(line, 4); rest.n > 4; rest = str_from(rest, 1)) {
		str date = str_from(rest, 1);
		size_t remote = str_find_str(date, S(" remote from "));

		if (rest.p[0] == ' ' && is_day(date) &&
			date_parse(str_trim(str_sub(date, 0, remote)), ret_date_ms, &offset_min))
			return true;
	}
	return false;
}

/* The line at `at`, without its end; *ret_next behind it. False: it is not whole. */
static bool
line_at(str bytes, size_t at, bool last, str *ret, size_t *ret_next)
{
	str rest = str_from(bytes, at);
	size_t n = str_find(rest, '\n');

	if (n == rest.n && !last)
		return false;
	*ret_next = at + MIN(n + 1, rest.n);
	*ret = str_sub(rest, 0, n);
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

/* ---- where a message ends ---- */

static void
see_length(struct mbox *m, str line)
{
	uint64_t n;

	if (str_starts_nocase(line, S("Content-Length:")) &&
		str_to_u64(str_trim(str_from(line, 15)), UINT64_MAX / 4, &n))
		m->length = n + 1;
}

/* Is the end where Content-Length has it: before the end, or an empty line and a From_ line? */
static enum mbox_step
ends_at(str bytes, size_t at, bool last)
{
	int64_t date_ms;
	size_t next;
	str line;

	for (int blanks = 0; blanks < 2; blanks++) {
		if (at == bytes.n && last)
			return MBOX_MESSAGE;
		if (!line_at(bytes, at, last, &line, &next))
			return bytes.n - at > FROM_MOST ? MBOX_NONE : MBOX_MORE;
		if (mbox_is_from(line, &date_ms))
			return MBOX_MESSAGE;
		if (line.n)
			return MBOX_NONE;
		at = next;
	}
	return at == bytes.n && last ? MBOX_MESSAGE : MBOX_NONE;
}

static enum mbox_step
end_message(struct mbox *m, str bytes, size_t end, bool counted, struct mbox_message *ret, size_t *ret_used)
{
	str kept = str_sub(bytes, 0, end);

	if (!counted && str_ends(kept, S("\n\r\n")))
		kept.n -= 2;
	else if (!counted && str_ends(kept, S("\n\n")))
		kept.n -= 1;
	*ret = (struct mbox_message){ .date_ms = m->date_ms,
		.bytes = m->too_big ? S("") : kept,
		.counted = counted,
		.too_big = m->too_big };
	*ret_used = end;
	*m = (struct mbox){ .begun = true };
	return MBOX_MESSAGE;
}

/* The From_ line, behind empty lines. */
static enum mbox_step
take_from(struct mbox *m, str bytes, bool last, size_t *ret_used)
{
	size_t next;
	str line;

	while (*ret_used < bytes.n) {
		if (!line_at(bytes, *ret_used, last, &line, &next))
			return bytes.n - *ret_used > FROM_MOST ? MBOX_NONE : MBOX_MORE;
		if (line.n && !mbox_is_from(line, &m->date_ms))
			return MBOX_NONE;
		*ret_used = next;
		if (line.n) {
			m->stage = MBOX_HEADER;
			m->scanned = 0;
			return MBOX_MESSAGE;
		}
	}
	return last ? MBOX_END : MBOX_MORE;
}

static enum mbox_step
scan(struct mbox *m, str bytes, bool last, size_t most, struct mbox_message *ret, size_t *ret_used)
{
	int64_t date_ms;
	size_t next;
	str line;

	if (m->stage == MBOX_BODY && m->length && !m->too_big) {
		size_t end = m->body + (size_t)(m->length - 1);
		enum mbox_step step = MBOX_NONE;

		if (m->length - 1 <= most && end <= bytes.n)
			step = ends_at(bytes, end, last);
		else if (m->length - 1 <= most && !last)
			step = MBOX_MORE;
		if (step == MBOX_MESSAGE)
			return end_message(m, bytes, end, true, ret, ret_used);
		if (step == MBOX_MORE)
			return MBOX_MORE;
		m->length = 0;
	}
	while (m->scanned < bytes.n && line_at(bytes, m->scanned, last, &line, &next)) {
		if (m->blank && mbox_is_from(line, &date_ms))
			return end_message(m, bytes, m->scanned, false, ret, ret_used);
		m->blank = line.n == 0;
		m->scanned = next;
		if (m->stage == MBOX_HEADER) {
			see_length(m, line);
			if (m->blank) {
				m->stage = MBOX_BODY;
				m->body = next;
				return scan(
					m, bytes, last, most, ret, ret_used); /* once: it is the body now */
			}
		}
	}
	if (last)
		return end_message(m, bytes, bytes.n, false, ret, ret_used);
	return MBOX_MORE;
}

enum mbox_step
mbox_take(struct mbox *m, str bytes, bool last, size_t most, struct mbox_message *ret, size_t *ret_used)
{
	enum mbox_step step;
	size_t used = 0;

	*ret_used = 0;
	if (m->stage == MBOX_START) {
		step = take_from(m, bytes, last, &used);
		*ret_used = used;
		if (step != MBOX_MESSAGE)
			return step;
	}
	*ret_used = 0;
	step = scan(m, str_from(bytes, used), last, most, ret, ret_used);
	*ret_used += used;
	if (step == MBOX_MORE && bytes.n - used > most) {
		/* what is looked at need not be kept; an unfinished line longer than a From_ line is none */
		size_t drop = MAX(m->scanned, MIN(bytes.n - used, most) - FROM_MOST);

		m->blank = m->blank && drop == m->scanned;
		m->too_big = true;
		m->scanned = 0;
		m->length = 0;
		*ret_used = used + drop;
	}
	return step;
}

/* ---- the message itself ---- */

void
mbox_add_crlf(struct buf *b, str text)
{
	str line;

	while (text.n) {
		size_t n = str_find(text, '\n');

		line = str_sub(text, 0, n);
		text = str_from(text, n + 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add(b, line);
		buf_add(b, S("\r\n"));
	}
}

static str
unquoted(str line, enum mbox_kind kind)
{
	size_t quotes = 0;

	while (quotes < line.n && line.p[quotes] == '>')
		quotes++;
	if (quotes && (kind == MBOX_RD || quotes == 1) && str_starts(str_from(line, quotes), S("From ")))
		return str_from(line, 1);
	return line;
}

static bool
has(str letters, char c)
{
	return str_find(letters, c) < letters.n;
}

/* True: the field is a mark and not to be kept. */
static bool
see_field(str line, bool counted, struct mbox_marks *k)
{
	static const str gone[] = { SC("X-UID:"), SC("X-IMAPbase:"), SC("X-IMAP:") };

	if (str_take_nocase(&line, S("Status:"))) {
		k->seen = has(line, 'R');
		return true;
	}
	if (str_take_nocase(&line, S("X-Status:"))) {
		k->answered = has(line, 'A');
		k->flagged = has(line, 'F');
		k->draft = has(line, 'T');
		k->deleted = has(line, 'D');
		return true;
	}
	if (str_take_nocase(&line, S("X-Keywords:"))) {
		buf_add(&k->keywords, str_trim(line));
		return true;
	}
	if (str_starts_nocase(line, S("X-IMAP:")))
		k->internal = true;
	for (size_t i = 0; i < COUNT(gone); i++)
		if (str_starts_nocase(line, gone[i]))
			return true;
	return counted && str_starts_nocase(line, S("Content-Length:"));
}

void
mbox_open(const struct mbox_message *m, enum mbox_kind kind, struct buf *ret, struct mbox_marks *ret_marks)
{
	bool header = true, dropped = false;
	str rest = m->bytes;

	while (rest.n) {
		size_t n = str_find(rest, '\n');
		str line = str_sub(rest, 0, n);

		rest = str_from(rest, n + 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (header && line.n == 0) {
			header = false;
		} else if (header) {
			bool folded = line.p[0] == ' ' || line.p[0] == '\t';

			if (!folded)
				dropped = see_field(line, m->counted, ret_marks);
			if (dropped)
				continue;
		}
		buf_add(ret, m->counted ? line : unquoted(line, kind));
		buf_add(ret, S("\r\n"));
	}
}

/* ---- writing ---- */

static void
add_from(struct buf *b, str sender, int64_t date_ms)
{
	struct moment_parts t;

	moment_split(date_ms, &t);
	buf_add_c(b, "From ");
	for (size_t i = 0; i < sender.n && i < 320; i++)
		buf_add_char(b, sender.p[i] > ' ' && sender.p[i] < 127 ? sender.p[i] : '_');
	if (sender.n == 0)
		buf_add_c(b, "MAILER-DAEMON");
	buf_printf(b, " %.3s %.3s %2d %02d:%02d:%02d %d\n", days + 3 * t.weekday, months + 3 * (t.month - 1),
		t.day, t.hour, t.minute, t.second, t.year);
}

static void
add_marks(struct buf *b, const struct mbox_marks *k)
{
	buf_add_c(b, k->seen ? "Status: RO\n" : "Status: O\n");
	if (k->answered || k->flagged || k->draft || k->deleted)
		buf_printf(b, "X-Status: %s%s%s%s\n", k->answered ? "A" : "", k->flagged ? "F" : "",
			k->draft ? "T" : "", k->deleted ? "D" : "");
	if (k->keywords.n)
		buf_printf(b, "X-Keywords: %.*s\n", STR_ARG(buf_str(&k->keywords)));
}

void
mbox_add(struct buf *b, str sender, int64_t date_ms, const struct mbox_marks *marks, str message)
{
	bool header = true;

	add_from(b, sender, date_ms);
	while (message.n) {
		size_t n = str_find(message, '\n'), quotes = 0;
		str line = str_sub(message, 0, n);

		message = str_from(message, n + 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (header && line.n == 0) {
			add_marks(b, marks);
			header = false;
		}
		while (quotes < line.n && line.p[quotes] == '>')
			quotes++;
		if (str_starts(str_from(line, quotes), S("From ")))
			buf_add_char(b, '>');
		buf_add(b, line);
		buf_add_char(b, '\n');
	}
	if (header)
		add_marks(b, marks);
	buf_add_char(b, '\n');
}
