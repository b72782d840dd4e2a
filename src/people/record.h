/* people/record.h - a secret as bytes, before it is sealed: inside people/. Pure. */
#ifndef PEOPLE_RECORD_H
#define PEOPLE_RECORD_H

#include "people/secret.h"

/* Appends it. */
void record_put(struct buf *b, const struct secret *s);
/* The whole of `bytes`, nothing behind it; the verifier is copied. False, and *ret untouched: no record of ours. */
bool record_read(struct arena *a, str bytes, struct secret *ret);

#endif
