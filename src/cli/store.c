/* cli/store.c - postrider store: looking after what is kept */
#include "cli/progress.h"
#include "cli/words.h"

#include "base/mem.h"

#include <getopt.h>
#include <stdio.h>

static const char verb[] = "store";

/* ---- tools ---- */

struct toolbox {
	struct arena arena;
	struct conf *conf;
	struct progress progress;
	struct store_tool tool;
};

static void
say(void *ctx, const char *line)
{
	struct toolbox *t = ctx;

	if (t->progress.shown)
		fputs("\r\033[K", stderr);
	printf("%s\n", line);
	fflush(stdout);
}

static void
tell(void *ctx, int per_mille)
{
	struct toolbox *t = ctx;

	progress_tell(&t->progress, per_mille);
}

static int
toolbox_init(struct toolbox *t, const struct cli *cli, bool keep_root, const char *what)
{
	const char *dir = NULL;
	int status;

	*t = (struct toolbox){ 0 };
	status = house_tool(cli, verb, keep_root, &t->arena, &t->conf, &dir);
	t->tool = (struct store_tool){ .dir = dir, .say = say, .progress = tell, .ctx = t };
	progress_begin(&t->progress, what);
	return status;
}

/* The status for how the tool ended; says what it has not said. */
static int
toolbox_done(struct toolbox *t, int status, enum fault f)
{
	progress_end(&t->progress);
	if (status == EX_OK && f == TOO_BUSY)
		status = cli_fail(EX_TEMPFAIL, verb, "%s is in use; stop the server first", t->tool.dir);
	else if (status == EX_OK && f == NOT_FOUND)
		status = cli_fail(EX_NOINPUT, verb, "there is no store in %s", t->tool.dir);
	else if (status == EX_OK && f == ALREADY_EXISTS)
		status = cli_fail(EX_CANTCREAT, verb, "there is something already where it would go");
	else if (status == EX_OK && f != OK)
		status = cli_fail(f == STORE_CORRUPT ? EX_DATAERR : EX_IOERR, verb, "%s", fault_words(f)->text);
	conf_free(t->conf);
	arena_done(&t->arena);
	return status;
}

static int
verify(const struct cli *cli, int argc, char **argv)
{
	uint64_t findings = 0;
	enum fault f = OK;
	struct toolbox t;
	int status;

	(void)argv;
	if (argc != 1)
		return cli_usage(&cli_store);
	status = toolbox_init(&t, cli, false, "verifying");
	if (status == EX_OK)
		f = store_verify(&t.tool, &findings);
	if (status == EX_OK && f == OK && findings)
		status = cli_fail(EX_DATAERR, verb, "%llu finding%s", (unsigned long long)findings, findings == 1 ? "" : "s");
	return toolbox_done(&t, status, f);
}

static int
rebuild(const struct cli *cli, int argc, char **argv)
{
	enum fault f = OK;
	struct toolbox t;
	int status;

	(void)argv;
	if (argc != 1)
		return cli_usage(&cli_store);
	status = toolbox_init(&t, cli, false, "rebuilding the index");
	if (status == EX_OK)
		f = store_rebuild(&t.tool);
	return toolbox_done(&t, status, f);
}

/* ---- stats ---- */

/* clang-format off */
#define STATS(X) \
	X(segments, "files of the log") X(log_bytes, "in the log") X(live_bytes, "of it still needed") \
	X(large_bodies, "large messages in files of their own") X(large_bytes, "in them") \
	X(accounts, "users") X(mailboxes, "mailboxes") X(messages, "messages") X(index_bytes, "in the index") \
	X(acked_lsn, "the last record that is durable") X(applied_lsn, "the last record that readers see") \
	X(flushes, "flushes since the store was opened") X(batches, "batches that were flushed") \
	X(records, "records in them") X(commits, "commits of the index") \
	X(replayed, "records taken from the log at the start") X(damaged, "damaged places found then")
/* clang-format on */

static bool
is_bytes(const char *name)
{
	return str_ends(str_c(name), S("_bytes"));
}

static void
add_stats(struct buf *b, struct arena *a, const struct store_stats *s, bool json)
{
	const struct {
		const char *name, *meaning;
		uint64_t value;
	} rows[] = {
#define ROW(name, meaning) { #name, meaning, s->name },
		STATS(ROW)
#undef ROW
	};

	_Static_assert(sizeof(rows) / sizeof(rows[0]) == sizeof(*s) / sizeof(uint64_t), "every number is shown");
	for (size_t i = 0; i < COUNT(rows); i++)
		if (json)
			buf_printf(b, "%s\"%s\": %llu", i ? ",\n " : "{", rows[i].name, (unsigned long long)rows[i].value);
		else if (is_bytes(rows[i].name))
			buf_printf(b, "%12.*s  %s\n", STR_ARG(words_bytes(a, rows[i].value)), rows[i].meaning);
		else
			buf_printf(b, "%12llu  %s\n", (unsigned long long)rows[i].value, rows[i].meaning);
	if (json)
		buf_add_c(b, "}\n");
}

static int
stats(const struct cli *cli, int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct store_stats numbers;
	struct house *h = NULL;
	struct arena a = { 0 };
	struct buf b = { 0 };
	enum fault f;
	int status;

	if (argc > 1 && !json)
		return cli_usage(&cli_store);
	status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK) {
		f = house_stats(h, &numbers);
		if (f == OK)
			add_stats(&b, &a, &numbers, json);
		status = f == OK ? cli_write(verb, &b) : house_fault(h, f, S("stats"));
	}
	buf_done(&b);
	arena_done(&a);
	return house_close(h, status);
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	static const struct action actions[] = { { "verify", verify }, { "rebuild", rebuild }, { "stats", stats } };

	return words_run(&cli_store, actions, COUNT(actions), cli, argc, argv);
}

const struct cli_verb cli_store = { verb, "verify | rebuild | stats [--json]", "look after the mail that is kept", run };
