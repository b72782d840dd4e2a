/* roles/store/notices.c - who wants to know that a mailbox has changed
 * A topic is a mailbox that somebody watches. What an effect touches is looked up here (one look at a hash table, none at all while nobody
 * watches); a watcher of it owes a notice, once however many effects a commit holds. Notices go when nothing is uncommitted: whoever
 * looks when he has heard one sees what it speaks of. Nothing here waits: a channel that is full keeps its notices owed, and they
 * become one. */
#include "roles/store/role.h"

#include "base/mem.h"

#include <stdlib.h>

enum { NOTICE_BACKLOG = 32 * 1024 /* octets that wait in a channel before it gets no more notices */ };

struct topic {
	uint32_t key[2]; /* account, mailbox */
	struct link watchers;
};
struct watcher {
	struct link of_topic, of_peer, owed;
	struct topic *topic;
	struct store_peer *peer;
	uint64_t told; /* the modseq he knows of; 0: none */
};

void
store_notices_init(struct storekeeper *s)
{
	struct hash_key key;

	loop_random(s->role->loop, &key, sizeof(key));
	table_init(&s->topics, key);
	list_init(&s->owed);
}

/* ---- watchers ---- */

static str
key_of(const uint32_t key[2])
{
	return str_of(key, 2 * sizeof(*key));
}

static struct topic *
find_topic(const struct storekeeper *s, uint32_t account, uint32_t mailbox)
{
	const uint32_t key[2] = { account, mailbox };

	return table_get(&s->topics, key_of(key));
}

static struct watcher *
find_watcher(const struct topic *t, const struct store_peer *p)
{
	LIST_EACH(&t->watchers, l) {
		struct watcher *w = CONTAINER(l, struct watcher, of_topic);

		if (w->peer == p)
			return w;
	}
	return NULL;
}

static void
owe(struct storekeeper *s, struct watcher *w)
{
	if (!w->owed.next)
		list_append(&s->owed, &w->owed);
}

static void
forget(struct storekeeper *s, struct watcher *w)
{
	struct topic *t = w->topic;

	list_remove(&w->of_topic);
	list_remove(&w->of_peer);
	list_remove(&w->owed);
	w->peer->watches--;
	free(w);
	if (!list_empty(&t->watchers))
		return;
	table_remove(&s->topics, key_of(t->key));
	free(t);
}

void
store_notices_drop(struct store_peer *p)
{
	LIST_EACH(&p->watchers, l)
		forget(p->role, CONTAINER(l, struct watcher, of_peer));
}

void
store_notices_done(struct storekeeper *s)
{
	for (size_t i = 0; i < STORE_PEERS; i++)
		if (s->peers[i].kind)
			store_notices_drop(&s->peers[i]);
	table_done(&s->topics);
}

static void
say(struct store_peer *p, const struct talk_notice *n)
{
	struct buf b = { 0 };

	talk_put_notice(&b, n);
	chan_send(&p->chan, TALK_SAY_notice, 0, buf_str(&b), -1);
	buf_done(&b);
}

void
store_on_watch(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_watch ask;
	struct topic *t;
	struct watcher *w;

	if (!talk_read_watch(f->payload, &ask) || ask.account == 0 || ask.mailbox == 0) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	t = find_topic(s, ask.account, ask.mailbox);
	w = t ? find_watcher(t, p) : NULL;
	if (!w && p->watches >= STORE_WATCHES) {
		say(p, &(struct talk_notice){
			       .fault = TOO_BUSY, .account = ask.account, .mailbox = ask.mailbox });
		return;
	}
	if (!t) {
		t = NEW(struct topic);
		t->key[0] = ask.account;
		t->key[1] = ask.mailbox;
		list_init(&t->watchers);
		table_put(&s->topics, key_of(t->key), t);
	}
	if (!w) {
		w = NEW(struct watcher);
		w->topic = t;
		w->peer = p;
		list_append(&t->watchers, &w->of_topic);
		list_append(&p->watchers, &w->of_peer);
		p->watches++;
	}
	w->told = 0;
	owe(s, w);
}

void
store_on_unwatch(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_unwatch ask;
	struct topic *t;
	struct watcher *w;

	if (!talk_read_unwatch(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	t = find_topic(s, ask.account, ask.mailbox);
	w = t ? find_watcher(t, p) : NULL;
	if (w)
		forget(s, w);
}

/* ---- changes ---- */

static void
owe_all(struct storekeeper *s, const struct topic *t)
{
	LIST_EACH(&t->watchers, l)
		owe(s, CONTAINER(l, struct watcher, of_topic));
}

void
store_notices_changed(void *ctx, uint32_t account, uint32_t mailbox)
{
	struct storekeeper *s = ctx;
	struct topic *t;
	size_t at = 0;

	if (s->topics.n == 0)
		return;
	if (mailbox) {
		t = find_topic(s, account, mailbox);
		if (t)
			owe_all(s, t);
		return;
	}
	while ((t = table_next(&s->topics, &at))) /* an account has gone: rare */
		if (t->key[0] == account)
			owe_all(s, t);
}

/* False: his channel is full, later. */
static bool
tell(struct storekeeper *s, struct watcher *w)
{
	struct store_peer *p = w->peer;
	struct talk_notice n = { .account = w->topic->key[0], .mailbox = w->topic->key[1] };
	struct store_mailbox m = { 0 };

	if (p->chan.out.n - p->chan.out_at > NOTICE_BACKLOG)
		return false;
	n.fault = view_mailbox(store_now(s->store), n.account, n.mailbox, &m);
	n.modseq = m.modseq;
	n.exists = m.exists;
	list_remove(&w->owed);
	if (n.fault == OK && w->told == n.modseq)
		return true;
	w->told = n.modseq;
	say(p, &n);
	if (n.fault == NOT_FOUND)
		forget(s, w);
	return true;
}

void
store_notices_send(struct storekeeper *s)
{
	if (store_has_uncommitted(s->store))
		return;
	LIST_EACH(&s->owed, l)
		(void)tell(s, CONTAINER(l, struct watcher, owed));
}
