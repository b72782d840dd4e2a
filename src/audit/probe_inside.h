/* audit/probe_inside.h - what the probes share; not for others */
#ifndef AUDIT_PROBE_INSIDE_H
#define AUDIT_PROBE_INSIDE_H

#include "audit/inside.h"
#include "audit/probe.h"
#include "rt/stream.h"
#include "wire/smtp.h"

enum probe_service { PROBE_SMTP, PROBE_SUBMISSION, PROBE_SUBMISSIONS };
enum { CAP_STARTTLS = 1, CAP_AUTH = 2, CAP_SIZE = 4, CAP_DSN = 8, CAP_XCLIENT = 16 };

struct probe {
	struct audit *audit;
	const struct audit_target *t;
	struct loop *loop;
	struct tls_client *tls;     /* looks, with everything that is modern */
	enum probe_service service; /* that is being looked at */
	uint16_t port;
	str where;       /* "mx.a.test:25" */
	int64_t next_ms; /* no new connection before */
	unsigned connections;

	/* what the first look has shown */
	str server, domain,
		literal; /* the name in the greeting; a domain of theirs; "192.0.2.1" or "IPv6:2001:db8::1" */
	str greeting;
	unsigned caps;
	str auth, size;  /* arguments of EHLO's lines */
	char nobody[40]; /* a local part that nobody has */
};

/* A connection. Zeroed at first; visit_end is calm with it. All calls wait; faults: CLOSED, TIMED_OUT, MALFORMED, TLS_UNAVAILABLE, TOO_BUSY (the
 * server does not want us: 421, 4yz in the greeting; or there have been too many connections). */
struct visit {
	struct probe *probe;
	struct stream stream;
	struct arena arena; /* of answers: until its end */
	bool up;
	struct smtp_answer greeting, ehlo;
	unsigned caps; /* of the last EHLO */
	str auth, size;
};
enum fault visit_connect(
	struct probe *p, struct visit *t); /* TLS, where the service has it from the first octet */
enum fault visit_begin(struct probe *p, struct visit *t);      /* and hears the greeting: 220 */
enum fault visit_begin_ehlo(struct probe *p, struct visit *t); /* and EHLO */
enum fault visit_write(struct visit *t, str bytes);            /* exactly these */
enum fault visit_hear(struct visit *t, struct smtp_answer *ret);
enum fault visit_hear_within(struct visit *t, int64_t ms, struct smtp_answer *ret);
/* A command without its CRLF, and the answer. */
enum fault visit_ask(struct visit *t, struct smtp_answer *ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
enum fault visit_ehlo(struct visit *t);
/* STARTTLS and handshake. NOT_IMPLEMENTED: refused. */
enum fault visit_starttls(struct visit *t, struct tls_client *c);
void visit_end(struct visit *t);  /* QUIT, politely; the struct can be used again */
void visit_drop(struct visit *t); /* at once: the server is in the middle of something */

static inline bool
is_yes(const struct smtp_answer *a)
{
	return a->code >= 200 && a->code < 300;
}
static inline bool
is_later(const struct smtp_answer *a)
{
	return a->code >= 400 && a->code < 500;
}

/* "250 2.1.5 Recipient OK", cut. */
str answer_text(struct arena *a, const struct smtp_answer *answer);

/* The parts. A fault: what they have not found out is not known. */
enum fault probe_relay(struct probe *p);
enum fault probe_xclient(struct probe *p);
enum fault probe_proxy(struct probe *p);
enum fault probe_users(struct probe *p);
enum fault probe_timing(struct probe *p);
enum fault probe_errors(struct probe *p);
enum fault probe_injection(struct probe *p);
enum fault probe_certificate(struct probe *p);
enum fault probe_versions(struct probe *p);
enum fault probe_ciphers(struct probe *p);
enum fault probe_clear_auth(struct probe *p);
enum fault probe_login(struct probe *p);
enum fault probe_greeting(struct probe *p);
enum fault probe_early(struct probe *p);
enum fault probe_pipelining(struct probe *p);
enum fault probe_size(struct probe *p);
enum fault probe_http(struct probe *p);
enum fault probe_helo(struct probe *p);
enum fault probe_end_of_data(struct probe *p);

#endif
