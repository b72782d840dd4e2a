#include "base/buf.h"

#include "base/mem.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){ .limit = limit };
}

void
buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .limit = b->limit };
}

char *
buf_reserve(struct buf *b, size_t n)
{
	size_t limit = b->limit ? b->limit : SIZE_MAX / 4;

	if (b->full || n > limit || b->n > limit - n) {
		b->full = true;
		return NULL;
	}
	if (!b->p || b->room - b->n < n) {
		size_t room = MAX(b->room * 2, b->n + n);
		room = MIN(MAX(room, 64), limit);
		b->p = mem_grow(b->p, room);
		b->room = room;
	}
	return b->p + b->n;
}

void
buf_used(struct buf *b, size_t n)
{
	b->n += n;
}

bool
buf_add(struct buf *b, str s)
{
	char *to = buf_reserve(b, s.n);

	if (!to)
		return false;
	if (s.n)
		memcpy(to, s.p, s.n);
	b->n += s.n;
	return true;
}

bool
buf_add_char(struct buf *b, char c)
{
	return buf_add(b, str_of(&c, 1));
}

bool
buf_add_c(struct buf *b, const char *c)
{
	return buf_add(b, str_c(c));
}

bool
buf_add_u64(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return buf_add(b, str_of(digits + at, sizeof(digits) - at));
}

bool
buf_add_quoted(struct buf *b, str s)
{
	bool utf8 = str_is_utf8(s);

	buf_add_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_add_c(b, "\\n");
		else if (c == '\r')
			buf_add_c(b, "\\r");
		else if (c < 32 || c == 127 || (c > 127 && !utf8))
			buf_printf(b, "\\u%04x", c);
		else
			buf_add_char(b, (char)c);
	}
	return buf_add_char(b, '"');
}

bool
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	char *to;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort();
	to = buf_reserve(b, (size_t)n + 1);
	if (!to)
		return false;
	va_start(args, format);
	(void)vsnprintf(to, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
	return true;
}

void
buf_drop_front(struct buf *b, size_t n)
{
	n = MIN(n, b->n);
	b->n -= n;
	if (b->n && n)
		memmove(b->p, b->p + n, b->n);
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->full = false;
}

bool
buf_add_le16(struct buf *b, uint16_t v)
{
	v = htole16(v);
	return buf_add(b, str_of(&v, sizeof(v)));
}

bool
buf_add_le32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	return buf_add(b, str_of(&v, sizeof(v)));
}

bool
buf_add_le64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	return buf_add(b, str_of(&v, sizeof(v)));
}

bool
buf_add_varint(struct buf *b, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	while (v >= 0x80) {
		bytes[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (char)v;
	return buf_add(b, str_of(bytes, n));
}

bool
buf_add_counted(struct buf *b, str s)
{
	return buf_add_varint(b, s.n) && buf_add(b, s);
}

bool
str_take_bytes(str *s, size_t n, str *ret)
{
	if (s->n < n)
		return false;
	*ret = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return true;
}

bool
str_take_le16(str *s, uint16_t *ret)
{
	str bytes;
	uint16_t v;

	if (!str_take_bytes(s, sizeof(v), &bytes))
		return false;
	memcpy(&v, bytes.p, sizeof(v));
	*ret = le16toh(v);
	return true;
}

bool
str_take_le32(str *s, uint32_t *ret)
{
	str bytes;
	uint32_t v;

	if (!str_take_bytes(s, sizeof(v), &bytes))
		return false;
	memcpy(&v, bytes.p, sizeof(v));
	*ret = le32toh(v);
	return true;
}

bool
str_take_le64(str *s, uint64_t *ret)
{
	str bytes;
	uint64_t v;

	if (!str_take_bytes(s, sizeof(v), &bytes))
		return false;
	memcpy(&v, bytes.p, sizeof(v));
	*ret = le64toh(v);
	return true;
}

bool
str_take_varint(str *s, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 10 && i < s->n; i++) {
		uint64_t seven = (uint64_t)(s->p[i] & 0x7F);
		if (i == 9 && seven > 1)
			return false;
		value |= seven << (7 * i);
		if (!(s->p[i] & 0x80)) {
			*ret = value;
			*s = str_from(*s, i + 1);
			return true;
		}
	}
	return false;
}

bool
str_take_counted(str *s, str *ret)
{
	str in = *s;
	uint64_t n;

	if (!str_take_varint(&in, &n) || n > in.n)
		return false;
	(void)str_take_bytes(&in, (size_t)n, ret);
	*s = in;
	return true;
}
