#include "conf/maps_image.h"

#include "base/mem.h"

#include <stdlib.h>

enum {
	HEADER_BYTES = 40,
	SLOT_BYTES = 8,
	MOST_SLOTS = 1 << 28,
};

struct maps_builder_entry {
	uint32_t hash, low, at;
	int line;
};

static uint32_t
le32_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* ---- reading ---- */

enum fault
maps_image_open(str bytes, struct maps_image *ret)
{
	struct maps_image m = { 0 };
	uint64_t data_bytes;

	if (bytes.n < HEADER_BYTES || !str_take(&bytes, S("PRTABLE1")))
		return MALFORMED;
	if (!str_take_le64(&bytes, &m.key.k0) || !str_take_le64(&bytes, &m.key.k1) ||
		!str_take_le32(&bytes, &m.entries) || !str_take_le32(&bytes, &m.slot_count) ||
		!str_take_le64(&bytes, &data_bytes))
		return MALFORMED;
	if (m.slot_count == 0 || (m.slot_count & (m.slot_count - 1)) || m.slot_count > MOST_SLOTS ||
		m.entries >= m.slot_count)
		return MALFORMED;
	if (!str_take_bytes(&bytes, (size_t)m.slot_count * SLOT_BYTES, &m.slots) || bytes.n != data_bytes)
		return MALFORMED;
	m.data = bytes;
	*ret = m;
	return OK;
}

bool
maps_image_next(const struct maps_image *m, size_t *at, str *ret_key, str *ret_value)
{
	str rest = str_from(m->data, *at);

	if (!str_take_counted(&rest, ret_key) || !str_take_counted(&rest, ret_value))
		return false;
	*at = m->data.n - rest.n;
	return true;
}

enum fault
maps_image_get(const struct maps_image *m, str key, str *ret_value)
{
	uint64_t hash = hash_keyed(&m->key, key);
	uint32_t mask = m->slot_count - 1;

	for (uint32_t step = 0; step <= mask; step++) {
		const char *slot = m->slots.p + (size_t)(((uint32_t)hash + step) & mask) * SLOT_BYTES;
		uint32_t at = le32_at(slot + 4);
		size_t where = at - 1;
		str found, value;

		if (at == 0)
			return NOT_FOUND;
		if (le32_at(slot) != hash >> 32)
			continue;
		if (where >= m->data.n || !maps_image_next(m, &where, &found, &value))
			return MALFORMED;
		if (str_eq(found, key)) {
			*ret_value = value;
			return OK;
		}
	}
	return MALFORMED; /* no slot is empty */
}

/* ---- making ---- */

void
maps_builder_init(struct maps_builder *b, struct hash_key key)
{
	*b = (struct maps_builder){ .key = key };
}

void
maps_builder_done(struct maps_builder *b)
{
	buf_done(&b->head);
	buf_done(&b->data);
	buf_done(&b->index);
}

void
maps_builder_add(struct maps_builder *b, str key, str value, int line)
{
	uint64_t hash = hash_keyed(&b->key, key);
	struct maps_builder_entry e = { (uint32_t)(hash >> 32), (uint32_t)hash, (uint32_t)b->data.n, line };

	if (b->data.n + key.n + value.n + 20 > UINT32_MAX || b->entries >= MOST_SLOTS / 2) {
		b->full = true;
		return;
	}
	buf_add(&b->index, str_of(&e, sizeof(e)));
	buf_add_counted(&b->data, key);
	buf_add_counted(&b->data, value);
	b->entries++;
}

static str
key_at(const struct maps_builder *b, uint32_t at)
{
	str rest = str_from(buf_str(&b->data), at), key = S("");

	(void)str_take_counted(&rest, &key);
	return key;
}

/* Slots while they are made: the number of an entry + 1, 0 = empty. */
static uint32_t *
fill_slots(struct maps_builder *b, uint32_t count,
	void (*twice)(void *ctx, str key, int line, int first_line), void *ctx)
{
	const struct maps_builder_entry *entries = (const void *)b->index.p;
	uint32_t *slots = mem_new_array(count, sizeof(*slots));
	size_t added = b->entries;

	for (size_t i = 0; i < added; i++) {
		const struct maps_builder_entry *e = &entries[i], *other;
		uint32_t at = e->low & (count - 1);

		for (; slots[at]; at = (at + 1) & (count - 1)) {
			other = &entries[slots[at] - 1];
			if (other->hash == e->hash && str_eq(key_at(b, other->at), key_at(b, e->at))) {
				twice(ctx, key_at(b, e->at), e->line, other->line);
				break;
			}
		}
		if (slots[at])
			b->entries--;
		else
			slots[at] = (uint32_t)i + 1;
	}
	return slots;
}

bool
maps_builder_finish(
	struct maps_builder *b, void (*twice)(void *ctx, str key, int line, int first_line), void *ctx)
{
	const struct maps_builder_entry *entries = (const void *)b->index.p;
	uint32_t count = 2, *slots;

	if (b->full)
		return false;
	while (count < b->entries + b->entries / 3 + 1)
		count *= 2;
	slots = fill_slots(b, count, twice, ctx);
	buf_add(&b->head, S("PRTABLE1"));
	buf_add_le64(&b->head, b->key.k0);
	buf_add_le64(&b->head, b->key.k1);
	buf_add_le32(&b->head, (uint32_t)b->entries);
	buf_add_le32(&b->head, count);
	buf_add_le64(&b->head, b->data.n);
	for (uint32_t i = 0; i < count; i++) {
		buf_add_le32(&b->head, slots[i] ? entries[slots[i] - 1].hash : 0);
		buf_add_le32(&b->head, slots[i] ? entries[slots[i] - 1].at + 1 : 0);
	}
	free(slots);
	return true;
}
