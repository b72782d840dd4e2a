#include "store/embedded/choice.h"

#include "base/mem.h"

bool
uids_are_good(const struct uid_range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].first == 0 || r[i].first > r[i].last || (i && r[i].first <= r[i - 1].last))
			return false;
	return true;
}

struct choice *
choice_new(struct store *s, uint32_t account, uint32_t mailbox, const struct uid_range *uids, size_t n)
{
	struct choice *c = ARENA_NEW(&s->arena, struct choice);

	*c = (struct choice){
		.s = s, .account = account, .mailbox = mailbox, .uids = uids, .n = n, .next = 1
	};
	return c;
}

enum fault
choice_next(struct choice *c, struct store_entry *ret)
{
	for (;;) {
		while (c->at < c->n &&
			c->uids[c->at].last < c->next) /* next is 0 behind the last uid there can be */
			c->at++;
		if (c->at == c->n || c->next == 0)
			return NOT_FOUND;
		c->next = MAX(c->next, c->uids[c->at].first);
		while (c->used < c->have && c->room[c->used].uid < c->next)
			c->used++;
		if (c->used == c->have) {
			c->used = 0;
			TRY(view_entries(store_now(c->s), c->account, c->mailbox, c->next, c->room,
				COUNT(c->room), &c->have));
			if (c->have == 0)
				return NOT_FOUND;
		}
		c->next = c->room[c->used].uid;
		while (c->at < c->n && c->uids[c->at].last < c->next)
			c->at++;
		if (c->at == c->n)
			return NOT_FOUND;
		if (c->uids[c->at].first > c->next)
			continue;
		*ret = c->room[c->used++];
		c->next++;
		return OK;
	}
}

void
uid_list_add(struct uid_list *l, uint32_t uid)
{
	if (l->n && l->p[l->n - 1].last == uid - 1) {
		l->p[l->n - 1].last = uid;
		return;
	}
	if (l->n == l->room) {
		l->room = MAX(l->room * 2, 64);
		l->p = mem_grow(l->p, l->room * sizeof(*l->p));
	}
	l->p[l->n++] = (struct uid_range){ uid, uid };
}
