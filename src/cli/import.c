/* cli/import.c - postrider user import: thousands of users from Dovecot's passwd-file
 * user:{SCHEME}hash:uid:gid:gecos:home:shell:extra, of which the first two count, and userdb_quota_rule=*:storage=SIZE of the extra fields.
 * The file is judged whole first: with one bad line nobody is imported. Then what must be hashed is hashed in threads, and all are put at once. */
#include "cli/progress.h"
#include "cli/user.h"

#include "base/mem.h"
#include "base/table.h"
#include "rt/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char verb[] = "user";

enum { FILE_MOST = 256 << 20, LINE_MOST = 4096, COMPLAINTS_MOST = 20, MOST_THREADS = 16 };

struct newcomer {
	size_t line;
	str address, domain, verifier;
	bool has_quota;
	uint64_t quota;
	uint32_t id; /* of the one who is there already; 0: new */
	bool disabled;
	struct buf sealed;
	enum fault fault;
};

struct import {
	struct arena arena;
	const char *file;
	str domain; /* for users without one */
	bool has_quota, update;
	uint64_t quota;
	struct buf text; /* wiped: it may hold passwords */
	struct newcomer *list;
	size_t n, room;
	struct table seen; /* addresses in lower case */
	size_t complaints;
	/* hashing */
	struct seal_key key;
	struct loop *loop;
	struct pool *pool;
	size_t slow, next, done, running;
	struct progress progress;
};

static void complain(struct import *m, size_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void
complain(struct import *m, size_t line, const char *format, ...)
{
	va_list args;

	if (++m->complaints > COMPLAINTS_MOST)
		return;
	fprintf(stderr, "%s:%zu: ", m->file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* ---- reading ---- */

static int
read_file(struct import *m)
{
	int fd = strcmp(m->file, "-") == 0 ? dup(STDIN_FILENO) : open(m->file, O_RDONLY | O_CLOEXEC);
	int status = EX_OK;
	ssize_t n = 1;

	if (fd < 0)
		return cli_fail(EX_NOINPUT, verb, "cannot read %s: %s", m->file, strerror(errno));
	m->text.limit = FILE_MOST;
	while (status == EX_OK && n > 0) {
		char *to = buf_reserve(&m->text, 65536);

		if (!to) {
			status = cli_fail(EX_DATAERR, verb, "%s is too large", m->file);
			break;
		}
		n = read(fd, to, 65536);
		if (n < 0 && errno != EINTR)
			status = cli_fail(EX_NOINPUT, verb, "cannot read %s: %s", m->file, strerror(errno));
		if (n > 0)
			buf_used(&m->text, (size_t)n);
		else if (n < 0)
			n = 1;
	}
	close(fd);
	return status;
}

/* "userdb_quota_rule=*:storage=1G" among words between blanks; storage counts kilobytes, bytes bytes. */
static bool
take_quota(str extra, struct newcomer *u)
{
	uint64_t unit;
	str word;

	while (str_take_word(&extra, &word)) {
		if (!str_take(&word, S("userdb_quota_rule=*:")))
			continue;
		unit = str_take(&word, S("storage=")) ? 1024 : str_take(&word, S("bytes=")) ? 1 : 0;
		if (!unit || !words_size(word, unit, &u->quota))
			return false;
		u->has_quota = true;
	}
	return true;
}

static void
take_line(struct import *m, size_t number, str line)
{
	struct newcomer u = { .line = number, .has_quota = m->has_quota, .quota = m->quota };
	str user, skipped;
	struct addr ad;

	if (line.n > LINE_MOST) {
		complain(m, number, "the line is too long");
		return;
	}
	if (!str_take_until(&line, ':', &user) || !str_take_until(&line, ':', &u.verifier) ||
		u.verifier.n == 0) {
		complain(m, number, "no user:{SCHEME}password");
		return;
	}
	if (str_find(user, '@') == user.n && m->domain.n)
		user = arena_printf(&m->arena, "%.*s@%.*s", STR_ARG(user), STR_ARG(m->domain));
	if (addr_parse(user, &ad) != OK) {
		complain(m, number, "`%.*s' is no address%s", STR_ARG(user),
			str_find(user, '@') == user.n ? "; see --domain" : "");
		return;
	}
	u.address = addr_canonical(&m->arena, &ad);
	u.domain = arena_lower(&m->arena, ad.domain);
	for (int i = 0; i < 5; i++)
		(void)str_take_until(&line, ':', &skipped);
	if (!take_quota(line, &u)) {
		complain(m, number, "a quota rule that cannot be understood");
		return;
	}
	if (table_put(&m->seen, arena_lower(&m->arena, u.address), m)) {
		complain(m, number, "%.*s for the second time", STR_ARG(u.address));
		return;
	}
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 1024;
		m->list = mem_grow(m->list, m->room * sizeof(*m->list));
	}
	m->list[m->n++] = u;
}

static void
take_lines(struct import *m)
{
	str rest = buf_str(&m->text), line;

	for (size_t number = 1; str_take_until(&rest, '\n', &line); number++) {
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			take_line(m, number, line);
	}
}

/* ---- judging ---- */

static void
judge_domains(struct import *m, struct house *h)
{
	struct table known;

	table_init(&known, (struct hash_key){ 0 });
	for (size_t i = 0; i < m->n; i++) {
		struct newcomer *u = &m->list[i];

		if (table_put(&known, u->domain, m))
			continue;
		if (!house_has_domain(h, u->domain))
			complain(m, u->line,
				"%.*s is not a domain of this server; first: postrider domain add %.*s",
				STR_ARG(u->domain), STR_ARG(u->domain));
	}
	table_done(&known);
}

/* Who is there already keeps what the file does not say. */
static void
judge_users(struct import *m, struct store_view *v)
{
	for (size_t i = 0; i < m->n; i++) {
		struct newcomer *u = &m->list[i];
		struct store_account there;

		if (view_account_by_address(v, u->address, &there) != OK)
			continue;
		if (!m->update) {
			complain(m, u->line, "%.*s exists already; see --update", STR_ARG(u->address));
			continue;
		}
		u->id = there.id;
		u->disabled = there.disabled;
		u->address = arena_str(&m->arena, there.address);
		if (!u->has_quota)
			u->quota = there.quota_bytes;
	}
}

/* ---- secrets ---- */

/* Maybe in a thread. */
static void
seal(struct import *m, struct newcomer *u)
{
	struct secret secret = { 0 };
	char noise[48], nonce[12];
	struct arena a = { 0 };

	user_noise(noise, sizeof(noise));
	user_noise(nonce, sizeof(nonce));
	u->fault = secret_import(&a, u->verifier, noise, &secret);
	if (u->fault == OK)
		u->fault = secret_seal(&m->key, u->address, &secret, nonce, &u->sealed);
	mem_wipe(&secret, sizeof(secret));
	arena_done(&a);
}

/* All but plain passwords, which cost a hash each. */
static void
seal_quick(struct import *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct newcomer *u = &m->list[i];

		if (secret_import_is_slow(u->verifier)) {
			m->slow++;
			continue;
		}
		seal(m, u);
		if (u->fault != OK)
			complain(m, u->line,
				"%.*s: a password scheme that is not supported, or a damaged one",
				STR_ARG(u->address));
	}
}

struct hash_job {
	struct import *m;
	struct newcomer *user;
};

static void
hash(void *arg)
{
	struct hash_job *job = arg;

	seal(job->m, job->user);
}

/* A fiber for each thread that hashes; they share the list. */
static void
hash_on(void *arg)
{
	struct import *m = arg;

	while (m->next < m->n) {
		struct hash_job job = { m, &m->list[m->next++] };

		if (!secret_import_is_slow(job.user->verifier))
			continue;
		if (pool_run(m->pool, hash, &job, 0) != OK)
			job.user->fault = INTERNAL;
		if (job.user->fault != OK)
			complain(m, job.user->line, "%.*s: not a good password", STR_ARG(job.user->address));
		progress_tell(&m->progress, (int)(++m->done * 1000 / m->slow));
	}
	m->running--;
}

static void
seal_slow(struct import *m)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int threads = (int)MAX(1, MIN(cores, MOST_THREADS));

	if (m->slow == 0)
		return;
	progress_begin(&m->progress, "hashing passwords");
	m->loop = loop_new();
	m->pool = pool_new(m->loop, threads);
	m->running = (size_t)threads;
	for (int i = 0; i < threads; i++)
		fiber_start(m->loop, hash_on, m);
	while (m->running > 0)
		(void)loop_run_once(m->loop);
	pool_free(m->pool);
	loop_free(m->loop);
	progress_end(&m->progress);
}

/* ---- putting ---- */

static int
put(struct import *m, struct house *h)
{
	struct store_account *list = mem_new_array(m->n, sizeof(*list));
	enum fault *faults = mem_new_array(m->n, sizeof(*faults)), f;
	int64_t now_ms = user_clock_ms();
	int status = EX_OK;

	for (size_t i = 0; i < m->n; i++)
		list[i] = (struct store_account){ .id = m->list[i].id,
			.address = m->list[i].address,
			.quota_bytes = m->list[i].quota,
			.disabled = m->list[i].disabled,
			.secret = buf_str(&m->list[i].sealed),
			.created_ms = now_ms };
	f = house_put_accounts(h, list, m->n, faults);
	for (size_t i = 0; i < m->n && f == OK; i++)
		if (faults[i] != OK)
			complain(m, m->list[i].line, "%.*s: %s", STR_ARG(m->list[i].address),
				fault_words(faults[i])->text);
	if (f != OK)
		status = house_fault(h, f, str_c(m->file));
	else if (m->complaints)
		status = EX_DATAERR;
	free(list);
	free(faults);
	return status;
}

static int
bad_file(struct import *m)
{
	if (m->complaints > COMPLAINTS_MOST)
		fprintf(stderr, "%s: and %zu more\n", m->file, m->complaints - COMPLAINTS_MOST);
	return cli_fail(EX_DATAERR, verb, "nobody was imported");
}

/* Each step may end it; nothing is changed before the last. */
static int
import(struct import *m, struct house *h)
{
	struct store_view *v;
	int status;

	take_lines(m);
	judge_domains(m, h);
	v = house_view(h);
	if (!v)
		return EX_TEMPFAIL;
	judge_users(m, v);
	if (m->complaints)
		return bad_file(m);
	if (m->n == 0)
		return cli_fail(EX_DATAERR, verb, "nobody is in %s", m->file);
	status = house_seal_key(h, &m->key);
	if (status != EX_OK)
		return status;
	seal_quick(m);
	if (!m->complaints)
		seal_slow(m);
	if (m->complaints)
		return bad_file(m);
	status = put(m, h);
	if (status == EX_OK && isatty(STDERR_FILENO))
		fprintf(stderr, "%zu users\n", m->n);
	return status;
}

/* ---- the action ---- */

static int
take_options(struct import *m, int argc, char **argv)
{
	static const struct option options[] = { { "quota", required_argument, NULL, 'q' },
		{ "domain", required_argument, NULL, 'd' }, { "update", no_argument, NULL, 'u' }, { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'u': m->update = true; break;
		case 'q':
			m->has_quota = true;
			if (!words_size(str_c(optarg), 1, &m->quota))
				return cli_usage(&cli_user);
			break;
		case 'd':
			if (words_domain(verb, &m->arena, optarg, &m->domain) != EX_OK)
				return EX_DATAERR;
			break;
		default: return cli_usage(&cli_user);
		}
	if (optind + 1 != argc)
		return cli_usage(&cli_user);
	m->file = argv[optind];
	return EX_OK;
}

static void
forget(struct import *m)
{
	for (size_t i = 0; i < m->n; i++)
		buf_done(&m->list[i].sealed);
	free(m->list);
	if (m->text.p)
		mem_wipe(m->text.p, m->text.room);
	buf_done(&m->text);
	table_done(&m->seen);
	mem_wipe(&m->key, sizeof(m->key));
	arena_done(&m->arena);
	free(m);
}

int
user_import(const struct cli *cli, int argc, char **argv)
{
	struct import *m = NEW(struct import);
	struct house *h = NULL;
	int status = take_options(m, argc, argv);

	table_init(&m->seen, (struct hash_key){ 0 }); /* the administrator's own names */
	if (status == EX_OK)
		status = read_file(m); /* while we may still be root */
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_WRITE, &h);
	if (status == EX_OK)
		status = import(m, h);
	forget(m);
	return house_close(h, status);
}
