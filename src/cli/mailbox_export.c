/* cli/mailbox_export.c - postrider mailbox export: our mailboxes as a Maildir, or as mbox files
 * A folder is filled: with a Maildir and its Maildir++ folders, or with one file NAME.mbox for each mailbox. Lines end in LF, as the programs
 * that read these expect. An export only adds: repeated, after an interruption or a year, it goes on with what is not there yet and
 * brings flags up to date (Maildir). What is there is known, in a Maildir, by names that hold UIDVALIDITY and UID, and beside an mbox by
 * a file that says up to which UID and octet it is complete. Files are on the disk before they have their names. */
#include "cli/export.h"
#include "cli/owner.h"

#include "base/mem.h"
#include "mail/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const char verb[] = "mailbox";

int
export_fail(struct export *x, const char *what)
{
	return cli_fail(EX_CANTCREAT, verb, "%s/%s: %s", x->target, what, strerror(errno));
}

/* A small file in place of another, never half of it. */
int
export_replace(struct export *x, int dir, const char *name, str bytes)
{
	const char *tmp = arena_printf(&x->box_arena, "%s.new", name).p;
	int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && cli_write_whole(fd, bytes) && fdatasync(fd) == 0;

	if (fd >= 0 && close(fd) != 0)
		ok = false;
	if (!ok || renameat(dir, tmp, dir, name) != 0)
		return export_fail(x, name);
	return EX_OK;
}

/* ---- one message ---- */

enum fault
export_load(struct export *x, const struct store_entry *e, str *ret)
{
	struct store_reader *r = house_reader(x->house);
	struct store_email email;
	enum fault f = STALE;

	if (!r)
		return STORE_DOWN;
	for (int i = 0; i < 3 && f == STALE; i++) {
		if (i) /* it was moved while we looked */
			x->view = house_view(x->house);
		if (!x->view)
			return STORE_DOWN;
		TRY(view_email(x->view, x->account.id, e->email, &email));
		store_email_keep(&x->message_arena, &email);
		f = store_reader_load(r, &x->message_arena, &email, SIZE_MAX, ret);
	}
	return f;
}

void
export_complain(struct export *x, const struct store_entry *e, const char *text)
{
	x->failed++;
	if (x->progress.shown)
		fputs("\r\033[K", stderr);
	fprintf(stderr, "%.*s, message %u: %s\n", STR_ARG(x->mailbox.name), e->uid, text);
}

/* ---- a mailbox ---- */

static enum fault
next_entries(struct export *x, uint32_t from, struct store_entry *ret, size_t room, size_t *ret_n)
{
	x->view = house_view(x->house);
	return x->view ? view_entries(x->view, x->account.id, x->mailbox.id, from, ret, room, ret_n)
		       : STORE_DOWN;
}

static int
put_all(struct export *x)
{
	struct store_entry entries[32];
	int status = EX_OK;
	enum fault f = OK;
	uint32_t from = x->mbox ? x->upto + 1 : 1;
	size_t n = 0;

	while (from && status == EX_OK && (f = next_entries(x, from, entries, COUNT(entries), &n)) == OK &&
		n) {
		for (size_t i = 0; i < n && status == EX_OK; i++) {
			status = x->mbox ? export_put_mbox(x, &entries[i])
					 : export_put_maildir(x, &entries[i]);
			arena_reset(&x->message_arena);
			if (x->total)
				progress_tell(
					&x->progress, (int)(MIN(++x->done, x->total) * 1000 / x->total));
		}
		from = entries[n - 1].uid + 1;
	}
	return f == OK ? status : house_fault(x->house, f, x->mailbox.name);
}

static int
export_mailbox(struct export *x, const struct store_mailbox *m, bool alone)
{
	struct buf folder = { 0 };
	struct store_view *v = house_view(x->house);
	int status;
	str name;

	arena_reset(&x->box_arena);
	x->mailbox = *m;
	for (unsigned bit = 0; v && bit < STORE_KEYWORDS; bit++)
		x->keywords[bit] = view_keyword(v, x->account.id, bit, &name) == OK
					   ? arena_str(&x->box_arena, name)
					   : S("");
	if (x->mbox || !(alone || str_eq(m->name, S("INBOX"))))
		maildir_add_folder(&folder, m->name);
	status = x->mbox ? export_begin_mbox(x, buf_str(&folder)) : export_begin_maildir(x, buf_str(&folder));
	buf_done(&folder);
	if (status == EX_OK)
		status = put_all(x);
	return x->mbox ? export_end_mbox(x, status) : export_end_maildir(x, status);
}

static int
export_all(struct export *x)
{
	struct store_view *v = house_view(x->house);
	struct store_mailbox *all = NULL, m;
	int status = v ? EX_OK : EX_TEMPFAIL;
	size_t n = 0;

	for (uint32_t at = 0; v && view_next_mailbox(v, x->account.id, &at, &m) == OK; n++) {
		all = mem_grow(all, (n + 1) * sizeof(*all));
		all[n] = m;
		all[n].name = arena_str(&x->arena, m.name);
		x->total += m.exists;
	}
	for (size_t i = 0; i < n && status == EX_OK; i++)
		status = export_mailbox(x, &all[i], false);
	free(all);
	return status;
}

/* ---- the action ---- */

/* While we may still be root: the folder is mail_owner's, as what is put there will be. */
static int
open_target(void *ctx, const struct passwd *owner)
{
	struct export *x = ctx;
	int status = owner_make_dir(verb, x->target, owner);

	if (status != EX_OK)
		return status;
	x->top = open(x->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->top < 0)
		return cli_fail(EX_CANTCREAT, verb, "%s: %s", x->target, strerror(errno));
	return EX_OK;
}

static int
export_from(struct export *x, const char *address, const char *mailbox)
{
	struct store_mailbox m;
	int status = mailbox_find_account(x->house, address, &x->arena, &x->account);

	if (status != EX_OK)
		return status;
	progress_begin(&x->progress, "exporting");
	if (mailbox) {
		status = mailbox_find(x->house, x->account.id, str_c(mailbox), &m);
		if (status != EX_OK)
			return status;
		m.name = arena_str(&x->arena, m.name);
		x->total = m.exists;
		status = export_mailbox(x, &m, true);
	} else {
		status = export_all(x);
	}
	progress_end(&x->progress);
	printf("%llu exported, %llu there already, %llu of them with new flags, %llu troubles\n",
		(unsigned long long)x->written, (unsigned long long)x->there, (unsigned long long)x->changed,
		(unsigned long long)x->failed);
	if (fflush(stdout) != 0)
		return EX_IOERR;
	return status == EX_OK && x->failed ? EX_DATAERR : status;
}

int
mailbox_export(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "mbox", no_argument, NULL, 'm' }, { 0 } };
	struct export *x = NEW(struct export);
	int option, words, status = EX_OK;

	x->top = x->dir = x->cur = x->tmp = x->file = -1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'm')
			x->mbox = true;
		else
			status = EX_USAGE;
	}
	words = argc - optind;
	if (status != EX_OK || words < 2 || words > 3) {
		free(x);
		return cli_usage(&cli_mailbox);
	}
	x->target = argv[argc - 1];
	x->pending = mem_new_array(EXPORT_BATCH, sizeof(*x->pending));
	status = house_open_with(cli, verb, HOUSE_READ, open_target, x, &x->house);
	if (status == EX_OK)
		status = export_from(x, argv[optind], words == 3 ? argv[optind + 1] : NULL);
	status = house_close(x->house, status);
	if (x->top >= 0)
		close(x->top);
	buf_done(&x->text);
	arena_done(&x->arena);
	arena_done(&x->box_arena);
	arena_done(&x->message_arena);
	free(x->pending);
	free(x);
	return status;
}
