/* roles/imap/list.c - LIST, LSUB, XLIST: RFC 3501 6.3.8-9, RFC 5258, 5819, 6154
 * Names are flat in the store; levels that no mailbox has are made up here, so that every name is reachable with "%". */
#include "roles/imap/imap.h"

#include "base/mem.h"

#include <stdlib.h>

struct node {
	str name;
	bool exists, subscribed, has_children;
	bool subscribed_below; /* some mailbox below is subscribed */
	bool special_below;
	struct store_mailbox mailbox;
};
struct tree {
	struct node *nodes;
	size_t n, room;
};

static int
by_name(const void *x, const void *y)
{
	const struct node *a = x, *b = y;

	/* "/" sorts before everything, so that what is below a mailbox follows it */
	for (size_t i = 0; i < a->name.n && i < b->name.n; i++) {
		unsigned char p = (unsigned char)a->name.p[i], q = (unsigned char)b->name.p[i];

		if (p != q)
			return p == '/' ? -1 : q == '/' ? 1 : p < q ? -1 : 1;
	}
	return a->name.n < b->name.n ? -1 : a->name.n > b->name.n;
}

static struct node *
add(struct arena *a, struct tree *t, str name)
{
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct node *nodes = ARENA_ARRAY(a, room, struct node);

		if (t->n)
			memcpy(nodes, t->nodes, t->n * sizeof(*nodes));
		t->nodes = nodes;
		t->room = room;
	}
	t->nodes[t->n] = (struct node){ .name = name };
	return &t->nodes[t->n++];
}

static enum fault
read_mailboxes(struct imap_session *s, struct arena *a, struct tree *t)
{
	struct store_mailbox m;
	struct store_view *v;

	TRY(store_view_begin(s->imap->reading.reader, &v));
	for (uint32_t at = 0; view_next_mailbox(v, s->account, &at, &m) == OK;) {
		struct node *n = add(a, t, arena_str(a, m.name));

		m.name = n->name;
		n->exists = true;
		n->subscribed = m.subscribed;
		n->mailbox = m;
	}
	store_view_end(v);
	return OK;
}

/* The levels that are missing, and what each knows of those below it. Sorted before and after. */
static void
complete(struct arena *a, struct tree *t)
{
	size_t n = t->n;

	qsort(t->nodes, n, sizeof(*t->nodes), by_name);
	for (size_t i = 0; i < n; i++) {
		str name = t->nodes[i].name;

		for (size_t end = str_find(name, '/'); end < name.n;
			end += 1 + str_find(str_from(name, end + 1), '/')) {
			struct node key = { .name = str_sub(name, 0, end) };

			/* those made here are at the end, not sorted yet; made twice, they are one below */
			if (!bsearch(&key, t->nodes, n, sizeof(key), by_name))
				(void)add(a, t, key.name);
		}
	}
	qsort(t->nodes, t->n, sizeof(*t->nodes), by_name);
	n = 0;
	for (size_t i = 0; i < t->n; i++)
		if (n == 0 || !str_eq(t->nodes[n - 1].name, t->nodes[i].name))
			t->nodes[n++] = t->nodes[i];
	t->n = n;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && str_starts(t->nodes[k].name, t->nodes[i].name) &&
				       t->nodes[k].name.p[t->nodes[i].name.n] == '/';
			k++) {
			t->nodes[i].has_children = true;
			t->nodes[i].subscribed_below |= t->nodes[k].subscribed;
			t->nodes[i].special_below |=
				t->nodes[k].exists && t->nodes[k].mailbox.role > ROLE_INBOX;
		}
}

/* ---- one answer ---- */

static const char *
use_of(const struct node *n)
{
	static const char *const words[] = { [ROLE_DRAFTS] = "\\Drafts",
		[ROLE_SENT] = "\\Sent",
		[ROLE_TRASH] = "\\Trash",
		[ROLE_JUNK] = "\\Junk",
		[ROLE_ARCHIVE] = "\\Archive" };

	return n->exists && n->mailbox.role < COUNT(words) ? words[n->mailbox.role] : NULL;
}

static void
answer(struct imap_session *s, const struct imap_command *c, const struct node *n, bool by_child)
{
	const struct imap_list *l = &c->list;
	struct buf *out = &s->stream.out;
	bool lsub = c->verb == IMAP_LSUB;

	buf_printf(out, "* %s (", lsub ? "LSUB" : c->verb == IMAP_XLIST ? "XLIST" : "LIST");
	buf_add_c(out, n->has_children ? "\\HasChildren" : "\\HasNoChildren");
	if (!n->exists)
		buf_add_c(out, l->extended ? " \\NonExistent" : " \\Noselect");
	else if (lsub && by_child)
		buf_add_c(out, " \\Noselect");
	if (n->subscribed && (l->select | l->wanted) & IMAP_LIST_SUBSCRIBED)
		buf_add_c(out, " \\Subscribed");
	if (use_of(n))
		buf_printf(out, " %s", use_of(n));
	buf_add(out, S(") \"/\" "));
	imap_name_add(out, n->name, s->mode);
	if (by_child && !lsub)
		buf_add_c(out, l->select & IMAP_LIST_SUBSCRIBED ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))"
								: " (\"CHILDINFO\" (\"SPECIAL-USE\"))");
	buf_add(out, S("\r\n"));
	if (n->exists && l->wanted & IMAP_LIST_STATUS)
		imap_status_add(s, &n->mailbox, l->status);
}

static bool
is_selected(unsigned select, const struct node *n)
{
	if (select & IMAP_LIST_SUBSCRIBED && !n->subscribed)
		return false;
	return !(select & IMAP_LIST_SPECIAL_USE) || use_of(n);
}

static bool
is_selected_below(unsigned select, const struct node *n)
{
	return (select & IMAP_LIST_SUBSCRIBED && n->subscribed_below) ||
	       (select & IMAP_LIST_SPECIAL_USE && n->special_below);
}

static bool
fits(struct arena *a, const struct imap_list *l, str name)
{
	for (size_t i = 0; i < l->pattern_n; i++)
		if (imap_pattern_fits(arena_join(a, l->reference, l->patterns[i]), name, '/'))
			return true;
	return false;
}

enum fault
imap_cmd_list(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	const struct imap_list *l = &c->list;
	bool lsub = c->verb == IMAP_LSUB;
	unsigned select = l->select | (lsub ? IMAP_LIST_SUBSCRIBED : 0);
	struct tree t = { 0 };

	if (l->wanted & (IMAP_LIST_MYRIGHTS | IMAP_LIST_METADATA))
		return BAD_PARAMETER;
	ret->text = S("Listed");
	if (!l->extended && l->pattern_n == 1 && l->patterns[0].n == 0) { /* what is the separator? */
		buf_printf(&s->stream.out, "* %s (\\Noselect) \"/\" \"\"\r\n", lsub ? "LSUB" : "LIST");
		return OK;
	}
	TRY(imap_catch_up(s));
	TRY(read_mailboxes(s, a, &t));
	complete(a, &t);
	for (size_t i = 0; i < t.n; i++) {
		const struct node *n = &t.nodes[i];
		bool selected = is_selected(select, n);
		bool by_child =
			!selected && (lsub || select & IMAP_LIST_RECURSIVE) && is_selected_below(select, n);

		if ((selected || by_child) && fits(a, l, n->name)) {
			answer(s, c, n, by_child);
			TRY(imap_relieve(s));
		}
	}
	return OK;
}
