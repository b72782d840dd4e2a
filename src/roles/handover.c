#include "roles/handover.h"

#include "base/mem.h"
#include "roles/limits.h"
#include "rt/sock.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	MOST = 4096,    /* sessions of which only one half is there */
	WAIT_MS = 10000 /* how long they wait for the other */
};

struct waiting {
	struct link link;
	struct arena arena;
	char token[HANDOVER_TOKEN];
	int64_t due_ms;
	bool granted, handed_over;
	uint32_t account;
	str address;
	int fd;
	struct talk_handover handover; /* strings in the arena */
};

static void
forget(struct handovers *h, struct waiting *w)
{
	table_remove(&h->waiting, str_of(w->token, sizeof(w->token)));
	list_remove(&w->link);
	if (w->fd >= 0)
		(void)close(w->fd);
	arena_done(&w->arena);
	free(w);
}

static void
set_timer(struct handovers *h)
{
	struct waiting *oldest = CONTAINER(h->list.next, struct waiting, link);

	timer_set(h->role->loop, &h->timer, list_empty(&h->list) ? NEVER_MS : oldest->due_ms);
}

static void
on_timer(struct timer *t)
{
	struct handovers *h = CONTAINER(t, struct handovers, timer);

	LIST_EACH(&h->list, l) {
		struct waiting *w = CONTAINER(l, struct waiting, link);

		if (w->due_ms > loop_now_ms(h->role->loop))
			break;
		log_warn(&h->role->log, "session-unmatched",
			kv_c("missing", w->granted ? "handover" : "grant"));
		forget(h, w);
	}
	set_timer(h);
}

static struct waiting *
find_or_add(struct handovers *h, str token)
{
	struct waiting *w = table_get(&h->waiting, token);

	if (w)
		return w;
	if (h->waiting.n >= MOST) {
		log_warn(&h->role->log, "too-many-unmatched", kv_uint("most", MOST));
		forget(h, CONTAINER(h->list.next, struct waiting, link));
	}
	w = NEW(struct waiting);
	memcpy(w->token, token.p, sizeof(w->token));
	w->fd = -1;
	w->due_ms = loop_now_ms(h->role->loop) + WAIT_MS;
	table_put(&h->waiting, str_of(w->token, sizeof(w->token)), w);
	list_append(&h->list, &w->link);
	set_timer(h);
	return w;
}

static void
start_if_whole(struct handovers *h, struct waiting *w)
{
	int fd = w->fd;

	if (!w->granted || !w->handed_over)
		return;
	w->fd = -1;
	h->start(h->ctx, fd, &w->handover, w->account, w->address);
	forget(h, w);
	set_timer(h);
}

/* The first word counts: a token is random and named once. */
bool
handovers_on_grant(struct handovers *h, const struct frame *f)
{
	struct talk_grant m;
	struct waiting *w;

	if (!talk_read_grant(f->payload, &m) || m.session.n != HANDOVER_TOKEN || m.account == 0)
		return false;
	w = find_or_add(h, m.session);
	if (w->granted)
		return true;
	w->granted = true;
	w->account = m.account;
	w->address = arena_str(&w->arena, m.address);
	start_if_whole(h, w);
	return true;
}

static void
keep(struct waiting *w, const struct talk_handover *m)
{
	w->handover = *m;
	w->handover.session = S("");
	w->handover.id = arena_str(&w->arena, m->id);
	w->handover.client = arena_str(&w->arena, m->client);
	w->handover.greeting = arena_str(&w->arena, m->greeting);
	w->handover.input = arena_str(&w->arena, m->input);
}

bool
handovers_on_handover(struct handovers *h, struct frame *f)
{
	struct talk_handover m;
	struct waiting *w;
	int fd = f->fd;

	if (!talk_read_handover(f->payload, &m) || m.session.n != HANDOVER_TOKEN || fd < 0 ||
		m.input.n > HANDOVER_INPUT)
		return false;
	f->fd = -1;
	w = find_or_add(h, m.session);
	if (w->handed_over) {
		(void)close(fd);
		return true;
	}
	w->handed_over = true;
	w->fd = fd;
	keep(w, &m);
	start_if_whole(h, w);
	return true;
}

bool
handover_counts(struct role *r, const struct talk_handover *m, unsigned char ret_key[9])
{
	struct peer peer;

	if (m->tls || !peer_parse(m->client, &peer))
		return false;
	peer_client_key(&peer, ret_key);
	return limits_enter(r->limits, r->column, LIMITS_LOGIN, ret_key, 0, 0, 1000, loop_now_ms(r->loop)) ==
	       OK;
}

void
handovers_init(struct handovers *h, struct role *r)
{
	struct hash_key key;

	h->role = r;
	loop_random(r->loop, &key, sizeof(key));
	table_init(&h->waiting, key);
	list_init(&h->list);
	h->timer.fn = on_timer;
}

void
handovers_done(struct handovers *h)
{
	LIST_EACH(&h->list, l)
		forget(h, CONTAINER(l, struct waiting, link));
	timer_clear(&h->timer);
	table_done(&h->waiting);
}
