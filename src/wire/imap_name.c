/* wire/imap_name.c - names of mailboxes in modified UTF-7: RFC 3501 5.1.3 */
#include "wire/imap_lex.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

static void
add_utf8(char *p, size_t *n, uint32_t u)
{
	if (u < 0x80) {
		p[(*n)++] = (char)u;
	} else if (u < 0x800) {
		p[(*n)++] = (char)(0xC0 | u >> 6);
		p[(*n)++] = (char)(0x80 | (u & 0x3F));
	} else if (u < 0x10000) {
		p[(*n)++] = (char)(0xE0 | u >> 12);
		p[(*n)++] = (char)(0x80 | (u >> 6 & 0x3F));
		p[(*n)++] = (char)(0x80 | (u & 0x3F));
	} else {
		p[(*n)++] = (char)(0xF0 | u >> 18);
		p[(*n)++] = (char)(0x80 | (u >> 12 & 0x3F));
		p[(*n)++] = (char)(0x80 | (u >> 6 & 0x3F));
		p[(*n)++] = (char)(0x80 | (u & 0x3F));
	}
}

/* One run of base64 between "&" and "-": UTF-16, big-endian. False: broken pairs, loose bits, printable ASCII (which must stand bare). */
static bool
decode_run(str run, char *p, size_t *n)
{
	uint32_t bits = 0, high = 0;
	int have = 0;

	for (size_t i = 0; i < run.n; i++) {
		int v = value_of(run.p[i]);
		uint32_t unit;

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		unit = bits >> have & 0xFFFF;
		bits &= (1u << have) - 1;
		if (high) {
			if (unit < 0xDC00 || unit > 0xDFFF)
				return false;
			add_utf8(p, n, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
			high = 0;
		} else if (unit >= 0xD800 && unit <= 0xDBFF) {
			high = unit;
		} else if ((unit >= 0xDC00 && unit <= 0xDFFF) || (unit >= 0x20 && unit <= 0x7E)) {
			return false;
		} else {
			add_utf8(p, n, unit);
		}
	}
	return high == 0 && have < 6 && bits == 0;
}

bool
imap_name_decode(struct arena *a, str name, str *ret)
{
	char *p = arena_take(a, 2 * name.n + 4); /* 8 base64 octets hold 3 units of at most 3 octets each */
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		size_t end;

		if (c < 0x20 || c > 0x7E)
			return false;
		if (c != '&') {
			p[n++] = c;
			continue;
		}
		end = str_find(str_from(name, i + 1), '-');
		if (end == name.n - i - 1)
			return false;
		if (end == 0)
			p[n++] = '&';
		else if (!decode_run(str_sub(name, i + 1, end), p, &n))
			return false;
		/* Two runs that touch could have been one. */
		if (end && i + end + 2 < name.n && name.p[i + end + 2] == '&' &&
			!(i + end + 3 < name.n && name.p[i + end + 3] == '-'))
			return false;
		i += end + 1;
	}
	*ret = str_of(p, n);
	return true;
}

/* The next character of well-formed UTF-8. */
static uint32_t
next_char(str *s)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	uint32_t u = n == 1 ? c : c & (0xFFu >> (n + 1));

	for (size_t i = 1; i < n && i < s->n; i++)
		u = u << 6 | ((unsigned char)s->p[i] & 0x3F);
	*s = str_from(*s, n);
	return u;
}

struct run {
	struct buf *b;
	uint32_t bits;
	int have;
};

static void
add_unit(struct run *r, uint32_t unit)
{
	r->bits = r->bits << 16 | unit;
	r->have += 16;
	while (r->have >= 6) {
		r->have -= 6;
		buf_add_char(r->b, alphabet[r->bits >> r->have & 0x3F]);
	}
	r->bits &= (1u << r->have) - 1;
}

void
imap_name_encode(struct buf *b, str utf8)
{
	struct run r = { b, 0, 0 };
	bool open = false;

	while (utf8.n) {
		uint32_t u = next_char(&utf8);
		bool plain = u >= 0x20 && u <= 0x7E;

		if (plain && open) {
			if (r.have)
				buf_add_char(b, alphabet[r.bits << (6 - r.have) & 0x3F]);
			buf_add_char(b, '-');
			open = false;
		}
		if (plain) {
			buf_add_char(b, (char)u);
			if (u == '&')
				buf_add_char(b, '-');
			continue;
		}
		if (!open)
			buf_add_char(b, '&');
		if (!open)
			r = (struct run){ b, 0, 0 };
		open = true;
		if (u >= 0x10000) {
			add_unit(&r, 0xD800 + ((u - 0x10000) >> 10));
			add_unit(&r, 0xDC00 + ((u - 0x10000) & 0x3FF));
		} else {
			add_unit(&r, u);
		}
	}
	if (open) {
		if (r.have)
			buf_add_char(b, alphabet[r.bits << (6 - r.have) & 0x3F]);
		buf_add_char(b, '-');
	}
}
