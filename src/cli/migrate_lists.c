/* cli/migrate_lists.c - a restriction list without what is not supported of it
 * One word that is not there yet should not cost the whole list. Somebody should look at what is left; that it does not relay for the world is seen to
 * as for every main.cf (audit_open_relay). */
#include "cli/migrate.h"

#include "base/mem.h"

/* The next word, or group with its braces. */
static bool
take_item(str *s, str *ret)
{
	size_t level = 0, n = 0;

	while (s->n && (s->p[0] == ',' || ascii_space(s->p[0])))
		*s = str_from(*s, 1);
	while (n < s->n && (level > 0 || (s->p[n] != ',' && !ascii_space(s->p[n])))) {
		if (s->p[n] == '{')
			level++;
		else if (s->p[n] == '}' && level > 0)
			level--;
		n++;
	}
	*ret = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return n > 0;
}

/* Does a table or a domain stand behind it? */
static bool
has_argument(str word)
{
	static const str begins[] = { SC("check_"), SC("reject_rbl_"), SC("reject_rhsbl_"),
		SC("permit_dnswl_"), SC("permit_rhswl_") };

	for (size_t i = 0; i < COUNT(begins); i++)
		if (str_starts(word, begins[i]))
			return !str_eq(word, S("check_relay_domains"));
	return false;
}

/* The list without each `word`, what stands behind it, and a warn_if_reject before it. False: nothing is left, or it is not in it. */
static bool
without(struct arena *a, str list, str word, str *ret)
{
	struct buf left = { 0 };
	str item, held = S(""), argument;
	bool found = false;

	while (take_item(&list, &item)) {
		if (str_eq(item, word)) {
			found = true;
			held = S("");
			if (has_argument(word))
				(void)take_item(&list, &argument);
			continue;
		}
		if (held.n)
			buf_printf(&left, "%s%.*s", left.n ? " " : "", STR_ARG(held));
		held = item;
		if (str_eq(item, S("warn_if_reject")))
			continue; /* it goes with what follows */
		buf_printf(&left, "%s%.*s", left.n ? " " : "", STR_ARG(held));
		held = S("");
	}
	*ret = arena_str(a, buf_str(&left));
	buf_done(&left);
	return found && ret->n > 0;
}

bool
migrate_drop_word(struct migration *m, struct setting *s, str why)
{
	static const str says = SC(" is not supported: ");
	size_t colon = str_find_str(why, S(": ")), at;
	str word, reason, value;

	if (str_ends(str_sub(why, 0, colon), S("_restrictions")))
		why = str_from(why, colon + 2);
	at = str_find_str(why, says);
	word = str_sub(why, 0, at);
	reason = str_from(why, at + says.n);
	if (at == why.n || word.n == 0 || str_find(word, ' ') < word.n ||
		!without(&m->arena, s->value, word, &value))
		return false;
	s->why = arena_printf(&m->arena, "%.*s%swithout %.*s: %.*s", STR_ARG(s->changed ? s->why : S("")),
		s->changed ? "; " : "", STR_ARG(word), STR_ARG(reason));
	s->value = value;
	s->changed = true;
	s->silent = false;
	s->found = FOUND_UNSUPPORTED;
	return true;
}
