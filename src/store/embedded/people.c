/* Domains, accounts, aliases, notes. */
#include "store/embedded/engine.h"

#include "base/mem.h"

enum { SECRET_MOST = 16 * 1024, NOTE_MOST = 1024, ALIAS_MOST = 1 << 20 };

static enum fault
need_good_name(str name)
{
	return name_is_good(name) ? OK : BAD_ARGUMENT;
}

/* An effect that is only a name. */
static enum fault
name_effect(struct store *s, enum record_type type, str name)
{
	struct effect e = { .type = type };

	e.name = arena_lower(&s->arena, name);
	return store_effect(s, &e, S(""));
}

/* ---- domains ---- */

enum fault
store_put_domain(struct store *s, str domain)
{
	enum fault f;

	TRY(store_begin(s));
	TRY(need_good_name(domain));
	f = view_domain(store_now(s), domain);
	if (f != NOT_FOUND)
		return f == OK ? ALREADY_EXISTS : f;
	return name_effect(s, RECORD_DOMAIN, domain);
}

enum fault
store_remove_domain(struct store *s, str domain)
{
	TRY(store_begin(s));
	TRY(view_domain(store_now(s), domain));
	return name_effect(s, RECORD_DOMAIN_GONE, domain);
}

/* ---- accounts ---- */

/* UIDVALIDITY comes from the clock and only grows, so that a mailbox made anew under an old name has another. */
uint32_t
store_next_uidvalidity(struct store *s, const struct row_state *st)
{
	int64_t now_s = s->set.wall_ms() / 1000;

	now_s = MAX(now_s, 1);
	return MAX((uint32_t)MIN(now_s, (int64_t)UINT32_MAX), st->uidvalidity + 1);
}

static enum fault
new_account(struct store *s, const struct store_account *a, uint32_t *ret_id)
{
	struct row_state none = { 0 };
	uint32_t validity = store_next_uidvalidity(s, &none);
	struct store_account other;
	struct effect e = { .type = RECORD_ACCOUNT };
	enum fault f = view_account_by_address(store_now(s), a->address, &other);

	if (f != NOT_FOUND)
		return f == OK ? ALREADY_EXISTS : f;
	e.account = (struct effect_account){
		.id = s->st.meta.next_account,
		.address = a->address,
		.secret = a->secret,
		.quota_bytes = a->quota_bytes,
		.disabled = a->disabled,
		.created_ms = a->created_ms,
		.inbox = 1,
		.inbox_uidvalidity = validity,
		.next_mailbox = 2,
		.uidvalidity = validity,
		.next_email = 1,
		.modseq = 1,
	};
	if (e.account.id == UINT32_MAX)
		return STORE_FULL;
	TRY(store_effect(s, &e, S("")));
	*ret_id = e.account.id;
	return OK;
}

/* The account as a record states it, with the numbers that are not to be used again; its strings are the arena's. */
enum fault
store_account_effect(struct store *s, uint32_t id, struct effect *ret)
{
	struct row_state st = { 0 };
	struct row_account row = { 0 };
	struct key k;
	size_t parts;
	str value;

	key_begin(&k, ROW_ACCOUNT);
	key_add_u32(&k, id);
	TRY(parts_get(s->st.txn, &s->arena, &k, &value, &parts));
	TRY(row_take_account(value, &row));
	TRY(state_get_account(&s->st, id, &st));
	ret->type = RECORD_ACCOUNT;
	ret->account = (struct effect_account){
		.id = id,
		.address = arena_str(&s->arena, row.address),
		.secret = arena_str(&s->arena, row.secret),
		.quota_bytes = st.quota_bytes,
		.disabled = st.disabled,
		.created_ms = row.created_ms,
		.inbox = st.inbox,
		.inbox_uidvalidity = row.inbox_uidvalidity,
		.next_mailbox = st.next_mailbox,
		.uidvalidity = st.uidvalidity,
		.next_email = st.next_email,
		.modseq = st.modseq,
	};
	return OK;
}

enum fault
store_put_account(struct store *s, const struct store_account *a, uint32_t *ret_id)
{
	struct effect e;

	TRY(store_begin(s));
	if (a->secret.n > SECRET_MOST)
		return TOO_BIG;
	if (a->id == 0) {
		TRY(need_good_name(a->address));
		return new_account(s, a, ret_id);
	}
	TRY(store_account_effect(s, a->id, &e));
	e.account.quota_bytes = a->quota_bytes;
	e.account.disabled = a->disabled;
	e.account.secret = a->secret;
	TRY(store_effect(s, &e, S("")));
	*ret_id = a->id;
	return OK;
}

enum fault
store_remove_account(struct store *s, uint32_t account)
{
	struct effect e = { .type = RECORD_ACCOUNT_GONE };
	struct store_account a;

	TRY(store_begin(s));
	TRY(store_forget_keywords(s, account));
	TRY(view_account(store_now(s), account, &a));
	e.gone = (struct effect_gone){ .account = account, .modseq = a.modseq };
	return store_effect(s, &e, S(""));
}

/* ---- aliases ---- */

enum fault
store_put_alias(struct store *s, str address, const str *targets, size_t n)
{
	struct effect e = { .type = RECORD_ALIAS };
	uint64_t bytes = 0;

	TRY(store_begin(s));
	TRY(need_good_name(address));
	for (size_t i = 0; i < n; i++)
		bytes += targets[i].n + 2;
	if (n == 0)
		return BAD_ARGUMENT;
	if (bytes > ALIAS_MOST)
		return TOO_BIG;
	e.alias.address = arena_lower(&s->arena, address);
	e.alias.targets = ARENA_ARRAY(&s->arena, n, str);
	e.alias.target_count = n;
	for (size_t i = 0; i < n; i++)
		e.alias.targets[i] = targets[i];
	return store_effect(s, &e, S(""));
}

enum fault
store_remove_alias(struct store *s, str address)
{
	str *targets;
	size_t n;

	TRY(store_begin(s));
	TRY(view_alias(store_now(s), &s->arena, address, &targets, &n));
	return name_effect(s, RECORD_ALIAS_GONE, address);
}

/* ---- notes ---- */

enum fault
store_put_note(struct store *s, str name, str value)
{
	struct effect e = { .type = RECORD_NOTE };
	str old;

	TRY(store_begin(s));
	TRY(need_good_name(name));
	if (value.n >= NOTE_MOST)
		return TOO_BIG;
	if (value.n == 0) {
		enum fault f = view_note(store_now(s), name, &old);

		if (f != OK)
			return f == NOT_FOUND ? OK : f;
		e.type = RECORD_NOTE_GONE;
		e.name = name;
		return store_effect(s, &e, S(""));
	}
	e.note.name = name;
	e.note.value = value;
	return store_effect(s, &e, S(""));
}
