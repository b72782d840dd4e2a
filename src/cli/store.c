/* cli/store.c - postrider store: looking after what is kept */
#include "cli/owner.h"
#include "cli/progress.h"
#include "cli/words.h"

#include "base/mem.h"

#include <getopt.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char verb[] = "store";

/* ---- tools ---- */

struct toolbox {
	struct arena arena;
	struct conf *conf;
	const struct passwd *owner; /* NULL: we are not root */
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

/* EX_OK, or said; *t wants toolbox_done in any case. */
static int
toolbox_init(struct toolbox *t, const struct cli *cli, const char *what)
{
	int status;

	*t = (struct toolbox){ 0 };
	progress_begin(&t->progress, what);
	status = cli_load(cli, &t->conf);
	if (status != EX_OK)
		return status;
	t->tool = (struct store_tool){
		.dir = arena_printf(&t->arena, "%s/store", conf_path(t->conf, CONF_state_directory)).p,
		.say = say,
		.progress = tell,
		.ctx = t
	};
	return owner_find(verb, t->conf, &t->owner);
}

static int
become_owner(struct toolbox *t)
{
	struct log_sink sink = { .fd = STDERR_FILENO, .least = LOG_WARN, .role = verb };
	struct log log = { .sink = &sink };
	int status = owner_become(verb, t->conf, &log);

	log_flush(&sink);
	buf_done(&sink.lines);
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
		status = cli_fail(
			f == STORE_CORRUPT ? EX_DATAERR : EX_IOERR, verb, "%s", fault_words(f)->text);
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
	status = toolbox_init(&t, cli, "verifying");
	if (status == EX_OK)
		status = become_owner(&t);
	if (status == EX_OK)
		f = store_verify(&t.tool, &findings);
	if (status == EX_OK && f == OK && findings)
		status = cli_fail(EX_DATAERR, verb, "%llu finding%s", (unsigned long long)findings,
			findings == 1 ? "" : "s");
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
	status = toolbox_init(&t, cli, "rebuilding the index");
	if (status == EX_OK)
		status = become_owner(&t);
	if (status == EX_OK)
		f = store_rebuild(&t.tool);
	return toolbox_done(&t, status, f);
}

/* ---- backup and restore ---- */

/* The folder of the backup is made by whoever calls us, who may write where mail_owner may not, and given to mail_owner, who fills it: a backup
 * is its owner's as the store is, and nothing in the store becomes root's. The store goes into DIR/store. */
static int
enter_new_folder(struct toolbox *t, const char *dir)
{
	char *state = realpath(t->tool.dir, NULL); /* it may be named from where we stand */
	int status;

	if (!state)
		return cli_fail(EX_NOINPUT, verb, "%s: %s", t->tool.dir, strerror(errno));
	t->tool.dir = arena_cstr(&t->arena, str_c(state));
	free(state);
	if (mkdir(dir, 0700) != 0)
		return cli_fail(EX_CANTCREAT, verb, "cannot make %s: %s", dir, strerror(errno));
	status = owner_make_dir(verb, dir, t->owner);
	if (status != EX_OK)
		return status;
	if (chdir(dir) != 0)
		return cli_fail(EX_CANTCREAT, verb, "cannot enter %s: %s", dir, strerror(errno));
	return EX_OK;
}

static int
backup(const struct cli *cli, int argc, char **argv)
{
	enum fault f = OK;
	struct toolbox t;
	int status;

	if (argc != 2)
		return cli_usage(&cli_store);
	status = toolbox_init(&t, cli, "copying");
	if (status == EX_OK)
		status = enter_new_folder(&t, argv[1]);
	if (status == EX_OK)
		status = become_owner(&t);
	if (status == EX_OK)
		f = store_backup(&t.tool, "store");
	if (status == EX_OK && f == OK)
		printf("%s has no key to the passwords: keep a copy of %s/vault/seal.key elsewhere\n",
			argv[1], conf_path(t.conf, CONF_state_directory));
	return toolbox_done(&t, status, f);
}

/* Root reads the backup, wherever it is, and gives what it has made to mail_owner. */
static int
restore(const struct cli *cli, int argc, char **argv)
{
	enum fault f = OK;
	const char *from;
	struct toolbox t;
	int status;

	if (argc != 2)
		return cli_usage(&cli_store);
	status = toolbox_init(&t, cli, "restoring");
	if (status == EX_OK)
		status = owner_make_dir(verb, conf_path(t.conf, CONF_state_directory), t.owner);
	if (status == EX_OK) {
		from = arena_printf(&t.arena, "%s/store", argv[1]).p;
		if (access(from, F_OK) != 0)
			status = cli_fail(
				EX_NOINPUT, verb, "%s: %s; that is no backup", from, strerror(errno));
	}
	if (status == EX_OK) {
		f = store_restore(&t.tool, from);
		status = owner_give(verb, t.tool.dir, t.owner);
	}
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

	_Static_assert(
		sizeof(rows) / sizeof(rows[0]) == sizeof(*s) / sizeof(uint64_t), "every number is shown");
	for (size_t i = 0; i < COUNT(rows); i++)
		if (json)
			buf_printf(b, "%s\"%s\": %llu", i ? ",\n " : "{", rows[i].name,
				(unsigned long long)rows[i].value);
		else if (is_bytes(rows[i].name))
			buf_printf(
				b, "%12.*s  %s\n", STR_ARG(words_bytes(a, rows[i].value)), rows[i].meaning);
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
	static const struct action actions[] = { { "verify", verify }, { "rebuild", rebuild },
		{ "backup", backup }, { "restore", restore }, { "stats", stats } };

	return words_run(&cli_store, actions, COUNT(actions), cli, argc, argv);
}

const struct cli_verb cli_store = { verb, "verify | rebuild | backup DIR | restore DIR | stats [--json]",
	"look after the mail that is kept", run };
