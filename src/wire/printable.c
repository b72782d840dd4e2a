#include "wire/printable.h"

/* How many bytes the character at the front of s has; 0: it is malformed. */
static size_t
utf8_size(str s)
{
	unsigned char lead = (unsigned char)s.p[0];
	size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;

	return n <= s.n && str_is_utf8(str_sub(s, 0, n)) ? n : 0;
}

size_t
printable_add(struct buf *b, str text, size_t most)
{
	size_t added = 0;

	while (text.n) {
		size_t n = utf8_size(text);
		bool control = (unsigned char)text.p[0] < 32 || text.p[0] == 127 ||
			       (n == 2 && text.p[0] == '\xC2' && (unsigned char)text.p[1] < 0xA0);
		str piece = str_sub(text, 0, n ? n : 1);

		text = str_from(text, piece.n);
		if (n == 0 || control)
			piece = S("?");
		if (piece.n > most - added)
			break;
		buf_add(b, piece);
		added += piece.n;
	}
	return added;
}
