/* wire/smtp.h - the language of SMTP, LMTP and submission: bytes <-> structs
 * RFC 5321, 1870 (SIZE), 3030 (CHUNKING), 6152 (8BITMIME), 6531 (SMTPUTF8), 3461 (DSN), 4954 (AUTH), 2920, 3463. Pure. */
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
	SMTP_ETRN,
	SMTP_XCLIENT,
	SMTP_XFORWARD,
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
	bool smtputf8, prdr;
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
	SMTP_EXT_BINARYMIME = 32,
	SMTP_EXT_PRDR = 64
};
enum fault smtp_mail_parse(struct arena *a, str args, unsigned offered, bool lenient, struct smtp_mail *ret);
enum fault smtp_rcpt_parse(
	struct arena *a, str args, unsigned offered, bool utf8_ok, bool lenient, struct smtp_rcpt *ret);

/* VRFY's and EXPN's argument: <ann@a.test>, ann@a.test, <ann> or ann, and SMTPUTF8 behind it when EHLO offered it. The strings live in the arena or borrow
 * from args. BAD_ARGUMENT: nothing; BAD_ADDRESS; NEEDS_SMTPUTF8: bytes above 127 without the parameter. */
struct smtp_vrfy {
	struct addr of; /* domain empty: a name alone */
	bool utf8;      /* the reply may have bytes above 127 */
};
enum fault smtp_vrfy_parse(struct arena *a, str args, bool utf8_offered, struct smtp_vrfy *ret);

/* BDAT's argument: "86 LAST". RFC 3030 2. Fault: BAD_ARGUMENT; how many octets follow is unknown then. */
struct smtp_bdat {
	uint64_t size; /* up to 2^63-1 */
	bool last;
};
enum fault smtp_bdat_parse(str args, struct smtp_bdat *ret);

/* XCLIENT and XFORWARD, as Postfix's XCLIENT_README and XFORWARD_README describe them: ATTR=xtext ... */
enum smtp_xattr {
	XATTR_NAME,
	XATTR_ADDR,
	XATTR_PORT,
	XATTR_PROTO,
	XATTR_HELO,
	XATTR_LOGIN, /* XCLIENT only, and the next two */
	XATTR_DESTADDR,
	XATTR_DESTPORT,
	XATTR_IDENT, /* XFORWARD only, and the next one */
	XATTR_SOURCE,
	XATTRS
};
struct smtp_ip {
	unsigned bytes; /* 4, 16; 0: none */
	unsigned char ip[16];
};
struct smtp_xclient {
	unsigned given;       /* 1 << XATTR_...: what stood there */
	unsigned unavailable; /* of these: [UNAVAILABLE] or [TEMPUNAVAIL] */
	str text[XATTRS];     /* decoded; no controls, UTF-8 */
	struct smtp_ip addr, destaddr;
	uint16_t port, destport;
	bool esmtp; /* PROTO */
};
/* Strings live in the arena. BAD_ARGUMENT: unknown, twice, not what that attribute must be; none at all. */
enum fault smtp_xclient_parse(struct arena *a, str args, bool forward, struct smtp_xclient *ret);
void smtp_xclient_list(struct buf *b, bool forward); /* " NAME ADDR ...", for EHLO */
/* May it stand behind HELO, and in Received? Names that are no domain may, as everybody permits. BAD_ARGUMENT. RFC 5321 4.1.1.1. */
enum fault smtp_helo_check(str name);

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
/* The same with what to do about it (base/fault_help.def) and the session's id: "Mailbox full; try again later (id 1a2b)". Where `footer` is not
 * empty its lines (separated by \n) follow in the same reply. The id is whole however long the rest is. */
void smtp_fault_tell(struct buf *b, enum fault f, str more, str id, str footer);
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
/* Chunks of BDAT have neither dots nor an end: only what is no line end is looked for. Zeroed at first. */
struct smtp_newlines {
	bool after_cr, bare_cr, bare_lf;
};
void smtp_newlines_see(struct smtp_newlines *n, str in);
void smtp_newlines_end(struct smtp_newlines *n); /* the message ends here */
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
