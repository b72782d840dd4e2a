#include "base/table.h"

#include "base/mem.h"

#include <stdlib.h>

enum { SMALLEST = 16 };

void
table_init(struct table *t, struct hash_key key)
{
	*t = (struct table){ .key = key };
}

void
table_done(struct table *t)
{
	free(t->slots);
	*t = (struct table){ .key = t->key };
}

static uint64_t
hash_of(const struct table *t, str key)
{
	return hash_keyed(&t->key, key) | 1; /* 0 means empty */
}

/* The slot of key, or the empty one where it would stand. size > 0. */
static size_t
slot_of(const struct table *t, uint64_t hash, str key)
{
	size_t i = (size_t)(hash >> 1) & (t->size - 1);

	while (t->slots[i].hash && (t->slots[i].hash != hash || !str_eq(t->slots[i].key, key)))
		i = (i + 1) & (t->size - 1);
	return i;
}

static void
resize(struct table *t, size_t size)
{
	struct table old = *t;

	t->slots = mem_new_array(size, sizeof(*t->slots));
	t->size = size;
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i].hash)
			t->slots[slot_of(t, old.slots[i].hash, old.slots[i].key)] = old.slots[i];
	free(old.slots);
}

void *
table_get(const struct table *t, str key)
{
	if (t->n == 0)
		return NULL;
	return t->slots[slot_of(t, hash_of(t, key), key)].value;
}

void *
table_put(struct table *t, str key, void *value)
{
	uint64_t hash = hash_of(t, key);
	struct table_slot *slot;
	void *old;

	if ((t->n + 1) * 4 > t->size * 3)
		resize(t, t->size ? t->size * 2 : SMALLEST);
	slot = &t->slots[slot_of(t, hash, key)];
	old = slot->value;
	t->n += slot->hash == 0;
	*slot = (struct table_slot){ hash, key, value };
	return old;
}

void *
table_remove(struct table *t, str key)
{
	size_t hole, i;
	void *old;

	if (t->n == 0)
		return NULL;
	hole = i = slot_of(t, hash_of(t, key), key);
	old = t->slots[hole].value;
	if (!t->slots[hole].hash)
		return NULL;
	for (;;) { /* close the gap: move back whoever was pushed past it */
		size_t home;

		i = (i + 1) & (t->size - 1);
		if (!t->slots[i].hash)
			break;
		home = (size_t)(t->slots[i].hash >> 1) & (t->size - 1);
		if (((i - home) & (t->size - 1)) >= ((i - hole) & (t->size - 1))) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = (struct table_slot){ 0 };
	t->n--;
	if (t->size > SMALLEST && t->n * 8 < t->size)
		resize(t, t->size / 2);
	return old;
}

void *
table_next(const struct table *t, size_t *at)
{
	while (*at < t->size) {
		const struct table_slot *slot = &t->slots[(*at)++];
		if (slot->hash)
			return slot->value;
	}
	return NULL;
}
