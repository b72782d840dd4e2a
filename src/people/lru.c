#include "people/lru.h"

#include "base/mem.h"

void
lru_init(struct lru *l, struct hash_key key, size_t most)
{
	table_init(&l->table, key);
	list_init(&l->used);
	l->most = MAX(most, (size_t)1);
}

void
lru_remove(struct lru *l, struct lru_entry *e)
{
	table_remove(&l->table, str_of(e->key, LRU_KEY));
	list_remove(&e->link);
	mem_wipe(e, sizeof(*e));
	free(e);
}

void
lru_done(struct lru *l)
{
	LIST_EACH(&l->used, link)
		lru_remove(l, CONTAINER(link, struct lru_entry, link));
	table_done(&l->table);
}

struct lru_entry *
lru_get(struct lru *l, const char key[LRU_KEY])
{
	struct lru_entry *e = table_get(&l->table, str_of(key, LRU_KEY));

	if (e) {
		list_remove(&e->link);
		list_prepend(&l->used, &e->link);
	}
	return e;
}

struct lru_entry *
lru_make(struct lru *l, const char key[LRU_KEY])
{
	struct lru_entry *e = lru_get(l, key);

	if (e)
		return e;
	if (l->table.n >= l->most)
		lru_remove(l, CONTAINER(l->used.prev, struct lru_entry, link));
	e = NEW(struct lru_entry);
	memcpy(e->key, key, LRU_KEY);
	list_prepend(&l->used, &e->link);
	table_put(&l->table, str_of(e->key, LRU_KEY), e);
	return e;
}
