/* wire/imap_set.c - sets of message numbers and of UIDs */
#include "wire/imap_lex.h"

#include "base/mem.h"

#include <stdlib.h>

/* nz-number or "*" */
static bool
take_number(struct imap_in *in, uint32_t *ret)
{
	if (imap_take_char(in, '*')) {
		*ret = IMAP_STAR;
		return true;
	}
	return imap_take_u32(in, 1, ret);
}

bool
imap_take_set(struct imap_in *in, struct imap_set *ret)
{
	struct imap_many ranges = { 0 };
	struct imap_in at = *in;

	if (imap_take_char(&at, '$')) { /* RFC 5182 2.1 */
		*in = at;
		*ret = (struct imap_set){ .saved = true };
		return true;
	}
	do {
		struct imap_range *r = imap_many_add(in->a, &ranges, sizeof(*r), IMAP_SET_ITEMS);

		if (!r || !take_number(&at, &r->first))
			return false;
		r->last = r->first;
		if (imap_take_char(&at, ':') && !take_number(&at, &r->last))
			return false;
	} while (imap_take_char(&at, ','));
	*in = at;
	*ret = (struct imap_set){ .ranges = ranges.items, .n = ranges.n };
	return true;
}

static int
by_first(const void *x, const void *y)
{
	const struct imap_range *a = x, *b = y;

	return a->first < b->first ? -1 : a->first > b->first;
}

void
imap_set_resolve(
	struct arena *a, const struct imap_set *set, uint32_t largest, struct imap_range **ret, size_t *ret_n)
{
	struct imap_range *list = ARENA_ARRAY(a, set->n, struct imap_range);
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < set->n; i++) {
		uint32_t first = set->ranges[i].first == IMAP_STAR ? largest : set->ranges[i].first;
		uint32_t last = set->ranges[i].last == IMAP_STAR ? largest : set->ranges[i].last;

		if (first == 0 || last == 0) /* "*" of nothing */
			continue;
		list[n++] = (struct imap_range){ MIN(first, last), MAX(first, last) };
	}
	if (n)
		qsort(list, n, sizeof(*list), by_first);
	for (size_t i = 0; i < n; i++) {
		if (kept && (list[kept - 1].last == UINT32_MAX || list[i].first <= list[kept - 1].last + 1))
			list[kept - 1].last = MAX(list[kept - 1].last, list[i].last);
		else
			list[kept++] = list[i];
	}
	*ret = list;
	*ret_n = kept;
}

/* RFC 9394 3.1: both ends of one sign, none of them 0. */
static bool
take_end(struct imap_in *in, int64_t *ret)
{
	bool minus = imap_take_char(in, '-');
	uint32_t n;

	if (!imap_take_u32(in, 1, &n))
		return false;
	*ret = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

bool
imap_take_partial(struct imap_in *in, struct imap_partial *ret)
{
	struct imap_in at = *in;
	struct imap_partial p = { .given = true };

	if (!take_end(&at, &p.first) || !imap_take_char(&at, ':') || !take_end(&at, &p.last) ||
		(p.first < 0) != (p.last < 0))
		return false;
	*in = at;
	*ret = p;
	return true;
}
