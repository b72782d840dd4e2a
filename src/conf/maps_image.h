/* conf/maps_image.h - keys and values as one run of bytes that many processes map
 * "PRTABLE1", a hash key (2 x 8 bytes), the number of entries and of slots (4 each), the bytes of data (8); the slots, a power of two of {hash,
 * position + 1} (4 each), at least a quarter of them empty; the data: length, key, length, value (varints), in the order of the text. Integers are
 * little-endian. The reader believes nothing: every length is checked against the bytes there are. Pure. */
#ifndef CONF_MAPS_IMAGE_H
#define CONF_MAPS_IMAGE_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/hash.h"

/* ---- reading ---- */
struct maps_image {
	struct hash_key key;
	str slots, data;
	uint32_t slot_count, entries;
};
/* Borrows bytes. Faults: MALFORMED. */
enum fault maps_image_open(str bytes, struct maps_image *ret);
/* *ret_value borrows. Faults: NOT_FOUND, MALFORMED. */
enum fault maps_image_get(const struct maps_image *m, str key, str *ret_value);
/* Walks the entries in their order: size_t at = 0; while (maps_image_next(...)). */
bool maps_image_next(const struct maps_image *m, size_t *at, str *ret_key, str *ret_value);

/* ---- making ---- */
struct maps_builder {
	struct hash_key key;
	struct buf head; /* header and slots, when finished */
	struct buf data;
	struct buf index; /* of struct maps_builder_entry */
	size_t entries;
	bool full;
};
void maps_builder_init(struct maps_builder *b, struct hash_key key);
void maps_builder_done(struct maps_builder *b);
/* line: for the finding when the key is there twice. */
void maps_builder_add(struct maps_builder *b, str key, str value, int line);
/* The image is head and then data. Of a key that was added twice the first value counts; `twice` is told of the others. False: too large. */
bool maps_builder_finish(
	struct maps_builder *b, void (*twice)(void *ctx, str key, int line, int first_line), void *ctx);

#endif
