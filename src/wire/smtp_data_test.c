#include "wire/smtp.h"

#include "base/buf.h"

#include "test/t.h"

struct outcome {
	bool ended;
	size_t used; /* octets of the input taken, over all pieces */
	struct smtp_data d;
	struct buf out;
};

/* Feeds in as pieces that end at the given places, until the end of data is found. */
static struct outcome
feed(str in, const size_t *ends, size_t count)
{
	struct outcome o = { 0 };
	size_t at = 0;

	smtp_data_init(&o.d);
	for (size_t i = 0; i < count && !o.ended; i++) {
		/* a copy of its own: reading past a piece is seen by the sanitizer */
		size_t n = ends[i] - at, used = 0;
		char *piece = malloc(n ? n : 1);

		memcpy(piece, in.p + at, n);
		o.ended = smtp_data_feed(&o.d, str_of(piece, n), &o.out, &used);
		CHECK(used <= n && (o.ended || used == n));
		o.used += used;
		at += n;
		free(piece);
	}
	return o;
}

static struct outcome
feed_whole(str in)
{
	return feed(in, &(size_t){ in.n }, 1);
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
	CHECK(a->ended == b->ended);
	CHECK_INT(a->used, b->used);
	CHECK_STR(buf_str(&a->out), buf_str(&b->out));
	CHECK_INT(a->d.taken, b->d.taken);
	CHECK(a->d.bare_cr == b->d.bare_cr && a->d.bare_lf == b->d.bare_lf && a->d.nul == b->d.nul);
}

/* Whole, split in two at every place, split in three at every pair of places, and octet by octet: always the same. */
static void
check_every_split(str in, const struct outcome *whole)
{
	size_t each[64];
	struct outcome o;

	assert_true(in.n <= 64);
	for (size_t i = 0; i <= in.n; i++)
		for (size_t j = i; j <= in.n; j++) {
			o = feed(in, (size_t[]){ i, j, in.n }, 3);
			check_same(&o, whole);
			buf_done(&o.out);
		}
	for (size_t i = 0; i < in.n; i++)
		each[i] = i + 1;
	o = feed(in, each, in.n);
	check_same(&o, whole);
	buf_done(&o.out);
}

enum { CR = 1, LF = 2, NUL = 4 };
struct one_case {
	str in;
	bool ended;
	str message, rest;
	unsigned bare;
};

static void
check_cases(const struct one_case *cases, size_t count)
{
	for (const struct one_case *c = cases; c < cases + count; c++) {
		struct outcome o = feed_whole(c->in);

		CHECK(o.ended == c->ended);
		CHECK_STR(buf_str(&o.out), c->message);
		CHECK_STR(str_from(c->in, o.used), c->rest);
		CHECK_INT(o.d.taken, c->message.n);
		CHECK_INT((o.d.bare_cr ? CR : 0) | (o.d.bare_lf ? LF : 0) | (o.d.nul ? NUL : 0), c->bare);
		check_every_split(c->in, &o);
		buf_done(&o.out);
	}
}
#define CHECK_CASES(cases) check_cases((cases), sizeof(cases) / sizeof((cases)[0]))

static void
a_dot_on_a_line_of_its_own_ends_the_data(void **state)
{
	static const struct one_case cases[] = {
		{ SC(".\r\n"), true, SC(""), SC(""), 0 },
		{ SC(".\r\nQUIT\r\n"), true, SC(""), SC("QUIT\r\n"), 0 },
		{ SC("a\r\n.\r\n"), true, SC("a\r\n"), SC(""), 0 },
		{ SC("\r\n.\r\n.\r\n"), true, SC("\r\n"), SC(".\r\n"), 0 },
		{ SC("a: b\r\n\r\nc\r\n.\r\nMAIL"), true, SC("a: b\r\n\r\nc\r\n"), SC("MAIL"), 0 },
		{ SC("a\r\n."), false, SC("a\r\n"), SC(""), 0 },
		{ SC("a\r\n.\r"), false, SC("a\r\n"), SC(""), 0 },
		{ SC("a."), false, SC("a."), SC(""), 0 },
		{ SC("a.\r\n"), false, SC("a.\r\n"), SC(""), 0 },
	};
	(void)state;
	CHECK_CASES(cases);
}

static void
stuffed_dots_are_taken_off_and_no_others(void **state)
{
	static const struct one_case cases[] = {
		{ SC("..\r\n.\r\n"), true, SC(".\r\n"), SC(""), 0 },
		{ SC("...\r\n.\r\n"), true, SC("..\r\n"), SC(""), 0 },
		{ SC(".a\r\n.\r\n"), true, SC("a\r\n"), SC(""), 0 },
		{ SC("a\r\n..b\r\nc.\r\n .\r\n.\r\n"), true, SC("a\r\n.b\r\nc.\r\n .\r\n"), SC(""), 0 },
		{ SC("a\r\n. \r\n.\r\n"), true, SC("a\r\n \r\n"), SC(""), 0 },
		{ SC("a\r\n..\r\n..\r\n.\r\n"), true, SC("a\r\n.\r\n.\r\n"), SC(""), 0 },
	};
	(void)state;
	CHECK_CASES(cases);
}

/* CVE-2023-51764 and kin. Each is followed by a true end, so that the forged one would be seen as a shorter message. */
static void
nothing_but_crlf_dot_crlf_ends_the_data(void **state)
{
	static const struct one_case cases[] = {
		{ SC("a\n.\nb\r\n.\r\n"), true, SC("a\n.\nb\r\n"), SC(""), LF },
		{ SC("a\n.\r\nb\r\n.\r\n"), true, SC("a\n.\r\nb\r\n"), SC(""), LF },
		{ SC("a\r\n.\nb\r\n.\r\n"), true, SC("a\r\n\nb\r\n"), SC(""), LF },
		{ SC("a\r.\rb\r\n.\r\n"), true, SC("a\r.\rb\r\n"), SC(""), CR },
		{ SC("a\r.\r\nb\r\n.\r\n"), true, SC("a\r.\r\nb\r\n"), SC(""), CR },
		{ SC("a\r\n.\rb\r\n.\r\n"), true, SC("a\r\n\rb\r\n"), SC(""), CR },
		{ SC("a\n.\rb\r\n.\r\n"), true, SC("a\n.\rb\r\n"), SC(""), CR | LF },
		{ SC("a\r\n\0.\r\nb\r\n.\r\n"), true, SC("a\r\n\0.\r\nb\r\n"), SC(""), NUL },
		{ SC("a\r\n.\0\r\nb\r\n.\r\n"), true, SC("a\r\n\0\r\nb\r\n"), SC(""), NUL },
		{ SC("a\r\r\n.\r\nb"), true, SC("a\r\r\n"), SC("b"), CR },
		{ SC("a\r\n.\r\r\nb\r\n.\r\n"), true, SC("a\r\n\r\r\nb\r\n"), SC(""), CR },
		{ SC("a\r\n.\r\rb"), false, SC("a\r\n\r\rb"), SC(""), CR },
		{ SC("a\n\r.\r\nb\r\n.\r\n"), true, SC("a\n\r.\r\nb\r\n"), SC(""), CR | LF },
		{ SC("a\r\n\n.\r\nb\r\n.\r\n"), true, SC("a\r\n\n.\r\nb\r\n"), SC(""), LF },
		{ SC("\n.\r\n\r\n.\r\n"), true, SC("\n.\r\n\r\n"), SC(""), LF },
		{ SC("\r.\r\n\r\n.\r\n"), true, SC("\r.\r\n\r\n"), SC(""), CR },
	};
	(void)state;
	CHECK_CASES(cases);
}

static void
what_follows_the_end_is_not_looked_at(void **state)
{
	struct outcome o = feed_whole(S("a\r\n.\r\n\0\n\r"));

	(void)state;
	CHECK(o.ended && !o.d.nul && !o.d.bare_lf && !o.d.bare_cr);
	buf_done(&o.out);
}

static void
long_lines_and_long_runs_of_bare_ends_are_kept_whole(void **state)
{
	static const char fills[] = { 'x', '\n', '\r', '.', '\0' };

	(void)state;
	EACH(fills, fill) {
		struct buf in = { 0 };
		struct outcome o;

		buf_add(&in, S("x"));
		for (int i = 0; i < 5000; i++)
			buf_add_char(&in, *fill);
		buf_add(&in, S("x\r\n.\r\n"));
		o = feed_whole(buf_str(&in));
		CHECK(o.ended);
		CHECK_STR(buf_str(&o.out), str_sub(buf_str(&in), 0, in.n - 3));
		buf_done(&o.out);
		buf_done(&in);
	}
}

static void
a_message_over_the_limit_is_read_to_its_end(void **state)
{
	struct smtp_data d;
	struct buf out;
	size_t used;
	str in = S("0123456789\r\n0123456789\r\n.\r\nRSET\r\n");

	(void)state;
	buf_init(&out, 8);
	smtp_data_init(&d);
	CHECK(smtp_data_feed(&d, in, &out, &used));
	CHECK(out.full);
	CHECK_INT(d.taken, 24);
	CHECK_STR(str_from(in, used), S("RSET\r\n"));
	buf_done(&out);
}

static void
stuffing_adds_dots_and_makes_every_line_end_crlf(void **state)
{
	static const struct {
		str in, want;
	} cases[] = {
		{ SC(""), SC(".\r\n") },
		{ SC("a\r\n"), SC("a\r\n.\r\n") },
		{ SC("a"), SC("a\r\n.\r\n") },
		{ SC(".\r\n"), SC("..\r\n.\r\n") },
		{ SC("."), SC("..\r\n.\r\n") },
		{ SC("a\r\n.b\r\n..c\r\n"), SC("a\r\n..b\r\n...c\r\n.\r\n") },
		{ SC("a\n.b\n"), SC("a\r\n..b\r\n.\r\n") },
		{ SC("a\r.b\r"), SC("a\r\n..b\r\n.\r\n") },
		{ SC("a\n.\nb"), SC("a\r\n..\r\nb\r\n.\r\n") },
		{ SC("a\r\r\n.\r\n"), SC("a\r\n\r\n..\r\n.\r\n") },
		{ SC("a\n\r.b"), SC("a\r\n\r\n..b\r\n.\r\n") },
		{ SC("\r\n\r\n"), SC("\r\n\r\n.\r\n") },
		{ SC("a\0.\r\n"), SC("a\0.\r\n.\r\n") },
	};
	(void)state;
	EACH(cases, c) {
		struct buf b = { 0 };

		smtp_data_stuff(&b, c->in);
		CHECK_STR(buf_str(&b), c->want);
		buf_done(&b);
	}
}

T_MAIN(T(a_dot_on_a_line_of_its_own_ends_the_data), T(stuffed_dots_are_taken_off_and_no_others),
	T(nothing_but_crlf_dot_crlf_ends_the_data), T(what_follows_the_end_is_not_looked_at),
	T(long_lines_and_long_runs_of_bare_ends_are_kept_whole),
	T(a_message_over_the_limit_is_read_to_its_end), T(stuffing_adds_dots_and_makes_every_line_end_crlf))
