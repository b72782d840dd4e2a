/* roles/imap/select.c - SELECT, EXAMINE, STATUS, CLOSE, UNSELECT: RFC 3501 6.3.1-2, 6.3.10, 6.4.2; RFC 3691, 7162, 8474 */
#include "roles/imap/imap.h"

#include "base/mem.h"

enum fault
imap_find_mailbox(struct imap_session *s, str name, struct store_mailbox *ret)
{
	struct store_view *v;
	enum fault f;

	TRY(store_view_begin(s->imap->reading.reader, &v));
	f = view_mailbox_by_name(v, s->account, name, ret);
	ret->name = S("");
	store_view_end(v);
	return f;
}

/* Message number and uid of the first that is not seen; 0: all are. */
static enum fault
find_unseen(struct imap_session *s, struct store_view *v, const struct store_mailbox *m, uint32_t *ret_number)
{
	struct store_entry batch[16];
	uint32_t from = 1;
	size_t n = 1;

	*ret_number = 0;
	while (m->unseen && n && from) {
		TRY(view_entries(v, s->account, m->id, from, batch, COUNT(batch), &n));
		for (size_t i = 0; i < n; i++)
			if (!(batch[i].flags & FLAG_SEEN)) {
				*ret_number = imap_box_number(s->box, batch[i].uid);
				return OK;
			}
		if (n)
			from = batch[n - 1].uid + 1;
	}
	return OK;
}

static void
add_flag_list(struct imap_session *s, const char *more)
{
	struct buf *out = &s->stream.out;

	buf_add(out, S("(\\Answered \\Flagged \\Deleted \\Seen \\Draft"));
	for (unsigned i = 0; i < STORE_KEYWORDS; i++)
		if (s->keywords[i])
			buf_printf(out, " %s", s->keywords[i]);
	buf_printf(out, "%s)", more);
}

static void
tell_selected(struct imap_session *s, const struct store_mailbox *m, uint32_t unseen)
{
	struct buf *out = &s->stream.out;

	buf_add(out, S("* FLAGS "));
	add_flag_list(s, "");
	buf_add(out, S("\r\n* OK [PERMANENTFLAGS "));
	if (s->box->read_only)
		buf_add(out, S("()"));
	else
		add_flag_list(s, " \\*");
	buf_printf(out, "] Flags that stay\r\n* %u EXISTS\r\n* 0 RECENT\r\n", s->box->n);
	if (unseen)
		buf_printf(out, "* OK [UNSEEN %u] The first unseen one\r\n", unseen);
	buf_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n* OK [UIDNEXT %u] The next one\r\n",
		m->uidvalidity, m->uidnext);
	buf_printf(out,
		"* OK [HIGHESTMODSEQ %llu] Changes are numbered\r\n* OK [MAILBOXID (F%u)] It stays the "
		"same\r\n",
		(unsigned long long)m->modseq, m->id);
}

static enum fault
open_box(struct imap_session *s, str name, bool read_only)
{
	struct store_mailbox m;
	struct store_view *v;
	uint32_t unseen = 0;
	enum fault f;

	TRY(store_view_begin(s->imap->reading.reader, &v));
	f = view_mailbox_by_name(v, s->account, name, &m);
	if (f == OK)
		imap_learn_keywords(s, v, UINT64_MAX);
	if (f == OK)
		f = imap_box_read(s, v, &m);
	if (f == OK)
		f = find_unseen(s, v, &m, &unseen);
	store_view_end(v);
	if (f != OK) {
		imap_box_close(s);
		return f == NOT_FOUND ? NO_SUCH_MAILBOX : f;
	}
	s->box->read_only = read_only;
	s->box->subscription.fn = imap_notice_came;
	notices_subscribe(&s->imap->notices, &s->box->subscription, s->account, m.id);
	tell_selected(s, &m, unseen);
	return OK;
}

enum fault
imap_cmd_select(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	bool examine = c->verb == IMAP_EXAMINE;

	(void)a;
	if (c->select.qresync)
		return BAD_PARAMETER;
	if (s->box)
		buf_add(&s->stream.out, S("* OK [CLOSED] The mailbox before is closed\r\n"));
	imap_box_close(s);
	s->condstore |= c->select.condstore;
	TRY(imap_catch_up(s));
	TRY(open_box(s, c->select.mailbox, examine));
	ret->code = examine ? S("READ-ONLY") : S("READ-WRITE");
	ret->text = S("Selected");
	return OK;
}

/* What is marked goes, without a word. */
enum fault
imap_cmd_close(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	enum fault f = s->box->read_only ? OK : imap_cmd_expunge(s, a, c, ret);

	if (f == OK)
		imap_box_close(s);
	*ret = (struct imap_reply){ .text = S("Closed") };
	return f;
}

enum fault
imap_cmd_unselect(
	struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	(void)a;
	(void)c;
	imap_box_close(s);
	ret->text = S("Unselected");
	return OK;
}

enum fault
imap_cmd_status(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	struct store_mailbox m;
	struct store_view *v;
	enum fault f;

	(void)a;
	s->condstore |= (c->status.items & IMAP_STATUS_HIGHESTMODSEQ) != 0;
	if (c->status.items & (IMAP_STATUS_APPENDLIMIT | IMAP_STATUS_DELETED_STORAGE))
		return BAD_PARAMETER;
	TRY(imap_catch_up(s));
	TRY(store_view_begin(s->imap->reading.reader, &v));
	f = view_mailbox_by_name(v, s->account, c->status.mailbox, &m);
	if (f == OK)
		imap_status_add(s, &m, c->status.items);
	store_view_end(v);
	ret->text = S("That is how it stands");
	return f == NOT_FOUND ? NO_SUCH_MAILBOX : f;
}
