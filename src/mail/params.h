/* mail/params.h - Content-Type, Content-Disposition and their parameters
 * RFC 2045 5.1, RFC 2183, RFC 2231 3 and 4 (continuations, charsets). Lenient: missing semicolons, blanks in unquoted values, quotes
 * that never close. Pure, linear. */
#ifndef MAIL_PARAMS_H
#define MAIL_PARAMS_H

#include "base/arena.h"
#include "mail/charset.h"

enum { PARAMS_MAX = 128 }; /* pieces that are looked at; later ones are left out */

struct param {
	str name;  /* lower case */
	str value; /* UTF-8, without control characters; RFC 2231 decoded, encoded words left as they are */
};

/* "type/subtype; ...": both in lower case. False where there is no such pair: the caller takes RFC 2045 5.2's default. *ret_params is what
 * follows, for params_parse, also when false. */
bool params_take_type(struct arena *a, str value, str *ret_type, str *ret_subtype, str *ret_params);
/* "inline; ...", a single token in lower case; may be empty. */
str params_take_token(struct arena *a, str value, str *ret_params);

/* Every parameter once, in the order of its first piece. An extended form (name*) comes before a plain one of the same name. */
size_t params_parse(struct arena *a, struct charset_reader *cs, str params, struct param **ret);
/* Of the parsed ones; "" when absent. */
str params_get(const struct param *p, size_t n, str name);

#endif
