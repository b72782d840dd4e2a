/* roles/store/resolve.c - RCPT's question: whose address is it, is there room, which mailbox? One answer from one view. */
#include "roles/store/role.h"

#include "base/mem.h"
#include "people/resolve.h"

struct question {
	struct storekeeper *s;
	const struct talk_rcpt_ask *ask;
	struct store_view *view;
};

static bool
is_local(void *ctx, str domain)
{
	struct question *q = ctx;

	if (q->ask->ours && str_eq_nocase(q->ask->domain, domain))
		return true;
	return view_domain(q->view, domain) == OK;
}

static bool
find_account(void *ctx, str address, uint32_t *ret_id)
{
	struct question *q = ctx;
	struct store_account a;

	if (view_account_by_address(q->view, address, &a) != OK)
		return false;
	*ret_id = a.id;
	return true;
}

static bool
find_alias(void *ctx, struct arena *a, str address, str **ret_targets, size_t *ret_n)
{
	struct question *q = ctx;

	return view_alias(q->view, a, address, ret_targets, ret_n) == OK;
}

static bool
any_account(void *ctx, uint32_t *ret_id)
{
	struct question *q = ctx;
	struct store_account a;
	uint32_t at = 0;

	if (view_next_account(q->view, &at, &a) != OK)
		return false;
	*ret_id = a.id;
	return true;
}

/* May the account take it, and into which of its mailboxes? */
static enum fault
look(struct question *q, const struct resolved *r, uint64_t size, struct talk_rcpt *ret)
{
	struct store_account a;
	struct store_mailbox m;

	TRY(view_account(q->view, r->account, &a));
	if (a.disabled)
		return MAILBOX_DISABLED;
	if (a.quota_bytes && (a.used_bytes >= a.quota_bytes || size > a.quota_bytes - a.used_bytes))
		return OVER_QUOTA;
	*ret = (struct talk_rcpt){ .account = a.id, .address = arena_str(&q->s->scratch, a.address) };
	if (r->extension.n && view_mailbox_by_name(q->view, a.id, r->extension, &m) == OK)
		ret->mailbox = m.id;
	return OK;
}

enum fault
store_resolve(
	struct storekeeper *s, struct store_peer *p, const struct talk_rcpt_ask *ask, struct buf *ret_rcpts)
{
	struct question q = { s, ask, store_now(s->store) };
	struct resolve_tables t = { .ctx = &q,
		.is_local = is_local,
		.account = find_account,
		.alias = find_alias,
		.any = any_account,
		.myhostname = p->myhostname,
		.delimiter = p->delimiter,
		.postmaster = p->postmaster };
	struct addr to = { .local = ask->local, .domain = ask->domain };
	struct resolved *found = NULL;
	size_t n = 0;
	enum fault first = OK;

	TRY(people_resolve(&s->scratch, &t, &to, &found, &n));
	for (size_t i = 0; i < n; i++) {
		struct talk_rcpt r;
		enum fault f = look(&q, &found[i], ask->size, &r);

		if (f == OK)
			talk_put_rcpt(ret_rcpts, &r);
		else if (first == OK)
			first = f;
	}
	/* Some members of an alias may be full: the others get it, and who is full is told at the end of data. */
	return ret_rcpts->n ? OK : first != OK ? first : NO_SUCH_MAILBOX;
}
