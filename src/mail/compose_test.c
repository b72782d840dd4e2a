#include "mail/compose.h"

#include "base/mem.h"
#include "mail/addrs.h"
#include "mail/email.h"
#include "mail/idn.h"
#include "mail/params.h"
#include "mail/transfer.h"
#include "mail/words.h"
#include "test/t.h"

/* ---- fields ---- */

static bool
is_folded_well(str field)
{
	for (str line; str_take_until(&field, '\n', &line);) {
		if (!str_ends(line, S("\r")) || line.n - 1 > 78 || !str_trim(line).n)
			return false;
		/* RFC 2047 2: an encoded word's line has 76 at most */
		if (str_find_str(line, S("=?UTF-8?")) < line.n && line.n - 1 > 76)
			return false;
	}
	return true;
}

static void
fields_say_what_was_given(void **state)
{
	static const struct {
		const char *value;
		const char *want; /* exactly; NULL: only that it can be read back */
	} cases[] = {
		{ "hello", "Subject: hello\r\n" },
		{ "  outer blanks  ", "Subject: outer blanks\r\n" },
		{ "", "Subject:\r\n" },
		{ "two  blanks", "Subject: two  blanks\r\n" },
		{ "Gr\xc3\xbc\xc3\x9f"
		  "e",
			"Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n" },
		{ "re: Gr\xc3\xbc\xc3\x9f"
		  "e to all",
			"Subject: re: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= to all\r\n" },
		{ "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
			"Subject: =?UTF-8?B?0J/RgNC40LLQtdGC?=\r\n" },
		{ "looks =?like?Q?one?=", "Subject: looks =?UTF-8?Q?=3D=3Flike=3FQ=3Fone=3F=3D?=\r\n" },
		{ "a long subject that goes on and on until it does not fit on a line of seventy-eight "
		  "characters any more, and then some",
			NULL },
		{ "one\xc3\xa4 plain two\xc3\xb6 plain three\xc3\xbc and much more text so that it must be "
		  "folded somewhere \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
			NULL },
		{ "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f"
		  "\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
		  "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f"
		  "\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
			NULL },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct buf b = { 0 }, back = { 0 };
		str value;

		CHECK(compose_add_field(&b, S("Subject"), str_c(c->value), false));
		if (c->want)
			CHECK_C(buf_str(&b), c->want);
		CHECK(is_folded_well(buf_str(&b)) && str_is_ascii(buf_str(&b)));
		value = header_unfold(&a, str_from(buf_str(&b), 8));
		words_decode(NULL, value, &back);
		CHECK_STR(str_trim(buf_str(&back)), str_trim(str_c(c->value)));
		buf_done(&b);
		buf_done(&back);
		arena_done(&a);
	}
}

static void
long_words_are_encoded_and_come_back(void **state)
{
	char text[3000];

	(void)state;
	for (size_t n = 0; n < sizeof(text); n += 37) {
		struct arena a = { 0 };
		struct buf b = { 0 }, back = { 0 };

		memset(text, 'x', n);
		if (n > 500)
			memcpy(text + 400, "\xe2\x82\xac ", 4);
		CHECK(compose_add_field(&b, S("X-Long"), str_of(text, n), false));
		for (str rest = buf_str(&b), line; str_take_until(&rest, '\n', &line);)
			CHECK(line.n <= 999);
		words_decode(NULL, header_unfold(&a, str_from(buf_str(&b), 7)), &back);
		CHECK_STR(buf_str(&back), str_of(text, n));
		buf_done(&b);
		buf_done(&back);
		arena_done(&a);
	}
}

static void
nothing_begins_a_field_of_its_own(void **state)
{
	static const struct {
		const char *name;
		str value;
	} cases[] = {
		{ "Subject", SC("a\r\nBcc: x@y.test") },
		{ "Subject", SC("a\nBcc: x@y.test") },
		{ "Subject", SC("a\rb") },
		{ "Subject", SC("a\0b") },
		{ "Subject", SC("a\x1b[31m") },
		{ "Subject", SC("latin \xe4") },
		{ "Sub ject", SC("a") },
		{ "Subject:", SC("a") },
		{ "X\r\nBcc", SC("a") },
		{ "", SC("a") },
		{ "X-\xc3\xa4", SC("a") },
	};
	(void)state;
	EACH(cases, c) {
		struct buf b = { 0 };

		CHECK(!compose_add_field(&b, str_c(c->name), c->value, false));
		CHECK(!compose_add_field(&b, str_c(c->name), c->value, true));
		buf_done(&b);
	}
}

static void
addresses_say_whom(void **state)
{
	static const struct {
		struct compose_addr addr;
		bool utf8;
		const char *want; /* "": it is none */
	} cases[] = {
		{ { SC(""), SC("ann@a.test") }, false, "To: ann@a.test\r\n" },
		{ { SC("Ann"), SC("ann@a.test") }, false, "To: Ann <ann@a.test>\r\n" },
		{ { SC("Ann A. Ny"), SC("ann@a.test") }, false, "To: \"Ann A. Ny\" <ann@a.test>\r\n" },
		{ { SC("An \"n\" \\"), SC("ann@a.test") }, false,
			"To: \"An \\\"n\\\" \\\\\" <ann@a.test>\r\n" },
		{ { SC("J\xc3\xbcrgen"), SC("j@a.test") }, false,
			"To: =?UTF-8?Q?J=C3=BCrgen?= <j@a.test>\r\n" },
		{ { SC("J\xc3\xbcrgen"), SC("j@a.test") }, true, "To: J\xc3\xbcrgen <j@a.test>\r\n" },
		{ { SC(""), SC("ann@b\xc3\xbc"
			       "cher.example") },
			false, "To: ann@xn--bcher-kva.example\r\n" },
		{ { SC(""), SC("ann@b\xc3\xbc"
			       "cher.example") },
			true,
			"To: ann@b\xc3\xbc"
			"cher.example\r\n" },
		{ { SC(""), SC("j\xc3\xbcrgen@a.test") }, true, "To: j\xc3\xbcrgen@a.test\r\n" },
		{ { SC(""), SC("j\xc3\xbcrgen@a.test") }, false, "" },
		{ { SC(""), SC("\"a b\"@a.test") }, false, "To: \"a b\"@a.test\r\n" },
		{ { SC(""), SC("ann") }, false, "" },
		{ { SC("Ann\r\nBcc: x@y.test"), SC("ann@a.test") }, false, "" },
		{ { SC("Ann"), SC("ann@a.test\r\nBcc: x@y.test") }, false, "" },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct buf b = { 0 }, why = { 0 };
		bool ok = compose_add_addresses(
			&a, &b, S("To"), (struct compose_list){ &c->addr, 1 }, c->utf8, &why);

		CHECK(ok == (c->want[0] != 0) && ok == !why.n);
		if (ok)
			CHECK_C(buf_str(&b), c->want);
		buf_done(&b);
		buf_done(&why);
		arena_done(&a);
	}
}

static void
domains_become_ascii(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: none */
	} cases[] = {
		{ "A.test", "A.test" },
		{ "b\xc3\xbc"
		  "cher.example",
			"xn--bcher-kva.example" },
		{ "stra\xc3\x9f"
		  "e.example",
			"xn--strae-oqa.example" },
		{ "\xe4\xbe\x8b\xe5\xad\x90.test", "xn--fsqu00a.test" },
		{ "a\xe2\x80\x8b.test\xff", NULL },
		{ "[192.0.2.1]", "[192.0.2.1]" },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		str got;
		bool ok = idn_to_ascii(&a, str_c(c->in), &got);

		CHECK(ok == (c->want != NULL));
		if (ok)
			CHECK_C(got, c->want);
		arena_done(&a);
	}
}

static void
file_names_come_back(void **state)
{
	static const char *const names[] = { "a.txt", "with blank.txt", "q\"uo\\te.txt",
		"\xc3\xbc"
		"ber.pdf",
		"100%.txt",
		"a very long name of a file that goes on and on, far beyond what would fit on one line of a "
		"header.tar.gz",
		"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96"
		"\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87.doc" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct arena a = { 0 };
		struct buf b = { 0 };
		struct param *params;
		size_t n;

		compose_add_parameter(&b, S("filename"), str_c(names[i]));
		CHECK(str_is_ascii(buf_str(&b)));
		for (str rest = str_from(buf_str(&b), 3), line; str_take_until(&rest, '\n', &line);)
			CHECK(line.n <= 78);
		n = params_parse(&a, NULL, header_unfold(&a, buf_str(&b)), &params);
		CHECK_C(params_get(params, n, S("filename")), names[i]);
		buf_done(&b);
		arena_done(&a);
	}
}

/* ---- texts ---- */

static void
the_encoding_of_a_text_is_chosen_by_what_it_is(void **state)
{
	static const struct {
		str text;
		const char *encoding;
		str want; /* after decoding */
	} cases[] = {
		{ SC("hello\n"), "7bit", SC("hello\r\n") },
		{ SC("no end"), "7bit", SC("no end\r\n") },
		{ SC(""), "7bit", SC("") },
		{ SC("a\r\nb\rc\n"), "7bit", SC("a\r\nb\r\nc\r\n") },
		{ SC("Gr\xc3\xbc\xc3\x9f"
		     "e an alle, die das lesen koennen\n"),
			"quoted-printable",
			SC("Gr\xc3\xbc\xc3\x9f"
			   "e an alle, die das lesen koennen\r\n") },
		{ SC("From us: \xc3\xbc, some trailing blanks \t \n.\nand = signs\n"), "quoted-printable",
			SC("From us: \xc3\xbc, some trailing blanks \t \r\n.\r\nand = signs\r\n") },
		{ SC("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\n"), "base64",
			SC("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\r\n") },
		{ SC("a\0b\n"), "base64", SC("a\0b\r\n") },
	};
	(void)state;
	EACH(cases, c) {
		struct buf b = { 0 }, back = { 0 };

		CHECK_C(str_c(compose_encode_text(&b, c->text)), c->encoding);
		CHECK(str_is_ascii(buf_str(&b)));
		for (str rest = buf_str(&b), line; str_take_until(&rest, '\n', &line);)
			CHECK(line.n <= 77);
		transfer_decode(transfer_of(str_c(c->encoding)), buf_str(&b), &back);
		CHECK_STR(buf_str(&back), c->want);
		buf_done(&b);
		buf_done(&back);
	}
}

static void
long_lines_are_broken_softly(void **state)
{
	static char text[5000];
	struct buf b = { 0 }, back = { 0 };

	(void)state;
	memset(text, 'y', sizeof(text));
	CHECK_C(str_c(compose_encode_text(&b, str_of(text, sizeof(text)))), "quoted-printable");
	for (str rest = buf_str(&b), line; str_take_until(&rest, '\n', &line);)
		CHECK(line.n <= 77);
	transfer_decode(TRANSFER_QP, buf_str(&b), &back);
	CHECK_INT(back.n, sizeof(text) + 2);
	buf_done(&b);
	buf_done(&back);
}

/* ---- whole messages ---- */

struct bytes {
	str rest;
	size_t step;
};

static enum fault
read_bytes(void *ctx, void *p, size_t n, size_t *ret_n)
{
	struct bytes *b = ctx;
	str part = str_sub(b->rest, 0, MIN(n, b->step ? b->step : n));

	if (part.n)
		memcpy(p, part.p, part.n);
	b->rest = str_from(b->rest, part.n);
	*ret_n = part.n;
	return OK;
}

static void
a_message_has_its_parts_and_its_size(void **state)
{
	static char large[200000];
	static const struct hash_key key = { 1, 2 };
	static const struct compose_addr ann = { SC("Ann \xc3\x84"), SC("ann@a.test") },
					 ben = { SC(""), SC("ben@b.test") };
	struct bytes file = { str_of(large, sizeof(large)), 1000 }, empty = { 0 },
		     picture = { SC("\x89PNG"), 0 };
	struct compose_file files[] = { { .name = SC("gr\xc3\xb6\xc3\x9f"
						     "e.bin"),
						.size = sizeof(large),
						.read = read_bytes,
						.ctx = &file },
		{ .name = SC("empty.txt"),
			.type = SC("text/plain"),
			.charset = SC("us-ascii"),
			.read = read_bytes,
			.ctx = &empty } };
	struct compose_file picture_file = { .name = SC("logo.png"),
		.type = SC("image/png"),
		.size = 4,
		.read = read_bytes,
		.ctx = &picture };
	struct compose c = { .date_ms = 1795471920000,
		.zone_min = 60,
		.message_id = S("1@a.test"),
		.from = { &ann, 1 },
		.to = { &ben, 1 },
		.subject = S("\xc3\x84hm"),
		.has_html = true,
		.html = S("<p>Gr\xc3\xbc\xc3\x9f"
			  "e <img src=\"cid:logo.png\"> from cid:logo.pngx</p>"),
		.files = files,
		.file_count = 2,
		.inlines = &picture_file,
		.inline_count = 1,
		.seed = S("0123456789abcdef") };
	struct email_limits limits = { 0 };
	struct email_builder *builder = email_builder_new(&limits, &key);
	struct arena a = { 0 };
	struct buf why = { 0 }, whole = { 0 }, row = { 0 };
	struct composed *m;
	struct email_facts facts;
	struct email e;
	str piece;

	(void)state;
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 7 + i / 256);
	CHECK_INT(compose_make(&a, &c, &why, &m), OK);
	do {
		CHECK_INT(composed_next(m, &piece), OK);
		buf_add(&whole, piece);
	} while (piece.n);
	CHECK_INT(whole.n, composed_size(m));
	CHECK(!composed_is_utf8(m) && str_is_ascii(buf_str(&whole)));
	email_builder_feed(builder, buf_str(&whole));
	email_builder_finish(builder, &row, &facts);
	CHECK_INT(email_row_read(&a, buf_str(&row), &e), OK);
	/* mixed(alternative(plain, related(html, png)), bin, txt) */
	CHECK_INT(e.part_count, 8);
	CHECK_STR(e.parts[0].subtype, S("mixed"));
	CHECK_STR(e.parts[1].subtype, S("alternative"));
	CHECK_STR(e.parts[2].subtype, S("plain"));
	CHECK_STR(e.parts[3].subtype, S("related"));
	CHECK_STR(e.parts[4].subtype, S("html"));
	CHECK_STR(e.parts[5].subtype, S("png"));
	CHECK_STR(e.parts[6].subtype, S("octet-stream"));
	CHECK_STR(e.envelope.from[0].mailbox, S("ann"));
	CHECK_STR(e.envelope.message_id, S("<1@a.test>"));
	CHECK(str_find_str(buf_str(&whole), S("src=3D\"cid:inline1.")) < whole.n);
	CHECK(str_find_str(buf_str(&whole), S("from cid:logo.pngx")) < whole.n); /* another name */
	composed_done(m);
	email_builder_free(builder);
	buf_done(&why);
	buf_done(&whole);
	buf_done(&row);
	arena_done(&a);
}

static void
a_file_that_changed_is_noticed(void **state)
{
	static const int64_t said[] = { 3, 5, 0 };
	static const struct compose_addr ann = { SC(""), SC("ann@a.test") };

	(void)state;
	for (size_t i = 0; i < COUNT(said); i++) {
		struct bytes bytes = { SC("1234"), 0 };
		struct compose_file f = {
			.name = S("f"), .size = (uint64_t)said[i], .read = read_bytes, .ctx = &bytes
		};
		struct compose c = { .message_id = S("1@a.test"),
			.from = { &ann, 1 },
			.files = &f,
			.file_count = 1,
			.seed = S("0123456789abcdef") };
		struct arena a = { 0 };
		struct buf why = { 0 };
		struct composed *m;
		enum fault fault;
		str piece;

		CHECK_INT(compose_make(&a, &c, &why, &m), OK);
		while ((fault = composed_next(m, &piece)) == OK && piece.n)
			;
		CHECK_INT(fault, STALE);
		composed_done(m);
		arena_done(&a);
	}
}

static void
a_boundary_stands_nowhere_in_the_text(void **state)
{
	static const struct compose_addr ann = { SC(""), SC("ann@a.test") };
	struct bytes bytes = { 0 };
	struct compose_file f = { .name = S("f"), .read = read_bytes, .ctx = &bytes };
	/* As if somebody knew the seed. */
	struct compose c = { .message_id = S("1@a.test"),
		.from = { &ann, 1 },
		.files = &f,
		.file_count = 1,
		.has_text = true,
		.text = S("--=_0_30313233343536373839616263646566--\r\nx\r\n"),
		.seed = S("0123456789abcdef") };
	struct arena a = { 0 };
	struct buf why = { 0 };
	struct composed *m;
	str piece;

	(void)state;
	CHECK_INT(compose_make(&a, &c, &why, &m), OK);
	CHECK_INT(composed_next(m, &piece), OK);
	CHECK(str_find_str(piece, S("boundary=\"=_1_3031")) < piece.n);
	composed_done(m);
	arena_done(&a);
}

static void
what_cannot_be_is_refused_with_a_reason(void **state)
{
	static const struct compose_addr ann = { SC(""), SC("ann@a.test") };
	static const struct compose_field bcc = { SC("Bcc"), SC("x@y.test") },
					  injected = { SC("X"), SC("a\nB: c") };
	static const struct compose_file strange = { .name = SC("a\r\nX: y.txt") },
					 picture = { .name = SC("p.png") };
	const struct {
		struct compose c;
		const char *why;
	} cases[] = {
		{ { .fields = &bcc, .field_count = 1 }, "Bcc is a header field with a way of its own" },
		{ { .fields = &injected, .field_count = 1 }, "X has a line end" },
		{ { .subject = S("a\r\nB: c") }, "Subject has a line end" },
		{ { .files = &strange, .file_count = 1 }, "line end" },
		{ { .inlines = &picture, .inline_count = 1 }, "there is none" },
		{ { .inlines = &picture, .inline_count = 1, .has_html = true, .html = S("<p>") },
			"does not show the inline file `p.png'" },
		{ { .has_text = true, .text = S("\xff") }, "the text is not UTF-8" },
		{ { .has_html = true, .html = S("\xff") }, "the HTML is not UTF-8" },
	};
	(void)state;
	EACH(cases, c) {
		struct compose what = c->c;
		struct arena a = { 0 };
		struct buf why = { 0 };
		struct composed *m;

		what.message_id = S("1@a.test");
		what.from = (struct compose_list){ &ann, 1 };
		what.seed = S("0123456789abcdef");
		CHECK_INT(compose_make(&a, &what, &why, &m), BAD_ARGUMENT);
		CHECK(str_find_str(buf_str(&why), str_c(c->why)) < why.n);
		buf_done(&why);
		arena_done(&a);
	}
}

T_MAIN(T(fields_say_what_was_given), T(long_words_are_encoded_and_come_back),
	T(nothing_begins_a_field_of_its_own), T(addresses_say_whom), T(domains_become_ascii),
	T(file_names_come_back), T(the_encoding_of_a_text_is_chosen_by_what_it_is),
	T(long_lines_are_broken_softly), T(a_message_has_its_parts_and_its_size),
	T(a_file_that_changed_is_noticed), T(a_boundary_stands_nowhere_in_the_text),
	T(what_cannot_be_is_refused_with_a_reason))
