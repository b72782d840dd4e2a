#include "mail/email.h"

#include "base/mem.h"
#include "test/t.h"

static const struct hash_key key = { 7, 11 };

/* ---- building ---- */

struct built {
	struct email_builder *b;
	struct buf row;
	struct email_facts facts;
	struct arena arena;
	struct email e;
};

static struct built *
new_built(const struct email_limits *limits)
{
	struct built *t = NEW(struct built);

	t->b = email_builder_new(limits, &key);
	return t;
}

static void
free_built(struct built *t)
{
	email_builder_free(t->b);
	buf_done(&t->row);
	arena_done(&t->arena);
	free(t);
}

/* In pieces of `step` bytes after the first `head`; step 0: whole. */
static void
build(struct built *t, str message, size_t head, size_t step)
{
	buf_clear(&t->row);
	arena_reset(&t->arena);
	email_builder_reset(t->b);
	email_builder_feed(t->b, str_sub(message, 0, head));
	message = str_from(message, head);
	while (message.n) {
		size_t n = step ? MIN(step, message.n) : message.n;
		char *exact = mem_new(n); /* of exactly that size: reading beyond is seen */

		memcpy(exact, message.p, n);
		email_builder_feed(t->b, str_of(exact, n));
		free(exact);
		message = str_from(message, n);
	}
	email_builder_finish(t->b, &t->row, &t->facts);
	CHECK_INT(email_row_read(&t->arena, buf_str(&t->row), &t->e), OK);
}

static const char sample[] = "Received: from a.test by b.test; Mon, 23 Nov 2026 22:12:00 +0100\r\n"
			     "Received: from c.test by a.test\r\n"
			     "Delivered-To: bob@b.test\r\n"
			     "From: =?utf-8?Q?J=C3=B6rg?= Example <joerg@a.test>\r\n"
			     "To: Bob <bob@b.test>, \"Carol, C.\" <carol@c.test>\r\n"
			     "To: dave@d.test\r\n"
			     "Cc: Friends: eve@e.test, frank@f.test;\r\n"
			     "Reply-To:\r\n"
			     "Subject: Re: [list]\r\n"
			     " =?iso-8859-1?q?Gr=FC=DFe?= (fwd)\r\n"
			     "Date: Mon, 23 Nov 2026 22:12:00 +0100\r\n"
			     "Message-ID: <one@a.test>\r\n"
			     "In-Reply-To: <zero@b.test>\r\n"
			     "References: <minus1@b.test>\r\n"
			     "\t<zero@b.test>\r\n"
			     "MIME-Version: 1.0\r\n"
			     "Content-Type: multipart/mixed; boundary=\"aa\"\r\n"
			     "\r\n"
			     "preamble\r\n"
			     "--a\r\n"
			     "--aa\r\n"
			     "Content-Type: text/plain; charset=ISO-8859-1; format=flowed\r\n"
			     "Content-Transfer-Encoding: Quoted-Printable\r\n"
			     "\r\n"
			     "> you said\r\n"
			     "Hello=\r\n"
			     " w=F6rld\r\n"
			     ".dot\r\n"
			     "--aaa\r\n"
			     "\r\n"
			     "--aa  \r\n"
			     "Content-Type: message/rfc822\r\n"
			     "Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.eml\r\n"
			     "\r\n"
			     "From: inner@i.test\r\n"
			     "Subject: inside\r\n"
			     "Content-Type: multipart/alternative; boundary=a\r\n"
			     "\r\n"
			     "--a\r\n"
			     "\r\n"
			     "plain\r\n"
			     "--a\r\n"
			     "Content-Type: text/html\r\n"
			     "Content-ID: <part@i.test>\r\n"
			     "\r\n"
			     "<p>html</p>\r\n"
			     "--a--\r\n"
			     "inner epilogue\r\n"
			     "--aa--\r\n"
			     "epilogue\r\n";
#define SAMPLE str_of(sample, sizeof(sample) - 1)

static str
body_of(str message, const struct email_part *p)
{
	return str_sub(message, p->body_at, p->body_size);
}

static void
check_addr(const struct email_addr *a, const char *name, const char *mailbox, const char *host)
{
	CHECK_C(a->name, name);
	CHECK_C(a->mailbox, mailbox);
	CHECK_C(a->host, host);
}

static void
a_row_tells_envelope_threads_and_preview(void **state)
{
	struct built *t = new_built(NULL);
	const struct email_envelope *v = &t->e.envelope;

	(void)state;
	build(t, SAMPLE, 0, 0);
	CHECK_INT(t->e.size, SAMPLE.n);
	CHECK_INT(t->e.sent_ms, 1795468320000);
	CHECK_C(v->date, "Mon, 23 Nov 2026 22:12:00 +0100");
	CHECK_C(v->subject, "Re: [list] =?iso-8859-1?q?Gr=FC=DFe?= (fwd)");
	CHECK_C(t->e.subject_base, "Gr\xc3\xbc\xc3\x9f"
				   "e");
	CHECK_INT(v->from_n, 1);
	check_addr(&v->from[0], "J\xc3\xb6rg Example", "joerg", "a.test");
	CHECK(v->sender_n == 1 && v->sender == v->from);
	CHECK(v->reply_to_n == 1 && v->reply_to == v->from); /* empty counts as absent */
	CHECK_INT(v->to_n, 3);
	check_addr(&v->to[1], "Carol, C.", "carol", "c.test");
	check_addr(&v->to[2], "", "dave", "d.test");
	CHECK_INT(v->cc_n, 4);
	check_addr(&v->cc[0], "", "Friends", "");
	check_addr(&v->cc[2], "", "frank", "f.test");
	check_addr(&v->cc[3], "", "", "");
	CHECK_C(v->in_reply_to, "<zero@b.test>");
	CHECK_C(v->message_id, "<one@a.test>");
	CHECK_C(t->e.references, "minus1@b.test zero@b.test");
	CHECK_C(t->e.preview, "Hello w\xc3\xb6rld .dot --aaa you said");
	free_built(t);
}

static void
a_row_tells_where_the_parts_are(void **state)
{
	struct built *t = new_built(NULL);
	const struct email_part *p;

	(void)state;
	build(t, SAMPLE, 0, 0);
	p = t->e.parts;
	CHECK_INT(t->e.part_count, 6);
	CHECK(p[0].is_multipart && !p[0].envelope);
	CHECK_C(p[0].subtype, "mixed");
	CHECK_INT(p[0].body_at, t->e.header_size);
	CHECK_C(p[1].charset, "iso-8859-1");
	CHECK_C(p[1].encoding, "quoted-printable");
	CHECK_INT(p[1].param_count, 2);
	CHECK_C(p[1].params[2], "format");
	CHECK_C(p[1].params[3], "flowed");
	CHECK_C(body_of(SAMPLE, &p[1]), "> you said\r\nHello=\r\n w=F6rld\r\n.dot\r\n--aaa\r\n");
	CHECK_INT(p[1].lines, 5);
	CHECK(p[2].is_message && p[2].envelope && p[2].depth == 1);
	CHECK_C(p[2].disposition, "attachment");
	CHECK_C(p[2].disposition_params[0], "filename");
	CHECK_C(p[2].disposition_params[1], "r\xc3\xa9sum\xc3\xa9.eml");
	CHECK_C(p[2].envelope->subject, "inside");
	check_addr(&p[2].envelope->from[0], "", "inner", "i.test");
	CHECK_INT(p[2].lines, 14);
	CHECK(p[3].parent == 2 && p[3].depth == 2 && p[3].is_multipart && p[3].header_at == p[2].body_at);
	CHECK(str_ends(body_of(SAMPLE, &p[3]), S("inner epilogue")));
	CHECK(p[4].parent == 3 && p[5].parent == 3);
	CHECK_C(body_of(SAMPLE, &p[4]), "plain");
	CHECK_INT(p[4].lines, 1);
	CHECK_C(p[4].type, "text");
	CHECK_C(p[4].subtype, "plain");
	CHECK_C(body_of(SAMPLE, &p[5]), "<p>html</p>");
	CHECK_C(p[5].id, "<part@i.test>");
	free_built(t);
}

static void
facts_say_what_the_transport_must_know(void **state)
{
	struct built *t = new_built(NULL);
	str id = S("one@a.test"), refs[] = { SC("minus1@b.test"), SC("zero@b.test") };

	(void)state;
	build(t, SAMPLE, 0, 0);
	CHECK_INT(t->facts.size, SAMPLE.n);
	CHECK_INT(t->facts.header_size, t->e.header_size);
	CHECK_INT(t->facts.received_count, 2);
	CHECK_INT(t->facts.delivered_to_count, 1);
	CHECK(t->facts.has_from && t->facts.has_date && t->facts.has_message_id && t->facts.from_count == 1);
	CHECK(t->facts.dot_lines && !t->facts.has_nul && !t->facts.has_bare_cr && !t->facts.has_bare_lf &&
		!t->facts.has_8bit_header);
	CHECK(t->facts.message_id_key == hash_keyed(&key, id));
	CHECK_INT(t->facts.reference_count, 2);
	for (size_t i = 0; i < 2; i++)
		CHECK(t->facts.reference_keys[i] == hash_keyed(&key, refs[i]));
	CHECK_INT(t->facts.longest_line, 70);
	free_built(t);
}

static void
facts_see_every_odd_byte(void **state)
{
	static const struct {
		str in;
		bool nul, cr, lf, eight, dot;
		unsigned lines, longest;
	} cases[] = {
		{ SC(""), 0, 0, 0, 0, 0, 0, 0 },
		{ SC("\r\n"), 0, 0, 0, 0, 0, 1, 0 },
		{ SC("A: b\r\n\r\nbody\r\n"), 0, 0, 0, 0, 0, 3, 4 },
		{ SC("A: b\r\n\r\nbody"), 0, 0, 0, 0, 0, 3, 4 },
		{ SC("A: b\n\r\nbody\r\n"), 0, 0, 1, 0, 0, 3, 4 },
		{ SC("A: b\r\n\r\nbo\rdy\r\n"), 0, 1, 0, 0, 0, 3, 5 },
		{ SC("A: b\r\n\r\nbody\r\r\n"), 0, 1, 0, 0, 0, 3, 5 },
		{ SC("A: b\r\n\r\nbody\r"), 0, 1, 0, 0, 0, 3, 5 },
		{ SC("A: b\r\n\r\n\r\rx"), 0, 1, 0, 0, 0, 3, 4 },
		{ SC("A: b\r\n\r\nbo\0dy\r\n"), 1, 0, 0, 0, 0, 3, 5 },
		{ SC("A: \xff\r\n\r\nbody\r\n"), 0, 0, 0, 1, 0, 3, 4 },
		{ SC("A: b\r\n\r\n\xff\r\n"), 0, 0, 0, 0, 0, 3, 4 },
		{ SC("A: b\r\n\r\nx.\r\n..\r\n"), 0, 0, 0, 0, 1, 4, 4 },
		{ SC("A: b\r\n\r\nx.\r\n.\n"), 0, 0, 1, 0, 1, 4, 4 },
	};
	struct built *t = new_built(NULL);

	(void)state;
	EACH(cases, c)
		for (size_t step = 0; step < 4; step++) {
			build(t, c->in, 0, step);
			CHECK(t->facts.has_nul == c->nul && t->facts.has_bare_cr == c->cr &&
				t->facts.has_bare_lf == c->lf);
			CHECK(t->facts.has_8bit_header == c->eight && t->facts.dot_lines == c->dot);
			CHECK_INT(t->facts.lines, c->lines);
			CHECK_INT(t->facts.longest_line, c->longest);
		}
	free_built(t);
}

/* ---- pieces ---- */

static void
check_same_in_pieces(struct built *whole, struct built *cut, str message, size_t head, size_t step)
{
	build(cut, message, head, step);
	CHECK_STR(buf_str(&cut->row), buf_str(&whole->row));
	CHECK(memcmp(&cut->facts.lines, &whole->facts.lines, sizeof(uint64_t)) == 0);
	CHECK(cut->facts.size == whole->facts.size && cut->facts.header_size == whole->facts.header_size);
	CHECK(cut->facts.longest_line == whole->facts.longest_line &&
		cut->facts.dot_lines == whole->facts.dot_lines);
	CHECK(cut->facts.has_bare_cr == whole->facts.has_bare_cr &&
		cut->facts.has_bare_lf == whole->facts.has_bare_lf);
	CHECK(cut->facts.has_nul == whole->facts.has_nul &&
		cut->facts.has_8bit_header == whole->facts.has_8bit_header);
}

static void
the_row_does_not_depend_on_how_the_message_is_cut(void **state)
{
	static const str messages[] = {
		{ sample, sizeof(sample) - 1 },
		SC(""),
		SC("\n"),
		SC("Subject: x"),
		SC("Subject: x\r"),
		SC("Content-Type: multipart/mixed; boundary=x\n\n--x\n\n.\n--x\r\n--x--"),
		SC("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n--x\r\n"),
		SC("Content-Type: multipart/mixed; boundary=x\r\n--x\r\nContent-Type: "
		   "text/plain\r\n--x\r\n\r\n--x"),
		SC("Content-Type: message/rfc822\r\n\r\nSubject: a\r\nContent-Type: "
		   "message/rfc822\r\n\r\nSubject: b\r\n\r\nc"),
		SC("A: b\r\r\n\r\r\n\r\n\r-\r\n--\r\n-"),
	};
	struct built *whole = new_built(NULL), *cut = new_built(NULL);

	(void)state;
	EACH(messages, m) {
		build(whole, *m, 0, 0);
		for (size_t at = 0; at <= m->n; at++)
			check_same_in_pieces(whole, cut, *m, at, 0);
		for (size_t step = 1; step < 8; step++)
			check_same_in_pieces(whole, cut, *m, 0, step);
	}
	free_built(whole);
	free_built(cut);
}

/* ---- structure ---- */

/* Types, depths and bodies of all parts, as one text. */
static str
tree_of(struct built *t, str message)
{
	struct buf b = { 0 };
	str got;

	for (size_t i = 0; i < t->e.part_count; i++) {
		const struct email_part *p = &t->e.parts[i];

		buf_printf(&b, "%u%s/%.*s{%.*s}%u ", p->depth,
			p->is_multipart ? "M"
			: p->is_message ? "R"
					: "",
			STR_ARG(p->subtype), p->is_multipart || p->is_message ? 0 : (int)p->body_size,
			message.p + p->body_at, (unsigned)p->lines);
	}
	got = arena_str(&t->arena, buf_str(&b));
	buf_done(&b);
	return got;
}

#define MIXED "Content-Type: multipart/mixed; boundary=a\r\n\r\n"

static void
delimiters_are_whole_lines_of_open_multiparts(void **state)
{
	static const struct {
		str in;
		const char *tree;
	} cases[] = {
		{ SC("\r\nhi\r\n"), "0/plain{hi\r\n}1 " },
		{ SC(""), "0/plain{}0 " },
		{ SC("Content-Type: text\r\n\r\nx"), "0/plain{x}1 " },
		{ SC(MIXED "--a\r\n\r\none\r\n--a--\r\n"), "0M/mixed{}0 1/plain{one}1 " },
		{ SC(MIXED "--a\r\n\r\none\r\n\r\n--a\r\n\r\ntwo"),
			"0M/mixed{}0 1/plain{one\r\n}1 1/plain{two}1 " },
		{ SC(MIXED "--a \t\r\n\r\none\r\n--a-- \r\n--a\r\n\r\nno"), "0M/mixed{}0 1/plain{one}1 " },
		{ SC(MIXED "--aa\r\n\r\none\r\n--a-\r\n-a\r\n--ab--\r\n --a\r\n"), "0M/mixed{}0 " },
		{ SC(MIXED "--a\r\n--a\r\n\r\n--a\r\n\r\n\r\n--a\r\nX: y\r\n--a--"),
			"0M/mixed{}0 1/plain{}0 1/plain{}0 1/plain{}0 1/plain{}0 " },
		/* inner boundaries that begin like outer ones, and end where outer ones go on */
		{ SC(MIXED "--a\r\nContent-Type: multipart/x; "
			   "boundary=aa\r\n\r\n--aa\r\n\r\none\r\n--a\r\n\r\ntwo\r\n--aa\r\n--a--"),
			"0M/mixed{}0 1M/x{}0 2/plain{one}1 1/plain{two\r\n--aa}2 " },
		{ SC(MIXED "--a\r\nContent-Type: multipart/x; "
			   "boundary=a--\r\n\r\n--a--\r\n\r\none\r\n--a----\r\n--a\r\n\r\ntwo"),
			"0M/mixed{}0 1M/x{}0 2/plain{one}1 1/plain{two}1 " },
		{ SC(MIXED "--a\r\nContent-Type: multipart/x; "
			   "boundary=a\r\n\r\n--a\r\n\r\none\r\n--a--\r\n--a\r\n\r\ntwo\r\n--a--"),
			"0M/mixed{}0 1M/x{}0 2/plain{one}1 1/plain{two}1 " },
		{ SC("Content-Type: multipart/mixed\r\n\r\n--a\r\n"), "0/mixed{--a\r\n}0 " },
		{ SC("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n"), "0/mixed{--\r\n}0 " },
		{ SC("Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: "
		     "x\r\n\r\nhi\r\n--a\r\nContent-Type: text/plain\r\n\r\nyo"),
			"0M/digest{}0 1R/rfc822{}3 2/plain{hi}1 1/plain{yo}1 " },
		{ SC(MIXED "--a\r\nContent-Type: message/rfc822\r\n--a--"),
			"0M/mixed{}0 1R/rfc822{}0 2/plain{}0 " },
		{ SC("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "
		     "base64\r\n\r\nRnJvbTogYUBi\r\n"),
			"0/rfc822{RnJvbTogYUBi\r\n}0 " },
		{ SC("Content-Type: MULTIPART/Mixed;\r\n\tBOUNDARY=\"a b  \"\r\n\r\n--a b\r\n\r\none\n--a "
		     "b--\n"),
			"0M/mixed{}0 1/plain{one}1 " },
	};
	struct built *t = new_built(NULL);

	(void)state;
	EACH(cases, c) {
		build(t, c->in, 0, 0);
		CHECK_C(tree_of(t, c->in), c->tree);
	}
	free_built(t);
}

/* ---- limits ---- */

static void
add_times(struct buf *b, str s, size_t times)
{
	while (times-- > 0)
		buf_add(b, s);
}

static void
check_within(const struct email *e)
{
	for (size_t i = 1; i < e->part_count; i++) {
		const struct email_part *p = &e->parts[i], *q = &e->parts[p->parent];

		CHECK(p->parent < i && p->depth == q->depth + 1);
		CHECK(p->header_at >= q->body_at && p->body_at >= p->header_at);
		CHECK(p->body_at + p->body_size <= q->body_at + q->body_size);
	}
	CHECK(e->parts[0].body_at + e->parts[0].body_size == e->size);
}

static void
what_is_beyond_a_limit_belongs_to_the_last_part(void **state)
{
	struct email_limits limits = { .parts = 4, .depth = 2 };
	struct built *t = new_built(&limits);
	str many = S(MIXED "--a\r\n\r\n1\r\n--a\r\n\r\n2\r\n--a\r\n\r\n3\r\n--a\r\n\r\n4\r\n--a--\r\n");
	str deep = S(MIXED "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
			   "multipart/mixed; boundary=c\r\n\r\n"
			   "--c\r\n\r\nx\r\n--b--\r\n--a--\r\n");

	(void)state;
	build(t, many, 0, 0);
	CHECK_INT(t->e.part_count, 4);
	CHECK_C(body_of(many, &t->e.parts[3]), "3\r\n--a\r\n\r\n4\r\n--a--\r\n");
	check_within(&t->e);
	build(t, deep, 0, 0);
	CHECK_INT(t->e.part_count, 3);
	CHECK(!t->e.parts[2].is_multipart);
	CHECK_C(body_of(deep, &t->e.parts[2]), "--c\r\n\r\nx");
	free_built(t);
}

static void
bombs_leave_small_rows(void **state)
{
	struct built *t = new_built(NULL);
	struct buf m = { 0 };

	(void)state;
	/* 10^6 empty parts */
	buf_add(&m, S(MIXED));
	add_times(&m, S("--a\r\n\r\n"), 1000000);
	build(t, buf_str(&m), 0, 0);
	CHECK_INT(t->e.part_count, 1000);
	CHECK(t->row.n < 64 * 1024);
	check_within(&t->e);
	/* nested messages and multiparts */
	buf_clear(&m);
	add_times(&m, S("Content-Type: message/rfc822\r\n\r\n"), 100000);
	build(t, buf_str(&m), 0, 0);
	CHECK_INT(t->e.part_count, 51);
	check_within(&t->e);
	buf_clear(&m);
	for (int i = 0; i < 10000; i++)
		buf_printf(&m, "Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n", i, i);
	build(t, buf_str(&m), 0, 0);
	CHECK_INT(t->e.part_count, 51);
	check_within(&t->e);
	/* parts with much to say each */
	buf_clear(&m);
	buf_add(&m, S(MIXED));
	for (int i = 0; i < 2000; i++) {
		buf_add(&m, S("--a\r\nContent-Type: application/octet-stream; name=\""));
		add_times(&m, S("n"), 3000);
		buf_add(&m, S("\"\r\n\r\nx\r\n"));
	}
	build(t, buf_str(&m), 0, 0);
	CHECK(t->e.part_count > 20);
	CHECK(t->row.n <= 64 * 1024);
	check_within(&t->e);
	free_built(t);
	buf_done(&m);
}

static void
floods_in_a_header_are_cut_to_the_row(void **state)
{
	static const struct {
		str field, item;
	} floods[] = {
		{ SC("To: "), SC("a@b.test, ") },
		{ SC("To: "), SC("group: a@b.test, c@d.test; ") },
		{ SC("From: "), SC("\"") },
		{ SC("From: "), SC("(") },
		{ SC("From: "), SC("<@") },
		{ SC("From: "), SC("a b <") },
		{ SC("From: "), SC("[") },
		{ SC("From: "), SC("\\\"") },
		{ SC("Cc: "), SC("x@") },
		{ SC("Cc: "), SC("x y z@a ") },
		{ SC("Subject: "), SC("=?utf-8?q?=C3=BC?= ") },
		{ SC("Subject: "), SC("=?utf-8?q?") },
		{ SC("Subject: "), SC("=?=?") },
		{ SC("Subject: "), SC("[a]") },
		{ SC("Subject: "), SC("re:") },
		{ SC("Subject: "), SC("[fwd:") },
		{ SC("Subject: "), SC("=?iso-2022-jp?b?GyRC/w==?= =?koi8-r?b?/w==?= ") },
		{ SC("References: "), SC("<a@b>\r\n ") },
		{ SC("References: "), SC("<") },
		{ SC("Content-Type: text/plain; "), SC("x*0*=a; x*1=b; ") },
		{ SC("Content-Type: text/plain; "), SC("a=\"b\\") },
		{ SC("Content-Type: text/plain; "), SC("=") },
		{ SC("Content-Type: text/plain "), SC("(") },
		{ SC("Date: "), SC("(") },
		{ SC("Date: "), SC("1 ") },
		{ SC("To: x@y.test\r\n"), SC("To: x@y.test\r\n") },
		{ SC("X"), SC(":\r\n ") },
		{ SC("Message-ID: <"), SC("<< ") },
	};
	struct email_limits wide = { .header_bytes = 4 << 20 };
	struct built *t = new_built(&wide);
	struct buf m = { 0 };

	(void)state;
	EACH(floods, f) {
		buf_clear(&m);
		buf_add(&m, f->field);
		add_times(&m, f->item, 1000000 / f->item.n);
		buf_add(&m, S("\r\n\r\nbody\r\n"));
		build(t, buf_str(&m), 0, 0);
		CHECK(t->row.n <= 64 * 1024);
		CHECK_C(t->e.preview, "body");
		check_within(&t->e);
	}
	free_built(t);
	buf_done(&m);
}

static void
a_small_row_keeps_what_matters_most(void **state)
{
	struct built *t = new_built(&(struct email_limits){ .row_bytes = 1024 });
	struct buf m = { 0 };

	(void)state;
	buf_add(&m, S("From: a@b.test\r\nSubject: short\r\nReferences:"));
	add_times(&m, S(" <reference@thread.test>"), 500);
	buf_add(&m, S("\r\nTo: Group: "));
	add_times(&m, S("somebody@example.test, "), 500);
	buf_add(&m, S("\r\nMessage-ID: <id@b.test>\r\n\r\n"));
	add_times(&m, S("word "), 100);
	build(t, buf_str(&m), 0, 0);
	CHECK(t->row.n <= 1024);
	CHECK_C(t->e.envelope.subject, "short");
	CHECK_C(t->e.subject_base, "short");
	CHECK_C(t->e.envelope.message_id, "<id@b.test>");
	CHECK(t->e.envelope.to_n > 3 && t->e.envelope.to_n < 100);
	check_addr(&t->e.envelope.to[t->e.envelope.to_n - 1], "", "", ""); /* the group still ends */
	CHECK(str_ends(t->e.references, S("reference@thread.test")));
	CHECK_INT(t->facts.reference_count, 31);
	free_built(t);
	buf_done(&m);
}

static void
what_stands_beyond_the_header_limit_is_not_read(void **state)
{
	struct built *t = new_built(&(struct email_limits){ .header_bytes = 64 });
	struct buf m = { 0 };

	(void)state;
	buf_add(&m, S("Subject: seen\r\nX: "));
	add_times(&m, S("x"), 5000);
	buf_add(&m, S("\r\nFrom: late@b.test\r\n\r\nbody\r\n"));
	build(t, buf_str(&m), 0, 0);
	CHECK_C(t->e.envelope.subject, "seen");
	CHECK(!t->facts.has_from);
	CHECK_INT(t->e.header_size, m.n - 6);
	CHECK_C(t->e.preview, "body");
	free_built(t);
	buf_done(&m);
}

/* ---- strings ---- */

static void
no_string_of_a_row_can_end_a_line(void **state)
{
	str in = S("Subject: a\r\n\tb\0c\rd\r\n"
		   "From: =?utf-8?q?x=0D=0A=00y?= <\"q\r\n r\"@b.test>\r\n"
		   "Date: \r\n x\r\n"
		   "Content-Type: \"text\r\n x\"/plain; name=\"a\r\n b\0\"; x*=%0D%0A\r\n"
		   "Content-Transfer-Encoding: \"a\r\n b\"\r\n"
		   "Content-Description: a\r\n b\r\n"
		   "Message-ID: <a\r\n b@c>\r\n\r\n=?\r\n");
	struct built *t = new_built(NULL);

	(void)state;
	build(t, in, 0, 0); /* reading would refuse a row with NUL, CR or LF in a string */
	CHECK_C(t->e.envelope.subject, "a\tbc d");
	check_addr(&t->e.envelope.from[0], "x   y", "q r", "b.test");
	CHECK_C(t->e.parts[0].description, "a b");
	free_built(t);
}

static void
eight_bit_junk_becomes_utf8_where_utf8_is_promised(void **state)
{
	str in = S("From: J\xf6rg <j@b.test>\r\nTo: \"\xc3\xa9\" <\xff@\xfe>\r\nSubject: Gr\xfc\xdf"
		   "e\r\n"
		   "Content-Type: text/plain; name=\xe9; charset=iso-8859-1\r\n\r\nna\xefve\r\n");
	struct built *t = new_built(NULL);

	(void)state;
	build(t, in, 0, 0);
	CHECK(t->facts.has_8bit_header);
	check_addr(&t->e.envelope.from[0], "J\xc3\xb6rg", "j", "b.test");
	check_addr(&t->e.envelope.to[0], "\xc3\xa9", "\xc3\xbf", "\xc3\xbe");
	CHECK_C(t->e.envelope.subject, "Gr\xfc\xdf"
				       "e"); /* raw */
	CHECK_C(t->e.subject_base, "Gr\xc3\xbc\xc3\x9f"
				   "e");
	CHECK_C(t->e.parts[0].params[1], "\xc3\xa9");
	CHECK_C(t->e.preview, "na\xc3\xafve");
	free_built(t);
}

/* ---- rows ---- */

static void
a_row_that_is_not_whole_is_refused(void **state)
{
	struct built *t = new_built(NULL);
	struct email e;

	(void)state;
	build(t, SAMPLE, 0, 0);
	for (size_t n = 0; n < t->row.n; n++) {
		char *exact = mem_new(n + 1);

		memcpy(exact, t->row.p, n);
		CHECK_INT(email_row_read(&t->arena, str_of(exact, n), &e), MALFORMED);
		free(exact);
	}
	buf_add_char(&t->row, 'x');
	CHECK_INT(email_row_read(&t->arena, buf_str(&t->row), &e), MALFORMED);
	t->row.n--;
	t->row.p[0] = 2;
	CHECK_INT(email_row_read(&t->arena, buf_str(&t->row), &e), MALFORMED);
	free_built(t);
}

static void
a_builder_can_be_used_again(void **state)
{
	struct built *fresh = new_built(NULL), *used = new_built(NULL);

	(void)state;
	build(fresh, SAMPLE, 0, 0);
	build(used,
		S("Subject: other\r\nReferences: <x@y>\r\nReceived: x\r\n" MIXED
		  "--a\r\nContent-Type: message/rfc822\r\n\r\n"),
		0, 0);
	build(used, SAMPLE, 0, 0);
	CHECK_STR(buf_str(&used->row), buf_str(&fresh->row));
	CHECK_INT(used->facts.received_count, 2);
	CHECK_INT(used->facts.reference_count, 2);
	free_built(fresh);
	free_built(used);
	email_builder_free(NULL);
}

T_MAIN(T(a_row_tells_envelope_threads_and_preview), T(a_row_tells_where_the_parts_are),
	T(facts_say_what_the_transport_must_know), T(facts_see_every_odd_byte),
	T(the_row_does_not_depend_on_how_the_message_is_cut),
	T(delimiters_are_whole_lines_of_open_multiparts), T(what_is_beyond_a_limit_belongs_to_the_last_part),
	T(bombs_leave_small_rows), T(floods_in_a_header_are_cut_to_the_row),
	T(a_small_row_keeps_what_matters_most), T(what_stands_beyond_the_header_limit_is_not_read),
	T(no_string_of_a_row_can_end_a_line), T(eight_bit_junk_becomes_utf8_where_utf8_is_promised),
	T(a_row_that_is_not_whole_is_refused), T(a_builder_can_be_used_again))
