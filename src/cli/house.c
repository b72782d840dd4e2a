#include "cli/house.h"

#include "cli/control.h"
#include "cli/owner.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_TRIES = 50, BUSY_PAUSE_NS = 100000000 };

/* Either `store`, or `control` and `reader`. */
struct house {
	const char *verb;
	struct conf *conf;
	const char *dir;
	const char *store_dir;
	struct store *store;
	struct control *control;
	struct store_reader *reader;
	struct store_view *view;
	struct log_sink sink;
	struct log log;
	struct arena arena;
};

/* ---- opening ---- */

static int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* When a server runs, its control socket is there; when none does, the lock is free. For a moment neither is so: while a server starts or
 * ends, or another of these verbs is at work. */
static enum fault
open_either(struct house *h)
{
	struct store_settings set = { .dir = h->store_dir, .wall_ms = wall_ms };
	const char *socket_path = arena_printf(&h->arena, "%s/control", h->dir).p;
	enum fault f = TOO_BUSY;

	for (int i = 0; i < BUSY_TRIES && f == TOO_BUSY; i++) {
		struct timespec pause = { .tv_nsec = BUSY_PAUSE_NS };

		if (i)
			nanosleep(&pause, NULL);
		f = control_open(socket_path, &h->log, &h->control);
		if (f == NOT_FOUND)
			f = owner_become(h->verb, h->conf, &h->log) == EX_OK
				    ? store_open(&set, &h->log, &h->store)
				    : NOT_PERMITTED;
	}
	return f;
}

static int
open_store(struct house *h, enum house_use use)
{
	const struct passwd *owner;
	struct stat st;
	enum fault f;
	int status = owner_find(h->verb, h->conf, &owner);

	if (status == EX_OK && use == HOUSE_WRITE)
		status = owner_make_dir(h->verb, h->dir, owner);
	if (status != EX_OK)
		return status;
	if (use == HOUSE_READ && stat(h->store_dir, &st) != 0) {
		if (errno == EACCES)
			return cli_fail(EX_NOPERM, h->verb, "%s is not for you: call it as root or as %s",
				h->dir, conf_path(h->conf, CONF_mail_owner));
		return cli_fail(EX_NOINPUT, h->verb,
			"there is no store in %s yet; `postrider domain add' begins one", h->dir);
	}
	f = open_either(h);
	if (f == NOT_PERMITTED)
		return cli_fail(EX_NOPERM, h->verb, "%s/control is not for you: call it as root", h->dir);
	if (f == TOO_BUSY)
		return cli_fail(EX_TEMPFAIL, h->verb, "another process has %s open", h->store_dir);
	if (f != OK)
		return cli_fail(
			EX_UNAVAILABLE, h->verb, "cannot open %s: %s", h->store_dir, fault_words(f)->text);
	if (!h->control)
		return EX_OK;
	status = owner_become(h->verb, h->conf, &h->log);
	if (status == EX_OK && store_reader_open(h->store_dir, &h->log, &h->reader) != OK)
		status = cli_fail(EX_UNAVAILABLE, h->verb, "cannot read %s", h->store_dir);
	return status;
}

static void
free_house(struct house *h)
{
	if (h->view)
		store_view_end(h->view);
	store_reader_close(h->reader);
	control_close(h->control);
	store_close(h->store);
	conf_free(h->conf);
	log_flush(&h->sink);
	buf_done(&h->sink.lines);
	arena_done(&h->arena);
	free(h);
}

int
house_open(const struct cli *cli, const char *verb, enum house_use use, struct house **ret)
{
	struct house *h = NEW(struct house);
	int status;

	h->verb = verb;
	h->sink =
		(struct log_sink){ .fd = STDERR_FILENO, .least = LOG_WARN, .role = verb, .now_ms = wall_ms };
	h->log.sink = &h->sink;
	status = cli_load(cli, &h->conf);
	if (status == EX_OK) {
		h->dir = conf_path(h->conf, CONF_state_directory);
		h->store_dir = arena_printf(&h->arena, "%s/store", h->dir).p;
		status = open_store(h, use);
	}
	if (status == EX_OK)
		*ret = h;
	else
		free_house(h);
	return status;
}

int
house_close(struct house *h, int status)
{
	enum fault f = OK;

	if (!h)
		return status;
	if (h->store) {
		f = store_commit(h->store);
		if (f != OK && status == EX_OK)
			status = house_fault(h, f, str_c(h->store_dir));
	}
	free_house(h);
	return status;
}

const struct conf *
house_conf(const struct house *h)
{
	return h->conf;
}

const char *
house_dir(const struct house *h)
{
	return h->dir;
}

/* ---- reading ---- */

struct store_view *
house_view(struct house *h)
{
	enum fault f;

	if (h->store)
		return store_now(h->store);
	if (h->view)
		store_view_end(h->view);
	h->view = NULL;
	f = control_apply(h->control);
	if (f == OK)
		f = store_view_begin(h->reader, &h->view);
	if (f != OK)
		(void)house_fault(h, f, str_c(h->store_dir));
	return h->view;
}

bool
house_has_domain(struct house *h, str domain)
{
	struct store_view *v;

	if (conf_has_domain(h->conf, CONF_mydestination, domain) ||
		conf_has_domain(h->conf, CONF_virtual_mailbox_domains, domain))
		return true;
	v = house_view(h);
	return v && view_domain(v, domain) == OK;
}

enum fault
house_stats(struct house *h, struct store_stats *ret)
{
	if (h->control)
		return control_stats(h->control, ret);
	store_get_stats(h->store, ret);
	return OK;
}

/* ---- changing ---- */

static enum fault
flushed(struct house *h, enum fault f)
{
	return f == OK ? store_flush(h->store) : f;
}

enum fault
house_put_domain(struct house *h, str domain)
{
	if (h->control)
		return control_put_domain(h->control, domain);
	return flushed(h, store_put_domain(h->store, domain));
}

enum fault
house_remove_domain(struct house *h, str domain)
{
	if (h->control)
		return control_remove_domain(h->control, domain);
	return flushed(h, store_remove_domain(h->store, domain));
}

enum fault
house_put_account(struct house *h, const struct store_account *a, uint32_t *ret_id)
{
	if (h->control)
		return control_put_account(h->control, a, ret_id);
	return flushed(h, store_put_account(h->store, a, ret_id));
}

enum fault
house_remove_account(struct house *h, str address)
{
	struct store_account a;

	if (h->control)
		return control_remove_account(h->control, address);
	TRY(view_account_by_address(store_now(h->store), address, &a));
	return flushed(h, store_remove_account(h->store, a.id));
}

enum fault
house_put_alias(struct house *h, str address, const str *targets, size_t n)
{
	if (h->control)
		return control_put_alias(h->control, address, targets, n);
	return flushed(h,
		n ? store_put_alias(h->store, address, targets, n) : store_remove_alias(h->store, address));
}

enum fault
house_put_accounts(struct house *h, const struct store_account *list, size_t n, enum fault *ret_faults)
{
	uint32_t id;

	if (h->control)
		return control_put_accounts(h->control, list, n, ret_faults);
	for (size_t i = 0; i < n; i++)
		ret_faults[i] = store_put_account(h->store, &list[i], &id);
	return store_flush(h->store);
}

/* ---- the key ---- */

/* Does anybody have a secret? */
static bool
has_secrets(struct house *h)
{
	struct store_view *v = house_view(h);
	struct store_account a;

	for (uint32_t at = 0; v && view_next_account(v, &at, &a) == OK;)
		if (a.secret.n)
			return true;
	return false;
}

int
house_seal_key(struct house *h, struct seal_key *ret)
{
	const char *path = arena_printf(&h->arena, "%s/vault/seal.key", h->dir).p;
	enum fault f = seal_key_load(path, false, ret);

	if (f == NOT_FOUND && has_secrets(h))
		return cli_fail(EX_CONFIG, h->verb,
			"%s is missing, and nothing else opens the passwords that are kept: put it back from "
			"its copy",
			path);
	if (f == NOT_FOUND)
		f = seal_key_load(path, true, ret);
	switch (f) {
	case OK: return EX_OK;
	case NOT_PERMITTED:
		return cli_fail(
			EX_NOPERM, h->verb, "%s must be readable by its owner and by nobody else", path);
	case MALFORMED: return cli_fail(EX_CONFIG, h->verb, "%s is no key: a file of 32 random bytes", path);
	default: return cli_fail(EX_IOERR, h->verb, "%s: %s", path, strerror(errno));
	}
}

/* ---- words ---- */

int
house_fault(const struct house *h, enum fault f, str what)
{
	static const struct {
		enum fault fault;
		int status;
		const char *text;
	} words[] = {
		{ ALREADY_EXISTS, EX_CANTCREAT, "exists already" },
		{ NOT_FOUND, EX_NOUSER, "there is no such thing" },
		{ BAD_ARGUMENT, EX_DATAERR, "not a good name" },
		{ TOO_BIG, EX_DATAERR, "too large" },
		{ STORE_FULL, EX_TEMPFAIL, "the disk is full" },
		{ STORE_DOWN, EX_TEMPFAIL,
			"the server or its store has gone; nothing is known to be changed" },
		{ TIMED_OUT, EX_TEMPFAIL, "the server does not answer" },
		{ STORE_CORRUPT, EX_IOERR, "the store is damaged; see `postrider store verify'" },
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].fault == f)
			return cli_fail(words[i].status, h->verb, "%.*s: %s", STR_ARG(what), words[i].text);
	return cli_fail(EX_SOFTWARE, h->verb, "%.*s: %s", STR_ARG(what), fault_words(f)->text);
}
