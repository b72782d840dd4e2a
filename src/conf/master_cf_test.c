#include "conf/master_cf.h"

#include "base/mem.h"
#include "conf/text.h"
#include "test/t.h"

static void
logical_lines_are_put_together(void **state)
{
	static const struct {
		const char *in;
		struct {
			const char *text;
			int number;
			bool orphan;
		} lines[4];
		const char *left;
	} cases[] = {
		{ "", { { 0 } }, "" },
		{ "# only\n\n  # comments\n", { { 0 } }, "# only\n\n  # comments\n" },
		{ "a\nb", { { "a", 1, false }, { "b", 2, false } }, "" },
		{ "a\n  b\n\tc  \n", { { "a b c", 1, false } }, "" },
		{ "\n# x\na\n# y\n  b\n# z\nc\n# end\n", { { "a b", 3, false }, { "c", 7, false } },
			"# end\n" },
		{ "  a\nb\n", { { "a", 1, true }, { "b", 2, false } }, "" },
		{ "a\r\n b\r\n", { { "a b", 1, false } }, "" },
		{ "a\n   \n   #\n b", { { "a b", 1, false } }, "" },
	};

	(void)state;
	EACH(cases, c) {
		struct text t = { .rest = str_c(c->in) };
		struct buf joined = { 0 };
		struct text_line line;
		size_t n = 0, taken = 0;

		while (text_take(&t, &joined, &line)) {
			CHECK_C(line.text, c->lines[n].text);
			CHECK_INT(line.number, c->lines[n].number);
			CHECK(line.orphan == c->lines[n].orphan);
			CHECK(!line.too_long);
			CHECK(line.before.p == c->in + taken); /* nothing is lost between them */
			CHECK(line.raw.p == line.before.p + line.before.n);
			taken += line.before.n + line.raw.n;
			n++;
		}
		CHECK(n == 4 || !c->lines[n].text);
		CHECK_C(t.rest, c->left);
		buf_done(&joined);
	}
}

static void
a_line_has_an_end(void **state)
{
	struct buf in = { 0 }, joined = { 0 };
	struct text_line line;
	struct text t;

	(void)state;
	buf_add_c(&in, "a = ");
	for (int i = 0; i < 10000; i++)
		buf_add_c(&in, "\n 0123456789");
	buf_add_c(&in, "\nb\n");
	t = (struct text){ .rest = buf_str(&in) };
	CHECK(text_take(&t, &joined, &line) && line.too_long);
	CHECK(text_take(&t, &joined, &line) && !line.too_long);
	CHECK_C(line.text, "b");
	CHECK_INT(line.number, 10002);
	CHECK(!text_take(&t, &joined, &line));
	buf_done(&in);
	buf_done(&joined);
}

static void
services_have_columns_settings_and_arguments(void **state)
{
	static const struct {
		const char *in, *name, *type, *program;
		struct {
			const char *name, *value;
		} options[3];
		const char *arguments[4];
	} cases[] = {
		{ "smtp inet n - y - - smtpd", "smtp", "inet", "smtpd", { { 0 } }, { 0 } },
		{ "smtp\tinet  n\t- n - 1 postscreen", "smtp", "inet", "postscreen", { { 0 } }, { 0 } },
		{ "smtpd pass - - n - - smtpd -v", "smtpd", "pass", "smtpd", { { 0 } }, { "-v" } },
		{ "submission inet n - y - - smtpd -o syslog_name=postfix/submission -o "
		  "smtpd_tls_security_level=encrypt",
			"submission", "inet", "smtpd",
			{ { "syslog_name", "postfix/submission" },
				{ "smtpd_tls_security_level", "encrypt" } },
			{ 0 } },
		{ "587 inet n - n - - smtpd -o { smtpd_client_restrictions = permit_sasl_authenticated, "
		  "reject } "
		  "-ocontent_filter= -o {a={b c}}",
			"587", "inet", "smtpd",
			{ { "smtpd_client_restrictions", "permit_sasl_authenticated, reject" },
				{ "content_filter", "" }, { "a", "{b c}" } },
			{ 0 } },
		{ "127.0.0.1:10025 inet n - n - - smtpd -o a=b=c", "127.0.0.1:10025", "inet", "smtpd",
			{ { "a", "b=c" } }, { 0 } },
		{ "maildrop unix - n n - - pipe flags=DRXhu user=vmail argv=/usr/bin/maildrop -o", "maildrop",
			"unix", "pipe", { { 0 } },
			{ "flags=DRXhu", "user=vmail", "argv=/usr/bin/maildrop", "-o" } },
		{ "x unix - n n - - pipe {argv=/bin/a b} {-o c=d}", "x", "unix", "pipe", { { 0 } },
			{ "argv=/bin/a b", "-o c=d" } },
	};

	(void)state;
	EACH(cases, c) {
		struct master_service s = { 0 };
		struct arena a = { 0 };
		const char *why = NULL;
		size_t n = 0;

		CHECK(master_looks_like(str_c(c->in)));
		CHECK(master_service_parse(&a, str_c(c->in), &s, &why) == OK);
		CHECK_C(s.name, c->name);
		CHECK_C(s.type, c->type);
		CHECK_C(s.program, c->program);
		for (n = 0; n < COUNT(c->options) && c->options[n].name; n++) {
			CHECK(n < s.option_count);
			CHECK_C(s.options[n].name, c->options[n].name);
			CHECK_C(s.options[n].value, c->options[n].value);
		}
		CHECK_INT(s.option_count, n);
		for (n = 0; n < COUNT(c->arguments) && c->arguments[n]; n++) {
			CHECK(n < s.argument_count);
			CHECK_C(s.arguments[n], c->arguments[n]);
		}
		CHECK_INT(s.argument_count, n);
		arena_done(&a);
	}
}

static void
what_is_no_service_is_said(void **state)
{
	static const struct {
		const char *in, *why;
	} cases[] = {
		{ "", "a service has eight columns: service type private unpriv chroot wakeup maxproc "
		      "command" },
		{ "smtp inet n - y - -",
			"a service has eight columns: service type private unpriv chroot wakeup maxproc "
			"command" },
		{ "smtp udp n - y - - smtpd",
			"the type of a service is inet, unix, unix-dgram, fifo or pass" },
		{ "smtp inet n - y - - smtpd -o", "nothing follows -o" },
		{ "smtp inet n - y - - smtpd -o nothing", "-o wants name=value" },
		{ "smtp inet n - y - - smtpd -o =x", "-o wants name=value" },
		{ "smtp inet n - y - - smtpd -o a b=c", "-o wants name=value" },
		{ "smtp inet n - y - - smtpd -o {a=b", "`{` and `}` do not match" },
		{ "smtp inet n - y - - smtpd {a}b", "`{` and `}` do not match" },
		{ "smtp inet n - y - - smtpd -o { a b = c }", "-o wants name=value" },
	};

	(void)state;
	EACH(cases, c) {
		struct master_service s = { 0 };
		struct arena a = { 0 };
		const char *why = "";

		CHECK(master_service_parse(&a, str_c(c->in), &s, &why) == BAD_ARGUMENT);
		CHECK_C(str_c(why), c->why);
		arena_done(&a);
	}
}

static void
the_last_setting_of_a_name_counts(void **state)
{
	struct master_service s = { 0 };
	struct arena a = { 0 };
	const char *why;
	str value;

	(void)state;
	CHECK(master_service_parse(&a, S("smtp inet n - y - - smtpd -o a=1 -o b=2 -o a=3"), &s, &why) == OK);
	CHECK(master_option(&s, "a", &value));
	CHECK_C(value, "3");
	CHECK(!master_option(&s, "c", &value));
	arena_done(&a);
}

static void
main_cf_does_not_look_like_master_cf(void **state)
{
	(void)state;
	CHECK(!master_looks_like(S("mydestination = inet n - y - - smtpd")));
	CHECK(!master_looks_like(S("x=y inet")));
	CHECK(!master_looks_like(S("smtp")));
	CHECK(!master_looks_like(S("")));
	CHECK(master_looks_like(S("smtp inet"))); /* a damaged one, but not main.cf */
}

T_MAIN(T(logical_lines_are_put_together), T(a_line_has_an_end),
	T(services_have_columns_settings_and_arguments), T(what_is_no_service_is_said),
	T(the_last_setting_of_a_name_counts), T(main_cf_does_not_look_like_master_cf))
