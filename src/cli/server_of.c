#include "cli/server_of.h"

#include "base/mem.h"
#include "mail/idn.h"

#include <unistd.h>

enum { PORT_SMTP = 25, PORT_LMTP = 24, PORT_SUBMISSION = 587, PORT_SUBMISSIONS = 465 };

static bool
is_loopback(str host)
{
	struct peer p;

	if (str_eq_nocase(host, S("localhost")) || str_ends_nocase(host, S(".localhost")))
		return true;
	if (!peer_parse(host, &p))
		return false;
	return p.family == AF_INET ? p.ip[0] == 127
				   : memcmp(p.ip, (const unsigned char[16]){ [15] = 1 }, 16) == 0;
}

/* "host", "host:port", "[address]:port", or an address with colons in it. False: bad. */
static bool
split(str text, str *ret_host, str *ret_port)
{
	size_t colon = str_rfind(text, ':');
	struct peer p;

	*ret_host = text;
	*ret_port = S("");
	if (text.n && text.p[0] == '[') {
		size_t end = str_find(text, ']');

		if (end == text.n)
			return false;
		*ret_host = str_sub(text, 1, end - 1);
		text = str_from(text, end + 1);
		*ret_port = str_from(text, 1);
		return ret_host->n && (!text.n || (text.p[0] == ':' && ret_port->n));
	}
	if (peer_parse(text, &p) || colon == text.n)
		return text.n > 0;
	*ret_host = str_sub(text, 0, colon);
	*ret_port = str_from(text, colon + 1);
	return ret_host->n && ret_port->n && str_find(*ret_host, ':') == ret_host->n;
}

static uint16_t
usual_port(const struct submit *how)
{
	if (how->lmtp)
		return PORT_LMTP;
	if (how->tls == SUBMIT_TLS)
		return PORT_SUBMISSIONS;
	return how->user ? PORT_SUBMISSION : PORT_SMTP;
}

static int
find_named(const struct submit *how, struct arena *a, struct server *ret)
{
	str text = str_c(how->server), host, port;
	uint64_t number = usual_port(how);

	if (str_take(&text, S("unix:"))) {
		ret->path = text.p;
		ret->name = "localhost";
		ret->is_here = true;
		return EX_OK;
	}
	if (!split(text, &host, &port) || (port.n && (!str_to_u64(port, 65535, &number) || !number)))
		return cli_fail(EX_USAGE, how->verb,
			"`%s' is no server: HOST, HOST:PORT, [ADDRESS]:PORT or unix:/PATH", how->server);
	if (!idn_to_ascii(a, host, &host))
		return cli_fail(EX_NOHOST, how->verb, "%.*s: there can be no such host", STR_ARG(host));
	ret->host = ret->name = arena_cstr(a, host);
	ret->port = (uint16_t)number;
	ret->is_here = is_loopback(host);
	ret->tls_at_once = ret->port == PORT_SUBMISSIONS;
	return EX_OK;
}

/* From "25", "*:25", "127.0.0.1:25" to where one can connect. */
static bool
from_listener(struct arena *a, str where, struct server *ret)
{
	str host = S("*"), port = where;
	uint64_t number;

	if (str_rfind(where, ':') < where.n && !split(where, &host, &port))
		return false;
	if (!str_to_u64(port, 65535, &number) || !number)
		return false;
	if (str_eq(host, S("*")) || str_eq(host, S("0.0.0.0")))
		host = S("127.0.0.1");
	else if (str_eq(host, S("::")))
		host = S("::1");
	ret->host = arena_cstr(a, host);
	ret->port = (uint16_t)number;
	return true;
}

/* The certificate that master makes when main.cf names none (see roles/master/first_start.c). */
static const char *
own_certificate(const struct conf *c, struct arena *a)
{
	size_t n;
	const char *path;

	(void)conf_list(c, CONF_smtpd_tls_chain_files, &n);
	if (n || conf_str(c, CONF_smtpd_tls_cert_file).n)
		return NULL;
	path = arena_printf(a, "%s/tls/cert.pem", conf_path(c, CONF_state_directory)).p;
	return access(path, R_OK) == 0 ? path : NULL;
}

static int
find_local(const struct submit *how, struct arena *a, struct server *ret)
{
	static const struct {
		enum conf_id id;
		bool for_users, at_once;
	} listeners[] = {
		{ CONF_listen_submissions, true, true },
		{ CONF_listen_submission, true, false },
		{ CONF_listen_smtp, false, false },
	};

	for (size_t i = 0; i < COUNT(listeners); i++) {
		size_t n;
		const str *where = conf_listen(how->conf, listeners[i].id, &n);

		if (listeners[i].for_users != (how->user != NULL) || !n || !from_listener(a, where[0], ret))
			continue;
		ret->name = conf_path(how->conf, CONF_myhostname);
		ret->ca = own_certificate(how->conf, a);
		ret->is_here = is_loopback(str_c(ret->host));
		ret->tls_at_once = listeners[i].at_once;
		return EX_OK;
	}
	return cli_fail(EX_CONFIG, how->verb,
		"main.cf has no %s with a port to connect to; --server names one",
		how->user ? "listen_submissions or listen_submission" : "listen_smtp");
}

int
server_find(const struct submit *how, struct arena *a, struct server *ret)
{
	*ret = (struct server){ 0 };
	return how->server ? find_named(how, a, ret) : find_local(how, a, ret);
}
