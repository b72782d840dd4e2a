/* cli/migrate.c - postrider config import: reading, loading what came out, the report and the new main.cf */
#include "cli/migrate.h"

#include "base/mem.h"
#include "cli/cli.h"
#include "conf/text.h"
#include "rules/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 20, NEEDS_SOMEBODY = 1 };

static const char *const found_words[FOUND_KINDS] = { "supported", "translated", "ignored", "unsupported",
	"dangerous" };

/* ---- settings ---- */

static struct setting *
add(struct migration *m)
{
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 256;
		m->settings = mem_grow(m->settings, m->room * sizeof(*m->settings));
	}
	m->settings[m->n] = (struct setting){ 0 };
	return &m->settings[m->n++];
}

struct setting *
migrate_find(struct migration *m, str name)
{
	for (size_t i = m->n; i-- > 0;)
		if (m->settings[i].out && str_eq(m->settings[i].name, name))
			return &m->settings[i];
	return NULL;
}

struct setting *
migrate_make(struct migration *m, const char *file, int line, str name, str value)
{
	struct setting *s = add(m);

	*s = (struct setting){ .name = name,
		.value = value,
		.file = file,
		.line = line,
		.subject = name,
		.found = FOUND_TRANSLATED,
		.out = true,
		.made = true };
	return s;
}

struct setting *
migrate_say(struct migration *m, const char *file, int line, str subject, enum found found, str why)
{
	struct setting *s = add(m);

	*s = (struct setting){
		.file = file, .line = line, .subject = subject, .found = found, .why = why, .made = true
	};
	return s;
}

static bool
of_word(char c)
{
	return ascii_alnum(c) || c == '_' || c == '-';
}

bool
migrate_has_word(str text, str word)
{
	while (word.n && text.n >= word.n) {
		size_t at = str_find_str(text, word);
		bool begins = at == 0 || !of_word(text.p[at - 1]);

		if (at == text.n)
			return false;
		if (begins && (at + word.n == text.n || !of_word(text.p[at + word.n])))
			return true;
		text = str_from(text, at + 1);
	}
	return false;
}

bool
migrate_mentions(const struct migration *m, str name, const struct setting *but)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->settings[i].out && &m->settings[i] != but &&
			migrate_has_word(m->settings[i].value, name))
			return true;
	return false;
}

/* ---- reading ---- */

static int
read_file(struct migration *m, const char *path, str *ret)
{
	struct buf b = { .limit = MOST_BYTES };
	int status = EX_OK;
	FILE *f = fopen(path, "re");

	if (!f)
		return cli_fail(EX_NOINPUT, "config import", "%s: %s", path, strerror(errno));
	for (;;) {
		char *room = buf_reserve(&b, 4096);
		size_t got = room ? fread(room, 1, 4096, f) : 0;

		if (!room)
			status = cli_fail(EX_DATAERR, "config import", "%s: larger than 1 MiB", path);
		else if (ferror(f))
			status = cli_fail(EX_NOINPUT, "config import", "%s: %s", path, strerror(errno));
		if (got == 0)
			break;
		buf_used(&b, got);
	}
	*ret = arena_str(&m->arena, buf_str(&b));
	buf_done(&b);
	(void)fclose(f);
	return status;
}

static void
add_main_line(struct migration *m, const char *path, const struct text_line *line)
{
	size_t equals = str_find(line->text, '=');
	struct setting *s = add(m);

	*s = (struct setting){ .file = path, .line = line->number, .before = line->before, .raw = line->raw };
	s->name = arena_str(&m->arena, str_trim(str_sub(line->text, 0, equals)));
	s->value = arena_str(&m->arena, str_trim(str_from(line->text, equals + 1)));
	s->subject = s->name;
	s->out = equals < line->text.n && s->name.n && !line->orphan && !line->too_long;
	if (s->out)
		return;
	s->found = FOUND_UNSUPPORTED;
	s->why = S("it is not of the form name = value");
	s->subject = S("this line");
}

static void
take_main(struct migration *m, const char *path, str text)
{
	struct text t = { .rest = text };
	struct buf joined = { 0 };
	struct text_line line;

	m->main_file = path;
	while (text_take(&t, &joined, &line))
		add_main_line(m, path, &line);
	m->rest = t.rest;
	buf_done(&joined);
	for (size_t i = 0; i < m->n; i++) /* the last of a name counts */
		for (size_t j = i + 1; j < m->n && m->settings[i].out; j++)
			if (m->settings[j].out && str_eq(m->settings[i].name, m->settings[j].name)) {
				m->settings[i].out = false;
				m->settings[i].found = FOUND_IGNORED;
				m->settings[i].why = arena_printf(
					&m->arena, "it is set again in line %d", m->settings[j].line);
			}
}

static void
take_master(struct migration *m, const char *path, str text)
{
	struct text t = { .rest = text };
	struct buf joined = { 0 };
	struct text_line line;

	m->master_file = path;
	while (text_take(&t, &joined, &line)) {
		str kept = arena_str(&m->arena, line.text);
		struct service s = { .file = path, .line = line.number };
		const char *why = "white space at the start of a line continues the one before, but there "
				  "is none";

		if (line.orphan || master_service_parse(&m->arena, kept, &s.is, &why) != OK) {
			migrate_say(m, path, line.number, S("this line"), FOUND_UNSUPPORTED, str_c(why));
			continue;
		}
		s.subject = arena_printf(&m->arena, "%.*s %.*s %.*s", STR_ARG(s.is.name), STR_ARG(s.is.type),
			STR_ARG(s.is.program));
		if (m->service_count == m->service_room) {
			m->service_room = m->service_room ? 2 * m->service_room : 64;
			m->services = mem_grow(m->services, m->service_room * sizeof(*m->services));
		}
		m->services[m->service_count++] = s;
	}
	buf_done(&joined);
}

/* main.cf or master.cf? Its first line tells. */
static int
take_file(struct migration *m, const char *path)
{
	struct buf joined = { 0 };
	struct text_line line;
	str text;
	struct text t;
	bool master;
	int status = read_file(m, path, &text);

	if (status != EX_OK)
		return status;
	t = (struct text){ .rest = text };
	master = text_take(&t, &joined, &line) && master_looks_like(line.text);
	buf_done(&joined);
	if (master ? m->master_file != NULL : m->main_file != NULL)
		return cli_fail(EX_USAGE, "config import", "%s and %s are both a %s",
			master ? m->master_file : m->main_file, path, master ? "master.cf" : "main.cf");
	if (master)
		take_master(m, path, text);
	else
		take_main(m, path, text);
	return EX_OK;
}

/* ---- loading what came out ---- */

static void
leave_out(struct migration *m, struct setting *s, str why)
{
	str prefix = arena_printf(&m->arena, "%.*s is not supported: ", STR_ARG(s->name));
	str own = arena_printf(&m->arena, "%.*s: ", STR_ARG(s->name));

	if (!str_take(&why, prefix))
		(void)str_take(&why, own);
	if (migrate_drop_word(m, s, why))
		return;
	s->out = false;
	s->silent = false;
	s->found = FOUND_UNSUPPORTED;
	s->why = arena_str(&m->arena, why);
	if (!str_starts(why, S("unknown parameter")) || str_find_str(why, S("no value refers")) == why.n)
		return;
	for (size_t i = 0; i < m->n; i++)
		if (&m->settings[i] != s && !m->settings[i].out &&
			migrate_has_word(m->settings[i].value, s->name)) {
			s->found = FOUND_IGNORED;
			s->why = S("only settings that are left out refer to it");
			return;
		}
}

/* Leaves out what this finding is about; `lines` says which setting each line is. False: nobody knows what it is about. */
static bool
take_finding(struct migration *m, str finding, const size_t *lines, size_t line_count, const char *path)
{
	str rest = finding, number, place, name;
	struct setting *s = NULL;
	size_t at = str_find_str(finding, S(": error: "));
	uint64_t line;

	if (at == finding.n)
		return false;
	place = str_sub(finding, 0, at);
	rest = str_from(finding, at + 9);
	if (str_take(&place, str_c(path)) && str_take(&place, S(":")) && (number = place).n &&
		str_to_u64(number, line_count, &line) && line > 0)
		s = &m->settings[lines[line - 1]];
	name = str_sub(rest, 0, str_find(rest, ':'));
	if (!s) /* in a file that the setting names */
		s = migrate_find(m, name);
	if (!s || !s->out)
		return false;
	leave_out(m, s, rest);
	return true;
}

/* One attempt. False: something was left out, so that there is another one to make. */
static bool
try_load(struct migration *m, const char *path, struct buf *report, struct conf **ret)
{
	size_t *lines = mem_new_array(m->n + 1, sizeof(*lines)), n = 0;
	struct buf text = { 0 };
	bool progress = false, ok;
	str rest, finding;

	for (size_t i = 0; i < m->n; i++)
		if (m->settings[i].out) {
			buf_printf(&text, "%.*s = %.*s\n", STR_ARG(m->settings[i].name),
				STR_ARG(m->settings[i].value));
			lines[n++] = i;
		}
	buf_clear(report);
	ok = conf_load_text(path, buf_str(&text), report, ret) == OK;
	if (ok && rules_judge(*ret, report) != OK) {
		conf_free(*ret);
		ok = false;
	}
	rest = buf_str(report);
	while (!ok && str_take_until(&rest, '\n', &finding))
		progress |= take_finding(m, finding, lines, n, path);
	if (!ok && !progress)
		*ret = NULL;
	buf_done(&text);
	free(lines);
	return ok || !progress;
}

/* Until nothing is left that is refused. NULL, and said, when what is refused is none of the settings. */
static struct conf *
load(struct migration *m)
{
	struct buf report = { 0 };
	struct conf *conf = NULL;

	while (!try_load(m, m->path, &report, &conf))
		;
	if (!conf)
		fwrite(report.p, 1, report.n, stderr);
	buf_done(&report);
	return conf;
}

/* `config check` looks whether files are there. */
static bool
leave_out_missing(struct migration *m)
{
	bool any = false;

	for (size_t i = 0; i < m->n; i++) {
		struct setting *s = &m->settings[i];
		struct conf_origin o;
		enum conf_id id;
		str path = str_trim(s->value);

		if (!s->out || conf_find(s->name, &id) != OK)
			continue;
		conf_origin(NULL, id, &o);
		if (strcmp(o.words, "file") != 0 && strcmp(o.words, "files") != 0)
			continue;
		if (path.n == 0 || path.p[0] != '/' || access(arena_cstr(&m->arena, path), F_OK) == 0)
			continue;
		leave_out(m, s, S("there is no such file on this machine"));
		any = true;
	}
	return any;
}

/* What is accepted without effect stays only where other values refer to it. */
static void
judge_loaded(struct migration *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct setting *s = &m->settings[i];
		const char *why;

		if (!s->out || conf_judge(s->name, s->value, &why) != CONF_NO_EFFECT)
			continue;
		s->found = FOUND_IGNORED;
		s->why = str_c(why);
		s->out = migrate_mentions(m, s->name, s);
	}
}

/* ---- what is printed ---- */

/* Each line as a comment. */
static void
add_commented(struct buf *b, str lines)
{
	str line;

	while (str_take_until(&lines, '\n', &line))
		buf_printf(b, "#%.*s\n", STR_ARG(str_trim(line).n ? line : S("")));
}

static void
add_lines(struct buf *b, str lines)
{
	buf_add(b, lines);
	if (lines.n && lines.p[lines.n - 1] != '\n')
		buf_add_char(b, '\n');
}

static void
add_setting(struct buf *b, const struct setting *s)
{
	bool said = s->why.n && s->found != FOUND_SUPPORTED;

	add_lines(b, s->before);
	if (s->made && !s->out)
		return; /* the report has it */
	if (said && s->made)
		buf_printf(b, "# %s:%d: %.*s\n", s->file, s->line, STR_ARG(s->why));
	else if (said)
		buf_printf(b, "# %s: %.*s\n", found_words[s->found], STR_ARG(s->why));
	if (s->changed && !s->made)
		add_commented(b, s->raw);
	if (s->made || (s->changed && s->out))
		buf_printf(b, "%.*s = %.*s\n", STR_ARG(s->name), STR_ARG(s->value));
	else if (s->out)
		add_lines(b, s->raw);
	else
		add_commented(b, s->raw);
}

static void
add_main_cf(struct buf *b, const struct migration *m)
{
	buf_printf(b, "# main.cf for Postrider, made by `postrider config import` from %s%s%s\n",
		m->main_file ? m->main_file : "", m->main_file && m->master_file ? " and " : "",
		m->master_file ? m->master_file : "");
	for (size_t i = 0; i < m->n; i++)
		if (m->settings[i].file == m->main_file)
			add_setting(b, &m->settings[i]);
	add_lines(b, m->rest);
	if (m->master_file)
		buf_printf(b, "\n# from %s\n", m->master_file);
	for (size_t i = 0; i < m->n; i++)
		if (m->settings[i].file != m->main_file)
			add_setting(b, &m->settings[i]);
}

static void
add_finding(struct buf *b, const struct setting *s, bool json)
{
	if (json) {
		buf_add_c(b, "  {\"file\": ");
		buf_add_quoted(b, str_c(s->file));
		buf_printf(
			b, ", \"line\": %d, \"found\": \"%s\", \"name\": ", s->line, found_words[s->found]);
		buf_add_quoted(b, s->subject);
		buf_add_c(b, ", \"text\": ");
		buf_add_quoted(b, s->why);
		buf_add_char(b, '}');
		return;
	}
	buf_add_c(b, s->file);
	if (s->line)
		buf_printf(b, ":%d", s->line);
	buf_printf(b, ": %s: %.*s%s%.*s\n", found_words[s->found], STR_ARG(s->subject), s->why.n ? ": " : "",
		STR_ARG(s->why));
}

/* main.cf before master.cf, each by its lines. */
static int
by_place(const void *a, const void *b, void *ctx)
{
	const struct migration *m = ctx;
	const struct setting *x = *(const struct setting *const *)a, *y = *(const struct setting *const *)b;
	bool x_main = x->file == m->main_file, y_main = y->file == m->main_file;

	if (x_main != y_main)
		return x_main ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void
add_report(struct buf *b, struct migration *m, bool json)
{
	const struct setting **said =
		(const struct setting **)ARENA_ARRAY(&m->arena, m->n, const struct setting *);
	size_t counts[FOUND_KINDS] = { 0 }, n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (!m->settings[i].silent) {
			said[n++] = &m->settings[i];
			counts[m->settings[i].found]++;
		}
	qsort_r(said, n, sizeof(*said), by_place, m);
	for (size_t i = 0; i < n; i++) {
		if (json)
			buf_add_c(b, i ? ",\n" : "\n");
		add_finding(b, said[i], json);
	}
	for (int i = 0; i < FOUND_KINDS && !json; i++)
		buf_printf(b, "%s%zu %s%s", i ? ", " : "", counts[i], found_words[i],
			i + 1 < FOUND_KINDS ? "" : "\n");
}

static bool
needs_somebody(const struct migration *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->settings[i].silent && (m->settings[i].found == FOUND_UNSUPPORTED ||
						      m->settings[i].found == FOUND_DANGEROUS))
			return true;
	return false;
}

/* A new file: nobody's main.cf is written over. */
static int
write_file(const char *path, const struct buf *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return cli_fail(EX_CANTCREAT, "config import", "%s: %s", path, strerror(errno));
	while (done < b->n && (n = write(fd, b->p + done, b->n - done)) > 0)
		done += (size_t)n;
	if (close(fd) != 0 || done < b->n)
		return cli_fail(EX_IOERR, "config import", "%s: %s", path, strerror(errno));
	return EX_OK;
}

static int
print(struct migration *m, bool json, const char *file)
{
	struct buf text = { 0 }, report = { 0 };
	int status = EX_OK;

	add_main_cf(&text, m);
	add_report(&report, m, json);
	if (file)
		status = write_file(file, &text);
	if (json && status == EX_OK) {
		struct buf all = { 0 };

		buf_printf(&all, "{\"findings\": [%.*s\n],\n\"main_cf\": ", STR_ARG(buf_str(&report)));
		buf_add_quoted(&all, buf_str(&text));
		buf_add_c(&all, "}\n");
		status = cli_write("config import", &all);
		buf_done(&all);
	} else if (status == EX_OK) {
		fwrite(report.p, 1, report.n, stderr);
		if (!file)
			status = cli_write("config import", &text);
	}
	buf_done(&text);
	buf_done(&report);
	return status;
}

/* ---- the verb ---- */

static int
import(struct migration *m, int argc, char **argv, bool json, const char *file)
{
	struct conf *conf;
	int status = EX_OK;

	for (int i = 0; i < argc && status == EX_OK; i++)
		status = take_file(m, argv[i]);
	if (status != EX_OK)
		return status;
	migrate_settings(m);
	migrate_services(m);
	m->path = m->main_file ? m->main_file : "main.cf";
	conf = load(m);
	while (conf && (leave_out_missing(m) || migrate_leave_out_relay(m, conf, m->path))) {
		conf_free(conf);
		conf = load(m);
	}
	if (!conf)
		return cli_fail(EX_DATAERR, "config import", "what comes out cannot be loaded");
	migrate_dangers(m, conf, m->path);
	judge_loaded(m);
	conf_free(conf);
	status = print(m, json, file);
	return status == EX_OK && needs_somebody(m) ? NEEDS_SOMEBODY : status;
}

int
config_import(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	struct migration m = { 0 };
	const char *file = NULL;
	bool json = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1)
		switch (option) {
		case 'j': json = true; break;
		case 'o': file = optarg; break;
		default: return cli_usage(&cli_config);
		}
	if (optind == argc)
		return cli_usage(&cli_config);
	status = import(&m, argc - optind, argv + optind, json, file);
	free(m.settings);
	free(m.services);
	arena_done(&m.arena);
	return status;
}
