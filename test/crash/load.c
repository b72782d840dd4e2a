/* test/crash/load.c - see load.h */
#include "test/crash/load.h"
#include "test/crash/disk.h"

#include "base/mem.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { ACCOUNTS = 3, MOST_MESSAGES = 4000, BODY_ROOM = 400 * 1024 };

/* A message in a mailbox as the load knows it. Moments are disk operations: 0 = not (yet). */
struct copy {
	uint32_t account, mailbox, uid;
	uint64_t email;
	unsigned body;           /* number of the body it has */
	uint32_t first_flags;    /* those it came with */
	bool kept;               /* copied or moved into the second mailbox */
	size_t issued, promised; /* the accept */
	size_t gone_issued, gone_promised;
	uint32_t flags[8]; /* in the order they were set */
	size_t flags_issued[8], flags_promised[8];
	unsigned flag_count;
};
/* What was promised, in memory that a child shares with its parent: it outlives a load that the store ended. */
static struct oracle {
	struct copy copies[MOST_MESSAGES];
	size_t copy_count;
	uint32_t account_ids[ACCOUNTS], kept_ids[ACCOUNTS]; /* a second mailbox of each */
	size_t people_promised;                             /* the accounts are there from this moment on */
	size_t aliases_promised[64], alias_count;
} *oracle;
static uint64_t rng;
static char body_bytes[BODY_ROOM];
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
	fprintf(stderr, "load: %s at operation %zu\n", what, disk_ops());
	exit(EX_SOFTWARE);
}

/* Body number n: its size and bytes follow from n alone. */
static str
body_of(unsigned n)
{
	size_t size = n % 17 == 5  ? 300 * 1024 + n % 1000
		      : n % 7 == 3 ? 30000 + n % 999
				   : 200 + n * 37 % 3000;
	int head = snprintf(body_bytes, sizeof(body_bytes),
		"Message-ID: <%u@load.test>\r\nSubject: number %u\r\n\r\n", n, n);

	for (size_t i = (size_t)head; i < size; i++)
		body_bytes[i] = (i - (size_t)head) % 64 == 62   ? '\r'
				: (i - (size_t)head) % 64 == 63 ? '\n'
								: (char)('a' + (i * 7 + n) % 26);
	return str_of(body_bytes, size);
}

struct store_settings
load_settings(const char *dir)
{
	return (struct store_settings){
		.dir = dir, .segment_bytes = 256 * 1024, .index_map_bytes = 1u << 28, .wall_ms = clock_ms
	};
}

/* ---- the load ---- */

static size_t batch_first; /* first copy of the batch */
static struct change {
	struct copy *copy;
	int flag; /* index, or -1: expunge */
} changes[256];
static size_t change_count;

/* Faults are expected only while the disk makes them: nobody loses anything by them. */
static bool
is_refusal(enum fault f)
{
	return f == STORE_FULL || f == STORE_DOWN;
}

static void
deliver(struct store *s, unsigned n)
{
	struct store_delivery d[ACCOUNTS];
	struct store_message m = { .received_ms = clock_ms(), .row = S("row"), .message_id_key = n + 1 };
	struct store_large *large = NULL;
	size_t count = 1 + chance() % ACCOUNTS;
	char prefix[ACCOUNTS][64];
	enum fault accepted;

	m.sent_ms = m.received_ms;
	m.body = body_of(n);
	if (m.body.n > 256 * 1024) {
		enum fault f = store_large_new(s, &large);

		if (f == OK)
			f = store_large_add(large, str_sub(m.body, 0, 100000));
		if (f == OK)
			f = store_large_add(large, str_from(m.body, 100000));
		if (f == OK)
			f = store_large_sync(large);
		if (f != OK) {
			if (!is_refusal(f))
				fail("large");
			store_large_free(large);
			return;
		}
		m.large = large;
		m.body = S("");
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(prefix[i], sizeof(prefix[i]), "Delivered-To: %zu\r\n", i);
		d[i] = (struct store_delivery){ .account = oracle->account_ids[i],
			.prefix = str_c(prefix[i]) };
	}
	size_t issued = disk_ops();
	accepted = store_accept(s, &m, d, count);
	if (accepted != OK) {
		if (!is_refusal(accepted))
			fail("accept");
		store_large_free(large);
		return;
	}
	for (size_t i = 0; i < count && oracle->copy_count < MOST_MESSAGES; i++)
		oracle->copies[oracle->copy_count++] = (struct copy){ .account = d[i].account,
			.mailbox = d[i].mailbox,
			.uid = d[i].uid,
			.email = d[i].email,
			.body = n,
			.issued = issued };
}

static struct copy *
any_copy(void)
{
	struct copy *c = oracle->copy_count ? &oracle->copies[chance() % oracle->copy_count] : NULL;

	return c && c->promised && !c->gone_issued ? c : NULL;
}

static uint32_t
kept_of(uint32_t account)
{
	for (size_t i = 0; i < ACCOUNTS; i++)
		if (oracle->account_ids[i] == account)
			return oracle->kept_ids[i];
	fail("whose?");
}

static void
note_gone(struct copy *c, size_t issued)
{
	c->gone_issued = issued;
	changes[change_count++] = (struct change){ c, -1 };
}

/* Into the second mailbox, with the flags it has now; a moved one is gone from the first. */
static void
keep(struct store *s, struct copy *c, bool move)
{
	struct uid_range r = { c->uid, c->uid };
	struct arena a = { 0 };
	struct uid_pair *pairs;
	size_t n, issued = disk_ops();

	if (store_copy(s, &a, c->account, c->mailbox, &r, 1, kept_of(c->account), move, &pairs, &n) != OK ||
		n != 1)
		fail("copy");
	oracle->copies[oracle->copy_count++] = (struct copy){ .account = c->account,
		.mailbox = kept_of(c->account),
		.uid = pairs[0].to,
		.email = c->email,
		.body = c->body,
		.kept = true,
		.first_flags = c->flag_count ? c->flags[c->flag_count - 1] : c->first_flags,
		.issued = issued };
	c->kept = true;
	if (move)
		note_gone(c, issued);
	arena_done(&a);
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
	if (chance() % 3 == 0 && !c->kept && oracle->copy_count < MOST_MESSAGES) {
		keep(s, c, chance() % 2);
	} else if (chance() % 2 && c->flag_count < 8) {
		uint32_t flags = (uint32_t)(chance() % 32);

		if (store_flag(s, &a, c->account, c->mailbox, &r, 1, FLAGS_REPLACE, flags, 0, UINT64_MAX,
			    &modseq, &modified, &n) != OK)
			fail("flag");
		c->flags[c->flag_count] = flags;
		c->flags_issued[c->flag_count] = issued;
		changes[change_count++] = (struct change){ c, (int)c->flag_count++ };
	} else {
		if (store_expunge(s, c->account, c->mailbox, &r, 1, &count) != OK || count != 1)
			fail("expunge");
		note_gone(c, issued);
	}
	arena_done(&a);
}

static unsigned refused;

/* What a kept one was copied from. */
static struct copy *
source_of(const struct copy *kept)
{
	for (size_t i = 0; i < oracle->copy_count; i++) {
		struct copy *c = &oracle->copies[i];
		if (c->account == kept->account && c->email == kept->email && c->mailbox != kept->mailbox)
			return c;
	}
	fail("a copy of nothing");
}

/* The batch has not happened: its messages were never sent, its changes never made. */
static void
forget_batch(void)
{
	for (size_t i = batch_first; i < oracle->copy_count; i++)
		if (oracle->copies[i].kept)
			source_of(&oracle->copies[i])->kept = false;
	oracle->copy_count = batch_first;
	for (size_t i = 0; i < change_count; i++) {
		struct copy *c = changes[i].copy;
		if (changes[i].flag < 0)
			c->gone_issued = 0;
		else
			c->flag_count = MIN(c->flag_count, (unsigned)changes[i].flag);
	}
	change_count = 0;
	refused++;
}

static bool
flush(struct store *s)
{
	enum fault f = store_flush(s);
	size_t now = disk_ops();

	if (is_refusal(f)) {
		forget_batch();
		return false;
	}
	if (f != OK)
		fail("flush");
	for (; batch_first < oracle->copy_count; batch_first++)
		oracle->copies[batch_first].promised = now;
	for (size_t i = 0; i < change_count; i++) {
		if (changes[i].flag < 0)
			changes[i].copy->gone_promised = now;
		else
			changes[i].copy->flags_promised[changes[i].flag] = now;
	}
	change_count = 0;
	return true;
}

static bool
make_people(struct store *s)
{
	for (size_t i = 0; i < ACCOUNTS; i++) {
		char address[64];
		struct store_account a = { .secret = S("sealed") };

		snprintf(address, sizeof(address), "user%zu@a.test", i);
		a.address = str_c(address);
		if (store_put_account(s, &a, &oracle->account_ids[i]) != OK)
			fail("account");
		if (store_create_mailbox(
			    s, oracle->account_ids[i], S("Kept"), ROLE_NONE, &oracle->kept_ids[i]) != OK)
			fail("mailbox");
	}
	if (!flush(s))
		return false;
	oracle->people_promised = disk_ops();
	return true;
}

void
load_begin(uint64_t seed)
{
	if (!oracle)
		oracle = mmap(
			NULL, sizeof(*oracle), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (oracle == MAP_FAILED)
		fail("mmap");
	memset(oracle, 0, sizeof(*oracle));
	rng = seed * 0x9E3779B97F4A7C15 + 1;
}

void
load_run(const char *dir, unsigned batches, unsigned *ret_refused)
{
	struct store_settings set = load_settings(dir);
	struct store *s;
	unsigned body = 0;

	if (store_open(&set, &quiet, &s) != OK)
		fail("open");
	for (int again = 0; !make_people(s); again++)
		if (again == 5)
			fail("people");
	for (unsigned b = 0; b < batches; b++) {
		for (uint64_t n = 1 + chance() % 5; n; n--) {
			if (chance() % 3)
				deliver(s, body++);
			else
				change(s);
		}
		if (chance() % 8 == 0 && oracle->alias_count < COUNT(oracle->aliases_promised)) {
			char name[64];
			str target = S("user0@a.test");
			snprintf(name, sizeof(name), "alias%zu@a.test", oracle->alias_count);
			if (store_put_alias(s, str_c(name), &target, 1) != OK)
				fail("alias");
			if (flush(s))
				oracle->aliases_promised[oracle->alias_count++] = disk_ops();
		}
		flush(s);
		if (chance() % 3 == 0) {
			enum fault f = store_commit(s);
			if (f != OK && !is_refusal(f))
				fail("commit");
		}
		if (chance() % 4 == 0) {
			(void)store_compact_step(s, 100000);
			flush(s);
		}
		if (b == batches / 2) { /* an orderly stop and start in the middle */
			store_close(s);
			enum fault f = store_open(&set, &quiet, &s);
			for (int again = 0; is_refusal(f) && again < 5; again++)
				f = store_open(&set, &quiet, &s);
			if (f != OK)
				fail("open again");
		}
	}
	store_close(s);
	*ret_refused = refused;
}

/* ---- the judge ---- */

static int broken;

static void
complain(const struct copy *c, const char *what)
{
	fprintf(stderr,
		"BROKEN: account %u uid %u email %llu body %u (issued %zu promised %zu gone %zu/%zu): %s\n",
		c->account, c->uid, (unsigned long long)c->email, c->body, c->issued, c->promised,
		c->gone_issued, c->gone_promised, what);
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
		fits = flags == c->first_flags;
	else
		fits = flags == c->flags[from - 1];
	for (unsigned i = from; i < c->flag_count; i++)
		fits |= c->flags_issued[i] <= moment && flags == c->flags[i];
	if (!fits)
		complain(c, "flags");
}

static bool
is_in(const struct store_mailbox *m, const struct copy *c)
{
	return m->account == c->account && m->id == c->mailbox;
}

static void
judge_copies(struct store_reader *r, struct store_view *v, size_t moment, const struct store_entry *entries,
	const struct store_mailbox *of, size_t n)
{
	for (size_t i = 0; i < oracle->copy_count; i++) {
		const struct copy *c = &oracle->copies[i];
		const struct store_entry *found = NULL;

		for (size_t k = 0; k < n; k++)
			if (is_in(&of[k], c) && entries[k].email == c->email) {
				if (found)
					complain(c, "twice");
				found = &entries[k];
			}
		if (found &&
			found->uid !=
				c->uid) /* an accept that was never promised may come again with another number: not the same mail */
			found = NULL;
		if (!found && c->promised && c->promised <= moment &&
			!(c->gone_issued && c->gone_issued <= moment))
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
judge_strangers(const struct store_entry *entries, const struct store_mailbox *of, size_t n, size_t moment)
{
	for (size_t k = 0; k < n; k++) {
		bool known = false;
		for (size_t i = 0; i < oracle->copy_count; i++)
			known |= is_in(&of[k], &oracle->copies[i]) &&
				 oracle->copies[i].email == entries[k].email &&
				 oracle->copies[i].issued <= moment;
		if (!known) {
			fprintf(stderr, "BROKEN: a message nobody sent: account %u mailbox %u uid %u\n",
				of[k].account, of[k].id, entries[k].uid);
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

	if (oracle->people_promised && oracle->people_promised <= moment)
		for (size_t i = 0; i < ACCOUNTS; i++)
			if (view_account(v, oracle->account_ids[i], &a) != OK ||
				!str_eq(a.secret, S("sealed"))) {
				fprintf(stderr, "BROKEN: account %u is gone\n", oracle->account_ids[i]);
				broken++;
			}
	for (size_t i = 0; i < oracle->alias_count; i++) {
		char name[64];
		snprintf(name, sizeof(name), "alias%zu@a.test", i);
		if (oracle->aliases_promised[i] <= moment &&
			view_alias(v, &ar, str_c(name), &targets, &n) != OK) {
			fprintf(stderr, "BROKEN: %s is gone\n", name);
			broken++;
		}
	}
	arena_done(&ar);
}

static struct store_entry entries[MOST_MESSAGES];
static struct store_mailbox of[MOST_MESSAGES]; /* where each of them is */
static size_t entry_count;

static void
read_mailbox(struct store_view *v, const struct store_mailbox *m)
{
	uint32_t from = 1;
	size_t got = 1, first = entry_count;

	while (got) {
		if (view_entries(v, m->account, m->id, from, entries + entry_count,
			    MOST_MESSAGES - entry_count, &got) != OK)
			fail("entries");
		for (size_t k = 0; k < got; k++)
			of[entry_count + k] = *m;
		entry_count += got;
		if (got)
			from = entries[entry_count - 1].uid + 1;
	}
	if (m->exists != entry_count - first) {
		fprintf(stderr, "BROKEN: account %u mailbox %u says %u messages and has %zu\n", m->account,
			m->id, m->exists, entry_count - first);
		broken++;
	}
}

int
load_judge(const char *dir, size_t moment)
{
	struct store_reader *r;
	struct store_view *v;

	if (store_reader_open(dir, &quiet, &r) != OK || store_view_begin(r, &v) != OK)
		fail("reader");
	entry_count = 0;
	for (size_t i = 0; i < ACCOUNTS; i++) {
		struct store_mailbox m;

		for (uint32_t at = 0; oracle->account_ids[i] &&
				      view_next_mailbox(v, oracle->account_ids[i], &at, &m) == OK;)
			read_mailbox(v, &m);
	}
	judge_people(v, moment);
	judge_copies(r, v, moment, entries, of, entry_count);
	judge_strangers(entries, of, entry_count, moment);
	store_view_end(v);
	store_reader_close(r);
	return broken;
}

size_t
load_copies(void)
{
	return oracle->copy_count;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void
load_clear(const char *dir)
{
	if (access(dir, F_OK) == 0)
		(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (mkdir(dir, 0700) != 0)
		fail("mkdir");
}
