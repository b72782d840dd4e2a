/* base/log.h - events for people and for programs
 * One line an event: a fixed kebab-case name and typed pairs (logfmt, or JSON). Ids (session, queue, message) come from
 * the context. Bytes from a peer are escaped: a value can never forge a line or a pair. Secrets are never logged.
 * Lines gather in the sink and leave it at log_flush (a role's loop calls it before it sleeps) or when it is half full;
 * LOG_ERROR and above leave at once. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_sink {
	int fd;      /* stderr, a file or a syslog socket (see syslog) */
	bool syslog; /* each line is a datagram with a priority (RFC 3164 as journald and rsyslog take it) */
	const char *name; /* for syslog: what it calls us; NULL: postrider */
	int facility;     /* for syslog: RFC 5424 6.2.1; 0 (the kernel's): mail */
	enum log_format format;
	enum log_level least;    /* events below are dropped */
	const char *role;        /* process name: smtp, store ... */
	int64_t (*now_ms)(void); /* wall clock; NULL: no time (tests) */
	struct buf lines;
};

/* Where events come from: the sink and the ids every line of this context carries. */
struct log {
	struct log_sink *sink; /* NULL: nothing is logged */
	const char *id_name;   /* "session", or NULL */
	str id;
};

enum kv_type { KV_END, KV_STR, KV_INT, KV_UINT, KV_BOOL };
struct kv {
	enum kv_type type;
	const char *key;
	str s;
	int64_t i;
};

static inline struct kv
kv_str(const char *key, str s)
{
	return (struct kv){ KV_STR, key, s, 0 };
}
static inline struct kv
kv_c(const char *key, const char *c)
{
	return (struct kv){ KV_STR, key, str_c(c), 0 };
}
static inline struct kv
kv_int(const char *key, int64_t i)
{
	return (struct kv){ KV_INT, key, { 0 }, i };
}
static inline struct kv
kv_uint(const char *key, uint64_t u)
{
	return (struct kv){ KV_UINT, key, { 0 }, (int64_t)u };
}
static inline struct kv
kv_bool(const char *key, bool b)
{
	return (struct kv){ KV_BOOL, key, { 0 }, b };
}

void log_pairs(const struct log *l, enum log_level level, const char *event, const struct kv *pairs);

#define LOG_AT(l, level, event, ...)                                                                         \
	log_pairs((l), (level), (event), (const struct kv[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })
#define log_debug(l, event, ...) LOG_AT(l, LOG_DEBUG, event, __VA_ARGS__)
#define log_event(l, event, ...) LOG_AT(l, LOG_INFO, event, __VA_ARGS__)
#define log_warn(l, event, ...)  LOG_AT(l, LOG_WARN, event, __VA_ARGS__)
#define log_error(l, event, ...) LOG_AT(l, LOG_ERROR, event, __VA_ARGS__)

void log_flush(struct log_sink *sink); /* a failed write loses lines, never blocks mail */

#endif
