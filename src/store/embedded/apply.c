/* What people and mailboxes do to the index, and the table of all effects. */
#include "store/embedded/state.h"

#include "base/mem.h"

/* ---- names: domains, aliases, notes ---- */

static struct key
key_of_name(enum row_kind kind, str name)
{
	struct key k;

	key_begin(&k, kind);
	key_add_name(&k, name);
	return k;
}

/* Takes the record that made a named row off what is needed. */
static enum fault
release_named(struct state *st, const struct key *k, size_t *ret_parts)
{
	struct origin old = { 0 };
	str value;
	enum fault f = parts_get(st->txn, &st->arena, k, &value, ret_parts);

	if (f == NOT_FOUND)
		return OK;
	TRY(f);
	if (!row_take_origin(&value, &old))
		return STORE_CORRUPT;
	state_drop_live(st, &old);
	return OK;
}

/* st->part holds what follows the origin. */
static enum fault
put_named(struct state *st, const struct key *k, const struct record_place *at)
{
	struct origin origin = origin_of(at);
	size_t parts = 0;

	TRY(release_named(st, k, &parts));
	state_add_live(st, &origin);
	buf_clear(&st->row);
	row_add_origin(&st->row, &origin);
	buf_add(&st->row, buf_str(&st->part));
	return parts_put(st->txn, k, buf_str(&st->row), parts);
}

static enum fault
drop_named(struct state *st, const struct key *k)
{
	size_t parts = 0;

	TRY(release_named(st, k, &parts));
	return parts ? parts_remove(st->txn, k, parts) : OK;
}

static enum fault
apply_domain(struct state *st, str name, const struct record_place *at)
{
	struct key k = key_of_name(ROW_DOMAIN, name);

	buf_clear(&st->part);
	return put_named(st, &k, at);
}

static enum fault
apply_alias(struct state *st, const struct effect_alias *l, const struct record_place *at)
{
	struct key k = key_of_name(ROW_ALIAS, arena_lower(&st->arena, l->address));

	buf_clear(&st->part);
	for (size_t i = 0; i < l->target_count; i++)
		buf_add_counted(&st->part, l->targets[i]);
	return put_named(st, &k, at);
}

static enum fault
apply_note(struct state *st, const struct effect_note *n, const struct record_place *at)
{
	struct key k = key_of_name(ROW_NOTE, n->name);

	buf_clear(&st->part);
	buf_add(&st->part, n->value);
	return put_named(st, &k, at);
}

static enum fault
apply_name_gone(struct state *st, enum row_kind kind, str name)
{
	struct key k = key_of_name(kind, arena_lower(&st->arena, name));

	return drop_named(st, &k);
}

/* ---- rows from a name to an id: by the time one is dropped it may lead to another's ---- */

static enum fault
put_id(struct state *st, const struct key *k, uint32_t id)
{
	buf_clear(&st->row);
	buf_add_le32(&st->row, id);
	return index_put(st->txn, key_str(k), buf_str(&st->row));
}

static enum fault
drop_id(struct state *st, const struct key *k, uint32_t id)
{
	uint32_t at = 0;
	str value;
	enum fault f = index_get(st->txn, key_str(k), &value);

	if (f == NOT_FOUND)
		return OK;
	TRY(f);
	if (!str_take_le32(&value, &at))
		return STORE_CORRUPT;
	return at == id ? index_remove(st->txn, key_str(k)) : OK;
}

static struct key
key_of_mailbox_name(uint32_t account, str name)
{
	struct key k;

	key_of_account(&k, account, OF_NAME);
	key_add_name(&k, name);
	return k;
}

/* A row that a walk stands on. */
static enum fault
remove_row(struct state *st, str key)
{
	struct key k = { .n = MIN(key.n, (size_t)KEY_MOST) };

	memcpy(k.bytes, key.p, k.n);
	return index_remove(st->txn, key_str(&k));
}

/* ---- mailboxes ---- */

static enum fault
set_name(struct state *st, struct mailbox_row *m, str name)
{
	struct key k;

	if (name.n > NAME_MOST)
		return STORE_CORRUPT;
	if (m->row.name.n && !str_eq(m->row.name, name)) {
		k = key_of_mailbox_name(m->account, m->row.name);
		TRY(drop_id(st, &k, m->id));
	}
	memcpy(m->name, name.p, name.n);
	m->row.name = str_of(m->name, name.n);
	k = key_of_mailbox_name(m->account, name);
	return put_id(st, &k, m->id);
}

/* What vanished up to there is no longer known. */
static enum fault
raise_floor(struct state *st, struct row_mailbox *m, const struct effect_mailbox *x)
{
	struct key prefix;
	str key, value;
	enum fault f;

	m->chg_floor = x->chg_floor;
	key_of_account(&prefix, x->account, OF_VANISHED);
	key_add_u32(&prefix, x->id);
	while ((f = index_seek(st->txn, key_str(&prefix), &key, &value)) == OK &&
		str_starts(key, key_str(&prefix)) && key_u64(key, prefix.n) <= x->chg_floor)
		TRY(remove_row(st, key));
	return f == NOT_FOUND ? OK : f;
}

static enum fault
apply_mailbox(struct state *st, const struct effect_mailbox *x, const struct record_place *at)
{
	struct row_state s = { 0 };
	struct mailbox_row m;

	TRY(state_need_account(st, x->account, &s));
	TRY(state_need_mailbox(st, &s, x->account, x->id, &m));
	TRY(set_name(st, &m, x->name));
	state_drop_live(st, &m.row.origin);
	m.row.origin = origin_of(at);
	state_add_live(st, &m.row.origin);
	m.row.role = x->role;
	m.row.subscribed = x->subscribed;
	m.row.uidvalidity = x->uidvalidity;
	m.row.uidnext = MAX(m.row.uidnext, x->uidnext);
	m.row.modseq = MAX(m.row.modseq, x->modseq);
	if (x->chg_floor > m.row.chg_floor)
		TRY(raise_floor(st, &m.row, x));
	s.uidvalidity = MAX(s.uidvalidity, x->uidvalidity);
	s.modseq = MAX(s.modseq, x->modseq);
	TRY(state_put_mailbox(st, &m));
	return state_put_account(st, x->account, &s);
}

/* Removes every row whose key begins so. */
static enum fault
drop_rows(struct state *st, const struct key *prefix)
{
	str key, value;
	enum fault f;

	while ((f = index_seek(st->txn, key_str(prefix), &key, &value)) == OK &&
		str_starts(key, key_str(prefix)))
		TRY(remove_row(st, key));
	return f == NOT_FOUND ? OK : f;
}

static enum fault
apply_mailbox_gone(struct state *st, const struct effect_gone *g)
{
	struct row_state s = { 0 };
	struct mailbox_row m;
	struct key k;
	enum fault f;

	TRY(state_need_account(st, g->account, &s));
	s.next_mailbox = MAX(s.next_mailbox, g->mailbox + 1);
	s.modseq = MAX(s.modseq, g->modseq);
	f = state_get_mailbox(st, g->account, g->mailbox, &m);
	if (f == OK) {
		TRY(apply_drop_entries(st, &s, &m));
		key_of_account(&k, g->account, OF_VANISHED);
		key_add_u32(&k, g->mailbox);
		TRY(drop_rows(st, &k));
		if (m.row.name.n) {
			k = key_of_mailbox_name(g->account, m.row.name);
			TRY(drop_id(st, &k, g->mailbox));
		}
		state_drop_live(st, &m.row.origin);
		key_of_account(&k, g->account, OF_MAILBOX);
		key_add_u32(&k, g->mailbox);
		TRY(index_remove(st->txn, key_str(&k)));
		st->meta.mailboxes--;
	} else if (f != NOT_FOUND) {
		return f;
	}
	return state_put_account(st, g->account, &s);
}

/* ---- accounts ---- */

static struct key
key_of_account_row(uint32_t id)
{
	struct key k;

	key_begin(&k, ROW_ACCOUNT);
	key_add_u32(&k, id);
	return k;
}

static enum fault
put_account_row(struct state *st, const struct effect_account *x, const struct record_place *at)
{
	struct key k = key_of_account_row(x->id),
		   ak = key_of_name(ROW_ADDRESS, arena_lower(&st->arena, x->address));
	struct row_account row = { 0 };
	size_t parts = 0;
	str value;
	enum fault f = parts_get(st->txn, &st->arena, &k, &value, &parts);

	if (f == OK) {
		TRY(row_take_account(value, &row));
		state_drop_live(st, &row.origin);
	} else if (f == NOT_FOUND) {
		st->meta.accounts++;
	} else {
		return f;
	}
	row = (struct row_account){
		.origin = origin_of(at),
		.created_ms = x->created_ms,
		.inbox_uidvalidity = x->inbox_uidvalidity,
		.address = x->address,
		.secret = x->secret,
	};
	state_add_live(st, &row.origin);
	buf_clear(&st->row);
	row_add_account(&st->row, &row);
	TRY(parts_put(st->txn, &k, buf_str(&st->row), parts));
	return put_id(st, &ak, x->id);
}

/* INBOX comes with the account; what it became later has records of its own. */
static enum fault
need_inbox(struct state *st, const struct effect_account *x, struct row_state *s)
{
	struct mailbox_row m;

	TRY(state_need_mailbox(st, s, x->id, x->inbox, &m));
	if (m.row.name.n)
		return OK;
	TRY(set_name(st, &m, S("INBOX")));
	m.row.role = ROLE_INBOX;
	m.row.subscribed = true;
	m.row.uidvalidity = x->inbox_uidvalidity;
	m.row.modseq = MAX(m.row.modseq, 1);
	return state_put_mailbox(st, &m);
}

static enum fault
apply_account(struct state *st, const struct effect_account *x, const struct record_place *at)
{
	struct row_state s = { 0 };

	TRY(put_account_row(st, x, at));
	TRY(state_need_account(st, x->id, &s));
	s.quota_bytes = x->quota_bytes;
	s.disabled = x->disabled;
	s.inbox = x->inbox;
	s.next_mailbox = MAX(s.next_mailbox, x->next_mailbox);
	s.uidvalidity = MAX(s.uidvalidity, MAX(x->uidvalidity, x->inbox_uidvalidity));
	s.next_email = MAX(s.next_email, x->next_email);
	s.modseq = MAX(s.modseq, x->modseq);
	TRY(need_inbox(st, x, &s));
	st->meta.next_account = MAX(st->meta.next_account, x->id + 1);
	return state_put_account(st, x->id, &s);
}

/* What the emails and mailboxes of an account hold in the log. */
static enum fault
release_all(struct state *st, uint32_t account)
{
	struct row_state s = { 0 };
	struct key from;
	str key, value;
	enum fault f = state_get_account(st, account, &s);

	if (f == OK)
		st->meta.messages -= s.used_messages;
	key_of_account(&from, account, OF_MAILBOX);
	for (f = index_seek(st->txn, key_str(&from), &key, &value);
		f == OK && str_starts(key, key_str(&from)); f = index_step(st->txn, &key, &value)) {
		struct row_mailbox m = { 0 };

		TRY(row_take_mailbox(value, &m));
		state_drop_live(st, &m.origin);
		st->meta.mailboxes--;
	}
	key_of_account(&from, account, OF_EMAIL);
	for (uint64_t email = 0;; email++) {
		struct row_email e = { 0 };
		struct key k = from;
		size_t parts;

		key_add_u64(&k, email);
		f = index_seek(st->txn, key_str(&k), &key, &value);
		if (f != OK || !str_starts(key, key_str(&from)))
			break;
		email = key_u64(key, from.n);
		if (key.n != from.n + 8)
			continue; /* a further part */
		k = from;
		key_add_u64(&k, email);
		TRY(parts_join(st->txn, &st->arena, &k, value, &value, &parts));
		TRY(row_take_email(value, &e));
		TRY(apply_release_email(st, &e));
	}
	return f == OK || f == NOT_FOUND ? OK : f;
}

static enum fault
apply_account_gone(struct state *st, const struct effect_gone *g)
{
	struct key k = key_of_account_row(g->account), ak;
	struct row_account row = { 0 };
	size_t parts = 0;
	str value;
	enum fault f = parts_get(st->txn, &st->arena, &k, &value, &parts);

	st->meta.next_account = MAX(st->meta.next_account, g->account + 1);
	if (f == OK) {
		TRY(row_take_account(value, &row));
		ak = key_of_name(ROW_ADDRESS, arena_lower(&st->arena, row.address));
		state_drop_live(st, &row.origin);
		TRY(parts_remove(st->txn, &k, parts));
		TRY(drop_id(st, &ak, g->account));
		st->meta.accounts--;
	} else if (f != NOT_FOUND) {
		return f;
	}
	TRY(release_all(st, g->account));
	key_begin(&k, ROW_OF_ACCOUNT);
	key_add_u32(&k, g->account);
	return drop_rows(st, &k);
}

/* ---- all of them ---- */

static enum fault
apply(struct state *st, const struct effect *e, const struct record_place *at, uint64_t body_size)
{
	switch (e->type) {
	case RECORD_MESSAGE: return apply_message(st, &e->message, at, body_size);
	case RECORD_COPIES: return apply_copies(st, &e->copies);
	case RECORD_FLAGS: return apply_flags(st, &e->flags);
	case RECORD_EXPUNGE: return apply_expunge(st, &e->expunge);
	case RECORD_ACCOUNT: return apply_account(st, &e->account, at);
	case RECORD_ACCOUNT_GONE: return apply_account_gone(st, &e->gone);
	case RECORD_DOMAIN: return apply_domain(st, e->name, at);
	case RECORD_DOMAIN_GONE: return apply_name_gone(st, ROW_DOMAIN, e->name);
	case RECORD_ALIAS: return apply_alias(st, &e->alias, at);
	case RECORD_ALIAS_GONE: return apply_name_gone(st, ROW_ALIAS, e->name);
	case RECORD_NOTE: return apply_note(st, &e->note, at);
	case RECORD_NOTE_GONE: {
		struct key k = key_of_name(ROW_NOTE, e->name);
		return drop_named(st, &k);
	}
	case RECORD_MAILBOX: return apply_mailbox(st, &e->mailbox, at);
	case RECORD_MAILBOX_GONE: return apply_mailbox_gone(st, &e->gone);
	case RECORD_SEGMENT:
		st->meta.next_account = MAX(st->meta.next_account, e->segment.next_account);
		st->meta.next_body = MAX(st->meta.next_body, e->segment.next_body);
		return OK;
	case RECORD_BATCH:
	case RECORD_NONE:
	case RECORD_TYPES: break;
	}
	return OK;
}

enum fault
state_apply(struct state *st, const struct effect *e, const struct record_place *at, uint64_t body_size)
{
	struct origin origin = origin_of(at);
	enum fault f = apply(st, e, at, body_size);

	/* rows count the records that made them; these have none */
	if (f == OK && (at->flags & RECORD_CARRIED))
		state_add_live(st, &origin);

	arena_reset(&st->arena);
	if (f != OK)
		log_error(st->log, "effect-not-applied", kv_c("record", record_name(e->type)),
			kv_uint("lsn", at->lsn), kv_c("fault", fault_words(f)->name));
	/* a row that is not there though it must be */
	return f == NOT_FOUND ? STORE_CORRUPT : f;
}
