#include "mail/mend.h"

#include "base/mem.h"
#include "test/t.h"

/* ---- where the header ends ---- */

static const struct {
	const char *block;
	int end, strict_end; /* -1: it has not come */
} ends[] = {
	{ "", -1, -1 },
	{ "A: b\r\n", -1, -1 },
	{ "A: b\r\n\r\nbody\r\n", 6, 6 },
	{ "\r\nbody\r\n", 0, 0 },
	{ "\nbody\n", 0, 0 },
	{ "A: b\n\nbody", 5, 5 },
	{ "A: b\r\n fold\r\n\r\n", 13, 13 },
	{ "A: b\r\nno field\r\n\r\n", 16, 6 },
	{ "A : b\r\nB:c\r\n\r\n", 12, 12 },
	{ "hello\r\nthere\r\n", -1, 0 },
	{ " blank first\r\n\r\n", 14, 0 },
	{ ": no name\r\n\r\n", 11, 0 },
	{ "A: b\r\n\r", -1, -1 },
};

static void
a_header_ends_at_the_empty_line_however_it_is_cut(void **state)
{
	(void)state;
	EACH(ends, c) {
		str whole = str_c(c->block);

		for (int strict = 0; strict < 2; strict++) {
			int want = strict ? c->strict_end : c->end;

			for (size_t step = 1; step <= whole.n + 1; step++) {
				size_t at = 0, end = 0, upto = 0;
				bool ended = false;

				while (!ended && upto < whole.n) {
					upto = MIN(upto + step, whole.n);
					ended = mend_find_end(
						str_sub(whole, 0, upto), strict, false, &at, &end);
				}
				CHECK_INT(ended ? (int)end : -1, want);
				if (!ended) {
					CHECK(mend_find_end(whole, strict, true, &at, &end));
					CHECK(end <= whole.n);
				}
			}
		}
	}
}

/* ---- what is in it ---- */

static const str dropped[] = { SC("bcc"), SC("content-length"), SC("resent-bcc"), SC("return-path") };

static void
fields_are_counted_in_any_spelling(void **state)
{
	struct mend_facts f;

	(void)state;
	mend_look(S("FROM: a@b.test\r\nfrom : <c@d.test>,\r\n e@f.test\r\nX-From: no\r\nSender: "
		    "s@t.test\r\nDate: now\r\n"
		    "message-ID: <1@b>\r\nResent-From: r@t.test\r\nResent-Sender: q@t.test\r\n"),
		dropped, COUNT(dropped), &f);
	CHECK_INT(f.from_count, 2);
	CHECK_C(f.from[0], "a@b.test");
	CHECK_C(f.from[1], "<c@d.test>,\r\n e@f.test");
	CHECK_INT(f.sender_count, 1);
	CHECK_C(f.sender, "s@t.test");
	CHECK_INT(f.date_count, 1);
	CHECK_INT(f.id_count, 1);
	CHECK_INT(f.resent_from_count, 2);
	CHECK_C(f.resent[1], "q@t.test");
	CHECK(!f.drops);
	mend_look(S("To: x\r\nBCC: y\r\n"), dropped, COUNT(dropped), &f);
	CHECK(f.drops);
	CHECK_INT(f.from_count, 0);
}

static const struct {
	const char *header, *add, *want;
	bool drop_sender;
} changes[] = {
	{ "From: a\r\nBcc: b,\r\n c\r\nTo: d\r\n", "", "From: a\r\nTo: d\r\n", false },
	{ "Bcc: b\r\n", "Date: x\r\n", "Date: x\r\n", false },
	{ "Bcc : b\r\nA: b\r\nReturn-Path: <x>\r\nreturn-path: <y>\r\nB: c\r\nD: e\r\n", "",
		"A: b\r\nB: c\r\nD: e\r\n", false },
	{ "From: a", "Date: x\r\n", "Date: x\r\nFrom: a", false },
	{ "Received: x\r\n y\r\nreceived: z\r\nFrom: a\r\n", "Date: x\r\n",
		"Received: x\r\n y\r\nreceived: z\r\nDate: x\r\nFrom: a\r\n", false },
	{ "Received: x", "Date: x\r\n", "Received: x\r\nDate: x\r\n", false },
	{ "", "Date: x\r\n", "Date: x\r\n", false },
	{ "Sender: a\r\nFrom: b\r\nSender: c\r\n", "Sender: d\r\n", "Sender: d\r\nFrom: b\r\n", true },
	{ "Sender: a\r\n", "", "Sender: a\r\n", false },
	{ "Subject: Bcc:\r\nX-Bcc: b\r\nBcc2: c\r\n", "", "Subject: Bcc:\r\nX-Bcc: b\r\nBcc2: c\r\n", false },
};

static void
fields_go_and_fields_come(void **state)
{
	(void)state;
	EACH(changes, c) {
		struct mend_change change = { dropped, COUNT(dropped), c->drop_sender, str_c(c->add), false };
		struct buf b = { 0 };

		mend_write(&b, str_c(c->header), &change);
		CHECK_STR(buf_str(&b), str_c(c->want));
		change.gap = true;
		buf_clear(&b);
		mend_write(&b, str_c(c->header), &change);
		CHECK(str_ends(buf_str(&b), S("\n\r\n")));
		buf_done(&b);
	}
}

/* ---- long lines ---- */

static const struct {
	const char *in, *want;
} lines[] = {
	/* at most ten octets */
	{ "short\r\n", "short\r\n" },
	{ "0123456789\r\n", "0123456789\r\n" },
	{ "0123456789a\r\n", "0123456789\r\n a\r\n" },
	{ "0123456789abcdefghijklm\r\nx\r\n", "0123456789\r\n abcdefghi\r\n jklm\r\nx\r\n" },
	{ "012345678\xc3\xbc\r\n", "012345678\r\n \xc3\xbc\r\n" },
	{ "0123456789", "0123456789" },
	{ "0123456789\n", "0123456789\n" },
};

static void
long_lines_are_broken_however_they_are_cut(void **state)
{
	(void)state;
	EACH(lines, c) {
		str whole = str_c(c->in);

		for (size_t step = 1; step <= whole.n; step++) {
			struct mend_lines l = { .limit = 10 };
			struct buf b = { 0 };
			bool needed = false, broke = false;

			for (size_t at = 0; at < whole.n; at += step) {
				needed |= mend_lines_needed(&l, str_sub(whole, at, step));
				broke |= mend_lines(&l, &b, str_sub(whole, at, step));
			}
			CHECK(needed == broke);
			if (step == whole.n || whole.n < 12)
				CHECK_STR(buf_str(&b), str_c(c->want));
			for (str rest = buf_str(&b), line; str_take_until(&rest, '\n', &line);)
				CHECK(line.n <= 11 + 3); /* CR, and a character that a cut would have split */
			buf_done(&b);
		}
	}
}

T_MAIN(T(a_header_ends_at_the_empty_line_however_it_is_cut), T(fields_are_counted_in_any_spelling),
	T(fields_go_and_fields_come), T(long_lines_are_broken_however_they_are_cut))
