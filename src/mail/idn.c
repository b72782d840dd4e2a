#include "mail/idn.h"

#include <idn2.h>

enum { MOST_DOMAIN = 1020 /* 255 characters of UTF-8 */ };

bool
idn_to_ascii(struct arena *a, str domain, str *ret)
{
	uint8_t *out = NULL;
	const char *in;
	bool ok;

	if (str_is_ascii(domain)) {
		*ret = domain;
		return true;
	}
	if (domain.n > MOST_DOMAIN || !str_is_utf8(domain) || str_has_ctl(domain))
		return false;
	in = arena_cstr(a, domain);
	ok = idn2_lookup_u8((const uint8_t *)in, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK;
	if (ok)
		*ret = arena_str(a, str_c((const char *)out));
	idn2_free(out);
	return ok;
}
