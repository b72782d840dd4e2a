/* conf/load.c - from the text of main.cf to a configuration */
#include "conf/inside.h"

#include "base/mem.h"
#include "conf/maps_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- what each line is ---- */

static void
mention(void *ctx, str name)
{
	struct loader *l = ctx;
	struct line *line = table_get(&l->by_name, name);

	if (line)
		line->mentioned = true;
}

/* smtpd_restriction_classes names lists of the administrator's own. */
static void
mention_classes(struct loader *l)
{
	struct line *classes = table_get(&l->by_name, S("smtpd_restriction_classes"));
	str rest, item;
	bool broken;

	if (!classes)
		return;
	rest = classes->value;
	while (list_take(&rest, &item, &broken))
		mention(l, item);
}

static bool
parts(char c)
{
	return c == ',' || ascii_space(c);
}

/* The same but for letter case and for what separates the items of a list? */
static bool
same_value(str a, str b)
{
	while (a.n && b.n) {
		size_t skip_a = 0, skip_b = 0;

		while (skip_a < a.n && parts(a.p[skip_a]))
			skip_a++;
		while (skip_b < b.n && parts(b.p[skip_b]))
			skip_b++;
		if ((skip_a > 0) != (skip_b > 0))
			return false;
		a = str_from(a, skip_a);
		b = str_from(b, skip_b);
		if (a.n && b.n && ascii_lower(a.p[0]) != ascii_lower(b.p[0]))
			return false;
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
	return a.n == 0 && b.n == 0;
}

/* Is `value` one of the values that `accepted` has between its bars? */
static bool
is_accepted(const char *accepted, str value)
{
	str rest = str_c(accepted), one;

	if (str_eq(rest, S("*")))
		return true;
	if (str_starts(rest, S("|")) && value.n == 0)
		return true;
	while (str_take_until(&rest, '|', &one))
		if (one.n && same_value(one, value))
			return true;
	return false;
}

/* An old name says nothing where it is empty or "no". */
static bool
says_nothing(str value)
{
	return value.n == 0 || str_eq_nocase(value, S("no"));
}

enum conf_verdict
conf_judge(str name, str value, const char **ret_why)
{
	const struct foreign *foreign = foreign_of(name);
	const char *listener, *why;
	enum conf_id id;

	*ret_why = "";
	if (conf_find_for(name, &listener, &id) == OK)
		return CONF_KNOWN;
	if (foreign) {
		bool initial = same_value(str_c(foreign->initial), value);

		*ret_why = foreign->why ? foreign->why : family_why(name);
		if (!*ret_why)
			*ret_why = "there is nothing like it here";
		if (initial && !foreign->why)
			*ret_why = "it is Postfix's default";
		return initial || is_accepted(foreign->accepted, value) ? CONF_NO_EFFECT : CONF_REFUSED;
	}
	why = modern_name(name);
	if (why) {
		*ret_why = says_nothing(value) ? "it is an old name, and asks for nothing" : why;
		return says_nothing(value) ? CONF_NO_EFFECT : CONF_OLD_NAME;
	}
	why = suffix_why(name);
	if (why) {
		*ret_why = why;
		return CONF_NO_EFFECT;
	}
	return CONF_UNKNOWN;
}

static void
report_refused(struct loader *l, const struct line *line, const char *why)
{
	const struct foreign *f = foreign_of(line->name);
	bool with_value = line->value.n && f->accepted && f->accepted[0];

	report_error(&l->report, line->at, "%.*s%s%.*s is not supported: %s", STR_ARG(line->name),
		with_value ? " = " : "", STR_ARG(with_value ? show(l->a, line->value) : S("")), why);
}

static void
judge_unknown(struct loader *l, struct line *line)
{
	bool told = l->report.findings > MOST_FINDINGS; /* nobody would read a suggestion */
	str near = told ? S("") : conf_suggest(l->a, line->name);
	const char *family = family_why(line->name);

	if (near.n)
		report_error(&l->report, line->at, "unknown parameter `%.*s`; did you mean `%.*s`?",
			STR_ARG(line->name), STR_ARG(near));
	else if (family)
		report_error(&l->report, line->at, "%.*s is not supported: %s", STR_ARG(line->name), family);
	else
		report_error(&l->report, line->at, "unknown parameter `%.*s`, and no value refers to it",
			STR_ARG(line->name));
}

static void
judge_line(struct loader *l, struct line *line)
{
	const char *listener, *why;
	enum conf_id id;

	switch (conf_judge(line->name, line->value, &why)) {
	case CONF_KNOWN:
		(void)conf_find_for(line->name, &listener, &id);
		line->kind = listener[0] ? CONF_LINE_LISTENER : CONF_LINE_PARAM;
		break;
	case CONF_NO_EFFECT:
		line->kind = CONF_LINE_IGNORED;
		line->note = why;
		break;
	case CONF_REFUSED: report_refused(l, line, why); break;
	case CONF_OLD_NAME:
		if (line->mentioned)
			line->kind = CONF_LINE_OWN;
		else
			report_error(&l->report, line->at, "%.*s is an old name: write %s",
				STR_ARG(line->name), why);
		break;
	case CONF_UNKNOWN:
		if (line->mentioned)
			line->kind = CONF_LINE_OWN;
		else
			judge_unknown(l, line);
		break;
	}
}

static void
judge_lines(struct loader *l)
{
	for (size_t i = 0; i < l->line_count; i++)
		if (!l->lines[i].replaced)
			each_mention(l->lines[i].value, mention, l);
	mention_classes(l);
	for (size_t i = 0; i < l->line_count; i++)
		if (!l->lines[i].replaced)
			judge_line(l, &l->lines[i]);
}

static void
keep_lines(struct loader *l, struct conf *c)
{
	c->lines = ARENA_ARRAY(l->a, l->line_count, struct line);
	for (size_t i = 0; i < l->line_count; i++)
		if (!l->lines[i].replaced)
			c->lines[c->line_count++] = l->lines[i];
}

/* ---- values ---- */

static void
fill_value(struct loader *l, size_t view, enum conf_id id, struct value *v)
{
	raw_of(l, view, id, &v->raw, &v->at);
	if (expand_name(l, view, v->at, str_c(param_of(id)->name), &v->text))
		(void)check_value(l, id, v);
}

/* Two lists that both say a domain is ours would have two meanings in Postfix; say so. */
static void
warn_both(struct loader *l, const struct conf *c)
{
	const struct value *dest = &c->values[CONF_mydestination],
			   *virtual = &c->values[CONF_virtual_mailbox_domains];

	for (size_t i = 0; i < virtual->n; i++)
		if (dest->set && conf_has_domain(c, CONF_mydestination, virtual->items[i]))
			report_warning(&l->report, virtual->at,
				"%.*s stands in mydestination and in virtual_mailbox_domains",
				STR_ARG(virtual->items[i]));
}

/* Which lists of domains take a name for all below it. */
static void
fill_parents(const struct conf **views)
{
	for (size_t id = 0; id < CONF_IDS; id++) {
		const struct param *p = param_of((enum conf_id)id);

		if (strcmp(p->words, "subdomains") != 0)
			continue;
		for (size_t view = 0; view < VIEWS; view++) {
			struct value *v = (struct value *)&views[view]->values[id];

			v->subdomains = true;
			v->parents = conf_has_word(
				views[view], CONF_parent_domain_matches_subdomains, str_c(p->name));
		}
	}
}

static void
fill_views(struct loader *l, struct conf *plain)
{
	const struct conf **views = (const struct conf **)ARENA_ARRAY(l->a, VIEWS, const struct conf *);

	for (size_t view = 0; view < VIEWS; view++) {
		struct conf *c = view ? ARENA_NEW(l->a, struct conf) : plain;

		c->listener = view_names()[view];
		c->lines = plain->lines;
		c->line_count = plain->line_count;
		c->tables = l->tables;
		for (size_t id = 0; id < CONF_IDS; id++)
			if (view && !param_of((enum conf_id)id)->per_listener)
				c->values[id] = plain->values[id];
			else
				fill_value(l, view, (enum conf_id)id, &c->values[id]);
		classes_fill(l, view, c);
		views[view] = c;
		c->views = views;
		if (view == 0)
			for (size_t id = 0; id < CONF_IDS; id++)
				if (strncmp(param_of((enum conf_id)id)->words, "listen", 6) == 0)
					check_listen_where(l->a, c, (enum conf_id)id);
	}
	fill_parents(views);
	warn_both(l, plain);
}

/* The tables in the lists of smtpd_restriction_classes, which are no parameters of ours. */
static void
declare_classes(struct loader *l)
{
	struct line *classes = table_get(&l->by_name, S("smtpd_restriction_classes")), *line;
	str rest = classes ? classes->value : S(""), name, text;
	bool broken;

	while (list_take(&rest, &name, &broken)) {
		line = table_get(&l->by_name, name);
		for (size_t view = 0; line && view < VIEWS; view++)
			if (expand_text(l, view, line->at, line->value, &text))
				check_restrictions(l, line->name, text, line->at);
	}
}

static str
folder_of(struct arena *a, const char *file)
{
	str path = str_c(file);
	size_t slash = str_rfind(path, '/');

	return slash == path.n ? S(".") : arena_str(a, slash ? str_sub(path, 0, slash) : S("/"));
}

static size_t
count_lines(str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

enum fault
conf_parse(const struct conf_source *source, struct buf *ret_report, struct conf **ret)
{
	static const struct hash_key key = { 0x6d61696e,
		0x2e6366 }; /* the names are the administrator's, and few */
	struct arena arena = { 0 };
	struct conf *c = ARENA_NEW(&arena, struct conf);
	struct loader l = { .a = &arena, .source = source, .report = { .to = ret_report } };

	table_init(&l.by_name, key);
	for (size_t view = 0; view < VIEWS; view++)
		table_init(&l.memo[view], key);
	l.room = MIN(MOST_LINES, count_lines(source->text) + source->override_count);
	l.lines = mem_new_array(l.room, sizeof(*l.lines));
	l.folder = folder_of(&arena, source->file);
	lines_read(&l, source->text, source->file);
	for (size_t i = 0; i < source->override_count; i++)
		lines_add_override(&l, source->overrides[i]);
	judge_lines(&l);
	keep_lines(&l, c);
	l.tables = registry_new(&arena, l.folder);
	fill_views(&l, c);
	declare_classes(&l);
	free(l.lines);
	table_done(&l.by_name);
	for (size_t view = 0; view < VIEWS; view++)
		table_done(&l.memo[view]);
	c->arena = arena;
	if (l.report.errors) {
		conf_free(c);
		return BAD_ARGUMENT;
	}
	*ret = c;
	return OK;
}

/* ---- files ---- */

static enum fault
read_whole(void *ctx, struct arena *a, const char *path, str *ret)
{
	struct stat st;
	struct buf bytes = { .limit = FILE_BYTES + 1 };
	enum fault fault = BAD_ARGUMENT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	(void)ctx;
	if (fd < 0)
		return errno == ENOENT ? NOT_FOUND : BAD_ARGUMENT;
	if (fstat(fd, &st) != 0 || st.st_size > FILE_BYTES || S_ISDIR(st.st_mode))
		goto out;
	for (;;) { /* a pipe has no size: until its end */
		char *room = buf_reserve(&bytes, MIN(16384, FILE_BYTES + 1 - bytes.n));
		ssize_t got = room ? read(fd, room, MIN(16384, FILE_BYTES + 1 - bytes.n)) : -1;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || bytes.n + (size_t)got > FILE_BYTES)
			goto out;
		if (got == 0)
			break;
		buf_used(&bytes, (size_t)got);
	}
	*ret = arena_str(a, buf_str(&bytes));
	fault = OK;
out:
	buf_done(&bytes);
	close(fd);
	return fault;
}

/* The rest of the world: the machine's name, and the files that are named. */
static enum fault
parse_here(struct conf_source *source, struct buf *ret_report, struct conf **ret)
{
	char machine[256] = "localhost";

	if (gethostname(machine, sizeof(machine) - 1) != 0 || !machine[0])
		memcpy(machine, "localhost", sizeof("localhost"));
	source->machine = str_c(machine);
	source->read = read_whole;
	return conf_parse(source, ret_report, ret);
}

enum fault
conf_load_text(const char *path, str text, struct buf *ret_report, struct conf **ret)
{
	struct conf_source source = { .file = path, .text = text };

	return parse_here(&source, ret_report, ret);
}

enum fault
conf_load(const char *path, const char *const *overrides, size_t override_count, struct buf *ret_report,
	struct conf **ret)
{
	struct arena arena = { 0 };
	struct conf_source source = { .file = path ? path : "(none)",
		.text = S(""),
		.overrides = overrides,
		.override_count = override_count };
	enum fault fault = OK;

	if (path)
		fault = read_whole(NULL, &arena, path, &source.text);
	if (fault == OK)
		fault = parse_here(&source, ret_report, ret);
	else
		buf_printf(ret_report, "%s: error: %s\n", path,
			fault == NOT_FOUND ? "no such file" : "cannot be read, or is larger than 1 MiB");
	arena_done(&arena);
	return fault;
}
