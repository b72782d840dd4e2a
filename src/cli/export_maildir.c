/* cli/export_maildir.c - into a Maildir: files are on the disk before they have their names, and their names say which messages they are */
#include "cli/export.h"

#include "base/mem.h"
#include "mail/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LETTERS_MOST = 16384 /* octets of dovecot-keywords */ };

static int
open_folder(struct export *x, int at, const char *name, int *ret)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return export_fail(x, name);
	*ret = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? export_fail(x, name) : EX_OK;
}

/* What is there already. */
static int
read_names(struct export *x, const char *sub)
{
	int fd = openat(x->dir, sub, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return export_fail(x, sub);
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

	for (size_t i = 0; i < EXPORT_LETTERS; i++)
		x->letters[i] = S("");
	x->letters_changed = false;
	if (fd < 0)
		return errno == ENOENT ? EX_OK : export_fail(x, "dovecot-keywords");
	buf_clear(&x->text);
	n = read(fd, buf_reserve(&x->text, LETTERS_MOST), LETTERS_MOST);
	close(fd);
	if (n < 0)
		return export_fail(x, "dovecot-keywords");
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
	for (size_t i = 0; i < EXPORT_LETTERS; i++)
		if (x->letters[i].n)
			buf_printf(&b, "%zu %.*s\n", i, STR_ARG(x->letters[i]));
	status = export_replace(x, x->dir, "dovecot-keywords", buf_str(&b));
	buf_done(&b);
	x->letters_changed = false;
	return status;
}

/* "": the target itself. */
int
export_begin_maildir(struct export *x, str folder)
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
			return export_fail(x, "maildirfolder");
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
		return export_fail(x, "tmp");
	if (x->pending_n)
		status = write_letters(x);
	for (size_t i = 0; i < x->pending_n && status == EX_OK; i++)
		if (renameat(x->tmp, x->pending[i].base, x->cur, x->pending[i].name) != 0)
			status = export_fail(x, x->pending[i].base);
	x->pending_n = 0;
	return status;
}

int
export_end_maildir(struct export *x, int status)
{
	if (status == EX_OK)
		status = name_pending(x);
	if (status == EX_OK)
		status = write_letters(x);
	if (status == EX_OK && (fsync(x->cur) != 0 || fsync(x->dir) != 0))
		status = export_fail(x, "cur");
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
	for (int i = 0; i < EXPORT_LETTERS; i++)
		if (str_eq_nocase(x->letters[i], keyword))
			return i;
	for (int i = 0; i < EXPORT_LETTERS; i++)
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
			export_complain(
				x, e, "it goes without a keyword: a Maildir folder can have 26 of them");
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
		return export_fail(x, base);
	buf_clear(&x->text);
	add_lf(&x->text, message);
	ok = cli_write_whole(fd, buf_str(&x->text)) && (e->received_ms < 0 || futimens(fd, times) == 0);
	if (close(fd) != 0 || !ok)
		return export_fail(x, base);
	return EX_OK;
}

int
export_put_maildir(struct export *x, const struct store_entry *e)
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
			return export_fail(x, there);
		x->changed++;
		return status;
	}
	f = export_load(x, e, &message);
	if (f != OK) {
		export_complain(x, e, fault_words(f)->text);
		return f == STORE_DOWN ? EX_TEMPFAIL : EX_OK;
	}
	status = write_file(x, e, p->base, message);
	x->written += status == EX_OK;
	return status == EX_OK && ++x->pending_n == EXPORT_BATCH ? name_pending(x) : status;
}
