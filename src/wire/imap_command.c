/* wire/imap_command.c - tag, verb, and who reads its arguments */
#include "wire/imap_lex.h"

#include "base/mem.h"

/* ---- the short ones ---- */

static bool
read_nothing(struct imap_in *in, struct imap_command *c)
{
	(void)in;
	(void)c;
	return true;
}

static bool
read_string(struct imap_in *in, struct imap_command *c)
{
	return imap_take_astring(in, &c->two.first);
}

static bool
read_two_strings(struct imap_in *in, struct imap_command *c)
{
	c->two.has_second = true;
	return imap_take_astring(in, &c->two.first) && imap_take_space(in) &&
	       imap_take_astring(in, &c->two.second);
}

static bool
read_mailbox(struct imap_in *in, struct imap_command *c)
{
	return imap_take_mailbox(in, &c->two.first);
}

static bool
read_two_mailboxes(struct imap_in *in, struct imap_command *c)
{
	c->two.has_second = true;
	return imap_take_mailbox(in, &c->two.first) && imap_take_space(in) &&
	       imap_take_mailbox(in, &c->two.second);
}

/* "mech [initial]"; an initial response "=" is an empty one. */
static bool
read_authenticate(struct imap_in *in, struct imap_command *c)
{
	size_t end = str_find(in->rest, ' ');

	c->two.first = str_sub(in->rest, 0, end);
	c->two.has_second = end < in->rest.n;
	c->two.second = str_trim(str_from(in->rest, end));
	in->rest = S("");
	return c->two.first.n > 0 && str_find(c->two.second, ' ') == c->two.second.n;
}

/* "name [(USE (\Sent))]": RFC 6154 3 */
static bool
read_create(struct imap_in *in, struct imap_command *c)
{
	if (!imap_take_mailbox(in, &c->two.first))
		return false;
	if (!imap_take_space(in) || !imap_take_char(in, '('))
		return true;
	if (!imap_take_word_of(in, S("USE")) || !imap_take_space(in) || !imap_take_char(in, '('))
		return false;
	c->two.has_second = true;
	c->two.second = str_sub(in->rest, 0, str_find(in->rest, ')'));
	in->rest = str_from(in->rest, c->two.second.n);
	return imap_take_char(in, ')') && imap_take_char(in, ')');
}

static bool
read_list_of(struct imap_in *in, struct imap_command *c, bool (*take)(struct imap_in *in, str *ret))
{
	struct imap_many words = { 0 };

	do {
		str *word = imap_many_add(in->a, &words, sizeof(*word), IMAP_ITEMS);

		if (!word || !take(in, word))
			return false;
	} while (imap_take_space(in) && in->rest.n);
	c->words.words = words.items;
	c->words.n = words.n;
	return true;
}

static bool
read_words(struct imap_in *in, struct imap_command *c)
{
	return read_list_of(in, c, imap_take_atom);
}

static bool
read_strings(struct imap_in *in, struct imap_command *c)
{
	return read_list_of(in, c, imap_take_string);
}

static bool
read_copy(struct imap_in *in, struct imap_command *c)
{
	return imap_take_set(in, &c->copy.set) && imap_take_space(in) &&
	       imap_take_mailbox(in, &c->copy.mailbox);
}

static bool
read_expunge(struct imap_in *in, struct imap_command *c)
{
	c->copy.mailbox = S("");
	return !c->uid || imap_take_set(in, &c->copy.set);
}

/* APPEND and REPLACE: imap_append.c. */
static bool
read_rest(struct imap_in *in, struct imap_command *c)
{
	c->two.first = in->rest;
	in->rest = S("");
	return true;
}

#define read_select      imap_read_select
#define read_list        imap_read_list
#define read_lsub        imap_read_lsub
#define read_status      imap_read_status
#define read_search      imap_read_search
#define read_fetch       imap_read_fetch
#define read_store       imap_read_store
#define read_sort        imap_read_sort
#define read_thread      imap_read_thread
#define read_esearch     imap_read_esearch
#define read_id          imap_read_id
#define read_setquota    imap_read_setquota
#define read_setacl      imap_read_setacl
#define read_acl_who     imap_read_acl_who
#define read_acl_mailbox imap_read_acl_mailbox
#define read_getmetadata imap_read_getmetadata
#define read_setmetadata imap_read_setmetadata
#define read_notify      imap_read_notify

static const struct verb {
	str word;
	bool (*read)(struct imap_in *in, struct imap_command *c);
} verbs[IMAP_VERBS] = {
#define IMAP_VERB(name, word, args) [IMAP_##name] = { SC(word), read_##args },
#include "wire/imap_verbs.def"
#undef IMAP_VERB
};

const char *
imap_verb_name(enum imap_verb v)
{
	return v > IMAP_UNKNOWN && v < IMAP_VERBS ? verbs[v].word.p : "UNKNOWN";
}

static enum imap_verb
verb_of(str word)
{
	for (enum imap_verb v = 1; v < IMAP_VERBS; v++)
		if (str_eq_nocase(word, verbs[v].word))
			return v;
	return IMAP_UNKNOWN;
}

/* Of the commands that have a form by UID. */
static bool
goes_by_uid(enum imap_verb v)
{
	switch (v) {
	case IMAP_FETCH:
	case IMAP_STORE:
	case IMAP_COPY:
	case IMAP_MOVE:
	case IMAP_SEARCH:
	case IMAP_SORT:
	case IMAP_THREAD:
	case IMAP_EXPUNGE:
	case IMAP_REPLACE: return true;
	default: return false;
	}
}

/* RFC 9051 9: ASTRING-CHARs but "+". Long ones are nobody's. */
static bool
take_tag(struct imap_in *in, str *ret)
{
	size_t n = 0;

	while (n < in->rest.n && n < 256 && (imap_is_atom_char(in->rest.p[n]) || in->rest.p[n] == ']') &&
		in->rest.p[n] != '+' && (unsigned char)in->rest.p[n] < 128)
		n++;
	if (n == 0 || n == in->rest.n || in->rest.p[n] != ' ')
		return false;
	*ret = str_sub(in->rest, 0, n);
	in->rest = str_from(in->rest, n + 1);
	return true;
}

enum fault
imap_command_parse(struct arena *a, str text, unsigned mode, struct imap_command *ret)
{
	struct imap_in in = { .a = a, .rest = text, .mode = mode };
	const struct verb *v;

	*ret = (struct imap_command){ .tag = S(""), .word = S("") };
	if (!take_tag(&in, &ret->tag))
		return SYNTAX;
	(void)imap_take_space(&in);
	if (!imap_take_word(&in, &ret->word))
		return SYNTAX;
	if (str_eq_nocase(ret->word, S("UID"))) {
		ret->uid = true;
		if (!imap_take_space(&in) || !imap_take_word(&in, &ret->word))
			return SYNTAX;
	}
	ret->verb = verb_of(ret->word);
	if (ret->verb == IMAP_UNKNOWN || (ret->uid && !goes_by_uid(ret->verb)))
		return UNKNOWN_COMMAND;
	if (in.rest.n && !imap_take_space(&in))
		return BAD_ARGUMENT;
	v = &verbs[ret->verb];
	if (!v->read(&in, ret))
		return in.keys > IMAP_KEYS ? TOO_BIG : BAD_ARGUMENT;
	return imap_at_end(&in) ? OK : BAD_ARGUMENT;
}
