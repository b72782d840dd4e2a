/* A conversation's life: connection, greeting, EHLO, TLS, and the end. */
#include "client/inside.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/un.h>

struct client *
client_new(struct loop *l, const struct client_settings *set)
{
	struct client *c = NEW(struct client);

	c->loop = l;
	c->set = *set;
	c->stream.watch.fd = -1;
	return c;
}

void
client_free(struct client *c)
{
	if (!c)
		return;
	stream_close(&c->stream);
	buf_done(&c->line);
	buf_done(&c->chunk);
	arena_done(&c->arena);
	free(c);
}

const struct client_why *
client_why(const struct client *c)
{
	return &c->why;
}

const struct client_caps *
client_caps(const struct client *c)
{
	return &c->caps;
}

bool
client_is_encrypted(const struct client *c)
{
	return c->encrypted;
}

bool
client_tls_facts(const struct client *c, struct tls_facts *ret)
{
	if (!c->encrypted || !c->stream.tls)
		return false;
	tls_facts(c->stream.tls, ret);
	return true;
}

/* ---- EHLO ---- */

/* RFC 5321 4.1.3: who has no name says its address. */
static str
own_literal(struct client *c)
{
	struct sockaddr_storage room = { 0 };
	socklen_t n = sizeof(room);
	struct peer me = { .family = AF_UNIX };
	str text;

	if (getsockname(c->stream.watch.fd, (struct sockaddr *)&room, &n) == 0)
		peer_of((struct sockaddr *)&room, n, &me);
	if (me.family == AF_UNIX)
		return S("localhost");
	text = peer_text(&c->arena, &me);
	return arena_printf(&c->arena, me.family == AF_INET6 ? "[IPv6:%.*s]" : "[%.*s]", STR_ARG(text));
}

static enum client_end
say_hello(struct client *c)
{
	const char *verb = c->set.lmtp ? "LHLO" : "EHLO";
	struct smtp_answer answer;
	enum client_end end;

	if (!c->set.helo.n)
		c->set.helo = own_literal(c);
	c->caps = (struct client_caps){ 0 };
	end = client_command(c, &c->arena, CLIENT_HELLO,
		arena_printf(&c->arena, "%s %.*s", verb, STR_ARG(c->set.helo)), S(""), &answer);
	if (end != CLIENT_OK)
		return end;
	if (answer.code == 250) {
		client_caps_read(&c->arena, answer.text, &c->caps);
		return CLIENT_OK;
	}
	if (c->set.lmtp || answer.code < 500)
		return client_refused(c, CLIENT_HELLO, &answer);
	/* RFC 5321 3.2: it does not know EHLO. */
	end = client_command(c, &c->arena, CLIENT_HELLO,
		arena_printf(&c->arena, "HELO %.*s", STR_ARG(c->set.helo)), S(""), &answer);
	if (end == CLIENT_OK && answer.code != 250)
		end = client_refused(c, CLIENT_HELLO, &answer);
	return end;
}

/* ---- TLS ---- */

static enum client_end
shake_hands(struct client *c)
{
	struct tls_facts facts;
	enum fault f;

	client_begin_phase(c, CLIENT_TLS);
	f = stream_connect_tls(&c->stream, c->set.tls_client, c->set.server_name);
	if (f == TIMED_OUT || f == CANCELLED)
		return client_lost(c, CLIENT_TLS, f);
	if (f != OK)
		return client_fail(c, CLIENT_INSECURE, CLIENT_TLS, NULL,
			"no TLS with %.*s that can be trusted: %s", STR_ARG(c->set.server_name),
			c->stream.tls && *tls_why(c->stream.tls) ? tls_why(c->stream.tls)
								 : "the connection was closed");
	c->encrypted = true;
	tls_facts(c->stream.tls, &facts);
	client_note(c, "%s, %s, %d bits; server name %.*s", facts.version, facts.cipher, facts.bits,
		STR_ARG(c->set.server_name));
	return CLIENT_OK;
}

static enum client_end
start_tls(struct client *c)
{
	struct smtp_answer answer;
	enum client_end end;

	if (!(c->caps.has & CLIENT_HAS_STARTTLS)) {
		if (c->set.tls == CLIENT_TLS_MAY)
			return CLIENT_OK;
		return client_fail(c, CLIENT_INSECURE, CLIENT_TLS, NULL,
			"the server does not offer STARTTLS, or somebody on the way has struck it out");
	}
	end = client_command(c, &c->arena, CLIENT_TLS, S("STARTTLS"), S(""), &answer);
	if (end != CLIENT_OK)
		return end;
	if (answer.code != 220) {
		if (c->set.tls == CLIENT_TLS_MAY && !c->over)
			return CLIENT_OK;
		return client_fail(c, CLIENT_INSECURE, CLIENT_TLS, &answer,
			"the server offers STARTTLS and refuses it: %d %.*s", answer.code,
			STR_ARG(answer.text));
	}
	/* RFC 3207 4.2 and CVE-2011-0411 seen from this side: what comes in clear behind the 220 would be taken for protected replies. */
	if (stream_pending(&c->stream).n)
		return client_fail(c, CLIENT_GARBLED, CLIENT_TLS, NULL,
			"more came in clear behind the reply to STARTTLS: somebody tries to slip replies in");
	end = shake_hands(c);
	return end == CLIENT_OK ? say_hello(c) : end; /* all that was said before is forgotten */
}

/* ---- the beginning and the end ---- */

static enum client_end
begin(struct client *c)
{
	struct smtp_answer answer;
	enum client_end end = CLIENT_OK;

	c->open = true;
	if (c->set.tls == CLIENT_TLS_AT_ONCE)
		end = shake_hands(c);
	if (end == CLIENT_OK)
		end = client_hear(c, &c->arena, CLIENT_GREETING, &answer);
	if (end == CLIENT_OK && answer.code != 220)
		end = client_refused(c, CLIENT_GREETING, &answer);
	if (end == CLIENT_OK)
		end = say_hello(c);
	if (end == CLIENT_OK && (c->set.tls == CLIENT_TLS_MAY || c->set.tls == CLIENT_TLS_STARTTLS))
		end = start_tls(c);
	return end;
}

enum client_end
client_begin(struct client *c, int fd)
{
	if (stream_init(&c->stream, c->loop, fd) != OK)
		return client_fail(
			c, CLIENT_UNREACHABLE, CLIENT_CONNECT, NULL, "the socket cannot be watched");
	return begin(c);
}

enum client_end
client_connect(struct client *c, const struct peer *to)
{
	str where = peer_text(&c->arena, to);
	int error = 0;
	enum fault f;

	client_note(c, to->family == AF_INET6 ? "connecting to [%.*s]:%u" : "connecting to %.*s:%u",
		STR_ARG(where), to->port);
	client_begin_phase(c, CLIENT_CONNECT);
	f = stream_connect(&c->stream, c->loop, to, c->stream.due_ms, &error);
	if (f == OK)
		return begin(c);
	if (f == CANCELLED)
		return client_lost(c, CLIENT_CONNECT, f);
	return client_fail(c, CLIENT_UNREACHABLE, CLIENT_CONNECT, NULL, "cannot connect to %.*s port %u: %s",
		STR_ARG(where), to->port, f == TIMED_OUT ? "no answer" : strerrordesc_np(error));
}

enum client_end
client_connect_unix(struct client *c, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd;

	client_note(c, "connecting to %s", path);
	if (n >= sizeof(sa.sun_path))
		return client_fail(c, CLIENT_UNREACHABLE, CLIENT_CONNECT, NULL,
			"%s: too long for a socket's path", path);
	memcpy(sa.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return client_begin(c, fd);
	(void)client_fail(c, CLIENT_UNREACHABLE, CLIENT_CONNECT, NULL, "cannot connect to %s: %s", path,
		strerrordesc_np(errno));
	if (fd >= 0)
		close(fd);
	return CLIENT_UNREACHABLE;
}

void
client_quit(struct client *c)
{
	struct client_why kept = c->why;
	struct smtp_answer answer;

	if (!c->open || c->over)
		return;
	(void)client_command(c, &c->arena, CLIENT_QUIT, S("QUIT"), S(""), &answer);
	c->why = kept; /* how it parts is nobody's concern */
	c->over = true;
}
