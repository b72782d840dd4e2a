/* people/scram.h - the keys of SCRAM, RFC 5802 3 and RFC 7677: inside people/. Pure. */
#ifndef PEOPLE_SCRAM_H
#define PEOPLE_SCRAM_H

#include "people/secret.h"

enum { SCRAM_ITERATIONS_MOST = 1000000 }; /* of an imported secret */

static inline size_t
scram_size(bool sha256)
{
	return sha256 ? 32 : 20;
}

/* Keys for a prepared password. The salt may have any size, that of *ret is only written by scram_new. */
void scram_derive(bool sha256, str prepared, str salt, uint32_t iterations, struct scram_keys *ret);
void scram_new(bool sha256, str prepared, const char salt[16], struct scram_keys *ret);
/* Is it the password these keys were made from? As slow as making them. */
bool scram_fits(bool sha256, const struct scram_keys *k, str prepared);

#endif
