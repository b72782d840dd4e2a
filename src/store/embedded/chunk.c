/* The messages of a mailbox, packed: a head {count u16, highest modseq u48} and entries of 44 bytes, ascending by uid:
 *	uid u32, flags u16 (bit 15: dot lines), size u48, modseq u48, email u48, keywords u64, received i48, saved i48 (ms) */
#include "store/embedded/rows.h"

#include "base/mem.h"

#include <endian.h>

enum {
	DOT_LINES = 1 << 15,
	AT_FLAGS = 4,
	AT_SIZE = 6,
	AT_MODSEQ = 12,
	AT_EMAIL = 18,
	AT_KEYWORDS = 24,
	AT_RECEIVED = 32,
	AT_SAVED = 38
};
#define U48_MOST (((uint64_t)1 << 48) - 1)

static uint16_t
load16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t
load32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t
load48(const char *p)
{
	return load32(p) | (uint64_t)load16(p + 4) << 32;
}

static int64_t
load48_signed(const char *p)
{
	return (int64_t)(load48(p) << 16) >> 16;
}

static void
save16(char *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void
save32(char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void
save48(char *p, uint64_t v)
{
	save32(p, (uint32_t)v);
	save16(p + 4, (uint16_t)(v >> 32));
}

static int64_t
within_48(int64_t ms)
{
	int64_t most = (int64_t)(U48_MOST >> 1);

	return ms > most ? most : ms < -most ? -most : ms;
}

static void
entry_load(const char *p, struct store_entry *ret)
{
	uint64_t keywords;
	uint16_t flags = load16(p + AT_FLAGS);

	memcpy(&keywords, p + AT_KEYWORDS, sizeof(keywords));
	*ret = (struct store_entry){
		.uid = load32(p),
		.flags = flags & (uint16_t)~DOT_LINES,
		.dot_lines = flags & DOT_LINES,
		.size = load48(p + AT_SIZE),
		.modseq = load48(p + AT_MODSEQ),
		.email = load48(p + AT_EMAIL),
		.keywords = le64toh(keywords),
		.received_ms = load48_signed(p + AT_RECEIVED),
		.saved_ms = load48_signed(p + AT_SAVED),
	};
}

static void
entry_save(char *p, const struct store_entry *e)
{
	uint64_t keywords = htole64(e->keywords);

	save32(p, e->uid);
	save16(p + AT_FLAGS, (uint16_t)((e->flags & ~(uint32_t)DOT_LINES) | (e->dot_lines ? DOT_LINES : 0)));
	save48(p + AT_SIZE, MIN(e->size, U48_MOST));
	save48(p + AT_MODSEQ, e->modseq);
	save48(p + AT_EMAIL, e->email);
	memcpy(p + AT_KEYWORDS, &keywords, sizeof(keywords));
	save48(p + AT_RECEIVED, (uint64_t)within_48(e->received_ms));
	save48(p + AT_SAVED, (uint64_t)within_48(e->saved_ms));
}

void
key_of_chunk(struct key *k, uint32_t account, uint32_t mailbox, uint32_t first)
{
	key_of_account(k, account, OF_CHUNK);
	key_add_u32(k, mailbox);
	key_add_u32(k, first);
}

uint32_t
chunk_count(str value)
{
	uint32_t n = value.n >= CHUNK_HEAD ? load16(value.p) : 0;

	return n <= CHUNK_ENTRIES && value.n == CHUNK_HEAD + n * (size_t)ENTRY_BYTES ? n : 0;
}

uint64_t
chunk_modseq(str value)
{
	return value.n >= CHUNK_HEAD ? load48(value.p + 2) : 0;
}

static const char *
entry_at(str value, uint32_t i)
{
	return value.p + CHUNK_HEAD + i * (size_t)ENTRY_BYTES;
}

void
chunk_entry(str value, uint32_t i, struct store_entry *ret)
{
	entry_load(entry_at(value, i), ret);
}

uint32_t
chunk_uid(str value, uint32_t i)
{
	return load32(entry_at(value, i));
}

static uint32_t
lower_bound(const char *entries, uint32_t n, uint32_t uid)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (load32(entries + middle * (size_t)ENTRY_BYTES) < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
chunk_find(str value, uint32_t uid)
{
	return lower_bound(value.p + CHUNK_HEAD, chunk_count(value), uid);
}

bool
chunk_load(struct chunk *c, uint32_t first, str value)
{
	c->first = first;
	c->n = chunk_count(value);
	if (c->n)
		memcpy(c->entries, value.p + CHUNK_HEAD, c->n * (size_t)ENTRY_BYTES);
	return c->n > 0;
}

void
chunk_store(const struct chunk *c, struct buf *b)
{
	size_t bytes = c->n * (size_t)ENTRY_BYTES;
	char *to = buf_reserve(b, CHUNK_HEAD + bytes);
	uint64_t modseq = 0;

	for (size_t at = 0; at < bytes; at += ENTRY_BYTES)
		modseq = MAX(modseq, load48(c->entries + at + AT_MODSEQ));
	save16(to, (uint16_t)c->n);
	save48(to + 2, modseq);
	memcpy(to + CHUNK_HEAD, c->entries, bytes);
	buf_used(b, CHUNK_HEAD + bytes);
}

void
chunk_get(const struct chunk *c, uint32_t i, struct store_entry *ret)
{
	entry_load(c->entries + i * (size_t)ENTRY_BYTES, ret);
}

void
chunk_set(struct chunk *c, uint32_t i, const struct store_entry *e)
{
	entry_save(c->entries + i * (size_t)ENTRY_BYTES, e);
}

void
chunk_insert(struct chunk *c, uint32_t i, const struct store_entry *e)
{
	char *at = c->entries + i * (size_t)ENTRY_BYTES;

	memmove(at + ENTRY_BYTES, at, (c->n - i) * (size_t)ENTRY_BYTES);
	c->n++;
	chunk_set(c, i, e);
}

void
chunk_remove(struct chunk *c, uint32_t i)
{
	char *at = c->entries + i * (size_t)ENTRY_BYTES;

	c->n--;
	memmove(at, at + ENTRY_BYTES, (c->n - i) * (size_t)ENTRY_BYTES);
}

uint32_t
chunk_lower_bound(const struct chunk *c, uint32_t uid)
{
	return lower_bound(c->entries, c->n, uid);
}
