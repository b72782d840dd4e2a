/* The parts, put together. */
#include "mail/compose.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/moment.h"
#include "mail/preview.h"

enum {
	SEED = 16,
	RAW_LINE = 57, /* octets to a line of base64 */
	BASE64_LINE = 78,
	PIECE_LINES = 800
};

/* A run of bytes, or a file to be encoded. */
struct piece {
	str bytes;
	const struct compose_file *file;
};
struct composed {
	struct piece *pieces;
	size_t n, room;
	uint64_t size;
	bool utf8;
	/* while it is read */
	size_t at;
	uint64_t file_at;
	struct buf raw, coded;
};
struct maker {
	struct arena *a;
	const struct compose *c;
	struct composed *m;
	struct buf now; /* what will be the next piece */
	struct buf *why;
	unsigned boundaries; /* made so far */
	str text, html;      /* as bodies */
	const char *text_encoding, *html_encoding;
};

/* ---- pieces ---- */

static void
add_piece(struct maker *k, struct piece p)
{
	struct composed *m = k->m;

	if (m->n == m->room) {
		struct piece *more = ARENA_ARRAY(k->a, m->room * 2 + 16, struct piece);

		if (m->n)
			memcpy(more, m->pieces, m->n * sizeof(*more));
		m->pieces = more;
		m->room = m->room * 2 + 16;
	}
	m->pieces[m->n++] = p;
	m->size += p.bytes.n;
	if (p.file)
		m->size += (p.file->size + 2) / 3 * 4 + (p.file->size + RAW_LINE - 1) / RAW_LINE * 2;
}

static void
end_piece(struct maker *k)
{
	if (k->now.n)
		add_piece(k, (struct piece){ .bytes = arena_str(k->a, buf_str(&k->now)) });
	buf_clear(&k->now);
}

static void
add_bytes(struct maker *k, str bytes)
{
	end_piece(k);
	add_piece(k, (struct piece){ .bytes = bytes }); /* is in the arena already */
}

/* ---- boundaries and ids ---- */

static str
hex_of(struct arena *a, str bytes)
{
	struct buf b = { 0 };
	str text;

	hex_add(&b, bytes);
	text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

/* "=_" stands in no quoted-printable and no base64 text; what is left plain is searched. */
static str
new_boundary(struct maker *k)
{
	str hex = hex_of(k->a, str_sub(k->c->seed, 0, SEED)), boundary;

	do
		boundary = arena_printf(k->a, "=_%u_%.*s", k->boundaries++, STR_ARG(hex));
	while (str_find_str(k->text, boundary) < k->text.n || str_find_str(k->html, boundary) < k->html.n);
	return boundary;
}

static str
content_id(struct maker *k, size_t i)
{
	str hex = hex_of(k->a, str_sub(k->c->seed, 0, SEED));
	str host = k->c->message_id;

	host = str_from(host, str_find(host, '@') + 1);
	return arena_printf(k->a, "inline%zu.%.*s@%.*s", i + 1, STR_ARG(hex), STR_ARG(host));
}

static bool
ends_reference(str rest)
{
	return !rest.n || ascii_space(rest.p[0]) || strchr("\"'>)", rest.p[0]);
}

/* "cid:NAME" in the HTML becomes "cid:" and the id of that inline file. */
static bool
refer_to_inlines(struct maker *k, struct buf *out)
{
	const struct compose *c = k->c;
	str rest = c->html;
	bool *seen = ARENA_ARRAY(k->a, c->inline_count + 1, bool);

	while (rest.n) {
		size_t at = c->inline_count ? str_find_str(rest, S("cid:")) : rest.n, i = 0;
		str after = str_from(rest, at + 4);

		buf_add(out, str_sub(rest, 0, at + 4));
		rest = after;
		while (i < c->inline_count && !(str_starts(after, c->inlines[i].name) &&
						      ends_reference(str_from(after, c->inlines[i].name.n))))
			i++;
		if (i < c->inline_count && after.n) {
			buf_add(out, content_id(k, i));
			rest = str_from(after, c->inlines[i].name.n);
			seen[i] = true;
		}
	}
	for (size_t i = 0; i < c->inline_count; i++)
		if (!seen[i]) {
			buf_printf(k->why,
				"the HTML does not show the inline file `%.*s': it would do so by cid:%.*s, "
				"as in <img "
				"src=\"cid:%.*s\">",
				STR_ARG(c->inlines[i].name), STR_ARG(c->inlines[i].name),
				STR_ARG(c->inlines[i].name));
			return false;
		}
	return true;
}

/* ---- parts ---- */

static void
add_text_part(struct maker *k, const char *subtype, str body, const char *encoding)
{
	buf_printf(&k->now, "Content-Type: text/%s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		subtype, strcmp(encoding, "7bit") == 0 ? "us-ascii" : "utf-8", encoding);
	add_bytes(k, body);
}

static void
add_file_part(struct maker *k, const struct compose_file *f, const char *disposition, str id)
{
	struct buf *b = &k->now;

	buf_printf(b, "Content-Type: %.*s", STR_ARG(f->type.n ? f->type : S("application/octet-stream")));
	if (f->charset.n)
		buf_printf(b, "; charset=%.*s", STR_ARG(f->charset));
	compose_add_plain_parameter(b, S("name"), f->name);
	buf_add(b, S("\r\nContent-Transfer-Encoding: base64\r\n"));
	if (id.n)
		buf_printf(b, "Content-ID: <%.*s>\r\n", STR_ARG(id));
	buf_printf(b, "Content-Disposition: %s", disposition);
	compose_add_parameter(b, S("filename"), f->name);
	buf_add(b, S("\r\n\r\n"));
	end_piece(k);
	add_piece(k, (struct piece){ .file = f });
}

/* A text's last line end is its own, so the delimiter brings another; a line of base64 has none to lose. */
static void
between(struct maker *k, str boundary, const char *encoding, bool last)
{
	bool own = encoding && strcmp(encoding, "base64") != 0;

	buf_printf(&k->now, "%s--%.*s%s\r\n", own ? "\r\n" : "", STR_ARG(boundary), last ? "--" : "");
}

static void
add_html(struct maker *k)
{
	const struct compose *c = k->c;
	str boundary;

	if (!c->inline_count) {
		add_text_part(k, "html", k->html, k->html_encoding);
		return;
	}
	boundary = new_boundary(k);
	buf_printf(&k->now,
		"Content-Type: multipart/related; type=\"text/html\";\r\n boundary=\"%.*s\"\r\n\r\n",
		STR_ARG(boundary));
	between(k, boundary, NULL, false);
	add_text_part(k, "html", k->html, k->html_encoding);
	for (size_t i = 0; i < c->inline_count; i++) {
		between(k, boundary, i ? NULL : k->html_encoding, false);
		add_file_part(k, &c->inlines[i], "inline", content_id(k, i));
	}
	between(k, boundary, NULL, true);
}

/* What there is to read. The encoding its last part ended in; NULL: none that cares. */
static const char *
add_content(struct maker *k)
{
	str boundary;

	if (!k->c->has_html) {
		add_text_part(k, "plain", k->text, k->text_encoding);
		return k->text_encoding;
	}
	boundary = new_boundary(k);
	buf_printf(&k->now, "Content-Type: multipart/alternative;\r\n boundary=\"%.*s\"\r\n\r\n",
		STR_ARG(boundary));
	between(k, boundary, NULL, false);
	add_text_part(k, "plain", k->text, k->text_encoding);
	between(k, boundary, k->text_encoding, false);
	add_html(k);
	between(k, boundary, k->c->inline_count ? NULL : k->html_encoding, true);
	return NULL;
}

static void
add_body(struct maker *k)
{
	const struct compose *c = k->c;
	const char *encoding = NULL;
	str boundary;

	if (!c->file_count) {
		(void)add_content(k);
		return;
	}
	boundary = new_boundary(k);
	buf_printf(
		&k->now, "Content-Type: multipart/mixed;\r\n boundary=\"%.*s\"\r\n\r\n", STR_ARG(boundary));
	if (c->has_text || c->has_html) {
		between(k, boundary, NULL, false);
		encoding = add_content(k);
	}
	for (size_t i = 0; i < c->file_count; i++) {
		between(k, boundary, i ? NULL : encoding, false);
		add_file_part(k, &c->files[i], "attachment", S(""));
	}
	between(k, boundary, NULL, true);
}

/* ---- the header ---- */

/* Fields that are made here, from what is given for them. */
static const str made_here[] = {
	SC("Date"),
	SC("From"),
	SC("Reply-To"),
	SC("To"),
	SC("Cc"),
	SC("Bcc"),
	SC("Subject"),
	SC("Message-ID"),
	SC("MIME-Version"),
	SC("Content-Type"),
	SC("Content-Transfer-Encoding"),
	SC("Content-Disposition"),
	SC("Content-ID"),
};

static bool
add_addresses(struct maker *k, str name, struct compose_list list)
{
	return !list.n || compose_add_addresses(k->a, &k->now, name, list, k->c->utf8, k->why);
}

static bool
add_text_field(struct maker *k, str name, str value)
{
	if (compose_add_field(&k->now, name, value, k->c->utf8))
		return true;
	if (!compose_is_field_name(name))
		buf_printf(k->why, "`%.*s' is no name of a header field", STR_ARG(str_sub(name, 0, 80)));
	else
		buf_printf(k->why,
			"%.*s has a line end or another control character in it, or is not UTF-8: it cannot "
			"stand in a "
			"header",
			STR_ARG(name));
	return false;
}

static bool
add_more_fields(struct maker *k)
{
	const struct compose *c = k->c;

	for (size_t i = 0; i < c->field_count; i++) {
		for (size_t m = 0; m < COUNT(made_here); m++)
			if (str_eq_nocase(c->fields[i].name, made_here[m])) {
				buf_printf(k->why, "%.*s is a header field with a way of its own to be set",
					STR_ARG(made_here[m]));
				return false;
			}
		if (!add_text_field(k, c->fields[i].name, c->fields[i].value))
			return false;
	}
	return true;
}

static bool
add_header(struct maker *k)
{
	const struct compose *c = k->c;
	struct buf *b = &k->now;

	buf_add(b, S("Date: "));
	moment_add_rfc5322(b, c->date_ms, c->zone_min);
	buf_add(b, S("\r\n"));
	if (!add_addresses(k, S("From"), c->from) || !add_addresses(k, S("Reply-To"), c->reply_to) ||
		!add_addresses(k, S("To"), c->to) || !add_addresses(k, S("Cc"), c->cc))
		return false;
	if (c->subject.n && !add_text_field(k, S("Subject"), c->subject))
		return false;
	buf_printf(b, "Message-ID: <%.*s>\r\n", STR_ARG(c->message_id));
	if (!add_more_fields(k))
		return false;
	k->m->utf8 = !str_is_ascii(buf_str(b));
	buf_add(b, S("MIME-Version: 1.0\r\n"));
	return true;
}

/* ---- the whole ---- */

static bool
check_file(struct maker *k, const struct compose_file *f)
{
	if (f->name.n && !str_has_ctl(f->name) && str_is_utf8(f->name) && !str_has_ctl(f->type) &&
		!str_has_ctl(f->charset))
		return true;
	buf_printf(k->why,
		"a file's name is empty, is not UTF-8, or has a line end or another control character in it");
	return false;
}

/* Text or HTML as a body in the arena. */
static bool
encode(struct maker *k, const char *what, str text, str *ret, const char **ret_encoding)
{
	struct buf b = { 0 };

	if (!str_is_utf8(text)) {
		buf_printf(k->why, "%s is not UTF-8; iconv(1) can make it that", what);
		return false;
	}
	*ret_encoding = compose_encode_text(&b, text);
	*ret = arena_str(k->a, buf_str(&b));
	buf_done(&b);
	return true;
}

/* Lines lose the blanks that HTML's line ends leave behind. */
static void
text_of_html(str html, struct buf *out)
{
	struct buf raw = { 0 };

	preview_strip_html(html, &raw);
	for (str rest = buf_str(&raw), line; str_take_until(&rest, '\n', &line);) {
		while (line.n && line.p[line.n - 1] == ' ')
			line.n--;
		buf_add(out, line);
		buf_add_char(out, '\n');
	}
	buf_done(&raw);
}

static bool
encode_texts(struct maker *k)
{
	const struct compose *c = k->c;
	struct buf html = { 0 }, text = { 0 };
	bool ok = true;

	if (c->has_html) {
		ok = refer_to_inlines(k, &html) &&
		     encode(k, "the HTML", buf_str(&html), &k->html, &k->html_encoding);
		if (!c->has_text)
			text_of_html(c->html, &text);
	} else if (c->inline_count) {
		buf_add_c(k->why, "inline files are pictures of HTML, and there is none");
		ok = false;
	}
	ok = ok && encode(k, "the text", c->has_text ? c->text : buf_str(&text), &k->text, &k->text_encoding);
	buf_done(&html);
	buf_done(&text);
	return ok;
}

enum fault
compose_make(struct arena *a, const struct compose *c, struct buf *why, struct composed **ret)
{
	struct maker k = { .a = a, .c = c, .m = ARENA_NEW(a, struct composed), .why = why };
	bool ok = c->seed.n >= SEED && encode_texts(&k);

	for (size_t i = 0; ok && i < c->file_count; i++)
		ok = check_file(&k, &c->files[i]);
	for (size_t i = 0; ok && i < c->inline_count; i++)
		ok = check_file(&k, &c->inlines[i]);
	ok = ok && add_header(&k);
	if (ok) {
		add_body(&k);
		end_piece(&k);
		*ret = k.m;
	}
	buf_done(&k.now);
	return ok ? OK : BAD_ARGUMENT;
}

uint64_t
composed_size(const struct composed *m)
{
	return m->size;
}

bool
composed_is_utf8(const struct composed *m)
{
	return m->utf8;
}

/* Whole lines of a file, so that no padding comes in the middle. */
static enum fault
next_of_file(struct composed *m, const struct compose_file *f, str *ret_piece)
{
	size_t most = RAW_LINE * PIECE_LINES, got = 1;

	buf_clear(&m->raw);
	while (m->raw.n < most && got) {
		TRY(f->read(f->ctx, buf_reserve(&m->raw, most - m->raw.n), most - m->raw.n, &got));
		buf_used(&m->raw, got);
	}
	m->file_at += m->raw.n;
	if (m->file_at > f->size || (!got && m->file_at < f->size))
		return STALE;
	buf_clear(&m->coded);
	for (str rest = buf_str(&m->raw); rest.n; rest = str_from(rest, RAW_LINE)) {
		base64_add(&m->coded, str_sub(rest, 0, RAW_LINE));
		buf_add(&m->coded, S("\r\n"));
	}
	*ret_piece = buf_str(&m->coded);
	if (!got) { /* the end */
		m->file_at = 0;
		m->at++;
	}
	return OK;
}

enum fault
composed_next(struct composed *m, str *ret_piece)
{
	*ret_piece = S("");
	while (m->at < m->n && !ret_piece->n) {
		struct piece *p = &m->pieces[m->at];

		if (p->file) {
			TRY(next_of_file(m, p->file, ret_piece));
		} else {
			*ret_piece = p->bytes;
			m->at++;
		}
	}
	return OK;
}

enum fault
composed_rewind(struct composed *m)
{
	m->at = 0;
	m->file_at = 0;
	for (size_t i = 0; i < m->n; i++)
		if (m->pieces[i].file)
			TRY(m->pieces[i].file->rewind(m->pieces[i].file->ctx));
	return OK;
}

void
composed_done(struct composed *m)
{
	if (!m)
		return;
	buf_done(&m->raw);
	buf_done(&m->coded);
}
