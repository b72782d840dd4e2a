/* roles/limits_inside.h - the shared table of limits.h, for the files that make it
 * limits_trust.c: trusted addresses behind which too many names appear.
 * A router that lends its address to strangers (NAT) in a network that is trusted makes them trusted, too. Each of them says another name in HELO: the
 * names of a trusted client are counted (a bitmap of their hashes), and when there are too many the address is a stranger itself for a while. Atomics
 * only; bounded: 1024 addresses, of which those seen longest ago give way, those that lost their trust last of all. */
#ifndef ROLES_LIMITS_INSIDE_H
#define ROLES_LIMITS_INSIDE_H

#include "roles/limits.h"

#include <stdatomic.h>
#include <stdint.h>

enum { TRUST_BUCKETS = 256, TRUST_BUCKET = 4, TRUST_WORDS = 4, TRUST_BITS = TRUST_WORDS * 64 };

struct account_limits;

struct trust_place {
	_Atomic uint64_t id; /* as of struct client */
	_Atomic int64_t began_ms, used_ms, lost_until_ms;
	_Atomic uint64_t names[TRUST_WORDS];
};
struct trust_table {
	struct trust_place places[TRUST_BUCKETS][TRUST_BUCKET];
};

enum {
	BUCKETS = 4096,
	BUCKET = 8,
	ID_FREE = 0, /* ids 1 .. LIMITS_COLUMNS mark a place as being taken by that column */
	FIRST_ID = LIMITS_COLUMNS + 1,
	RATE_MESSAGES = LIMITS_KINDS, /* behind connections of each kind */
	RATE_EVENTS,
	RATES = RATE_EVENTS + LIMITS_EVENTS
};

struct client {
	_Atomic uint64_t id;
	_Atomic int64_t used_ms; /* when it last entered */
	_Atomic uint64_t rates[RATES];
	_Atomic uint32_t counts[LIMITS_KINDS][LIMITS_COLUMNS];
};
struct limits {
	struct hash_key key;
	struct account_limits *accounts; /* mapped before the first fork: at the same place everywhere */
	struct client clients[BUCKETS][BUCKET];
	struct trust_table trust;
};

/* limits_account.c */
struct account_limits *account_limits_new(void);
void account_limits_free(struct account_limits *l); /* calm with NULL */

void limits_trust_clear_column(struct limits *l, unsigned column);

#endif
