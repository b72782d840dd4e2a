/* wire/imap_notify.c - the arguments of NOTIFY: RFC 5465 */
#include "wire/imap_lex.h"

#include "base/mem.h"

enum {
	MESSAGE_EVENTS = IMAP_EVENT_MESSAGE_NEW | IMAP_EVENT_MESSAGE_EXPUNGE | IMAP_EVENT_FLAG_CHANGE |
			 IMAP_EVENT_ANNOTATION_CHANGE
};

static bool
take_event(struct imap_in *in, struct imap_event_group *g)
{
	static const struct {
		str word;
		unsigned bit;
	} words[] = {
		{ SC("MessageNew"), IMAP_EVENT_MESSAGE_NEW },
		{ SC("MessageExpunge"), IMAP_EVENT_MESSAGE_EXPUNGE },
		{ SC("FlagChange"), IMAP_EVENT_FLAG_CHANGE },
		{ SC("AnnotationChange"), IMAP_EVENT_ANNOTATION_CHANGE },
		{ SC("MailboxName"), IMAP_EVENT_MAILBOX_NAME },
		{ SC("SubscriptionChange"), IMAP_EVENT_SUBSCRIPTION_CHANGE },
		{ SC("MailboxMetadataChange"), IMAP_EVENT_MAILBOX_METADATA_CHANGE },
		{ SC("ServerMetadataChange"), IMAP_EVENT_SERVER_METADATA_CHANGE },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		struct imap_in at;

		if (!imap_take_word_of(in, words[i].word))
			continue;
		g->events |= words[i].bit;
		at = *in;
		if (words[i].bit == IMAP_EVENT_MESSAGE_NEW && imap_take_space(&at) &&
			str_starts(at.rest, S("("))) {
			*in = at;
			return imap_read_items(in, &g->items, &g->item_n);
		}
		return true;
	}
	return false;
}

/* 5: of messages, new and expunged come together; changes of flags want both; the items belong to the selected mailbox. */
static bool
is_good(const struct imap_event_group *g)
{
	unsigned both = IMAP_EVENT_MESSAGE_NEW | IMAP_EVENT_MESSAGE_EXPUNGE;
	bool selected = g->source.where == IMAP_SELECTED || g->source.where == IMAP_SELECTED_DELAYED;

	if ((g->events & both) != 0 && (g->events & both) != both)
		return false;
	if ((g->events & (IMAP_EVENT_FLAG_CHANGE | IMAP_EVENT_ANNOTATION_CHANGE)) &&
		(g->events & both) != both)
		return false;
	return selected ? (g->events & ~(unsigned)MESSAGE_EVENTS) == 0 : g->item_n == 0;
}

/* "(SELECTED (MessageNew (FLAGS) MessageExpunge))" */
static bool
take_group(struct imap_in *in, struct imap_event_group *g)
{
	if (!imap_take_char(in, '(') || !imap_take_source(in, &g->source) || !imap_take_space(in))
		return false;
	if (imap_take_word_of(in, S("NONE"))) {
		g->no_events = true;
		return imap_take_char(in, ')');
	}
	if (!imap_take_char(in, '('))
		return false;
	do {
		if (!take_event(in, g))
			return false;
	} while (imap_take_space(in));
	return imap_take_char(in, ')') && imap_take_char(in, ')') && is_good(g);
}

bool
imap_read_notify(struct imap_in *in, struct imap_command *c)
{
	struct imap_notify *n = &c->notify;
	struct imap_many groups = { 0 };

	if (imap_take_word_of(in, S("NONE"))) {
		n->none = true;
		return true;
	}
	if (!imap_take_word_of(in, S("SET")) || !imap_take_space(in))
		return false;
	if (imap_take_word_of(in, S("STATUS"))) {
		n->status = true;
		if (!imap_take_space(in))
			return false;
	}
	do {
		struct imap_event_group *g = imap_many_add(in->a, &groups, sizeof(*g), IMAP_ITEMS);

		if (!g || !take_group(in, g))
			return false;
	} while (imap_take_space(in));
	n->groups = groups.items;
	n->n = groups.n;
	return true;
}
