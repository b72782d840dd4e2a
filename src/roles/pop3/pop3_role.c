#include "roles/pop3/pop3.h"

#include "base/mem.h"

#include <sysexits.h>
#include <unistd.h>

enum { READ_THREADS = 4 };

/* ---- peers ---- */

static void
on_login(struct chan *c, struct frame *f)
{
	struct asker *from = c->ctx;
	struct pop3 *p = from->role->own;

	if (!role_check_frame(p->role, c, f, from->kind))
		return;
	if (!handovers_on_handover(&p->handovers, f))
		role_bad_frame(p->role, c, f, "fields");
}

static void
on_vault(struct chan *c, struct frame *f)
{
	struct pop3 *p = c->ctx;

	if (!role_check_frame(p->role, c, f, TALK_VAULT))
		return;
	if (!handovers_on_grant(&p->handovers, f))
		role_bad_frame(p->role, c, f, "fields");
}

/* The store answers; it asks nothing. */
static void
on_store(struct chan *c, struct frame *f)
{
	struct pop3 *p = c->ctx;

	role_bad_frame(p->role, c, f, "not permitted");
}

static void
on_peer(struct role *r, unsigned kind, uint32_t number, int fd)
{
	struct pop3 *p = r->own;

	switch (kind) {
	case TALK_STORE: chan_up(&p->store, fd); return;
	case TALK_VAULT: chan_up(&p->vault, fd); return;
	case TALK_LOGIN: askers_up(&p->logins, r, kind, number, fd, on_login); return;
	default: (void)close(fd);
	}
}

static void
init_chan(struct pop3 *p, struct chan *c, const char *name, void (*on_frame)(struct chan *c, struct frame *f))
{
	chan_init(c, p->role->loop, name, STORE_DOWN);
	c->ctx = p;
	c->on_frame = on_frame;
}

/* ---- the role ---- */

struct pop3 *
pop3_new(struct role *r)
{
	struct pop3 *p = NEW(struct pop3);
	struct hash_key key;

	p->role = r;
	r->own = p;
	loop_random(r->loop, &key, sizeof(key));
	table_init(&p->locks, key);
	handovers_init(&p->handovers, r);
	p->handovers.start = pop3_session_start;
	p->handovers.ctx = p;
	list_init(&p->sessions);
	p->timeout_ms = conf_int(r->conf, CONF_pop3_timeout);
	init_chan(p, &p->store, "store", on_store);
	init_chan(p, &p->vault, "vault", on_vault);
	r->on_peer = on_peer;
	return p;
}

void
pop3_start_threads(struct pop3 *p)
{
	p->reading.pool = pool_new(p->role->loop, READ_THREADS);
}

void
pop3_free(struct pop3 *p)
{
	handovers_done(&p->handovers);
	chan_down(&p->store);
	chan_down(&p->vault);
	askers_done(&p->logins);
	if (p->reading.pool)
		pool_free(p->reading.pool);
	table_done(&p->locks);
	store_reader_close(p->reading.reader);
	free(p);
}

static int
run(struct pop3 *p)
{
	struct role *r = p->role;
	char store[300];
	const char *paths[] = { store, NULL };
	struct jail jail = { JAIL_FILES_READ | JAIL_THREADS, paths, NULL };

	snprintf(store, sizeof(store), "%s/store", r->state_dir);
	if (role_drop(r) != OK || store_reader_open(store, &r->log, &p->reading.reader) != OK)
		return EX_UNAVAILABLE;
	if (role_ready(r, &jail) != OK)
		return EX_OSERR;
	pop3_start_threads(p);
	return role_loop(r);
}

int
pop3_role(struct role *r)
{
	struct pop3 *p = pop3_new(r);
	int status = run(p);

	pop3_free(p);
	return status;
}
