/* roles/store/resolve.c - RCPT's question: what is known of these names? One answer from one view. */
#include "roles/store/role.h"

#include "base/mem.h"
#include "roles/store/written.h"

enum {
	MOST_NAMES = 1024,
	MOST_ANSWER = CHAN_LARGEST / 2, /* further facts wait for another question */
	MOST_TARGET_BYTES = CHAN_LARGEST / 4
};

/* May the account take a message of this size, and into which of its mailboxes? */
static void
look_at_account(struct store_view *v, const struct store_account *a, str extension, uint64_t size,
	struct talk_fact *ret)
{
	struct store_mailbox m;

	ret->account = a->id;
	ret->address = a->address;
	ret->fault = OK;
	if (a->disabled)
		ret->fault = MAILBOX_DISABLED;
	else if (a->quota_bytes && (a->used_bytes >= a->quota_bytes || size > a->quota_bytes - a->used_bytes))
		ret->fault = OVER_QUOTA;
	if (extension.n && view_mailbox_by_name(v, a->id, extension, &m) == OK)
		ret->mailbox = m.id;
}

/* OK: ret says whether there is one. */
static enum fault
look_for_alias(
	struct storekeeper *s, struct store_view *v, str address, struct buf *targets, struct talk_fact *ret)
{
	str *list = NULL;
	size_t n = 0;
	enum fault f = view_alias(v, &s->scratch, address, &list, &n);

	if (f != OK)
		return f == NOT_FOUND ? OK : f;
	for (size_t i = 0; i < n; i++)
		talk_put_text(targets, &(struct talk_text){ list[i] });
	if (targets->n > MOST_TARGET_BYTES)
		return TOO_MANY_RCPTS;
	ret->alias = true;
	ret->targets = buf_str(targets);
	return OK;
}

static enum fault
look_for_account(struct store_view *v, const struct talk_name *name, uint64_t size, struct talk_fact *ret)
{
	struct store_account a;
	uint32_t at = 0;
	enum fault f = name->address.n ? view_account_by_address(v, name->address, &a)
				       : view_next_account(v, &at, &a);

	if (f == OK)
		look_at_account(v, &a, name->extension, size, ret);
	return f == NOT_FOUND ? OK : f;
}

static enum fault
look(struct storekeeper *s, const struct talk_name *name, uint64_t size, struct buf *facts)
{
	struct store_view *v = store_now(s->store);
	struct talk_fact fact = { .fault = OK };
	struct buf targets = { 0 };
	bool is_domain = name->address.n && name->address.p[0] == '@';
	enum fault f = OK;

	if (name->address.n)
		f = look_for_alias(s, v, name->address, &targets, &fact);
	if (f == OK && is_domain) {
		f = view_domain(v, str_from(name->address, 1));
		fact.domain = f == OK;
		f = f == NOT_FOUND ? OK : f;
	} else if (f == OK) {
		f = look_for_account(v, name, size, &fact);
	}
	if (f == OK)
		talk_put_fact(facts, &fact);
	buf_done(&targets);
	return f;
}

enum fault
store_look(struct storekeeper *s, const struct talk_names_ask *ask, struct buf *ret_facts, bool *ret_first)
{
	struct talk_name name;
	size_t n = 0;

	*ret_first = ask->writer && !written_has(store_now(s->store), ask->writer, ask->written);
	for (str list = ask->names; list.n && ret_facts->n < MOST_ANSWER; n++) {
		if (n == MOST_NAMES || !talk_take_name(&list, &name))
			return MALFORMED;
		TRY(look(s, &name, ask->size, ret_facts));
	}
	return OK;
}
