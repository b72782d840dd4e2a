/* A message becomes mail. */
#include "store/embedded/engine.h"

#include "base/mem.h"
#include "store/embedded/large.h"

#include <sys/statvfs.h>

enum { MOST_KEYS = 32, ROW_BYTES_MOST = 1 << 20, PREFIX_MOST = 64 * 1024 };

/* ---- space ---- */

/* Asked of the file system once a batch, and reckoned from then on. */
static bool
has_space(struct store *s, uint64_t bytes)
{
	struct statvfs v;

	if (!s->free_known) {
		s->free_bytes = UINT64_MAX;
		if (fstatvfs(s->log_dir, &v) == 0)
			s->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
		s->free_known = true;
	}
	return s->free_bytes >= s->set.least_free_bytes && s->free_bytes - s->set.least_free_bytes >= bytes;
}

/* ---- whom it goes to ---- */

/* Two deliveries to one account are one email in two mailboxes, unless their prefixes differ. */
static bool
same_email(const struct store_delivery *x, const struct store_delivery *y)
{
	return x->account == y->account && str_eq(x->prefix, y->prefix);
}

static struct store_delivery *
earlier(struct store_delivery *d, size_t i,
	bool (*same)(const struct store_delivery *, const struct store_delivery *))
{
	for (size_t k = 0; k < i; k++)
		if (d[k].verdict == OK && same(&d[k], &d[i]))
			return &d[k];
	return NULL;
}

static bool
same_account(const struct store_delivery *x, const struct store_delivery *y)
{
	return x->account == y->account;
}

static bool
same_mailbox(const struct store_delivery *x, const struct store_delivery *y)
{
	return x->account == y->account && x->mailbox == y->mailbox;
}

/* What the deliveries before this one will have added to the account. */
static uint64_t
bytes_before(const struct store_delivery *d, size_t i, uint64_t body)
{
	uint64_t bytes = 0;

	for (size_t k = 0; k < i; k++)
		if (d[k].verdict == OK && d[k].account == d[i].account)
			bytes += d[k].prefix.n + body;
	return bytes;
}

/* What a key leads to. */
static enum fault
find_thread(struct store *s, uint32_t account, uint64_t key, struct row_thread *ret)
{
	struct key k;
	str value;

	key_of_account(&k, account, OF_THREAD);
	key_add_u64(&k, key);
	TRY(index_get(s->st.txn, key_str(&k), &value));
	return row_take_thread(value, ret);
}

/* Refuses, or assigns mailbox, uid, email and modseq. grace: what was promised is kept. */
static enum fault
assign(struct store *s, struct store_delivery *d, size_t i, uint64_t body, uint64_t once, bool grace,
	uint64_t *next_email)
{
	struct store_delivery *at = &d[i], *before;
	struct row_state st = { 0 };
	struct mailbox_row m;
	uint64_t need = at->prefix.n + body;
	enum fault f = state_get_account(&s->st, at->account, &st);

	if (f != OK)
		return f == NOT_FOUND ? NO_SUCH_MAILBOX : f;
	if (st.disabled && !grace)
		return MAILBOX_DISABLED;
	if (once && (f = find_thread(s, at->account, once, &(struct row_thread){ 0 })) != NOT_FOUND)
		return f == OK ? ALREADY_EXISTS : f;
	if (at->prefix.n > PREFIX_MOST)
		return TOO_BIG;
	if (at->mailbox == 0)
		at->mailbox = st.inbox;
	f = state_get_mailbox(&s->st, at->account, at->mailbox, &m);
	if (f == NOT_FOUND && grace) {
		at->mailbox = st.inbox;
		f = state_get_mailbox(&s->st, at->account, at->mailbox, &m);
	}
	if (f != OK)
		return f == NOT_FOUND ? NO_SUCH_MAILBOX : f;
	if (!grace && st.quota_bytes && st.used_bytes + bytes_before(d, i, body) + need > st.quota_bytes)
		return OVER_QUOTA;
	at->uid = m.row.uidnext;
	if ((before = earlier(d, i, same_mailbox)))
		for (size_t k = (size_t)(before - d); k < i; k++)
			if (d[k].verdict == OK && same_mailbox(&d[k], at))
				at->uid = d[k].uid + 1;
	if (at->uid == UINT32_MAX)
		return STORE_FULL;
	at->modseq = st.modseq + 1;
	if ((before = earlier(d, i, same_email))) {
		at->email = before->email;
		return OK;
	}
	before = earlier(d, i, same_account);
	at->email = before ? MAX(*next_email, st.next_email) : st.next_email;
	*next_email = at->email + 1;
	return OK;
}

/* How many are OK. Assigning is a function of the index and of the deliveries before, so it can be done again. */
static size_t
assign_all(struct store *s, struct store_delivery *d, size_t n, uint64_t body, uint64_t once, bool grace)
{
	uint64_t next_email = 0;
	size_t ok = 0;

	for (size_t i = 0; i < n; i++)
		d[i].verdict = CANCELLED;
	for (size_t i = 0; i < n; i++) {
		d[i].verdict = assign(s, d, i, body, once, grace && d[i].promised, &next_email);
		ok += d[i].verdict == OK;
	}
	return ok;
}

/* ---- threads ---- */

/* The thread of the first known of its own message id and those it refers to; the unknown ones lead to it from now on. */
static enum fault
assign_thread(struct store *s, const struct store_message *m, const struct effect_email *first,
	struct effect_email *e)
{
	size_t n = MIN(m->reference_count, MOST_KEYS);
	uint64_t *keys = ARENA_ARRAY(&s->arena, n + 2, uint64_t);

	for (const struct effect_email *twin = first; twin < e; twin++)
		if (twin->account ==
			e->account) { /* the same message under another prefix: a key leads to one email */
			e->thread = twin->thread;
			return OK;
		}
	e->thread = 0;
	e->keys = keys;
	/* the last references are the nearest */
	for (size_t i = 0; i <= n; i++) {
		uint64_t key = i == 0 ? m->message_id_key : m->reference_keys[m->reference_count - i];
		struct row_thread t = { 0 };
		bool twice = key == 0;
		enum fault f;

		for (size_t k = 0; k < e->key_count && !twice; k++)
			twice = keys[k] == key;
		if (twice)
			continue;
		f = find_thread(s, e->account, key, &t);
		if (f == NOT_FOUND)
			keys[e->key_count++] = key;
		else if (f != OK)
			return f;
		else if (!e->thread)
			e->thread = t.thread;
	}
	if (!e->thread)
		e->thread = e->email;
	if (m->once)
		keys[e->key_count++] = m->once; /* nothing refers to it */
	return OK;
}

/* ---- the effect ---- */

static void
add_copy(struct effect_email *e, const struct store_delivery *d, int64_t now_ms)
{
	e->copies[e->copy_count++] = (struct effect_copy){
		.mailbox = d->mailbox,
		.uid = d->uid,
		.flags = d->flags,
		.keywords = d->keywords,
		.modseq = d->modseq,
		.saved_ms = now_ms,
	};
}

static enum fault
make_emails(struct store *s, const struct store_message *m, struct store_delivery *d, size_t n,
	struct effect_message *x)
{
	int64_t now_ms = s->set.wall_ms();

	x->emails = ARENA_ARRAY(&s->arena, n, struct effect_email);
	for (size_t i = 0; i < n; i++) {
		struct effect_email *e;
		size_t same = 0;

		if (d[i].verdict != OK || earlier(d, i, same_email))
			continue;
		for (size_t k = i; k < n; k++)
			same += d[k].verdict == OK && same_email(&d[k], &d[i]);
		e = &x->emails[x->email_count++];
		e->account = d[i].account;
		e->email = d[i].email;
		e->created = d[i].modseq;
		e->prefix = d[i].prefix;
		e->copies = ARENA_ARRAY(&s->arena, same, struct effect_copy);
		TRY(assign_thread(s, m, x->emails, e));
		for (size_t k = i; k < n; k++)
			if (d[k].verdict == OK && same_email(&d[k], &d[i]))
				add_copy(e, &d[k], now_ms);
	}
	return OK;
}

static enum fault
accept(struct store *s, const struct store_message *m, struct store_delivery *d, size_t n)
{
	struct effect e = { .type = RECORD_MESSAGE };
	uint64_t body = m->large ? m->large->size : m->body.n;
	size_t accepted;

	if (n == 0)
		return NO_VALID_RCPTS;
	if (m->row.n > ROW_BYTES_MOST || m->body.n > RECORD_MOST / 2)
		return TOO_BIG;
	if (!has_space(s, 2 * (m->large ? 0 : body) + m->row.n))
		return STORE_FULL;
	accepted = assign_all(s, d, n, body, m->once, false);
	if (!accepted)
		return d[0].verdict;
	if (accepted < n)
		(void)assign_all(s, d, n, body, m->once, true);
	memset(&e.message, 0, sizeof(e.message));
	e.message.received_ms = m->received_ms;
	e.message.sent_ms = m->sent_ms;
	e.message.dot_lines = m->dot_lines;
	e.message.row = m->row;
	TRY(make_emails(s, m, d, n, &e.message));
	if (m->large)
		TRY(large_link(s, m->large, &e.message));
	TRY(store_effect(s, &e, m->large ? S("") : m->body));
	if (m->large)
		store_large_free(m->large);
	return OK;
}

enum fault
store_accept(struct store *s, const struct store_message *m, struct store_delivery *d, size_t n)
{
	enum fault f = store_begin(s);

	for (size_t i = 0; i < n; i++)
		d[i].verdict = CANCELLED;
	if (f == OK)
		f = accept(s, m, d, n);
	/* what stopped the whole message is everybody's verdict */
	for (size_t i = 0; i < n && f != OK; i++)
		if (d[i].verdict == CANCELLED || d[i].verdict == OK)
			d[i].verdict = f;
	return f;
}
