/* A copy of a store, also of one in use, and the way back.
 * The log is the store, so the log and the large bodies are what is copied; restoring makes the index. While a backup is taken the
 * store removes neither segments nor bodies (it holds backup.lock shared), so that what a copied record names is still there. */
#include "store/embedded/tool.h"

#include "base/mem.h"
#include "store/embedded/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BLOCK = 1 << 20 };

struct copying {
	const struct store_tool *t;
	struct log log;
	int from, from_log, from_body; /* folders */
	int to, to_log, to_body;
	bool may_link;
	struct buf block;
	uint64_t segments, bodies, bytes;
};

/* ---- one file ---- */

static enum fault
copy_bytes(struct copying *c, int in, int out, uint64_t most, const char *name)
{
	uint64_t at = 0;

	while (at < most) {
		size_t n = MIN(most - at, (uint64_t)COPY_BLOCK);
		ssize_t got;

		buf_clear(&c->block);
		got = pread(in, buf_reserve(&c->block, n), n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return tool_failed(c->t, "read", name);
		if (got == 0)
			break;
		if (write_all(&c->log, out, at, str_of(c->block.p, (size_t)got)) != OK)
			return tool_failed(c->t, "write", name);
		at += (uint64_t)got;
	}
	c->bytes += at;
	return fsync(out) == 0 ? OK : tool_failed(c->t, "flush", name);
}

static enum fault
copy_file(struct copying *c, int from, int to, const char *name, uint64_t most)
{
	int in = openat(from, name, O_RDONLY | O_CLOEXEC), out;
	enum fault f;

	if (in < 0)
		return tool_failed(c->t, "open", name);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0) {
		f = tool_failed(c->t, "create", name);
		close(in);
		return f;
	}
	f = copy_bytes(c, in, out, most, name);
	close(in);
	close(out);
	return f;
}

/* A file that never changes again needs no copy on the same file system. */
static enum fault
link_or_copy(struct copying *c, int from, int to, const char *name)
{
	if (c->may_link && linkat(from, name, to, name, 0) == 0)
		return OK;
	return copy_file(c, from, to, name, UINT64_MAX);
}

static void
tell(struct copying *c, size_t done, size_t all)
{
	if (c->t->progress && all)
		c->t->progress(c->t->ctx, (int)(done * 1000 / all));
}

/* ---- the log ---- */

/* Where the last batch ends that is there with all its records: behind it the writer may be writing. */
static enum fault
whole_batches(struct copying *c, const struct hash_key *id, uint32_t segment, uint64_t *ret_end)
{
	uint64_t end = 0, batch_end = 0;
	struct arena a = { 0 };
	struct record r = { 0 };
	enum walk_step step;
	struct effect e;
	struct walk w;

	TRY(walk_begin(&w, &c->log, c->from_log, id, segment, 0));
	walk_only_this(&w);
	while ((step = walk_next(&w, &r)) == WALK_RECORD || step == WALK_BAD) {
		end = r.at.offset + r.at.bytes;
		if (step == WALK_RECORD && r.type == RECORD_BATCH &&
			effect_decode(&a, r.type, r.rest, &e) == OK)
			batch_end = end + e.batch.bytes;
		if (step == WALK_RECORD && end == batch_end)
			*ret_end = end;
		arena_reset(&a);
	}
	walk_end(&w);
	arena_done(&a);
	return step == WALK_FAILED ? STORE_DOWN : OK;
}

static enum fault
copy_segment(struct copying *c, const struct hash_key *id, uint32_t number, uint32_t newest)
{
	char name[SEGMENT_NAME];
	uint64_t end = 0;

	segment_name(number, name);
	c->segments++;
	if (number + 1 < newest)
		return link_or_copy(c, c->from_log, c->to_log, name);
	if (number <
		newest) /* a batch that failed while it began the newest may still be taken back from it: not to be shared */
		return copy_file(c, c->from_log, c->to_log, name, UINT64_MAX);
	TRY(whole_batches(c, id, number, &end));
	return copy_file(c, c->from_log, c->to_log, name, end);
}

static enum fault
copy_log(struct copying *c, bool whole)
{
	struct effect_segment head = { 0 };
	uint32_t *numbers = NULL;
	size_t n = 0;
	enum fault f = walk_list(&c->log, c->from_log, &numbers, &n);

	for (size_t i = 0; i < n && f == OK; i++) {
		char name[SEGMENT_NAME];

		segment_name(numbers[i], name);
		if (whole) {
			c->segments++;
			f = copy_file(c, c->from_log, c->to_log, name, UINT64_MAX);
		} else {
			if (head.number == 0 &&
				walk_segment_head(&c->log, c->from_log, numbers[n - 1], &head) != OK)
				head.number = 0;
			/* a newest segment without a head is one that is being made */
			if (i == n - 1 && head.number == 0)
				break;
			f = copy_segment(c, &head.id, numbers[i], numbers[n - 1]);
		}
		tell(c, i, n);
	}
	free(numbers);
	return f;
}

/* ---- bodies ---- */

static enum fault
copy_bodies(struct copying *c)
{
	int fd = openat(c->from_body, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	enum fault f = OK;
	uint64_t id;

	if (!d)
		return tool_failed(c->t, "list", "body");
	for (struct dirent *e; f == OK && (e = readdir(d));) {
		if (!body_of_name(e->d_name, &id))
			continue;
		f = link_or_copy(c, c->from_body, c->to_body, e->d_name);
		c->bodies++;
	}
	closedir(d);
	return f;
}

/* ---- folders ---- */

static enum fault
make_folder(struct copying *c, int at, const char *name, int *ret_fd)
{
	if (mkdirat(at, name, 0700) != 0)
		return errno == EEXIST ? ALREADY_EXISTS : tool_failed(c->t, "make", name);
	return tool_open_folder(c->t, at, name, ret_fd);
}

static void
done(struct copying *c)
{
	const int fds[] = { c->from, c->from_log, c->from_body, c->to, c->to_log, c->to_body };

	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	buf_done(&c->block);
}

static struct copying
copying(const struct store_tool *t, bool may_link)
{
	return (struct copying){ .t = t,
		.from = -1,
		.from_log = -1,
		.from_body = -1,
		.to = -1,
		.to_log = -1,
		.to_body = -1,
		.may_link = may_link };
}

static enum fault
open_source(struct copying *c, const char *dir)
{
	TRY(tool_open_folder(c->t, AT_FDCWD, dir, &c->from));
	TRY(tool_open_folder(c->t, c->from, "log", &c->from_log));
	return tool_open_folder(c->t, c->from, "body", &c->from_body);
}

static enum fault
flush_folders(struct copying *c, const char *name)
{
	int above = openat(c->to, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = above >= 0 && fsync(c->to_log) == 0 && fsync(c->to_body) == 0 && fsync(c->to) == 0 &&
		  fsync(above) == 0;
	enum fault f = ok ? OK : tool_failed(c->t, "flush", name);

	if (above >= 0)
		close(above);
	return f;
}

/* ---- backup ---- */

static enum fault
take_backup(struct copying *c, const char *to)
{
	int lock;
	enum fault f;

	TRY(open_source(c, c->t->dir));
	TRY(make_folder(c, AT_FDCWD, to, &c->to));
	TRY(make_folder(c, c->to, "log", &c->to_log));
	TRY(make_folder(c, c->to, "body", &c->to_body));
	lock = openat(c->from, "backup.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_SH) != 0) {
		f = tool_failed(c->t, "lock", "backup.lock");
		if (lock >= 0)
			close(lock);
		return f;
	}
	f = copy_file(c, c->from, c->to, "id", UINT64_MAX);
	if (f == OK)
		f = copy_log(c, false);
	if (f == OK) /* behind the log: what its last records name is there by now */
		f = copy_bodies(c);
	if (f == OK)
		f = flush_folders(c, to);
	close(lock);
	return f;
}

enum fault
store_backup(const struct store_tool *t, const char *to)
{
	struct copying c = copying(t, true);
	enum fault f = take_backup(&c, to);

	if (f == OK)
		tool_say(t, "%llu segments, %llu large bodies, %llu bytes copied",
			(unsigned long long)c.segments, (unsigned long long)c.bodies,
			(unsigned long long)c.bytes);
	else
		tool_say(t, "backup: %s", fault_words(f)->text);
	done(&c);
	return f;
}

/* ---- restore ---- */

/* The log gets its name when it is whole: a restore that was cut short leaves no store. */
static enum fault
put_back(struct copying *c, const char *from)
{
	struct stat st;

	TRY(open_source(c, from));
	if (mkdir(c->t->dir, 0700) != 0 && errno != EEXIST)
		return tool_failed(c->t, "make", c->t->dir);
	TRY(tool_open_folder(c->t, AT_FDCWD, c->t->dir, &c->to));
	if (fstatat(c->to, "log", &st, 0) == 0 || fstatat(c->to, "index", &st, 0) == 0)
		return ALREADY_EXISTS;
	TRY(tool_remove_folder(c->t, c->to, "log.restoring"));
	TRY(tool_remove_folder(c->t, c->to, "body"));
	if (unlinkat(c->to, "id", 0) != 0 && errno != ENOENT)
		return tool_failed(c->t, "remove", "id");
	TRY(make_folder(c, c->to, "log.restoring", &c->to_log));
	TRY(make_folder(c, c->to, "body", &c->to_body));
	TRY(copy_file(c, c->from, c->to, "id", UINT64_MAX));
	TRY(copy_bodies(c));
	TRY(copy_log(c, true));
	TRY(flush_folders(c, c->t->dir));
	if (renameat(c->to, "log.restoring", c->to, "log") != 0)
		return tool_failed(c->t, "rename", "log.restoring");
	return fsync(c->to) == 0 ? OK : tool_failed(c->t, "flush", c->t->dir);
}

enum fault
store_restore(const struct store_tool *t, const char *from)
{
	struct copying c = copying(t, false);
	enum fault f = put_back(&c, from);

	done(&c);
	if (f != OK) {
		tool_say(t, "restore: %s", fault_words(f)->text);
		return f;
	}
	return store_rebuild(t);
}
