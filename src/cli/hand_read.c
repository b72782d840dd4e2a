/* cli/hand_read.c - the source of an import: a Maildir with its folders, or an mbox; in the helper, behind its jail
 * When a message came. Of a Maildir: the earlier of its file's mtime and the time in the file's name (a copy may have lost the first, a message
 * that was appended has the second too late); where the name has none, the earlier of mtime and the last Received. Of an mbox: what its
 * From_ line says. What a message is known by when the import is repeated: the SHA-256 of its octets, its mailbox, and how many of the
 * same came before it in this mailbox, so that true doubles stay two and nothing comes twice. */
#include "cli/hand.h"

#include "base/mem.h"
#include "base/table.h"
#include "mail/date.h"
#include "mail/email.h"
#include "mail/header.h"
#include "mail/maildir.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

struct reading {
	struct hand_out *out;
	const struct hand_source *source;
	struct email_builder *builder;
	struct buf raw, message, row, keywords, refs;
	struct arena arena; /* of one mailbox */
	struct table seen;  /* how many of the same octets */
	str mailbox;
	uint64_t done, total;
};
struct twin {
	unsigned char digest[32];
	uint64_t count;
};

static void
trouble(struct reading *r, const char *name, const char *text)
{
	hand_say_trouble(r->out, name, text, false);
}

/* ---- one message ---- */

/* Which of the same octets in this mailbox it is, as a key. */
static uint64_t
once_of(struct reading *r)
{
	struct twin now = { 0 }, *twin;
	struct buf b = { 0 };
	unsigned char digest[EVP_MAX_MD_SIZE];
	uint64_t key = 0;
	unsigned n = 0;

	if (EVP_Digest(r->message.p, r->message.n, now.digest, &n, EVP_sha256(), NULL) != 1)
		abort(); /* there is no going on without */
	twin = table_get(&r->seen, str_of(now.digest, sizeof(now.digest)));
	if (!twin) {
		twin = ARENA_NEW(&r->arena, struct twin);
		memcpy(twin->digest, now.digest, sizeof(now.digest));
		table_put(&r->seen, str_of(twin->digest, sizeof(twin->digest)), twin);
	}
	twin->count++;
	buf_add(&b, str_of(twin->digest, sizeof(twin->digest)));
	buf_add_counted(&b, r->mailbox);
	buf_add_varint(&b, twin->count);
	if (EVP_Digest(b.p, b.n, digest, &n, EVP_sha256(), NULL) != 1)
		abort();
	buf_done(&b);
	memcpy(&key, digest, sizeof(key));
	return key ? key : 1;
}

/* r->message and r->keywords are made. */
static void
hand_over(struct reading *r, const char *name, uint32_t flags, int64_t received_ms)
{
	struct hand_item item = { .name = str_c(name), .flags = flags, .received_ms = received_ms };
	struct email_facts facts;

	if (r->message.n > HAND_MESSAGE_MOST) {
		trouble(r, name, "longer than any message can be");
		return;
	}
	buf_clear(&r->row);
	buf_clear(&r->refs);
	email_builder_reset(r->builder);
	email_builder_feed(r->builder, buf_str(&r->message));
	email_builder_finish(r->builder, &r->row, &facts);
	for (size_t i = 0; i < facts.reference_count; i++)
		buf_add_varint(&r->refs, facts.reference_keys[i]); /* as talk's list of key */
	item.sent_ms = facts.sent_ms ? facts.sent_ms : received_ms;
	item.message_id_key = facts.message_id_key;
	item.references = buf_str(&r->refs);
	item.dot_lines = facts.dot_lines;
	item.once = once_of(r);
	item.row = buf_str(&r->row);
	item.keywords = buf_str(&r->keywords);
	item.size = r->message.n;
	item.done = r->done;
	item.total = r->total;
	hand_say_item(r->out, &item, buf_str(&r->message));
}

static void
begin_mailbox(struct reading *r, str mailbox)
{
	str into = r->source->into;

	table_done(&r->seen);
	arena_reset(&r->arena);
	table_init(&r->seen, (struct hash_key){ 0 }); /* its keys are digests */
	if (into.n && mailbox.n)
		mailbox = arena_printf(&r->arena, "%.*s/%.*s", STR_ARG(into), STR_ARG(mailbox));
	else if (mailbox.n == 0)
		mailbox = into.n ? into : S("INBOX");
	r->mailbox = mailbox;
	hand_say_folder(r->out, &(struct hand_folder){ mailbox });
}

/* ---- Maildir ---- */

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
			trouble(r, name, strerrordesc_np(errno));
			return false;
		}
		if (n == 0)
			return true;
		buf_used(&r->raw, (size_t)n);
		if (r->raw.n > HAND_MESSAGE_MOST) {
			trouble(r, name, "longer than any message can be");
			return false;
		}
		room = r->raw.n >= size ? CHUNK : size + 1 - r->raw.n;
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
			trouble(m->r, path, strerrordesc_np(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		struct maildir_name name;
		struct file *file;
		struct stat st;

		if (!maildir_take_name(str_c(e->d_name), &name))
			continue;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
			trouble(m->r, arena_printf(&m->arena, "%s/%s", path, e->d_name).p, "no file");
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
		trouble(m->r, ".", strerrordesc_np(errno));
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
			trouble(m->r, e->d_name, "not the name of a folder; it is left out");
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
		trouble(r, file->path, strerrordesc_np(errno));
	} else if (read_file(r, fd, (uint64_t)st.st_size, file->path)) {
		buf_clear(&r->message);
		mbox_add_crlf(&r->message, buf_str(&r->raw));
		buf_clear(&r->keywords);
		for (unsigned i = 0; i < 26; i++)
			if (file->letters >> i & 1) {
				if (f->keywords[i].n)
					hand_add_keyword(&r->keywords, f->keywords[i]);
				else
					trouble(r, file->path,
						"a keyword that dovecot-keywords does not name; the message "
						"goes without it");
			}
		if (file->marks & MAILDIR_PASSED)
			hand_add_keyword(&r->keywords, S("$Forwarded"));
		if (!file->has_time)
			came_ms = received_ms(&r->arena, buf_str(&r->message), came_ms);
		if (r->message.n == 0)
			trouble(r, file->path, "an empty file");
		else
			hand_over(r, file->path, flags_of(file->marks), came_ms);
	}
	if (fd >= 0)
		close(fd);
}

static void
read_maildir(struct reading *r, int dir)
{
	struct maildir m = { .r = r, .dir = dir };

	list_folders(&m);
	for (size_t i = 0; i < m.n; i++) {
		begin_mailbox(r, m.folders[i].mailbox);
		for (size_t k = 0; k < m.folders[i].n; k++)
			read_message(&m, &m.folders[i], &m.folders[i].files[k]);
	}
}

/* ---- mbox ---- */

static void
take_marks(struct reading *r, struct mbox_marks *k, uint32_t *flags)
{
	str words = buf_str(&k->keywords), word;

	*flags = (k->seen ? FLAG_SEEN : 0) | (k->answered ? FLAG_ANSWERED : 0) |
		 (k->flagged ? FLAG_FLAGGED : 0) | (k->deleted ? FLAG_DELETED : 0) |
		 (k->draft ? FLAG_DRAFT : 0);
	buf_clear(&r->keywords);
	while (str_take_word(&words, &word))
		hand_add_keyword(&r->keywords, word);
}

static void
open_message(struct reading *r, const struct mbox_message *got, const char *name)
{
	struct mbox_marks marks = { 0 };
	uint32_t flags;

	if (got->too_big) {
		trouble(r, name, "longer than any message can be");
		return;
	}
	buf_clear(&r->message);
	mbox_open(got, r->source->kind, &r->message, &marks);
	take_marks(r, &marks, &flags);
	if (r->message.n == 0)
		trouble(r, name, "an empty message");
	else if (!marks.internal)
		hand_over(r, name, flags, got->date_ms);
	buf_done(&marks.keywords);
}

static void
read_mbox(struct reading *r, int fd, const char *source)
{
	struct mbox_message got = { 0 };
	struct mbox m = { 0 };
	enum mbox_step step = MBOX_MORE;
	uint64_t number = 0;
	bool last = false;
	size_t at = 0, used; /* used of raw */

	begin_mailbox(r, S(""));
	for (;;) {
		char name[32];

		step = mbox_take(&m, str_from(buf_str(&r->raw), at), last, HAND_MESSAGE_MOST, &got, &used);
		at += used;
		r->done += used;
		if (step == MBOX_MESSAGE) {
			snprintf(name, sizeof(name), "message %llu", (unsigned long long)++number);
			open_message(r, &got, name);
			continue;
		}
		if (step != MBOX_MORE)
			break;
		buf_drop_front(&r->raw, at);
		at = 0;
		for (size_t want = MAX(r->raw.n, (size_t)CHUNK);;) {
			ssize_t n = read(fd, buf_reserve(&r->raw, want), want);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0) {
				hand_say_trouble(r->out, source, strerrordesc_np(errno), true);
				return;
			}
			last = n == 0;
			buf_used(&r->raw, (size_t)n);
			break;
		}
	}
	if (step == MBOX_NONE)
		hand_say_trouble(r->out, source,
			number ? "what follows is no message of an mbox" : "neither a Maildir nor an mbox",
			true);
}

/* ---- all of it ---- */

void
hand_read(struct hand_out *o, const struct hand_source *from)
{
	struct reading r = { .out = o, .source = from };
	const char *source = from->path;
	int fd = open(source, O_RDONLY | O_CLOEXEC), cur = -1;
	struct stat st;

	r.builder = email_builder_new(NULL, &email_thread_key);
	if (fd < 0 || fstat(fd, &st) != 0) {
		hand_say_trouble(o, source, strerrordesc_np(errno), true);
		return;
	}
	if (S_ISREG(st.st_mode)) {
		r.total = (uint64_t)st.st_size;
		read_mbox(&r, fd, source);
	} else if (S_ISDIR(st.st_mode) &&
		   (cur = openat(fd, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		read_maildir(&r, fd);
	} else {
		hand_say_trouble(o, source, "neither a Maildir (it has no folder cur) nor an mbox", true);
	}
}
