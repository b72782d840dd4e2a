/* roles/limits.h - connections and rates of each client, counted over all processes
 * A table in memory that all roles share, made by master before it forks: atomics only, no locks; a process that dies leaves a column that master
 * clears. A client is an IPv4 address or an IPv6 /64 (peer_client_key). Bounded: when the table is full, clients without
 * connections give way; when even that does not help, a client is not counted (and the caller's own limits hold). */
#ifndef ROLES_LIMITS_H
#define ROLES_LIMITS_H

#include "base/fault.h"
#include "base/hash.h"

#include <stdint.h>

enum { LIMITS_COLUMNS = 32, LIMITS_KEY = 9 };

struct limits *limits_new(struct hash_key key);
void limits_free(struct limits *l);
void limits_clear_column(struct limits *l, unsigned column); /* its process is gone */

enum limits_what { LIMITS_SMTP, LIMITS_LOGIN, LIMITS_KINDS };
/* A connection begins: TOO_MANY_FROM_YOU above most_connections, TOO_FAST above most_rate per window_ms (0: no limit); counted only when OK. */
enum fault limits_enter(struct limits *l, unsigned column, enum limits_what what,
	const unsigned char client[LIMITS_KEY], uint32_t most_connections, uint32_t most_rate,
	int64_t window_ms, int64_t now_ms);
void limits_leave(
	struct limits *l, unsigned column, enum limits_what what, const unsigned char client[LIMITS_KEY]);
/* Other things a client may do so many times per window: TOO_OFTEN above most (0: no limit). Only clients that have entered are counted. */
enum limits_event { LIMITS_RECIPIENTS, LIMITS_LOGINS, LIMITS_HANDSHAKES, LIMITS_EVENTS };
enum fault limits_event(struct limits *l, const unsigned char client[LIMITS_KEY], enum limits_event what,
	uint32_t most, int64_t window_ms, int64_t now_ms);
/* Would the next one be too many? Counts nothing. */
bool limits_event_is_due(struct limits *l, const unsigned char client[LIMITS_KEY], enum limits_event what,
	uint32_t most, int64_t window_ms, int64_t now_ms);
/* A message: TOO_FAST above most per window. */
enum fault limits_message(struct limits *l, const unsigned char client[LIMITS_KEY], uint32_t most,
	int64_t window_ms, int64_t now_ms);

/* A trusted client, by its whole address, says HELO. More than `most` different names in window_ms, and it is no single client but a router that lends
 * its address to others: for distrust_ms it is a stranger to all processes. 1024 addresses are remembered. *ret_names is how many names there are (an
 * estimate that is exact for few); LOST_TRUST is told once. */
struct limits_helo_rule {
	uint32_t most;
	int64_t window_ms, distrust_ms;
};
enum limits_trust { LIMITS_TRUSTED, LIMITS_LOST_TRUST, LIMITS_DISTRUSTED };
enum limits_trust limits_helo(struct limits *l, unsigned column, const unsigned char *ip, size_t bytes,
	str name, const struct limits_helo_rule *rule, int64_t now_ms, uint32_t *ret_names);
bool limits_distrusted(struct limits *l, const unsigned char *ip, size_t bytes, int64_t now_ms);

/* What an account sends; independent of the columns. */
enum limits_account_kind {
	LIMITS_ACCOUNT_MESSAGES,
	LIMITS_ACCOUNT_RCPTS,
	LIMITS_ACCOUNT_NEW_RCPTS, /* whom it never wrote to before */
	LIMITS_ACCOUNT_KINDS
};
enum { LIMITS_ACCOUNT_RATES = 2 }; /* such as an hour and a day; the same windows in all calls */
struct limits_rate {
	uint32_t most; /* 0: no limit */
	int64_t window_ms;
};
/* One more of a kind: counted when all rates permit it, else ACCOUNT_LIMIT, which of them does not, and how long until it will. */
enum fault limits_account(struct limits *l, uint32_t account, enum limits_account_kind kind,
	const struct limits_rate rates[LIMITS_ACCOUNT_RATES], int64_t now_ms, unsigned *ret_which,
	int64_t *ret_wait_ms);

#endif
