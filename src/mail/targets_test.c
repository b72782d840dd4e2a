#include "mail/targets.h"

#include "base/arena.h"
#include "test/t.h"

/* Each target as its kind's letter and its text in brackets. */
static const struct {
	const char *value, *targets;
} cases[] = {
	{ "", "" },
	{ " , ,", "" },
	{ "ann@a.test", "a[ann@a.test]" },
	{ "ann@a.test, ben@a.test", "a[ann@a.test]a[ben@a.test]" },
	{ "ann@a.test ben@a.test\tcid", "a[ann@a.test]a[ben@a.test]a[cid]" },
	{ "ann,ben,,cid", "a[ann]a[ben]a[cid]" },
	{ "Ann Example <ann@a.test>, ben", "a[ann@a.test]a[ben]" },
	{ "\"Example, Ann\" <ann@a.test>", "a[ann@a.test]" },
	{ "<ann@a.test> <ben@a.test>", "a[ann@a.test]a[ben@a.test]" },
	{ "\"odd one\"@a.test, x", "a[\"odd one\"@a.test]a[x]" },
	{ "\"odd\\\" , one\"@a.test", "a[\"odd\\\" , one\"@a.test]" },
	{ "@b.test", "d[b.test]" },
	{ "@", "a[@]" },
	{ "\\ann", "a[ann]" },
	{ "\"|/usr/bin/vacation ann, b\", ann", "c[/usr/bin/vacation ann, b]a[ann]" },
	{ "|/bin/sh -c x, ann", "c[/bin/sh -c x]a[ann]" },
	{ "/var/mail/ann, ben", "f[/var/mail/ann]a[ben]" },
	{ ":include:/etc/list, ann", "i[/etc/list]a[ann]" },
	{ "\":include: /etc/a list\"", "i[/etc/a list]" },
	{ "\"|never closed", "c[never closed]" },
	{ "<never closed", "a[<never]a[closed]" },
};

static void
the_right_side_of_an_alias_is_a_list(void **state)
{
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		str rest = str_c(c->value), got = S("");
		struct target t;

		while (targets_take(&rest, &t))
			got = arena_printf(
				&a, "%.*s%c[%.*s]", STR_ARG(got), "adicf"[t.kind], STR_ARG(t.text));
		CHECK_STR(got, str_c(c->targets));
	}
	arena_done(&a);
}

T_MAIN(T(the_right_side_of_an_alias_is_a_list))
