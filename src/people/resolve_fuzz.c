/* Input: octets of a random world of 26 names in two domains. Each name has two octets: what it is (account, alias, both, nothing), and which names its
 * targets begin at; then comes the address that is asked for. */
#include "people/resolve.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAMES = 26, IS_ACCOUNT = 1, IS_ALIAS = 2, FOREIGN = 4, EXTENDED = 8, MOST_TARGETS = 16 };

struct world {
	const uint8_t *of; /* 2 * NAMES */
	size_t asked;
};

/* "x@a.test" is name x; "@a.test", the catch-all, is name 0's twin: an alias when that has an odd first target. */
static int
number_of(str address)
{
	str local = str_sub(address, 0, str_find(address, '@'));

	return local.n == 1 && local.p[0] >= 'a' && local.p[0] < 'a' + NAMES ? local.p[0] - 'a' : -1;
}

static enum resolve_class
class_of(const void *text, str domain)
{
	(void)text;
	return str_eq(domain, S("a.test")) ? RESOLVE_LOCAL : RESOLVE_FOREIGN;
}

static bool
account(const struct world *w, str address, uint32_t *ret_id)
{
	int n = number_of(address);

	for (size_t i = 0; i < address.n; i++)
		assert(address.p[i] == ascii_lower(address.p[i]));
	if (n < 0 || !(w->of[2 * n] & IS_ACCOUNT))
		return false;
	*ret_id = (uint32_t)n + 1;
	return true;
}

static bool
any(const struct world *w, uint32_t *ret_id)
{
	for (uint32_t n = 0; n < NAMES; n++)
		if (w->of[2 * n] & IS_ACCOUNT) {
			*ret_id = n + 1;
			return true;
		}
	return false;
}

static void
alias(const struct world *w, struct arena *a, str address, struct resolve_fact *ret)
{
	int n = number_of(address);
	uint8_t what, first;
	str *targets;

	if (str_eq(address, S("@a.test")))
		n = w->of[1] & 1 ? 0 : -1;
	if (n < 0 || !(w->of[2 * n] & IS_ALIAS))
		return;
	what = w->of[2 * n];
	first = w->of[2 * n + 1];
	ret->has_alias = true;
	ret->target_count = what >> 4;
	ret->targets = targets = ARENA_ARRAY(a, MOST_TARGETS, str);
	for (unsigned i = 0; i < ret->target_count; i++)
		targets[i] = arena_printf(a, "%c%s@%s", 'A' + (first + i * 7) % NAMES,
			what & EXTENDED ? "+x" : "", what & FOREIGN && i == 3 ? "b.test" : "A.Test");
}

static enum fault
ask(void *ctx, struct arena *a, const struct resolve_ask *asks, size_t n, struct resolve_fact *ret)
{
	struct world *w = ctx;

	assert(n > 0);
	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct resolve_fact){ .address = asks[i].address };
		w->asked++;
		if (asks[i].address.n == 0) {
			(void)any(w, &ret[i].account);
			continue;
		}
		alias(w, a, asks[i].address, &ret[i]);
		(void)account(w, asks[i].address, &ret[i].account);
	}
	return OK;
}

/* A text table: what names of an odd second octet lead to, as one value. */
static enum fault
find_text(const void *text, struct arena *a, enum resolve_table table, str address, str *ret, str *ret_ext)
{
	const struct world *w = text;
	int n = number_of(address);
	unsigned what;

	*ret_ext = S("");
	if (table == RESOLVE_ALIASES && address.n == 1)
		n = address.p[0] - 'a';
	if (n < 0 || n >= NAMES)
		return NOT_FOUND;
	what = w->of[2 * n + 1];
	if (what % RESOLVE_TABLES != (unsigned)table || !(what & 64))
		return NOT_FOUND;
	*ret = arena_printf(a, "%c@a.test, %c %s", 'a' + (int)(what % NAMES), 'a' + (int)(what / 7 % NAMES),
		what & 128 ? "@a.test, \"x y\"@b.test" : "|command");
	return OK;
}

static void
check_found(struct world *w, const struct resolved *list, size_t n)
{
	bool seen[NAMES + 1] = { false };

	assert(n > 0 && n <= NAMES);
	for (size_t i = 0; i < n; i++) {
		uint32_t id = 0;

		assert(list[i].account > 0 && list[i].account <= NAMES && !seen[list[i].account]);
		seen[list[i].account] = true;
		assert(w->of[2 * (list[i].account - 1)] & IS_ACCOUNT);
		assert(str_starts(list[i].address, S("postmaster@")) ||
			(account(w, list[i].address, &id) && id == list[i].account));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .of = data };
	struct resolve_tables t = { .text = &w,
		.class_of = class_of,
		.origin = S("a.test"),
		.delimiter = S("+-"),
		.postmaster = S(""),
		.luser_relay = S(""),
		.ctx = &w,
		.ask = ask };
	struct resolution r;
	struct arena a = { 0 };
	struct addr to = { 0 };
	uint32_t id;
	enum fault f;
	str in;

	if (size < 2 * NAMES)
		return 0;
	in = str_of(data + 2 * NAMES, size - 2 * NAMES);
	if (addr_take_path(&in, false, true, &to) != OK) {
		to.local = in.n && ascii_alpha(in.p[0]) ? str_sub(in, 0, 1) : S("postmaster");
		to.domain = in.n > 1 ? S("a.test") : S("");
	}
	for (int texts = 0; texts < 2; texts++) {
		t.find = texts ? find_text : NULL;
		t.has_aliases = texts;
		f = people_resolve(&a, &t, &to, &r);
		assert(w.asked < 40000);
		if (f == OK)
			check_found(&w, r.list, r.n);
		else
			assert(!r.list && r.n == 0 && f < FAULTS);
		if (!texts && str_eq_nocase(to.local, S("postmaster")) &&
			(to.domain.n == 0 || str_eq_nocase(to.domain, S("a.test"))))
			assert((f == OK) == any(&w, &id));
		assert((f == RELAY_DENIED) <= (to.domain.n && !str_eq_nocase(to.domain, S("a.test"))));
	}
	arena_done(&a);
	return 0;
}
