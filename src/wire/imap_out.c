#include "wire/imap_out.h"

#include "base/mem.h"
#include "base/moment.h"
#include "wire/printable.h"

enum {
	QUOTED = 4096
}; /* octets; longer strings are literals, which clients read without a look at each octet */

static bool
goes_in_quotes(str s, unsigned mode)
{
	bool ascii = true;

	if (s.n > QUOTED)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' && c != '\t')
			return false;
		if (c >= 127)
			ascii = false;
	}
	return ascii || ((mode & IMAP_MODE_UTF8) && str_is_utf8(s) && str_find(s, '\x7f') == s.n);
}

static void
add_quoted(struct buf *b, str s)
{
	buf_add_char(b, '"');
	while (s.n) {
		size_t n = MIN(str_find(s, '"'), str_find(s, '\\'));

		buf_add(b, str_sub(s, 0, n));
		if (n < s.n) {
			buf_add_char(b, '\\');
			buf_add_char(b, s.p[n++]);
		}
		s = str_from(s, n);
	}
	buf_add_char(b, '"');
}

void
imap_string_add(struct buf *b, str s, unsigned mode)
{
	if (goes_in_quotes(s, mode)) {
		add_quoted(b, s);
		return;
	}
	buf_printf(b, "{%zu}\r\n", s.n);
	while (s.n) {
		size_t n = str_find(s, '\0');

		buf_add(b, str_sub(s, 0, n));
		if (n < s.n)
			buf_add_char(b, (char)0x80);
		s = str_from(s, n + 1);
	}
}

void
imap_nstring_add(struct buf *b, str s, unsigned mode)
{
	if (s.p)
		imap_string_add(b, s, mode);
	else
		buf_add(b, S("NIL"));
}

void
imap_name_add(struct buf *b, str utf8, unsigned mode)
{
	struct buf name = { 0 };

	if (str_eq(utf8, S("INBOX"))) { /* bare: old clients look for it so */
		buf_add(b, utf8);
		return;
	}
	if (mode & IMAP_MODE_UTF8)
		buf_add(&name, utf8);
	else
		imap_name_encode(&name, utf8);
	imap_string_add(b, buf_str(&name), mode);
	buf_done(&name);
}

void
imap_flags_add(struct buf *b, const struct imap_flags *flags)
{
	static const str names[] = { SC("\\Seen"), SC("\\Answered"), SC("\\Flagged"), SC("\\Deleted"),
		SC("\\Draft") }; /* in the order of their bits */
	const char *between = "(";

	for (size_t i = 0; i < COUNT(names); i++)
		if (flags->bits & 1u << i) {
			buf_add_c(b, between);
			buf_add(b, names[i]);
			between = " ";
		}
	for (size_t i = 0; i < flags->keyword_count; i++) {
		buf_add_c(b, between);
		buf_add(b, flags->keywords[i]);
		between = " ";
	}
	buf_add_c(b, *between == '(' ? "()" : ")");
}

/* ---- sets ---- */

static void
add_range(struct buf *b, uint32_t first, uint32_t last)
{
	buf_add_u64(b, first);
	if (last == first)
		return;
	buf_add_char(b, ':');
	buf_add_u64(b, last);
}

void
imap_set_add(struct buf *b, const struct imap_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_char(b, ',');
		add_range(b, ranges[i].first, ranges[i].last);
	}
}

void
imap_set_end(struct buf *b, struct imap_set_writer *w)
{
	if (w->first == 0)
		return;
	if (w->begun)
		buf_add_char(b, ',');
	add_range(b, w->first, w->last);
	*w = (struct imap_set_writer){ .begun = true };
}

void
imap_set_put(struct buf *b, struct imap_set_writer *w, uint32_t n)
{
	if (w->first && n == w->last + 1) {
		w->last = n;
		return;
	}
	imap_set_end(b, w);
	w->first = w->last = n;
}

/* ---- dates, sections ---- */

void
imap_date_time_add(struct buf *b, int64_t unix_ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct moment_parts t;

	moment_split(unix_ms, &t);
	buf_printf(b, "\"%2d-%.3s-%04d %02d:%02d:%02d +0000\"", t.day, months + 3 * (t.month - 1), t.year,
		t.hour, t.minute, t.second);
}

/* A field's name goes back as an atom where it can. */
static void
add_field(struct buf *b, str field, unsigned mode)
{
	bool atom = field.n > 0;

	for (size_t i = 0; i < field.n; i++)
		atom &= ascii_alnum(field.p[i]) || field.p[i] == '-' || field.p[i] == '_';
	if (atom)
		buf_add(b, field);
	else
		imap_string_add(b, field, mode);
}

void
imap_section_add(struct buf *b, const struct imap_fetch_item *item, unsigned mode)
{
	static const char *const texts[] = { "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT",
		"MIME" };
	const struct imap_section *s = &item->section;

	buf_add_c(b, item->item == IMAP_ITEM_SECTION  ? "BODY["
		     : item->item == IMAP_ITEM_BINARY ? "BINARY["
						      : "BINARY.SIZE[");
	for (size_t i = 0; i < s->path_n; i++)
		buf_printf(b, i ? ".%u" : "%u", s->path[i]);
	if (s->path_n && s->text != IMAP_TEXT_ALL)
		buf_add_char(b, '.');
	buf_add_c(b, texts[s->text]);
	for (size_t i = 0; i < s->field_n; i++) {
		buf_add_c(b, i ? " " : " (");
		add_field(b, s->fields[i], mode);
	}
	buf_add_c(b, s->field_n ? ")]" : "]");
	if (item->has_partial)
		buf_printf(b, "<%u>", item->offset);
}

/* ---- replies ---- */

void
imap_ok_add(struct buf *b, str tag, str code, str text)
{
	buf_printf(b, "%.*s OK ", STR_ARG(tag.n ? tag : S("*")));
	if (code.n)
		buf_printf(b, "[%.*s] ", STR_ARG(code));
	buf_add(b, text);
	buf_add(b, S("\r\n"));
}

/* Mistakes in the language are BAD: RFC 9051 7.1.3. */
static bool
is_bad(enum fault f)
{
	int code = fault_words(f)->smtp;

	return (code >= 500 && code <= 504) || code == 555;
}

void
imap_fault_add(struct buf *b, str tag, enum fault f, str more)
{
	const struct fault_words *w = fault_words(f);

	buf_printf(b, "%.*s %s ", STR_ARG(tag.n ? tag : S("*")), is_bad(f) ? "BAD" : "NO");
	if (w->imap[0])
		buf_printf(b, "[%s] ", w->imap);
	buf_add_c(b, w->text);
	if (more.n) {
		buf_add(b, S(": "));
		printable_add(b, more, 200);
	}
	buf_add(b, S("\r\n"));
}

/* ---- patterns ---- */

/* Which prefixes of the name the pattern read so far can match: one row of the usual table, in place. Bit i of fits: the first i bytes. */
bool
imap_pattern_fits(str pattern, str name, char separator)
{
	enum { MOST = 2048 };
	bool fits[MOST + 1] = { [0] = true };

	if (name.n > MOST)
		return false;
	for (size_t k = 0; k < pattern.n; k++) {
		char c = pattern.p[k];
		bool any = false;

		if (c == '*' || c == '%') {
			for (size_t i = 0; i < name.n; i++)
				fits[i + 1] |= fits[i] && (c == '*' || name.p[i] != separator);
			continue;
		}
		for (size_t i = name.n; i > 0; i--)
			any |= fits[i] = fits[i - 1] && name.p[i - 1] == c;
		fits[0] = false;
		if (!any)
			return false;
	}
	return fits[name.n];
}
