#include "wire/smtp.h"

enum fault
smtp_bdat_parse(str args, struct smtp_bdat *ret)
{
	struct smtp_bdat b = { 0 };
	str size, last;

	if (!str_take_word(&args, &size) || !str_to_u64(size, INT64_MAX, &b.size))
		return BAD_ARGUMENT;
	if (str_take_word(&args, &last)) {
		if (!str_eq_nocase(last, S("LAST")))
			return BAD_ARGUMENT;
		b.last = true;
	}
	if (str_trim(args).n)
		return BAD_ARGUMENT;
	*ret = b;
	return OK;
}

/* Two searches, so that each octet is looked at by memchr. */
void
smtp_newlines_see(struct smtp_newlines *n, str in)
{
	const char *p = in.p, *end = in.p + in.n;

	if (in.n == 0)
		return;
	if (n->after_cr && *p != '\n')
		n->bare_cr = true;
	for (const char *at = p; !n->bare_lf && (at = memchr(at, '\n', (size_t)(end - at))); at++)
		n->bare_lf = at == p ? !n->after_cr : at[-1] != '\r';
	for (const char *at = p; !n->bare_cr && (at = memchr(at, '\r', (size_t)(end - at))); at++)
		n->bare_cr = at + 1 < end && at[1] != '\n';
	n->after_cr = end[-1] == '\r';
}

void
smtp_newlines_end(struct smtp_newlines *n)
{
	n->bare_cr |= n->after_cr;
	n->after_cr = false;
}
