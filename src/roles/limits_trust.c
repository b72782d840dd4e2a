#include "roles/limits.h"

#include "base/mem.h"
#include "roles/limits_inside.h"

static uint64_t
id_of(const struct limits *l, const unsigned char *ip, size_t bytes)
{
	uint64_t id = hash_keyed(&l->key, str_of(ip, bytes));

	return id < FIRST_ID ? id + FIRST_ID : id;
}

static struct trust_place *
find(struct limits *l, uint64_t id)
{
	struct trust_place *bucket = l->trust.places[id % TRUST_BUCKETS];

	for (size_t i = 0; i < TRUST_BUCKET; i++)
		if (atomic_load(&bucket[i].id) == id)
			return &bucket[i];
	return NULL;
}

static void
forget_names(struct trust_place *p)
{
	for (size_t i = 0; i < TRUST_WORDS; i++)
		atomic_store(&p->names[i], 0);
}

/* Whose place is wanted most: a free one, else the one used longest ago whose client is trusted. NULL: all have lost their trust. */
static struct trust_place *
choose(struct trust_place *bucket, int64_t now_ms)
{
	struct trust_place *best = NULL;

	for (size_t i = 0; i < TRUST_BUCKET; i++) {
		uint64_t id = atomic_load(&bucket[i].id);

		if (id == 0)
			return &bucket[i];
		if (id >= FIRST_ID && atomic_load(&bucket[i].lost_until_ms) <= now_ms &&
			(!best || atomic_load(&bucket[i].used_ms) < atomic_load(&best->used_ms)))
			best = &bucket[i];
	}
	return best;
}

static struct trust_place *
find_or_take(struct limits *l, uint64_t id, unsigned column, int64_t now_ms)
{
	struct trust_place *bucket = l->trust.places[id % TRUST_BUCKETS], *p = find(l, id);
	uint64_t was;

	if (p)
		return p;
	p = choose(bucket, now_ms);
	if (!p)
		return NULL;
	was = atomic_load(&p->id);
	if ((was != 0 && was < FIRST_ID) || !atomic_compare_exchange_strong(&p->id, &was, column + 1))
		return NULL; /* somebody else was quicker: this name is not counted */
	forget_names(p);
	atomic_store(&p->began_ms, now_ms);
	atomic_store(&p->lost_until_ms, 0);
	atomic_store(&p->id, id);
	return p;
}

/* So many different names set that many bits, on average. */
static uint32_t
names_of(struct trust_place *p)
{
	unsigned set = 0;
	double names = 0;

	for (size_t i = 0; i < TRUST_WORDS; i++)
		set += (unsigned)__builtin_popcountll(atomic_load(&p->names[i]));
	for (unsigned i = 0; i < set; i++)
		names += (double)TRUST_BITS / (TRUST_BITS - i);
	return (uint32_t)names;
}

enum limits_trust
limits_helo(struct limits *l, unsigned column, const unsigned char *ip, size_t bytes, str name,
	const struct limits_helo_rule *rule, int64_t now_ms, uint32_t *ret_names)
{
	struct trust_place *p = find_or_take(l, id_of(l, ip, bytes), column, now_ms);
	uint64_t bit = hash_keyed(&l->key, name) % TRUST_BITS;
	int64_t began_ms, lost_ms;

	*ret_names = 0;
	if (!p)
		return LIMITS_TRUSTED;
	atomic_store(&p->used_ms, now_ms);
	lost_ms = atomic_load(&p->lost_until_ms);
	if (lost_ms > now_ms)
		return LIMITS_DISTRUSTED;
	began_ms = atomic_load(&p->began_ms);
	if (now_ms - began_ms >= rule->window_ms &&
		atomic_compare_exchange_strong(&p->began_ms, &began_ms, now_ms))
		forget_names(p);
	atomic_fetch_or(&p->names[bit / 64], (uint64_t)1 << bit % 64);
	*ret_names = names_of(p);
	if (*ret_names <= rule->most)
		return LIMITS_TRUSTED;
	if (!atomic_compare_exchange_strong(&p->lost_until_ms, &lost_ms, now_ms + rule->distrust_ms))
		return LIMITS_DISTRUSTED; /* another process has said so */
	forget_names(p);
	atomic_store(&p->began_ms, now_ms + rule->distrust_ms);
	return LIMITS_LOST_TRUST;
}

bool
limits_distrusted(struct limits *l, const unsigned char *ip, size_t bytes, int64_t now_ms)
{
	struct trust_place *p = find(l, id_of(l, ip, bytes));

	return p && atomic_load(&p->lost_until_ms) > now_ms;
}

void
limits_trust_clear_column(struct limits *l, unsigned column)
{
	for (size_t b = 0; b < TRUST_BUCKETS; b++)
		for (size_t i = 0; i < TRUST_BUCKET; i++) {
			uint64_t mark = column + 1;
			(void)atomic_compare_exchange_strong(&l->trust.places[b][i].id, &mark, 0);
		}
}
