/* Input: what a server sends. */
#include "wire/smtp.h"

#include "base/buf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	str in = str_of(data, size);

	for (int replies = 0; replies < 32; replies++) {
		struct smtp_answer got;
		enum fault f = INTERNAL;
		str before = in, again;
		struct buf b = { 0 };
		struct smtp_answer second;

		if (!smtp_answer_take(&a, &in, &got, &f)) {
			assert(f == OK || f == MALFORMED);
			assert(in.p == before.p && in.n == before.n);
			assert(f == MALFORMED || in.n < 8192);
			break;
		}
		assert(f == OK && in.n < before.n && got.code >= 200 && got.code <= 599);
		assert(str_is_utf8(got.text) && got.text.n < 8192);
		for (size_t i = 0; i < got.text.n; i++)
			assert(got.text.p[i] == '\n' || (unsigned char)got.text.p[i] >= 32);
		assert(!got.status.n || got.status.p[0] - '0' == got.code / 100);

		/* What our own writer makes of it means the same. */
		if (got.text.n < 400) {
			smtp_lines_add(&b, got.code, got.status, got.text);
			again = buf_str(&b);
			assert(smtp_answer_take(&a, &again, &second, &f) && again.n == 0);
			assert(second.code == got.code);
			assert(!got.status.n ||
				(str_eq(second.status, got.status) && str_eq(second.text, got.text)));
		}
		buf_done(&b);
	}
	arena_done(&a);
	return 0;
}
