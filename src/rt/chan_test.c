#include "rt/chan.h"
#include "rt/sock.h"

#include "base/mem.h"

#include "test/t.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ECHO = 7, TAKE_FD = 8, GIVE_FD = 9, SILENCE = 10, MOST_KEPT = 600 };

/* The serving end of a pair: answers in an order of its own. */
struct server {
	struct chan chan;
	uint32_t kept[MOST_KEPT];
	str kept_payloads[MOST_KEPT];
	struct arena arena;
	size_t kept_count, answer_at; /* answers, last first, when so many are kept */
	size_t frames, downs;
	struct timer timer;
	bool hangs_up; /* at the next frame */
};

static void
answer_kept(struct server *s)
{
	while (s->kept_count > 0) {
		s->kept_count--;
		chan_send2(&s->chan, ECHO, s->kept[s->kept_count], S("re: "), s->kept_payloads[s->kept_count],
			-1);
	}
}

static void
on_frame(struct chan *c, struct frame *f)
{
	struct server *s = c->ctx;
	int fds[2];

	s->frames++;
	if (s->hangs_up) {
		chan_down(c);
		return;
	}
	switch (f->type) {
	case ECHO:
		CHECK(s->kept_count < MOST_KEPT);
		s->kept[s->kept_count] = f->id;
		s->kept_payloads[s->kept_count++] = arena_str(&s->arena, f->payload);
		if (s->kept_count >= s->answer_at)
			answer_kept(s);
		break;
	case TAKE_FD:
		CHECK(f->fd >= 0);
		CHECK(write(f->fd, f->payload.p, f->payload.n) == (ssize_t)f->payload.n);
		close(f->fd);
		chan_send(c, TAKE_FD, f->id, S(""), -1);
		break;
	case GIVE_FD:
		CHECK(pipe2(fds, O_CLOEXEC) == 0);
		CHECK(write(fds[1], f->payload.p, f->payload.n) == (ssize_t)f->payload.n);
		close(fds[1]);
		chan_send(c, GIVE_FD, f->id, f->payload, fds[0]);
		break;
	default: break;
	}
}

static void
on_down(struct chan *c)
{
	((struct server *)c->ctx)->downs++;
}

struct pair {
	struct loop *loop;
	struct chan near;
	struct server far;
	size_t near_downs;
};

static void
near_down(struct chan *c)
{
	++*(size_t *)c->ctx;
}

static void
connect_pair(struct pair *p)
{
	int fds[2];

	CHECK(sock_pair(fds) == OK);
	chan_up(&p->far.chan, fds[0]);
	chan_up(&p->near, fds[1]);
}

static struct pair *
pair_new(void)
{
	struct pair *p = NEW(struct pair);

	p->loop = loop_new_sim(0);
	chan_init(&p->near, p->loop, "far", STORE_DOWN);
	p->near.ctx = &p->near_downs;
	p->near.on_down = near_down;
	chan_init(&p->far.chan, p->loop, "near", STORE_DOWN);
	p->far.chan.ctx = &p->far;
	p->far.chan.on_frame = on_frame;
	p->far.chan.on_down = on_down;
	p->far.answer_at = 1;
	connect_pair(p);
	return p;
}

static void
pair_free(struct pair *p)
{
	chan_down(&p->near);
	chan_down(&p->far.chan);
	CHECK_INT(fiber_count(p->loop), 0);
	loop_free(p->loop);
	arena_done(&p->far.arena);
	free(p);
}

struct caller {
	struct pair *pair;
	struct fiber *fiber;
	size_t number, size;
	uint16_t type;
	int fd;
	int64_t due_ms, ended_ms;
	struct arena arena;
	enum fault said;
	struct frame answer;
	bool wrong, over;
};

static str
payload_of(struct caller *c)
{
	char *p = arena_take(&c->arena, c->size + 24);
	int n = snprintf(p, 24, "number %zu", c->number);

	memset(p + n, 'x', c->size);
	return str_of(p, (size_t)n + c->size);
}

static void
call(void *arg)
{
	struct caller *c = arg;
	str payload = payload_of(c);

	c->fiber = fiber_self(c->pair->loop);
	c->answer.fd = -1;
	c->said = chan_call(&c->pair->near, c->type, payload, c->fd, c->due_ms, &c->arena, &c->answer);
	if (c->said == OK && c->type == ECHO)
		c->wrong = !str_eq(c->answer.payload, arena_join(&c->arena, S("re: "), payload)) ||
			   c->answer.type != ECHO;
	c->ended_ms = loop_now_ms(c->pair->loop);
	c->over = true;
}

static struct caller *
callers_new(struct pair *p, size_t n, uint16_t type, size_t size)
{
	struct caller *c = mem_new_array(n, sizeof(*c));

	for (size_t i = 0; i < n; i++) {
		c[i] = (struct caller){ .pair = p, .number = i, .type = type, .size = size, .fd = -1 };
		c[i].due_ms = loop_now_ms(p->loop) + 60000;
		c[i].said = FAULTS;
	}
	return c;
}

static void
callers_free(struct caller *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		arena_done(&c[i].arena);
	free(c);
}

static void
five_hundred_fibers_get_their_own_answers_in_any_order(void **state)
{
	struct pair *p = pair_new();
	enum { N = 500 };

	(void)state;
	for (size_t answer_at = 1; answer_at <= N; answer_at *= 5) { /* 1, 5, 25, 125: it divides 500 */
		struct caller *c = callers_new(p, N, ECHO, 0);
		p->far.answer_at = answer_at;
		for (size_t i = 0; i < N; i++)
			fiber_start(p->loop, call, &c[i]);
		while (fiber_count(p->loop) > 0)
			CHECK(loop_run_once(p->loop));
		for (size_t i = 0; i < N; i++)
			CHECK(c[i].said == OK && !c[i].wrong);
		CHECK_INT(p->near.call_count, 0);
		callers_free(c, N);
	}
	pair_free(p);
}

static void
big_frames_pass_both_ways_and_callers_wait_for_room(void **state)
{
	struct pair *p = pair_new();
	enum { N = 40 };
	struct caller *c = callers_new(p, N, ECHO, CHAN_LARGEST - 64);
	size_t most = 0;

	(void)state;
	p->near.most_out = 3 << 20;
	for (size_t i = 0; i < N; i++)
		fiber_start(p->loop, call, &c[i]);
	while (fiber_count(p->loop) > 0) {
		CHECK(loop_run_once(p->loop));
		most = MAX(most, p->near.out.n - p->near.out_at);
	}
	for (size_t i = 0; i < N; i++)
		CHECK(c[i].said == OK && !c[i].wrong);
	CHECK(most <= (3 << 20) + CHAN_LARGEST + 64);
	CHECK(p->near.in.room <= 256 << 10 && p->near.out.room <= 256 << 10); /* not kept */
	callers_free(c, N);

	c = callers_new(p, 1, ECHO, CHAN_LARGEST);
	fiber_run(p->loop, call, &c[0]);
	CHECK(c[0].said == TOO_BIG);
	callers_free(c, 1);
	pair_free(p);
}

static void
descriptors_arrive_with_their_frames(void **state)
{
	struct pair *p = pair_new();
	enum { N = 100 };
	struct caller *c = callers_new(p, N, TAKE_FD, 0);
	int pipes[N][2];
	char got[64], want[64];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		c[i].size = i % 10 == 9 ? 300000 : 0; /* more than the socket takes at once, too */
		if (c[i].size)
			c[i].type = ECHO;
		CHECK(pipe2(pipes[i], O_CLOEXEC) == 0);
		c[i].fd = c[i].size ? -1 : pipes[i][1];
		fiber_start(p->loop, call, &c[i]);
	}
	while (fiber_count(p->loop) > 0)
		CHECK(loop_run_once(p->loop));
	for (size_t i = 0; i < N; i++) {
		CHECK(c[i].said == OK && !c[i].wrong && c[i].answer.fd == -1);
		if (c[i].size) {
			close(pipes[i][1]);
		} else {
			ssize_t n = read(pipes[i][0], got, sizeof(got));
			snprintf(want, sizeof(want), "number %zu", i);
			CHECK(n > 0);
			CHECK_STR(str_of(got, (size_t)n), str_c(want));
		}
		CHECK(read(pipes[i][0], got, 1) == 0); /* nobody has kept the other end */
		close(pipes[i][0]);
	}
	callers_free(c, N);

	c = callers_new(p, N, GIVE_FD, 0);
	for (size_t i = 0; i < N; i++)
		fiber_start(p->loop, call, &c[i]);
	while (fiber_count(p->loop) > 0)
		CHECK(loop_run_once(p->loop));
	for (size_t i = 0; i < N; i++) {
		CHECK(c[i].said == OK && c[i].answer.fd >= 0);
		CHECK(fcntl(c[i].answer.fd, F_GETFD) & FD_CLOEXEC);
		ssize_t n = read(c[i].answer.fd, got, sizeof(got));
		CHECK(n > 0);
		CHECK_STR(str_of(got, (size_t)n), c[i].answer.payload);
		close(c[i].answer.fd);
	}
	callers_free(c, N);
	pair_free(p);
}

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
no_descriptor_is_left_open(void **state)
{
	int before = open_fds();
	struct pair *p = pair_new();
	enum { N = 50 };
	struct caller *c = callers_new(p, N, SILENCE, 0);
	int fds[2];

	(void)state;
	CHECK(pipe(fds) == 0);
	for (size_t i = 0; i < N; i++) { /* sent, and closed here; not sent yet, and the channel goes down */
		c[i].fd = dup(fds[1]);
		fiber_run(p->loop, call, &c[i]);
		if (i == N / 2)
			chan_flush(&p->near);
	}
	chan_down(&p->near);
	chan_send(&p->near, ECHO, 0, S("nobody hears it"), fds[1]); /* down: dropped */
	chan_down(&p->far.chan); /* what arrived and was not read dies with the socket */
	loop_run(p->loop);
	for (size_t i = 0; i < N; i++)
		CHECK(c[i].said == STORE_DOWN);
	CHECK(read(fds[0], fds, 1) == 0);
	close(fds[0]);
	callers_free(c, N);
	pair_free(p);
	CHECK_INT(open_fds(), before);
}

static void
calls_fail_when_the_peer_dies_under_them(void **state)
{
	struct pair *p = pair_new();
	enum { N = 100 };
	struct caller *c = callers_new(p, N, ECHO, 0);

	(void)state;
	p->far.answer_at = MOST_KEPT; /* never */
	for (size_t i = 0; i < N; i++) {
		fiber_start(p->loop, call, &c[i]);
		if (i == N / 2)
			loop_run_once(p->loop);
	}
	loop_run_once(p->loop);
	p->far.hangs_up = true;
	chan_send(&p->near, SILENCE, 0, S(""), -1);
	loop_run(p->loop);
	CHECK_INT(p->near_downs, 1);
	CHECK_INT(p->far.downs, 1);
	CHECK(!chan_is_up(&p->near) && !chan_is_up(&p->far.chan));
	for (size_t i = 0; i < N; i++)
		CHECK(c[i].said == STORE_DOWN);
	CHECK(c[0].ended_ms < c[0].due_ms);
	callers_free(c, N);

	/* and it comes up again */
	p->far.hangs_up = false;
	p->far.kept_count = 0;
	p->far.answer_at = 1;
	connect_pair(p);
	c = callers_new(p, 1, ECHO, 0);
	fiber_run(p->loop, call, &c[0]);
	loop_run(p->loop);
	CHECK(c[0].said == OK && !c[0].wrong);
	callers_free(c, 1);
	pair_free(p);
}

static void
on_time_to_come_up(struct timer *t)
{
	connect_pair(CONTAINER(CONTAINER(t, struct server, timer), struct pair, far));
}

static void
a_call_waits_a_second_for_its_channel_to_come_up(void **state)
{
	struct pair *p = pair_new();
	struct caller *c = callers_new(p, 3, ECHO, 0);
	int64_t began_ms;

	(void)state;
	chan_down(&p->near);
	chan_down(&p->far.chan);
	began_ms = loop_now_ms(p->loop);
	fiber_run(p->loop, call, &c[0]);
	c[1].due_ms = began_ms + 300;
	fiber_run(p->loop, call, &c[1]);
	loop_run(p->loop);
	CHECK(c[0].said == STORE_DOWN && c[0].ended_ms == began_ms + CHAN_UP_WAIT_MS);
	CHECK(c[1].said == STORE_DOWN && c[1].ended_ms == began_ms + 300);

	began_ms = loop_now_ms(p->loop);
	p->far.timer.fn = on_time_to_come_up;
	timer_set(p->loop, &p->far.timer, began_ms + 700);
	c[2].due_ms = began_ms + 5000;
	fiber_run(p->loop, call, &c[2]);
	loop_run(p->loop);
	CHECK(c[2].said == OK && !c[2].wrong && c[2].ended_ms == began_ms + 700);
	callers_free(c, 3);
	pair_free(p);
}

static void
a_late_answer_finds_nobody(void **state)
{
	struct pair *p = pair_new();
	struct caller *c = callers_new(p, 4, ECHO, 0);
	int before;

	(void)state;
	p->far.answer_at = 2;
	c[0].due_ms = loop_now_ms(p->loop) + 50;
	fiber_run(p->loop, call, &c[0]);
	loop_run(p->loop);
	CHECK(c[0].said == TIMED_OUT && c[0].ended_ms == c[0].due_ms);
	fiber_run(p->loop, call, &c[1]); /* now both are answered */
	loop_run(p->loop);
	CHECK(c[1].said == OK && !c[1].wrong);

	fiber_run(p->loop, call, &c[2]);
	loop_run_once(p->loop);
	fiber_cancel(c[2].fiber);
	loop_run_once(p->loop);
	CHECK(c[2].said == CANCELLED);
	CHECK_INT(p->near.call_count, 0);

	before = open_fds();
	c[3].type = GIVE_FD;
	fiber_run(p->loop, call, &c[3]);
	chan_flush(&p->near);
	fiber_cancel(c[3].fiber);
	loop_run(p->loop); /* its answer has a descriptor */
	CHECK(c[3].said == CANCELLED && c[3].answer.fd == -1);
	CHECK_INT(p->far.frames, 4);
	CHECK_INT(open_fds(), before);
	callers_free(c, 4);
	pair_free(p);
}

static void
what_follows_in_the_batch_is_not_delivered_after_chan_down(void **state)
{
	struct pair *p = pair_new();

	(void)state;
	for (int i = 0; i < 5; i++)
		chan_send(&p->near, SILENCE, 0, S("payload"), -1);
	p->far.hangs_up = true;
	loop_run(p->loop);
	CHECK_INT(p->far.frames, 1);
	CHECK_INT(p->far.downs, 1);
	pair_free(p);
}

static void
down_and_gone(struct chan *c)
{
	free(c->ctx);
}

static void
a_channel_may_be_freed_when_it_goes_down(void **state)
{
	for (int by_peer = 0; by_peer < 2; by_peer++) {
		struct loop *l = loop_new_sim(0);
		struct server *s = NEW(struct server);
		struct chan near;
		int fds[2];

		(void)state;
		CHECK(sock_pair(fds) == OK);
		chan_init(&near, l, "server", STORE_DOWN);
		chan_up(&near, fds[0]);
		chan_init(&s->chan, l, "near", STORE_DOWN);
		s->chan.ctx = s;
		s->chan.on_frame = on_frame;
		s->chan.on_down = down_and_gone;
		s->hangs_up = !by_peer;
		chan_up(&s->chan, fds[1]);
		for (int i = 0; i < 3; i++)
			chan_send(&near, SILENCE, 0, S("x"), -1);
		chan_flush(&near);
		if (by_peer)
			chan_down(&near);
		loop_run(l);
		chan_down(&near);
		loop_free(l);
	}
}

static const struct {
	str bytes;
	size_t frames; /* that are delivered before it breaks */
} broken[] = {
	{ SC("GET / HTTP/1.1\r\nHost: store\r\n\r\n"), 0 },
	{ SC("\x01\x00\x10\x00\x01\x00\x00\x00\x00\x00\x00\x00"), 0 }, /* longer than the largest */
	{ SC("\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00"), 0 },
	{ SC("\x00\x00\x00\x00\x01\x00\x04\x00\x00\x00\x00\x00"), 0 }, /* an unknown flag */
	{ SC("\x00\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00\x00"), 0 }, /* an answer to nothing */
	{ SC("\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00"), 0 }, /* a descriptor that is not there */
	{ SC("\x01\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00X"
	     "\x00\x00\x00\x00\x01\x00\xff\xff\x00\x00\x00\x00"),
		1 },
};

static void
a_peer_that_breaks_the_framing_loses_the_channel(void **state)
{
	(void)state;
	EACH(broken, c) {
		struct pair *p = pair_new();
		struct log_sink sink = { .fd = memfd_create("log", 0), .least = LOG_DEBUG, .role = "test" };
		struct log log = { .sink = &sink };
		char text[512];
		ssize_t n;

		loop_log_to(p->loop, &log);
		CHECK(write(p->near.watch.fd, c->bytes.p, c->bytes.n) == (ssize_t)c->bytes.n);
		loop_run(p->loop);
		CHECK(!chan_is_up(&p->far.chan) && !chan_is_up(&p->near));
		CHECK_INT(p->far.frames, c->frames);
		CHECK_INT(p->far.downs, 1);
		n = pread(sink.fd, text, sizeof(text), 0);
		CHECK(n > 0);
		CHECK(str_find_str(str_of(text, (size_t)n), S("malformed-frame")) < (size_t)n);
		close(sink.fd);
		pair_free(p);
		buf_done(&sink.lines);
	}
}

static void
answers_to_calls_that_were_never_made_are_dropped(void **state)
{
	struct pair *p = pair_new();
	struct caller *c = callers_new(p, 1, ECHO, 0);

	(void)state;
	for (uint32_t id = 1; id < 40; id++)
		chan_send(&p->far.chan, ECHO, id, S("unasked"), -1);
	loop_run(p->loop);
	CHECK(chan_is_up(&p->near));
	fiber_run(p->loop, call, &c[0]);
	loop_run(p->loop);
	CHECK(c[0].said == OK && !c[0].wrong);
	callers_free(c, 1);
	pair_free(p);
}

static void
a_peer_that_never_reads_loses_the_channel(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct chan c;
	char *mib = mem_new(CHAN_LARGEST);
	size_t downs = 0;
	int fds[2];

	(void)state;
	CHECK(sock_pair(fds) == OK);
	chan_init(&c, l, "stuck", STORE_DOWN);
	c.most_out = 1 << 20;
	c.ctx = &downs;
	c.on_down = near_down;
	chan_up(&c, fds[0]);
	for (int i = 0; i < 7; i++)
		chan_send(&c, SILENCE, 0, str_of(mib, CHAN_LARGEST), -1);
	loop_run_once(l);
	CHECK(chan_is_up(&c));
	for (int i = 0; i < 100; i++)
		chan_send(&c, SILENCE, 0, str_of(mib, CHAN_LARGEST), -1);
	CHECK(c.out.n <= 10 << 20);
	loop_run(l);
	CHECK(!chan_is_up(&c));
	CHECK_INT(downs, 1);
	close(fds[1]);
	free(mib);
	loop_free(l);
}

T_MAIN(T(five_hundred_fibers_get_their_own_answers_in_any_order),
	T(big_frames_pass_both_ways_and_callers_wait_for_room), T(descriptors_arrive_with_their_frames),
	T(no_descriptor_is_left_open), T(calls_fail_when_the_peer_dies_under_them),
	T(a_call_waits_a_second_for_its_channel_to_come_up), T(a_late_answer_finds_nobody),
	T(what_follows_in_the_batch_is_not_delivered_after_chan_down),
	T(a_channel_may_be_freed_when_it_goes_down), T(a_peer_that_breaks_the_framing_loses_the_channel),
	T(answers_to_calls_that_were_never_made_are_dropped), T(a_peer_that_never_reads_loses_the_channel))
