/* roles/pop3/waiting.c - a session is a connection and the right to an account; they come from two processes, in any order */
#include "roles/pop3/pop3.h"

#include "base/mem.h"

#include <unistd.h>

struct waiting {
	struct link link;
	struct arena arena;
	char token[POP3_TOKEN];
	int64_t due_ms;
	bool granted, handed_over;
	uint32_t account;
	str address;
	int fd;
	struct talk_handover handover; /* strings in the arena */
};

static void
forget(struct pop3 *p, struct waiting *w)
{
	table_remove(&p->waiting, str_of(w->token, sizeof(w->token)));
	list_remove(&w->link);
	if (w->fd >= 0)
		(void)close(w->fd);
	arena_done(&w->arena);
	free(w);
}

static void
set_timer(struct pop3 *p)
{
	struct waiting *oldest = CONTAINER(p->waiting_list.next, struct waiting, link);

	timer_set(p->role->loop, &p->waiting_timer, list_empty(&p->waiting_list) ? NEVER_MS : oldest->due_ms);
}

static void
on_timer(struct timer *t)
{
	struct pop3 *p = CONTAINER(t, struct pop3, waiting_timer);

	LIST_EACH(&p->waiting_list, l) {
		struct waiting *w = CONTAINER(l, struct waiting, link);

		if (w->due_ms > loop_now_ms(p->role->loop))
			break;
		log_warn(&p->role->log, "session-unmatched",
			kv_c("missing", w->granted ? "handover" : "grant"));
		forget(p, w);
	}
	set_timer(p);
}

static struct waiting *
find_or_add(struct pop3 *p, str token)
{
	struct waiting *w = table_get(&p->waiting, token);

	if (w)
		return w;
	if (p->waiting.n >= POP3_WAITING) {
		log_warn(&p->role->log, "too-many-unmatched", kv_uint("most", POP3_WAITING));
		forget(p, CONTAINER(p->waiting_list.next, struct waiting, link));
	}
	w = NEW(struct waiting);
	memcpy(w->token, token.p, sizeof(w->token));
	w->fd = -1;
	w->due_ms = loop_now_ms(p->role->loop) + POP3_WAITING_MS;
	table_put(&p->waiting, str_of(w->token, sizeof(w->token)), w);
	list_append(&p->waiting_list, &w->link);
	p->waiting_timer.fn = on_timer;
	set_timer(p);
	return w;
}

static void
start_if_whole(struct pop3 *p, struct waiting *w)
{
	int fd = w->fd;

	if (!w->granted || !w->handed_over)
		return;
	w->fd = -1;
	pop3_session_start(p, fd, &w->handover, w->account, w->address);
	forget(p, w);
	set_timer(p);
}

/* The first word counts: a token is random and named once. */
void
pop3_on_grant(struct pop3 *p, const struct talk_grant *m)
{
	struct waiting *w = find_or_add(p, m->session);

	if (w->granted)
		return;
	w->granted = true;
	w->account = m->account;
	w->address = arena_str(&w->arena, m->address);
	start_if_whole(p, w);
}

void
pop3_on_handover(struct pop3 *p, const struct talk_handover *m, int fd)
{
	struct waiting *w = find_or_add(p, m->session);

	if (w->handed_over) {
		(void)close(fd);
		return;
	}
	w->handed_over = true;
	w->fd = fd;
	w->handover = *m;
	w->handover.session = S("");
	w->handover.id = arena_str(&w->arena, m->id);
	w->handover.client = arena_str(&w->arena, m->client);
	w->handover.greeting = arena_str(&w->arena, m->greeting);
	w->handover.input = arena_str(&w->arena, m->input);
	start_if_whole(p, w);
}

void
pop3_waiting_done(struct pop3 *p)
{
	LIST_EACH(&p->waiting_list, l)
		forget(p, CONTAINER(l, struct waiting, link));
	timer_clear(&p->waiting_timer);
	table_done(&p->waiting);
}
