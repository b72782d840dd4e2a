/* conf/names.c - the tables of names and how to find one's way in them */
#include "conf/inside.h"

#include "base/mem.h"

#include <assert.h>

/* clang-format off */
static const struct param params[] = {
#define PARAM(name, type, unit, initial, words, meaning) { #name, unit, initial, words, meaning, NULL, CONF_##type, false },
#define SMTPD(name, type, unit, initial, words, meaning) { #name, unit, initial, words, meaning, NULL, CONF_##type, true },
#include "conf/params.def"
#undef PARAM
};

/* A section begins with the parameter that stands behind it. */
static const struct {
	const char *title;
	const char *first;
} sections[] = {
#define SECTION(title) { title, NULL },
#define PARAM(name, type, unit, initial, words, meaning) { NULL, #name },
#include "conf/params.def"
#undef PARAM
};

static const char *const views[VIEWS] = { "", "submission", "submissions", "lmtp" };

static const struct {
	const char *listener;
	enum conf_id id;
	const char *initial;
} per_listener[] = {
#define PARAM(name, type, unit, initial, words, meaning)
#define PER_LISTENER(listener, name, initial) { #listener, CONF_##name, initial },
#include "conf/params.def"
#undef PARAM
};

static const struct foreign foreigners[] = {
#define FOREIGN(name, accepted, initial, why) { #name, accepted, initial, why },
#include "conf/foreign.def"
#undef FOREIGN
#define POSTFIX(name, initial) { #name, "", initial, NULL },
#include "conf/postfix.def"
#undef POSTFIX
};

#define FOREIGN(name, accepted, initial, why)
static const struct {
	const char *name, *modern;
} renamed[] = {
#define RENAMED(name, modern) { #name, modern },
#include "conf/foreign.def"
#undef RENAMED
};

static const struct {
	const char *prefix, *why;
} families[] = {
#define FAMILY(prefix, why) { prefix, why },
#include "conf/foreign.def"
#undef FAMILY
};

static const struct {
	const char *end, *why;
} suffixes[] = {
#define SUFFIX(end, why) { end, why },
#include "conf/foreign.def"
#undef SUFFIX
};
#undef FOREIGN
/* clang-format on */

const struct param *
param_of(enum conf_id id)
{
	assert(id < CONF_IDS);
	return &params[id];
}

static const char *
section_of(enum conf_id id)
{
	const char *title = "";

	for (size_t i = 0; i < COUNT(sections); i++) {
		if (sections[i].title)
			title = sections[i].title;
		else if (strcmp(sections[i].first, params[id].name) == 0)
			break;
	}
	return title;
}

const char *const *
view_names(void)
{
	return views;
}

size_t
view_of(const char *listener)
{
	for (size_t i = 1; i < VIEWS; i++)
		if (strcmp(listener, views[i]) == 0)
			return i;
	return 0;
}

const char *
conf_listener(size_t i)
{
	return i + 1 < VIEWS ? views[i + 1] : NULL;
}

const char *
listener_initial(size_t view, enum conf_id id)
{
	for (size_t i = 0; i < COUNT(per_listener); i++)
		if (per_listener[i].id == id && strcmp(per_listener[i].listener, views[view]) == 0)
			return per_listener[i].initial;
	return NULL;
}

const char *
conf_listener_initial(const char *listener, enum conf_id id)
{
	return listener_initial(view_of(listener), id);
}

enum fault
conf_find(str name, enum conf_id *ret)
{
	for (size_t i = 0; i < CONF_IDS; i++)
		if (str_eq(name, str_c(params[i].name))) {
			*ret = (enum conf_id)i;
			return OK;
		}
	return NOT_FOUND;
}

/* submission_X is X's; the longer listener name does not begin with the shorter one and an underscore. */
static size_t
take_listener(str *name)
{
	for (size_t i = 1; i < VIEWS; i++) {
		str rest = *name;
		if (str_take(&rest, str_c(views[i])) && str_take(&rest, S("_"))) {
			*name = rest;
			return i;
		}
	}
	return 0;
}

enum fault
conf_find_for(str name, const char **ret_listener, enum conf_id *ret)
{
	enum conf_id id;
	size_t view;

	if (conf_find(name, &id) == OK) {
		*ret_listener = "";
		*ret = id;
		return OK;
	}
	view = take_listener(&name);
	if (view == 0 || conf_find(name, &id) != OK || !params[id].per_listener)
		return NOT_FOUND;
	*ret_listener = views[view];
	*ret = id;
	return OK;
}

const struct foreign *
foreign_of(str name)
{
	str rest = name;
	bool lmtp = str_take(&rest, S("lmtp_"));

	for (size_t i = 0; i < COUNT(foreigners); i++) {
		str known = str_c(foreigners[i].name);

		if (str_eq(name, known))
			return &foreigners[i];
		if (lmtp && str_take(&known, S("smtp_")) && str_eq(rest, known))
			return &foreigners[i];
	}
	return NULL;
}

const char *
modern_name(str name)
{
	for (size_t i = 0; i < COUNT(renamed); i++)
		if (str_eq(name, str_c(renamed[i].name)))
			return renamed[i].modern;
	return NULL;
}

const char *
family_why(str name)
{
	for (size_t i = 0; i < COUNT(families); i++)
		if (str_starts(name, str_c(families[i].prefix)))
			return families[i].why;
	return NULL;
}

void
conf_origin(const struct conf *c, enum conf_id id, struct conf_origin *ret)
{
	const struct param *p = param_of(id);
	const char *own = c ? listener_initial(view_of(c->listener), id) : NULL;

	*ret = (struct conf_origin){ .name = p->name,
		.type = p->type,
		.unit = p->unit,
		.initial = own ? own : p->initial,
		.words = p->words,
		.meaning = p->meaning,
		.section = section_of(id),
		.per_listener = p->per_listener };
	if (!c)
		return;
	ret->text = c->values[id].text;
	ret->raw = c->values[id].at.file ? c->values[id].raw : S("");
	ret->file = c->values[id].at.file;
	ret->line = c->values[id].at.line;
}

/* How many letters must be inserted, dropped, changed or swapped with their neighbour; above `most` any larger number. */
static unsigned
distance(str a, str b, unsigned most)
{
	unsigned rows[3][NAME_BYTES + 1];
	unsigned *two_back = rows[0], *back = rows[1], *now = rows[2];

	if (a.n > NAME_BYTES || b.n > NAME_BYTES || (a.n > b.n ? a.n - b.n : b.n - a.n) > most)
		return most + 1;
	for (unsigned j = 0; j <= b.n; j++)
		back[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *spare = two_back;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned change = back[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			now[j] = MIN(MIN(back[j], now[j - 1]) + 1, change);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				now[j] = MIN(now[j], two_back[j - 2] + 1);
		}
		two_back = back;
		back = now;
		now = spare;
	}
	return back[b.n];
}

/* Does it look more like one of our own parameters, badly written? */
static bool
is_slip(str name)
{
	enum { LETTERS = 2 };

	for (size_t i = 0; i < CONF_IDS; i++)
		if (distance(name, str_c(params[i].name), LETTERS) <= LETTERS)
			return true;
	return false;
}

const char *
suffix_why(str name)
{
	static const str servers[] = { SC("smtp_"), SC("lmtp_"), SC("relay_"), SC("default_") };

	for (size_t i = 0; i < COUNT(servers); i++)
		if (str_starts(name, servers[i]))
			return NULL; /* mail to other servers: no small matter */
	for (size_t i = 0; i < COUNT(suffixes); i++)
		if (str_ends(name, str_c(suffixes[i].end)))
			return is_slip(name) ? NULL : suffixes[i].why;
	return NULL;
}

str
conf_suggest(struct arena *a, str name)
{
	str rest = name;
	size_t view = take_listener(&rest);
	unsigned best = rest.n < 4 ? 1 : rest.n < 8 ? 2 : 3;
	str found = S("");

	for (size_t i = 0; i < CONF_IDS + COUNT(foreigners); i++) {
		bool ours = i < CONF_IDS;
		str known = str_c(ours ? params[i].name : foreigners[i - CONF_IDS].name);
		unsigned d;

		if (view && !(ours && params[i].per_listener))
			continue;
		d = distance(rest, known, best);
		if (d < best || (d == best && found.n == 0)) {
			best = d;
			found = known;
		}
	}
	if (view && found.n)
		return arena_printf(a, "%s_%.*s", views[view], STR_ARG(found));
	return found;
}
