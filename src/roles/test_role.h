/* roles/test_role.h - a role in a test: without master, jail or process; its peers are the test's, its clients talk from fibers
 * A dialogue is a list of lines: "C: line" is sent with CRLF, "S: pattern" is the next line heard (* is anything), "S!" the end of the connection,
 * "TLS" a handshake. */
#ifndef ROLES_TEST_ROLE_H
#define ROLES_TEST_ROLE_H

#include "base/mem.h"
#include "roles/limits.h"
#include "roles/role.h"
#include "rt/sock.h"
#include "rt/stream.h"
#include "rt/tls.h"

#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct test_role {
	struct role role;
	struct conf *conf;
	char dir[64];
	char ticket_keys[80];
};

static inline void
test_role_init(struct test_role *t, unsigned kind, const char *main_cf, struct loop *loop)
{
	struct conf_source source = { .file = "main.cf", .text = str_c(main_cf), .machine = S("mx.a.test") };
	struct buf report = { 0 };

	memset(t, 0, sizeof(*t));
	snprintf(t->dir, sizeof(t->dir), "%s/role-test-XXXXXX", P_tmpdir);
	CHECK(mkdtemp(t->dir) != NULL);
	if (conf_parse(&source, &report, &t->conf) != OK) {
		t_print_str("main.cf", buf_str(&report));
		t_fail(__FILE__, __LINE__, "conf_parse");
	}
	buf_done(&report);
	t->role.kind = kind;
	t->role.conf = t->conf;
	t->role.loop = loop;
	t->role.sink = (struct log_sink){
		.fd = memfd_create("log", MFD_CLOEXEC), .role = talk_role_name(kind), .least = LOG_DEBUG
	};
	t->role.log.sink = &t->role.sink;
	t->role.limits = limits_new((struct hash_key){ 1, 2 });
	t->role.ticket_keys = str_of(t->ticket_keys, sizeof(t->ticket_keys));
	t->role.state_dir = t->dir;
	t->role.dropped = true;
	chan_init(&t->role.master, loop, "master", INTERNAL);
}

static inline int
test_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void
test_role_done(struct test_role *t)
{
	chan_down(&t->role.master);
	limits_free(t->role.limits);
	close(t->role.sink.fd);
	buf_done(&t->role.sink.lines);
	conf_free(t->conf);
	(void)nftw(t->dir, test_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Was this logged? Forgets what was logged so far. */
static inline bool
test_logged(struct test_role *t, const char *words)
{
	struct buf log = { 0 };
	bool found;
	ssize_t n;

	log_flush(&t->role.sink);
	n = pread(t->role.sink.fd, buf_reserve(&log, 1 << 20), 1 << 20, 0);
	CHECK(n >= 0 && ftruncate(t->role.sink.fd, 0) == 0 && lseek(t->role.sink.fd, 0, SEEK_SET) == 0);
	buf_used(&log, (size_t)n);
	found = str_find_str(buf_str(&log), str_c(words)) < log.n;
	buf_done(&log);
	return found;
}

static inline void
test_write_file(const struct test_role *t, const char *name, str bytes)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	f = fopen(path, "w");
	CHECK(f && fwrite(bytes.p, 1, bytes.n, f) == bytes.n);
	CHECK(fclose(f) == 0);
}

/* Another role, played by the test: its end of a channel. */
static inline void
test_peer_up(struct test_role *t, struct chan *c, unsigned kind, uint32_t number, void *ctx,
	void (*on_frame)(struct chan *c, struct frame *f))
{
	int ends[2];

	CHECK(sock_pair(ends) == OK);
	chan_init(c, t->role.loop, talk_role_name(t->role.kind), CLOSED);
	c->ctx = ctx;
	c->on_frame = on_frame;
	chan_up(c, ends[0]);
	t->role.on_peer(&t->role, kind, number, ends[1]);
}

/* ---- clients ---- */

struct test_client {
	struct stream stream;
	struct loop *loop;
	const char *const *script;
	struct tls_client *tls;
	const char *name;    /* for failures */
	int64_t patience_ms; /* 0: 20 s */
	bool done;
};

/* Does the pattern fit? * is any run of octets. */
static inline bool
test_fits(str text, str pattern)
{
	size_t star = str_find(pattern, '*');

	if (star == pattern.n)
		return str_eq(text, pattern);
	if (!str_starts(text, str_sub(pattern, 0, star)))
		return false;
	text = str_from(text, star);
	pattern = str_from(pattern, star + 1);
	for (size_t i = 0; i <= text.n; i++)
		if (test_fits(str_from(text, i), pattern))
			return true;
	return false;
}

static inline void
test_set_due(struct test_client *c)
{
	c->stream.due_ms = loop_now_ms(c->loop) + (c->patience_ms ? c->patience_ms : 20000);
}

static inline void
test_hear(struct test_client *c, str pattern)
{
	bool bare = false;
	str line = { 0 };
	enum fault f;

	test_set_due(c);
	f = stream_take_line(&c->stream, 100000, &line, &bare);
	if (f == OK && test_fits(line, pattern) && !bare)
		return;
	fprintf(stderr, "%s: %s\n", c->name, fault_words(f)->name);
	t_print_str("got ", line);
	t_print_str("want", pattern);
	t_fail(__FILE__, __LINE__, "dialogue");
}

static inline void
test_line(struct test_client *c, str line)
{
	if (str_take(&line, S("C: "))) {
		CHECK(stream_write(&c->stream, line) == OK);
		CHECK(stream_write(&c->stream, S("\r\n")) == OK);
	} else if (str_take(&line, S("S: "))) {
		CHECK(stream_flush(&c->stream) == OK);
		test_hear(c, line);
	} else if (str_eq(line, S("S!"))) {
		CHECK(stream_flush(&c->stream) == OK);
		test_set_due(c);
		CHECK(stream_fill(&c->stream, 100000) == CLOSED);
	} else if (str_eq(line, S("TLS"))) {
		CHECK(stream_flush(&c->stream) == OK);
		test_set_due(c);
		CHECK(stream_connect_tls(&c->stream, c->tls, S("mx.a.test")) == OK);
	} else {
		t_fail(__FILE__, __LINE__, line.p);
	}
}

static inline void
test_client_run(void *arg)
{
	struct test_client *c = arg;

	for (const char *const *line = c->script; line && *line; line++)
		test_line(c, str_c(*line));
	(void)stream_flush(&c->stream);
	stream_close(&c->stream);
	c->done = true;
}

/* Begins a dialogue over fd. The script is an array that ends with NULL. */
static inline void
test_client_start(struct test_client *c, struct loop *loop, int fd, const char *const *script)
{
	c->loop = loop;
	c->script = script;
	c->name = script && *script ? *script : "";
	CHECK(stream_init(&c->stream, loop, fd) == OK);
	test_set_due(c);
	fiber_start(loop, test_client_run, c);
}

#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Runs the loop until *done. */
static inline void
test_until(struct loop *loop, const bool *done)
{
	while (!*done && loop_run_once(loop))
		;
	CHECK(*done);
}

#endif
