#include "base/log.h"

#include "base/mem.h"
#include "base/moment.h"

#include <errno.h>
#include <unistd.h>

enum { HIGH_WATER = 32 * 1024, LONGEST_VALUE = 512 };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* RFC 5424 6.2.1: debug, info, warning, error */
static const int severities[] = { 7, 6, 4, 3 };
enum { FACILITY_MAIL = 2 };

static bool
is_plain(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\' ||
			(unsigned char)s.p[i] >= 127)
			return false;
	return s.n > 0;
}

static void
add_value(struct buf *b, enum log_format format, const struct kv *kv)
{
	switch (kv->type) {
	case KV_STR:
		if (format == LOG_LOGFMT && kv->s.n <= LONGEST_VALUE && is_plain(kv->s))
			buf_add(b, kv->s);
		else
			buf_add_quoted(b, str_sub(kv->s, 0, LONGEST_VALUE));
		break;
	case KV_INT: buf_printf(b, "%lld", (long long)kv->i); break;
	case KV_UINT: buf_add_u64(b, (uint64_t)kv->i); break;
	case KV_BOOL: buf_add_c(b, kv->i ? "true" : "false"); break;
	case KV_END: break;
	}
}

static void
add_pair(struct buf *b, enum log_format format, const struct kv *kv)
{
	if (format == LOG_JSON)
		buf_printf(b, ",\"%s\":", kv->key);
	else
		buf_printf(b, " %s=", kv->key);
	add_value(b, format, kv);
}

void
log_pairs(const struct log *l, enum log_level level, const char *event, const struct kv *pairs)
{
	struct log_sink *sink = l->sink;
	struct buf *b;
	bool json;

	if (!sink || level < sink->least)
		return;
	b = &sink->lines;
	json = sink->format == LOG_JSON;
	if (sink->syslog)
		buf_printf(b, "<%d>%s[%d]: ",
			(sink->facility ? sink->facility : FACILITY_MAIL) * 8 + severities[level],
			sink->name ? sink->name : "postrider", (int)getpid());
	if (json)
		buf_add_char(b, '{');
	if (sink->now_ms && !sink->syslog) {
		buf_add_c(b, json ? "\"time\":\"" : "time=");
		moment_add_rfc3339(b, sink->now_ms());
		buf_add_c(b, json ? "\"," : " ");
	}
	buf_printf(b,
		json ? "\"level\":\"%s\",\"role\":\"%s\",\"event\":\"%s\"" : "level=%s role=%s event=%s",
		level_names[level], sink->role ? sink->role : "-", event);
	if (l->id_name) {
		struct kv id = kv_str(l->id_name, l->id);
		add_pair(b, sink->format, &id);
	}
	for (; pairs->type != KV_END; pairs++)
		add_pair(b, sink->format, pairs);
	buf_add_c(b, json ? "}\n" : "\n");
	if (level >= LOG_ERROR || b->n > HIGH_WATER || sink->syslog)
		log_flush(sink);
}

void
log_flush(struct log_sink *sink)
{
	size_t done = 0;

	while (done < sink->lines.n) {
		ssize_t n = write(sink->fd, sink->lines.p + done, sink->lines.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	buf_clear(&sink->lines);
}
