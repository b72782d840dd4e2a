#include "roles/notices.h"

#include "base/mem.h"

#include <stdlib.h>

struct notice_topic {
	uint32_t key[2]; /* account, mailbox */
	struct link subscriptions;
	struct notice last; /* modseq 0: nothing heard yet */
	unsigned calling;   /* its subscribers are being called: it stays although the last may end */
};

void
notices_init(struct notices *n, struct loop *loop, struct chan *store)
{
	struct hash_key key;

	loop_random(loop, &key, sizeof(key));
	n->store = store;
	table_init(&n->topics, key);
}

void
notices_done(struct notices *n)
{
	struct notice_topic *t;
	size_t at = 0;

	while ((t = table_next(&n->topics, &at)))
		free(t);
	table_done(&n->topics);
}

static str
key_of(const uint32_t key[2])
{
	return str_of(key, 2 * sizeof(*key));
}

static void
say_watch(struct notices *n, const struct notice_topic *t)
{
	struct talk_watch m = { .account = t->key[0], .mailbox = t->key[1] };
	struct buf b = { 0 };

	talk_put_watch(&b, &m);
	chan_send(n->store, TALK_SAY_watch, 0, buf_str(&b), -1);
	buf_done(&b);
}

static void
say_unwatch(struct notices *n, const struct notice_topic *t)
{
	struct talk_unwatch m = { .account = t->key[0], .mailbox = t->key[1] };
	struct buf b = { 0 };

	talk_put_unwatch(&b, &m);
	chan_send(n->store, TALK_SAY_unwatch, 0, buf_str(&b), -1);
	buf_done(&b);
}

void
notices_subscribe(struct notices *n, struct subscription *s, uint32_t account, uint32_t mailbox)
{
	const uint32_t key[2] = { account, mailbox };
	struct notice_topic *t = table_get(&n->topics, key_of(key));

	if (!t) {
		t = NEW(struct notice_topic);
		memcpy(t->key, key, sizeof(key));
		list_init(&t->subscriptions);
		table_put(&n->topics, key_of(t->key), t);
		say_watch(n, t);
	}
	s->topic = t;
	list_append(&t->subscriptions, &s->link);
}

static void
forget_unused(struct notices *n, struct notice_topic *t)
{
	if (t->calling || !list_empty(&t->subscriptions))
		return;
	table_remove(&n->topics, key_of(t->key));
	free(t);
}

void
notices_unsubscribe(struct notices *n, struct subscription *s)
{
	struct notice_topic *t = s->topic;

	if (!t)
		return;
	list_remove(&s->link);
	s->topic = NULL;
	if (list_empty(&t->subscriptions) && !t->calling)
		say_unwatch(n, t);
	forget_unused(n, t);
}

void
notices_store_up(struct notices *n)
{
	struct notice_topic *t;
	size_t at = 0;

	while ((t = table_next(&n->topics, &at)))
		say_watch(n, t);
}

/* A subscriber may end any subscription, his own and others': those still to be called stand in a list of their own, which ending takes
 * them out of. */
static void
call_all(struct notices *n, struct notice_topic *t, const struct notice *m)
{
	struct link due, *l;

	list_init(&due);
	while ((l = list_take_first(&t->subscriptions)))
		list_append(&due, l);
	t->calling++;
	while ((l = list_take_first(&due))) {
		struct subscription *s = CONTAINER(l, struct subscription, link);

		if (m->fault == NOT_FOUND)
			s->topic = NULL;
		else
			list_append(&t->subscriptions, l);
		s->fn(s, m);
	}
	t->calling--;
	/* Who subscribed to what has just gone is answered anew. */
	if (m->fault == NOT_FOUND && !list_empty(&t->subscriptions))
		say_watch(n, t);
	else if (m->fault != NOT_FOUND && list_empty(&t->subscriptions))
		say_unwatch(n, t);
	forget_unused(n, t);
}

bool
notices_on_frame(struct notices *n, const struct frame *f)
{
	struct talk_notice m;
	struct notice_topic *t;
	uint32_t key[2];

	if (f->type != TALK_SAY_notice || !talk_read_notice(f->payload, &m))
		return false;
	key[0] = m.account;
	key[1] = m.mailbox;
	t = table_get(&n->topics, key_of(key));
	if (!t || t->calling) /* ended while it was under way */
		return true;
	if (m.fault == OK && t->last.fault == OK && t->last.modseq == m.modseq)
		return true;
	t->last = (struct notice){ m.fault, m.account, m.mailbox, m.modseq, m.exists };
	call_all(n, t, &t->last);
	return true;
}
