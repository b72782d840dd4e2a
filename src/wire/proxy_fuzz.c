/* Input: what a proxy sends. */
#include "wire/proxy.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h = { 0 }, again = { 0 };
	size_t used = 0, piece_used = 0;
	str in = str_of(data, size);
	enum proxy_verdict v = proxy_take(in, &h, &used), w = PROXY_MORE;
	size_t n = 0;

	assert(v != PROXY_DONE || (used > 0 && used <= size && used <= PROXY_MOST));
	assert(v == PROXY_DONE || used == 0);
	assert(v != PROXY_MORE || size < PROXY_MOST);
	assert(!h.has_client || (h.from.bytes == h.to.bytes && (h.from.bytes == 4 || h.from.bytes == 16)));
	/* Octet by octet the verdict is the same, and comes no later. */
	while (w == PROXY_MORE && n < size && n < PROXY_MOST + 1)
		w = proxy_take(str_sub(in, 0, ++n), &again, &piece_used);
	if (v == PROXY_DONE)
		assert(w == PROXY_DONE && n == used && piece_used == used && again.from.port == h.from.port);
	else
		assert(size == 0 || w == v);
	return 0;
}
