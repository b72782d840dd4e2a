/* rt/jail_own.h - the walls of the jail, one by one */
#ifndef RT_JAIL_OWN_H
#define RT_JAIL_OWN_H

#include "rt/jail.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JAIL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define JAIL_SANITIZED 1
#endif
#endif
#ifndef JAIL_SANITIZED
#define JAIL_SANITIZED                                                                                       \
	0 /* 1: the sanitizers' runtime reads /proc and its own program, and traces itself to find leaks */
#endif

/* What this kernel's Landlock can; 0 = nothing. */
int jail_landlock_abi(void);
/* Files and TCP, as far as a kernel of this ABI can; below 1 nothing is done. */
enum fault jail_landlock(const struct jail *j, int abi, const struct log *log);
/* System calls. */
enum fault jail_seccomp(const struct jail *j, const struct log *log);

/* Logs the step that failed, with errno. Gives INTERNAL. */
enum fault jail_failed(const struct log *log, const char *step, const char *detail, int error);

#endif
