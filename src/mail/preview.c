#include "mail/preview.h"

#include "base/mem.h"
#include "mail/words.h"

enum { FIRST_LOOK = 2048 };

void
preview_scratch_done(struct preview_scratch *s)
{
	buf_done(&s->bytes);
	buf_done(&s->utf8);
	buf_done(&s->text);
}

/* Characters that fill the space of a preview without being seen: soft hyphen, combining grapheme joiner, zero width ones, byte order
 * mark. Newsletters pad their first line with them. Length in bytes, or 0. */
static size_t
invisible_at(str s, size_t i)
{
	static const str list[] = { SC("\xC2\xAD"), SC("\xCD\x8F"), SC("\xE2\x80\x8B"), SC("\xE2\x80\x8C"),
		SC("\xE2\x80\x8D"), SC("\xE2\x80\x8E"), SC("\xE2\x80\x8F"), SC("\xE2\x81\xA0"),
		SC("\xEF\xBB\xBF") };

	for (size_t k = 0; k < COUNT(list); k++)
		if (str_starts(str_from(s, i), list[k]))
			return list[k].n;
	return 0;
}

static size_t
blank_at(str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];

	if (c <= ' ' || c == 127)
		return 1;
	if (c < 0x80)
		return 0;
	if (c == 0xC2 && (unsigned char)s.p[i + 1] <= 0xA0) /* C1 controls, no-break space */
		return 2;
	if (str_starts(str_from(s, i), S("\xE3\x80\x80")) || str_starts(str_from(s, i), S("\xE2\x80\xA8")) ||
		str_starts(str_from(s, i), S("\xE2\x80\xA9")) ||
		str_starts(str_from(s, i), S("\xE2\x80\x83")))
		return 3;
	return 0;
}

/* How many bytes at the front are ASCII and neither blank nor control. */
static size_t
word_at(str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] > ' ' && s.p[n] < 127)
		n++;
	return n;
}

/* A line of text that grows up to PREVIEW_CHARS, white space collapsed. */
struct line {
	size_t n, chars;
	bool blank_due;
	char p[PREVIEW_BYTES];
};

static void
add_text(struct line *l, str text)
{
	for (size_t i = 0, n; i < text.n && l->chars < PREVIEW_CHARS; i += n) {
		unsigned char c = (unsigned char)text.p[i];
		size_t chars = 1;

		n = blank_at(text, i);
		if (n) {
			l->blank_due = l->chars > 0;
			continue;
		}
		n = c < 0x80 ? 0 : invisible_at(text, i);
		if (n)
			continue;
		if (l->blank_due) {
			l->p[l->n++] = ' ';
			l->blank_due = false;
			if (++l->chars == PREVIEW_CHARS)
				return;
		}
		n = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
		if (c < 0x80)
			chars = n = word_at(str_sub(text, i, PREVIEW_CHARS - l->chars));
		memcpy(l->p + l->n, text.p + i, n);
		l->n += n;
		l->chars += chars;
	}
	l->blank_due = l->chars > 0;
}

/* Own lines first, then quoted ones. Gives the number of characters. */
static size_t
add_lines(str text, struct buf *out)
{
	struct line own, quoted;
	str line;

	own.n = own.chars = quoted.n = quoted.chars = 0;
	own.blank_due = quoted.blank_due = false;
	while (own.chars < PREVIEW_CHARS && str_take_until(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] != '>') {
			add_text(&own, line);
			continue;
		}
		while (line.n && (line.p[0] == '>' || line.p[0] == ' '))
			line = str_from(line, 1);
		add_text(&quoted, line);
	}
	add_text(&own, str_of(quoted.p, quoted.n));
	buf_add(out, str_of(own.p, own.n));
	return own.chars;
}

static size_t
look(struct charset_reader *cs, struct preview_scratch *s, str body, enum transfer encoding, str charset,
	bool html, struct buf *out)
{
	str bytes = body;

	if (encoding != TRANSFER_PLAIN) {
		buf_clear(&s->bytes);
		transfer_decode(encoding, body, &s->bytes);
		bytes = buf_str(&s->bytes);
	}
	buf_clear(&s->utf8);
	if (charset.n == 0 || !charset_add(cs, charset, bytes, &s->utf8))
		charset_add_unlabelled(bytes, &s->utf8);
	if (!html)
		return add_lines(buf_str(&s->utf8), out);
	buf_clear(&s->text);
	preview_strip_html(buf_str(&s->utf8), &s->text);
	return add_lines(buf_str(&s->text), out);
}

/* Most previews come from the first lines; more is decoded only where those did not suffice. */
bool
preview_make(struct charset_reader *cs, struct preview_scratch *s, str body, enum transfer encoding,
	str charset, bool html, struct buf *out)
{
	size_t before = out->n;

	if (body.n > FIRST_LOOK) {
		size_t n = str_rfind(str_sub(body, 0, FIRST_LOOK), '\n');

		if (n < FIRST_LOOK &&
			look(cs, s, str_sub(body, 0, n + 1), encoding, charset, html, out) >= PREVIEW_CHARS)
			return true;
		out->n = before;
	}
	return look(cs, s, body, encoding, charset, html, out) > 0;
}
