/* rt/jail_deeds.h - what the tests of the jail try to do in it, and the world they try it on
 * A deed gives 0 when it worked, errno otherwise. To be included after test/t.h. */
#ifndef RT_JAIL_DEEDS_H
#define RT_JAIL_DEEDS_H

#include "base/mem.h"
#include "rt/jail_own.h"
#include "rt/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <dirent.h>

/* ---- the world outside, made before the jail closes ---- */

static struct world {
	char dir[64], in[96], out[96], in_file[128], out_file[128], new_file[128], hidden[128];
	int listener, pair[2], existing; /* existing: open for writing */
	struct sockaddr_in at;
	MDB_env *lmdb;
	MDB_dbi dbi;
	struct tls_server *tls_server;
	struct tls_client *tls_client;
	struct tls_key *tls_key;
} w;

static enum fault
sign(void *ctx, const struct tls_sign *what, struct buf *ret)
{
	return tls_key_sign(ctx, what->how, what->data, ret);
}

static void
make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	CHECK(fd >= 0 && write(fd, "hello", 5) == 5 && fchmod(fd, 0666) == 0);
	close(fd);
}

static bool
make_lmdb(void)
{
	MDB_val key = { 3, (void *)"key" }, value = { 5, (void *)"value" };
	char path[128];
	MDB_txn *txn;

	snprintf(path, sizeof(path), "%s/lmdb", w.out);
	return mdb_env_create(&w.lmdb) == 0 && mdb_env_open(w.lmdb, path, MDB_NOSUBDIR, 0666) == 0 &&
	       mdb_txn_begin(w.lmdb, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &w.dbi) == 0 &&
	       mdb_put(txn, w.dbi, &key, &value, 0) == 0 && mdb_txn_commit(txn) == 0;
}

static void
make_tls(void)
{
	struct buf cert = { 0 }, key = { 0 }, why = { 0 };
	struct tls_settings s = { .cert_count = 1, .least_version = 0x0303 };
	struct tls_cert c;

	CHECK(tls_self_signed(S("a.test"), 1, (int64_t)time(NULL) * 1000, &cert, &key) == OK);
	CHECK(tls_key_new(buf_str(&key), buf_str(&cert), &why, &w.tls_key) == OK);
	c = (struct tls_cert){ buf_str(&cert), 0 };
	s.certs = &c;
	CHECK(tls_server_new(&s, sign, w.tls_key, &why, &w.tls_server) == OK);
	w.tls_client = tls_client_new(true, NULL, &why);
	CHECK(w.tls_client);
	buf_done(&cert);
	buf_done(&key);
}

static int
set_up(void **state)
{
	socklen_t n = sizeof(w.at);

	(void)state;
	snprintf(w.dir, sizeof(w.dir), "/tmp/postrider-jail-test-XXXXXX");
	CHECK(mkdtemp(w.dir) && chmod(w.dir, 0777) == 0);
	snprintf(w.in, sizeof(w.in), "%s/in", w.dir);
	snprintf(w.out, sizeof(w.out), "%s/out", w.dir);
	snprintf(w.in_file, sizeof(w.in_file), "%s/file", w.in);
	snprintf(w.new_file, sizeof(w.new_file), "%s/new", w.in);
	snprintf(w.out_file, sizeof(w.out_file), "%s/file", w.out);
	snprintf(w.hidden, sizeof(w.hidden), "%s/hidden", w.dir);
	CHECK(mkdir(w.in, 0777) == 0 && chmod(w.in, 0777) == 0 && mkdir(w.out, 0777) == 0 &&
		chmod(w.out, 0777) == 0);
	make_file(w.in_file);
	make_file(w.out_file);
	make_file(w.hidden);
	w.existing = open(w.out_file, O_RDWR | O_APPEND | O_CLOEXEC);
	w.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	w.at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK(bind(w.listener, (struct sockaddr *)&w.at, n) == 0 && listen(w.listener, 64) == 0);
	CHECK(getsockname(w.listener, (struct sockaddr *)&w.at, &n) == 0);
	make_tls();
	return 0;
}

static void
remove_dir(const char *path)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

static int
tear_down(void **state)
{
	(void)state;
	tls_server_free(w.tls_server);
	tls_client_free(w.tls_client);
	tls_key_free(w.tls_key);
	remove_dir(w.in);
	remove_dir(w.out);
	remove_dir(w.dir);
	return 0;
}

/* ---- one deed in one jail ---- */

enum { AS_IT_IS = -1 }; /* Landlock's ABI */

/* What became of the child: 0, its errno, or 1000 + the signal that ended it. */
enum { SIGNALLED = 1000 };

static int
fate(const struct jail *jail, int abi, bool as_nobody, int (*deed)(void))
{
	const struct log log = { 0 };
	int status;
	pid_t pid;

	fflush(stdout); /* or a child that ends in order says it again */
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w.pair) != 0 || !make_lmdb())
			_exit(202);
		if (as_nobody && jail_drop_to("nobody", &log) != OK)
			_exit(200);
		if (abi == AS_IT_IS ? jail_close(jail, &log) != OK
				    : jail_landlock(jail, abi, &log) != OK || jail_seccomp(jail, &log) != OK)
			_exit(201);
		errno = 0;
		_exit(deed());
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

static int
outcome(bool ok)
{
	return ok ? 0 : errno ? errno : 255;
}

/* ---- deeds ---- */

static int
uses_memory(void)
{
	char *p = malloc(20 << 20), *q;

	p = realloc(p, 40 << 20);
	memset(p, 1, 1 << 20);
	q = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	free(p);
	return outcome(q != MAP_FAILED && mprotect(q, 4096, PROT_NONE) == 0 &&
		       madvise(q, 1 << 20, MADV_DONTNEED) == 0 && munmap(q, 1 << 20) == 0);
}

static int
waits_for_events(void)
{
	struct itimerspec soon = { .it_value = { 0, 1000000 } };
	int ep = epoll_create1(EPOLL_CLOEXEC), ev = eventfd(1, EFD_CLOEXEC),
	    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN }, got[2];
	uint64_t n;

	return outcome(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e) == 0 && epoll_wait(ep, got, 2, 100) == 1 &&
		       read(ev, &n, 8) == 8 && timerfd_settime(timer, 0, &soon, NULL) == 0 &&
		       epoll_ctl(ep, EPOLL_CTL_ADD, timer, &e) == 0 && epoll_wait(ep, got, 2, 1000) == 1);
}

static int
passes_a_descriptor(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char c = 'x';
	struct iovec v = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};

	control.head = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS
	};
	memcpy(CMSG_DATA(&control.head), &w.listener, sizeof(int));
	return outcome(
		sendmsg(w.pair[0], &m, MSG_NOSIGNAL) == 1 && recvmsg(w.pair[1], &m, MSG_CMSG_CLOEXEC) == 1);
}

static int
speaks_tls(void)
{
	struct tls *server = tls_accept_new(w.tls_server, w.pair[0]),
		   *client = tls_connect_new(w.tls_client, w.pair[1], S("a.test"));
	int r = -1, r2 = -1;
	char got[8];

	for (int i = 0; i < 10 && (r == -1 || r2 == -1); i++) {
		r = tls_handshake(client);
		r2 = tls_handshake(server);
	}
	if (r != 1 || r2 != 1 || tls_write(client, "hello", 5) != 5 || tls_read(server, got, 8) != 5)
		return 255;
	tls_close(client);
	tls_close(server);
	return 0;
}

static int
by_size(const void *a, const void *b)
{
	return memcmp(a, b, 64);
}

static int
computes(void)
{
	char *many = calloc(10000, 64), some[16];
	struct timespec t = { 0, 1000 };

	qsort(many, 10000, 64, by_size); /* asks for the size of memory */
	free(many);
	return outcome(getrandom(some, sizeof(some), 0) == sizeof(some) &&
		       clock_gettime(CLOCK_REALTIME, &t) == 0 &&
		       nanosleep(&(struct timespec){ 0, 1000 }, NULL) == 0 && getpid() > 1 &&
		       isatty(w.pair[0]) == 0 && prctl(PR_SET_NAME, "jailed") == 0);
}

static int
looks_at_open_descriptors(void)
{
	struct stat st;
	int value = 1;
	socklen_t n = sizeof(value);

	return outcome(fstat(w.existing, &st) == 0 && st.st_size >= 5 &&
		       lseek(w.existing, 0, SEEK_SET) == 0 && fcntl(w.existing, F_GETFL) >= 0 &&
		       getsockopt(w.pair[0], SOL_SOCKET, SO_ERROR, &value, &n) == 0 &&
		       shutdown(w.pair[0], SHUT_WR) == 0);
}

static int
aborts(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

static int
ends_in_order(void)
{
	exit(0); /* with the sanitizers' search for leaks */
}

static int
opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);
	char c;

	if (fd < 0)
		return outcome(false);
	return outcome((flags & O_ACCMODE) == O_WRONLY ? write(fd, "x", 1) == 1 : read(fd, &c, 1) >= 0);
}

static int
reads_inside(void)
{
	return opened(w.in_file, O_RDONLY);
}

static int
lists_inside(void)
{
	DIR *d = opendir(w.in);
	struct stat st;
	int n = 0;

	while (d && readdir(d))
		n++;
	return outcome(n == 3 && stat(w.in_file, &st) == 0);
}

static int
reads_outside(void)
{
	return opened(w.hidden, O_RDONLY);
}

static int
reads_passwd(void)
{
	return opened("/etc/passwd", O_RDONLY);
}

static int
writes_where_it_reads(void)
{
	return opened(w.in_file, O_WRONLY);
}

static int
creates_where_it_reads(void)
{
	return opened(w.new_file, O_WRONLY | O_CREAT);
}

static int
truncates_where_it_reads(void)
{
	return opened(w.in_file, O_RDONLY | O_TRUNC);
}

static int
writes_outside(void)
{
	return opened(w.hidden, O_WRONLY);
}

static int
unlinks_outside(void)
{
	return outcome(unlink(w.hidden) == 0);
}

static int
appends_durably(void)
{
	return outcome(write(w.existing, "more", 4) == 4 && fdatasync(w.existing) == 0 &&
		       opened(w.out_file, O_WRONLY | O_APPEND) == 0);
}

static int
makes_links_and_renames(void)
{
	char sub[128], a[160], b[160], c[160];

	snprintf(sub, sizeof(sub), "%s/sub", w.out);
	snprintf(a, sizeof(a), "%s/a", w.out);
	snprintf(b, sizeof(b), "%s/b", w.out);
	snprintf(c, sizeof(c), "%s/c", w.out);
	return outcome(opened(a, O_WRONLY | O_CREAT | O_EXCL) == 0 && link(a, b) == 0 && rename(b, c) == 0 &&
		       unlink(a) == 0 && unlink(c) == 0 && mkdir(sub, 0700) == 0 && rmdir(sub) == 0);
}

static int
links_into_another_folder(void)
{
	char sub[128], a[160], b[160];
	int said;

	snprintf(sub, sizeof(sub), "%s/sub", w.out);
	snprintf(a, sizeof(a), "%s/a", w.out);
	snprintf(b, sizeof(b), "%s/b", sub);
	if (opened(a, O_WRONLY | O_CREAT | O_EXCL) != 0 || mkdir(sub, 0700) != 0)
		return 255;
	said = outcome(link(a, b) == 0);
	unlink(a);
	unlink(b);
	rmdir(sub);
	return said;
}

static int
makes_a_large_file(void)
{
	char path[160];
	int fd, ok;

	snprintf(path, sizeof(path), "%s/large", w.out);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok = fd >= 0 && fallocate(fd, 0, 0, 1 << 20) == 0 && ftruncate(fd, 4096) == 0 &&
	     pwrite(fd, "x", 1, 4095) == 1 && fsync(fd) == 0;
	unlink(path);
	return outcome(ok);
}

static int
reads_lmdb(void)
{
	MDB_val key = { 3, (void *)"key" }, value;
	MDB_txn *txn;
	int dead;
	bool ok = mdb_txn_begin(w.lmdb, NULL, MDB_RDONLY, &txn) == 0 &&
		  mdb_get(txn, w.dbi, &key, &value) == 0 && value.mv_size == 5;

	mdb_txn_abort(txn);
	return ok && mdb_reader_check(w.lmdb, &dead) == 0 ? 0 : 255;
}

static int
writes_lmdb(void)
{
	MDB_val key = { 4, (void *)"key2" }, value = { 5, (void *)"value" };
	MDB_txn *txn;

	return mdb_txn_begin(w.lmdb, NULL, 0, &txn) == 0 && mdb_put(txn, w.dbi, &key, &value, 0) == 0 &&
			       mdb_txn_commit(txn) == 0
		       ? 0
		       : 255;
}

static int
executes(void)
{
	char *const argv[] = { (char *)"true", NULL };

	return outcome(execve("/bin/true", argv, environ) == 0);
}

static int
forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return outcome(pid > 0);
}

static int
makes_an_inet_socket(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int
makes_a_unix_socket(void)
{
	return outcome(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static int
makes_a_netlink_socket(void)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
}

static int
makes_a_pair(void)
{
	int fds[2];

	return outcome(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
}

static int
connects(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return outcome(connect(fd, (struct sockaddr *)&w.at, sizeof(w.at)) == 0);
}

static int
connects_from(in_port_t port)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return outcome(bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0 &&
		       connect(fd, (struct sockaddr *)&w.at, sizeof(w.at)) == 0);
}

static int
connects_from_an_address(void)
{
	return connects_from(0);
}

static int
connects_from_a_port(void)
{
	return connects_from(48732);
}

static int
accepts(void)
{
	return outcome(accept4(w.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) >= 0);
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
starts_a_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, nothing, NULL);
	return outcome(errno == 0 && pthread_join(t, NULL) == 0);
}

static int
makes_code_by_mmap(void)
{
	return outcome(
		mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int
makes_code_by_mprotect(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0);
}

static int
kills_its_parent(void)
{
	return outcome(kill(getppid(), 0) == 0);
}

static int
signals_its_parent(void)
{
	return outcome(syscall(SYS_tgkill, getppid(), getppid(), 0) == 0);
}

static int
owns_a_signal_of_another(void)
{
	return outcome(fcntl(w.pair[0], F_SETOWN, getppid()) == 0);
}

static int
traces_its_parent(void)
{
	return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0);
}

static int
reads_its_parents_memory(void)
{
	char here[8];
	struct iovec local = { here, sizeof(here) }, remote = { &w, sizeof(here) };

	return outcome(syscall(SYS_process_vm_readv, getppid(), &local, 1, &remote, 1, 0) > 0);
}

static int
becomes_root(void)
{
	return outcome(setuid(0) == 0);
}

static int
leaves_its_namespaces(void)
{
	return outcome(unshare(CLONE_NEWUSER) == 0);
}

static int
sets_up_a_ring(void)
{
	char params[120] = { 0 };

	return outcome(syscall(425 /* io_uring_setup */, 4, params) >= 0);
}

static int
raises_its_limits(void)
{
	return outcome(syscall(SYS_prlimit64, 0, 4, &(uint64_t[2]){ 1, 1 }, NULL) == 0);
}

static int
types_into_its_terminal(void)
{
	return outcome(syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x") == 0);
}

#ifdef __x86_64__
static int
calls_as_a_32_bit_program(void)
{
	long pid = 20; /* getpid there */

	__asm__ volatile("int $0x80" : "+a"(pid) : : "memory", "r8", "r9", "r10", "r11");
	return 0;
}

static int
calls_as_an_x32_program(void)
{
	return outcome(syscall(0x40000000L + SYS_getpid) > 0);
}
#endif

#endif
