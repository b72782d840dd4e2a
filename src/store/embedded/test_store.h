/* store/embedded/test_store.h - a store in a folder of its own, for tests; behind test/t.h */
#ifndef STORE_EMBEDDED_TEST_STORE_H
#define STORE_EMBEDDED_TEST_STORE_H

#include "store/store.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TS_DAY_MS = 24 * 3600 * 1000 };

struct ts {
	char dir[64];
	struct store_settings set;
	struct log_sink sink;
	struct log log;
	struct store *s;
	struct store_reader *r;
	struct arena a;
	unsigned serial;
};

static int64_t ts_now_ms = 1700000000000; /* tests move it */

static int64_t
ts_clock(void)
{
	return ts_now_ms;
}

/* How many lives a test goes through: STORE_TEST_SEEDS says more, for a long run. */
static inline uint64_t
ts_seeds(uint64_t usual)
{
	const char *more = getenv("STORE_TEST_SEEDS");

	return more ? strtoull(more, NULL, 10) : usual;
}

static inline void
ts_open(struct ts *t)
{
	CHECK_INT(store_open(&t->set, &t->log, &t->s), OK);
	CHECK_INT(store_reader_beside(t->s, &t->r), OK);
}

static inline void
ts_close(struct ts *t)
{
	store_reader_close(t->r);
	store_close(t->s);
	t->r = NULL;
	t->s = NULL;
}

static inline void
ts_begin(struct ts *t)
{
	*t = (struct ts){ .dir = "store-test.XXXXXX" };
	CHECK(mkdtemp(t->dir) != NULL);
	t->sink = (struct log_sink){
		.fd = 2, .least = getenv("STORE_TEST_LOG") ? LOG_DEBUG : LOG_ERROR + 1, .role = "test"
	};
	t->log = (struct log){ .sink = &t->sink };
	t->set = (struct store_settings){
		.dir = t->dir, .index_map_bytes = (uint64_t)1 << 30, .wall_ms = ts_clock
	};
	ts_open(t);
}

static inline int
ts_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline void
ts_end(struct ts *t)
{
	ts_close(t);
	nftw(t->dir, ts_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_done(&t->a);
	buf_done(&t->sink.lines);
}

static inline uint32_t
ts_account(struct ts *t, const char *address)
{
	struct store_account a = { .address = str_c(address), .secret = S("sealed"), .created_ms = 1 };
	uint32_t id = 0;

	CHECK_INT(store_put_account(t->s, &a, &id), OK);
	return id;
}

static inline struct store_delivery
ts_deliver(struct ts *t, uint32_t account, str body)
{
	struct store_delivery d = { .account = account, .prefix = S("Return-Path: <x@y.test>\r\n") };
	struct store_message m = { .body = body, .row = S("the row"), .received_ms = 5, .sent_ms = 4 };

	CHECK_INT(store_accept(t->s, &m, &d, 1), OK);
	return d;
}

static inline struct store_mailbox
ts_mailbox(struct store_view *v, uint32_t account, uint32_t id)
{
	struct store_mailbox m = { 0 };

	CHECK_INT(view_mailbox(v, account, id, &m), OK);
	return m;
}

/* The whole message by its place in a mailbox, as a reader gets it. */
static inline str
ts_read(struct ts *t, uint32_t account, uint32_t mailbox, uint32_t uid)
{
	struct store_view *v;
	struct store_entry e;
	struct store_email email;
	str bytes = { 0 };
	size_t n;

	CHECK_INT(store_view_begin(t->r, &v), OK);
	CHECK_INT(view_entries(v, account, mailbox, uid, &e, 1, &n), OK);
	CHECK(n == 1 && e.uid == uid);
	CHECK_INT(view_email(v, account, e.email, &email), OK);
	store_email_keep(&t->a, &email);
	store_view_end(v);
	CHECK_INT(store_reader_load(t->r, &t->a, &email, 1 << 30, &bytes), OK);
	CHECK_INT(bytes.n, e.size);
	return bytes;
}

#endif
