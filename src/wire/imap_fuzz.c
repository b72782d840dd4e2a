/* Input: an octet that chooses the mode and how much of it is an APPEND, then a command with its literals. */
#include "wire/imap.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_set(struct arena *a, const struct imap_set *set)
{
	static const uint32_t largest[] = { 0, 1, 1000, UINT32_MAX };

	assert(!set->saved || set->n == 0);
	for (size_t i = 0; i < 4; i++) {
		struct imap_range *r;
		size_t n;

		imap_set_resolve(a, set, largest[i], &r, &n);
		assert(n <= set->n);
		for (size_t k = 0; k < n; k++)
			assert(r[k].first > 0 && r[k].first <= r[k].last &&
				(k == 0 || r[k].first > r[k - 1].last + 1));
	}
}

static void
check_name(struct arena *a, str name)
{
	struct buf b = { 0 };
	str back;

	assert(str_is_utf8(name) && !str_has_ctl(name));
	imap_name_encode(&b, name);
	assert(str_is_ascii(buf_str(&b)) && imap_name_decode(a, buf_str(&b), &back) && str_eq(back, name));
	buf_done(&b);
}

static unsigned
check_key(struct arena *a, const struct imap_search_key *k, int depth)
{
	unsigned n = 1;

	assert(depth <= 2 * IMAP_DEPTH + 4);
	check_set(a, &k->set);
	for (const struct imap_search_key *c = k->children; c; c = c->next)
		n += check_key(a, c, depth + 1);
	assert((k->key == IMAP_KEY_AND || k->key == IMAP_KEY_OR || k->key == IMAP_KEY_NOT) ==
		(k->children != NULL));
	return n;
}

static void
check_append(struct arena *a, str args, bool replace, unsigned mode)
{
	struct imap_append p;
	bool more = true;
	str line = str_sub(args, 0, str_find(args, '\n'));

	args = str_from(args, line.n + 1);
	if (imap_append_begin(a, &line, replace, mode, &p) != OK)
		return;
	check_name(a, p.mailbox);
	for (int steps = 0; steps < 1000; steps++) {
		size_t before = line.n;
		enum fault f = imap_append_next(a, &line, &p, &more);

		if (f != OK || !more)
			return;
		if (p.body == IMAP_APPEND_LITERAL || p.body == IMAP_APPEND_TEXT) {
			assert(line.n == 0);
			line = str_sub(args, 0, str_find(args, '\n'));
			args = str_from(args, line.n + 1);
		} else {
			assert(line.n < before);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct imap_command c;
	struct imap_literal l;
	unsigned mode;
	enum fault f;
	str text;

	if (size == 0)
		return 0;
	mode = data[0] & 1;
	text = str_of(data + 1, size - 1);
	(void)imap_literal_of(text, &l);
	f = imap_command_parse(&a, text, mode, &c);
	assert(f == OK || f == SYNTAX || f == UNKNOWN_COMMAND || f == BAD_ARGUMENT || f == TOO_BIG);
	assert(c.tag.n <= text.n && str_is_ascii(c.tag) && !str_has_ctl(c.tag));
	if (f == OK) {
		assert(c.tag.n && c.verb != IMAP_UNKNOWN);
		switch (c.verb) {
		case IMAP_FETCH:
			check_set(&a, &c.fetch.set);
			assert(c.fetch.item_n > 0);
			break;
		case IMAP_STORE: check_set(&a, &c.store.set); break;
		case IMAP_SEARCH:
		case IMAP_SORT:
		case IMAP_THREAD:
		case IMAP_ESEARCH: assert(check_key(&a, c.search.key, 0) <= IMAP_KEYS); break;
		case IMAP_SELECT:
		case IMAP_EXAMINE: check_name(&a, c.select.mailbox); break;
		case IMAP_LIST:
		case IMAP_LSUB:
			for (size_t i = 0; i < c.list.pattern_n; i++)
				check_name(&a, c.list.patterns[i]);
			break;
		case IMAP_RENAME: check_name(&a, c.two.second); break;
		case IMAP_APPEND:
		case IMAP_REPLACE: check_append(&a, c.two.first, c.verb == IMAP_REPLACE, mode); break;
		default: break;
		}
	}
	arena_done(&a);
	return 0;
}
