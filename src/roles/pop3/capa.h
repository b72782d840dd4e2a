/* roles/pop3/capa.h - what POP3 offers, before and after login
 * RFC 2449 5: what is available before login is announced in both states; so login and pop3 take it from one place. */
#ifndef ROLES_POP3_CAPA_H
#define ROLES_POP3_CAPA_H

#include "base/buf.h"
#include "conf/conf.h"
#include "wire/sasl.h"

/* May a client log in over this connection? */
bool pop3_may_log_in(const struct conf *conf, bool tls);
/* May it do so in this way? Passwords and SCRAM under TLS, or anywhere when main.cf says so; -PLUS only where there is a channel to bind to. */
bool pop3_offers_mech(const struct conf *conf, bool tls, enum sasl_mech mech);
/* The lines of CAPA's answer, without the first and the last. */
void pop3_capa_add(struct buf *b, const struct conf *conf, bool tls);
/* The mechanisms, each with `before` and `after`. */
void pop3_mechs_add(struct buf *b, const struct conf *conf, bool tls, str before, str after);

#endif
