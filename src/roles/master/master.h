/* roles/master/master.h - the parent of all roles
 * Reads main.cf, binds sockets, forks the roles, wires them together with socket pairs, starts again what dies, reloads and drains. It
 * parses no byte of a stranger. Started by root it stays root, to bind and to fork; everybody else drops. */
#ifndef ROLES_MASTER_MASTER_H
#define ROLES_MASTER_MASTER_H

#include "roles/role.h"

enum { MASTER_PROCS = 64, MASTER_LISTENERS = 64 };

/* What kinds of roles there are; the order is the order of starting. */
struct master_kind {
	unsigned kind;
	int (*main)(struct role *r);
	unsigned peers;        /* TALK_* bits: who it has channels with */
	bool one_for_all_time; /* survives reloads: the store */
	bool per_core;         /* as many as cores, or as `count` says */
	enum conf_id count;
	const char *const *services; /* NULL-terminated */
	int phase;                   /* of the start: all of a phase are ready before the next begins */
	int drain_phase;             /* of the end: all of a phase are gone before the next is told */
	bool tables;                 /* asks lookup tables; the others forget them */
};
extern const struct master_kind master_kinds[];
extern const size_t master_kind_count;

struct proc {
	const struct master_kind *kind;
	uint32_t number;
	unsigned column;
	unsigned generation;
	unsigned
		forked; /* the generation whose configuration it has; differs for those that outlive reloads */
	pid_t pid;      /* 0: slot is free, or waits to be started again */
	bool used, ready, draining;
	int64_t started_ms, backoff_ms;
	struct timer timer; /* until it is started again */
	struct chan chan;
	struct master *master;
};
struct listener {
	int fd;
	const char *service;
	char where[128]; /* as configured */
	unsigned generation;
};
struct master {
	struct loop *loop;
	struct conf *conf;
	const char *conf_path;
	const char *const *overrides;
	size_t override_count;
	struct log_sink sink;
	struct log log;
	struct hook hook;
	struct limits *limits;
	char ticket_keys[80];
	char state_dir[256];
	unsigned generation;
	int phase;
	bool announced, ending;
	int drain_phase;
	int status;
	struct timer kill_timer;
	struct tables *tables;
	struct proc procs[MASTER_PROCS];
	struct listener listeners[MASTER_LISTENERS];
	size_t listener_count;
};

/* `postrider serve`: until SIGTERM or SIGINT. Prints "ready" with the addresses on stdout. Sysexits status. conf is taken over. */
int master_serve(
	struct conf *conf, const char *conf_path, const char *const *overrides, size_t override_count);

/* ---- inside master ---- */
/* procs.c */
void procs_start_phase(struct master *m); /* starts what the current phase still lacks */
void procs_start_generation(
	struct master *m); /* after a reload: new ones of all but one_for_all_time; the old ones drain */
void procs_reap(struct master *m);
void procs_drain_next(
	struct master *m); /* on the way out: tells the next phase, or stops the loop when nobody is left */
void procs_kill(struct master *m);
/* listen.c: sockets for all services of m->conf; those bound already are kept. Faults are logged. */
enum fault listen_bind(struct master *m);
void listen_close_old(struct master *m);
void listen_announce(struct master *m);
/* first_start.c: directories, the sealing key, a self-signed certificate where none is configured. In a child of its own. */
enum fault first_start(struct master *m);
/* tables.c: reads the files of all lookup tables of a configuration and notes which state of them was read. NULL: findings are in the report. */
struct tables *tables_load(struct master *m, struct conf *conf, struct buf *ret_report);
/* The configuration is in force: from now on its files are watched, and roles get what has changed. Takes t over, in place of what was watched. */
void tables_watch(struct master *m, struct tables *t);
void tables_free(struct tables *t); /* NULL is fine */
/* Opens the log as main.cf wants it. */
enum fault master_open_log(struct master *m);
/* A line of the report is an event, so that it is found where everything else is. */
void master_log_report(struct master *m, enum log_level level, str report);

#endif
