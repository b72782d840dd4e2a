/* A heap with four children a node: shallower than a binary one, and the four lie in one cache line. */
#include "rt/inside.h"

#include "base/mem.h"

enum { KIDS = 4 };

static void
place(struct loop *l, size_t at, struct timer *t)
{
	l->heap[at] = t;
	t->at = at + 1;
}

static void
move_up(struct loop *l, size_t at, struct timer *t)
{
	while (at > 0) {
		size_t parent = (at - 1) / KIDS;
		if (l->heap[parent]->due_ms <= t->due_ms)
			break;
		place(l, at, l->heap[parent]);
		at = parent;
	}
	place(l, at, t);
}

static void
move_down(struct loop *l, size_t at, struct timer *t)
{
	for (;;) {
		size_t first = at * KIDS + 1, least = first;
		if (first >= l->timer_count)
			break;
		for (size_t kid = first + 1; kid < MIN(first + KIDS, l->timer_count); kid++)
			if (l->heap[kid]->due_ms < l->heap[least]->due_ms)
				least = kid;
		if (l->heap[least]->due_ms >= t->due_ms)
			break;
		place(l, at, l->heap[least]);
		at = least;
	}
	place(l, at, t);
}

/* t may stand anywhere relative to its parent and its children. */
static void
settle(struct loop *l, size_t at, struct timer *t)
{
	if (at > 0 && l->heap[(at - 1) / KIDS]->due_ms > t->due_ms)
		move_up(l, at, t);
	else
		move_down(l, at, t);
}

void
timer_set(struct loop *l, struct timer *t, int64_t due_ms)
{
	if (due_ms == NEVER_MS) {
		timer_clear(t);
		return;
	}
	t->due_ms = due_ms;
	if (t->at) {
		settle(l, t->at - 1, t);
		return;
	}
	if (l->timer_count == l->timer_room) {
		l->timer_room = MAX(l->timer_room * 2, 64);
		l->heap = mem_grow(l->heap, l->timer_room * sizeof(struct timer *));
	}
	t->loop = l;
	move_up(l, l->timer_count++, t);
}

void
timer_clear(struct timer *t)
{
	struct loop *l = t->loop;
	size_t at = t->at;
	struct timer *last;

	if (!at)
		return;
	t->at = 0;
	last = l->heap[--l->timer_count];
	if (last != t)
		settle(l, at - 1, last);
}

int64_t
timers_next_ms(const struct loop *l)
{
	return l->timer_count ? l->heap[0]->due_ms : NEVER_MS;
}

void
timers_run(struct loop *l)
{
	/* The count bounds a timer that sets itself to now again and again: the descriptors have their turn, too. */
	for (size_t most = l->timer_count; most > 0 && timers_next_ms(l) <= l->now_ms; most--) {
		struct timer *t = l->heap[0];
		timer_clear(t);
		t->fn(t); /* t may be gone afterwards */
	}
}
