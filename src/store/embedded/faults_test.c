/* The disk refuses, is full, or loses what it was told to flush. The calls of the C library are ours here: LMDB's too. */
#include "test/t.h"

#include "store/embedded/test_life.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sysexits.h>

/* The n-th write from now fails, in one of these ways. */
enum way { WAY_FULL, WAY_SHORT_THEN_FULL, WAY_IO, WAYS };
static struct {
	long writes_left; /* -1: all well */
	enum way way;
	bool fails_once; /* else the disk stays full */
	bool flush_fails;
} plan = { .writes_left = -1 };

/* How much of a write of n bytes happens; -1: it fails. */
static ssize_t
judge(ssize_t n)
{
	if (plan.writes_left < 0 || plan.writes_left-- > 0)
		return n;
	plan.writes_left = plan.fails_once ? -1 : 0;
	if (plan.way == WAY_SHORT_THEN_FULL && n > 100) {
		plan.way = WAY_FULL;
		plan.writes_left = 0; /* the rest of it fails */
		return n / 2;
	}
	errno = plan.way == WAY_IO ? EIO : ENOSPC;
	return -1;
}

#define REAL(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

ssize_t
pwrite64(int fd, const void *bytes, size_t n, off64_t offset)
{
	ssize_t most = judge((ssize_t)n);

	return most < 0 ? -1 : REAL(pwrite64)(fd, bytes, (size_t)most, offset);
}

ssize_t
writev(int fd, const struct iovec *parts, int n)
{
	if (fd > 2 && judge(1) < 0)
		return -1;
	return REAL(writev)(fd, parts, n);
}

int
fdatasync(int fd)
{
	if (plan.flush_fails) {
		errno = EIO;
		return -1;
	}
	return REAL(fdatasync)(fd);
}

/* Only mail, so that what is promised is simple to say. */
static uint32_t
deliver_some(struct ts *t, uint32_t account, uint32_t n)
{
	uint32_t delivered = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct store_delivery d = { .account = account };
		struct store_message m = { .body = S("Subject: some mail\r\n\r\nbody\r\n"), .row = S("row") };

		delivered += store_accept(t->s, &m, &d, 1) == OK;
	}
	return delivered;
}

static void
a_batch_that_cannot_be_written_has_not_happened(void **state)
{
	(void)state;
	for (int way = 0; way < WAYS; way++)
		for (long at = 0; at < 3; at++) {
			struct ts t;
			uint32_t ann;
			str before, after;
			enum fault f;

			ts_begin(&t);
			ts_close(&t);
			t.set.segment_bytes = 4000;
			ts_open(&t);
			ann = ts_account(&t, "ann@a.test");
			deliver_some(&t, ann, 10);
			CHECK_INT(store_flush(t.s), OK);
			before = picture(store_now(t.s), &t.a);
			CHECK_INT(deliver_some(&t, ann, 100), 100); /* spans segments */
			plan.way = (enum way)way;
			plan.writes_left = at;
			f = store_flush(t.s);
			plan.writes_left = -1;
			CHECK_INT(f, way == WAY_IO ? STORE_DOWN : STORE_FULL);
			CHECK(!store_has_batch(t.s));
			CHECK_STR(picture(store_now(t.s), &t.a), before);
			CHECK_INT(store_flush(t.s), OK);
			CHECK_INT(deliver_some(&t, ann, 5), 5);
			CHECK_INT(store_commit(t.s), OK);
			CHECK_INT(ts_mailbox(store_now(t.s), ann, 1).exists, 15);
			after = picture(store_now(t.s), &t.a);
			kill_store(&t);
			remove_index(&t);
			ts_open(&t);
			CHECK_STR(picture(store_now(t.s), &t.a), after);
			ts_end(&t);
		}
}

static void
what_was_acked_outlives_an_index_that_cannot_be_written(void **state)
{
	(void)state;
	for (long at = 0; at < 12; at++) {
		struct ts t;
		uint32_t ann;
		str before;
		enum fault f;

		ts_begin(&t);
		ann = ts_account(&t, "ann@a.test");
		deliver_some(&t, ann, 50);
		CHECK_INT(store_commit(t.s), OK);
		deliver_some(&t, ann, 50);
		CHECK_INT(store_flush(t.s), OK);
		before = picture(store_now(t.s), &t.a);
		plan.way = WAY_FULL;
		plan.fails_once = true;
		plan.writes_left = at;
		f = store_commit(t.s);
		plan.writes_left = -1;
		plan.fails_once = false;
		CHECK(f == OK || f == STORE_FULL);
		CHECK_STR(picture(store_now(t.s), &t.a), before);
		CHECK(f == OK || store_has_uncommitted(t.s));
		CHECK_INT(store_commit(t.s), OK);
		CHECK_INT(ts_read(&t, ann, 1, 100).n, 28);
		ts_close(&t);
		ts_open(&t);
		CHECK_STR(picture(store_now(t.s), &t.a), before);
		ts_end(&t);
	}
}

/* A life with a disk that fails now and then: after each flush the store is what was promised, also after a kill. */
static void
a_life_on_a_bad_disk_keeps_every_promise(void **state)
{
	int refused = 0, taken = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= ts_seeds(8); seed++) {
		uint64_t x = seed * 77777;
		struct ts t;
		str promised;

		ts_begin(&t);
		ts_close(&t);
		t.set.segment_bytes = 8000;
		ts_open(&t);
		promised = picture(store_now(t.s), &t.a);
		for (int i = 0; i < 60; i++) {
			uint64_t acked = store_acked_lsn(t.s);
			str wanted;
			enum fault f;

			live_some(&t, next_random(&x), 10, false);
			wanted = picture(store_now(t.s), &t.a);
			plan.way = (enum way)(next_random(&x) % WAY_IO);
			plan.fails_once = next_random(&x) % 2;
			plan.writes_left = next_random(&x) % 3 ? -1 : (long)(next_random(&x) % 6);
			f = next_random(&x) % 2 ? store_flush(t.s) : store_commit(t.s);
			plan.writes_left = -1;
			if (f == OK || store_acked_lsn(t.s) > acked)
				promised = wanted;
			taken += f == OK;
			refused += f == STORE_FULL;
			CHECK(f == OK || f == STORE_FULL);
			CHECK_STR(picture(store_now(t.s), &t.a), promised);
			if (i % 10 == 9) {
				kill_store(&t);
				if (i % 20 == 19)
					remove_index(&t);
				ts_open(&t);
				CHECK_STR(picture(store_now(t.s), &t.a), promised);
			}
		}
		ts_end(&t);
	}
	CHECK(refused > 50 && taken > 50);
}

static void
a_flush_that_fails_ends_the_process(void **state)
{
	struct ts t;
	uint32_t ann;
	int status = 0;
	pid_t pid;

	(void)state;
	ts_begin(&t);
	ann = ts_account(&t, "ann@a.test");
	CHECK_INT(store_commit(t.s), OK);
	deliver_some(&t, ann, 1);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		plan.flush_fails = true;
		(void)store_flush(t.s);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EX_IOERR);
	kill_store(&t);
	ts_open(&t);
	CHECK(ts_mailbox(store_now(t.s), ann, 1).exists <= 1); /* in doubt: either is right */
	ts_end(&t);
}

T_MAIN(T(a_batch_that_cannot_be_written_has_not_happened),
	T(what_was_acked_outlives_an_index_that_cannot_be_written),
	T(a_life_on_a_bad_disk_keeps_every_promise), T(a_flush_that_fails_ends_the_process))
