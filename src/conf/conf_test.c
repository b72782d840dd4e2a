#include "conf/conf.h"

#include "base/mem.h"
#include "test/t.h"

#include <unistd.h>

/* A world with a few files in it. */
static enum fault
read_fake(void *ctx, struct arena *a, const char *path, str *ret)
{
	static const struct {
		const char *path;
		str bytes;
	} files[] = {
		{ "/etc/domains", SC("# ours\na.test, b.test\n\n  # not this one\n!c.test\n/etc/more\n") },
		{ "/etc/more", SC("D.test\n") },
		{ "/etc/loop", SC("/etc/loop\n") },
		{ "/etc/bad", SC("good.test\nnot_a..domain\n") },
		{ "/etc/nets", SC("192.0.2.0/24\n2001:db8::/32\n") },
	};

	(void)ctx;
	(void)a;
	EACH(files, f)
		if (strcmp(f->path, path) == 0) {
			*ret = f->bytes;
			return OK;
		}
	return NOT_FOUND;
}

struct loaded {
	enum fault fault;
	struct buf report;
	struct conf *conf;
};

static struct loaded
load_with(str text, const char *const *overrides, size_t n)
{
	struct conf_source source = { .file = "main.cf",
		.text = text,
		.overrides = overrides,
		.override_count = n,
		.machine = S("mail.example.org"),
		.read = read_fake };
	struct loaded l = { 0 };

	l.fault = conf_parse(&source, &l.report, &l.conf);
	CHECK((l.fault == OK) == (l.conf != NULL));
	CHECK((l.fault != OK) == (str_find_str(buf_str(&l.report), S(" error: ")) < l.report.n));
	return l;
}

static struct loaded
load(const char *text)
{
	return load_with(str_c(text), NULL, 0);
}

static void
done(struct loaded *l)
{
	conf_free(l->conf);
	buf_done(&l->report);
}

/* What a value expands to: the banner stands for all. */
static void
values_are_expanded(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "smtpd_banner = $myhostname ESMTP", "mail.example.org ESMTP" },
		{ "smtpd_banner = ${myhostname} $(mydomain)x $$5", "mail.example.org example.orgx $5" },
		{ "smtpd_banner=a\n", "a" },
		{ "  # comment\n\nsmtpd_banner = a\n\t\tb\n# comment\n   # comment\n  c   \n\n d",
			"a b c d" },
		{ "smtpd_banner = a\r\n b\r\n", "a b" },
		{ "smtpd_banner =\n  a", "a" },
		{ "smtpd_banner = a = b", "a = b" },
		{ "smtpd_banner = ${stress?yes}no", "no" },
		{ "smtpd_banner = ${stress?yes}${stress:calm}", "calm" },
		{ "smtpd_banner = ${mydomain?has $mydomain}${mydomain:none}", "has example.org" },
		{ "smtpd_banner = ${mydomain?{has {$mydomain}}}", "has {example.org}" },
		{ "smtpd_banner = ${stress ? {yes} : {no}}", "no" },
		{ "smtpd_banner = ${mydomain?{yes}:{no}}", "yes" },
		{ "smtpd_banner = ${mydomain?{yes}:no}", "yes" },
		{ "smtpd_banner = ${nobody_knows:{no}}${nobody_knows?yes}", "no" },
		{ "smtpd_banner = ${{$mydomain} == {example.org} ? {same} : {other}}", "same" },
		{ "smtpd_banner = ${{$mydomain} != {example.org} ? {same} : {other}}", "other" },
		{ "smtpd_banner = ${{9} < {10} ? {number} : {text}}", "number" },
		{ "smtpd_banner = ${{9x} < {10x} ? {number} : {text}}", "text" },
		{ "smtpd_banner = ${{3} >= {3} ? {y}}${{3} > {3} ? {z} : {n}}${{3} <= {4}?{y}:{n}}", "yny" },
		{ "smtpd_banner = ${{$compatibility_level} >=level {3.6} ? {new} : {old}}", "new" },
		{ "compatibility_level = 2\nsmtpd_banner = ${{$compatibility_level} <level {3.6} ? {old} : "
		  "{new}}",
			"old" },
		{ "smtpd_banner = ${{3.10} >level {3.9} ? {new} : {old}}", "new" },
		{ "smtpd_banner = ${{a} == {a}}", "bool:true" },
		{ "smtpd_banner = x${{a} == {b}}", "x" },
		{ "smtpd_banner = ${{${stress?a}} == {} ? {deep} : {flat}}", "deep" },
		{ "my_name = $mydomain\nsmtpd_banner = ${my_name}!", "example.org!" },
		{ "myhostname = mx.a.test\nsmtpd_banner = $mydomain", "a.test" },
		{ "myhostname = single\nsmtpd_banner = $mydomain", "localdomain" },
		{ "smtpd_banner = $config_directory $queue_directory", ". /var/spool/postfix" },
		{ "smtpd_banner = $submission_smtpd_tls_security_level $smtpd_tls_security_level",
			"encrypt may" },
		{ "smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)",
			"mail.example.org ESMTP Postrider (Debian/GNU)" },
	};

	(void)state;
	EACH(cases, c) {
		struct loaded l = load(c->in);

		if (l.fault != OK)
			print_error("%s\n%.*s", c->in, STR_ARG(buf_str(&l.report)));
		CHECK(l.fault == OK);
		CHECK_C(conf_str(l.conf, CONF_smtpd_banner), c->out);
		CHECK(strcmp(conf_path(l.conf, CONF_smtpd_banner), c->out) == 0);
		done(&l);
	}
}

/* Each finding is the whole report. */
static void
mistakes_are_named_with_their_place(void **state)
{
	static const struct {
		const char *in, *report;
	} cases[] = {
		{ "\n\nmynetwrks = 127.0.0.0/8\n",
			"main.cf:3: error: unknown parameter `mynetwrks`; did you mean `mynetworks`?\n" },
		{ "submission_smtpd_tls_auth_onyl = no",
			"main.cf:1: error: unknown parameter `submission_smtpd_tls_auth_onyl`; did you mean "
			"`submission_smtpd_tls_auth_only`?\n" },
		{ "zzz_unlike_anything = 1", "main.cf:1: error: unknown parameter `zzz_unlike_anything`, and "
					     "no value refers to it\n" },
		{ "smtp_tls_policy_maps = hash:/x", "main.cf:1: error: smtp_tls_policy_maps is not "
						    "supported: mail to other servers is not sent yet\n" },
		{ "relayhost = [x]", "main.cf:1: error: relayhost is not supported: mail to other servers is "
				     "not sent yet\n" },
		{ "mailbox_size_limit = 10", "main.cf:1: error: mailbox_size_limit = 10 is not supported: "
					     "each account has its own quota: postrider user\n" },
		{ "listen_sieve = 14190", "main.cf:1: error: listen_sieve = 14190 is not supported: "
					  "ManageSieve is not built yet\n" },
		{ "submission_state_directory = /x",
			"main.cf:1: error: unknown parameter `submission_state_directory`, and no value "
			"refers to it\n" },
		{ "smtpd_timeout = 5x", "main.cf:1: error: smtpd_timeout: `5x` is not good here; expected a "
					"time such as 30s, 5m, 2h, 1d from 1s to 1d\n" },
		{ "smtpd_timeout = 2d", "main.cf:1: error: smtpd_timeout: `2d` is not good here; expected a "
					"time such as 30s, 5m, 2h, 1d from 1s to 1d\n" },
		{ "smtpd_helo_required = 1",
			"main.cf:1: error: smtpd_helo_required: `1` is not good here; expected yes or no\n" },
		{ "smtpd_helo_required =",
			"main.cf:1: error: smtpd_helo_required: `` is not good here; expected yes or no\n" },
		{ "log_format = xml",
			"main.cf:1: error: log_format: `xml` is not good here; expected logfmt or json\n" },
		{ "smtpd_recipient_limit = 0", "main.cf:1: error: smtpd_recipient_limit: `0` is not good "
					       "here; expected a number from 1 to 100000\n" },
		{ "smtpd_recipient_limit = 10k", "main.cf:1: error: smtpd_recipient_limit: `10k` is not good "
						 "here; expected a number from 1 to 100000\n" },
		{ "message_size_limit = -1", "main.cf:1: error: message_size_limit: `-1` is not good here; "
					     "expected a number of bytes (k, m, g for larger ones)\n" },
		{ "message_size_limit = 99999999999g",
			"main.cf:1: error: message_size_limit: `99999999999g` is not good here; expected a "
			"number of bytes (k, m, g for larger ones)\n" },
		{ "mynetworks = 10.0.0.1/8",
			"main.cf:1: error: mynetworks: `10.0.0.1/8` is not good here; "
			"expected networks such as 192.0.2.0/24 or [2001:db8::]/32 "
			"without host bits, /file/name for a file of them, or a table such "
			"as cidr:/file/name\n" },
		{ "vrfy_clients = permit_mynetworks !10.0.0.0/8",
			"main.cf:1: error: vrfy_clients: `!10.0.0.0/8` is not good here; expected "
			"permit_mynetworks, "
			"permit_sasl_authenticated, or networks such as 192.0.2.0/24 or [2001:db8::]/32 "
			"without host "
			"bits\n" },
		{ "mydestination = hash:etc/x",
			"main.cf:1: error: mydestination: expected the whole path of a "
			"file, from / on: `etc/x`\n" },
		{ "virtual_mailbox_domains = mysql:/x",
			"main.cf:1: error: virtual_mailbox_domains: mysql: is "
			"not supported: tables over a network are not supported "
			"yet\n" },
		{ "mydestination = hush:/x", "main.cf:1: error: mydestination: `hush:/x` is not good here; "
					     "expected domains such as example.org, /file/name for a file of "
					     "them, or a table such as hash:/file/name\n" },
		{ "mydestination = /etc/bad",
			"/etc/bad:2: error: mydestination: `not_a..domain` is not good here; "
			"expected domains such as example.org, /file/name for a file of "
			"them, or a table such as hash:/file/name\n" },
		{ "mydestination = /etc/none",
			"main.cf:1: error: mydestination: cannot read the file /etc/none\n" },
		{ "mydestination = /etc/loop",
			"/etc/loop:1: error: mydestination: files within files, too deep: /etc/loop\n" },
		{ "mydestination = a.test {b.test",
			"main.cf:1: error: mydestination: `{` and `}` do not match\n" },
		{ "mydestination = a.test b.test}",
			"main.cf:1: error: mydestination: `{` and `}` do not match\n" },
		{ "listen_smtp = 70000",
			"main.cf:1: error: listen_smtp: `70000` is not good here; expected ports such as 25, "
			"with an address 192.0.2.1:25 or [2001:db8::1]:25; several; or nothing\n" },
		{ "listen_smtp = 2001:db8::1:25", "main.cf:1: error: listen_smtp: `2001:db8::1:25` is not "
						  "good here; expected ports such as 25, with an address "
						  "192.0.2.1:25 or [2001:db8::1]:25; several; or nothing\n" },
		{ "smtpd_tls_protocols = SSLv3",
			"main.cf:1: error: smtpd_tls_protocols: `SSLv3` is not good here; expected versions "
			"such as >=TLSv1.2, TLSv1.3 or !TLSv1.2, of which TLSv1.2 or TLSv1.3 remains\n" },
		{ "sasl_mechanism_list = PLAIN NTLM",
			"main.cf:1: error: sasl_mechanism_list: `NTLM` is not good here; expected words out "
			"of PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS, SCRAM-SHA-1, "
			"SCRAM-SHA-1-PLUS or EXTERNAL\n" },
		{ "smtpd_tls_chain_files = cert.pem",
			"main.cf:1: error: smtpd_tls_chain_files: `cert.pem` is not good here; expected "
			"whole paths of files, from / on\n" },
		{ "recipient_delimiter = a",
			"main.cf:1: error: recipient_delimiter: `a` is not good here; expected characters "
			"such as + or -, not letters, digits, @, . or quotes\n" },
		{ "state_directory = run", "main.cf:1: error: state_directory: `run` is not good here; "
					   "expected the whole path of a folder, from / on\n" },
		{ "postmaster_recipient = ann",
			"main.cf:1: error: postmaster_recipient: `ann` is not good here; expected an address "
			"such as ann@example.org, or nothing\n" },
		{ "myhostname = -x", "main.cf:1: error: myhostname: `-x` is not good here; expected a name "
				     "such as mail.example.org\n" },
		{ "just words", "main.cf:1: error: expected name = value, not `just words`\n" },
		{ "two words = x", "main.cf:1: error: `two words` cannot be the name of a parameter\n" },
		{ "= x", "main.cf:1: error: `` cannot be the name of a parameter\n" },
		{ "  myhostname = x.test", "main.cf:1: error: white space at the start of a line continues "
					   "the one before, but there is none\n" },
		{ "smtpd_banner = a\001b",
			"main.cf:1: error: smtpd_banner: control character in the value\n" },
		{ "smtpd_banner = \xff", "main.cf:1: error: smtpd_banner: the value is not UTF-8\n" },
		{ "smtpd_banner = $myhostnam",
			"main.cf:1: error: `$myhostnam`: no such parameter; did you mean `$myhostname`?\n" },
		{ "smtpd_banner = $ x",
			"main.cf:1: error: `$` begins a name; write `$$` for a dollar sign: ` x`\n" },
		{ "smtpd_banner = ${myhostname", "main.cf:1: error: `${` without `}`: `{myhostname`\n" },
		{ "smtpd_banner = $(myhostname", "main.cf:1: error: `$(` without `)`: `(myhostname`\n" },
		{ "smtpd_banner = ${}", "main.cf:1: error: expected a name in `${...}`: ``\n" },
		{ "smtpd_banner = ${stress!x}", "main.cf:1: error: expected `?` or `:` and text: `!x`\n" },
		{ "smtpd_banner = ${stress?{a}b}",
			"main.cf:1: error: expected `?` or `:` and text: `?{a}b`\n" },
		{ "smtpd_banner = ${{a} ~ {b} ? {c}}",
			"main.cf:1: error: expected a comparison such as `==`: `{a} ~ {b} ? {c}`\n" },
		{ "smtpd_banner = ${{a} == b}",
			"main.cf:1: error: expected `{text}` behind the comparison: `{a} == b`\n" },
		{ "smtpd_banner = ${{a} >=level {b} ? {c}}",
			"main.cf:1: error: a level is a number such as 3.6: `{a} >=level {b} ? {c}`\n" },
		{ "smtpd_banner = $smtpd_banner",
			"main.cf:1: error: a value that refers to itself: `smtpd_banner`\n" },
		{ "a = $b\nb = $c\nc = ${a}\nsmtpd_banner = $a",
			"main.cf:3: error: a value that refers to itself: `a`\n" },
		{ "smtp_tls_loglevel = 1",
			"main.cf:1: error: smtp_tls_loglevel is not supported: mail to other "
			"servers is not sent yet\n" },
		{ "lmtp_tls_loglevel = 1", "main.cf:1: error: lmtp_tls_loglevel is not supported: mail to "
					   "other servers is not sent yet\n" },
		{ "smtp_tls_loglvel = 0",
			"main.cf:1: error: unknown parameter `smtp_tls_loglvel`; did you mean "
			"`smtp_tls_loglevel`?\n" },
		{ "stmpd_recipient_limit = 5",
			"main.cf:1: error: unknown parameter `stmpd_recipient_limit`; did "
			"you mean `smtpd_recipient_limit`?\n" },
		{ "soft_bounce = yes",
			"main.cf:1: error: soft_bounce is not supported: there is nothing like it here\n" },
		{ "smtp_use_tls = yes", "main.cf:1: error: smtp_use_tls is an old name: write "
					"smtp_tls_security_level = may\n" },
		{ "virtual_maps = hash:/x",
			"main.cf:1: error: virtual_maps is an old name: write virtual_alias_maps\n" },
		{ "default_destination_recipient_limit = 2",
			"main.cf:1: error: default_destination_recipient_limit is not supported: there is no "
			"queue yet\n" },
		{ "a = b\n", "main.cf:1: error: unknown parameter `a`, and no value refers to it\n" },
	};

	(void)state;
	EACH(cases, c) {
		struct loaded l = load(c->in);

		CHECK(l.fault == BAD_ARGUMENT);
		CHECK_C(buf_str(&l.report), c->report);
		done(&l);
	}
}

static void
what_is_odd_but_clear_is_a_warning(void **state)
{
	static const struct {
		const char *in, *report;
	} cases[] = {
		{ "smtpd_banner = a\nsmtpd_banner = b",
			"main.cf:2: warning: smtpd_banner was set in line 1 already; this line counts\n" },
		{ "smtpd_banner = b # why", "main.cf:1: warning: `#` within a value does not begin a "
					    "comment: `# why` is part of it\n" },
		{ "mydestination = a.test\nvirtual_mailbox_domains = A.test",
			"main.cf:2: warning: A.test stands in mydestination and in "
			"virtual_mailbox_domains\n" },
		{ "lmtp_smtpd_timeout = 5s\nlisten_lmtp = unix:/run/postrider/lmtp 127.0.0.1:24", "" },
		{ "data_directory = /x\nbiff = no\nappend_dot_mydomain = yes\nmailbox_size_limit = "
		  "0\nlisten_imap =",
			"" },
		{ "tls_ssl_options = no_renegotiation", "" },
		{ "tls_ssl_options = NO_COMPRESSION NO_RENEGOTIATION", "" },
		{ "relayhost =\nsmtp_tls_loglevel = 0\nlmtp_tls_loglevel = 0\nsoft_bounce = "
		  "no\nhash_queue_names = "
		  "active,incoming",
			"" },
		{ "policyd-spf_time_limit = 3600\ndovecot_destination_recipient_limit = 1", "" },
		{ "smtp_use_tls = no\npermit_mx_backup_networks =", "" },
		{ "smtpd_banner = b#c", "" },
	};

	(void)state;
	EACH(cases, c) {
		struct loaded l = load(c->in);

		CHECK(l.fault == OK);
		CHECK_C(buf_str(&l.report), c->report);
		done(&l);
	}
}

static void
names_of_ones_own_are_for_other_values(void **state)
{
	struct loaded l = load("site = a.test\nmydestination = mx.$site, $site\n");
	struct conf_class class;
	struct conf_line line;
	size_t n;

	(void)state;
	CHECK(l.fault == OK);
	CHECK_STR(conf_list(l.conf, CONF_mydestination, &n)[1], S("a.test"));
	CHECK_INT(n, 2);
	CHECK_INT(conf_lines(l.conf), 2);
	conf_line(l.conf, 0, &line);
	CHECK(line.kind == CONF_LINE_OWN && line.line == 1);
	done(&l);
	/* what smtpd_restriction_classes lists is the administrator's own, too */
	l = load("smtpd_restriction_classes = mine\nmine = permit_mynetworks, reject $x\nx = "
		 "unused\nsubmission_smtpd_banner = hi\n");
	CHECK_C(buf_str(&l.report), "");
	CHECK(conf_class(l.conf, S("MINE"), &class) && class.line == 2);
	CHECK_INT(class.n, 3);
	CHECK_STR(class.items[2], S("unused"));
	CHECK(!conf_class(l.conf, S("smtpd_banner"), &class));
	done(&l);
}

static void
lists_have_groups_and_files(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *items[6];
	} cases[] = {
		{ "mydestination = a.test,b.test , c.test\n d.test", 4,
			{ "a.test", "b.test", "c.test", "d.test" } },
		{ "mydestination =", 0, { 0 } },
		{ "mydestination = { a.test } ,, {b.test}", 2, { "a.test", "b.test" } },
		{ "mydestination = x.test /etc/domains", 5,
			{ "x.test", "a.test", "b.test", "!c.test", "D.test" } },
		{ "mydestination = !/etc/domains", 4, { "!a.test", "!b.test", "c.test", "!D.test" } },
	};

	(void)state;
	EACH(cases, c) {
		struct loaded l = load(c->in);
		const str *items;
		size_t n;

		CHECK(l.fault == OK);
		items = conf_list(l.conf, CONF_mydestination, &n);
		CHECK_INT(n, c->n);
		for (size_t i = 0; i < n; i++)
			CHECK_C(items[i], c->items[i]);
		done(&l);
	}
}

static void
a_list_of_clients_has_words_and_networks(void **state)
{
	struct loaded l = load("vrfy_clients = permit_mynetworks, 10.0.0.0/8\nmynetworks = 192.0.2.0/24\n");

	(void)state;
	CHECK(l.fault == OK);
	CHECK(conf_has_word(l.conf, CONF_vrfy_clients, S("permit_mynetworks")));
	CHECK(!conf_has_word(l.conf, CONF_vrfy_clients, S("permit_sasl_authenticated")));
	CHECK(conf_has_ip(l.conf, CONF_vrfy_clients, (const unsigned char[4]){ 10, 1, 2, 3 }, 4));
	CHECK(!conf_has_ip(l.conf, CONF_vrfy_clients, (const unsigned char[4]){ 192, 0, 2, 1 }, 4));
	CHECK(!conf_has_ip(
		l.conf, CONF_vrfy_clients, (const unsigned char[4]){ 0 }, 4)); /* a word is no network */
	CHECK(!conf_has_ip(l.conf, CONF_vrfy_clients, (const unsigned char[16]){ 0 }, 16));
	done(&l);
}

static void
matching_lists_take_the_first_that_fits(void **state)
{
	struct loaded l =
		load("mydestination = !no.test, /etc/domains, no.test, [192.0.2.1]\n"
		     "mynetworks = !10.1.0.0/16 10.0.0.0/8 /etc/nets [::1]/128 [::ffff:127.0.0.1]/128\n");
	static const struct {
		const char *domain;
		bool has;
	} domains[] = { { "a.test", true }, { "A.TEST", true }, { "c.test", false }, { "no.test", false },
		{ "d.test", true }, { "x.a.test", false }, { "", false }, { "[192.0.2.1]", true } };
	static const struct {
		unsigned char ip[16];
		size_t bytes;
		bool has;
	} ips[] = {
		{ { 10, 0, 0, 1 }, 4, true },
		{ { 10, 1, 0, 1 }, 4, false },
		{ { 10, 255, 1, 1 }, 4, true },
		{ { 11, 0, 0, 1 }, 4, false },
		{ { 192, 0, 2, 255 }, 4, true },
		{ { 192, 0, 3, 0 }, 4, false },
		{ { 127, 0, 0, 1 }, 4, true },
		{ { 127, 0, 0, 2 }, 4, false },
		{ { [15] = 1 }, 16, true },
		{ { [15] = 2 }, 16, false },
		{ { 0x20, 0x01, 0x0d, 0xb8, 1 }, 16, true },
		{ { 0x20, 0x01, 0x0d, 0xb9 }, 16, false },
	};

	(void)state;
	CHECK(l.fault == OK);
	EACH(domains, d)
		CHECK(conf_has_domain(l.conf, CONF_mydestination, str_c(d->domain)) == d->has);
	EACH(ips, i)
		CHECK(conf_has_ip(l.conf, CONF_mynetworks, i->ip, i->bytes) == i->has);
	CHECK(conf_has_word(l.conf, CONF_smtpd_forbidden_commands, S("get")));
	CHECK(!conf_has_word(l.conf, CONF_smtpd_forbidden_commands, S("ge")));
	done(&l);
}

static void
a_listener_has_its_own_values_and_defaults(void **state)
{
	struct loaded l =
		load("smtpd_tls_security_level = none\nsubmission_smtpd_timeout = 2m\nsmtpd_timeout = 1m\n"
		     "submissions_smtpd_sasl_auth_enable = no\nsmtpd_banner = $smtpd_timeout\n");
	const struct conf *c = l.conf, *submission, *submissions;
	struct conf_origin o;

	(void)state;
	CHECK(l.fault == OK);
	submission = conf_for(c, "submission");
	submissions = conf_for(c, "submissions");
	CHECK(conf_for(c, "") == c && conf_for(c, "smtp") == c);
	CHECK_INT(conf_int(c, CONF_smtpd_timeout), 60000);
	CHECK_INT(conf_int(submission, CONF_smtpd_timeout), 120000);
	CHECK_INT(conf_int(submissions, CONF_smtpd_timeout), 60000);
	CHECK_C(conf_str(submission, CONF_smtpd_banner), "2m"); /* a name means what the listener has */
	CHECK(conf_is(c, CONF_smtpd_tls_security_level, "none"));
	CHECK(conf_is(submission, CONF_smtpd_tls_security_level, "encrypt"));
	CHECK(!conf_bool(c, CONF_smtpd_sasl_auth_enable));
	CHECK(conf_bool(submission, CONF_smtpd_sasl_auth_enable));
	CHECK(!conf_bool(submissions, CONF_smtpd_sasl_auth_enable));
	conf_origin(submission, CONF_smtpd_timeout, &o);
	CHECK_C(o.raw, "2m");
	CHECK_INT(o.line, 2);
	conf_origin(submission, CONF_smtpd_sasl_auth_enable, &o);
	CHECK(!o.file && strcmp(o.initial, "yes") == 0);
	done(&l);
}

static void
the_command_line_outranks_the_file(void **state)
{
	static const char *const overrides[] = { "smtpd_banner=$myhostname x", "mydomain = o.test",
		"smtpd_timeout=7" };
	static const char *const bad[] = { "smtpd_timeout=never" };
	struct loaded l = load_with(S("smtpd_banner = y\nmydestination = $mydomain\n"), overrides, 3);
	struct conf_origin o;
	size_t n;

	(void)state;
	CHECK(l.fault == OK);
	CHECK_INT(l.report.n, 0);
	CHECK_C(conf_str(l.conf, CONF_smtpd_banner), "mail.example.org x");
	CHECK_C(conf_list(l.conf, CONF_mydestination, &n)[0], "o.test");
	CHECK_INT(conf_int(l.conf, CONF_smtpd_timeout), 7000);
	conf_origin(l.conf, CONF_smtpd_banner, &o);
	CHECK_C(str_c(o.file), "-o");
	CHECK_C(o.raw, "$myhostname x");
	done(&l);
	l = load_with(S(""), bad, 1);
	CHECK_C(buf_str(&l.report), "-o: error: smtpd_timeout: `never` is not good here; expected a time "
				    "such as 30s, 5m, 2h, 1d from 1s to 1d\n");
	done(&l);
}

static void
numbers_have_their_units(void **state)
{
	static const struct {
		const char *in;
		enum conf_id id;
		int64_t want;
	} cases[] = {
		{ "message_size_limit = 20M", CONF_message_size_limit, 20 << 20 },
		{ "message_size_limit = 3k", CONF_message_size_limit, 3072 },
		{ "message_size_limit = 0", CONF_message_size_limit, 0 },
		{ "message_size_limit = 2g", CONF_message_size_limit, INT64_C(2) << 30 },
		{ "smtpd_timeout = 10", CONF_smtpd_timeout, 10000 },
		{ "smtpd_timeout = 1h", CONF_smtpd_timeout, 3600000 },
		{ "auth_cache_ttl = 1d", CONF_auth_cache_ttl, 86400000 },
		{ "auth_cache_ttl = 0", CONF_auth_cache_ttl, 0 },
		{ "smtpd_forbid_bare_newline = Normalize", CONF_smtpd_forbid_bare_newline, 2 },
	};

	(void)state;
	EACH(cases, c) {
		struct loaded l = load(c->in);

		CHECK(l.fault == OK);
		CHECK_INT(conf_int(l.conf, c->id), c->want);
		done(&l);
	}
}

static void
ports_without_address_follow_the_interfaces(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *where[4];
	} cases[] = {
		{ "listen_smtp = 25", 1, { "25" } },
		{ "listen_smtp = 0", 1, { "0" } },
		{ "listen_smtp =", 0, { 0 } },
		{ "listen_smtp = *:25 2525\ninet_interfaces = loopback-only", 3,
			{ "*:25", "127.0.0.1:2525", "[::1]:2525" } },
		{ "listen_smtp = 192.0.2.1:25 [2001:db8::1]:26", 2, { "192.0.2.1:25", "[2001:db8::1]:26" } },
		{ "listen_smtp = 25\ninet_protocols = ipv4", 1, { "0.0.0.0:25" } },
		{ "listen_smtp = 25\ninet_protocols = ipv6", 1, { "[::]:25" } },
		{ "listen_smtp = 25\ninet_protocols = ipv4, ipv6", 1, { "25" } },
		{ "listen_smtp = 25\ninet_interfaces = 192.0.2.1, 2001:db8::1 [2001:db8::2]", 3,
			{ "192.0.2.1:25", "[2001:db8::1]:25", "[2001:db8::2]:25" } },
		{ "listen_smtp = 25\ninet_interfaces = localhost", 2, { "127.0.0.1:25", "[::1]:25" } },
		{ "listen_smtp = 25\ninet_interfaces = loopback-only\ninet_protocols = ipv4", 1,
			{ "127.0.0.1:25" } },
	};

	(void)state;
	EACH(cases, c) {
		struct loaded l = load(c->in);
		const str *where;
		size_t n;

		CHECK(l.fault == OK);
		where = conf_listen(l.conf, CONF_listen_smtp, &n);
		CHECK_INT(n, c->n);
		for (size_t i = 0; i < n; i++)
			CHECK_C(where[i], c->where[i]);
		done(&l);
	}
}

static void
tls_versions_are_a_range(void **state)
{
	static const struct {
		const char *in;
		int least, most;
	} cases[] = {
		{ "", 0x0303, 0x0304 },
		{ ">=TLSv1.2", 0x0303, 0x0304 },
		{ ">=TLSv1.3", 0x0304, 0x0304 },
		{ ">=TLSv1", 0x0303, 0x0304 },
		{ "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1", 0x0303, 0x0304 },
		{ "!TLSv1.3", 0x0303, 0x0303 },
		{ "!TLSv1.2", 0x0304, 0x0304 },
		{ "TLSv1.2", 0x0303, 0x0303 },
		{ "TLSv1.3 TLSv1.2", 0x0303, 0x0304 },
		{ ">=TLSv1.2 <=TLSv1.2", 0x0303, 0x0303 },
	};

	(void)state;
	EACH(cases, c) {
		char text[200];
		struct loaded l;
		int least, most;

		snprintf(text, sizeof(text), "smtpd_tls_protocols = %s", c->in);
		l = load(text);
		CHECK(l.fault == OK);
		conf_tls_versions(l.conf, CONF_smtpd_tls_protocols, &least, &most);
		CHECK_INT(least, c->least);
		CHECK_INT(most, c->most);
		done(&l);
	}
}

static void
syslog_facilities_have_their_numbers(void **state)
{
	static const struct {
		const char *in;
		int number;
	} cases[] = { { "", 2 }, { "syslog_facility = daemon", 3 }, { "syslog_facility = user", 1 },
		{ "syslog_facility = LOCAL0", 16 }, { "syslog_facility = local7", 23 } };

	(void)state;
	EACH(cases, c) {
		struct loaded l = load(c->in);

		CHECK(l.fault == OK);
		CHECK_INT(conf_syslog_facility(l.conf), c->number);
		done(&l);
	}
}

static void
the_nearest_name_is_suggested(void **state)
{
	static const struct {
		const char *name, *near;
	} cases[] = {
		{ "mynetwroks", "mynetworks" },
		{ "smtp_banner", "smtpd_banner" },
		{ "queue_min_free", "queue_minfree" },
		{ "relay_host", "relayhost" },
		{ "submission_smtpd_timout", "submission_smtpd_timeout" },
		{ "submissions_smtpd_timout", "submissions_smtpd_timeout" },
		{ "submission_mail_ownr", "" },
		{ "wholly_other", "" },
		{ "x", "" },
		{ "", "" },
	};
	struct arena a = { 0 };

	(void)state;
	EACH(cases, c)
		CHECK_C(conf_suggest(&a, str_c(c->name)), c->near);
	arena_done(&a);
}

/* What params.def says of itself must be true of each row. */
static void
every_default_is_good_and_every_row_has_its_words(void **state)
{
	struct loaded l = load("");
	struct arena a = { 0 };

	(void)state;
	CHECK(l.fault == OK);
	CHECK_INT(l.report.n, 0);
	for (int i = 0; i < CONF_IDS; i++) {
		enum conf_id id = (enum conf_id)i, found;
		struct conf_origin o;

		conf_origin(l.conf, id, &o);
		CHECK(conf_find(str_c(o.name), &found) == OK && found == id);
		CHECK(!o.file && o.line == 0 && o.raw.n == 0);
		CHECK(strlen(o.meaning) > 20 && o.meaning[strlen(o.meaning) - 1] == '.');
		CHECK(strlen(o.section) > 0);
		CHECK(conf_expected(&a, id).n > 0);
		CHECK(!str_eq(conf_expected(&a, id), S("text")));
		if (o.type == CONF_TIME || o.type == CONF_SIZE || o.type == CONF_INT)
			CHECK(o.unit[0]);
	}
	arena_done(&a);
	done(&l);
}

/* Work and output are bounded whatever the file says. */
static void
a_file_cannot_make_loading_explode(void **state)
{
	struct buf text = { 0 };
	struct loaded l;

	(void)state;
	buf_add_c(&text, "x0 = 0123456789\n");
	for (int i = 1; i < 30; i++) /* 10 * 10^29 bytes */
		buf_printf(&text, "x%d = $x%d$x%d$x%d$x%d$x%d$x%d$x%d$x%d$x%d$x%d\n", i, i - 1, i - 1, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	buf_add_c(&text, "smtpd_banner = $x29\n");
	l = load_with(buf_str(&text), NULL, 0);
	CHECK(l.fault == BAD_ARGUMENT);
	CHECK(str_find_str(buf_str(&l.report), S("too long")) < l.report.n);
	done(&l);

	buf_clear(&text);
	for (int i = 1; i < 200; i++)
		buf_printf(&text, "y%d = $y%d\n", i, i - 1);
	buf_add_c(&text, "y0 = a\nsmtpd_banner = $y199\n");
	l = load_with(buf_str(&text), NULL, 0);
	CHECK(l.fault == BAD_ARGUMENT);
	CHECK(str_find_str(buf_str(&l.report), S("too deep")) < l.report.n);
	done(&l);

	buf_clear(&text);
	buf_add_c(&text, "smtpd_banner = ");
	for (int i = 0; i < 1000; i++)
		buf_add_c(&text, "${mydomain?{");
	for (int i = 0; i < 1000; i++)
		buf_add_c(&text, "}}");
	l = load_with(buf_str(&text), NULL, 0);
	CHECK(l.fault == BAD_ARGUMENT);
	done(&l);

	buf_clear(&text);
	buf_add_c(&text, "smtpd_banner = ");
	for (int i = 0; i < 70000; i++)
		buf_add_c(&text, "a");
	l = load_with(buf_str(&text), NULL, 0);
	CHECK_C(buf_str(&l.report), "main.cf:1: error: a value of more than 65536 bytes\n");
	done(&l);

	buf_clear(&text);
	for (int i = 0; i < 11000; i++)
		buf_printf(&text, "z%d = 1\n", i);
	l = load_with(buf_str(&text), NULL, 0);
	CHECK(l.fault == BAD_ARGUMENT);
	CHECK(str_find_str(buf_str(&l.report), S("(there is more)")) < l.report.n);
	CHECK(l.report.n < 65536);
	done(&l);
	buf_done(&text);
}

static void
real_files_are_read(void **state)
{
	char folder[] = "/tmp/conf-test-XXXXXX", path[100], list[100];
	struct buf report = { 0 };
	struct conf *c = NULL;
	FILE *f;

	(void)state;
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/main.cf", folder);
	snprintf(list, sizeof(list), "%s/domains", folder);
	CHECK(conf_load(path, NULL, 0, &report, &c) == NOT_FOUND);
	CHECK(c == NULL && report.n > 0);
	buf_clear(&report);
	f = fopen(path, "w");
	fprintf(f, "mydestination = $config_directory/domains\n");
	fclose(f);
	CHECK(conf_load(path, NULL, 0, &report, &c) == BAD_ARGUMENT);
	f = fopen(list, "w");
	fprintf(f, "a.test\n");
	fclose(f);
	buf_clear(&report);
	CHECK(conf_load(path, NULL, 0, &report, &c) == OK);
	CHECK_INT(report.n, 0);
	CHECK(conf_has_domain(c, CONF_mydestination, S("a.test")));
	conf_free(c);
	CHECK(conf_load(folder, NULL, 0, &report, &c) == BAD_ARGUMENT); /* not a file */
	CHECK(conf_load(NULL, NULL, 0, &report, &c) == OK);
	CHECK(conf_str(c, CONF_myhostname).n > 0);
	conf_free(c);
	conf_free(NULL);
	buf_done(&report);
	unlink(path);
	unlink(list);
	rmdir(folder);
}

T_MAIN(T(values_are_expanded), T(mistakes_are_named_with_their_place), T(what_is_odd_but_clear_is_a_warning),
	T(names_of_ones_own_are_for_other_values), T(lists_have_groups_and_files),
	T(a_list_of_clients_has_words_and_networks), T(matching_lists_take_the_first_that_fits),
	T(a_listener_has_its_own_values_and_defaults), T(the_command_line_outranks_the_file),
	T(numbers_have_their_units), T(ports_without_address_follow_the_interfaces),
	T(tls_versions_are_a_range), T(syslog_facilities_have_their_numbers),
	T(the_nearest_name_is_suggested), T(every_default_is_good_and_every_row_has_its_words),
	T(a_file_cannot_make_loading_explode), T(real_files_are_read))
