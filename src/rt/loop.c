#include "rt/inside.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/random.h>

enum {
	BATCH = 256, /* events taken at once */
	SIM_STARTS_MS = 1000
};

static void
read_clocks(struct loop *l)
{
	struct timespec t;

	if (l->sim)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	l->now_ms = MAX((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, 1);
	(void)clock_gettime(CLOCK_REALTIME, &t);
	l->wall_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct loop *
loop_new(void)
{
	struct loop *l = NEW(struct loop);

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		perror("epoll_create1");
		abort();
	}
	(void)signal(SIGPIPE, SIG_IGN); /* sendfile and libraries have no MSG_NOSIGNAL */
	l->events = mem_new_array(BATCH, sizeof(*l->events));
	list_init(&l->hooks);
	list_init(&l->hooks_todo);
	sigemptyset(&l->signals);
	fibers_init(l);
	read_clocks(l);
	return l;
}

struct loop *
loop_new_sim(int64_t start_wall_ms)
{
	struct loop *l = loop_new();

	l->sim = true;
	l->now_ms = SIM_STARTS_MS;
	l->wall_ms = start_wall_ms;
	l->sim_seed = (uint64_t)start_wall_ms;
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	signals_free(l);
	fibers_free(l);
	close(l->epoll_fd);
	free(l->events);
	free(l->heap);
	free(l);
}

void
loop_log_to(struct loop *l, const struct log *log)
{
	l->log = *log;
}

const struct log *
loop_log(const struct loop *l)
{
	return &l->log;
}

int64_t
loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t
loop_wall_ms(const struct loop *l)
{
	return l->wall_ms;
}

void
loop_stop(struct loop *l)
{
	l->stopped = true;
}

void
loop_hurry(struct loop *l)
{
	l->hurry = true;
}

void
loop_random(struct loop *l, void *p, size_t n)
{
	unsigned char *at = p;

	if (l->sim) { /* splitmix64: the same run gives the same bytes */
		for (size_t i = 0; i < n; i++) {
			uint64_t z = l->sim_seed += 0x9E3779B97F4A7C15;
			z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
			z = (z ^ z >> 27) * 0x94D049BB133111EB;
			at[i] = (unsigned char)(z ^ z >> 31);
		}
		return;
	}
	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* nobody can go on without */
		at += got;
		n -= (size_t)got;
	}
}

void
loop_before_sleep(struct loop *l, struct hook *h)
{
	list_append(l->in_hooks ? &l->hooks_todo : &l->hooks, &h->link);
}

void
loop_forget_hook(struct hook *h)
{
	list_remove(&h->link);
}

static void
run_hooks(struct loop *l)
{
	struct link *at;

	l->in_hooks = true;
	while ((at = list_take_first(&l->hooks)))
		list_append(&l->hooks_todo, at);
	/* Each goes back before it runs, so that it may forget itself, or others. */
	while ((at = list_take_first(&l->hooks_todo))) {
		struct hook *h = CONTAINER(at, struct hook, link);
		list_append(&l->hooks, at);
		h->fn(h);
	}
	l->in_hooks = false;
}

static enum fault
start(struct loop *l, struct watch *w, int fd, void (*fn)(struct watch *w), uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	*w = (struct watch){ .fd = fd, .fn = fn };
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
		log_error(&l->log, "watch-failed", kv_int("fd", fd), kv_int("errno", errno));
		return INTERNAL;
	}
	w->loop = l;
	return OK;
}

enum { INPUT = EPOLLIN | EPOLLRDHUP };

enum fault
watch_start(struct loop *l, struct watch *w, int fd, void (*fn)(struct watch *w))
{
	return start(l, w, fd, fn, INPUT | EPOLLET);
}

void
watch_want_out(struct watch *w, bool wants)
{
	struct epoll_event e = { .events = INPUT | EPOLLET | (wants ? EPOLLOUT : 0), .data.ptr = w };

	if (!w->loop || w->wants_out == wants)
		return;
	w->wants_out = wants;
	if (epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) != 0)
		log_error(&w->loop->log, "watch-failed", kv_int("fd", w->fd), kv_int("errno", errno));
}

enum fault
watch_start_shared(struct loop *l, struct watch *w, int fd, void (*fn)(struct watch *w))
{
	return start(l, w, fd, fn, EPOLLIN | EPOLLEXCLUSIVE);
}

void
watch_stop(struct watch *w)
{
	struct loop *l = w->loop;

	if (!l)
		return;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	/* The rest of the batch may speak of it, and its memory may be gone by then. */
	for (int i = l->event_at; i < l->event_count; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
	w->loop = NULL;
	w->ready = 0;
	fibers_wake_all(w, CLOSED);
}

static void
dispatch(struct watch *w, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
		w->ready |= READY_IN;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		w->ready |= READY_OUT;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		w->ready |= READY_END;
	if (events & EPOLLHUP)
		w->ready |= READY_HUP;
	fibers_wake_ready(w);
	if (w->fn)
		w->fn(w); /* w may be gone afterwards */
}

/* Takes a batch of events, waiting for it as long as nothing else is to be done. */
static int
take_events(struct loop *l)
{
	int64_t next_ms = timers_next_ms(l), wait_ms;
	int n;

	if (l->hurry || l->stopped || fibers_can_run(l))
		wait_ms = 0;
	else if (l->sim)
		wait_ms = l->outside ? -1 : 0;
	else if (next_ms == NEVER_MS)
		wait_ms = -1;
	else
		wait_ms = MIN(MAX(next_ms - l->now_ms, 0), INT32_MAX);
	l->hurry = false;
	n = epoll_wait(l->epoll_fd, l->events, BATCH, (int)wait_ms);
	return MAX(n, 0); /* EINTR: nothing */
}

bool
loop_run_once(struct loop *l)
{
	bool busy;

	assert(!l->self); /* not from a fiber */
	run_hooks(l);
	if (l->log.sink)
		log_flush(l->log.sink);
	busy = l->hurry || l->outside > 0 || fibers_can_run(l);
	l->event_count = take_events(l);
	read_clocks(l);
	if (l->sim && !busy && !l->stopped && l->event_count == 0) {
		int64_t next_ms = timers_next_ms(l);
		if (next_ms == NEVER_MS)
			return false;
		if (next_ms > l->now_ms) {
			l->wall_ms += next_ms - l->now_ms;
			l->now_ms = next_ms;
		}
	}
	for (l->event_at = 0; l->event_at < l->event_count;) {
		struct epoll_event *e = &l->events[l->event_at++];
		if (e->data.ptr)
			dispatch(e->data.ptr, e->events);
	}
	l->event_at = l->event_count = 0;
	timers_run(l);
	fibers_run(l);
	return !l->stopped;
}

void
loop_run(struct loop *l)
{
	while (loop_run_once(l))
		;
	l->stopped = false;
}
