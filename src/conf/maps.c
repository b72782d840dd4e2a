#include "conf/maps.h"

#include "base/hash.h"
#include "base/mem.h"
#include "conf/maps_inside.h"

#include <assert.h>

const struct maps maps_none;

const struct maps *
conf_maps(const struct conf *c, enum conf_id id)
{
	assert(c->values[id].maps);
	return c->values[id].maps;
}

const struct maps *
conf_maps_of(const struct conf *c, str spec)
{
	struct lookup *l = registry_find(c->tables, MAPS_SYNTAX_KEYS, spec);

	return l ? l->alone : NULL;
}

bool
maps_empty(const struct maps *m)
{
	return m->n == 0;
}

/* ---- one table ---- */

static enum fault
index_find(const struct lookup *l, struct arena *a, str key, str *ret)
{
	str value;
	enum fault fault = maps_image_get(&l->content->image, maps_fold(a, key), &value);

	if (fault == OK)
		*ret = arena_str(a, value); /* the image may be replaced when the caller waits */
	return fault == MALFORMED ? TABLE_DOWN : fault;
}

/* All values, with commas between. */
static enum fault
union_find(const struct lookup *l, struct arena *a, str key, bool whole, str *ret)
{
	str all = S(""), one;

	for (size_t i = 0; i < l->n; i++) {
		enum fault fault = lookup_find(l->members[i], a, key, whole, &one);

		if (fault == OK)
			all = all.n ? arena_printf(a, "%.*s,%.*s", STR_ARG(all), STR_ARG(one)) : one;
		else if (fault != NOT_FOUND)
			return fault;
	}
	*ret = all;
	return all.n ? OK : NOT_FOUND;
}

/* What one finds is the next one's key. */
static enum fault
pipe_find(const struct lookup *l, struct arena *a, str key, bool whole, str *ret)
{
	for (size_t i = 0; i < l->n; i++) {
		TRY(lookup_find(l->members[i], a, key, whole, &key));
		whole = true;
	}
	*ret = key;
	return OK;
}

static str
random_item(struct lookup *l, struct arena *a)
{
	struct hash_key key = { l->turn, (uintptr_t)l };

	l->turn = hash_keyed(&key, S("turn"));
	return arena_str(a, l->items[l->turn % l->n]);
}

enum fault
lookup_find(struct lookup *l, struct arena *a, str key, bool whole, str *ret)
{
	if (!whole && !l->parts)
		return NOT_FOUND;
	switch (l->type) {
	case LOOKUP_INDEX: return l->content ? index_find(l, a, key, ret) : TABLE_DOWN;
	case LOOKUP_PCRE:
	case LOOKUP_REGEXP: return l->content ? maps_rules_find(l->content->rules, a, key, ret) : TABLE_DOWN;
	case LOOKUP_CIDR: return l->content ? maps_cidr_find(l->content->cidr, a, key, ret) : TABLE_DOWN;
	case LOOKUP_UNION: return union_find(l, a, key, whole, ret);
	case LOOKUP_PIPE: return pipe_find(l, a, key, whole, ret);
	case LOOKUP_STATIC: *ret = l->text; return OK;
	case LOOKUP_RANDOM: *ret = random_item(l, a); return OK;
	case LOOKUP_FAIL: return TABLE_DOWN;
	}
	return TABLE_DOWN;
}

enum fault
maps_find(const struct maps *m, struct arena *a, str key, bool whole, str *ret)
{
	if (key.n == 0)
		return NOT_FOUND;
	for (size_t i = 0; i < m->n; i++) {
		enum fault fault = lookup_find(m->lookups[i], a, key, whole, ret);

		if (fault != NOT_FOUND)
			return fault;
	}
	return NOT_FOUND;
}

/* ---- addresses ---- */

size_t
maps_extension(str local, str delimiter)
{
	static const str whole[] = { SC("postmaster"), SC("mailer-daemon"), SC("double-bounce") };
	bool dash = str_find(delimiter, '-') < delimiter.n;

	for (size_t i = 0; i < COUNT(whole); i++)
		if (str_eq_nocase(local, whole[i]))
			return local.n;
	if (dash && (str_starts_nocase(local, S("owner-")) || str_ends_nocase(local, S("-request"))))
		return local.n;
	for (size_t i = 1; i < local.n; i++)
		if (str_find(delimiter, local.p[i]) < delimiter.n)
			return i;
	return local.n;
}

enum fault
maps_find_addr(const struct maps *m, struct arena *a, str address, str delimiter, unsigned forms, str *ret,
	str *ret_ext)
{
	size_t at = str_rfind(address, '@');
	str local = str_sub(address, 0, at), domain = str_from(address, at); /* with its @ */
	size_t plus = maps_extension(local, delimiter);
	str user = str_sub(local, 0, plus), ext = str_from(local, plus);
	const struct {
		unsigned form;
		bool with_ext; /* the key has it; there is no such key without one */
		str key;
	} keys[] = {
		{ MAPS_FULL, true, domain.n ? address : S("") },
		{ MAPS_NOEXT, false, ext.n && domain.n ? arena_join(a, user, domain) : S("") },
		{ MAPS_USER_EXT, true, local },
		{ MAPS_USER, false, ext.n ? user : S("") },
		{ MAPS_DOMAIN, true, domain.n > 1 ? domain : S("") },
	};

	if (m->n == 0)
		return NOT_FOUND;
	for (size_t i = 0; i < COUNT(keys); i++) {
		bool whole = keys[i].form == MAPS_FULL || (keys[i].form == MAPS_USER_EXT && domain.n == 0);
		enum fault fault;

		if (!(forms & keys[i].form))
			continue;
		fault = maps_find(m, a, keys[i].key, whole, ret);
		if (fault == OK)
			*ret_ext = keys[i].with_ext ? S("") : ext;
		if (fault != NOT_FOUND)
			return fault;
	}
	return NOT_FOUND;
}

/* ---- all keys ---- */

size_t
maps_entries(const struct maps *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->lookups[i]->content ? m->lookups[i]->content->entries : 0;
	return n;
}

bool
maps_each(const struct maps *m, void (*fn)(void *ctx, str key, str value), void *ctx)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct lookup *l = m->lookups[i];
		const struct maps_image *image;
		str key, value, found;
		size_t at = 0;

		if (l->type != LOOKUP_INDEX || !l->content)
			return false;
		image = &l->content->image;
		while (maps_image_next(image, &at, &key, &value))
			if (maps_image_get(image, key, &found) == OK &&
				found.p == value.p) /* not a second one */
				fn(ctx, key, value);
	}
	return true;
}

enum fault
maps_one_open(struct maps_one *one, const char *where, str spec, bool aliases, struct buf *ret_report)
{
	struct report report = { .to = ret_report };
	struct place at = { where, 0 };
	struct registry *reg;
	struct lookup *l;

	*one = (struct maps_one){ 0 };
	reg = registry_new(&one->arena, S(""));
	reg->raw = true;
	l = maps_declare(
		reg, &report, at, "table", aliases ? MAPS_SYNTAX_ALIASES : MAPS_SYNTAX_KEYS, spec, 0);
	one->registry = reg;
	if (l && registry_load(reg, &report)) {
		one->maps = l->alone;
		return OK;
	}
	maps_one_close(one);
	return BAD_ARGUMENT;
}

void
maps_one_close(struct maps_one *one)
{
	if (one->registry)
		registry_done(one->registry);
	arena_done(&one->arena);
	*one = (struct maps_one){ 0 };
}
