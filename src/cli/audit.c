/* cli/audit.c - postrider audit: what is dangerous here, or in a server elsewhere
 * Exits with 0 when nothing was found, 1 with findings (notes are none), 2 when it could not be told. */
#include "cli/audit.h"

#include "audit/probe.h"
#include "base/mem.h"

#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CLEAN = 0, FINDINGS = 1, UNTESTED = 2 };

struct report {
	struct audit audit;
	struct arena arena;
	struct buf out;
	const char *target;
	bool json, colour;
};

/* ---- for people ---- */

static const char *
colour_of(enum audit_severity s)
{
	static const char *const codes[] = { "\033[2m", "\033[36m", "\033[33m", "\033[31m", "\033[1;31m" };

	return codes[s];
}

/* A sentence in lines of at most 96 columns, after a word. */
static void
add_sentence(struct buf *b, const char *label, const char *text)
{
	str rest = str_c(text), word;
	size_t column = 12;

	buf_printf(b, "    %-7s", label);
	while (str_take_word(&rest, &word)) {
		if (column + 1 + word.n > 96) {
			buf_add_c(b, "\n           ");
			column = 12;
		}
		buf_add_char(b, ' ');
		buf_add(b, word);
		column += 1 + word.n;
	}
	buf_add_char(b, '\n');
}

static void
show_check(struct report *r, enum audit_id id)
{
	const struct audit_check *check = audit_check(id);
	bool first = true;

	for (size_t i = 0; i < r->audit.count; i++) {
		const struct audit_finding *f = &r->audit.findings[i];

		if (f->id != id)
			continue;
		if (first)
			buf_printf(&r->out, "%s%s%s: %s [%.*s]\n",
				r->colour ? colour_of(check->severity) : "",
				audit_severity_name(check->severity), r->colour ? "\033[0m" : "", check->what,
				STR_ARG(audit_id_name(&r->arena, id)));
		buf_printf(&r->out, "    %.*s: %.*s\n", STR_ARG(f->where), STR_ARG(f->detail));
		first = false;
	}
	if (first)
		return;
	add_sentence(&r->out, "why:", check->why);
	add_sentence(&r->out, "mend:", check->mend);
}

static size_t
count_of(const struct report *r, enum audit_severity s)
{
	return audit_worst(&r->audit, s) - (s < AUDIT_CRITICAL ? audit_worst(&r->audit, s + 1) : 0);
}

static void
show_summary(struct report *r)
{
	size_t found = audit_worst(&r->audit, AUDIT_LOW), failed = audit_count_failed(&r->audit);
	const char *sep = " (";

	buf_printf(&r->out, "%s: %zu checks, ", r->target, audit_count_ran(&r->audit));
	if (found == 0)
		buf_add_c(&r->out, "no findings");
	else
		buf_printf(&r->out, "%zu finding%s", found, found == 1 ? "" : "s");
	for (int s = AUDIT_CRITICAL; s >= AUDIT_LOW; s--)
		if (count_of(r, (enum audit_severity)s)) {
			buf_printf(&r->out, "%s%zu %s", sep, count_of(r, (enum audit_severity)s),
				audit_severity_name((enum audit_severity)s));
			sep = ", ";
		}
	buf_printf(&r->out, "%s, %zu note%s", found ? ")" : "", count_of(r, AUDIT_NOTE),
		count_of(r, AUDIT_NOTE) == 1 ? "" : "s");
	if (failed)
		buf_printf(&r->out, "; %zu could not be made", failed);
	buf_add_char(&r->out, '\n');
}

static void
show_text(struct report *r)
{
	for (int s = AUDIT_CRITICAL; s >= AUDIT_NOTE; s--)
		for (int id = 0; id < AUDIT_CHECKS; id++)
			if (audit_check((enum audit_id)id)->severity == (enum audit_severity)s)
				show_check(r, (enum audit_id)id);
	for (int id = 0; id < AUDIT_CHECKS; id++)
		if (r->audit.states[id].failed && !r->audit.states[id].ran)
			buf_printf(&r->out, "not tested: %s: %s\n", audit_check((enum audit_id)id)->what,
				r->audit.states[id].failed);
	show_summary(r);
}

/* ---- for programs ---- */

static void
add_pair(struct buf *b, const char *before, const char *key, str value)
{
	buf_printf(b, "%s\"%s\": ", before, key);
	buf_add_quoted(b, value);
}

static void
show_states(struct report *r, const char *key, bool failed)
{
	bool any = false;

	buf_printf(&r->out, ",\n \"%s\": [", key);
	for (int id = 0; id < AUDIT_CHECKS; id++) {
		const struct audit_state *s = &r->audit.states[id];
		const char *why = failed ? s->failed : s->idle;

		if (!why || s->ran || (!failed && s->failed))
			continue;
		add_pair(
			&r->out, any ? ",\n  {" : "\n  {", "id", audit_id_name(&r->arena, (enum audit_id)id));
		add_pair(&r->out, ", ", "why", str_c(why));
		buf_add_char(&r->out, '}');
		any = true;
	}
	buf_add_c(&r->out, any ? "\n ]" : "]");
}

static void
show_json(struct report *r, int status)
{
	static const char *const verdicts[] = { "clean", "findings", "untested" };

	add_pair(&r->out, "{", "target", str_c(r->target));
	buf_printf(&r->out, ",\n \"checks\": %zu,\n \"findings\": [", audit_count_ran(&r->audit));
	for (size_t i = 0; i < r->audit.count; i++) {
		const struct audit_finding *f = &r->audit.findings[i];
		const struct audit_check *c = audit_check(f->id);

		add_pair(&r->out, i ? ",\n  {" : "\n  {", "id", audit_id_name(&r->arena, f->id));
		add_pair(&r->out, ", ", "severity", str_c(audit_severity_name(c->severity)));
		add_pair(&r->out, ", ", "what", str_c(c->what));
		add_pair(&r->out, ", ", "where", f->where);
		add_pair(&r->out, ", ", "detail", f->detail);
		add_pair(&r->out, ", ", "why", str_c(c->why));
		add_pair(&r->out, ", ", "mend", str_c(c->mend));
		buf_add_char(&r->out, '}');
	}
	buf_add_c(&r->out, r->audit.count ? "\n ]" : "]");
	show_states(r, "not_tested", true);
	show_states(r, "not_applicable", false);
	add_pair(&r->out, ",\n ", "verdict", str_c(verdicts[status]));
	buf_add_c(&r->out, "}\n");
}

static int
finish(struct report *r)
{
	int status = audit_worst(&r->audit, AUDIT_LOW) ? FINDINGS
		     : audit_count_failed(&r->audit)   ? UNTESTED
						       : CLEAN;
	int written;

	if (r->json)
		show_json(r, status);
	else
		show_text(r);
	written = cli_write("audit", &r->out);
	audit_done(&r->audit);
	arena_done(&r->arena);
	buf_done(&r->out);
	return written == EX_OK ? status : written;
}

/* ---- where ---- */

/* "mx.a.test", "mx.a.test:25", "192.0.2.1:25", "[2001:db8::1]:25", "2001:db8::1". */
static bool
split_host(char *text, const char **ret_host, uint16_t *ret_port)
{
	char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
	uint64_t port = 25;

	if (text[0] == '[') {
		if (!bracket)
			return false;
		*bracket = '\0';
		if (bracket[1] && (bracket[1] != ':' || !str_to_u64(str_c(bracket + 2), 65535, &port)))
			return false;
		text++;
	} else if (colon && strchr(text, ':') == colon) {
		*colon = '\0';
		if (!str_to_u64(str_c(colon + 1), 65535, &port))
			return false;
	}
	*ret_host = text;
	*ret_port = (uint16_t)port;
	return text[0] != '\0' && port > 0;
}

static bool
look_up(const char *host, uint16_t port, struct peer *ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found = NULL;
	int error;

	if (peer_parse(str_c(host), ret)) {
		ret->port = port;
		return true;
	}
	error = getaddrinfo(host, NULL, &hints, &found);
	if (error != 0) {
		(void)cli_fail(0, "audit", "%s: %s", host, gai_strerror(error));
		return false;
	}
	peer_of(found->ai_addr, found->ai_addrlen, ret);
	ret->port = port;
	freeaddrinfo(found);
	return true;
}

static void
show_progress(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "\r\033[K%s ...", what);
	fflush(stderr);
}

/* An address or a name that goes into a command: nothing that ends a line or a path. */
static bool
is_clean(const char *text, bool address)
{
	str s = str_c(text);

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127 || s.p[i] == '<' || s.p[i] == '>')
			return false;
	return s.n > 0 && s.n <= 254 && (!address || (str_rfind(s, '@') > 0 && str_rfind(s, '@') + 1 < s.n));
}

/* ---- the verb ---- */

static int
audit_here(const struct cli *cli, struct report *r)
{
	struct buf report = { 0 };
	struct conf *conf;
	enum fault f = conf_load(cli->config, cli->overrides, cli->override_count, &report, &conf);
	bool people = f == OK && audit_has_store(conf);

	if (report.n && !people) /* else they are said when main.cf is loaded for the store */
		fwrite(report.p, 1, report.n, stderr);
	buf_done(&report);
	if (f != OK) {
		(void)cli_fail(UNTESTED, "audit", "main.cf has to be right first");
		return UNTESTED;
	}
	r->target = cli->config;
	audit_config(&r->audit, conf, cli->config, (int64_t)time(NULL) * 1000);
	conf_free(conf);
	if (people)
		audit_people(&r->audit, cli);
	return finish(r);
}

static int
audit_there(struct report *r, struct audit_target *t)
{
	struct buf why = { 0 };
	enum fault f;

	if (isatty(STDERR_FILENO))
		t->progress = show_progress;
	f = audit_probe(&r->audit, t, &why);
	if (t->progress)
		fprintf(stderr, "\r\033[K");
	if (f != OK)
		(void)cli_fail(UNTESTED, "audit", "%s: %.*s", r->target, STR_ARG(buf_str(&why)));
	buf_done(&why);
	if (f == OK)
		return finish(r);
	audit_done(&r->audit);
	return UNTESTED;
}

static bool
take_number(const char *text, uint64_t most, uint64_t *ret)
{
	return str_to_u64(str_c(text), most, ret) && *ret > 0;
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	enum {
		HELO = 256,
		FROM,
		TO,
		DOMAIN,
		RELAY_TO,
		SUBMISSION,
		SUBMISSIONS,
		CA,
		TIMEOUT,
		PAUSE,
		SEND,
		AS_JSON
	};
	static const struct option options[] = { { "helo", required_argument, NULL, HELO },
		{ "from", required_argument, NULL, FROM }, { "to", required_argument, NULL, TO },
		{ "our-domain", required_argument, NULL, DOMAIN },
		{ "relay-to", required_argument, NULL, RELAY_TO },
		{ "submission", required_argument, NULL, SUBMISSION },
		{ "submissions", required_argument, NULL, SUBMISSIONS },
		{ "ca", required_argument, NULL, CA }, { "timeout", required_argument, NULL, TIMEOUT },
		{ "pause", required_argument, NULL, PAUSE }, { "send-test", no_argument, NULL, SEND },
		{ "json", no_argument, NULL, AS_JSON }, { 0 } };
	struct audit_target t = { .helo = "audit.invalid",
		.foreign = "postrider-audit@example.org",
		.timeout_ms = 15000,
		.pause_ms = 200 };
	struct report r = { .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") };
	char from[300], where[300], target[320];
	bool good = true, remote = false;
	uint64_t number = 0;
	uint16_t port = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		remote |= option != AS_JSON;
		switch (option) {
		case HELO: good &= is_clean(t.helo = optarg, false); break;
		case FROM: good &= is_clean(t.from = optarg, true); break;
		case TO: good &= is_clean(t.to = optarg, true); break;
		case DOMAIN: good &= is_clean(t.domain = optarg, false); break;
		case RELAY_TO: good &= is_clean(t.foreign = optarg, true); break;
		case SUBMISSION:
			good &= take_number(optarg, 65535, &number);
			t.submission = (uint16_t)number;
			break;
		case SUBMISSIONS:
			good &= take_number(optarg, 65535, &number);
			t.submissions = (uint16_t)number;
			break;
		case CA: t.ca_file = optarg; break;
		case TIMEOUT:
			good &= take_number(optarg, 600, &number);
			t.timeout_ms = (int64_t)number * 1000;
			break;
		case PAUSE:
			good &= str_to_u64(str_c(optarg), 60000, &number);
			t.pause_ms = (int64_t)number;
			break;
		case SEND: t.send_test = true; break;
		case AS_JSON: r.json = true; break;
		default: return cli_usage(&cli_audit);
		}
	}
	argc -= optind;
	argv += optind;
	if (!good || argc > 1 || (argc == 0 && remote) || (argc == 1 && strlen(argv[0]) >= sizeof(where)))
		return cli_usage(&cli_audit);
	if (argc == 0)
		return audit_here(cli, &r);
	memcpy(where, argv[0], strlen(argv[0]) + 1);
	if (!split_host(where, &t.name, &port))
		return cli_usage(&cli_audit);
	if (!look_up(t.name, port, &t.peer))
		return UNTESTED;
	if (!t.from) {
		snprintf(from, sizeof(from), "postrider-audit@%s", t.helo);
		t.from = from;
	}
	snprintf(target, sizeof(target), "%s:%u", t.name, (unsigned)port);
	r.target = target;
	return audit_there(&r, &t);
}

const struct cli_verb cli_audit = { "audit",
	"[--json] | HOST[:PORT] [--to ADDRESS] [--our-domain DOMAIN] [--submission PORT] [--submissions "
	"PORT] [--json] ...",
	"dangerous settings of main.cf; with a host, what a stranger finds there", run };
