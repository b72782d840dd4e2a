/* rules/rules.h - who may do what: Postfix's access restrictions (postconf(5): smtpd_client_restrictions and kin; access(5))
 * The lists of a listener are compiled once per load; a question is answered by walking them. Pure but for the hooks, which wait: what the
 * store knows of an address, what a policy service says, a pause. A step whose lists are empty costs one look (rules_busy). */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include "conf/conf.h"
#include "mail/addr.h"
#include "rt/sock.h"

/* ---- the program ---- */

struct rules;

/* Compiles the lists as one listener sees them (conf_for). ret_report gets a line a finding, as conf_load's. With an error the result is
 * BAD_ARGUMENT and *ret is not written. The result borrows from c. */
enum fault rules_compile(const struct conf *c, struct buf *ret_report, struct rules **ret);
void rules_free(struct rules *r);
/* Compiles the lists of every listener and throws them away: for whoever loads main.cf. Each finding is said once. */
enum fault rules_judge(const struct conf *plain, struct buf *ret_report);

/* A policy service that some list asks (check_policy_service). */
struct rules_policy {
	const char *name; /* as main.cf has it, for the log */
	struct peer peer; /* where it listens, when path is NULL */
	const char *path; /* of its socket */
	int64_t timeout_ms, idle_ms, life_ms, retry_ms;
	uint64_t request_limit, tries; /* requests of one connection, 0: no limit; attempts */
	str default_action;            /* when it cannot be asked */
	str context;                   /* policy_context */
};
const struct rules_policy *rules_policies(const struct rules *r, size_t *ret_n);

/* ---- a question ---- */

/* When lists are walked. With smtpd_delay_reject (the default) those of CONNECT, HELO and MAIL have their turn at RCPT, each time anew. */
enum rules_step {
	RULES_AT_CONNECT,
	RULES_AT_HELO,
	RULES_AT_MAIL,
	RULES_AT_RCPT,
	RULES_AT_DATA,
	RULES_AT_END
};
bool rules_busy(const struct rules *r, enum rules_step step);

/* What is known. All is borrowed for the call. */
struct rules_facts {
	const struct peer *client;
	str client_name, reverse_name; /* "unknown" when they are */
	bool trusted;                  /* in mynetworks */
	bool has_helo, esmtp, tls;
	str helo;
	bool pipelined; /* input stands behind this command already */
	bool auth;      /* this listener has AUTH */
	str user;       /* who logged in; "" nobody */
	bool has_ccert, ccert_verified;
	str ccert_fingerprint, ccert_pubkey;
	const struct addr *sender, *rcpt; /* NULL: none yet; the null path has two empty halves */
	uint64_t rcpt_count;              /* recipients taken so far */
	/* for policy services only */
	const char *auth_method, *tls_version, *tls_cipher;
	int tls_bits;
	str server_address, auth_sender, id, instance, ccert_subject, ccert_issuer;
	uint16_t server_port;
	uint64_t size;
};

/* What else has to be asked. Each may wait; a fault that ends the session (CLOSED, CANCELLED) ends the walk, too. */
struct rules_hooks {
	void *ctx;
	/* What the store says of an address: OK, it is somebody's here; RELAY_DENIED, its domain is not ours; or why it is nobody's. */
	enum fault (*rcpt)(void *ctx);
	enum fault (*sender)(void *ctx);
	/* Does the sender's address lead to the account that logged in and to nobody else? OK; NOT_PERMITTED; a temporary fault. */
	enum fault (*owns)(void *ctx);
	/* The action that policy service says, in the arena of the question. */
	enum fault (*policy)(void *ctx, size_t service, str request, str *ret_action);
	enum fault (*sleep)(void *ctx, unsigned seconds);
	/* Something for the log: what is a kebab-case event, text what main.cf or a table says, or the reply that was not given. */
	void (*note)(void *ctx, const char *what, str text);
};

/* What tables said should happen to the message. Zeroed at MAIL; in the message's arena. */
struct rules_effects {
	bool discard; /* pretend to take it */
	str prepend;  /* header lines, each with its CRLF */
	str redirect; /* "": nowhere else */
	str bcc[8];
	size_t bcc_count;
};

/* A refusal that waits for its condition: defer_if_permit, defer_if_reject. */
struct rules_deferral {
	bool active;
	int code;
	char status[12], text[400];
};
/* What lists that were walked before RCPT leave for those behind: of a session, zeroed at first. Without smtpd_delay_reject only. */
struct rules_carry {
	struct rules_deferral after_client, after_helo, after_sender;
	bool discard;
};

struct rules_query {
	const struct rules *rules;
	const struct rules_facts *facts;
	const struct rules_hooks *hooks;
	struct arena *arena;           /* of the answer */
	struct rules_effects *effects; /* NULL: there is no message yet */
	struct arena *effects_arena;
	struct rules_carry *carry; /* NULL with smtpd_delay_reject */
};
struct rules_reply {
	enum fault fault; /* not OK: this is the whole answer, in the fault's words */
	int code;
	str status, text;
	const char *by; /* the list that refused, for the log */
};
/* True: go on. False: refuse with *ret. Waits. */
bool rules_ask(const struct rules_query *q, enum rules_step step, struct rules_reply *ret);
bool rules_delayed(const struct rules *r); /* smtpd_delay_reject */

/* ---- the grammars, for tests and fuzzers too ---- */

/* What an access table or a policy service answers (access(5)). */
enum rules_action {
	RULES_DUNNO,
	RULES_OK,
	RULES_REJECT,
	RULES_DEFER,
	RULES_DEFER_IF_PERMIT,
	RULES_DEFER_IF_REJECT,
	RULES_CODE, /* 4nn or 5nn */
	RULES_WARN,
	RULES_INFO,
	RULES_HOLD,
	RULES_DISCARD,
	RULES_FILTER,
	RULES_HANGUP,
	RULES_PREPEND,
	RULES_REDIRECT,
	RULES_BCC,
	RULES_LIST /* restrictions, or the name of a class */
};
struct rules_result {
	enum rules_action action;
	int code;   /* CODE */
	str status; /* "5.7.1" in front of the text; "" none */
	str text;   /* what follows; of LIST the whole */
};
void rules_result_parse(str value, struct rules_result *ret);

/* Is it a name that a host may have, as reject_invalid_helo_hostname and reject_non_fqdn_* understand it? Labels of letters, digits, - and _; not all
 * digits and dots. A dot at the end is the caller's. */
bool rules_hostname_ok(str name);

/* The request to a policy service: name=value lines and an empty one. Values lose what could end a line. */
void rules_policy_request(
	struct buf *b, const struct rules_facts *f, enum rules_step step, const struct rules_policy *p);
/* One whole answer off the front of *in; false when it is not whole yet. *ret_ok: it has an action. */
bool rules_policy_answer(str *in, str *ret_action, bool *ret_ok);
enum { RULES_POLICY_ANSWER = 8192 }; /* most octets of an answer */

#endif
