/* Input: a record's type, then its effect. What decodes can be written and read again, and says the same. */
#include "store/embedded/effect.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = { 0 }, twice = { 0 };
	struct arena a = { 0 };
	struct effect e, again;

	if (size && effect_decode(&a, (enum record_type)(data[0] % (RECORD_TYPES + 1)),
			    str_of(data + 1, size - 1), &e) == OK) {
		effect_encode(&once, &e);
		assert(once.n <= size - 1); /* lists cannot promise more than their bytes */
		assert(effect_decode(&a, e.type, buf_str(&once), &again) == OK);
		effect_encode(&twice, &again);
		assert(str_eq(buf_str(&once), buf_str(&twice)));
	}
	buf_done(&once);
	buf_done(&twice);
	arena_done(&a);
	return 0;
}
