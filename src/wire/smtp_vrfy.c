/* wire/smtp_vrfy.c - what stands behind VRFY and EXPN. RFC 5321 4.1.1.6, 4.1.1.7; RFC 6531 3.7.4.2 */
#include "wire/smtp.h"

#include "base/mem.h"

/* The last word, when it is the parameter. */
static bool
take_utf8(str *args)
{
	static const str word = SC(" SMTPUTF8");

	if (args->n <= word.n || !str_eq_nocase(str_from(*args, args->n - word.n), word))
		return false;
	*args = str_trim(str_sub(*args, 0, args->n - word.n));
	return true;
}

static enum fault
take_path(str path, struct addr *ret)
{
	struct addr ad;

	TRY(addr_take_path(&path, false, true, &ad));
	if (path.n)
		return BAD_ADDRESS;
	*ret = ad;
	return OK;
}

enum fault
smtp_vrfy_parse(struct arena *a, str args, bool utf8_offered, struct smtp_vrfy *ret)
{
	struct smtp_vrfy v = { .utf8 = utf8_offered && take_utf8(&args) };
	bool at = str_find(args, '@') < args.n;

	if (args.n == 0)
		return BAD_ARGUMENT;
	if (!at && args.n > 2 && args.p[0] == '<' && args.p[args.n - 1] == '>')
		args = str_sub(args, 1, args.n - 2);
	if (args.p[0] == '<') {
		TRY(take_path(args, &v.of));
	} else if (at) {
		TRY(addr_parse(args, &v.of));
	} else {
		/* A name alone is good when it is as a local part. */
		TRY(addr_parse(arena_join(a, args, S("@a")), &v.of));
		v.of.domain = S("");
	}
	if (v.of.utf8 && !v.utf8)
		return NEEDS_SMTPUTF8;
	*ret = v;
	return OK;
}
