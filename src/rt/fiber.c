#include "rt/inside.h"

#include "base/mem.h"

#include <assert.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_KIB 256
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define STACK_KIB 256
#endif
#endif
#ifndef STACK_KIB
#define STACK_KIB 64
#endif

enum {
	GUARD = 4096, /* rounded up to a page by mprotect */
	STACK = STACK_KIB * 1024,
	FREE_KEPT = 64,  /* stacks kept for the next fibers; the others go back to the system */
	MOST_RUNS = 1000 /* before the descriptors and timers have their turn again */
};

void
fibers_init(struct loop *l)
{
	list_init(&l->runnable);
	list_init(&l->yielded);
}

/* A mapping, lowest address first: guard pages, the stack, struct fiber. */
static size_t
guard_size(void)
{
	return MAX((size_t)sysconf(_SC_PAGESIZE), GUARD);
}

static struct fiber *
map_fiber(void)
{
	size_t guard = guard_size(), own = (sizeof(struct fiber) + 63) & ~(size_t)63;
	char *p = mmap(NULL, guard + STACK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	struct fiber *f;

	if (p == MAP_FAILED || mprotect(p, guard, PROT_NONE) != 0) {
		perror("no memory for a fiber's stack");
		abort();
	}
	f = (struct fiber *)(void *)(p + guard + STACK - own);
	f->stack = p + guard;
	f->stack_size = STACK - own;
	f->valgrind_id = switch_stack_new(f->stack, f->stack_size);
	return f;
}

static void
unmap_fiber(struct fiber *f)
{
	size_t guard = guard_size();

	switch_stack_gone(f->valgrind_id);
	switch_stack_reuse(f->stack, f->stack_size);
	(void)munmap(f->stack - guard, guard + STACK);
}

static void
put_away(struct loop *l, struct fiber *f)
{
	l->fiber_count--;
	if (l->free_fiber_count >= FREE_KEPT) {
		unmap_fiber(f);
		return;
	}
	f->next = l->free_fibers;
	l->free_fibers = f;
	l->free_fiber_count++;
}

void
fibers_free(struct loop *l)
{
	if (l->fiber_count > 0)
		log_warn(&l->log, "fibers-left", kv_uint("count", l->fiber_count));
	while (l->free_fibers) {
		struct fiber *f = l->free_fibers;
		l->free_fibers = f->next;
		unmap_fiber(f);
	}
}

static void
fiber_main(void *arg)
{
	struct fiber *f = arg;

	switch_begun(&f->loop->spot);
	f->fn(f->arg);
	f->over = true;
	switch_end(&f->spot, &f->loop->spot);
}

static void
on_deadline(struct timer *t)
{
	fiber_wake(CONTAINER(t, struct fiber, timer), TIMED_OUT);
}

static struct fiber *
new_fiber(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct fiber *f = l->free_fibers;

	if (f) {
		l->free_fibers = f->next;
		l->free_fiber_count--;
		switch_stack_reuse(f->stack, f->stack_size);
	} else {
		f = map_fiber();
	}
	*f = (struct fiber){ .stack = f->stack,
		.stack_size = f->stack_size,
		.valgrind_id = f->valgrind_id,
		.loop = l,
		.fn = fn,
		.arg = arg,
		.timer.fn = on_deadline };
	switch_make(&f->spot, f->stack, f->stack_size, fiber_main, f);
	l->fiber_count++;
	return f;
}

static void
run(struct loop *l, struct fiber *f)
{
	assert(!l->self);
	l->self = f;
	switch_to(&l->spot, &f->spot);
	l->self = NULL;
	if (f->over)
		put_away(l, f);
}

struct fiber *
fiber_start(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct fiber *f = new_fiber(l, fn, arg);

	list_append(&l->runnable, &f->link);
	return f;
}

void
fiber_run(struct loop *l, void (*fn)(void *arg), void *arg)
{
	run(l, new_fiber(l, fn, arg));
}

bool
fibers_can_run(const struct loop *l)
{
	return !list_empty(&l->runnable) || !list_empty(&l->yielded);
}

void
fibers_run(struct loop *l)
{
	struct link *at;

	/* Who yielded in the last iteration goes on now, after those that were woken; who yields now, in the next. */
	while ((at = list_take_first(&l->yielded)))
		list_append(&l->runnable, at);
	for (int most = MOST_RUNS; most > 0 && (at = list_take_first(&l->runnable)); most--)
		run(l, CONTAINER(at, struct fiber, link));
}

struct fiber *
fiber_self(struct loop *l)
{
	return l->self;
}

size_t
fiber_count(const struct loop *l)
{
	return l->fiber_count;
}

static enum fault
stop(struct loop *l, struct fiber *f)
{
	switch_to(&f->spot, &l->spot);
	return f->said;
}

static enum fault
park(struct loop *l, struct fiber *f, int64_t due_ms)
{
	f->waits = true;
	timer_set(l, &f->timer, due_ms);
	return stop(l, f);
}

enum fault
fiber_park(struct loop *l, int64_t due_ms)
{
	struct fiber *f = l->self;

	assert(f); /* the loop itself must not wait */
	if (f->cancelled)
		return CANCELLED;
	if (due_ms <= l->now_ms)
		return TIMED_OUT;
	return park(l, f, due_ms);
}

enum fault
fiber_park_deaf(struct loop *l)
{
	struct fiber *f = l->self;
	enum fault said;

	assert(f);
	f->deaf = true;
	said = park(l, f, NEVER_MS);
	f->deaf = false;
	return said;
}

static void
leave_watch(struct fiber *f)
{
	struct fiber **at;

	if (!f->watch)
		return;
	for (at = &f->watch->waiters; *at != f;)
		at = &(*at)->next;
	*at = f->next;
	f->watch = NULL;
	f->next = NULL;
}

void
fiber_wake(struct fiber *f, enum fault said)
{
	if (!f->waits)
		return;
	f->waits = false;
	f->said = said;
	timer_clear(&f->timer);
	leave_watch(f);
	list_append(&f->loop->runnable, &f->link);
}

void
fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
	if (!f->deaf)
		fiber_wake(f, CANCELLED);
}

void
fibers_wake_ready(struct watch *w)
{
	for (struct fiber *f = w->waiters, *next; f; f = next) {
		next = f->next;
		if (f->wanted & w->ready)
			fiber_wake(f, OK);
	}
}

void
fibers_wake_all(struct watch *w, enum fault said)
{
	while (w->waiters)
		fiber_wake(w->waiters, said);
}

enum fault
fiber_wait(struct watch *w, uint32_t events, int64_t due_ms)
{
	struct loop *l = w->loop;
	struct fiber *f;

	if (!l)
		return CLOSED;
	f = l->self;
	assert(f);
	if (f->cancelled)
		return CANCELLED;
	events |= READY_HUP | (events & READY_IN ? READY_END : 0);
	if (w->ready & events)
		return OK;
	if (due_ms <= l->now_ms)
		return TIMED_OUT;
	if (events & READY_OUT)
		watch_want_out(w, true);
	f->watch = w;
	f->wanted = events;
	f->next = w->waiters;
	w->waiters = f;
	return park(l, f, due_ms);
}

enum fault
fiber_sleep(struct loop *l, int64_t ms)
{
	enum fault said = fiber_park(l, l->now_ms + ms);

	return said == TIMED_OUT ? OK : said;
}

enum fault
fiber_yield(struct loop *l)
{
	struct fiber *f = l->self;

	assert(f);
	if (f->cancelled)
		return CANCELLED;
	list_append(&l->yielded, &f->link);
	f->said = OK;
	(void)stop(l, f);
	return f->cancelled ? CANCELLED : OK;
}
