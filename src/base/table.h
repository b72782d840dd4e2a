/* base/table.h - a hash table from bytes to pointers
 * Keys are borrowed: they live in what they point to. Keyed hashing, open addressing, grows and shrinks by itself.
 * Never waits. table_init wants a random key (rt_random in a role; any fixed one in a test). */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/hash.h"

struct table_slot {
	uint64_t hash; /* 0 = empty */
	str key;
	void *value;
};

struct table {
	struct table_slot *slots;
	size_t size; /* a power of two, or 0 */
	size_t n;    /* in use */
	struct hash_key key;
};

void table_init(struct table *t, struct hash_key key);
void table_done(struct table *t); /* the values are the caller's */

void *table_get(const struct table *t, str key); /* NULL when absent */
/* Puts value under key, in place of what was there, which it returns (NULL: nothing). value is not NULL. */
void *table_put(struct table *t, str key, void *value);
void *table_remove(struct table *t, str key); /* what was there, or NULL */

/* Walks all entries in no order: size_t at = 0; while ((v = table_next(t, &at))) ... Do not change it meanwhile. */
void *table_next(const struct table *t, size_t *at);

#endif
