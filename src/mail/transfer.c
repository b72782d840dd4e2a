#include "mail/transfer.h"

enum transfer
transfer_of(str encoding)
{
	if (str_eq_nocase(encoding, S("base64")))
		return TRANSFER_BASE64;
	return str_eq_nocase(encoding, S("quoted-printable")) ? TRANSFER_QP : TRANSFER_PLAIN;
}

/* Values of the alphabet; 64 for what is skipped, 65 for '='. */
static unsigned
six_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0' + 52);
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : c == '=' ? 65 : 64;
}

static void
decode_base64(str in, struct buf *out)
{
	char *to = buf_reserve(out, in.n / 4 * 3 + 3);
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	if (!to)
		return;
	for (size_t i = 0; i < in.n; i++) {
		unsigned six = six_of(in.p[i]);

		if (six < 64) {
			bits = bits << 6 | six;
			have += 6;
			if (have >= 8) {
				have -= 8;
				to[n++] = (char)(bits >> have);
			}
		} else if (six == 65) {
			have = 0;
		}
	}
	buf_used(out, n);
}

static int
hex_value(char c)
{
	c = ascii_lower(c);
	return ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "=XX" or "%XX" at the front of s stands for; -1: none. */
static int
hex_byte(str s)
{
	int high, low;

	if (s.n < 3)
		return -1;
	high = hex_value(s.p[1]);
	low = hex_value(s.p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* After a '=' at the front of s: the length of a soft line break, or 0. */
static size_t
soft_break(str s)
{
	size_t n = 1;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	if (n < s.n && s.p[n] == '\r')
		n++;
	return n < s.n && s.p[n] == '\n' ? n + 1 : 0;
}

static void
decode_qp(str in, struct buf *out)
{
	while (in.n && !out->full) {
		size_t n = str_find(in, '='), skip;
		int byte;

		buf_add(out, str_sub(in, 0, n));
		in = str_from(in, n);
		if (in.n == 0)
			return;
		byte = hex_byte(in);
		skip = byte < 0 ? soft_break(in) : 3;
		if (skip == 0) {
			buf_add_char(out, '=');
			skip = 1;
		} else if (byte >= 0) {
			buf_add_char(out, (char)byte);
		}
		in = str_from(in, skip);
	}
}

void
transfer_decode(enum transfer t, str in, struct buf *out)
{
	if (t == TRANSFER_BASE64)
		decode_base64(in, out);
	else if (t == TRANSFER_QP)
		decode_qp(in, out);
	else
		buf_add(out, in);
}

static void
decode_hex_marked(str in, char mark, char blank, struct buf *out)
{
	for (size_t i = 0; i < in.n && !out->full; i++) {
		int byte = in.p[i] == mark ? hex_byte(str_from(in, i)) : -1;

		if (byte >= 0) {
			buf_add_char(out, (char)byte);
			i += 2;
		} else {
			buf_add_char(out, blank && in.p[i] == blank ? ' ' : in.p[i]);
		}
	}
}

void
transfer_decode_q(str in, struct buf *out)
{
	decode_hex_marked(in, '=', '_', out);
}

void
transfer_decode_percent(str in, struct buf *out)
{
	decode_hex_marked(in, '%', '\0', out);
}
