/* wire/smtp.h - the language of SMTP, LMTP and submission: bytes <-> structs
 * RFC 5321, 1870 (SIZE), 6152 (8BITMIME), 6531 (SMTPUTF8), 3461 (DSN), 4954 (AUTH), 2920, 3463. Pure. */
#ifndef WIRE_SMTP_H
#define WIRE_SMTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "mail/addr.h"

/* ---- commands ---- */
enum smtp_verb {
	SMTP_UNKNOWN,
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_LHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_QUIT,
	SMTP_HELP,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_AUTH,
	SMTP_STARTTLS,
	SMTP_HTTP /* GET, POST, CONNECT ...: a browser */
};
enum { SMTP_LINE = 2048 }; /* most octets of a command line we read: 512 and what the extensions add */
struct smtp_command {
	enum smtp_verb verb;
	str word; /* as sent */
	str args; /* after the verb, outer blanks gone */
};
/* line: without its line end. Faults: SYNTAX (control characters, NUL). */
enum fault smtp_command_parse(str line, struct smtp_command *ret);
const char *smtp_verb_name(enum smtp_verb v);

struct smtp_mail {
	struct addr from; /* null path: empty */
	bool has_size;
	uint64_t size;
	enum smtp_body { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME } body;
	bool smtputf8;
	bool has_auth;
	str auth; /* xtext decoded; "" for <> */
	enum smtp_ret { SMTP_RET_UNSET, SMTP_RET_FULL, SMTP_RET_HDRS } ret;
	str envid; /* xtext decoded */
};
struct smtp_rcpt {
	struct addr to;        /* domain empty: <postmaster> */
	unsigned notify;       /* SMTP_NOTIFY_*; 0 = not given */
	str orcpt_type, orcpt; /* decoded */
};
enum { SMTP_NOTIFY_NEVER = 1, SMTP_NOTIFY_SUCCESS = 2, SMTP_NOTIFY_FAILURE = 4, SMTP_NOTIFY_DELAY = 8 };
/* args: "FROM:<...> ..." / "TO:<...> ...". `offered` says which parameters EHLO announced (SMTP_EXT_*): others are UNKNOWN_PARAMETER.
 * Results borrow from args or live in the arena. Strict: no blank before the path unless `lenient` (old clients), no duplicate parameters
 * (BAD_ARGUMENT), SIZE up to 2^63-1, xtext checked (decoded control characters refused). Other faults: a bad path is BAD_SENDER in MAIL, BAD_ADDRESS
 * in RCPT; NEEDS_SMTPUTF8 (bytes above 127 in a path without it; in RCPT: when !utf8_ok); BAD_ARGUMENT for the rest. */
enum {
	SMTP_EXT_SIZE = 1,
	SMTP_EXT_8BITMIME = 2,
	SMTP_EXT_SMTPUTF8 = 4,
	SMTP_EXT_DSN = 8,
	SMTP_EXT_AUTH = 16,
	SMTP_EXT_BINARYMIME = 32
};
enum fault smtp_mail_parse(struct arena *a, str args, unsigned offered, bool lenient, struct smtp_mail *ret);
enum fault smtp_rcpt_parse(
	struct arena *a, str args, unsigned offered, bool utf8_ok, bool lenient, struct smtp_rcpt *ret);

/* ---- replies ---- */
/* Every reply the server sends that is not a fault's own words stands in wire/smtp_replies.def. */
enum smtp_reply {
#define REPLY(name, code, status, text) REPLY_##name,
#include "wire/smtp_replies.def"
#undef REPLY
	SMTP_REPLIES
};
/* "250 2.1.5 text CRLF"; status is left out where the table has "" (greeting, EHLO, 334, 354). `more` goes behind the text. */
void smtp_reply_add(struct buf *b, enum smtp_reply r, str more);
/* A fault in SMTP's words; `more` (may be empty) goes behind the text: "Mailbox full: ann@a.test". Bytes that do not belong in a reply are made '?'. */
void smtp_fault_add(struct buf *b, enum fault f, str more);
/* Any reply of one line or more (text lines separated by \n); replies longer than 512 octets are cut. */
void smtp_lines_add(struct buf *b, int code, str status, str text);

/* ---- message data ---- */
/* RFC 5321 4.5.2: takes dots off, finds the end; CRLF.CRLF only, whatever comes across pieces (CVE-2023-51764 and kin: ../field). Bare CR and bare LF
 * are never line ends: they are kept, counted and, by the caller's policy, refused. */
struct smtp_data {
	uint8_t state;
	bool bare_cr, bare_lf, nul;
	uint64_t taken; /* octets of the message so far */
};
void smtp_data_init(struct smtp_data *d);
/* Consumes from in up to the end of data: *ret_used octets; message octets are appended to out (may be over its limit: then out->full). True: the
 * end was found, the rest of in is the next command. Works at memchr speed. */
bool smtp_data_feed(struct smtp_data *d, str in, struct buf *out, size_t *ret_used);
/* The way out: dots added, bare CR or LF made CRLF, ends with CRLF.CRLF (RFC 5321 4.5.2). For clients. */
void smtp_data_stuff(struct buf *b, str message);
/* The same in pieces cut anywhere, for a message too large to be held. Zeroes begin. */
struct smtp_out {
	bool dots; /* set by the caller: for DATA. Without: line ends only, for BDAT (RFC 3030) and for whatever wants CRLF */
	bool mended;            /* a bare CR or LF was made CRLF */
	bool in_line, after_cr; /* private */
};
void smtp_out_feed(struct smtp_out *o, struct buf *b, str piece);
/* CRLF when the last line has none; with dots, the line that is a dot. */
void smtp_out_end(struct smtp_out *o, struct buf *b);

/* ---- the client's side ---- */
struct smtp_answer {
	int code;
	str status; /* "2.1.5" or "" */
	str text;   /* lines joined by \n, without codes */
};
/* One whole reply off the front of *in; false when it is not whole yet. Faults in *ret_fault: MALFORMED (bad code, mixed codes, above 64 lines
 * or 8 KiB). */
bool smtp_answer_take(struct arena *a, str *in, struct smtp_answer *ret, enum fault *ret_fault);

#endif
