/* roles/smtp/session.c - a connection from its greeting to its end */
#include "roles/smtp/smtp.h"

#include "base/mem.h"
#include "roles/limits.h"
#include "roles/smtp/restrict.h"

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
smtp_tell_fault(struct smtp_session *s, enum fault f, str more)
{
	smtp_fault_tell(&s->stream.out, f, more, str_c(s->id), s->service->footer);
}

void
smtp_refuse(struct smtp_session *s, enum fault f, str more)
{
	s->errors++;
	smtp_tell_fault(s, f, more);
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
	smtp_drop_chunks(s->txn);
	smtp_forget_forwarded(s);
	table_done(&s->txn->seen);
	free(s->txn->rcpts);
	free(s->txn->names);
	free(s->txn->shares);
	free(s->txn->firsts);
	arena_done(&s->txn->arena);
	free(s->txn);
	s->txn = NULL;
}

bool
smtp_is_logged_in(const struct smtp_session *s)
{
	return s->user != NULL;
}

struct smtp_extra *
smtp_extra(struct smtp_session *s)
{
	if (!s->extra)
		s->extra = NEW(struct smtp_extra);
	return s->extra;
}

const struct smtp_ccert *
smtp_ccert(const struct smtp_session *s)
{
	return s->extra && s->extra->has_ccert ? &s->extra->ccert : NULL;
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
	smtp_leave(s);
	smtp_restrict_done(s);
	free(s->helo);
	free(s->user);
	smtp_forget_forwarded(s);
	if (s->extra)
		arena_done(&s->extra->arena);
	free(s->extra);
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
		smtp_tell_fault(s, why, S(""));
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

void
smtp_know_peer(struct smtp_session *s)
{
	peer_client_key(&s->peer, s->client);
	s->trusted = s->service->lmtp || s->peer.family == AF_UNIX || smtp_peer_is_in(s, CONF_mynetworks);
	smtp_watch_trust(s);
}

enum fault
smtp_enter(struct smtp_session *s)
{
	struct role *r = s->smtp->role;

	if (s->trusted)
		return OK;
	TRY(limits_enter(r->limits, r->column, LIMITS_SMTP, s->client, s->service->most_connections,
		s->service->connection_rate, s->smtp->rate_window_ms, loop_now_ms(r->loop)));
	s->counted = true;
	return OK;
}

void
smtp_leave(struct smtp_session *s)
{
	struct role *r = s->smtp->role;

	if (s->counted)
		limits_leave(r->limits, r->column, LIMITS_SMTP, s->client);
	s->counted = false;
}

enum fault
smtp_say_greeting(struct smtp_session *s)
{
	enum fault f;

	if (s->carry)
		*s->carry = (struct rules_carry){ 0 }; /* of another client */
	f = smtp_restrict(s, RULES_AT_CONNECT, NULL, NULL);
	s->denied = f == ALREADY_TOLD; /* that was the greeting: RFC 5321 3.1 */
	if (f == OK)
		smtp_say(s, REPLY_GREETING, s->service->banner);
	return f == ALREADY_TOLD ? OK : f;
}

/* Which peer it is that may tell of a client is decided here, once: XCLIENT does not change it. */
static enum fault
greet(struct smtp_session *s)
{
	s->may_xclient = smtp_peer_is_in(s, CONF_smtpd_authorized_xclient_hosts);
	s->may_xforward = smtp_peer_is_in(s, CONF_smtpd_authorized_xforward_hosts);
	s->stream.due_ms = loop_now_ms(s->smtp->role->loop) + s->service->starttls_timeout_ms;
	if (s->service->implicit_tls) {
		TRY(smtp_may_shake(s));
		TRY(smtp_shake(s));
	}
	/* Who speaks before the greeting does not listen (RFC 5321 4.3.1). */
	TRY(stream_poll(&s->stream, SMTP_PIECE));
	if (stream_pending(&s->stream).n && s->service->no_early_pipelining)
		return EARLY_PIPELINING;
	TRY(smtp_say_greeting(s));
	return smtp_flush(s);
}

static void
log_refused(struct smtp_session *s, enum fault why)
{
	struct arena a = { 0 };

	log_warn(&s->log, "connection-refused", kv_str("client", peer_text(&a, &s->peer)),
		kv_c("why", fault_words(why)->name));
	arena_done(&a);
}

static void
session_begin(void *arg)
{
	struct smtp_session *s = arg;
	struct role *r = s->smtp->role;
	enum fault f = OK;

	if (s->service->proxied)
		f = smtp_take_proxy(s);
	if (f == OK && s->service->lmtp && s->peer.family != AF_UNIX &&
		!smtp_peer_is_in(s, CONF_lmtp_authorized_hosts))
		f = NOT_PERMITTED;
	if (f == OK)
		f = smtp_enter(s);
	if (f == OK && r->sessions > (uint64_t)conf_int(r->conf, CONF_connection_limit))
		f = TOO_BUSY;
	if (f == OK)
		f = greet(s);
	else
		log_refused(s, f);
	if (f == OK)
		session_run(s);
	else
		session_fail(s, f == TLS_UNAVAILABLE ? CLOSED : f);
}

void
smtp_session_accept(struct smtp_door *door, int fd, const struct peer *peer)
{
	struct smtp_role *smtp = door->role;
	struct smtp_session *s = NEW(struct smtp_session);

	s->smtp = smtp;
	s->service = door->service;
	s->discarded_caps = s->service->discarded_caps;
	s->peer = *peer;
	s->client_name = "unknown";
	s->state = SMTP_FRESH;
	smtp_know_peer(s);
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
