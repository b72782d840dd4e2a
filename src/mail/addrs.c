#include "mail/addrs.h"

#include "base/mem.h"
#include "mail/words.h"

enum {
	/* ends of words: RFC 5322 3.2.3; in angle brackets colons are no end: <mailto:...>, <http:...> */
	SPECIALS_IN_ANGLES = STOP_PARENS | STOP_ANGLES | STOP_BRACKETS | STOP_QUOTE | STOP_AT | STOP_COMMA |
			     STOP_SEMICOLON,
	SPECIALS = SPECIALS_IN_ANGLES | STOP_COLON,
};

void
addrs_init(struct addrs *r, struct arena *a, struct charset_reader *cs)
{
	*r = (struct addrs){ .arena = a, .cs = cs };
	r->phrase.limit = r->local.limit = 4 * ADDRS_TEXT_MAX;
}

void
addrs_begin(struct addrs *r, str value)
{
	header_scan_init(&r->scan, value);
	r->in_group = false;
}

void
addrs_done(struct addrs *r)
{
	buf_done(&r->phrase);
	buf_done(&r->local);
	buf_done(&r->text);
}

static char
next_char(struct addrs *r)
{
	header_skip(&r->scan);
	return r->scan.rest.n ? r->scan.rest.p[0] : '\0';
}

static void
drop_char(struct addrs *r)
{
	r->scan.rest = str_from(r->scan.rest, 1);
}

/* ---- texts ---- */

/* In UTF-8, clean; encoded words are decoded in names only. */
static str
text_of(struct addrs *r, str raw, bool is_name)
{
	if (raw.n == 0)
		return raw;
	raw = str_sub(raw, 0, charset_utf8_front(raw, ADDRS_TEXT_MAX));
	if (charset_ascii_run(raw) == raw.n && !str_has_ctl(raw) &&
		(!is_name || str_find_str(raw, S("=?")) == raw.n))
		return arena_str(r->arena, raw);
	buf_clear(&r->text);
	if (is_name) {
		words_decode(r->cs, raw, &r->text);
	} else {
		struct buf utf8 = { 0 };

		charset_add_unlabelled(raw, &utf8);
		words_add_clean(buf_str(&utf8), &r->text);
		buf_done(&utf8);
	}
	return arena_str(r->arena, buf_str(&r->text));
}

static str
name_of(struct addrs *r, str raw)
{
	return str_trim(text_of(r, raw, true));
}

/* ---- words ---- */

/* What stood before a special: a name, a local part, or both. */
struct words {
	size_t count;
	size_t name_n; /* of r->phrase: the words before the last one, which is the local part when '@' follows */
};

/* One more word, as meant. The last word goes on over dots: "john . doe" is one local part. */
static void
add_word(struct addrs *r, struct words *w, str meant, bool after_blank)
{
	bool dot = r->local.n && (r->local.p[r->local.n - 1] == '.' || (meant.n && meant.p[0] == '.'));

	meant = str_sub(meant, 0, ADDRS_TEXT_MAX);
	if (w->count == 0 || (after_blank && !dot)) {
		w->name_n = r->phrase.n;
		buf_clear(&r->local);
		w->count++;
	}
	if (r->phrase.n && after_blank)
		buf_add_char(&r->phrase, ' ');
	buf_add(&r->phrase, meant);
	buf_add(&r->local, meant);
}

/* What ends words: one of these, '>' only in brackets. */
static bool
ends_words(char c, bool in_angles)
{
	return c == '\0' || c == '<' || c == '@' || c == ',' || c == ';' || c == (in_angles ? '>' : ':');
}

/* Takes words up to a special that ends them; brackets and quotes without a partner are passed over. */
static struct words
take_words(struct addrs *r, bool in_angles)
{
	struct words w = { 0 };

	buf_clear(&r->phrase);
	buf_clear(&r->local);
	for (;;) {
		const char *before = r->scan.rest.p;
		char c = next_char(r);
		bool after_blank = r->scan.rest.p != before;
		str inside;

		if (ends_words(c, in_angles))
			return w;
		if (c == '"' && header_take_quoted(&r->scan, &inside)) {
			add_word(r, &w, header_unfold(r->arena, header_unquote(r->arena, inside)),
				after_blank);
			continue;
		}
		inside = header_take_atom(&r->scan, in_angles ? SPECIALS_IN_ANGLES : SPECIALS);
		if (inside.n)
			add_word(r, &w, inside, after_blank);
		else
			drop_char(r);
	}
}

/* After the '@': the host as written, in r->phrase or borrowed. */
static str
take_host(struct addrs *r)
{
	str piece;

	if (next_char(r) == '[' && header_take_literal(&r->scan, &piece))
		return piece;
	buf_clear(&r->phrase);
	do { /* RFC 5322 4.4: comments and blanks around the dots */
		piece = header_take_atom(&r->scan, SPECIALS);
		buf_add(&r->phrase, str_sub(piece, 0, ADDRS_TEXT_MAX));
	} while (piece.n && (next_char(r) == '.' || piece.p[piece.n - 1] == '.'));
	return buf_str(&r->phrase);
}

/* At '@', with the local part in r->local. What has several '@' belongs to the last. */
static void
take_domain(struct addrs *r, struct email_addr *ret)
{
	str host;

	for (;;) {
		drop_char(r);
		host = take_host(r);
		if (next_char(r) != '@')
			break;
		buf_add_char(&r->local, '@');
		buf_add(&r->local, str_sub(host, 0, ADDRS_TEXT_MAX));
	}
	ret->mailbox = text_of(r, buf_str(&r->local), false);
	ret->host = text_of(r, host, false);
	if (ret->host.n == 0)
		ret->host = S(ADDRS_NO_HOST);
}

/* ---- one entry ---- */

static void
drop_route(struct addrs *r)
{
	str s = r->scan.rest;
	size_t n = 0;

	while (n < s.n && s.p[n] != ':' && s.p[n] != '>' && s.p[n] != '<')
		n++;
	if (n < s.n && s.p[n] == ':')
		r->scan.rest = str_from(s, n + 1);
}

/* At '<'. */
static void
take_angle(struct addrs *r, struct email_addr *ret)
{
	ret->mailbox = (str){ 0 };
	ret->host = S(ADDRS_NO_HOST);
	drop_char(r);
	if (next_char(r) == '@')
		drop_route(r);
	(void)take_words(r, true);
	if (next_char(r) == '@')
		take_domain(r, ret);
	else
		ret->mailbox = text_of(r, buf_str(&r->local), false);
	while (next_char(r) && !header_stops_at(next_char(r),
				       STOP_ANGLES | STOP_COMMA | STOP_SEMICOLON)) /* does not belong there */
		if (header_take_atom(&r->scan, SPECIALS).n == 0)
			drop_char(r);
	if (next_char(r) == '>')
		drop_char(r);
}

/* Words behind an address are its name, unless they begin another address. */
static void
take_name_behind(struct addrs *r, struct email_addr *ret)
{
	struct header_scan before;
	struct words w;
	char c = next_char(r);

	if (c == '\0' || c == '<' || c == ',' || c == ';')
		return;
	before = r->scan;
	w = take_words(r, false);
	c = next_char(r);
	if (c == '<' || c == '@' || c == ':')
		r->scan.rest = before.rest;
	else if (w.count && ret->name.n == 0)
		ret->name = name_of(r, buf_str(&r->phrase));
}

static void
take_group_name(struct addrs *r, struct email_addr *ret)
{
	drop_char(r);
	*ret = (struct email_addr){ .mailbox = name_of(r, buf_str(&r->phrase)) };
	r->in_group = ret->mailbox.n > 0;
}

/* False: there was nothing in it. */
static bool
take_entry(struct addrs *r, struct email_addr *ret)
{
	const char *from = r->scan.rest.p;
	struct words w = take_words(r, false);
	char c = next_char(r);

	*ret = (struct email_addr){ 0 };
	if (c == ':' && w.count && !r->in_group) {
		take_group_name(r, ret);
		return ret->mailbox.n > 0;
	}
	if (c == ':') {
		drop_char(r);
		return false;
	}
	if (c == '@') {
		str name = name_of(r, str_sub(buf_str(&r->phrase), 0, w.name_n));

		take_domain(r, ret);
		ret->name = name;
		if (next_char(r) == '<') { /* ann@b.test <ann@b.test>: all of it was a name */
			ret->name = name_of(
				r, header_unfold(r->arena, str_of(from, (size_t)(r->scan.rest.p - from))));
			take_angle(r, ret);
		}
	} else if (c == '<') {
		str name = name_of(r, buf_str(&r->phrase));

		take_angle(r, ret);
		ret->name = name;
	} else if (w.count) {
		ret->host = S(ADDRS_NO_HOST);
		if (w.count == 1)
			ret->mailbox = text_of(r, buf_str(&r->local), false);
		else
			ret->name = name_of(r, buf_str(&r->phrase));
	}
	take_name_behind(r, ret);
	if (ret->name.n == 0 && r->scan.comment.n)
		ret->name = name_of(r, header_unfold(r->arena, header_unquote(r->arena, r->scan.comment)));
	return ret->host.n && (ret->mailbox.n || ret->name.n);
}

bool
addrs_next(struct addrs *r, struct email_addr *ret)
{
	for (;;) {
		char c;

		r->scan.comment = (str){ 0 };
		c = next_char(r);
		if (c == '\0' || c == ';') {
			bool ended = r->in_group;

			if (c)
				drop_char(r);
			r->in_group = false;
			*ret = (struct email_addr){ 0 };
			if (ended)
				return true;
			if (!c)
				return false;
		} else if (c == ',') {
			drop_char(r);
		} else if (take_entry(r, ret)) {
			return true;
		}
	}
}
