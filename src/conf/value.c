/* conf/value.c - numbers, words, items: what a value's text means */
#include "conf/inside.h"

#include <assert.h>

/* ms a unit of time has; 0: not a unit. */
static int64_t
time_unit(char c)
{
	switch (ascii_lower(c)) {
	case 's': return 1000;
	case 'm': return 60 * 1000;
	case 'h': return 3600 * 1000;
	case 'd': return 24 * 3600 * 1000;
	case 'w': return 7 * 24 * 3600 * 1000;
	default: return 0;
	}
}

static int64_t
size_unit(char c)
{
	switch (ascii_lower(c)) {
	case 'k': return 1024;
	case 'm': return 1024 * 1024;
	case 'g': return 1024 * 1024 * 1024;
	default: return 0;
	}
}

bool
value_number(enum conf_type type, const char *unit, str s, int64_t *ret)
{
	int64_t factor = type == CONF_TIME ? time_unit(unit[0]) : 1;
	uint64_t number;

	if (s.n && !ascii_digit(s.p[s.n - 1])) {
		char suffix = s.p[--s.n];

		factor = type == CONF_TIME ? time_unit(suffix) : type == CONF_SIZE ? size_unit(suffix) : 0;
	}
	if (factor == 0 || !str_to_u64(s, (uint64_t)(INT64_MAX / factor), &number))
		return false;
	*ret = (int64_t)number * factor;
	return true;
}

void
value_range(const struct param *p, int64_t *ret_low, int64_t *ret_high)
{
	str words = str_c(p->words);
	size_t at = str_find_str(words, S(".."));
	str high = str_from(words, at + 2);
	bool ok = value_number(p->type, p->unit, str_sub(words, 0, at), ret_low);

	*ret_high = INT64_MAX;
	if (high.n)
		ok = ok && value_number(p->type, p->unit, high, ret_high);
	assert(ok);
	(void)ok;
}

bool
value_word(const char *words, str s, int64_t *ret_index)
{
	str rest = str_c(words), word;
	int64_t i = 0;

	while (str_take_word(&rest, &word)) {
		if (str_eq_nocase(word, s)) {
			*ret_index = i;
			return true;
		}
		i++;
	}
	return false;
}

static bool
separates(char c)
{
	return c == ',' || ascii_space(c);
}

/* The end of the item that begins s: before the first separator outside braces. False: braces do not match. */
static bool
item_end(str s, size_t *ret_n, size_t *ret_first_close)
{
	size_t level = 0, i;

	*ret_first_close = s.n;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '{') {
			level++;
		} else if (s.p[i] == '}') {
			if (level == 0)
				return false;
			if (--level == 0 && *ret_first_close == s.n)
				*ret_first_close = i;
		} else if (level == 0 && separates(s.p[i])) {
			break;
		}
	}
	*ret_n = i;
	return level == 0;
}

bool
list_take(str *s, str *ret_item, bool *ret_broken)
{
	str in = *s, item;
	size_t n, close;

	*ret_broken = false;
	while (in.n && separates(in.p[0]))
		in = str_from(in, 1);
	if (in.n == 0)
		return false;
	if (!item_end(in, &n, &close)) {
		*ret_broken = true;
		return false;
	}
	item = str_sub(in, 0, n);
	if (item.p[0] == '{' && close == n - 1)
		item = str_trim(str_sub(item, 1, n - 2));
	*ret_item = item;
	*s = str_from(in, n);
	return true;
}
