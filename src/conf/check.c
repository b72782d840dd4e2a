/* conf/check.c - is a value what its parameter wants, and what does it mean?
 * Numbers, words and lists by their type; strings and items by the kinds below, which params.def names in its column `words`. */
#include "conf/inside.h"

#include "base/mem.h"
#include "conf/maps_inside.h"

#include <stdlib.h>

static bool
good_label(str label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_' &&
			(unsigned char)label.p[i] < 128)
			return false;
	return true;
}

static bool
good_host(str s)
{
	str label;

	if (s.n > 255 || (s.n && s.p[s.n - 1] == '.'))
		return false;
	while (str_take_until(&s, '.', &label))
		if (!good_label(label))
			return false;
	return true;
}

static bool
good_domain(str s)
{
	unsigned char ip[16];
	size_t bytes;

	(void)str_take(&s, S("!"));
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
		s = str_sub(s, 1, s.n - 2);
		(void)str_take_nocase(&s, S("IPv6:"));
		return ip_parse(s, ip, &bytes);
	}
	return s.n && good_host(s);
}

static bool
good_subdomain(str s)
{
	(void)(str_take(&s, S("!.")) || str_take(&s, S(".")));
	return good_domain(s);
}

static bool
good_network(str s)
{
	struct net net;
	bool host_bits;

	return net_parse(s, &net, &host_bits);
}

static bool
good_client(str s)
{
	return value_word("permit_mynetworks permit_sasl_authenticated", s, &(int64_t){ 0 }) ||
	       (s.n && s.p[0] != '!' && good_network(s));
}

static bool
good_delimiters(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ascii_alnum(s.p[i]) || (unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] > 126 ||
			s.p[i] == '@' || s.p[i] == '.' || s.p[i] == '"')
			return false;
	return true;
}

static bool
good_address(str s)
{
	size_t at = str_rfind(s, '@');

	return s.n == 0 ||
	       (at > 0 && at <= 64 && at < s.n && str_from(s, at + 1).n && good_host(str_from(s, at + 1)));
}

static bool
good_file(str s)
{
	return s.n == 0 || (s.p[0] == '/' && s.n < 4096);
}

static bool
good_directory(str s)
{
	return s.n > 1 && s.p[0] == '/' && s.n < 1024;
}

static bool
good_log(str s)
{
	if (str_take(&s, S("syslog:")))
		return s.n && s.n < 100 && good_file(s); /* a socket's address is short */
	return str_eq(s, S("syslog")) || good_file(s);
}

static bool
good_word(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && !memchr("-_./", s.p[i], 4))
			return false;
	return s.n > 0 && s.n <= 64;
}

static bool
good_line(str s)
{
	return s.n <= 400 && !str_has_ctl(s); /* a reply line has 512 octets */
}

/* In inet_interfaces; Postfix would look "localhost" up and find the same. */
static bool
is_loopback(str s)
{
	return str_eq_nocase(s, S("loopback-only")) || str_eq_nocase(s, S("localhost"));
}

static bool
good_interface(str s)
{
	unsigned char ip[16];
	size_t bytes;

	if (str_eq_nocase(s, S("all")) || is_loopback(s))
		return true;
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = str_sub(s, 1, s.n - 2);
	return ip_parse(s, ip, &bytes);
}

static bool
good_listen(str s)
{
	str host, port;

	return listen_parse(s, &host, &port);
}

static bool
good_listen_lmtp(str s)
{
	if (str_take(&s, S("unix:")))
		return s.n > 1 && s.p[0] == '/' && s.n <= 100; /* a socket's address is short */
	return good_listen(s);
}

static bool
good_class(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= NAME_BYTES;
}

static bool
good_tls(str s)
{
	(void)(str_take(&s, S(">=")) || str_take(&s, S("<=")) || str_take(&s, S("!")));
	return value_word("SSLv2 SSLv3 TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", s, &(int64_t){ 0 });
}

/* clang-format off */
static const struct kind {
	const char *name;
	bool (*good)(str s); /* a string, or an item of a list */
	bool files;	     /* an item /file/name stands for what is in the file */
	const char *expected;
	bool tables; /* an item may be type:name */
} kinds[] = {
	{ "host",	good_host,	 false, "a name such as mail.example.org" },
	{ "domains",	good_domain,	 true,  "domains such as example.org, /file/name for a file of them, or a table such as hash:/file/name", true },
	{ "subdomains",	good_subdomain,  true,  "domains such as example.org or .example.org, /file/name for a file of them, or a table such as hash:/file/name", true },
	{ "networks",	good_network,	 true,  "networks such as 192.0.2.0/24 or [2001:db8::]/32 without host bits, /file/name for a file of them, or a table such as cidr:/file/name", true },
	{ "clients",	good_client,	 false, "permit_mynetworks, permit_sasl_authenticated, or networks such as 192.0.2.0/24 or [2001:db8::]/32 without host bits" },
	{ "delimiters",	good_delimiters, false, "characters such as + or -, not letters, digits, @, . or quotes" },
	{ "address",	good_address,	 false, "an address such as ann@example.org, or nothing" },
	{ "file",	good_file,	 false, "the whole path of a file, from / on, or nothing" },
	{ "files",	good_file,	 false, "whole paths of files, from / on" },
	{ "directory",	good_directory,	 false, "the whole path of a folder, from / on" },
	{ "log",	good_log,	 false, "the whole path of a file, from / on, or \"syslog\", or \"syslog:/path\", or nothing" },
	{ "word",	good_word,	 false, "one word of letters, digits and - _ . /" },
	{ "words",	good_word,	 false, "words of letters, digits and - _ . /" },
	{ "line",	good_line,	 false, "one line of at most 400 bytes" },
	{ "interfaces",	good_interface,	 false, "all, loopback-only, localhost, or addresses such as 192.0.2.1 or [2001:db8::1]" },
	{ "listen",	good_listen,	 false, "ports such as 25, with an address 192.0.2.1:25 or [2001:db8::1]:25; several; or nothing" },
	{ "listen_lmtp", good_listen_lmtp, false, "ports such as 24, with an address 192.0.2.1:24 or [2001:db8::1]:24, or unix:/path; several; or nothing" },
	{ "tls",	good_tls,	 false, "versions such as >=TLSv1.2, TLSv1.3 or !TLSv1.2, of which TLSv1.2 or TLSv1.3 remains" },
	{ "maps",	NULL,		 false, "tables such as hash:/file/name, pcre:/file/name or inline:{ key=value }", true },
	{ "aliases",	NULL,		 false, "tables such as hash:/etc/aliases, whose lines are `name: value`", true },
	{ "classes",	good_class,	 false, "names of letters, digits and _, each with a line of its own" },
	{ "restrictions", NULL,		 false, "restrictions such as permit_mynetworks, reject, check_client_access hash:/file/name" },
};
/* clang-format on */

static const struct kind *
kind_of(const struct param *p)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].name, p->words) == 0)
			return &kinds[i];
	return NULL;
}

/* The words of "of WORD..." */
static const char *
words_of(const struct param *p)
{
	return strncmp(p->words, "of ", 3) == 0 ? p->words + 3 : NULL;
}

/* "a, b or c" */
static str
join_words(struct arena *a, const char *words)
{
	str rest = str_c(words), word, all = S("");

	while (str_take_word(&rest, &word)) {
		const char *between = all.n == 0 ? "" : str_trim(rest).n ? ", " : " or ";
		all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), between, STR_ARG(word));
	}
	return all;
}

static str
expected_number(struct arena *a, const struct param *p)
{
	static const struct {
		enum conf_type type;
		const char *what;
	} whats[] = { { CONF_INT, "a number" }, { CONF_SIZE, "a number of bytes (k, m, g for larger ones)" },
		{ CONF_TIME, "a time such as 30s, 5m, 2h, 1d" } };
	str words = str_c(p->words);
	size_t dots = str_find_str(words, S(".."));
	str low = str_sub(words, 0, dots), high = str_from(words, dots + 2);
	const char *what = "";

	for (size_t i = 0; i < COUNT(whats); i++)
		if (whats[i].type == p->type)
			what = whats[i].what;
	if (high.n)
		return arena_printf(a, "%s from %.*s to %.*s", what, STR_ARG(low), STR_ARG(high));
	if (str_eq(low, S("0")))
		return str_c(what);
	return arena_printf(a, "%s, at least %.*s", what, STR_ARG(low));
}

str
conf_expected(struct arena *a, enum conf_id id)
{
	const struct param *p = param_of(id);
	const struct kind *kind = kind_of(p);
	const char *words = words_of(p);

	switch (p->type) {
	case CONF_BOOL: return S("yes or no");
	case CONF_ENUM: return join_words(a, p->words);
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME: return expected_number(a, p);
	case CONF_STRING:
	case CONF_LIST: break;
	}
	if (words) {
		str all = join_words(a, words);
		return arena_printf(a, "words out of %.*s", STR_ARG(all));
	}
	return str_c(kind ? kind->expected : "text");
}

static bool
wrong(struct loader *l, enum conf_id id, struct place at, str what)
{
	str want = conf_expected(l->a, id);

	if (!at.file && l->report.errors)
		return false; /* a default is wrong only through what it refers to, and that was reported */
	report_error(&l->report, at, "%s: `%.*s` is not good here; expected %.*s", param_of(id)->name,
		STR_ARG(show(l->a, what)), STR_ARG(want));
	return false;
}

/* ---- lists ---- */

/* A list being read, files included. */
struct reading {
	struct loader *l;
	enum conf_id id;
	const struct kind *kind;
	struct buf items; /* of str */
	size_t n;
	struct buf tables; /* of struct list_table */
	bool good;
};

static void read_items(struct reading *r, str text, struct place at, int depth, bool no);

static void
read_file(struct reading *r, str path, struct place at, int depth, bool no)
{
	const struct conf_source *source = r->l->source;
	const char *name = arena_cstr(r->l->a, path);
	str bytes, line;
	struct place here = { name, 0 };

	if (depth >= FILE_DEPTH) {
		report_error(&r->l->report, at, "%s: files within files, too deep: %s", param_of(r->id)->name,
			name);
		r->good = false;
		return;
	}
	if (!source->read || source->read(source->ctx, r->l->a, name, &bytes) != OK) {
		report_error(&r->l->report, at, "%s: cannot read the file %.*s", param_of(r->id)->name,
			STR_ARG(show(r->l->a, path)));
		r->good = false;
		return;
	}
	while (r->good && str_take_until(&bytes, '\n', &line)) {
		here.line++;
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			read_items(r, line, here, depth + 1, no);
	}
}

/* Is the item a table's type:name? A network's colons come first. */
static bool
is_table(const struct reading *r, str item)
{
	return r->kind && r->kind->tables && maps_is_spec(item) && !good_network(item);
}

static bool
declare(struct reading *r, str spec, struct place at, bool no)
{
	const struct param *p = param_of(r->id);
	enum maps_syntax syntax = strcmp(p->words, "aliases") == 0 ? MAPS_SYNTAX_ALIASES : MAPS_SYNTAX_KEYS;
	struct list_table t = { .at = r->n, .no = no };

	t.lookup = maps_declare(r->l->tables, &r->l->report, at, p->name, syntax, spec, 0);
	if (t.lookup)
		buf_add(&r->tables, str_of(&t, sizeof(t)));
	return t.lookup != NULL;
}

static bool
good_item(const struct reading *r, str item)
{
	const char *words = words_of(param_of(r->id));

	if (words)
		return value_word(words, item, &(int64_t){ 0 });
	if (r->kind && r->kind->tables && !r->kind->good)
		return false; /* nothing but tables */
	return item.n && !str_has_ctl(item) && (!r->kind || !r->kind->good || r->kind->good(item));
}

static void
read_item(struct reading *r, str item, struct place at, int depth, bool no)
{
	bool files = r->kind && r->kind->files;
	str rest = item;

	if (files && str_take(&rest, S("!")))
		no = !no;
	if (files && rest.n && rest.p[0] == '/') {
		read_file(r, rest, at, depth, no);
		return;
	}
	if (files)
		item = arena_printf(r->l->a, "%s%.*s", no ? "!" : "", STR_ARG(rest));
	else
		item = arena_str(r->l->a, item);
	if (is_table(r, rest)) {
		if (!declare(r, rest, at, no)) {
			r->good = false;
			return;
		}
	} else if (!good_item(r, item)) {
		r->good = wrong(r->l, r->id, at, item);
		return;
	}
	if (r->n == MOST_ITEMS) {
		report_error(&r->l->report, at, "%s: more than %d items", param_of(r->id)->name, MOST_ITEMS);
		r->good = false;
		return;
	}
	buf_add(&r->items, str_of(&item, sizeof(item)));
	r->n++;
}

static void
read_items(struct reading *r, str text, struct place at, int depth, bool no)
{
	bool broken = false;
	str item;

	while (r->good && list_take(&text, &item, &broken))
		read_item(r, item, at, depth, no);
	if (broken) {
		report_error(&r->l->report, at, "%s: `{` and `}` do not match", param_of(r->id)->name);
		r->good = false;
	}
}

static void
keep_networks(struct arena *a, struct value *v)
{
	bool host_bits;

	v->nets = ARENA_ARRAY(a, v->n, struct net);
	for (size_t i = 0; i < v->n; i++)
		(void)net_parse(v->items[i], &v->nets[i],
			&host_bits); /* judged before; a word's place fits no address */
}

static void
keep_domains(struct arena *a, struct value *v)
{
	static const struct hash_key key = { 0x636f6e66, 0x6d61696e }; /* the names are the administrator's */

	v->set = ARENA_NEW(a, struct table);
	table_init(v->set, key);
	for (size_t i = 0; i < v->n; i++) {
		str name = v->items[i];

		(void)str_take(&name, S("!"));
		name = arena_lower(a, name);
		if (!table_get(v->set, name)) /* the first one decides */
			table_put(v->set, name, &v->items[i]);
	}
}

/* The tables among the items; for maps and aliases they are all. */
static void
keep_tables(struct arena *a, const struct reading *r, struct value *v)
{
	struct lookup **lookups;

	v->table_n = r->tables.n / sizeof(struct list_table);
	v->tables = ARENA_ARRAY(a, v->table_n, struct list_table);
	if (v->table_n)
		memcpy(v->tables, r->tables.p, r->tables.n);
	if (!r->kind || !r->kind->tables || r->kind->good)
		return;
	lookups = ARENA_ARRAY(a, v->table_n, struct lookup *);
	for (size_t i = 0; i < v->table_n; i++)
		lookups[i] = v->tables[i].lookup;
	v->maps = maps_of_list(a, lookups, v->table_n);
}

bool
check_restrictions(struct loader *l, str who, str text, struct place at)
{
	str item, before = S("");
	bool broken, good = true;

	for (; list_take(&text, &item, &broken); before = item)
		if (maps_is_spec(item) && !str_eq_nocase(before, S("check_policy_service")))
			good &= maps_declare(l->tables, &l->report, at, arena_cstr(l->a, who),
					MAPS_SYNTAX_KEYS, item, 0) != NULL;
	return good;
}

static bool
check_list(struct loader *l, enum conf_id id, struct value *v)
{
	struct reading r = { .l = l, .id = id, .kind = kind_of(param_of(id)), .good = true };
	const char *kind = param_of(id)->words;
	int least, most;

	read_items(&r, v->text, v->at, 0, false);
	v->n = r.n;
	v->items = ARENA_ARRAY(l->a, r.n, str);
	if (r.n)
		memcpy(v->items, r.items.p, r.n * sizeof(str));
	keep_tables(l->a, &r, v);
	buf_done(&r.items);
	buf_done(&r.tables);
	if (!r.good)
		return false;
	if (strcmp(kind, "networks") == 0 || strcmp(kind, "clients") == 0)
		keep_networks(l->a, v);
	else if (strcmp(kind, "domains") == 0 || strcmp(kind, "subdomains") == 0)
		keep_domains(l->a, v);
	else if (strcmp(kind, "restrictions") == 0)
		return check_restrictions(l, str_c(param_of(id)->name), v->text, v->at);
	else if (strcmp(kind, "tls") == 0 && !tls_versions_parse(v->items, v->n, &least, &most))
		return wrong(l, id, v->at, v->text);
	return true;
}

bool
check_value(struct loader *l, enum conf_id id, struct value *v)
{
	const struct param *p = param_of(id);
	const struct kind *kind = kind_of(p);
	int64_t low, high;
	bool ok = true;

	switch (p->type) {
	case CONF_BOOL: ok = value_word("no yes", v->text, &v->number); break;
	case CONF_ENUM: ok = value_word(p->words, v->text, &v->number); break;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
		value_range(p, &low, &high);
		ok = value_number(p->type, p->unit, v->text, &v->number) && v->number >= low &&
		     v->number <= high;
		break;
	case CONF_STRING: ok = !kind || !kind->good || kind->good(v->text); break;
	case CONF_LIST: return check_list(l, id, v);
	}
	return ok || wrong(l, id, v->at, v->text);
}

/* ---- listeners ---- */

/* Does inet_protocols have this one? */
static bool
has_protocol(const struct conf *c, const char *name)
{
	return conf_has_word(c, CONF_inet_protocols, S("all")) ||
	       conf_has_word(c, CONF_inet_protocols, str_c(name));
}

/* Appends the places where a bare port is listened on. */
static void
add_places(struct arena *a, const struct conf *c, str port, struct buf *places)
{
	const struct value *interfaces = &c->values[CONF_inet_interfaces];
	bool four = has_protocol(c, "ipv4"), six = has_protocol(c, "ipv6");

	for (size_t i = 0; i < interfaces->n; i++) {
		bool all = str_eq_nocase(interfaces->items[i], S("all"));
		bool loopback = is_loopback(interfaces->items[i]);
		str ip = interfaces->items[i];
		str where[2];
		size_t n = 0;

		if (all && four && six) {
			where[n++] = port;
		} else if (all || loopback) {
			if (four)
				where[n++] = arena_printf(
					a, "%s:%.*s", all ? "0.0.0.0" : "127.0.0.1", STR_ARG(port));
			if (six)
				where[n++] = arena_printf(a, "[%s]:%.*s", all ? "::" : "::1", STR_ARG(port));
		} else {
			bool bare6 = ip.p[0] != '[' && str_find(ip, ':') < ip.n;
			bool bracketed4 = ip.p[0] == '[' && str_find(ip, ':') == ip.n;

			if (bracketed4)
				ip = str_sub(ip, 1, ip.n - 2);
			where[n++] = arena_printf(
				a, bare6 ? "[%.*s]:%.*s" : "%.*s:%.*s", STR_ARG(ip), STR_ARG(port));
		}
		buf_add(places, str_of(where, n * sizeof(str)));
	}
}

void
check_listen_where(struct arena *a, struct conf *c, enum conf_id id)
{
	struct value *v = &c->values[id];
	struct buf places = { 0 };

	for (size_t i = 0; i < v->n; i++) {
		str host, port;

		bool unix_socket = str_starts(v->items[i], S("unix:"));

		if (!unix_socket && !listen_parse(v->items[i], &host, &port))
			continue; /* judged before */
		if (unix_socket || host.n)
			buf_add(&places, str_of(&v->items[i], sizeof(str)));
		else
			add_places(a, c, port, &places);
	}
	v->where_n = places.n / sizeof(str);
	v->where = ARENA_ARRAY(a, v->where_n, str);
	if (places.n)
		memcpy(v->where, places.p, places.n);
	buf_done(&places);
}
