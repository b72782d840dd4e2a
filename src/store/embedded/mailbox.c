/* Mailboxes. */
#include "store/embedded/engine.h"

#include "base/mem.h"

/* '/' stands between levels: none at the ends, no two together. INBOX is INBOX however it is written (RFC 9051 5.1). */
static enum fault
good_mailbox_name(struct store *s, str name, str *ret)
{
	if (!name_is_good(name) || !str_is_utf8(name) || str_has_ctl(name) || name.p[0] == '/' ||
		name.p[name.n - 1] == '/' || str_find_str(name, S("//")) != name.n)
		return BAD_ARGUMENT;
	*ret = arena_str(&s->arena, str_eq_nocase(name, S("INBOX")) ? S("INBOX") : name);
	return OK;
}

static enum fault
must_be_free(struct store *s, uint32_t account, str name)
{
	struct store_mailbox other;
	enum fault f = view_mailbox_by_name(store_now(s), account, name, &other);

	if (f == NOT_FOUND)
		return OK;
	return f == OK ? ALREADY_EXISTS : f;
}

/* A mailbox as a record states it; its name is the arena's. */
enum fault
store_mailbox_effect(struct store *s, uint32_t account, uint32_t mailbox, struct effect *ret)
{
	struct mailbox_row m;

	TRY(state_get_mailbox(&s->st, account, mailbox, &m));
	ret->type = RECORD_MAILBOX;
	ret->mailbox = (struct effect_mailbox){
		.account = account,
		.id = mailbox,
		.uidvalidity = m.row.uidvalidity,
		.uidnext = m.row.uidnext,
		.modseq = m.row.modseq,
		.chg_floor = m.row.chg_floor,
		.name = arena_str(&s->arena, m.row.name),
		.role = m.row.role,
		.subscribed = m.row.subscribed,
	};
	return OK;
}

enum fault
store_create_mailbox(struct store *s, uint32_t account, str name, enum store_role role, uint32_t *ret_mailbox)
{
	struct effect e = { .type = RECORD_MAILBOX };
	struct row_state st = { 0 };
	uint64_t modseq;

	TRY(store_begin(s));
	TRY(good_mailbox_name(s, name, &name));
	TRY(state_get_account(&s->st, account, &st));
	TRY(must_be_free(s, account, name));
	if (st.next_mailbox == UINT32_MAX)
		return STORE_FULL;
	modseq = st.modseq + 1;
	e.mailbox = (struct effect_mailbox){
		.account = account,
		.id = st.next_mailbox,
		.uidvalidity = store_next_uidvalidity(s, &st),
		.uidnext = 1,
		.modseq = modseq,
		.chg_floor = modseq,
		.name = name,
		.role = role,
	};
	TRY(store_effect(s, &e, S("")));
	*ret_mailbox = e.mailbox.id;
	return OK;
}

static enum fault
begin_change(struct store *s, uint32_t account, uint32_t mailbox, struct effect *e)
{
	struct row_state st = { 0 };

	TRY(store_begin(s));
	TRY(store_mailbox_effect(s, account, mailbox, e));
	TRY(state_get_account(&s->st, account, &st));
	e->mailbox.modseq = st.modseq + 1;
	return OK;
}

static enum fault
is_inbox(struct store *s, uint32_t account, uint32_t mailbox, bool *ret)
{
	struct row_state st = { 0 };

	TRY(state_get_account(&s->st, account, &st));
	*ret = st.inbox == mailbox;
	return OK;
}

enum fault
store_rename_mailbox(struct store *s, uint32_t account, uint32_t mailbox, str name)
{
	bool inbox = false;
	struct effect e;

	TRY(begin_change(s, account, mailbox, &e));
	TRY(good_mailbox_name(s, name, &name));
	TRY(is_inbox(s, account, mailbox, &inbox));
	if (inbox)
		return NOT_PERMITTED;
	TRY(must_be_free(s, account, name));
	e.mailbox.name = name;
	return store_effect(s, &e, S(""));
}

enum fault
store_subscribe_mailbox(struct store *s, uint32_t account, uint32_t mailbox, bool subscribed)
{
	struct effect e;

	TRY(begin_change(s, account, mailbox, &e));
	if (e.mailbox.subscribed == subscribed)
		return OK;
	e.mailbox.subscribed = subscribed;
	return store_effect(s, &e, S(""));
}

enum fault
store_delete_mailbox(struct store *s, uint32_t account, uint32_t mailbox)
{
	struct effect e;
	bool inbox = false;

	TRY(begin_change(s, account, mailbox, &e));
	TRY(is_inbox(s, account, mailbox, &inbox));
	if (inbox)
		return NOT_PERMITTED;
	e.gone = (struct effect_gone){ .account = account, .mailbox = mailbox, .modseq = e.mailbox.modseq };
	e.type = RECORD_MAILBOX_GONE;
	return store_effect(s, &e, S(""));
}
