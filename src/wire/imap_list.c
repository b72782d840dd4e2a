/* wire/imap_list.c - the arguments of LIST, LSUB, STATUS and SELECT */
#include "wire/imap_lex.h"

#include "base/mem.h"

/* ---- STATUS ---- */

static bool
take_status_items(struct imap_in *in, unsigned *ret)
{
	static const struct {
		str word;
		unsigned bit;
	} words[] = {
		{ SC("MESSAGES"), IMAP_STATUS_MESSAGES }, { SC("RECENT"), IMAP_STATUS_RECENT },
		{ SC("UIDNEXT"), IMAP_STATUS_UIDNEXT }, { SC("UIDVALIDITY"), IMAP_STATUS_UIDVALIDITY },
		{ SC("UNSEEN"), IMAP_STATUS_UNSEEN },
		{ SC("DELETED-STORAGE"), IMAP_STATUS_DELETED_STORAGE },                   /* RFC 9208 */
		{ SC("DELETED"), IMAP_STATUS_DELETED }, { SC("SIZE"), IMAP_STATUS_SIZE }, /* RFC 8438 */
		{ SC("HIGHESTMODSEQ"), IMAP_STATUS_HIGHESTMODSEQ },                       /* RFC 7162 */
		{ SC("MAILBOXID"), IMAP_STATUS_MAILBOXID },                               /* RFC 8474 */
		{ SC("APPENDLIMIT"), IMAP_STATUS_APPENDLIMIT },                           /* RFC 7889 */
	};
	unsigned items = 0;

	if (!imap_take_char(in, '('))
		return false;
	(void)imap_take_space(in);
	while (!imap_take_char(in, ')')) {
		size_t i = 0;

		while (i < COUNT(words) && !imap_take_word_of(in, words[i].word))
			i++;
		if (i == COUNT(words))
			return false;
		items |= words[i].bit;
		(void)imap_take_space(in);
	}
	*ret = items;
	return items != 0;
}

bool
imap_read_status(struct imap_in *in, struct imap_command *c)
{
	return imap_take_mailbox(in, &c->status.mailbox) && imap_take_space(in) &&
	       take_status_items(in, &c->status.items);
}

/* ---- LIST: RFC 5258 ---- */

static bool
take_option(struct imap_in *in, unsigned *ret)
{
	static const struct {
		str word;
		unsigned bit;
	} words[] = {
		{ SC("SUBSCRIBED"), IMAP_LIST_SUBSCRIBED }, { SC("REMOTE"), IMAP_LIST_REMOTE },
		{ SC("RECURSIVEMATCH"), IMAP_LIST_RECURSIVE },
		{ SC("SPECIAL-USE"), IMAP_LIST_SPECIAL_USE },                               /* RFC 6154 */
		{ SC("CHILDREN"), IMAP_LIST_CHILDREN }, { SC("STATUS"), IMAP_LIST_STATUS }, /* RFC 5819 */
		{ SC("MYRIGHTS"), IMAP_LIST_MYRIGHTS },                                     /* RFC 8440 */
		{ SC("METADATA"), IMAP_LIST_METADATA },                                     /* RFC 9590 */
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (imap_take_word_of(in, words[i].word)) {
			*ret = words[i].bit;
			return true;
		}
	return false;
}

static bool
take_entries(struct imap_in *in, struct imap_list *l)
{
	struct imap_many entries = { 0 };

	if (!imap_take_space(in) || !imap_take_char(in, '('))
		return false;
	do {
		str *entry = imap_many_add(in->a, &entries, sizeof(*entry), IMAP_ITEMS);

		if (!entry || !imap_take_astring(in, entry))
			return false;
	} while (imap_take_space(in));
	l->entries = entries.items;
	l->entry_n = entries.n;
	return imap_take_char(in, ')');
}

static bool
take_select_options(struct imap_in *in, struct imap_list *l)
{
	unsigned bit;

	if (!imap_take_char(in, '('))
		return true;
	l->extended = true;
	while (!imap_take_char(in, ')')) {
		if (!take_option(in, &bit) || bit > IMAP_LIST_SPECIAL_USE)
			return false;
		l->select |= bit;
		(void)imap_take_space(in);
	}
	/* RFC 5258 3: RECURSIVEMATCH needs something to match. */
	if ((l->select & IMAP_LIST_RECURSIVE) &&
		!(l->select & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_SPECIAL_USE)))
		return false;
	return imap_take_space(in);
}

static bool
take_return_options(struct imap_in *in, struct imap_list *l)
{
	unsigned bit;

	if (!imap_take_space(in) || in->rest.n == 0)
		return true;
	l->extended = true;
	if (!imap_take_word_of(in, S("RETURN")) || !imap_take_space(in) || !imap_take_char(in, '('))
		return false;
	while (!imap_take_char(in, ')')) {
		if (!take_option(in, &bit) || bit == IMAP_LIST_REMOTE || bit == IMAP_LIST_RECURSIVE)
			return false;
		l->wanted |= bit;
		if (bit == IMAP_LIST_STATUS && !(imap_take_space(in) && take_status_items(in, &l->status)))
			return false;
		if (bit == IMAP_LIST_METADATA && !take_entries(in, l))
			return false;
		(void)imap_take_space(in);
	}
	return true;
}

static bool
take_patterns(struct imap_in *in, struct imap_list *l)
{
	struct imap_many patterns = { 0 };
	bool list = imap_take_char(in, '(');

	l->extended |= list;
	do {
		str *p = imap_many_add(in->a, &patterns, sizeof(*p), IMAP_ITEMS);

		if (!p || !imap_take_pattern(in, p))
			return false;
	} while (list && imap_take_space(in));
	l->patterns = patterns.items;
	l->pattern_n = patterns.n;
	return !list || imap_take_char(in, ')');
}

bool
imap_read_list(struct imap_in *in, struct imap_command *c)
{
	struct imap_list *l = &c->list;

	return take_select_options(in, l) && imap_take_mailbox(in, &l->reference) && imap_take_space(in) &&
	       take_patterns(in, l) && take_return_options(in, l);
}

bool
imap_read_lsub(struct imap_in *in, struct imap_command *c)
{
	struct imap_list *l = &c->list;
	struct imap_many patterns = { 0 };
	str *p = imap_many_add(in->a, &patterns, sizeof(*p), 1);

	l->patterns = p;
	l->pattern_n = 1;
	return imap_take_mailbox(in, &l->reference) && imap_take_space(in) && imap_take_pattern(in, p);
}

/* ---- SELECT, EXAMINE: RFC 7162 3.1.8, 3.2.5 ---- */

/* QRESYNC (uidvalidity modseq [known uids] [(message numbers  their uids)]) */
static bool
take_qresync(struct imap_in *in, struct imap_select *s)
{
	if (!imap_take_space(in) || !imap_take_char(in, '(') || !imap_take_u32(in, 1, &s->uidvalidity) ||
		!imap_take_space(in) || !imap_take_number(in, INT64_MAX, &s->modseq))
		return false;
	if (imap_take_char(in, ')'))
		return true;
	if (!imap_take_space(in))
		return false;
	if (!str_starts(in->rest, S("(")) && !(imap_take_set(in, &s->known_uids) && !s->known_uids.saved))
		return false;
	(void)imap_take_space(in);
	if (imap_take_char(in, '(') && !(imap_take_set(in, &s->match_sequences) && imap_take_space(in) &&
					       imap_take_set(in, &s->match_uids) && imap_take_char(in, ')')))
		return false;
	return imap_take_char(in, ')');
}

bool
imap_read_select(struct imap_in *in, struct imap_command *c)
{
	struct imap_select *s = &c->select;

	if (!imap_take_mailbox(in, &s->mailbox))
		return false;
	if (!imap_take_space(in) || !imap_take_char(in, '('))
		return true;
	do {
		if (imap_take_word_of(in, S("CONDSTORE")))
			s->condstore = true;
		else if (imap_take_word_of(in, S("QRESYNC")) && take_qresync(in, s))
			s->condstore = s->qresync = true;
		else
			return false;
	} while (imap_take_space(in));
	return imap_take_char(in, ')');
}
