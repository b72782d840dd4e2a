/* wire/smtp_codes.h - what the numbers in replies mean: RFC 5321 4.2, RFC 3463, the registry of RFC 5248. Pure. */
#ifndef WIRE_SMTP_CODES_H
#define WIRE_SMTP_CODES_H

#include "base/str.h"

const char *smtp_code_meaning(int code); /* NULL: not known */
struct smtp_status {
	const char *detail;  /* "1.1" */
	const char *name;    /* as the registry has it */
	const char *meaning; /* in plain words */
	const char *source;
};
/* "5.1.1"; NULL: not known. */
const struct smtp_status *smtp_status_find(str status);

/* The first reply code and the first enhanced status in a text, such as a line of a bounce: "... said: 550 5.1.1 <x>: no such user".
 * A number within a longer word, an address or a version does not count; of a code and a status the classes must agree (the code
 * goes when they do not). False: neither was found. */
struct smtp_numbers {
	int code;   /* 0: none */
	str status; /* "" : none; borrowed */
};
bool smtp_numbers_find(str text, struct smtp_numbers *ret);

#endif
