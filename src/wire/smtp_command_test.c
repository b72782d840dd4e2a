#include "wire/smtp.h"

#include "test/t.h"

static void
a_command_is_a_verb_and_what_follows(void **state)
{
	static const struct {
		str line;
		enum smtp_verb verb;
		str args;
	} cases[] = {
		{ SC("EHLO mx.a.test"), SMTP_EHLO, SC("mx.a.test") },
		{ SC("helo mx.a.test"), SMTP_HELO, SC("mx.a.test") },
		{ SC("LHLO mx.a.test"), SMTP_LHLO, SC("mx.a.test") },
		{ SC("MAIL FROM:<ann@a.test> SIZE=1"), SMTP_MAIL, SC("FROM:<ann@a.test> SIZE=1") },
		{ SC("rCpT to:<ann@a.test>"), SMTP_RCPT, SC("to:<ann@a.test>") },
		{ SC("DATA"), SMTP_DATA, SC("") },
		{ SC("DATA  "), SMTP_DATA, SC("") },
		{ SC("NOOP   a  b  "), SMTP_NOOP, SC("a  b") },
		{ SC("BDAT 100 LAST"), SMTP_BDAT, SC("100 LAST") },
		{ SC("AUTH PLAIN ="), SMTP_AUTH, SC("PLAIN =") },
		{ SC("STARTTLS"), SMTP_STARTTLS, SC("") },
		{ SC("quit"), SMTP_QUIT, SC("") },
		{ SC("RSET"), SMTP_RSET, SC("") },
		{ SC("VRFY ann"), SMTP_VRFY, SC("ann") },
		{ SC("EXPN list"), SMTP_EXPN, SC("list") },
		{ SC("HELP"), SMTP_HELP, SC("") },
		{ SC("GET / HTTP/1.1"), SMTP_HTTP, SC("/ HTTP/1.1") },
		{ SC("POST /x HTTP/1.1"), SMTP_HTTP, SC("/x HTTP/1.1") },
		{ SC("CONNECT mx:25 HTTP/1.0"), SMTP_HTTP, SC("mx:25 HTTP/1.0") },
		{ SC("PRI * HTTP/2.0"), SMTP_HTTP, SC("* HTTP/2.0") },
		{ SC(""), SMTP_UNKNOWN, SC("") },
		{ SC(" EHLO a"), SMTP_UNKNOWN, SC("EHLO a") },
		{ SC("EHLOa"), SMTP_UNKNOWN, SC("") },
		{ SC("MAI"), SMTP_UNKNOWN, SC("") },
		{ SC("MAIL\xc2\xa0"
		     "FROM:<>"),
			SMTP_UNKNOWN, SC("") },
		{ SC("M\xc3\xa4IL x"), SMTP_UNKNOWN, SC("x") },
	};
	(void)state;
	EACH(cases, c) {
		struct smtp_command got;

		CHECK_INT(smtp_command_parse(c->line, &got), OK);
		CHECK_INT(got.verb, c->verb);
		CHECK_STR(got.args, c->args);
		CHECK_STR(got.word, str_sub(c->line, 0, got.word.n));
	}
}

static void
controls_are_no_part_of_a_command(void **state)
{
	static const str lines[] = { SC("EHLO a\0b"), SC("EHLO\ta"), SC("NOOP \r"), SC("NOOP a\nQUIT"),
		SC("\x16\x03\x01"), SC("NOOP \x7f"), SC("\0") };

	(void)state;
	EACH(lines, line) {
		struct smtp_command got = { .verb = SMTP_QUIT };

		CHECK_INT(smtp_command_parse(*line, &got), SYNTAX);
		CHECK_INT(got.verb, SMTP_QUIT);
	}
}

static void
every_verb_has_its_name(void **state)
{
	(void)state;
	for (int v = SMTP_HELO; v < SMTP_HTTP; v++) {
		struct smtp_command got;

		CHECK_INT(smtp_command_parse(str_c(smtp_verb_name((enum smtp_verb)v)), &got), OK);
		CHECK_INT(got.verb, v);
	}
	CHECK_C(str_c(smtp_verb_name(SMTP_HTTP)), "HTTP");
	CHECK_C(str_c(smtp_verb_name(SMTP_UNKNOWN)), "UNKNOWN");
}

T_MAIN(T(a_command_is_a_verb_and_what_follows), T(controls_are_no_part_of_a_command),
	T(every_verb_has_its_name))
