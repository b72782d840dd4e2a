#include "roles/role.h"

#include "base/mem.h"
#include "conf/maps.h"

#include <sysexits.h>
#include <unistd.h>

static void
before_sleep(struct hook *h)
{
	struct role *r = CONTAINER(h, struct role, hook);

	log_flush(&r->sink);
}

static void
drain_over(struct timer *t)
{
	struct role *r = CONTAINER(t, struct role, drain_timer);

	log_warn(&r->log, "drain-cut", kv_uint("sessions", r->sessions));
	role_stop(r, EX_OK);
}

static void
begin_drain(struct role *r, int64_t grace_ms)
{
	if (r->draining)
		return;
	r->draining = true;
	r->drain_by_ms = loop_now_ms(r->loop) + grace_ms;
	if (r->on_drain)
		r->on_drain(r);
	if (r->sessions == 0) {
		role_stop(r, EX_OK);
		return;
	}
	r->drain_timer.fn = drain_over;
	timer_set(r->loop, &r->drain_timer, r->drain_by_ms);
}

static void
from_master(struct chan *c, struct frame *f)
{
	struct role *r = c->ctx;
	struct talk_peer peer;
	struct talk_table table;
	struct talk_drain drain;

	if (!role_check_frame(r, c, f, TALK_MASTER))
		return;
	switch (f->type) {
	case TALK_SAY_peer:
		if (!talk_read_peer(f->payload, &peer) || f->fd < 0) {
			role_bad_frame(r, c, f, "fields");
			return;
		}
		if (r->on_peer)
			r->on_peer(r, peer.role, peer.number, f->fd);
		else
			close(f->fd);
		f->fd = -1;
		return;
	case TALK_SAY_table:
		if (!talk_read_table(f->payload, &table) || f->fd < 0) {
			role_bad_frame(r, c, f, "fields");
			return;
		}
		if (conf_table_take(r->conf, table.number, f->fd) != OK)
			log_error(&r->log, "table-broken", kv_uint("number", table.number),
				kv_c("why", "master's image of it is malformed; the old content stays"));
		f->fd = -1;
		return;
	case TALK_SAY_drain:
		if (talk_read_drain(f->payload, &drain))
			begin_drain(r, drain.grace_ms);
		return;
	default: role_bad_frame(r, c, f, "type");
	}
}

/* Without master nobody restarts peers or drains: the role ends as when it is told to, at once. */
static void
master_gone(struct chan *c)
{
	struct role *r = c->ctx;

	log_warn(&r->log, "master-gone");
	role_stop(r, EX_OK);
}

enum fault
role_drop(struct role *r)
{
	if (!r->dropped)
		TRY(jail_drop_to(conf_path(r->conf, CONF_mail_owner), &r->log));
	r->dropped = true;
	return OK;
}

enum fault
role_ready(struct role *r, const struct jail *jail)
{
	struct buf b = { 0 };
	struct talk_ready ready = { .sessions = 0 };

	r->hook.fn = before_sleep;
	loop_before_sleep(r->loop, &r->hook);
	r->master.ctx = r;
	r->master.on_frame = from_master;
	r->master.on_down = master_gone;
	TRY(role_drop(r));
	TRY(jail_close(jail, &r->log));
	talk_put_ready(&b, &ready);
	chan_send(&r->master, TALK_SAY_ready, 0, buf_str(&b), -1);
	buf_done(&b);
	return OK;
}

void
role_session_began(struct role *r)
{
	r->sessions++;
}

void
role_session_ended(struct role *r)
{
	r->sessions--;
	if (r->draining && r->sessions == 0)
		role_stop(r, EX_OK);
}

int
role_loop(struct role *r)
{
	loop_run(r->loop);
	timer_clear(&r->drain_timer);
	loop_forget_hook(&r->hook);
	log_flush(&r->sink);
	return r->status;
}

void
role_stop(struct role *r, int status)
{
	r->status = status;
	loop_stop(r->loop);
}

void
role_bad_frame(struct role *r, struct chan *c, const struct frame *f, const char *why)
{
	log_error(&r->log, "bad-frame", kv_c("channel", c->name), kv_c("type", talk_type_name(f->type)),
		kv_c("why", why));
	chan_down(c);
}

bool
role_check_frame(struct role *r, struct chan *c, const struct frame *f, unsigned from)
{
	bool wants_answer = false;

	if (!talk_may_say(f->type, from, r->kind, &wants_answer)) {
		role_bad_frame(r, c, f, "not permitted");
		return false;
	}
	if (wants_answer != (f->id != 0)) {
		role_bad_frame(r, c, f, "answer");
		return false;
	}
	return true;
}
