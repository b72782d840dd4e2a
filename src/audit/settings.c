/* audit/settings.c - settings that open a door, one row each where a value alone says it */
#include "audit/inside.h"

#include "base/mem.h"

#include <limits.h>

enum view { SMTP = 1, SUBMISSION = 2, SUBMISSIONS = 4, ALL = SMTP | SUBMISSION | SUBMISSIONS };
static const struct {
	enum view view;
	const char *name;
	enum conf_id listens;
} views[] = {
	{ SMTP, "", CONF_listen_smtp },
	{ SUBMISSION, "submission", CONF_listen_submission },
	{ SUBMISSIONS, "submissions", CONF_listen_submissions },
};

/* clang-format off */
static const struct {
	enum audit_id id;
	enum conf_id param;
	unsigned views;     /* of the listeners that listen */
	int64_t least, most; /* a number in between is dangerous: BOOL 0 and 1, ENUM the index of the word */
} rows[] = {
	{ AUDIT_POP3_IN_CLEAR,         CONF_login_tls_auth_only,                   0,          0, 0 },
	{ AUDIT_LOGINS_WITHOUT_LIMIT,  CONF_login_client_connection_count_limit,   0,          0, 0 },
	{ AUDIT_SUBMISSION_IN_CLEAR,   CONF_smtpd_tls_security_level,              SUBMISSION, 0, 1 },
	{ AUDIT_AUTH_ON_SMTP,          CONF_smtpd_sasl_auth_enable,                SMTP,       1, 1 },
	{ AUDIT_VRFY_FOR_ALL,          CONF_disable_vrfy_command,                  ALL,        0, 0 },
	{ AUDIT_HELO_NOT_REQUIRED,     CONF_smtpd_helo_required,                   ALL,        0, 0 },
	{ AUDIT_SMUGGLING,             CONF_smtpd_forbid_bare_newline,             ALL,        0, 1 },
	{ AUDIT_EARLY_PIPELINING,      CONF_smtpd_forbid_unauth_pipelining,        ALL,        0, 0 },
	{ AUDIT_NO_SIZE_LIMIT,         CONF_message_size_limit,                    ALL,        0, 0 },
	{ AUDIT_NO_CONNECTION_LIMIT,   CONF_smtpd_client_connection_count_limit,   ALL,        0, 0 },
	{ AUDIT_NO_ERROR_LIMIT,        CONF_smtpd_hard_error_limit,                ALL,        101, INT64_MAX },
	{ AUDIT_NO_LEAST_PACE,         CONF_smtpd_min_data_rate,                   ALL,        0, 0 },
	{ AUDIT_NO_FREE_SPACE,         CONF_queue_minfree,                         0,          0, 0 },
	{ AUDIT_NO_TLS,                CONF_smtpd_tls_security_level,              SMTP,       0, 0 },
	{ AUDIT_RELAY_WANTED,          CONF_open_relay_is_wanted,                  0,          1, 1 },
	{ AUDIT_NETWORKS_UNWATCHED,    CONF_mynetworks_helo_limit,                 0,          0, 0 },
};
/* clang-format on */

static bool
listens(const struct conf *c, enum conf_id id)
{
	size_t n = 0;

	(void)conf_list(c, id, &n);
	return n > 0;
}

static int64_t
number_of(const struct conf *c, enum conf_id id)
{
	struct conf_origin o;

	conf_origin(c, id, &o);
	return o.type == CONF_BOOL ? conf_bool(c, id) : conf_int(c, id);
}

static void
find_setting(
	struct audit *a, const struct conf *c, enum audit_id check, const char *listener, enum conf_id id)
{
	struct conf_origin o;

	conf_origin(c, id, &o);
	audit_find(a, check, audit_where(&a->arena, c, id), "%s%s%s = %.*s", listener, listener[0] ? "_" : "",
		o.name, STR_ARG(str_sub(o.text, 0, 200)));
}

/* A listener that has the plain value shows nothing new. */
static bool
same_line(const struct conf *x, const struct conf *y, enum conf_id id)
{
	struct conf_origin ox, oy;

	conf_origin(x, id, &ox);
	conf_origin(y, id, &oy);
	return ox.file == oy.file && ox.line == oy.line && str_eq(ox.text, oy.text);
}

static void
judge_row(struct audit *a, const struct conf *c, size_t row)
{
	const struct conf *told = NULL;

	audit_ran(a, rows[row].id);
	if (rows[row].views == 0) {
		int64_t n = number_of(c, rows[row].param);
		if (n >= rows[row].least && n <= rows[row].most)
			find_setting(a, c, rows[row].id, "", rows[row].param);
		return;
	}
	for (size_t i = 0; i < COUNT(views); i++) {
		const struct conf *v = conf_for(c, views[i].name);
		int64_t n = number_of(v, rows[row].param);

		if (!(rows[row].views & views[i].view) || !listens(c, views[i].listens) ||
			n < rows[row].least || n > rows[row].most ||
			(told && same_line(told, v, rows[row].param)))
			continue;
		find_setting(a, v, rows[row].id, views[i].name, rows[row].param);
		told = v;
	}
}

/* ---- what takes more than one value to say ---- */

static void
auth_in_clear(struct audit *a, const struct conf *c)
{
	const struct conf *told = NULL;

	audit_ran(a, AUDIT_AUTH_IN_CLEAR);
	for (size_t i = 0; i < COUNT(views); i++) {
		const struct conf *v = conf_for(c, views[i].name);

		if (views[i].view == SUBMISSIONS ||
			!listens(c, views[i].listens) || /* TLS from the first octet */
			!conf_bool(v, CONF_smtpd_sasl_auth_enable) ||
			conf_bool(v, CONF_smtpd_tls_auth_only) ||
			(told && same_line(told, v, CONF_smtpd_tls_auth_only)))
			continue;
		find_setting(a, v, AUDIT_AUTH_IN_CLEAR, views[i].name, CONF_smtpd_tls_auth_only);
		told = v;
	}
}

static void
http_permitted(struct audit *a, const struct conf *c)
{
	audit_ran(a, AUDIT_HTTP_PERMITTED);
	if (!conf_has_word(c, CONF_smtpd_forbidden_commands, S("GET")) ||
		!conf_has_word(c, CONF_smtpd_forbidden_commands, S("POST")))
		find_setting(a, c, AUDIT_HTTP_PERMITTED, "", CONF_smtpd_forbidden_commands);
}

/* "Postfix 3.7.11": a word of digits and dots behind the name of the server. */
bool
audit_tells_version(str banner, str *ret_word)
{
	str word;

	(void)str_take_word(&banner, &word); /* a name may have digits */
	while (str_take_word(&banner, &word)) {
		str bare = word;
		bool dotted = false;

		while (bare.n && !ascii_digit(bare.p[0]))
			bare = str_from(bare, 1);
		for (size_t i = 1; i + 1 < bare.n; i++)
			dotted |=
				bare.p[i] == '.' && ascii_digit(bare.p[i - 1]) && ascii_digit(bare.p[i + 1]);
		if (dotted) {
			*ret_word = word;
			return true;
		}
	}
	return false;
}

static void
banner_tells(struct audit *a, const struct conf *c)
{
	str word;

	audit_ran(a, AUDIT_BANNER_TELLS);
	if (audit_tells_version(conf_str(c, CONF_smtpd_banner), &word))
		find_setting(a, c, AUDIT_BANNER_TELLS, "", CONF_smtpd_banner);
}

static void
name_is_local(struct audit *a, const struct conf *c)
{
	static const char *const tails[] = { ".localdomain", ".local", ".lan", ".internal", ".home.arpa" };
	str name = conf_str(c, CONF_myhostname);
	bool local = str_find(name, '.') == name.n;

	audit_ran(a, AUDIT_NAME_IS_LOCAL);
	for (size_t i = 0; i < COUNT(tails); i++)
		local |= str_ends_nocase(name, str_c(tails[i]));
	if (local)
		find_setting(a, c, AUDIT_NAME_IS_LOCAL, "", CONF_myhostname);
}

static void
old_tls(struct audit *a, const struct conf *c, enum conf_id id)
{
	static const char *const words[] = { "SSLv2", "SSLv3", "TLSv1", "TLSv1.1" };
	size_t n = 0;
	const str *items = conf_list(c, id, &n);

	audit_ran(a, AUDIT_OLD_TLS_ASKED);
	for (size_t i = 0; i < n; i++) {
		str item = items[i];

		(void)str_take(&item, S(">="));
		for (size_t w = 0; w < COUNT(words); w++)
			if (str_eq_nocase(item, str_c(words[w]))) {
				find_setting(a, c, AUDIT_OLD_TLS_ASKED, "", id);
				return;
			}
	}
}

static void
owner_is_root(struct audit *a, const struct conf *c)
{
	audit_ran(a, AUDIT_OWNER_IS_ROOT);
	if (str_eq(conf_str(c, CONF_mail_owner), S("root")))
		find_setting(a, c, AUDIT_OWNER_IS_ROOT, "", CONF_mail_owner);
}

void
audit_settings(struct audit *a, const struct conf *c)
{
	for (size_t row = 0; row < COUNT(rows); row++)
		judge_row(a, c, row);
	auth_in_clear(a, c);
	http_permitted(a, c);
	banner_tells(a, c);
	name_is_local(a, c);
	old_tls(a, c, CONF_smtpd_tls_protocols);
	old_tls(a, c, CONF_smtpd_tls_mandatory_protocols);
	owner_is_root(a, c);
}
