/* rules/compile.c - from the words of main.cf to a program */
#include "rules/inside.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdlib.h>

enum argument { NONE, TABLE, SECONDS, SERVICE };

/* clang-format off */
static const struct {
	str word;
	enum verb verb;
	enum argument argument;
} verbs[] = {
#define VERB(word, name, argument) { SC(#word), VERB_##name, argument },
#include "rules/verbs.def"
#undef VERB
};
static const struct {
	str word;
	enum verb verb;
} old_words[] = {
#define VERB(word, name, argument)
#define OLD(word, name) { SC(#word), VERB_##name },
#include "rules/verbs.def"
#undef VERB
};
static const struct {
	str word;
	const char *why;
} absent[] = {
#define VERB(word, name, argument)
#define ABSENT(word, why) { SC(#word), why },
#include "rules/verbs.def"
#undef VERB
};
/* clang-format on */

static const enum conf_id list_ids[LISTS] = {
	[CLIENT] = CONF_smtpd_client_restrictions,
	[HELO] = CONF_smtpd_helo_restrictions,
	[SENDER] = CONF_smtpd_sender_restrictions,
	[RELAY] = CONF_smtpd_relay_restrictions,
	[RECIPIENT] = CONF_smtpd_recipient_restrictions,
	[DATA] = CONF_smtpd_data_restrictions,
	[END_OF_DATA] = CONF_smtpd_end_of_data_restrictions,
};

struct compiler {
	const struct conf *conf;
	const struct rules *known; /* its classes */
	struct rules *grows;       /* the same while it is made; NULL later */
	struct arena *arena;
	struct buf *report; /* NULL: nobody reads it */
	const char *file;   /* where the list stands */
	int line;
	str name; /* of the list */
	bool failed;
	bool answer;      /* of an access table, while mail is coming: no tables, no services */
	bool own_subject; /* a table may stand without its verb */
	unsigned depth;
};

__attribute__((format(printf, 3, 4))) static void
say(struct compiler *c, const char *level, const char *format, ...)
{
	char text[600];
	va_list args;

	if (!c->report)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (c->file && c->line)
		buf_printf(c->report, "%s:%d: ", c->file, c->line);
	else
		buf_printf(c->report, "%s: ", c->file ? c->file : "default");
	buf_printf(c->report, "%s: %.*s: %s\n", level, STR_ARG(c->name), text);
}

#define COMPLAIN(c, ...)                                                                                     \
	do {                                                                                                 \
		say((c), "error", __VA_ARGS__);                                                              \
		(c)->failed = true;                                                                          \
	} while (0)

static bool compile_list(struct compiler *c, const str *items, size_t n, struct rule_list *ret);

/* ---- words ---- */

static bool
find_verb(struct compiler *c, str word, enum verb *ret, enum argument *ret_argument)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (str_eq_nocase(word, verbs[i].word)) {
			*ret = verbs[i].verb;
			*ret_argument = verbs[i].argument;
			return true;
		}
	for (size_t i = 0; i < COUNT(old_words); i++)
		if (str_eq_nocase(word, old_words[i].word)) {
			*ret = old_words[i].verb;
			*ret_argument = NONE;
			if (!c->answer)
				say(c, "warning", "%.*s has a new name: %.*s", STR_ARG(word),
					STR_ARG(verbs[old_words[i].verb].word));
			return true;
		}
	return false;
}

static const char *
absent_why(str word)
{
	for (size_t i = 0; i < COUNT(absent); i++)
		if (str_eq_nocase(word, absent[i].word))
			return absent[i].why;
	return NULL;
}

/* The first letters of the restrictions, compared one by one, give a fair guess. */
static size_t
likeness(str a, str b)
{
	size_t same = 0, from = 0;

	for (size_t i = 0; i < a.n; i++)
		for (size_t k = from; k < b.n && k < from + 3; k++)
			if (ascii_lower(a.p[i]) == b.p[k]) {
				same++;
				from = k + 1;
				break;
			}
	return same;
}

static str
suggest(str word)
{
	str best = S("");
	size_t most = 0;

	for (size_t i = 0; i < COUNT(verbs); i++) {
		size_t same = likeness(word, verbs[i].word), longer = MAX(word.n, verbs[i].word.n);

		if (same > most && same * 5 >= longer * 4) {
			most = same;
			best = verbs[i].word;
		}
	}
	return best;
}

/* ---- classes ---- */

static struct class *
find_class(const struct rules *r, str name)
{
	for (size_t i = 0; i < r->class_count; i++)
		if (str_eq_nocase(r->classes[i].name, name))
			return &r->classes[i];
	return NULL;
}

/* Compiles a class when it is first used. */
static const struct rule_list *
use_class(struct compiler *c, struct class *class)
{
	struct compiler inner = *c;
	struct conf_class source;

	if (class->done)
		return &class->list;
	if (class->busy || c->depth >= DEPTH) {
		COMPLAIN(c,
			class->busy ? "the class %.*s refers to itself"
				    : "classes within classes, too deep: %.*s",
			STR_ARG(class->name));
		return NULL;
	}
	if (!conf_class(c->conf, class->name, &source))
		return NULL; /* reported when it was loaded */
	inner.file = source.file;
	inner.line = source.line;
	inner.name = class->name;
	inner.own_subject = true;
	inner.depth++;
	class->busy = true;
	class->done = compile_list(&inner, source.items, source.n, &class->list);
	class->busy = false;
	c->failed |= inner.failed;
	return class->done ? &class->list : NULL;
}

/* ---- arguments ---- */

static bool
is_table(str word)
{
	return str_find(word, ':') < word.n;
}

static bool
take_table(struct compiler *c, str spec, struct rule *rule)
{
	if (c->answer) {
		COMPLAIN(c, "tables inside the answers of tables are not possible; make it a class");
		return false;
	}
	rule->word = spec;
	rule->maps = conf_maps_of(c->conf, spec);
	if (!rule->maps)
		COMPLAIN(c, "the table %.*s cannot be had", STR_ARG(spec));
	return rule->maps != NULL;
}

static bool
take_seconds(struct compiler *c, str word, struct rule *rule)
{
	uint64_t seconds;

	if (!str_to_u64(word, 3600, &seconds)) {
		COMPLAIN(c, "sleep wants seconds, at most 3600, not `%.*s`", STR_ARG(word));
		return false;
	}
	rule->number = (unsigned)seconds;
	return true;
}

/* "inet:192.0.2.1:10023", "inet:[::1]:10023", "inet:localhost:10023", "unix:/run/policy" */
static bool
policy_address(struct compiler *c, str text, struct rules_policy *p)
{
	str host, port;
	uint64_t number;
	size_t colon;

	if (str_take(&text, S("unix:"))) {
		if (text.n < 2 || text.p[0] != '/' || text.n > 100) {
			COMPLAIN(c,
				"check_policy_service wants the whole path of the socket, not `unix:%.*s`",
				STR_ARG(text));
			return false;
		}
		p->path = arena_cstr(c->arena, text);
		return true;
	}
	(void)str_take(&text, S("inet:"));
	colon = str_rfind(text, ':');
	host = str_sub(text, 0, colon);
	port = colon < text.n ? str_from(text, colon + 1) : S("");
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_sub(host, 1, host.n - 2);
	if (str_eq_nocase(host, S("localhost")))
		host = S("127.0.0.1");
	if (!peer_parse(host, &p->peer) || !str_to_u64(port, 65535, &number) || number == 0) {
		COMPLAIN(c, "check_policy_service wants inet:ADDRESS:PORT or unix:/PATH, not `%.*s`",
			STR_ARG(text));
		return false;
	}
	p->peer.port = (uint16_t)number;
	return true;
}

/* "10s"; without a unit: seconds. */
static bool
take_time(str s, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	int64_t factor = 1000;
	uint64_t n;

	for (size_t i = 0; i < COUNT(units); i++)
		if (s.n && ascii_lower(s.p[s.n - 1]) == units[i].unit) {
			s.n--;
			factor = units[i].ms;
			break;
		}
	if (!str_to_u64(s, 1000000, &n))
		return false;
	*ret_ms = (int64_t)n * factor;
	return true;
}

static bool
policy_setting(struct compiler *c, str setting, struct rules_policy *p)
{
	size_t equals = str_find(setting, '=');
	str name = str_trim(str_sub(setting, 0, equals)), value = str_trim(str_from(setting, equals + 1));
	const struct {
		str name;
		int64_t *ms;
		uint64_t *number;
		str *text;
	} known[] = {
		{ SC("timeout"), &p->timeout_ms, NULL, NULL },
		{ SC("max_idle"), &p->idle_ms, NULL, NULL },
		{ SC("max_ttl"), &p->life_ms, NULL, NULL },
		{ SC("retry_delay"), &p->retry_ms, NULL, NULL },
		{ SC("request_limit"), NULL, &p->request_limit, NULL },
		{ SC("try_limit"), NULL, &p->tries, NULL },
		{ SC("default_action"), NULL, NULL, &p->default_action },
		{ SC("policy_context"), NULL, NULL, &p->context },
	};

	for (size_t i = 0; i < COUNT(known) && equals < setting.n; i++) {
		if (!str_eq(name, known[i].name))
			continue;
		if (known[i].text)
			*known[i].text = arena_str(c->arena, value);
		if ((known[i].ms && !take_time(value, known[i].ms)) ||
			(known[i].number && !str_to_u64(value, 1000000, known[i].number)))
			break;
		return true;
	}
	COMPLAIN(c, "`%.*s` is no setting of a policy service", STR_ARG(setting));
	return false;
}

/* The next setting of "inet:... , timeout=10s, { default_action = 450 4.7.1 later }". */
static bool
next_setting(str *s, str *ret)
{
	size_t level = 0, n = 0;
	str item;

	while (s->n && (s->p[0] == ',' || ascii_space(s->p[0])))
		*s = str_from(*s, 1);
	for (; n < s->n; n++) {
		if (s->p[n] == '{')
			level++;
		else if (s->p[n] == '}' && level)
			level--;
		else if (level == 0 && (s->p[n] == ',' || ascii_space(s->p[n])))
			break;
	}
	if (n == 0)
		return false;
	item = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	if (item.p[0] == '{' && item.p[item.n - 1] == '}')
		item = str_trim(str_sub(item, 1, item.n - 2));
	*ret = item;
	return true;
}

static bool
take_service(struct compiler *c, str text, struct rule *rule)
{
	const struct conf *conf = c->conf;
	struct rules *r = c->grows;
	struct rules_policy p = {
		.timeout_ms = conf_int(conf, CONF_smtpd_policy_service_timeout),
		.idle_ms = conf_int(conf, CONF_smtpd_policy_service_max_idle),
		.life_ms = conf_int(conf, CONF_smtpd_policy_service_max_ttl),
		.retry_ms = conf_int(conf, CONF_smtpd_policy_service_retry_delay),
		.request_limit = (uint64_t)conf_int(conf, CONF_smtpd_policy_service_request_limit),
		.tries = (uint64_t)conf_int(conf, CONF_smtpd_policy_service_try_limit),
		.default_action = conf_str(conf, CONF_smtpd_policy_service_default_action),
		.context = conf_str(conf, CONF_smtpd_policy_service_policy_context),
	};
	str rest = text, setting;

	if (c->answer) {
		COMPLAIN(c, "policy services inside the answers of tables are not possible; make it a class");
		return false;
	}
	if (!next_setting(&rest, &setting) || !policy_address(c, setting, &p))
		return false;
	p.name = arena_cstr(c->arena, setting);
	while (next_setting(&rest, &setting))
		if (!policy_setting(c, setting, &p))
			return false;
	if (p.tries == 0)
		p.tries = 1;
	if (r->policy_count == r->policy_room) {
		r->policy_room = r->policy_room ? r->policy_room * 2 : 4;
		r->policies = mem_grow(r->policies, r->policy_room * sizeof(*r->policies));
	}
	rule->word = setting.n ? str_c(p.name) : text;
	rule->number = (unsigned)r->policy_count;
	r->policies[r->policy_count++] = p;
	return true;
}

/* ---- lists ---- */

static bool
unknown(struct compiler *c, str word)
{
	const char *why = absent_why(word);
	str near = suggest(word);

	if (why)
		COMPLAIN(c, "%.*s is not supported: %s", STR_ARG(word), why);
	else
		COMPLAIN(c, "unknown restriction `%.*s`%s%.*s%s", STR_ARG(word),
			near.n ? "; did you mean `" : "", STR_ARG(near), near.n ? "`?" : "");
	return false;
}

/* The rule that begins at items[*at]. */
static bool
compile_rule(struct compiler *c, const str *items, size_t n, size_t *at, struct rule *rule)
{
	str word = items[(*at)++];
	enum argument argument = NONE;
	struct class *class = find_class(c->known, word);

	rule->word = word;
	if (class) {
		rule->verb = VERB_CLASS;
		rule->list = use_class(c, class);
		return rule->list != NULL;
	}
	if (is_table(word)) {
		rule->verb = VERB_TABLE;
		if (!c->own_subject) {
			COMPLAIN(c, "write check_client_access, check_sender_access ... before `%.*s`",
				STR_ARG(word));
			return false;
		}
		return take_table(c, word, rule);
	}
	if (!find_verb(c, word, &rule->verb, &argument))
		return unknown(c, word);
	if (argument != NONE && *at == n) {
		COMPLAIN(c, "%.*s wants %s behind it", STR_ARG(word),
			argument == TABLE     ? "a table"
			: argument == SECONDS ? "seconds"
					      : "inet:ADDRESS:PORT or unix:/PATH");
		return false;
	}
	switch (argument) {
	case NONE: return true;
	case TABLE:
		if (!is_table(items[*at])) {
			COMPLAIN(c, "%.*s wants a table such as hash:/file, not `%.*s`", STR_ARG(word),
				STR_ARG(items[*at]));
			return false;
		}
		return take_table(c, items[(*at)++], rule);
	case SECONDS: return take_seconds(c, items[(*at)++], rule);
	case SERVICE: return take_service(c, items[(*at)++], rule);
	}
	return false;
}

static bool
ends_list(enum verb v)
{
	return v == VERB_PERMIT || v == VERB_REJECT || v == VERB_DEFER;
}

static bool
compile_list(struct compiler *c, const str *items, size_t n, struct rule_list *ret)
{
	struct rule_list list = { .rules = ARENA_ARRAY(c->arena, n, struct rule) };
	bool warn = false, over = false;

	if (n > MOST_RULES) {
		COMPLAIN(c, "more than %d restrictions", MOST_RULES);
		return false;
	}
	for (size_t at = 0; at < n;) {
		struct rule rule = { .warn = warn };

		if (over && !c->answer) {
			say(c, "warning", "what stands behind %.*s is never reached",
				STR_ARG(list.rules[list.n - 1].word));
			over = false;
		}
		if (!compile_rule(c, items, n, &at, &rule))
			return false;
		if (rule.verb == VERB_WARN_IF_REJECT) {
			warn = true;
			continue;
		}
		over = ends_list(rule.verb) && (!warn || rule.verb == VERB_PERMIT);
		warn = false;
		list.rules[list.n++] = rule;
	}
	if (warn)
		say(c, "warning", "nothing stands behind warn_if_reject");
	*ret = list;
	return true;
}

bool
compile_answer(const struct run *r, str text, struct rule_list *ret)
{
	struct compiler c = { .conf = r->q->rules->conf,
		.arena = r->q->arena,
		.answer = true,
		.depth = r->depth,
		.name = S("answer") };
	struct buf report = { .limit = 1000 };
	str items[64];
	size_t n = 0;
	bool ok;

	c.known = r->q->rules; /* whose classes are compiled, used or not */
	c.report = &report;
	for (size_t at = 0; at < text.n && n < COUNT(items);) {
		size_t from;

		while (at < text.n && (text.p[at] == ',' || ascii_space(text.p[at])))
			at++;
		from = at;
		while (at < text.n && text.p[at] != ',' && !ascii_space(text.p[at]))
			at++;
		if (at > from)
			items[n++] = str_sub(text, from, at - from);
	}
	ok = n > 0 && n < COUNT(items) && compile_list(&c, items, n, ret);
	if (!ok)
		run_note(r, "restriction-error", str_trim(buf_str(&report)));
	buf_done(&report);
	return ok;
}

/* ---- the whole ---- */

static void
place_of(struct compiler *c, enum conf_id id)
{
	struct conf_origin o;

	conf_origin(c->conf, id, &o);
	c->file = o.file;
	c->line = o.line;
	c->name = str_c(o.name);
}

/* Is there something that stops mail for others? What stands behind a permit does not count, nor what is only logged. */
static bool
has_stop(const struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct rule *rule = &list->rules[i];

		if (rule->warn)
			continue;
		switch (rule->verb) {
		case VERB_PERMIT: return false;
		case VERB_REJECT:
		case VERB_DEFER:
		case VERB_DEFER_IF_PERMIT:
		case VERB_UNAUTH_DESTINATION:
		case VERB_DEFER_UNAUTH_DESTINATION: return true;
		case VERB_CLASS:
			if (has_stop(rule->list))
				return true;
			break;
		default: break;
		}
	}
	return false;
}

static void
read_settings(struct rules *r, const struct conf *c)
{
	r->conf = c;
	r->delayed = conf_bool(c, CONF_smtpd_delay_reject);
	r->unlisted_sender = conf_bool(c, CONF_smtpd_reject_unlisted_sender);
	r->parents = conf_has_word(c, CONF_parent_domain_matches_subdomains, S("smtpd_access_maps"));
	r->reject_code = (int)conf_int(c, CONF_reject_code);
	r->defer_code = (int)conf_int(c, CONF_defer_code);
	r->map_reject_code = (int)conf_int(c, CONF_access_map_reject_code);
	r->map_defer_code = (int)conf_int(c, CONF_access_map_defer_code);
	r->relay_code = (int)conf_int(c, CONF_relay_domains_reject_code);
	r->non_fqdn_code = (int)conf_int(c, CONF_non_fqdn_reject_code);
	r->invalid_code = (int)conf_int(c, CONF_invalid_hostname_reject_code);
	r->bounce_code = (int)conf_int(c, CONF_multi_recipient_bounce_reject_code);
	r->plaintext_code = (int)conf_int(c, CONF_plaintext_reject_code);
	r->null_key = conf_str(c, CONF_smtpd_null_access_lookup_key);
	r->delimiter = conf_str(c, CONF_recipient_delimiter);
	r->login_maps = conf_maps(c, CONF_smtpd_sender_login_maps);
	r->ccerts = conf_maps(c, CONF_relay_clientcerts);
}

static void
name_classes(struct rules *r, const struct conf *c)
{
	const str *names = conf_list(c, CONF_smtpd_restriction_classes, &r->class_count);

	r->classes = ARENA_ARRAY(&r->arena, r->class_count, struct class);
	for (size_t i = 0; i < r->class_count; i++)
		r->classes[i].name = names[i];
}

enum fault
rules_compile(const struct conf *conf, struct buf *ret_report, struct rules **ret)
{
	struct rules *r = NEW(struct rules);
	struct compiler c = {
		.conf = conf, .known = r, .grows = r, .arena = &r->arena, .report = ret_report
	};

	read_settings(r, conf);
	name_classes(r, conf);
	place_of(&c, CONF_smtpd_restriction_classes);
	for (size_t i = 0; i < r->class_count; i++)
		(void)use_class(&c, &r->classes[i]);
	for (size_t i = 0; i < LISTS; i++) {
		size_t n;
		const str *items = conf_list(conf, list_ids[i], &n);

		place_of(&c, list_ids[i]);
		c.own_subject = i < DATA;
		if (!compile_list(&c, items, n, &r->lists[i]))
			c.failed = true;
	}
	if (!c.failed && !has_stop(&r->lists[RELAY]) && !has_stop(&r->lists[RECIPIENT])) {
		place_of(&c, CONF_smtpd_relay_restrictions);
		COMPLAIN(&c, "here or in smtpd_recipient_restrictions must stand at least one working "
			     "reject_unauth_destination, defer_unauth_destination, reject, defer or "
			     "defer_if_permit; "
			     "without it this server would relay for everybody");
	}
	if (c.failed) {
		rules_free(r);
		return BAD_ARGUMENT;
	}
	*ret = r;
	return OK;
}

void
rules_free(struct rules *r)
{
	if (!r)
		return;
	free(r->policies);
	arena_done(&r->arena);
	free(r);
}

const struct rules_policy *
rules_policies(const struct rules *r, size_t *ret_n)
{
	*ret_n = r->policy_count;
	return r->policies;
}

/* Appends the lines of `lines` that are not in the report yet. */
static void
add_new_lines(struct buf *report, str lines)
{
	str line;

	while (str_take_until(&lines, '\n', &line))
		if (str_find_str(buf_str(report), line) == report->n) {
			buf_add(report, line);
			buf_add_char(report, '\n');
		}
}

enum fault
rules_judge(const struct conf *plain, struct buf *ret_report)
{
	enum fault worst = OK;

	for (size_t i = 0;; i++) {
		const char *listener = i ? conf_listener(i - 1) : "";
		struct buf lines = { 0 };
		struct rules *r = NULL;
		enum fault f;

		if (!listener)
			break;
		f = rules_compile(conf_for(plain, listener), &lines, &r);
		if (f != OK)
			worst = f;
		add_new_lines(ret_report, buf_str(&lines));
		rules_free(r);
		buf_done(&lines);
	}
	return worst;
}
