/* Input: the right side of an alias. Every target lies within it, and taking ends. */
#include "mail/targets.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str whole = str_of(data, size), rest = whole;
	struct target t;
	size_t left = rest.n;

	while (targets_take(&rest, &t)) {
		assert(rest.n < left);
		left = rest.n;
		assert(t.text.n == 0 || (t.text.p >= whole.p && t.text.p + t.text.n <= whole.p + whole.n));
		assert(t.kind >= TARGET_ADDRESS && t.kind <= TARGET_FILE);
	}
	assert(rest.n == 0);
	return 0;
}
