#include "mail/mbox.h"

#include "base/mem.h"
#include "test/t.h"

/* 2026-11-23 22:12:00 UTC */
#define FROM "From ann@a.test Mon Nov 23 22:12:00 2026\n"
enum { SECOND = 1000 };
static const int64_t when_ms = 1795471920000;

static const struct {
	const char *line;
	bool is_from;
	int64_t date_ms;
} from_lines[] = {
	{ "From ann@a.test Mon Nov 23 22:12:00 2026", true, 1795471920000 },
	{ "From ann@a.test  Mon Nov  3 22:12:00 2026", true, 1793743920000 },
	{ "From - Mon Nov 23 22:12:00 2026", true, 1795471920000 },
	{ "From MAILER-DAEMON Mon Nov 23 22:12:00 2026", true, 1795471920000 },
	{ "From \"a b\"@c.test Mon Nov 23 22:12:00 2026", true, 1795471920000 },
	{ "From ann@a.test Mon Nov 23 22:12:00 2026 remote from uucp", true, 1795471920000 },
	{ "From ann@a.test Mon, 23 Nov 2026 22:12:00 +0100", false, 0 },
	{ "From here on everything is different", false, 0 },
	{ "From Monday on", false, 0 },
	{ "From: ann@a.test", false, 0 },
	{ ">From ann@a.test Mon Nov 23 22:12:00 2026", false, 0 },
	{ "From", false, 0 },
	{ "From ", false, 0 },
	{ "", false, 0 },
};

static void
a_from_line_ends_in_a_date(void **state)
{
	(void)state;
	EACH(from_lines, c) {
		int64_t ms = 0;

		CHECK_INT(mbox_is_from(str_c(c->line), &ms), c->is_from);
		CHECK_INT(ms, c->date_ms);
	}
}

/* What comes out, message after message: "[bytes]", "[#]" when too big, and how it ends. */
static void
split(struct buf *out, str file, size_t step, size_t most)
{
	struct mbox_message got = { 0 };
	struct mbox m = { 0 };
	enum mbox_step what;
	struct buf hand = { 0 };
	size_t at = 0, used = 0;

	for (;;) {
		what = mbox_take(&m, buf_str(&hand), at == file.n, most, &got, &used);
		if (what == MBOX_MESSAGE) {
			CHECK_INT(got.date_ms, when_ms);
			buf_add_c(out, got.counted ? "{" : "[");
			buf_add(out, got.too_big ? S("#") : got.bytes);
			buf_add_c(out, got.counted ? "}" : "]");
			buf_drop_front(&hand, used);
			continue;
		}
		buf_drop_front(&hand, used);
		if (what != MBOX_MORE)
			break;
		CHECK(at < file.n);
		buf_add(&hand, str_sub(file, at, step));
		at = MIN(at + step, file.n);
	}
	buf_add_c(out, what == MBOX_END ? "." : "!");
	buf_done(&hand);
}

static const struct {
	const char *file, *want;
} files[] = {
	{ "", "." },
	{ "\n\n", "." },
	{ "no mbox\n", "!" },
	{ "Subject: x\n\n" FROM "a\n", "!" },
	{ FROM "S: 1\n\na\n", "[S: 1\n\na\n]." },
	{ FROM "S: 1\n\na\n\n", "[S: 1\n\na\n]." },
	{ "\n" FROM "S: 1\n\na\n\n" FROM "S: 2\n\nb\n\n", "[S: 1\n\na\n][S: 2\n\nb\n]." },
	{ FROM "S: 1\n\na\n\n\n" FROM "S: 2\n\nb", "[S: 1\n\na\n\n][S: 2\n\nb]." },
	/* without an empty line before it is no message's begin */
	{ FROM "S: 1\n\na\n" FROM "b\n", "[S: 1\n\na\n" FROM "b\n]." },
	/* nor without a date */
	{ FROM "S: 1\n\na\n\nFrom here on\n", "[S: 1\n\na\n\nFrom here on\n]." },
	{ FROM "S: 1\r\n\r\na\r\n\r\n" FROM "S: 2\r\n\r\nb\r\n", "[S: 1\r\n\r\na\r\n][S: 2\r\n\r\nb\r\n]." },
	{ FROM, "[]." },
	{ FROM FROM, "[" FROM "]." },
	/* Content-Length, where it is right */
	{ FROM "Content-Length: 44\n\n\n" FROM "b\n\n" FROM "S: 2\n\nc\n",
		"{Content-Length: 44\n\n\n" FROM "b\n}[S: 2\n\nc\n]." },
	{ FROM "Content-Length: 2\n\na\n", "{Content-Length: 2\n\na\n}." },
	{ FROM "content-length: 2\n\na\n\n" FROM "\nb\n", "{content-length: 2\n\na\n}[\nb\n]." },
	/* and where it is not */
	{ FROM "Content-Length: 1\n\nabc\n\n" FROM "S: 2\n\nb\n",
		"[Content-Length: 1\n\nabc\n][S: 2\n\nb\n]." },
	{ FROM "Content-Length: 999\n\nabc\n\n" FROM "S: 2\n\nb\n",
		"[Content-Length: 999\n\nabc\n][S: 2\n\nb\n]." },
	{ FROM "Content-Length: 99999999999999999999\n\nabc\n",
		"[Content-Length: 99999999999999999999\n\nabc\n]." },
};

static void
a_file_is_split_the_same_however_it_comes(void **state)
{
	(void)state;
	EACH(files, c) {
		for (size_t step = 1; step < 200; step += step < 8 ? 1 : 37) {
			struct buf out = { 0 };

			split(&out, str_c(c->file), step, 100000);
			CHECK_C(buf_str(&out), c->want);
			buf_done(&out);
		}
	}
}

static void
what_is_too_long_is_passed_over_and_the_rest_goes_on(void **state)
{
	struct buf file = { 0 }, out = { 0 };

	(void)state;
	buf_add_c(&file, FROM "S: 1\n\n");
	for (int i = 0; i < 9000; i++)
		buf_add_c(&file, i % 3 ? "a line\n" : "\n");
	buf_add_c(&file, "one very long line ");
	for (int i = 0; i < 9000; i++)
		buf_add_c(&file, "From a Mon Nov 23 22:12:00 2026 ");
	buf_add_c(&file, "\n\n" FROM "S: 2\n\nb\n");
	for (size_t step = 100; step < 100000; step *= 7) {
		buf_clear(&out);
		split(&out, buf_str(&file), step, 3000);
		CHECK_C(buf_str(&out), "[#][S: 2\n\nb\n].");
	}
	buf_done(&file);
	buf_done(&out);
}

static const struct {
	const char *bytes;
	enum mbox_kind kind;
	bool counted;
	const char *want, *flags, *keywords;
} opened[] = {
	{ "S: 1\n\n>From a\n>>From b\n>>>From c\n> From d\n", MBOX_RD, false,
		"S: 1\r\n\r\nFrom a\r\n>From b\r\n>>From c\r\n> From d\r\n", "", "" },
	{ "S: 1\n\n>From a\n>>From b\n", MBOX_O, false, "S: 1\r\n\r\nFrom a\r\n>>From b\r\n", "", "" },
	{ "S: 1\nContent-Length: 9\n\n>From a\n", MBOX_RD, true, "S: 1\r\n\r\n>From a\r\n", "", "" },
	{ "S: 1\nContent-Length: 9\n\n>From a\n", MBOX_RD, false,
		"S: 1\r\nContent-Length: 9\r\n\r\nFrom a\r\n", "", "" },
	{ "Status: RO\nS: 1\nX-Status: AFTD\nX-Keywords: one  two \nX-UID: 3\n\nStatus: R\n", MBOX_RD, false,
		"S: 1\r\n\r\nStatus: R\r\n", "SAFTD", "one  two" },
	{ "status: O\nS: 1\n\n", MBOX_RD, false, "S: 1\r\n\r\n", "", "" },
	{ "X-IMAP: 1 2\n  3\nS: DON'T DELETE\n\nx\n", MBOX_RD, false, "S: DON'T DELETE\r\n\r\nx\r\n", "I",
		"" },
	{ "S: 1\r\n\r\nbare\rcr\r\nno end", MBOX_RD, false, "S: 1\r\n\r\nbare\rcr\r\nno end\r\n", "", "" },
	{ "", MBOX_RD, false, "", "", "" },
};

static void
quoting_and_marks_are_taken_off(void **state)
{
	(void)state;
	EACH(opened, c) {
		struct mbox_message m = { .bytes = str_c(c->bytes), .counted = c->counted };
		struct mbox_marks k = { 0 };
		struct buf out = { 0 };
		char flags[8];

		mbox_open(&m, c->kind, &out, &k);
		CHECK_C(buf_str(&out), c->want);
		snprintf(flags, sizeof(flags), "%s%s%s%s%s%s", k.seen ? "S" : "", k.answered ? "A" : "",
			k.flagged ? "F" : "", k.draft ? "T" : "", k.deleted ? "D" : "",
			k.internal ? "I" : "");
		CHECK_C(str_c(flags), c->flags);
		CHECK_C(buf_str(&k.keywords), c->keywords);
		buf_done(&out);
		buf_done(&k.keywords);
	}
}

static const char *const messages[] = {
	"S: 1\r\n\r\nFrom a\r\n>From b\r\n\r\nFrom x Mon Nov 23 22:12:00 2026\r\n", "S: 1\r\n\r\n",
	"S: 1\r\n", "\r\nonly a body\r\n\r\n", "From: x\r\n\r\n\r\n\r\n"
};

static void
what_is_written_is_read_again(void **state)
{
	struct mbox_marks k = { .seen = true, .flagged = true, .answered = true };
	struct buf file = { 0 }, back = { 0 };
	struct mbox m = { 0 };
	size_t used = 0, n = 0;
	str rest;

	(void)state;
	buf_add_c(&k.keywords, "one two");
	EACH(messages, c)
		mbox_add(&file, S("ann@a.test"), when_ms, &k, str_c(*c));
	CHECK(str_starts(buf_str(&file), S(FROM)));
	rest = buf_str(&file);
	for (;; n++) {
		struct mbox_message got = { 0 };
		struct mbox_marks again = { 0 };

		if (mbox_take(&m, rest, true, 100000, &got, &used) != MBOX_MESSAGE)
			break;
		CHECK(n < COUNT(messages));
		rest = str_from(rest, used);
		CHECK_INT(got.date_ms, when_ms);
		buf_clear(&back);
		mbox_open(&got, MBOX_RD, &back, &again);
		CHECK_C(buf_str(&back), messages[n]);
		CHECK(again.seen && again.flagged && again.answered && !again.deleted && !again.draft);
		CHECK_STR(buf_str(&again.keywords), S("one two"));
		buf_done(&again.keywords);
	}
	CHECK_INT(n, COUNT(messages));
	buf_done(&file);
	buf_done(&back);
	buf_done(&k.keywords);
}

static void
a_sender_cannot_break_the_from_line(void **state)
{
	struct mbox_marks k = { 0 };
	struct buf file = { 0 };

	(void)state;
	mbox_add(&file, S("a b\r\nFrom x\x01@c"), when_ms, &k, S("\r\n"));
	CHECK(str_starts(buf_str(&file), S("From a_b__From_x_@c Mon Nov 23 22:12:00 2026\n")));
	buf_clear(&file);
	mbox_add(&file, S(""), when_ms, &k, S("\r\n"));
	CHECK(str_starts(buf_str(&file), S("From MAILER-DAEMON Mon Nov 23 22:12:00 2026\n")));
	buf_done(&file);
}

T_MAIN(T(a_from_line_ends_in_a_date), T(a_file_is_split_the_same_however_it_comes),
	T(what_is_too_long_is_passed_over_and_the_rest_goes_on), T(quoting_and_marks_are_taken_off),
	T(what_is_written_is_read_again), T(a_sender_cannot_break_the_from_line))
