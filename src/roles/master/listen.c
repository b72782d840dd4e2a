/* roles/master/listen.c - the sockets, bound before anybody drops */
#include "roles/master/master.h"

#include "base/mem.h"
#include "rt/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
	const char *service;
	enum conf_id where;
} services[] = {
	{ "smtp", CONF_listen_smtp },
	{ "submission", CONF_listen_submission },
	{ "submissions", CONF_listen_submissions },
	{ "lmtp", CONF_listen_lmtp },
	{ "pop3", CONF_listen_pop3 },
	{ "pop3s", CONF_listen_pop3s },
	{ "imap", CONF_listen_imap },
	{ "imaps", CONF_listen_imaps },
};

static bool
keep_bound(struct master *m, const char *service, str where)
{
	bool kept = false;

	for (size_t i = 0; i < m->listener_count; i++) {
		struct listener *l = &m->listeners[i];
		if (strcmp(l->service, service) == 0 && str_eq(str_c(l->where), where)) {
			l->generation = m->generation;
			kept = true;
		}
	}
	return kept;
}

static enum fault
bind_one(struct master *m, const char *service, str where)
{
	int fds[4];
	size_t n = 0;
	struct buf why = { 0 };
	enum fault f;

	if (keep_bound(m, service, where))
		return OK;
	f = sock_listen(where, fds, COUNT(fds), &n, &why);
	if (f != OK)
		log_error(&m->log, "cannot-listen", kv_c("service", service), kv_str("where", where),
			kv_str("why", buf_str(&why)));
	buf_done(&why);
	for (size_t i = 0; i < n; i++) {
		struct listener *l = &m->listeners[m->listener_count];

		if (m->listener_count == MASTER_LISTENERS || where.n >= sizeof(l->where)) {
			log_error(&m->log, "too-many-listeners", kv_int("most", MASTER_LISTENERS));
			(void)close(fds[i]);
			f = BAD_ARGUMENT;
			continue;
		}
		*l = (struct listener){ .fd = fds[i], .service = service, .generation = m->generation };
		memcpy(l->where, where.p, where.n);
		m->listener_count++;
	}
	return f;
}

/* Roles run as mail_owner, and so may the command line. */
static int
give_to_owner(const struct master *m, const char *path)
{
	struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	pw = getpwnam(conf_path(m->conf, CONF_mail_owner));
	return pw ? lchown(path, pw->pw_uid, pw->pw_gid) : -1;
}

/* state_directory/control: for the command line of this user and of root. */
static enum fault
bind_control(struct master *m)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct listener *l = &m->listeners[m->listener_count];
	mode_t mask;
	int fd, rc;

	if (keep_bound(m, "control", S("control")))
		return OK;
	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/control", m->state_dir) >=
		(int)sizeof(sa.sun_path)) {
		log_error(&m->log, "cannot-listen", kv_c("service", "control"),
			kv_c("why", "state_directory is too long a path for a socket"));
		return BAD_ARGUMENT;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)unlink(
		sa.sun_path); /* left behind by one that was killed: the store's lock says whether one runs */
	mask = umask(0177);
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	(void)umask(mask);
	if (rc == 0)
		rc = give_to_owner(m, sa.sun_path);
	if (rc != 0 || listen(fd, 64) != 0) {
		log_error(&m->log, "cannot-listen", kv_c("service", "control"), kv_c("path", sa.sun_path),
			kv_int("errno", errno));
		if (fd >= 0)
			(void)close(fd);
		return BAD_ARGUMENT;
	}
	*l = (struct listener){
		.fd = fd, .service = "control", .where = "control", .generation = m->generation
	};
	m->listener_count++;
	return OK;
}

enum fault
listen_bind(struct master *m)
{
	TRY(bind_control(m));
	for (size_t i = 0; i < COUNT(services); i++) {
		size_t n = 0;
		const str *where = conf_listen(m->conf, services[i].where, &n);

		for (size_t k = 0; k < n; k++)
			TRY(bind_one(m, services[i].service, where[k]));
	}
	return OK;
}

static void
stop_listening(struct listener *l)
{
	const char *path = l->where + strlen("unix:");

	(void)close(l->fd);
	if (strncmp(l->where, "unix:", strlen("unix:")) == 0 && unlink(path) != 0)
		errno = 0; /* gone already, or not ours any more: the next who binds it will see */
}

void
listen_close_old(struct master *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->listener_count; i++) {
		if (m->listeners[i].generation == m->generation)
			m->listeners[kept++] = m->listeners[i];
		else
			stop_listening(&m->listeners[i]);
	}
	m->listener_count = kept;
}

/* One line on standard output: ready smtp=127.0.0.1:2525 ... Ports are the real ones, also where 0 was asked for. */
void
listen_announce(struct master *m)
{
	struct buf b = { 0 };
	struct arena a = { 0 };

	buf_add(&b, S("ready"));
	for (size_t i = 0; i < m->listener_count; i++) {
		struct sockaddr_storage sa;
		socklen_t n = sizeof(sa);
		struct peer p;

		if (strncmp(m->listeners[i].where, "unix:", 5) == 0)
			buf_printf(&b, " %s=%s", m->listeners[i].service, m->listeners[i].where);
		if (getsockname(m->listeners[i].fd, (struct sockaddr *)&sa, &n) != 0 ||
			sa.ss_family == AF_UNIX)
			continue;
		peer_of((struct sockaddr *)&sa, n, &p);
		buf_printf(&b, p.family == AF_INET6 ? " %s=[%.*s]:%u" : " %s=%.*s:%u",
			m->listeners[i].service, STR_ARG(peer_text(&a, &p)), p.port);
	}
	buf_add_char(&b, '\n');
	(void)!write(STDOUT_FILENO, b.p, b.n);
	log_event(&m->log, "ready", kv_str("listeners", str_trim(str_from(buf_str(&b), 5))));
	log_flush(&m->sink);
	arena_done(&a);
	buf_done(&b);
}
