/* postrider send: a mail program for one message */
#include "cli/ask.h"
#include "cli/attach.h"
#include "cli/ready.h"
#include "cli/submit.h"
#include "cli/whom.h"

#include "base/mem.h"
#include "wire/sasl_client.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static int run_send(const struct cli *cli, int argc, char **argv);

const struct cli_verb cli_send = { "send",
	"--to ADDRESS... [--from ADDRESS] [--subject TEXT] [--body TEXT|--body-file FILE] [--html FILE] "
	"[--attach FILE]... [--server HOST[:PORT]] ...",
	"send a message; see postrider(1)", run_send };

enum { MOST_TEXT = 64 << 20, MOST_WORDS = 10000, SEED = 32, MOST_PASSWORD = 65536 };

enum option_id {
	TO = 256,
	CC,
	BCC,
	FROM,
	REPLY_TO,
	ENVELOPE_FROM,
	SUBJECT,
	BODY,
	BODY_FILE,
	HTML,
	ATTACH,
	INLINE,
	HEADER,
	MESSAGE,
	ADD_MISSING,
	SERVER,
	USER,
	PASSWORD_STDIN,
	PASSWORD_FILE,
	AUTH,
	TLS,
	INSECURE,
	CA,
	CERT,
	TLS_NAME,
	HELO,
	LMTP,
	DSN,
	RET,
	ENVID,
	SMTPUTF8,
	TIMEOUT,
	VERBOSE,
	JSON,
	DRY_RUN
}; /* clang-format keeps it */

static const struct option options[] = {
	{ "to", required_argument, NULL, TO },
	{ "cc", required_argument, NULL, CC },
	{ "bcc", required_argument, NULL, BCC },
	{ "from", required_argument, NULL, FROM },
	{ "reply-to", required_argument, NULL, REPLY_TO },
	{ "envelope-from", required_argument, NULL, ENVELOPE_FROM },
	{ "subject", required_argument, NULL, SUBJECT },
	{ "body", required_argument, NULL, BODY },
	{ "body-file", required_argument, NULL, BODY_FILE },
	{ "html", required_argument, NULL, HTML },
	{ "attach", required_argument, NULL, ATTACH },
	{ "inline", required_argument, NULL, INLINE },
	{ "header", required_argument, NULL, HEADER },
	{ "message", required_argument, NULL, MESSAGE },
	{ "add-missing", no_argument, NULL, ADD_MISSING },
	{ "server", required_argument, NULL, SERVER },
	{ "user", required_argument, NULL, USER },
	{ "password-stdin", no_argument, NULL, PASSWORD_STDIN },
	{ "password-file", required_argument, NULL, PASSWORD_FILE },
	{ "auth", required_argument, NULL, AUTH },
	{ "tls", required_argument, NULL, TLS },
	{ "insecure", no_argument, NULL, INSECURE },
	{ "ca", required_argument, NULL, CA },
	{ "cert", required_argument, NULL, CERT },
	{ "tls-name", required_argument, NULL, TLS_NAME },
	{ "helo", required_argument, NULL, HELO },
	{ "lmtp", no_argument, NULL, LMTP },
	{ "dsn", required_argument, NULL, DSN },
	{ "ret", required_argument, NULL, RET },
	{ "envid", required_argument, NULL, ENVID },
	{ "smtputf8", no_argument, NULL, SMTPUTF8 },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "verbose", no_argument, NULL, VERBOSE },
	{ "json", no_argument, NULL, JSON },
	{ "dry-run", no_argument, NULL, DRY_RUN },
	{ 0 },
};

struct sending {
	struct arena arena;
	const struct cli *cli;
	struct conf *conf;
	struct submit how;
	struct whom to, cc, bcc, from, reply_to;
	const char *envelope_from, *message, *body, *body_file, *html, *password_file;
	bool password_stdin, from_headers, add_missing, utf8, dry_run;
	const char **attach, **inlined;
	struct compose_field *fields;
	size_t attach_count, inline_count, field_count;
	unsigned notify;
	enum smtp_ret ret;
	const char *envid;
	struct rcpts rcpts;
	/* one of these two */
	struct composed *composed;
	struct compose_file *files; /* attached, then inline */
	struct ready *ready;
};

/* ---- the command line ---- */

static int
take_tls(struct sending *s, const char *word)
{
	static const char *const words[] = { [SUBMIT_AUTO] = "auto",
		[SUBMIT_STARTTLS] = "starttls",
		[SUBMIT_TLS] = "tls",
		[SUBMIT_NO_TLS] = "none" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(word, words[i]) == 0) {
			s->how.tls = (enum submit_tls)i;
			return EX_OK;
		}
	return cli_fail(EX_USAGE, "send", "--tls is auto, starttls, tls or none, not `%s'", word);
}

static int
take_dsn(struct sending *s, const char *list)
{
	if (submit_notify(str_c(list), &s->notify))
		return EX_OK;
	return cli_fail(
		EX_USAGE, "send", "--dsn is never alone, or some of success,failure,delay; not `%s'", list);
}

static int
take_ret(struct sending *s, const char *word)
{
	if (strcmp(word, "full") != 0 && strcmp(word, "hdrs") != 0)
		return cli_fail(EX_USAGE, "send", "--ret is full or hdrs, not `%s'", word);
	s->ret = word[0] == 'f' ? SMTP_RET_FULL : SMTP_RET_HDRS;
	return EX_OK;
}

static int
take_header(struct sending *s, const char *text)
{
	str value = str_c(text), name;

	if (str_find(value, ':') == value.n || !str_take_until(&value, ':', &name) ||
		!compose_is_field_name(name))
		return cli_fail(EX_USAGE, "send", "--header is `Name: value', not `%s'", text);
	s->fields[s->field_count++] = (struct compose_field){ name, str_trim(value) };
	return EX_OK;
}

static int
take_timeout(struct sending *s, const char *text)
{
	uint64_t seconds;

	if (!str_to_u64(str_c(text), 86400, &seconds) || !seconds)
		return cli_fail(EX_USAGE, "send", "--timeout is a number of seconds, not `%s'", text);
	s->how.timeout_ms = (int64_t)seconds * 1000;
	return EX_OK;
}

static int
take_mechanism(struct sending *s, const char *word)
{
	if (sasl_client_mech_of(str_c(word)) == SASL_NONE)
		return cli_fail(EX_USAGE, "send",
			"--auth is PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256 (or those with -PLUS), EXTERNAL, "
			"OAUTHBEARER or XOAUTH2; "
			"not `%s'",
			word);
	s->how.mechanism = word;
	return EX_OK;
}

static int
take_addresses(struct sending *s, const char *option, const char *text, struct whom *w)
{
	return whom_add("send", &s->arena, option, str_c(text), NULL, w);
}

static int
take_option(struct sending *s, int option, const char *arg, str *subject, bool *has_subject)
{
	switch (option) {
	case TO: return take_addresses(s, "--to", arg, &s->to);
	case CC: return take_addresses(s, "--cc", arg, &s->cc);
	case BCC: return take_addresses(s, "--bcc", arg, &s->bcc);
	case FROM: return take_addresses(s, "--from", arg, &s->from);
	case REPLY_TO: return take_addresses(s, "--reply-to", arg, &s->reply_to);
	case ENVELOPE_FROM: s->envelope_from = arg; break;
	case SUBJECT: *subject = str_c(arg), *has_subject = true; break;
	case BODY: s->body = arg; break;
	case BODY_FILE: s->body_file = arg; break;
	case HTML: s->html = arg; break;
	case ATTACH: s->attach[s->attach_count++] = arg; break;
	case INLINE: s->inlined[s->inline_count++] = arg; break;
	case HEADER: return take_header(s, arg);
	case MESSAGE: s->message = arg; break;
	case ADD_MISSING: s->add_missing = true; break;
	case 't': s->from_headers = true; break;
	case SERVER: s->how.server = arg; break;
	case USER: s->how.user = arg; break;
	case PASSWORD_STDIN: s->password_stdin = true; break;
	case PASSWORD_FILE: s->password_file = arg; break;
	case AUTH: return take_mechanism(s, arg);
	case TLS: return take_tls(s, arg);
	case INSECURE: s->how.insecure = true; break;
	case CA: s->how.ca = arg; break;
	case CERT: s->how.cert = arg; break;
	case TLS_NAME: s->how.tls_name = arg; break;
	case HELO: s->how.helo = arg; break;
	case LMTP: s->how.lmtp = true; break;
	case DSN: s->how.needs_dsn = true; return take_dsn(s, arg);
	case RET: s->how.needs_dsn = true; return take_ret(s, arg);
	case ENVID:
		s->how.needs_dsn = true;
		s->envid = arg;
		break;
	case SMTPUTF8: s->utf8 = true; break;
	case TIMEOUT: return take_timeout(s, arg);
	case VERBOSE: s->how.verbose = true; break;
	case JSON: s->how.json = true; break;
	case DRY_RUN: s->dry_run = true; break;
	default: return cli_usage(&cli_send);
	}
	return EX_OK;
}

/* What cannot be meant together. */
static int
check_options(const struct sending *s, bool has_subject)
{
	bool composes = has_subject || s->body || s->body_file || s->html || s->attach_count ||
			s->inline_count || s->field_count || s->cc.n || s->reply_to.n;
	const struct {
		bool wrong;
		const char *text;
	} rules[] = {
		{ s->message && composes,
			"--message is a message that is ready: nothing is composed into it" },
		{ !s->message && (s->from_headers || s->add_missing),
			"-t and --add-missing are for --message" },
		{ s->body && s->body_file, "--body and --body-file are the same text" },
		{ s->from.n > 1, "--from is one address" },
		{ s->password_stdin && s->password_file,
			"--password-stdin and --password-file are two passwords" },
		{ (s->password_stdin || s->password_file) && !s->how.user, "a password wants a --user" },
		{ s->how.insecure && s->how.ca, "--insecure believes everybody, --ca does not" },
		{ s->how.tls == SUBMIT_NO_TLS && (s->how.insecure || s->how.ca || s->how.tls_name),
			"there is no TLS with --tls none" },
		{ s->how.helo && (str_has_ctl(str_c(s->how.helo)) ||
					 !addr_is_domain(str_c(s->how.helo), false)),
			"--helo is a domain or an address in brackets" },
		{ s->how.user && (!*s->how.user || str_has_ctl(str_c(s->how.user))), "--user is a name" },
		{ s->envid && (!*s->envid || strlen(s->envid) > 100 || str_has_ctl(str_c(s->envid)) ||
				      !str_is_ascii(str_c(s->envid))),
			"--envid is up to 100 characters of ASCII" },
		{ !s->message && !s->to.n && !s->cc.n && !s->bcc.n, "to whom? --to, --cc or --bcc" },
		{ s->message && !s->to.n && !s->bcc.n && !s->from_headers,
			"to whom? --to, --bcc, or -t for those in its header" },
	};
	int standard = (s->body_file && strcmp(s->body_file, "-") == 0) +
		       (s->message && strcmp(s->message, "-") == 0) + (s->html && strcmp(s->html, "-") == 0) +
		       s->password_stdin;

	for (size_t i = 0; i < COUNT(rules); i++)
		if (rules[i].wrong)
			return cli_fail(EX_USAGE, "send", "%s", rules[i].text);
	if (standard > 1)
		return cli_fail(EX_USAGE, "send", "standard input can be only one thing");
	return EX_OK;
}

/* ---- the password ---- */

/* The first line of the file. */
static int
read_password_file(struct sending *s)
{
	str text, line;
	int status = attach_read("send", &s->arena, s->password_file, MOST_PASSWORD, &text);

	if (status != EX_OK)
		return status;
	if (!str_take_until(&text, '\n', &line) || !str_trim(line).n)
		return cli_fail(EX_NOINPUT, "send", "%s has no password in its first line", s->password_file);
	if (str_ends(line, S("\r")))
		line.n--;
	s->how.password = line;
	return EX_OK;
}

static int
get_password(struct sending *s)
{
	struct buf b = { 0 };
	int status;

	if (!s->how.user || (s->how.mechanism && str_eq_nocase(str_c(s->how.mechanism), S("EXTERNAL"))))
		return EX_OK;
	if (s->password_file)
		return read_password_file(s);
	status = s->password_stdin ? ask_password("send", true, S(""), &b)
				   : ask_password_once("send", str_c(s->how.user), &b);
	if (status == EX_OK)
		s->how.password = arena_str(&s->arena, buf_str(&b));
	ask_forget(&b);
	return status;
}

/* ---- the message ---- */

/* Who it is from, in the header: --from, the login, or who calls. */
static str
missing_from(struct sending *s)
{
	const char *host = s->conf ? conf_path(s->conf, CONF_myhostname) : NULL;

	if (s->from.n)
		return s->from.addr[0].address;
	if (s->how.user && strchr(s->how.user, '@'))
		return str_c(s->how.user);
	return whom_me(&s->arena, host);
}

static int
find_from(struct sending *s)
{
	return s->from.n ? EX_OK : whom_add("send", &s->arena, "--from", missing_from(s), NULL, &s->from);
}

static int
open_files(struct sending *s)
{
	int status = EX_OK;

	s->files = ARENA_ARRAY(&s->arena, s->attach_count + s->inline_count + 1, struct compose_file);
	for (size_t i = 0; status == EX_OK && i < s->attach_count; i++)
		status = attach_open("send", &s->arena, s->attach[i], &s->files[i]);
	for (size_t i = 0; status == EX_OK && i < s->inline_count; i++)
		status = attach_open("send", &s->arena, s->inlined[i], &s->files[s->attach_count + i]);
	return status;
}

static int
read_texts(struct sending *s, struct compose *c)
{
	int status = EX_OK;

	if (s->body)
		c->text = str_c(s->body);
	else if (s->body_file)
		status = attach_read("send", &s->arena, s->body_file, MOST_TEXT, &c->text);
	c->has_text = s->body || s->body_file;
	if (status == EX_OK && s->html)
		status = attach_read("send", &s->arena, s->html, MOST_TEXT, &c->html);
	c->has_html = s->html != NULL;
	return status;
}

static int
compose_message(struct sending *s, str subject, struct client_message *m)
{
	struct compose c = { .subject = subject, .utf8 = s->utf8 };
	char *seed = arena_take(&s->arena, SEED);
	struct buf why = { 0 };
	int status = find_from(s);

	if (status == EX_OK)
		status = open_files(s);
	if (status == EX_OK)
		status = read_texts(s, &c);
	if (status != EX_OK)
		return status;
	whom_noise(seed, SEED);
	c.seed = str_of(seed, SEED);
	c.date_ms = whom_now(&c.zone_min);
	c.from = whom_list(&s->from);
	c.to = whom_list(&s->to);
	c.cc = whom_list(&s->cc);
	c.reply_to = whom_list(&s->reply_to);
	c.message_id = s->how.message_id = whom_message_id(&s->arena, s->from.addr[0].address);
	c.fields = s->fields;
	c.field_count = s->field_count;
	c.files = s->files;
	c.file_count = s->attach_count;
	c.inlines = s->files + s->attach_count;
	c.inline_count = s->inline_count;
	if (compose_make(&s->arena, &c, &why, &s->composed) != OK)
		status = cli_fail(EX_DATAERR, "send", "%.*s", STR_ARG(buf_str(&why)));
	buf_done(&why);
	if (status != EX_OK)
		return status;
	m->size = composed_size(s->composed);
	m->utf8 = m->eight_bit = composed_is_utf8(s->composed);
	return EX_OK;
}

static enum fault
next_composed(void *ctx, str *ret_piece)
{
	return composed_next(ctx, ret_piece);
}

static enum fault
rewind_composed(void *ctx)
{
	return composed_rewind(ctx);
}

static int
open_message(struct sending *s, struct client_message *m)
{
	struct ready_wish *wish = ARENA_NEW(&s->arena, struct ready_wish);
	int status = EX_OK;

	*wish = (struct ready_wish){ .verb = "send",
		.path = s->message,
		.take_recipients = s->from_headers,
		.add_missing = s->add_missing };
	wish->from = s->add_missing ? missing_from(s) : S("");
	status = ready_open(&s->arena, wish, &s->ready);
	if (status == EX_OK && !s->from.n && ready_sender(s->ready).n)
		status = whom_add("send", &s->arena, "From", ready_sender(s->ready), NULL, &s->from);
	if (status == EX_OK)
		status = find_from(s);
	if (status != EX_OK)
		return status;
	m->size = ready_size(s->ready);
	m->eight_bit = ready_is_eight_bit(s->ready);
	m->utf8 = ready_is_utf8(s->ready);
	s->how.message_id = ready_message_id(s->ready);
	return EX_OK;
}

/* ---- the envelope ---- */

static int
make_envelope(struct sending *s, struct client_message *m)
{
	str from = s->envelope_from ? str_c(s->envelope_from) : s->from.addr[0].address;
	const struct whom *all[] = { &s->to, &s->cc, &s->bcc, s->ready ? ready_recipients(s->ready) : NULL };
	int status = from.n ? whom_envelope("send", &s->arena, from, s->utf8, &m->from) : EX_OK;

	for (size_t i = 0; status == EX_OK && i < COUNT(all); i++)
		if (all[i])
			status = whom_to_rcpts("send", &s->arena, all[i], s->utf8, &s->rcpts);
	if (status == EX_OK && !s->rcpts.n)
		status = cli_fail(EX_DATAERR, "send", "the header of the message names no recipients");
	for (size_t i = 0; i < s->rcpts.n; i++) {
		struct client_rcpt *r = &s->rcpts.rcpt[i];

		r->notify = s->notify;
		if (s->how.needs_dsn && str_is_ascii(r->to))
			r->orcpt = arena_printf(&s->arena, "rfc822;%.*s", STR_ARG(r->to));
	}
	m->rcpts = s->rcpts.rcpt;
	m->rcpt_count = s->rcpts.n;
	m->ret = s->ret;
	m->envid = str_c(s->envid);
	return status;
}

/* --dry-run: what would have been sent. */
static int
print_message(struct client_message *m)
{
	str piece;

	for (;;) {
		struct buf b;

		if (m->next(m->ctx, &piece) != OK)
			return cli_fail(EX_IOERR, "send", "the message could not be read to its end");
		if (!piece.n)
			return EX_OK;
		b = (struct buf){ .p = (char *)(uintptr_t)piece.p, .n = piece.n };
		if (cli_write("send", &b) != EX_OK)
			return EX_IOERR;
	}
}

/* ---- the whole ---- */

static int
send_it(struct sending *s, str subject)
{
	struct client_message m = { 0 };
	int status = EX_OK;

	if (!s->how.server && !s->dry_run)
		status = cli_load(s->cli, &s->conf);
	if (status != EX_OK)
		fprintf(stderr, "  without main.cf there is no local server to send to; --server HOST names "
				"another\n");
	s->how.conf = s->conf;
	if (status == EX_OK)
		status = s->message ? open_message(s, &m) : compose_message(s, subject, &m);
	if (status == EX_OK)
		status = make_envelope(s, &m);
	m.next = s->message ? ready_next : next_composed;
	m.ctx = s->message ? (void *)s->ready : (void *)s->composed;
	s->how.rewind = s->message ? ready_rewind : rewind_composed;
	if (status == EX_OK && s->dry_run)
		return print_message(&m);
	if (status == EX_OK)
		status = get_password(s);
	return status == EX_OK ? submit_message(&s->how, &m) : status;
}

static int
run_send(const struct cli *cli, int argc, char **argv)
{
	struct sending s = { .cli = cli, .how.verb = "send" };
	str subject = S("");
	bool has_subject = false;
	int option, status = EX_OK;

	s.attach = ARENA_ARRAY(&s.arena, (size_t)argc, const char *);
	s.inlined = ARENA_ARRAY(&s.arena, (size_t)argc, const char *);
	s.fields = ARENA_ARRAY(&s.arena, (size_t)argc, struct compose_field);
	while (status == EX_OK && (option = getopt_long(argc, argv, "t", options, NULL)) != -1)
		status = take_option(&s, option, optarg, &subject, &has_subject);
	if (status == EX_OK && optind < argc)
		status = cli_usage(&cli_send);
	if (status == EX_OK)
		status = check_options(&s, has_subject);
	if (status == EX_OK)
		status = send_it(&s, subject);
	composed_done(s.composed);
	for (size_t i = 0; s.files && i < s.attach_count + s.inline_count; i++)
		attach_close(&s.files[i]);
	ready_close(s.ready);
	conf_free(s.conf);
	arena_done(&s.arena);
	return status;
}
