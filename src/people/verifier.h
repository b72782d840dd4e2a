/* people/verifier.h - the one-way forms of a password: inside people/
 * Ours is argon2id (RFC 9106) in its text form; others are understood as Dovecot and crypt(5) write them. What a verifier costs is
 * bounded whenever it is read: a hostile one is refused, not computed. */
#ifndef PEOPLE_VERIFIER_H
#define PEOPLE_VERIFIER_H

#include "people/secret.h"

enum { VERIFIER_MOST = 512 }; /* octets */

/* argon2id with 19 MiB, t=2, p=1 for a password in its final form. AUTH_UNAVAILABLE: no memory. */
enum fault verifier_new(struct arena *a, str password, const char salt[16], str *ret);
/* What is kept of an imported one: "{SSHA512}..." or "$6$..."; scheme is Dovecot's name, without braces, or "" for none.
 * BAD_ARGUMENT: unknown, malformed, too costly. */
enum fault verifier_import(struct arena *a, str scheme, str text, str *ret);
/* Does exactly this password fit? AUTH_FAILED, AUTH_UNAVAILABLE. */
enum fault verifier_check(str verifier, str password);
/* Does checking it take as long as checking one of ours, or longer? */
bool verifier_is_slow(str verifier);
/* As long as checking one of ours takes. */
void verifier_waste(str password);

#endif
