#include "rt/fiber.h"

#include "base/mem.h"

#include "test/t.h"

#include <sys/socket.h>
#include <unistd.h>

struct note {
	struct loop *loop;
	struct fiber *fiber;
	struct watch *watch;
	char *trail; /* shared: who ran when */
	char mark;
	enum fault said;
	int64_t due_ms, ended_ms;
};

static void
leave_mark(struct note *n)
{
	size_t at = strlen(n->trail);

	n->trail[at] = n->mark;
	n->trail[at + 1] = 0;
}

static void
two_marks(void *arg)
{
	struct note *n = arg;

	CHECK(fiber_self(n->loop) != NULL);
	leave_mark(n);
	n->said = fiber_yield(n->loop);
	leave_mark(n);
}

static void
fibers_run_in_the_order_started_and_take_turns(void **state)
{
	struct loop *l = loop_new_sim(0);
	char trail[32] = "";
	struct note n[4];

	(void)state;
	for (size_t i = 0; i < COUNT(n); i++) {
		n[i] = (struct note){ .loop = l, .trail = trail, .mark = (char)('a' + i) };
		if (i < 3)
			fiber_start(l, two_marks, &n[i]);
	}
	CHECK_C(str_c(trail), "");
	fiber_run(l, two_marks, &n[3]); /* at once, until it waits */
	CHECK_C(str_c(trail), "d");
	CHECK_INT(fiber_count(l), 4);
	CHECK(fiber_self(l) == NULL);
	loop_run(l);
	CHECK_C(str_c(trail), "dabcdabc");
	CHECK_INT(fiber_count(l), 0);
	loop_free(l);
}

static void
park(void *arg)
{
	struct note *n = arg;

	n->fiber = fiber_self(n->loop);
	n->said = fiber_park(n->loop, n->due_ms);
	n->ended_ms = loop_now_ms(n->loop);
}

static void
a_wait_ends_at_its_deadline(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct note n = { .loop = l, .due_ms = loop_now_ms(l) + 300000 };

	(void)state;
	fiber_run(l, park, &n);
	loop_run(l);
	CHECK_INT(n.said, TIMED_OUT);
	CHECK_INT(n.ended_ms, n.due_ms);
	n.said = OK;
	fiber_run(l, park, &n); /* it has passed already: no wait at all */
	CHECK_INT(fiber_count(l), 0);
	CHECK_INT(n.said, TIMED_OUT);
	loop_free(l);
}

static void
a_fiber_gets_what_its_waker_said_once(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct note n = { .loop = l, .due_ms = loop_now_ms(l) + 1000 };

	(void)state;
	fiber_run(l, park, &n);
	fiber_wake(n.fiber, STALE);
	fiber_wake(n.fiber, OVER_QUOTA); /* it does not wait any more */
	loop_run_once(l);
	CHECK_INT(n.said, STALE);
	CHECK(n.ended_ms < n.due_ms);
	CHECK(!loop_run_once(l)); /* the deadline's timer is gone */
	loop_free(l);
}

static void
many_waits(void *arg)
{
	struct note *n = arg;

	for (int i = 0; i < 3; i++) {
		if (fiber_park(n->loop, NEVER_MS) == CANCELLED)
			leave_mark(n);
		if (fiber_sleep(n->loop, 10) == CANCELLED)
			leave_mark(n);
		if (fiber_yield(n->loop) == CANCELLED)
			leave_mark(n);
		if (fiber_wait(n->watch, READY_IN, NEVER_MS) == CANCELLED)
			leave_mark(n);
	}
}

static void
from_its_cancellation_on_every_wait_of_a_fiber_gives_cancelled(void **state)
{
	struct loop *l = loop_new_sim(0);
	char trail[32] = "";
	struct watch w;
	struct note n = { .loop = l, .trail = trail, .mark = 'x', .watch = &w };
	int fds[2];
	struct fiber *f;

	(void)state;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	CHECK(watch_start(l, &w, fds[0], NULL) == OK);
	f = fiber_start(l, many_waits, &n);
	loop_run_once(l);
	CHECK_INT(fiber_count(l), 1);
	fiber_cancel(f);
	fiber_cancel(f);
	loop_run(l);
	CHECK_INT(fiber_count(l), 0);
	CHECK_C(str_c(trail), "xxxxxxxxxxxx");
	CHECK(w.waiters == NULL);
	watch_stop(&w);
	close(fds[0]);
	close(fds[1]);
	loop_free(l);
}

static void
wait_in(void *arg)
{
	struct note *n = arg;

	n->said = fiber_wait(n->watch, READY_IN, n->due_ms);
	n->ended_ms = loop_now_ms(n->loop);
}

static void
wait_out(void *arg)
{
	struct note *n = arg;

	n->said = fiber_wait(n->watch, READY_OUT, n->due_ms);
	n->ended_ms = loop_now_ms(n->loop);
}

static void
fill_socket(int fd)
{
	static const char zeros[4096];

	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
}

static void
a_reader_and_a_writer_wait_for_one_descriptor(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct watch w;
	struct note in = { .loop = l, .watch = &w, .due_ms = loop_now_ms(l) + 50, .said = FAULTS };
	struct note out = { .loop = l, .watch = &w, .due_ms = NEVER_MS, .said = FAULTS };
	char drain[65536];
	int fds[2];

	(void)state;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	CHECK(watch_start(l, &w, fds[0], NULL) == OK);
	loop_run_once(l);
	fill_socket(fds[0]);
	w.ready &= ~(uint32_t)READY_OUT;
	fiber_run(l, wait_in, &in);
	fiber_run(l, wait_out, &out);
	while (in.said == FAULTS)
		loop_run_once(l);
	CHECK_INT(in.said, TIMED_OUT);
	CHECK_INT(out.said, FAULTS);
	while (read(fds[1], drain, sizeof(drain)) > 0)
		;
	loop_run(l);
	CHECK_INT(out.said, OK);

	/* the end of input wakes a reader, now and later, and is no news to a writer */
	fill_socket(fds[0]);
	w.ready &= ~(uint32_t)(READY_OUT | READY_IN);
	in.due_ms = NEVER_MS;
	in.said = out.said = FAULTS;
	fiber_run(l, wait_in, &in);
	fiber_run(l, wait_out, &out);
	shutdown(fds[1], SHUT_WR);
	CHECK(!(loop_run_once(l), loop_run_once(l)));
	CHECK_INT(in.said, OK);
	CHECK_INT(out.said, FAULTS);
	w.ready &= ~(uint32_t)READY_IN;
	in.said = FAULTS;
	fiber_run(l, wait_in, &in);
	CHECK_INT(in.said, OK);
	CHECK_INT(fiber_count(l), 1);
	watch_stop(&w); /* who still waits is told */
	loop_run(l);
	CHECK_INT(out.said, CLOSED);
	close(fds[0]);
	close(fds[1]);
	loop_free(l);
}

enum { MANY = 3000 };

static void
deep(struct loop *l, int depth, int *ret_sum)
{
	volatile char page[2048];

	page[0] = (char)depth;
	page[sizeof(page) - 1] = 1;
	if (depth > 0)
		deep(l, depth - 1, ret_sum);
	else
		CHECK(fiber_sleep(l, 5) == OK);
	*ret_sum += page[0] * 0 + page[sizeof(page) - 1];
}

static void
use_stack(void *arg)
{
	struct note *n = arg;
	int sum = 0;

	deep(n->loop, 15, &sum); /* 32 KiB */
	CHECK_INT(sum, 16);
	n->said = OK;
}

static void
thousands_of_fibers_keep_their_stacks_apart(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct note *n = mem_new_array(MANY, sizeof(*n));

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++) {
			n[i] = (struct note){ .loop = l, .said = FAULTS };
			fiber_start(l, use_stack, &n[i]);
		}
		CHECK_INT(fiber_count(l), MANY);
		loop_run(l);
		CHECK_INT(fiber_count(l), 0);
		for (size_t i = 0; i < MANY; i++)
			CHECK(n[i].said == OK);
	}
	free(n);
	loop_free(l);
}

T_MAIN(T(fibers_run_in_the_order_started_and_take_turns), T(a_wait_ends_at_its_deadline),
	T(a_fiber_gets_what_its_waker_said_once),
	T(from_its_cancellation_on_every_wait_of_a_fiber_gives_cancelled),
	T(a_reader_and_a_writer_wait_for_one_descriptor), T(thousands_of_fibers_keep_their_stacks_apart))
