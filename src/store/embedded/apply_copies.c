/* What COPY and MOVE do to the index: emails that are in one more mailbox. */
#include "store/embedded/state.h"

#include "base/mem.h"

/* The mailbox at hand, kept open while one copy after the other goes into it. */
struct target {
	struct mailbox_row row;
	struct chunk_walk walk;
	bool open;
};

static enum fault
leave(struct state *st, struct target *t)
{
	if (!t->open)
		return OK;
	t->open = false;
	TRY(chunk_walk_end(&t->walk));
	return state_put_mailbox(st, &t->row);
}

static enum fault
enter(struct state *st, struct target *t, struct row_state *s, uint32_t account, uint32_t mailbox)
{
	if (t->open && t->row.id == mailbox)
		return OK;
	TRY(leave(st, t));
	TRY(state_need_mailbox(st, s, account, mailbox, &t->row));
	chunk_walk_begin(&t->walk, st, &t->row);
	t->open = true;
	return OK;
}

/* The email's row names the copy from now on. *ret: what an entry says of the email itself. NOT_FOUND: there is no such email. */
static enum fault
add_to_email(struct state *st, uint32_t account, const struct effect_more *x, struct store_entry *ret)
{
	struct row_email e = { 0 };
	size_t parts = 0;
	struct key k;
	str value;

	key_of_account(&k, account, OF_EMAIL);
	key_add_u64(&k, x->email);
	TRY(parts_get(st->txn, &st->arena, &k, &value, &parts));
	buf_clear(&st->part);
	buf_add(&st->part, value); /* out of the pages, for they are about to change */
	TRY(row_take_email(buf_str(&st->part), &e));
	*ret = (struct store_entry){ .email = x->email,
		.size = e.prefix.n + e.body_size,
		.received_ms = e.received_ms,
		.dot_lines = e.dot_lines };
	buf_clear(&st->list);
	buf_add(&st->list, e.copies);
	if (!row_add_copy(&st->list, (struct row_copy){ x->copy.mailbox, x->copy.uid }))
		return OK;
	e.copies = buf_str(&st->list);
	buf_clear(&st->row);
	row_add_email(&st->row, &e);
	return parts_put(st->txn, &k, buf_str(&st->row), parts);
}

static enum fault
apply_copy(struct state *st, struct target *t, struct row_state *s, const struct effect_more *x)
{
	struct store_entry entry = { 0 };
	enum fault f = add_to_email(st, t->row.account, x, &entry);

	if (f == OK)
		return chunk_walk_enter(&t->walk, s, &x->copy, &entry);
	t->row.row.uidnext = MAX(t->row.row.uidnext, x->copy.uid + 1);
	t->row.row.modseq = MAX(t->row.row.modseq, x->copy.modseq);
	s->modseq = MAX(s->modseq, x->copy.modseq);
	return f == NOT_FOUND ? OK : f;
}

enum fault
apply_copies(struct state *st, const struct effect_copies *x)
{
	struct target t = { .open = false };
	struct row_state s = { 0 };

	TRY(state_need_account(st, x->account, &s));
	for (size_t i = 0; i < x->item_count; i++) {
		TRY(enter(st, &t, &s, x->account, x->items[i].copy.mailbox));
		TRY(apply_copy(st, &t, &s, &x->items[i]));
	}
	TRY(leave(st, &t));
	return state_put_account(st, x->account, &s);
}
