/* client/client.h - a conversation with an SMTP or LMTP server, from the client's side
 * RFC 5321 (4.5.3.2: how long each phase may take), 2033 (LMTP), 3207 (STARTTLS), 4954 (AUTH), 2920 (pipelining), 3030 (BDAT), 1870 (SIZE), 6152
 * (8BITMIME), 6531 (SMTPUTF8), 3461 (DSN), 9422 (LIMITS). For `postrider send`, for `postrider audit`, and for whoever will deliver to other servers.
 *
 * Runs in a fiber of the loop it was made with; functions that say "waits" do, each phase up to its deadline. Nothing that leaves ends a line but by
 * CRLF; what would (a line end in an address) is refused before it is sent. What the server says is bounded (64 lines, 8 KiB a reply) and made
 * printable. What it said in clear after 220 to STARTTLS is an attack (RFC 3207) and ends the conversation. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "rt/sock.h"
#include "rt/tls.h"
#include "wire/smtp.h"

/* How something ended. What it means for the sender stands behind it. */
enum client_end {
	CLIENT_OK,
	CLIENT_REFUSED,     /* the server said no: why.answer, 4yz: later perhaps, 5yz: never */
	CLIENT_UNREACHABLE, /* there is no connection. Later */
	CLIENT_LOST,        /* it closed the connection or did not answer in time. Later */
	CLIENT_GARBLED,     /* what it says is not SMTP, or it tried to slip something in */
	CLIENT_INSECURE,    /* TLS is wanted, and none is to be had that can be trusted */
	CLIENT_NO_AUTH, /* no mechanism that both sides know and that may be used here; or the server says no; or it is not who it says */
	CLIENT_UNFIT,   /* the message wants what the server has not. Never */
	CLIENT_BROKEN, /* the message is not what was said of it, could not be read, or an address is none: our own mistake */
	CLIENT_CANCELLED
};
/* Where it ended. */
enum client_phase {
	CLIENT_CONNECT,
	CLIENT_GREETING,
	CLIENT_HELLO,
	CLIENT_TLS,
	CLIENT_AUTH,
	CLIENT_MAIL,
	CLIENT_RCPT,
	CLIENT_DATA,  /* DATA, up to 354 */
	CLIENT_BODY,  /* each piece of the message */
	CLIENT_FINAL, /* the reply to the whole */
	CLIENT_QUIT,
	CLIENT_PHASES
};
const char *client_phase_name(enum client_phase p); /* "connecting", "greeting" ..., for people */

struct client_why {
	enum client_end end;
	enum client_phase phase;
	struct smtp_answer answer; /* code 0: none */
	str text;                  /* a sentence without its full stop, printable */
};

struct client_settings {
	bool lmtp;
	str helo; /* our name; "": the literal of our own address, as RFC 5321 4.1.4 wants where there is none */
	enum client_tls {
		CLIENT_TLS_NEVER,
		CLIENT_TLS_MAY, /* STARTTLS where it is offered; who pretends that it is not gets the message in clear */
		CLIENT_TLS_STARTTLS, /* nothing but STARTTLS before it */
		CLIENT_TLS_AT_ONCE   /* from the first octet: port 465 (RFC 8314) */
	} tls;
	struct tls_client
		*tls_client; /* the caller's, longer than the client; may be NULL with CLIENT_TLS_NEVER */
	str server_name;     /* that the certificate is for */
	bool private_line; /* nobody can listen in (loopback, a unix socket): passwords may travel without TLS */
	int64_t most_ms; /* no phase may take longer; 0: as RFC 5321 has it */
	/* The dialogue, a line a call, without its end. who: 'C', 'S', or '-' for what is said about it. Printable; passwords are hidden, the
	 * message itself is only counted. */
	void (*trace)(void *ctx, char who, str line);
	void *trace_ctx;
};
/* What EHLO or LHLO said. */
enum {
	CLIENT_HAS_PIPELINING = 1,
	CLIENT_HAS_SIZE = 2,
	CLIENT_HAS_8BITMIME = 4,
	CLIENT_HAS_SMTPUTF8 = 8,
	CLIENT_HAS_DSN = 16,
	CLIENT_HAS_CHUNKING = 32,
	CLIENT_HAS_STARTTLS = 64,
	CLIENT_HAS_AUTH = 128,
	CLIENT_HAS_STATUS = 256 /* ENHANCEDSTATUSCODES */
};
struct client_caps {
	unsigned has;
	uint64_t size;     /* the largest message; 0: not said */
	uint64_t rcpt_max; /* the most recipients of one message (RFC 9422); 0: not said */
	str mechanisms;    /* of AUTH, separated by blanks */
	str lines;         /* all it said, as it said it: keyword and arguments, lines separated by \n */
};
/* Pure: what the text of a reply to EHLO (see smtp_answer) promises. Borrows from text and the arena. */
void client_caps_read(struct arena *a, str text, struct client_caps *ret);

struct client;

/* The settings' strings must live as long as the client. */
struct client *client_new(struct loop *l, const struct client_settings *set);
void client_free(struct client *c); /* closes at once; calm with NULL. Polite people client_quit before */

/* Connects, takes the greeting, says EHLO (HELO where the server is of the last century; LHLO), does what set.tls asks, and says it again. Waits. */
enum client_end client_connect(struct client *c, const struct peer *to);
enum client_end client_connect_unix(struct client *c, const char *path);
/* The same over a connected, non-blocking socket, which is the client's from now on. */
enum client_end client_begin(struct client *c, int fd);

const struct client_why *client_why(
	const struct client *c); /* of the last call that was not CLIENT_OK; lives as long as c */
const struct client_caps *client_caps(const struct client *c);
bool client_is_encrypted(const struct client *c);
bool client_tls_facts(const struct client *c, struct tls_facts *ret); /* false: no TLS */

struct client_login {
	str user;      /* "" with EXTERNAL: whom the certificate names */
	str password;  /* XOAUTH2, OAUTHBEARER: the token */
	str mechanism; /* "": the strongest that both know and that does not show the password to a listener */
};
/* User and password are prepared (RFC 4013) where they can be. Waits; SCRAM also computes, for milliseconds. */
enum client_end client_login(struct client *c, const struct client_login *who);

struct client_rcpt {
	str to;          /* local@domain, without brackets */
	unsigned notify; /* SMTP_NOTIFY_*; 0: not said */
	str orcpt;       /* "rfc822;ann@a.test"; "": not said */
	/* what came of it: */
	enum client_verdict {
		CLIENT_UNTRIED,
		CLIENT_ACCEPTED,
		CLIENT_DEFERRED, /* 4yz */
		CLIENT_REJECTED, /* 5yz */
		CLIENT_IN_DOUBT /* all of the message went, and no reply came: perhaps it has it (RFC 1047) */
	} verdict;
	struct smtp_answer answer; /* in the arena of client_send; code 0: none */
};
struct client_message {
	str from; /* "": the null sender */
	struct client_rcpt *rcpts;
	size_t rcpt_count;
	uint64_t size;  /* exactly, with CRLF line ends and without added dots */
	bool eight_bit; /* octets above 127 in it: wants 8BITMIME */
	bool utf8;      /* UTF-8 in its header: wants SMTPUTF8; addresses are looked at here */
	enum smtp_ret ret;
	str envid;
	/* The next piece, borrowed until the next call; empty: the end. Lines must end in CRLF (see smtp_out of wire/smtp.h). May wait. A fault ends
	 * the conversation in the middle of the message, so that the server keeps nothing of it. */
	enum fault (*next)(void *ctx, str *ret_piece);
	void *ctx;
};
/* One transaction. Waits. CLIENT_OK: each recipient has its verdict, and the conversation can go on. Else: those that have none yet are UNTRIED or
 * IN_DOUBT, client_why says what happened, and after CLIENT_UNFIT (nothing was sent) the conversation can go on, too. DSN parameters are left out
 * where the server does not know them: look at client_caps before when they are what matters. */
enum client_end client_send(struct client *c, struct arena *a, struct client_message *m);

/* One command and its reply, whatever it says: for those who probe. Waits. Commands with line ends are CLIENT_BROKEN. */
enum client_end client_ask(struct client *c, struct arena *a, str command, struct smtp_answer *ret);

/* Says QUIT and waits for the reply, a few seconds at most. */
void client_quit(struct client *c);

#endif
