/* conf/has.c - lists that match: is this domain, is this address in it?
 * Items are asked in their order; the first that fits decides. Plain items are found by one look-up of a set, however many there are. */
#include "conf/inside.h"

#include "base/mem.h"
#include "conf/maps_inside.h"

#include <arpa/inet.h>
#include <assert.h>

/* The forms in which a name is asked: itself, and for lists of subdomains each parent, as "parent" or ".parent". False: that was the last. */
static bool
next_form(const struct value *v, str whole, str *form)
{
	size_t dot;

	if (!v->subdomains)
		return false;
	dot = str_find(str_from(*form, form->p[0] == '.'), '.') + (form->p[0] == '.');
	if (dot >= form->n)
		return false;
	*form = str_from(*form, dot + v->parents);
	return form->n > 0 && form->n < whole.n;
}

/* The first plain item that fits; v->n: none. */
static size_t
plain_item(const struct value *v, str domain)
{
	size_t first = v->n;
	str form = domain;

	do {
		const str *item = table_get(v->set, form);

		if (item)
			first = MIN(first, (size_t)(item - v->items));
	} while (next_form(v, domain, &form));
	return first;
}

static enum fault
table_has_domain(const struct value *v, const struct list_table *t, str domain, struct arena *a)
{
	str form = domain, value;
	bool whole = true;

	do {
		enum fault fault = lookup_find(t->lookup, a, form, whole, &value);

		if (fault != NOT_FOUND)
			return fault;
		whole = false;
	} while (next_form(v, domain, &form));
	return NOT_FOUND;
}

enum fault
conf_find_domain(const struct conf *c, enum conf_id id, str domain)
{
	const struct value *v = &c->values[id];
	struct arena a = { 0 };
	char lower[256];
	size_t plain;

	assert(v->set);
	if (domain.n == 0 || domain.n > sizeof(lower))
		return NOT_FOUND;
	for (size_t i = 0; i < domain.n; i++)
		lower[i] = ascii_lower(domain.p[i]);
	domain = str_of(lower, domain.n);
	plain = plain_item(v, domain);
	for (size_t i = 0; i < v->table_n && v->tables[i].at < plain; i++) {
		enum fault fault = table_has_domain(v, &v->tables[i], domain, &a);

		arena_done(&a);
		if (fault != NOT_FOUND)
			return fault == OK && v->tables[i].no ? NOT_FOUND : fault;
	}
	return plain < v->n && v->items[plain].p[0] != '!' ? OK : NOT_FOUND;
}

bool
conf_has_domain(const struct conf *c, enum conf_id id, str domain)
{
	return conf_find_domain(c, id, domain) == OK;
}

static size_t
plain_net(const struct value *v, const unsigned char *ip, size_t bytes)
{
	size_t i = 0;

	while (i < v->n && !net_has(&v->nets[i], ip,
				   bytes)) /* a table's place has a network without bytes, which fits none */
		i++;
	return i;
}

enum fault
conf_find_ip(const struct conf *c, enum conf_id id, const unsigned char *ip, size_t bytes)
{
	const struct value *v = &c->values[id];
	struct arena a = { 0 };
	char text[INET6_ADDRSTRLEN] = "";
	size_t plain;
	str value;

	assert(v->nets);
	plain = plain_net(v, ip, bytes);
	if (v->table_n)
		(void)inet_ntop(bytes == 4 ? AF_INET : AF_INET6, ip, text, sizeof(text));
	for (size_t i = 0; i < v->table_n && v->tables[i].at < plain; i++) {
		enum fault fault = lookup_find(v->tables[i].lookup, &a, str_c(text), true, &value);

		arena_done(&a);
		if (fault != NOT_FOUND)
			return fault == OK && v->tables[i].no ? NOT_FOUND : fault;
	}
	return plain < v->n && !v->nets[plain].no ? OK : NOT_FOUND;
}

bool
conf_has_ip(const struct conf *c, enum conf_id id, const unsigned char *ip, size_t bytes)
{
	return conf_find_ip(c, id, ip, bytes) == OK;
}
