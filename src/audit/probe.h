/* audit/probe.h - a server as a stranger sees it
 * Speaks SMTP to it with exact octets, politely: one connection at a time, a pause between them, QUIT at the end, a bound on their number. No message is
 * sent: relaying is judged by the answer to RCPT. Two exceptions, both of the caller's choice: with `to`, the end-of-data tests, where a server that
 * fails a test has accepted a message of two lines to that address; with send_test, one to `foreign` where RCPT was accepted. */
#ifndef AUDIT_PROBE_H
#define AUDIT_PROBE_H

#include "audit/audit.h"
#include "rt/sock.h"

struct audit_target {
	const char *name;                 /* as the user says it: a name or an address */
	struct peer peer;                 /* where it is; with the port */
	const char *helo;                 /* who we say we are */
	const char *from;                 /* sender */
	const char *to;                   /* an address that exists there; NULL: none is known */
	const char *foreign;              /* an address that is not theirs, to be relayed to */
	const char *domain;               /* one of theirs; NULL: that of `to`, or the name in the greeting */
	uint16_t submission, submissions; /* ports; 0: not looked at */
	bool send_test;
	const char *ca_file; /* NULL: the system's */
	int64_t timeout_ms;  /* of each answer */
	int64_t pause_ms;    /* between connections */
	/* Told before each part; may be NULL. */
	void (*progress)(void *ctx, const char *what);
	void *ctx;
};

/* Blocks (it runs a loop of its own), for some 30 s with a server that answers at once, most of it in waiting for what should not come. A fault: the
 * server could not be spoken with at all, and *why says why. */
enum fault audit_probe(struct audit *a, const struct audit_target *t, struct buf *why);

#endif
