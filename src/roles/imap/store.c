/* roles/imap/store.c - STORE, EXPUNGE, COPY, MOVE: RFC 3501 6.4.3, 6.4.6-7, RFC 4315, 6851, 7162 */
#include "roles/imap/imap.h"

#include "base/mem.h"

static enum fault
may_write(const struct imap_session *s)
{
	return s->box->read_only ? NOT_PERMITTED : OK;
}

/* "[MODIFIED 7,9]": uids, or message numbers where the command spoke in them. */
static str
tell_modified(struct imap_session *s, struct arena *a, str list, bool uid)
{
	struct imap_set_writer w = { 0 };
	struct buf b = { 0 };
	struct talk_range r;
	str text;

	buf_add(&b, S("MODIFIED "));
	while (list.n && talk_take_range(&list, &r))
		for (uint32_t i = imap_box_lowest(s->box, r.first);
			i < s->box->n && s->box->uids[i] <= r.last; i++)
			imap_set_put(&b, &w, uid ? s->box->uids[i] : i + 1);
	imap_set_end(&b, &w);
	text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

/* With CONDSTORE the new MODSEQ is told even when .SILENT was said: RFC 7162 3.1.3. */
enum fault
imap_cmd_store(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	const struct imap_store *st = &c->store;
	struct buf modified = { 0 };
	struct imap_range *r;
	size_t n;
	enum fault f;

	TRY(may_write(s));
	if (st->set.saved)
		return BAD_PARAMETER;
	s->condstore |= st->has_unchanged_since;
	TRY(imap_box_set(s->box, a, &st->set, c->uid, &r, &n));
	f = imap_change_flags(s, a, r, n, st->change, &st->flags,
		st->has_unchanged_since ? st->unchanged_since : UINT64_MAX, &modified);
	if (!st->silent || s->condstore)
		s->box->silent = 0;
	ret->text = S("Stored");
	if (f == OK && modified.n)
		ret->code = tell_modified(s, a, buf_str(&modified), c->uid);
	buf_done(&modified);
	return f;
}

/* ---- EXPUNGE ---- */

/* Of the uids in the ranges those that are marked, as ranges. */
static enum fault
find_deleted(struct imap_session *s, struct arena *a, const struct imap_range *r, size_t n,
	struct imap_range **ret, size_t *ret_n)
{
	struct imap_range *list = ARENA_ARRAY(a, s->box->n, struct imap_range);
	struct store_view *v;
	size_t kept = 0;
	enum fault f = OK;

	TRY(store_view_begin(s->imap->reading.reader, &v));
	for (size_t i = 0; i < n && f == OK; i++) {
		uint32_t from = r[i].first;
		size_t got = 1;

		while (from && from <= r[i].last) {
			struct store_entry e;

			f = view_entries(v, s->account, s->box->mailbox, from, &e, 1, &got);
			if (f != OK || got == 0 || e.uid > r[i].last)
				break;
			from = e.uid + 1;
			if ((e.flags & FLAG_DELETED) && imap_box_number(s->box, e.uid) && kept < s->box->n)
				list[kept++] = (struct imap_range){ e.uid, e.uid };
		}
	}
	store_view_end(v);
	*ret = list;
	*ret_n = kept;
	return f;
}

enum fault
imap_cmd_expunge(
	struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	static const struct imap_range all = { 1, UINT32_MAX };
	struct imap_range *r = (struct imap_range *)&all, *marked;
	size_t n = 1, marked_n;

	TRY(may_write(s));
	ret->text = S("Expunged");
	if (s->wrote)
		TRY(imap_catch_up(s));
	if (c->verb == IMAP_EXPUNGE && c->uid) {
		if (c->copy.set.saved)
			return BAD_PARAMETER;
		TRY(imap_box_set(s->box, a, &c->copy.set, true, &r, &n));
	}
	TRY(find_deleted(s, a, r, n, &marked, &marked_n));
	return imap_expunge(s, a, marked, marked_n);
}

/* ---- COPY, MOVE ---- */

struct copied {
	struct buf from; /* a list of talk range */
	uint32_t first, count;
};

/* The uids given to one command follow each other unless somebody's delivery came between two requests. */
static enum fault
copy_some(struct imap_session *s, struct arena *a, const struct imap_range *r, size_t n, size_t *at,
	uint32_t to, bool move, struct copied *ret)
{
	struct talk_copy_ask ask = {
		.account = s->account, .mailbox = s->box->mailbox, .to = to, .move = move
	};
	struct talk_copy_told told;
	struct buf ranges = { 0 }, b = { 0 };
	str answer;
	enum fault f;

	imap_put_ranges(&ranges, r, n, at);
	ask.uids = buf_str(&ranges);
	talk_put_copy_ask(&b, &ask);
	f = imap_ask(s, TALK_ASK_copy_ask, &b, a, &answer);
	buf_done(&ranges);
	buf_done(&b);
	TRY(f);
	if (!talk_read_copy_told(answer, &told))
		return INTERNAL;
	TRY(told.fault);
	s->wrote |= told.count > 0;
	ret->first = told.first;
	ret->count = told.count;
	buf_clear(&ret->from);
	buf_add(&ret->from, told.uids);
	return OK;
}

/* "COPYUID validity 1:3 7:9" */
static void
add_copyuid(struct buf *b, uint32_t validity, const struct copied *c)
{
	const char *between = "";
	struct talk_range r;

	buf_printf(b, "COPYUID %u ", validity);
	for (str list = buf_str(&c->from); list.n && talk_take_range(&list, &r); between = ",") {
		buf_add_c(b, between);
		imap_set_add(b, &(struct imap_range){ r.first, r.last }, 1);
	}
	buf_add_char(b, ' ');
	imap_set_add(b, &(struct imap_range){ c->first, c->first + c->count - 1 }, 1);
}

enum fault
imap_cmd_copy(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	bool move = c->verb == IMAP_MOVE;
	struct copied done = { 0 };
	struct store_mailbox to;
	struct buf code = { 0 };
	struct imap_range *r;
	size_t n, at = 0;
	enum fault f;

	if (move)
		TRY(may_write(s));
	if (c->copy.set.saved)
		return BAD_PARAMETER;
	ret->text = move ? S("Moved") : S("Copied");
	TRY(imap_box_set(s->box, a, &c->copy.set, c->uid, &r, &n));
	if (n > IMAP_RANGES) /* it is one or none of it */
		return TOO_BIG;
	TRY(imap_catch_up(s));
	f = imap_find_mailbox(s, c->copy.mailbox, &to);
	if (f == NOT_FOUND) {
		ret->code = S("TRYCREATE");
		return NO_SUCH_MAILBOX;
	}
	if (f == OK && n)
		f = copy_some(s, a, r, n, &at, to.id, move, &done);
	if (f == OK && done.count) {
		add_copyuid(&code, to.uidvalidity, &done);
		if (move) /* before the expunges: RFC 6851 4.3 */
			imap_ok_add(&s->stream.out, S(""), buf_str(&code), S("Moved"));
		else
			ret->code = arena_str(a, buf_str(&code));
	}
	buf_done(&code);
	buf_done(&done.from);
	return f;
}
