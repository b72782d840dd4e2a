/* cli/mailbox_export.c - postrider mailbox export: our mailboxes as a Maildir, or as mbox files
 * A folder is filled: with a Maildir and its Maildir++ folders, or with one file NAME.mbox for each mailbox. Lines end in LF, as the programs
 * that read these expect. An export only adds: repeated, after an interruption or a year, it goes on with what is not there yet and
 * brings flags up to date (Maildir). What is there is known, in a Maildir, by names that hold UIDVALIDITY and UID, and beside an mbox by
 * a file that says up to which UID and octet it is complete. Files are on the disk before they have their names. */
#include "cli/mailbox.h"
#include "cli/owner.h"
#include "cli/progress.h"

#include "base/mem.h"
#include "base/table.h"
#include "mail/header.h"
#include "mail/maildir.h"
#include "mail/mbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 500, LETTERS = 26, LETTERS_MOST = 16384 /* octets of dovecot-keywords */ };

static const char verb[] = "mailbox";

/* A file that is written but has no name yet. */
struct pending {
	char base[80];
	char name[160];
};
struct export
{
	struct house *house;
	struct store_view *view; /* of the entries at hand */
	struct progress progress;
	struct store_account account;
	const char *target;
	int top; /* the folder of that name */
	bool mbox;
	uint64_t done, total, written, there, changed, failed;
	struct arena arena, message_arena;
	struct buf text;

	/* of the mailbox at hand */
	struct store_mailbox mailbox;
	str keywords[STORE_KEYWORDS];
	struct arena box_arena;
	int dir, cur, tmp;    /* Maildir */
	struct table names;   /* what is in cur and new, by base */
	str letters[LETTERS]; /* dovecot-keywords */
	bool letters_changed;
	struct pending *pending;
	size_t pending_n;
	int file; /* mbox */
	uint64_t offset;
	uint32_t upto;
	const char *file_name, *mark_name;
};

static int
failed(struct export *x, const char *what)
{
	return cli_fail(EX_CANTCREAT, verb, "%s/%s: %s", x->target, what, strerror(errno));
}

static bool
write_at_end(int fd, str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = str_from(bytes, (size_t)n);
	}
	return true;
}

/* A small file in place of another, never half of it. */
static int
replace_file(struct export *x, int dir, const char *name, str bytes)
{
	const char *tmp = arena_printf(&x->box_arena, "%s.new", name).p;
	int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write_at_end(fd, bytes) && fdatasync(fd) == 0;

	if (fd >= 0 && close(fd) != 0)
		ok = false;
	if (!ok || renameat(dir, tmp, dir, name) != 0)
		return failed(x, name);
	return EX_OK;
}

/* ---- one message ---- */

static enum fault
load(struct export *x, const struct store_entry *e, str *ret)
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

static void
complain(struct export *x, const struct store_entry *e, const char *text)
{
	x->failed++;
	if (x->progress.shown)
		fputs("\r\033[K", stderr);
	fprintf(stderr, "%.*s, message %u: %s\n", STR_ARG(x->mailbox.name), e->uid, text);
}

/* ---- Maildir ---- */

static int
open_folder(struct export *x, int at, const char *name, int *ret)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return failed(x, name);
	*ret = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? failed(x, name) : EX_OK;
}

/* What is there already. */
static int
read_names(struct export *x, const char *sub)
{
	int fd = openat(x->dir, sub, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return failed(x, sub);
	for (struct dirent *e; (e = readdir(d));) {
		struct maildir_name n;
		str name = str_c(e->d_name);

		if (!maildir_take_name(name, &n))
			continue;
		name = arena_str(&x->box_arena, name);
		table_put(&x->names, str_sub(name, 0, n.base.n), arena_cstr(&x->box_arena, name));
	}
	closedir(d);
	return EX_OK;
}

static int
read_letters(struct export *x)
{
	int fd = openat(x->dir, "dovecot-keywords", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned number;
	ssize_t n;
	str text, name;

	for (size_t i = 0; i < LETTERS; i++)
		x->letters[i] = S("");
	x->letters_changed = false;
	if (fd < 0)
		return errno == ENOENT ? EX_OK : failed(x, "dovecot-keywords");
	buf_clear(&x->text);
	n = read(fd, buf_reserve(&x->text, LETTERS_MOST), LETTERS_MOST);
	close(fd);
	if (n < 0)
		return failed(x, "dovecot-keywords");
	buf_used(&x->text, (size_t)n);
	text = arena_str(&x->box_arena, buf_str(&x->text));
	while (maildir_take_keyword(&text, &number, &name))
		x->letters[number] = name;
	return EX_OK;
}

static int
write_letters(struct export *x)
{
	struct buf b = { 0 };
	int status;

	if (!x->letters_changed)
		return EX_OK;
	for (size_t i = 0; i < LETTERS; i++)
		if (x->letters[i].n)
			buf_printf(&b, "%zu %.*s\n", i, STR_ARG(x->letters[i]));
	status = replace_file(x, x->dir, "dovecot-keywords", buf_str(&b));
	buf_done(&b);
	x->letters_changed = false;
	return status;
}

/* "": the target itself. */
static int
begin_maildir(struct export *x, str folder)
{
	const char *name = folder.n ? arena_cstr(&x->box_arena, folder) : ".";
	int new = -1, mark, status = EX_OK;

	if (folder.n)
		status = open_folder(x, x->top, name, &x->dir);
	else
		x->dir = dup(x->top);
	if (status == EX_OK)
		status = open_folder(x, x->dir, "cur", &x->cur);
	if (status == EX_OK)
		status = open_folder(x, x->dir, "new", &new);
	if (status == EX_OK)
		status = open_folder(x, x->dir, "tmp", &x->tmp);
	if (new >= 0)
		close(new);
	if (status == EX_OK && folder.n) {
		mark = openat(x->dir, "maildirfolder", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (mark < 0)
			return failed(x, "maildirfolder");
		close(mark);
	}
	table_init(&x->names, (struct hash_key){ 0 });
	if (status == EX_OK)
		status = read_names(x, "cur");
	if (status == EX_OK)
		status = read_names(x, "new");
	return status == EX_OK ? read_letters(x) : status;
}

/* Everything is on the disk before it has its name. */
static int
name_pending(struct export *x)
{
	int status = EX_OK;

	if (x->pending_n && syncfs(x->tmp) != 0)
		return failed(x, "tmp");
	if (x->pending_n)
		status = write_letters(x);
	for (size_t i = 0; i < x->pending_n && status == EX_OK; i++)
		if (renameat(x->tmp, x->pending[i].base, x->cur, x->pending[i].name) != 0)
			status = failed(x, x->pending[i].base);
	x->pending_n = 0;
	return status;
}

static int
end_maildir(struct export *x, int status)
{
	if (status == EX_OK)
		status = name_pending(x);
	if (status == EX_OK)
		status = write_letters(x);
	if (status == EX_OK && (fsync(x->cur) != 0 || fsync(x->dir) != 0))
		status = failed(x, "cur");
	table_done(&x->names);
	if (x->cur >= 0)
		close(x->cur);
	if (x->tmp >= 0)
		close(x->tmp);
	if (x->dir >= 0)
		close(x->dir);
	x->cur = x->tmp = x->dir = -1;
	return status;
}

static int
letter_of(struct export *x, str keyword)
{
	for (int i = 0; i < LETTERS; i++)
		if (str_eq_nocase(x->letters[i], keyword))
			return i;
	for (int i = 0; i < LETTERS; i++)
		if (x->letters[i].n == 0) {
			x->letters[i] = keyword;
			x->letters_changed = true;
			return i;
		}
	return -1;
}

static void
add_flags(struct export *x, const struct store_entry *e, struct buf *b)
{
	unsigned marks =
		(e->flags & FLAG_SEEN ? MAILDIR_SEEN : 0) | (e->flags & FLAG_ANSWERED ? MAILDIR_REPLIED : 0) |
		(e->flags & FLAG_FLAGGED ? MAILDIR_FLAGGED : 0) |
		(e->flags & FLAG_DELETED ? MAILDIR_TRASHED : 0) | (e->flags & FLAG_DRAFT ? MAILDIR_DRAFT : 0);
	uint32_t letters = 0;

	for (unsigned bit = 0; bit < STORE_KEYWORDS; bit++) {
		int letter;

		if (!(e->keywords >> bit & 1) || !x->keywords[bit].n)
			continue;
		if (str_eq_nocase(x->keywords[bit], S("$Forwarded"))) {
			marks |= MAILDIR_PASSED;
			continue;
		}
		letter = letter_of(x, x->keywords[bit]);
		if (letter >= 0)
			letters |= 1u << letter;
		else
			complain(x, e, "it goes without a keyword: a Maildir folder can have 26 of them");
	}
	maildir_add_flags(b, marks, letters);
}

static void
add_lf(struct buf *b, str message)
{
	while (message.n) {
		size_t n = str_find(message, '\n');
		str line = str_sub(message, 0, n);

		message = str_from(message, n + 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add(b, line);
		buf_add_char(b, '\n');
	}
}

static int
write_file(struct export *x, const struct store_entry *e, const char *base, str message)
{
	struct timespec times[2] = { { .tv_sec = e->received_ms / 1000,
		.tv_nsec = e->received_ms % 1000 * 1000000 } };
	bool ok;
	int fd;

	times[1] = times[0];
	(void)unlinkat(x->tmp, base, 0); /* left there by an export that ended early */
	fd = openat(x->tmp, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(x, base);
	buf_clear(&x->text);
	add_lf(&x->text, message);
	ok = write_at_end(fd, buf_str(&x->text)) && (e->received_ms < 0 || futimens(fd, times) == 0);
	if (close(fd) != 0 || !ok)
		return failed(x, base);
	return EX_OK;
}

static int
put_maildir(struct export *x, const struct store_entry *e)
{
	struct pending *p = &x->pending[x->pending_n];
	struct buf name = { 0 };
	const char *there;
	int status = EX_OK;
	enum fault f;
	str message;

	snprintf(p->base, sizeof(p->base), "%lld.V%uU%u.postrider", (long long)(e->received_ms / 1000),
		x->mailbox.uidvalidity, e->uid);
	buf_add_c(&name, p->base);
	add_flags(x, e, &name);
	snprintf(p->name, sizeof(p->name), "%.*s", STR_ARG(buf_str(&name)));
	buf_done(&name);
	there = table_get(&x->names, str_c(p->base));
	if (there) {
		x->there++;
		if (strcmp(there, p->name) == 0)
			return EX_OK;
		status = write_letters(x); /* a letter is explained before it is used */
		if (status == EX_OK && renameat(x->cur, there, x->cur, p->name) != 0 && errno != ENOENT)
			return failed(x, there);
		x->changed++;
		return status;
	}
	f = load(x, e, &message);
	if (f != OK) {
		complain(x, e, fault_words(f)->text);
		return f == STORE_DOWN ? EX_TEMPFAIL : EX_OK;
	}
	status = write_file(x, e, p->base, message);
	x->written += status == EX_OK;
	return status == EX_OK && ++x->pending_n == BATCH ? name_pending(x) : status;
}

/* ---- mbox ---- */

static int
mark_mbox(struct export *x)
{
	str text = arena_printf(&x->box_arena, "%u %u %llu\n", x->mailbox.uidvalidity, x->upto,
		(unsigned long long)x->offset);

	if (fdatasync(x->file) != 0)
		return failed(x, x->file_name);
	return replace_file(x, x->top, x->mark_name, text);
}

/* False: there is no mark, or it is of another mailbox. */
static bool
read_mark(struct export *x, uint64_t size)
{
	uint64_t validity = 0, uid = 0, offset = 0;
	char bytes[128];
	str text, word;
	ssize_t n;
	int fd = openat(x->top, x->mark_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	text = str_of(bytes, n > 0 ? (size_t)n : 0);
	if (!str_ends(text, S("\n")))
		return false;
	text.n--;
	if (!str_take_word(&text, &word) || !str_to_u64(word, UINT32_MAX, &validity) ||
		!str_take_word(&text, &word) || !str_to_u64(word, UINT32_MAX, &uid) ||
		!str_take_word(&text, &word) || !str_to_u64(word, size, &offset) ||
		validity != x->mailbox.uidvalidity)
		return false;
	x->upto = (uint32_t)uid;
	x->offset = offset;
	return true;
}

static int
begin_mbox(struct export *x, str folder)
{
	struct stat st;

	str_take(&folder, S("."));
	x->file_name = arena_printf(&x->box_arena, "%.*s.mbox", STR_ARG(folder)).p;
	x->mark_name = arena_printf(&x->box_arena, ".%.*s.mbox.upto", STR_ARG(folder)).p;
	x->upto = 0;
	x->offset = 0;
	x->file = openat(x->top, x->file_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (x->file < 0 || fstat(x->file, &st) != 0)
		return failed(x, x->file_name);
	if (!read_mark(x, (uint64_t)st.st_size) && st.st_size > 0)
		return cli_fail(EX_CANTCREAT, verb,
			"%s/%s is there, and not from an export of this mailbox; move it away", x->target,
			x->file_name);
	/* what stands behind the mark may be half a message */
	if (ftruncate(x->file, (off_t)x->offset) != 0 || lseek(x->file, 0, SEEK_END) < 0)
		return failed(x, x->file_name);
	return EX_OK;
}

static int
end_mbox(struct export *x, int status)
{
	if (status == EX_OK)
		status = mark_mbox(x);
	if (x->file >= 0)
		close(x->file);
	x->file = -1;
	return status;
}

static str
sender_of(struct export *x, str message)
{
	str value;

	if (!header_find(message, S("Return-Path"), &value))
		return S("");
	value = str_trim(header_unfold(&x->message_arena, value));
	if (str_take(&value, S("<")))
		value = str_sub(value, 0, str_find(value, '>'));
	return value;
}

static int
put_mbox(struct export *x, const struct store_entry *e)
{
	struct mbox_marks marks = { .seen = e->flags & FLAG_SEEN,
		.answered = e->flags & FLAG_ANSWERED,
		.flagged = e->flags & FLAG_FLAGGED,
		.deleted = e->flags & FLAG_DELETED,
		.draft = e->flags & FLAG_DRAFT };
	enum fault f;
	str message;

	f = load(x, e, &message);
	if (f != OK) {
		complain(x, e, fault_words(f)->text);
		return f == STORE_DOWN ? EX_TEMPFAIL : EX_OK;
	}
	for (unsigned bit = 0; bit < STORE_KEYWORDS; bit++)
		if (e->keywords >> bit & 1 && x->keywords[bit].n)
			buf_printf(&marks.keywords, "%s%.*s", marks.keywords.n ? " " : "",
				STR_ARG(x->keywords[bit]));
	buf_clear(&x->text);
	mbox_add(&x->text, sender_of(x, message), e->received_ms, &marks, message);
	buf_done(&marks.keywords);
	if (!write_at_end(x->file, buf_str(&x->text)))
		return failed(x, x->file_name);
	x->offset += x->text.n;
	x->upto = e->uid;
	return ++x->written % BATCH ? EX_OK : mark_mbox(x);
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
			status = x->mbox ? put_mbox(x, &entries[i]) : put_maildir(x, &entries[i]);
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
	status = x->mbox ? begin_mbox(x, buf_str(&folder)) : begin_maildir(x, buf_str(&folder));
	buf_done(&folder);
	if (status == EX_OK)
		status = put_all(x);
	return x->mbox ? end_mbox(x, status) : end_maildir(x, status);
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
	x->pending = mem_new_array(BATCH, sizeof(*x->pending));
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
