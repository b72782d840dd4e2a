/* roles/imap/append.c - APPEND: RFC 3501 6.3.11, RFC 4315 (APPENDUID), 7888 (literals)
 * Octets go into the email row as they come and, beyond a size, into a file of the store's in pieces. A bare LF becomes CRLF: what is kept has
 * CRLF line ends only. */
#include "roles/imap/imap.h"

#include "base/mem.h"

#include <stdlib.h>

enum { PIECE = 128 * 1024 };
static const uint64_t MOST_SWALLOWED = (uint64_t)256
				       << 20; /* of a message that is refused while it is on its way */

struct appending {
	struct imap_session *s;
	struct arena *a;
	struct email_builder *builder;
	struct buf body;
	uint64_t size, large;
	bool after_cr;
	enum fault fault; /* the first that went wrong: the rest is read and dropped */
};

/* ---- a large body ---- */

static enum fault
ask(struct appending *p, uint16_t type, struct buf *b, str *ret)
{
	enum fault f = imap_ask(p->s, type, b, p->a, ret);

	buf_done(b);
	return f;
}

static enum fault
large_begin(struct appending *p)
{
	struct talk_large_made made;
	struct buf b = { 0 };
	str answer;

	talk_put_large_new(&b, &(struct talk_large_new){ 0 });
	TRY(ask(p, TALK_ASK_large_new, &b, &answer));
	if (!talk_read_large_made(answer, &made))
		return INTERNAL;
	TRY(made.fault);
	p->large = made.large;
	return OK;
}

static enum fault
large_push(struct appending *p)
{
	struct talk_done done;
	struct buf b = { 0 };
	str answer;
	enum fault f;

	if (p->body.n == 0)
		return OK;
	talk_put_large_add(&b, &(struct talk_large_add){ .large = p->large, .bytes = buf_str(&p->body) });
	f = ask(p, TALK_ASK_large_add, &b, &answer);
	buf_clear(&p->body);
	TRY(f);
	return talk_read_done(answer, &done) ? done.fault : INTERNAL;
}

static void
large_drop(struct appending *p)
{
	struct buf b = { 0 };

	if (!p->large)
		return;
	talk_put_large_drop(&b, &(struct talk_large_drop){ .large = p->large });
	chan_send(&p->s->imap->store, TALK_SAY_large_drop, 0, buf_str(&b), -1);
	buf_done(&b);
}

/* ---- octets ---- */

static void
add_mended(struct appending *p, str piece)
{
	while (piece.n) {
		size_t n = str_find(piece, '\n');

		buf_add(&p->body, str_sub(piece, 0, n));
		if (n == piece.n) {
			p->after_cr = piece.p[n - 1] == '\r';
			return;
		}
		if (!(n > 0 ? piece.p[n - 1] == '\r' : p->after_cr))
			buf_add_char(&p->body, '\r');
		buf_add_char(&p->body, '\n');
		p->after_cr = false;
		piece = str_from(piece, n + 1);
	}
}

static void
take_piece(void *ctx, str piece)
{
	struct appending *p = ctx;
	size_t from = p->body.n;

	if (p->fault != OK)
		return;
	add_mended(p, piece);
	email_builder_feed(p->builder, str_of(p->body.p + from, p->body.n - from));
	p->size += p->body.n - from;
	if (p->s->imap->size_limit && p->size > p->s->imap->size_limit)
		p->fault = TOO_BIG;
	if (p->fault == OK && p->body.n > IMAP_LARGE_BODY && !p->large)
		p->fault = large_begin(p);
	if (p->fault == OK && p->large && p->body.n >= PIECE)
		p->fault = large_push(p);
	if (p->fault != OK)
		buf_done(&p->body);
}

/* ---- the store's word ---- */

static str
list_keys(struct arena *a, const struct email_facts *facts)
{
	struct buf list = { 0 };
	str kept;

	for (size_t i = 0; i < facts->reference_count; i++)
		talk_put_key(&list, &(struct talk_key){ facts->reference_keys[i] });
	kept = arena_str(a, buf_str(&list));
	buf_done(&list);
	return kept;
}

static enum fault
store_it(struct appending *p, const struct imap_append *what, const struct store_mailbox *to,
	uint32_t *ret_uid)
{
	int64_t now_ms = loop_wall_ms(p->s->imap->role->loop);
	struct talk_append in = { .account = p->s->account,
		.mailbox = to->id,
		.flags = what->flags.bits,
		.received_ms = what->has_date ? what->date_ms : now_ms };
	struct talk_verdict told;
	struct email_facts facts;
	struct buf row = { 0 }, b = { 0 };
	str answer;
	enum fault f = imap_keyword_bits(p->s, &what->flags, true, &in.keywords);

	email_builder_finish(p->builder, &row, &facts);
	if (f == OK && p->large)
		f = large_push(p);
	in.sent_ms = facts.sent_ms ? facts.sent_ms : in.received_ms;
	in.message_id_key = facts.message_id_key;
	in.references = list_keys(p->a, &facts);
	in.dot_lines = facts.dot_lines;
	in.large = p->large;
	in.row = buf_str(&row);
	in.body = buf_str(&p->body);
	if (f == OK) {
		talk_put_append(&b, &in);
		f = ask(p, TALK_ASK_append, &b, &answer);
	}
	buf_done(&row);
	TRY(f);
	if (!talk_read_verdict(answer, &told))
		return INTERNAL;
	TRY(told.fault);
	p->large = 0; /* the store has it */
	p->s->wrote = true;
	p->s->appended++;
	*ret_uid = told.uid;
	return OK;
}

/* ---- the command ---- */

static struct email_builder *
take_builder(struct imap *i)
{
	static const struct hash_key thread_key = { 0x706f737472696465, 0x7220746872656164 };
	struct email_builder *b = i->builder;

	i->builder = NULL;
	return b ? b : email_builder_new(NULL, &thread_key);
}

static void
give_builder(struct imap *i, struct email_builder *b)
{
	if (i->builder) {
		email_builder_free(b);
		return;
	}
	email_builder_reset(b);
	i->builder = b;
}

/* "mailbox [(flags)] [date] {n}": one message, in a plain literal. More than we offer is refused here. */
static enum fault
read_head(struct imap_session *s, struct arena *a, str *args, struct imap_append *ret,
	struct imap_literal *ret_literal)
{
	str announced = *args;
	bool more = false;
	enum fault f = imap_append_begin(a, args, false, s->mode, ret);

	if (f != OK)
		return f == STALE ? BAD_ARGUMENT
				  : f; /* a mailbox's name as a literal: nobody's client does */
	TRY(imap_append_next(a, args, ret, &more));
	if (!more || !imap_literal_of(announced, ret_literal))
		return BAD_ARGUMENT;
	return ret->body == IMAP_APPEND_LITERAL && !ret->utf8 ? OK : BAD_PARAMETER;
}

/* The line behind the octets: empty, for there is one message. */
static enum fault
read_tail(struct imap_session *s)
{
	bool bare;
	str line;

	TRY(stream_take_line(&s->stream, IMAP_LINE, &line, &bare));
	return line.n == 0 ? OK : CANCELLED;
}

static enum fault
take_message(struct imap_session *s, struct appending *p, const struct imap_literal *l)
{
	if (p->fault != OK && l->sync)
		return p->fault; /* the client waits, and sends nothing */
	if (l->size > MOST_SWALLOWED + s->imap->size_limit)
		return CANCELLED;
	if (l->sync)
		buf_add(&s->stream.out, S("+ Go on\r\n"));
	s->stream.due_ms = imap_due(s);
	TRY(stream_flush(&s->stream));
	TRY(imap_take_octets(s, l->size, take_piece, p));
	TRY(read_tail(s));
	return p->fault;
}

enum fault
imap_append(struct imap_session *s, struct arena *a, str tag, str args)
{
	struct appending p = { .s = s, .a = a };
	struct imap_append what = { .mailbox = S("") };
	struct imap_literal literal = { 0 };
	struct store_mailbox to = { 0 };
	uint32_t uid = 0;
	bool announced = imap_literal_of(args, &literal);
	enum fault f = read_head(s, a, &args, &what, &literal);

	if (f == OK) {
		f = imap_catch_up(s);
		if (f == OK)
			f = imap_find_mailbox(s, what.mailbox, &to);
		if (f == OK && s->imap->size_limit && literal.size > s->imap->size_limit)
			f = TOO_BIG;
	}
	p.fault = f;
	p.builder = take_builder(s->imap);
	if (announced)
		f = take_message(s, &p, &literal);
	if (f == OK)
		f = store_it(&p, &what, &to, &uid);
	large_drop(&p);
	give_builder(s->imap, p.builder);
	buf_done(&p.body);
	if (imap_ends_connection(f))
		return f;
	if (f == OK)
		f = imap_sync(s, true);
	if (f == OK)
		imap_ok_add(&s->stream.out, tag, arena_printf(a, "APPENDUID %u %u", to.uidvalidity, uid),
			S("Appended"));
	else if (f == NOT_FOUND)
		buf_printf(&s->stream.out, "%.*s NO [TRYCREATE] No such mailbox\r\n", STR_ARG(tag));
	else
		imap_fault_add(&s->stream.out, tag, f, S(""));
	return OK;
}
