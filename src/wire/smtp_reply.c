#include "wire/smtp.h"

#include "wire/printable.h"

enum {
	MOST_REPLY = 512,       /* octets of a line with its CRLF: RFC 5321 4.5.3.1.5 */
	MOST_CHALLENGE = 12288, /* RFC 4954 4 */
	MOST_ID = 64,
};

static const struct {
	int code;
	const char *status, *text;
} replies[] = {
#define REPLY(name, code, status, text) { code, status, text },
#include "wire/smtp_replies.def"
#undef REPLY
};

/* One line: code, '-' or ' ', status, text; where there is a text and more, `glue` between them; `end`, which is ours, whole. */
static void
add_line_end(struct buf *b, int code, char after_code, str status, str text, str glue, str more, str end)
{
	size_t room = (code == 334 ? MOST_CHALLENGE : MOST_REPLY) - end.n, start = b->n;
	size_t used;

	buf_printf(b, "%03d%c", code, after_code);
	if (status.n && (text.n || more.n))
		buf_printf(b, "%.*s ", STR_ARG(status));
	else
		buf_add(b, status);
	used = b->n - start + 2;
	used += printable_add(b, text, room - used);
	if (text.n && more.n && glue.n < room - used) {
		buf_add(b, glue);
		used += glue.n;
	}
	printable_add(b, more, room - used);
	buf_add(b, end);
	buf_add(b, S("\r\n"));
}

static void
add_line(struct buf *b, int code, char after_code, str status, str text, str glue, str more)
{
	add_line_end(b, code, after_code, status, text, glue, more, S(""));
}

void
smtp_reply_add(struct buf *b, enum smtp_reply r, str more)
{
	add_line(b, replies[r].code, ' ', str_c(replies[r].status), str_c(replies[r].text), S(" "), more);
}

void
smtp_fault_add(struct buf *b, enum fault f, str more)
{
	const struct fault_words *w = fault_words(f);

	add_line(b, w->smtp, ' ', str_c(w->status), str_c(w->text), S(": "), more);
}

void
smtp_fault_tell(struct buf *b, enum fault f, str more, str id, str footer)
{
	const struct fault_words *w = fault_words(f);
	const char *todo = fault_help(f)->todo;
	struct buf end = { 0 };

	if (todo[0])
		buf_printf(&end, "; %s", todo);
	if (id.n && id.n < MOST_ID)
		buf_printf(&end, " (id %.*s)", STR_ARG(id));
	add_line_end(b, w->smtp, footer.n ? '-' : ' ', str_c(w->status), str_c(w->text), S(": "), more,
		buf_str(&end));
	if (footer.n)
		smtp_lines_add(b, w->smtp, str_c(w->status), footer);
	buf_done(&end);
}

void
smtp_lines_add(struct buf *b, int code, str status, str text)
{
	str line = text;

	do {
		size_t end = str_find(text, '\n');
		char after_code = end < text.n ? '-' : ' ';

		line = str_sub(text, 0, end);
		text = str_from(text, end + 1);
		add_line(b, code, after_code, status, line, S(""), S(""));
		if (after_code == ' ')
			break;
	} while (true);
}
