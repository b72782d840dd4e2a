#include "conf/conf.h"

#include "base/mem.h"
#include "conf/inside.h"
#include "conf/maps_inside.h"

#include <assert.h>
#include <stdlib.h>

const struct conf *
conf_for(const struct conf *c, const char *listener)
{
	return c->views[view_of(listener)];
}

void
conf_free(struct conf *c)
{
	struct arena arena;

	if (!c)
		return;
	assert(c->views[0] == c);
	registry_done(c->tables);
	for (size_t view = 0; view < VIEWS; view++)
		for (size_t id = 0; id < CONF_IDS; id++) {
			const struct value *v = &c->views[view]->values[id];
			if (v->set && (view == 0 || v->set != c->values[id].set))
				table_done(v->set);
		}
	arena = c->arena;
	arena_done(&arena); /* c is in it */
}

static const struct value *
value_of(const struct conf *c, enum conf_id id, enum conf_type type)
{
	assert(param_of(id)->type == type);
	(void)type;
	return &c->values[id];
}

str
conf_str(const struct conf *c, enum conf_id id)
{
	return value_of(c, id, CONF_STRING)->text;
}

const char *
conf_path(const struct conf *c, enum conf_id id)
{
	return value_of(c, id, CONF_STRING)
		->text.p; /* texts are copies made by arena_str, which end in NUL */
}

bool
conf_bool(const struct conf *c, enum conf_id id)
{
	return value_of(c, id, CONF_BOOL)->number != 0;
}

int64_t
conf_int(const struct conf *c, enum conf_id id)
{
	enum conf_type type = param_of(id)->type;

	assert(type == CONF_INT || type == CONF_SIZE || type == CONF_TIME || type == CONF_ENUM);
	(void)type;
	return c->values[id].number;
}

bool
conf_is(const struct conf *c, enum conf_id id, const char *word)
{
	int64_t index = -1;
	bool known = value_word(param_of(id)->words, str_c(word), &index);

	assert(known);
	(void)known;
	return value_of(c, id, CONF_ENUM)->number == index;
}

const str *
conf_list(const struct conf *c, enum conf_id id, size_t *ret_n)
{
	const struct value *v = value_of(c, id, CONF_LIST);

	*ret_n = v->n;
	return v->items;
}

bool
conf_has_word(const struct conf *c, enum conf_id id, str word)
{
	const struct value *v = value_of(c, id, CONF_LIST);

	for (size_t i = 0; i < v->n; i++)
		if (str_eq_nocase(v->items[i], word))
			return true;
	return false;
}

const str *
conf_listen(const struct conf *c, enum conf_id id, size_t *ret_n)
{
	const struct value *v = value_of(c, id, CONF_LIST);

	assert(v->where);
	*ret_n = v->where_n;
	return v->where;
}

void
conf_tls_versions(const struct conf *c, enum conf_id id, int *ret_least, int *ret_most)
{
	const struct value *v = value_of(c, id, CONF_LIST);
	bool ok = tls_versions_parse(v->items, v->n, ret_least, ret_most);

	assert(ok); /* judged when it was loaded */
	(void)ok;
}

int
conf_syslog_facility(const struct conf *c)
{
	enum { LOCAL0 = 16 };
	static const struct {
		const char *word;
		int number;
	} named[] = { { "user", 1 }, { "mail", 2 }, { "daemon", 3 } };
	struct conf_origin o;

	for (size_t i = 0; i < COUNT(named); i++)
		if (conf_is(c, CONF_syslog_facility, named[i].word))
			return named[i].number;
	conf_origin(c, CONF_syslog_facility, &o);
	return LOCAL0 + (o.text.p[o.text.n - 1] - '0'); /* local0 to local7 */
}

size_t
conf_lines(const struct conf *c)
{
	return c->line_count;
}

void
conf_line(const struct conf *c, size_t i, struct conf_line *ret)
{
	const struct line *line = &c->lines[i];

	*ret = (struct conf_line){ .name = line->name.p,
		.kind = line->kind,
		.raw = line->value,
		.file = line->at.file,
		.line = line->at.line,
		.note = line->note };
}
