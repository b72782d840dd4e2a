#include "rt/jail_own.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { FILES = JAIL_FILES_READ | JAIL_FILES_WRITE };

/* clang-format off */

/* Memory, time, descriptors that are open already, waiting for them, and ending. */
static const int always[] = {
	SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munmap),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep),
	SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getrusage),
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(preadv2), SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(sendfile), SCMP_SYS(close), SCMP_SYS(dup),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(shutdown),
	SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(eventfd2), SCMP_SYS(signalfd4),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_gettime), SCMP_SYS(timerfd_settime),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
	SCMP_SYS(futex), SCMP_SYS(membarrier), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list), SCMP_SYS(getcpu),
	SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};
static const int files[] = { /* metadata; where, is Landlock's to say */
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(getdents64), SCMP_SYS(fadvise64), SCMP_SYS(readahead),
};
static const int files_write[] = {
	SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(pwritev2), SCMP_SYS(copy_file_range),
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(msync),
	SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(flock),
	SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
};
static const int accepting[] = { SCMP_SYS(accept), SCMP_SYS(accept4) };
static const int connecting[] = { SCMP_SYS(connect) };
static const int binding[] = { SCMP_SYS(bind) };

/* Names of files where none may be opened: libraries ask for them now and then (a locale, a charset) and can do without. */
static const int names[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
};


/* A filter does not see the flags of clone3, which are in memory: the C library is told that there is none, and takes clone. */
static const int threads[] = { SCMP_SYS(clone3) };

#if JAIL_SANITIZED
/* The search for leaks traces us and reads /proc. Forks and programs (a symbolizer) fail, so that the report goes on without. */
static const int sanitizers[] = {
	SCMP_SYS(ptrace), SCMP_SYS(wait4), SCMP_SYS(process_vm_readv), SCMP_SYS(pipe2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(getdents), SCMP_SYS(getrlimit), SCMP_SYS(getcwd),
};
static const int programs[] = { SCMP_SYS(execve), SCMP_SYS(fork), SCMP_SYS(vfork) };
#endif

static const struct {
	unsigned with;    /* one of these rights, or 0: always */
	unsigned without; /* none of these */
	uint32_t action;
	const int *calls;
	size_t n;
} groups[] = {
	{ 0,                0,            SCMP_ACT_ALLOW,         always,      COUNT(always) },
	{ FILES,            0,            SCMP_ACT_ALLOW,         files,       COUNT(files) },
	{ JAIL_FILES_WRITE, 0,            SCMP_ACT_ALLOW,         files_write, COUNT(files_write) },
	{ JAIL_ACCEPT,      0,            SCMP_ACT_ALLOW,         accepting,   COUNT(accepting) },
	{ JAIL_CONNECT | JAIL_CONNECT_LOCAL, 0, SCMP_ACT_ALLOW,   connecting,  COUNT(connecting) },
	{ JAIL_CONNECT,     0,            SCMP_ACT_ALLOW,         binding,     COUNT(binding) },
	{ 0,                FILES,        SCMP_ACT_ERRNO(EACCES), names,       COUNT(names) },
	{ JAIL_THREADS,     0,            SCMP_ACT_ERRNO(ENOSYS), threads,     COUNT(threads) },
#if JAIL_SANITIZED
	{ 0,                0,            SCMP_ACT_ALLOW,         sanitizers,  COUNT(sanitizers) },
	{ 0,                0,            SCMP_ACT_ERRNO(EPERM),  programs,    COUNT(programs) },
#endif
};

enum { OPEN_TO_CHANGE = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY) };
#define SPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define OWN_PID 0xffffffff /* stands for this process's number */

#define IS(arg, value)         { arg, SCMP_CMP_MASKED_EQ, 0xffffffff, value } /* an int: the kernel looks at no more */
#define IS_NULL(arg)           { arg, SCMP_CMP_EQ, 0, 0 }
#define BITS(arg, mask, value) { arg, SCMP_CMP_MASKED_EQ, mask, value }

/* Calls that depend on an argument. */
static const struct {
	unsigned with, without;
	uint32_t action;
	int call;
	struct scmp_arg_cmp when;
} conditions[] = {
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(mmap),     BITS(2, PROT_EXEC, 0) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), BITS(2, PROT_EXEC, 0) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(tgkill),   IS(0, OWN_PID) }, /* abort, raise */
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), IS_NULL(2) },    /* asking only */
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(prctl), IS(0, PR_SET_NAME) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(prctl), IS(0, PR_GET_NAME) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(prctl), IS(0, 0x53564d41) }, /* PR_SET_VMA: newer C libraries name their memory */
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), IS(1, FIONREAD) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), IS(1, FIONBIO) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), IS(1, SIOCOUTQ) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), IS(1, 0x5401) },     /* TCGETS: isatty */
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_GETFD) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_SETFD) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_GETFL) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_SETFL) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_DUPFD_CLOEXEC) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_GETLK) },    /* LMDB's readers have a lock, too */
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_SETLK) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_SETLKW) },
	{ 0, 0, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), IS(1, F_GET_SEALS) },

	{ 0, FILES, SCMP_ACT_ALLOW,         SCMP_SYS(newfstatat), BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH) }, /* fstat in disguise */
	{ 0, FILES, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), BITS(3, AT_EMPTY_PATH, 0) },

	{ JAIL_FILES_READ, JAIL_FILES_WRITE, SCMP_ACT_ALLOW,         SCMP_SYS(open),   BITS(1, OPEN_TO_CHANGE, O_RDONLY) },
	{ JAIL_FILES_READ, JAIL_FILES_WRITE, SCMP_ACT_ALLOW,         SCMP_SYS(openat), BITS(2, OPEN_TO_CHANGE, O_RDONLY) },
	{ JAIL_FILES_READ, JAIL_FILES_WRITE, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), BITS(2, O_WRONLY, O_WRONLY) },
	{ JAIL_FILES_READ, JAIL_FILES_WRITE, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), BITS(2, O_RDWR, O_RDWR) },
	{ JAIL_FILES_READ, JAIL_FILES_WRITE, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), BITS(2, O_CREAT, O_CREAT) },
	{ JAIL_FILES_READ, JAIL_FILES_WRITE, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), BITS(2, O_TRUNC, O_TRUNC) },

	{ JAIL_CONNECT, 0, SCMP_ACT_ALLOW, SCMP_SYS(socket), IS(0, AF_INET) },
	{ JAIL_CONNECT, 0, SCMP_ACT_ALLOW, SCMP_SYS(socket), IS(0, AF_INET6) },
	{ JAIL_CONNECT_LOCAL, 0, SCMP_ACT_ALLOW, SCMP_SYS(socket), IS(0, AF_UNIX) },
	{ JAIL_PAIRS,   0, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), IS(0, AF_UNIX) },

	/* A thread, never a process, never a namespace. */
	{ JAIL_THREADS, 0, SCMP_ACT_ALLOW, SCMP_SYS(clone), BITS(0, CLONE_VM | CLONE_THREAD | SPACES, CLONE_VM | CLONE_THREAD) },

#if JAIL_SANITIZED
	{ 0, 0, SCMP_ACT_ALLOW,        SCMP_SYS(clone), BITS(0, CLONE_VM | CLONE_THREAD, CLONE_VM) },
	{ 0, 0, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), BITS(0, CLONE_VM, 0) },
	{ 0, 0, SCMP_ACT_ALLOW,        SCMP_SYS(prctl), IS(0, PR_SET_DUMPABLE) },
	{ 0, 0, SCMP_ACT_ALLOW,        SCMP_SYS(prctl), IS(0, PR_GET_DUMPABLE) },
	{ 0, 0, SCMP_ACT_ALLOW,        SCMP_SYS(prctl), IS(0, PR_SET_PTRACER) },
	{ 0, 0, SCMP_ACT_ALLOW,        SCMP_SYS(prctl), IS(0, PR_SET_PDEATHSIG) },
#endif
};
/* clang-format on */

static bool
applies(unsigned rights, unsigned with, unsigned without)
{
	return (with == 0 || (rights & with) != 0) && (rights & without) == 0;
}

static int
add_groups(scmp_filter_ctx filter, unsigned rights)
{
	int rc;

	for (size_t i = 0; i < COUNT(groups); i++)
		for (size_t k = 0; applies(rights, groups[i].with, groups[i].without) && k < groups[i].n;
			k++) {
			rc = seccomp_rule_add(filter, groups[i].action, groups[i].calls[k], 0);
			if (rc != 0)
				return rc;
		}
	return 0;
}

static int
add_conditions(scmp_filter_ctx filter, unsigned rights)
{
	for (size_t i = 0; i < COUNT(conditions); i++) {
		struct scmp_arg_cmp when = conditions[i].when;
		int rc;

		if (!applies(rights, conditions[i].with, conditions[i].without))
			continue;
		if (conditions[i].call == SCMP_SYS(tgkill) && when.datum_b == OWN_PID)
			when.datum_b = (scmp_datum_t)getpid();
		rc = seccomp_rule_add_array(filter, conditions[i].action, conditions[i].call, 1, &when);
		if (rc != 0)
			return rc;
	}
	return 0;
}

#if JAIL_SANITIZED
/* In a build for developers the forbidden call is named before it ends the process. */
static void
on_forbidden(int signo, siginfo_t *info, void *ctx)
{
	static const char text[] = "jail: forbidden system call ";
	char digits[12];
	size_t at = sizeof(digits);
	int n = info->si_syscall;

	(void)ctx;
	digits[--at] = '\n';
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0 &&
		write(STDERR_FILENO, digits + at, sizeof(digits) - at) > 0)
		raise(signo);
	_exit(128 + signo);
}

static uint32_t
forbidden_action(void)
{
	struct sigaction action = { .sa_sigaction = on_forbidden,
		.sa_flags = SA_SIGINFO | SA_NODEFER | (int)SA_RESETHAND };

	sigaction(SIGSYS, &action, NULL);
	return SCMP_ACT_TRAP;
}
#else
static uint32_t
forbidden_action(void)
{
	return SCMP_ACT_KILL_PROCESS;
}
#endif

enum fault
jail_seccomp(const struct jail *j, const struct log *log)
{
	/* The sanitizers' runtime reads files; which, is Landlock's to say. */
	unsigned rights = j->rights | (JAIL_SANITIZED ? JAIL_FILES_READ : 0);
	scmp_filter_ctx filter = seccomp_init(forbidden_action());
	const char *step = "seccomp-attributes";
	int rc;

	if (!filter)
		return jail_failed(log, "seccomp-init", "", ENOMEM);
	rc = seccomp_attr_set(
		filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS); /* 32-bit calls on a 64-bit kernel */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* threads that run already, too */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
	if (rc == 0) {
		step = "seccomp-rules";
		rc = add_groups(filter, rights);
	}
	if (rc == 0)
		rc = add_conditions(filter, rights);
	if (rc == 0) {
		step = "seccomp-load";
		rc = seccomp_load(filter);
	}
	seccomp_release(filter);
	return rc == 0 ? OK : jail_failed(log, step, "", -rc);
}
