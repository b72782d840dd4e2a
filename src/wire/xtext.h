/* wire/xtext.h - values of ESMTP parameters that may hold any character - RFC 3461 4 (xtext), RFC 6533 3 (\x{...}). Pure. */
#ifndef WIRE_XTEXT_H
#define WIRE_XTEXT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

/* Undoes "+41". *ret borrows from text or lives in the arena. What it means must be something that can be shown and written to a
 * header: controls (a decoded CR or LF would end a line of ours) and malformed UTF-8 are refused. Raw bytes above 127 are taken when
 * `utf8_ok` (SMTPUTF8). Faults: BAD_ARGUMENT. */
enum fault xtext_decode(struct arena *a, str text, bool utf8_ok, str *ret);

/* The way out. */
void xtext_add(struct buf *b, str bytes);

/* Undoes "\x{41}", the escape of ORCPT addresses of type utf-8. What does not follow the grammar stays as it is (RFC 6533 3). */
str xtext_unescape_utf8(struct arena *a, str text);

#endif
