/* conf/maps_content.c - what is made of a table's text, and how it goes from master to the roles
 * Keys and values become an image (maps_image.h), in a sealed memfd when they come from a file, so that all processes map the same pages. Patterns and
 * networks go as text, in a sealed memfd too, and are compiled where they are asked. */
#include "conf/maps_inside.h"

#include "base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* Pairs on their way into an image. */
struct gather {
	struct maps_builder builder;
	struct report *report;
	const char *file;
	struct arena arena;
	bool aliases, in_file;
};

static void
gather_one(void *ctx, const struct maps_entry *e)
{
	struct gather *g = ctx;
	str value = e->value;

	if (!g->aliases || maps_alias_value(&g->arena, e->value, (struct place){ g->file, e->line },
				   g->in_file, g->report, &value))
		maps_builder_add(&g->builder, e->key, value, e->line);
	if (g->aliases && g->in_file)
		arena_reset(&g->arena);
}

static void
twice(void *ctx, str key, int line, int first_line)
{
	struct gather *g = ctx;
	struct place at = { g->file, line };

	if (line != first_line)
		report_warning(g->report, at, "`%.*s` stands in line %d already, which counts",
			STR_ARG(show(&g->arena, key)), first_line);
	else
		report_warning(g->report, at, "`%.*s` stands there twice; the first counts",
			STR_ARG(show(&g->arena, key)));
	arena_reset(&g->arena);
}

static void
gather_begin(struct gather *g, const struct lookup *l, const char *file, struct report *report)
{
	struct hash_key key = { 0 };

	*g = (struct gather){ .report = report,
		.file = file,
		.aliases = l->syntax == MAPS_SYNTAX_ALIASES && !l->raw,
		.in_file = l->path != NULL };
	(void)!getrandom(&key, sizeof(key), 0); /* nobody who chooses keys can make them collide */
	maps_builder_init(&g->builder, key);
}

static void
gather_end(struct gather *g)
{
	maps_builder_done(&g->builder);
	arena_done(&g->arena);
}

static bool
write_all(int fd, str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n <= 0)
			return false;
		s = str_from(s, (size_t)n);
	}
	return true;
}

/* head and tail in a memfd that nobody can change; -1: there is no memory for it. */
static int
seal(str head, str tail)
{
	int fd = memfd_create("postrider-table", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (write_all(fd, head) && write_all(fd, tail) && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* The bytes of a memfd that cannot change; false: it is none. */
static bool
map(int fd, void **ret, size_t *ret_n)
{
	int seals = fcntl(fd, F_GET_SEALS);
	off_t n = lseek(fd, 0, SEEK_END);
	void *p;

	if (seals < 0 || (seals & SEALS) != SEALS || n <= 0)
		return false;
	p = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return false;
	*ret = p;
	*ret_n = (size_t)n;
	return true;
}

static struct content *
take_image(int fd)
{
	struct content *c = NEW(struct content);

	if (map(fd, &c->bytes, &c->mapped) && maps_image_open(str_of(c->bytes, c->mapped), &c->image) == OK) {
		c->entries = c->image.entries;
		return c;
	}
	content_free(c);
	return NULL;
}

/* Rules out of a text; NULL: reported. */
static struct content *
make_rules(const struct lookup *l, str text, struct place at, bool braces, struct report *report)
{
	struct content *c = NEW(struct content);
	struct maps_lines lines;

	maps_lines_init(&lines, text, at, braces, report);
	if (l->type == LOOKUP_CIDR)
		c->cidr = maps_cidr_new(&lines, report);
	else
		c->rules = maps_rules_new(&lines, l->type == LOOKUP_REGEXP, report);
	maps_lines_done(&lines);
	if (!c->cidr && !c->rules) {
		content_free(c);
		return NULL;
	}
	c->entries = c->cidr ? maps_cidr_count(c->cidr) : maps_rules_count(c->rules);
	return c;
}

static struct content *
make_image(const struct lookup *l, str text, struct report *report, int *ret_fd)
{
	struct maps_lines lines;
	struct gather g;
	struct content *c = NULL;
	unsigned before = report->errors;
	int fd = -1;

	gather_begin(&g, l, l->path, report);
	maps_lines_init(&lines, text, (struct place){ l->path, 0 }, false, report);
	maps_text_read(&lines, l->syntax, report, gather_one, &g);
	maps_lines_done(&lines);
	if (report->errors == before) {
		if (maps_builder_finish(&g.builder, twice, &g))
			fd = seal(buf_str(&g.builder.head), buf_str(&g.builder.data));
		c = fd < 0 ? NULL : take_image(fd);
		if (!c)
			report_error(report, (struct place){ l->path, 0 }, "it does not fit into memory");
	}
	if (fd >= 0 && (!c || !ret_fd))
		(void)close(fd);
	else if (c)
		*ret_fd = fd;
	gather_end(&g);
	return c;
}

struct content *
content_of_file(const struct lookup *l, str text, struct report *report, int *ret_fd)
{
	struct place at = { l->path, 0 };
	struct content *c;

	if (l->type == LOOKUP_INDEX)
		return make_image(l, text, report, ret_fd);
	c = make_rules(l, text, at, false, report);
	if (c && ret_fd && (*ret_fd = seal(text, S("\n"))) < 0) {
		report_error(report, at, "it does not fit into memory");
		content_free(c);
		return NULL;
	}
	return c;
}

/* inline:, or a text of keys and values in main.cf. */
static struct content *
image_of_braces(const struct lookup *l, struct report *report)
{
	struct content *c = NEW(struct content);
	struct gather g;
	struct buf bytes = { 0 };

	gather_begin(&g, l, l->at.file, report);
	if (l->items) {
		for (size_t i = 0; i < l->n; i++) {
			struct maps_entry e = { .line = l->at.line };

			maps_split_pair(l->items[i], &e.key, &e.value);
			e.key = maps_fold(&g.arena, e.key);
			gather_one(&g, &e);
		}
	} else {
		struct maps_lines lines;

		maps_lines_init(&lines, l->text, l->at, true, report);
		maps_text_read(&lines, l->syntax, report, gather_one, &g);
		maps_lines_done(&lines);
	}
	(void)maps_builder_finish(&g.builder, twice, &g); /* a value of main.cf is small */
	buf_add(&bytes, buf_str(&g.builder.head));
	buf_add(&bytes, buf_str(&g.builder.data));
	c->bytes = bytes.p;
	(void)maps_image_open(buf_str(&bytes), &c->image);
	c->entries = c->image.entries;
	gather_end(&g);
	return c;
}

struct content *
content_of_braces(const struct lookup *l, struct report *report)
{
	unsigned before = report->errors;
	struct content *c;

	if (l->type != LOOKUP_INDEX)
		return make_rules(l, l->text, l->at, true, report);
	c = image_of_braces(l, report);
	if (report->errors == before)
		return c;
	content_free(c);
	return NULL;
}

struct content *
content_take(const struct lookup *l, int fd)
{
	struct buf findings = { 0 };
	struct report report = { .to = &findings };
	struct content *c = NULL;
	void *text;
	size_t n;

	if (l->type == LOOKUP_INDEX)
		return take_image(fd);
	if (!map(fd, &text, &n))
		return NULL;
	c = make_rules(l, str_of(text, n), (struct place){ l->path, 0 }, false, &report);
	(void)munmap(text, n);
	buf_done(&findings);
	return c;
}

void
content_free(struct content *c)
{
	if (!c)
		return;
	if (c->mapped)
		(void)munmap(c->bytes, c->mapped);
	else
		free(c->bytes);
	maps_rules_free(c->rules);
	maps_cidr_free(c->cidr);
	free(c);
}
