/* Reading the index. */
#include "store/embedded/engine.h"

#include "base/mem.h"

static enum fault
must_have_txn(const struct store_view *v)
{
	return v->txn ? OK : STORE_DOWN;
}

enum fault
view_meta(struct store_view *v, struct row_meta *ret)
{
	struct key k;
	str value;

	TRY(must_have_txn(v));
	key_begin(&k, ROW_META);
	TRY(index_get(v->txn, key_str(&k), &value));
	return row_take_meta(value, ret);
}

uint64_t
view_applied_lsn(struct store_view *v)
{
	struct row_meta m = { 0 };

	return view_meta(v, &m) == OK ? m.applied_lsn : 0;
}

/* ---- names ---- */

/* Keys of names are lower-cased where they are looked up without case. */
static struct key
key_of_name(enum row_kind kind, str name, bool lower)
{
	struct key k;

	key_begin(&k, kind);
	key_add_name(&k, name);
	for (size_t i = 1; i < k.n && lower; i++)
		k.bytes[i] = ascii_lower(k.bytes[i]);
	return k;
}

static enum fault
get_named(struct store_view *v, struct arena *a, const struct key *k, str *ret)
{
	struct origin o;
	size_t parts;

	TRY(must_have_txn(v));
	TRY(parts_get(v->txn, a, k, ret, &parts));
	return row_take_origin(ret, &o) ? OK : STORE_CORRUPT;
}

enum fault
view_domain(struct store_view *v, str domain)
{
	struct key k = key_of_name(ROW_DOMAIN, domain, true);
	str value;

	return get_named(v, &v->arena, &k, &value);
}

enum fault
view_note(struct store_view *v, str name, str *ret_value)
{
	struct key k = key_of_name(ROW_NOTE, name, false);

	return get_named(v, &v->arena, &k, ret_value);
}

static enum fault
take_targets(struct arena *a, str value, str **ret_targets, size_t *ret_n)
{
	str in = value, target;
	size_t n = 0;
	str *targets;

	while (in.n) {
		if (!str_take_counted(&in, &target))
			return STORE_CORRUPT;
		n++;
	}
	targets = ARENA_ARRAY(a, n, str);
	for (size_t i = 0; i < n; i++) {
		(void)str_take_counted(&value, &target);
		targets[i] = arena_str(a, target);
	}
	*ret_targets = targets;
	*ret_n = n;
	return OK;
}

enum fault
view_alias(struct store_view *v, struct arena *a, str address, str **ret_targets, size_t *ret_n)
{
	struct key k = key_of_name(ROW_ALIAS, address, true);
	str value;

	TRY(get_named(v, a, &k, &value));
	return take_targets(a, value, ret_targets, ret_n);
}

/* The name behind *at among the rows of a kind. */
static enum fault
next_name(struct store_view *v, struct arena *a, enum row_kind kind, str *at, struct key *ret)
{
	struct key from = key_of_name(kind, *at, true);
	str key, value, name;

	TRY(must_have_txn(v));
	if (at->n == 0)
		from.n = 1; /* the first of all */
	else
		from.bytes[from.n - 1] = 1; /* behind the end mark, and behind further parts */
	TRY(index_seek(v->txn, key_str(&from), &key, &value));
	if (key.n < 2 || key.p[0] != (char)kind)
		return NOT_FOUND;
	name = str_from(key, 1);
	name = str_sub(name, 0, str_find(name, 0));
	if (name.n == 0)
		return STORE_CORRUPT; /* nobody has put it; a walk would begin anew behind it */
	*at = arena_str(a, name);
	*ret = key_of_name(kind, name, false);
	return OK;
}

enum fault
view_next_domain(struct store_view *v, struct arena *a, str *at)
{
	struct key k;

	return next_name(v, a, ROW_DOMAIN, at, &k);
}

enum fault
view_next_alias(struct store_view *v, struct arena *a, str *at, str **ret_targets, size_t *ret_n)
{
	struct key k;
	str value;

	TRY(next_name(v, a, ROW_ALIAS, at, &k));
	TRY(get_named(v, a, &k, &value));
	return take_targets(a, value, ret_targets, ret_n);
}

/* ---- accounts ---- */

enum fault
view_account(struct store_view *v, uint32_t id, struct store_account *ret)
{
	struct row_account row = { 0 };
	struct row_state st = { 0 };
	struct key k;
	size_t parts;
	str value;

	TRY(must_have_txn(v));
	key_begin(&k, ROW_ACCOUNT);
	key_add_u32(&k, id);
	TRY(parts_get(v->txn, &v->arena, &k, &value, &parts));
	TRY(row_take_account(value, &row));
	key_of_account(&k, id, OF_STATE);
	TRY(index_get(v->txn, key_str(&k), &value));
	TRY(row_take_state(value, &st));
	*ret = (struct store_account){
		.id = id,
		.address = row.address,
		.quota_bytes = st.quota_bytes,
		.used_bytes = st.used_bytes,
		.used_messages = st.used_messages,
		.modseq = st.modseq,
		.disabled = st.disabled,
		.secret = row.secret,
		.created_ms = row.created_ms,
	};
	return OK;
}

static enum fault
get_id(struct store_view *v, const struct key *k, uint32_t *ret)
{
	str value;

	TRY(must_have_txn(v));
	TRY(index_get(v->txn, key_str(k), &value));
	return str_take_le32(&value, ret) ? OK : STORE_CORRUPT;
}

enum fault
view_account_by_address(struct store_view *v, str address, struct store_account *ret)
{
	struct key k = key_of_name(ROW_ADDRESS, address, true);
	uint32_t id = 0;

	TRY(get_id(v, &k, &id));
	return view_account(v, id, ret);
}

enum fault
view_next_account(struct store_view *v, uint32_t *at, struct store_account *ret)
{
	struct key k;
	str key, value;
	uint32_t id;

	TRY(must_have_txn(v));
	if (*at == UINT32_MAX)
		return NOT_FOUND;
	key_begin(&k, ROW_ACCOUNT);
	key_add_u32(&k, *at + 1);
	TRY(index_seek(v->txn, key_str(&k), &key, &value));
	if (key.n < 5 || key.p[0] != ROW_ACCOUNT)
		return NOT_FOUND;
	id = key_u32(key, 1);
	TRY(view_account(v, id, ret));
	*at = id;
	return OK;
}

/* ---- mailboxes ---- */

static enum fault
take_mailbox(uint32_t account, uint32_t id, str value, struct store_mailbox *ret)
{
	struct row_mailbox m = { 0 };

	TRY(row_take_mailbox(value, &m));
	*ret = (struct store_mailbox){
		.account = account,
		.id = id,
		.name = m.name,
		.role = m.role,
		.subscribed = m.subscribed,
		.uidvalidity = m.uidvalidity,
		.uidnext = m.uidnext,
		.modseq = m.modseq,
		.chg_floor = m.chg_floor,
		.exists = m.exists,
		.unseen = m.unseen,
		.deleted = m.deleted,
		.bytes = m.bytes,
	};
	return OK;
}

enum fault
view_mailbox(struct store_view *v, uint32_t account, uint32_t id, struct store_mailbox *ret)
{
	struct key k;
	str value;

	TRY(must_have_txn(v));
	key_of_account(&k, account, OF_MAILBOX);
	key_add_u32(&k, id);
	TRY(index_get(v->txn, key_str(&k), &value));
	return take_mailbox(account, id, value, ret);
}

enum fault
view_mailbox_by_name(struct store_view *v, uint32_t account, str name, struct store_mailbox *ret)
{
	struct key k;
	uint32_t id = 0;

	if (str_eq_nocase(name, S("INBOX")))
		name = S("INBOX");
	if (!name_is_good(name))
		return NOT_FOUND;
	key_of_account(&k, account, OF_NAME);
	key_add_name(&k, name);
	TRY(get_id(v, &k, &id));
	return view_mailbox(v, account, id, ret);
}

enum fault
view_next_mailbox(struct store_view *v, uint32_t account, uint32_t *at, struct store_mailbox *ret)
{
	struct key k, prefix;
	str key, value;
	uint32_t id;

	TRY(must_have_txn(v));
	if (*at == UINT32_MAX)
		return NOT_FOUND;
	key_of_account(&prefix, account, OF_MAILBOX);
	k = prefix;
	key_add_u32(&k, *at + 1);
	TRY(index_seek(v->txn, key_str(&k), &key, &value));
	if (!str_starts(key, key_str(&prefix)))
		return NOT_FOUND;
	id = key_u32(key, prefix.n);
	TRY(take_mailbox(account, id, value, ret));
	*at = id;
	return OK;
}

/* ---- messages ---- */

/* The chunk that may hold `from`, or the first behind it; then index_step goes on. */
static enum fault
first_chunk(
	struct store_view *v, uint32_t account, uint32_t mailbox, uint32_t from, str *ret_key, str *ret_value)
{
	struct key k;
	size_t same;
	enum fault f;

	key_of_chunk(&k, account, mailbox, from);
	same = k.n - 4;
	f = index_seek_back(v->txn, key_str(&k), ret_key, ret_value);
	if (f == OK && ret_key->n == k.n && memcmp(ret_key->p, k.bytes, same) == 0)
		return OK;
	if (f != OK && f != NOT_FOUND)
		return f;
	return index_seek(v->txn, key_str(&k), ret_key, ret_value);
}

static bool
is_chunk(str key, uint32_t account, uint32_t mailbox)
{
	struct key k;

	key_of_chunk(&k, account, mailbox, 0);
	return key.n == k.n && memcmp(key.p, k.bytes, k.n - 4) == 0;
}

enum fault
view_entries(struct store_view *v, uint32_t account, uint32_t mailbox, uint32_t from, struct store_entry *ret,
	size_t room, size_t *ret_n)
{
	size_t n = 0;
	str key, value;
	enum fault f;

	TRY(must_have_txn(v));
	for (f = first_chunk(v, account, mailbox, from, &key, &value);
		f == OK && n < room && is_chunk(key, account, mailbox);
		f = index_step(v->txn, &key, &value)) {
		uint32_t count = chunk_count(value);

		if (count == 0)
			return STORE_CORRUPT;
		for (uint32_t i = chunk_find(value, from); i < count && n < room; i++)
			chunk_entry(value, i, &ret[n++]);
	}
	if (f != OK && f != NOT_FOUND)
		return f;
	*ret_n = n;
	return OK;
}

enum fault
view_email(struct store_view *v, uint32_t account, uint64_t email, struct store_email *ret)
{
	struct row_email e = { 0 };
	struct key k;
	size_t parts;
	str value;

	TRY(must_have_txn(v));
	key_of_account(&k, account, OF_EMAIL);
	key_add_u64(&k, email);
	TRY(parts_get(v->txn, &v->arena, &k, &value, &parts));
	TRY(row_take_email(value, &e));
	*ret = (struct store_email){
		.account = account,
		.email = email,
		.thread = e.thread,
		.received_ms = e.received_ms,
		.sent_ms = e.sent_ms,
		.prefix = e.prefix,
		.place = {
			.large = e.large,
			.file = e.large ? e.large : e.origin.segment,
			.offset = e.large ? 0 : e.offset + RECORD_HEADER,
			.size = e.body_size,
			.lsn = e.origin.lsn,
			.sum = e.body_sum,
		},
		.row = e.row,
		.dot_lines = e.dot_lines,
	};
	return OK;
}

/* ---- what changed ---- */

struct range_list {
	struct uid_range *p;
	size_t n, room;
};

static void
add_range(struct range_list *l, struct uid_range r)
{
	if (l->n && l->p[l->n - 1].last == r.first - 1) {
		l->p[l->n - 1].last = r.last;
		return;
	}
	if (l->n == l->room) {
		l->room = MAX(l->room * 2, 64);
		l->p = mem_grow(l->p, l->room * sizeof(*l->p));
	}
	l->p[l->n++] = r;
}

/* Chunks whose highest modseq is not above it are passed over by their head alone. */
static enum fault
collect_changed(
	struct store_view *v, uint32_t account, uint32_t mailbox, uint64_t since, struct range_list *l)
{
	struct store_entry e;
	str key, value;
	enum fault f;

	for (f = first_chunk(v, account, mailbox, 1, &key, &value);
		f == OK && is_chunk(key, account, mailbox); f = index_step(v->txn, &key, &value)) {
		uint32_t count = chunk_count(value);

		if (chunk_modseq(value) <= since)
			continue;
		for (uint32_t i = 0; i < count; i++) {
			chunk_entry(value, i, &e);
			if (e.modseq > since)
				add_range(l, (struct uid_range){ e.uid, e.uid });
		}
	}
	return f == OK || f == NOT_FOUND ? OK : f;
}

static enum fault
collect_vanished(struct store_view *v, struct arena *a, uint32_t account, uint32_t mailbox, uint64_t since,
	struct range_list *l)
{
	struct key prefix;
	str key, value;
	enum fault f = OK;

	key_of_account(&prefix, account, OF_VANISHED);
	key_add_u32(&prefix, mailbox);
	while (f == OK) {
		struct key k = prefix;
		struct uid_range *r = NULL;
		size_t n = 0, parts;

		key_add_u64(&k, since + 1);
		f = index_seek(v->txn, key_str(&k), &key, &value);
		if (f != OK || !str_starts(key, key_str(&prefix)))
			break;
		since = key_u64(key, prefix.n);
		if (key.n != prefix.n + 8)
			continue; /* a further part */
		k = prefix;
		key_add_u64(&k, since);
		TRY(parts_join(v->txn, a, &k, value, &value, &parts));
		if (!ranges_decode(a, &value, &r, &n))
			return STORE_CORRUPT;
		for (size_t i = 0; i < n; i++)
			add_range(l, r[i]);
	}
	return f == OK || f == NOT_FOUND ? OK : f;
}

static int
by_first(const void *x, const void *y)
{
	const struct uid_range *a = x, *b = y;

	return (a->first > b->first) - (a->first < b->first);
}

/* The ranges of several expunges, in order and joined. */
static void
put_in_order(struct range_list *l)
{
	size_t n = l->n;

	if (n < 2)
		return;
	qsort(l->p, n, sizeof(*l->p), by_first);
	l->n = 1;
	for (size_t i = 1; i < n; i++)
		add_range(l, l->p[i]);
}

static struct uid_range *
give(struct arena *a, struct range_list *l)
{
	struct uid_range *r = ARENA_ARRAY(a, l->n, struct uid_range);

	if (l->n)
		memcpy(r, l->p, l->n * sizeof(*r));
	free(l->p);
	return r;
}

enum fault
view_changes(struct store_view *v, struct arena *a, uint32_t account, uint32_t mailbox, uint64_t since,
	struct store_changes *ret)
{
	struct range_list changed = { 0 }, vanished = { 0 };
	struct store_mailbox m;
	enum fault f = OK;

	TRY(view_mailbox(v, account, mailbox, &m));
	if (since < m.modseq)
		f = collect_changed(v, account, mailbox, since, &changed);
	if (f == OK && since < m.modseq)
		f = collect_vanished(v, a, account, mailbox, since, &vanished);
	if (f != OK) {
		free(changed.p);
		free(vanished.p);
		return f;
	}
	put_in_order(&vanished);
	*ret = (struct store_changes){
		.changed_n = changed.n,
		.vanished_n = vanished.n,
		.upto = m.modseq,
		.exact = since >= m.chg_floor,
	};
	ret->changed = give(a, &changed);
	ret->vanished = give(a, &vanished);
	return OK;
}

/* ---- messages by a key of their own ---- */

enum fault
view_once(struct store_view *v, uint32_t account, uint64_t key)
{
	struct row_thread t = { 0 };
	struct key k;
	str value;

	if (!v->txn)
		return STORE_DOWN;
	key_of_account(&k, account, OF_THREAD);
	key_add_u64(&k, key);
	TRY(index_get(v->txn, key_str(&k), &value));
	return row_take_thread(value, &t);
}
