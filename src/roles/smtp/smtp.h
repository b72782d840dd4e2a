/* roles/smtp/smtp.h - the server's side of SMTP: MTA on 25, MSA on 587 and 465, and LMTP
 * A session is parked between commands: then it is this struct and nothing else (and, between chunks of BDAT, what they brought). When its socket is readable it borrows a fiber,
 * works through the commands that have come, flushes the replies and is parked again. What belongs to one message lives
 * in a struct txn from MAIL to the end of data. RFC 5321, 6409; names in the comments of the commands. */
#ifndef ROLES_SMTP_SMTP_H
#define ROLES_SMTP_SMTP_H

#include "base/table.h"
#include "mail/email.h"
#include "people/resolve.h"
#include "people/text.h"
#include "roles/limits.h"
#include "roles/role.h"
#include "rules/rules.h"
#include "rt/sock.h"
#include "rt/stream.h"
#include "rt/tls.h"
#include "wire/sasl.h"
#include "wire/smtp.h"

enum { SMTP_LARGE = 256 * 1024, SMTP_PIECE = 128 * 1024, SMTP_SPARE_BUILDERS = 8 };

/* A listener's view of main.cf, looked up once. */
struct smtp_service {
	const char *name;
	bool submission, implicit_tls, lmtp, prdr;
	str hostname, banner, footer;
	bool helo_required, no_vrfy, strict, utf8, auth, tls_auth_only, tls_header, no_early_pipelining;
	int bare_newline, tls_level, tls_loglevel; /* index of the word in params.def */
	uint64_t size_limit, header_limit, hop_limit, line_limit, rcpt_limit;
	int64_t timeout_ms, starttls_timeout_ms, error_sleep_ms;
	uint64_t least_rate, soft_errors, hard_errors, junk_limit;
	uint32_t most_connections, connection_rate, message_rate, event_rates[LIMITS_EVENTS];
	bool no_plain_clear, no_plain_tls; /* PLAIN and LOGIN are not wanted: smtpd_sasl_security_options */
	bool old_auth, auth_header;
	const str *forbidden;
	size_t forbidden_count;
	uint32_t discarded_caps;         /* 1 << SMTP_CAP_...: smtpd_discard_ehlo_keywords */
	const struct maps *discard_maps; /* the same by client address */
	bool proxied;                    /* each connection begins with a PROXY header */
	int64_t proxy_timeout_ms;
	struct tls_server *tls; /* NULL: no TLS here */
	bool asks_ccert;
	const char *ccert_digest;
	const struct conf *conf; /* as this listener sees it */
	struct limits_rate account_rates[LIMITS_ACCOUNT_KINDS][LIMITS_ACCOUNT_RATES];
	const str *dropped;
	size_t dropped_count;
	bool add_missing, own_login, own_networks, own_machine; /* whose messages get the fields they lack */
	bool strict_7bit;
	int from_mismatch;
	size_t break_lines;  /* longer lines of messages of who has logged in are broken; 0: none */
	struct rules *rules; /* its restriction lists */
	struct smtp_policies *policies; /* whom they ask; NULL: nobody */
};
enum { BARE_NO, BARE_NOTE, BARE_NORMALIZE, BARE_YES, BARE_REJECT }; /* smtpd_forbid_bare_newline */
enum { FROM_PERMIT, FROM_ADD_SENDER, FROM_REJECT };                 /* smtpd_from_login_mismatch */
enum { TLS_NONE, TLS_MAY, TLS_ENCRYPT };                            /* smtpd_tls_security_level */

struct smtp_door { /* a listening socket */
	struct watch watch;
	struct timer timer; /* while it rests */
	const struct smtp_service *service;
	struct smtp_role *role;
};
struct smtp_role {
	struct role *role;
	struct chan store, vault;
	struct people_text *people; /* what main.cf says about addresses */
	struct tls_server *tls[3];  /* by enum tls_ask; made when a listener wants them */
	struct arena arena;         /* of what main.cf's values mean */
	struct smtp_service services[4];
	struct smtp_door *doors;
	size_t door_count;
	enum sasl_mech mechs[10];
	size_t mech_count;
	int64_t rate_window_ms;
	struct limits_helo_rule helo_rule;
	struct link sessions;
	uint64_t next_session;
	uint32_t id_salt;
	struct hash_key table_key;
	struct email_builder *spare[SMTP_SPARE_BUILDERS];
	size_t spare_count;
};

/* A mailbox that gets the message. */
struct smtp_box {
	uint32_t account, mailbox; /* mailbox 0: INBOX */
	str address;               /* for Delivered-To */
	str sender;                /* for Return-Path, instead of the message's; "" = that one */
};

/* Whose an address is; asked once, when it is first needed. */
struct smtp_whose {
	bool asked, first;
	enum fault fault; /* RELAY_DENIED: its domain is not ours */
	struct resolution found;
};

/* What belongs to one message. */
struct txn {
	struct arena arena;
	struct smtp_mail mail; /* its strings live in the arena */
	str sender;            /* as written in Return-Path: local@domain or "" */
	struct smtp_box *rcpts;
	size_t rcpt_count, rcpt_room;
	uint64_t named;    /* recipients the client has named and we have taken */
	str first_named;   /* for Received, when it is the only one */
	struct table seen; /* "account mailbox" already among rcpts: its number there + 1 */
	/* Where each recipient is answered by itself behind the message (LMTP, PRDR): the names in their order, and what they led to. */
	bool answers_each;
	str *names;
	size_t name_room;
	struct smtp_share {
		uint32_t name, rcpt;
	} *shares;
	size_t share_count, share_room;
	struct incoming *incoming; /* what chunks of BDAT have brought; NULL: none yet */
	bool copied;               /* always_bcc and sender_bcc_maps have been seen to */
	uint64_t *firsts;          /* hashes of recipients whom the account had never written to */
	size_t first_count, first_room;
	struct rules_effects effects; /* what access tables want of the message */
	struct smtp_whose whose_sender;
	struct addr only_rcpt; /* of a message with one recipient */
	uint64_t size;         /* octets of the message, when it has come */
};

/* A client's certificate, as it was shown in the handshake. */
struct smtp_ccert {
	str fingerprint; /* by smtpd_tls_fingerprint_digest, as AA:BB:... */
	str subject;     /* one line */
	str *emails;     /* the addresses among its names, in lower case */
	size_t email_count;
	bool verified; /* by smtpd_tls_CAfile or CApath */
};
/* What few sessions have. Its strings live in the arena. */
struct smtp_extra {
	struct arena arena;
	struct smtp_ccert ccert;
	bool has_ccert;
	struct arena forwarded_arena; /* of what XFORWARD said of the message that comes */
	struct smtp_xclient forwarded;
};

/* In which states a command may be said. */
enum { SMTP_FRESH = 1, SMTP_GREETED = 2, SMTP_IN_MAIL = 4, SMTP_HAS_RCPT = 8, SMTP_IN_CHUNKS = 16 };

/* What EHLO lists; the table is in ehlo.c. */
enum smtp_cap {
	SMTP_CAP_PIPELINING,
	SMTP_CAP_SIZE,
	SMTP_CAP_8BITMIME,
	SMTP_CAP_SMTPUTF8,
	SMTP_CAP_CHUNKING,
	SMTP_CAP_PRDR,
	SMTP_CAP_LIMITS,
	SMTP_CAP_ENHANCEDSTATUSCODES,
	SMTP_CAP_STARTTLS,
	SMTP_CAP_AUTH,
	SMTP_CAP_OLD_AUTH,
	SMTP_CAP_XCLIENT,
	SMTP_CAP_XFORWARD,
	SMTP_CAP_VRFY,
	SMTP_CAP_EXPN,
	SMTP_CAPS
};

struct smtp_session {
	struct stream stream;
	struct link link;
	struct smtp_role *smtp;
	const struct smtp_service *service;
	struct log log;
	struct peer peer; /* the client: who connected, or whom a trusted peer names (XCLIENT, PROXY) */
	const char *client_name; /* "unknown" unless a trusted peer named it: names are not looked up */
	unsigned char client[9];
	char id[20];
	uint8_t state; /* one of SMTP_FRESH ... */
	bool esmtp, counted, trusted, watched, closing, parked, may_xclient, may_xforward;
	uint32_t discarded_caps; /* of this client, since its HELO or EHLO */
	uint32_t errors, junk, messages;
	uint64_t swallowed; /* octets of refused chunks */
	char *helo;         /* NULL: not said */
	uint32_t account;   /* 0: not authenticated here */
	char *user; /* address of the account, or the login a trusted peer names; NULL: nobody is logged in */
	enum sasl_mech mech;
	struct txn *txn;
	struct smtp_extra *extra;  /* NULL: nothing rare is known */
	struct rules_carry *carry; /* NULL with smtpd_delay_reject */
	bool denied;               /* refused at the greeting: nothing but QUIT is heard */
};

/* smtp_role.c: the role without its doors, its jail and its loop. NULL: main.cf is wrong (logged). */
struct smtp_role *smtp_new(struct role *r);
void smtp_free(struct smtp_role *smtp); /* sessions must have ended */

/* session.c */
void smtp_session_accept(struct smtp_door *door, int fd, const struct peer *peer);
void smtp_session_drain(struct smtp_session
		*s); /* the server goes down: says so to a client that is not in a message, and closes */
void smtp_say(struct smtp_session *s, enum smtp_reply r, str more);
void smtp_tell_fault(
	struct smtp_session *s, enum fault f, str more); /* with what to do about it, and the session's id */
void smtp_refuse(struct smtp_session *s, enum fault f, str more); /* the same, and counts as an error */
bool smtp_is_tls(const struct smtp_session *s);
enum fault smtp_flush(struct smtp_session *s);
void smtp_forget_mail(struct smtp_session *s);
bool smtp_is_logged_in(const struct smtp_session *s);
struct smtp_extra *smtp_extra(struct smtp_session *s); /* made when there is none */
const struct smtp_ccert *smtp_ccert(
	const struct smtp_session *s);          /* NULL: the client showed no certificate */
int64_t smtp_due(const struct smtp_session *s); /* the deadline of the next wait */
void smtp_know_peer(
	struct smtp_session *s); /* s->peer is another: is it trusted, which client is it to the limits? */
enum fault smtp_enter(
	struct smtp_session *s); /* the client's connection counts: TOO_MANY_FROM_YOU, TOO_FAST */
void smtp_leave(struct smtp_session *s);
enum fault smtp_say_greeting(
	struct smtp_session *s); /* or why this client gets none; waits when a list asks somebody */

/* commands.c: a fault that says the connection is over (CLOSED, TIMED_OUT, CANCELLED) ends the session; every other one is told and the dialogue goes on. */
enum fault smtp_command_run(struct smtp_session *s, const struct smtp_command *c);
/* ehlo.c */
enum fault smtp_cmd_helo(struct smtp_session *s, str args);
enum fault smtp_cmd_ehlo(struct smtp_session *s, str args);      /* and LHLO */
bool smtp_offers(const struct smtp_session *s, enum smtp_cap c); /* may be used now, as EHLO says */
uint32_t smtp_caps_of(const str *words, size_t n);               /* 1 << SMTP_CAP_... */
/* told.c: what a trusted peer tells of a client */
bool smtp_peer_is_in(const struct smtp_session *s, enum conf_id networks);
enum fault smtp_take_proxy(struct smtp_session *s); /* NOT_PERMITTED, BAD_PROXY; waits */
enum fault smtp_cmd_xclient(struct smtp_session *s, str args);
enum fault smtp_cmd_xforward(struct smtp_session *s, str args);
void smtp_forget_forwarded(struct smtp_session *s);
void smtp_log_forwarded(const struct smtp_session *s, str id);
/* ccert.c: after a handshake */
void smtp_learn_ccert(struct smtp_session *s);
/* bdat.c */
enum fault smtp_cmd_bdat(struct smtp_session *s, str args);
void smtp_drop_chunks(struct txn *t);
/* envelope.c */
enum fault smtp_cmd_mail(struct smtp_session *s, str args);
enum fault smtp_cmd_rcpt(struct smtp_session *s, str args);
/* A mailbox for the message; each account and mailbox once, however many names lead to it. For the recipient that is being named. */
void smtp_add_box(struct txn *t, const struct smtp_box *box);
/* vrfy.c */
bool smtp_may_vrfy(const struct smtp_session *s); /* vrfy_clients permits this client to ask who is here */
enum fault smtp_cmd_vrfy(struct smtp_session *s, str args);
enum fault smtp_cmd_expn(struct smtp_session *s, str args);
/* data.c: the taking-in itself is incoming.h; so is bdat.c's */
enum fault smtp_cmd_data(struct smtp_session *s, str args);
/* trust.c: s->trusted was decided by mynetworks for s->peer: is it to be watched, has it been lost? At the beginning, and when s->peer is another. */
void smtp_watch_trust(struct smtp_session *s);
void smtp_recheck_trust(struct smtp_session *s);        /* has it been lost meanwhile? */
void smtp_trust_helo(struct smtp_session *s, str name); /* the client says that this is its name */
/* auth.c */
enum fault smtp_cmd_auth(struct smtp_session *s, str args);
bool smtp_may_auth(const struct smtp_session *s, enum sasl_mech m); /* may it be offered now? */
/* shake.c: TOO_OFTEN when the client did that too often. */
enum fault smtp_count(struct smtp_session *s, enum limits_event what);
enum fault smtp_may_shake(const struct smtp_session *s); /* before TLS is begun */
enum fault smtp_shake(struct smtp_session *s);           /* the handshake; waits */
/* trace.c: the header lines we put before a message. RFC 5321 4.4, RFC 3848. */
void smtp_add_received(struct smtp_session *s, struct buf *b, str id, int64_t wall_ms);

#endif
