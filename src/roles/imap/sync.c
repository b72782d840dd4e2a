/* roles/imap/sync.c - what others changed in the selected mailbox, told to the client */
#include "roles/imap/imap.h"

#include "base/mem.h"

#include <stdlib.h>

/* What is to be told, gathered in one snapshot and said outside of it. */
struct changes {
	struct arena arena;
	uint32_t *gone; /* message numbers, descending */
	size_t gone_n;
	struct store_entry *changed; /* known ones */
	size_t changed_n;
	uint32_t *came;
	size_t came_n;
	uint64_t upto;
};

void
imap_learn_keywords(struct imap_session *s, struct store_view *v, uint64_t bits)
{
	for (unsigned i = 0; i < STORE_KEYWORDS && bits >> i; i++) {
		str name;

		if (bits >> i & 1 && !s->keywords[i] && view_keyword(v, s->account, i, &name) == OK)
			s->keywords[i] = strndup(name.p, name.n);
	}
}

void
imap_entry_flags_add(struct imap_session *s, const struct store_entry *e)
{
	str names[STORE_KEYWORDS];
	struct imap_flags flags = { .bits = e->flags, .keywords = names };

	for (unsigned i = 0; i < STORE_KEYWORDS; i++)
		if (e->keywords >> i & 1 && s->keywords[i])
			names[flags.keyword_count++] = str_c(s->keywords[i]);
	imap_flags_add(&s->stream.out, &flags);
}

static enum fault
ask_keyword(struct imap_session *s, str name, unsigned *ret_bit)
{
	struct talk_keyword_put ask = { .account = s->account, .name = name };
	struct talk_keyword_told told;
	struct arena a = { 0 };
	struct buf b = { 0 };
	str answer;
	enum fault f;

	talk_put_keyword_put(&b, &ask);
	f = imap_ask(s, TALK_ASK_keyword_put, &b, &a, &answer);
	if (f == OK)
		f = talk_read_keyword_told(answer, &told) ? told.fault : INTERNAL;
	if (f == OK) {
		*ret_bit = told.bit % STORE_KEYWORDS;
		s->wrote = true;
		if (!s->keywords[*ret_bit])
			s->keywords[*ret_bit] = strndup(name.p, name.n);
	}
	buf_done(&b);
	arena_done(&a);
	return f;
}

enum fault
imap_keyword_bits(struct imap_session *s, const struct imap_flags *flags, bool make, uint64_t *ret_bits)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < flags->keyword_count; i++) {
		unsigned bit = 0;

		while (bit < STORE_KEYWORDS &&
			!(s->keywords[bit] && str_eq_nocase(str_c(s->keywords[bit]), flags->keywords[i])))
			bit++;
		if (bit == STORE_KEYWORDS && !make)
			continue;
		if (bit == STORE_KEYWORDS)
			TRY(ask_keyword(s, flags->keywords[i], &bit));
		bits |= (uint64_t)1 << bit;
	}
	*ret_bits = bits;
	return OK;
}

/* ---- gathering ---- */

static bool
is_in(const struct uid_range *r, size_t n, uint32_t uid)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r[middle].last < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && r[low].first <= uid;
}

/* Known ones that a list names (or, with `absent`, does not name), from the end. */
static void
gather_gone(struct imap_box *b, struct changes *c, const struct uid_range *r, size_t n, bool absent)
{
	c->gone = ARENA_ARRAY(&c->arena, b->n, uint32_t);
	for (uint32_t i = b->n; i > 0; i--)
		if (is_in(r, n, b->uids[i - 1]) != absent)
			c->gone[c->gone_n++] = i;
}

static enum fault
gather_entries(struct imap_session *s, struct store_view *v, struct changes *c, struct uid_range r)
{
	struct imap_box *b = s->box;
	uint32_t last = b->n ? b->uids[b->n - 1] : 0, from = r.first;
	size_t room = (size_t)r.last - r.first + 1, n = 1;
	struct store_entry e;

	(void)room;
	while (n && from && from <= r.last) {
		TRY(view_entries(v, s->account, b->mailbox, from, &e, 1, &n));
		if (n == 0 || e.uid > r.last)
			return OK;
		from = e.uid + 1;
		imap_learn_keywords(s, v, e.keywords);
		if (e.uid > last)
			c->came[c->came_n++] = e.uid;
		else if (e.modseq > b->modseq && e.modseq != b->silent && imap_box_number(b, e.uid))
			c->changed[c->changed_n++] = e;
	}
	return OK;
}

static enum fault
gather(struct imap_session *s, struct store_view *v, bool may_expunge, struct changes *c)
{
	struct imap_box *b = s->box;
	struct store_mailbox m;
	struct store_changes ch;
	uint64_t since = may_expunge ? b->gone : b->modseq;
	size_t most = 0;
	enum fault f = view_mailbox(v, s->account, b->mailbox, &m);

	if (f != OK)
		return f;
	c->upto = m.modseq;
	if (m.modseq == b->modseq && (!may_expunge || b->gone == b->modseq))
		return OK;
	TRY(view_changes(v, &c->arena, s->account, b->mailbox, since, &ch));
	for (size_t i = 0; i < ch.changed_n; i++)
		most += MIN((size_t)ch.changed[i].last - ch.changed[i].first + 1, (size_t)m.exists);
	most = MIN(most, (size_t)m.exists);
	c->changed = ARENA_ARRAY(&c->arena, most, struct store_entry);
	c->came = ARENA_ARRAY(&c->arena, most, uint32_t);
	if (may_expunge && ch.exact)
		gather_gone(b, c, ch.vanished, ch.vanished_n, false);
	for (size_t i = 0; i < ch.changed_n; i++)
		TRY(gather_entries(s, v, c, ch.changed[i]));
	if (may_expunge && !ch.exact) { /* too long ago: whoever is not there any more */
		TRY(view_changes(v, &c->arena, s->account, b->mailbox, 0, &ch));
		gather_gone(b, c, ch.changed, ch.changed_n, true);
	}
	return OK;
}

/* ---- telling ---- */

static void
remove_number(struct imap_box *b, uint32_t number)
{
	memmove(b->uids + number - 1, b->uids + number, (b->n - number) * sizeof(*b->uids));
	b->n--;
}

static void
tell_flags(struct imap_session *s, const struct store_entry *e)
{
	struct buf *out = &s->stream.out;

	buf_printf(out, "* %u FETCH (UID %u FLAGS ", imap_box_number(s->box, e->uid), e->uid);
	imap_entry_flags_add(s, e);
	if (s->condstore)
		buf_printf(out, " MODSEQ (%llu)", (unsigned long long)e->modseq);
	buf_add(out, S(")\r\n"));
}

static void
tell(struct imap_session *s, const struct changes *c, bool may_expunge)
{
	struct imap_box *b = s->box;
	struct buf *out = &s->stream.out;

	for (size_t i = 0; i < c->gone_n; i++) {
		buf_printf(out, "* %u EXPUNGE\r\n", c->gone[i]);
		remove_number(b, c->gone[i]);
	}
	if (c->came_n) {
		b->uids = mem_grow(b->uids, (b->n + c->came_n) * sizeof(*b->uids));
		b->room = b->n + (uint32_t)c->came_n;
		for (size_t i = 0; i < c->came_n; i++)
			b->uids[b->n++] = c->came[i];
		buf_printf(out, "* %u EXISTS\r\n", b->n);
	}
	for (size_t i = 0; i < c->changed_n; i++)
		if (imap_box_number(b, c->changed[i].uid))
			tell_flags(s, &c->changed[i]);
	b->modseq = c->upto;
	if (may_expunge)
		b->gone = c->upto;
	b->silent = 0;
}

enum fault
imap_sync(struct imap_session *s, bool may_expunge)
{
	struct changes c = { 0 };
	struct store_view *v;
	enum fault f;

	if (!s->box)
		return OK;
	s->news = false;
	if (s->wrote)
		TRY(imap_catch_up(s));
	TRY(store_view_begin(s->imap->reading.reader, &v));
	f = gather(s, v, may_expunge, &c);
	store_view_end(v);
	if (f == OK)
		tell(s, &c, may_expunge);
	arena_done(&c.arena);
	return f;
}
