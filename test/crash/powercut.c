/* test/crash/powercut.c - the promise, proved: after a power cut at any moment, what was acknowledged is there, intact, once
 *	powercut [-s SEED] [-b BATCHES] [-e EVERY] [-r RESTARTS] FOLDER
 * A mixed load (deliveries to one and several mailboxes, large bodies, flags, expunges, people, index commits, compaction) runs against
 * the real store on a recorded disk (disk.h). Then, for every moment between two disk operations (or each EVERY-th), the disk is made as a power
 * cut would leave it, the store is started on it in a child, and compared with what had been promised by then. For RESTARTS of those the
 * start itself is recorded and cut short, too. Exit 0: no promise was broken. FOLDER should be on a tmpfs. */
#include "test/crash/disk.h"
#include "test/crash/load.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_SECONDS = 20 };

static char folder[400];

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "powercut: %s\n", what);
	exit(1);
}

/* Starts the store on an image, lets it go on a little (what was cut must not poison what comes), and judges. In a child. */
static int
start_and_judge(const char *dir, size_t moment, bool record)
{
	struct store_settings set = load_settings(dir);
	struct log_sink sink = { .fd = 2, .role = "powercut", .least = LOG_ERROR };
	struct store *s;
	int broken;

	(void)alarm(START_SECONDS); /* a start that never ends is broken, too */
	if (record)
		disk_record(dir);
	if (store_open(&set, &(struct log){ .sink = &sink }, &s) != OK) {
		log_flush(&sink);
		fprintf(stderr, "BROKEN: does not start\n");
		return 1;
	}
	if (store_commit(s) != OK) {
		fprintf(stderr, "BROKEN: does not commit\n");
		return 1;
	}
	if (record)
		disk_stop();
	broken = load_judge(dir, moment);
	store_close(s);
	(void)alarm(0); /* whoever goes on from here has his own time */
	return broken ? 1 : 0;
}

static bool
in_child(const char *dir, size_t moment)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(start_and_judge(dir, moment, false));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork");
	if (WIFSIGNALED(status))
		fprintf(stderr, "BROKEN: ends by %s\n", strsignal(WTERMSIG(status)));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The start on this image is cut short itself, at every moment (or so) of its own. */
static bool
restart_cut(const char *dir, size_t moment, uint64_t seed)
{
	char again[512];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		size_t n;

		if (start_and_judge(dir, moment, true) != 0)
			_exit(1);
		n = disk_ops();
		for (size_t k = disk_base(); k <= n; k += 1 + (n - disk_base()) / 25) {
			snprintf(again, sizeof(again), "%s/again", folder);
			load_clear(again);
			disk_image(k, DISK_SOME, seed + k, again);
			if (!in_child(again, moment)) {
				fprintf(stderr, "  the restart was cut at its operation %zu of %zu: %s\n", k,
					n, disk_describe(k));
				_exit(1);
			}
		}
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork");
	if (WIFSIGNALED(status))
		fprintf(stderr, "BROKEN: ends by %s\n", strsignal(WTERMSIG(status)));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int
main(int argc, char **argv)
{
	unsigned long seed = 1, batches = 60, every = 1, restarts = 20;
	size_t moments, cut = 0, bad = 0;
	char image[512], dir[512];
	unsigned refused = 0;
	int o;

	while ((o = getopt(argc, argv, "s:b:e:r:")) >= 0) {
		unsigned long v = strtoul(optarg ? optarg : "0", NULL, 10);
		if (o == 's')
			seed = v;
		else if (o == 'b')
			batches = v;
		else if (o == 'e')
			every = v ? v : 1;
		else if (o == 'r')
			restarts = v;
		else
			return 2;
	}
	if (optind != argc - 1)
		return 2;
	load_begin(seed);
	snprintf(folder, sizeof(folder), "%s/powercut.%d", argv[optind], (int)getpid());
	load_clear(folder);
	snprintf(dir, sizeof(dir), "%s/store", folder);
	snprintf(image, sizeof(image), "%s/image", folder);
	load_clear(dir);
	disk_record(dir);
	load_run(dir, (unsigned)batches, &refused);
	disk_stop();
	moments = disk_ops();
	for (size_t m = 1; m <= moments && bad < 5; m += every) {
		static const enum disk_fate fates[] = { DISK_SOME, DISK_NOTHING, DISK_SOME, DISK_EVERYTHING };
		enum disk_fate fate = fates[m / every % 4];
		bool restart = restarts && m / every % (moments / every / restarts + 1) == 0;

		load_clear(image);
		disk_image(m, fate, seed * 1000003 + m, image);
		cut++;
		if (restart ? restart_cut(image, m, seed + m) : in_child(image, m))
			continue;
		bad++;
		fprintf(stderr, "cut before operation %zu of %zu (%s), fate %d, seed %lu\n", m, moments,
			disk_describe(m), (int)fate, seed);
	}
	printf("%zu disk operations, %zu copies of messages, %zu power cuts, %zu broken\n", moments,
		load_copies(), cut, bad);
	disk_forget();
	load_clear(folder);
	(void)rmdir(folder);
	return bad ? 1 : 0;
}
