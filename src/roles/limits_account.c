/* roles/limits_account.c - what each account sends, counted over all processes
 * A table in shared memory as that of the clients (limits.c), simpler because nothing in it lasts longer than a rate: a place is taken by whoever
 * needs one, from the account that has been quiet longest. A process that counts for the old account in that very moment counts one too
 * many for the new one. */
#include "roles/limits_inside.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { WRITER_BUCKETS = 2048, WRITER_BUCKET = 8, WRITER_RATES = LIMITS_ACCOUNT_KINDS * LIMITS_ACCOUNT_RATES };

struct writer {
	_Atomic uint64_t id; /* the account; 0: free */
	_Atomic int64_t used_ms;
	_Atomic uint64_t rates[WRITER_RATES];
};
struct account_limits {
	struct writer writers[WRITER_BUCKETS][WRITER_BUCKET];
};

struct account_limits *
account_limits_new(void)
{
	struct account_limits *l = mmap(
		NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (l == MAP_FAILED)
		abort(); /* out of memory, at the start of the server */
	return l;
}

void
account_limits_free(struct account_limits *l)
{
	if (l)
		(void)munmap(l, sizeof(*l));
}

static struct writer *
find_or_take(struct account_limits *l, uint32_t account, int64_t now_ms)
{
	struct writer *bucket = l->writers[account % WRITER_BUCKETS], *oldest = &bucket[0];
	uint64_t was;

	for (unsigned i = 0; i < WRITER_BUCKET; i++) {
		was = atomic_load(&bucket[i].id);
		if (was == account) {
			atomic_store(&bucket[i].used_ms, now_ms);
			return &bucket[i];
		}
		if (was == 0) {
			oldest = &bucket[i];
			break; /* places are taken in order and never given back */
		}
		if (atomic_load(&bucket[i].used_ms) < atomic_load(&oldest->used_ms))
			oldest = &bucket[i];
	}
	was = atomic_load(&oldest->id);
	if (atomic_compare_exchange_strong(&oldest->id, &was, account))
		for (unsigned i = 0; i < WRITER_RATES; i++)
			atomic_store(&oldest->rates[i], 0);
	else if (was != account)
		return NULL; /* another process took it meanwhile */
	atomic_store(&oldest->used_ms, now_ms);
	return oldest;
}

/* ---- rates ---- */

/* A rate is one word: the number of its window (24 bits), the counts of the one before and of this one (20 bits each); what counts is this
 * window and the part of the one before that is not past yet. */
enum { RATE_BITS = 20, RATE_MOST = (1 << RATE_BITS) - 1, WINDOW_MASK = (1 << 24) - 1 };

struct rate {
	uint64_t window, before, now;
	uint64_t left_ms; /* of this window */
};

static struct rate
read_rate(uint64_t word, int64_t window_ms, int64_t now_ms)
{
	struct rate r = { .window = (uint64_t)(now_ms / window_ms) & WINDOW_MASK,
		.left_ms = (uint64_t)(window_ms - now_ms % window_ms) };
	uint64_t at = word >> 2 * RATE_BITS;

	if (at == r.window) {
		r.before = word >> RATE_BITS & RATE_MOST;
		r.now = word & RATE_MOST;
	} else if (((at + 1) & WINDOW_MASK) == r.window) {
		r.before = word & RATE_MOST;
	}
	return r;
}

static bool
permits(const struct rate *r, uint32_t most, int64_t window_ms)
{
	return r->now * (uint64_t)window_ms + r->before * r->left_ms < most * (uint64_t)window_ms;
}

/* How long until one more is permitted, if nothing is sent meanwhile. */
static int64_t
wait_of(const struct rate *r, uint32_t most, int64_t window_ms)
{
	uint64_t window = (uint64_t)window_ms, left;

	if (r->now < most) { /* `before` has to shrink */
		left = ((most - r->now) * window - 1) / r->before;
		return (int64_t)(r->left_ms - MIN(r->left_ms, left));
	}
	left = (most * window - 1) / r->now; /* in the next window this one is `before` */
	return (int64_t)(r->left_ms + window - MIN(window, left));
}

static void
count(_Atomic uint64_t *word, int64_t window_ms, int64_t now_ms)
{
	uint64_t old = atomic_load(word), fresh;

	do {
		struct rate r = read_rate(old, window_ms, now_ms);

		fresh = r.window << 2 * RATE_BITS | r.before << RATE_BITS |
			MIN(r.now + 1, (uint64_t)RATE_MOST);
	} while (!atomic_compare_exchange_weak(word, &old, fresh));
}

enum fault
limits_account(struct limits *l, uint32_t account, enum limits_account_kind kind,
	const struct limits_rate rates[LIMITS_ACCOUNT_RATES], int64_t now_ms, unsigned *ret_which,
	int64_t *ret_wait_ms)
{
	struct writer *w = find_or_take(l->accounts, account, now_ms);

	if (!w)
		return OK;
	for (unsigned i = 0; i < LIMITS_ACCOUNT_RATES; i++) {
		struct rate r;

		if (!rates[i].most)
			continue;
		r = read_rate(
			atomic_load(&w->rates[kind * LIMITS_ACCOUNT_RATES + i]), rates[i].window_ms, now_ms);
		if (permits(&r, rates[i].most, rates[i].window_ms))
			continue;
		*ret_which = i;
		*ret_wait_ms = wait_of(&r, rates[i].most, rates[i].window_ms);
		return ACCOUNT_LIMIT;
	}
	for (unsigned i = 0; i < LIMITS_ACCOUNT_RATES; i++)
		if (rates[i].most)
			count(&w->rates[kind * LIMITS_ACCOUNT_RATES + i], rates[i].window_ms, now_ms);
	return OK;
}
