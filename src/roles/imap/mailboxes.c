/* roles/imap/mailboxes.c - CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: RFC 3501 6.3.3-7, RFC 6154 3 */
#include "roles/imap/imap.h"

#include "base/mem.h"

enum { MOST_MAILBOXES = 10000 };

static enum fault
ask_done(struct imap_session *s, struct arena *a, uint16_t type, struct buf *b)
{
	struct talk_done done;
	str answer;
	enum fault f = imap_ask(s, type, b, a, &answer);

	buf_done(b);
	if (f == OK)
		f = talk_read_done(answer, &done) ? done.fault : INTERNAL;
	s->wrote |= f == OK;
	return f;
}

static str
without_end(str name)
{
	return str_ends(name, S("/")) ? str_sub(name, 0, name.n - 1) : name;
}

static const struct {
	str word;
	enum store_role role;
} uses[] = {
	{ SC("\\Drafts"), ROLE_DRAFTS },
	{ SC("\\Sent"), ROLE_SENT },
	{ SC("\\Trash"), ROLE_TRASH },
	{ SC("\\Junk"), ROLE_JUNK },
	{ SC("\\Archive"), ROLE_ARCHIVE },
};

static enum fault
use_of(str words, enum store_role *ret)
{
	str word, more;

	*ret = ROLE_NONE;
	if (!str_take_word(&words, &word))
		return OK;
	if (str_take_word(&words, &more))
		return BAD_PARAMETER;
	for (size_t i = 0; i < COUNT(uses); i++)
		if (str_eq_nocase(word, uses[i].word)) {
			*ret = uses[i].role;
			return OK;
		}
	return BAD_PARAMETER;
}

enum fault
imap_cmd_create(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	struct talk_mailbox_make ask = { .account = s->account, .name = without_end(c->two.first) };
	struct talk_mailbox_made made;
	enum store_role role = ROLE_NONE;
	struct buf b = { 0 };
	str answer;
	enum fault f;

	TRY(use_of(c->two.second, &role));
	ask.role = (uint8_t)role;
	if (str_starts_nocase(
		    ask.name, S("INBOX/INBOX"))) /* Apple Mail tries it, and is lost when it works */
		return NOT_PERMITTED;
	talk_put_mailbox_make(&b, &ask);
	f = imap_ask(s, TALK_ASK_mailbox_make, &b, a, &answer);
	buf_done(&b);
	TRY(f);
	if (!talk_read_mailbox_made(answer, &made))
		return INTERNAL;
	TRY(made.fault);
	s->wrote = true;
	ret->code = arena_printf(a, "MAILBOXID (F%u)", made.id);
	ret->text = S("Created");
	return OK;
}

enum fault
imap_cmd_delete(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	struct store_mailbox m;
	struct buf b = { 0 };
	enum fault f;

	TRY(imap_catch_up(s));
	f = imap_find_mailbox(s, c->two.first, &m);
	if (f != OK)
		return f == NOT_FOUND ? NO_SUCH_MAILBOX : f;
	if (s->box && s->box->mailbox == m.id) { /* RFC 3501 leaves it open; clients that do it mean it */
		buf_add(&s->stream.out, S("* OK [CLOSED] The mailbox is closed\r\n"));
		imap_box_close(s);
	}
	talk_put_mailbox_delete(&b, &(struct talk_mailbox_delete){ .account = s->account, .mailbox = m.id });
	ret->text = S("Deleted");
	return ask_done(s, a, TALK_ASK_mailbox_delete, &b);
}

/* ---- RENAME: with everything below ---- */

struct renaming {
	uint32_t id;
	str to;
};

/* The mailbox and those below it, with their new names. */
static enum fault
collect(struct imap_session *s, struct arena *a, str from, str to, struct renaming **ret, size_t *ret_n)
{
	struct renaming *list = ARENA_ARRAY(a, MOST_MAILBOXES, struct renaming);
	struct store_mailbox m;
	struct store_view *v;
	size_t n = 0;

	TRY(store_view_begin(s->imap->reading.reader, &v));
	for (uint32_t at = 0; n < MOST_MAILBOXES && view_next_mailbox(v, s->account, &at, &m) == OK;) {
		str rest = m.name;

		if (!str_take(&rest, from) || (rest.n && rest.p[0] != '/'))
			continue;
		list[n++] = (struct renaming){ m.id, arena_join(a, to, rest) };
	}
	store_view_end(v);
	*ret = list;
	*ret_n = n;
	return n ? OK : NO_SUCH_MAILBOX;
}

/* RFC 3501 6.3.5: INBOX stays, what is in it moves. */
static enum fault
move_inbox(struct imap_session *s, struct arena *a, str to)
{
	struct talk_mailbox_make make = { .account = s->account, .name = to };
	struct talk_mailbox_made made;
	struct talk_copy_told told;
	struct store_mailbox inbox;
	struct buf b = { 0 }, uids = { 0 };
	str answer;
	enum fault f = imap_find_mailbox(s, S("INBOX"), &inbox);

	talk_put_mailbox_make(&b, &make);
	if (f == OK)
		f = imap_ask(s, TALK_ASK_mailbox_make, &b, a, &answer);
	if (f == OK)
		f = talk_read_mailbox_made(answer, &made) ? made.fault : INTERNAL;
	if (f == OK) {
		talk_put_range(&uids, &(struct talk_range){ 1, UINT32_MAX });
		buf_clear(&b);
		talk_put_copy_ask(&b, &(struct talk_copy_ask){ .account = s->account,
					      .mailbox = inbox.id,
					      .uids = buf_str(&uids),
					      .to = made.id,
					      .move = true });
		f = imap_ask(s, TALK_ASK_copy_ask, &b, a, &answer);
	}
	if (f == OK)
		f = talk_read_copy_told(answer, &told) ? told.fault : INTERNAL;
	s->wrote = true;
	buf_done(&uids);
	buf_done(&b);
	return f;
}

enum fault
imap_cmd_rename(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	str from = without_end(c->two.first), to = without_end(c->two.second);
	struct store_mailbox there;
	struct renaming *list;
	size_t n;

	ret->text = S("Renamed");
	TRY(imap_catch_up(s));
	if (imap_find_mailbox(s, to, &there) == OK)
		return ALREADY_EXISTS;
	if (str_eq(from, S("INBOX")))
		return move_inbox(s, a, to);
	if (str_starts(to, arena_join(a, from, S("/"))))
		return BAD_PARAMETER;
	TRY(collect(s, a, from, to, &list, &n));
	for (size_t i = 0; i < n; i++) {
		struct buf b = { 0 };

		talk_put_mailbox_rename(
			&b, &(struct talk_mailbox_rename){
				    .account = s->account, .mailbox = list[i].id, .name = list[i].to });
		TRY(ask_done(s, a, TALK_ASK_mailbox_rename, &b));
	}
	return OK;
}

enum fault
imap_cmd_subscribe(
	struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	bool yes = c->verb == IMAP_SUBSCRIBE;
	struct store_mailbox m;
	struct buf b = { 0 };
	enum fault f;

	ret->text = yes ? S("Subscribed") : S("Unsubscribed");
	TRY(imap_catch_up(s));
	f = imap_find_mailbox(s, without_end(c->two.first), &m);
	if (f == NOT_FOUND)
		return yes ? NO_SUCH_MAILBOX : OK;
	TRY(f);
	talk_put_mailbox_subscribe(&b, &(struct talk_mailbox_subscribe){
					       .account = s->account, .mailbox = m.id, .subscribed = yes });
	return ask_done(s, a, TALK_ASK_mailbox_subscribe, &b);
}
