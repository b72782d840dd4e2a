#include "roles/imap/imap.h"

#include "base/mem.h"

#include <stdlib.h>

enum { READ = 256 };

static void
add(struct imap_box *b, uint32_t uid)
{
	if (b->n == b->room) {
		b->room = MAX(64u, b->room + b->room / 2);
		b->uids = mem_grow(b->uids, b->room * sizeof(*b->uids));
	}
	b->uids[b->n++] = uid;
}

enum fault
imap_box_read(struct imap_session *s, struct store_view *v, const struct store_mailbox *m)
{
	struct store_entry *batch = mem_new_array(READ, sizeof(*batch));
	struct imap_box *b = NEW(struct imap_box);
	uint32_t from = 1;
	size_t n = 0;
	enum fault f;

	b->session = s;
	b->mailbox = m->id;
	b->uidvalidity = m->uidvalidity;
	b->modseq = b->gone = m->modseq;
	b->room = m->exists;
	b->uids = mem_new_array(MAX(m->exists, 1u), sizeof(*b->uids));
	s->box = b;
	do {
		f = view_entries(v, s->account, m->id, from, batch, READ, &n);
		for (size_t i = 0; f == OK && i < n; i++)
			add(b, batch[i].uid);
		if (f == OK && n)
			from = batch[n - 1].uid + 1;
	} while (f == OK && n && from);
	free(batch);
	return f;
}

void
imap_box_close(struct imap_session *s)
{
	struct imap_box *b = s->box;

	if (!b)
		return;
	notices_unsubscribe(&s->imap->notices, &b->subscription);
	s->box = NULL;
	free(b->uids);
	free(b);
}

uint32_t
imap_box_lowest(const struct imap_box *b, uint32_t uid)
{
	uint32_t low = 0, high = b->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (b->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
imap_box_number(const struct imap_box *b, uint32_t uid)
{
	uint32_t i = imap_box_lowest(b, uid);

	return i < b->n && b->uids[i] == uid ? i + 1 : 0;
}

/* Ranges of message numbers become ranges of uids; what lies between two neighbours does not exist, so a range stays one. */
enum fault
imap_box_set(const struct imap_box *b, struct arena *a, const struct imap_set *set, bool by_uid,
	struct imap_range **ret, size_t *ret_n)
{
	struct imap_range *r;
	size_t n, kept = 0;

	imap_set_resolve(a, set, by_uid ? (b->n ? b->uids[b->n - 1] : 0) : b->n, &r, &n);
	for (size_t i = 0; i < n; i++) {
		uint32_t first = by_uid ? imap_box_lowest(b, r[i].first) : r[i].first - 1;
		uint32_t end = by_uid ? imap_box_lowest(b, r[i].last) : r[i].last - 1; /* index of the last */

		if (!by_uid && r[i].last > b->n)
			return BAD_ARGUMENT;
		if (by_uid && (end == b->n || b->uids[end] > r[i].last)) {
			if (end == 0)
				continue;
			end--;
		}
		if (first >= b->n || end < first)
			continue;
		r[kept++] = (struct imap_range){ b->uids[first], b->uids[end] };
	}
	*ret = r;
	*ret_n = kept;
	return OK;
}
