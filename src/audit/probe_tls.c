/* audit/probe_tls.c - what STARTTLS is worth there */
#include "audit/probe_inside.h"

#include "base/mem.h"

#include <time.h>

/* A connection under TLS. NOT_FOUND: it is not offered. */
static enum fault
begin_tls(struct probe *p, struct visit *v, struct tls_client *c)
{
	if (p->service == PROBE_SUBMISSIONS) {
		struct tls_client *usual = p->tls;
		enum fault f;

		p->tls = c;
		f = visit_connect(p, v);
		p->tls = usual;
		return f;
	}
	TRY(visit_begin_ehlo(p, v));
	if (!(v->caps & CAP_STARTTLS))
		return NOT_FOUND;
	return visit_starttls(v, c);
}

static const char no_tls[] = "STARTTLS is not offered";

/* ---- the certificate ---- */

static const struct audit_certificate_checks seen_checks = { AUDIT_SEEN_CERTIFICATE_EXPIRED,
	AUDIT_SEEN_CERTIFICATE_EXPIRES, AUDIT_SEEN_CERTIFICATE_OF_OTHER, AUDIT_SEEN_CERTIFICATE_WEAK };

static void
judge(struct probe *p, const struct visit *v)
{
	struct tls_cert_facts facts;
	struct tls_facts tls;
	/* An address is not what anybody has a certificate for: then it is the name in the greeting. */
	struct peer peer;
	str name = peer_parse(str_c(p->t->name), &peer) ? p->server : str_c(p->t->name);

	tls_facts(v->stream.tls, &tls);
	if (!tls_peer_facts(v->stream.tls, &p->audit->arena, name, &facts))
		return;
	audit_judge_certificate(p->audit, &seen_checks, p->where, &facts, name, (int64_t)time(NULL) * 1000);
	if (facts.trouble[0])
		audit_find(p->audit, AUDIT_SEEN_CERTIFICATE_UNTRUSTED, p->where, "%s", facts.trouble);
}

enum fault
probe_certificate(struct probe *p)
{
	static const enum audit_id about[] = { AUDIT_TLS_BROKEN, AUDIT_SEEN_CERTIFICATE_EXPIRED,
		AUDIT_SEEN_CERTIFICATE_EXPIRES, AUDIT_SEEN_CERTIFICATE_OF_OTHER, AUDIT_SEEN_CERTIFICATE_WEAK,
		AUDIT_SEEN_CERTIFICATE_UNTRUSTED };
	struct visit v;
	enum fault f = begin_tls(p, &v, p->tls);

	if (f == OK) {
		judge(p, &v);
	} else if (f == NOT_FOUND) {
		if (p->service == PROBE_SMTP)
			audit_find(p->audit, AUDIT_NO_STARTTLS, p->where, "EHLO does not announce it");
		for (size_t i = 0; i < COUNT(about); i++)
			audit_idle(p->audit, about[i], no_tls);
		f = OK;
	} else if (f == TLS_UNAVAILABLE || f == NOT_IMPLEMENTED) {
		const char *why = v.stream.tls ? tls_why(v.stream.tls) : "";

		audit_find(p->audit, AUDIT_TLS_BROKEN, p->where, "%s",
			f == NOT_IMPLEMENTED ? "STARTTLS is announced, and refused" : why);
		for (size_t i = 1; i < COUNT(about); i++)
			audit_idle(p->audit, about[i], "there is no handshake");
		f = OK;
	}
	if (f == OK && v.stream.tls && p->service != PROBE_SUBMISSIONS)
		visit_end(&v);
	else
		visit_drop(&v);
	return f;
}

/* ---- versions and ciphers ---- */

/* Does it shake hands with this? NOT_FOUND: no TLS at all. What OpenSSL here cannot: *ret_possible is false. */
static enum fault
try_tls(struct probe *p, int least, int most, const char *ciphers, bool *ret_possible, bool *ret_done,
	str *ret_what)
{
	struct buf why = { 0 };
	struct tls_client *c = tls_client_new_looker(least, most, ciphers, NULL, &why);
	struct tls_facts facts;
	struct visit v = { .probe = p };
	enum fault f = OK;

	buf_done(&why);
	*ret_possible = c != NULL;
	*ret_done = false;
	if (!c)
		return OK;
	f = begin_tls(p, &v, c);
	if (f == OK) {
		tls_facts(v.stream.tls, &facts);
		*ret_what = arena_printf(&p->audit->arena, "%s, %s", facts.version, facts.cipher);
		*ret_done = true;
	}
	visit_drop(&v);
	tls_client_free(c);
	/* Those that refuse send an alert, or just go. */
	return f == TLS_UNAVAILABLE || f == CLOSED ? OK : f;
}

enum fault
probe_versions(struct probe *p)
{
	bool possible, done;
	str what;

	for (int version = 0x0301; version <= 0x0302; version++) {
		enum fault f = try_tls(p, version, version, "ALL:@SECLEVEL=0", &possible, &done, &what);

		if (f == NOT_FOUND)
			audit_idle(p->audit, AUDIT_TLS_OLD, no_tls);
		else if (f != OK)
			return f;
		else if (!possible)
			audit_failed(p->audit, AUDIT_TLS_OLD, "OpenSSL here does not have the old versions");
		else if (done)
			audit_find(p->audit, AUDIT_TLS_OLD, p->where, "%.*s", STR_ARG(what));
	}
	return OK;
}

enum fault
probe_ciphers(struct probe *p)
{
	static const struct {
		enum audit_id id;
		const char *ciphers;
	} tries[] = {
		{ AUDIT_TLS_WEAK, "eNULL:RC4:3DES:DES:EXPORT:IDEA:SEED:!aNULL:@SECLEVEL=0" },
		{ AUDIT_TLS_ANONYMOUS, "aNULL:!eNULL:@SECLEVEL=0" },
		{ AUDIT_TLS_NO_SECRECY, "kRSA:!eNULL:@SECLEVEL=0" },
	};
	bool possible, done;
	str what;

	for (size_t i = 0; i < COUNT(tries); i++) {
		enum fault f = try_tls(p, 0x0303, 0x0303, tries[i].ciphers, &possible, &done, &what);

		if (f == NOT_FOUND)
			audit_idle(p->audit, tries[i].id, no_tls);
		else if (f != OK)
			return f;
		else if (!possible)
			audit_idle(p->audit, tries[i].id, "OpenSSL here has no such ciphers");
		else if (done)
			audit_find(p->audit, tries[i].id, p->where, "%.*s", STR_ARG(what));
	}
	return OK;
}

/* ---- STARTTLS and what comes with it ---- */

/* One segment: STARTTLS and a NOOP in the clear. After the handshake a server that kept the NOOP answers one command more than were said. */
enum fault
probe_injection(struct probe *p)
{
	enum { WAIT_MS = 1500 };
	struct smtp_answer a = { 0 };
	struct visit v;
	enum fault f = visit_begin_ehlo(p, &v);

	if (f == OK && !(v.caps & CAP_STARTTLS)) {
		audit_idle(p->audit, AUDIT_STARTTLS_INJECTION, no_tls);
		visit_end(&v);
		return OK;
	}
	if (f == OK)
		f = visit_write(&v, S("STARTTLS\r\nNOOP\r\n"));
	if (f == OK)
		f = visit_hear(&v, &a);
	if (f == OK && a.code == 220 && stream_pending(&v.stream).n == 0) {
		v.stream.due_ms = loop_now_ms(p->loop) + p->t->timeout_ms;
		f = stream_connect_tls(&v.stream, p->tls, str_c(p->t->name));
		if (f == OK && visit_hear_within(&v, WAIT_MS, &a) == OK)
			audit_find(p->audit, AUDIT_STARTTLS_INJECTION, p->where,
				"STARTTLS and NOOP in one segment; after the handshake, unasked: %.*s",
				STR_ARG(answer_text(&v.arena, &a)));
	}
	visit_drop(&v);
	/* To end the connection, or to answer in the clear what came in the clear and then fail the handshake, is a defence. */
	return f == CLOSED || f == TLS_UNAVAILABLE ? OK : f;
}

enum fault
probe_clear_auth(struct probe *p)
{
	struct visit v;
	enum fault f = visit_begin_ehlo(p, &v);

	if (f == OK && (v.caps & CAP_AUTH))
		audit_find(p->audit, AUDIT_AUTH_OFFERED_IN_CLEAR, p->where, "AUTH %.*s", STR_ARG(v.auth));
	visit_end(&v);
	return f;
}

/* ---- submission ---- */

/* Is mail taken? Not even our own domain's matters here: who sends must have logged in (RFC 6409 4.3). */
static enum fault
try_mail(struct probe *p, struct visit *v, const char *how)
{
	struct smtp_answer a, r;

	TRY(visit_ask(v, &a, "MAIL FROM:<%s>", p->t->from));
	if (!is_yes(&a))
		return OK;
	TRY(visit_ask(v, &r, "RCPT TO:<%s>", p->t->foreign));
	if (is_yes(&r)) {
		audit_find(p->audit, AUDIT_RELAY_OPEN, p->where,
			"%s: MAIL FROM:<%s>, RCPT TO:<%s> was accepted", how, p->t->from, p->t->foreign);
		audit_find(p->audit, AUDIT_SUBMISSION_WITHOUT_LOGIN, p->where, "%s: RCPT: %.*s", how,
			STR_ARG(answer_text(&v->arena, &r)));
	} else if (p->t->to) {
		TRY(visit_ask(v, &r, "RCPT TO:<%s>", p->t->to));
		if (is_yes(&r))
			audit_find(p->audit, AUDIT_SUBMISSION_WITHOUT_LOGIN, p->where,
				"%s: MAIL FROM:<%s>, RCPT TO:<%s>: %.*s", how, p->t->from, p->t->to,
				STR_ARG(answer_text(&v->arena, &r)));
	}
	return visit_ask(v, &a, "RSET");
}

enum fault
probe_login(struct probe *p)
{
	struct visit v;
	enum fault f = visit_begin_ehlo(p, &v);
	bool offered = v.caps & CAP_STARTTLS;

	if (f == OK && p->service == PROBE_SUBMISSION && !offered)
		audit_find(
			p->audit, AUDIT_SUBMISSION_WITHOUT_TLS, p->where, "EHLO does not announce STARTTLS");
	if (f == OK)
		f = try_mail(p, &v, p->service == PROBE_SUBMISSION ? "in the clear" : "under TLS");
	visit_end(&v);
	if (f != OK || p->service != PROBE_SUBMISSION || !offered)
		return f;
	f = begin_tls(p, &v, p->tls);
	if (f == OK)
		f = visit_ehlo(&v);
	if (f == OK)
		f = try_mail(p, &v, "under TLS");
	visit_end(&v);
	return f;
}
