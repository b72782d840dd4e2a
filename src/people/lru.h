/* people/lru.h - a bounded table of small entries under keys of 32 bytes; the one used longest ago gives way: inside people/
 * Keys are digests or keyed hashes, so that nobody can choose them. */
#ifndef PEOPLE_LRU_H
#define PEOPLE_LRU_H

#include "base/list.h"
#include "base/table.h"

enum { LRU_KEY = 32 };

struct lru {
	struct table table;
	struct link used; /* newest first */
	size_t most;
};
struct lru_entry {
	struct link link;
	char key[LRU_KEY];
	int64_t at_ms;  /* the caller's */
	uint64_t value; /* the caller's */
};

void lru_init(struct lru *l, struct hash_key key, size_t most);
void lru_done(struct lru *l);                                       /* wipes */
struct lru_entry *lru_get(struct lru *l, const char key[LRU_KEY]);  /* and moves it to the front; NULL */
struct lru_entry *lru_make(struct lru *l, const char key[LRU_KEY]); /* the same, or a new one, zeroed */
void lru_remove(struct lru *l, struct lru_entry *e);                /* wipes */

#endif
