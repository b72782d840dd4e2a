/* cli/hand_maildir.c - a Maildir and its Maildir++ folders, read by the helper
 * Everything is listed first, so that messages come in the order of their time and it is known how many there are. Links are not followed. */
#include "cli/hand_inside.h"

#include "base/mem.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/maildir.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	char *path; /* below the source */
	size_t base;
	int64_t received_ms;
	unsigned marks;
	uint32_t letters;
	bool has_time;
};
struct folder {
	char *path; /* "" or ".A.B/" */
	str mailbox;
	struct file *files;
	size_t n;
	str keywords[26];
};
struct maildir {
	struct reading *r;
	int dir;
	struct arena arena;
	struct folder *folders;
	size_t n;
};

static bool
read_file(struct reading *r, int fd, uint64_t size, const char *name)
{
	size_t room = MIN(size + 1, HAND_MESSAGE_MOST + 1);

	buf_clear(&r->raw);
	for (;;) {
		char *to = buf_reserve(&r->raw, room);
		ssize_t n = read(fd, to, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			hand_trouble_of(r, name, strerrordesc_np(errno));
			return false;
		}
		if (n == 0)
			return true;
		buf_used(&r->raw, (size_t)n);
		if (r->raw.n > HAND_MESSAGE_MOST) {
			hand_trouble_of(r, name, "longer than any message can be");
			return false;
		}
		room = r->raw.n >= size ? HAND_CHUNK : size + 1 - r->raw.n;
	}
}

static int64_t
ms_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static void
list_files(struct maildir *m, struct folder *f, const char *sub)
{
	const char *path = arena_printf(&m->arena, "%s%s", f->path, sub).p;
	int fd = openat(m->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t room = f->n;

	if (!d) {
		if (fd >= 0)
			close(fd);
		if (errno != ENOENT)
			hand_trouble_of(m->r, path, strerrordesc_np(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		struct maildir_name name;
		struct file *file;
		struct stat st;

		if (!maildir_take_name(str_c(e->d_name), &name))
			continue;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
			hand_trouble_of(m->r, arena_printf(&m->arena, "%s/%s", path, e->d_name).p, "no file");
			continue;
		}
		if (f->n == room) {
			room = MAX(room * 2, 64);
			f->files = mem_grow(f->files, room * sizeof(*f->files));
		}
		file = &f->files[f->n++];
		*file = (struct file){ .path = arena_cstr(
					       &m->arena, arena_printf(&m->arena, "%s/%s", path, e->d_name)),
			.base = strlen(path) + 1,
			.received_ms = ms_of(&st.st_mtim),
			.marks = name.marks,
			.letters = name.keywords,
			.has_time = name.time_s > 0 };
		if (file->has_time)
			file->received_ms = MIN(file->received_ms, name.time_s * 1000);
	}
	closedir(d);
}

static void
read_keywords(struct maildir *m, struct folder *f)
{
	const char *path = arena_printf(&m->arena, "%sdovecot-keywords", f->path).p;
	int fd = openat(m->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned number;
	str text, name;

	if (fd < 0)
		return;
	if (read_file(m->r, fd, 4096, path)) {
		text = arena_str(&m->arena, buf_str(&m->r->raw));
		while (maildir_take_keyword(&text, &number, &name))
			f->keywords[number] = name;
	}
	close(fd);
}

static int
by_time(const void *x, const void *y)
{
	const struct file *a = x, *b = y;

	if (a->received_ms != b->received_ms)
		return a->received_ms < b->received_ms ? -1 : 1;
	return strcmp(a->path + a->base, b->path + b->base);
}

static void
add_folder(struct maildir *m, const char *path, str mailbox)
{
	struct folder *f;

	m->folders = mem_grow(m->folders, (m->n + 1) * sizeof(*m->folders));
	f = &m->folders[m->n++];
	*f = (struct folder){ .path = arena_cstr(&m->arena, str_c(path)), .mailbox = mailbox };
	read_keywords(m, f);
	list_files(m, f, "cur");
	list_files(m, f, "new");
	if (f->n)
		qsort(f->files, f->n, sizeof(*f->files), by_time);
	m->r->total += f->n;
}

static int
by_mailbox(const void *x, const void *y)
{
	return str_cmp(((const struct folder *)x)->mailbox, ((const struct folder *)y)->mailbox);
}

/* The folder itself is INBOX, here named by the empty string. */
static void
list_folders(struct maildir *m)
{
	int fd = openat(m->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	add_folder(m, "", S(""));
	if (!d) {
		if (fd >= 0)
			close(fd);
		hand_trouble_of(m->r, ".", strerrordesc_np(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		const char *cur = arena_printf(&m->arena, "%s/cur", e->d_name).p;
		struct stat st;
		str mailbox;

		if (e->d_name[0] != '.' || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			fstatat(fd, cur, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (!maildir_take_folder(&m->arena, str_c(e->d_name), &mailbox)) {
			hand_trouble_of(m->r, e->d_name, "not the name of a folder; it is left out");
			continue;
		}
		add_folder(m, arena_printf(&m->arena, "%s/", e->d_name).p, mailbox);
	}
	closedir(d);
	qsort(m->folders, m->n, sizeof(*m->folders), by_mailbox);
}

static uint32_t
flags_of(unsigned marks)
{
	static const struct {
		unsigned mark;
		uint32_t flag;
	} same[] = { { MAILDIR_SEEN, FLAG_SEEN }, { MAILDIR_REPLIED, FLAG_ANSWERED },
		{ MAILDIR_FLAGGED, FLAG_FLAGGED }, { MAILDIR_TRASHED, FLAG_DELETED },
		{ MAILDIR_DRAFT, FLAG_DRAFT } };
	uint32_t flags = 0;

	for (size_t i = 0; i < COUNT(same); i++)
		flags |= marks & same[i].mark ? same[i].flag : 0;
	return flags;
}

/* What the last server that took it says: after the last semicolon of the first Received. */
static int64_t
received_ms(struct arena *a, str message, int64_t otherwise)
{
	int64_t ms;
	int zone;
	str value;

	if (!header_find(message, S("Received"), &value))
		return otherwise;
	value = header_unfold(a, value);
	return date_parse(str_trim(str_from(value, str_rfind(value, ';') + 1)), &ms, &zone)
		       ? MIN(ms, otherwise)
		       : otherwise;
}

static void
read_message(struct maildir *m, const struct folder *f, const struct file *file)
{
	struct reading *r = m->r;
	int64_t came_ms = file->received_ms;
	struct stat st;
	int fd = openat(m->dir, file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	r->done++;
	if (fd < 0 || fstat(fd, &st) != 0) {
		hand_trouble_of(r, file->path, strerrordesc_np(errno));
	} else if (read_file(r, fd, (uint64_t)st.st_size, file->path)) {
		buf_clear(&r->message);
		mbox_add_crlf(&r->message, buf_str(&r->raw));
		buf_clear(&r->keywords);
		for (unsigned i = 0; i < 26; i++)
			if (file->letters >> i & 1) {
				if (f->keywords[i].n)
					hand_add_keyword(&r->keywords, f->keywords[i]);
				else
					hand_trouble_of(r, file->path,
						"a keyword that dovecot-keywords does not name; the message "
						"goes without it");
			}
		if (file->marks & MAILDIR_PASSED)
			hand_add_keyword(&r->keywords, S("$Forwarded"));
		if (!file->has_time)
			came_ms = received_ms(&r->arena, buf_str(&r->message), came_ms);
		if (r->message.n == 0)
			hand_trouble_of(r, file->path, "an empty file");
		else
			hand_item_of(r, file->path, flags_of(file->marks), came_ms);
	}
	if (fd >= 0)
		close(fd);
}

void
hand_read_maildir(struct reading *r, int dir)
{
	struct maildir m = { .r = r, .dir = dir };

	list_folders(&m);
	for (size_t i = 0; i < m.n; i++) {
		hand_begin_mailbox(r, m.folders[i].mailbox);
		for (size_t k = 0; k < m.folders[i].n; k++)
			read_message(&m, &m.folders[i], &m.folders[i].files[k]);
	}
}
