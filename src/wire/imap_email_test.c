#include "wire/imap_email.h"

#include "test/t.h"

/* A message as text; its row is made as the server makes it. */
struct made {
	struct arena a;
	struct buf row;
	struct email e;
	str text;
};

static void
make(struct made *m, str text)
{
	static const struct hash_key key = { 1, 2 };
	struct email_builder *b = email_builder_new(NULL, &key);
	struct email_facts facts;

	*m = (struct made){ .text = text };
	email_builder_feed(b, text);
	email_builder_finish(b, &m->row, &facts);
	CHECK_INT(email_row_read(&m->a, buf_str(&m->row), &m->e), OK);
	email_builder_free(b);
}

static void
unmake(struct made *m)
{
	buf_done(&m->row);
	arena_done(&m->a);
}

static const str simple = SC("Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
			     "From: \"Terry \\\"G\\\" Gray\" <gray@cac.test>\r\n"
			     "Subject: =?UTF-8?Q?f=C3=BCr?= you\r\n"
			     "To: =?UTF-8?B?w7xi?= <ub@a.test>, friends: ann@a.test, ben@a.test;, none\r\n"
			     "Message-ID: <1@cac.test>\r\n"
			     "In-Reply-To: <0@cac.test>\r\n"
			     "\r\none\r\ntwo\r\n");

static const str mixed = SC(
	"Subject: m\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
	"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Language: de, en\r\n\r\nhallo\r\n"
	"--x\r\nContent-Type: message/rfc822\r\nContent-Description: fwd\r\n\r\n"
	"Subject: inner\r\nFrom: a@b.test\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
	"--y\r\n\r\nplain\r\n--y\r\nContent-Type: text/html\r\nX-A: 1\r\nX-B: 2\r\n\r\n<p>html\r\n--y--\r\n"
	"--x\r\nContent-Type: application/pdf; name*=UTF-8''%C3%BC.pdf\r\nContent-Transfer-Encoding: "
	"base64\r\n"
	"Content-Disposition: attachment; filename=u.pdf\r\nContent-ID: <p@a>\r\n\r\nAAAA\r\n--x--\r\n");

static void
the_envelope_of_a_message(void **state)
{
	struct made m;
	struct buf b = { 0 };
	(void)state;

	make(&m, simple);
	imap_envelope_add(&b, &m.e.envelope, 0);
	CHECK_C(buf_str(&b),
		"(\"Mon, 7 Feb 1994 21:52:25 -0800\" \"=?UTF-8?Q?f=C3=BCr?= you\""
		" ((\"Terry \\\"G\\\" Gray\" NIL \"gray\" \"cac.test\"))"
		" ((\"Terry \\\"G\\\" Gray\" NIL \"gray\" \"cac.test\"))"
		" ((\"Terry \\\"G\\\" Gray\" NIL \"gray\" \"cac.test\"))"
		" ((\"=?UTF-8?B?w7xi?=\" NIL \"ub\" \"a.test\")(NIL NIL \"friends\" NIL)(NIL NIL \"ann\" "
		"\"a.test\")"
		"(NIL NIL \"ben\" \"a.test\")(NIL NIL NIL NIL)(NIL NIL \"none\" \"missing-host.invalid\"))"
		" NIL NIL \"<0@cac.test>\" \"<1@cac.test>\")");
	buf_clear(&b);
	imap_envelope_add(&b, &m.e.envelope, IMAP_MODE_UTF8);
	CHECK(str_find_str(buf_str(&b), S("(\"\303\274b\" NIL")) < b.n);
	buf_done(&b);
	unmake(&m);
}

static void
an_envelope_of_nothing_is_all_nil(void **state)
{
	struct made m;
	struct buf b = { 0 };
	(void)state;

	make(&m, S("\r\n"));
	imap_envelope_add(&b, &m.e.envelope, 0);
	CHECK_C(buf_str(&b), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	buf_done(&b);
	unmake(&m);
}

static void
the_structure_of_messages(void **state)
{
	static const struct {
		const str *text;
		bool extended;
		const char *want;
	} cases[] = {
		{ &simple, false, "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 10 2)" },
		{ &simple, true, "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 10 2 NIL NIL NIL NIL)" },
		{ &mixed, false,
			"((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 1)"
			"(\"message\" \"rfc822\" NIL NIL \"fwd\" \"7bit\" 159 (NIL \"inner\" ((NIL NIL \"a\" "
			"\"b.test\"))"
			" ((NIL NIL \"a\" \"b.test\")) ((NIL NIL \"a\" \"b.test\")) NIL NIL NIL NIL NIL)"
			" ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1)(\"text\" \"html\" NIL NIL NIL "
			"\"7bit\" 7 1)"
			" \"alternative\") 14)"
			"(\"application\" \"pdf\" (\"name\" \"=?UTF-8?B?w7wucGRm?=\") \"<p@a>\" NIL "
			"\"base64\" 4)"
			" \"mixed\")" },
	};
	(void)state;
	EACH(cases, c) {
		struct made m;
		struct buf b = { 0 };

		make(&m, *c->text);
		imap_structure_add(&b, &m.e, c->extended, 0);
		CHECK_C(buf_str(&b), c->want);
		buf_done(&b);
		unmake(&m);
	}
}

static void
extension_data_tell_disposition_and_language(void **state)
{
	struct made m;
	struct buf b = { 0 };
	(void)state;

	make(&m, mixed);
	imap_structure_add(&b, &m.e, true, 0);
	CHECK(str_find_str(buf_str(&b), S(" 5 1 NIL NIL (\"de\" \"en\") NIL)")) < b.n);
	CHECK(str_find_str(buf_str(&b), S(" 4 NIL (\"attachment\" (\"filename\" \"u.pdf\")) NIL NIL)")) <
		b.n);
	CHECK(str_ends(buf_str(&b), S(" \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)")));
	buf_done(&b);
	unmake(&m);
}

/* What a client gets for BODY[...]. */
static void
sections_are_where_the_message_has_them(void **state)
{
	static const struct {
		const str *text;
		const char *section, *want; /* NULL: there is none */
	} cases[] = {
		{ &simple, "", NULL }, /* the whole: below */
		{ &simple, "TEXT", "one\r\ntwo\r\n" },
		{ &simple, "1", "one\r\ntwo\r\n" },
		{ &simple, "1.1", NULL },
		{ &simple, "2", NULL },
		{ &simple, "1.HEADER", NULL },
		{ &mixed, "1", "hallo" },
		{ &mixed, "1.MIME",
			"Content-Type: text/plain; charset=utf-8\r\nContent-Language: de, en\r\n\r\n" },
		{ &mixed, "2.HEADER",
			"Subject: inner\r\nFrom: a@b.test\r\nContent-Type: multipart/alternative; "
			"boundary=y\r\n\r\n" },
		{ &mixed, "2.1", "plain" },
		{ &mixed, "2.2", "<p>html" },
		{ &mixed, "2.2.MIME", "Content-Type: text/html\r\nX-A: 1\r\nX-B: 2\r\n\r\n" },
		{ &mixed, "2.3", NULL },
		{ &mixed, "2.2.1", NULL },
		{ &mixed, "3", "AAAA" },
		{ &mixed, "3.HEADER", NULL },
		{ &mixed, "4", NULL },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct imap_command cmd;
		struct imap_span span = { 0 };
		struct made m;
		str command = arena_printf(&a, "a FETCH 1 BODY[%s]", c->section);
		bool found;

		make(&m, *c->text);
		CHECK_INT(imap_command_parse(&a, command, 0, &cmd), OK);
		found = imap_section_find(&m.e, &cmd.fetch.items[0].section, &span);
		if (!c->section[0]) {
			CHECK(found && span.prefix && span.at == 0 && span.size == m.text.n);
		} else {
			CHECK_INT(found, c->want != NULL);
			CHECK_C(str_sub(m.text, span.at, span.size), c->want ? c->want : "");
		}
		unmake(&m);
		arena_done(&a);
	}
}

static void
fields_are_chosen_with_their_folded_lines(void **state)
{
	static const str header = SC("Subject: a\r\n b\r\nX: 1\r\nTO : c\r\nsubject: again\r\n\r\n");
	static const str names[] = { SC("SUBJECT"), SC("to") };
	struct buf b = { 0 };
	(void)state;

	imap_fields_add(&b, header, names, 2, false);
	CHECK_C(buf_str(&b), "Subject: a\r\n b\r\nTO : c\r\nsubject: again\r\n\r\n");
	buf_clear(&b);
	imap_fields_add(&b, header, names, 2, true);
	CHECK_C(buf_str(&b), "X: 1\r\n\r\n");
	buf_clear(&b);
	imap_fields_add(&b, header, names, 0, false);
	CHECK_C(buf_str(&b), "\r\n"); /* nothing fits: the empty line all the same */
	buf_done(&b);
}

T_MAIN(T(the_envelope_of_a_message), T(an_envelope_of_nothing_is_all_nil), T(the_structure_of_messages),
	T(extension_data_tell_disposition_and_language), T(sections_are_where_the_message_has_them),
	T(fields_are_chosen_with_their_folded_lines))
