/* wire/imap_search.c - the arguments of SEARCH, SORT, THREAD and ESEARCH */
#include "wire/imap_lex.h"

#include "base/mem.h"

/* ---- keys: RFC 9051 6.4.4 ---- */

enum argument {
	NO_ARGUMENT,
	FLAG_SET,   /* the row's number is the bit */
	FLAG_UNSET, /* the same, and it must not be set */
	TEXT,
	KEYWORD,
	NOT_KEYWORD,
	FIELD_AND_TEXT,
	SIZE,
	SECONDS,
	DATE,
	ONE_KEY,
	TWO_KEYS,
	UID_SET,
	MOD_SEQUENCE,
	OBJECT_ID
};

/* clang-format off */
static const struct key_word {
	str word;
	enum imap_key key;
	enum argument argument;
	uint64_t number;
} key_words[] = {
	{ SC("ALL"),		IMAP_KEY_ALL,		NO_ARGUMENT,	0 },
	{ SC("ANSWERED"),	IMAP_KEY_FLAG,		FLAG_SET,	IMAP_ANSWERED },
	{ SC("BCC"),		IMAP_KEY_BCC,		TEXT,		0 },
	{ SC("BEFORE"),		IMAP_KEY_BEFORE,	DATE,		0 },
	{ SC("BODY"),		IMAP_KEY_BODY,		TEXT,		0 },
	{ SC("CC"),		IMAP_KEY_CC,		TEXT,		0 },
	{ SC("DELETED"),	IMAP_KEY_FLAG,		FLAG_SET,	IMAP_DELETED },
	{ SC("DRAFT"),		IMAP_KEY_FLAG,		FLAG_SET,	IMAP_DRAFT },
	{ SC("EMAILID"),	IMAP_KEY_EMAILID,	OBJECT_ID,	0 }, /* RFC 8474 */
	{ SC("FLAGGED"),	IMAP_KEY_FLAG,		FLAG_SET,	IMAP_FLAGGED },
	{ SC("FROM"),		IMAP_KEY_FROM,		TEXT,		0 },
	{ SC("HEADER"),		IMAP_KEY_HEADER,	FIELD_AND_TEXT,	0 },
	{ SC("KEYWORD"),	IMAP_KEY_KEYWORD,	KEYWORD,	0 },
	{ SC("LARGER"),		IMAP_KEY_LARGER,	SIZE,		0 },
	{ SC("MODSEQ"),		IMAP_KEY_MODSEQ,	MOD_SEQUENCE,	0 }, /* RFC 7162 */
	{ SC("NEW"),		IMAP_KEY_RECENT,	NO_ARGUMENT,	0 }, /* rev1 */
	{ SC("NOT"),		IMAP_KEY_NOT,		ONE_KEY,	0 },
	{ SC("OLD"),		IMAP_KEY_ALL,		NO_ARGUMENT,	0 }, /* rev1: not recent */
	{ SC("OLDER"),		IMAP_KEY_OLDER,		SECONDS,	0 }, /* RFC 5032 */
	{ SC("ON"),		IMAP_KEY_ON,		DATE,		0 },
	{ SC("OR"),		IMAP_KEY_OR,		TWO_KEYS,	0 },
	{ SC("RECENT"),		IMAP_KEY_RECENT,	NO_ARGUMENT,	0 }, /* rev1 */
	{ SC("SAVEDATESUPPORTED"), IMAP_KEY_SAVEDATE_SUPPORTED, NO_ARGUMENT, 0 }, /* RFC 8514 */
	{ SC("SAVEDBEFORE"),	IMAP_KEY_SAVED_BEFORE,	DATE,		0 },
	{ SC("SAVEDON"),	IMAP_KEY_SAVED_ON,	DATE,		0 },
	{ SC("SAVEDSINCE"),	IMAP_KEY_SAVED_SINCE,	DATE,		0 },
	{ SC("SEEN"),		IMAP_KEY_FLAG,		FLAG_SET,	IMAP_SEEN },
	{ SC("SENTBEFORE"),	IMAP_KEY_SENT_BEFORE,	DATE,		0 },
	{ SC("SENTON"),		IMAP_KEY_SENT_ON,	DATE,		0 },
	{ SC("SENTSINCE"),	IMAP_KEY_SENT_SINCE,	DATE,		0 },
	{ SC("SINCE"),		IMAP_KEY_SINCE,		DATE,		0 },
	{ SC("SMALLER"),	IMAP_KEY_SMALLER,	SIZE,		0 },
	{ SC("SUBJECT"),	IMAP_KEY_SUBJECT,	TEXT,		0 },
	{ SC("TEXT"),		IMAP_KEY_TEXT,		TEXT,		0 },
	{ SC("THREADID"),	IMAP_KEY_THREADID,	OBJECT_ID,	0 }, /* RFC 8474 */
	{ SC("TO"),		IMAP_KEY_TO,		TEXT,		0 },
	{ SC("UID"),		IMAP_KEY_UID,		UID_SET,	0 },
	{ SC("UNANSWERED"),	IMAP_KEY_FLAG,		FLAG_UNSET,	IMAP_ANSWERED },
	{ SC("UNDELETED"),	IMAP_KEY_FLAG,		FLAG_UNSET,	IMAP_DELETED },
	{ SC("UNDRAFT"),	IMAP_KEY_FLAG,		FLAG_UNSET,	IMAP_DRAFT },
	{ SC("UNFLAGGED"),	IMAP_KEY_FLAG,		FLAG_UNSET,	IMAP_FLAGGED },
	{ SC("UNKEYWORD"),	IMAP_KEY_KEYWORD,	NOT_KEYWORD,	0 },
	{ SC("UNSEEN"),		IMAP_KEY_FLAG,		FLAG_UNSET,	IMAP_SEEN },
	{ SC("YOUNGER"),	IMAP_KEY_YOUNGER,	SECONDS,	0 }, /* RFC 5032 */
};
/* clang-format on */

static struct imap_search_key *
new_key(struct imap_in *in, enum imap_key key)
{
	struct imap_search_key *k;

	if (++in->keys > IMAP_KEYS)
		return NULL;
	k = ARENA_NEW(in->a, struct imap_search_key);
	k->key = key;
	return k;
}

static struct imap_search_key *
negate(struct imap_in *in, struct imap_search_key *k)
{
	struct imap_search_key *not = new_key(in, IMAP_KEY_NOT);

	if (not)
		not->children = k;
	return not;
}

static struct imap_search_key *take_key(struct imap_in *in, int depth);

/* RFC 7162 3.1.5: MODSEQ ["/flags/name" all] 12. The entry is read over: modseqs are per message here. */
static bool
take_modseq(struct imap_in *in, uint64_t *ret)
{
	str entry;

	if (str_starts(in->rest, S("\""))) {
		if (!imap_take_string(in, &entry) || !imap_take_space(in))
			return false;
		if (!(imap_take_word_of(in, S("all")) || imap_take_word_of(in, S("priv")) ||
			    imap_take_word_of(in, S("shared"))) ||
			!imap_take_space(in))
			return false;
	}
	return imap_take_number(in, INT64_MAX, ret);
}

static bool
take_argument(struct imap_in *in, const struct key_word *w, struct imap_search_key *k, int depth)
{
	struct imap_search_key *second;
	uint32_t n;

	if (w->argument != NO_ARGUMENT && w->argument != FLAG_SET && w->argument != FLAG_UNSET &&
		!imap_take_space(in))
		return false;
	switch (w->argument) {
	case NO_ARGUMENT: return true;
	case FLAG_SET:
	case FLAG_UNSET: k->number = w->number; return true;
	case TEXT: return imap_take_astring(in, &k->text);
	case KEYWORD:
	case NOT_KEYWORD: return imap_take_atom(in, &k->text);
	case FIELD_AND_TEXT:
		return imap_take_astring(in, &k->field) && imap_take_space(in) &&
		       imap_take_astring(in, &k->text);
	case SIZE: return imap_take_number(in, INT64_MAX, &k->number);
	case SECONDS:
		if (!imap_take_u32(in, 1, &n))
			return false;
		k->number = n;
		return true;
	case DATE: return imap_take_date(in, &k->number);
	case UID_SET: return imap_take_set(in, &k->set);
	case MOD_SEQUENCE: return take_modseq(in, &k->number);
	case OBJECT_ID: return imap_take_astring(in, &k->text);
	case ONE_KEY: return (k->children = take_key(in, depth + 1)) != NULL;
	case TWO_KEYS:
		k->children = take_key(in, depth + 1);
		if (!k->children || !imap_take_space(in))
			return false;
		second = take_key(in, depth + 1);
		k->children->next = second;
		return second != NULL;
	}
	return false;
}

/* One or more keys, all of which must hold. */
static struct imap_search_key *
take_keys(struct imap_in *in, int depth)
{
	struct imap_search_key *all = new_key(in, IMAP_KEY_AND), **last;

	if (!all)
		return NULL;
	last = &all->children;
	do {
		struct imap_search_key *k;

		if (in->rest.n == 0 || in->rest.p[0] == ')')
			break;
		k = take_key(in, depth + 1);
		if (!k)
			return NULL;
		*last = k;
		last = &k->next;
	} while (imap_take_space(in));
	if (!all->children)
		return NULL;
	return all->children->next ? all : all->children;
}

static struct imap_search_key *
take_key(struct imap_in *in, int depth)
{
	struct imap_search_key *k;

	if (depth > IMAP_DEPTH)
		return NULL;
	if (imap_take_char(in, '(')) {
		k = take_keys(in, depth);
		return k && imap_take_char(in, ')') ? k : NULL;
	}
	for (size_t i = 0; i < COUNT(key_words); i++) {
		if (!imap_take_word_of(in, key_words[i].word))
			continue;
		k = new_key(in, key_words[i].key);
		if (!k || !take_argument(in, &key_words[i], k, depth))
			return NULL;
		return key_words[i].argument == FLAG_UNSET || key_words[i].argument == NOT_KEYWORD
			       ? negate(in, k)
			       : k;
	}
	k = new_key(in, IMAP_KEY_SEQUENCE);
	return k && imap_take_set(in, &k->set) ? k : NULL;
}

/* ---- before the keys ---- */

static bool
take_return_option(struct imap_in *in, struct imap_search *s)
{
	static const struct {
		str word;
		unsigned bit;
	} words[] = {
		{ SC("MIN"), IMAP_RETURN_MIN }, { SC("MAX"), IMAP_RETURN_MAX },
		{ SC("ALL"), IMAP_RETURN_ALL }, { SC("COUNT"), IMAP_RETURN_COUNT },
		{ SC("SAVE"), IMAP_RETURN_SAVE },       /* RFC 5182 */
		{ SC("UPDATE"), IMAP_RETURN_UPDATE },   /* RFC 5267 */
		{ SC("CONTEXT"), IMAP_RETURN_CONTEXT }, /* RFC 5267 */
		{ SC("PARTIAL"), IMAP_RETURN_PARTIAL }, /* RFC 9394 */
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!imap_take_word_of(in, words[i].word))
			continue;
		s->wanted |= words[i].bit;
		return words[i].bit != IMAP_RETURN_PARTIAL ||
		       (imap_take_space(in) && imap_take_partial(in, &s->partial));
	}
	return false;
}

static bool
take_return(struct imap_in *in, struct imap_search *s)
{
	if (!imap_take_word_of(in, S("RETURN")))
		return true;
	s->extended = true;
	if (!imap_take_space(in) || !imap_take_char(in, '('))
		return false;
	while (!imap_take_char(in, ')')) {
		if (!take_return_option(in, s))
			return false;
		(void)imap_take_space(in);
	}
	if (!(s->wanted & ~(unsigned)(IMAP_RETURN_UPDATE | IMAP_RETURN_CONTEXT)))
		s->wanted |= IMAP_RETURN_ALL;
	/* RFC 9394 3.1: ALL and PARTIAL exclude each other. */
	return imap_take_space(in) && !((s->wanted & IMAP_RETURN_PARTIAL) && (s->wanted & IMAP_RETURN_ALL));
}

static bool
take_all_keys(struct imap_in *in, struct imap_search *s)
{
	s->key = take_keys(in, 0);
	return s->key != NULL;
}

bool
imap_read_search(struct imap_in *in, struct imap_command *c)
{
	struct imap_search *s = &c->search;

	if (!take_return(in, s))
		return false;
	if (imap_take_word_of(in, S("CHARSET")) &&
		!(imap_take_space(in) && imap_take_astring(in, &s->charset) && imap_take_space(in)))
		return false;
	return take_all_keys(in, s);
}

/* ---- SORT and THREAD: RFC 5256, 5957 ---- */

static bool
take_sort_key(struct imap_in *in, struct imap_sort_key *ret)
{
	static const struct {
		str word;
		enum imap_sort key;
	} words[] = {
		{ SC("ARRIVAL"), IMAP_SORT_ARRIVAL },
		{ SC("CC"), IMAP_SORT_CC },
		{ SC("DATE"), IMAP_SORT_DATE },
		{ SC("FROM"), IMAP_SORT_FROM },
		{ SC("SIZE"), IMAP_SORT_SIZE },
		{ SC("SUBJECT"), IMAP_SORT_SUBJECT },
		{ SC("TO"), IMAP_SORT_TO },
		{ SC("DISPLAYFROM"), IMAP_SORT_DISPLAYFROM },
		{ SC("DISPLAYTO"), IMAP_SORT_DISPLAYTO },
	};

	if (imap_take_word_of(in, S("REVERSE"))) {
		ret->reverse = true;
		if (!imap_take_space(in))
			return false;
	}
	for (size_t i = 0; i < COUNT(words); i++)
		if (imap_take_word_of(in, words[i].word)) {
			ret->key = words[i].key;
			return true;
		}
	return false;
}

bool
imap_read_sort(struct imap_in *in, struct imap_command *c)
{
	struct imap_search *s = &c->search;
	struct imap_many keys = { 0 };

	if (!take_return(in, s) || !imap_take_char(in, '('))
		return false;
	(void)imap_take_space(in);
	do {
		struct imap_sort_key *k = imap_many_add(in->a, &keys, sizeof(*k), 32);

		if (!k || !take_sort_key(in, k))
			return false;
	} while (imap_take_space(in) && !str_starts(in->rest, S(")")));
	s->sort = keys.items;
	s->sort_n = keys.n;
	return imap_take_char(in, ')') && imap_take_space(in) && imap_take_astring(in, &s->charset) &&
	       imap_take_space(in) && take_all_keys(in, s);
}

bool
imap_read_thread(struct imap_in *in, struct imap_command *c)
{
	static const struct {
		str word;
		enum imap_thread thread;
	} words[] = {
		{ SC("ORDEREDSUBJECT"), IMAP_THREAD_ORDEREDSUBJECT },
		{ SC("REFERENCES"), IMAP_THREAD_REFERENCES },
		{ SC("REFS"), IMAP_THREAD_REFS },
	};
	struct imap_search *s = &c->search;

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!imap_take_word_of(in, words[i].word))
			continue;
		s->thread = words[i].thread;
		return imap_take_space(in) && imap_take_astring(in, &s->charset) && imap_take_space(in) &&
		       take_all_keys(in, s);
	}
	return false;
}

/* ---- ESEARCH in several mailboxes: RFC 7377; the sources are also NOTIFY's: RFC 5465 6 ---- */

static bool
take_mailboxes(struct imap_in *in, struct imap_source *s)
{
	struct imap_many names = { 0 };
	bool list = imap_take_char(in, '(');

	do {
		str *name = imap_many_add(in->a, &names, sizeof(*name), IMAP_ITEMS);

		if (!name || !imap_take_mailbox(in, name))
			return false;
	} while (list && imap_take_space(in));
	s->mailboxes = names.items;
	s->mailbox_n = names.n;
	return !list || imap_take_char(in, ')');
}

bool
imap_take_source(struct imap_in *in, struct imap_source *ret)
{
	static const struct {
		str word;
		enum imap_where where;
		bool names;
	} words[] = {
		{ SC("SELECTED-DELAYED"), IMAP_SELECTED_DELAYED, false },
		{ SC("SELECTED"), IMAP_SELECTED, false },
		{ SC("INBOXES"), IMAP_INBOXES, false },
		{ SC("PERSONAL"), IMAP_PERSONAL, false },
		{ SC("SUBSCRIBED"), IMAP_SUBSCRIBED, false },
		{ SC("SUBTREE-ONE"), IMAP_SUBTREE_ONE, true },
		{ SC("SUBTREE"), IMAP_SUBTREE, true },
		{ SC("MAILBOXES"), IMAP_MAILBOXES, true },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!imap_take_word_of(in, words[i].word))
			continue;
		ret->where = words[i].where;
		return !words[i].names || (imap_take_space(in) && take_mailboxes(in, ret));
	}
	return false;
}

bool
imap_read_esearch(struct imap_in *in, struct imap_command *c)
{
	struct imap_many sources = { 0 };

	if (imap_take_word_of(in, S("IN"))) {
		if (!imap_take_space(in) || !imap_take_char(in, '('))
			return false;
		do {
			struct imap_source *s = imap_many_add(in->a, &sources, sizeof(*s), IMAP_ITEMS);

			if (!s || !imap_take_source(in, s) || s->where == IMAP_SELECTED_DELAYED)
				return false;
		} while (imap_take_space(in));
		if (!imap_take_char(in, ')') || !imap_take_space(in))
			return false;
	}
	c->search.sources = sources.items;
	c->search.source_n = sources.n;
	if (!imap_read_search(in, c))
		return false;
	if (!c->search.extended) { /* its answer always is one */
		c->search.extended = true;
		c->search.wanted |= IMAP_RETURN_ALL;
	}
	return true;
}
