/* base/list.h - doubly linked lists whose links are in their members
 * A list is a struct link that points to itself when empty. No allocation, never waits. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/mem.h"

#include <stdbool.h>

struct link {
	struct link *next, *prev; /* both NULL: in no list */
};

static inline void
list_init(struct link *list)
{
	list->next = list->prev = list;
}

static inline bool
list_empty(const struct link *list)
{
	return list->next == list;
}

static inline void
list_add_before(struct link *at, struct link *l)
{
	l->next = at;
	l->prev = at->prev;
	at->prev->next = l;
	at->prev = l;
}

static inline void
list_append(struct link *list, struct link *l)
{
	list_add_before(list, l);
}

static inline void
list_prepend(struct link *list, struct link *l)
{
	list_add_before(list->next, l);
}

/* Calm when l is in no list. */
static inline void
list_remove(struct link *l)
{
	if (!l->next)
		return;
	l->next->prev = l->prev;
	l->prev->next = l->next;
	l->next = l->prev = NULL;
}

static inline struct link *
list_take_first(struct link *list)
{
	struct link *first = list->next;

	if (first == list)
		return NULL;
	list_remove(first);
	return first;
}

/* The member may be removed while it is visited. */
#define LIST_EACH(list, l)                                                                                   \
	for (struct link *l = (list)->next, *l##_next = l->next; l != (list);                                \
		l = l##_next, l##_next = l->next)

#endif
