/* wire/sasl_inside.h - what sasl.c and its mechanisms share; nobody else includes it. */
#ifndef WIRE_SASL_INSIDE_H
#define WIRE_SASL_INSIDE_H

#include "wire/sasl.h"

enum sasl_move sasl_fail(struct sasl *s, enum fault f);
enum sasl_move sasl_send(struct sasl *s, str challenge);

/* A name that may be looked up and logged: 1 to SASL_USER octets of UTF-8 without controls (RFC 4013 2.3). */
bool sasl_is_user(str name);

enum sasl_move scram_first(struct sasl *s, str message);
enum sasl_move scram_final(struct sasl *s, str message);
enum sasl_move scram_salted(struct sasl *s, str salt, uint32_t iterations);
enum sasl_move scram_proven(struct sasl *s, str server_signature);

/* Takes "K=value" and the comma behind it off the front of *message; false when it does not begin with "K=". RFC 5802 5.1, 7 */
bool scram_take(str *message, char key, str *ret_value);

#endif
