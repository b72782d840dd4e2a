/* roles/smtp/bdat.c - BDAT: a message in chunks whose sizes are said (RFC 3030)
 * Whatever is wrong, the octets that a chunk announces are taken off the connection: read as commands they would be an attacker's. So much
 * is taken for nothing in a session at most; who wants more, or says no size, is disconnected. */
#include "roles/smtp/incoming.h"

#include "base/mem.h"

#include <stdlib.h>

enum { SPARE_SWALLOW = 1024 * 1024 };

/* The reply stands in the buffer; the client may be sending still, so it is not cut off before it has read it. */
static enum fault
hang_up(struct smtp_session *s, enum fault why)
{
	smtp_refuse(s, why, S(""));
	s->stream.due_ms = loop_now_ms(s->smtp->role->loop) + 2000;
	(void)stream_finish(&s->stream);
	return CLOSED;
}

/* Waits for octets of the chunk. */
static enum fault
wait_for_octets(struct smtp_session *s, const struct incoming *in)
{
	if (in && smtp_incoming_too_slow(in))
		return TIMED_OUT;
	s->stream.due_ms = smtp_due(s);
	return stream_fill(&s->stream, SMTP_PIECE);
}

static uint64_t
most_swallowed(const struct smtp_session *s)
{
	return s->service->size_limit ? s->service->size_limit + SPARE_SWALLOW : 64 * SPARE_SWALLOW;
}

/* Drops n octets, then says why. */
static enum fault
refuse_chunk(struct smtp_session *s, uint64_t n, enum fault why)
{
	if (n > most_swallowed(s) - MIN(s->swallowed, most_swallowed(s)))
		return hang_up(s, why);
	s->swallowed += n;
	while (n) {
		size_t have = (size_t)MIN(n, stream_pending(&s->stream).n);

		if (have == 0)
			TRY(wait_for_octets(s, NULL));
		stream_consume(&s->stream, have);
		n -= have;
	}
	return why;
}

static enum fault
take_chunk(struct incoming *in, uint64_t n)
{
	struct smtp_session *s = in->s;
	bool binary = s->txn->mail.body == SMTP_BODY_BINARYMIME;

	while (n) {
		str have = str_sub(stream_pending(&s->stream), 0, (size_t)MIN(n, (uint64_t)SMTP_PIECE));
		size_t from = in->body.n;

		if (have.n == 0) {
			TRY(wait_for_octets(s, in));
			continue;
		}
		if (!binary)
			smtp_newlines_see(&in->newlines, have);
		buf_add(&in->body, have);
		stream_consume(&s->stream, have.n);
		n -= have.n;
		in->taken += have.n;
		in->bare_cr = in->newlines.bare_cr;
		in->bare_lf = in->newlines.bare_lf;
		smtp_incoming_mend_newlines(in, from);
		smtp_incoming_grow(in, from);
	}
	return OK;
}

/* The time between chunks is not the client's slowness. */
static struct incoming *
begin_chunk(struct smtp_session *s)
{
	struct incoming *in = s->txn->incoming;

	if (!in) {
		in = s->txn->incoming = NEW(struct incoming);
		smtp_incoming_init(in, s);
	} else {
		in->began_ms += loop_now_ms(s->smtp->role->loop) - in->paused_ms;
	}
	return in;
}

static enum fault
end_message(struct incoming *in)
{
	struct smtp_session *s = in->s;

	smtp_newlines_end(&in->newlines);
	in->bare_cr |= in->newlines.bare_cr;
	smtp_incoming_tell(in, smtp_incoming_end(in));
	smtp_forget_mail(s);
	return OK;
}

static enum fault
may_begin(struct smtp_session *s)
{
	if (!s->txn)
		return BAD_SEQUENCE;
	return s->txn->incoming ? OK : smtp_incoming_may_begin(s);
}

enum fault
smtp_cmd_bdat(struct smtp_session *s, str args)
{
	struct smtp_bdat chunk;
	struct incoming *in;
	enum fault f;

	if (smtp_bdat_parse(args, &chunk) != OK)
		return hang_up(s, BAD_CHUNK);
	if (!smtp_offers(s, SMTP_CAP_CHUNKING) || !s->esmtp)
		return refuse_chunk(s, chunk.size, NOT_IMPLEMENTED);
	f = may_begin(s);
	if (f != OK)
		return refuse_chunk(s, chunk.size, f);
	in = begin_chunk(s);
	if (in->fault == OK && s->service->size_limit &&
		chunk.size > s->service->size_limit - MIN(in->size, s->service->size_limit))
		in->fault = TOO_BIG;
	if (in->fault != OK) { /* until RSET, or the last one */
		f = refuse_chunk(s, chunk.size, in->fault);
		if (chunk.last && s->txn && f == in->fault)
			return end_message(in);
		return f;
	}
	s->state = SMTP_IN_CHUNKS;
	TRY(take_chunk(in, chunk.size));
	in->paused_ms = loop_now_ms(s->smtp->role->loop);
	if (chunk.last)
		return end_message(in);
	if (in->fault != OK)
		return in->fault;
	smtp_say(s, REPLY_CHUNK_OK,
		arena_printf(&s->txn->arena, "%llu octets", (unsigned long long)chunk.size));
	return OK;
}

void
smtp_drop_chunks(struct txn *t)
{
	if (!t->incoming)
		return;
	smtp_incoming_done(t->incoming);
	free(t->incoming);
	t->incoming = NULL;
}
