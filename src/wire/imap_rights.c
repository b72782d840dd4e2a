/* wire/imap_rights.c - the arguments of the commands on rights, quotas, metadata and identity */
#include "wire/imap_lex.h"

#include "base/mem.h"

#include <limits.h>

/* ---- ACL: RFC 4314 ---- */

bool
imap_read_acl_mailbox(struct imap_in *in, struct imap_command *c)
{
	return imap_take_mailbox(in, &c->acl.mailbox);
}

bool
imap_read_acl_who(struct imap_in *in, struct imap_command *c)
{
	return imap_read_acl_mailbox(in, c) && imap_take_space(in) && imap_take_astring(in, &c->acl.who) &&
	       str_is_utf8(c->acl.who);
}

bool
imap_read_setacl(struct imap_in *in, struct imap_command *c)
{
	str rights;

	if (!imap_read_acl_who(in, c) || !imap_take_space(in) || !imap_take_astring(in, &rights))
		return false;
	c->acl.change = str_take(&rights, S("+"))   ? IMAP_CHANGE_ADD
			: str_take(&rights, S("-")) ? IMAP_CHANGE_REMOVE
						    : IMAP_CHANGE_REPLACE;
	for (size_t i = 0; i < rights.n; i++)
		if (!ascii_digit(rights.p[i]) && !(rights.p[i] >= 'a' && rights.p[i] <= 'z'))
			return false;
	c->acl.rights = rights;
	return true;
}

/* ---- SETQUOTA: RFC 9208 ---- */

bool
imap_read_setquota(struct imap_in *in, struct imap_command *c)
{
	struct imap_quota *q = &c->quota;
	struct imap_many limits = { 0 };

	if (!imap_take_astring(in, &q->root) || !imap_take_space(in) || !imap_take_char(in, '('))
		return false;
	while (!imap_take_char(in, ')')) {
		struct imap_limit *l = imap_many_add(in->a, &limits, sizeof(*l), 16);

		if (!l || !imap_take_atom(in, &l->resource) || !imap_take_space(in) ||
			!imap_take_number(in, INT64_MAX, &l->limit))
			return false;
		(void)imap_take_space(in);
	}
	q->limits = limits.items;
	q->n = limits.n;
	return true;
}

/* ---- METADATA: RFC 5464 ---- */

/* An entry begins with "/", has no empty component, no wildcard, nothing beyond printable ASCII. */
static bool
is_entry(str s)
{
	if (s.n < 2 || s.p[0] != '/' || s.p[s.n - 1] == '/' || s.n > 1024)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '*' || s.p[i] == '%' ||
			(s.p[i] == '/' && i > 0 && s.p[i - 1] == '/'))
			return false;
	return true;
}

static bool
take_option(struct imap_in *in, struct imap_metadata *m)
{
	if (imap_take_word_of(in, S("MAXSIZE"))) {
		m->has_max_size = true;
		return imap_take_space(in) && imap_take_number(in, INT64_MAX, &m->max_size);
	}
	if (!imap_take_word_of(in, S("DEPTH")) || !imap_take_space(in))
		return false;
	if (imap_take_word_of(in, S("infinity")))
		m->depth = UINT_MAX;
	else if (imap_take_word_of(in, S("1")))
		m->depth = 1;
	else
		return imap_take_word_of(in, S("0"));
	return true;
}

/* "(DEPTH 1 MAXSIZE 1024)": told from a list of entries by the slash these begin with. */
static bool
take_options(struct imap_in *in, struct imap_metadata *m)
{
	if (!str_starts(in->rest, S("(")) || str_starts(in->rest, S("(/")) || str_starts(in->rest, S("(\"")))
		return true;
	(void)imap_take_char(in, '(');
	do {
		if (!take_option(in, m))
			return false;
	} while (imap_take_space(in));
	return imap_take_char(in, ')') && imap_take_space(in);
}

static bool
take_entry(struct imap_in *in, struct imap_many *entries, bool with_value)
{
	struct imap_entry *e = imap_many_add(in->a, entries, sizeof(*e), IMAP_ITEMS);
	str written;

	if (!e || !imap_take_astring(in, &written) || !is_entry(written))
		return false;
	e->name = arena_lower(in->a, written);
	if (!with_value)
		return true;
	if (!imap_take_space(in) || !imap_take_nstring(in, &e->value))
		return false;
	e->nil = e->value.p == NULL;
	return true;
}

/* Options may stand before the mailbox (the RFC's text) or behind it (its grammar, and what clients send). */
bool
imap_read_getmetadata(struct imap_in *in, struct imap_command *c)
{
	struct imap_metadata *m = &c->metadata;
	struct imap_many entries = { 0 };
	bool list;

	if (!take_options(in, m) || !imap_take_mailbox(in, &m->mailbox) || !imap_take_space(in) ||
		!take_options(in, m))
		return false;
	list = imap_take_char(in, '(');
	do {
		if (!take_entry(in, &entries, false))
			return false;
	} while (list && imap_take_space(in));
	m->entries = entries.items;
	m->n = entries.n;
	return !list || imap_take_char(in, ')');
}

bool
imap_read_setmetadata(struct imap_in *in, struct imap_command *c)
{
	struct imap_metadata *m = &c->metadata;
	struct imap_many entries = { 0 };

	if (!imap_take_mailbox(in, &m->mailbox) || !imap_take_space(in) || !imap_take_char(in, '('))
		return false;
	do {
		if (!take_entry(in, &entries, true))
			return false;
	} while (imap_take_space(in));
	m->entries = entries.items;
	m->n = entries.n;
	return imap_take_char(in, ')');
}

/* ---- ID: RFC 2971. At most 30 pairs, names of 30 octets, values of 1024. ---- */

bool
imap_read_id(struct imap_in *in, struct imap_command *c)
{
	struct imap_many words = { 0 };

	if (imap_take_word_of(in, S("NIL")))
		return true;
	if (!imap_take_char(in, '('))
		return false;
	(void)imap_take_space(in);
	while (!imap_take_char(in, ')')) {
		str *word = imap_many_add(in->a, &words, sizeof(*word), 60);

		if (!word || !imap_take_nstring(in, word) || word->n > (words.n % 2 ? 30 : 1024) ||
			(words.n % 2 && !word->p))
			return false;
		(void)imap_take_space(in);
	}
	c->words.words = words.items;
	c->words.n = words.n;
	return words.n % 2 == 0;
}
