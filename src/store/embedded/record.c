#include "store/embedded/record.h"

#include "base/mem.h"

#include <endian.h>

static const char *const names[RECORD_TYPES] = { "none", "segment", "batch", "message", "flags", "expunge",
	"account", "account-gone", "domain", "domain-gone", "alias", "alias-gone", "note", "note-gone",
	"mailbox", "mailbox-gone", "copies" };

/* The bytes as they are on disk, and behind them the place, which the sum covers and the disk does not hold. */
struct header {
	uint32_t magic;
	uint16_t type, flags;
	uint32_t payload, body;
	uint64_t lsn, sum;
	uint64_t head_sum;
};
_Static_assert(sizeof(struct header) == RECORD_HEADER, "the header has no holes");

const char *
record_name(enum record_type type)
{
	return type < RECORD_TYPES ? names[type] : "unknown";
}

static uint64_t
payload_sum(uint64_t lsn, str body, str rest)
{
	return hash_sum(rest, hash_sum(body, lsn));
}

static uint64_t
head_sum(const struct header *h, const struct hash_key *id, uint32_t segment, uint64_t offset)
{
	struct {
		char bytes[offsetof(struct header, head_sum)];
		uint64_t segment, offset;
	} covered = { .segment = htole64(segment), .offset = htole64(offset) };

	memcpy(covered.bytes, h, sizeof(covered.bytes));
	return hash_keyed(id, str_of(&covered, sizeof(covered)));
}

void
record_write(char *to, const struct hash_key *id, enum record_type type, const struct record_place *at,
	str body, str rest)
{
	struct header h = {
		.magic = htole32(RECORD_MAGIC),
		.type = htole16((uint16_t)type),
		.flags = htole16(at->flags),
		.payload = htole32((uint32_t)(body.n + rest.n)),
		.body = htole32((uint32_t)body.n),
		.lsn = htole64(at->lsn),
		.sum = htole64(payload_sum(at->lsn, body, rest)),
	};
	size_t used = RECORD_HEADER + body.n + rest.n;

	h.head_sum = htole64(head_sum(&h, id, at->segment, at->offset));
	memcpy(to, &h, sizeof(h));
	if (body.n)
		memcpy(to + sizeof(h), body.p, body.n);
	if (rest.n)
		memcpy(to + sizeof(h) + body.n, rest.p, rest.n);
	memset(to + used, 0, record_bytes(body.n, rest.n) - used);
}

bool
record_add(struct buf *b, const struct hash_key *id, enum record_type type, const struct record_place *at,
	str body, str rest)
{
	size_t bytes = record_bytes(body.n, rest.n);
	char *to = buf_reserve(b, bytes);

	if (!to)
		return false;
	record_write(to, id, type, at, body, rest);
	buf_used(b, bytes);
	return true;
}

bool
record_take_head(
	str bytes, const struct hash_key *id, uint32_t segment, uint64_t offset, struct record_head *ret)
{
	struct header h;

	if (bytes.n < sizeof(h))
		return false;
	memcpy(&h, bytes.p, sizeof(h));
	if (le32toh(h.magic) != RECORD_MAGIC || le64toh(h.head_sum) != head_sum(&h, id, segment, offset))
		return false;
	if (le32toh(h.payload) > RECORD_MOST || le32toh(h.body) > le32toh(h.payload) || h.lsn == 0)
		return false;
	*ret = (struct record_head){
		.type = le16toh(h.type) < RECORD_TYPES ? (enum record_type)le16toh(h.type) : RECORD_NONE,
		.flags = le16toh(h.flags),
		.lsn = le64toh(h.lsn),
		.body = le32toh(h.body),
		.payload = le32toh(h.payload),
		.sum = le64toh(h.sum),
	};
	return true;
}

bool
record_is_whole(const struct record_head *h, str body, str rest)
{
	return body.n == h->body && body.n + rest.n == h->payload &&
	       h->sum == payload_sum(h->lsn, body, rest);
}
