/* roles/smtp/session.c - a connection from its greeting to its end */
#include "roles/smtp/smtp.h"

#include "base/mem.h"
#include "roles/limits.h"

#include <stdlib.h>
#include <unistd.h>

int64_t
smtp_due(const struct smtp_session *s)
{
	return loop_now_ms(s->smtp->role->loop) + s->service->timeout_ms;
}

bool
smtp_is_tls(const struct smtp_session *s)
{
	return s->stream.tls != NULL;
}

void
smtp_say(struct smtp_session *s, enum smtp_reply r, str more)
{
	smtp_reply_add(&s->stream.out, r, more);
}

void
smtp_refuse(struct smtp_session *s, enum fault f, str more)
{
	s->errors++;
	smtp_fault_add(&s->stream.out, f, more);
}

enum fault
smtp_flush(struct smtp_session *s)
{
	s->stream.due_ms = smtp_due(s);
	return stream_flush(&s->stream);
}

void
smtp_forget_mail(struct smtp_session *s)
{
	if (!s->txn)
		return;
	table_done(&s->txn->seen);
	free(s->txn->rcpts);
	arena_done(&s->txn->arena);
	free(s->txn);
	s->txn = NULL;
}

static void
session_end(struct smtp_session *s, enum fault why)
{
	struct role *r = s->smtp->role;

	log_debug(&s->log, "session-ended", kv_c("why", fault_words(why)->name),
		kv_uint("messages", s->messages), kv_uint("errors", s->errors));
	smtp_forget_mail(s);
	stream_close(&s->stream);
	list_remove(&s->link);
	if (s->counted)
		limits_leave(r->limits, r->column, LIMITS_SMTP, s->client);
	free(s->helo);
	free(s->user);
	free(s);
	role_session_ended(r);
}

/* Says why, if the client can still hear it, and ends the session. In a fiber. */
static void
session_fail(struct smtp_session *s, enum fault why)
{
	if (why != CLOSED && why != CANCELLED && why != OK) {
		if (why == TIMED_OUT || why == TOO_MANY_ERRORS || why == HTTP_HERE || why == EARLY_PIPELINING)
			log_event(&s->log, "session-cut", kv_c("why", fault_words(why)->name),
				kv_bool("greeted", s->state != SMTP_FRESH));
		smtp_fault_add(&s->stream.out, why, S(""));
		s->stream.due_ms = loop_now_ms(s->smtp->role->loop) + 1000;
		(void)stream_flush(&s->stream);
	}
	session_end(s, why);
}

/* ---- the dialogue ---- */

static enum fault
one_command(struct smtp_session *s)
{
	struct smtp_command c;
	bool bare = false;
	str line;
	enum fault f;

	s->stream.due_ms = smtp_due(s);
	f = stream_take_line(&s->stream, s->service->line_limit, &line, &bare);
	if (f == OK)
		f = smtp_command_parse(line, &c);
	if (f == OK)
		return smtp_command_run(s, &c);
	if (f == LINE_TOO_LONG || f == SYNTAX) {
		smtp_refuse(s, f, S(""));
		return OK;
	}
	return f;
}

static enum fault
after_command(struct smtp_session *s)
{
	if (s->errors >= s->service->hard_errors)
		return TOO_MANY_ERRORS;
	if (s->smtp->role->draining && !s->txn)
		return SHUTTING_DOWN;
	if (s->errors > s->service->soft_errors && s->stream.out.n && s->service->error_sleep_ms)
		return fiber_sleep(s->smtp->role->loop, s->service->error_sleep_ms);
	return OK;
}

static void session_woken(struct stream *stream, enum fault why);

/* Works through what has come; parks when nothing more is pending. In a fiber. */
static void
session_run(void *arg)
{
	struct smtp_session *s = arg;
	enum fault f = OK;

	s->parked = false;
	while (f == OK && !s->closing) {
		if (!stream_has_line(&s->stream)) { /* the client waits for what has been said */
			f = smtp_flush(s);
			if (f == OK)
				f = stream_poll(&s->stream, SMTP_PIECE);
			if (f == OK && !stream_pending(&s->stream).n) {
				s->parked = true;
				stream_park(&s->stream, smtp_due(s), session_woken);
				return;
			}
		}
		if (f == OK)
			f = one_command(s);
		if (f == OK && !s->closing)
			f = after_command(s);
	}
	if (s->closing && f == OK)
		f = smtp_flush(s);
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
	struct smtp_session *s = CONTAINER(stream, struct smtp_session, stream);

	s->parked = false;
	fiber_run(s->smtp->role->loop, why == TIMED_OUT ? session_time_out : session_run, s);
}

static void
session_go_down(void *arg)
{
	session_fail(arg, SHUTTING_DOWN);
}

void
smtp_session_drain(struct smtp_session *s)
{
	if (s->parked && !s->txn) {
		s->parked = false;
		fiber_run(s->smtp->role->loop, session_go_down, s);
	}
}

/* ---- the beginning ---- */

static enum fault
greet(struct smtp_session *s)
{
	s->stream.due_ms = loop_now_ms(s->smtp->role->loop) + s->service->starttls_timeout_ms;
	if (s->service->implicit_tls)
		TRY(stream_accept_tls(&s->stream, s->smtp->tls));
	/* Who speaks before the greeting does not listen (RFC 5321 4.3.1). */
	TRY(stream_poll(&s->stream, SMTP_PIECE));
	if (stream_pending(&s->stream).n && s->service->no_early_pipelining)
		return EARLY_PIPELINING;
	smtp_say(s, REPLY_GREETING, s->service->banner);
	return smtp_flush(s);
}

static void
session_begin(void *arg)
{
	struct smtp_session *s = arg;
	struct role *r = s->smtp->role;
	enum fault f = OK;

	if (!s->trusted) {
		f = limits_enter(r->limits, r->column, LIMITS_SMTP, s->client, s->service->most_connections,
			s->service->connection_rate, s->smtp->rate_window_ms, loop_now_ms(r->loop));
		s->counted = f == OK;
	}
	if (f == OK && r->sessions > (uint64_t)conf_int(r->conf, CONF_connection_limit))
		f = TOO_BUSY;
	if (f == OK)
		f = greet(s);
	else
		log_warn(&s->log, "connection-refused", kv_c("why", fault_words(f)->name));
	if (f == OK)
		session_run(s);
	else
		session_fail(s, f == TLS_UNAVAILABLE ? CLOSED : f);
}

static bool
is_trusted(const struct smtp_role *smtp, const struct peer *peer)
{
	return peer->family == AF_UNIX ||
	       conf_has_ip(smtp->role->conf, CONF_mynetworks, peer->ip, peer->family == AF_INET ? 4 : 16);
}

void
smtp_session_accept(struct smtp_door *door, int fd, const struct peer *peer)
{
	struct smtp_role *smtp = door->role;
	struct smtp_session *s = NEW(struct smtp_session);

	s->smtp = smtp;
	s->service = door->service;
	s->peer = *peer;
	s->state = SMTP_FRESH;
	peer_client_key(peer, s->client);
	s->trusted = is_trusted(smtp, peer);
	snprintf(s->id, sizeof(s->id), "%08x%x", smtp->id_salt, (unsigned)(smtp->next_session++ & 0xFFFFFFF));
	s->log = (struct log){ &smtp->role->sink, "session", str_c(s->id) };
	if (stream_init(&s->stream, smtp->role->loop, fd) != OK) {
		(void)close(fd);
		free(s);
		return;
	}
	list_append(&smtp->sessions, &s->link);
	role_session_began(smtp->role);
	fiber_run(smtp->role->loop, session_begin, s);
}
