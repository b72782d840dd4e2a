#include "store/embedded/tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

void
tool_say(const struct store_tool *t, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!t->say)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	t->say(t->ctx, line);
}

enum fault
tool_failed(const struct store_tool *t, const char *doing, const char *path)
{
	int e = errno;

	tool_say(t, "cannot %s %s: %s", doing, path, strerrordesc_np(e));
	return e == ENOSPC || e == EDQUOT ? STORE_FULL : STORE_DOWN;
}

enum fault
tool_open_folder(const struct store_tool *t, int at, const char *name, int *ret_fd)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return tool_failed(t, "open", name);
	*ret_fd = fd;
	return OK;
}

enum fault
tool_remove_folder(const struct store_tool *t, int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return errno == ENOENT ? OK : tool_failed(t, "open", name);
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return unlinkat(at, name, AT_REMOVEDIR) == 0 ? OK : tool_failed(t, "remove", name);
}

int64_t
tool_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
