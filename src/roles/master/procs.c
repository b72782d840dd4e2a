/* roles/master/procs.c - forking, wiring, starting again */
#include "roles/master/master.h"

#include "base/mem.h"
#include "conf/maps.h"
#include "roles/limits.h"
#include "rt/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	FIRST_BACKOFF_MS = 50,
	LONGEST_BACKOFF_MS = 10000,
	LIVED_WELL_MS = 10000,
	STOP_GRACE_MS = 10000,
	RELOAD_GRACE_MS = 300000
};

static const char *
name_of(const struct proc *p)
{
	return talk_role_name(p->kind->kind);
}

/* ---- in the child ---- */

/* Everything but standard input and output, the log and what is named is master's. */
static void
close_others(const struct master *m, const struct proc *p, int keep)
{
	int last = 1024;

	for (int fd = 3; fd < last; fd++) {
		bool mine = fd == keep || fd == m->sink.fd;
		for (size_t i = 0; i < m->listener_count && !mine; i++)
			for (const char *const *s = p->kind->services; *s; s++)
				mine |= m->listeners[i].fd == fd &&
					strcmp(*s, m->listeners[i].service) == 0 &&
					m->listeners[i].generation == m->generation;
		if (!mine)
			(void)close(fd);
	}
	(void)close_range((unsigned)last, ~0u, 0);
}

static void
reset_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGINT, SIGHUP, SIGTERM };
	sigset_t none;

	for (size_t i = 0; i < COUNT(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
be_role(struct master *m, struct proc *p, int master_fd)
{
	struct role_listener listeners[MASTER_LISTENERS];
	struct role *r = NEW(struct role);
	char title[16];
	int status;

	reset_signals();
	close_others(m, p, master_fd);
	snprintf(title, sizeof(title), "pr-%s-%u", name_of(p), p->number);
	(void)prctl(PR_SET_NAME, title);
	buf_clear(&m->sink.lines);
	r->kind = p->kind->kind;
	r->number = p->number;
	r->column = p->column;
	r->conf = m->conf;
	if (!p->kind->tables)
		conf_tables_forget(m->conf);
	r->loop = loop_new();
	r->sink = m->sink;
	r->sink.role = name_of(p);
	r->sink.lines = (struct buf){ 0 };
	r->log.sink = &r->sink;
	r->limits = m->limits;
	r->ticket_keys = str_of(m->ticket_keys, sizeof(m->ticket_keys));
	r->state_dir = m->state_dir;
	for (size_t i = 0; i < m->listener_count; i++)
		for (const char *const *s = p->kind->services; *s; s++)
			if (m->listeners[i].generation == m->generation &&
				strcmp(*s, m->listeners[i].service) == 0)
				listeners[r->listener_count++] =
					(struct role_listener){ m->listeners[i].fd, m->listeners[i].service };
	r->listeners = listeners;
	chan_init(&r->master, r->loop, "master", INTERNAL);
	chan_up(&r->master, master_fd);
	status = p->kind->main(r);
	log_flush(&r->sink);
	_exit(status);
}

/* ---- in master ---- */

/* Is there a channel between them? Generations do not mix, but for those that are there for all time. */
static bool
are_peers(const struct proc *a, const struct proc *b)
{
	if (!(a->kind->peers & b->kind->kind) || a->draining || b->draining)
		return false;
	return a->generation == b->generation || a->kind->one_for_all_time || b->kind->one_for_all_time;
}

static void
tell_peer(struct proc *to, const struct proc *other, int fd)
{
	struct talk_peer peer = { .role = other->kind->kind, .number = other->number };
	struct buf b = { 0 };

	talk_put_peer(&b, &peer);
	chan_send(&to->chan, TALK_SAY_peer, 0, buf_str(&b), fd);
	buf_done(&b);
}

static void
wire(struct master *m, struct proc *p)
{
	for (size_t i = 0; i < MASTER_PROCS; i++) {
		struct proc *other = &m->procs[i];
		int ends[2];

		if (other == p || !other->used || !other->pid || !are_peers(p, other))
			continue;
		if (sock_pair(ends) != OK) {
			log_error(&m->log, "no-socket-pair", kv_int("errno", errno));
			continue;
		}
		tell_peer(p, other, ends[0]);
		tell_peer(other, p, ends[1]);
	}
}

static void
all_ready(struct master *m)
{
	int last = 0;

	for (size_t i = 0; i < MASTER_PROCS; i++) {
		const struct proc *p = &m->procs[i];
		if (p->used && !p->draining && p->kind->phase <= m->phase && !p->ready)
			return;
	}
	for (size_t i = 0; i < master_kind_count; i++)
		last = MAX(last, master_kinds[i].phase);
	if (m->phase < last) {
		m->phase++;
		procs_start_phase(m);
	} else if (!m->announced) {
		m->announced = true;
		listen_announce(m);
	}
}

static void
from_role(struct chan *c, struct frame *f)
{
	struct proc *p = c->ctx;
	struct talk_ready ready;

	if (f->type != TALK_SAY_ready || !talk_read_ready(f->payload, &ready)) {
		log_error(&p->master->log, "bad-frame", kv_c("from", name_of(p)));
		chan_down(c);
		return;
	}
	p->ready = true;
	log_debug(&p->master->log, "role-ready", kv_c("role", name_of(p)), kv_int("pid", p->pid));
	all_ready(p->master);
}

static void
start(struct proc *p)
{
	struct master *m = p->master;
	int ends[2];
	pid_t pid;

	if (sock_pair(ends) != OK) {
		log_error(&m->log, "no-socket-pair", kv_int("errno", errno));
		timer_set(m->loop, &p->timer, loop_now_ms(m->loop) + LONGEST_BACKOFF_MS);
		return;
	}
	log_flush(&m->sink);
	pid = fork();
	if (pid == 0) {
		be_role(m, p, ends[1]);
	}
	(void)close(ends[1]);
	if (pid < 0) {
		log_error(&m->log, "fork-failed", kv_int("errno", errno));
		(void)close(ends[0]);
		timer_set(m->loop, &p->timer, loop_now_ms(m->loop) + LONGEST_BACKOFF_MS);
		return;
	}
	p->pid = pid;
	p->forked = m->generation;
	p->ready = false;
	p->started_ms = loop_now_ms(m->loop);
	chan_init(&p->chan, m->loop, name_of(p), INTERNAL);
	p->chan.ctx = p;
	p->chan.on_frame = from_role;
	chan_up(&p->chan, ends[0]);
	wire(m, p);
}

static void
start_again(struct timer *t)
{
	struct proc *p = CONTAINER(t, struct proc, timer);

	if (!p->draining && !p->master->ending)
		start(p);
}

static unsigned
free_column(const struct master *m)
{
	uint32_t taken = 0;

	for (size_t i = 0; i < MASTER_PROCS; i++)
		if (m->procs[i].used)
			taken |= 1u << m->procs[i].column;
	for (unsigned c = 0; c < LIMITS_COLUMNS; c++)
		if (!(taken & 1u << c))
			return c;
	return LIMITS_COLUMNS - 1;
}

static void
add(struct master *m, const struct master_kind *kind, uint32_t number)
{
	for (size_t i = 0; i < MASTER_PROCS; i++) {
		struct proc *p = &m->procs[i];

		if (p->used)
			continue;
		*p = (struct proc){ .kind = kind,
			.number = number,
			.column = free_column(m),
			.generation = m->generation,
			.used = true,
			.master = m,
			.backoff_ms = FIRST_BACKOFF_MS };
		p->timer.fn = start_again;
		start(p);
		return;
	}
	log_error(&m->log, "too-many-processes", kv_int("most", MASTER_PROCS));
}

static uint32_t
count_of(const struct master *m, const struct master_kind *kind)
{
	int64_t n = 1;

	if (kind->per_core) {
		n = conf_int(m->conf, kind->count);
		if (n == 0)
			n = sysconf(_SC_NPROCESSORS_ONLN);
	}
	return (uint32_t)MAX(1, MIN(n, 12)); /* two kinds of two generations fit the columns of limits */
}

void
procs_start_phase(struct master *m)
{
	for (size_t i = 0; i < master_kind_count; i++) {
		const struct master_kind *kind = &master_kinds[i];

		if (kind->phase == m->phase)
			for (uint32_t n = 0; n < count_of(m, kind); n++)
				add(m, kind, n);
	}
}

static void
drain(struct proc *p)
{
	struct talk_drain d = { .grace_ms = p->master->ending ? STOP_GRACE_MS : RELOAD_GRACE_MS };
	struct buf b = { 0 };

	if (p->draining)
		return;
	p->draining = true;
	timer_clear(&p->timer);
	if (!p->pid) {
		p->used = false;
		return;
	}
	talk_put_drain(&b, &d);
	chan_send(&p->chan, TALK_SAY_drain, 0, buf_str(&b), -1);
	buf_done(&b);
}

void
procs_start_generation(struct master *m)
{
	unsigned old = m->generation - 1;

	for (size_t k = 0; k < master_kind_count; k++)
		if (!master_kinds[k].one_for_all_time)
			for (uint32_t n = 0; n < count_of(m, &master_kinds[k]); n++)
				add(m, &master_kinds[k], n);
	/* Whoever others depend on goes last: see procs_reap. */
	for (size_t i = 0; i < MASTER_PROCS; i++) {
		struct proc *p = &m->procs[i];
		if (p->used && p->generation <= old && !p->kind->one_for_all_time &&
			p->kind->drain_phase == 0)
			drain(p);
	}
}

/* A vault of an old generation is of no use once nobody of that generation is left. */
static void
drain_deserted(struct master *m)
{
	for (size_t i = 0; i < MASTER_PROCS; i++) {
		struct proc *p = &m->procs[i];
		bool needed = false;

		if (!p->used || p->generation == m->generation || p->kind->one_for_all_time || p->draining)
			continue;
		for (size_t k = 0; k < MASTER_PROCS; k++) {
			const struct proc *q = &m->procs[k];
			needed |= q->used && q->generation == p->generation &&
				  q->kind->drain_phase < p->kind->drain_phase;
		}
		if (!needed)
			drain(p);
	}
}

static void
died(struct master *m, struct proc *p, int status)
{
	bool expected = p->draining && WIFEXITED(status);
	int64_t lived_ms = loop_now_ms(m->loop) - p->started_ms;

	chan_down(&p->chan);
	limits_clear_column(m->limits, p->column);
	if (expected) {
		log_debug(&m->log, "role-ended", kv_c("role", name_of(p)), kv_int("pid", p->pid));
	} else if (WIFSIGNALED(status)) {
		log_error(&m->log, "role-died", kv_c("role", name_of(p)), kv_int("pid", p->pid),
			kv_c("signal", sigabbrev_np(WTERMSIG(status))),
			kv_c("hint", WTERMSIG(status) == SIGSYS ? "forbidden system call" : ""));
	} else {
		log_error(&m->log, "role-died", kv_c("role", name_of(p)), kv_int("pid", p->pid),
			kv_int("status", WEXITSTATUS(status)));
	}
	p->pid = 0;
	p->ready = false;
	if (p->draining || m->ending) {
		p->used = false;
		return;
	}
	if (lived_ms >= LIVED_WELL_MS)
		p->backoff_ms = FIRST_BACKOFF_MS;
	timer_set(m->loop, &p->timer, loop_now_ms(m->loop) + p->backoff_ms);
	if (p->backoff_ms > FIRST_BACKOFF_MS)
		log_warn(&m->log, "role-restarts-slowly", kv_c("role", name_of(p)),
			kv_int("in_ms", p->backoff_ms));
	p->backoff_ms = MIN(p->backoff_ms * 2, LONGEST_BACKOFF_MS);
}

void
procs_reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < MASTER_PROCS; i++)
			if (m->procs[i].used && m->procs[i].pid == pid)
				died(m, &m->procs[i], status);
	if (!m->announced && !m->ending)
		for (size_t i = 0; i < MASTER_PROCS; i++)
			if (m->procs[i].used && !m->procs[i].pid &&
				m->procs[i].backoff_ms > 16 * FIRST_BACKOFF_MS) {
				log_error(&m->log, "cannot-start", kv_c("role", name_of(&m->procs[i])));
				m->status = EX_SOFTWARE;
				m->ending = true;
			}
	if (m->ending)
		procs_drain_next(m);
	else
		drain_deserted(m);
}

void
procs_drain_next(struct master *m)
{
	bool left = false;

	for (;;) {
		for (size_t i = 0; i < MASTER_PROCS; i++) {
			struct proc *p = &m->procs[i];
			if (p->used && p->kind->drain_phase <= m->drain_phase) {
				drain(p);
				left |= p->used;
			}
		}
		if (left)
			return;
		for (size_t i = 0; i < MASTER_PROCS; i++)
			left |= m->procs[i].used;
		if (!left) {
			loop_stop(m->loop);
			return;
		}
		left = false;
		m->drain_phase++;
	}
}

void
procs_kill(struct master *m)
{
	for (size_t i = 0; i < MASTER_PROCS; i++)
		if (m->procs[i].used && m->procs[i].pid) {
			log_warn(&m->log, "role-killed", kv_c("role", name_of(&m->procs[i])));
			(void)kill(m->procs[i].pid, SIGKILL);
		}
}
