#include "people/text.h"

#include "base/mem.h"
#include "conf/maps.h"

#include <stdlib.h>

/* Which forms of an address a table is asked for, and of which domains `user` alone is one. */
enum {
	FORMS_RCPT = MAPS_FULL | MAPS_NOEXT,
	FORMS_DOMAIN = MAPS_DOMAIN,
	FORMS_USER = MAPS_USER_EXT | MAPS_USER
};

struct people_text {
	const struct conf *conf;
	const struct maps *maps[RESOLVE_TABLES]; /* NULL: nothing is configured */
	const struct maps *sender_bcc, *rcpt_bcc;
	str always_bcc;
	bool any; /* some table of maps */
	struct resolve_tables initial;
};

static const struct {
	enum conf_id id;
	unsigned forms;
} tables[RESOLVE_TABLES] = {
	[RESOLVE_SENDER_CANONICAL] = { CONF_sender_canonical_maps, FORMS_RCPT | FORMS_USER | FORMS_DOMAIN },
	[RESOLVE_RCPT_CANONICAL] = { CONF_recipient_canonical_maps, FORMS_RCPT | FORMS_USER | FORMS_DOMAIN },
	[RESOLVE_CANONICAL] = { CONF_canonical_maps, FORMS_RCPT | FORMS_USER | FORMS_DOMAIN },
	[RESOLVE_VIRTUAL] = { CONF_virtual_alias_maps, FORMS_RCPT | FORMS_USER | FORMS_DOMAIN },
	[RESOLVE_ALIASES] = { CONF_alias_maps, 0 },
	[RESOLVE_RELOCATED] = { CONF_relocated_maps, FORMS_RCPT | FORMS_USER | FORMS_DOMAIN },
	[RESOLVE_LOCAL_RCPTS] = { CONF_local_recipient_maps, FORMS_RCPT | FORMS_USER | FORMS_DOMAIN },
	[RESOLVE_MAILBOX_RCPTS] = { CONF_virtual_mailbox_maps, FORMS_RCPT | FORMS_DOMAIN },
};

static enum resolve_class
class_of(const void *text, str domain)
{
	static const struct {
		enum conf_id id;
		enum resolve_class class;
	} lists[] = {
		{ CONF_mydestination, RESOLVE_LOCAL },
		{ CONF_virtual_alias_domains, RESOLVE_ALIAS },
		{ CONF_virtual_mailbox_domains, RESOLVE_MAILBOX },
	};
	const struct people_text *t = text;

	for (size_t i = 0; i < COUNT(lists); i++) {
		enum fault f = conf_find_domain(t->conf, lists[i].id, domain);

		if (f != NOT_FOUND)
			return f == OK ? lists[i].class : RESOLVE_UNSURE;
	}
	return RESOLVE_FOREIGN;
}

/* `user` alone is looked up where the domain is myorigin or in mydestination, as in Postfix. */
static bool
is_home(const struct people_text *t, str address)
{
	str domain = str_from(address, str_rfind(address, '@') + 1);

	return str_eq_nocase(domain, t->initial.origin) ||
	       conf_has_domain(t->conf, CONF_mydestination, domain);
}

static enum fault
find(const void *text, struct arena *a, enum resolve_table table, str address, str *ret_value,
	str *ret_extension)
{
	const struct people_text *t = text;
	const struct maps *m = t->maps[table];
	unsigned forms = tables[table].forms;

	if (!m)
		return NOT_FOUND;
	*ret_extension = S("");
	if (!forms)
		return maps_find(m, a, address, true, ret_value);
	if ((forms & FORMS_USER) && !is_home(t, address))
		forms &= ~(unsigned)FORMS_USER;
	return maps_find_addr(m, a, address, t->initial.delimiter, forms, ret_value, ret_extension);
}

/* Is the word in the list? */
static bool
has_word(const struct conf *c, enum conf_id id, const char *word)
{
	return conf_has_word(c, id, str_c(word));
}

/* myorigin: one name, perhaps out of a file. */
static str
origin_of(const struct conf *c)
{
	size_t n;
	const str *list = conf_list(c, CONF_myorigin, &n);

	return n ? list[0] : conf_str(c, CONF_myhostname);
}

static const struct maps *
take_maps(const struct conf *c, enum conf_id id)
{
	const struct maps *m = conf_maps(c, id);

	return maps_empty(m) ? NULL : m;
}

struct people_text *
people_text_new(const struct conf *c)
{
	struct people_text *t = NEW(struct people_text);

	t->conf = c;
	for (size_t i = 0; i < RESOLVE_TABLES; i++) {
		t->maps[i] = take_maps(c, tables[i].id);
		t->any |= t->maps[i] != NULL;
	}
	if (!has_word(c, CONF_sender_canonical_classes, "envelope_sender"))
		t->maps[RESOLVE_SENDER_CANONICAL] = NULL;
	if (!has_word(c, CONF_recipient_canonical_classes, "envelope_recipient"))
		t->maps[RESOLVE_RCPT_CANONICAL] = NULL;
	t->sender_bcc = take_maps(c, CONF_sender_bcc_maps);
	t->rcpt_bcc = take_maps(c, CONF_recipient_bcc_maps);
	t->always_bcc = conf_str(c, CONF_always_bcc);
	t->initial = (struct resolve_tables){ .text = t,
		.class_of = class_of,
		.find = t->any ? find : NULL,
		.origin = origin_of(c),
		.delimiter = conf_str(c, CONF_recipient_delimiter),
		.postmaster = conf_str(c, CONF_postmaster_recipient),
		.luser_relay = conf_str(c, CONF_luser_relay),
		.has_aliases = t->maps[RESOLVE_ALIASES] != NULL,
		.lists_local = t->maps[RESOLVE_LOCAL_RCPTS] != NULL,
		.lists_mailbox = t->maps[RESOLVE_MAILBOX_RCPTS] != NULL,
		.canonical_sender = has_word(c, CONF_canonical_classes, "envelope_sender"),
		.canonical_rcpt = has_word(c, CONF_canonical_classes, "envelope_recipient"),
		.propagate_canonical = has_word(c, CONF_propagate_unmatched_extensions, "canonical"),
		.propagate_virtual = has_word(c, CONF_propagate_unmatched_extensions, "virtual"),
		.propagate_alias = has_word(c, CONF_propagate_unmatched_extensions, "alias"),
		.expand_owner = conf_bool(c, CONF_expand_owner_alias),
		.most_accounts = (unsigned)conf_int(c, CONF_virtual_alias_expansion_limit),
		.most_nesting = (unsigned)conf_int(c, CONF_virtual_alias_recursion_limit) };
	return t;
}

void
people_text_free(struct people_text *t)
{
	free(t);
}

void
people_text_fill(const struct people_text *t, struct resolve_tables *ret)
{
	*ret = t->initial;
}

/* ---- copies ---- */

enum fault
people_bcc(const struct people_text *t, struct arena *a, bool sender, str address, str *ret)
{
	const struct maps *m = sender ? t->sender_bcc : t->rcpt_bcc;
	str extension;
	enum fault f;

	*ret = S("");
	if (!m || address.n == 0)
		return OK;
	f = maps_find_addr(
		m, a, address, t->initial.delimiter, FORMS_RCPT | FORMS_DOMAIN | FORMS_USER, ret, &extension);
	return f == NOT_FOUND ? OK : f;
}

str
people_always_bcc(const struct people_text *t)
{
	return t->always_bcc;
}

bool
people_has_bcc(const struct people_text *t)
{
	return t->always_bcc.n || t->sender_bcc || t->rcpt_bcc;
}

bool
people_has_sender_maps(const struct people_text *t)
{
	return t->maps[RESOLVE_SENDER_CANONICAL] ||
	       (t->maps[RESOLVE_CANONICAL] && t->initial.canonical_sender);
}
