#include "store/embedded/state.h"

#include "base/mem.h"

void
state_init(struct state *st, const struct log *log)
{
	*st = (struct state){ .log = log, .meta = { .next_account = 1, .next_body = 1 } };
}

void
state_done(struct state *st)
{
	state_abort(st);
	index_close(st->ix);
	free(st->segments);
	free(st->bodies_gone);
	buf_done(&st->row);
	buf_done(&st->part);
	buf_done(&st->list);
	arena_done(&st->arena);
	*st = (struct state){ 0 };
}

/* ---- transactions ---- */

enum fault
state_read_segments(struct state *st)
{
	struct key from;
	str key, value;
	enum fault f;

	st->segment_count = 0;
	key_begin(&from, ROW_SEGMENT);
	for (f = index_seek(st->txn, key_str(&from), &key, &value);
		f == OK && key.n == 5 && key.p[0] == ROW_SEGMENT; f = index_step(st->txn, &key, &value)) {
		struct row_segment row = { 0 };
		struct segment_use *use;

		TRY(row_take_segment(value, &row));
		use = state_segment(st, key_u32(key, 1));
		use->bytes = row.bytes;
		use->live = row.live;
		use->changed = false;
	}
	return f == OK || f == NOT_FOUND ? OK : f;
}

static enum fault
read_counters(struct state *st)
{
	struct key k;
	str value;

	key_begin(&k, ROW_META);
	TRY(index_get(st->txn, key_str(&k), &value));
	TRY(row_take_meta(value, &st->meta));
	st->bodies_gone_count = 0;
	return state_read_segments(st);
}

enum fault
state_begin(struct state *st, bool fresh)
{
	if (st->txn)
		return OK;
	TRY(index_begin_write(st->ix, &st->txn));
	return fresh ? read_counters(st) : OK;
}

static enum fault
write_counters(struct state *st)
{
	struct key k;

	key_begin(&k, ROW_META);
	buf_clear(&st->row);
	row_add_meta(&st->row, &st->meta);
	TRY(index_put(st->txn, key_str(&k), buf_str(&st->row)));
	for (size_t i = 0; i < st->segment_count; i++) {
		struct segment_use *use = &st->segments[i];

		if (!use->changed)
			continue;
		key_begin(&k, ROW_SEGMENT);
		key_add_u32(&k, use->number);
		buf_clear(&st->row);
		row_add_segment(&st->row, &(struct row_segment){ use->bytes, use->live });
		TRY(index_put(st->txn, key_str(&k), buf_str(&st->row)));
		use->changed = false;
	}
	return OK;
}

enum fault
state_commit(struct state *st)
{
	struct index_txn *txn = st->txn;
	enum fault f = write_counters(st);

	if (f != OK) {
		state_abort(st);
		return f;
	}
	st->txn = NULL;
	return index_commit(txn);
}

void
state_abort(struct state *st)
{
	index_end(st->txn);
	st->txn = NULL;
}

/* ---- how much of each segment is still needed ---- */

struct segment_use *
state_segment(struct state *st, uint32_t number)
{
	size_t at = st->segment_count;

	while (at > 0 && st->segments[at - 1].number >= number)
		at--;
	if (at < st->segment_count && st->segments[at].number == number)
		return &st->segments[at];
	st->segments = mem_grow(st->segments, (st->segment_count + 1) * sizeof(*st->segments));
	memmove(st->segments + at + 1, st->segments + at, (st->segment_count - at) * sizeof(*st->segments));
	st->segment_count++;
	st->segments[at] = (struct segment_use){ .number = number, .changed = true };
	return &st->segments[at];
}

void
state_add_live(struct state *st, const struct origin *o)
{
	struct segment_use *use = state_segment(st, o->segment);

	use->live += o->bytes;
	use->changed = true;
}

void
state_drop_live(struct state *st, const struct origin *o)
{
	struct segment_use *use;

	if (o->lsn == 0)
		return;
	use = state_segment(st, o->segment);
	use->live -= MIN(use->live, o->bytes);
	use->changed = true;
}

enum fault
state_forget_segment(struct state *st, uint32_t number)
{
	struct segment_use *use = state_segment(st, number);
	size_t at = (size_t)(use - st->segments);
	struct key k;
	enum fault f;

	memmove(use, use + 1, (st->segment_count - at - 1) * sizeof(*use));
	st->segment_count--;
	key_begin(&k, ROW_SEGMENT);
	key_add_u32(&k, number);
	f = index_remove(st->txn, key_str(&k));
	return f == NOT_FOUND ? OK : f;
}

/* ---- rows that most effects touch ---- */

enum fault
state_get_account(struct state *st, uint32_t account, struct row_state *ret)
{
	struct key k;
	str value;

	key_of_account(&k, account, OF_STATE);
	TRY(index_get(st->txn, key_str(&k), &value));
	return row_take_state(value, ret);
}

enum fault
state_need_account(struct state *st, uint32_t account, struct row_state *ret)
{
	enum fault f = state_get_account(st, account, ret);

	if (f != NOT_FOUND)
		return f;
	*ret = (struct row_state){ .next_email = 1, .next_mailbox = 1 };
	return OK;
}

enum fault
state_put_account(struct state *st, uint32_t account, const struct row_state *s)
{
	struct key k;

	key_of_account(&k, account, OF_STATE);
	buf_clear(&st->row);
	row_add_state(&st->row, s);
	return index_put(st->txn, key_str(&k), buf_str(&st->row));
}

static struct key
key_of_mailbox(uint32_t account, uint32_t id)
{
	struct key k;

	key_of_account(&k, account, OF_MAILBOX);
	key_add_u32(&k, id);
	return k;
}

enum fault
state_get_mailbox(struct state *st, uint32_t account, uint32_t id, struct mailbox_row *ret)
{
	struct key k = key_of_mailbox(account, id);
	str value;

	TRY(index_get(st->txn, key_str(&k), &value));
	TRY(row_take_mailbox(value, &ret->row));
	if (ret->row.name.n > NAME_MOST)
		return STORE_CORRUPT;
	ret->account = account;
	ret->id = id;
	if (ret->row.name.n)
		memcpy(ret->name, ret->row.name.p, ret->row.name.n);
	ret->row.name.p = ret->name;
	return OK;
}

enum fault
state_need_mailbox(
	struct state *st, struct row_state *s, uint32_t account, uint32_t id, struct mailbox_row *ret)
{
	enum fault f = state_get_mailbox(st, account, id, ret);

	if (f != NOT_FOUND)
		return f;
	ret->account = account;
	ret->id = id;
	ret->row = (struct row_mailbox){ .uidnext = 1, .name = { ret->name, 0 } };
	s->next_mailbox = MAX(s->next_mailbox, id + 1);
	st->meta.mailboxes++;
	return OK;
}

enum fault
state_put_mailbox(struct state *st, const struct mailbox_row *m)
{
	struct key k = key_of_mailbox(m->account, m->id);

	buf_clear(&st->row);
	row_add_mailbox(&st->row, &m->row);
	return index_put(st->txn, key_str(&k), buf_str(&st->row));
}
