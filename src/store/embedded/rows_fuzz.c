/* Input: which kind of row, then its value. What is taken can be written and taken again, and says the same. Of chunks: every entry is
 * looked at, the way of a reader and the way of the writer, and the chunk is changed at a place of the input's choice. */
#include "store/embedded/rows.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* clang-format off */
#define AGAIN(kind) do { \
	struct row_##kind row = { 0 }, again = { 0 }; \
	if (row_take_##kind(value, &row) == OK) { \
		row_add_##kind(&once, &row); \
		assert(row_take_##kind(buf_str(&once), &again) == OK); \
		row_add_##kind(&twice, &again); \
		assert(str_eq(buf_str(&once), buf_str(&twice))); \
	} } while (0)
/* clang-format on */

static void
see_copies(str value)
{
	struct row_email row = { 0 };
	struct row_copy c;
	uint64_t sum = 0;

	if (row_take_email(value, &row) != OK)
		return;
	for (size_t i = 0; i < row.copies.n / 8; i++) {
		c = row_copy_at(row.copies, i);
		sum += c.mailbox + c.uid;
	}
	assert(sum <= row.copies.n / 8 * 2 * (uint64_t)UINT32_MAX);
}

static void
see_ranges(str value)
{
	struct uid_range *r = NULL;
	struct arena a = { 0 };
	size_t n = 0;

	if (ranges_decode(&a, &value, &r, &n))
		for (size_t i = 0; i < n; i++)
			assert(r[i].first && r[i].first <= r[i].last && (!i || r[i].first > r[i - 1].last));
	arena_done(&a);
}

static void
see_chunk(str value, uint32_t uid)
{
	struct chunk c = { 0 };
	struct store_entry e = { 0 };
	struct buf b = { 0 };
	uint32_t n = chunk_count(value), at;

	assert(n <= CHUNK_ENTRIES);
	(void)chunk_modseq(value);
	for (uint32_t i = 0; i < n; i++) {
		chunk_entry(value, i, &e);
		assert(chunk_uid(value, i) == e.uid);
	}
	if (!chunk_load(&c, uid, value))
		return;
	at = chunk_find(value, uid);
	assert(at <= n && at == chunk_lower_bound(&c, uid));
	if (at < c.n) {
		chunk_get(&c, at, &e);
		chunk_set(&c, at, &e);
		chunk_remove(&c, at);
		chunk_insert(&c, at, &e);
	}
	chunk_store(&c, &b);
	assert(chunk_count(buf_str(&b)) == n);
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = { 0 }, twice = { 0 };
	uint32_t uid = 0;
	str value;

	if (size == 0)
		return 0;
	value = str_of(data + 1, size - 1);
	switch (data[0] % 10) {
	case 0: AGAIN(meta); break;
	case 1: AGAIN(segment); break;
	case 2: AGAIN(state); break;
	case 3: AGAIN(account); break;
	case 4: AGAIN(mailbox); break;
	case 5:
		AGAIN(email);
		see_copies(value);
		break;
	case 6: AGAIN(thread); break;
	case 7: AGAIN(body); break;
	case 8: see_ranges(value); break;
	default:
		if (str_take_le32(&value, &uid))
			see_chunk(value, uid);
	}
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
