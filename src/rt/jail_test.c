#include "test/t.h"

#include "rt/jail_deeds.h"

/* ---- what works and what does not ---- */

enum {
	ENDED = SIGNALLED + SIGSYS,
	REFUSED = -1, /* EACCES by Landlock, where the kernel has it */
	HIDDEN = -2,  /* EACCES by seccomp; in sanitizers' builds by Landlock, where the kernel has it */
	STOPPED = -3, /* the process is ended; sanitizers' builds may refuse instead */
};
static const struct {
	unsigned rights;
	int (*deed)(void);
	int fate;
	int least_abi; /* for REFUSED */
} deeds[] = {
	{ 0, uses_memory, 0, 0 },
	{ 0, waits_for_events, 0, 0 },
	{ 0, passes_a_descriptor, 0, 0 },
	{ 0, speaks_tls, 0, 0 },
	{ 0, computes, 0, 0 },
	{ 0, looks_at_open_descriptors, 0, 0 },
	{ 0, reads_lmdb, 0, 0 },
	{ 0, ends_in_order, 0, 0 },
	{ 0, aborts, SIGNALLED + SIGABRT, 0 },

	{ 0, reads_passwd, HIDDEN, 0 },
	{ 0, reads_inside, HIDDEN, 0 },
	{ 0, executes, STOPPED, 0 },
	{ 0, forks, STOPPED, 0 },
	{ 0, starts_a_thread, STOPPED, 0 },
	{ 0, makes_an_inet_socket, ENDED, 0 },
	{ 0, makes_a_unix_socket, ENDED, 0 },
	{ 0, makes_a_pair, ENDED, 0 },
	{ 0, accepts, ENDED, 0 },
	{ 0, makes_code_by_mmap, ENDED, 0 },
	{ 0, makes_code_by_mprotect, ENDED, 0 },
	{ 0, kills_its_parent, ENDED, 0 },
	{ 0, signals_its_parent, ENDED, 0 },
	{ 0, owns_a_signal_of_another, ENDED, 0 },
	{ 0, traces_its_parent, STOPPED, 0 },
	{ 0, reads_its_parents_memory, STOPPED, 0 },
	{ 0, becomes_root, ENDED, 0 },
	{ 0, leaves_its_namespaces, ENDED, 0 },
	{ 0, sets_up_a_ring, ENDED, 0 },
	{ 0, raises_its_limits, ENDED, 0 },
	{ 0, types_into_its_terminal, ENDED, 0 },
	{ 0, appends_durably, ENDED, 0 },
	{ 0, unlinks_outside, ENDED, 0 },
#ifdef __x86_64__
	{ 0, calls_as_a_32_bit_program, STOPPED, 0 },
	{ 0, calls_as_an_x32_program, ENDED, 0 },
#endif

	{ JAIL_FILES_READ, reads_inside, 0, 0 },
	{ JAIL_FILES_READ, lists_inside, 0, 0 },
	{ JAIL_FILES_READ, reads_lmdb, 0, 0 },
	{ JAIL_FILES_READ, reads_outside, REFUSED, 1 },
	{ JAIL_FILES_READ, reads_passwd, REFUSED, 1 },
	{ JAIL_FILES_READ, writes_where_it_reads, EACCES, 0 },
	{ JAIL_FILES_READ, creates_where_it_reads, EACCES, 0 },
	{ JAIL_FILES_READ, truncates_where_it_reads, EACCES, 0 },
	{ JAIL_FILES_READ, unlinks_outside, ENDED, 0 },
	{ JAIL_FILES_READ, writes_lmdb, ENDED, 0 },
	{ JAIL_FILES_READ, executes, STOPPED, 0 },

	{ JAIL_FILES_WRITE, appends_durably, 0, 0 },
	{ JAIL_FILES_WRITE, makes_links_and_renames, 0, 0 },
	{ JAIL_FILES_WRITE, links_into_another_folder, 0, 0 },
	{ JAIL_FILES_WRITE, makes_a_large_file, 0, 0 },
	{ JAIL_FILES_WRITE, writes_lmdb, 0, 0 },
	{ JAIL_FILES_WRITE, reads_lmdb, 0, 0 },
	{ JAIL_FILES_WRITE, reads_inside, 0, 0 },
	{ JAIL_FILES_WRITE, writes_where_it_reads, REFUSED, 1 },
	{ JAIL_FILES_WRITE, creates_where_it_reads, REFUSED, 1 },
	{ JAIL_FILES_WRITE, truncates_where_it_reads, REFUSED, 3 },
	{ JAIL_FILES_WRITE, reads_outside, REFUSED, 1 },
	{ JAIL_FILES_WRITE, writes_outside, REFUSED, 1 },
	{ JAIL_FILES_WRITE, unlinks_outside, REFUSED, 1 },
	{ JAIL_FILES_WRITE, executes, STOPPED, 0 },
	{ JAIL_FILES_WRITE, makes_an_inet_socket, ENDED, 0 },

	{ JAIL_CONNECT, connects, 0, 0 },
	{ JAIL_CONNECT, connects_from_an_address, 0, 0 },
	{ JAIL_CONNECT, connects_from_a_port, REFUSED, 4 },
	{ JAIL_CONNECT, makes_a_unix_socket, ENDED, 0 },
	{ JAIL_CONNECT, makes_a_netlink_socket, ENDED, 0 },
	{ JAIL_CONNECT, accepts, ENDED, 0 },
	{ JAIL_CONNECT | JAIL_ACCEPT, accepts, 0, 0 },
	{ JAIL_ACCEPT, makes_an_inet_socket, ENDED, 0 },
	{ JAIL_PAIRS, makes_a_pair, 0, 0 },
	{ JAIL_PAIRS, makes_a_unix_socket, ENDED, 0 },
	{ JAIL_CONNECT_LOCAL, makes_a_unix_socket, 0, 0 },
	{ JAIL_CONNECT_LOCAL, makes_an_inet_socket, ENDED, 0 },
	{ JAIL_CONNECT_LOCAL, makes_a_netlink_socket, ENDED, 0 },
	{ JAIL_THREADS, starts_a_thread, 0, 0 },
	{ JAIL_THREADS, forks, STOPPED, 0 },
	{ JAIL_THREADS, executes, STOPPED, 0 },
};

static bool
as_wanted(int got, int wanted, int least_abi, int abi)
{
	if (wanted == REFUSED)
		return abi < least_abi || got == EACCES;
	if (wanted == HIDDEN)
		return (JAIL_SANITIZED && abi < 1) || got == EACCES;
	if (wanted == STOPPED)
		return JAIL_SANITIZED ? got != 0 : got == ENDED || got == SIGNALLED + SIGSEGV;
	return got == wanted;
}

static void
knock(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&w.at, sizeof(w.at)) == 0);
	close(fd);
}

/* rights: only the deeds of jails that have one of these; 0 = all. */
static void
check_deeds(unsigned rights, int abi, bool as_nobody)
{
	const char *const in[] = { w.in, NULL }, *const out[] = { w.out, NULL };
	int seen_abi = abi == AS_IT_IS ? jail_landlock_abi() : abi;

	EACH(deeds, c) {
		struct jail jail = { c->rights, in, out };
		int got;

		if (rights && !(c->rights & rights))
			continue;
		if (c->deed == links_into_another_folder && seen_abi == 1)
			continue; /* the first ABI forbids that everywhere */
		if (JAIL_SANITIZED && seen_abi < 1 &&
			(c->deed == traces_its_parent || c->deed == reads_its_parents_memory))
			continue; /* the search for leaks must, and only Landlock says whom */
		if (c->deed == accepts)
			knock();
		got = fate(&jail, abi, as_nobody, c->deed);
		make_file(w.hidden); /* where nothing forbade to remove it */
		unlink(w.new_file);
		if (!as_wanted(got, c->fate, c->least_abi, seen_abi)) {
			fprintf(stderr, "deed %zu, rights %u, ABI %d, %s: %d, not %d\n", c_i, c->rights,
				seen_abi, as_nobody ? "nobody" : "as started", got, c->fate);
			t_fail(__FILE__, __LINE__, "fate");
		}
	}
}

static void
the_jail_permits_what_its_rights_say_and_nothing_else(void **state)
{
	(void)state;
	check_deeds(0, AS_IT_IS, false);
}

static void
it_does_so_for_an_ordinary_user(void **state)
{
	(void)state;
	if (geteuid() == 0) /* or the test above was it */
		check_deeds(0, AS_IT_IS, true);
}

static void
it_does_what_an_older_kernel_can(void **state)
{
	(void)state;
	for (int abi = 0; abi < jail_landlock_abi(); abi++)
		check_deeds(JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_CONNECT, abi, false);
}

static void *
makes_a_socket_when_told(void *arg)
{
	int *pair = arg;
	char c;

	if (read(pair[0], &c, 1) == 1 && makes_an_inet_socket() == 0)
		_exit(0);
	_exit(1);
}

static void
threads_that_ran_before_are_jailed_too(void **state)
{
	const struct jail jail = { 0 };
	const struct log log = { 0 };
	int status, pair[2];
	pthread_t t;
	pid_t pid;

	(void)state;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		if (pthread_create(&t, NULL, makes_a_socket_when_told, pair) != 0 ||
			jail_close(&jail, &log) != OK)
			_exit(2);
		if (write(pair[1], "x", 1) == 1)
			pthread_join(t, NULL);
		_exit(3);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGSYS);
	close(pair[0]);
	close(pair[1]);
}

static void
a_missing_path_is_logged(void **state)
{
	const char *const paths[] = { "/nowhere/at/all", NULL };
	const struct jail jail = { JAIL_FILES_READ, paths, NULL };
	char text[512] = "";
	struct log_sink sink = { .fd = memfd_create("log", MFD_CLOEXEC), .role = "test" };
	struct log log = { .sink = &sink };
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		_exit(jail_close(&jail, &log) == INTERNAL ? 0 : 1);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status == 0, jail_landlock_abi() > 0);
	if (status != 0)
		return; /* a kernel without Landlock looks at no path */
	CHECK(pread(sink.fd, text, sizeof(text) - 1, 0) > 0);
	CHECK_C(str_c(text),
		"level=error role=test event=jail-failed step=landlock-path detail=/nowhere/at/all "
		"error=\"No such file or directory\"\n");
	close(sink.fd);
}

/* ---- the user ---- */

/* Drops to first and then to second, in a child. */
static int
dropped(const char *first, const char *second)
{
	const struct log log = { 0 };
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		enum fault f = jail_drop_to(first, &log);

		if (f == OK && (getuid() == 0 || getgroups(0, NULL) != 0 || setuid(0) == 0))
			_exit(255);
		_exit((int)(f == OK && second ? jail_drop_to(second, &log) : f));
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
root_becomes_an_ordinary_user_for_good_who_stays_who_he_is(void **state)
{
	const struct log log = { 0 };

	(void)state;
	if (geteuid() != 0) {
		CHECK_INT(jail_drop_to("no-such-user-here", &log), OK);
		return;
	}
	CHECK_INT(dropped("nobody", NULL), OK);
	CHECK_INT(dropped("no-such-user-here", NULL), NOT_FOUND);
	CHECK_INT(dropped("root", NULL), NOT_PERMITTED);
	CHECK_INT(dropped("nobody", "no-such-user-here"), OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_jail_permits_what_its_rights_say_and_nothing_else),
		T(it_does_so_for_an_ordinary_user),
		T(it_does_what_an_older_kernel_can),
		T(threads_that_ran_before_are_jailed_too),
		T(a_missing_path_is_logged),
		T(root_becomes_an_ordinary_user_for_good_who_stays_who_he_is),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
