/* cli/mailbox_import.c - postrider mailbox import: other people's mailboxes become ours
 * A helper reads the source (hand.h); here its messages go to the store, in batches that commit together, through a running server or into the
 * store itself. Each comes with a key of its own that the store keeps with the message (store_message.once): whatever was kept is known,
 * so an import that was interrupted, by a signal, a crash or a full disk, is repeated and goes on; nothing is lost, nothing comes twice, and
 * no journal has to agree with the store. What was removed from the mailbox since is imported again. */
#include "cli/hand.h"
#include "cli/mailbox.h"
#include "cli/progress.h"
#include "cli/user.h"

#include "base/mem.h"
#include "base/table.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

enum { BATCH = 256, BATCH_BYTES = 8 << 20, COMPLAINTS_MOST = 100 };

static const char verb[] = "mailbox";

struct import {
	struct house *house;
	struct hand *hand;
	struct progress progress;
	struct store_account account;
	uint64_t size_limit;
	const char *source;

	uint32_t mailbox; /* of the folder at hand; 0: it cannot be made */
	str folder;       /* its name */
	struct arena folder_arena;
	struct table keywords; /* struct known by name */
	struct arena arena;

	struct house_message batch[BATCH];
	str names[BATCH];
	size_t n, bytes;
	struct arena batch_arena;

	uint64_t imported, there, failed;
};
struct known {
	str name;
	unsigned bit;
	enum fault fault;
};

static void
complain(struct import *m, str name, const char *text)
{
	m->failed++;
	if (m->failed > COMPLAINTS_MOST)
		return;
	if (m->progress.shown)
		fputs("\r\033[K", stderr);
	fprintf(stderr, "%s: ", m->source);
	for (size_t i = 0; i < name.n; i++)
		fputc(name.p[i] < ' ' && name.p[i] >= 0 ? '?' : name.p[i], stderr);
	fprintf(stderr, ": %s\n", text);
	if (m->failed == COMPLAINTS_MOST)
		fprintf(stderr, "%s: what further goes wrong is only counted\n", m->source);
}

/* ---- where it goes ---- */

static bool
role_is_taken(struct import *m, enum store_role role)
{
	struct store_view *v = house_view(m->house);
	struct store_mailbox box;

	for (uint32_t at = 0; v && view_next_mailbox(v, m->account.id, &at, &box) == OK;)
		if (box.role == role)
			return true;
	return false;
}

/* The mailbox of that name, made when it is missing. */
static enum fault
open_mailbox(struct import *m, str name, uint32_t *ret_id)
{
	struct store_view *v = house_view(m->house);
	enum store_role role = mailbox_role_of(name);
	struct store_mailbox box;
	enum fault f = v ? view_mailbox_by_name(v, m->account.id, name, &box) : STORE_DOWN;

	if (f == OK)
		*ret_id = box.id;
	if (f != NOT_FOUND)
		return f;
	if (role != ROLE_NONE && role_is_taken(m, role))
		role = ROLE_NONE;
	return house_make_mailbox(m->house, m->account.id, name, role, ret_id);
}

static enum fault flush(struct import *m);

static enum fault
begin_folder(struct import *m, str name)
{
	enum fault f;

	TRY(flush(m));
	arena_reset(&m->folder_arena);
	m->folder = arena_str(&m->folder_arena, mailbox_name(name));
	m->mailbox = 0;
	f = open_mailbox(m, m->folder, &m->mailbox);
	if (f == BAD_ARGUMENT) {
		complain(m, m->folder, "cannot be the name of a mailbox; it is left out");
		return OK;
	}
	return f;
}

/* ---- keywords ---- */

static enum fault
keyword_bit(struct import *m, str name, struct known **ret)
{
	struct known *k = table_get(&m->keywords, name);

	if (!k) {
		k = ARENA_NEW(&m->arena, struct known);
		k->name = arena_str(&m->arena, name);
		k->fault = house_put_keyword(m->house, m->account.id, name, &k->bit);
		table_put(&m->keywords, k->name, k);
	}
	*ret = k;
	return k->fault == BAD_ARGUMENT || k->fault == TOO_BIG ? OK : k->fault;
}

static enum fault
keywords_of(struct import *m, str list, str message, uint64_t *ret)
{
	struct known *k;
	str name;

	*ret = 0;
	while (str_take_until(&list, '\n', &name)) {
		if (name.n == 0)
			continue;
		TRY(keyword_bit(m, name, &k));
		if (k->fault == OK)
			*ret |= (uint64_t)1 << k->bit;
		else
			complain(m, message,
				k->fault == TOO_BIG
					? "it goes without a keyword: a user can have 64 of them"
					: "it goes without a keyword that is no word (RFC 9051 9)");
	}
	return OK;
}

/* ---- messages ---- */

static enum fault
count_verdict(struct import *m, const struct house_message *x, str name)
{
	switch (x->fault) {
	case OK: m->imported++; return OK;
	case ALREADY_EXISTS: m->there++; return OK;
	case OVER_QUOTA:
	case STORE_FULL:
	case MAILBOX_DISABLED:
	case STORE_DOWN: return x->fault; /* all that follow would fare the same */
	default: complain(m, name, fault_words(x->fault)->text); return OK;
	}
}

/* Those that are there already need not travel. */
static enum fault
drop_known(struct import *m)
{
	struct store_view *v = house_view(m->house);
	size_t kept = 0;

	if (!v)
		return STORE_DOWN;
	for (size_t i = 0; i < m->n; i++) {
		if (view_once(v, m->account.id, m->batch[i].once) == OK) {
			m->there++;
			continue;
		}
		m->batch[kept] = m->batch[i];
		m->names[kept++] = m->names[i];
	}
	m->n = kept;
	return OK;
}

static enum fault
flush(struct import *m)
{
	enum fault f = OK;

	if (m->n)
		f = drop_known(m);
	if (f == OK && m->n)
		f = house_append(m->house, m->batch, m->n);
	for (size_t i = 0; i < m->n && f == OK; i++)
		f = count_verdict(m, &m->batch[i], m->names[i]);
	m->n = m->bytes = 0;
	arena_reset(&m->batch_arena);
	return f;
}

static bool
more_octets(void *ctx, struct buf *b)
{
	struct import *m = ctx;

	return hand_body(m->hand, b, 128 * 1024) && b->n > 0;
}

static enum fault
take_item(struct import *m, const struct hand_item *item)
{
	struct house_message x = { .account = m->account.id,
		.mailbox = m->mailbox,
		.flags = item->flags & STORE_FLAGS,
		.message_id_key = item->message_id_key,
		.once = item->once,
		.received_ms = item->received_ms,
		.sent_ms = item->sent_ms,
		.dot_lines = item->dot_lines };
	struct buf body = { 0 };
	struct store_view *v;
	enum fault f = OK;
	str name;

	if (m->mailbox == 0) {
		m->failed++;
		return OK;
	}
	if (m->size_limit && item->size > m->size_limit) {
		complain(m, item->name, "larger than message_size_limit");
		return OK;
	}
	name = arena_str(&m->batch_arena, item->name);
	x.references = arena_str(&m->batch_arena, item->references);
	x.row = arena_str(&m->batch_arena, item->row);
	TRY(keywords_of(m, item->keywords, name, &x.keywords));
	if (item->size > HOUSE_LARGE) {
		TRY(flush(m)); /* uids keep the order of the source; the batch's arena is empty then */
		name = arena_str(&m->batch_arena, item->name);
		x.references = arena_str(&m->batch_arena, item->references);
		x.row = arena_str(&m->batch_arena, item->row);
		v = house_view(m->house);
		if (!v)
			return STORE_DOWN;
		if (view_once(v, m->account.id, x.once) == OK) {
			m->there++;
			return OK;
		}
		TRY(house_append_large(m->house, &x, more_octets, m));
		f = count_verdict(m, &x, name);
		arena_reset(&m->batch_arena);
		return f;
	}
	if (!hand_body(m->hand, &body, HOUSE_LARGE)) {
		buf_done(&body);
		return CLOSED;
	}
	x.body = arena_str(&m->batch_arena, buf_str(&body));
	buf_done(&body);
	m->batch[m->n] = x;
	m->names[m->n++] = name;
	m->bytes += x.body.n + x.row.n;
	return m->n == BATCH || m->bytes >= BATCH_BYTES ? flush(m) : OK;
}

static enum fault
take_all(struct import *m, bool *ret_hopeless)
{
	struct hand_heard heard;

	while (hand_next(m->hand, &heard)) {
		switch (heard.kind) {
		case HAND_FOLDER: TRY(begin_folder(m, heard.folder.mailbox)); break;
		case HAND_ITEM:
			if (heard.item.total)
				progress_tell(&m->progress, (int)(MIN(heard.item.done, heard.item.total) *
								    1000 / heard.item.total));
			TRY(take_item(m, &heard.item));
			break;
		case HAND_TROUBLE:
			*ret_hopeless |= heard.trouble.fatal;
			complain(m, heard.trouble.name, arena_cstr(&m->batch_arena, heard.trouble.text));
			break;
		case HAND_END: return flush(m);
		}
	}
	TRY(flush(m));
	return CLOSED;
}

/* ---- the action ---- */

static int
say_result(struct import *m, enum fault f, bool hopeless)
{
	int status = EX_OK;

	progress_end(&m->progress);
	if (f == CLOSED)
		status = cli_fail(
			EX_SOFTWARE, verb, "the process that reads %s has ended before its time", m->source);
	else if (f == OVER_QUOTA)
		status = cli_fail(EX_CANTCREAT, verb,
			"the quota of %.*s is used up; raise it and import again",
			STR_ARG(m->account.address));
	else if (f != OK)
		status = house_fault(m->house, f, m->account.address);
	else if (hopeless)
		status = EX_NOINPUT;
	else if (m->failed)
		status = EX_DATAERR;
	printf("%llu imported, %llu there already, %llu troubles\n", (unsigned long long)m->imported,
		(unsigned long long)m->there, (unsigned long long)m->failed);
	return fflush(stdout) == 0 ? status : EX_IOERR;
}

static int
import_into(struct import *m, const char *address)
{
	bool hopeless = false;
	int64_t limit;
	enum fault f;
	int status = mailbox_find_account(m->house, address, &m->arena, &m->account);

	if (status != EX_OK)
		return status;
	m->account.address = arena_str(&m->arena, m->account.address);
	limit = conf_int(house_conf(m->house), CONF_message_size_limit);
	m->size_limit = limit > 0 ? (uint64_t)limit : 0;
	progress_begin(&m->progress, "importing");
	f = take_all(m, &hopeless);
	return say_result(m, f, hopeless);
}

int
mailbox_import(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "mboxo", no_argument, NULL, 'o' }, { 0 } };
	struct import *m = NEW(struct import);
	struct hash_key key;
	struct hand_source source = { .kind = MBOX_RD };
	int option, words, status = EX_OK;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			source.kind = MBOX_O;
		else
			status = EX_USAGE;
	}
	words = argc - optind;
	if (status != EX_OK || words < 2 || words > 3) {
		free(m);
		return cli_usage(&cli_mailbox);
	}
	m->source = source.path = argv[argc - 1];
	if (words == 3)
		source.into = mailbox_name(str_c(argv[optind + 1]));
	user_noise(&key, sizeof(key));
	table_init(&m->keywords, key);
	if (access(m->source, R_OK) != 0)
		status = cli_fail(EX_NOINPUT, verb, "%s: %s", m->source, strerrordesc_np(errno));
	if (status == EX_OK)
		status = hand_start(verb, &source, &m->hand);
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_READ, &m->house);
	if (status == EX_OK)
		status = import_into(m, argv[optind]);
	(void)hand_end(m->hand);
	status = house_close(m->house, status);
	table_done(&m->keywords);
	arena_done(&m->arena);
	arena_done(&m->batch_arena);
	arena_done(&m->folder_arena);
	free(m);
	return status;
}
