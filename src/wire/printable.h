/* wire/printable.h - text that may come from a peer, on its way into a line of ours. Pure. */
#ifndef WIRE_PRINTABLE_H
#define WIRE_PRINTABLE_H

#include "base/buf.h"

/* Adds text, at most `most` octets of it, whole UTF-8 characters only. CR, LF, NUL, every other control (C1 too: terminals obey them) and
 * malformed UTF-8 become '?', byte by byte: what is added can neither end a line nor begin another. Returns the octets added. */
size_t printable_add(struct buf *b, str text, size_t most);

#endif
