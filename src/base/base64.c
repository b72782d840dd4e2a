#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

void
base64_add(struct buf *b, str s)
{
	size_t n = (s.n + 2) / 3 * 4;
	char *to = buf_reserve(b, n);

	if (!to)
		return;
	for (size_t i = 0; i < s.n; i += 3, to += 4) {
		size_t left = s.n - i;
		uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			v |= (uint32_t)(unsigned char)s.p[i + 2];
		to[0] = letters[v >> 18];
		to[1] = letters[v >> 12 & 63];
		to[2] = left > 1 ? letters[v >> 6 & 63] : '=';
		to[3] = left > 2 ? letters[v & 63] : '=';
	}
	buf_used(b, n);
}

bool
base64_decode(str text, struct buf *b)
{
	size_t before = b->n;

	if (text.n % 4)
		return false;
	for (size_t i = 0; i < text.n; i += 4) {
		bool last = i + 4 == text.n;
		int pad = last && text.p[i + 3] == '=' ? 1 + (text.p[i + 2] == '=') : 0;
		uint32_t v = 0;
		char three[3];

		for (int k = 0; k < 4; k++) {
			int six = k < 4 - pad ? value_of(text.p[i + (size_t)k]) : 0;
			if (six < 0)
				goto bad;
			v = v << 6 | (uint32_t)six;
		}
		if ((pad == 1 && (v & 0xFF)) || (pad == 2 && (v & 0xFFFF)))
			goto bad;
		three[0] = (char)(v >> 16);
		three[1] = (char)(v >> 8);
		three[2] = (char)v;
		if (!buf_add(b, str_of(three, (size_t)(3 - pad))))
			goto bad;
	}
	return true;
bad:
	b->n = before;
	return false;
}

void
hex_add(struct buf *b, str s)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		buf_add_char(b, digits[(unsigned char)s.p[i] >> 4]);
		buf_add_char(b, digits[s.p[i] & 15]);
	}
}

bool
hex_decode(str text, struct buf *b)
{
	size_t before = b->n;
	int high = 0;

	if (text.n % 2)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = ascii_lower(text.p[i]);
		int v = ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (v < 0) {
			b->n = before;
			return false;
		}
		if (i % 2)
			buf_add_char(b, (char)(high << 4 | v));
		high = v;
	}
	return true;
}
