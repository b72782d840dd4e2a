#include "wire/imap_out.h"

#include "test/t.h"

static void
a_string_is_quoted_or_a_literal(void **state)
{
	static const struct {
		str s;
		unsigned mode;
		str want;
	} cases[] = {
		{ SC(""), 0, SC("\"\"") },
		{ SC("plain text"), 0, SC("\"plain text\"") },
		{ SC("say \"hi\" \\ bye"), 0, SC("\"say \\\"hi\\\" \\\\ bye\"") },
		{ SC("two\r\nlines"), 0, SC("{10}\r\ntwo\r\nlines") },
		{ SC("\303\274"), 0, SC("{2}\r\n\303\274") },
		{ SC("\303\274"), IMAP_MODE_UTF8, SC("\"\303\274\"") },
		{ SC("\303"), IMAP_MODE_UTF8, SC("{1}\r\n\303") },
		{ SC("a\0b"), 0, SC("{3}\r\na\200b") },
		{ SC("a\0"), 0, SC("{2}\r\na\200") },
		{ SC("\x7f"), IMAP_MODE_UTF8, SC("{1}\r\n\x7f") },
	};
	(void)state;
	EACH(cases, c) {
		struct buf b = { 0 };

		imap_string_add(&b, c->s, c->mode);
		CHECK_STR(buf_str(&b), c->want);
		buf_done(&b);
	}
}

static void
what_is_missing_is_nil(void **state)
{
	struct buf b = { 0 };
	(void)state;

	imap_nstring_add(&b, (str){ 0 }, 0);
	buf_add_char(&b, ' ');
	imap_nstring_add(&b, S(""), 0);
	CHECK_C(buf_str(&b), "NIL \"\"");
	buf_done(&b);
}

static void
names_go_out_as_the_session_reads_them(void **state)
{
	struct buf b = { 0 };
	(void)state;

	imap_name_add(&b, S("INBOX"), 0);
	buf_add_char(&b, ' ');
	imap_name_add(&b, S("Entw\303\274rfe & mehr"), 0);
	buf_add_char(&b, ' ');
	imap_name_add(&b, S("Entw\303\274rfe & mehr"), IMAP_MODE_UTF8);
	CHECK_C(buf_str(&b), "INBOX \"Entw&APw-rfe &- mehr\" \"Entw\303\274rfe & mehr\"");
	buf_done(&b);
}

static void
flags_sets_and_dates(void **state)
{
	static const str words[] = { SC("$Junk"), SC("x") };
	static const struct imap_range ranges[] = { { 1, 3 }, { 7, 7 }, { 9, UINT32_MAX } };
	struct imap_flags none = { 0 }, all = { .bits = 31, .keywords = words, .keyword_count = 2 };
	static const uint32_t numbers[] = { 1, 2, 3, 5, 7, 8 };
	struct imap_set_writer w = { 0 };
	struct buf b = { 0 };
	(void)state;

	imap_flags_add(&b, &none);
	imap_flags_add(&b, &all);
	CHECK_C(buf_str(&b), "()(\\Seen \\Answered \\Flagged \\Deleted \\Draft $Junk x)");
	buf_clear(&b);
	imap_set_add(&b, ranges, 3);
	CHECK_C(buf_str(&b), "1:3,7,9:4294967295");
	buf_clear(&b);
	EACH(numbers, n)
		imap_set_put(&b, &w, *n);
	imap_set_end(&b, &w);
	CHECK_C(buf_str(&b), "1:3,5,7:8");
	buf_clear(&b);
	imap_date_time_add(&b, 837571465000);
	imap_date_time_add(&b, 0);
	CHECK_C(buf_str(&b), "\"17-Jul-1996 02:44:25 +0000\"\" 1-Jan-1970 00:00:00 +0000\"");
	buf_done(&b);
}

static void
a_section_is_named_as_it_was_asked_for(void **state)
{
	static const struct {
		str ask;
		const char *want;
	} cases[] = {
		{ SC("a FETCH 1 BODY.PEEK[]"), "BODY[]" },
		{ SC("a FETCH 1 BODY[1.2.mime]"), "BODY[1.2.MIME]" },
		{ SC("a FETCH 1 BODY[header.fields (from \"x y\" {2}\r\nTo)]<0.7>"),
			"BODY[HEADER.FIELDS (from \"x y\" To)]<0>" },
		{ SC("a FETCH 1 BODY[1.HEADER.FIELDS.NOT (A)]"), "BODY[1.HEADER.FIELDS.NOT (A)]" },
		{ SC("a FETCH 1 BINARY.PEEK[2]<3.4>"), "BINARY[2]<3>" },
		{ SC("a FETCH 1 BINARY.SIZE[]"), "BINARY.SIZE[]" },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct imap_command cmd;
		struct buf b = { 0 };

		CHECK_INT(imap_command_parse(&a, c->ask, 0, &cmd), OK);
		imap_section_add(&b, &cmd.fetch.items[0], 0);
		CHECK_C(buf_str(&b), c->want);
		buf_done(&b);
		arena_done(&a);
	}
}

static void
replies_say_no_or_bad(void **state)
{
	struct buf b = { 0 };
	(void)state;

	imap_ok_add(&b, S("a1"), S(""), S("done"));
	imap_ok_add(&b, S(""), S("UIDNEXT 5"), S("next"));
	imap_fault_add(&b, S("a2"), NO_SUCH_MAILBOX, S("x\r\ny"));
	imap_fault_add(&b, S(""), SYNTAX, S(""));
	CHECK_C(buf_str(&b),
		"a1 OK done\r\n* OK [UIDNEXT 5] next\r\na2 NO [NONEXISTENT] No such mailbox: x??y\r\n"
		"* BAD [CLIENTBUG] Syntax error\r\n");
	buf_done(&b);
}

static void
patterns_of_list(void **state)
{
	static const struct {
		str pattern, name;
		bool fits;
	} cases[] = {
		{ SC("*"), SC("a/b"), true },
		{ SC("%"), SC("a"), true },
		{ SC("%"), SC("a/b"), false },
		{ SC("a/%"), SC("a/b"), true },
		{ SC("a/%"), SC("a/b/c"), false },
		{ SC("a*c"), SC("a/b/c"), true },
		{ SC("%/%"), SC("a/b"), true },
		{ SC("%/%"), SC("a"), false },
		{ SC("%b%"), SC("abc"), true },
		{ SC(""), SC(""), true },
		{ SC(""), SC("a"), false },
		{ SC("*%*%"), SC(""), true },
		{ SC("INBOX"), SC("INBOX"), true },
		{ SC("INBO"), SC("INBOX"), false },
	};
	struct buf pattern = { 0 }, name = { 0 };
	(void)state;

	EACH(cases, c)
		CHECK(imap_pattern_fits(c->pattern, c->name, '/') == c->fits);
	for (int i = 0; i < 1000; i++) { /* linear in each, whatever it is */
		buf_add_c(&pattern, "*%a");
		buf_add_c(&name, "aa");
	}
	buf_add_char(&pattern, 'b');
	CHECK(!imap_pattern_fits(buf_str(&pattern), buf_str(&name), '/'));
	buf_done(&pattern);
	buf_done(&name);
}

T_MAIN(T(a_string_is_quoted_or_a_literal), T(what_is_missing_is_nil),
	T(names_go_out_as_the_session_reads_them), T(flags_sets_and_dates),
	T(a_section_is_named_as_it_was_asked_for), T(replies_say_no_or_bad), T(patterns_of_list))
