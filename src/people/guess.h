/* people/guess.h - those who guess passwords are slowed; those who were just right cost nothing
 * In memory of `vault`, bounded: the entries used longest ago give way. Time is the caller's, and never goes back. */
#ifndef PEOPLE_GUESS_H
#define PEOPLE_GUESS_H

#include "base/hash.h"
#include "base/fault.h"

/* Failures are counted per client network (peer_client_key of rt/sock.h, 9 bytes) and per account name, in any case; both halve
 * every `half_ms`. Clients, names and pairs of them that were right have `most_entries` each. */
struct guess;
struct guess *guess_new(struct hash_key key, size_t most_entries, int64_t half_ms);
void guess_free(struct guess *g);
/* How long to wait before even looking (0, then 250 ms doubling to 15 s); AUTH_THROTTLED: refuse at once (a client far over every measure).
 * A client that is right with its password is not locked out by others' guesses at its name from elsewhere: a name alone is
 * only ever slowed, and not for a client that was right about it within the last day. */
enum fault guess_delay(struct guess *g, str client, str user, int64_t now_ms, int64_t *ret_wait_ms);
void guess_failed(struct guess *g, str client, str user, int64_t now_ms);
void guess_succeeded(struct guess *g, str client, str user, int64_t now_ms);

/* Passwords that were just proved: user, password -> keyed digest (HMAC-SHA-256 under a key of this process; never the password), until
 * ttl after they were proved. Bound to the bytes of the stored secret: a changed password is forgotten at once. */
struct auth_cache;
struct auth_cache *auth_cache_new(const char key[32], size_t most_entries, int64_t ttl_ms);
void auth_cache_free(struct auth_cache *c); /* wipes; calm with NULL */
bool auth_cache_has(struct auth_cache *c, str user, str password, str sealed_secret, int64_t now_ms);
void auth_cache_add(struct auth_cache *c, str user, str password, str sealed_secret, int64_t now_ms);

#endif
