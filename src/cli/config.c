/* cli/config.c - postrider config: the effective settings and where each comes from */
#include "cli/cli.h"

#include "audit/audit.h"
#include "base/mem.h"
#include "cli/manual.h"
#include "cli/migrate.h"
#include "conf/maps.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

enum form { PLAIN, JSON };

/* What was asked for, and where the answer grows. */
struct config {
	struct arena arena;
	struct conf *conf;
	struct buf out;
	enum form form;
	bool changed_only, defaults, explain;
	bool raw;         /* values as written */
	bool values_only; /* without their names */
	size_t shown;
};

/* "main.cf:12", "-o" or "default". */
static str
where(struct arena *a, const char *file, int line)
{
	if (!file)
		return S("default");
	return line ? arena_printf(a, "%s:%d", file, line) : str_c(file);
}

static void
add_text(struct config *c, const char *key, str value)
{
	buf_printf(&c->out, ", \"%s\": ", key);
	buf_add_quoted(&c->out, value);
}

static void
open_object(struct config *c, str name)
{
	buf_add_c(&c->out, c->shown++ ? ",\n  {\"name\": " : "  {\"name\": ");
	buf_add_quoted(&c->out, name);
}

static void
add_json(struct config *c, str name, const struct conf_origin *o, str value, enum conf_id id)
{
	static const char *const types[] = { [CONF_STRING] = "string",
		[CONF_LIST] = "list",
		[CONF_BOOL] = "bool",
		[CONF_INT] = "int",
		[CONF_SIZE] = "size",
		[CONF_TIME] = "time",
		[CONF_ENUM] = "enum" };

	open_object(c, name);
	add_text(c, "value", value);
	if (!c->defaults) {
		add_text(c, "raw", o->file ? o->raw : str_c(o->initial));
		add_text(c, "from", where(&c->arena, o->file, o->line));
	}
	add_text(c, "default", str_c(o->initial));
	add_text(c, "type", str_c(types[o->type]));
	add_text(c, "expected", conf_expected(&c->arena, id));
	add_text(c, "meaning", str_c(o->meaning));
	buf_add_char(&c->out, '}');
}

/* A sentence in lines of at most 96 columns, four blanks before each. */
static void
add_paragraph(struct buf *b, str text)
{
	size_t column = 0;
	str word;

	while (str_take_word(&text, &word)) {
		if (column == 0 || column + 1 + word.n > 96) {
			buf_add_c(b, column ? "\n   " : "   ");
			column = 3;
		}
		buf_add_char(b, ' ');
		buf_add(b, word);
		column += 1 + word.n;
	}
	buf_add_char(b, '\n');
}

static void
add_pair(struct config *c, str name, str value)
{
	if (!c->values_only)
		buf_printf(&c->out, "%.*s =%s", STR_ARG(name), value.n ? " " : "");
	buf_printf(&c->out, "%.*s\n", STR_ARG(value));
	c->shown++;
}

static void
add_plain(struct config *c, str name, const struct conf_origin *o, str value, enum conf_id id)
{
	str from = where(&c->arena, o->file, o->line), expected;

	add_pair(c, name, value);
	if (!c->explain)
		return;
	expected = conf_expected(&c->arena, id);
	add_paragraph(&c->out, str_c(o->meaning));
	add_paragraph(&c->out, arena_printf(&c->arena, "Expected: %.*s. Default: %s. From: %.*s%s%.*s.",
				       STR_ARG(expected), o->initial[0] ? o->initial : "empty", STR_ARG(from),
				       o->file ? ", as " : "", STR_ARG(o->raw)));
}

/* One parameter as one listener has it. */
static void
show_param(struct config *c, const char *listener, enum conf_id id)
{
	struct conf_origin o;
	str name, value;

	conf_origin(c->conf ? conf_for(c->conf, listener) : NULL, id, &o);
	name = arena_printf(&c->arena, "%s%s%s", listener, listener[0] ? "_" : "", o.name);
	value = c->defaults ? str_c(o.initial) : c->raw ? (o.file ? o.raw : str_c(o.initial)) : o.text;
	if (c->form == JSON)
		add_json(c, name, &o, value, id);
	else
		add_plain(c, name, &o, value, id);
}

/* A name of main.cf that is no parameter. */
static void
show_line(struct config *c, const struct conf_line *line)
{
	str from = where(&c->arena, line->file, line->line);

	if (c->form == JSON) {
		open_object(c, str_c(line->name));
		add_text(c, "value", line->raw);
		add_text(c, "raw", line->raw);
		add_text(c, "from", from);
		add_text(c, "note", str_c(line->note ? line->note : "for $name in other values"));
		buf_add_char(&c->out, '}');
		return;
	}
	add_pair(c, str_c(line->name), line->raw);
	if (!c->explain)
		return;
	if (line->kind == CONF_LINE_IGNORED)
		add_paragraph(&c->out, arena_printf(&c->arena, "Accepted, without effect: %s. From: %.*s.",
					       line->note, STR_ARG(from)));
	else
		add_paragraph(&c->out, arena_printf(&c->arena, "A name for use in other values. From: %.*s.",
					       STR_ARG(from)));
}

/* Has this listener a value that plain smtp has not? */
static bool
is_own(const struct config *c, const char *listener, enum conf_id id)
{
	struct conf_origin plain, own;

	conf_origin(c->conf, id, &plain);
	conf_origin(c->conf ? conf_for(c->conf, listener) : NULL, id, &own);
	if (!c->conf)
		return false;
	if (strcmp(own.initial, plain.initial) != 0)
		return true;
	return own.file != plain.file || own.line != plain.line || !str_eq(own.text, plain.text);
}

static void
show_defaults(struct config *c)
{
	for (int id = 0; id < CONF_IDS; id++)
		show_param(c, "", (enum conf_id)id);
}

static void
show_all(struct config *c)
{
	const char *listener;
	struct conf_line line;

	show_defaults(c);
	for (size_t i = 0; (listener = conf_listener(i)); i++)
		for (int id = 0; id < CONF_IDS; id++)
			if (is_own(c, listener, (enum conf_id)id))
				show_param(c, listener, (enum conf_id)id);
	for (size_t i = 0; i < conf_lines(c->conf); i++) {
		conf_line(c->conf, i, &line);
		if (line.kind == CONF_LINE_OWN || line.kind == CONF_LINE_IGNORED)
			show_line(c, &line);
	}
}

/* What main.cf and the command line say, in their order. */
static void
show_changed(struct config *c)
{
	for (size_t i = 0; i < conf_lines(c->conf); i++) {
		const char *listener;
		struct conf_line line;
		enum conf_id id;

		conf_line(c->conf, i, &line);
		if (conf_find_for(str_c(line.name), &listener, &id) == OK)
			show_param(c, listener, id);
		else
			show_line(c, &line);
	}
}

static int
show_named(struct config *c, const char *name)
{
	const char *listener;
	enum conf_id id;
	str near;

	if (conf_find_for(str_c(name), &listener, &id) == OK) {
		show_param(c, listener, id);
		return EX_OK;
	}
	for (size_t i = 0; c->conf && i < conf_lines(c->conf); i++) {
		struct conf_line line;

		conf_line(c->conf, i, &line);
		if (strcmp(line.name, name) == 0) {
			show_line(c, &line);
			return EX_OK;
		}
	}
	near = conf_suggest(&c->arena, str_c(name));
	return cli_fail(EX_USAGE, "config", "unknown parameter `%s`%s%.*s%s", name,
		near.n ? "; did you mean `" : "", STR_ARG(near), near.n ? "`?" : "");
}

/* ---- check ---- */

/* Can the files that this parameter names be read? */
static unsigned
check_files(const struct conf *conf, enum conf_id id)
{
	struct conf_origin o;
	const str *files;
	size_t n = 1;
	str one;
	unsigned bad = 0;

	conf_origin(conf, id, &o);
	one = o.text;
	files = o.type == CONF_LIST ? conf_list(conf, id, &n) : &one;
	for (size_t i = 0; i < n; i++) {
		FILE *f = files[i].n ? fopen(files[i].p, "re") : NULL;

		if (f) {
			fclose(f);
		} else if (files[i].n) {
			fprintf(stderr, "%s:%d: error: %s: %.*s: %s\n", o.file ? o.file : "(default)", o.line,
				o.name, STR_ARG(files[i]), strerror(errno));
			bad++;
		}
	}
	return bad;
}

/* postrider config check: main.cf, the files and the tables that it names. */
static int
check(const struct cli *cli)
{
	struct buf report = { 0 };
	struct conf *conf;
	unsigned bad = 0;
	int status = cli_load_closed(cli, &conf);

	if (status != EX_OK)
		return status;
	for (int id = 0; id < CONF_IDS; id++) {
		struct conf_origin o;

		conf_origin(conf, (enum conf_id)id, &o);
		if (strcmp(o.words, "file") == 0 || strcmp(o.words, "files") == 0)
			bad += check_files(conf, (enum conf_id)id);
	}
	bad += conf_tables_load(conf, &report) != OK;
	if (!bad && conf_tables(conf)) /* the guard has not seen them */
		bad += audit_open_relay(conf, &report);
	if (report.n)
		fwrite(report.p, 1, report.n, stderr);
	buf_done(&report);
	conf_free(conf);
	if (bad)
		return EX_CONFIG;
	printf("%s: ok\n", cli->config);
	return EX_OK;
}

/* ---- */

static int
show_asked(struct config *c, char **names, int count)
{
	int status = EX_OK;

	if (c->form == JSON)
		buf_add_c(&c->out, "[\n");
	if (count == 0 && c->changed_only)
		show_changed(c);
	else if (count == 0 && c->defaults)
		show_defaults(c);
	else if (count == 0)
		show_all(c);
	for (int i = 0; i < count && status == EX_OK; i++)
		status = show_named(c, names[i]);
	if (c->form == JSON)
		buf_add_c(&c->out, c->shown ? "\n]\n" : "]\n");
	return status;
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "explain", no_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' }, { "man", no_argument, NULL, 'm' }, { 0 } };
	struct config c = { 0 };
	bool man = false;
	int option, status = EX_OK;

	if (argc > 1 && strcmp(argv[1], "import") == 0)
		return config_import(argc - 1, argv + 1);
	while ((option = getopt_long(argc, argv, "nd", options, NULL)) != -1)
		switch (option) {
		case 'n': c.changed_only = true; break;
		case 'd': c.defaults = true; break;
		case 'e': c.explain = true; break;
		case 'j': c.form = JSON; break;
		case 'm': man = true; break;
		default: return cli_usage(&cli_config);
		}
	argc -= optind;
	argv += optind;
	if ((c.changed_only && (c.defaults || argc)) || (man && argc))
		return cli_usage(&cli_config);
	if (argc == 1 && strcmp(argv[0], "check") == 0)
		return check(cli);
	if (man)
		manual_main_cf(&c.out);
	else if (c.defaults || (status = cli_load(cli, &c.conf)) == EX_OK)
		status = show_asked(&c, argv, argc);
	if (status == EX_OK)
		status = cli_write("config", &c.out);
	conf_free(c.conf);
	buf_done(&c.out);
	arena_done(&c.arena);
	return status;
}

/* Postfix's way of asking: postconf [-c FOLDER] [-dhnx] [NAME...]. */
static int
run_as_postconf(const struct cli *cli, int argc, char **argv)
{
	struct cli own = *cli;
	struct config c = { .raw = true };
	int option, status = EX_OK;

	while ((option = getopt(argc, argv, "c:dhnx")) != -1)
		switch (option) {
		case 'c':
			own.config = arena_cstr(&c.arena, arena_printf(&c.arena, "%s/main.cf", optarg));
			break;
		case 'd': c.defaults = true; break;
		case 'h': c.values_only = true; break;
		case 'n': c.changed_only = true; break;
		case 'x': c.raw = false; break;
		default:
			arena_done(&c.arena);
			return cli_fail(EX_USAGE, "postconf",
				"only -c FOLDER, -d, -h, -n, -x and names are understood; main.cf is changed "
				"with "
				"an editor");
		}
	if (c.defaults || (status = cli_load(&own, &c.conf)) == EX_OK)
		status = show_asked(&c, argv + optind, argc - optind);
	if (status == EX_OK)
		status = cli_write("postconf", &c.out);
	conf_free(c.conf);
	buf_done(&c.out);
	arena_done(&c.arena);
	return status;
}

const struct cli_verb cli_postconf = { "postconf", "[-c FOLDER] [-dhnx] [NAME...]",
	"the settings, asked for as Postfix's program of that name is", run_as_postconf };

const struct cli_verb cli_config = { "config",
	"[NAME...] [-n | -d] [--explain] [--json] | check | import FILE... [-o FILE] [--json] | --man",
	"the settings in effect and where each comes from; `check` judges main.cf; `import` makes one from "
	"Postfix's main.cf and master.cf",
	run };
