/* The index and the bodies, read beside the writer. */
#include "store/embedded/engine.h"

#include "base/mem.h"
#include "store/embedded/large.h"
#include "store/embedded/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_KEPT = 128, POOLED_VIEWS = 64, TAIL_GUESS = 4096 };

/* An open segment or large body. */
struct held_file {
	struct link link; /* of r->files, the one used last in front */
	bool large;
	uint64_t number;
	int fd;
	unsigned users;
};

struct store_reader {
	struct log log;
	struct index *ix;
	bool shares_index;
	int log_dir, body_dir;
	struct hash_key id;
	struct link files;
	size_t file_count;
	struct link views; /* ended, to be used again */
	size_t view_count;
};

/* ---- opening ---- */

static enum fault
open_folders(struct store_reader *r, int dir)
{
	r->log_dir = openat(dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->body_dir = openat(dir, "body", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->log_dir < 0 || r->body_dir < 0)
		return fault_of_errno(&r->log, "open folder", r->log_dir < 0 ? "log" : "body");
	return OK;
}

/* Also takes this process's slot among the readers while nothing is closed yet. */
static enum fault
read_identity(struct store_reader *r)
{
	struct store_view *v = NULL;
	struct row_meta m = { 0 };
	enum fault f = store_view_begin(r, &v);

	if (f != OK)
		return f;
	f = view_meta(v, &m);
	store_view_end(v);
	r->id = m.id;
	return f == NOT_FOUND ? STORE_CORRUPT : f;
}

static struct store_reader *
reader_new(const struct log *log)
{
	struct store_reader *r = NEW(struct store_reader);

	r->log = *log;
	r->log_dir = r->body_dir = -1;
	list_init(&r->files);
	list_init(&r->views);
	return r;
}

static enum fault
finish(struct store_reader *r, enum fault f, struct store_reader **ret)
{
	if (f == OK)
		f = read_identity(r);
	if (f != OK)
		store_reader_close(r);
	else
		*ret = r;
	return f;
}

enum fault
store_reader_open(const char *dir, const struct log *log, struct store_reader **ret)
{
	struct store_reader *r = reader_new(log);
	struct arena a = { 0 };
	struct index_settings set = { .dir = arena_printf(&a, "%s/index", dir).p, .read_only = true };
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum fault f;

	if (fd < 0) {
		f = fault_of_errno(&r->log, "open folder", dir);
	} else {
		f = open_folders(r, fd);
		close(fd);
	}
	if (f == OK)
		f = index_open(&set, &r->log, &r->ix);
	arena_done(&a);
	return finish(r, f, ret);
}

enum fault
store_reader_beside(struct store *s, struct store_reader **ret)
{
	struct store_reader *r = reader_new(&s->log);

	r->ix = s->st.ix;
	r->shares_index = true;
	return finish(r, open_folders(r, s->dir), ret);
}

static void
drop_file(struct store_reader *r, struct held_file *h)
{
	list_remove(&h->link);
	r->file_count--;
	close(h->fd);
	free(h);
}

static void
view_free(struct store_view *v)
{
	arena_done(&v->arena);
	free(v);
}

void
store_reader_close(struct store_reader *r)
{
	struct link *l;

	if (!r)
		return;
	while ((l = list_take_first(&r->views)))
		view_free(CONTAINER(l, struct store_view, link));
	while (!list_empty(&r->files))
		drop_file(r, CONTAINER(r->files.next, struct held_file, link));
	if (!r->shares_index)
		index_close(r->ix);
	if (r->log_dir >= 0)
		close(r->log_dir);
	if (r->body_dir >= 0)
		close(r->body_dir);
	free(r);
}

/* ---- views ---- */

enum fault
store_view_begin(struct store_reader *r, struct store_view **ret)
{
	struct link *l = list_take_first(&r->views);
	struct store_view *v = l ? CONTAINER(l, struct store_view, link) : NEW(struct store_view);
	enum fault f;

	if (l)
		r->view_count--;
	v->reader = r;
	f = index_begin_read(r->ix, &v->txn);
	if (f != OK) {
		view_free(v);
		return f;
	}
	*ret = v;
	return OK;
}

void
store_view_end(struct store_view *v)
{
	struct store_reader *r = v->reader;

	index_end(v->txn);
	v->txn = NULL;
	if (r->view_count >= POOLED_VIEWS) {
		view_free(v);
		return;
	}
	arena_reset(&v->arena);
	list_prepend(&r->views, &v->link);
	r->view_count++;
}

void
store_email_keep(struct arena *a, struct store_email *e)
{
	e->prefix = arena_str(a, e->prefix);
	e->row = arena_str(a, e->row);
}

/* ---- files ---- */

/* A segment that compaction has removed is let go, for its space is not free before. */
static bool
is_removed(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

static void
let_go_of_some(struct store_reader *r)
{
	for (struct link *l = r->files.prev, *before; l != &r->files && r->file_count > FILES_KEPT;
		l = before) {
		struct held_file *h = CONTAINER(l, struct held_file, link);

		before = l->prev;
		if (h->users == 0)
			drop_file(r, h);
	}
}

static struct held_file *
find_file(struct store_reader *r, bool large, uint64_t number)
{
	LIST_EACH(&r->files, l) {
		struct held_file *h = CONTAINER(l, struct held_file, link);

		if (h->large == large && h->number == number)
			return h;
	}
	return NULL;
}

static enum fault
open_file(struct store_reader *r, const struct store_place *p, struct held_file **ret)
{
	struct held_file *h;
	char name[32];
	int fd;

	if (p->large)
		body_name(p->file, name);
	else
		segment_name((uint32_t)p->file, name);
	fd = openat(p->large ? r->body_dir : r->log_dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? STALE : fault_of_errno(&r->log, "open", name);
	h = NEW(struct held_file);
	h->large = p->large;
	h->number = p->file;
	h->fd = fd;
	list_prepend(&r->files, &h->link);
	r->file_count++;
	let_go_of_some(r);
	*ret = h;
	return OK;
}

static enum fault
hold_file(struct store_reader *r, const struct store_place *p, struct held_file **ret)
{
	struct held_file *h = find_file(r, p->large, p->file);

	if (h && h->users == 0 && is_removed(h->fd)) {
		drop_file(r, h);
		return STALE;
	}
	if (!h) {
		TRY(open_file(r, p, &h));
	} else {
		list_remove(&h->link);
		list_prepend(&r->files, &h->link);
	}
	h->users++;
	*ret = h;
	return OK;
}

void
store_reader_release(struct store_reader *r, int fd)
{
	LIST_EACH(&r->files, l) {
		struct held_file *h = CONTAINER(l, struct held_file, link);

		if (h->fd != fd)
			continue;
		h->users--;
		if (h->users == 0 && h->large)
			drop_file(r, h); /* there is one for each message: keeping them helps nobody */
		return;
	}
}

/* ---- checks ---- */

static enum fault
damaged(struct store_reader *r, const struct store_email *e, const char *what)
{
	log_error(&r->log, "body-damaged", kv_c("what", what), kv_uint("account", e->account),
		kv_uint("email", e->email), kv_uint("file", e->place.file),
		kv_uint("offset", e->place.offset), kv_uint("lsn", e->place.lsn));
	return STORE_CORRUPT;
}

static enum fault
read_head(struct store_reader *r, int fd, const struct store_email *e, struct record_head *ret)
{
	const struct store_place *p = &e->place;
	uint64_t offset = p->offset - RECORD_HEADER;
	char bytes[RECORD_HEADER];

	if (pread(fd, bytes, sizeof(bytes), (off_t)offset) != (ssize_t)sizeof(bytes) ||
		!record_take_head(str_of(bytes, sizeof(bytes)), &r->id, (uint32_t)p->file, offset, ret) ||
		ret->type != RECORD_MESSAGE || ret->lsn != p->lsn || ret->body != p->size)
		return damaged(r, e, "record header");
	return OK;
}

static enum fault
check_large(struct store_reader *r, int fd, const struct store_email *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != e->place.size)
		return damaged(r, e, "size of the large body");
	return OK;
}

enum fault
store_reader_file(struct store_reader *r, const struct store_email *e, int *ret_fd)
{
	struct record_head h;
	struct held_file *file;
	enum fault f;

	TRY(hold_file(r, &e->place, &file));
	f = e->place.large ? check_large(r, file->fd, e) : read_head(r, file->fd, e, &h);
	if (f != OK) {
		store_reader_release(r, file->fd);
		return f;
	}
	*ret_fd = file->fd;
	return OK;
}

/* ---- whole messages ---- */

static bool
read_all(int fd, char *to, uint64_t n, uint64_t offset)
{
	while (n) {
		ssize_t got = pread(fd, to, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		n -= (uint64_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

static enum fault
load_large(struct store_reader *r, int fd, const struct store_email *e, char *to)
{
	str all = { to, e->place.size };
	uint64_t sum = 0;

	TRY(check_large(r, fd, e));
	if (!read_all(fd, to, all.n, 0))
		return damaged(r, e, "large body");
	for (; all.n; all = str_from(all, LARGE_BLOCK))
		sum = large_sum_add(sum, str_sub(all, 0, LARGE_BLOCK));
	return sum == e->place.sum ? OK : damaged(r, e, "sum of the large body");
}

/* The record in one read when its effect is as small as usual; the header, for it is checked anew, the body where it belongs, the rest
 * for the sum. */
static enum fault
load_inline(struct store_reader *r, struct arena *a, int fd, const struct store_email *e, char *to)
{
	const struct store_place *p = &e->place;
	uint64_t offset = p->offset - RECORD_HEADER, rest_n, tail;
	char head[RECORD_HEADER], *rest = arena_take(a, TAIL_GUESS);
	struct iovec parts[] = { { head, sizeof(head) }, { to, p->size }, { rest, TAIL_GUESS } };
	ssize_t got = preadv(fd, parts, COUNT(parts), (off_t)offset);
	struct record_head h;

	if (got < (ssize_t)(RECORD_HEADER + p->size) &&
		!(read_all(fd, head, sizeof(head), offset) && read_all(fd, to, p->size, p->offset)))
		return damaged(r, e, "record");
	if (!record_take_head(str_of(head, sizeof(head)), &r->id, (uint32_t)p->file, offset, &h) ||
		h.lsn != p->lsn || h.body != p->size)
		return damaged(r, e, "record header");
	rest_n = h.payload - h.body;
	tail = got > (ssize_t)(RECORD_HEADER + p->size) ? (uint64_t)got - RECORD_HEADER - p->size : 0;
	if (rest_n > tail) {
		rest = rest_n > TAIL_GUESS ? arena_take(a, rest_n) : rest;
		if (!read_all(fd, rest, rest_n, p->offset + p->size))
			return damaged(r, e, "record");
	}
	if (!record_is_whole(&h, str_of(to, p->size), str_of(rest, rest_n)))
		return damaged(r, e, "sum of the record");
	return OK;
}

enum fault
store_reader_load(struct store_reader *r, struct arena *a, const struct store_email *e, size_t most, str *ret)
{
	uint64_t size = e->place.size;
	struct held_file *file;
	enum fault f;
	char *to;

	if (size > most || e->prefix.n > most - size)
		return TOO_BIG;
	TRY(hold_file(r, &e->place, &file));
	to = arena_take(a, e->prefix.n + size + 1);
	if (e->prefix.n)
		memcpy(to, e->prefix.p, e->prefix.n);
	f = e->place.large ? load_large(r, file->fd, e, to + e->prefix.n)
			   : load_inline(r, a, file->fd, e, to + e->prefix.n);
	store_reader_release(r, file->fd);
	if (f == OK)
		*ret = str_of(to, e->prefix.n + size);
	return f;
}
