#include "roles/imap/imap.h"

#include "base/mem.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum { READ_THREADS = 4 };

/* ---- peers ---- */

static void
on_login(struct chan *c, struct frame *f)
{
	struct asker *from = c->ctx;
	struct imap *i = from->role->own;

	if (!role_check_frame(i->role, c, f, from->kind))
		return;
	if (!handovers_on_handover(&i->handovers, f))
		role_bad_frame(i->role, c, f, "fields");
}

static void
on_vault(struct chan *c, struct frame *f)
{
	struct imap *i = c->ctx;

	if (!role_check_frame(i->role, c, f, TALK_VAULT))
		return;
	if (!handovers_on_grant(&i->handovers, f))
		role_bad_frame(i->role, c, f, "fields");
}

static void
on_store(struct chan *c, struct frame *f)
{
	struct imap *i = c->ctx;

	if (!role_check_frame(i->role, c, f, TALK_STORE))
		return;
	if (f->type != TALK_SAY_notice || !notices_on_frame(&i->notices, f))
		role_bad_frame(i->role, c, f, "fields");
}

static void
on_peer(struct role *r, unsigned kind, uint32_t number, int fd)
{
	struct imap *i = r->own;

	switch (kind) {
	case TALK_STORE:
		chan_up(&i->store, fd);
		notices_store_up(&i->notices);
		return;
	case TALK_VAULT: chan_up(&i->vault, fd); return;
	case TALK_LOGIN: askers_up(&i->logins, r, kind, number, fd, on_login); return;
	default: (void)close(fd);
	}
}

/* Nobody is in the middle of anything between two commands; clients come back. */
static void
on_drain(struct role *r)
{
	struct imap *i = r->own;

	LIST_EACH(&i->sessions, l)
		imap_session_drain(CONTAINER(l, struct imap_session, link));
}

static void
init_chan(struct imap *i, struct chan *c, const char *name, void (*on_frame)(struct chan *c, struct frame *f))
{
	chan_init(c, i->role->loop, name, STORE_DOWN);
	c->ctx = i;
	c->on_frame = on_frame;
}

/* ---- the role ---- */

struct imap *
imap_new(struct role *r)
{
	struct imap *i = NEW(struct imap);

	i->role = r;
	r->own = i;
	handovers_init(&i->handovers, r);
	i->handovers.start = imap_session_start;
	i->handovers.ctx = i;
	list_init(&i->sessions);
	i->timeout_ms = conf_int(r->conf, CONF_imap_timeout);
	i->size_limit = (uint64_t)conf_int(r->conf, CONF_message_size_limit);
	init_chan(i, &i->store, "store", on_store);
	init_chan(i, &i->vault, "vault", on_vault);
	notices_init(&i->notices, r->loop, &i->store);
	r->on_peer = on_peer;
	r->on_drain = on_drain;
	return i;
}

void
imap_free(struct imap *i)
{
	handovers_done(&i->handovers);
	notices_done(&i->notices);
	chan_down(&i->store);
	chan_down(&i->vault);
	askers_done(&i->logins);
	if (i->reading.pool)
		pool_free(i->reading.pool);
	store_reader_close(i->reading.reader);
	email_builder_free(i->builder);
	charset_reader_free(i->charsets);
	charset_stock_free(i->stock);
	free(i);
}

static int
run(struct imap *i)
{
	struct role *r = i->role;
	char store[300];
	const char *paths[] = { store, NULL };
	struct jail jail = { JAIL_FILES_READ | JAIL_THREADS, paths, NULL };

	snprintf(store, sizeof(store), "%s/store", r->state_dir);
	i->stock = charset_stock_new(); /* before the jail closes */
	i->charsets = charset_reader_new();
	if (role_drop(r) != OK || store_reader_open(store, &r->log, &i->reading.reader) != OK)
		return EX_UNAVAILABLE;
	if (role_ready(r, &jail) != OK)
		return EX_OSERR;
	i->reading.pool = pool_new(r->loop, READ_THREADS);
	return role_loop(r);
}

int
imap_role(struct role *r)
{
	struct imap *i = imap_new(r);
	int status = run(i);

	imap_free(i);
	return status;
}
