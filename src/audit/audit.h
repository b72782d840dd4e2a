/* audit/audit.h - what is dangerous: in a configuration, and in a server as a stranger sees it
 * Each check is a row of checks.def. audit_config reads a loaded configuration and looks at the files it names; audit_probe (probe.h) speaks to a server.
 * Both add what they find to a struct audit. audit_open_relay is the guard of `serve`, of reload and of `config check`. */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"

enum audit_severity { AUDIT_NOTE, AUDIT_LOW, AUDIT_MEDIUM, AUDIT_HIGH, AUDIT_CRITICAL };
enum audit_id {
#define CONFIG(name, ...) AUDIT_##name,
#define PROBE(name, ...)  AUDIT_##name,
#include "audit/checks.def"
#undef CONFIG
#undef PROBE
	AUDIT_CHECKS
};
struct audit_check {
	const char *name; /* as in checks.def */
	enum audit_severity severity;
	const char *what, *why, *mend;
};
const struct audit_check *audit_check(enum audit_id id);
str audit_id_name(struct arena *a, enum audit_id id); /* "networks-open" */
const char *audit_severity_name(enum audit_severity s);

struct audit_finding {
	enum audit_id id;
	str where;  /* "main.cf:3", "/etc/key.pem", "mx.a.test:25" */
	str detail; /* what was seen: printable, one line */
};
struct audit {
	struct arena arena;
	struct audit_finding *findings;
	size_t count, room;
	struct audit_state {
		bool ran;
		const char *failed; /* could not be tested, and why: the answer is not known */
		const char *idle;   /* does not apply, and why */
	} states[AUDIT_CHECKS];
};
void audit_done(struct audit *a);

/* The check was made. */
void audit_ran(struct audit *a, enum audit_id id);
/* It could not be made: `why` is static text. The first reason counts. */
void audit_failed(struct audit *a, enum audit_id id, const char *why);
/* There is nothing to check: `why` is static text. */
void audit_idle(struct audit *a, enum audit_id id, const char *why);
/* Something was found (and so the check was made). What a peer said is made printable. */
void audit_find(struct audit *a, enum audit_id id, str where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

size_t audit_worst(const struct audit *a, enum audit_severity least); /* findings of that severity or worse */
size_t audit_count_ran(const struct audit *a);
size_t audit_count_failed(const struct audit *a);

/* Reads the files that c names; `path` is main.cf's, NULL for none. now_ms: since 1970, for certificates. */
void audit_config(struct audit *a, const struct conf *c, const char *path, int64_t now_ms);

/* Would a server with this configuration relay for the world? Then *report gets a line, "main.cf:3: error: ...", and the answer is
 * true; with open_relay_is_wanted the line is a warning and the answer false. Never waits, reads no file. */
bool audit_open_relay(const struct conf *c, struct buf *report);

#endif
