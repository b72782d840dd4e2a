/* Names for the 64 keyword bits of an account, kept as notes "keyword/ACCOUNT/BIT". */
#include "store/embedded/engine.h"

#include "base/mem.h"

enum { KEYWORD_MOST = 100 };

static str
note_name(struct arena *a, uint32_t account, unsigned bit)
{
	return arena_printf(a, "keyword/%u/%02u", account, bit);
}

/* RFC 9051 9, flag-keyword: an atom, and no system flag. */
static bool
is_keyword(str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 127 || memchr("(){%*\"\\]", name.p[i], 8))
			return false;
	return name.n > 0 && name.n <= KEYWORD_MOST;
}

enum fault
view_keyword(struct store_view *v, uint32_t account, unsigned bit, str *ret_name)
{
	return bit < STORE_KEYWORDS ? view_note(v, note_name(&v->arena, account, bit), ret_name) : NOT_FOUND;
}

enum fault
store_put_keyword(struct store *s, uint32_t account, str name, unsigned *ret_bit)
{
	struct store_account a;
	struct arena scratch = { 0 };
	enum fault f = OK;
	unsigned bit = 0;
	str other;

	if (!is_keyword(name))
		return BAD_ARGUMENT;
	TRY(view_account(store_now(s), account, &a));
	for (; bit < STORE_KEYWORDS; bit++) {
		f = view_keyword(store_now(s), account, bit, &other);
		if (f != OK || str_eq_nocase(other, name))
			break;
	}
	if (bit == STORE_KEYWORDS)
		return TOO_BIG;
	if (f == NOT_FOUND)
		f = store_put_note(s, note_name(&scratch, account, bit), name);
	arena_done(&scratch);
	if (f == OK)
		*ret_bit = bit;
	return f;
}

/* When the account goes. */
enum fault
store_forget_keywords(struct store *s, uint32_t account)
{
	struct arena a = { 0 };
	enum fault f = OK;
	str name;

	for (unsigned bit = 0; bit < STORE_KEYWORDS && f == OK; bit++)
		if (view_keyword(store_now(s), account, bit, &name) == OK)
			f = store_put_note(s, note_name(&a, account, bit), S(""));
	arena_done(&a);
	return f;
}
