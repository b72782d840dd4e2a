/* conf/classes.c - lists of restrictions with names of the administrator's own: smtpd_restriction_classes */
#include "conf/inside.h"

#include "base/mem.h"

static bool
read_class(struct loader *l, size_t view, str name, struct own_list *ret)
{
	struct line *line = table_get(&l->by_name, name);
	struct buf items = { 0 };
	bool broken = false;
	str text, item;

	*ret = (struct own_list){ .name = name };
	if (!line || line->kind != CONF_LINE_OWN) {
		struct line *classes = table_get(&l->by_name, S("smtpd_restriction_classes"));

		if (view == 0)
			report_error(&l->report, classes ? classes->at : (struct place){ 0 },
				line ? "smtpd_restriction_classes: `%.*s` is the name of a parameter"
				     : "smtpd_restriction_classes: `%.*s` has no line of its own",
				STR_ARG(show(l->a, name)));
		return false;
	}
	ret->at = line->at;
	if (!expand_name(l, view, line->at, name, &text))
		return false;
	while (list_take(&text, &item, &broken)) {
		item = arena_str(l->a, item);
		buf_add(&items, str_of(&item, sizeof(item)));
	}
	if (broken && view == 0)
		report_error(&l->report, line->at, "%.*s: `{` and `}` do not match", STR_ARG(name));
	ret->n = items.n / sizeof(str);
	ret->items = ARENA_ARRAY(l->a, ret->n, str);
	if (items.n)
		memcpy(ret->items, items.p, items.n);
	buf_done(&items);
	return !broken;
}

void
classes_fill(struct loader *l, size_t view, struct conf *c)
{
	const struct value *v = &c->values[CONF_smtpd_restriction_classes];

	c->classes = ARENA_ARRAY(l->a, v->n, struct own_list);
	for (size_t i = 0; i < v->n; i++)
		if (read_class(l, view, v->items[i], &c->classes[c->class_count]))
			c->class_count++;
}

bool
conf_class(const struct conf *c, str name, struct conf_class *ret)
{
	for (size_t i = 0; i < c->class_count; i++) {
		const struct own_list *class = &c->classes[i];

		if (!str_eq_nocase(class->name, name))
			continue;
		*ret = (struct conf_class){ class->items, class->n, class->at.file, class->at.line };
		return true;
	}
	return false;
}
