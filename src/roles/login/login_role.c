#include "roles/login/login.h"

#include "base/mem.h"
#include "roles/tls_setup.h"

#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	ACCEPTS = 64,      /* in a row, before the sessions have their turn */
	FULL_WAIT_MS = 100 /* after running out of descriptors */
};

static const struct login_service services[] = { { "pop3", &login_pop3, false },
	{ "pop3s", &login_pop3, true }, { "imap", &login_imap, false }, { "imaps", &login_imap, true } };

/* ---- listening ---- */

static void
on_listener(struct watch *w)
{
	struct login_door *d = CONTAINER(w, struct login_door, watch);
	struct loop *loop = d->login->role->loop;
	struct peer peer;

	for (int i = 0; i < ACCEPTS; i++) {
		int fd = sock_accept(d->watch.fd, &peer);

		if (fd >= 0) {
			login_session_accept(d, fd, &peer);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR)
			return;
		/* No descriptors, most likely: the clients wait in the kernel. */
		log_error(&d->login->role->log, "cannot-accept", kv_c("service", d->service->name),
			kv_c("why", strerrorname_np(errno) ? strerrorname_np(errno) : "?"));
		watch_stop(&d->watch);
		timer_set(loop, &d->timer, loop_now_ms(loop) + FULL_WAIT_MS);
		return;
	}
}

static void
look_again(struct timer *t)
{
	struct login_door *d = CONTAINER(t, struct login_door, timer);

	if (watch_start_shared(d->login->role->loop, &d->watch, d->watch.fd, on_listener) != OK)
		timer_set(t->loop, t, loop_now_ms(t->loop) + FULL_WAIT_MS);
}

static enum fault
open_doors(struct login *l)
{
	struct role *r = l->role;

	l->doors = mem_new_array(MAX(r->listener_count, (size_t)1), sizeof(*l->doors));
	for (size_t i = 0; i < r->listener_count; i++) {
		struct login_door *d = &l->doors[l->door_count];

		for (size_t k = 0; k < COUNT(services); k++)
			if (strcmp(services[k].name, r->listeners[i].service) == 0)
				d->service = &services[k];
		if (!d->service)
			continue;
		d->login = l;
		d->timer.fn = look_again;
		TRY(watch_start_shared(r->loop, &d->watch, r->listeners[i].fd, on_listener));
		l->door_count++;
	}
	return OK;
}

static void
close_doors(struct login *l)
{
	for (size_t i = 0; i < l->door_count; i++) {
		int fd = l->doors[i].watch.fd;

		timer_clear(&l->doors[i].timer);
		watch_stop(&l->doors[i].watch);
		(void)close(fd);
	}
	l->door_count = 0;
}

/* Clients that have not logged in lose nothing; relays go on until they are done. */
static void
on_drain(struct role *r)
{
	struct login *l = r->own;

	close_doors(l);
	LIST_EACH(&l->list, k)
		login_session_drain(CONTAINER(k, struct login_session, link));
}

/* ---- peers ---- */

/* Vault and the session role answer us or listen; they ask nothing. */
static void
on_unasked(struct chan *c, struct frame *f)
{
	role_bad_frame(c->ctx, c, f, "not permitted");
}

static void
on_peer(struct role *r, unsigned kind, uint32_t number, int fd)
{
	struct login *l = r->own;

	(void)number;
	switch (kind) {
	case TALK_VAULT: chan_up(&l->vault, fd); return;
	default: break;
	}
	for (size_t i = 0; i < COUNT(l->sides); i++)
		if (l->sides[i].protocol->service == kind) {
			chan_up(&l->sides[i].sessions, fd);
			return;
		}
	(void)close(fd);
}

static void
init_chan(struct login *l, struct chan *c, const char *name)
{
	chan_init(c, l->role->loop, name, AUTH_UNAVAILABLE);
	c->ctx = l->role;
	c->on_frame = on_unasked;
}

/* ---- the role ---- */

static void
start(struct login *l)
{
	struct role *r = l->role;

	list_init(&l->list);
	l->timeout_ms = conf_int(r->conf, CONF_login_timeout);
	l->sides[0].protocol = &login_pop3;
	l->sides[0].relay_timeout_ms = conf_int(r->conf, CONF_pop3_timeout);
	l->sides[1].protocol = &login_imap;
	l->sides[1].relay_timeout_ms = conf_int(r->conf, CONF_imap_timeout);
	l->rate_window_ms = conf_int(r->conf, CONF_anvil_rate_time_unit);
	l->most_connections = (uint32_t)conf_int(r->conf, CONF_login_client_connection_count_limit);
	l->most_sessions = (uint32_t)conf_int(r->conf, CONF_connection_limit);
	loop_random(r->loop, &l->id_salt, sizeof(l->id_salt));
	init_chan(l, &l->vault, "vault");
	for (size_t i = 0; i < COUNT(l->sides); i++)
		init_chan(l, &l->sides[i].sessions, talk_role_name(l->sides[i].protocol->service));
	r->on_peer = on_peer;
	r->on_drain = on_drain;
}

enum fault
login_open(struct role *r, struct login **ret)
{
	struct login *l = NEW(struct login);
	enum fault f = OK;

	l->role = r;
	r->own = l;
	start(l);
	for (size_t i = 0; i < COUNT(l->sides) && f == OK; i++)
		f = tls_setup_server(r, &l->vault, l->sides[i].protocol->alpn, &l->sides[i].tls);
	if (f == OK)
		f = open_doors(l);
	if (f != OK) {
		login_close(l);
		return f;
	}
	*ret = l;
	return OK;
}

void
login_close(struct login *l)
{
	if (!l)
		return;
	close_doors(l);
	chan_down(&l->vault);
	for (size_t i = 0; i < COUNT(l->sides); i++) {
		chan_down(&l->sides[i].sessions);
		tls_server_free(l->sides[i].tls);
	}
	free(l->doors);
	free(l);
}

int
login_role(struct role *r)
{
	struct jail jail = { JAIL_ACCEPT | JAIL_PAIRS, NULL, NULL };
	struct login *l = NULL;
	int status = EX_OSERR;

	if (login_open(r, &l) != OK)
		return EX_CONFIG;
	if (role_ready(r, &jail) == OK)
		status = role_loop(r);
	login_close(l);
	return status;
}
