/* test/crash/powercut.c - the promise, proved: after a power cut at any moment, what was acknowledged is there, intact, once
 *	powercut [-s SEED] [-b BATCHES] [-e EVERY] [-r RESTARTS] FOLDER
 * A mixed load (deliveries to one and several mailboxes, large bodies, flags, expunges, people, index commits, compaction) runs against
 * the real store on a recorded disk (disk.h). Then, for every moment between two disk operations (or each EVERY-th), the disk is made as a power
 * cut would leave it, the store is started on it in a child, and compared with what had been promised by then. For RESTARTS of those the
 * start itself is recorded and cut short, too. Exit 0: no promise was broken. FOLDER should be on a tmpfs. */
#include "store/store.h"
#include "test/crash/disk.h"

#include "base/mem.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ACCOUNTS = 3, MOST_MESSAGES = 4000, BODY_ROOM = 400 * 1024 };

/* A message in a mailbox as the load knows it. Moments are disk operations: 0 = not (yet). */
struct copy {
	uint32_t account, mailbox, uid;
	uint64_t email;
	unsigned body;		      /* number of the body it has */
	size_t issued, promised;      /* the accept */
	size_t gone_issued, gone_promised;
	uint32_t flags[8];	      /* in the order they were set */
	size_t flags_issued[8], flags_promised[8];
	unsigned flag_count;
};
static struct copy copies[MOST_MESSAGES];
static size_t copy_count;
static uint64_t rng;
static char folder[400];
static char body_bytes[BODY_ROOM];
static uint32_t account_ids[ACCOUNTS];
static size_t people_promised; /* the accounts are there from this moment on */
static size_t aliases_promised[64], alias_count;
static struct log_sink sink = { .fd = 2, .role = "powercut", .least = LOG_ERROR };
static struct log quiet = { .sink = NULL };

static uint64_t
chance(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static int64_t
clock_ms(void)
{
	static int64_t now = 1800000000000;

	return now += 7;
}

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "powercut: %s\n", what);
	exit(1);
}

/* Body number n: its size and bytes follow from n alone. */
static str
body_of(unsigned n)
{
	size_t size = n % 17 == 5 ? 300 * 1024 + n % 1000 : n % 7 == 3 ? 30000 + n % 999 : 200 + n * 37 % 3000;
	int head = snprintf(body_bytes, sizeof(body_bytes), "Message-ID: <%u@load.test>\r\nSubject: number %u\r\n\r\n", n, n);

	for (size_t i = (size_t)head; i < size; i++)
		body_bytes[i] = (i - (size_t)head) % 64 == 62 ? '\r' : (i - (size_t)head) % 64 == 63 ? '\n' : (char)('a' + (i * 7 + n) % 26);
	return str_of(body_bytes, size);
}

static struct store_settings
settings(const char *dir)
{
	return (struct store_settings){ .dir = dir, .segment_bytes = 256 * 1024, .index_map_bytes = 1u << 28, .wall_ms = clock_ms };
}

/* ---- the load ---- */

static size_t batch_first; /* first copy of the batch */
static struct change {
	struct copy *copy;
	int flag; /* index, or -1: expunge */
} changes[256];
static size_t change_count;

static void
deliver(struct store *s, unsigned n)
{
	struct store_delivery d[ACCOUNTS];
	struct store_message m = { .received_ms = clock_ms(), .row = S("row"), .message_id_key = n + 1 };
	struct store_large *large = NULL;
	size_t count = 1 + chance() % ACCOUNTS;
	char prefix[ACCOUNTS][64];

	m.sent_ms = m.received_ms;
	m.body = body_of(n);
	if (m.body.n > 256 * 1024) {
		if (store_large_new(s, &large) != OK || store_large_add(large, str_sub(m.body, 0, 100000)) != OK ||
			store_large_add(large, str_from(m.body, 100000)) != OK || store_large_sync(large) != OK)
			fail("large");
		m.large = large;
		m.body = S("");
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(prefix[i], sizeof(prefix[i]), "Delivered-To: %zu\r\n", i);
		d[i] = (struct store_delivery){ .account = account_ids[i], .prefix = str_c(prefix[i]) };
	}
	size_t issued = disk_ops();
	if (store_accept(s, &m, d, count) != OK)
		fail("accept");
	for (size_t i = 0; i < count && copy_count < MOST_MESSAGES; i++)
		copies[copy_count++] = (struct copy){ .account = d[i].account, .mailbox = d[i].mailbox, .uid = d[i].uid,
			.email = d[i].email, .body = n, .issued = issued };
}

static struct copy *
any_copy(void)
{
	struct copy *c = copy_count ? &copies[chance() % copy_count] : NULL;

	return c && c->promised && !c->gone_issued ? c : NULL;
}

static uint32_t
inbox_of(struct store *s, uint32_t account)
{
	struct store_mailbox m;

	if (view_mailbox_by_name(store_now(s), account, S("INBOX"), &m) != OK)
		fail("no INBOX");
	return m.id;
}

static void
change(struct store *s)
{
	struct copy *c = any_copy();
	struct arena a = { 0 };
	struct uid_range r, *modified;
	size_t n, issued = disk_ops();
	uint64_t modseq;
	uint32_t count;

	if (!c || change_count == COUNT(changes))
		return;
	r = (struct uid_range){ c->uid, c->uid };
	if (chance() % 2 && c->flag_count < 8) {
		uint32_t flags = (uint32_t)(chance() % 32);

		if (store_flag(s, &a, c->account, inbox_of(s, c->account), &r, 1, FLAGS_REPLACE, flags, 0, UINT64_MAX, &modseq, &modified, &n) != OK)
			fail("flag");
		c->flags[c->flag_count] = flags;
		c->flags_issued[c->flag_count] = issued;
		changes[change_count++] = (struct change){ c, (int)c->flag_count++ };
	} else {
		if (store_expunge(s, c->account, inbox_of(s, c->account), &r, 1, &count) != OK || count != 1)
			fail("expunge");
		c->gone_issued = issued;
		changes[change_count++] = (struct change){ c, -1 };
	}
	arena_done(&a);
}

static void
flush(struct store *s)
{
	size_t now;

	if (store_flush(s) != OK)
		fail("flush");
	now = disk_ops();
	for (; batch_first < copy_count; batch_first++)
		copies[batch_first].promised = now;
	for (size_t i = 0; i < change_count; i++) {
		if (changes[i].flag < 0)
			changes[i].copy->gone_promised = now;
		else
			changes[i].copy->flags_promised[changes[i].flag] = now;
	}
	change_count = 0;
}

static void
make_people(struct store *s)
{
	for (size_t i = 0; i < ACCOUNTS; i++) {
		char address[32];
		struct store_account a = { .secret = S("sealed") };

		snprintf(address, sizeof(address), "user%zu@a.test", i);
		a.address = str_c(address);
		if (store_put_account(s, &a, &account_ids[i]) != OK)
			fail("account");
	}
	flush(s);
	people_promised = disk_ops();
}

static void
load(const char *dir, unsigned batches)
{
	struct store_settings set = settings(dir);
	struct store *s;
	unsigned body = 0;

	if (store_open(&set, &quiet, &s) != OK)
		fail("open");
	make_people(s);
	for (unsigned b = 0; b < batches; b++) {
		for (uint64_t n = 1 + chance() % 5; n; n--) {
			if (chance() % 3)
				deliver(s, body++);
			else
				change(s);
		}
		if (chance() % 8 == 0 && alias_count < COUNT(aliases_promised)) {
			char name[32];
			str target = S("user0@a.test");
			snprintf(name, sizeof(name), "alias%zu@a.test", alias_count);
			if (store_put_alias(s, str_c(name), &target, 1) != OK)
				fail("alias");
			flush(s);
			aliases_promised[alias_count++] = disk_ops();
		}
		flush(s);
		if (chance() % 3 == 0 && store_commit(s) != OK)
			fail("commit");
		if (chance() % 4 == 0) {
			(void)store_compact_step(s, 100000);
			flush(s);
		}
		if (b == batches / 2) { /* an orderly stop and start in the middle */
			store_close(s);
			if (store_open(&set, &quiet, &s) != OK)
				fail("open again");
		}
	}
	store_close(s);
}

/* ---- the judge ---- */

static int broken;

static void
complain(const struct copy *c, const char *what)
{
	fprintf(stderr, "BROKEN: account %u uid %u email %llu body %u (issued %zu promised %zu gone %zu/%zu): %s\n", c->account, c->uid,
		(unsigned long long)c->email, c->body, c->issued, c->promised, c->gone_issued, c->gone_promised, what);
	broken++;
}

static void
judge_body(struct store_reader *r, struct store_view *v, const struct copy *c)
{
	struct arena a = { 0 };
	struct store_email e;
	str got = { 0 }, want = body_of(c->body);

	if (view_email(v, c->account, c->email, &e) != OK)
		complain(c, "no email row");
	else if (store_reader_load(r, &a, &e, 1 << 20, &got) != OK)
		complain(c, "does not load");
	else if (!str_ends(got, want) || got.n != want.n + e.prefix.n)
		complain(c, "other bytes");
	arena_done(&a);
}

/* Flags are the last promised ones, or those of any later change that had been issued. */
static void
judge_flags(const struct copy *c, uint32_t flags, size_t moment)
{
	bool fits = false;
	unsigned from = 0;

	for (unsigned i = 0; i < c->flag_count; i++)
		if (c->flags_promised[i] && c->flags_promised[i] <= moment)
			from = i + 1;
	if (from == 0)
		fits = flags == 0;
	else
		fits = flags == c->flags[from - 1];
	for (unsigned i = from; i < c->flag_count; i++)
		fits |= c->flags_issued[i] <= moment && flags == c->flags[i];
	if (!fits)
		complain(c, "flags");
}

static void
judge_copies(struct store_reader *r, struct store_view *v, size_t moment, const struct store_entry *entries, const uint32_t *accounts, size_t n)
{
	for (size_t i = 0; i < copy_count; i++) {
		const struct copy *c = &copies[i];
		const struct store_entry *found = NULL;

		for (size_t k = 0; k < n; k++)
			if (accounts[k] == c->account && entries[k].email == c->email) {
				if (found)
					complain(c, "twice");
				found = &entries[k];
			}
		if (found && found->uid != c->uid) /* an accept that was never promised may come again with another number: not the same mail */
			found = NULL;
		if (!found && c->promised && c->promised <= moment && !(c->gone_issued && c->gone_issued <= moment))
			complain(c, "lost");
		if (found && c->gone_promised && c->gone_promised <= moment)
			complain(c, "came back");
		if (found && c->issued <= moment) {
			judge_flags(c, found->flags, moment);
			judge_body(r, v, c);
		}
	}
}

/* Everything that is there was once sent. */
static void
judge_strangers(const struct store_entry *entries, const uint32_t *accounts, size_t n, size_t moment)
{
	for (size_t k = 0; k < n; k++) {
		bool known = false;
		for (size_t i = 0; i < copy_count; i++)
			known |= copies[i].account == accounts[k] && copies[i].email == entries[k].email && copies[i].issued <= moment;
		if (!known) {
			fprintf(stderr, "BROKEN: a message nobody sent: account %u uid %u\n", accounts[k], entries[k].uid);
			broken++;
		}
	}
}

static void
judge_people(struct store_view *v, size_t moment)
{
	struct store_account a;
	struct arena ar = { 0 };
	str *targets;
	size_t n;

	if (people_promised && people_promised <= moment)
		for (size_t i = 0; i < ACCOUNTS; i++)
			if (view_account(v, account_ids[i], &a) != OK || !str_eq(a.secret, S("sealed"))) {
				fprintf(stderr, "BROKEN: account %u is gone\n", account_ids[i]);
				broken++;
			}
	for (size_t i = 0; i < alias_count; i++) {
		char name[32];
		snprintf(name, sizeof(name), "alias%zu@a.test", i);
		if (aliases_promised[i] <= moment && view_alias(v, &ar, str_c(name), &targets, &n) != OK) {
			fprintf(stderr, "BROKEN: %s is gone\n", name);
			broken++;
		}
	}
	arena_done(&ar);
}

static void
judge(const char *dir, size_t moment)
{
	static struct store_entry entries[MOST_MESSAGES];
	static uint32_t accounts[MOST_MESSAGES];
	struct store_reader *r;
	struct store_view *v;
	size_t n = 0;

	if (store_reader_open(dir, &quiet, &r) != OK || store_view_begin(r, &v) != OK)
		fail("reader");
	for (size_t i = 0; i < ACCOUNTS; i++) {
		struct store_mailbox m;
		uint32_t from = 1;
		size_t got = 1, first = n;

		if (!account_ids[i] || view_mailbox_by_name(v, account_ids[i], S("INBOX"), &m) != OK)
			continue;
		while (got) {
			if (view_entries(v, account_ids[i], m.id, from, entries + n, MOST_MESSAGES - n, &got) != OK)
				fail("entries");
			for (size_t k = 0; k < got; k++)
				accounts[n + k] = account_ids[i];
			n += got;
			if (got)
				from = entries[n - 1].uid + 1;
		}
		if (m.exists != n - first) {
			fprintf(stderr, "BROKEN: account %u says %u messages and has %zu\n", account_ids[i], m.exists, n - first);
			broken++;
		}
	}
	judge_people(v, moment);
	judge_copies(r, v, moment, entries, accounts, n);
	judge_strangers(entries, accounts, n, moment);
	store_view_end(v);
	store_reader_close(r);
}

/* ---- cutting ---- */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void
clear(const char *dir)
{
	if (access(dir, F_OK) == 0)
		(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (mkdir(dir, 0700) != 0)
		fail("mkdir");
}

/* Starts the store on an image, lets it go on a little (what was cut must not poison what comes), and judges. In a child. */
static int
start_and_judge(const char *dir, size_t moment, bool record)
{
	struct store_settings set = settings(dir);
	struct store *s;

	if (record)
		disk_record(dir);
	if (store_open(&set, &(struct log){ .sink = &sink }, &s) != OK) {
		log_flush(&sink);
		fprintf(stderr, "BROKEN: does not start\n");
		return 1;
	}
	if (store_commit(s) != OK) {
		fprintf(stderr, "BROKEN: does not commit\n");
		return 1;
	}
	if (record)
		disk_stop();
	judge(dir, moment);
	store_close(s);
	return broken ? 1 : 0;
}

static bool
in_child(const char *dir, size_t moment)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(start_and_judge(dir, moment, false));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The start on this image is cut short itself, at every moment (or so) of its own. */
static bool
restart_cut(const char *dir, size_t moment, uint64_t seed)
{
	char again[512];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		size_t n;

		if (start_and_judge(dir, moment, true) != 0)
			_exit(1);
		n = disk_ops();
		for (size_t k = 1; k <= n; k += 1 + n / 25) {
			snprintf(again, sizeof(again), "%s/again", folder);
			clear(again);
			disk_image(k, DISK_SOME, seed + k, again);
			if (!in_child(again, moment)) {
				fprintf(stderr, "  the restart was cut at its operation %zu of %zu: %s\n", k, n, disk_describe(k));
				_exit(1);
			}
		}
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int
main(int argc, char **argv)
{
	unsigned long seed = 1, batches = 60, every = 1, restarts = 20;
	size_t moments, cut = 0, bad = 0;
	char image[512], dir[512];
	int o;

	while ((o = getopt(argc, argv, "s:b:e:r:")) >= 0) {
		unsigned long v = strtoul(optarg ? optarg : "0", NULL, 10);
		if (o == 's')
			seed = v;
		else if (o == 'b')
			batches = v;
		else if (o == 'e')
			every = v ? v : 1;
		else if (o == 'r')
			restarts = v;
		else
			return 2;
	}
	if (optind != argc - 1)
		return 2;
	rng = seed * 0x9E3779B97F4A7C15 + 1;
	snprintf(folder, sizeof(folder), "%s/powercut.%d", argv[optind], (int)getpid());
	clear(folder);
	snprintf(dir, sizeof(dir), "%s/store", folder);
	snprintf(image, sizeof(image), "%s/image", folder);
	clear(dir);
	disk_record(dir);
	load(dir, (unsigned)batches);
	disk_stop();
	moments = disk_ops();
	for (size_t m = 1; m <= moments && bad < 5; m += every) {
		static const enum disk_fate fates[] = { DISK_SOME, DISK_NOTHING, DISK_SOME, DISK_EVERYTHING };
		enum disk_fate fate = fates[m / every % 4];
		bool restart = restarts && m / every % (moments / every / restarts + 1) == 0;

		clear(image);
		disk_image(m, fate, seed * 1000003 + m, image);
		cut++;
		if (restart ? restart_cut(image, m, seed + m) : in_child(image, m))
			continue;
		bad++;
		fprintf(stderr, "cut before operation %zu of %zu (%s), fate %d, seed %lu\n", m, moments, disk_describe(m), (int)fate, seed);
	}
	printf("%zu disk operations, %zu copies of messages, %zu power cuts, %zu broken\n", moments, copy_count, cut, bad);
	disk_forget();
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return bad ? 1 : 0;
}
