#include "cli/house.h"

#include "cli/control.h"
#include "cli/owner.h"

#include "base/mem.h"
#include "conf/maps.h"
#include "talk/talk.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	BUSY_TRIES = 50,
	BUSY_PAUSE_NS = 100000000,
	COMMIT_EVERY = 16 /* batches of messages: an index transaction does not grow without end */
};

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
	unsigned appends;
	int (*prepare)(void *ctx, const struct passwd *owner);
	void *prepare_ctx;
	struct buf table_report; /* of lookup tables that could not be read */
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

	if (status == EX_OK && h->prepare)
		status = h->prepare(h->prepare_ctx, owner);
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
	buf_done(&h->table_report);
	log_flush(&h->sink);
	buf_done(&h->sink.lines);
	arena_done(&h->arena);
	free(h);
}

int
house_open(const struct cli *cli, const char *verb, enum house_use use, struct house **ret)
{
	return house_open_with(cli, verb, use, NULL, NULL, ret);
}

int
house_open_with(const struct cli *cli, const char *verb, enum house_use use,
	int (*prepare)(void *ctx, const struct passwd *owner), void *ctx, struct house **ret)
{
	struct house *h = NEW(struct house);
	int status;

	h->prepare = prepare;
	h->prepare_ctx = ctx;
	h->verb = verb;
	h->sink =
		(struct log_sink){ .fd = STDERR_FILENO, .least = LOG_WARN, .role = verb, .now_ms = wall_ms };
	h->log.sink = &h->sink;
	status = cli_load(cli, &h->conf);
	if (status ==
		EX_OK) { /* while we may read tables; what is wrong with them matters only to who asks them */
		(void)conf_tables_load(h->conf, &h->table_report);
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
	static const enum conf_id lists[] = { CONF_mydestination, CONF_virtual_mailbox_domains };
	struct store_view *v;

	for (size_t i = 0; i < COUNT(lists); i++) {
		enum fault f = conf_find_domain(h->conf, lists[i], domain);

		if (f == OK)
			return true;
		if (f == TABLE_DOWN && h->table_report.n) {
			fwrite(h->table_report.p, 1, h->table_report.n, stderr);
			buf_clear(&h->table_report);
		}
	}
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

/* ---- mail ---- */

struct store_reader *
house_reader(struct house *h)
{
	if (!h->reader && h->store && store_reader_beside(h->store, &h->reader) != OK)
		(void)house_fault(h, STORE_DOWN, str_c(h->store_dir));
	return h->reader;
}

enum fault
house_make_mailbox(struct house *h, uint32_t account, str name, enum store_role role, uint32_t *ret_id)
{
	if (h->control)
		return control_make_mailbox(h->control, account, name, role, ret_id);
	TRY(store_create_mailbox(h->store, account, name, role, ret_id));
	return flushed(h, store_subscribe_mailbox(h->store, account, *ret_id, true));
}

enum fault
house_put_keyword(struct house *h, uint32_t account, str name, unsigned *ret_bit)
{
	if (h->control)
		return control_put_keyword(h->control, account, name, ret_bit);
	return flushed(h, store_put_keyword(h->store, account, name, ret_bit));
}

static void
accept(struct house *h, struct house_message *m, struct store_large *large)
{
	struct store_delivery d = {
		.account = m->account, .mailbox = m->mailbox, .flags = m->flags, .keywords = m->keywords
	};
	struct store_message sm = { .body = m->body,
		.large = large,
		.row = m->row,
		.received_ms = m->received_ms,
		.sent_ms = m->sent_ms,
		.message_id_key = m->message_id_key,
		.once = m->once,
		.dot_lines = m->dot_lines };
	uint64_t keys[64];
	struct talk_key key;

	for (str list = m->references;
		sm.reference_count < COUNT(keys) && list.n && talk_take_key(&list, &key);)
		keys[sm.reference_count++] = key.key;
	sm.reference_keys = keys;
	m->fault = store_accept(h->store, &sm, &d, 1);
	if (m->fault != OK)
		store_large_free(large);
}

enum fault
house_append(struct house *h, struct house_message *list, size_t n)
{
	if (h->control)
		return control_append(h->control, list, n);
	for (size_t i = 0; i < n; i++)
		accept(h, &list[i], NULL);
	return ++h->appends % COMMIT_EVERY ? store_flush(h->store) : store_commit(h->store);
}

enum fault
house_append_large(
	struct house *h, struct house_message *m, bool (*more)(void *ctx, struct buf *b), void *ctx)
{
	struct store_large *large = NULL;
	struct buf piece = { 0 };
	enum fault f;

	if (h->control)
		return control_append_large(h->control, m, more, ctx);
	TRY(store_large_new(h->store, &large));
	f = OK;
	while (f == OK && more(ctx, &piece)) {
		f = store_large_add(large, buf_str(&piece));
		buf_clear(&piece);
	}
	buf_done(&piece);
	if (f == OK)
		f = store_large_sync(large);
	if (f != OK) {
		store_large_free(large);
		return f;
	}
	accept(h, m, large);
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
