/* mail/targets.h - the right side of an alias
 * aliases(5), virtual(5), canonical(5): addresses and names between commas or blanks, as `ann@a.test, ben "odd one"@a.test`; with display names,
 * `Ann <ann@a.test>`; and what aliases(5) has besides. Pure, linear, no allocation. */
#ifndef PEOPLE_TARGETS_H
#define PEOPLE_TARGETS_H

#include "base/str.h"

enum target_kind {
	TARGET_ADDRESS, /* local@domain, or a name without domain */
	TARGET_DOMAIN,  /* @domain: the same name in another domain */
	TARGET_INCLUDE, /* :include:/file */
	TARGET_COMMAND, /* |command, also in quotes */
	TARGET_FILE     /* /file */
};
struct target {
	enum target_kind kind;
	str text; /* the address without <>, the domain without @, the path, the command */
};

/* Takes the next one off the front; false at the end. Nothing is judged: TARGET_ADDRESS may be no address. */
bool targets_take(str *value, struct target *ret);

#endif
