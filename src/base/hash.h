/* base/hash.h - a keyed hash for tables, and a checksum for records
 * hash_keyed is SipHash-1-3: bytes chosen by a peer cannot be made to collide. hash_sum is XXH3 (not secret, fast). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

struct hash_key {
	uint64_t k0, k1;
};

uint64_t hash_keyed(const struct hash_key *key, str s);
uint64_t hash_sum(str s, uint64_t seed);

#endif
