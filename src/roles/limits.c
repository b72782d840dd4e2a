/* roles/limits.c - a hash table in shared memory, without locks
 *
 * A client is known by the keyed hash of its key: 64 bits, so that who it is fits one atomic word. Its place is in one bucket of eight. Each process
 * counts connections in a column of its own and nobody else writes there; the sum of the columns is the client's count.
 *
 * A place changes hands in two steps, because somebody may count in it meanwhile: whoever wants it puts its own mark in place of the id, looks again whether
 * all counts are zero, and then writes the new id, or the old one back. Whoever counts looks at the id again after counting and takes back what it
 * counted when the place is not its client's any more. So one of the two always sees the other. */
#include "roles/limits.h"

#include "base/mem.h"
#include "roles/limits_inside.h"

#include <sys/mman.h>

struct limits *
limits_new(struct hash_key key)
{
	struct limits *l = mmap(
		NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (l == MAP_FAILED)
		abort(); /* out of memory, at the start of the server */
	l->key = key;
	l->accounts = account_limits_new();
	return l;
}

void
limits_free(struct limits *l)
{
	if (!l)
		return;
	account_limits_free(l->accounts);
	(void)munmap(l, sizeof(*l));
}

/* ---- places ---- */

static uint64_t
id_of(const struct limits *l, const unsigned char client[LIMITS_KEY])
{
	uint64_t id = hash_keyed(&l->key, str_of(client, LIMITS_KEY));

	return id < FIRST_ID ? id + FIRST_ID : id;
}

static struct client *
bucket_of(struct limits *l, uint64_t id)
{
	return l->clients[id % BUCKETS];
}

static uint64_t
count_of(struct client *c, unsigned what)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LIMITS_COLUMNS; i++)
		sum += atomic_load(&c->counts[what][i]);
	return sum;
}

static bool
is_idle(struct client *c)
{
	for (unsigned what = 0; what < LIMITS_KINDS; what++)
		if (count_of(c, what) > 0)
			return false;
	return true;
}

/* Makes an idle place the client's. False: somebody else was quicker. */
static bool
take_place(struct client *c, uint64_t was, uint64_t id, unsigned column)
{
	if (!atomic_compare_exchange_strong(&c->id, &was, column + 1))
		return false;
	if (!is_idle(c)) {
		atomic_store(&c->id, was);
		return false;
	}
	for (unsigned i = 0; i < RATES; i++)
		atomic_store(&c->rates[i], 0);
	atomic_store(&c->id, id);
	return true;
}

static struct client *
find(struct limits *l, uint64_t id)
{
	struct client *bucket = bucket_of(l, id);

	for (unsigned i = 0; i < BUCKET; i++)
		if (atomic_load(&bucket[i].id) == id)
			return &bucket[i];
	return NULL;
}

/* The client's place; a free one, or that of the client that has been away longest. NULL: all are in use. */
static struct client *
find_or_take(struct limits *l, uint64_t id, unsigned column, int64_t now_ms)
{
	struct client *bucket = bucket_of(l, id);

	for (int tries = 0; tries < BUCKET; tries++) {
		struct client *c = find(l, id), *best = NULL;
		uint64_t best_id = ID_FREE;

		if (c) {
			atomic_store(&c->used_ms, now_ms);
			return c;
		}
		for (unsigned i = 0; i < BUCKET; i++) {
			uint64_t was = atomic_load(&bucket[i].id);

			if ((was != ID_FREE && was < FIRST_ID) || !is_idle(&bucket[i]))
				continue;
			if (!best || was == ID_FREE ||
				(best_id != ID_FREE &&
					atomic_load(&bucket[i].used_ms) < atomic_load(&best->used_ms))) {
				best = &bucket[i];
				best_id = was;
			}
		}
		if (!best)
			return NULL;
		if (take_place(best, best_id, id, column)) {
			atomic_store(&best->used_ms, now_ms);
			return best;
		}
	}
	return NULL;
}

/* ---- rates ---- */

/* A rate is one word: the number of the window it was last counted in (24 bits), and the counts of the window before it and of itself (20 bits each). What
 * counts is the last window_ms: all of this window and the part of the one before that is not past yet. */
enum { RATE_BITS = 20, RATE_MOST = (1 << RATE_BITS) - 1, WINDOW_MASK = (1 << 24) - 1 };

/* One more within the limit? With `count`, it is counted then. */
static bool
rate_has_room(_Atomic uint64_t *rate, uint32_t most, int64_t window_ms, int64_t now_ms, bool count)
{
	uint64_t window = (uint64_t)(now_ms / window_ms) & WINDOW_MASK;
	uint64_t left_ms = (uint64_t)(window_ms - now_ms % window_ms);
	uint64_t old = atomic_load(rate), fresh;

	do {
		uint64_t at = old >> 2 * RATE_BITS, before = old >> RATE_BITS & RATE_MOST,
			 now = old & RATE_MOST;

		if (at == ((window + 1) & WINDOW_MASK)) { /* another process's clock is a little ahead */
			window = at;
			left_ms = (uint64_t)window_ms;
		} else if (at != window) {
			before = ((at + 1) & WINDOW_MASK) == window ? now : 0;
			now = 0;
		}
		if (now * (uint64_t)window_ms + before * left_ms >= most * (uint64_t)window_ms)
			return false;
		if (!count)
			return true;
		now = MIN(now + 1, (uint64_t)RATE_MOST);
		fresh = window << 2 * RATE_BITS | before << RATE_BITS | now;
	} while (!atomic_compare_exchange_weak(rate, &old, fresh));
	return true;
}

static bool
rate_permits(_Atomic uint64_t *rate, uint32_t most, int64_t window_ms, int64_t now_ms)
{
	return rate_has_room(rate, most, window_ms, now_ms, true);
}

/* ---- the door ---- */

enum fault
limits_enter(struct limits *l, unsigned column, enum limits_what what, const unsigned char client[LIMITS_KEY],
	uint32_t most_connections, uint32_t most_rate, int64_t window_ms, int64_t now_ms)
{
	uint64_t id = id_of(l, client);
	enum fault f = OK;

	for (int tries = 0; tries < BUCKET; tries++) {
		struct client *c = find_or_take(l, id, column, now_ms);

		if (!c)
			return OK; /* the bucket is full of clients with connections */
		atomic_fetch_add(&c->counts[what][column], 1);
		if (atomic_load(&c->id) != id) {
			atomic_fetch_sub(&c->counts[what][column], 1);
			continue;
		}
		if (most_connections > 0 && count_of(c, what) > most_connections)
			f = TOO_MANY_FROM_YOU;
		else if (most_rate > 0 && !rate_permits(&c->rates[what], MIN(most_rate, (uint32_t)RATE_MOST),
						  window_ms, now_ms))
			f = TOO_FAST;
		if (f != OK)
			atomic_fetch_sub(&c->counts[what][column], 1);
		return f;
	}
	return OK;
}

void
limits_leave(struct limits *l, unsigned column, enum limits_what what, const unsigned char client[LIMITS_KEY])
{
	uint64_t id = id_of(l, client);
	struct client *bucket = bucket_of(l, id);

	/* A client that was not counted when it entered has nothing to take back. */
	for (unsigned i = 0; i < BUCKET; i++)
		if (atomic_load(&bucket[i].id) == id && atomic_load(&bucket[i].counts[what][column]) > 0) {
			atomic_fetch_sub(&bucket[i].counts[what][column], 1);
			return;
		}
}

enum fault
limits_message(struct limits *l, const unsigned char client[LIMITS_KEY], uint32_t most, int64_t window_ms,
	int64_t now_ms)
{
	struct client *c;

	if (most == 0)
		return OK;
	c = find(l, id_of(l, client));
	if (!c)
		return OK;
	return rate_permits(&c->rates[RATE_MESSAGES], MIN(most, (uint32_t)RATE_MOST), window_ms, now_ms)
		       ? OK
		       : TOO_FAST;
}

static bool
event_has_room(struct limits *l, const unsigned char client[LIMITS_KEY], enum limits_event what,
	uint32_t most, int64_t window_ms, int64_t now_ms, bool count)
{
	struct client *c = most > 0 ? find(l, id_of(l, client)) : NULL;

	return !c || rate_has_room(&c->rates[RATE_EVENTS + what], MIN(most, (uint32_t)RATE_MOST), window_ms,
			     now_ms, count);
}

enum fault
limits_event(struct limits *l, const unsigned char client[LIMITS_KEY], enum limits_event what, uint32_t most,
	int64_t window_ms, int64_t now_ms)
{
	return event_has_room(l, client, what, most, window_ms, now_ms, true) ? OK : TOO_OFTEN;
}

bool
limits_event_is_due(struct limits *l, const unsigned char client[LIMITS_KEY], enum limits_event what,
	uint32_t most, int64_t window_ms, int64_t now_ms)
{
	return !event_has_room(l, client, what, most, window_ms, now_ms, false);
}

void
limits_clear_column(struct limits *l, unsigned column)
{
	limits_trust_clear_column(l, column);
	for (unsigned b = 0; b < BUCKETS; b++)
		for (unsigned i = 0; i < BUCKET; i++) {
			struct client *c = &l->clients[b][i];
			uint64_t mark = column + 1;

			for (unsigned what = 0; what < LIMITS_KINDS; what++)
				if (atomic_load(&c->counts[what][column]) > 0)
					atomic_store(&c->counts[what][column], 0);
			(void)atomic_compare_exchange_strong(&c->id, &mark, ID_FREE);
		}
}
