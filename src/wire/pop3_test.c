#include "wire/pop3.h"

#include "test/t.h"

static void
a_command_is_a_verb_and_what_follows(void **state)
{
	static const struct {
		str line;
		enum pop3_verb verb;
		str args;
	} cases[] = {
		{ SC("USER ann@a.test"), POP3_USER, SC("ann@a.test") },
		{ SC("user ann@a.test  "), POP3_USER, SC("ann@a.test") },
		{ SC("PASS secret"), POP3_PASS, SC("secret") },
		{ SC("PASS  two blanks and one behind "), POP3_PASS, SC(" two blanks and one behind ") },
		{ SC("PASS "), POP3_PASS, SC("") },
		{ SC("AUTH"), POP3_AUTH, SC("") },
		{ SC("AUTH "), POP3_AUTH, SC("") }, /* Outlook: list the mechanisms */
		{ SC("AUTH PLAIN AGFubgBzZWNyZXQ="), POP3_AUTH, SC("PLAIN AGFubgBzZWNyZXQ=") },
		{ SC("APOP ann c4c9334bac560ecc979e58001b3e22fb"), POP3_APOP,
			SC("ann c4c9334bac560ecc979e58001b3e22fb") },
		{ SC("capa"), POP3_CAPA, SC("") },
		{ SC("STLS"), POP3_STLS, SC("") },
		{ SC("UTF8"), POP3_UTF8, SC("") },
		{ SC("LANG *"), POP3_LANG, SC("*") },
		{ SC("quit "), POP3_QUIT, SC("") },
		{ SC("NOOP"), POP3_NOOP, SC("") },
		{ SC("STAT"), POP3_STAT, SC("") },
		{ SC("LIST 1"), POP3_LIST, SC("1") },
		{ SC("RETR 1"), POP3_RETR, SC("1") },
		{ SC("DELE 1"), POP3_DELE, SC("1") },
		{ SC("RSET"), POP3_RSET, SC("") },
		{ SC("TOP 1 0"), POP3_TOP, SC("1 0") },
		{ SC("UIDL"), POP3_UIDL, SC("") },
		{ SC(""), POP3_UNKNOWN, SC("") },
		{ SC("EHLO a"), POP3_UNKNOWN, SC("a") },
		{ SC(" STAT"), POP3_UNKNOWN, SC("STAT") },
	};
	(void)state;
	EACH(cases, c) {
		struct pop3_command got;

		CHECK_INT(pop3_command_parse(c->line, &got), OK);
		CHECK_INT(got.verb, c->verb);
		CHECK_STR(got.args, c->args);
		if (got.verb)
			CHECK(str_eq_nocase(str_c(pop3_verb_name(got.verb)), got.word));
	}
	CHECK_INT(pop3_command_parse(S("PASS a\0b"), &(struct pop3_command){ 0 }), SYNTAX);
}

static void
message_numbers_begin_with_one(void **state)
{
	static const struct {
		str args;
		enum fault fault;
		bool given;
		uint32_t n;
	} cases[] = {
		{ SC(""), OK, false, 0 },
		{ SC("1"), OK, true, 1 },
		{ SC(" 17 "), OK, true, 17 },
		{ SC("4294967295"), OK, true, UINT32_MAX },
		{ SC("4294967296"), BAD_ARGUMENT, false, 0 },
		{ SC("18446744073709551617"), BAD_ARGUMENT, false, 0 },
		{ SC("0"), BAD_ARGUMENT, false, 0 },
		{ SC("-1"), BAD_ARGUMENT, false, 0 },
		{ SC("+1"), BAD_ARGUMENT, false, 0 },
		{ SC("1 2"), BAD_ARGUMENT, false, 0 },
		{ SC("1x"), BAD_ARGUMENT, false, 0 },
	};
	(void)state;
	EACH(cases, c) {
		bool given = false;
		uint32_t n = 0;

		CHECK_INT(pop3_args_number(c->args, &given, &n), c->fault);
		CHECK_INT(given, c->given);
		if (given)
			CHECK_INT(n, c->n);
	}
}

static void
top_has_a_number_and_a_count(void **state)
{
	static const struct {
		str args;
		enum fault fault;
		uint32_t n, count;
	} cases[] = {
		{ SC("1 0"), OK, 1, 0 },
		{ SC("3  20"), OK, 3, 20 },
		{ SC("1 4294967295"), OK, 1, UINT32_MAX },
		{ SC("1 4294967296"), BAD_ARGUMENT, 0, 0 },
		{ SC("0 1"), BAD_ARGUMENT, 0, 0 },
		{ SC("1"), BAD_ARGUMENT, 0, 0 },
		{ SC(""), BAD_ARGUMENT, 0, 0 },
		{ SC("1 -1"), BAD_ARGUMENT, 0, 0 },
		{ SC("1 2 3"), BAD_ARGUMENT, 0, 0 },
	};
	(void)state;
	EACH(cases, c) {
		uint32_t n = 0, count = 0;

		CHECK_INT(pop3_args_two(c->args, &n, &count), c->fault);
		CHECK_INT(n, c->n);
		CHECK_INT(count, c->count);
	}
}

static void
answers_are_one_line_whatever_is_in_them(void **state)
{
	struct buf b = { 0 };
	struct buf longest = { 0 };

	(void)state;
	pop3_ok_add(&b, S(""));
	pop3_ok_add(&b, S("2 320"));
	pop3_ok_add(&b, S("a\r\n-ERR b\0"));
	pop3_fault_add(&b, AUTH_FAILED, S(""));
	pop3_fault_add(&b, BAD_ARGUMENT, S("x\ny"));
	CHECK_STR(buf_str(&b), S("+OK\r\n+OK 2 320\r\n+OK a?\?-ERR b?\r\n"
				 "-ERR [AUTH] Authentication credentials invalid\r\n"
				 "-ERR Syntax error in arguments: x?y\r\n"));
	while (longest.n < 3000)
		buf_add(&longest, S("x"));
	buf_clear(&b);
	pop3_ok_add(&b, buf_str(&longest));
	CHECK_INT(b.n, 512);
	buf_clear(&b);
	pop3_fault_add(&b, AUTH_FAILED, buf_str(&longest));
	CHECK_INT(b.n, 512);
	buf_done(&longest);
	buf_done(&b);
}

static void
dots_are_stuffed_wherever_the_pieces_end(void **state)
{
	static const struct {
		str in, want;
	} cases[] = {
		{ SC(""), SC(".\r\n") },
		{ SC("a\r\n"), SC("a\r\n.\r\n") },
		{ SC(".\r\n..\r\n"), SC("..\r\n...\r\n.\r\n") },
		{ SC("a.b\r\n.c"), SC("a.b\r\n..c\r\n.\r\n") },
		{ SC("a\n.\r\nb\r\n"), SC("a\n..\r\nb\r\n.\r\n") },
		{ SC("a\r.b\r\n"), SC("a\r.b\r\n.\r\n") },
		{ SC("."), SC("..\r\n.\r\n") },
	};
	(void)state;
	EACH(cases, c) {
		for (size_t i = 0; i <= c->in.n; i++)
			for (size_t j = i; j <= c->in.n; j++) {
				struct buf b = { 0 };
				bool at_line_start = true;

				pop3_stuff_add(&b, str_sub(c->in, 0, i), &at_line_start);
				pop3_stuff_add(&b, str_sub(c->in, i, j - i), &at_line_start);
				pop3_stuff_add(&b, str_from(c->in, j), &at_line_start);
				pop3_end_add(&b, at_line_start);
				CHECK_STR(buf_str(&b), c->want);
				buf_done(&b);
			}
	}
}

static void
top_gives_the_header_and_lines_of_the_body(void **state)
{
	static const struct {
		str message;
		uint32_t lines;
		str want;
	} cases[] = {
		{ SC("A: b\r\n\r\n1\r\n2\r\n3\r\n"), 0, SC("A: b\r\n\r\n") },
		{ SC("A: b\r\n\r\n1\r\n2\r\n3\r\n"), 2, SC("A: b\r\n\r\n1\r\n2\r\n") },
		{ SC("A: b\r\n\r\n1\r\n2\r\n3\r\n"), 3, SC("A: b\r\n\r\n1\r\n2\r\n3\r\n") },
		{ SC("A: b\r\n\r\n1\r\n2\r\n3\r\n"), UINT32_MAX, SC("A: b\r\n\r\n1\r\n2\r\n3\r\n") },
		{ SC("A: b\r\n\r\n1\r\n\r\n3"), 2, SC("A: b\r\n\r\n1\r\n\r\n") },
		{ SC("A: b\r\n\r\n1\r\n\r\n3"), 3, SC("A: b\r\n\r\n1\r\n\r\n3") },
		{ SC("\r\n1\r\n"), 0, SC("\r\n") },
		{ SC("\r\n1\r\n"), 1, SC("\r\n1\r\n") },
		{ SC("A: b\r\n"), 5, SC("A: b\r\n") },
		{ SC("A: b"), 0, SC("A: b") },
		{ SC(""), 1, SC("") },
	};
	(void)state;
	EACH(cases, c)
		CHECK_STR(str_sub(c->message, 0, pop3_top_size(c->message, c->lines)), c->want);
}

T_MAIN(T(a_command_is_a_verb_and_what_follows), T(message_numbers_begin_with_one),
	T(top_has_a_number_and_a_count), T(answers_are_one_line_whatever_is_in_them),
	T(dots_are_stuffed_wherever_the_pieces_end), T(top_gives_the_header_and_lines_of_the_body))
