/* wire/imap_append.c - APPEND and REPLACE, read in steps so that messages need not be gathered
 * "mailbox [(flags)] [date] {n}" CRLF octets, then the next line: "" (the end), " [(flags)] [date] {n}" (MULTIAPPEND, RFC 3502), ")" behind
 * UTF8 (~{n} (RFC 6855 4); in CATENATE (RFC 4469) " TEXT {n}", " URL x" or ")". */
#include "wire/imap_lex.h"

/* Ends this text, after what was taken, with a literal's announcement? The octets themselves come later. */
static bool
take_announced(struct imap_in *in)
{
	struct imap_literal l;

	if (!(str_starts(in->rest, S("{")) || str_starts(in->rest, S("~{"))) ||
		!imap_literal_of(in->rest, &l) || (str_rfind(in->rest, '{') > 1))
		return false;
	in->rest = S("");
	return true;
}

/* Does the text stop where a string should come, with that string announced as a literal? */
static bool
wants_literal(const struct imap_in *in)
{
	struct imap_in at = *in;

	return take_announced(&at);
}

enum fault
imap_append_begin(struct arena *a, str *args, bool replace, unsigned mode, struct imap_append *ret)
{
	struct imap_in in = { .a = a, .rest = *args, .mode = mode };
	struct imap_append p = { .replace = replace };

	if (replace && (!imap_take_set(&in, &p.set) || !imap_take_space(&in)))
		return BAD_ARGUMENT;
	if (replace && !p.set.saved && (p.set.n != 1 || p.set.ranges[0].first != p.set.ranges[0].last))
		return BAD_ARGUMENT;
	if (wants_literal(&in))
		return STALE;
	if (!imap_take_mailbox(&in, &p.mailbox))
		return BAD_ARGUMENT;
	*args = in.rest;
	*ret = p;
	return OK;
}

/* One part of CATENATE, from behind its "(" or blank. */
static enum fault
next_part(struct imap_in *in, struct imap_append *p)
{
	if (imap_take_char(in, ')')) {
		p->in_catenate = false;
		p->body = IMAP_APPEND_PART_END;
		return OK;
	}
	(void)imap_take_space(in);
	if (imap_take_word_of(in, S("TEXT"))) {
		p->body = IMAP_APPEND_TEXT;
		return imap_take_space(in) && take_announced(in) ? OK : BAD_ARGUMENT;
	}
	if (!imap_take_word_of(in, S("URL")) || !imap_take_space(in))
		return BAD_ARGUMENT;
	if (wants_literal(in))
		return STALE;
	p->body = IMAP_APPEND_URL;
	return imap_take_astring(in, &p->url) ? OK : BAD_ARGUMENT;
}

/* "[(flags)] [date] {n}", with the blank before it. */
static enum fault
next_message(struct imap_in *in, struct imap_append *p)
{
	p->flags = (struct imap_flags){ 0 };
	p->has_date = p->utf8 = false;
	if (!imap_take_space(in))
		return BAD_ARGUMENT;
	if (str_starts(in->rest, S("(")) && !(imap_take_flags(in, false, &p->flags) && imap_take_space(in)))
		return BAD_ARGUMENT;
	if (str_starts(in->rest, S("\""))) {
		p->has_date = true;
		if (!imap_take_date_time(in, &p->date_ms) || !imap_take_space(in))
			return BAD_ARGUMENT;
	}
	if (imap_take_word_of(in, S("CATENATE"))) {
		p->in_catenate = true;
		if (!imap_take_space(in) || !imap_take_char(in, '('))
			return BAD_ARGUMENT;
		return next_part(in, p);
	}
	if (imap_take_word_of(in, S("UTF8"))) {
		p->utf8 = true;
		if (!imap_take_space(in) || !imap_take_char(in, '('))
			return BAD_ARGUMENT;
	}
	p->body = IMAP_APPEND_LITERAL;
	return take_announced(in) ? OK : BAD_ARGUMENT;
}

enum fault
imap_append_next(struct arena *a, str *args, struct imap_append *p, bool *ret_more)
{
	struct imap_in in = { .a = a, .rest = *args };
	struct imap_append next = *p;
	enum fault f = OK;
	bool more = true;

	if (next.utf8 && !next.in_catenate) { /* behind its octets */
		if (!imap_take_char(&in, ')'))
			return BAD_ARGUMENT;
		next.utf8 = false;
	}
	if (next.in_catenate)
		f = next_part(&in, &next);
	else if (in.rest.n == 0)
		more = false;
	else if (next.replace && next.body == IMAP_APPEND_PART_END)
		f = BAD_ARGUMENT; /* RFC 8508: one message */
	else
		f = next_message(&in, &next);
	if (f != OK)
		return f;
	*args = in.rest;
	*p = next;
	*ret_more = more;
	return OK;
}
