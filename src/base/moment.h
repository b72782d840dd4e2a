/* base/moment.h - moments and their spellings
 * A moment is milliseconds since 1970 UTC (int64_t, unit in the name). Reading a clock is rt's business. Pure, no locale. */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include "base/buf.h"

struct moment_parts {
	int year, month, day;     /* 1970.., 1-12, 1-31 */
	int hour, minute, second; /* 0-23, 0-59, 0-60 */
	int millisecond;
	int weekday; /* 0 = Sunday */
};

void moment_split(int64_t unix_ms, struct moment_parts *ret); /* UTC */
int64_t moment_join(const struct moment_parts *t);            /* weekday is ignored */

/* "Mon, 23 Nov 2026 22:12:00 +0000 (UTC)"-style date of RFC 5322 3.3 without the comment. offset_min: zone, east > 0 */
void moment_add_rfc5322(struct buf *b, int64_t unix_ms, int offset_min);
/* "2026-11-23T22:12:00.123Z" (RFC 3339) */
void moment_add_rfc3339(struct buf *b, int64_t unix_ms);

#endif
