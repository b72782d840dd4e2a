/* wire/imap_fetch.c - the arguments of FETCH and STORE */
#include "wire/imap_lex.h"

#include "base/mem.h"

/* ---- sections: RFC 9051 6.4.5.1 ---- */

static bool
take_fields(struct imap_in *in, struct imap_section *s)
{
	struct imap_many fields = { 0 };

	if (!imap_take_space(in) || !imap_take_char(in, '('))
		return false;
	(void)imap_take_space(in);
	do {
		str *field = imap_many_add(in->a, &fields, sizeof(*field), IMAP_ITEMS);

		if (!field || !imap_take_astring(in, field))
			return false;
	} while (imap_take_space(in) && !str_starts(in->rest, S(")")));
	s->fields = fields.items;
	s->field_n = fields.n;
	return imap_take_char(in, ')');
}

static bool
take_text(struct imap_in *in, struct imap_section *s)
{
	static const struct {
		str word;
		enum imap_text text;
	} words[] = {
		{ SC("HEADER.FIELDS.NOT"), IMAP_TEXT_FIELDS_NOT },
		{ SC("HEADER.FIELDS"), IMAP_TEXT_FIELDS },
		{ SC("HEADER"), IMAP_TEXT_HEADER },
		{ SC("TEXT"), IMAP_TEXT_TEXT },
		{ SC("MIME"), IMAP_TEXT_MIME },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!imap_take_word_of(in, words[i].word))
			continue;
		s->text = words[i].text;
		if (s->text == IMAP_TEXT_MIME && s->path_n == 0)
			return false;
		return (s->text != IMAP_TEXT_FIELDS && s->text != IMAP_TEXT_FIELDS_NOT) || take_fields(in, s);
	}
	return false;
}

/* "[1.2.HEADER]"; only a path for BINARY. */
static bool
take_section(struct imap_in *in, bool only_path, struct imap_section *ret)
{
	struct imap_many path = { 0 };
	struct imap_section s = { 0 };

	if (!imap_take_char(in, '['))
		return false;
	while (in->rest.n && ascii_digit(in->rest.p[0])) {
		uint32_t *n = imap_many_add(in->a, &path, sizeof(*n), IMAP_DEPTH);

		if (!n || !imap_take_u32(in, 1, n))
			return false;
		if (!imap_take_char(in, '.'))
			goto whole;
	}
	if (!str_starts(in->rest, S("]")) || path.n) { /* a dot wants something behind it */
		s.path_n = path.n;
		if (only_path || !take_text(in, &s))
			return false;
	}
whole:
	s.path = path.items;
	s.path_n = path.n;
	*ret = s;
	return imap_take_char(in, ']');
}

static bool
take_offset(struct imap_in *in, struct imap_fetch_item *item)
{
	if (!imap_take_char(in, '<'))
		return true;
	item->has_partial = true;
	return imap_take_u32(in, 0, &item->offset) && imap_take_char(in, '.') &&
	       imap_take_u32(in, 1, &item->count) && imap_take_char(in, '>');
}

/* ---- items ---- */

enum { ANY_SECTION = 1, PATH_SECTION = 2, PEEKS = 4 };

static const struct item_word {
	str word;
	enum imap_item item;
	int more;
} item_words[] = {
	{ SC("FLAGS"), IMAP_ITEM_FLAGS, 0 },
	{ SC("UID"), IMAP_ITEM_UID, 0 },
	{ SC("INTERNALDATE"), IMAP_ITEM_INTERNALDATE, 0 },
	{ SC("RFC822.SIZE"), IMAP_ITEM_SIZE, 0 },
	{ SC("RFC822.HEADER"), IMAP_ITEM_RFC822_HEADER, PEEKS },
	{ SC("RFC822.TEXT"), IMAP_ITEM_RFC822_TEXT, 0 },
	{ SC("RFC822"), IMAP_ITEM_RFC822, 0 },
	{ SC("ENVELOPE"), IMAP_ITEM_ENVELOPE, 0 },
	{ SC("BODYSTRUCTURE"), IMAP_ITEM_BODYSTRUCTURE, 0 },
	{ SC("BODY.PEEK"), IMAP_ITEM_SECTION, ANY_SECTION | PEEKS },
	{ SC("BINARY.PEEK"), IMAP_ITEM_BINARY, PATH_SECTION | PEEKS },
	{ SC("BINARY.SIZE"), IMAP_ITEM_BINARY_SIZE, PATH_SECTION | PEEKS },
	{ SC("BINARY"), IMAP_ITEM_BINARY, PATH_SECTION },
	{ SC("BODY"), IMAP_ITEM_BODY, 0 }, /* BODY[ is told below */
	{ SC("MODSEQ"), IMAP_ITEM_MODSEQ, 0 },
	{ SC("SAVEDATE"), IMAP_ITEM_SAVEDATE, 0 },
	{ SC("EMAILID"), IMAP_ITEM_EMAILID, 0 },
	{ SC("THREADID"), IMAP_ITEM_THREADID, 0 },
	{ SC("PREVIEW"), IMAP_ITEM_PREVIEW, 0 },
};

/* PREVIEW (LAZY): RFC 8970 3.1. */
static bool
take_lazy(struct imap_in *in, bool *ret_lazy)
{
	struct imap_in at = *in;

	if (!imap_take_space(&at) || !imap_take_char(&at, '('))
		return true;
	if (!imap_take_word_of(&at, S("LAZY")) || !imap_take_char(&at, ')'))
		return false;
	*in = at;
	*ret_lazy = true;
	return true;
}

static bool
take_item(struct imap_in *in, struct imap_fetch_item *ret)
{
	for (size_t i = 0; i < COUNT(item_words); i++) {
		struct imap_fetch_item item = { .item = item_words[i].item,
			.peek = (item_words[i].more & PEEKS) != 0 };
		int more = item_words[i].more;

		if (!imap_take_word_of(in, item_words[i].word))
			continue;
		if (item.item == IMAP_ITEM_BODY && str_starts(in->rest, S("["))) {
			item.item = IMAP_ITEM_SECTION;
			more = ANY_SECTION;
		}
		if (more & (ANY_SECTION | PATH_SECTION) &&
			!take_section(in, (more & PATH_SECTION) != 0, &item.section))
			return false;
		if (more & (ANY_SECTION | PATH_SECTION) && item.item != IMAP_ITEM_BINARY_SIZE &&
			!take_offset(in, &item))
			return false;
		if (item.item == IMAP_ITEM_PREVIEW && !take_lazy(in, &item.lazy))
			return false;
		*ret = item;
		return true;
	}
	return false;
}

/* ALL, FULL, FAST: only alone. */
static bool
take_macro(struct imap_in *in, struct imap_many *items)
{
	static const enum imap_item all[] = { IMAP_ITEM_FLAGS, IMAP_ITEM_INTERNALDATE, IMAP_ITEM_SIZE,
		IMAP_ITEM_ENVELOPE, IMAP_ITEM_BODY };
	size_t n = imap_take_word_of(in, S("FAST"))   ? 3
		   : imap_take_word_of(in, S("ALL"))  ? 4
		   : imap_take_word_of(in, S("FULL")) ? 5
						      : 0;

	for (size_t i = 0; i < n; i++) {
		struct imap_fetch_item *item = imap_many_add(in->a, items, sizeof(*item), IMAP_ITEMS);

		if (item)
			item->item = all[i];
	}
	return n > 0;
}

bool
imap_read_items(struct imap_in *in, const struct imap_fetch_item **ret, size_t *ret_n)
{
	struct imap_many items = { 0 };
	bool list;

	if (!take_macro(in, &items)) {
		list = imap_take_char(in, '(');
		do {
			struct imap_fetch_item *item =
				imap_many_add(in->a, &items, sizeof(*item), IMAP_ITEMS);

			(void)(list && imap_take_space(in));
			if (!item || !take_item(in, item))
				return false;
		} while (list && imap_take_space(in) && !str_starts(in->rest, S(")")));
		if (list && !imap_take_char(in, ')'))
			return false;
	}
	*ret = items.items;
	*ret_n = items.n;
	return true;
}

static bool
take_modifier(struct imap_in *in, struct imap_fetch *f)
{
	if (imap_take_word_of(in, S("CHANGEDSINCE"))) {
		f->has_changed_since = true;
		return imap_take_space(in) && imap_take_number(in, INT64_MAX, &f->changed_since);
	}
	if (imap_take_word_of(in, S("VANISHED"))) {
		f->vanished = true;
		return true;
	}
	return imap_take_word_of(in, S("PARTIAL")) && imap_take_space(in) &&
	       imap_take_partial(in, &f->partial);
}

/* "(CHANGEDSINCE 12 VANISHED)": RFC 4466 2.4 */
static bool
take_modifiers(struct imap_in *in, struct imap_fetch *f)
{
	if (!imap_take_space(in) || !imap_take_char(in, '('))
		return true;
	do {
		if (!take_modifier(in, f))
			return false;
	} while (imap_take_space(in));
	return imap_take_char(in, ')');
}

bool
imap_read_fetch(struct imap_in *in, struct imap_command *c)
{
	struct imap_fetch *f = &c->fetch;

	if (!imap_take_set(in, &f->set) || !imap_take_space(in) ||
		!imap_read_items(in, &f->items, &f->item_n) || !take_modifiers(in, f))
		return false;
	/* RFC 7162 3.2.6: VANISHED only by UID and with CHANGEDSINCE. */
	return !f->vanished || (c->uid && f->has_changed_since);
}

/* ---- STORE ---- */

static bool
take_store_modifiers(struct imap_in *in, struct imap_store *s)
{
	if (!imap_take_char(in, '('))
		return true;
	if (!imap_take_word_of(in, S("UNCHANGEDSINCE")) || !imap_take_space(in) ||
		!imap_take_number(in, INT64_MAX, &s->unchanged_since))
		return false;
	s->has_unchanged_since = true;
	return imap_take_char(in, ')') && imap_take_space(in);
}

bool
imap_read_store(struct imap_in *in, struct imap_command *c)
{
	struct imap_store *s = &c->store;

	if (!imap_take_set(in, &s->set) || !imap_take_space(in) || !take_store_modifiers(in, s))
		return false;
	s->change = imap_take_char(in, '+')   ? IMAP_CHANGE_ADD
		    : imap_take_char(in, '-') ? IMAP_CHANGE_REMOVE
					      : IMAP_CHANGE_REPLACE;
	s->silent = imap_take_word_of(in, S("FLAGS.SILENT"));
	return (s->silent || imap_take_word_of(in, S("FLAGS"))) && imap_take_space(in) &&
	       imap_take_flags(in, true, &s->flags);
}
