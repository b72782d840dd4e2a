/* roles/login/relay.c - a client under TLS whose session is in another process
 * Bytes go both ways between the TLS stream and a socket pair. When there are some, one fiber carries them until there are none; then both streams are
 * parked and the fiber is gone. Whoever cannot take what the other sends makes it wait: no side buffers more than one piece. The client's end is
 * passed on as the end of input, so that what it asked for before can still be sent. */
#include "roles/login/login.h"

#include "base/mem.h"

#include <sys/socket.h>

enum { PIECE = 64 * 1024, LAST_MS = 30000, TURN = 16 /* rounds before the others have their turn */ };

struct login_relay {
	struct stream inner;
	struct login_session *session;
	bool running; /* a fiber has it */
	bool client_ended, inner_told;
};

static void
relay_end(struct login_relay *r)
{
	struct login_session *s = r->session;

	stream_close(&r->inner);
	free(r);
	login_session_end(s);
}

/* Moves what has been read from `from` to `to`; reads on only when there is more, most likely: being parked tells of the rest without asking the
 * kernel. CLOSED: there will be no more, and all there was has been moved. */
static enum fault
carry(struct stream *from, struct stream *to, bool *ret_more)
{
	enum fault f = OK;
	str bytes;

	if (from->eager || from->ended)
		f = stream_poll(from, PIECE);
	bytes = stream_pending(from);
	if (f != OK && f != CLOSED)
		return f;
	if (bytes.n == 0)
		return f;
	TRY(stream_write(to, bytes));
	stream_consume(from, bytes.n);
	*ret_more |= from->eager || from->ended;
	return OK;
}

/* One round in both directions. CLOSED: the session role has ended the session, or nothing can reach the client any more. */
static enum fault
round_trip(struct login_relay *r, bool *ret_more)
{
	struct stream *client = &r->session->stream;
	enum fault f;

	if (!r->client_ended) {
		f = carry(client, &r->inner, ret_more);
		if (f == CLOSED)
			r->client_ended = true;
		else if (f != OK)
			return f;
	}
	return carry(&r->inner, client, ret_more);
}

static enum fault
settle(struct login_relay *r)
{
	TRY(stream_flush(&r->inner));
	if (r->client_ended && !r->inner_told) {
		r->inner_told = true;
		(void)shutdown(r->inner.watch.fd, SHUT_WR);
	}
	return stream_flush(&r->session->stream);
}

static void client_woken(struct stream *stream, enum fault why);
static void inner_woken(struct stream *stream, enum fault why);

void
login_relay_run(void *relay)
{
	struct login_relay *r = relay;
	struct stream *client = &r->session->stream;
	struct loop *loop = r->session->login->role->loop;
	enum fault f = OK;
	bool more = true;

	r->running = true;
	for (unsigned turn = 1; f == OK && more; turn++) {
		more = false;
		client->due_ms = r->inner.due_ms =
			loop_now_ms(loop) + login_side(r->session)->relay_timeout_ms;
		f = round_trip(r, &more);
		if (f == OK && !more)
			f = settle(r);
		if (f == OK && turn % TURN == 0)
			f = fiber_yield(loop);
	}
	if (f != OK) {
		client->due_ms = loop_now_ms(loop) + LAST_MS;
		(void)stream_flush(client);
		relay_end(r);
		return;
	}
	r->running = false;
	if (!r->client_ended)
		stream_park(client, NEVER_MS, client_woken);
	stream_park(&r->inner, r->client_ended ? loop_now_ms(loop) + LAST_MS : NEVER_MS, inner_woken);
}

static void
relay_time_out(void *arg)
{
	relay_end(arg);
}

static void
wake(struct login_relay *r, enum fault why)
{
	if (!r->running)
		fiber_run(r->session->login->role->loop, why == TIMED_OUT ? relay_time_out : login_relay_run,
			r);
}

static void
client_woken(struct stream *stream, enum fault why)
{
	wake(CONTAINER(stream, struct login_session, stream)->relay, why);
}

static void
inner_woken(struct stream *stream, enum fault why)
{
	wake(CONTAINER(stream, struct login_relay, inner), why);
}

enum fault
login_relay_new(struct login_session *s, int inner)
{
	struct login_relay *r = NEW(struct login_relay);

	if (stream_init(&r->inner, s->login->role->loop, inner) != OK) {
		free(r);
		return CLOSED;
	}
	r->session = s;
	s->relay = r;
	return OK;
}
