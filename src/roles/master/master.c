#include "roles/master/master.h"

#include "audit/audit.h"
#include "base/mem.h"
#include "conf/maps.h"
#include "roles/limits.h"
#include "rules/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { KILL_AFTER_MS = 15000 };

static int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* "syslog", "syslog:/path": a connection to the system log, that loses lines rather than wait. False: it is something else. */
static bool
open_syslog(str where, int *ret_fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (!str_take(&where, S("syslog")))
		return false;
	if (!str_take(&where, S(":")))
		where = S("/dev/log");
	*ret_fd = where.n < sizeof(to.sun_path)
			  ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
			  : -1;
	if (*ret_fd < 0)
		return true;
	memcpy(to.sun_path, where.p, where.n);
	if (connect(*ret_fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		(void)close(*ret_fd);
		*ret_fd = -1;
	}
	return true;
}

enum fault
master_open_log(struct master *m)
{
	str path = conf_str(m->conf, CONF_maillog_file);
	int fd = STDERR_FILENO;
	bool syslog = open_syslog(path, &fd);

	if (!syslog && path.n)
		fd = open(conf_path(m->conf, CONF_maillog_file),
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		log_error(&m->log, "cannot-open-log", kv_str("path", path), kv_c("why", strerror(errno)));
		return NOT_FOUND;
	}
	if (m->sink.fd > STDERR_FILENO)
		(void)close(m->sink.fd);
	m->sink.fd = fd;
	m->sink.syslog = syslog;
	m->sink.name = conf_path(m->conf, CONF_syslog_name);
	m->sink.facility = conf_syslog_facility(m->conf);
	m->sink.format = conf_int(m->conf, CONF_log_format) == 1 ? LOG_JSON : LOG_LOGFMT;
	m->sink.least = (enum log_level)conf_int(m->conf, CONF_log_level);
	return OK;
}

static void
on_child(void *ctx)
{
	procs_reap(ctx);
}

static void
kill_rest(struct timer *t)
{
	procs_kill(CONTAINER(t, struct master, kill_timer));
}

static void
on_term(void *ctx)
{
	struct master *m = ctx;

	if (m->ending)
		return;
	log_event(&m->log, "stopping");
	m->ending = true;
	m->kill_timer.fn = kill_rest;
	timer_set(m->loop, &m->kill_timer, loop_now_ms(m->loop) + KILL_AFTER_MS);
	procs_drain_next(m);
}

void
master_log_report(struct master *m, enum log_level level, str report)
{
	str line;

	while (str_take_until(&report, '\n', &line))
		if (line.n)
			LOG_AT(&m->log, level, "config", kv_str("finding", line));
}

static void
on_hup(void *ctx)
{
	struct master *m = ctx;
	struct buf report = { 0 };
	struct conf *fresh = NULL, *old = m->conf;
	struct tables *tables = NULL;

	if (m->ending || !m->announced)
		return;
	if (conf_load(m->conf_path, m->overrides, m->override_count, &report, &fresh) == OK &&
		rules_judge(fresh, &report) == OK)
		tables = tables_load(m, fresh, &report);
	if (!tables) {
		master_log_report(m, LOG_ERROR, buf_str(&report));
		log_error(&m->log, "reload-refused",
			kv_c("why", "main.cf or its tables have errors; the old configuration stays"));
		conf_free(fresh);
	} else if (audit_open_relay(fresh, &report)) {
		master_log_report(m, LOG_ERROR, buf_str(&report));
		log_error(&m->log, "reload-refused",
			kv_c("why", "it would relay for the world; the old configuration stays"));
		tables_free(tables);
		conf_free(fresh);
	} else if (!str_eq(conf_str(fresh, CONF_state_directory), conf_str(old, CONF_state_directory))) {
		log_error(&m->log, "reload-refused",
			kv_c("why", "state_directory cannot change while the server runs"));
		tables_free(tables);
		conf_free(fresh);
	} else {
		master_log_report(m, LOG_WARN, buf_str(&report));
		m->conf = fresh;
		m->generation++;
		if (master_open_log(m) != OK || listen_bind(m) != OK) {
			log_error(&m->log, "reload-refused",
				kv_c("why", "see above; the old configuration stays"));
			m->conf = old;
			m->generation--;
			(void)master_open_log(m); /* it borrows from the configuration */
			tables_free(tables);
			conf_free(fresh);
			(void)listen_bind(m);
		} else {
			tables_watch(m, tables);
			procs_start_generation(m);
			listen_close_old(m);
			log_event(&m->log, "reloaded", kv_uint("generation", m->generation));
			conf_free(old);
		}
	}
	buf_done(&report);
}

static void
before_sleep(struct hook *h)
{
	log_flush(&CONTAINER(h, struct master, hook)->sink);
}

/* Reads the lookup tables; what is wrong with them is logged. */
static enum fault
begin_tables(struct master *m)
{
	struct buf report = { 0 };
	struct tables *tables = tables_load(m, m->conf, &report);

	if (tables && conf_tables(m->conf) &&
		audit_open_relay(m->conf, &report)) { /* now that tables can be asked */
		tables_free(tables);
		tables = NULL;
	}
	master_log_report(m, tables ? LOG_WARN : LOG_ERROR, buf_str(&report));
	buf_done(&report);
	if (!tables)
		return BAD_ARGUMENT;
	tables_watch(m, tables);
	return OK;
}

static enum fault
begin(struct master *m)
{
	struct hash_key key;
	str dir = conf_str(m->conf, CONF_state_directory);

	if (dir.n == 0 || dir.n >= sizeof(m->state_dir)) {
		log_error(&m->log, "config", kv_c("finding", "state_directory is empty or too long"));
		return BAD_ARGUMENT;
	}
	memcpy(m->state_dir, dir.p, dir.n);
	TRY(master_open_log(m));
	TRY(begin_tables(m));
	loop_random(m->loop, &key, sizeof(key));
	loop_random(m->loop, m->ticket_keys, sizeof(m->ticket_keys));
	m->limits = limits_new(key);
	TRY(first_start(m));
	TRY(listen_bind(m));
	TRY(loop_on_signal(m->loop, SIGCHLD, on_child, m));
	TRY(loop_on_signal(m->loop, SIGTERM, on_term, m));
	TRY(loop_on_signal(m->loop, SIGINT, on_term, m));
	TRY(loop_on_signal(m->loop, SIGHUP, on_hup, m));
	return OK;
}

int
master_serve(struct conf *conf, const char *conf_path, const char *const *overrides, size_t override_count)
{
	struct master *m = NEW(struct master);
	int status;

	(void)signal(SIGPIPE, SIG_IGN);
	m->loop = loop_new();
	m->conf = conf;
	m->conf_path = conf_path;
	m->overrides = overrides;
	m->override_count = override_count;
	m->sink = (struct log_sink){
		.fd = STDERR_FILENO, .role = "master", .now_ms = wall_ms, .least = LOG_INFO
	};
	m->log.sink = &m->sink;
	m->hook.fn = before_sleep;
	m->status = EX_OK;
	loop_before_sleep(m->loop, &m->hook);
	if (begin(m) == OK) {
		procs_start_phase(m);
		loop_run(m->loop);
		log_event(&m->log, "stopped");
	} else {
		m->status = EX_CONFIG;
	}
	log_flush(&m->sink);
	status = m->status;
	timer_clear(&m->kill_timer);
	tables_free(m->tables);
	loop_forget_hook(&m->hook);
	limits_free(m->limits);
	conf_free(m->conf);
	buf_done(&m->sink.lines);
	loop_free(m->loop);
	free(m);
	return status;
}
