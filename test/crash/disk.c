/* test/crash/disk.c - see disk.h. Raw system calls do the work, so that nothing of libc is needed underneath. */
#include "test/crash/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SECTOR = 512, MOST_FILES = 4096 };
enum op_type { OP_WRITE, OP_TRUNCATE, OP_FLUSH, OP_NAME, OP_UNNAME, OP_RENAME, OP_MKDIR, OP_FLUSH_NAMES };

struct op {
	enum op_type type;
	uint64_t ino;       /* the file; for OP_FLUSH_NAMES the directory, unused */
	uint64_t offset, n; /* OP_TRUNCATE: n is the new size */
	char *bytes;
	char *path, *path2; /* below root */
};

static char root[4096]; /* PATH_MAX: realpath wants it */
static size_t root_n;
static bool recording;
static struct op *ops;
static size_t op_count, op_room, base_count;
static size_t writes, fail_write_at, fail_write_count, flushes, fail_flush_at, fail_flush_count;
static int fail_write_errno, fail_flush_errno;
/* For each operation the first flush after it that covers it, found once for a record, from its end. */
static size_t *covered_by;
static size_t covered_for;

static void *
must(void *p)
{
	if (!p)
		abort();
	return p;
}

static char *
copy(const char *p, size_t n)
{
	char *c = must(malloc(n + 1));

	memcpy(c, p, n);
	c[n] = 0;
	return c;
}

static struct op *
add(enum op_type type)
{
	if (op_count == op_room) {
		op_room = op_room ? op_room * 2 : 1024;
		ops = must(realloc(ops, op_room * sizeof(*ops)));
	}
	ops[op_count] = (struct op){ .type = type };
	return &ops[op_count++];
}

/* ---- which file is it? ---- */

static uint64_t
ino_of(int fd)
{
	struct stat st;

	if (syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) != 0)
		return 0;
	return st.st_ino;
}

/* The path of a descriptor below root, or false. */
static bool
fd_path(int fd, char *ret, size_t room)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, room - 1);
	if (n <= 0)
		return false;
	ret[n] = 0;
	return true;
}

/* dir + path as a path below root (without it), or NULL: not ours. */
static const char *
below(int dir, const char *path, char *scratch, size_t room)
{
	if (path[0] != '/') {
		if (dir == AT_FDCWD)
			return NULL;
		if (!fd_path(dir, scratch, room))
			return NULL;
		size_t n = strlen(scratch);
		snprintf(scratch + n, room - n, "/%s", path);
	} else {
		snprintf(scratch, room, "%s", path);
	}
	if (strncmp(scratch, root, root_n) != 0 || scratch[root_n] != '/')
		return NULL;
	return scratch + root_n + 1;
}

static bool
fd_is_ours(int fd)
{
	char path[1024];

	if (!recording || !fd_path(fd, path, sizeof(path)))
		return false;
	return strncmp(path, root, root_n) == 0 && !strstr(path, "lock.mdb");
}

static bool
is_lock(const char *path)
{
	return strstr(path, "lock.mdb") != NULL;
}

/* ---- what the program calls ---- */

/* With 64-bit offsets the headers rename pwrite to pwrite64 and so on; a library may have been built either way, so both symbols are ours. */
ssize_t on_pwrite(int fd, const void *p, size_t n, off_t offset) __asm__("pwrite");
ssize_t on_pwrite64(int fd, const void *p, size_t n, off_t offset) __asm__("pwrite64");
ssize_t on_pwritev(int fd, const struct iovec *iov, int count, off_t offset) __asm__("pwritev");
ssize_t on_pwritev64(int fd, const struct iovec *iov, int count, off_t offset) __asm__("pwritev64");
int on_ftruncate(int fd, off_t size) __asm__("ftruncate");
int on_ftruncate64(int fd, off_t size) __asm__("ftruncate64");
int on_fallocate(int fd, int mode, off_t offset, off_t n) __asm__("fallocate");
int on_fallocate64(int fd, int mode, off_t offset, off_t n) __asm__("fallocate64");
int on_open(const char *path, int flags, ...) __asm__("open");
int on_open64(const char *path, int flags, ...) __asm__("open64");
int on_openat(int dir, const char *path, int flags, ...) __asm__("openat");
int on_openat64(int dir, const char *path, int flags, ...) __asm__("openat64");

static bool
write_fails(int fd)
{
	if (!fd_is_ours(fd))
		return false;
	writes++;
	if (fail_write_count && writes >= fail_write_at) {
		fail_write_count--;
		errno = fail_write_errno;
		return true;
	}
	return false;
}

static bool
flush_fails(int fd)
{
	if (!fd_is_ours(fd))
		return false;
	flushes++;
	if (fail_flush_count && flushes >= fail_flush_at) {
		fail_flush_count--;
		errno = fail_flush_errno;
		return true;
	}
	return false;
}

static void
note_write(int fd, const void *p, size_t n, uint64_t offset)
{
	struct op *o;
	int flags;

	if (!fd_is_ours(fd))
		return;
	o = add(OP_WRITE);
	o->ino = ino_of(fd);
	o->offset = offset;
	o->n = n;
	o->bytes = copy(p, n);
	flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
	if (flags & O_DSYNC) {
		uint64_t ino = o->ino;
		o = add(OP_FLUSH);
		o->ino = ino;
	}
}

static ssize_t
do_pwrite(int fd, const void *p, size_t n, off_t offset)
{
	ssize_t r;

	if (write_fails(fd))
		return -1;
	r = syscall(SYS_pwrite64, fd, p, n, offset);
	if (r > 0)
		note_write(fd, p, (size_t)r, (uint64_t)offset);
	return r;
}

ssize_t
on_pwrite(int fd, const void *p, size_t n, off_t offset)
{
	return do_pwrite(fd, p, n, offset);
}
ssize_t
on_pwrite64(int fd, const void *p, size_t n, off_t offset)
{
	return do_pwrite(fd, p, n, offset);
}

ssize_t write(int fd, const void *p, size_t n);
ssize_t
write(int fd, const void *p, size_t n)
{
	off_t at = recording ? syscall(SYS_lseek, fd, 0, SEEK_CUR) : 0;
	ssize_t r;

	if (write_fails(fd))
		return -1;
	if (recording && (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) && fd_is_ours(fd)) {
		struct stat st;
		if (syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) == 0)
			at = st.st_size;
	}
	r = syscall(SYS_write, fd, p, n);
	if (r > 0)
		note_write(fd, p, (size_t)r, (uint64_t)at);
	return r;
}

static ssize_t
do_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	ssize_t r, left;

	if (write_fails(fd))
		return -1;
	r = syscall(SYS_pwritev, fd, iov, count, offset, 0);
	left = r;
	for (int i = 0; i < count && left > 0; i++) {
		size_t n = (size_t)left < iov[i].iov_len ? (size_t)left : iov[i].iov_len;
		note_write(fd, iov[i].iov_base, n, (uint64_t)offset);
		offset += (off_t)n;
		left -= (ssize_t)n;
	}
	return r;
}

ssize_t
on_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return do_pwritev(fd, iov, count, offset);
}
ssize_t
on_pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	return do_pwritev(fd, iov, count, offset);
}

/* LMDB seeks and then writes a run of pages. */
ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	off_t at = recording ? syscall(SYS_lseek, fd, 0, SEEK_CUR) : 0;
	ssize_t r, left;

	if (write_fails(fd))
		return -1;
	r = left = syscall(SYS_writev, fd, iov, count);
	for (int i = 0; i < count && left > 0; i++) {
		size_t n = (size_t)left < iov[i].iov_len ? (size_t)left : iov[i].iov_len;
		note_write(fd, iov[i].iov_base, n, (uint64_t)at);
		at += (off_t)n;
		left -= (ssize_t)n;
	}
	return r;
}

static int
do_flush(long call, int fd)
{
	int r;

	if (flush_fails(fd))
		return -1;
	r = (int)syscall(call, fd);
	if (r == 0 && fd_is_ours(fd)) {
		struct stat st;
		struct op *o;
		bool dir = syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode);

		o = add(dir ? OP_FLUSH_NAMES : OP_FLUSH);
		o->ino = ino_of(fd);
	}
	return r;
}
int
fsync(int fd)
{
	return do_flush(SYS_fsync, fd);
}
int
fdatasync(int fd)
{
	return do_flush(SYS_fdatasync, fd);
}
void sync(void);
void
sync(void)
{
	abort(); /* nobody may rely on it */
}

static int
do_ftruncate(int fd, off_t size)
{
	int r;

	r = (int)syscall(SYS_ftruncate, fd, size);
	if (r == 0 && fd_is_ours(fd)) {
		struct op *o = add(OP_TRUNCATE);
		o->ino = ino_of(fd);
		o->n = (uint64_t)size;
	}
	return r;
}
int
on_ftruncate(int fd, off_t size)
{
	return do_ftruncate(fd, size);
}
int
on_ftruncate64(int fd, off_t size)
{
	return do_ftruncate(fd, size);
}
int
on_fallocate(int fd, int mode, off_t offset, off_t n)
{
	(void)fd, (void)mode, (void)offset, (void)n;
	errno = EOPNOTSUPP;
	return -1;
}
int
on_fallocate64(int fd, int mode, off_t offset, off_t n)
{
	return on_fallocate(fd, mode, offset, n);
}

static int
do_openat(int dir, const char *path, int flags, mode_t mode)
{
	char scratch[1024];
	const char *name = recording && (flags & O_CREAT) && (flags & O_TMPFILE) != O_TMPFILE
				   ? below(dir, path, scratch, sizeof(scratch))
				   : NULL;
	bool existed = name && syscall(SYS_faccessat, dir, path, F_OK) == 0;
	int fd = (int)syscall(SYS_openat, dir, path, flags, mode);

	if (fd >= 0 && name && !is_lock(name)) {
		struct op *o;
		if (!existed) {
			o = add(OP_NAME);
			o->ino = ino_of(fd);
			o->path = copy(name, strlen(name));
		}
	}
	if (fd >= 0 && recording && (flags & O_TRUNC) && fd_is_ours(fd)) {
		struct op *o = add(OP_TRUNCATE);
		o->ino = ino_of(fd);
	}
	return fd;
}
#define OPEN_MODE(flags)                                                                                     \
	mode_t mode = 0;                                                                                     \
	if ((flags) & (O_CREAT | O_TMPFILE)) {                                                               \
		va_list args;                                                                                \
		va_start(args, flags);                                                                       \
		mode = (mode_t)va_arg(args, int);                                                            \
		va_end(args);                                                                                \
	}
int
on_open(const char *path, int flags, ...)
{
	OPEN_MODE(flags)
	return do_openat(AT_FDCWD, path, flags, mode);
}
int
on_open64(const char *path, int flags, ...)
{
	OPEN_MODE(flags)
	return do_openat(AT_FDCWD, path, flags, mode);
}
int
on_openat(int dir, const char *path, int flags, ...)
{
	OPEN_MODE(flags)
	return do_openat(dir, path, flags, mode);
}
int
on_openat64(int dir, const char *path, int flags, ...)
{
	OPEN_MODE(flags)
	return do_openat(dir, path, flags, mode);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	char scratch[1024];
	const char *name = recording ? below(dir, path, scratch, sizeof(scratch)) : NULL;
	int r = (int)syscall(SYS_mkdirat, dir, path, mode);

	if (r == 0 && name)
		add(OP_MKDIR)->path = copy(name, strlen(name));
	return r;
}
int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int
unlinkat(int dir, const char *path, int flags)
{
	char scratch[1024];
	const char *name = recording ? below(dir, path, scratch, sizeof(scratch)) : NULL;
	int r = (int)syscall(SYS_unlinkat, dir, path, flags);

	if (r == 0 && name && !is_lock(name))
		add(OP_UNNAME)->path = copy(name, strlen(name));
	return r;
}
int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
renameat(int dir, const char *path, int dir2, const char *path2)
{
	char s1[1024], s2[1024];
	const char *from = recording ? below(dir, path, s1, sizeof(s1)) : NULL;
	const char *to = recording ? below(dir2, path2, s2, sizeof(s2)) : NULL;
	int r = (int)syscall(SYS_renameat2, dir, path, dir2, path2, 0);

	if (r == 0 && from && to) {
		struct op *o = add(OP_RENAME);
		o->path = copy(from, strlen(from));
		o->path2 = copy(to, strlen(to));
	}
	return r;
}
int
rename(const char *path, const char *path2)
{
	return renameat(AT_FDCWD, path, AT_FDCWD, path2);
}

int
linkat(int dir, const char *path, int dir2, const char *path2, int flags)
{
	char scratch[1024];
	const char *to = recording ? below(dir2, path2, scratch, sizeof(scratch)) : NULL;
	int r = (int)syscall(SYS_linkat, dir, path, dir2, path2, flags);
	struct stat st;

	if (r == 0 && to && syscall(SYS_newfstatat, dir2, path2, &st, 0) == 0) {
		struct op *o = add(OP_NAME);
		o->ino = st.st_ino;
		o->path = copy(to, strlen(to));
	}
	return r;
}
int
link(const char *path, const char *path2)
{
	return linkat(AT_FDCWD, path, AT_FDCWD, path2, 0);
}

/* ---- the record ---- */

static void
record_tree(const char *dir)
{
	char path[2048];
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		struct op *o;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (stat(path, &st) != 0 || is_lock(path))
			continue;
		if (S_ISDIR(st.st_mode)) {
			add(OP_MKDIR)->path = copy(path + root_n + 1, strlen(path + root_n + 1));
			record_tree(path);
			continue;
		}
		o = add(OP_NAME);
		o->ino = st.st_ino;
		o->path = copy(path + root_n + 1, strlen(path + root_n + 1));
		o = add(OP_WRITE);
		o->ino = st.st_ino;
		o->n = (uint64_t)st.st_size;
		o->bytes = must(malloc(o->n + 1));
		int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
		if (fd < 0 || pread(fd, o->bytes, o->n, 0) != (ssize_t)o->n)
			abort();
		close(fd);
		o = add(OP_FLUSH);
		o->ino = st.st_ino;
	}
	if (d)
		closedir(d);
}

void
disk_record(const char *path)
{
	disk_forget();
	if (!realpath(path, root))
		abort();
	root_n = strlen(root);
	record_tree(root);
	add(OP_FLUSH_NAMES);
	base_count = op_count;
	writes = flushes = 0;
	fail_write_count = fail_flush_count = 0;
	recording = true;
}

void
disk_stop(void)
{
	recording = false;
}

void
disk_forget(void)
{
	recording = false;
	for (size_t i = 0; i < op_count; i++) {
		free(ops[i].bytes);
		free(ops[i].path);
		free(ops[i].path2);
	}
	free(ops);
	free(covered_by);
	covered_by = NULL;
	ops = NULL;
	op_count = op_room = 0;
}

size_t
disk_ops(void)
{
	return op_count;
}

size_t
disk_base(void)
{
	return base_count;
}

size_t
disk_writes(void)
{
	return writes;
}

const char *
disk_describe(size_t i)
{
	static const char *const names[] = { "write", "truncate", "flush", "name", "unname", "rename",
		"mkdir", "flush-names" };
	static char text[512];
	const struct op *o = &ops[i];

	if (i >= op_count)
		return "the end";
	snprintf(text, sizeof(text), "%s ino=%llu offset=%llu n=%llu %s %s", names[o->type],
		(unsigned long long)o->ino, (unsigned long long)o->offset, (unsigned long long)o->n,
		o->path ? o->path : "", o->path2 ? o->path2 : "");
	return text;
}

void
disk_fail_writes(size_t n, size_t count, int error)
{
	fail_write_at = writes + n;
	fail_write_count = count;
	fail_write_errno = error;
}

void
disk_fail_flushes(size_t n, size_t count, int error)
{
	fail_flush_at = flushes + n;
	fail_flush_count = count;
	fail_flush_errno = error;
}

/* ---- an image ---- */

struct file {
	uint64_t ino;
	char *bytes;
	size_t size, room;
};
struct entry {
	char *path;
	uint64_t ino; /* 0: a directory */
};
struct image {
	struct file files[MOST_FILES];
	size_t file_count;
	struct entry names[MOST_FILES];
	size_t name_count;
	uint64_t rng;
};

static uint64_t
chance(struct image *im)
{
	im->rng ^= im->rng << 13;
	im->rng ^= im->rng >> 7;
	im->rng ^= im->rng << 17;
	return im->rng;
}

static struct file *
file_of(struct image *im, uint64_t ino)
{
	for (size_t i = 0; i < im->file_count; i++)
		if (im->files[i].ino == ino)
			return &im->files[i];
	if (im->file_count == MOST_FILES)
		abort();
	im->files[im->file_count].ino = ino;
	return &im->files[im->file_count++];
}

static void
set_size(struct file *f, size_t size)
{
	if (size > f->room) {
		size_t room = f->room * 2 > size ? f->room * 2 : size;
		f->bytes = must(realloc(f->bytes, room));
		f->room = room;
	}
	if (size > f->size)
		memset(f->bytes + f->size, 0, size - f->size);
	f->size = size;
}

static void
put(struct file *f, const struct op *o, size_t from, size_t n)
{
	if (o->offset + from + n > f->size)
		set_size(f, o->offset + from + n);
	if (n)
		memcpy(f->bytes + o->offset + from, o->bytes + from, n);
}

/* An unflushed write: all, nothing, or some of its sectors. */
static void
put_some(struct image *im, struct file *f, const struct op *o)
{
	uint64_t fate = chance(im) % 4;

	if (fate == 0)
		return;
	if (fate <= 2) {
		put(f, o, 0, o->n);
		return;
	}
	for (size_t at = 0; at < o->n;) {
		size_t n = SECTOR - (o->offset + at) % SECTOR;
		if (n > o->n - at)
			n = o->n - at;
		if (chance(im) & 1)
			put(f, o, at, n);
		at += n;
	}
}

static struct entry *
name_of(struct image *im, const char *path)
{
	for (size_t i = 0; i < im->name_count; i++)
		if (strcmp(im->names[i].path, path) == 0)
			return &im->names[i];
	return NULL;
}

static void
unname(struct image *im, const char *path)
{
	struct entry *e = name_of(im, path);

	if (e) {
		free(e->path);
		*e = im->names[--im->name_count];
	}
}

static void
name(struct image *im, const char *path, uint64_t ino)
{
	unname(im, path);
	if (im->name_count == MOST_FILES)
		abort();
	im->names[im->name_count++] = (struct entry){ copy(path, strlen(path)), ino };
}

static void
apply_name(struct image *im, const struct op *o)
{
	struct entry *e;
	uint64_t ino;

	switch (o->type) {
	case OP_NAME: name(im, o->path, o->ino); break;
	case OP_MKDIR: name(im, o->path, 0); break;
	case OP_UNNAME: unname(im, o->path); break;
	default:
		e = name_of(im, o->path);
		ino = e ? e->ino : 0;
		/* a directory takes its children along */
		for (size_t i = 0; i < im->name_count; i++) {
			size_t n = strlen(o->path);
			char *p = im->names[i].path;
			if (strncmp(p, o->path, n) == 0 && p[n] == '/') {
				char moved[2048];
				snprintf(moved, sizeof(moved), "%s%s", o->path2, p + n);
				im->names[i].path = copy(moved, strlen(moved));
				free(p);
			}
		}
		unname(im, o->path);
		name(im, o->path2, ino);
	}
}

static bool
is_name_op(const struct op *o)
{
	return o->type == OP_NAME || o->type == OP_UNNAME || o->type == OP_RENAME || o->type == OP_MKDIR;
}

static void
find_covers(void)
{
	static struct {
		uint64_t ino;
		size_t flush;
	} last[MOST_FILES];
	size_t n = 0, names = SIZE_MAX;

	if (covered_by && covered_for == op_count)
		return;
	covered_by = must(realloc(covered_by, (op_count + 1) * sizeof(*covered_by)));
	covered_for = op_count;
	for (size_t i = op_count; i-- > 0;) {
		size_t k = 0;

		if (ops[i].type == OP_FLUSH_NAMES)
			names = i;
		while (k < n && last[k].ino != ops[i].ino)
			k++;
		if (ops[i].type == OP_FLUSH) {
			if (k == n) {
				if (n == MOST_FILES)
					abort();
				last[n++].ino = ops[i].ino;
			}
			last[k].flush = i;
		}
		covered_by[i] = is_name_op(&ops[i]) ? names : k < n ? last[k].flush : SIZE_MAX;
	}
}

static bool
is_durable(size_t i, size_t moment)
{
	return covered_by[i] < moment;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void
write_out(struct image *im, const char *to)
{
	char path[2048];

	qsort(im->names, im->name_count, sizeof(im->names[0]), by_path);
	for (size_t i = 0; i < im->name_count; i++) {
		const struct entry *e = &im->names[i];
		struct file *f;
		int fd;

		snprintf(path, sizeof(path), "%s/%s", to, e->path);
		if (e->ino == 0) {
			if (syscall(SYS_mkdirat, AT_FDCWD, path, 0700) != 0 && errno != EEXIST)
				abort();
			continue;
		}
		f = file_of(im, e->ino);
		fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (fd < 0)
			continue; /* its directory was not durable */
		for (size_t done = 0; done < f->size;) {
			ssize_t n = syscall(SYS_pwrite64, fd, f->bytes + done, f->size - done, done);
			if (n <= 0)
				abort();
			done += (size_t)n;
		}
		close(fd);
	}
}

void
disk_image(size_t moment, enum disk_fate fate, uint64_t seed, const char *to)
{
	struct image *im = must(calloc(1, sizeof(*im)));
	bool names_go_on = true; /* names survive up to some point in their order */

	find_covers();
	im->rng = seed * 0x9E3779B97F4A7C15 + 1;
	for (size_t i = 0; i < moment && i < op_count; i++) {
		const struct op *o = &ops[i];
		bool durable;

		if (o->type == OP_FLUSH || o->type == OP_FLUSH_NAMES)
			continue;
		durable = fate == DISK_EVERYTHING || is_durable(i, moment);
		if (is_name_op(o)) {
			if (!durable && (fate == DISK_NOTHING || chance(im) % 3 == 0))
				names_go_on = false;
			if (durable || names_go_on)
				apply_name(im, o);
		} else if (o->type == OP_TRUNCATE) {
			if (durable || (fate == DISK_SOME && chance(im) & 1))
				set_size(file_of(im, o->ino), o->n);
		} else if (durable) {
			put(file_of(im, o->ino), o, 0, o->n);
		} else if (fate == DISK_SOME) {
			put_some(im, file_of(im, o->ino), o);
		}
	}
	write_out(im, to);
	for (size_t i = 0; i < im->file_count; i++)
		free(im->files[i].bytes);
	for (size_t i = 0; i < im->name_count; i++)
		free(im->names[i].path);
	free(im);
}
