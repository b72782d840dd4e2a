/* conf/master_cf.h - a line of Postfix's master.cf: which of its programs listens where, with which settings of its own
 * master(5): eight columns and the program's arguments, which may be groups in braces; "-o name=value" and "-o { name = value }" are settings.
 * Postrider has no such file; `postrider config import` reads one. Pure: never waits, no globals. */
#ifndef CONF_MASTER_CF_H
#define CONF_MASTER_CF_H

#include "base/arena.h"
#include "base/fault.h"

enum { MASTER_ARGUMENTS = 1000 }; /* of one service, settings included */

struct master_option {
	str name, value;
};
struct master_service {
	str name; /* "smtp", "587", "127.0.0.1:10025", "[::1]:smtp"; of type unix, a path */
	str type; /* "inet", "unix", "unix-dgram", "fifo" or "pass" */
	str private, unprivileged, chroot, wakeup, most_processes; /* "-": by default */
	str program;                                               /* "smtpd", "pipe" */
	struct master_option *options;
	size_t option_count;
	str *arguments; /* what is left: "-v", "flags=DRhu", "argv=/usr/bin/maildrop", "-d", "${recipient}" */
	size_t argument_count;
};

/* Understands one logical line (conf/text.h). Everything in *ret borrows from it but for the arrays, which are in the arena. BAD_ARGUMENT: *ret_why says
 * what is wrong, in static text. */
enum fault master_service_parse(struct arena *a, str line, struct master_service *ret, const char **ret_why);

/* Could this be a line of master.cf: are there enough columns, and is the second one a type? */
bool master_looks_like(str line);

/* The last setting of that name; false: there is none. */
bool master_option(const struct master_service *s, const char *name, str *ret_value);

#endif
