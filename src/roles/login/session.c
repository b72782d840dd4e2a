/* roles/login/session.c - a connection from its greeting to its login */
#include "roles/login/login.h"

#include "base/mem.h"
#include "roles/limits.h"

bool
login_is_tls(const struct login_session *s)
{
	return s->stream.tls != NULL;
}

struct login_side *
login_side(const struct login_session *s)
{
	struct login_side *sides = s->login->sides;

	return sides[0].protocol == s->service->protocol ? &sides[0] : &sides[1];
}

enum fault
login_start_tls(struct login_session *s, str answer)
{
	if (login_is_tls(s))
		return BAD_SEQUENCE;
	if (stream_pending(&s->stream).n)
		return EARLY_PIPELINING;
	buf_add(&s->stream.out, answer);
	TRY(stream_flush(&s->stream));
	return stream_accept_tls(&s->stream, login_side(s)->tls);
}

bool
login_ends_connection(enum fault f)
{
	return f == CLOSED || f == TIMED_OUT || f == CANCELLED || f == TOO_MANY_ERRORS || f == HTTP_HERE ||
	       f == AUTH_THROTTLED || f == SHUTTING_DOWN || f == EARLY_PIPELINING;
}

struct log
login_log(const struct login_session *s, char id[20])
{
	int n = snprintf(id, 20, "%08x%x", s->login->id_salt, s->id);

	return (struct log){ &s->login->role->sink, "session", str_of(id, (size_t)n) };
}

static str
client_of(const struct login_session *s, struct arena *a)
{
	return peer_text(a, &s->peer);
}

static void
tell(const struct login_session *s, enum log_level level, const char *event, enum fault why)
{
	struct arena a = { 0 };
	char id[20];
	struct log log = login_log(s, id);

	LOG_AT(&log, level, event, kv_str("client", client_of(s, &a)), kv_c("service", s->service->name),
		kv_c("why", fault_words(why)->name));
	arena_done(&a);
}

/* ---- the end ---- */

void
login_session_end(struct login_session *s)
{
	struct role *r = s->login->role;
	unsigned char key[LIMITS_KEY];

	stream_close(&s->stream);
	list_remove(&s->link);
	if (s->counted) {
		peer_client_key(&s->peer, key);
		limits_leave(r->limits, r->column, LIMITS_LOGIN, key);
	}
	free(s->user);
	free(s->tag);
	free(s);
	role_session_ended(r);
}

/* Says why, if the client can still hear it; after a timeout it hears nothing (RFC 1939 3). */
static void
session_fail(struct login_session *s, enum fault why)
{
	if (why == TOO_MANY_ERRORS || why == HTTP_HERE || why == AUTH_THROTTLED || why == EARLY_PIPELINING)
		tell(s, LOG_WARN, "session-cut", why);
	if (why != CLOSED && why != CANCELLED && why != TIMED_OUT) {
		s->service->protocol->cut(s, why);
		s->stream.due_ms = loop_now_ms(s->login->role->loop) + LOGIN_LAST_WORD_MS;
		(void)stream_finish(&s->stream);
	}
	login_session_end(s);
}

/* ---- the dialogue ---- */

/* A browser, or somebody who makes one speak with us (ALPACA); a TLS handshake where there is none yet. */
static bool
is_foreign(const struct login_session *s, str line)
{
	static const str words[] = { SC("GET "), SC("POST "), SC("HEAD "), SC("PUT "), SC("OPTIONS "),
		SC("CONNECT "), SC("DELETE "), SC("PATCH "), SC("PRI * HTTP/") };

	(void)s;
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_starts_nocase(line, words[i]))
			return true;
	return str_starts(line, S("\x16\x03"));
}

static enum fault
one_command(struct login_session *s)
{
	const struct login_protocol *p = s->service->protocol;
	bool bare = false;
	str line;
	enum fault f;

	if (!login_is_tls(s) && is_foreign(s, stream_pending(&s->stream)))
		return HTTP_HERE;
	s->stream.due_ms = s->due_ms;
	f = stream_take_line(&s->stream, p->line, &line, &bare);
	if (f == OK && is_foreign(s, line))
		return HTTP_HERE;
	if (f == OK)
		f = p->run(s, line);
	if (f == OK || login_ends_connection(f))
		return f;
	if (f == TLS_UNAVAILABLE) /* after the handshake has begun there is nothing to say in */
		return CLOSED;
	p->tell(s, f);
	return ++s->errors >= LOGIN_ERRORS ? TOO_MANY_ERRORS : OK;
}

static void session_woken(struct stream *stream, enum fault why);

/* Works through what has come; parks when nothing more is pending. In a fiber. */
static void
session_run(void *arg)
{
	struct login_session *s = arg;
	enum fault f = OK;

	while (f == OK && !s->closing && !s->handed_over) {
		if (!stream_has_line(&s->stream)) {
			s->stream.due_ms = s->due_ms;
			f = stream_flush(&s->stream);
			if (f == OK && !stream_pending(&s->stream).n) {
				if (s->stream.ended || s->login->role->draining) {
					f = s->stream.ended ? CLOSED : SHUTTING_DOWN;
					break;
				}
				s->parked = true;
				stream_park(&s->stream, s->due_ms, session_woken);
				return;
			}
		}
		if (f == OK)
			f = one_command(s);
	}
	if (f == OK && s->relay) {
		login_relay_run(s->relay);
		return;
	}
	if (f == OK && s->closing) {
		s->stream.due_ms = s->due_ms;
		f = stream_flush(&s->stream);
	}
	session_fail(s, f == OK ? CLOSED : f);
}

static void
session_time_out(void *arg)
{
	session_fail(arg, TIMED_OUT);
}

static void
session_woken(struct stream *stream, enum fault why)
{
	struct login_session *s = CONTAINER(stream, struct login_session, stream);

	s->parked = false;
	fiber_run(s->login->role->loop, why == TIMED_OUT ? session_time_out : session_run, s);
}

static void
session_go_down(void *arg)
{
	session_fail(arg, SHUTTING_DOWN);
}

void
login_session_drain(struct login_session *s)
{
	if (!s->parked)
		return;
	s->parked = false;
	fiber_run(s->login->role->loop, session_go_down, s);
}

/* ---- the beginning ---- */

static enum fault
admit(struct login_session *s)
{
	struct login *l = s->login;
	struct role *r = l->role;
	size_t bytes = s->peer.family == AF_INET ? 4 : 16;
	unsigned char key[LIMITS_KEY];

	if (r->sessions > l->most_sessions)
		return TOO_BUSY;
	if (s->peer.family == AF_UNIX ||
		(conf_has_ip(r->conf, CONF_mynetworks, s->peer.ip, bytes) &&
			!limits_distrusted(r->limits, s->peer.ip, bytes, loop_now_ms(r->loop))))
		return OK;
	peer_client_key(&s->peer, key);
	TRY(limits_enter(r->limits, r->column, LIMITS_LOGIN, key, l->most_connections, 0, l->rate_window_ms,
		loop_now_ms(r->loop)));
	s->counted = true;
	return OK;
}

static void
session_begin(void *arg)
{
	struct login_session *s = arg;
	enum fault f = admit(s);

	if (f != OK) {
		tell(s, LOG_WARN, "connection-refused", f);
		session_fail(s, s->service->implicit_tls ? CLOSED : f);
		return;
	}
	s->stream.due_ms = s->due_ms;
	if (s->service->implicit_tls) {
		f = stream_accept_tls(&s->stream, login_side(s)->tls);
		if (f != OK) {
			tell(s, LOG_DEBUG, "tls-failed", f);
			session_fail(s, CLOSED);
			return;
		}
	}
	s->service->protocol->greet(s);
	session_run(s);
}

void
login_session_accept(struct login_door *door, int fd, const struct peer *peer)
{
	struct login *l = door->login;
	struct login_session *s = NEW(struct login_session);

	s->login = l;
	s->service = door->service;
	s->peer = *peer;
	s->id = ++l->next_id;
	s->due_ms = loop_now_ms(l->role->loop) + l->timeout_ms;
	if (stream_init(&s->stream, l->role->loop, fd) != OK) {
		free(s);
		return;
	}
	list_append(&l->list, &s->link);
	role_session_began(l->role);
	fiber_run(l->role->loop, session_begin, s);
}
