#include "audit/inside.h"

#include "base/mem.h"
#include "test/t.h"

#include <sys/stat.h>
#include <unistd.h>

/* Everything a test needs of a configuration: nothing of it is in the way. */
static struct conf *
load(const char *text)
{
	str whole;
	struct arena a = { 0 };
	struct buf report = { 0 };
	struct conf *c = NULL;
	struct conf_source source = { .file = "main.cf", .machine = S("mx.a.test") };

	whole = arena_printf(&a, "%s\nstate_directory = /nonexistent/state\n", text);
	source.text = whole;
	if (conf_parse(&source, &report, &c) != OK) {
		t_print_str("main.cf", buf_str(&report));
		t_fail(__FILE__, __LINE__, "conf_parse");
	}
	buf_done(&report);
	arena_done(&a);
	return c;
}

/* "networks-open main.cf:1; ..." in the order of finding. */
static str
ids_of(struct arena *a, const struct audit *audit)
{
	struct buf b = { 0 };
	str all;

	for (size_t i = 0; i < audit->count; i++)
		buf_printf(&b, "%s%.*s %.*s", i ? "; " : "", STR_ARG(audit_id_name(a, audit->findings[i].id)),
			STR_ARG(audit->findings[i].where));
	all = arena_str(a, buf_str(&b));
	buf_done(&b);
	return all;
}

static void
each_dangerous_setting_is_found_where_it_stands(void **state)
{
	static const struct {
		const char *text, *found;
	} cases[] = {
		{ "", "" },
		{ "mynetworks = 127.0.0.0/8 [::1]/128 192.168.1.0/24 [fd00:1:2:3::]/64 198.51.100.7 8.8.8.8",
			"" },
		{ "\nmynetworks = 0.0.0.0/0", "networks-open main.cf:2; networks-wide main.cf:2" },
		{ "mynetworks = [::]/0", "networks-open main.cf:1; networks-wide main.cf:1" },
		{ "mynetworks = 0.0.0.0/1 128.0.0.0/1",
			"networks-open main.cf:1; networks-wide main.cf:1; networks-wide main.cf:1" },
		{ "mynetworks = !10.0.0.0/8 [::ffff:0:0]/96",
			"networks-open main.cf:1; networks-wide main.cf:1" },
		{ "mynetworks = !0.0.0.0/0 0.0.0.0/0", "networks-wide main.cf:1" },
		{ "mynetworks = 8.0.0.0/7", "networks-wide main.cf:1" },
		{ "mynetworks = [2a00::]/16", "networks-wide main.cf:1" },
		{ "mynetworks = 8.0.0.0/8", "networks-public main.cf:1" },
		{ "mynetworks = 8.8.8.0/24", "networks-public main.cf:1" },
		{ "mynetworks = 8.8.8.8/29", "" },
		{ "mynetworks = [2a00:1::]/48", "networks-public main.cf:1" },
		{ "mynetworks = 10.0.0.0/8", "networks-private main.cf:1" },
		{ "mynetworks = 172.17.0.1", "networks-private main.cf:1" },
		{ "mynetworks = 172.16.0.0/12", "networks-private main.cf:1" },
		{ "mynetworks = 172.18.0.0/24", "" },
		{ "mynetworks = !10.0.0.0/8", "" },
		{ "mynetworks_helo_limit = 0", "networks-unwatched main.cf:1" },
		{ "open_relay_is_wanted = i-relay-for-everyone", "relay-wanted main.cf:1" },
		{ "smtpd_tls_auth_only = no", "auth-in-clear main.cf:1" },
		{ "smtpd_tls_auth_only = no\nlisten_submission =\nlisten_submissions = 465", "" },
		{ "submission_smtpd_tls_auth_only = no", "auth-in-clear main.cf:1" },
		{ "smtpd_sasl_auth_enable = yes", "auth-on-smtp main.cf:1" },
		{ "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = no",
			"auth-on-smtp main.cf:1; auth-in-clear main.cf:2" },
		{ "login_tls_auth_only = no", "pop3-in-clear main.cf:1" },
		{ "submission_smtpd_tls_security_level = may", "submission-in-clear main.cf:1" },
		{ "smtpd_tls_security_level = none", "no-tls main.cf:1" },
		{ "smtpd_tls_security_level = encrypt", "" },
		{ "disable_vrfy_command = no", "vrfy-for-all main.cf:1" },
		{ "submission_disable_vrfy_command = no", "vrfy-for-all main.cf:1" },
		{ "vrfy_clients = permit_mynetworks permit_sasl_authenticated 10.0.0.0/24 192.0.2.1", "" },
		{ "vrfy_clients = 198.51.0.0/16", "vrfy-clients-wide main.cf:1" },
		{ "vrfy_clients = 0.0.0.0/0", "vrfy-clients-wide main.cf:1" },
		{ "listen_smtp =\nlisten_submission =\nlisten_submissions =\ndisable_vrfy_command = no", "" },
		{ "smtpd_helo_required = no", "helo-not-required main.cf:1" },
		{ "smtpd_forbid_bare_newline = no", "smuggling main.cf:1" },
		{ "smtpd_forbid_bare_newline = note", "smuggling main.cf:1" },
		{ "smtpd_forbid_bare_newline = normalize", "" },
		{ "smtpd_forbid_unauth_pipelining = no", "early-pipelining main.cf:1" },
		{ "smtpd_forbidden_commands = CONNECT", "http-permitted main.cf:1" },
		{ "smtpd_forbidden_commands = get, post", "" },
		{ "smtpd_banner = $myhostname ESMTP Postfix 3.7.11", "banner-tells main.cf:1" },
		{ "smtpd_banner = mx1.2.a.test ESMTP ready", "" },
		{ "smtpd_banner = $myhostname ESMTP (v1.0)", "banner-tells main.cf:1" },
		{ "myhostname = mx.localdomain", "name-is-local main.cf:1" },
		{ "message_size_limit = 0", "no-size-limit main.cf:1" },
		{ "smtpd_client_connection_count_limit = 0", "no-connection-limit main.cf:1" },
		{ "login_client_connection_count_limit = 0", "logins-without-limit main.cf:1" },
		{ "smtpd_hard_error_limit = 1000", "no-error-limit main.cf:1" },
		{ "smtpd_min_data_rate = 0", "no-least-pace main.cf:1" },
		{ "queue_minfree = 0", "no-free-space main.cf:1" },
		{ "smtpd_tls_protocols = >=TLSv1", "old-tls-asked main.cf:1" },
		{ "smtpd_tls_mandatory_protocols = !SSLv2, !SSLv3", "" },
		{ "smtpd_authorized_xclient_hosts = 127.0.0.0/8 192.0.2.7", "" },
		{ "smtpd_authorized_xclient_hosts = 192.168.1.0/24", "peers-wide main.cf:1" },
		{ "smtpd_upstream_proxy_hosts = 10.0.0.0/8", "peers-wide main.cf:1" },
		{ "smtpd_authorized_xforward_hosts = [2a00::]/64", "peers-wide main.cf:1" },
		{ "lmtp_authorized_hosts = 192.168.1.0/24", "" },
		{ "lmtp_authorized_hosts = 10.0.0.0/8", "lmtp-for-many main.cf:1" },
		{ "lmtp_authorized_hosts = 8.8.8.0/24", "lmtp-for-many main.cf:1" },
		{ "listen_lmtp = 127.0.0.1:24 [::1]:24 unix:/run/lmtp", "" },
		{ "listen_lmtp = 192.0.2.1:24", "lmtp-outside main.cf:1" },
		{ "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, "
		  "defer_unauth_destination",
			"" },
		{ "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject", "" },
		{ "smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_recipient_restrictions = "
		  "permit",
			"" },
		{ "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, "
		  "reject_unauth_destination",
			"" },
		{ "smtpd_sender_restrictions = check_sender_access inline:{a.test=OK}", "" },
		{ "smtpd_relay_restrictions = permit_mynetworks", "lists-open main.cf:1" },
		{ "smtpd_relay_restrictions = check_client_access static:OK, reject_unauth_destination",
			"lists-open main.cf:1" },
		{ "smtpd_relay_restrictions = check_client_access inline:{10.1.1.1=OK}, "
		  "reject_unauth_destination",
			"" },
		{ "mydestination = a.test\nsmtpd_relay_restrictions = check_sender_access "
		  "inline:{a.test=OK}, "
		  "reject_unauth_destination",
			"lists-open main.cf:2" },
		{ "smtpd_relay_restrictions = check_helo_access inline:{localhost=OK}, "
		  "reject_unauth_destination",
			"lists-open main.cf:1" },
		{ "\nsmtpd_relay_restrictions = no_such_verb, reject_unauth_destination",
			"lists-wrong main.cf:2" },
		{ "mail_owner = root", "owner-is-root main.cf:1" },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c) {
		struct conf *conf = load(c->text);
		struct audit audit = { 0 };

		audit_config(&audit, conf, NULL, 1700000000000);
		if (!str_eq(ids_of(&a, &audit), str_c(c->found)))
			print_error("%s\n", c->text);
		CHECK_C(ids_of(&a, &audit), c->found);
		CHECK_INT(audit_count_failed(&audit), 0);
		CHECK(audit_count_ran(&audit) > 20);
		audit_done(&audit);
		conf_free(conf);
	}
	arena_done(&a);
}

static void
an_open_relay_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *report;
		bool refused;
	} cases[] = {
		{ "", "", false },
		{ "mynetworks = 10.0.0.0/8 192.168.0.0/16 172.16.0.0/12", "", false },
		{ "mynetworks = 8.0.0.0/8 9.0.0.0/8", "", false },
		{ "mynetworks = !0.0.0.0/0 0.0.0.0/0", "", false },
		{ "\n\nmynetworks = 127.0.0.1, 0.0.0.0/0",
			"main.cf:3: error: mynetworks = 127.0.0.1, 0.0.0.0/0: ", true },
		{ "mynetworks = 0.0.0.0/4 16.0.0.0/4", "main.cf:1: error: ", true },
		{ "mynetworks = 0.0.0.0/1 128.0.0.0/1", "main.cf:1: error: ", true },
		{ "mynetworks = !127.0.0.0/8 !10.0.0.0/8 0.0.0.0/0", "main.cf:1: error: ", true },
		{ "mynetworks = [::]/0", "main.cf:1: error: ", true },
		{ "mynetworks = [2000::]/3", "main.cf:1: error: ", true },
		{ "smtpd_authorized_xclient_hosts = 0.0.0.0/0",
			"main.cf:1: error: smtpd_authorized_xclient_hosts = ", true },
		{ "smtpd_upstream_proxy_hosts = 0.0.0.0/0", "", false },
		{ "smtpd_upstream_proxy_protocol = haproxy\nsmtpd_upstream_proxy_hosts = [::]/0",
			"main.cf:2: error: smtpd_upstream_proxy_hosts = ", true },
		{ "smtpd_relay_restrictions = check_client_access static:OK, reject_unauth_destination",
			"main.cf:1: error: smtpd_relay_restrictions = ", true },
		{ "mydestination = a.test\nsmtpd_relay_restrictions = check_sender_access "
		  "inline:{a.test=OK}, "
		  "reject_unauth_destination",
			"main.cf:2: error: smtpd_relay_restrictions = ", true },
		{ "smtpd_relay_restrictions = check_sender_access inline:{a.test=REJECT}, "
		  "reject_unauth_destination",
			"", false },
		{ "nets = 0.0.0.0/0\nmynetworks = $nets", "main.cf:2: error: ", true },
		{ "mynetworks = 0.0.0.0/0\nopen_relay_is_wanted = i-relay-for-everyone",
			"main.cf:1: warning: ", false },
		{ "mynetworks = 0.0.0.0/0\nopen_relay_is_wanted = no", "main.cf:1: error: ", true },
	};

	(void)state;
	EACH(cases, c) {
		struct conf *conf = load(c->text);
		struct buf report = { 0 };

		CHECK_INT(audit_open_relay(conf, &report), c->refused);
		CHECK_C(str_sub(buf_str(&report), 0, strlen(c->report)), c->report);
		CHECK((report.n == 0) == (c->report[0] == '\0'));
		buf_done(&report);
		conf_free(conf);
	}
}

static void
versions_in_greetings_are_seen(void **state)
{
	static const struct {
		const char *greeting, *word;
	} cases[] = {
		{ "", NULL },
		{ "mx.a.test ESMTP", NULL },
		{ "mx1.10.a.test ESMTP Postfix", NULL },
		{ "mx.a.test ESMTP Postfix (Debian/GNU)", NULL },
		{ "mx.a.test ESMTP Exim 4.96 Fri, 27 Nov 2026 22:10:17 +0000", "4.96" },
		{ "mx.a.test ESMTP Sendmail 8.15.2/8.15.2; Fri", "8.15.2/8.15.2;" },
		{ "mx.a.test Microsoft ESMTP MAIL Service, Version: 10.0.17763.1 ready", "10.0.17763.1" },
		{ "mx.a.test ready at 10.", NULL },
	};

	(void)state;
	EACH(cases, c) {
		str word = S("");

		CHECK(audit_tells_version(str_c(c->greeting), &word) == (c->word != NULL));
		CHECK_C(word, c->word ? c->word : "");
	}
}

static void
times_differ_when_their_middles_do(void **state)
{
	static const struct {
		int64_t x[4], y[4];
		bool differ;
	} cases[] = {
		{ { 100, 110, 105, 90 }, { 120, 80, 100, 95 }, false },
		{ { 100, 110, 105, 90 }, { 30000, 31000, 29000, 30500 }, true },
		{ { 30000, 31000, 29000, 30500 }, { 100, 110, 105, 90 }, true },
		{ { 100, 110, 105, 90 }, { 100, 110, 105, 900000 }, false }, /* a straggler */
		{ { 100, 20000, 100, 20000 }, { 100, 20000, 40000, 20000 }, false },
		{ { 1000, 1100, 1050, 1010 }, { 3000, 3100, 3050, 3010 }, false }, /* a network hides that */
	};

	(void)state;
	EACH(cases, c) {
		int64_t x[4], y[4];

		memcpy(x, c->x, sizeof(x));
		memcpy(y, c->y, sizeof(y));
		CHECK_INT(audit_times_differ(x, y, 4), c->differ);
	}
}

static void
certificates_are_judged(void **state)
{
	static const struct {
		const char *name;
		int at_days; /* of 30 */
		const char *found;
	} cases[] = {
		{ "mx.a.test", 1, "" },
		{ "other.test", 1, "certificate-of-other cert" },
		{ "mx.a.test", 20, "certificate-expires cert" },
		{ "mx.a.test", 31, "certificate-expired cert" },
		{ "mx.a.test", -3, "certificate-expired cert" },
	};
	static const struct audit_certificate_checks checks = { AUDIT_CERTIFICATE_EXPIRED,
		AUDIT_CERTIFICATE_EXPIRES, AUDIT_CERTIFICATE_OF_OTHER, AUDIT_CERTIFICATE_WEAK };
	const int64_t day_ms = 86400000, from_ms = 1700000000000;
	struct arena a = { 0 };
	struct buf cert = { 0 }, key = { 0 }, why = { 0 };

	(void)state;
	CHECK(tls_self_signed(S("mx.a.test"), 30, from_ms, &cert, &key) == OK);
	EACH(cases, c) {
		struct audit audit = { 0 };
		struct tls_cert_facts f;

		CHECK(tls_cert_facts(&a, buf_str(&cert), str_c(c->name), &why, &f) == OK);
		CHECK(f.self_signed && !f.weak && f.key_bits == 256);
		CHECK_C(f.names, "mx.a.test");
		audit_judge_certificate(
			&audit, &checks, S("cert"), &f, str_c(c->name), from_ms + c->at_days * day_ms);
		CHECK_C(ids_of(&a, &audit), c->found);
		audit_done(&audit);
	}
	CHECK(tls_cert_facts(&a, S("nothing"), S("x"), &why, &(struct tls_cert_facts){ 0 }) == BAD_ARGUMENT);
	CHECK(why.n > 0);
	buf_done(&why);
	buf_done(&cert);
	buf_done(&key);
	arena_done(&a);
}

static void
what_a_peer_said_stays_one_printable_line(void **state)
{
	struct audit audit = { 0 };

	(void)state;
	audit_find(&audit, AUDIT_GREETING_TELLS, S("mx:25"), "a\r\nb\033[31m\x9b %s", "\xff");
	CHECK_C(audit.findings[0].detail, "a??b?[31m? ?");
	CHECK_INT(audit_worst(&audit, AUDIT_LOW), 1);
	CHECK_INT(audit_worst(&audit, AUDIT_MEDIUM), 0);
	audit_done(&audit);
}

static void
every_check_says_why_and_what_to_do(void **state)
{
	struct arena a = { 0 };

	(void)state;
	for (int id = 0; id < AUDIT_CHECKS; id++) {
		const struct audit_check *c = audit_check((enum audit_id)id);

		CHECK(strlen(c->what) > 10 && strlen(c->why) > 10 && strlen(c->mend) >= 10);
		CHECK(c->why[strlen(c->why) - 1] == '.' && c->what[strlen(c->what) - 1] != '.');
		for (int other = 0; other < id; other++)
			CHECK(!str_eq(audit_id_name(&a, (enum audit_id)id),
				audit_id_name(&a, (enum audit_id)other)));
	}
	arena_done(&a);
}

T_MAIN(T(each_dangerous_setting_is_found_where_it_stands), T(an_open_relay_is_refused_with_its_line),
	T(versions_in_greetings_are_seen), T(times_differ_when_their_middles_do), T(certificates_are_judged),
	T(what_a_peer_said_stays_one_printable_line), T(every_check_says_why_and_what_to_do))
