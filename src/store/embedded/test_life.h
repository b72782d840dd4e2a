/* store/embedded/test_life.h - what happens to a store, and what it looks like then; for tests, behind test/t.h */
#ifndef STORE_EMBEDDED_TEST_LIFE_H
#define STORE_EMBEDDED_TEST_LIFE_H

#include "store/embedded/engine.h"
#include "store/embedded/test_store.h"

#include <fcntl.h>

/* The store as a process leaves it that is killed: nothing flushed, nothing said. */
static inline void
kill_store(struct ts *t)
{
	store_reader_close(t->r);
	t->r = NULL;
	t->s->set.read_only = true;
	store_close(t->s);
	t->s = NULL;
}

static inline int
open_log(struct ts *t, const char *name, int flags)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/log/%.20s", t->dir, name);
	fd = open(path, flags, 0600);
	CHECK(fd >= 0);
	return fd;
}

static inline uint64_t
file_size(int fd)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return (uint64_t)st.st_size;
}

static inline void
flip_byte(struct ts *t, const char *name, uint64_t offset)
{
	int fd = open_log(t, name, O_RDWR);
	char c = 0;

	CHECK(pread(fd, &c, 1, (off_t)offset) == 1);
	c = (char)(c ^ 0x40);
	CHECK(pwrite(fd, &c, 1, (off_t)offset) == 1);
	close(fd);
}

static inline void
remove_index(struct ts *t)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/index/data.mdb", t->dir);
	CHECK(unlink(path) == 0);
}

/* Everything two stores can differ in, as text. */
static inline str
picture_with(struct store_view *v, struct arena *a, bool vanished)
{
	struct buf b = { 0 };
	struct store_account c;
	str text;

	for (uint32_t id = 0; view_next_account(v, &id, &c) == OK;) {
		struct store_mailbox m;

		buf_printf(&b, "account %u %.*s %.*s %llu %llu %llu %d\n", id, STR_ARG(c.address),
			STR_ARG(c.secret), (unsigned long long)c.used_bytes,
			(unsigned long long)c.used_messages, (unsigned long long)c.modseq, c.disabled);
		for (uint32_t at = 0; view_next_mailbox(v, id, &at, &m) == OK;) {
			struct store_entry e;
			struct store_changes ch;
			size_t n;

			buf_printf(&b, " mailbox %u %.*s %d %d %u %u %llu %llu %u %u %u %llu\n", at,
				STR_ARG(m.name), m.role, m.subscribed, m.uidvalidity, m.uidnext,
				(unsigned long long)m.modseq,
				(unsigned long long)(vanished ? m.chg_floor : 0), m.exists, m.unseen,
				m.deleted, (unsigned long long)m.bytes);
			for (uint32_t uid = 1; view_entries(v, id, at, uid, &e, 1, &n) == OK && n;
				uid = e.uid + 1) {
				struct store_email x = { 0 };

				(void)view_email(v, id, e.email, &x);
				buf_printf(&b,
					"  %u %x %llx %llu %llu %llu %lld %lld | %llu %lld %.*s %.*s\n",
					e.uid, e.flags, (unsigned long long)e.keywords,
					(unsigned long long)e.modseq, (unsigned long long)e.email,
					(unsigned long long)e.size, (long long)e.received_ms,
					(long long)e.saved_ms, (unsigned long long)x.thread,
					(long long)x.sent_ms, STR_ARG(x.prefix), STR_ARG(x.row));
			}
			CHECK_INT(view_changes(v, a, id, at, 0, &ch), OK);
			for (size_t i = 0; i < ch.vanished_n && vanished; i++)
				buf_printf(
					&b, "  vanished %u-%u\n", ch.vanished[i].first, ch.vanished[i].last);
		}
	}
	text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

static inline str
picture(struct store_view *v, struct arena *a)
{
	return picture_with(v, a, true);
}

static inline uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* One of the accounts there are; one is made when there are few. */
static inline uint32_t
some_account(struct ts *t, uint64_t dice)
{
	struct store_account a;
	uint32_t ids[8], n = 0, at = 0;

	while (n < 8 && view_next_account(store_now(t->s), &at, &a) == OK)
		ids[n++] = at;
	if (n < 4) {
		a = (struct store_account){ .address = arena_printf(&t->a, "u%u@a.test", t->serial++) };
		CHECK_INT(store_put_account(t->s, &a, &ids[n]), OK);
		return ids[n];
	}
	return ids[dice % n];
}

/* A life of a store: all kinds of effects. */
static inline void
live_some(struct ts *t, uint64_t seed, int steps, bool flushes)
{
	uint64_t x = seed * 2654435761 + 1;

	for (int i = 0; i < steps; i++) {
		uint32_t account = some_account(t, next_random(&x)), other = some_account(t, next_random(&x)),
			 mailbox = 1 + (uint32_t)(next_random(&x) % 3), id;
		uint32_t first = 1 + (uint32_t)(next_random(&x) % 60);
		struct uid_range r = { first, first + (uint32_t)(next_random(&x) % 9) }, *modified;
		uint64_t modseq;
		size_t n;

		switch (next_random(&x) % 18) {
		case 0: {
			struct store_account a = {
				.id = account, .quota_bytes = 100000, .secret = arena_printf(&t->a, "%d", i)
			};

			CHECK_INT(store_put_account(t->s, &a, &id), OK);
			(void)store_put_alias(t->s, arena_printf(&t->a, "alias%d", i % 9), &a.secret, 1);
			(void)store_remove_alias(t->s, arena_printf(&t->a, "alias%d", i % 7));
			(void)store_put_domain(t->s, arena_printf(&t->a, "domain%d", i % 9));
			(void)store_remove_domain(t->s, arena_printf(&t->a, "domain%d", i % 7));
			(void)store_put_note(
				t->s, arena_printf(&t->a, "note%d", i % 3), i % 2 ? S("value") : S(""));
			break;
		}
		case 1:
			(void)store_create_mailbox(
				t->s, account, arena_printf(&t->a, "box%d", i % 7), ROLE_NONE, &id);
			break;
		case 2:
			(void)store_rename_mailbox(
				t->s, account, mailbox, arena_printf(&t->a, "box%d", i % 5));
			break;
		case 3:
			if (i % 5 == 0)
				(void)store_delete_mailbox(t->s, account, mailbox);
			break;
		case 4:
		case 5:
			(void)store_flag(t->s, &t->a, account, mailbox, &r, 1,
				(enum store_flag_change)(i % 3), (uint32_t)i & 31, (uint64_t)i & 3,
				UINT64_MAX, &modseq, &modified, &n);
			break;
		case 16:
		case 17: {
			struct uid_pair *pairs;

			(void)store_copy(t->s, &t->a, account, mailbox, &r, 1,
				1 + (uint32_t)(next_random(&x) % 3), i % 2, &pairs, &n);
			break;
		}
		case 6: (void)store_expunge(t->s, account, mailbox, &r, 1, &id); break;
		case 7:
			if (i % 17 == 0)
				(void)store_remove_account(t->s, account);
			break;
		case 8:
			if (flushes)
				CHECK_INT(store_flush(t->s), OK);
			break;
		case 9:
			if (flushes)
				CHECK_INT(store_commit(t->s), OK);
			break;
		default: {
			uint64_t references[] = { 1 + next_random(&x) % 50 };
			struct store_delivery d[] = { { .account = account },
				{ .account = account, .mailbox = mailbox, .flags = FLAG_SEEN },
				{ .account = other, .prefix = S("Delivered-To: you\r\n") } };
			struct store_message m = { .body = arena_printf(
							   &t->a, "Subject: %d\r\n\r\nbody\r\n", i),
				.row = S("row"),
				.received_ms = i,
				.sent_ms = -i,
				.message_id_key = 1 + next_random(&x) % 50,
				.reference_keys = references,
				.reference_count = 1 };

			(void)store_accept(t->s, &m, d, 1 + next_random(&x) % 3);
		}
		}
	}
}

/* With flushes and commits in between. */
static inline void
live(struct ts *t, uint64_t seed, int steps)
{
	live_some(t, seed, steps, true);
}

#endif
