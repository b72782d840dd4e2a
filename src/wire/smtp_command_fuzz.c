/* Input: an octet of what EHLO offered, then command lines. */
#include "wire/smtp.h"

#include "wire/xtext.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(str s, bool ascii)
{
	assert(!str_has_ctl(s) && str_is_utf8(s) && (!ascii || str_is_ascii(s)));
}

static void
check_mail(struct arena *a, str args, unsigned offered, bool lenient)
{
	struct smtp_mail m, again;
	enum fault f = smtp_mail_parse(a, args, offered, lenient, &m);
	struct buf b = { 0 };

	if (f != OK) {
		assert(f == BAD_ARGUMENT || f == BAD_SENDER || f == UNKNOWN_PARAMETER || f == NEEDS_SMTPUTF8);
		return;
	}
	assert((m.from.local.n == 0) == (m.from.domain.n == 0));
	assert(m.size <= INT64_MAX && (m.smtputf8 || !m.from.utf8));
	check_text(m.from.local, !m.smtputf8);
	check_text(m.from.domain, !m.smtputf8);
	check_text(m.auth, false);
	check_text(m.envid, true);
	assert(m.envid.n <= 100 && m.auth.n <= 500);
	assert(offered & SMTP_EXT_DSN || (m.ret == SMTP_RET_UNSET && !m.envid.n));

	/* What we would say ourselves means the same. */
	buf_add(&b, m.from.local.n ? arena_printf(a, "FROM:<%.*s@%.*s>", STR_ARG(m.from.local),
					     STR_ARG(m.from.domain))
				   : S("FROM:<>"));
	if (m.has_size)
		buf_printf(&b, " SIZE=%llu", (unsigned long long)m.size);
	buf_add(&b, m.smtputf8 ? S(" SMTPUTF8") : S(""));
	if (m.envid.n) {
		buf_add(&b, S(" ENVID="));
		xtext_add(&b, m.envid);
	}
	f = smtp_mail_parse(a, buf_str(&b), offered, false, &again);
	assert(f == OK || (f == BAD_ARGUMENT && m.envid.n > 33)); /* encoded it may be longer than allowed */
	assert(f != OK || (again.size == m.size && str_eq(again.envid, m.envid) &&
				  str_eq(again.from.local, m.from.local)));
	buf_done(&b);
}

static void
check_rcpt(struct arena *a, str args, unsigned offered, bool utf8_ok, bool lenient)
{
	struct smtp_rcpt r;
	enum fault f = smtp_rcpt_parse(a, args, offered, utf8_ok, lenient, &r);

	if (f != OK) {
		assert(f == BAD_ARGUMENT || f == BAD_ADDRESS || f == UNKNOWN_PARAMETER ||
			f == NEEDS_SMTPUTF8);
		return;
	}
	assert(r.to.local.n && (r.to.domain.n || str_eq_nocase(r.to.local, S("postmaster"))));
	assert(utf8_ok || !r.to.utf8);
	assert(r.notify < 16 && (!(r.notify & SMTP_NOTIFY_NEVER) || r.notify == SMTP_NOTIFY_NEVER));
	assert((r.orcpt.n == 0) == (r.orcpt_type.n == 0) && r.orcpt.n <= 500);
	check_text(r.to.local, !utf8_ok);
	check_text(r.to.domain, !utf8_ok);
	check_text(r.orcpt_type, true);
	check_text(r.orcpt, false);
}

static void
check_vrfy(struct arena *a, str args, bool utf8_offered)
{
	struct smtp_vrfy v;
	enum fault f = smtp_vrfy_parse(a, args, utf8_offered, &v);

	if (f != OK) {
		assert(f == BAD_ARGUMENT || f == BAD_ADDRESS || f == NEEDS_SMTPUTF8);
		return;
	}
	assert(v.of.local.n && (utf8_offered || !v.utf8));
	check_text(v.of.local, !v.utf8);
	check_text(v.of.domain, !v.utf8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	str in, line;

	if (size == 0)
		return 0;
	in = str_of(data + 1, size - 1);
	while (str_take_until(&in, '\n', &line)) {
		struct smtp_command c;
		unsigned offered = data[0] & 63;
		bool lenient = data[0] & 64;
		struct buf b = { 0 };

		smtp_fault_add(&b, SYNTAX, line);
		assert(b.n <= 512 && str_find(buf_str(&b), '\n') == b.n - 1 &&
			str_find(buf_str(&b), '\r') == b.n - 2);
		assert(str_is_utf8(buf_str(&b)));
		buf_done(&b);
		if (smtp_command_parse(line, &c) != OK) {
			assert(str_has_ctl(line));
			continue;
		}
		assert(c.word.n + c.args.n <= line.n);
		/* whatever the verb: it must bear any argument */
		check_mail(&a, c.args, offered, lenient);
		check_rcpt(&a, c.args, offered, data[0] & 128, lenient);
		check_vrfy(&a, c.args, offered & SMTP_EXT_SMTPUTF8);
		(void)xtext_unescape_utf8(&a, c.args);
	}
	arena_done(&a);
	return 0;
}
