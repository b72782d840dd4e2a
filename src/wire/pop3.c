#include "wire/pop3.h"

#include "base/mem.h"
#include "wire/printable.h"

enum { MOST_REPLY = 512 }; /* octets with CRLF: RFC 1939 3 */

/* clang-format off */
static const struct {
	str word;
	enum pop3_verb verb;
} words[] = {
	{ SC("USER"), POP3_USER },
	{ SC("PASS"), POP3_PASS },
	{ SC("APOP"), POP3_APOP },
	{ SC("AUTH"), POP3_AUTH }, /* RFC 5034 4 */
	{ SC("CAPA"), POP3_CAPA }, /* RFC 2449 5 */
	{ SC("STLS"), POP3_STLS }, /* RFC 2595 4 */
	{ SC("UTF8"), POP3_UTF8 }, /* RFC 6856 2 */
	{ SC("LANG"), POP3_LANG }, /* RFC 6856 3 */
	{ SC("QUIT"), POP3_QUIT },
	{ SC("NOOP"), POP3_NOOP },
	{ SC("STAT"), POP3_STAT },
	{ SC("LIST"), POP3_LIST },
	{ SC("RETR"), POP3_RETR },
	{ SC("DELE"), POP3_DELE },
	{ SC("RSET"), POP3_RSET },
	{ SC("TOP"),  POP3_TOP },
	{ SC("UIDL"), POP3_UIDL },
};
/* clang-format on */

enum fault
pop3_command_parse(str line, struct pop3_command *ret)
{
	size_t end = str_find(line, ' ');
	struct pop3_command c = { .word = str_sub(line, 0, end), .args = str_from(line, end + 1) };

	if (str_find(line, '\0') < line.n)
		return SYNTAX;
	for (size_t i = 0; i < COUNT(words) && c.verb == POP3_UNKNOWN; i++)
		if (str_eq_nocase(c.word, words[i].word))
			c.verb = words[i].verb;
	while (c.verb != POP3_PASS && str_ends(c.args, S(" ")))
		c.args.n--;
	*ret = c;
	return OK;
}

const char *
pop3_verb_name(enum pop3_verb v)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].verb == v)
			return words[i].word.p;
	return "UNKNOWN";
}

static bool
to_number(str s, uint32_t least, uint32_t *ret)
{
	uint64_t value;

	if (!str_to_u64(s, UINT32_MAX, &value) || value < least)
		return false;
	*ret = (uint32_t)value;
	return true;
}

enum fault
pop3_args_number(str args, bool *ret_given, uint32_t *ret_n)
{
	str word;
	bool given = str_take_word(&args, &word);

	if (given && (!to_number(word, 1, ret_n) || str_trim(args).n))
		return BAD_ARGUMENT;
	*ret_given = given;
	return OK;
}

enum fault
pop3_args_two(str args, uint32_t *ret_n, uint32_t *ret_count)
{
	str first, second;
	uint32_t n, count;

	if (!str_take_word(&args, &first) || !str_take_word(&args, &second) || str_trim(args).n)
		return BAD_ARGUMENT;
	if (!to_number(first, 1, &n) || !to_number(second, 0, &count))
		return BAD_ARGUMENT;
	*ret_n = n;
	*ret_count = count;
	return OK;
}

void
pop3_ok_add(struct buf *b, str text)
{
	buf_add(b, text.n ? S("+OK ") : S("+OK"));
	printable_add(b, text, MOST_REPLY - strlen("+OK \r\n"));
	buf_add(b, S("\r\n"));
}

void
pop3_fault_add(struct buf *b, enum fault f, str more)
{
	const struct fault_words *w = fault_words(f);
	size_t start = b->n;

	buf_add(b, S("-ERR "));
	if (w->pop3[0])
		buf_printf(b, "[%s] ", w->pop3);
	buf_add_c(b, w->text);
	if (more.n) {
		buf_add(b, S(": "));
		printable_add(b, more, MOST_REPLY - 2 - (b->n - start));
	}
	buf_add(b, S("\r\n"));
}

void
pop3_stuff_add(struct buf *b, str bytes, bool *at_line_start)
{
	while (bytes.n) {
		size_t line = str_find(bytes, '\n') + 1;

		if (*at_line_start && bytes.p[0] == '.')
			buf_add_char(b, '.');
		*at_line_start = line <= bytes.n;
		buf_add(b, str_sub(bytes, 0, line));
		bytes = str_from(bytes, line);
	}
}

void
pop3_end_add(struct buf *b, bool at_line_start)
{
	buf_add(b, at_line_start ? S(".\r\n") : S("\r\n.\r\n"));
}

/* The size of the first line of s with its line end; all of s when it has none. */
static size_t
line_size(str s)
{
	return MIN(str_find(s, '\n') + 1, s.n);
}

size_t
pop3_top_size(str message, uint32_t lines)
{
	size_t at = 0;
	bool in_header = true;

	while (at < message.n && (in_header || lines > 0)) {
		str rest = str_from(message, at);

		at += line_size(rest);
		if (!in_header)
			lines--;
		else if (rest.p[0] == '\n' || str_starts(rest, S("\r\n")))
			in_header = false;
	}
	return at;
}
