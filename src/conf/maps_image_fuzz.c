/* Whatever the bytes of an image are, reading stays within them and ends; and an image made of any pairs gives them back. */
#include "conf/maps_image.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads everything; what is borrowed lies within the bytes. */
static void
walk(str bytes)
{
	struct maps_image m;
	str key, value, found;
	size_t at = 0, steps = 0;

	if (maps_image_open(bytes, &m) != OK)
		return;
	while (maps_image_next(&m, &at, &key, &value)) {
		assert(key.p >= bytes.p && value.p + value.n <= bytes.p + bytes.n);
		if (++steps < 100 && maps_image_get(&m, key, &found) == OK)
			assert(found.p >= bytes.p && found.p + found.n <= bytes.p + bytes.n);
	}
	assert(steps <= bytes.n);
	(void)maps_image_get(&m, S("absent"), &found);
}

static void
count(void *ctx, str key, int line, int first_line)
{
	(void)key;
	assert(first_line < line);
	++*(size_t *)ctx;
}

/* Pairs of words out of the input, and the image that is made of them, whole and with one byte changed. */
static void
build(str text)
{
	struct maps_builder b;
	struct maps_image m;
	struct buf bytes = { 0 };
	str rest = text, key, value, found;
	size_t twice = 0, added = 0;

	maps_builder_init(&b, (struct hash_key){ 1, text.n });
	while (str_take_until(&rest, ' ', &key) && str_take_until(&rest, '\n', &value))
		maps_builder_add(&b, key, value, (int)++added);
	assert(maps_builder_finish(&b, count, &twice) && b.entries + twice == added);
	buf_add(&bytes, buf_str(&b.head));
	buf_add(&bytes, buf_str(&b.data));
	assert(maps_image_open(buf_str(&bytes), &m) == OK && m.entries == b.entries);
	for (rest = text; str_take_until(&rest, ' ', &key) && str_take_until(&rest, '\n', &value);)
		assert(maps_image_get(&m, key, &found) == OK);
	if (text.n) {
		bytes.p[(size_t)(unsigned char)text.p[0] * 7 % bytes.n] ^= (char)(1 << text.n % 8);
		walk(buf_str(&bytes));
	}
	maps_builder_done(&b);
	buf_done(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(str_of(data, size));
	build(str_of(data, size));
	return 0;
}
