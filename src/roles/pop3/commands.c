/* roles/pop3/commands.c - TRANSACTION: RFC 1939 5 and 7 */
#include "base/mem.h"
#include "roles/pop3/capa.h"
#include "roles/pop3/pop3.h"

enum { LISTING = 1024 }; /* lines of a listing between two looks at the client */

bool
pop3_ends_connection(enum fault f)
{
	return f == CLOSED || f == TIMED_OUT || f == CANCELLED;
}

enum fault
pop3_entry_of(struct pop3_session *s, uint32_t number, struct pop3_entry **ret)
{
	if (number > s->count || s->entries[number - 1].deleted)
		return NOT_FOUND;
	*ret = &s->entries[number - 1];
	return OK;
}

static uint64_t
bytes_left(const struct pop3_session *s)
{
	return s->bytes - s->deleted_bytes;
}

static enum fault
cmd_stat(struct pop3_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	buf_printf(
		&s->stream.out, "+OK %u %llu\r\n", s->count - s->deleted, (unsigned long long)bytes_left(s));
	return OK;
}

/* A line of LIST or UIDL, without its line end. */
typedef void line_fn(struct buf *b, const struct pop3_session *s, const struct pop3_entry *e);

static void
add_number(struct buf *b, const struct pop3_session *s, const struct pop3_entry *e)
{
	buf_add_u64(b, (uint64_t)(e - s->entries) + 1);
	buf_add_char(b, ' ');
}

static void
add_size(struct buf *b, const struct pop3_session *s, const struct pop3_entry *e)
{
	add_number(b, s, e);
	buf_add_u64(b, e->size);
}

/* UIDs are never used again while UIDVALIDITY stays: 16 octets of hexadecimal digits, unique for ever (RFC 1939 7). */
static void
add_unique_id(struct buf *b, const struct pop3_session *s, const struct pop3_entry *e)
{
	add_number(b, s, e);
	buf_printf(b, "%08x%08x", s->uidvalidity, e->uid);
}

static enum fault
listing(struct pop3_session *s, str args, line_fn *add)
{
	struct buf *out = &s->stream.out;
	struct pop3_entry *one;
	uint32_t number = 0;
	bool given;

	TRY(pop3_args_number(args, &given, &number));
	if (given) {
		TRY(pop3_entry_of(s, number, &one));
		buf_add(out, S("+OK "));
		add(out, s, one);
		buf_add(out, S("\r\n"));
		return OK;
	}
	buf_printf(out, "+OK %u messages (%llu octets)\r\n", s->count - s->deleted,
		(unsigned long long)bytes_left(s));
	for (uint32_t i = 0; i < s->count; i++) {
		if (!s->entries[i].deleted) {
			add(out, s, &s->entries[i]);
			buf_add(out, S("\r\n"));
		}
		if (i % LISTING == LISTING - 1)
			TRY(pop3_relieve(s));
	}
	pop3_end_add(out, true);
	return OK;
}

static enum fault
cmd_list(struct pop3_session *s, str args)
{
	return listing(s, args, add_size);
}

static enum fault
cmd_uidl(struct pop3_session *s, str args)
{
	return listing(s, args, add_unique_id);
}

static enum fault
cmd_retr(struct pop3_session *s, str args)
{
	struct pop3_entry *e;
	uint32_t number = 0;
	bool given;

	TRY(pop3_args_number(args, &given, &number));
	if (!given)
		return BAD_ARGUMENT;
	TRY(pop3_entry_of(s, number, &e));
	TRY(pop3_retr(s, e));
	s->retrieved++;
	if (!e->seen && !e->fetched) {
		e->fetched = true;
		s->fetched++;
	}
	return OK;
}

static enum fault
cmd_top(struct pop3_session *s, str args)
{
	struct pop3_entry *e;
	uint32_t number, lines;

	TRY(pop3_args_two(args, &number, &lines));
	TRY(pop3_entry_of(s, number, &e));
	return pop3_top(s, e, lines);
}

static enum fault
cmd_dele(struct pop3_session *s, str args)
{
	struct pop3_entry *e;
	uint32_t number = 0;
	bool given;

	TRY(pop3_args_number(args, &given, &number));
	if (!given)
		return BAD_ARGUMENT;
	TRY(pop3_entry_of(s, number, &e));
	e->deleted = true;
	s->deleted++;
	s->deleted_bytes += e->size;
	pop3_ok_add(&s->stream.out, S("Marked to be deleted"));
	return OK;
}

static enum fault
cmd_rset(struct pop3_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	for (uint32_t i = 0; i < s->count && s->deleted > 0; i++) {
		s->deleted -= s->entries[i].deleted;
		s->entries[i].deleted = false;
	}
	s->deleted_bytes = 0;
	pop3_ok_add(&s->stream.out, S("Nothing will be deleted"));
	return OK;
}

static enum fault
cmd_noop(struct pop3_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	pop3_ok_add(&s->stream.out, S(""));
	return OK;
}

static enum fault
cmd_capa(struct pop3_session *s, str args)
{
	if (args.n)
		return BAD_ARGUMENT;
	pop3_ok_add(&s->stream.out, S("Capabilities follow"));
	pop3_capa_add(&s->stream.out, s->pop3->role->conf, s->tls);
	pop3_end_add(&s->stream.out, true);
	return OK;
}

static enum fault
cmd_too_late(struct pop3_session *s, str args)
{
	(void)s;
	(void)args;
	return BAD_SEQUENCE;
}

static enum fault
cmd_not_here(struct pop3_session *s, str args)
{
	(void)s;
	(void)args;
	return NOT_IMPLEMENTED;
}

static const struct {
	enum pop3_verb verb;
	enum fault (*run)(struct pop3_session *s, str args);
} verbs[] = {
	{ POP3_STAT, cmd_stat },
	{ POP3_LIST, cmd_list },
	{ POP3_UIDL, cmd_uidl },
	{ POP3_RETR, cmd_retr },
	{ POP3_TOP, cmd_top },
	{ POP3_DELE, cmd_dele },
	{ POP3_RSET, cmd_rset },
	{ POP3_NOOP, cmd_noop },
	{ POP3_CAPA, cmd_capa },
	/* valid before login only: RFC 1939 4, RFC 2595 4, RFC 5034 4, RFC 6856 2 */
	{ POP3_USER, cmd_too_late },
	{ POP3_PASS, cmd_too_late },
	{ POP3_APOP, cmd_too_late },
	{ POP3_AUTH, cmd_too_late },
	{ POP3_STLS, cmd_too_late },
	{ POP3_UTF8, cmd_too_late },
	{ POP3_LANG, cmd_not_here },
};

enum fault
pop3_command_run(struct pop3_session *s, const struct pop3_command *c)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].verb == c->verb)
			return verbs[i].run(s, c->args);
	return UNKNOWN_COMMAND;
}
