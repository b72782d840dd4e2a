/* cli/submit.h - a message to one server, now: what `postrider send` and `sendmail` have in common
 * Blocks until the server has answered. */
#ifndef CLI_SUBMIT_H
#define CLI_SUBMIT_H

#include "cli/cli.h"
#include "client/client.h"

struct submit {
	const char *verb;
	const struct conf *conf; /* for the local server; NULL: there is always `server` */
	const char *
		server; /* host, host:port, address, [address]:port, unix:/path; NULL: the local one, as main.cf has it */
	const char *user; /* NULL: no login */
	str password;
	bool has_password;
	const char *mechanism; /* NULL: the best */
	enum submit_tls { SUBMIT_AUTO, SUBMIT_STARTTLS, SUBMIT_TLS, SUBMIT_NO_TLS } tls;
	bool insecure;
	const char *ca, *cert; /* files */
	const char *tls_name;  /* whom the certificate must name, if not the server as it was given */
	const char *helo;
	bool lmtp, needs_dsn;
	int64_t timeout_ms; /* 0: the standard's patience */
	bool verbose, json;
	bool silent; /* nothing is said of those that were accepted */
	str message_id;
	enum fault (*rewind)(
		void *ctx); /* the message's ctx to its beginning: for servers that take fewer recipients at a time */
};

/* "never", or some of "success,failure,delay", as SMTP_NOTIFY_*; false: it is not that. */
bool submit_notify(str list, unsigned *ret);

/* Sends m and says what came of it: who accepted on stdout, the rest on stderr. An exit status: EX_OK when every recipient was accepted;
 * EX_UNAVAILABLE when one was refused for good; EX_TEMPFAIL when it may be tried again; EX_NOPERM, EX_PROTOCOL, EX_NOHOST, EX_CONFIG, EX_DATAERR. */
int submit_message(const struct submit *how, struct client_message *m);

#endif
