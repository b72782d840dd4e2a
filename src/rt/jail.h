/* rt/jail.h - a role closes itself in
 * Landlock for files (and TCP where the kernel can), seccomp for system calls, no new privileges, no core dumps. Works without
 * root. Once closed it never opens again. A kernel without Landlock is logged as a warning, once; seccomp is required. */
#ifndef RT_JAIL_H
#define RT_JAIL_H

#include "base/fault.h"
#include "base/log.h"

enum jail_rights {
	JAIL_FILES_WRITE = 1,   /* open, create, link, unlink below the write paths; fsync family */
	JAIL_FILES_READ = 2,    /* open for reading below the read paths */
	JAIL_ACCEPT = 4,        /* accept connections on sockets inherited */
	JAIL_CONNECT = 8,       /* make IPv4 and IPv6 sockets and connect */
	JAIL_THREADS = 16,      /* start threads */
	JAIL_PAIRS = 32,        /* make AF_UNIX socket pairs, to hand one end over */
	JAIL_CONNECT_LOCAL = 64 /* make AF_UNIX sockets and connect */
};
struct jail {
	unsigned rights;
	const char *const *read_paths, *const *write_paths; /* NULL-terminated; NULL = none */
};
/* Faults: INTERNAL (logged with the step that failed; the process is then of no use). A forbidden system call ends the process
 * (SIGSYS), logged by master; only names of files that may not be opened are merely refused (EACCES), since libraries ask for
 * some now and then. Landlock holds for the calling thread and those it starts: start threads afterwards. */
enum fault jail_close(const struct jail *j, const struct log *log);

/* Becomes `user` (uid, gid, no supplementary groups) for good; OK and nothing done when not root. Faults: NOT_FOUND (no such
 * user), NOT_PERMITTED (the user is root), INTERNAL; logged. */
enum fault jail_drop_to(const char *user, const struct log *log);

#endif
