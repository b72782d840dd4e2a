#include "base/str.h"

bool
str_eq_nocase(str a, str b)
{
	return a.n == b.n && str_cmp_nocase(a, b) == 0;
}

int
str_cmp(str a, str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

int
str_cmp_nocase(str a, str b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)ascii_lower(a.p[i]);
		unsigned char y = (unsigned char)ascii_lower(b.p[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

bool
str_starts(str s, str prefix)
{
	return str_eq(str_sub(s, 0, prefix.n), prefix);
}

bool
str_starts_nocase(str s, str prefix)
{
	return str_eq_nocase(str_sub(s, 0, prefix.n), prefix);
}

bool
str_ends(str s, str suffix)
{
	return s.n >= suffix.n && str_eq(str_from(s, s.n - suffix.n), suffix);
}

bool
str_ends_nocase(str s, str suffix)
{
	return s.n >= suffix.n && str_eq_nocase(str_from(s, s.n - suffix.n), suffix);
}

size_t
str_find(str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t
str_rfind(str s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t
str_find_str(str s, str needle)
{
	const char *at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

str
str_trim(str s)
{
	while (s.n && ascii_space(s.p[0]))
		s = str_from(s, 1);
	while (s.n && ascii_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
str_take(str *s, str prefix)
{
	if (!str_starts(*s, prefix))
		return false;
	*s = str_from(*s, prefix.n);
	return true;
}

bool
str_take_nocase(str *s, str prefix)
{
	if (!str_starts_nocase(*s, prefix))
		return false;
	*s = str_from(*s, prefix.n);
	return true;
}

bool
str_take_until(str *s, char sep, str *ret_head)
{
	size_t at = str_find(*s, sep);

	if (s->n == 0)
		return false;
	*ret_head = str_sub(*s, 0, at);
	*s = str_from(*s, at + 1);
	return true;
}

bool
str_take_word(str *s, str *ret_word)
{
	str in = *s;
	size_t n = 0;

	while (in.n && (in.p[0] == ' ' || in.p[0] == '\t'))
		in = str_from(in, 1);
	while (n < in.n && in.p[n] != ' ' && in.p[n] != '\t')
		n++;
	if (n == 0)
		return false;
	*ret_word = str_sub(in, 0, n);
	*s = str_from(in, n);
	return true;
}

bool
str_to_u64(str s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (!ascii_digit(s.p[i]) || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*ret_value = value;
	return true;
}

bool
str_is_ascii(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return false;
	return true;
}

/* How many continuation bytes follow `lead`, and the range the first of them must lie in. */
static int
utf8_after(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
	*ret_low = 0x80;
	*ret_high = 0xBF;
	if (lead < 0x80)
		return 0;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 1;
	if (lead >= 0xE0 && lead <= 0xEF) {
		if (lead == 0xE0)
			*ret_low = 0xA0;
		if (lead == 0xED)
			*ret_high = 0x9F;
		return 2;
	}
	if (lead >= 0xF0 && lead <= 0xF4) {
		if (lead == 0xF0)
			*ret_low = 0x90;
		if (lead == 0xF4)
			*ret_high = 0x8F;
		return 3;
	}
	return -1;
}

bool
str_is_utf8(str s)
{
	size_t i = 0;

	while (i < s.n) {
		unsigned char low, high;
		int after = utf8_after((unsigned char)s.p[i++], &low, &high);

		if (after < 0 || (size_t)after > s.n - i)
			return false;
		while (after-- > 0) {
			unsigned char c = (unsigned char)s.p[i++];
			if (c < low || c > high)
				return false;
			low = 0x80;
			high = 0xBF;
		}
	}
	return true;
}

bool
str_has_ctl(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
			return true;
	return false;
}
