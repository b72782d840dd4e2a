#include "rt/jail_own.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The kernel's interface (Documentation/userspace-api/landlock.rst), by hand: headers are older than kernels. */
enum {
	CALL_CREATE_RULESET = 444, /* the same numbers on every architecture */
	CALL_ADD_RULE = 445,
	CALL_RESTRICT_SELF = 446,
	CREATE_RULESET_VERSION = 1,
	RULE_PATH_BENEATH = 1,
	RULE_NET_PORT = 2,
};
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_REFER = 1 << 13, /* link and rename from one folder to another */
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	NET_BIND_TCP = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
};
struct ruleset_attr {
	uint64_t fs, net, scoped;
};
struct path_beneath_attr {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));
struct net_port_attr {
	uint64_t access, port;
};

/* What a kernel can be told to forbid, by the ABI that brought it. */
static const struct {
	int since;
	struct ruleset_attr adds;
	size_t attr_size;
} abis[] = {
	{ 1, { .fs = FS_REFER - 1 }, sizeof(uint64_t) },
	{ 2, { .fs = FS_REFER }, sizeof(uint64_t) },
	{ 3, { .fs = FS_TRUNCATE }, sizeof(uint64_t) },
	{ 4, { .net = NET_BIND_TCP | NET_CONNECT_TCP }, 2 * sizeof(uint64_t) },
	{ 5, { .fs = FS_IOCTL_DEV }, 2 * sizeof(uint64_t) },
	{ 6, { .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL }, 3 * sizeof(uint64_t) },
};

enum {
	READING = FS_READ_FILE | FS_READ_DIR,
	WRITING = READING | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
		  FS_REFER | FS_TRUNCATE,
	OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE |
		   FS_IOCTL_DEV, /* the rest is for folders */
};

int
jail_landlock_abi(void)
{
	long abi = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static enum fault
allow_path(int ruleset, const char *path, uint64_t access, const struct log *log)
{
	struct path_beneath_attr rule = { access, open(path, O_PATH | O_CLOEXEC) };
	struct stat st;
	enum fault f = OK;

	if (rule.parent_fd < 0)
		return jail_failed(log, "landlock-path", path, errno);
	if (fstat(rule.parent_fd, &st) != 0)
		f = jail_failed(log, "landlock-path", path, errno);
	else if (!S_ISDIR(st.st_mode))
		rule.access &= OF_FILES;
	if (f == OK && syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
		f = jail_failed(log, "landlock-path", path, errno);
	close(rule.parent_fd);
	return f;
}

static enum fault
allow_paths(int ruleset, const char *const *paths, uint64_t access, const struct log *log)
{
	for (; paths && *paths; paths++)
		TRY(allow_path(ruleset, *paths, access, log));
	return OK;
}

/* What the sanitizers' runtime reads for its report: its process, its program, its libraries. */
static enum fault
allow_sanitizers(int ruleset, uint64_t access, const struct log *log)
{
	static const char *const paths[] = { "/proc", "/usr", "/lib", "/proc/self/exe", NULL };

	return JAIL_SANITIZED ? allow_paths(ruleset, paths, access, log) : OK;
}

/* A bound address of our own is no listener: port 0 lets the kernel choose. */
static enum fault
allow_any_port(int ruleset, const struct log *log)
{
	struct net_port_attr rule = { NET_BIND_TCP, 0 };

	if (syscall(CALL_ADD_RULE, ruleset, RULE_NET_PORT, &rule, 0) != 0)
		return jail_failed(log, "landlock-port", "0", errno);
	return OK;
}

static enum fault
allow(int ruleset, const struct jail *j, const struct ruleset_attr *handled, const struct log *log)
{
	if (j->rights & (JAIL_FILES_READ | JAIL_FILES_WRITE))
		TRY(allow_paths(ruleset, j->read_paths, READING & handled->fs, log));
	if (j->rights & JAIL_FILES_WRITE)
		TRY(allow_paths(ruleset, j->write_paths, WRITING & handled->fs, log));
	if (handled->net && (j->rights & JAIL_CONNECT))
		TRY(allow_any_port(ruleset, log));
	return allow_sanitizers(ruleset, READING & handled->fs, log);
}

enum fault
jail_landlock(const struct jail *j, int abi, const struct log *log)
{
	struct ruleset_attr handled = { 0 };
	size_t size = 0;
	enum fault f;
	int ruleset;

	for (size_t i = 0; i < COUNT(abis) && abis[i].since <= abi; i++) {
		handled.fs |= abis[i].adds.fs;
		handled.net |= abis[i].adds.net;
		handled.scoped |= abis[i].adds.scoped;
		size = abis[i].attr_size;
	}
	if (size == 0)
		return OK;
	if (j->rights & JAIL_CONNECT)
		handled.net &= ~(uint64_t)NET_CONNECT_TCP;
	ruleset = (int)syscall(CALL_CREATE_RULESET, &handled, size, 0);
	if (ruleset < 0)
		return jail_failed(log, "landlock-ruleset", "", errno);
	f = allow(ruleset, j, &handled, log);
	if (f == OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		f = jail_failed(log, "no-new-privs", "", errno);
	if (f == OK && syscall(CALL_RESTRICT_SELF, ruleset, 0) != 0)
		f = jail_failed(log, "landlock-restrict", "", errno);
	close(ruleset);
	return f;
}
