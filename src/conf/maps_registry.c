/* conf/maps_registry.c - all tables of a configuration, and their files */
#include "conf/maps_inside.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct registry *
registry_new(struct arena *a, str folder)
{
	static const struct hash_key key = { 0x7461626c,
		0x6573 }; /* the names are the administrator's, and few */
	struct registry *reg = ARENA_NEW(a, struct registry);

	*reg = (struct registry){ .a = a, .folder = folder };
	table_init(&reg->by_spec, key);
	return reg;
}

void
registry_done(struct registry *reg)
{
	for (size_t i = 0; i < reg->n; i++)
		content_free(reg->all[i]->content);
	table_done(&reg->by_spec);
}

static bool
has_text(const struct lookup *l)
{
	return l->type == LOOKUP_INDEX || l->type == LOOKUP_PCRE || l->type == LOOKUP_REGEXP ||
	       l->type == LOOKUP_CIDR;
}

bool
registry_add(struct registry *reg, struct report *report, str key, struct lookup *l)
{
	l->raw = reg->raw;
	if (has_text(l) && !l->path && !(l->content = content_of_braces(l, report)))
		return false;
	if (!reg->all)
		reg->all = ARENA_ARRAY(reg->a, MAPS_MOST, struct lookup *);
	reg->all[reg->n++] = l;
	l->alone = maps_of_list(reg->a, &l, 1);
	table_put(&reg->by_spec, key, l);
	return true;
}

struct lookup *
registry_find(const struct registry *reg, enum maps_syntax syntax, str spec)
{
	struct arena a = { 0 };
	struct lookup *l = table_get(&reg->by_spec, arena_printf(&a, "%d%.*s", (int)syntax, STR_ARG(spec)));

	arena_done(&a);
	return l;
}

/* ---- files ---- */

const char *
maps_read_file(const char *path, size_t most, struct buf *ret)
{
	struct stat st;
	const char *why = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? "no such file" : strerror(errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		why = "it is not a file";
	else if ((uint64_t)st.st_size > most)
		why = "it is too large";
	while (!why) {
		size_t room = ret->n ? 65536 : (size_t)st.st_size + 1;
		char *to = buf_reserve(ret, room);
		ssize_t got = to ? read(fd, to, room) : -1;

		if (got < 0 && to && errno == EINTR)
			continue;
		if (got < 0 || ret->n + (size_t)got > most)
			why = !to || got >= 0 ? "it is too large" : strerror(errno);
		if (got <= 0)
			break;
		buf_used(ret, (size_t)got);
	}
	(void)close(fd);
	return why;
}

/* Content of the lookup's file; NULL: reported. */
static struct content *
load(const struct lookup *l, struct report *report, int *ret_fd)
{
	struct buf text = { 0 };
	size_t most = l->type == LOOKUP_INDEX ? MAPS_FILE_BYTES : MAPS_RULE_BYTES;
	const char *why = maps_read_file(l->path, most, &text);
	struct content *c = NULL;

	if (why)
		report_error(report, l->at, "%s: %s", l->path, why);
	else
		c = content_of_file(l, buf_str(&text), report, ret_fd);
	buf_done(&text);
	return c;
}

bool
registry_load(struct registry *reg, struct report *report)
{
	unsigned before = report->errors;

	for (size_t i = 0; i < reg->n; i++) {
		struct lookup *l = reg->all[i];

		if (!l->path)
			continue;
		content_free(l->content);
		l->content = load(l, report, NULL);
	}
	return report->errors == before;
}

enum fault
conf_tables_load(struct conf *c, struct buf *ret_report)
{
	struct report report = { .to = ret_report };

	return registry_load(c->tables, &report) ? OK : BAD_ARGUMENT;
}

size_t
conf_tables(const struct conf *c)
{
	return c->tables->n;
}

void
conf_table(const struct conf *c, size_t i, struct conf_table *ret)
{
	const struct lookup *l = c->tables->all[i];

	*ret = (struct conf_table){ .spec = l->spec,
		.path = l->path,
		.entries = l->content ? l->content->entries : 0,
		.loaded = l->content || !has_text(l) };
}

enum fault
conf_table_reload(struct conf *c, size_t i, bool (*refuse)(const struct conf *c, struct buf *report),
	struct buf *ret_report, int *ret_fd)
{
	struct report report = { .to = ret_report };
	struct lookup *l = c->tables->all[i];
	struct content *old = l->content;

	l->content = load(l, &report, ret_fd);
	if (l->content && (!refuse || !refuse(c, ret_report))) {
		content_free(old);
		return OK;
	}
	if (l->content) {
		(void)close(*ret_fd);
		content_free(l->content);
	}
	l->content = old;
	return BAD_ARGUMENT;
}

enum fault
conf_table_take(const struct conf *c, size_t i, int fd)
{
	struct lookup *l = i < c->tables->n ? c->tables->all[i] : NULL;
	struct content *fresh = l && l->path ? content_take(l, fd) : NULL;

	(void)close(fd);
	if (!fresh)
		return MALFORMED;
	content_free(l->content);
	l->content = fresh;
	return OK;
}

void
conf_tables_forget(const struct conf *c)
{
	for (size_t i = 0; i < c->tables->n; i++)
		if (c->tables->all[i]->path) {
			content_free(c->tables->all[i]->content);
			c->tables->all[i]->content = NULL;
		}
}
