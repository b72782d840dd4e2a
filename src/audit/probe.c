/* audit/probe.c - the order of the probes, and what becomes of those that cannot be made */
#include "audit/probe_inside.h"

#include "base/mem.h"

/* clang-format off */
enum { NONE = AUDIT_CHECKS };
static const struct part {
	const char *title;
	enum fault (*run)(struct probe *p);
	bool smtp, submission, submissions; /* where */
	enum audit_id ids[9];               /* what it finds out; ends with 0, which is a check of the configuration */
} parts[] = {
	{ "greeting",           probe_greeting,    true,  true,  true,  { AUDIT_GREETING_TELLS } },
	{ "sizes",              probe_size,        true,  true,  true,  { AUDIT_SIZE_UNLIMITED } },
	{ "AUTH in the clear",  probe_clear_auth,  true,  true,  false, { AUDIT_AUTH_OFFERED_IN_CLEAR } },
	{ "certificate",        probe_certificate, true,  true,  true,
	  { AUDIT_NO_STARTTLS, AUDIT_TLS_BROKEN, AUDIT_SEEN_CERTIFICATE_EXPIRED, AUDIT_SEEN_CERTIFICATE_EXPIRES,
	    AUDIT_SEEN_CERTIFICATE_OF_OTHER, AUDIT_SEEN_CERTIFICATE_WEAK, AUDIT_SEEN_CERTIFICATE_UNTRUSTED } },
	{ "versions of TLS",    probe_versions,    true,  true,  true,  { AUDIT_TLS_OLD } },
	{ "ciphers",            probe_ciphers,     true,  true,  true,
	  { AUDIT_TLS_WEAK, AUDIT_TLS_ANONYMOUS, AUDIT_TLS_NO_SECRECY } },
	{ "STARTTLS injection", probe_injection,   true,  true,  false, { AUDIT_STARTTLS_INJECTION } },
	{ "submission",         probe_login,       false, true,  true,
	  { AUDIT_SUBMISSION_WITHOUT_TLS, AUDIT_SUBMISSION_WITHOUT_LOGIN } },
	{ "relaying",           probe_relay,       true,  false, false,
	  { AUDIT_RELAY_OPEN, AUDIT_RELAY_BY_FORM, AUDIT_TAKES_ANY_RECIPIENT } },
	{ "XCLIENT",            probe_xclient,     true,  false, false, { AUDIT_XCLIENT_OPEN } },
	{ "PROXY",              probe_proxy,       true,  false, false, { AUDIT_PROXY_OPEN } },
	{ "VRFY, EXPN, RCPT",   probe_users,       true,  false, false, { AUDIT_VRFY_TELLS, AUDIT_EXPN_TELLS, AUDIT_RCPT_TELLS } },
	{ "timing",             probe_timing,      true,  false, false, { AUDIT_TIMING_TELLS } },
	{ "HELO",               probe_helo,        true,  false, false, { AUDIT_MAIL_WITHOUT_HELO } },
	{ "pipelining",         probe_pipelining,  true,  false, false, { AUDIT_PIPELINES_EARLY } },
	{ "early talkers",      probe_early,       true,  false, false, { AUDIT_TALKS_EARLY } },
	{ "browsers",           probe_http,        true,  false, false, { AUDIT_SPEAKS_TO_BROWSERS } },
	{ "end of data",        probe_end_of_data, true,  false, false, { AUDIT_SMUGGLED_END } },
	{ "errors",             probe_errors,      true,  false, false, { AUDIT_ERRORS_UNLIMITED } },
};
/* clang-format on */

static const char *
why_of(enum fault f)
{
	switch (f) {
	case CLOSED: return "the server closed the connection";
	case TIMED_OUT: return "no answer in time";
	case MALFORMED: return "the answer is not SMTP";
	case TOO_BUSY: return "the server does not want another connection";
	case TLS_UNAVAILABLE: return "the TLS handshake failed";
	case NOT_PERMITTED: return "the server refuses what comes before it";
	case NOT_IMPLEMENTED: return "the server refuses STARTTLS";
	default: return "it could not be tested";
	}
}

static bool
applies(const struct part *part, enum probe_service s)
{
	return s == PROBE_SMTP ? part->smtp : s == PROBE_SUBMISSION ? part->submission : part->submissions;
}

/* Each part adds what it knows; what remains is unknown when it failed, and good when not. */
static void
run_part(struct probe *p, const struct part *part)
{
	struct audit *a = p->audit;
	enum fault f;

	if (p->t->progress)
		p->t->progress(p->t->ctx, part->title);
	f = part->run(p);
	for (size_t i = 0; i < COUNT(part->ids) && part->ids[i]; i++) {
		enum audit_id id = part->ids[i];

		if (f != OK)
			audit_failed(a, id, why_of(f));
		else if (!a->states[id].failed && !a->states[id].idle)
			audit_ran(a, id);
	}
}

static void
run_service(struct probe *p, enum probe_service s, uint16_t port)
{
	p->service = s;
	p->port = port;
	p->where = arena_printf(&p->audit->arena, "%s:%u", p->t->name, (unsigned)port);
	for (size_t i = 0; i < COUNT(parts); i++)
		if (applies(&parts[i], s))
			run_part(p, &parts[i]);
}

/* ---- the first look ---- */

static str
domain_of(const char *address)
{
	str s = str_c(address);

	return str_from(s, str_rfind(s, '@') + 1);
}

static enum fault
first_look(struct probe *p)
{
	struct arena *a = &p->audit->arena;
	struct visit v;
	str rest, word = S("");
	enum fault f = visit_begin_ehlo(p, &v);

	if (f == OK) {
		rest = v.greeting.text;
		(void)str_take_word(&rest, &word);
		p->server = arena_str(a, str_find(word, '.') < word.n ? word : str_c(p->t->name));
		p->greeting = arena_str(a, v.greeting.text);
		p->domain = p->t->domain ? str_c(p->t->domain) : p->t->to ? domain_of(p->t->to) : p->server;
		p->caps = v.caps;
		p->auth = arena_str(a, v.auth);
		p->size = arena_str(a, v.size);
	}
	visit_end(&v);
	return f;
}

/* Loopback, and addresses that are nobody's on the internet. */
static void
tell_where_from(struct probe *p)
{
	const struct peer *peer = &p->t->peer;
	size_t bytes = peer->family == AF_INET ? 4 : 16;

	audit_ran(p->audit, AUDIT_TESTED_FROM_INSIDE);
	if (ip_reach(peer->ip, bytes, (unsigned)bytes * 8) != IP_GLOBAL)
		audit_find(p->audit, AUDIT_TESTED_FROM_INSIDE, p->where,
			"%.*s is not an address of the internet", STR_ARG(peer_text(&p->audit->arena, peer)));
}

struct job {
	struct probe probe;
	enum fault fault;
	bool over;
};

static void
run_all(void *arg)
{
	struct job *j = arg;
	struct probe *p = &j->probe;

	p->service = PROBE_SMTP;
	p->port = p->t->peer.port;
	j->fault = first_look(p);
	if (j->fault == OK) {
		run_service(p, PROBE_SMTP, p->t->peer.port);
		tell_where_from(p);
		if (p->t->submission)
			run_service(p, PROBE_SUBMISSION, p->t->submission);
		if (p->t->submissions)
			run_service(p, PROBE_SUBMISSIONS, p->t->submissions);
	}
	j->over = true;
}

enum fault
audit_probe(struct audit *a, const struct audit_target *t, struct buf *why)
{
	struct job j = { .probe = { .audit = a, .t = t, .loop = loop_new() } };
	uint64_t random = 0;

	j.probe.tls = tls_client_new_looker(0x0303, 0x0304, "DEFAULT", t->ca_file, why);
	if (!j.probe.tls) {
		loop_free(j.probe.loop);
		return BAD_ARGUMENT;
	}
	loop_random(j.probe.loop, &random, sizeof(random));
	snprintf(j.probe.nobody, sizeof(j.probe.nobody), "nobody-%012llx",
		(unsigned long long)(random & 0xffffffffffff));
	j.probe.literal = arena_printf(&a->arena, "%s%.*s", t->peer.family == AF_INET6 ? "IPv6:" : "",
		STR_ARG(peer_text(&a->arena, &t->peer)));
	fiber_start(j.probe.loop, run_all, &j);
	while (!j.over && loop_run_once(j.probe.loop))
		;
	tls_client_free(j.probe.tls);
	loop_free(j.probe.loop);
	if (j.fault != OK)
		buf_add_c(why, why_of(j.fault));
	return j.fault;
}
