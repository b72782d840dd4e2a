/* What is taken as a path is clean, within limits, and means the same when read again from its canonical form. */
#include "mail/addr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct arena *a, const struct addr *ad)
{
	struct addr again;
	str canonical = addr_canonical(a, ad);

	assert(ad->local.n <= 64 && ad->domain.n <= 255);
	assert(!str_has_ctl(ad->local) && !str_has_ctl(ad->domain));
	assert(str_is_utf8(ad->local) && str_is_utf8(ad->domain));
	if (ad->domain.n == 0)
		return;
	assert(addr_is_domain(ad->domain, true));
	assert(addr_is_literal(ad->domain) == (ad->domain.p[0] == '['));
	assert(addr_parse(canonical, &again) == OK);
	assert(str_eq(addr_local_meant(a, &again), addr_local_meant(a, ad)));
	assert(str_eq(addr_canonical(a, &again), canonical));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_of(data, size), rest;
	struct arena a = { 0 };
	struct addr ad, strict;

	for (int null_ok = 0; null_ok < 2; null_ok++) {
		rest = in;
		if (addr_take_path(&rest, null_ok, true, &ad) != OK) {
			assert(rest.p == in.p && rest.n == in.n);
			continue;
		}
		assert(rest.n < in.n && rest.p[-1] == '>' && in.n - rest.n <= 256);
		check(&a, &ad);
		rest = in;
		assert(addr_take_path(&rest, null_ok, false, &strict) == (ad.utf8 ? NEEDS_SMTPUTF8 : OK));
	}
	if (addr_parse(in, &ad) == OK)
		check(&a, &ad);
	if (addr_is_domain(in, false))
		assert(str_is_ascii(in) && addr_is_domain(in, true));
	arena_done(&a);
	return 0;
}
