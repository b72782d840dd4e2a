/* cli/migrate_master.c - what services of Postfix's master.cf become here */
#include "cli/migrate.h"

#include "base/mem.h"

/* ---- which listener a service is ---- */

enum { SMTP, SUBMISSION, SUBMISSIONS, LISTENERS };

/* clang-format off */
static const struct {
	const char *listener, *parameter;
} listeners[LISTENERS] = { /* the prefix of its own settings, where it listens */
	[SMTP] =	{ "",		 "listen_smtp" },
	[SUBMISSION] =	{ "submission",	 "listen_submission" },
	[SUBMISSIONS] = { "submissions", "listen_submissions" },
};
/* clang-format on */

/* What the services of one listener come to. */
struct plan {
	struct {
		const struct service *first; /* its settings are the listener's; NULL: there is none */
		str where;
	} of[LISTENERS];
};

/* "smtp", "587", "127.0.0.1:smtps", "[::1]:25" as listen_* writes it. False: a name that only Postfix could look up. */
static bool
take_place(struct arena *a, str name, str *ret_place, str *ret_port)
{
	static const struct {
		str name, port;
	} ports[] = { { SC("smtp"), SC("25") }, { SC("submission"), SC("587") }, { SC("smtps"), SC("465") },
		{ SC("submissions"), SC("465") }, { SC("urd"), SC("465") }, { SC("ssmtp"), SC("465") } };
	size_t colon = str_rfind(name, ':');
	str host = colon < name.n ? str_sub(name, 0, colon) : S("");
	str port = colon < name.n ? str_from(name, colon + 1) : name;
	uint64_t number;

	for (size_t i = 0; i < COUNT(ports); i++)
		if (str_eq(port, ports[i].name))
			port = ports[i].port;
	if (!str_to_u64(port, 65535, &number))
		return false;
	if (str_eq(host, S("localhost")))
		host = S("127.0.0.1");
	for (size_t i = 0; i < host.n && host.p[0] != '['; i++)
		if (!ascii_digit(host.p[i]) && host.p[i] != '.')
			return false;
	*ret_port = port;
	*ret_place = host.n ? arena_printf(a, "%.*s:%.*s", STR_ARG(host), STR_ARG(port)) : port;
	return true;
}

static bool
says_yes(const struct master_service *s, const char *name)
{
	str value;

	return master_option(s, name, &value) && str_eq_nocase(value, S("yes"));
}

/* Does it want everybody to log in? */
static bool
is_for_users(const struct master_service *s)
{
	for (size_t i = 0; i < s->option_count; i++)
		if (str_ends(s->options[i].name, S("_restrictions")) &&
			migrate_has_word(s->options[i].value, S("permit_sasl_authenticated")) &&
			migrate_has_word(s->options[i].value, S("reject")))
			return true;
	return false;
}

static int
listener_of(const struct master_service *s, str port)
{
	if (says_yes(s, "smtpd_tls_wrappermode") || str_eq(port, S("465")))
		return SUBMISSIONS;
	if (str_eq(port, S("587")) || (!str_eq(port, S("25")) && is_for_users(s)))
		return SUBMISSION;
	return SMTP;
}

/* A server for content filters to give mail back to. */
static bool
takes_back(const struct master_service *s, str place)
{
	str value;

	return (str_starts(place, S("127.")) || str_starts(place, S("[::1]"))) &&
	       ((master_option(s, "content_filter", &value) && value.n == 0) ||
		       master_option(s, "receive_override_options", &value) ||
		       (master_option(s, "smtpd_milters", &value) && value.n == 0));
}

/* ---- what is said ---- */

static void
say(struct migration *m, const struct service *s, enum found found, const char *why)
{
	migrate_say(m, s->file, s->line, s->subject, found, str_c(why));
}

static void
say_option(struct migration *m, const struct service *s, const struct master_option *o, enum found found,
	const char *why)
{
	migrate_say(m, s->file, s->line,
		arena_printf(&m->arena, "%.*s -o %.*s=%.*s", STR_ARG(s->is.name), STR_ARG(o->name),
			STR_ARG(o->value)),
		found, str_c(why));
}

/* Only a $name that main.cf does not set: to Postfix that is nothing. */
static bool
is_unset(struct migration *m, str value)
{
	const char *why;

	if (!str_take(&value, S("$")) || value.n == 0)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (!ascii_alnum(value.p[i]) && value.p[i] != '_')
			return false;
	return !migrate_find(m, value) && conf_judge(value, S("?"), &why) == CONF_UNKNOWN;
}

/* A setting of a service that has become something else, or nothing. */
static void
judge_option(struct migration *m, const struct service *s, const struct master_option *o)
{
	const char *why;

	if (str_eq(o->name, S("syslog_name"))) {
		say_option(m, s, o, FOUND_IGNORED, "each line of the log names its listener");
		return;
	}
	switch (conf_judge(o->name, o->value, &why)) {
	case CONF_NO_EFFECT: say_option(m, s, o, FOUND_IGNORED, why); break;
	case CONF_REFUSED: say_option(m, s, o, FOUND_UNSUPPORTED, why); break;
	case CONF_OLD_NAME:
		say_option(m, s, o, FOUND_UNSUPPORTED,
			arena_cstr(&m->arena, arena_printf(&m->arena, "an old name: write %s", why)));
		break;
	case CONF_KNOWN: say_option(m, s, o, FOUND_UNSUPPORTED, "it cannot be set for one service"); break;
	case CONF_UNKNOWN: say_option(m, s, o, FOUND_UNSUPPORTED, "nobody knows this parameter"); break;
	}
}

/* ---- settings of a listener ---- */

static void
make_option(struct migration *m, const struct service *s, int listener, str name, str value)
{
	str full = listener == SMTP
			   ? name
			   : arena_printf(&m->arena, "%s_%.*s", listeners[listener].listener, STR_ARG(name));
	struct setting *made = migrate_make(m, s->file, s->line, full, value);

	made->subject = arena_printf(&m->arena, "%.*s -o %.*s", STR_ARG(s->is.name), STR_ARG(name));
	made->why = arena_printf(&m->arena, "%.*s = %.*s", STR_ARG(full), STR_ARG(value));
}

/* What holds for port 25 alone is written plainly here; the other listeners get what main.cf said for all. */
static void
make_plain(
	struct migration *m, const struct plan *plan, const struct service *s, const struct master_option *o)
{
	struct setting *old = migrate_find(m, o->name);
	str before = old ? old->value : S(""), own;

	if (old) {
		old->out = false;
		old->found = FOUND_TRANSLATED;
		old->why = arena_printf(
			&m->arena, "%.*s has its own, see %s:%d", STR_ARG(s->is.name), s->file, s->line);
	}
	make_option(m, s, SMTP, o->name, o->value);
	for (int i = SMTP + 1; i < LISTENERS && old; i++)
		if (plan->of[i].first &&
			!master_option(&plan->of[i].first->is, arena_cstr(&m->arena, o->name), &own))
			make_option(m, plan->of[i].first, i, o->name, before);
}

/* clang-format off */
static const struct {
	str name;
	const char *why;
} without_effect[] = { /* settings that say what a listener is anyway */
	{ SC("smtpd_tls_wrappermode"),	  "listen_submissions speaks TLS from the first byte, the others do not" },
	{ SC("smtpd_sasl_type"),	  "passwords are kept here: `postrider user import FILE`" },
	{ SC("smtpd_sasl_path"),	  "passwords are kept here: `postrider user import FILE`" },
};
/* clang-format on */

static void
take_option(struct migration *m, const struct plan *plan, const struct service *s, int listener,
	const struct master_option *o)
{
	const char *owner;
	enum conf_id id;
	str full;

	for (size_t i = 0; i < COUNT(without_effect); i++)
		if (str_eq(o->name, without_effect[i].name)) {
			say_option(m, s, o, FOUND_TRANSLATED, without_effect[i].why);
			return;
		}
	if (is_unset(m, o->value)) {
		say_option(m, s, o, FOUND_IGNORED, "main.cf does not set this name");
		return;
	}
	if (str_eq(o->name, S("smtpd_enforce_tls")) && str_eq_nocase(o->value, S("yes"))) {
		make_option(m, s, listener, S("smtpd_tls_security_level"), S("encrypt"));
		return;
	}
	full = arena_printf(&m->arena, "submission_%.*s", STR_ARG(o->name));
	if (str_eq(o->name, S("syslog_name")) || conf_find_for(full, &owner, &id) != OK)
		judge_option(m, s, o);
	else if (listener == SMTP)
		make_plain(m, plan, s, o);
	else
		make_option(m, s, listener, o->name, o->value);
}

/* Has b all the settings of a? */
static bool
has_options(struct arena *a, const struct master_service *b, const struct master_service *of)
{
	for (size_t i = 0; i < of->option_count; i++) {
		const struct master_option *o = &of->options[i];
		str value;

		if (str_eq(o->name, S("syslog_name")))
			continue;
		if (!master_option(b, arena_cstr(a, o->name), &value) || !str_eq(value, o->value))
			return false;
	}
	return true;
}

/* ---- services ---- */

/* A server on a port of its own. */
static void
take_server(struct migration *m, struct plan *plan, const struct service *s)
{
	bool screen =
		str_eq(s->is.program, S("postscreen")); /* the settings are those of what it lets pass to */
	const struct service *first;
	str place, port;
	int i;

	if (!take_place(&m->arena, s->is.name, &place, &port)) {
		say(m, s, FOUND_UNSUPPORTED,
			"where it listens must be written as a number, with an address before it");
		return;
	}
	i = listener_of(&s->is, port);
	if (takes_back(&s->is, place)) {
		say(m, s, FOUND_IGNORED,
			"it takes mail back from a content filter, which nothing is given to here");
		return;
	}
	first = plan->of[i].first;
	if (first && !screen && !str_eq(first->is.program, S("postscreen")) &&
		(!has_options(&m->arena, &s->is, &first->is) ||
			!has_options(&m->arena, &first->is, &s->is))) {
		say(m, s, FOUND_UNSUPPORTED,
			arena_cstr(&m->arena, arena_printf(&m->arena,
						      "it has other settings than %.*s, and both would be %s",
						      STR_ARG(first->is.name), listeners[i].parameter)));
		return;
	}
	if (!first)
		plan->of[i].first = s;
	plan->of[i].where = plan->of[i].where.n ? arena_printf(&m->arena, "%.*s, %.*s",
							  STR_ARG(plan->of[i].where), STR_ARG(place))
						: place;
	say(m, s, FOUND_TRANSLATED,
		arena_cstr(&m->arena,
			arena_printf(&m->arena, "%s = %.*s", listeners[i].parameter, STR_ARG(place))));
}

/* Does main.cf hand mail to this service, or ask it? */
static bool
is_used(const struct migration *m, const struct service *s)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->settings[i].made && migrate_has_word(m->settings[i].value, s->is.name))
			return true;
	for (size_t i = 0; i < m->service_count; i++)
		for (size_t j = 0; j < m->services[i].is.option_count; j++)
			if (migrate_has_word(m->services[i].is.options[j].value, s->is.name))
				return true;
	return false;
}

static bool
delivers(const struct service *s)
{
	static const str words[] = { SC("dovecot-lda"), SC("deliver") };

	for (size_t i = 0; i < s->is.argument_count; i++)
		for (size_t j = 0; j < COUNT(words); j++)
			if (migrate_has_word(s->is.arguments[i], words[j]))
				return true;
	return false;
}

/* pipe(8) and spawn(8) start programs. */
static void
take_program(struct migration *m, const struct service *s)
{
	if (!is_used(m, s))
		say(m, s, FOUND_IGNORED, "nothing refers to it");
	else if (delivers(s))
		say(m, s, FOUND_TRANSLATED,
			"mailboxes are here: `postrider user import` makes the accounts, `postrider mailbox "
			"import` brings the mail");
	else if (str_eq(s->is.program, S("spawn")))
		say(m, s, FOUND_UNSUPPORTED, "no other program is started; run it as a service of its own");
	else
		say(m, s, FOUND_UNSUPPORTED, "mail is never given to a program");
	for (size_t i = 0; i < s->is.option_count; i++)
		judge_option(m, s, &s->is.options[i]);
}

/* clang-format off */
static const struct {
	str name;
	const char *why;
} programs[] = { /* Postfix's own, each doing what needs no process here */
	{ SC("pickup"),	   "there is no folder that mail is dropped into" },
	{ SC("cleanup"),   "the processes that speak SMTP do this" },
	{ SC("qmgr"),	   "local mail needs no queue" },
	{ SC("nqmgr"),	   "local mail needs no queue" },
	{ SC("oqmgr"),	   "local mail needs no queue" },
	{ SC("tlsmgr"),	   "tickets and random numbers need no process" },
	{ SC("trivial-rewrite"), "the processes that speak SMTP do this" },
	{ SC("bounce"),	   "what cannot be delivered is refused in the session" },
	{ SC("verify"),	   "addresses are not probed" },
	{ SC("flush"),	   "there is no queue yet" },
	{ SC("proxymap"),  "tables are read by master for everybody" },
	{ SC("smtp"),	   "mail to other servers is not sent yet" },
	{ SC("showq"),	   "there is no queue yet" },
	{ SC("error"),	   "what cannot be delivered is refused in the session" },
	{ SC("discard"),   "nothing is discarded" },
	{ SC("local"),	   "mailboxes are here" },
	{ SC("virtual"),   "mailboxes are here" },
	{ SC("lmtp"),	   "mailboxes are here" },
	{ SC("anvil"),	   "counters are in memory that the processes share" },
	{ SC("scache"),	   "mail to other servers is not sent yet" },
	{ SC("postlogd"),  "see maillog_file" },
	{ SC("dnsblog"),   "it is postscreen's" },
	{ SC("tlsproxy"),  "it is postscreen's" },
};
/* clang-format on */

static void
take_other(struct migration *m, const struct service *s)
{
	size_t i;

	for (i = 0; i < COUNT(programs); i++)
		if (str_eq(s->is.program, programs[i].name))
			break;
	if (i < COUNT(programs))
		say(m, s, FOUND_IGNORED, programs[i].why);
	else if (str_eq(s->is.program, S("qmqpd")))
		say(m, s, FOUND_UNSUPPORTED, "QMQP is not spoken");
	else
		say(m, s, FOUND_UNSUPPORTED, "it is none of Postfix's programs");
	for (i = 0; i < s->is.option_count; i++)
		judge_option(m, s, &s->is.options[i]);
}

static bool
is(const struct service *s, const char *type, const char *program)
{
	return str_eq(s->is.type, str_c(type)) && str_eq(s->is.program, str_c(program));
}

static void
take_service(struct migration *m, struct plan *plan, const struct service *s)
{
	if (is(s, "inet", "smtpd")) {
		take_server(m, plan, s);
	} else if (is(s, "inet", "postscreen")) {
		take_server(m, plan, s);
		say(m, s, FOUND_UNSUPPORTED,
			"postscreen's tests are not made; clients that speak before they may are refused in "
			"any "
			"case");
		for (size_t i = 0; i < s->is.option_count; i++)
			judge_option(m, s, &s->is.options[i]);
	} else if (is(s, "pass", "smtpd")) {
		say(m, s, FOUND_TRANSLATED, "what postscreen lets pass comes to listen_smtp itself");
		plan->of[SMTP].first = s; /* its settings are those of port 25 */
	} else if (str_eq(s->is.program, S("smtpd"))) {
		say(m, s, FOUND_UNSUPPORTED, "SMTP is spoken over the network only");
	} else if (str_eq(s->is.program, S("pipe")) || str_eq(s->is.program, S("spawn"))) {
		take_program(m, s);
	} else {
		take_other(m, s);
	}
}

static void
make_listener(struct migration *m, const struct plan *plan, int i)
{
	const struct service *s = plan->of[i].first;
	struct setting *made =
		migrate_make(m, m->master_file, 0, str_c(listeners[i].parameter), plan->of[i].where);

	made->silent = s != NULL;
	if (!s)
		made->why = S("there is no such service");
	for (size_t j = 0; s && !str_eq(s->is.program, S("postscreen")) && j < s->is.option_count; j++) {
		str last;

		/* only the last one of a name */
		if (master_option(&s->is, arena_cstr(&m->arena, s->is.options[j].name), &last) &&
			last.p == s->is.options[j].value.p)
			take_option(m, plan, s, i, &s->is.options[j]);
	}
}

void
migrate_services(struct migration *m)
{
	struct plan plan = { 0 };

	if (!m->master_file)
		return;
	for (size_t i = 0; i < m->service_count; i++)
		take_service(m, &plan, &m->services[i]);
	for (int i = 0; i < LISTENERS; i++)
		make_listener(m, &plan, i);
}
