#include "roles/store/role.h"

#include "base/mem.h"
#include "rt/sock.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	COMMIT_AFTER_MS = 20, /* readers that wait make it sooner */
	UPKEEP_MS = 10000,
	UPKEEP_BUSY_MS = 10,
	UPKEEP_BYTES = 1 << 20,
	POOL_THREADS = 2,
	MOST_TURNS = 16
};

static store_handler *const handlers[TALK_TYPES] = {
	[TALK_ASK_names_ask] = store_on_names,
	[TALK_ASK_accept] = store_on_accept,
	[TALK_ASK_append] = store_on_append,
	[TALK_ASK_mailbox_make] = store_on_mailbox_make,
	[TALK_ASK_keyword_put] = store_on_keyword,
	[TALK_ASK_large_new] = store_on_large_new,
	[TALK_ASK_large_add] = store_on_large_add,
	[TALK_SAY_large_drop] = store_on_large_drop,
	[TALK_ASK_apply] = store_on_apply,
	[TALK_ASK_expunge] = store_on_expunge,
	[TALK_ASK_add_flags] = store_on_flags,
	[TALK_ASK_flag_ask] = store_on_flag_ask,
	[TALK_ASK_copy_ask] = store_on_copy_ask,
	[TALK_ASK_mailbox_rename] = store_on_mailbox_rename,
	[TALK_ASK_mailbox_delete] = store_on_mailbox_delete,
	[TALK_ASK_mailbox_subscribe] = store_on_mailbox_subscribe,
	[TALK_SAY_watch] = store_on_watch,
	[TALK_SAY_unwatch] = store_on_unwatch,
	[TALK_ASK_secret_put] = store_on_secret,
	[TALK_ASK_domain_put] = store_on_domain_put,
	[TALK_ASK_domain_remove] = store_on_domain_remove,
	[TALK_ASK_account_put] = store_on_account_put,
	[TALK_ASK_account_remove] = store_on_account_remove,
	[TALK_ASK_alias_put] = store_on_alias,
	[TALK_ASK_stats_ask] = store_on_stats,
};

static void
on_frame(struct chan *c, struct frame *f)
{
	struct store_peer *p = c->ctx;
	struct storekeeper *s = p->role;

	if (!role_check_frame(s->role, c, f, p->kind))
		return;
	if (!handlers[f->type]) {
		role_bad_frame(s->role, c, f, "no handler");
		return;
	}
	handlers[f->type](s, p, f);
	arena_reset(&s->scratch);
}

/* ---- answers ---- */

static void
add_answer(struct store_answer **list, size_t *count, size_t *room, struct store_answer a)
{
	if (*count == *room) {
		*room = *room ? *room * 2 : 256;
		*list = mem_grow(*list, *room * sizeof(**list));
	}
	(*list)[(*count)++] = a;
}

void
store_answer_later(struct storekeeper *s, struct store_peer *p, const struct frame *f, str payload)
{
	struct store_answer a = { p, f->type, f->id, (uint32_t)s->answer_bytes.n, (uint32_t)payload.n };

	buf_add(&s->answer_bytes, payload);
	add_answer(&s->answers, &s->answer_count, &s->answer_room, a);
}

/* The same answer, saying that it did not happen. All answers to effects begin with their fault. */
static void
send_failure(const struct store_answer *a, enum fault fault)
{
	struct buf b = { 0 };

	switch (a->type) {
	case TALK_ASK_accept: talk_put_accepted(&b, &(struct talk_accepted){ .fault = fault }); break;
	case TALK_ASK_expunge: talk_put_expunged(&b, &(struct talk_expunged){ .fault = fault }); break;
	case TALK_ASK_flag_ask: talk_put_flag_told(&b, &(struct talk_flag_told){ .fault = fault }); break;
	case TALK_ASK_copy_ask: talk_put_copy_told(&b, &(struct talk_copy_told){ .fault = fault }); break;
	case TALK_ASK_append: talk_put_verdict(&b, &(struct talk_verdict){ .fault = fault }); break;
	case TALK_ASK_mailbox_make:
		talk_put_mailbox_made(&b, &(struct talk_mailbox_made){ .fault = fault });
		break;
	case TALK_ASK_keyword_put:
		talk_put_keyword_told(&b, &(struct talk_keyword_told){ .fault = fault });
		break;
	case TALK_ASK_account_put:
		talk_put_account_made(&b, &(struct talk_account_made){ .fault = fault });
		break;
	default: talk_put_done(&b, &(struct talk_done){ .fault = fault });
	}
	chan_send(&a->peer->chan, a->type, a->id, buf_str(&b), -1);
	buf_done(&b);
}

static void
send_answers(struct storekeeper *s, enum fault fault)
{
	for (size_t i = 0; i < s->answer_count; i++) {
		const struct store_answer *a = &s->answers[i];

		if (fault == OK)
			chan_send(
				&a->peer->chan, a->type, a->id, str_of(s->answer_bytes.p + a->at, a->n), -1);
		else
			send_failure(a, fault);
	}
	for (size_t i = 0; i < s->answer_count; i++)
		chan_flush(&s->answers[i].peer->chan);
	s->answer_count = 0;
	buf_clear(&s->answer_bytes);
}

static void
answer_appliers(struct storekeeper *s, enum fault fault)
{
	for (size_t i = 0; i < s->applier_count; i++) {
		const struct store_answer *a = &s->appliers[i];
		ROLE_ANSWER(&a->peer->chan, a, done, { .fault = fault });
		chan_flush(&a->peer->chan);
	}
	s->applier_count = 0;
}

void
store_on_apply(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_apply ask;

	if (!talk_read_apply(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	add_answer(&s->appliers, &s->applier_count, &s->applier_room,
		(struct store_answer){ p, f->type, f->id, 0, 0 });
}

/* ---- the batch ---- */

static void
bury_admins(struct storekeeper *s)
{
	LIST_EACH(&s->admins, l) {
		struct store_peer *p = CONTAINER(l, struct store_peer, link);

		if (p->gone && !p->busy) {
			list_remove(&p->link);
			loop_forget_hook(&p->chan.hook);
			buf_done(&p->chan.in);
			buf_done(&p->chan.out);
			free(p);
		}
	}
}

static void
commit_due(struct timer *t)
{
	CONTAINER(t, struct storekeeper, commit_timer)->commit_now = true;
}

/* Lets those who are about to ask be in this batch: never sleeps for it, only gives way to whoever can run now, and goes on as long as each turn
 * brings somebody. On an idle machine that is one look at the channels. */
static bool
wait_for_company(struct storekeeper *s)
{
	if (s->answer_count == s->company || s->turns == MOST_TURNS)
		return false;
	s->company = s->answer_count;
	s->turns++;
	(void)sched_yield();
	loop_hurry(s->role->loop);
	return true;
}

static void
before_sleep(struct hook *h)
{
	struct storekeeper *s = CONTAINER(h, struct storekeeper, hook);
	enum fault f = OK;

	if (store_has_batch(s->store)) {
		if (!s->role->draining && wait_for_company(s))
			return;
		s->turns = 0;
		s->company = 0;
		f = store_flush(s->store);
		if (f != OK)
			log_error(&s->role->log, "batch-failed", kv_c("fault", fault_words(f)->name),
				kv_uint("requests", s->answer_count));
	}
	if (s->answer_count)
		send_answers(s, f);
	if (store_has_uncommitted(s->store)) {
		if (s->commit_now || s->applier_count) {
			f = store_commit(s->store);
			if (f != OK)
				log_error(
					&s->role->log, "commit-failed", kv_c("fault", fault_words(f)->name));
			s->commit_now = false;
			timer_clear(&s->commit_timer);
		} else if (!s->commit_timer.at) {
			timer_set(s->role->loop, &s->commit_timer,
				loop_now_ms(s->role->loop) + COMMIT_AFTER_MS);
		}
	}
	if (s->applier_count)
		answer_appliers(s, f);
	if (!list_empty(&s->owed))
		store_notices_send(s);
	bury_admins(s);
}

/* Space of what was removed is given back a little at a time, never in the way of a batch. */
static void
upkeep(struct timer *t)
{
	struct storekeeper *s = CONTAINER(t, struct storekeeper, upkeep_timer);
	bool more = store_compact_step(s->store, UPKEEP_BYTES);

	timer_set(s->role->loop, t, loop_now_ms(s->role->loop) + (more ? UPKEEP_BUSY_MS : UPKEEP_MS));
}

/* ---- peers ---- */

static void
peer_begin(struct storekeeper *s, struct store_peer *p, unsigned kind, uint32_t number)
{
	p->kind = kind;
	p->number = number;
	p->role = s;
	list_init(&p->larges);
	list_init(&p->watchers);
	chan_init(&p->chan, s->role->loop, talk_role_name(kind), CLOSED);
	p->chan.ctx = p;
	p->chan.on_frame = on_frame;
}

static void
peer_down(struct chan *c)
{
	struct store_peer *p = c->ctx;

	store_drop_larges(p);
	store_notices_drop(p);
}

static void
on_peer(struct role *r, unsigned kind, uint32_t number, int fd)
{
	struct storekeeper *s = r->own;
	struct store_peer *p = NULL;

	for (size_t i = 0; i < STORE_PEERS && !p; i++)
		if (s->peers[i].kind == kind && s->peers[i].number == number &&
			!chan_is_up(&s->peers[i].chan))
			p = &s->peers[i];
	for (size_t i = 0; i < STORE_PEERS && !p; i++)
		if (s->peers[i].kind == 0 || !chan_is_up(&s->peers[i].chan))
			p = &s->peers[i];
	if (!p) {
		log_error(&r->log, "too-many-peers", kv_int("most", STORE_PEERS));
		(void)close(fd);
		return;
	}
	if (p->kind) {
		store_drop_larges(p);
		store_notices_drop(p);
	}
	if (!p->kind)
		peer_begin(s, p, kind, number);
	p->kind = kind;
	p->number = number;
	p->chan.name = talk_role_name(kind);
	p->chan.on_down = peer_down;
	chan_up(&p->chan, fd);
}

static void
admin_down(struct chan *c)
{
	struct store_peer *p = c->ctx;

	store_drop_larges(p);
	p->gone = true;
}

/* The command line of root or of the server's own user. */
static void
on_control(struct watch *w)
{
	struct storekeeper *s = CONTAINER(w, struct storekeeper, control);
	int fd;

	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct ucred who = { .uid = (uid_t)-1 };
		socklen_t n = sizeof(who);
		struct store_peer *p;

		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 ||
			(who.uid != 0 && who.uid != geteuid())) {
			log_warn(&s->role->log, "control-refused", kv_int("uid", who.uid),
				kv_int("pid", who.pid));
			(void)close(fd);
			continue;
		}
		p = NEW(struct store_peer);
		peer_begin(s, p, TALK_ADMIN, 0);
		p->chan.on_down = admin_down;
		list_append(&s->admins, &p->link);
		chan_up(&p->chan, fd);
	}
	w->ready &= ~(uint32_t)READY_IN;
}

/* ---- the role ---- */

static int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct storekeeper *
storekeeper_new(struct role *r)
{
	struct storekeeper *s = NEW(struct storekeeper);
	struct store_settings set = {
		.least_free_bytes = (uint64_t)conf_int(r->conf, CONF_queue_minfree),
		.wall_ms = wall_ms,
		.changed = store_notices_changed,
		.changed_ctx = s,
	};
	char dir[300];

	snprintf(dir, sizeof(dir), "%s/store", r->state_dir);
	set.dir = dir;
	s->role = r;
	r->own = s;
	list_init(&s->admins);
	store_notices_init(s);
	if (store_open(&set, &r->log, &s->store) != OK) {
		store_notices_done(s);
		free(s);
		return NULL;
	}
	r->on_peer = on_peer;
	s->hook.fn = before_sleep;
	loop_before_sleep(r->loop, &s->hook);
	s->commit_timer.fn = commit_due;
	s->upkeep_timer.fn = upkeep;
	timer_set(r->loop, &s->upkeep_timer, loop_now_ms(r->loop) + UPKEEP_MS);
	s->control.fd = -1;
	return s;
}

void
storekeeper_free(struct storekeeper *s)
{
	timer_clear(&s->commit_timer);
	timer_clear(&s->upkeep_timer);
	loop_forget_hook(&s->hook);
	for (size_t i = 0; i < STORE_PEERS; i++)
		if (s->peers[i].kind)
			chan_down(&s->peers[i].chan);
	store_notices_done(s);
	if (s->pool)
		pool_free(s->pool);
	store_close(s->store);
	free(s->answers);
	free(s->appliers);
	buf_done(&s->answer_bytes);
	arena_done(&s->scratch);
	free(s);
}

static int
run(struct storekeeper *s)
{
	struct role *r = s->role;
	const char *paths[] = { r->state_dir, NULL };
	struct jail jail = { JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_ACCEPT | JAIL_THREADS, paths, paths };

	s->pool = pool_new(r->loop, POOL_THREADS);
	for (size_t i = 0; i < r->listener_count; i++)
		if (watch_start(r->loop, &s->control, r->listeners[i].fd, on_control) != OK)
			return EX_OSERR;
	if (role_ready(r, &jail) != OK)
		return EX_OSERR;
	return role_loop(r);
}

int
store_role(struct role *r)
{
	struct storekeeper *s;
	int status;

	if (role_drop(r) != OK)
		return EX_NOUSER;
	s = storekeeper_new(r);
	if (!s)
		return EX_UNAVAILABLE;
	status = run(s);
	before_sleep(&s->hook); /* what came in the last iteration */
	store_close(s->store);
	log_flush(&r->sink);
	return status;
}
