/* roles/imap/fetch.c - FETCH: RFC 3501 6.4.5, RFC 7162, 8474, 8514, 8970
 * Messages are looked at in batches, each in one snapshot; what is sent is made after it has ended. */
#include "roles/imap/imap.h"

#include "base/mem.h"
#include "wire/imap_email.h"

struct batch {
	struct imap_message m[IMAP_BATCH];
	size_t n;
};

/* What a list of items asks of us. */
struct needs {
	bool row, seen, modseq, flags;
};

static struct needs
needs_of(const struct imap_fetch *f)
{
	struct needs n = { .modseq = f->has_changed_since };

	for (size_t i = 0; i < f->item_n; i++) {
		const struct imap_fetch_item *it = &f->items[i];

		switch (it->item) {
		case IMAP_ITEM_FLAGS: n.flags = true; break;
		case IMAP_ITEM_UID:
		case IMAP_ITEM_INTERNALDATE:
		case IMAP_ITEM_SIZE:
		case IMAP_ITEM_SAVEDATE:
		case IMAP_ITEM_EMAILID: break;
		case IMAP_ITEM_MODSEQ: n.modseq = true; break;
		case IMAP_ITEM_SECTION:
		case IMAP_ITEM_RFC822:
		case IMAP_ITEM_RFC822_TEXT:
			n.row = true;
			n.seen |= !it->peek;
			break;
		default: n.row = true;
		}
	}
	return n;
}

static enum fault
load_email(struct imap_session *s, struct store_view *v, struct arena *a, struct imap_message *m)
{
	TRY(view_email(v, s->account, m->entry.email, &m->email));
	store_email_keep(a, &m->email);
	return OK;
}

/* The next messages of the ranges, from *from on. */
static enum fault
read_batch(struct imap_session *s, struct arena *a, const struct imap_range *r, size_t n, size_t *at,
	uint32_t *from, const struct imap_fetch *f, bool row, struct batch *b)
{
	struct store_view *v;
	enum fault fault = OK;

	b->n = 0;
	TRY(store_view_begin(s->imap->reading.reader, &v));
	while (*at < n && b->n < IMAP_BATCH && fault == OK) {
		struct imap_message *m = &b->m[b->n];
		size_t got = 0;

		*from = MAX(*from, r[*at].first);
		*m = (struct imap_message){ 0 };
		fault = view_entries(v, s->account, s->box->mailbox, *from, &m->entry, 1, &got);
		if (fault != OK)
			break;
		if (got == 0 || m->entry.uid > r[*at].last) {
			++*at;
			continue;
		}
		*from = m->entry.uid + 1;
		if (*from == 0)
			*at = n;
		if (!imap_box_number(s->box, m->entry.uid) ||
			(f->has_changed_since && m->entry.modseq <= f->changed_since))
			continue;
		imap_learn_keywords(s, v, m->entry.keywords);
		if (row)
			fault = load_email(s, v, a, m);
		b->n++;
	}
	store_view_end(v);
	return fault;
}

/* ---- \Seen ---- */

/* Those of the batch that are not yet, in one request; the answer shows them seen. */
static enum fault
mark_seen(struct imap_session *s, struct arena *a, struct batch *b)
{
	struct imap_range *r = ARENA_ARRAY(a, b->n, struct imap_range);
	struct imap_flags seen = { .bits = IMAP_SEEN };
	struct buf modified = { 0 };
	size_t n = 0;
	enum fault f;

	for (size_t i = 0; i < b->n; i++)
		if (!(b->m[i].entry.flags & FLAG_SEEN))
			r[n++] = (struct imap_range){ b->m[i].entry.uid, b->m[i].entry.uid };
	if (n == 0)
		return OK;
	f = imap_change_flags(s, a, r, n, IMAP_CHANGE_ADD, &seen, UINT64_MAX, &modified);
	s->box->silent = 0; /* the client hears of it */
	buf_done(&modified);
	return f;
}

/* ---- one message ---- */

static void
add_preview(struct imap_session *s, const struct imap_message *m)
{
	if (m->row.preview.n)
		imap_string_add(&s->stream.out, m->row.preview, IMAP_MODE_UTF8 | s->mode);
	else
		buf_add(&s->stream.out, S("\"\""));
}

/* IMAP4rev1's spellings. */
static enum fault
send_rfc822(
	struct imap_session *s, struct arena *a, struct imap_message *m, const struct imap_fetch_item *item)
{
	struct imap_fetch_item as = *item;

	as.section.text = item->item == IMAP_ITEM_RFC822_HEADER ? IMAP_TEXT_HEADER
			  : item->item == IMAP_ITEM_RFC822_TEXT ? IMAP_TEXT_TEXT
								: IMAP_TEXT_ALL;
	return imap_section_send(s, a, &m->entry, &m->email, &m->row, &as);
}

static enum fault
add_item(struct imap_session *s, struct arena *a, struct imap_message *m, const struct imap_fetch_item *item)
{
	struct buf *out = &s->stream.out;

	switch (item->item) {
	case IMAP_ITEM_FLAGS:
		buf_add(out, S("FLAGS "));
		imap_entry_flags_add(s, &m->entry);
		break;
	case IMAP_ITEM_UID: buf_printf(out, "UID %u", m->entry.uid); break;
	case IMAP_ITEM_INTERNALDATE:
		buf_add(out, S("INTERNALDATE "));
		imap_date_time_add(out, m->entry.received_ms);
		break;
	case IMAP_ITEM_SIZE: buf_printf(out, "RFC822.SIZE %llu", (unsigned long long)m->entry.size); break;
	case IMAP_ITEM_MODSEQ: buf_printf(out, "MODSEQ (%llu)", (unsigned long long)m->entry.modseq); break;
	case IMAP_ITEM_SAVEDATE:
		buf_add(out, S("SAVEDATE "));
		imap_date_time_add(out, m->entry.saved_ms);
		break;
	case IMAP_ITEM_EMAILID: buf_printf(out, "EMAILID (M%llu)", (unsigned long long)m->entry.email); break;
	case IMAP_ITEM_THREADID:
		buf_printf(out, "THREADID (T%llu)", (unsigned long long)m->email.thread);
		break;
	case IMAP_ITEM_ENVELOPE:
		buf_add(out, S("ENVELOPE "));
		imap_envelope_add(out, &m->row.envelope, s->mode);
		break;
	case IMAP_ITEM_BODYSTRUCTURE:
		buf_add(out, S("BODYSTRUCTURE "));
		imap_structure_add(out, &m->row, true, s->mode);
		break;
	case IMAP_ITEM_BODY:
		buf_add(out, S("BODY "));
		imap_structure_add(out, &m->row, false, s->mode);
		break;
	case IMAP_ITEM_PREVIEW:
		buf_add(out, S("PREVIEW "));
		add_preview(s, m);
		break;
	case IMAP_ITEM_SECTION: return imap_section_send(s, a, &m->entry, &m->email, &m->row, item);
	case IMAP_ITEM_RFC822:
	case IMAP_ITEM_RFC822_HEADER:
	case IMAP_ITEM_RFC822_TEXT: return send_rfc822(s, a, m, item);
	case IMAP_ITEM_BINARY:
	case IMAP_ITEM_BINARY_SIZE: return BAD_PARAMETER;
	}
	return OK;
}

/* In the order asked, UID first: some clients rely on it. */
static enum fault
send_message(struct imap_session *s, struct arena *a, const struct imap_command *c, const struct needs *needs,
	struct imap_message *m)
{
	const struct imap_fetch *f = &c->fetch;
	struct buf *out = &s->stream.out;
	bool said_uid = false, said_modseq = false, said_flags = false;

	if (needs->row)
		TRY(email_row_read(a, m->email.row, &m->row) == OK ? OK : STORE_CORRUPT);
	buf_printf(out, "* %u FETCH (", imap_box_number(s->box, m->entry.uid));
	if (c->uid)
		buf_printf(out, "UID %u", m->entry.uid);
	said_uid = c->uid;
	for (size_t i = 0; i < f->item_n; i++) {
		enum imap_item item = f->items[i].item;

		if (item == IMAP_ITEM_UID && said_uid)
			continue;
		if (said_uid || i > 0)
			buf_add_char(out, ' ');
		said_uid |= item == IMAP_ITEM_UID;
		said_modseq |= item == IMAP_ITEM_MODSEQ;
		said_flags |= item == IMAP_ITEM_FLAGS;
		TRY(add_item(s, a, m, &f->items[i]));
	}
	if (needs->modseq && !said_modseq)
		buf_printf(out, " MODSEQ (%llu)", (unsigned long long)m->entry.modseq);
	buf_add(out, S(")\r\n"));
	s->fetched++;
	(void)said_flags;
	return imap_relieve(s);
}

static bool
is_supported(const struct imap_fetch *f)
{
	if (f->vanished || f->partial.given)
		return false;
	for (size_t i = 0; i < f->item_n; i++)
		if (f->items[i].item == IMAP_ITEM_BINARY || f->items[i].item == IMAP_ITEM_BINARY_SIZE)
			return false;
	return true;
}

static enum fault
send_batch(struct imap_session *s, struct arena *a, const struct imap_command *c, const struct needs *needs,
	struct batch *b)
{
	if (needs->seen && !s->box->read_only)
		TRY(mark_seen(s, a, b));
	for (size_t i = 0; i < b->n; i++) {
		if (needs->seen && !s->box->read_only)
			b->m[i].entry.flags |= FLAG_SEEN;
		TRY(send_message(s, a, c, needs, &b->m[i]));
	}
	return OK;
}

enum fault
imap_cmd_fetch(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	struct needs needs = needs_of(&c->fetch);
	struct batch *b = ARENA_NEW(a, struct batch);
	struct imap_range *r;
	size_t n, at = 0;
	uint32_t from = 1;

	ret->text = S("Fetched");
	if (!is_supported(&c->fetch) || c->fetch.set.saved)
		return BAD_PARAMETER;
	s->condstore |= needs.modseq;
	TRY(imap_box_set(s->box, a, &c->fetch.set, c->uid, &r, &n));
	do {
		struct arena scratch = { 0 };
		enum fault f = read_batch(s, &scratch, r, n, &at, &from, &c->fetch, needs.row, b);

		if (f == OK)
			f = send_batch(s, &scratch, c, &needs, b);
		arena_done(&scratch);
		TRY(f);
		if (at < n)
			TRY(fiber_yield(s->imap->role->loop));
	} while (at < n);
	return OK;
}
