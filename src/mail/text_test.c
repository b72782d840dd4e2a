/* Charsets, transfer encodings, dates, base subjects, previews. */
#include "base/mem.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/preview.h"
#include "mail/subject.h"
#include "mail/transfer.h"
#include "test/t.h"

#include <sys/resource.h>

static void
every_charset_on_the_list_can_be_had(void **state)
{
	struct charset_stock *stock = charset_stock_new();

	(void)state;
	CHECK_INT(charset_stock_missing(stock), 0);
	CHECK(charset_stock_count(stock) > 30);
	charset_stock_free(stock);
	charset_stock_free(NULL);
	charset_reader_free(NULL);
}

static void
charsets_are_known_by_many_names(void **state)
{
	static const struct {
		str charset, in;
		const char *want; /* NULL: unknown */
	} cases[] = {
		{ SC("UTF-8"), SC("\xc3\xbc"), "\xc3\xbc" },
		{ SC("utf8"), SC("a\xc3(\xf0\x9f\x93"),
			"a\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ SC("us-ascii"), SC("\xfc"), "\xc3\xbc" },
		{ SC("us-ascii"), SC("\xc3\xbc"), "\xc3\xbc" },
		{ SC("ISO_8859-1:1987"), SC("\xfc\x80"), "\xc3\xbc\xe2\x82\xac" },
		{ SC("windows-1252"), SC("\x81\x93"), "\xef\xbf\xbd\xe2\x80\x9c" },
		{ SC("iso-8859-15"), SC("\xa4"), "\xe2\x82\xac" },
		{ SC("KOI8-R"), SC("\xd0\xcf"), "\xd0\xbf\xd0\xbe" },
		{ SC("gb2312"), SC("\xc4\xe3"), "\xe4\xbd\xa0" },
		{ SC("big5"), SC("\xa7\x41"), "\xe4\xbd\xa0" },
		{ SC("Shift_JIS"), SC("\x83\x65"), "\xe3\x83\x86" },
		{ SC("euc-kr"), SC("\xb0\xa1"), "\xea\xb0\x80" },
		{ SC("ks_c_5601-1987"), SC("\xb0\xa1\xff!"), "\xea\xb0\x80\xef\xbf\xbd!" },
		{ SC("iso-2022-jp"), SC("\x1b$B%F\x1b(Bx"), "\xe3\x83\x86x" },
		{ SC("utf-7"), SC("a+AOk-"), "a\xc3\xa9" },
		{ SC("utf-16le"), SC("a\0\xac\x20"), "a\xe2\x82\xac" },
		{ SC("utf-16be"), SC("\xd8\x00"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ SC("x-unknown"), SC("a"), NULL },
		{ SC(""), SC("a"), NULL },
		{ SC("iso-2022-cn-ext"), SC("a"), NULL },
		{ SC("//TRANSLIT"), SC("a"), NULL },
		{ SC("utf-8-but-much-too-long-for-a-charset"), SC("a"), NULL },
	};
	struct charset_reader *cs = charset_reader_new();
	struct buf out = { 0 };

	(void)state;
	EACH(cases, c) {
		buf_clear(&out);
		CHECK(charset_known(cs, c->charset) == (c->want != NULL));
		CHECK(charset_add(cs, c->charset, c->in, &out) == (c->want != NULL));
		CHECK_C(buf_str(&out), c->want);
	}
	CHECK(!charset_add(NULL, S("koi8-r"), S("a"), &out)); /* without a reader only our own */
	CHECK(charset_add(NULL, S("latin1"), S("a"), &out));
	buf_done(&out);
	charset_reader_free(cs);
}

static void
a_stock_serves_a_process_that_can_open_no_file(void **state)
{
	struct charset_stock *stock = charset_stock_new();
	struct rlimit before, none;
	struct charset_reader *cs;
	struct buf out = { 0 };

	(void)state;
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = before;
	none.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	cs = charset_reader_new();
	CHECK(charset_add(cs, S("koi8-r"), S("\xd0"), &out) &&
		charset_add(cs, S("euc-jp"), S("\xa4\xa2"), &out));
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	CHECK_STR(buf_str(&out), S("\xd0\xbf\xe3\x81\x82"));
	charset_reader_free(cs);
	charset_stock_free(stock);
	buf_done(&out);
}

static void
a_full_buffer_ends_a_conversion(void **state)
{
	static char junk[5000];
	struct charset_reader *cs = charset_reader_new();
	struct buf out;

	(void)state;
	memset(junk, 0xff, sizeof(junk));
	buf_init(&out, 1000);
	CHECK(charset_add(cs, S("euc-jp"), str_of(junk, sizeof(junk)), &out));
	CHECK(out.full && out.n <= 1000 && str_is_utf8(buf_str(&out)));
	buf_clear(&out);
	CHECK(charset_add(cs, S("koi8-r"), str_of(junk, sizeof(junk)), &out));
	CHECK(out.full && out.n <= 1000 && str_is_utf8(buf_str(&out)));
	buf_done(&out);
	charset_reader_free(cs);
}

static void
utf8_is_cut_between_characters(void **state)
{
	str s = S("a\xc3\xbc\xf0\x9f\x93\xac");
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 3, 7, 7 };

	(void)state;
	for (size_t n = 0; n < COUNT(want); n++)
		CHECK_INT(charset_utf8_front(s, n), want[n]);
	CHECK_INT(charset_ascii_run(S("0123456789\x80")), 10);
	CHECK(charset_is_utf8(s) && !charset_is_utf8(S("abcdefghijk\xc3 ")) && charset_is_utf8(S("")));
}

static void
transfer_encodings_are_undone_leniently(void **state)
{
	static const struct {
		const char *encoding;
		str in, want;
	} cases[] = {
		{ "7bit", SC("a=3D\r\n"), SC("a=3D\r\n") },
		{ "x-unknown", SC("a=3D"), SC("a=3D") },
		{ "Base64", SC("Zm9v\r\nYmFy"), SC("foobar") },
		{ "base64", SC("Zg==Zm8="), SC("ffo") },
		{ "base64", SC("Z!m 9v"), SC("foo") },
		{ "base64", SC("Zm9"), SC("fo") },
		{ "base64", SC("===="), SC("") },
		{ "quoted-printable", SC("a=3Db=\r\nc=e9=\n=C3= \t\r\nd"),
			SC("a=bc\xe9\xc3"
			   "d") },
		{ "Quoted-Printable", SC("=zz=4"), SC("=zz=4") },
		{ "quoted-printable", SC("="), SC("=") },
	};
	struct buf out = { 0 };

	(void)state;
	EACH(cases, c) {
		buf_clear(&out);
		transfer_decode(transfer_of(str_c(c->encoding)), c->in, &out);
		CHECK_STR(buf_str(&out), c->want);
	}
	buf_clear(&out);
	transfer_decode_q(S("a_b=20=3D=zz="), &out);
	CHECK_STR(buf_str(&out), S("a b ==zz="));
	buf_clear(&out);
	transfer_decode_percent(S("a_b%20%"), &out);
	CHECK_STR(buf_str(&out), S("a_b %"));
	buf_done(&out);
}

static void
dates_are_understood_as_people_write_them(void **state)
{
	static const struct {
		str in;
		int64_t unix_s; /* -1: none */
		int zone;
	} cases[] = {
		{ SC("Mon, 23 Nov 2026 22:12:00 +0100"), 1795468320, 60 },
		{ SC("23 Nov 2026 21:12 GMT"), 1795468320, 0 },
		{ SC("Mon (day), 23 (d) Nov 2026 (y (n)) 16:12:00 EST (zone)"), 1795468320, -300 },
		{ SC("Monday, 23-Nov-26 21:12:00 UT"), 1795468320, 0 },
		{ SC("Mon Nov 23 21:12:00 2026"), 1795468320, 0 },
		{ SC("Mon Nov 23 16:12:00 EST 2026"), 1795468320, -300 },
		{ SC("Mon Nov 23 2026 22:12:00 GMT+0100 (CET)"), 1795468320, 60 },
		{ SC("2026-11-23T22:12:00+01:00"), 1795468320, 60 },
		{ SC("2026-11-23T21:12:00.123Z"), 1795468320, 0 },
		{ SC("23 Nov 2026 09:12:00 PM"), 1795468320, 0 },
		{ SC("23 Nov 126 21:12:00 -0000"), 1795468320, 0 },
		{ SC("23 nov 2026 21.12.00"), 1795468320, 0 },
		{ SC("23 Nov 2026 21:12:00 X"), 1795468320, 0 },
		{ SC("23 Nov 2026 21:12:00 +9999"), 1795468320, 0 },
		{ SC("Thu, 1 Jan 1970 00:00:00 +0000"), 0, 0 },
		{ SC("31 Dec 1998 23:59:60 +0000"), 915148800, 0 },
		{ SC("29 Feb 2024 00:00:00 +0000"), 1709164800, 0 },
		{ SC("29 Feb 2023 00:00:00 +0000"), -1, 0 },
		{ SC("31 Apr 2023 00:00:00 +0000"), -1, 0 },
		{ SC("0 Apr 2023 00:00:00 +0000"), -1, 0 },
		{ SC("1 Apr 2023 24:00:00 +0000"), -1, 0 },
		{ SC("1 Apr 2023 00:60 +0000"), -1, 0 },
		{ SC("1 Apr 2023"), -1, 0 },
		{ SC("1 Foo 2023 00:00"), -1, 0 },
		{ SC("2026-11T22:12:00Z"), -1, 0 },
		{ SC("99999999999999999999"), -1, 0 },
		{ SC("yesterday"), -1, 0 },
		{ SC(""), -1, 0 },
	};

	(void)state;
	EACH(cases, c) {
		int64_t ms = -1;
		int zone = 12345;

		CHECK(date_parse(c->in, &ms, &zone) == (c->unix_s >= 0));
		if (c->unix_s < 0) {
			CHECK(ms == -1 && zone == 12345);
			continue;
		}
		CHECK_INT(ms / 1000, c->unix_s);
		CHECK_INT(zone, c->zone);
	}
}

static void
subjects_lose_what_replies_and_lists_add(void **state)
{
	static const struct {
		str in;
		const char *want;
	} cases[] = {
		{ SC("hello"), "hello" },
		{ SC("Re: hello"), "hello" },
		{ SC("  RE:  re : Fwd: FW: hello \t world "), "hello world" },
		{ SC("Re [2]: hello"), "hello" },
		{ SC("[list] Re: [list] hello"), "hello" },
		{ SC("[list] hello"), "hello" },
		{ SC("[a] [b] [c]"), "[c]" },
		{ SC("[a] [b"), "[b" },
		{ SC("hello (fwd) (FWD) "), "hello" },
		{ SC("[fwd: hello]"), "hello" },
		{ SC("[Fwd: [fwd: Re: hello (fwd)]]"), "hello" },
		{ SC("[list] [fwd: hello]"), "hello" },
		{ SC("[fwd: hello] more"), "more" },
		{ SC("Fwd: "), "" },
		{ SC("Reply: hello"), "Reply: hello" },
		{ SC("AW: hallo"), "AW: hallo" },
		{ SC("Re"), "Re" },
		{ SC("[]"), "[]" },
		{ SC("[fwd:]"), "" },
		{ SC(""), "" },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c)
		CHECK_C(subject_base(&a, c->in), c->want);
	arena_done(&a);
}

static void
html_becomes_the_text_a_reader_sees(void **state)
{
	static const struct {
		str in;
		const char *want;
	} cases[] = {
		{ SC("<html><head><title>no</title><style>p{}</style></head><body><p>one</p>\r\n<p>two "
		     "<b>three</b></p></body>"),
			"one\ntwo three\n" },
		{ SC("a<br>b<BR/>c"), "a\nb\nc\n" },
		{ SC("x &amp; y &lt;z&gt; &#8217;&#x2019; &euro; &nosuch; & &#0; &#xD800;"),
			"x & y <z> \xe2\x80\x99\xe2\x80\x99 \xe2\x82\xac &nosuch; & &#0; &#xD800;\n" },
		{ SC("<!-- <p>no</p> -->yes<script>if (a<b) '</p>'</script>!"), "yes\n!\n" },
		{ SC("<a title=\"a>b\" href='x'>link</a>"), "link\n" },
		{ SC("new<blockquote><p>old</p>older<blockquote>oldest</blockquote></blockquote>after"),
			"new\n> old\n> older\n> oldest\nafter\n" },
		{ SC("1 < 2 <"), "1 < 2 <\n" },
		{ SC("cut <b"), "cut \n" },
		{ SC("<style>never ends"), "" },
		{ SC("<!--never ends"), "" },
		{ SC(""), "" },
	};
	struct buf out = { 0 };

	(void)state;
	EACH(cases, c) {
		buf_clear(&out);
		preview_strip_html(c->in, &out);
		CHECK_C(buf_str(&out), c->want);
	}
	buf_done(&out);
}

static void
a_preview_begins_with_the_senders_own_words(void **state)
{
	static const struct {
		str body;
		const char *encoding, *charset;
		bool html;
		const char *want;
	} cases[] = {
		{ SC("Hello  \tworld\r\n\r\n  again\r\n"), "", "", false, "Hello world again" },
		{ SC("Ann wrote:\r\n> > old\r\n>older\r\nmine\r\n"), "", "", false,
			"Ann wrote: mine old older" },
		{ SC("Gr=FC=DFe"), "quoted-printable", "iso-8859-1", false,
			"Gr\xc3\xbc\xc3\x9f"
			"e" },
		{ SC("R3LDvMOfZQ=="), "base64", "utf-8", false,
			"Gr\xc3\xbc\xc3\x9f"
			"e" },
		{ SC("<style>x</style><div>Hi&zwnj;&nbsp;&#847;there</div><blockquote>old</blockquote>new"),
			"", "", true, "Hi there new old" },
		{ SC("a\xc2\xa0\xe2\x80\x8b\xef\xbb\xbf\xc2\x85\xe3\x80\x80z"), "", "utf-8", false, "a z" },
		{ SC("a\0\x1b\x7f"
		     "b"),
			"", "", false, "a b" },
		{ SC("\xe9"), "", "no-such", false, "\xc3\xa9" },
		{ SC(" \r\n\r\n"), "", "", false, "" },
		{ SC(""), "", "", true, "" },
	};
	struct charset_reader *cs = charset_reader_new();
	struct preview_scratch scratch = { 0 };
	struct buf out = { 0 };

	(void)state;
	EACH(cases, c) {
		buf_clear(&out);
		CHECK(preview_make(cs, &scratch, c->body, transfer_of(str_c(c->encoding)), str_c(c->charset),
			      c->html, &out) == (c->want[0] != 0));
		CHECK_C(buf_str(&out), c->want);
	}
	preview_scratch_done(&scratch);
	charset_reader_free(cs);
	buf_done(&out);
}

static void
a_preview_ends_after_200_characters(void **state)
{
	struct preview_scratch scratch = { 0 };
	struct buf body = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++)
		buf_add(&body, S("\xf0\x9f\x93\xac"));
	CHECK(preview_make(NULL, &scratch, buf_str(&body), TRANSFER_PLAIN, S("utf-8"), false, &out));
	CHECK_INT(out.n, PREVIEW_BYTES);
	CHECK(str_is_utf8(buf_str(&out)));
	buf_clear(&body);
	buf_clear(&out);
	for (int i = 0; i < 500; i++) /* quoted lines fill the first look, own words come behind */
		buf_add(&body, S("> they said\r\n"));
	buf_add(&body, S("I say\r\n"));
	CHECK(preview_make(NULL, &scratch, buf_str(&body), TRANSFER_PLAIN, S(""), false, &out));
	CHECK(str_starts(buf_str(&out), S("I say they said they said")));
	CHECK_INT(out.n, PREVIEW_CHARS);
	preview_scratch_done(&scratch);
	buf_done(&body);
	buf_done(&out);
}

T_MAIN(T(every_charset_on_the_list_can_be_had), T(charsets_are_known_by_many_names),
	T(a_stock_serves_a_process_that_can_open_no_file), T(a_full_buffer_ends_a_conversion),
	T(utf8_is_cut_between_characters), T(transfer_encodings_are_undone_leniently),
	T(dates_are_understood_as_people_write_them), T(subjects_lose_what_replies_and_lists_add),
	T(html_becomes_the_text_a_reader_sees), T(a_preview_begins_with_the_senders_own_words),
	T(a_preview_ends_after_200_characters))
