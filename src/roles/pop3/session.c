/* roles/pop3/session.c - a session from the handover to its end */
#include "roles/pop3/pop3.h"

#include "base/mem.h"
#include "roles/limits.h"

enum {
	BATCH = 256, /* entries read from the index at a time */
	LOCK_WAIT_MS =
		1000, /* a client that comes back at once may be quicker than the end of its last session */
	LOCK_LOOK_MS = 20,
	TURN = 64 /* commands in a row before the other sessions have their turn */
};

static str
account_key(const struct pop3_session *s)
{
	return str_of(&s->account, sizeof(s->account));
}

static int64_t
due(const struct pop3_session *s)
{
	return loop_now_ms(s->pop3->role->loop) + s->pop3->timeout_ms;
}

/* ---- the beginning ---- */

static enum fault
lock(struct pop3_session *s)
{
	struct loop *loop = s->pop3->role->loop;
	int64_t until_ms = loop_now_ms(loop) + LOCK_WAIT_MS;

	while (table_get(&s->pop3->locks, account_key(s))) {
		if (loop_now_ms(loop) >= until_ms)
			return MAILBOX_IN_USE;
		TRY(fiber_sleep(loop, LOCK_LOOK_MS));
	}
	table_put(&s->pop3->locks, account_key(s), s);
	s->locked = true;
	return OK;
}

static void
unlock(struct pop3_session *s)
{
	if (s->locked)
		table_remove(&s->pop3->locks, account_key(s));
	s->locked = false;
}

static void
take_entry(struct pop3_session *s, const struct store_entry *e)
{
	s->entries[s->count++] = (struct pop3_entry){ .email = e->email,
		.size = e->size & ((1ull << 48) - 1),
		.uid = e->uid,
		.seen = (e->flags & FLAG_SEEN) != 0 };
	s->bytes += e->size;
}

static enum fault
read_entries(struct pop3_session *s, struct store_view *v, const struct store_mailbox *m)
{
	struct store_entry *batch = mem_new_array(BATCH, sizeof(*batch));
	uint32_t from = 1;
	size_t n = 0;
	enum fault f;

	s->entries = mem_new_array(MAX(m->exists, 1u), sizeof(*s->entries));
	do {
		f = view_entries(v, s->account, s->mailbox, from, batch, BATCH, &n);
		for (size_t i = 0; f == OK && i < n; i++) {
			if (s->count == m->exists)
				f = STORE_CORRUPT; /* the row and the chunks disagree */
			else
				take_entry(s, &batch[i]);
		}
		if (n > 0)
			from = batch[n - 1].uid + 1;
	} while (f == OK && n > 0 && from != 0);
	free(batch);
	return f;
}

/* All of INBOX in one snapshot of the index. */
static enum fault
read_inbox(struct pop3_session *s)
{
	struct store_account account;
	struct store_mailbox m;
	struct store_view *v;
	enum fault f;

	TRY(store_view_begin(s->pop3->reading.reader, &v));
	f = view_account(v, s->account, &account);
	if (f == OK && account.disabled)
		f = MAILBOX_DISABLED;
	if (f == OK)
		f = view_mailbox_by_name(v, s->account, S("INBOX"), &m);
	if (f == OK) {
		s->mailbox = m.id;
		s->uidvalidity = m.uidvalidity;
		f = read_entries(s, v, &m);
	}
	store_view_end(v);
	if (f == STORE_CORRUPT)
		log_error(
			&s->log, "inbox-damaged", kv_uint("account", s->account), kv_uint("read", s->count));
	return f == NOT_FOUND ? NO_SUCH_MAILBOX : f;
}

/* ---- the end ---- */

/* In a fiber: the store may have to be told what was read. */
static void
session_end(struct pop3_session *s, enum fault why)
{
	struct role *r = s->pop3->role;

	unlock(s);
	stream_close(&s->stream);
	pop3_save_seen(s);
	log_event(&s->log, "session-ended", kv_str("user", str_c(s->address)),
		kv_str("client", str_c(s->client)), kv_uint("messages", s->count),
		kv_uint("retrieved", s->retrieved), kv_uint("deleted", s->expunged),
		kv_uint("bytes", s->stream.bytes_out),
		kv_c("why", why == OK ? "quit" : fault_words(why)->name));
	list_remove(&s->link);
	if (s->counted)
		limits_leave(r->limits, r->column, LIMITS_LOGIN, s->client_key);
	free(s->entries);
	free(s->client);
	free(s->address);
	free(s);
	role_session_ended(r);
}

/* Says why, if the client can still hear it; after a timeout it hears nothing (RFC 1939 3). */
static void
session_fail(struct pop3_session *s, enum fault why)
{
	if (!pop3_ends_connection(why)) {
		pop3_fault_add(&s->stream.out, why, S(""));
		s->stream.due_ms = loop_now_ms(s->pop3->role->loop) + 1000;
		(void)stream_finish(&s->stream);
	}
	session_end(s, why);
}

/* UPDATE: RFC 1939 6. The lock is gone before the client hears of it, so that it can come back at once. */
static enum fault
quit(struct pop3_session *s)
{
	enum fault f = pop3_expunge(s);

	unlock(s);
	pop3_save_seen(s);
	if (f == OK)
		pop3_ok_add(&s->stream.out, S("Bye"));
	else
		pop3_fault_add(&s->stream.out, f, S("some deleted messages were not removed"));
	s->stream.due_ms = due(s);
	return stream_flush(&s->stream);
}

/* ---- the dialogue ---- */

static enum fault
one_command(struct pop3_session *s)
{
	struct pop3_command c;
	bool bare = false;
	str line;
	enum fault f;

	s->stream.due_ms = due(s);
	f = stream_take_line(&s->stream, POP3_LINE, &line, &bare);
	if (f == OK)
		f = pop3_command_parse(line, &c);
	if (f == OK && c.verb == POP3_QUIT) {
		s->closing = true;
		return quit(s);
	}
	if (f == OK)
		f = pop3_command_run(s, &c);
	if (f == OK)
		s->errors = 0;
	if (f == OK || pop3_ends_connection(f))
		return f;
	pop3_fault_add(&s->stream.out, f, S(""));
	return ++s->errors >= POP3_ERRORS ? TOO_MANY_ERRORS : OK;
}

static void session_woken(struct stream *stream, enum fault why);

/* Works through the commands that have come: their answers gather and go together. Parks when there are no more. */
static void
session_run(void *arg)
{
	struct pop3_session *s = arg;
	enum fault f = OK;

	for (unsigned turn = 1; f == OK && !s->closing; turn++) {
		if (!stream_has_line(&s->stream)) {
			s->stream.due_ms = due(s);
			f = stream_flush(&s->stream);
			if (f == OK && !stream_pending(&s->stream).n) {
				if (s->stream.ended) {
					f = CLOSED;
					break;
				}
				stream_park(&s->stream, due(s), session_woken);
				return;
			}
		}
		if (f == OK)
			f = one_command(s);
		if (f == OK && turn % TURN == 0)
			f = fiber_yield(s->pop3->role->loop);
	}
	if (f == OK)
		session_end(s, OK);
	else
		session_fail(s, f);
}

static void
session_time_out(void *arg)
{
	session_end(arg, TIMED_OUT);
}

static void
session_woken(struct stream *stream, enum fault why)
{
	struct pop3_session *s = CONTAINER(stream, struct pop3_session, stream);

	fiber_run(s->pop3->role->loop, why == TIMED_OUT ? session_time_out : session_run, s);
}

/* The answer to the command that logged in is ours: only now it is known whether there is a mailbox. */
static void
session_begin(void *arg)
{
	struct pop3_session *s = arg;
	enum fault f = lock(s);

	if (f == OK)
		f = reading_catch_up(&s->pop3->store, POP3_STORE_MS);
	if (f == OK)
		f = read_inbox(s);
	if (f != OK) {
		log_warn(&s->log, "mailbox-not-opened", kv_str("user", str_c(s->address)),
			kv_c("why", fault_words(f)->name));
		session_fail(s, f);
		return;
	}
	buf_printf(&s->stream.out, "+OK Logged in, %u messages (%llu octets)\r\n", s->count,
		(unsigned long long)s->bytes);
	session_run(s);
}

static char *
copy(str s)
{
	return strndup(s.n ? s.p : "", s.n);
}

void
pop3_session_start(void *ctx, int fd, const struct talk_handover *m, uint32_t account, str address)
{
	struct pop3 *p = ctx;
	struct pop3_session *s = NEW(struct pop3_session);

	if (stream_init(&s->stream, p->role->loop, fd) != OK) {
		free(s);
		return;
	}
	s->pop3 = p;
	s->account = account;
	s->address = copy(address);
	s->client = copy(m->client);
	s->tls = m->tls;
	snprintf(s->id, sizeof(s->id), "%.*s", STR_ARG(m->id));
	s->log = (struct log){ &p->role->sink, "session", str_c(s->id) };
	buf_add(&s->stream.in, m->input);
	list_append(&p->sessions, &s->link);
	role_session_began(p->role);
	s->counted = handover_counts(p->role, m, s->client_key);
	fiber_start(p->role->loop, session_begin, s);
}
