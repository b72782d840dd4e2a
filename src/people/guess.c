#include "people/guess.h"

#include "people/lru.h"

#include "base/arena.h"
#include "base/mem.h"

enum {
	ONE = 1024,         /* a failure; they are counted in parts of it, for halving */
	MOST = 1024 * ONE,  /* more is not counted */
	FREE_OF_CLIENT = 4, /* failures that cost nothing: fingers slip */
	FREE_OF_NAME = 8,   /* a name is guessed at by others than its owner */
	THROTTLED = 60,     /* failures of a client that is not listened to any more */
	TRUST_LOST = 3,     /* failures that take away a pair's trust */
	FIRST_WAIT_MS = 250,
	LONGEST_WAIT_MS = 15000,
	TRUST_MS = 86400000
};

/* Values are failures in parts of ONE; of pairs, failures since the last success. */
struct guess {
	struct hash_key key;
	int64_t half_ms;
	struct lru clients, names, pairs;
};

struct guess *
guess_new(struct hash_key key, size_t most_entries, int64_t half_ms)
{
	struct guess *g = NEW(struct guess);

	g->key = key;
	g->half_ms = MAX(half_ms, 1);
	lru_init(&g->clients, key, most_entries);
	lru_init(&g->names, key, most_entries);
	lru_init(&g->pairs, key, most_entries);
	return g;
}

void
guess_free(struct guess *g)
{
	if (!g)
		return;
	lru_done(&g->clients);
	lru_done(&g->names);
	lru_done(&g->pairs);
	mem_wipe(g, sizeof(*g));
	free(g);
}

/* Two keyed hashes of each: a collision would only slow somebody, and needs the key to be found. */
static void
key_of(const struct guess *g, str client, str user, char ret[LRU_KEY])
{
	struct hash_key other = { g->key.k0 ^ 0x5555555555555555, g->key.k1 ^ 0x3333333333333333 };
	struct arena a = { 0 };
	str name = arena_lower(&a, user);
	uint64_t words[LRU_KEY / 8] = { hash_keyed(&g->key, client), hash_keyed(&other, client),
		hash_keyed(&g->key, name), hash_keyed(&other, name) };

	memcpy(ret, words, LRU_KEY);
	arena_done(&a);
}

/* What is left of a count: half after each half_ms, and straight lines between. */
static uint64_t
decayed(const struct guess *g, const struct lru_entry *e, int64_t now_ms)
{
	int64_t age_ms = MAX(now_ms - e->at_ms, 0);
	int64_t halves = age_ms / g->half_ms, rest_ms = age_ms % g->half_ms;
	uint64_t v;

	if (halves > 20)
		return 0;
	v = e->value >> halves;
	return v - v * (uint64_t)rest_ms / (2 * (uint64_t)g->half_ms);
}

static void
count(const struct guess *g, struct lru *l, const char key[LRU_KEY], int64_t now_ms)
{
	struct lru_entry *e = lru_make(l, key);

	e->value = MIN(decayed(g, e, now_ms) + ONE, (uint64_t)MOST);
	e->at_ms = now_ms;
}

static uint64_t
count_of(const struct guess *g, struct lru *l, const char key[LRU_KEY], int64_t now_ms)
{
	struct lru_entry *e = lru_get(l, key);

	return e ? decayed(g, e, now_ms) : 0;
}

static int64_t
wait_of(uint64_t count, uint64_t free_failures)
{
	uint64_t failures = (count + ONE / 2) / ONE;

	if (failures < free_failures)
		return 0;
	if (failures - free_failures > 6)
		return LONGEST_WAIT_MS;
	return MIN((int64_t)FIRST_WAIT_MS << (failures - free_failures), (int64_t)LONGEST_WAIT_MS);
}

static bool
is_trusted(struct guess *g, const char pair[LRU_KEY], int64_t now_ms)
{
	struct lru_entry *e = lru_get(&g->pairs, pair);

	return e && now_ms - e->at_ms < TRUST_MS && e->value < TRUST_LOST;
}

enum fault
guess_delay(struct guess *g, str client, str user, int64_t now_ms, int64_t *ret_wait_ms)
{
	char ckey[LRU_KEY], ukey[LRU_KEY], pkey[LRU_KEY];
	uint64_t of_client;
	int64_t wait_ms;

	key_of(g, client, S(""), ckey);
	key_of(g, S(""), user, ukey);
	key_of(g, client, user, pkey);
	if (is_trusted(g, pkey,
		    now_ms)) { /* a household behind one address, or a name under attack: its owner goes on */
		*ret_wait_ms = 0;
		return OK;
	}
	of_client = count_of(g, &g->clients, ckey, now_ms);
	if (of_client >= (uint64_t)THROTTLED * ONE)
		return AUTH_THROTTLED;
	wait_ms = wait_of(of_client, FREE_OF_CLIENT);
	*ret_wait_ms = MAX(wait_ms, wait_of(count_of(g, &g->names, ukey, now_ms), FREE_OF_NAME));
	return OK;
}

void
guess_failed(struct guess *g, str client, str user, int64_t now_ms)
{
	char ckey[LRU_KEY], ukey[LRU_KEY], pkey[LRU_KEY];
	struct lru_entry *pair;

	key_of(g, client, S(""), ckey);
	key_of(g, S(""), user, ukey);
	key_of(g, client, user, pkey);
	count(g, &g->clients, ckey, now_ms);
	count(g, &g->names, ukey, now_ms);
	pair = lru_get(&g->pairs, pkey);
	if (pair && ++pair->value >= TRUST_LOST)
		lru_remove(&g->pairs, pair);
}

void
guess_succeeded(struct guess *g, str client, str user, int64_t now_ms)
{
	char pkey[LRU_KEY];
	struct lru_entry *pair;

	key_of(g, client, user, pkey);
	pair = lru_make(&g->pairs, pkey);
	pair->at_ms = now_ms;
	pair->value = 0;
}
