/* people/prep.h - SASLprep: one spelling for what looks the same on different keyboards
 * RFC 4013, a profile of stringprep (RFC 3454): tables B.1 and C.1.2 are mapped, then NFKC, then prohibited characters and the
 * rules for right-to-left text. Unassigned code points pass, as for queries. Pure but for memory, which is wiped. */
#ifndef PEOPLE_PREP_H
#define PEOPLE_PREP_H

#include "base/buf.h"

/* Appends the prepared text; false, and *ret as it was, when there is none (not UTF-8, prohibited, empty). The text is secret: *ret grows at most
 * once, and is the caller's to wipe. */
bool prep_sasl(str text, struct buf *ret);

#endif
