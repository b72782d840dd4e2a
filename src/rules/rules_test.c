#include "rules/rules_test.h"

#include "test/t.h"

#define OPEN "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"

static void
names_of_hosts(void **state)
{
	static const struct {
		str name;
		bool ok;
	} names[] = {
		{ SC("mx.a.test"), true },
		{ SC("localhost"), true },
		{ SC("a_b.test"), true },
		{ SC("xn--bcher-kva.test"), true },
		{ SC("1and1.test"), true },
		{ SC("b\xc3\xbc"
		     "cher.test"),
			true },
		{ SC(""), false },
		{ SC("."), false },
		{ SC(".a"), false },
		{ SC("a."), false },
		{ SC("a..b"), false },
		{ SC("-a.test"), false },
		{ SC("a-.test"), false },
		{ SC("a.test-"), false },
		{ SC("192.0.2.1"), false },
		{ SC("12345"), false },
		{ SC("a b"), false },
		{ SC("a/b"), false },
		{ SC("\xff.test"), false },
		{ SC("0123456789012345678901234567890123456789012345678901234567890123.test"), false },
		{ SC("012345678901234567890123456789012345678901234567890123456789012.test"), true },
	};

	(void)state;
	EACH(names, c)
		if (rules_hostname_ok(c->name) != c->ok) {
			t_print_str("name", c->name);
			t_fail(__FILE__, __LINE__, "hostname");
		}
}

static void
what_an_access_table_may_answer(void **state)
{
	static const struct {
		str value;
		enum rules_action action;
		int code;
		str status, text;
	} values[] = {
		{ SC("OK"), RULES_OK, 0, SC(""), SC("") },
		{ SC("ok and more"), RULES_OK, 0, SC(""), SC("and more") },
		{ SC("RELAY"), RULES_OK, 0, SC(""), SC("") },
		{ SC("1234567"), RULES_OK, 0, SC(""), SC("1234567") },
		{ SC("550"), RULES_OK, 0, SC(""), SC("550") }, /* as Postfix: a number alone is OK */
		{ SC("DUNNO"), RULES_DUNNO, 0, SC(""), SC("") },
		{ SC("REJECT"), RULES_REJECT, 0, SC(""), SC("") },
		{ SC("reject no spam"), RULES_REJECT, 0, SC(""), SC("no spam") },
		{ SC("REJECT 5.7.9 no spam"), RULES_REJECT, 0, SC("5.7.9"), SC("no spam") },
		{ SC("REJECT 5.7.9"), RULES_REJECT, 0, SC("5.7.9"), SC("") },
		{ SC("REJECT 5.7.9999 no"), RULES_REJECT, 0, SC(""), SC("5.7.9999 no") },
		{ SC("REJECT 3.7.1 no"), RULES_REJECT, 0, SC(""), SC("3.7.1 no") },
		{ SC("DEFER\tlater"), RULES_DEFER, 0, SC(""), SC("later") },
		{ SC("DEFER_IF_PERMIT  4.2.0 later"), RULES_DEFER_IF_PERMIT, 0, SC("4.2.0"), SC("later") },
		{ SC("DEFER_IF_REJECT"), RULES_DEFER_IF_REJECT, 0, SC(""), SC("") },
		{ SC("450 not now"), RULES_CODE, 450, SC(""), SC("not now") },
		{ SC("571 5.1.8 gone"), RULES_CODE, 571, SC("5.1.8"), SC("gone") },
		{ SC("250 fine"), RULES_LIST, 0, SC(""), SC("250 fine") },
		{ SC("650 fine"), RULES_LIST, 0, SC(""), SC("650 fine") },
		{ SC("WARN odd"), RULES_WARN, 0, SC(""), SC("odd") },
		{ SC("INFO odd"), RULES_INFO, 0, SC(""), SC("odd") },
		{ SC("HOLD"), RULES_HOLD, 0, SC(""), SC("") },
		{ SC("DISCARD quietly"), RULES_DISCARD, 0, SC(""), SC("quietly") },
		{ SC("FILTER smtp:[127.0.0.1]:10025"), RULES_FILTER, 0, SC(""),
			SC("smtp:[127.0.0.1]:10025") },
		{ SC("PREPEND X-A: b"), RULES_PREPEND, 0, SC(""), SC("X-A: b") },
		{ SC("REDIRECT ben@a.test"), RULES_REDIRECT, 0, SC(""), SC("ben@a.test") },
		{ SC("BCC ben@a.test"), RULES_BCC, 0, SC(""), SC("ben@a.test") },
		{ SC("permit_mynetworks, reject"), RULES_LIST, 0, SC(""), SC("permit_mynetworks, reject") },
		{ SC(""), RULES_LIST, 0, SC(""), SC("") },
	};

	(void)state;
	EACH(values, c) {
		struct rules_result r;

		rules_result_parse(c->value, &r);
		CHECK_INT(r.action, c->action);
		CHECK_INT(r.code, c->code);
		CHECK_STR(r.status, c->status);
		CHECK_STR(r.text, c->text);
	}
}

static void
what_a_policy_service_answers(void **state)
{
	static const struct {
		str in;
		bool whole, ok;
		str action;
		size_t rest;
	} answers[] = {
		{ SC("action=DUNNO\n\n"), true, true, SC("DUNNO"), 0 },
		{ SC("action=REJECT no\n\nmore"), true, true, SC("REJECT no"), 4 },
		{ SC("x=y\naction= OK \nz=1\n\n"), true, true, SC("OK"), 0 },
		{ SC("action=OK\r\n\r\n"), true, true, SC("OK"), 0 },
		{ SC("action=OK\naction=REJECT\n\n"), true, true, SC("OK"), 0 },
		{ SC("action=OK\n"), false, false, SC(""), 10 },
		{ SC("action=OK"), false, false, SC(""), 9 },
		{ SC(""), false, false, SC(""), 0 },
		{ SC("\n"), true, false, SC(""), 0 },
		{ SC("action=\n\n"), true, false, SC(""), 0 },
		{ SC("noaction=OK\n\n"), true, false, SC(""), 0 },
		{ SC("action=PREPEND X-A: b\rX-C: d\n\n"), true, false, SC(""), 0 },
	};

	(void)state;
	EACH(answers, c) {
		str in = c->in, action = S("");
		bool ok = false;

		CHECK_INT(rules_policy_answer(&in, &action, &ok), c->whole);
		CHECK_INT(ok, c->ok);
		CHECK_STR(action, c->action);
		CHECK_INT(in.n, c->rest);
	}
}

static void
what_a_policy_service_is_asked(void **state)
{
	struct peer peer;
	struct addr sender = { .local = S("ann\nrecipient=x"), .domain = S("a.test") };
	struct addr rcpt = { .local = S("ben"), .domain = S("A.test") };
	const struct rules_policy p = { .context = S("inbound") };
	struct rules_facts f = { .client = &peer,
		.client_name = S("mx.b.test"),
		.reverse_name = S("mx.b.test"),
		.helo = S("mx\r\n\nevil=1"),
		.user = S("ann@a.test"),
		.auth_method = "PLAIN",
		.sender = &sender,
		.rcpt = &rcpt,
		.rcpt_count = 3,
		.size = 1000,
		.instance = S("abc.1"),
		.tls_version = "TLSv1.3",
		.tls_bits = 256,
		.esmtp = true };
	struct buf b = { 0 };

	(void)state;
	CHECK(peer_parse(S("192.0.2.7"), &peer));
	peer.port = 1234;
	rules_policy_request(&b, &f, RULES_AT_RCPT, &p);
	CHECK_C(buf_str(&b),
		"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
		"client_address=192.0.2.7\nclient_name=mx.b.test\nclient_port=1234\n"
		"reverse_client_name=mx.b.test\nserver_address=\nserver_port=\nhelo_name=mx???evil=1\n"
		"sender=\"ann?recipient=x\"@a.test\nrecipient=ben@a.test\nrecipient_count=0\nqueue_id=\n"
		"instance=abc.1\nsize=1000\netrn_domain=\nstress=\nsasl_method=PLAIN\n"
		"sasl_username=ann@a.test\nsasl_sender=\nccert_subject=\nccert_issuer=\n"
		"ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
		"encryption_cipher=\nencryption_keysize=256\npolicy_context=inbound\n\n");
	buf_done(&b);
}

/* ---- what is not understood ---- */

static void
lists_that_are_wrong_are_errors_with_their_line(void **state)
{
	static const struct {
		const char *lines, *finding;
	} cases[] = {
		{ "smtpd_client_restrictions = permit_mynetwork",
			"main.cf:1: error: smtpd_client_restrictions: unknown "
			"restriction `permit_mynetwork`; did you mean `permit_mynetworks`?" },
		{ "\n\nsmtpd_client_restrictions = reject_rbl_client zen.b.test",
			"main.cf:3: error: smtpd_client_restrictions: reject_rbl_client is not supported: it "
			"asks DNS" },
		{ "smtpd_sender_restrictions = reject_unknown_sender_domain",
			"is not supported: it asks DNS" },
		{ "smtpd_recipient_restrictions = permit_mx_backup", "write the domains into relay_domains" },
		{ "smtpd_client_restrictions = permit_naked_ip_address", "write permit_mynetworks" },
		{ "smtpd_client_restrictions = check_client_access",
			"check_client_access wants a table behind it" },
		{ "smtpd_client_restrictions = check_client_access permit",
			"wants a table such as hash:/file, not `permit`" },
		{ "smtpd_data_restrictions = static:OK", "write check_client_access" },
		{ "smtpd_client_restrictions = sleep", "sleep wants seconds behind it" },
		{ "smtpd_client_restrictions = sleep long", "sleep wants seconds, at most 3600, not `long`" },
		{ "smtpd_client_restrictions = check_policy_service",
			"wants inet:ADDRESS:PORT or unix:/PATH behind it" },
		{ "smtpd_client_restrictions = check_policy_service unix:private/spf",
			"wants the whole path" },
		{ "smtpd_client_restrictions = check_policy_service inet:policy.b.test:10023",
			"wants inet:ADDRESS:PORT" },
		{ "smtpd_client_restrictions = check_policy_service { inet:127.0.0.1:1, timout=1s }",
			"`timout=1s` is no setting of a policy service" },
		{ "smtpd_restriction_classes = mine\nmine = mine",
			"main.cf:2: error: mine: the class mine refers to itself" },
		{ "smtpd_restriction_classes = one two\none = two\ntwo = one", "refers to itself" },
		{ "smtpd_restriction_classes = mine",
			"main.cf:1: error: smtpd_restriction_classes: `mine` has no line of its own" },
		{ "smtpd_restriction_classes = smtpd_banner\nsmtpd_banner = x",
			"is the name of a parameter" },
		{ "smtpd_restriction_classes = mine\nmine = nonsense",
			"main.cf:2: error: mine: unknown restriction `nonsense`" },
		{ "smtpd_relay_restrictions = permit",
			"main.cf:1: error: smtpd_relay_restrictions: here or in "
			"smtpd_recipient_restrictions must stand at least one working" },
		{ "smtpd_relay_restrictions =", "would relay for everybody" },
		{ "smtpd_relay_restrictions = permit_mynetworks, permit, reject_unauth_destination",
			"would relay for everybody" },
		{ "smtpd_relay_restrictions = warn_if_reject reject_unauth_destination",
			"would relay for everybody" },
		{ "smtpd_relay_restrictions = warn_if_reject, mine\nsmtpd_restriction_classes = mine\nmine = "
		  "reject",
			"would relay for everybody" },
	};

	(void)state;
	EACH(cases, c) {
		struct world w;

		if (world_begin(&w, c->lines) ||
			str_find_str(buf_str(&w.report), str_c(c->finding)) == w.report.n) {
			t_print_str("lines ", str_c(c->lines));
			t_print_str("report", buf_str(&w.report));
			t_fail(__FILE__, __LINE__, c->finding);
		}
		world_end(&w);
	}
}

static void
lists_that_are_odd_are_warnings(void **state)
{
	static const struct {
		const char *lines, *finding;
	} cases[] = {
		{ "smtpd_client_restrictions = permit, reject_unauth_pipelining",
			"what stands behind permit is never reached" },
		{ "smtpd_client_restrictions = warn_if_reject", "nothing stands behind warn_if_reject" },
		{ "smtpd_helo_restrictions = reject_invalid_hostname",
			"has a new name: reject_invalid_helo_hostname" },
		{ "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = reject_unauth_destination",
			"" },
		{ "smtpd_relay_restrictions = mine\nsmtpd_restriction_classes = mine\nmine = "
		  "permit_mynetworks, reject",
			"" },
	};

	(void)state;
	EACH(cases, c) {
		struct world w;

		CHECK(world_begin(&w, c->lines));
		CHECK(str_find_str(buf_str(&w.report), str_c(c->finding)) < w.report.n || !c->finding[0]);
		if (!c->finding[0])
			CHECK_C(buf_str(&w.report), "");
		world_end(&w);
	}
}

/* ---- a recipient and what it is told ---- */

struct case_ {
	const char *lines;
	struct visit v;
	const char *reply;
};

static void
check_cases(const struct case_ *cases, size_t n, enum rules_step step)
{
	for (size_t i = 0; i < n; i++) {
		struct world w;
		str got;

		if (!world_begin(&w, cases[i].lines)) {
			t_print_str("report", buf_str(&w.report));
			t_fail(__FILE__, __LINE__, cases[i].lines);
		}
		got = world_step(&w, &cases[i].v, step);
		if (!str_eq(got, str_c(cases[i].reply))) {
			t_print_str("lines", str_c(cases[i].lines));
			t_check_str(__FILE__, __LINE__, "reply", got, str_c(cases[i].reply));
		}
		world_end(&w);
	}
}
#define RCPT(...) { __VA_ARGS__ }

static void
who_may_send_where(void **state)
{
	static const struct case_ cases[] = {
		{ "", RCPT(), "ok" },
		{ "", RCPT(.rcpt = "dan@b.test"), "554 5.7.1 <dan@b.test>: Relay access denied" },
		{ "", RCPT(.rcpt = "dan@sub.a.test"), "554 5.7.1 <dan@sub.a.test>: Relay access denied" },
		{ "", RCPT(.rcpt = "dan@b.test", .trusted = true), "ok" },
		{ "", RCPT(.rcpt = "dan@b.test", .user = "ann@a.test"), "ok" },
		{ "", RCPT(.rcpt = "nobody@a.test"), "ok" }, /* the caller sees to that */
		{ "", RCPT(.rcpt = "postmaster"), "ok" },
		{ "smtpd_client_restrictions = reject", RCPT(.rcpt = "postmaster"), "ok" },
		{ "relay_domains_reject_code = 450", RCPT(.rcpt = "dan@b.test"),
			"450 4.7.1 <dan@b.test>: Relay access denied" },
		{ "smtpd_relay_restrictions = defer_unauth_destination", RCPT(.rcpt = "dan@b.test"),
			"454 4.7.1 <dan@b.test>: Relay access denied" },
		{ "smtpd_relay_restrictions = permit_auth_destination, reject", RCPT(), "ok" },
		{ "smtpd_relay_restrictions = permit_auth_destination, reject", RCPT(.rcpt = "x@b.test"),
			"554 5.7.1 <x@b.test>: Recipient address rejected: Access denied" },
		{ "smtpd_recipient_restrictions = reject_unlisted_recipient", RCPT(.rcpt = "nobody@a.test"),
			"550 5.1.1 <nobody@a.test>: Recipient address rejected: No such user here" },
		{ "smtpd_recipient_restrictions = reject_unlisted_recipient", RCPT(.rcpt = "full@a.test"),
			"ok" },
		/* a permit in one list does not help in another */
		{ OPEN "smtpd_client_restrictions = permit", RCPT(.rcpt = "x@b.test"),
			"554 5.7.1 <x@b.test>: Relay access denied" },
		{ OPEN "smtpd_recipient_restrictions = permit", RCPT(.rcpt = "x@b.test"),
			"554 5.7.1 <x@b.test>: Relay access denied" },
		/* the relay list is asked first */
		{ OPEN "smtpd_recipient_restrictions = reject", RCPT(.rcpt = "x@b.test"),
			"554 5.7.1 <x@b.test>: Relay access denied" },
	};

	(void)state;
	check_cases(cases, COUNT(cases), RULES_AT_RCPT);
}

static void
what_each_restriction_refuses(void **state)
{
	static const struct case_ cases[] = {
		{ "smtpd_client_restrictions = reject", RCPT(),
			"554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied" },
		{ "smtpd_client_restrictions = defer", RCPT(),
			"450 4.3.2 <unknown[192.0.2.1]>: Client host rejected: Try again later" },
		{ "smtpd_client_restrictions = permit, reject", RCPT(), "ok" },
		{ "smtpd_client_restrictions = reject", RCPT(.ip = "2001:db8::1", .name = "c.test"),
			"554 5.7.1 <c.test[2001:db8::1]>: Client host rejected: Access denied" },
		{ "smtpd_helo_restrictions = reject", RCPT(),
			"554 5.7.1 <mx.b.test>: Helo command rejected: Access denied" },
		{ "smtpd_helo_restrictions = reject", RCPT(.helo = "-"), "ok" },
		{ "smtpd_sender_restrictions = reject", RCPT(),
			"554 5.7.1 <cay@b.test>: Sender address rejected: Access denied" },
		{ "smtpd_sender_restrictions = reject", RCPT(.sender = ""),
			"554 5.7.1 <>: Sender address rejected: Access denied" },
		{ "reject_code = 521\nsmtpd_sender_restrictions = reject", RCPT(),
			"521 5.7.1 <cay@b.test>: Sender address rejected: Access denied" },
		{ "smtpd_helo_restrictions = reject_invalid_helo_hostname", RCPT(.helo = "a..b"),
			"501 5.5.2 <a..b>: Helo command rejected: Invalid name" },
		{ "smtpd_helo_restrictions = reject_invalid_helo_hostname", RCPT(.helo = "laptop"), "ok" },
		{ "smtpd_helo_restrictions = reject_invalid_helo_hostname", RCPT(.helo = "192.0.2.1"), "ok" },
		{ "smtpd_helo_restrictions = reject_invalid_helo_hostname", RCPT(.helo = "[192.0.2.1]"),
			"ok" },
		{ "smtpd_helo_restrictions = reject_invalid_helo_hostname", RCPT(.helo = "[192.0.2.333]"),
			"501 5.5.2 <[192.0.2.333]>: Helo command rejected: Invalid ip address" },
		{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname", RCPT(.helo = "laptop"),
			"504 5.5.2 <laptop>: Helo command rejected: need fully-qualified hostname" },
		{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname", RCPT(.helo = "mx.b.test."),
			"ok" },
		{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname", RCPT(.helo = "192.0.2.1"),
			"504 5.5.2 <192.0.2.1>: Helo command rejected: need fully-qualified hostname" },
		{ "smtpd_sender_restrictions = reject_non_fqdn_sender", RCPT(.sender = "cay@laptop"),
			"504 5.5.2 <cay@laptop>: Sender address rejected: need fully-qualified address" },
		{ "smtpd_sender_restrictions = reject_non_fqdn_sender", RCPT(.sender = ""), "ok" },
		{ "smtpd_sender_restrictions = reject_non_fqdn_sender", RCPT(.sender = "cay@[192.0.2.1]"),
			"ok" },
		{ "smtpd_recipient_restrictions = reject_non_fqdn_recipient",
			RCPT(.rcpt = "ann@laptop", .trusted = true),
			"504 5.5.2 <ann@laptop>: Recipient address rejected: need fully-qualified address" },
		{ "smtpd_sender_restrictions = reject_unlisted_sender", RCPT(.sender = "eve@a.test"),
			"550 5.1.0 <eve@a.test>: Sender address rejected: No such user here" },
		{ "smtpd_sender_restrictions = reject_unlisted_sender", RCPT(), "ok" },
		{ "smtpd_reject_unlisted_sender = yes", RCPT(.sender = "eve@a.test"),
			"550 5.1.0 <eve@a.test>: Sender address rejected: No such user here" },
		{ "smtpd_reject_unlisted_sender = yes", RCPT(.sender = "ann@a.test"), "ok" },
		{ "smtpd_client_restrictions = reject_plaintext_session", RCPT(),
			"450 4.7.1 Session encryption is required" },
		{ "smtpd_client_restrictions = reject_plaintext_session", RCPT(.tls = true), "ok" },
		{ "smtpd_client_restrictions = reject_unauth_pipelining", RCPT(.pipelined = true),
			"503 5.5.0 <unknown[192.0.2.1]>: Client host rejected: Improper use of SMTP command "
			"pipelining" },
		{ "smtpd_client_restrictions = reject_unauth_pipelining",
			RCPT(.pipelined = true, .esmtp = true), "ok" },
		{ "smtpd_recipient_restrictions = reject_multi_recipient_bounce", RCPT(.sender = ""), "ok" },
		{ "smtpd_recipient_restrictions = reject_multi_recipient_bounce",
			RCPT(.sender = "", .taken = 1),
			"550 5.5.3 <ann@a.test>: Recipient address rejected: Multi-recipient bounce" },
		{ "smtpd_recipient_restrictions = reject_multi_recipient_bounce", RCPT(.taken = 1), "ok" },
	};

	(void)state;
	check_cases(cases, COUNT(cases), RULES_AT_RCPT);
}

static void
whose_the_sender_is(void **state)
{
#define MISMATCH "smtpd_sender_restrictions = reject_sender_login_mismatch\n"
#define MAPS                                                                                                 \
	"smtpd_sender_login_maps = inline:{ {ann@a.test=ann@a.test, boss@a.test} {@c.test=ben@a.test} "      \
	"{info@a.test=ann@a.test} }\n"
	static const struct case_ cases[] = {
		/* an address belongs to the account that it leads to */
		{ MISMATCH, RCPT(.sender = "ann@a.test", .user = "ann@a.test"), "ok" },
		{ MISMATCH, RCPT(.sender = "ann+x@a.test", .user = "ann@a.test"), "ok" },
		{ MISMATCH, RCPT(.sender = "", .user = "ann@a.test"), "ok" },
		{ MISMATCH, RCPT(.sender = "ben@a.test", .user = "ann@a.test"),
			"553 5.7.1 <ben@a.test>: Sender address rejected: not owned by user ann@a.test" },
		{ MISMATCH, RCPT(.sender = "team@a.test", .user = "ann@a.test"),
			"553 5.7.1 <team@a.test>: Sender address rejected: not owned by user ann@a.test" },
		{ MISMATCH, RCPT(.sender = "eve@a.test", .user = "ann@a.test"),
			"553 5.7.1 <eve@a.test>: Sender address rejected: not owned by user ann@a.test" },
		{ MISMATCH, RCPT(.sender = "cay@b.test", .user = "ann@a.test"),
			"553 5.7.1 <cay@b.test>: Sender address rejected: not owned by user ann@a.test" },
		{ MISMATCH, RCPT(.sender = "ann@a.test"),
			"553 5.7.1 <ann@a.test>: Sender address rejected: not logged in" },
		{ MISMATCH, RCPT(.sender = "eve@a.test"), "ok" },
		{ MISMATCH, RCPT(), "ok" },
		{ "smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch",
			RCPT(.sender = "ann@a.test"), "ok" },
		{ "smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch",
			RCPT(.sender = "ben@a.test", .user = "ann@a.test"),
			"553 5.7.1 <ben@a.test>: Sender address rejected: not owned by user ann@a.test" },
		{ "smtpd_sender_restrictions = reject_unauthenticated_sender_login_mismatch",
			RCPT(.sender = "ann@a.test"),
			"553 5.7.1 <ann@a.test>: Sender address rejected: not logged in" },
		{ "smtpd_sender_restrictions = reject_unauthenticated_sender_login_mismatch",
			RCPT(.sender = "ben@a.test", .user = "ann@a.test"), "ok" },
		{ "smtpd_sender_restrictions = reject_known_sender_login_mismatch",
			RCPT(.sender = "cay@b.test", .user = "ann@a.test"), "ok" },
		{ "smtpd_sender_restrictions = reject_known_sender_login_mismatch",
			RCPT(.sender = "ben@a.test", .user = "ann@a.test"),
			"553 5.7.1 <ben@a.test>: Sender address rejected: not owned by user ann@a.test" },
		/* or the table says */
		{ MISMATCH MAPS, RCPT(.sender = "ann@a.test", .user = "boss@a.test"), "ok" },
		{ MISMATCH MAPS, RCPT(.sender = "Ann+x@A.test", .user = "ANN@a.test"), "ok" },
		{ MISMATCH MAPS, RCPT(.sender = "any@c.test", .user = "ben@a.test"), "ok" },
		{ MISMATCH MAPS, RCPT(.sender = "any@c.test", .user = "ann@a.test"),
			"553 5.7.1 <any@c.test>: Sender address rejected: not owned by user ann@a.test" },
		{ MISMATCH MAPS, RCPT(.sender = "ben@a.test", .user = "ben@a.test"),
			"553 5.7.1 <ben@a.test>: Sender address rejected: not owned by user ben@a.test" },
		{ MISMATCH MAPS, RCPT(.sender = "info@a.test"),
			"553 5.7.1 <info@a.test>: Sender address rejected: not logged in" },
		{ MISMATCH MAPS, RCPT(.sender = "ben@a.test"), "ok" },
	};

	(void)state;
	check_cases(cases, COUNT(cases), RULES_AT_RCPT);
}

static void
how_access_tables_are_asked(void **state)
{
#define AT_CLIENT(table) "smtpd_client_restrictions = check_client_access inline:{ " table " }\n"
#define AT_SENDER(table) "smtpd_sender_restrictions = check_sender_access inline:{ " table " }\n"
#define AT_RCPT(table)   "smtpd_recipient_restrictions = check_recipient_access inline:{ " table " }\n"
#define REFUSED_CLIENT   "554 5.7.1 <mx.b.test[192.0.2.1]>: Client host rejected: Access denied"
#define REFUSED_SENDER   "554 5.7.1 <cay+x@sub.b.test>: Sender address rejected: Access denied"
#define SENT             .sender = "cay+x@sub.b.test"
	static const struct case_ cases[] = {
		{ AT_CLIENT("{mx.b.test=REJECT}"), RCPT(.name = "mx.b.test"), REFUSED_CLIENT },
		{ AT_CLIENT("{b.test=REJECT}"), RCPT(.name = "mx.b.test"), REFUSED_CLIENT },
		{ AT_CLIENT("{test=REJECT}"), RCPT(.name = "mx.b.test"), REFUSED_CLIENT },
		{ AT_CLIENT("{.b.test=REJECT}"), RCPT(.name = "mx.b.test"), "ok" },
		{ "parent_domain_matches_subdomains =\n" AT_CLIENT("{.b.test=REJECT}"),
			RCPT(.name = "mx.b.test"), REFUSED_CLIENT },
		{ "parent_domain_matches_subdomains =\n" AT_CLIENT("{b.test=REJECT}"),
			RCPT(.name = "mx.b.test"), "ok" },
		{ AT_CLIENT("{192.0.2.1=REJECT}"), RCPT(.name = "mx.b.test"), REFUSED_CLIENT },
		{ AT_CLIENT("{192.0.2=REJECT}"), RCPT(.name = "mx.b.test"), REFUSED_CLIENT },
		{ AT_CLIENT("{192=REJECT}"), RCPT(.name = "mx.b.test"), REFUSED_CLIENT },
		{ AT_CLIENT("{2=REJECT} {2.1=REJECT} {19=REJECT}"), RCPT(.name = "mx.b.test"), "ok" },
		{ AT_CLIENT("{b.test=DUNNO} {192=REJECT}"), RCPT(.name = "mx.b.test"),
			"ok" }, /* it was found */
		{ AT_CLIENT("{2001:db8=REJECT}"), RCPT(.name = "mx.b.test", .ip = "2001:db8::1"),
			"554 5.7.1 <mx.b.test[2001:db8::1]>: Client host rejected: Access denied" },
		{ AT_CLIENT("{unknown=REJECT}"), RCPT(),
			"554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied" },
		{ "smtpd_client_restrictions = inline:{ {192=REJECT} }", RCPT(.name = "mx.b.test"),
			REFUSED_CLIENT },
		{ "smtpd_helo_restrictions = inline:{ {b.test=REJECT} }", RCPT(),
			"554 5.7.1 <mx.b.test>: Helo command rejected: Access denied" },
		{ "smtpd_helo_restrictions = check_helo_access inline:{ {2=REJECT} {1=REJECT} }",
			RCPT(.helo = "192.0.2.1"), "ok" },
		{ AT_SENDER("{cay+x@sub.b.test=REJECT}"), RCPT(SENT), REFUSED_SENDER },
		{ AT_SENDER("{cay@sub.b.test=REJECT}"), RCPT(SENT), REFUSED_SENDER },
		{ AT_SENDER("{sub.b.test=REJECT}"), RCPT(SENT), REFUSED_SENDER },
		{ AT_SENDER("{b.test=REJECT}"), RCPT(SENT), REFUSED_SENDER },
		{ AT_SENDER("{cay+x@=REJECT}"), RCPT(SENT), REFUSED_SENDER },
		{ AT_SENDER("{cay@=REJECT}"), RCPT(SENT), REFUSED_SENDER },
		{ AT_SENDER("{cay=REJECT} {x@=REJECT} {@b.test=REJECT}"), RCPT(SENT), "ok" },
		{ AT_SENDER("{cay+x@sub.b.test=OK} {b.test=REJECT}"), RCPT(SENT), "ok" },
		{ AT_SENDER("{b.test=OK} {cay@=REJECT}"), RCPT(SENT), "ok" },
		{ AT_SENDER("{cay@b.test=REJECT}"), RCPT(.sender = "CAY@B.TEST"),
			"554 5.7.1 <CAY@B.TEST>: Sender address rejected: Access denied" },
		{ AT_SENDER("{<>=REJECT}"), RCPT(.sender = ""),
			"554 5.7.1 <>: Sender address rejected: Access denied" },
		{ "smtpd_null_access_lookup_key = nobody\n" AT_SENDER("{nobody=REJECT}"), RCPT(.sender = ""),
			"554 5.7.1 <>: Sender address rejected: Access denied" },
		{ AT_RCPT("{ann@a.test=REJECT}"), RCPT(),
			"554 5.7.1 <ann@a.test>: Recipient address rejected: Access denied" },
		{ "smtpd_recipient_restrictions = check_sender_access inline:{ {b.test=REJECT} }", RCPT(),
			"554 5.7.1 <cay@b.test>: Sender address rejected: Access denied" },
		{ "smtpd_sender_restrictions = check_sasl_access inline:{ {ann@a.test=REJECT} }",
			RCPT(.user = "ann@a.test"),
			"554 5.7.1 <ann@a.test>: SASL login name rejected: Access denied" },
		{ "smtpd_sender_restrictions = check_sasl_access static:REJECT", RCPT(), "ok" },
		{ "smtpd_sender_restrictions = check_sender_access pcre:{ {/^cay@/ REJECT} }", RCPT(),
			"554 5.7.1 <cay@b.test>: Sender address rejected: Access denied" },
		{ "smtpd_sender_restrictions = check_sender_access pcre:{ {/^b.test$$/ REJECT} }", RCPT(),
			"ok" }, /* no part of an address */
		{ "smtpd_client_restrictions = check_client_access cidr:{ {192.0.2.0/24 REJECT} }", RCPT(),
			"554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied" },
		{ "smtpd_client_restrictions = check_reverse_client_hostname_access static:REJECT",
			RCPT(.name = "c.test"),
			"554 5.7.1 <c.test>: Unverified Client host rejected: Access denied" },
		{ "smtpd_client_restrictions = check_reverse_client_hostname_access static:OK", RCPT(),
			"451 4.3.5 Server configuration error" },
		{ "smtpd_client_restrictions = check_reverse_client_hostname_access static:DUNNO", RCPT(),
			"ok" },
		{ "smtpd_sender_restrictions = check_sender_access fail:x", RCPT(), "TABLE_DOWN" },
	};

	(void)state;
	check_cases(cases, COUNT(cases), RULES_AT_RCPT);
}

static void
what_their_answers_do(void **state)
{
#define SAYS(value)       "smtpd_sender_restrictions = check_sender_access inline:{ {b.test=" value "} }\n"
#define SENDER_SAYS(text) "<cay@b.test>: Sender address rejected: " text
	static const struct case_ cases[] = {
		{ SAYS("REJECT go away"), RCPT(), "554 5.7.1 " SENDER_SAYS("go away") },
		{ SAYS("REJECT 5.1.8 go away"), RCPT(), "554 5.1.8 " SENDER_SAYS("go away") },
		{ SAYS("REJECT 4.1.8 go away"), RCPT(), "554 5.1.8 " SENDER_SAYS("go away") },
		{ "access_map_reject_code = 450\n" SAYS("REJECT"), RCPT(),
			"450 4.7.1 " SENDER_SAYS("Access denied") },
		{ SAYS("DEFER"), RCPT(), "450 4.7.1 " SENDER_SAYS("Access denied") },
		{ SAYS("521 go"), RCPT(), "521 5.7.1 " SENDER_SAYS("go") },
		{ SAYS("421 5.2.1 go"), RCPT(), "421 4.2.1 " SENDER_SAYS("go") },
		{ SAYS("DEFER_IF_PERMIT"), RCPT(), "450 4.7.1 " SENDER_SAYS("Service unavailable") },
		{ SAYS("DEFER_IF_PERMIT"), RCPT(.rcpt = "x@b.test"),
			"554 5.7.1 <x@b.test>: Relay access denied" },
		{ SAYS("DEFER_IF_REJECT soon"), RCPT(), "ok" },
		{ "smtpd_sender_restrictions = check_sender_access inline:{ {b.test=DEFER_IF_REJECT soon} }, "
		  "reject",
			RCPT(), "450 4.7.1 " SENDER_SAYS("soon") },
		{ "smtpd_sender_restrictions = check_sender_access inline:{ {b.test=DEFER_IF_REJECT soon} }, "
		  "permit\nsmtpd_recipient_restrictions = reject",
			RCPT(), "554 5.7.1 <ann@a.test>: Recipient address rejected: Access denied" },
		{ SAYS("reject"), RCPT(), "554 5.7.1 " SENDER_SAYS("Access denied") },
		{ SAYS("permit_mynetworks, reject_plaintext_session"), RCPT(),
			"450 4.7.1 Session encryption is required" },
		{ SAYS("permit_mynetworks reject_plaintext_session"), RCPT(.trusted = true), "ok" },
		{ "smtpd_restriction_classes = strict\nstrict = check_helo_access inline:{ {b.test=REJECT "
		  "bad helo} }\n" SAYS("strict"),
			RCPT(), "554 5.7.1 <mx.b.test>: Helo command rejected: bad helo" },
		{ SAYS("nonsense"), RCPT(), "451 4.3.5 Server configuration error" },
		{ SAYS("check_sender_access hash:/x"), RCPT(), "451 4.3.5 Server configuration error" },
		{ SAYS("HOLD"), RCPT(), "451 4.3.5 Server configuration error" },
		{ SAYS("FILTER x:y"), RCPT(), "451 4.3.5 Server configuration error" },
		{ SAYS("HANGUP"), RCPT(), "CLOSED" },
		{ SAYS("DISCARD"), RCPT(.rcpt = "x@b.test"), "ok" },
		{ SAYS("WARN odd"), RCPT(.rcpt = "x@b.test"), "554 5.7.1 <x@b.test>: Relay access denied" },
	};

	(void)state;
	check_cases(cases, COUNT(cases), RULES_AT_RCPT);
}

static void
what_waits_for_its_condition(void **state)
{
	static const struct case_ cases[] = {
		{ "smtpd_client_restrictions = defer_if_permit", RCPT(),
			"450 4.7.0 <unknown[192.0.2.1]>: Client host rejected: defer_if_permit requested" },
		{ "smtpd_client_restrictions = defer_if_permit\nsmtpd_recipient_restrictions = permit",
			RCPT(),
			"450 4.7.0 <unknown[192.0.2.1]>: Client host rejected: defer_if_permit requested" },
		{ "smtpd_client_restrictions = defer_if_permit\nsmtpd_recipient_restrictions = reject",
			RCPT(), "554 5.7.1 <ann@a.test>: Recipient address rejected: Access denied" },
		{ "smtpd_recipient_restrictions = defer_if_reject, reject", RCPT(),
			"450 4.7.0 <ann@a.test>: Recipient address rejected: defer_if_reject requested" },
		{ "smtpd_relay_restrictions = defer_if_reject, "
		  "reject_unauth_destination\nsmtpd_recipient_restrictions = reject",
			RCPT(),
			"450 4.7.0 <ann@a.test>: Recipient address rejected: defer_if_reject requested" },
		{ "smtpd_recipient_restrictions = defer_if_reject, permit", RCPT(), "ok" },
		{ "smtpd_recipient_restrictions = defer_if_reject, permit", RCPT(.rcpt = "nobody@a.test"),
			"450 4.7.0 <nobody@a.test>: Recipient address rejected: defer_if_reject requested" },
		{ "smtpd_client_restrictions = defer_if_reject\nsmtpd_recipient_restrictions = reject",
			RCPT(), "554 5.7.1 <ann@a.test>: Recipient address rejected: Access denied" },
		{ "smtpd_recipient_restrictions = warn_if_reject reject", RCPT(), "ok" },
		{ "smtpd_recipient_restrictions = warn_if_reject reject_plaintext_session, reject", RCPT(),
			"554 5.7.1 <ann@a.test>: Recipient address rejected: Access denied" },
		{ "smtpd_recipient_restrictions = warn_if_reject mine, permit\nsmtpd_restriction_classes = "
		  "mine\nmine = reject_plaintext_session, reject",
			RCPT(), "ok" },
		{ "smtpd_recipient_restrictions = warn_if_reject defer_if_permit", RCPT(), "ok" },
		{ "smtpd_recipient_restrictions = mine, reject\nsmtpd_restriction_classes = mine\nmine = "
		  "permit_mynetworks",
			RCPT(.trusted = true), "ok" },
		{ "smtpd_recipient_restrictions = mine, reject\nsmtpd_restriction_classes = mine\nmine = "
		  "permit_mynetworks",
			RCPT(), "554 5.7.1 <ann@a.test>: Recipient address rejected: Access denied" },
	};

	(void)state;
	check_cases(cases, COUNT(cases), RULES_AT_RCPT);
}

static void
tables_change_the_message(void **state)
{
	const struct visit v = RCPT();
	struct world w;

	(void)state;
	CHECK(world_begin(&w,
		"smtpd_sender_restrictions = check_sender_access inline:{ {b.test=PREPEND X-B: yes} }\n"
		"smtpd_recipient_restrictions = check_recipient_access inline:{ {ann@a.test=BCC ben@a.test} "
		"{a.test=REDIRECT ann@a.test} },"
		" check_recipient_access inline:{ {a.test=REDIRECT ben@a.test} }\n"));
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT), "ok");
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT), "ok");
	CHECK_C(w.effects.prepend, "X-B: yes\r\n"); /* once */
	CHECK_INT(w.effects.bcc_count, 1);
	CHECK_C(w.effects.bcc[0], "ben@a.test");
	CHECK_C(w.effects.redirect, "ben@a.test");
	world_end(&w);

	CHECK(world_begin(&w, SAYS("PREPEND no header")));
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT), "ok");
	CHECK_INT(w.effects.prepend.n, 0);
	CHECK_C(buf_str(&w.notes), "prepend-ignored: inline:{ {b.test=PREPEND no header} }: no header\n");
	world_end(&w);

	CHECK(world_begin(&w, SAYS("REDIRECT ben")));
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT), "ok");
	CHECK_INT(w.effects.redirect.n, 0);
	CHECK_C(buf_str(&w.notes), "bad-address-in-table: redirect ben\n");
	world_end(&w);
}

static void
at_data_and_behind_it(void **state)
{
	static const struct case_ data[] = {
		{ "", RCPT(.taken = 1), "ok" },
		{ "smtpd_data_restrictions = reject", RCPT(.taken = 1),
			"554 5.7.1 <DATA>: Data command rejected: Access denied" },
		{ "smtpd_data_restrictions = defer_if_permit", RCPT(.taken = 1),
			"450 4.7.0 <DATA>: Data command rejected: defer_if_permit requested" },
		{ "smtpd_data_restrictions = reject_unauth_pipelining",
			RCPT(.taken = 1, .pipelined = true, .esmtp = true),
			"503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command pipelining" },
		{ "smtpd_data_restrictions = reject_multi_recipient_bounce", RCPT(.taken = 2, .sender = ""),
			"550 5.5.3 <DATA>: Data command rejected: Multi-recipient bounce" },
		{ "smtpd_data_restrictions = reject_multi_recipient_bounce", RCPT(.taken = 1, .sender = ""),
			"ok" },
	};
	static const struct case_ end[] = {
		{ "smtpd_end_of_data_restrictions = reject", RCPT(.taken = 1),
			"554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Access denied" },
		{ "smtpd_end_of_data_restrictions = check_sender_access inline:{ {b.test=521 no} }",
			RCPT(.taken = 1), "521 5.7.1 <cay@b.test>: Sender address rejected: no" },
	};

	(void)state;
	check_cases(data, COUNT(data), RULES_AT_DATA);
	check_cases(end, COUNT(end), RULES_AT_END);
}

static void
without_delay_each_list_has_its_own_time(void **state)
{
	const struct visit v = RCPT(.helo = "laptop"), bare = RCPT(.helo = "-", .sender = "-", .rcpt = "-"),
			   abroad = RCPT(.rcpt = "x@b.test");
	struct world w;

	(void)state;
	CHECK(world_begin(&w, "smtpd_delay_reject = no\nsmtpd_client_restrictions = reject\n"));
	CHECK_C(world_step(&w, &bare, RULES_AT_CONNECT),
		"554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied");
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT), "ok");
	world_end(&w);

	CHECK(world_begin(&w,
		"smtpd_delay_reject = no\nsmtpd_client_restrictions = defer_if_permit\n"
		"smtpd_helo_restrictions = permit\nsmtpd_sender_restrictions = reject_non_fqdn_sender\n"));
	CHECK_C(world_step(&w, &bare, RULES_AT_CONNECT), "ok");
	CHECK_C(world_step(&w, &v, RULES_AT_HELO), "ok");
	CHECK_C(world_step(&w, &v, RULES_AT_MAIL), "ok");
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT),
		"450 4.7.0 <unknown[192.0.2.1]>: Client host rejected: defer_if_permit requested");
	world_end(&w);

	/* there is no message yet that could be dropped */
	CHECK(world_begin(&w,
		"smtpd_delay_reject = no\n"
		"smtpd_client_restrictions = check_client_access inline:{ {192.0.2.1=DISCARD} }\n"));
	CHECK_C(world_step(&w, &bare, RULES_AT_CONNECT), "ok");
	CHECK_C(world_step(&w, &abroad, RULES_AT_RCPT), "554 5.7.1 <x@b.test>: Relay access denied");
	world_end(&w);
}

static void
nothing_is_asked_that_need_not_be(void **state)
{
	const struct visit v = RCPT(), known = RCPT(.trusted = true);
	struct world w;

	(void)state;
	CHECK(world_begin(&w, "smtpd_recipient_restrictions = permit_mynetworks, check_policy_service "
			      "inet:127.0.0.1:10023, sleep 2\n"));
	CHECK(!rules_busy(w.rules, RULES_AT_CONNECT) && !rules_busy(w.rules, RULES_AT_MAIL) &&
		!rules_busy(w.rules, RULES_AT_DATA) && !rules_busy(w.rules, RULES_AT_END));
	CHECK_C(world_step(&w, &known, RULES_AT_RCPT), "ok");
	CHECK_INT(w.asked, 0);
	CHECK_INT(w.asked_policy, 0);
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT), "ok");
	CHECK_INT(w.asked, 1);
	CHECK_INT(w.asked_policy, 1);
	CHECK_INT(w.slept, 2);
	w.action = S("554 5.7.1 listed");
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT),
		"554 5.7.1 <ann@a.test>: Recipient address rejected: listed");
	world_end(&w);
}

static void
when_the_store_cannot_say_it_is_neither_yes_nor_no(void **state)
{
	const struct visit v = RCPT(.rcpt = "x@b.test");
	struct world w;

	(void)state;
	CHECK(world_begin(&w, ""));
	w.store = STORE_DOWN;
	CHECK_C(world_step(&w, &v, RULES_AT_RCPT), "STORE_DOWN");
	world_end(&w);
}

static void
policy_services_and_their_settings(void **state)
{
	const struct rules_policy *p;
	struct world w;
	size_t n;

	(void)state;
	CHECK(world_begin(&w, "smtpd_policy_service_timeout = 7s\nsmtpd_recipient_restrictions = "
			      "check_policy_service inet:[::1]:10023,"
			      " check_policy_service { unix:/run/policy, timeout=3s, { default_action = 450 "
			      "4.7.1 later }, try_limit=5, policy_context=x }\n"));
	p = rules_policies(w.rules, &n);
	CHECK_INT(n, 2);
	CHECK_INT(p[0].peer.family, AF_INET6);
	CHECK_INT(p[0].peer.port, 10023);
	CHECK_INT(p[0].timeout_ms, 7000);
	CHECK_INT(p[0].tries, 2);
	CHECK_C(p[0].default_action, "451 4.3.5 Server configuration problem");
	CHECK_C(str_c(p[1].path), "/run/policy");
	CHECK_INT(p[1].timeout_ms, 3000);
	CHECK_INT(p[1].tries, 5);
	CHECK_C(p[1].default_action, "450 4.7.1 later");
	CHECK_C(p[1].context, "x");
	world_end(&w);
}

T_MAIN(T(names_of_hosts), T(what_an_access_table_may_answer), T(what_a_policy_service_answers),
	T(what_a_policy_service_is_asked), T(lists_that_are_wrong_are_errors_with_their_line),
	T(lists_that_are_odd_are_warnings), T(who_may_send_where), T(what_each_restriction_refuses),
	T(whose_the_sender_is), T(how_access_tables_are_asked), T(what_their_answers_do),
	T(what_waits_for_its_condition), T(tables_change_the_message), T(at_data_and_behind_it),
	T(without_delay_each_list_has_its_own_time), T(nothing_is_asked_that_need_not_be),
	T(when_the_store_cannot_say_it_is_neither_yes_nor_no), T(policy_services_and_their_settings))
