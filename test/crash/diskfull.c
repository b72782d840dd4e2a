/* test/crash/diskfull.c - no room, or a write that fails, at each write in turn: a clear refusal, nothing lost, and service goes on
 *	diskfull [-s SEED] [-b BATCHES] [-e EVERY] FOLDER
 * The load of load.h runs once without faults to count the writes; then again and again, each time with another write failing with ENOSPC or EIO, once or
 * several times on end. What was refused must not be there, what was promised must. Where the store cannot know what is on the disk (a flush of the
 * index that failed) it ends, by design: then the next start is judged. Exit 0: so it was. */
#include "test/crash/disk.h"
#include "test/crash/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* In a child: the load with the n-th write failing. */
static int
run(const char *dir, unsigned batches, size_t n, size_t count, int error)
{
	unsigned refused = 0;

	disk_record(dir);
	if (n)
		disk_fail_writes(n, count, error);
	load_run(dir, batches, &refused);
	if (!n)
		printf("%zu\n", disk_writes());
	disk_stop();
	return 0;
}

/* In a child, with a disk that works again: what does the next start find? */
static int
start_again(const char *dir)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct store_settings set = load_settings(dir);
		struct log nobody = { 0 };
		struct store *s;
		int broken;

		if (store_open(&set, &nobody, &s) != OK || store_commit(s) != OK)
			_exit(1);
		broken = load_judge(dir, SIZE_MAX);
		store_close(s);
		_exit(broken ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(2);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int
in_child(const char *dir, unsigned long seed, unsigned batches, size_t n, size_t count, int error)
{
	int status;
	pid_t pid;

	load_clear(dir);
	load_begin(seed);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int r = run(dir, batches, n, count, error);
		fflush(stdout);
		_exit(r);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(2);
	if (WIFEXITED(status) && (WEXITSTATUS(status) == EX_OK || WEXITSTATUS(status) == EXIT_FAILURE ||
					 WEXITSTATUS(status) == EX_IOERR))
		return start_again(dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

int
main(int argc, char **argv)
{
	static const int errors[] = { ENOSPC, EIO };
	static const size_t counts[] = { 1, 3 };
	unsigned long seed = 1, batches = 20, every = 1;
	size_t writes = 0, bad = 0, runs = 0;
	char dir[512];
	int o, out[2], saved;

	while ((o = getopt(argc, argv, "s:b:e:")) >= 0) {
		unsigned long v = strtoul(optarg ? optarg : "0", NULL, 10);
		if (o == 's')
			seed = v;
		else if (o == 'b')
			batches = v;
		else if (o == 'e')
			every = v ? v : 1;
		else
			return 2;
	}
	if (optind != argc - 1)
		return 2;
	snprintf(dir, sizeof(dir), "%s/diskfull.%d", argv[optind], (int)getpid());
	/* the first run tells how many writes there are */
	saved = dup(STDOUT_FILENO);
	if (saved < 0 || pipe(out) != 0 || dup2(out[1], STDOUT_FILENO) < 0)
		return 2;
	if (in_child(dir, seed, (unsigned)batches, 0, 0, 0) != 0) {
		fprintf(stderr, "the load fails without any fault\n");
		return 1;
	}
	(void)dup2(saved, STDOUT_FILENO);
	(void)close(out[1]);
	{
		FILE *f = fdopen(out[0], "r");
		if (!f || fscanf(f, "%zu", &writes) != 1)
			return 2;
		fclose(f);
	}
	for (size_t n = 20; n <= writes && bad < 5;
		n += every) { /* the first ones make the store: then it does not open, and says so */
		int error = errors[n / every % 2];
		size_t count = counts[n / every / 2 % 2];

		runs++;
		if (in_child(dir, seed, (unsigned)batches, n, count, error) != 0) {
			bad++;
			fprintf(stderr, "write %zu of %zu failing %zu times with %s: broken\n", n, writes,
				count, strerrorname_np(error));
		}
	}
	load_clear(dir);
	(void)rmdir(dir);
	printf("%zu writes, %zu runs with a failing one, %zu broken\n", writes, runs, bad);
	return bad ? 1 : 0;
}
