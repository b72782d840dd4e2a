/* cli/migrate_main.c - what lines of Postfix's main.cf become here when they do not stay as they are */
#include "cli/migrate.h"

#include "audit/audit.h"
#include "base/mem.h"

#include <string.h>
#include <time.h>

/* ---- the rules ---- */

static void
translate(struct setting *s, const char *why)
{
	s->out = false;
	s->found = FOUND_TRANSLATED;
	s->why = str_c(why);
}

static void
ignore(struct setting *s, str why)
{
	s->out = false;
	s->found = FOUND_IGNORED;
	s->why = why;
}

/* In place of settings[i], name = value; that is said where the old one stood. */
static void
replace(struct migration *m, size_t i, str name, str value)
{
	struct setting *s = &m->settings[i];

	s->why = arena_printf(&m->arena, "%.*s = %.*s", STR_ARG(name), STR_ARG(value));
	s->out = false;
	s->found = FOUND_TRANSLATED;
	migrate_make(m, s->file, s->line, name, value)->silent = true;
}

static void
passwords_are_here(struct migration *m, size_t i)
{
	if (m->settings[i].value.n)
		translate(&m->settings[i],
			"passwords are kept here: `postrider user import FILE` takes Dovecot's passwd-file");
}

static void
mailboxes_are_here(struct migration *m, size_t i)
{
	if (m->settings[i].value.n)
		translate(&m->settings[i],
			"mailboxes are here: `postrider user import` makes the accounts, `postrider mailbox "
			"import` brings the mail");
}

/* Programs and servers that put mail into mailboxes, and nothing else. */
static bool
is_delivery(str value)
{
	static const str words[] = { SC("lmtp"), SC("dovecot"), SC("deliver"), SC("dovecot-lda"),
		SC("dovecot-lmtp"), SC("cyrus"), SC("zarafa"), SC("dbmail-lmtp") };

	for (size_t i = 0; i < COUNT(words); i++)
		if (migrate_has_word(value, words[i]))
			return true;
	return false;
}

static void
delivery(struct migration *m, size_t i)
{
	if (is_delivery(m->settings[i].value))
		mailboxes_are_here(m, i);
}

static void
old_tls_level(struct migration *m, size_t i)
{
	struct setting *s = &m->settings[i];
	bool enforce = str_eq(s->name, S("smtpd_enforce_tls"));

	if (!str_eq_nocase(s->value, S("yes")))
		ignore(s, S("see smtpd_tls_security_level"));
	else if (migrate_find(m, S("smtpd_tls_security_level")))
		ignore(s, S("smtpd_tls_security_level is set"));
	else
		replace(m, i, S("smtpd_tls_security_level"), enforce ? S("encrypt") : S("may"));
}

/* smtp_use_tls and its kind: what to write stands in conf/foreign.def as "NAME = VALUE", or as NAME. */
static void
old_name(struct migration *m, size_t i, str modern)
{
	struct setting *s = &m->settings[i];
	size_t equals = str_find(modern, '=');
	str name = str_trim(str_sub(modern, 0, equals));

	if (str_find(name, ' ') < name.n)
		return; /* words for people; the loader says them */
	if (migrate_find(m, name))
		ignore(s, arena_printf(&m->arena, "%.*s is set", STR_ARG(name)));
	else
		replace(m, i, name, equals < modern.n ? str_trim(str_from(modern, equals + 1)) : s->value);
}

static void
proxy_interfaces(struct migration *m, size_t i)
{
	struct setting *dest = migrate_find(m, S("mydestination"));
	str value = dest ? dest->value : S("$myhostname, localhost.$mydomain, localhost");
	str rest = m->settings[i].value, item;

	if (rest.n == 0)
		return;
	for (;;) {
		while (rest.n && (rest.p[0] == ',' || ascii_space(rest.p[0])))
			rest = str_from(rest, 1);
		if (rest.n == 0)
			break;
		item = str_sub(rest, 0, MIN(str_find(rest, ','), str_find(rest, ' ')));
		rest = str_from(rest, item.n);
		value = arena_printf(&m->arena,
			str_find(item, ':') < item.n ? "%.*s, [IPv6:%.*s]" : "%.*s, [%.*s]", STR_ARG(value),
			STR_ARG(item));
	}
	if (dest)
		translate(dest, "with the addresses of proxy_interfaces, see there");
	replace(m, i, S("mydestination"), value);
}

static void
mynetworks_style(struct migration *m, size_t i)
{
	if (migrate_find(m, S("mynetworks")))
		ignore(&m->settings[i], S("mynetworks is set"));
}

/* A second certificate that is the first one. */
static void
same_file(struct migration *m, size_t i)
{
	struct setting *s = &m->settings[i];

	if (str_eq(s->value, S("$smtpd_tls_cert_file")) || str_eq(s->value, S("$smtpd_tls_key_file")))
		ignore(s, S("it is the file that is used anyway"));
	else if (s->value.n) {
		s->out = false;
		s->found = FOUND_UNSUPPORTED;
		s->why = S("write key and certificates of each kind into one file, and all those files into "
			   "smtpd_tls_chain_files");
	}
}

/* clang-format off */
static const struct rule {
	str name;
	void (*apply)(struct migration *m, size_t i);
} rules[] = {
	{ SC("smtpd_use_tls"),	       old_tls_level },
	{ SC("smtpd_enforce_tls"),     old_tls_level },
	{ SC("smtpd_sasl_type"),       passwords_are_here },
	{ SC("smtpd_sasl_path"),       passwords_are_here },
	{ SC("smtpd_sasl_application_name"), passwords_are_here },
	{ SC("smtpd_sasl_service"),    passwords_are_here },
	{ SC("home_mailbox"),	       mailboxes_are_here },
	{ SC("mail_spool_directory"),  mailboxes_are_here },
	{ SC("virtual_mailbox_base"),  mailboxes_are_here },
	{ SC("mailbox_command"),       delivery },
	{ SC("mailbox_transport"),     delivery },
	{ SC("local_transport"),       delivery },
	{ SC("virtual_transport"),     delivery },
	{ SC("proxy_interfaces"),      proxy_interfaces },
	{ SC("mynetworks_style"),      mynetworks_style },
	{ SC("smtpd_tls_dcert_file"),  same_file },
	{ SC("smtpd_tls_dkey_file"),   same_file },
	{ SC("smtpd_tls_eccert_file"), same_file },
	{ SC("smtpd_tls_eckey_file"),  same_file },
};
/* clang-format on */

void
migrate_settings(struct migration *m)
{
	size_t n = m->n; /* what rules add needs no rule */

	for (size_t i = 0; i < n; i++) {
		const char *why;

		for (size_t r = 0; r < COUNT(rules) && m->settings[i].out; r++)
			if (str_eq(m->settings[i].name, rules[r].name))
				rules[r].apply(m, i);
		if (m->settings[i].out &&
			conf_judge(m->settings[i].name, m->settings[i].value, &why) == CONF_OLD_NAME &&
			!migrate_mentions(m, m->settings[i].name, &m->settings[i]))
			old_name(m, i, str_c(why));
	}
}

/* ---- what is dangerous ---- */

/* The n-th setting that stands in the new file, from 1. */
static struct setting *
setting_at(struct migration *m, uint64_t line)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->settings[i].out && --line == 0)
			return &m->settings[i];
	return NULL;
}

/* "main.cf:3" */
static struct setting *
setting_of(struct migration *m, str where, const char *path)
{
	uint64_t line;

	if (!str_take(&where, str_c(path)) || !str_take(&where, S(":")) || !str_to_u64(where, m->n, &line) ||
		line == 0)
		return NULL;
	return setting_at(m, line);
}

void
migrate_dangers(struct migration *m, const struct conf *conf, const char *path)
{
	struct audit a = { 0 };

	audit_config(&a, conf, path, (int64_t)time(NULL) * 1000);
	for (size_t i = 0; i < a.count; i++) {
		const struct audit_check *check = audit_check(a.findings[i].id);
		struct setting *s = setting_of(m, a.findings[i].where, path);

		if (!s || check->severity < AUDIT_MEDIUM || s->found == FOUND_DANGEROUS)
			continue; /* a default of ours, a file; one reason is enough */
		s->found = FOUND_DANGEROUS;
		s->silent = false;
		s->why = arena_printf(&m->arena, "%s (%.*s). %s%s%.*s", check->what,
			STR_ARG(a.findings[i].detail), check->mend, s->changed ? " " : "",
			STR_ARG(s->changed ? s->why : S("")));
	}
	audit_done(&a);
}

bool
migrate_leave_out_relay(struct migration *m, const struct conf *conf, const char *path)
{
	struct buf report = { 0 };
	struct setting *s = NULL;
	str text, where;

	if (audit_open_relay(conf, &report)) {
		text = buf_str(&report);
		where = str_sub(text, 0, str_find_str(text, S(": error: ")));
		s = setting_of(m, where, path);
		if (s) {
			text = str_from(text, where.n + strlen(": error: "));
			s->out = false;
			s->silent = false;
			s->found = FOUND_DANGEROUS;
			s->why = arena_str(&m->arena, str_sub(text, 0, str_find(text, '\n')));
		}
	}
	buf_done(&report);
	return s != NULL;
}
