/* How fast the store takes mail and how fast a mailbox is read. Not a test: build it in release and run it on the disk in question.
 *	store-bench [FOLDER [SECONDS [BATCH]]]
 * 4 KB bodies, email rows of 700 bytes, 1000 accounts; a commit every 16 batches. CPU is that of the whole process. */
#include "store/store.h"

#include "base/mem.h"

#include <ftw.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { ACCOUNTS = 1000, BODY = 4096, ROW = 700, COMMIT_EVERY = 16, BIG_MAILBOX = 100000 };

static int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double
user_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6;
}

static void
must(enum fault f, const char *what)
{
	if (f == OK)
		return;
	fprintf(stderr, "%s: %s\n", what, fault_words(f)->text);
	exit(1);
}

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

struct bench {
	struct store *s;
	char *body, *row;
	uint32_t accounts[ACCOUNTS];
	uint64_t dice;
};

static void
deliver(struct bench *b, uint32_t account)
{
	uint64_t references[] = { next_random(&b->dice) };
	struct store_delivery d = { .account = account,
		.prefix = S("Return-Path: <somebody@somewhere.test>\r\nDelivered-To: you@here.test\r\n") };
	struct store_message m = {
		.body = str_of(b->body, BODY),
		.row = str_of(b->row, ROW),
		.received_ms = 1700000000000,
		.sent_ms = 1700000000000,
		.message_id_key = next_random(&b->dice),
		.reference_keys = references,
		.reference_count = b->dice % 3 == 0,
	};

	must(store_accept(b->s, &m, &d, 1), "accept");
}

static void
take_mail(struct bench *b, unsigned batch, double seconds)
{
	double from = now_s(), cpu = cpu_s(), user = user_s(), wall;
	uint64_t n = 0, batches = 0;
	struct store_stats before, after;

	store_get_stats(b->s, &before);
	while (now_s() - from < seconds) {
		for (unsigned i = 0; i < batch; i++, n++)
			deliver(b, b->accounts[next_random(&b->dice) % ACCOUNTS]);
		must(store_flush(b->s), "flush");
		if (++batches % COMMIT_EVERY == 0)
			must(store_commit(b->s), "commit");
	}
	must(store_commit(b->s), "commit");
	wall = now_s() - from;
	store_get_stats(b->s, &after);
	printf("batch %4u: %8.0f messages/s  %6.1f us CPU/message (%.1f user)  %.2f KB index/message  "
	       "flushes %.3f/message\n",
		batch, (double)n / wall, (cpu_s() - cpu) * 1e6 / (double)n,
		(user_s() - user) * 1e6 / (double)n,
		(double)(after.index_bytes - before.index_bytes) / 1024 / (double)n,
		(double)(after.flushes - before.flushes + after.commits - before.commits) / (double)n);
}

static void
read_mailbox(struct bench *b)
{
	struct store_entry *e = mem_new_array(1000, sizeof(*e));
	struct store_view *v;
	uint32_t uid = 1;
	uint64_t seen = 0;
	double from;
	size_t n;

	for (int i = 0; i < BIG_MAILBOX; i++) {
		deliver(b, b->accounts[0]);
		if (i % 1000 == 0)
			must(store_flush(b->s), "flush");
	}
	must(store_commit(b->s), "commit");
	v = store_now(b->s);
	for (int round = 0; round < 3; round++) {
		from = now_s();
		for (uid = 1, seen = 0;; uid = e[n - 1].uid + 1) {
			must(view_entries(v, b->accounts[0], 1, uid, e, 1000, &n), "entries");
			if (n == 0)
				break;
			seen += n;
		}
		printf("scan: %.2f ms for %llu entries\n", (now_s() - from) * 1e3, (unsigned long long)seen);
	}
	free(e);
}

static void
change_flags(struct bench *b)
{
	struct uid_range all = { 1, UINT32_MAX }, *modified;
	struct arena a = { 0 };
	uint64_t modseq;
	uint32_t count;
	double from = now_s();
	size_t n;

	must(store_flag(b->s, &a, b->accounts[0], 1, &all, 1, FLAGS_ADD, FLAG_SEEN, 0, UINT64_MAX, &modseq,
		     &modified, &n),
		"flag");
	must(store_flush(b->s), "flush");
	printf("flags of all: %.2f ms\n", (now_s() - from) * 1e3);
	must(store_commit(b->s), "commit");
	from = now_s();
	must(store_expunge(b->s, b->accounts[0], 1, &all, 1, &count), "expunge");
	must(store_flush(b->s), "flush");
	printf("expunge of all: %.2f ms for %u\n", (now_s() - from) * 1e3, count);
	must(store_commit(b->s), "commit");
	arena_done(&a);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

int
main(int argc, char **argv)
{
	char dir[512];
	struct log_sink sink = { .fd = 2, .least = LOG_WARN, .role = "bench" };
	struct log log = { .sink = &sink };
	struct store_settings set = { .dir = dir, .wall_ms = wall_ms };
	struct bench *b = NEW(struct bench);
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;

	(void)snprintf(dir, sizeof(dir), "%s/store-bench.XXXXXX", argc > 1 ? argv[1] : ".");
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	b->dice = 88172645463325252;
	b->body = mem_new(BODY);
	b->row = mem_new(ROW);
	memset(b->body, 'b', BODY);
	memset(b->row, 'r', ROW);
	must(store_open(&set, &log, &b->s), "open");
	for (int i = 0; i < ACCOUNTS; i++) {
		struct store_account a = {
			.secret = S("a sealed verifier of some length, as argon2id makes them")
		};
		char address[64];

		(void)snprintf(address, sizeof(address), "user%d@bench.test", i);
		a.address = str_c(address);
		must(store_put_account(b->s, &a, &b->accounts[i]), "account");
	}
	must(store_commit(b->s), "commit");
	for (int round = 0; round < (argc > 3 ? 0 : 2); round++) {
		take_mail(b, 1, seconds);
		take_mail(b, 16, seconds);
		take_mail(b, 20, seconds);
		take_mail(b, 128, seconds);
	}
	if (argc > 3)
		take_mail(b, (unsigned)strtoul(argv[3], NULL, 10), seconds);
	read_mailbox(b);
	change_flags(b);
	store_close(b->s);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(b->body);
	free(b->row);
	free(b);
	return 0;
}
