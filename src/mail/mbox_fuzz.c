/* Input: one octet, the size of the pieces; then an mbox. It is split the same whole and in pieces, no message holds more than there is, and
 * each, taken out, written and read again, is the same. */
#include "mail/mbox.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 3000 };

static void
again(const struct mbox_message *m)
{
	struct buf once = { 0 }, file = { 0 }, twice = { 0 };
	struct mbox_marks marks = { 0 }, same = { 0 };
	struct mbox_message back = { 0 };
	struct mbox at = { 0 };
	size_t used;

	mbox_open(m, MBOX_RD, &once, &marks);
	buf_done(&marks.keywords); /* blanks in it may be any */
	mbox_add(&file, S("a@b"), m->date_ms, &marks, buf_str(&once));
	/* in a file of LF lines a CR at a line's end is the line end's; a header without a body gets its marks behind it, which may be behind a fold */
	if (once.n > 4 && str_find_str(buf_str(&once), S("\r\r\n")) == once.n &&
		str_find_str(buf_str(&once), S("\r\n\r\n")) < once.n && m->date_ms >= 0 &&
		m->date_ms < (int64_t)250000000000000) {
		assert(mbox_take(&at, buf_str(&file), true, 1 << 20, &back, &used) == MBOX_MESSAGE);
		if (!back.counted) {
			mbox_open(&back, MBOX_RD, &twice, &same);
			assert(same.seen == marks.seen && same.flagged == marks.flagged &&
				same.draft == marks.draft);
			assert(str_eq(buf_str(&once), buf_str(&twice)));
		}
	}
	buf_done(&once);
	buf_done(&file);
	buf_done(&twice);
	buf_done(&same.keywords);
}

static void
split(struct buf *out, str file, size_t step, bool deep)
{
	struct mbox_message got = { 0 };
	struct mbox m = { 0 };
	struct buf hand = { 0 };
	enum mbox_step what;
	size_t at = 0, used = 0;

	for (;;) {
		what = mbox_take(&m, buf_str(&hand), at == file.n, 1 << 20, &got, &used);
		assert(used <= hand.n);
		if (what == MBOX_MESSAGE) {
			buf_printf(out, "[%lld %d ", (long long)got.date_ms, got.counted);
			buf_add(out, got.bytes);
			if (deep)
				again(&got);
		}
		buf_drop_front(&hand, used);
		if (what == MBOX_MESSAGE)
			continue;
		if (what != MBOX_MORE)
			break;
		assert(at < file.n);
		buf_add(&hand, str_sub(file, at, step));
		at = MIN(at + step, file.n);
	}
	buf_add_char(out, what == MBOX_END ? '.' : '!');
	buf_done(&hand);
}

/* With a limit that is soon reached: that it ends is all that is asked. */
static void
split_short(str file, size_t step)
{
	struct mbox_message got = { 0 };
	struct mbox m = { 0 };
	struct buf hand = { 0 };
	enum mbox_step what;
	size_t at = 0, used = 0;

	do {
		what = mbox_take(&m, buf_str(&hand), at == file.n, MOST, &got, &used);
		assert(used <= hand.n);
		buf_drop_front(&hand, used);
		if (what == MBOX_MORE) {
			assert(at < file.n && hand.n <= MOST + step);
			buf_add(&hand, str_sub(file, at, step));
			at = MIN(at + step, file.n);
		}
	} while (what == MBOX_MESSAGE || what == MBOX_MORE);
	buf_done(&hand);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };
	str file;

	if (size == 0)
		return 0;
	file = str_of(data + 1, MIN(size - 1, (size_t)20000));
	split(&whole, file, file.n + 1, true);
	split(&pieces, file, 1 + (size_t)data[0], false);
	assert(str_eq(buf_str(&whole), buf_str(&pieces)));
	split_short(file, 1 + (size_t)data[0]);
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
