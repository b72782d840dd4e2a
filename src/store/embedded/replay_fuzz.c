/* Input: what lies in log/. The first octet says how it is to be read:
 *	bit 0: the rest is the bytes of one segment behind its head, as they are
 *	else: the rest is records, each {type, bits, length u16, effect}, which are framed here so that they pass for records of this store
 *	bits: 1 with a body, 2 the LSN of the one before, 4 an LSN far ahead, 8 in a new segment
 * The store opens on it or says why not; what it then holds can be read, written to, verified, and opened again. No input may crash it,
 * stop it, or make it ask for more memory than its bytes are worth. */
#include "store/store.h"

#include "base/mem.h"
#include "store/embedded/effect.h"
#include "store/embedded/journal.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_key id = { 0x0123456789abcdef, 0xfedcba9876543210 };
enum { LONGEST = 16384 };
static char dir[64];
static struct log_sink sink = { .fd = -1, .least = LOG_ERROR + 1, .role = "fuzz" };
static const struct log quiet = { .sink = &sink };

/* ---- what lies on the disk ---- */

struct writer {
	struct buf bytes;
	uint32_t segment;
	uint64_t lsn;
};

static void
frame(struct writer *w, enum record_type type, str body, str rest)
{
	struct record_place at = { .lsn = w->lsn, .segment = w->segment, .offset = w->bytes.n };

	(void)record_add(&w->bytes, &id, type, &at, body, rest);
}

static void
begin_segment(struct writer *w)
{
	struct effect e = { .type = RECORD_SEGMENT };
	struct buf head = { 0 };

	w->segment++;
	w->lsn++;
	buf_clear(&w->bytes);
	e.segment = (struct effect_segment){ .format = LOG_FORMAT,
		.number = w->segment,
		.id = id,
		.first_lsn = w->lsn,
		.durable_lsn = w->lsn - 1,
		.next_account = 1,
		.next_body = 1 };
	effect_encode(&head, &e);
	frame(w, RECORD_SEGMENT, S(""), buf_str(&head));
	buf_done(&head);
}

static void
save_segment(const struct writer *w)
{
	char path[128], name[SEGMENT_NAME];
	FILE *f;

	segment_name(w->segment, name);
	snprintf(path, sizeof(path), "%s/log/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(w->bytes.p, 1, w->bytes.n, f) != w->bytes.n || fclose(f) != 0)
		abort();
}

static void
write_records(struct writer *w, str in)
{
	static const char body[] = "Subject: a\r\n\r\nbody of a message\r\n";
	str what, rest;
	uint16_t n;

	while (str_take_bytes(&in, 2, &what) && str_take_le16(&in, &n)) {
		uint8_t bits = (uint8_t)what.p[1];

		n = (uint16_t)MIN(n, in.n);
		(void)str_take_bytes(&in, n, &rest);
		if (bits & 8 && w->segment < 8) {
			save_segment(w);
			begin_segment(w);
		}
		w->lsn += bits & 2 ? 0 : bits & 4 ? (uint64_t)1 << 40 : 1;
		frame(w, (enum record_type)(uint8_t)what.p[0], bits & 1 ? str_c(body) : S(""), rest);
	}
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void
forget_folder(void)
{
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
make_folder(str in)
{
	struct writer w = { 0 };
	char path[128];
	bool raw = in.p[0] & 1;

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "%s/replay-fuzz-XXXXXX",
			access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir);
		if (!mkdtemp(dir))
			abort();
		atexit(forget_folder);
	}
	forget_folder();
	snprintf(path, sizeof(path), "%s/log", dir);
	if (mkdir(dir, 0700) != 0 || mkdir(path, 0700) != 0)
		abort();
	in = str_from(in, 1);
	begin_segment(&w);
	if (raw)
		buf_add(&w.bytes, in);
	else
		write_records(&w, in);
	save_segment(&w);
	buf_done(&w.bytes);
}

/* ---- what is made of it ---- */

static void
read_mailbox(struct store_view *v, struct store_reader *r, struct arena *a, const struct store_mailbox *m)
{
	struct store_entry entries[32];
	struct store_changes changes;
	struct store_email e;
	uint32_t from = 1;
	size_t n = 0;
	str all;

	while (view_entries(v, m->account, m->id, from, entries, COUNT(entries), &n) == OK && n) {
		for (size_t i = 0; i < n; i++) {
			assert(entries[i].uid >= from);
			if (view_email(v, m->account, entries[i].email, &e) != OK)
				continue;
			store_email_keep(a, &e);
			(void)store_reader_load(r, a, &e, 1 << 20, &all);
		}
		if (entries[n - 1].uid == UINT32_MAX)
			break;
		from = entries[n - 1].uid + 1;
	}
	(void)view_changes(v, a, m->account, m->id, 0, &changes);
}

static void
read_all(struct store *s)
{
	struct store_view *v = store_now(s);
	struct store_reader *r = NULL;
	struct store_account account;
	struct store_mailbox m;
	struct arena a = { 0 };
	str at = { 0 }, *targets;
	size_t n;

	if (store_reader_beside(s, &r) != OK)
		return;
	for (uint32_t id_at = 0; view_next_account(v, &id_at, &account) == OK;)
		for (uint32_t box = 0; view_next_mailbox(v, account.id, &box, &m) == OK;)
			read_mailbox(v, r, &a, &m);
	while (view_next_domain(v, &a, &at) == OK)
		;
	at = S("");
	while (view_next_alias(v, &a, &at, &targets, &n) == OK)
		;
	store_reader_close(r);
	arena_done(&a);
}

static void
change_all(struct store *s)
{
	struct store_message m = {
		.body = S("Subject: b\r\n\r\nnew\r\n"), .row = S("row"), .message_id_key = 7
	};
	struct store_delivery d = { .account = 1 };
	struct uid_range all = { 1, UINT32_MAX };
	struct store_account account = { .address = S("new@a.test") };
	uint32_t made, count;

	(void)store_put_account(s, &account, &made);
	(void)store_accept(s, &m, &d, 1);
	(void)store_flush(s);
	(void)store_create_mailbox(s, 1, S("made"), ROLE_NONE, &made);
	(void)store_expunge(s, 1, 1, &all, 1, &count);
	for (int i = 0; i < 4 && store_compact_step(s, 1 << 20); i++)
		(void)store_commit(s);
}

static int64_t
clock_ms(void)
{
	return 1700000000000;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_settings set = {
		.dir = dir, .index_map_bytes = (uint64_t)64 << 20, .wall_ms = clock_ms
	};
	const struct store_tool tool = { .dir = dir };
	uint64_t findings;
	struct store *s = NULL;

	if (size == 0)
		return 0;
	size = MIN(size, (size_t)LONGEST);
	make_folder(str_of(data, size));
	for (int life = 0; life < 2; life++) {
		if (store_open(&set, &quiet, &s) != OK)
			break;
		read_all(s);
		if (data[0] & 2)
			change_all(s);
		store_close(s);
	}
	if (data[0] & 4)
		(void)store_verify(&tool, &findings);
	return 0;
}
