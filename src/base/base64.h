/* base/base64.h - base64 and hexadecimal - RFC 4648. Pure. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

void base64_add(struct buf *b, str bytes); /* with padding, without line breaks */

/* Strict: the right padding, no white space, no stray bits; false leaves *b as it was. */
bool base64_decode(str text, struct buf *b);

void hex_add(struct buf *b, str bytes); /* lower case */
bool hex_decode(str text, struct buf *b);

#endif
