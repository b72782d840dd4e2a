/* roles/master/tables.c - the files of lookup tables, watched
 * Each is looked at twice a second (inotify would miss what a link points to, and other machines' changes). One that has changed, and has not changed
 * for another half second (an editor or a program may be in the middle of it, or have moved it away to put another in its place), is read again; roles get
 * the result as a sealed memfd. What cannot be read, has a mistake, or would make
 * an open relay changes nothing and is logged. Without tables in files nothing is done. */
#include "roles/master/master.h"

#include "audit/audit.h"
#include "base/mem.h"
#include "conf/maps.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 500, MOST_FINDINGS_LOGGED = 10 };

/* What tells one state of a file from another. */
struct print {
	bool there;
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec written, changed;
};
struct watched {
	size_t table; /* its number in the configuration */
	const char *path;
	struct print read; /* when it was read last */
	struct print seen; /* when it was looked at last */
};
struct tables {
	struct master *master;
	struct timer timer;
	size_t n;
	struct watched files[];
};

static struct print
look(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return (struct print){ .there = false };
	return (struct print){ true, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same(const struct print *a, const struct print *b)
{
	return a->there == b->there && a->device == b->device && a->number == b->number &&
	       a->size == b->size && same_time(a->written, b->written) && same_time(a->changed, b->changed);
}

struct tables *
tables_load(struct master *m, struct conf *conf, struct buf *ret_report)
{
	size_t most = conf_tables(conf);
	struct tables *t = mem_new(sizeof(*t) + most * sizeof(t->files[0]));

	t->master = m;
	for (size_t i = 0; i < most; i++) {
		struct conf_table table;

		conf_table(conf, i, &table);
		if (!table.path)
			continue;
		t->files[t->n] = (struct watched){ .table = i, .path = table.path, .read = look(table.path) };
		t->files[t->n].seen = t->files[t->n].read;
		t->n++;
	}
	if (conf_tables_load(conf, ret_report) == OK)
		return t;
	free(t);
	return NULL;
}

/* Every role that has this configuration and asks tables gets what the descriptor holds. */
static void
hand_out(struct master *m, size_t table, int fd)
{
	struct talk_table message = { .number = (uint32_t)table };
	struct buf b = { 0 };

	talk_put_table(&b, &message);
	for (size_t i = 0; i < MASTER_PROCS; i++) {
		struct proc *p = &m->procs[i];
		int copy;

		if (!p->used || !p->pid || !p->kind->tables || p->forked != m->generation)
			continue;
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			log_error(&m->log, "table-not-sent", kv_c("role", talk_role_name(p->kind->kind)));
		else
			chan_send(&p->chan, TALK_SAY_table, 0, buf_str(&b), copy);
	}
	buf_done(&b);
}

static void
log_findings(struct master *m, const char *spec, enum log_level level, str report)
{
	str line;

	for (size_t i = 0; i < MOST_FINDINGS_LOGGED && str_take_until(&report, '\n', &line); i++)
		LOG_AT(&m->log, level, level == LOG_ERROR ? "table-broken" : "table-odd", kv_c("table", spec),
			kv_str("finding", line));
}

static void
read_again(struct master *m, size_t number)
{
	struct conf_table table;
	struct buf report = { 0 };
	int fd;

	conf_table(m->conf, number, &table);
	if (conf_table_reload(m->conf, number, audit_open_relay, &report, &fd) == OK) {
		log_findings(m, table.spec, LOG_WARN, buf_str(&report));
		hand_out(m, number, fd);
		(void)close(fd);
		conf_table(m->conf, number, &table);
		log_event(&m->log, "table-reloaded", kv_c("table", table.spec),
			kv_uint("entries", table.entries));
	} else {
		log_findings(m, table.spec, LOG_ERROR, buf_str(&report));
	}
	buf_done(&report);
}

static void
on_timer(struct timer *timer)
{
	struct tables *t = CONTAINER(timer, struct tables, timer);
	struct master *m = t->master;

	for (size_t i = 0; i < t->n; i++) {
		struct watched *w = &t->files[i];
		struct print now = look(w->path);

		if (!same(&now, &w->read) && same(&now, &w->seen)) {
			w->read = now;
			read_again(m, w->table);
		}
		w->seen = now;
	}
	timer_set(m->loop, &t->timer, loop_now_ms(m->loop) + LOOK_EVERY_MS);
}

void
tables_watch(struct master *m, struct tables *t)
{
	tables_free(m->tables);
	m->tables = t;
	t->timer.fn = on_timer;
	if (t->n)
		timer_set(m->loop, &t->timer, loop_now_ms(m->loop) + LOOK_EVERY_MS);
}

void
tables_free(struct tables *t)
{
	if (!t)
		return;
	timer_clear(&t->timer);
	free(t);
}
