/* mail/idn.h - domains with letters beyond ASCII, for those who know only ASCII
 * RFC 5890-5894 by UTS 46, nontransitional, as browsers and other mail programs do it. Pure. */
#ifndef MAIL_IDN_H
#define MAIL_IDN_H

#include "base/arena.h"

/* "bücher.example" to "xn--bcher-kva.example"; a domain in ASCII, or an address literal, stays as it is. False: it is none (a label too long, a
 * character that no domain may have). *ret lives in the arena or borrows. */
bool idn_to_ascii(struct arena *a, str domain, str *ret);

#endif
