/* mail/date.h - the dates of message headers, leniently
 * RFC 5322 3.3 and 4.3 (obsolete zones, two-digit years), and what old and careless programs write: no weekday, no seconds, no zone
 * (taken as UTC), dashes between day, month and year, asctime's order, RFC 3339. Pure, no locale. To write dates see base/moment.h. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/str.h"

/* False when it makes no date; nothing is written then. offset_min: the zone, minutes east of UTC. A leap second counts as the second
 * after it. */
bool date_parse(str s, int64_t *ret_unix_ms, int *ret_offset_min);

#endif
