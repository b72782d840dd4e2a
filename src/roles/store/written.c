#include "roles/store/written.h"

#include "base/buf.h"
#include "base/mem.h"

enum { SLOTS = 8, MOST_ADDRESSES = 1000, BITS_BYTES = 1000, BITS_AN_ADDRESS = 4 };

/* A filter: as a note it is the serial number (the highest one is being filled), the count, the bits. */
struct filter {
	uint32_t serial;
	uint16_t count;
	unsigned char bits[BITS_BYTES];
};

static str
note_name(struct arena *a, uint32_t account, unsigned slot)
{
	return arena_printf(a, "written.%u.%u", account, slot);
}

static enum fault
read_filter(struct store_view *v, uint32_t account, unsigned slot, str *ret_bits, struct filter *ret_head)
{
	struct arena a = { 0 };
	enum fault f = view_note(v, note_name(&a, account, slot), ret_bits);

	arena_done(&a);
	TRY(f);
	if (!str_take_le32(ret_bits, &ret_head->serial) || !str_take_le16(ret_bits, &ret_head->count) ||
		ret_bits->n != BITS_BYTES)
		return STORE_CORRUPT;
	return OK;
}

/* The place of an address's i-th bit. */
static uint32_t
place(uint64_t address, unsigned i)
{
	uint32_t low = (uint32_t)address, high = (uint32_t)(address >> 32) | 1;

	return (low + i * high) % (8 * BITS_BYTES);
}

static bool
has_address(str bits, uint64_t address)
{
	for (unsigned i = 0; i < BITS_AN_ADDRESS; i++) {
		uint32_t at = place(address, i);

		if (!((unsigned char)bits.p[at / 8] >> at % 8 & 1))
			return false;
	}
	return true;
}

bool
written_has(struct store_view *v, uint32_t account, uint64_t address)
{
	struct filter head;
	str bits;

	for (unsigned slot = 0; slot < SLOTS && read_filter(v, account, slot, &bits, &head) == OK; slot++)
		if (has_address(bits, address))
			return true;
	return false;
}

/* The filter that is being filled; an empty one where there is none, or where it is full. */
static void
take_current(struct store_view *v, uint32_t account, struct filter *ret, unsigned *ret_slot)
{
	struct filter head;
	str bits;

	*ret = (struct filter){ 0 };
	*ret_slot = SLOTS - 1;
	for (unsigned slot = 0; slot < SLOTS && read_filter(v, account, slot, &bits, &head) == OK; slot++)
		if (head.serial > ret->serial) {
			ret->serial = head.serial;
			ret->count = head.count;
			memcpy(ret->bits, bits.p, BITS_BYTES);
			*ret_slot = slot;
		}
	if (ret->serial && ret->count < MOST_ADDRESSES)
		return;
	*ret_slot = (*ret_slot + 1) % SLOTS;
	*ret = (struct filter){ .serial = ret->serial + 1 };
}

static enum fault
put_filter(struct store *s, uint32_t account, unsigned slot, const struct filter *f)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	enum fault fault;

	buf_add_le32(&b, f->serial);
	buf_add_le16(&b, f->count);
	buf_add(&b, str_of(f->bits, BITS_BYTES));
	fault = store_put_note(s, note_name(&a, account, slot), buf_str(&b));
	buf_done(&b);
	arena_done(&a);
	return fault;
}

enum fault
written_add(struct store *s, uint32_t account, const uint64_t *addresses, size_t n)
{
	struct filter *f = NEW(struct filter);
	enum fault fault = OK;
	unsigned slot;

	take_current(store_now(s), account, f, &slot);
	for (size_t i = 0; i < n && fault == OK; i++) {
		if (f->count >= MOST_ADDRESSES) {
			fault = put_filter(s, account, slot, f);
			slot = (slot + 1) % SLOTS;
			*f = (struct filter){ .serial = f->serial + 1 };
		}
		for (unsigned k = 0; k < BITS_AN_ADDRESS; k++) {
			uint32_t at = place(addresses[i], k);

			f->bits[at / 8] |= (unsigned char)(1u << at % 8);
		}
		f->count++;
	}
	if (fault == OK && n)
		fault = put_filter(s, account, slot, f);
	free(f);
	return fault;
}

enum fault
written_forget(struct store *s, uint32_t account)
{
	struct arena a = { 0 };
	enum fault f = OK;

	for (unsigned slot = 0; slot < SLOTS && f == OK; slot++)
		f = store_put_note(s, note_name(&a, account, slot), S(""));
	arena_done(&a);
	return f;
}
