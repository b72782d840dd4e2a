/* A text as the body of a part. */
#include "mail/compose.h"

#include "base/base64.h"
#include "base/mem.h"

enum { LINE = 76 /* RFC 2045 6.7 (5), 6.8 */, LONGEST = 998, RAW_LINE = LINE / 4 * 3 };

struct facts {
	size_t longest, costly, n; /* costly: octets that quoted-printable writes as three */
	bool ascii, nul;
};

static bool
is_costly(unsigned char c)
{
	return c > 126 || c == '=' || (c < 32 && c != '\t' && c != '\r' && c != '\n');
}

/* CRLF, LF and CR end lines; every line has its end. */
static void
make_crlf(struct buf *b, str text, struct facts *facts)
{
	size_t line = 0;

	*facts = (struct facts){ .ascii = true };
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '\r' || c == '\n') {
			i += c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n';
			buf_add(b, S("\r\n"));
			line = 0;
			continue;
		}
		buf_add_char(b, c);
		line++;
		facts->longest = MAX(facts->longest, line);
		facts->costly += is_costly((unsigned char)c);
		facts->ascii &= (unsigned char)c < 128;
		facts->nul |= c == 0;
	}
	if (line)
		buf_add(b, S("\r\n"));
	facts->n = b->n;
}

/* At the beginning of a line: what some program on the way would change (mbox writers) or take for something else (a lone dot). */
static bool
is_tempting(str line)
{
	return str_starts(line, S("From ")) || str_eq(line, S("."));
}

static void
add_qp_line(struct buf *b, str line)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t column = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		bool last = i + 1 == line.n;
		bool coded =
			is_costly(c) || ((c == ' ' || c == '\t') && last) || (i == 0 && is_tempting(line));
		size_t n = coded ? 3 : 1;

		if (column + n > (size_t)LINE - !last) {
			buf_add(b, S("=\r\n"));
			column = 0;
		}
		if (coded)
			buf_add(b, str_of((char[]){ '=', digits[c >> 4], digits[c & 15] }, 3));
		else
			buf_add_char(b, (char)c);
		column += n;
	}
	buf_add(b, S("\r\n"));
}

static void
add_qp(struct buf *b, str text)
{
	for (str line; str_take_until(&text, '\n', &line);) {
		line.n--; /* its CR */
		add_qp_line(b, line);
	}
}

static void
add_base64(struct buf *b, str text)
{
	for (; text.n; text = str_from(text, RAW_LINE)) {
		base64_add(b, str_sub(text, 0, RAW_LINE));
		buf_add(b, S("\r\n"));
	}
}

const char *
compose_encode_text(struct buf *b, str text)
{
	struct buf lines = { 0 };
	struct facts facts;
	const char *encoding;

	make_crlf(&lines, text, &facts);
	if (facts.ascii && !facts.nul && facts.longest <= LONGEST) {
		encoding = "7bit";
		buf_add(b, buf_str(&lines));
	} else if (facts.nul ||
		   facts.costly * 2 > facts.n / 3) { /* base64 is shorter, and nobody could read the other */
		encoding = "base64";
		add_base64(b, buf_str(&lines));
	} else {
		encoding = "quoted-printable";
		add_qp(b, buf_str(&lines));
	}
	buf_done(&lines);
	return encoding;
}
