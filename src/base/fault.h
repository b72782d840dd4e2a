/* base/fault.h - errors are values a peer can be told
 * fault.def lists them once, with their words in each protocol. Functions that can fail return enum fault; OK is 0. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/str.h"

enum fault {
	OK = 0,
#define FAULT(name, smtp, status, pop3, imap, text) name,
#include "base/fault.def"
#undef FAULT
	FAULTS /* how many */
};

struct fault_words {
	const char *name;   /* as in the log: kebab-case is made by fault_name */
	int smtp;           /* reply code */
	const char *status; /* enhanced status code */
	const char *pop3;   /* response code, "" for none */
	const char *imap;   /* response code, "" for none */
	const char *text;
};

/* Never NULL; OK gives 250 2.0.0. */
const struct fault_words *fault_words(enum fault f);

/* fault_help.def: what to do about it. Never NULL; "" where there is nothing to say. */
struct fault_help {
	const char *todo;           /* half a sentence for who reads the reply */
	const char *when;           /* in which case this server gives it */
	const char *sender, *admin; /* what each of them can do */
};
const struct fault_help *fault_help(enum fault f);

/* A fault received from another process: anything out of range is INTERNAL. */
enum fault fault_of(uint64_t number);

/* Will trying again later help? (4yz) */
bool fault_is_temporary(enum fault f);

/* Passes a fault up. */
#define TRY(call)                                                                                            \
	do {                                                                                                 \
		enum fault try_ = (call);                                                                    \
		if (try_ != OK)                                                                              \
			return try_;                                                                         \
	} while (0)

#endif
