/* Input: the text of restriction lists and of what an access table answers, between NULs; with them a configuration is loaded and a recipient judged.
 * Whatever loads must not let a stranger through to somebody else's domain unless a list that was written says so in words. */
#include "rules/rules_test.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str
printable(struct arena *a, str s)
{
	char *p = arena_take(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = (unsigned char)s.p[i] < ' ' || s.p[i] == 127 || s.p[i] == '$' ? ' ' : s.p[i];
	return str_of(p, s.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "smtpd_client_restrictions", "smtpd_helo_restrictions",
		"smtpd_sender_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions",
		"mine", "smtpd_relay_restrictions" };
	const struct visit ours = { .helo = "mx.b.test", .sender = "cay@b.test", .rcpt = "ann@a.test" };
	const struct visit theirs = {
		.helo = "mx.b.test", .sender = "", .rcpt = "dan@b.test", .user = "ann@a.test"
	};
	struct arena a = { 0 };
	struct buf lines = { 0 };
	str rest = str_of(data, size), part;
	struct world w;

	if (size > 4096)
		return 0;
	buf_add_c(&lines, "smtpd_restriction_classes = mine\n");
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!str_take_until(&rest, '\0', &part))
			part = S("");
		if (i + 1 == COUNT(names) && part.n == 0)
			break;
		part = printable(&a, part);
		buf_printf(&lines, "%s = %.*s\n", names[i], STR_ARG(part));
	}
	buf_add_char(&lines, '\0');
	if (world_begin(&w, lines.p)) {
		w.action = str_trim(printable(&a, rest));
		for (int step = RULES_AT_RCPT; step <= RULES_AT_END; step++) {
			str got = world_step(&w, &ours, (enum rules_step)step);

			assert(got.n > 1);
			got = world_step(&w, &theirs, (enum rules_step)step);
			assert(got.n > 1);
		}
		assert(w.effects.bcc_count <= COUNT(w.effects.bcc));
	} else {
		assert(str_find_str(buf_str(&w.report), S("error: ")) < w.report.n);
	}
	world_end(&w);
	buf_done(&lines);
	arena_done(&a);
	return 0;
}
