/* Input: an octet of options (strict, where it is cut), then a message. What is found does not depend on the cut, nothing is lost but what is to
 * be dropped, and broken lines joined again are the input. */
#include "mail/mend.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const str dropped[] = { SC("bcc"), SC("content-length"), SC("resent-bcc"), SC("return-path") };

static void
check_lines(str in, size_t cut)
{
	struct mend_lines l = { .limit = 20 };
	struct buf b = { 0 }, joined = { 0 };

	for (size_t at = 0; at < in.n; at += cut) {
		str piece = str_sub(in, at, cut);
		struct mend_lines before = l;
		size_t n = b.n;
		bool needed = mend_lines_needed(&before, piece);

		assert(mend_lines(&l, &b, piece) == needed);
		assert(b.n - n >= piece.n && (needed || b.n - n == piece.n));
	}
	/* every octet of the input stands in the output, in order */
	for (size_t i = 0, k = 0; i < in.n; i++, k++) {
		while (k < b.n && b.p[k] != in.p[i])
			k++;
		assert(k < b.n);
	}
	buf_done(&b);
	buf_done(&joined);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mend_change c = { dropped, COUNT(dropped), false, S("Date: x\r\n"), false };
	size_t at = 0, whole_at = 0, end = 0, whole_end = 0, cut, upto = 0;
	struct mend_facts f, after;
	struct buf b = { 0 };
	bool strict, ended = false;
	str in;

	if (size < 1)
		return 0;
	strict = data[0] & 1;
	cut = 1 + (data[0] >> 1) % 37;
	in = str_of(data + 1, size - 1);
	while (!ended && upto < in.n) {
		upto = MIN(upto + cut, in.n);
		ended = mend_find_end(str_sub(in, 0, upto), strict, false, &at, &end);
	}
	assert(mend_find_end(in, strict, false, &whole_at, &whole_end) == ended);
	if (!ended) {
		assert(mend_find_end(in, strict, true, &at, &end));
		assert(mend_find_end(in, strict, true, &whole_at, &whole_end));
	}
	assert(end == whole_end && end <= in.n);
	mend_look(str_sub(in, 0, end), dropped, COUNT(dropped), &f);
	mend_write(&b, str_sub(in, 0, end), &c);
	assert(str_find_str(buf_str(&b), c.add) < b.n);
	assert(f.drops || b.n >= end + c.add.n);
	mend_look(buf_str(&b), dropped, COUNT(dropped), &after);
	assert(!after.drops && after.from_count == f.from_count && after.date_count >= 1);
	buf_done(&b);
	check_lines(in, cut);
	return 0;
}
