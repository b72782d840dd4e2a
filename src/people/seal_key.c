/* The key is a file of 32 random bytes that nobody but its owner may read. Losing it loses every password, so it is durable before it
 * is used; two who make it at the same time get the same one. */
#include "people/secret.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

static enum fault
fault_of_errno(void)
{
	return errno == ENOENT                                       ? NOT_FOUND
	       : errno == EACCES || errno == EPERM || errno == ELOOP ? NOT_PERMITTED
								     : STORE_DOWN;
}

static enum fault
read_key(const char *path, struct seal_key *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	unsigned char bytes[sizeof(ret->bytes) + 1];
	enum fault f = OK;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fault_of_errno();
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0 && errno != EISDIR)
		f = STORE_DOWN;
	else if (fstat(fd, &st) != 0)
		f = STORE_DOWN;
	else if (!S_ISREG(st.st_mode) || n != (ssize_t)sizeof(ret->bytes))
		f = MALFORMED;
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		f = NOT_PERMITTED;
	else
		memcpy(ret->bytes, bytes, sizeof(ret->bytes));
	mem_wipe(bytes, sizeof(bytes));
	close(fd);
	return f;
}

/* Opens the folder of the path, makes it when it is missing; its name is flushed with what is above it. */
static int
open_folder(const char *path, struct arena *a)
{
	str s = str_c(path);
	size_t slash = str_rfind(s, '/');
	const char *folder = slash == s.n ? "." : slash == 0 ? "/" : arena_cstr(a, str_sub(s, 0, slash));
	int fd, above;

	if (mkdir(folder, 0700) == 0) {
		above = open(arena_cstr(a, arena_join(a, str_c(folder), S("/.."))),
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (above < 0)
			return -1;
		if (fsync(above) != 0) {
			close(above);
			return -1;
		}
		close(above);
	} else if (errno != EEXIST) {
		return -1;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

/* A new file under a name of its own, complete and flushed, is then linked to the real name, which fails when somebody was quicker. */
static enum fault
make_key(const char *path)
{
	struct arena a = { 0 };
	unsigned char bytes[32];
	enum fault f = STORE_DOWN;
	char *fresh = arena_cstr(&a, arena_join(&a, str_c(path), S(".XXXXXX")));
	int folder = open_folder(path, &a), fd = -1, error = 0;

	if (folder < 0) {
		f = fault_of_errno();
		goto out;
	}
	fd = mkostemp(fresh, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		f = fault_of_errno();
		goto out;
	}
	if (getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) && fchmod(fd, 0600) == 0 &&
		write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) && fsync(fd) == 0 &&
		(link(fresh, path) == 0 || errno == EEXIST) && unlink(fresh) == 0 && fsync(folder) == 0)
		f = OK;
	else {
		error = errno;
		(void)unlink(fresh);
		errno = error;
	}
out:
	error = errno;
	if (fd >= 0)
		close(fd);
	if (folder >= 0)
		close(folder);
	mem_wipe(bytes, sizeof(bytes));
	arena_done(&a);
	errno = error;
	return f;
}

enum fault
seal_key_load(const char *path, bool make, struct seal_key *ret)
{
	enum fault f = read_key(path, ret);

	if (f != NOT_FOUND || !make)
		return f;
	TRY(make_key(path));
	return read_key(path, ret);
}
