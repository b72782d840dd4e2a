#include "wire/smtp_codes.h"

#include "base/fault.h"

#include "test/t.h"

static void
numbers_are_found_in_what_people_paste(void **state)
{
	static const struct {
		str text;
		int code;
		str status;
	} cases[] = {
		{ SC("550"), 550, SC("") },
		{ SC("5.7.26"), 0, SC("5.7.26") },
		{ SC("550 5.1.1 No such mailbox: ann@a.test"), 550, SC("5.1.1") },
		{ SC("550-5.1.1 The email account does not exist"), 550, SC("5.1.1") },
		{ SC("550-The email account does not exist"), 550, SC("") },
		{ SC("host mx.a.test[192.0.2.25] said: 452 4.2.2 Mailbox full (in reply to RCPT TO command)"),
			452, SC("4.2.2") },
		{ SC("Status: 5.4.6"), 0, SC("5.4.6") },
		{ SC("Diagnostic-Code: smtp; 554 5.7.1 <a@b>: Relay access denied"), 554, SC("5.7.1") },
		{ SC("dsn=5.1.1, status=bounced (host 10.2.5.1 said: 550 no)"), 550, SC("5.1.1") },
		{ SC("(#5.1.1)"), 0, SC("5.1.1") },
		{ SC("\"550 5.1.1.\""), 550, SC("5.1.1") },
		{ SC("421 4.7.0 4.7.1"), 421, SC("4.7.0") },
		{ SC("250 then 5.1.1"), 0, SC("5.1.1") }, /* they do not belong together */
		{ SC("4.12.345"), 0, SC("4.12.345") },
	};
	static const str none[] = { SC(""), SC("hello"), SC("5.1"), SC("5.1.1.1"), SC("192.0.2.550"),
		SC("3.1.1"), SC("1550"), SC("x550"), SC("550x"), SC("600"), SC("199"), SC("5..1"), SC("5.1."),
		SC("5.1.1234"), SC("-5.1.1"), SC("560"), SC(".") };

	(void)state;
	EACH(cases, c) {
		struct smtp_numbers n = { 0 };

		CHECK(smtp_numbers_find(c->text, &n));
		CHECK_INT(n.code, c->code);
		CHECK_STR(n.status, c->status);
	}
	EACH(none, text) {
		struct smtp_numbers n;

		if (smtp_numbers_find(*text, &n))
			t_print_str("found in", *text);
		CHECK(!smtp_numbers_find(*text, &n));
	}
}

static void
what_they_mean(void **state)
{
	(void)state;
	CHECK_C(str_c(smtp_status_find(S("5.1.1"))->name), "Bad destination mailbox address");
	CHECK_C(str_c(smtp_status_find(S("4.7.28"))->name), "Mail flood detected");
	CHECK_C(str_c(smtp_status_find(S("2.0.0"))->name), "Other or undefined status");
	CHECK(!smtp_status_find(S("3.1.1")));
	CHECK(!smtp_status_find(S("5.1.11")));
	CHECK(!smtp_status_find(S("5.99.1")));
	CHECK(!smtp_status_find(S("")));
	CHECK(smtp_code_meaning(550));
	CHECK(!smtp_code_meaning(599));
}

/* Whatever we say ourselves can be looked up. */
static void
our_own_numbers_are_known(void **state)
{
	static const struct {
		int code;
		const char *status;
	} ours[] = {
#define FAULT(name, smtp, status, pop3, imap, text) { smtp, status },
#include "base/fault.def"
#undef FAULT
#define REPLY(name, code, status, text) { code, status },
#include "wire/smtp_replies.def"
#undef REPLY
	};

	(void)state;
	EACH(ours, o) {
		if (!smtp_code_meaning(o->code) || (o->status[0] && !smtp_status_find(str_c(o->status))))
			print_error("%d %s is not in smtp_codes.def\n", o->code, o->status);
		CHECK(smtp_code_meaning(o->code));
		CHECK(!o->status[0] || smtp_status_find(str_c(o->status)));
		CHECK(!o->status[0] || o->status[0] - '0' == o->code / 100);
	}
}

T_MAIN(T(our_own_numbers_are_known), T(numbers_are_found_in_what_people_paste), T(what_they_mean))
