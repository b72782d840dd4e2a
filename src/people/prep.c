#include "people/prep.h"

#include "base/mem.h"

#include <utf8proc.h>

struct range {
	int32_t first, last;
};

/* clang-format off */
static const struct range space[] = { /* C.1.2: become a space */
	{ 0x00A0, 0x00A0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200B }, { 0x202F, 0x202F }, { 0x205F, 0x205F }, { 0x3000, 0x3000 },
};
static const struct range nothing[] = { /* B.1: vanish. U+200B is in C.1.2 too, which comes first */
	{ 0x00AD, 0x00AD }, { 0x034F, 0x034F }, { 0x1806, 0x1806 }, { 0x180B, 0x180D }, { 0x200C, 0x200D }, { 0x2060, 0x2060 },
	{ 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF },
};
static const struct range prohibited[] = { /* in order; the last two code points of each plane (C.4) apart */
	{ 0x0000, 0x001F },	/* C.2.1 controls of ASCII */
	{ 0x007F, 0x00A0 },	/* C.2.1, C.2.2 controls; C.1.2 */
	{ 0x0340, 0x0341 },	/* C.8 deprecated tone marks */
	{ 0x06DD, 0x06DD },	/* C.2.2 */
	{ 0x070F, 0x070F },	/* C.2.2 */
	{ 0x1680, 0x1680 },	/* C.1.2 */
	{ 0x180E, 0x180E },	/* C.2.2 */
	{ 0x2000, 0x200F },	/* C.1.2 spaces, C.2.2 joiners, C.8 marks of direction */
	{ 0x2028, 0x202F },	/* C.2.2 separators, C.8 directions, C.1.2 */
	{ 0x205F, 0x2063 },	/* C.1.2, C.2.2 invisible operators */
	{ 0x206A, 0x206F },	/* C.2.2, C.8 */
	{ 0x2FF0, 0x2FFB },	/* C.7 ideographic description */
	{ 0x3000, 0x3000 },	/* C.1.2 */
	{ 0xD800, 0xF8FF },	/* C.5 surrogates, C.3 private use */
	{ 0xFDD0, 0xFDEF },	/* C.4 no characters */
	{ 0xFEFF, 0xFEFF },	/* C.2.2 */
	{ 0xFFF9, 0xFFFF },	/* C.2.2, C.6, C.4 */
	{ 0x1D173, 0x1D17A },	/* C.2.2 musical controls */
	{ 0xE0001, 0xE0001 },	/* C.9 tags */
	{ 0xE0020, 0xE007F },	/* C.9 */
	{ 0xF0000, 0x10FFFF },	/* C.3 private use, C.4 */
};
/* clang-format on */

static bool
is_in(const struct range *ranges, size_t n, int32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static bool
is_prohibited(int32_t c)
{
	return (c & 0xFFFE) == 0xFFFE || is_in(prohibited, COUNT(prohibited), c);
}

/* RFC 3454 6: text with right-to-left letters begins and ends with one and has no left-to-right ones. */
static bool
has_one_direction(const int32_t *c, size_t n)
{
	bool right = false, left = false, first = false, last = false;

	for (size_t i = 0; i < n; i++) {
		utf8proc_propval_t class = utf8proc_get_property(c[i])->bidi_class;

		last = class == UTF8PROC_BIDI_CLASS_R || class == UTF8PROC_BIDI_CLASS_AL;
		left |= class == UTF8PROC_BIDI_CLASS_L;
		right |= last;
		if (i == 0)
			first = last;
	}
	return !right || (!left && first && last);
}

/* The mapping; never longer than the text. */
static size_t
map(str text, utf8proc_uint8_t *to)
{
	size_t n = 0;

	for (size_t at = 0; at < text.n;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t step = utf8proc_iterate(
			(const utf8proc_uint8_t *)text.p + at, (utf8proc_ssize_t)(text.n - at), &c);

		if (step <= 0)
			return 0;
		if (is_in(space, COUNT(space), c))
			to[n++] = ' ';
		else if (!is_in(nothing, COUNT(nothing), c)) {
			memcpy(to + n, text.p + at, (size_t)step);
			n += (size_t)step;
		}
		at += (size_t)step;
	}
	return n;
}

static bool
add_checked(const int32_t *c, size_t n, struct buf *ret)
{
	size_t used = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		if (is_prohibited(c[i]))
			return false;
	if (n == 0 || !has_one_direction(c, n))
		return false;
	p = buf_reserve(ret, 4 * n);
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++)
		used += (size_t)utf8proc_encode_char(c[i], (utf8proc_uint8_t *)p + used);
	buf_used(ret, used);
	return true;
}

bool
prep_sasl(str text, struct buf *ret)
{
	const utf8proc_option_t nfkc =
		(utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE);
	utf8proc_uint8_t *mapped;
	utf8proc_ssize_t n, room;
	int32_t *points;
	bool ok = false;

	if (text.n == 0 || !str_is_utf8(text))
		return false;
	if (str_is_ascii(text)) /* is its own preparation, if it has any */
		return !str_has_ctl(text) && buf_add(ret, text);
	mapped = mem_new(text.n);
	n = (utf8proc_ssize_t)map(text, mapped);
	room = n ? utf8proc_decompose(mapped, n, NULL, 0, nfkc) : 0;
	if (room > 0) {
		points = mem_new_array((size_t)room, sizeof(*points));
		n = utf8proc_decompose(mapped, n, points, room, nfkc);
		if (n == room)
			n = utf8proc_normalize_utf32(points, n, nfkc);
		if (n > 0)
			ok = add_checked(points, (size_t)n, ret);
		mem_wipe(points, (size_t)room * sizeof(*points));
		free(points);
	}
	mem_wipe(mapped, text.n);
	free(mapped);
	return ok;
}
