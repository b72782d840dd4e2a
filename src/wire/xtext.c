#include "wire/xtext.h"

static int
hex_value(char c)
{
	c = ascii_upper(c); /* the grammar wants upper case, some clients send lower */
	return ascii_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
is_xchar(unsigned char c, bool utf8_ok)
{
	if (c > 127)
		return utf8_ok;
	return c > 32 && c < 127 && c != '+' && c != '=';
}

enum fault
xtext_decode(struct arena *a, str text, bool utf8_ok, str *ret)
{
	char *to = arena_take(a, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '+') {
			int high = i + 2 < text.n ? hex_value(text.p[i + 1]) : -1;
			int low = i + 2 < text.n ? hex_value(text.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return BAD_ARGUMENT;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (!is_xchar((unsigned char)c, utf8_ok)) {
			return BAD_ARGUMENT;
		}
		to[n++] = c;
	}
	if (str_has_ctl(str_of(to, n)) || !str_is_utf8(str_of(to, n)))
		return BAD_ARGUMENT;
	*ret = str_of(to, n);
	return OK;
}

void
xtext_add(struct buf *b, str bytes)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		if (is_xchar(c, false)) {
			buf_add_char(b, (char)c);
		} else {
			char three[3] = { '+', digits[c >> 4], digits[c & 15] };
			buf_add(b, str_of(three, sizeof(three)));
		}
	}
}

/* Takes "\x{HEXPOINT}" off the front of *s; gives its code point. */
static bool
take_escape(str *s, uint32_t *ret_point)
{
	str in = *s, digits;
	uint32_t point = 0;

	if (!str_take(&in, S("\\x{")) || str_find(in, '}') == in.n)
		return false;
	(void)str_take_until(&in, '}', &digits);
	if (digits.n < 2 || digits.n > 6)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		int v = hex_value(digits.p[i]);
		if (v < 0)
			return false;
		point = point << 4 | (uint32_t)v;
	}
	if (point < 32 || point == 127 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
		return false;
	*ret_point = point;
	*s = in;
	return true;
}

static size_t
put_utf8(char *to, uint32_t point)
{
	if (point < 0x80) {
		to[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		to[0] = (char)(0xC0 | point >> 6);
		to[1] = (char)(0x80 | (point & 63));
		return 2;
	}
	if (point < 0x10000) {
		to[0] = (char)(0xE0 | point >> 12);
		to[1] = (char)(0x80 | (point >> 6 & 63));
		to[2] = (char)(0x80 | (point & 63));
		return 3;
	}
	to[0] = (char)(0xF0 | point >> 18);
	to[1] = (char)(0x80 | (point >> 12 & 63));
	to[2] = (char)(0x80 | (point >> 6 & 63));
	to[3] = (char)(0x80 | (point & 63));
	return 4;
}

str
xtext_unescape_utf8(struct arena *a, str text)
{
	char *to = arena_take(a, text.n + 1); /* an escape is never shorter than what it means */
	str in = text;
	size_t n = 0;

	while (in.n) {
		uint32_t point;

		if (in.p[0] == '\\') {
			if (!take_escape(&in, &point))
				return text;
			n += put_utf8(to + n, point);
		} else {
			to[n++] = in.p[0];
			in = str_from(in, 1);
		}
	}
	return str_of(to, n);
}
