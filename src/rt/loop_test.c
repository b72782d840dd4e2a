#include "rt/fiber.h"
#include "rt/loop.h"

#include "base/mem.h"

#include "test/t.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void
make_pair(int ret[2])
{
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret) == 0);
}

/* timers */

enum { TIMERS = 2000 };
struct timed {
	struct timer timer;
	int64_t due_ms, ran_ms;
};

static int64_t last_due_ms; /* of the test that runs */
static size_t runs;

static void
on_timed(struct timer *t)
{
	struct timed *d = CONTAINER(t, struct timed, timer);

	CHECK(last_due_ms <= d->due_ms);
	CHECK(d->ran_ms == 0);
	CHECK(d->due_ms <= loop_now_ms(t->loop));
	last_due_ms = d->due_ms;
	d->ran_ms = loop_now_ms(t->loop);
	runs++;
}

static void
timers_run_by_due_time_whatever_was_set_moved_or_cleared(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct timed *all = mem_new_array(TIMERS, sizeof(*all));
	int64_t now_ms = loop_now_ms(l);
	uint32_t x = 1;
	size_t cleared = 0;

	(void)state;
	last_due_ms = 0;
	runs = 0;
	for (size_t i = 0; i < TIMERS; i++) {
		all[i].timer.fn = on_timed;
		all[i].due_ms = now_ms + 1 + (x = x * 1664525 + 1013904223) % 5000;
		timer_set(l, &all[i].timer, all[i].due_ms);
	}
	for (size_t i = 0; i < TIMERS; i += 3) { /* moved, earlier or later */
		all[i].due_ms = now_ms + 1 + (x = x * 1664525 + 1013904223) % 5000;
		timer_set(l, &all[i].timer, all[i].due_ms);
	}
	for (size_t i = 0; i < TIMERS; i += 7, cleared++) {
		if (i % 2)
			timer_clear(&all[i].timer);
		else
			timer_set(l, &all[i].timer, NEVER_MS);
		timer_clear(&all[i].timer); /* again: calm */
	}
	loop_run(l); /* until nothing will ever happen again */
	CHECK_INT(runs, TIMERS - cleared);
	for (size_t i = 0; i < TIMERS; i++) {
		CHECK((all[i].ran_ms == 0) == (i % 7 == 0));
		CHECK(all[i].timer.at == 0);
	}
	free(all);
	loop_free(l);
}

static void
on_again(struct timer *t)
{
	runs++;
	timer_set(t->loop, t, loop_now_ms(t->loop)); /* due at once, again and again */
	if (runs == 50)
		loop_stop(t->loop);
}

static void
a_timer_that_is_always_due_does_not_starve_the_loop(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct timer t = { .fn = on_again };

	(void)state;
	runs = 0;
	timer_set(l, &t, loop_now_ms(l));
	for (int i = 1; i <= 10; i++) {
		loop_run_once(l);
		CHECK_INT(runs, i);
	}
	loop_run(l);
	CHECK_INT(runs, 50);
	timer_clear(&t);
	loop_free(l);
}

static void
a_simulations_clock_jumps_to_the_next_timer(void **state)
{
	struct loop *l = loop_new_sim(1700000000000);
	int64_t began_ms = loop_now_ms(l), wall_ms = loop_wall_ms(l);
	struct timed t = { .timer.fn = on_timed, .due_ms = began_ms + 86400000 };

	(void)state;
	last_due_ms = 0;
	CHECK_INT(wall_ms, 1700000000000);
	timer_set(l, &t.timer, t.due_ms);
	loop_run(l);
	CHECK_INT(loop_now_ms(l), began_ms + 86400000);
	CHECK_INT(loop_wall_ms(l), wall_ms + 86400000);
	CHECK_INT(t.ran_ms, t.due_ms);
	loop_free(l);
}

static void
a_simulation_draws_the_same_random_bytes_again(void **state)
{
	unsigned char a[40], b[40], c[40];

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct loop *l = loop_new_sim(7);
		loop_random(l, round ? b : a, sizeof(a));
		loop_free(l);
	}
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	struct loop *l = loop_new();
	loop_random(l, b, sizeof(b));
	loop_random(l, c, sizeof(c));
	CHECK(memcmp(b, c, sizeof(b)) != 0);
	loop_free(l);
}

static void
a_real_timer_is_not_early(void **state)
{
	struct loop *l = loop_new();
	struct timed t = { .timer.fn = on_timed };
	struct timespec from, to;

	(void)state;
	last_due_ms = 0;
	clock_gettime(CLOCK_MONOTONIC, &from);
	t.due_ms = loop_now_ms(l) + 20;
	timer_set(l, &t.timer, t.due_ms);
	while (t.ran_ms == 0)
		loop_run_once(l);
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 19);
	loop_free(l);
}

/* watches */

struct peer_watch {
	struct watch watch;
	struct peer_watch *other; /* stopped and freed by whoever comes first */
	int events;
};

static int peers_called;

static void
on_peer_event(struct watch *w)
{
	struct peer_watch *p = CONTAINER(w, struct peer_watch, watch);

	peers_called++;
	if (!p->other)
		return;
	watch_stop(&p->other->watch);
	close(p->other->watch.fd);
	free(p->other); /* an event of the same batch may still name it */
	p->other = NULL;
}

static void
a_watch_stopped_and_freed_in_the_same_batch_is_not_touched(void **state)
{
	struct loop *l = loop_new();
	int fds[2][2];
	struct peer_watch *p[2];

	(void)state;
	peers_called = 0;
	for (int i = 0; i < 2; i++) {
		make_pair(fds[i]);
		p[i] = NEW(struct peer_watch);
	}
	p[0]->other = p[1];
	p[1]->other = p[0];
	for (int i = 0; i < 2; i++)
		CHECK(watch_start(l, &p[i]->watch, fds[i][0], on_peer_event) == OK);
	for (int i = 0; i < 2; i++)
		CHECK(write(fds[i][1], "x", 1) == 1);
	loop_run_once(l); /* both can be read: two events in one batch, the first frees the second */
	CHECK_INT(peers_called, 1);
	for (int i = 0; i < 2; i++) {
		close(fds[i][1]);
		/* the one that was called stands: it cleared its pointer to the other */
	}
	loop_run_once(l);
	CHECK_INT(peers_called, 2);
	struct peer_watch *left = fcntl(fds[0][0], F_GETFD) >= 0 ? p[0] : p[1];
	CHECK(left->watch.ready & READY_END);
	watch_stop(&left->watch);
	watch_stop(&left->watch); /* again: calm */
	close(left->watch.fd);
	free(left);
	loop_free(l);
}

static void
what_epoll_said_is_remembered_until_it_is_cleared(void **state)
{
	struct loop *l = loop_new();
	struct watch w;
	int fds[2];

	(void)state;
	make_pair(fds);
	CHECK(watch_start(l, &w, fds[0], NULL) == OK);
	CHECK_INT(w.ready, 0);
	loop_hurry(l);
	loop_run_once(l); /* nobody wants to know that it can be written to */
	CHECK_INT(w.ready, 0);
	watch_want_out(&w, true);
	loop_run_once(l);
	CHECK_INT(w.ready, READY_OUT);
	CHECK(write(fds[1], "x", 1) == 1);
	loop_run_once(l);
	CHECK_INT(w.ready, READY_OUT | READY_IN);
	w.ready &= ~(uint32_t)READY_IN;
	CHECK(write(fds[1], "y", 1) == 1);
	loop_run_once(l);
	CHECK_INT(w.ready, READY_OUT | READY_IN);
	shutdown(fds[1], SHUT_WR);
	loop_run_once(l);
	CHECK_INT(w.ready, READY_OUT | READY_IN | READY_END);
	close(fds[1]);
	loop_run_once(l);
	CHECK_INT(w.ready, READY_OUT | READY_IN | READY_END | READY_HUP);
	watch_stop(&w);
	CHECK(watch_start(l, &w, -1, NULL) == INTERNAL);
	close(fds[0]);
	loop_free(l);
}

/* hooks */

struct counted {
	struct hook hook;
	struct loop *loop;
	struct counted *add, *forget;
	int order;
};

static int order;

static void
on_hook(struct hook *h)
{
	struct counted *c = CONTAINER(h, struct counted, hook);

	c->order = ++order;
	if (c->add)
		loop_before_sleep(c->loop, &c->add->hook);
	if (c->forget)
		loop_forget_hook(&c->forget->hook);
	c->add = NULL;
}

static void
hooks_run_before_the_sleep_and_may_add_and_forget_hooks(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct counted c[4] = { 0 };

	(void)state;
	order = 0;
	for (size_t i = 0; i < COUNT(c); i++) {
		c[i].hook.fn = on_hook;
		c[i].loop = l;
		if (i != 3)
			loop_before_sleep(l, &c[i].hook);
	}
	c[0].add = &c[3];    /* runs in the same walk, last */
	c[1].forget = &c[2]; /* does not run */
	c[3].forget = &c[3]; /* itself, while it runs */
	loop_run_once(l);
	CHECK_INT(c[0].order, 1);
	CHECK_INT(c[1].order, 2);
	CHECK_INT(c[2].order, 0);
	CHECK_INT(c[3].order, 3);
	loop_run_once(l);
	CHECK_INT(c[0].order, 4);
	CHECK_INT(c[1].order, 5);
	CHECK_INT(c[3].order, 3);
	loop_forget_hook(&c[0].hook);
	loop_forget_hook(&c[1].hook);
	loop_free(l);
}

/* signals */

static void
on_signal(void *ctx)
{
	++*(int *)ctx;
}

static void
signals_arrive_in_the_loop(void **state)
{
	struct loop *l = loop_new();
	int hups = 0, usrs = 0;

	(void)state;
	CHECK(loop_on_signal(l, SIGHUP, on_signal, &hups) == OK);
	CHECK(loop_on_signal(l, SIGUSR1, on_signal, &usrs) == OK);
	CHECK(loop_on_signal(l, 0, on_signal, NULL) == BAD_ARGUMENT);
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGUSR1);
	loop_run_once(l);
	CHECK_INT(hups, 1);
	CHECK_INT(usrs, 1);
	kill(getpid(), SIGUSR1);
	loop_run_once(l);
	CHECK_INT(hups, 1);
	CHECK_INT(usrs, 2);
	loop_free(l);
}

T_MAIN(T(timers_run_by_due_time_whatever_was_set_moved_or_cleared),
	T(a_timer_that_is_always_due_does_not_starve_the_loop),
	T(a_simulations_clock_jumps_to_the_next_timer), T(a_simulation_draws_the_same_random_bytes_again),
	T(a_real_timer_is_not_early), T(a_watch_stopped_and_freed_in_the_same_batch_is_not_touched),
	T(what_epoll_said_is_remembered_until_it_is_cleared),
	T(hooks_run_before_the_sleep_and_may_add_and_forget_hooks), T(signals_arrive_in_the_loop))
