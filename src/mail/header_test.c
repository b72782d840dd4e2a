#include "mail/header.h"

#include "base/mem.h"
#include "mail/addrs.h"
#include "mail/params.h"
#include "mail/words.h"
#include "test/t.h"

static void
a_block_gives_its_fields_and_skips_what_is_none(void **state)
{
	str block = S("From: a@b.test\r\n"
		      "no colon here\r\n"
		      " and its continuation\r\n"
		      "Subject : folded\r\n"
		      "\tonce\r\n"
		      " twice\r\n"
		      ": no name\r\n"
		      "bad name: x\r\n"
		      "Bare:lf\n"
		      "Empty:\r\n"
		      "Last: no line end");
	static const struct {
		str name, value;
	} want[] = {
		{ SC("From"), SC(" a@b.test") },
		{ SC("Subject"), SC(" folded\r\n\tonce\r\n twice") },
		{ SC("Bare"), SC("lf") },
		{ SC("Empty"), SC("") },
		{ SC("Last"), SC(" no line end") },
	};
	struct header_field f;
	str rest = block, value = { 0 };

	(void)state;
	EACH(want, w) {
		CHECK(header_take_field(&rest, &f));
		CHECK_STR(f.name, w->name);
		CHECK_STR(f.value, w->value);
	}
	CHECK(!header_take_field(&rest, &f));
	CHECK(header_find(block, S("SUBJECT"), &value));
	CHECK(str_starts(value, S(" folded")));
	CHECK(!header_find(block, S("To"), &value));
}

static void
an_unfolded_value_is_one_line(void **state)
{
	static const struct {
		str in, want;
	} cases[] = {
		{ SC("  plain \t"), SC("plain") },
		{ SC("a\r\n b"), SC("a b") },
		{ SC("a\n\tb\n"), SC("a\tb") },
		{ SC("a\rb\0c"), SC("a bc") },
		{ SC("a\r\n\r\nb"), SC("a b") },
		{ SC("\r\n "), SC("") },
		{ SC(""), SC("") },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c)
		CHECK_STR(header_unfold(&a, c->in), c->want);
	CHECK_STR(header_unquote(&a, S("a\\\"b\r\n c\\")), S("a\"b c\\"));
	arena_done(&a);
}

static void
brackets_that_never_close_are_plain_characters(void **state)
{
	struct header_scan s;
	str got = { 0 };

	(void)state;
	header_scan_init(&s, S(" (one (two) \\) three) \"quo\\\"ted\" [1.2] \"open (open [open"));
	header_skip(&s);
	CHECK_STR(s.comment, S("one (two) \\) three"));
	CHECK(header_take_quoted(&s, &got));
	CHECK_STR(got, S("quo\\\"ted"));
	header_skip(&s);
	CHECK(header_take_literal(&s, &got));
	CHECK_STR(got, S("[1.2]"));
	header_skip(&s);
	CHECK(!header_take_quoted(&s, &got));
	CHECK_STR(header_take_atom(&s, STOP_PARENS), S("\"open"));
	header_skip(&s);
	CHECK(!header_take_comment(&s, &got) && s.rest.p[0] == '(');
	CHECK_STR(header_take_atom(&s, 0), S("(open"));
	header_skip(&s);
	CHECK(!header_take_literal(&s, &got));
	CHECK(s.quotes_open && s.parens_open && s.brackets_open);
}

static void
encoded_words_become_clean_utf8(void **state)
{
	static const struct {
		str in;
		const char *want;
	} cases[] = {
		{ SC("plain"), "plain" },
		{ SC("=?iso-8859-1?Q?Gr=FC=DFe_?= =?ISO-8859-1?q?an?= alle"), "Gr\xc3\xbc\xc3\x9f"
									      "e an alle" },
		{ SC("=?utf-8?B?w7w=?="), "\xc3\xbc" },
		{ SC("=?utf-8?b?w7w?="), "\xc3\xbc" },
		{ SC("=?utf-8*en?q?x?="), "x" },
		{ SC("a =?utf-8?q?b?= c"), "a b c" },
		/* one character in two words */
		{ SC("=?utf-8?B?ww==?=\r\n =?UTF-8?B?vA==?="), "\xc3\xbc" },
		{ SC("=?utf-8?q?=C3?= =?utf-8?q?=BC?="), "\xc3\xbc" },
		{ SC("=?utf-8?q?=C3?= x"), "\xef\xbf\xbd x" },
		/* no charset of ours, no encoded word */
		{ SC("=?klingon?q?x?="), "=?klingon?q?x?=" },
		{ SC("=?utf-8?x?x?="), "=?utf-8?x?x?=" },
		{ SC("=?utf-8?q?x"), "=?utf-8?q?x" },
		{ SC("=?utf-8?q"), "=?utf-8?q" },
		{ SC("=??q?x?="), "=??q?x?=" },
		{ SC("=?"), "=?" },
		{ SC(""), "" },
		/* nothing that ends a line or moves a cursor comes out */
		{ SC("=?utf-8?q?a=0D=0A=00=1B=7F=C2=85=E2=80=A8b?="), "a       b" },
		{ SC("\xff\xfe"), "\xc3\xbf\xc3\xbe" },
		{ SC("=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?="), "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88" },
		{ SC("=?koi8-r?B?8NLJ18XU?="), "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
	};
	struct charset_reader *cs = charset_reader_new();
	struct buf out = { 0 };

	(void)state;
	EACH(cases, c) {
		buf_clear(&out);
		words_decode(cs, c->in, &out);
		CHECK_C(buf_str(&out), c->want);
	}
	buf_done(&out);
	charset_reader_free(cs);
}

static void
parameters_are_put_together(void **state)
{
	static const struct {
		str in;
		const char *want;
	} cases[] = {
		{ SC("text/plain"), "text/plain" },
		{ SC(" TEXT (c) / Plain ; (c) Charset = \"us-ascii\" (c)"), "text/plain|charset=us-ascii" },
		{ SC("a/b; x=\"q\\\"\\\\;\"; y=z"), "a/b|x=q\"\\;|y=z" },
		{ SC("a/b; name=my photo.jpg; x=y"), "a/b|name=my photo.jpg|x=y" },
		{ SC("a/b; x=y z=w"), "a/b|x=y|z=w" },
		{ SC("a/b; x=\"open; y=z"), "a/b|x=open; y=z" },
		{ SC("a/b;;; = ; x ; =y; z=1"), "a/b|z=1" },
		{ SC("a/b; x*=utf-8'en'%C3%BC"), "a/b|x=\xc3\xbc" },
		{ SC("a/b; x=plain; x*=iso-8859-1''%FC"), "a/b|x=\xc3\xbc" },
		{ SC("a/b; x*1=b; x*0=a; x*2=c"), "a/b|x=abc" },
		{ SC("a/b; x*0*=utf-8''%C3; x*1*=%BC; x*2=%41"), "a/b|x=\xc3\xbc%41" },
		{ SC("a/b; x*0=a; y=1; x*0=no; x*1=b"), "a/b|x=ab|y=1" },
		{ SC("a/b; x=1; X=2"), "a/b|x=1" },
		{ SC("a/b; x*=''%0D%0A%00!"), "a/b|x=   !" },
		{ SC("a/b; x*=nonsense%zz"), "a/b|x=nonsense%zz" },
		{ SC("a/b; x*99999999999999999999=a; x*-1=b; *=c; x**=d"), "a/b" },
		{ SC("a/b; x=\xfc"), "a/b|x=\xc3\xbc" },
		{ SC("a/b; x==?utf-8?q?y?= =?utf-8?q?z?=; w=1"), "a/b|x==?utf-8?q?y?= =?utf-8?q?z?=|w=1" },
		{ SC("a"), "/" },
		{ SC("/b"), "/" },
		{ SC(""), "/" },
	};
	struct arena a = { 0 };
	struct buf out = { 0 };

	(void)state;
	EACH(cases, c) {
		str type = { 0 }, subtype = { 0 }, rest;
		struct param *p = NULL;
		size_t n;

		buf_clear(&out);
		params_take_type(&a, c->in, &type, &subtype, &rest);
		n = params_parse(&a, NULL, rest, &p);
		buf_add(&out, type);
		buf_add_char(&out, '/');
		buf_add(&out, subtype);
		for (size_t i = 0; i < n; i++) {
			buf_add_char(&out, '|');
			buf_add(&out, p[i].name);
			buf_add_char(&out, '=');
			buf_add(&out, p[i].value);
		}
		CHECK_C(buf_str(&out), c->want);
	}
	arena_done(&a);
	buf_done(&out);
}

static void
thousands_of_pieces_are_cut_at_a_limit(void **state)
{
	struct arena a = { 0 };
	struct buf in = { 0 };
	struct param *p = NULL;

	(void)state;
	for (int i = 10000; i > 0; i--)
		buf_printf(&in, "; x*%d*=y", i % 10000);
	CHECK_INT(params_parse(&a, NULL, buf_str(&in), &p), 1);
	CHECK_INT(p[0].value.n, PARAMS_MAX);
	buf_clear(&in);
	for (int i = 0; i < 10000; i++)
		buf_printf(&in, "; x%d=y", i);
	CHECK_INT(params_parse(&a, NULL, buf_str(&in), &p), PARAMS_MAX);
	CHECK_STR(params_get(p, PARAMS_MAX, S("x7")), S("y"));
	CHECK_STR(params_get(p, PARAMS_MAX, S("x9999")), S(""));
	arena_done(&a);
	buf_done(&in);
}

/* "name <mailbox@host>", groups as "name:" and ";". */
static void
add_addr(struct buf *out, const struct email_addr *ad)
{
	if (out->n)
		buf_add_char(out, '|');
	if (ad->host.n == 0) {
		buf_add(out, ad->mailbox);
		buf_add_char(out, ad->mailbox.n ? ':' : ';');
		return;
	}
	buf_add(out, ad->name);
	buf_add_char(out, '<');
	buf_add(out, ad->mailbox);
	buf_add_char(out, '@');
	buf_add(out, str_eq(ad->host, S(ADDRS_NO_HOST)) ? S("?") : ad->host);
	buf_add_char(out, '>');
}

static void
address_lists_are_read_whatever_they_look_like(void **state)
{
	static const struct {
		str in;
		const char *want;
	} cases[] = {
		{ SC(""), "" },
		{ SC("ann@a.test"), "<ann@a.test>" },
		{ SC("<ann@a.test>"), "<ann@a.test>" },
		{ SC("Ann B. Example <ann@a.test>, bob@b.test"), "Ann B. Example<ann@a.test>|<bob@b.test>" },
		{ SC("\"Ann, E.\" <ann@a.test>"), "Ann, E.<ann@a.test>" },
		{ SC("ann@a.test (Ann \\) Example)"), "Ann ) Example<ann@a.test>" },
		{ SC("=?utf-8?q?J=C3=B6rg?= Ex <j@a.test>"), "J\xc3\xb6rg Ex<j@a.test>" },
		{ SC("\"=?utf-8?q?J=C3=B6rg?=\" <j@a.test>"), "J\xc3\xb6rg<j@a.test>" },
		/* obsolete forms: RFC 5322 4.4 */
		{ SC(" ann . (c) b @ (c) a . test "), "c<ann.b@a.test>" },
		{ SC("Ann <@x.test,@y.test:ann@a.test>"), "Ann<ann@a.test>" },
		{ SC(",, ann@a.test,,bob@b.test, ,"), "<ann@a.test>|<bob@b.test>" },
		{ SC("Joe Q. Public <joe@a.test>"), "Joe Q. Public<joe@a.test>" },
		/* quoted local parts are meant without quotes; literals stay */
		{ SC("\"a b\"@a.test, \"x\\\"y\"@[192.0.2.1]"), "<a b@a.test>|<x\"y@[192.0.2.1]>" },
		/* groups */
		{ SC("Friends: ann@a.test, Bob <bob@b.test>;, c@c.test"),
			"Friends:|<ann@a.test>|Bob<bob@b.test>|;|<c@c.test>" },
		{ SC("undisclosed-recipients:;"), "undisclosed-recipients:|;" },
		{ SC("\"A: B\": a@a.test"), "A: B:|<a@a.test>|;" },
		{ SC("G: H: a@a.test; b@b.test;"), "G:|<a@a.test>|;|<b@b.test>" },
		/* the world */
		{ SC("ann@a.test <ann@a.test>"), "ann@a.test<ann@a.test>" },
		{ SC("ann@a.test; bob@b.test"), "<ann@a.test>|<bob@b.test>" },
		{ SC("ann@a.test bob@b.test"), "<ann@a.test>|<bob@b.test>" },
		{ SC("<ann@a.test> Ann"), "Ann<ann@a.test>" },
		{ SC("Ann <ann@a.test"), "Ann<ann@a.test>" },
		{ SC("Ann <ann@a.test, Bob <bob@b.test>"), "Ann<ann@a.test>|Bob<bob@b.test>" },
		{ SC("Ann ann@a.test>"), "Ann<ann@a.test>" },
		{ SC("\"Ann <ann@a.test>"), "Ann<ann@a.test>" },
		{ SC("Ann (open <ann@a.test>"), "Ann open<ann@a.test>" },
		{ SC("a@b@c.test"), "<a@b@c.test>" },
		{ SC("ann"), "<ann@?>" },
		{ SC("Ann Example"), "Ann Example<@?>" },
		{ SC("Ann <>"), "Ann<@?>" },
		{ SC("<>"), "" },
		{ SC("ann@"), "<ann@?>" },
		{ SC("@a.test"), "" },
		{ SC("<postmaster>"), "<postmaster@?>" },
		{ SC("<mailto:a@b.test>"), "<mailto:a@b.test>" },
		{ SC("(only a comment)"), "" },
		{ SC("\xe9 <\xe9@a.test>"), "\xc3\xa9<\xc3\xa9@a.test>" },
		{ SC("a\0b <c\r\n@d.test\x01>"), "a b<c@d.test>" },
		{ SC(";:,<>@\"[]()"), "" },
	};
	struct charset_reader *cs = charset_reader_new();
	struct arena a = { 0 };
	struct buf out = { 0 };
	struct addrs r;

	(void)state;
	addrs_init(&r, &a, cs);
	EACH(cases, c) {
		struct email_addr ad;

		buf_clear(&out);
		addrs_begin(&r, c->in);
		while (addrs_next(&r, &ad))
			add_addr(&out, &ad);
		CHECK_C(buf_str(&out), c->want);
	}
	addrs_done(&r);
	arena_done(&a);
	buf_done(&out);
	charset_reader_free(cs);
}

static void
message_ids_lose_their_brackets_and_blanks(void **state)
{
	static const struct {
		str in;
		const char *want;
	} cases[] = {
		{ SC("<a@b>"), "a@b|" },
		{ SC("<a@b> <c@d>\r\n\t<e@f>"), "a@b|c@d|e@f|" },
		{ SC("<a@b><c@d>,<e@f>"), "a@b|c@d|e@f|" },
		{ SC("< a @\r\n b >"), "a@b|" },
		{ SC("<a@b <c@d>"), "a@b|c@d|" },
		{ SC("Your message of Monday <a@b>"), "a@b|" },
		{ SC("a@b"), "a@b|" },
		{ SC("<>"), "" },
		{ SC("<a@b"), "a@b|" },
		{ SC(""), "" },
	};
	struct arena a = { 0 };
	struct buf out = { 0 };

	(void)state;
	EACH(cases, c) {
		str value = c->in, id;

		buf_clear(&out);
		while (header_take_msg_id(&a, &value, &id)) {
			buf_add(&out, id);
			buf_add_char(&out, '|');
		}
		CHECK_C(buf_str(&out), c->want);
	}
	arena_done(&a);
	buf_done(&out);
}

T_MAIN(T(a_block_gives_its_fields_and_skips_what_is_none), T(an_unfolded_value_is_one_line),
	T(brackets_that_never_close_are_plain_characters), T(encoded_words_become_clean_utf8),
	T(parameters_are_put_together), T(thousands_of_pieces_are_cut_at_a_limit),
	T(address_lists_are_read_whatever_they_look_like), T(message_ids_lose_their_brackets_and_blanks))
