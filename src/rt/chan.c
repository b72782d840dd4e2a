/* Bringing a channel up and down, and calling over it. chan_wire.c moves the bytes. */
#include "rt/chan_inside.h"

#include "base/mem.h"

#include <assert.h>

enum { MOST_OUT = 8 << 20, FIRST_CALLS = 16 };

/* Both lie on the stack of the fiber that waits. */
struct chan_call {
	struct fiber *fiber;
	uint32_t id;
	struct arena *arena;
	struct frame *ret;
	bool in_table, answered;
};
struct chan_waiter {
	struct link link;
	struct fiber *fiber;
};

static void
before_sleep(struct hook *h)
{
	struct chan *c = CONTAINER(h, struct chan, hook);

	loop_forget_hook(h);
	if (!c->broken)
		chan_flush(c);
	if (c->broken)
		chan_down(c); /* c may be gone afterwards */
}

void
chan_init(struct chan *c, struct loop *l, const char *name, enum fault down_fault)
{
	*c = (struct chan){ .name = name, .loop = l, .down_fault = down_fault };
	c->watch.fd = -1;
	c->hook.fn = before_sleep;
	c->again.fn = chan_read_again;
	list_init(&c->out_fds);
	list_init(&c->waiters);
}

bool
chan_is_up(const struct chan *c)
{
	return c->watch.fd >= 0;
}

void
chan_wake_waiters(struct chan *c)
{
	struct link *at;

	while ((at = list_take_first(&c->waiters)))
		fiber_wake(CONTAINER(at, struct chan_waiter, link)->fiber, OK);
}

void
chan_up(struct chan *c, int fd)
{
	chan_down(c);
	if (watch_start(c->loop, &c->watch, fd, chan_on_event) != OK) {
		close(fd);
		c->watch.fd = -1;
		return;
	}
	chan_wake_waiters(c);
}

static void
fail_calls(struct chan *c)
{
	for (size_t i = 0; i < c->call_room; i++)
		if (c->calls[i]) {
			c->calls[i]->in_table = false;
			fiber_wake(c->calls[i]->fiber, c->down_fault);
		}
	free(c->calls);
	c->calls = NULL;
	c->call_count = c->call_room = 0;
}

void
chan_down(struct chan *c)
{
	if (!chan_is_up(c))
		return;
	watch_stop(&c->watch);
	close(c->watch.fd);
	c->watch.fd = -1;
	c->broken = false;
	if (c->gone)
		*c->gone = true;
	c->gone = NULL;
	timer_clear(&c->again);
	loop_forget_hook(&c->hook);
	chan_free_buffers(c);
	fail_calls(c);
	chan_wake_waiters(c); /* for room there is none to wait for any more */
	if (c->on_down)
		c->on_down(c);
}

/* Ids count up; a call lies in the slot of its id's low bits, so a new id is the next one whose slot is free. */
static void
grow_calls(struct chan *c)
{
	size_t room = c->call_room ? c->call_room * 2 : FIRST_CALLS;
	struct chan_call **calls = mem_new_array(room, sizeof(struct chan_call *));

	for (size_t i = 0; i < c->call_room; i++)
		if (c->calls[i])
			calls[c->calls[i]->id & (room - 1)] = c->calls[i];
	free(c->calls);
	c->calls = calls;
	c->call_room = room;
}

static void
add_call(struct chan *c, struct chan_call *call)
{
	if (c->call_count * 2 >= c->call_room)
		grow_calls(c);
	do
		c->next_id++;
	while (c->next_id == 0 || c->calls[c->next_id & (c->call_room - 1)]);
	call->id = c->next_id;
	call->in_table = true;
	c->calls[call->id & (c->call_room - 1)] = call;
	c->call_count++;
}

/* The call with this id, which is then in the table no longer; NULL: there is none. */
static struct chan_call *
take_call(struct chan *c, uint32_t id)
{
	struct chan_call **at = c->call_room ? &c->calls[id & (c->call_room - 1)] : NULL;
	struct chan_call *call = at ? *at : NULL;

	if (!call || call->id != id)
		return NULL;
	*at = NULL;
	c->call_count--;
	call->in_table = false;
	return call;
}

void
chan_take_answer(struct chan *c, struct frame *f)
{
	struct chan_call *call = take_call(c, f->id);

	if (!call || !call->ret) { /* too late: nobody waits any more */
		if (f->fd >= 0)
			close(f->fd);
	} else {
		*call->ret = *f;
		call->ret->payload = arena_str(call->arena, f->payload);
	}
	if (call) {
		call->answered = true;
		fiber_wake(call->fiber, OK);
	}
}

static enum fault
wait_for_change(struct chan *c, int64_t due_ms)
{
	struct chan_waiter w = { .fiber = fiber_self(c->loop) };
	enum fault f;

	list_append(&c->waiters, &w.link);
	f = fiber_park(c->loop, due_ms);
	list_remove(&w.link);
	return f;
}

/* Waits until the channel is up and has room. */
static enum fault
wait_until_sendable(struct chan *c, int64_t due_ms)
{
	int64_t up_by_ms = loop_now_ms(c->loop) + CHAN_UP_WAIT_MS;

	for (;;) {
		bool up = chan_is_up(c);
		enum fault f;

		if (up && chan_waiting_out(c) <= (c->most_out ? c->most_out : MOST_OUT))
			return OK;
		f = wait_for_change(c, up ? due_ms : MIN(due_ms, up_by_ms));
		if (f == TIMED_OUT && !up)
			return c->down_fault;
		TRY(f);
	}
}

static enum fault
call(struct chan *c, uint16_t type, str payload, int *fd, int64_t due_ms, struct arena *a, struct frame *ret)
{
	struct chan_call call = { .fiber = fiber_self(c->loop), .arena = a, .ret = ret };
	enum fault f;

	assert(call.fiber);
	if (payload.n > CHAN_LARGEST)
		return TOO_BIG;
	TRY(wait_until_sendable(c, due_ms));
	add_call(c, &call);
	chan_put(c, type, 0, call.id, payload, S(""), *fd);
	*fd = -1;
	f = fiber_park(c->loop, due_ms);
	if (call.in_table)
		(void)take_call(c, call.id); /* its answer, if one comes, finds nobody */
	return call.answered ? OK : f; /* it may have come after the deadline, but before this fiber's turn */
}

enum fault
chan_call(struct chan *c, uint16_t type, str payload, int fd, int64_t due_ms, struct arena *a,
	struct frame *ret)
{
	enum fault f = call(c, type, payload, &fd, due_ms, a, ret);

	if (fd >= 0)
		close(fd);
	return f;
}

void
chan_send2(struct chan *c, uint16_t type, uint32_t id, str head, str tail, int fd)
{
	assert(head.n <= CHAN_LARGEST && tail.n <= CHAN_LARGEST - head.n);
	if (chan_is_up(c) && !c->broken) {
		chan_put(c, type, id ? CHAN_ANSWER : 0, id, head, tail, fd);
		if (chan_waiting_out(c) > 8 * (c->most_out ? c->most_out : MOST_OUT))
			chan_break(c, "peer-does-not-read");
	} else if (fd >= 0) {
		close(fd);
	}
}

void
chan_send(struct chan *c, uint16_t type, uint32_t id, str payload, int fd)
{
	chan_send2(c, type, id, payload, S(""), fd);
}
