#include "mail/mutf7.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void
add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_char(b, (char)(0xC0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_add_char(b, (char)(0xE0 | c >> 12));
		} else {
			buf_add_char(b, (char)(0xF0 | c >> 18));
			buf_add_char(b, (char)(0x80 | (c >> 12 & 0x3F)));
		}
		buf_add_char(b, (char)(0x80 | (c >> 6 & 0x3F)));
	}
	buf_add_char(b, (char)(0x80 | (c & 0x3F)));
}

/* What stands between & and -: UTF-16, big-endian, in base64 whose last bits are zeros. */
static bool
decode_shift(str in, struct buf *ret)
{
	uint32_t bits = 0, high = 0;
	unsigned have = 0;

	for (size_t i = 0; i < in.n; i++) {
		const char *at = memchr(letters, in.p[i], 64);
		uint32_t unit;

		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - letters);
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		unit = bits >> have & 0xFFFF;
		bits &= (1u << have) - 1;
		if (unit == 0 || (high != 0) != (unit >= 0xDC00 && unit <= 0xDFFF))
			return false;
		if (unit >= 0xD800 && unit <= 0xDBFF)
			high = unit;
		else if (high)
			add_utf8(ret, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00)), high = 0;
		else
			add_utf8(ret, unit);
	}
	return high == 0 && have < 6 && bits == 0;
}

bool
mutf7_decode(str name, struct buf *ret)
{
	size_t before = ret->n;

	while (name.n) {
		size_t end = str_find(name, '&');
		bool ok;

		for (size_t i = 0; i < end; i++)
			if (name.p[i] < ' ' || name.p[i] == 127) /* bytes above ASCII are negative */
				goto bad;
		buf_add(ret, str_sub(name, 0, end));
		name = str_from(name, end);
		if (!name.n)
			break;
		end = str_find(name, '-');
		if (end == name.n)
			goto bad;
		if (end == 1)
			ok = buf_add_char(ret, '&');
		else
			ok = decode_shift(str_sub(name, 1, end - 1), ret);
		if (!ok)
			goto bad;
		name = str_from(name, end + 1);
	}
	return true;
bad:
	ret->n = before;
	return false;
}

static uint32_t
take_utf8(str *s)
{
	uint8_t first = (uint8_t)s->p[0];
	size_t n = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	uint32_t c = n == 1 ? first : first & (0xFFu >> (n + 1));

	for (size_t i = 1; i < n && i < s->n; i++)
		c = c << 6 | ((uint8_t)s->p[i] & 0x3F);
	*s = str_from(*s, n);
	return c;
}

struct shift {
	struct buf *out;
	uint32_t bits;
	unsigned have;
	bool open;
};

static void
add_unit(struct shift *s, uint32_t unit)
{
	if (!s->open)
		buf_add_char(s->out, '&');
	s->open = true;
	s->bits = s->bits << 16 | unit;
	for (s->have += 16; s->have >= 6; s->have -= 6)
		buf_add_char(s->out, letters[s->bits >> (s->have - 6) & 63]);
	s->bits &= (1u << s->have) - 1;
}

static void
close_shift(struct shift *s)
{
	if (!s->open)
		return;
	if (s->have)
		buf_add_char(s->out, letters[s->bits << (6 - s->have) & 63]);
	buf_add_char(s->out, '-');
	*s = (struct shift){ .out = s->out };
}

void
mutf7_encode(str name, str also, struct buf *ret)
{
	struct shift s = { .out = ret };

	while (name.n) {
		uint32_t c = take_utf8(&name);

		if (c >= ' ' && c < 127 && str_find(also, (char)c) == also.n) {
			close_shift(&s);
			buf_add_char(ret, (char)c);
			if (c == '&')
				buf_add_char(ret, '-');
		} else if (c < 0x10000) {
			add_unit(&s, c);
		} else {
			add_unit(&s, 0xD800 + ((c - 0x10000) >> 10 & 0x3FF));
			add_unit(&s, 0xDC00 + ((c - 0x10000) & 0x3FF));
		}
	}
	close_shift(&s);
}
