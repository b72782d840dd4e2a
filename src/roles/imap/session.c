/* roles/imap/session.c - a session from the handover to its end */
#include "roles/imap/imap.h"

#include "base/mem.h"
#include "roles/limits.h"

#include <stdlib.h>

enum { TURN = 32 /* commands in a row before the other sessions have their turn */, LAST_WORD_MS = 1000 };

int64_t
imap_due(const struct imap_session *s)
{
	return loop_now_ms(s->imap->role->loop) + s->imap->timeout_ms;
}

bool
imap_ends_connection(enum fault f)
{
	return f == CLOSED || f == TIMED_OUT || f == CANCELLED || f == TOO_MANY_ERRORS || f == SHUTTING_DOWN;
}

enum fault
imap_relieve(struct imap_session *s)
{
	if (s->stream.out.n - s->stream.out_at < IMAP_ENOUGH)
		return OK;
	s->stream.due_ms = imap_due(s);
	return stream_flush(&s->stream);
}

/* ---- the end ---- */

static void
session_end(struct imap_session *s, enum fault why)
{
	struct role *r = s->imap->role;

	imap_box_close(s);
	stream_close(&s->stream);
	log_event(&s->log, "session-ended", kv_str("user", str_c(s->address)),
		kv_str("client", str_c(s->client)), kv_uint("fetched", s->fetched),
		kv_uint("appended", s->appended), kv_uint("expunged", s->expunged),
		kv_uint("bytes", s->stream.bytes_out),
		kv_c("why", why == OK ? "logout" : fault_words(why)->name));
	list_remove(&s->link);
	if (s->counted)
		limits_leave(r->limits, r->column, LIMITS_LOGIN, s->client_key);
	for (size_t i = 0; i < STORE_KEYWORDS; i++)
		free(s->keywords[i]);
	free(s->idling);
	free(s->client);
	free(s->address);
	free(s);
	role_session_ended(r);
}

static void
session_fail(struct imap_session *s, enum fault why)
{
	if (why != CLOSED && why != CANCELLED) {
		buf_printf(&s->stream.out, "* BYE %s\r\n", fault_words(why)->text);
		s->stream.due_ms = loop_now_ms(s->imap->role->loop) + LAST_WORD_MS;
		(void)stream_finish(&s->stream);
	}
	session_end(s, why);
}

/* ---- a command with its literals ---- */

enum fault
imap_take_octets(struct imap_session *s, uint64_t n, void (*fn)(void *ctx, str piece), void *ctx)
{
	while (n) {
		str have = str_sub(stream_pending(&s->stream), 0, (size_t)MIN(n, (uint64_t)IMAP_LINE));

		if (have.n == 0) {
			s->stream.due_ms = imap_due(s);
			TRY(stream_fill(&s->stream, IMAP_LINE));
			continue;
		}
		fn(ctx, have);
		stream_consume(&s->stream, have.n);
		n -= have.n;
	}
	return OK;
}

static void
add_piece(void *ctx, str piece)
{
	buf_add(ctx, piece);
}

static void
drop_piece(void *ctx, str piece)
{
	(void)ctx;
	(void)piece;
}

/* The octets and the line behind them go to the end of text. TOO_BIG: they are not there (sync), or were dropped. */
static enum fault
take_literal(struct imap_session *s, const struct imap_literal *l, struct buf *text)
{
	bool fits = l->size <= IMAP_TEXT - MIN(text->n, (size_t)IMAP_TEXT), bare;
	str line;

	if (!fits && l->sync)
		return TOO_BIG;
	if (!fits && l->size > (uint64_t)64 * IMAP_TEXT)
		return TOO_MANY_ERRORS;
	if (l->sync)
		buf_add(&s->stream.out, S("+ Go on\r\n"));
	s->stream.due_ms = imap_due(s);
	TRY(stream_flush(&s->stream));
	if (fits)
		buf_add(text, S("\r\n"));
	TRY(imap_take_octets(s, l->size, fits ? add_piece : drop_piece, text));
	TRY(stream_take_line(&s->stream, IMAP_LINE, &line, &bare));
	if (!fits)
		return TOO_BIG;
	buf_add(text, line);
	return OK;
}

/* Of a line that begins "tag APPEND ": what follows. */
static bool
is_append(str line, str *ret_tag, str *ret_args)
{
	str verb;

	return str_take_until(&line, ' ', ret_tag) && str_take_until(&line, ' ', &verb) &&
	       str_eq_nocase(verb, S("APPEND")) && (*ret_args = line, line.n > 0);
}

/* IDLE ends with DONE, whatever else the client had in mind. */
static enum fault
end_idle(struct imap_session *s, str line)
{
	char *tag = s->idling;

	s->idling = NULL;
	if (str_eq_nocase(line, S("DONE")))
		imap_ok_add(&s->stream.out, str_c(tag), S(""), S("Idled"));
	else
		imap_fault_add(&s->stream.out, str_c(tag), SYNTAX, S("DONE ends IDLE"));
	free(tag);
	return OK;
}

static enum fault
run_line(struct imap_session *s, struct arena *a, struct buf *text)
{
	struct imap_command c = { .tag = S("") };
	struct imap_literal l;
	str tag, args;
	enum fault f = OK;

	if (is_append(buf_str(text), &tag, &args))
		return imap_append(s, a, tag, args);
	while (f == OK && imap_literal_of(buf_str(text), &l))
		f = take_literal(s, &l, text);
	if (imap_ends_connection(f))
		return f;
	if (f == OK) {
		f = imap_command_parse(a, buf_str(text), s->mode, &c);
		if (f == OK)
			return imap_command_run(s, a, &c);
	} else {
		(void)imap_command_parse(a, buf_str(text), s->mode, &c); /* for its tag */
	}
	s->errors++;
	imap_fault_add(&s->stream.out, c.tag, f, S(""));
	return OK;
}

static enum fault
one_command(struct imap_session *s)
{
	struct arena a = { 0 };
	struct buf text = { 0 };
	bool bare = false;
	str line;
	enum fault f;

	s->stream.due_ms = imap_due(s);
	f = stream_take_line(&s->stream, IMAP_LINE, &line, &bare);
	if (f == LINE_TOO_LONG) {
		s->errors++;
		imap_fault_add(&s->stream.out, S(""), f, S(""));
		return s->errors > IMAP_ERRORS ? TOO_MANY_ERRORS : OK;
	}
	TRY(f);
	if (s->idling)
		return end_idle(s, line);
	buf_add(&text, line);
	f = run_line(s, &a, &text);
	buf_done(&text);
	arena_done(&a);
	if (f == OK && s->errors > IMAP_ERRORS)
		return TOO_MANY_ERRORS;
	return f;
}

/* ---- the dialogue ---- */

static void session_woken(struct stream *stream, enum fault why);

/* Works through what has come, tells of what changed while it idles, and parks when there is no more. In a fiber. */
static void
session_run(void *arg)
{
	struct imap_session *s = arg;
	enum fault f = OK;

	s->parked = false;
	for (unsigned turn = 1; f == OK && !s->closing; turn++) {
		if (s->idling && s->news) {
			f = imap_sync(s, true);
			if (f == NOT_FOUND) {
				imap_box_close(s);
				f = OK;
			}
		}
		if (f == OK && !stream_has_line(&s->stream)) {
			s->stream.due_ms = imap_due(s);
			f = stream_flush(&s->stream);
			if (f == OK && s->idling && s->news)
				continue;
			if (f == OK && !stream_pending(&s->stream)
					       .n) { /* half a line is waited for by whoever takes it */
				if (s->stream.ended) {
					f = CLOSED;
					break;
				}
				s->parked = true;
				stream_park(&s->stream, imap_due(s), session_woken);
				return;
			}
		}
		if (f == OK)
			f = one_command(s);
		if (f == OK && s->imap->role->draining)
			f = SHUTTING_DOWN;
		if (f == OK && turn % TURN == 0)
			f = fiber_yield(s->imap->role->loop);
	}
	if (f == OK) {
		s->stream.due_ms = imap_due(s);
		f = stream_flush(&s->stream);
	}
	if (f == OK)
		session_end(s, OK);
	else
		session_fail(s, f);
}

static void
session_time_out(void *arg)
{
	session_fail(arg, TIMED_OUT);
}

static void
session_woken(struct stream *stream, enum fault why)
{
	struct imap_session *s = CONTAINER(stream, struct imap_session, stream);

	s->parked = false;
	fiber_run(s->imap->role->loop, why == TIMED_OUT ? session_time_out : session_run, s);
}

static void
session_go_down(void *arg)
{
	session_fail(arg, SHUTTING_DOWN);
}

void
imap_session_drain(struct imap_session *s)
{
	if (!s->parked)
		return;
	s->parked = false;
	fiber_run(s->imap->role->loop, session_go_down, s);
}

/* Not at once: whoever calls is in the middle of a frame. */
void
imap_notice_came(struct subscription *sub, const struct notice *n)
{
	struct imap_box *b = CONTAINER(sub, struct imap_box, subscription);
	struct imap_session *s = b->session;

	if (n->fault == OK && n->modseq <= b->modseq)
		return;
	s->news = true;
	if (!s->idling || !s->parked)
		return;
	s->parked = false;
	fiber_start(s->imap->role->loop, session_run, s);
}

/* ---- the beginning ---- */

/* The answer to the command that logged in is ours. */
static void
session_begin(void *arg)
{
	struct imap_session *s = arg;
	enum fault f = imap_catch_up(s);

	if (f != OK) {
		session_fail(s, f);
		return;
	}
	buf_printf(&s->stream.out, "%s OK [", s->idling ? s->idling : "*");
	imap_add_capabilities(s);
	buf_add(&s->stream.out, S("] Logged in\r\n"));
	free(s->idling);
	s->idling = NULL;
	session_run(s);
}

static char *
copy(str s)
{
	return strndup(s.n ? s.p : "", s.n);
}

void
imap_session_start(void *ctx, int fd, const struct talk_handover *m, uint32_t account, str address)
{
	struct imap *i = ctx;
	struct imap_session *s = NEW(struct imap_session);

	if (stream_init(&s->stream, i->role->loop, fd) != OK) {
		free(s);
		return;
	}
	s->imap = i;
	s->account = account;
	s->address = copy(address);
	s->client = copy(m->client);
	s->tls = m->tls;
	s->idling = m->greeting.n ? copy(m->greeting) : NULL; /* the tag, until it is answered */
	snprintf(s->id, sizeof(s->id), "%.*s", STR_ARG(m->id));
	s->log = (struct log){ &i->role->sink, "session", str_c(s->id) };
	buf_add(&s->stream.in, m->input);
	list_append(&i->sessions, &s->link);
	role_session_began(i->role);
	s->counted = handover_counts(i->role, m, s->client_key);
	fiber_start(i->role->loop, session_begin, s);
}
