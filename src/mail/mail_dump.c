/* Prints what the readers of mail/ make of the bytes on standard input, for the corpus tests. Not installed.
 *	mail-dump VERB < LINES	each line is an input in hexadecimal; the verbs and their answers stand in verbs[] below. */
#include "base/base64.h"
#include "base/mem.h"
#include "mail/addr.h"
#include "mail/addrs.h"
#include "mail/date.h"
#include "mail/email.h"
#include "mail/params.h"
#include "mail/words.h"

struct dump {
	struct arena arena;
	struct charset_reader *cs;
	struct email_builder *builder;
	struct buf out;
};

static void
read_all(struct buf *b)
{
	char piece[4000];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		buf_add(b, str_of(piece, n));
}

/* Strings are JSON; bytes that are not UTF-8 become what charset_add makes of them. */
static void
add_json(struct dump *d, str s)
{
	struct buf utf8 = { 0 };

	charset_add(NULL, S("utf-8"), s, &utf8);
	buf_add_char(&d->out, '"');
	for (size_t i = 0; i < utf8.n; i++) {
		unsigned char c = (unsigned char)utf8.p[i];

		if (c < ' ' || c == '"' || c == '\\')
			buf_printf(&d->out, "\\u%04x", c);
		else
			buf_add_char(&d->out, (char)c);
	}
	buf_add_char(&d->out, '"');
	buf_done(&utf8);
}

static void
add_member(struct dump *d, const char *name, str s)
{
	buf_printf(&d->out, "\"%s\":", name);
	add_json(d, s);
	buf_add_char(&d->out, ',');
}

static void
dump_addr(struct dump *d, str bytes)
{
	str path = arena_join(&d->arena, arena_join(&d->arena, S("<"), bytes), S(">"));
	struct addr ad;
	enum fault f = addr_take_path(&path, false, true, &ad);

	add_json(d, f == OK && path.n ? S("rest") : f == OK ? S("ok") : str_c(fault_words(f)->name));
}

static void
add_email_addr(struct dump *d, const struct email_addr *ad)
{
	buf_add_char(&d->out, '[');
	add_json(d, ad->name);
	buf_add_char(&d->out, ',');
	add_json(d, ad->mailbox);
	buf_add_char(&d->out, ',');
	add_json(d, ad->host);
	buf_add_char(&d->out, ']');
}

static void
dump_addrs(struct dump *d, str bytes)
{
	struct email_addr ad;
	struct addrs r;
	bool first = true;

	addrs_init(&r, &d->arena, d->cs);
	addrs_begin(&r, bytes);
	buf_add_char(&d->out, '[');
	while (addrs_next(&r, &ad)) {
		if (!first)
			buf_add_char(&d->out, ',');
		add_email_addr(d, &ad);
		first = false;
	}
	buf_add_char(&d->out, ']');
	addrs_done(&r);
}

static void
dump_date(struct dump *d, str bytes)
{
	int64_t ms;
	int offset;

	if (date_parse(bytes, &ms, &offset))
		buf_printf(&d->out, "[%lld,%d]", (long long)ms, offset);
	else
		buf_add(&d->out, S("null"));
}

static void
dump_words(struct dump *d, str bytes)
{
	struct buf text = { 0 };

	words_decode(d->cs, header_unfold(&d->arena, bytes), &text);
	add_json(d, buf_str(&text));
	buf_done(&text);
}

static void
dump_type(struct dump *d, str bytes)
{
	str type = { 0 }, subtype = { 0 }, rest;
	struct param *p = NULL;
	size_t n;

	params_take_type(&d->arena, bytes, &type, &subtype, &rest);
	n = params_parse(&d->arena, d->cs, rest, &p);
	buf_add_char(&d->out, '[');
	add_json(d, type);
	buf_add_char(&d->out, ',');
	add_json(d, subtype);
	for (size_t i = 0; i < n; i++) {
		buf_add(&d->out, S(",["));
		add_json(d, p[i].name);
		buf_add_char(&d->out, ',');
		add_json(d, p[i].value);
		buf_add_char(&d->out, ']');
	}
	buf_add_char(&d->out, ']');
}

static void
dump_ids(struct dump *d, str bytes)
{
	bool first = true;
	str id;

	buf_add_char(&d->out, '[');
	while (header_take_msg_id(&d->arena, &bytes, &id)) {
		if (!first)
			buf_add_char(&d->out, ',');
		add_json(d, id);
		first = false;
	}
	buf_add_char(&d->out, ']');
}

/* A charset's name, a NUL, then bytes of it. */
static void
dump_charset(struct dump *d, str bytes)
{
	struct buf utf8 = { 0 };
	str charset;

	if (str_take_until(&bytes, '\0', &charset) && charset_add(d->cs, charset, bytes, &utf8))
		add_json(d, buf_str(&utf8));
	else
		buf_add(&d->out, S("null"));
	buf_done(&utf8);
}

/* ---- messages ---- */

static void
add_numbers(struct dump *d, const struct email_part *p)
{
	buf_printf(&d->out,
		"\"parent\":%u,\"depth\":%u,\"header_at\":%llu,\"body_at\":%llu,\"body_size\":%llu,\"lines\":"
		"%llu,",
		p->parent, p->depth, (unsigned long long)p->header_at, (unsigned long long)p->body_at,
		(unsigned long long)p->body_size, (unsigned long long)p->lines);
	buf_printf(&d->out, "\"is_multipart\":%s,\"is_message\":%s}", p->is_multipart ? "true" : "false",
		p->is_message ? "true" : "false");
}

static void
add_list(struct dump *d, const char *name, const struct email_addr *list, size_t n)
{
	buf_printf(&d->out, "\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_char(&d->out, ',');
		add_email_addr(d, &list[i]);
	}
	buf_add(&d->out, S("],"));
}

static void
dump_message(struct dump *d, str bytes)
{
	struct email_facts facts;
	struct buf row = { 0 };
	struct email e;

	email_builder_reset(d->builder);
	email_builder_feed(d->builder, bytes);
	email_builder_finish(d->builder, &row, &facts);
	if (email_row_read(&d->arena, buf_str(&row), &e) != OK)
		abort();
	buf_printf(&d->out, "{\"row_size\":%zu,\"sent_ms\":%lld,\"header_size\":%llu,", row.n,
		(long long)e.sent_ms, (unsigned long long)e.header_size);
	add_member(d, "subject", e.envelope.subject);
	add_member(d, "subject_base", e.subject_base);
	add_member(d, "preview", e.preview);
	add_member(d, "references", e.references);
	add_list(d, "from", e.envelope.from, e.envelope.from_n);
	add_list(d, "to", e.envelope.to, e.envelope.to_n);
	buf_add(&d->out, S("\"parts\":["));
	for (size_t i = 0; i < e.part_count; i++) {
		buf_add(&d->out, i ? S(",{") : S("{"));
		add_member(d, "type", e.parts[i].type);
		add_member(d, "subtype", e.parts[i].subtype);
		add_member(d, "charset", e.parts[i].charset);
		add_member(d, "encoding", e.parts[i].encoding);
		add_numbers(d, &e.parts[i]);
	}
	buf_add(&d->out, S("]}"));
	buf_done(&row);
}

static const struct {
	const char *name;
	void (*dump)(struct dump *d, str bytes); /* one JSON value for each input */
} verbs[] = {
	{ "addr", dump_addr },       /* an envelope address without brackets: "ok" or the fault */
	{ "addrs", dump_addrs },     /* an address list: [name, mailbox, host] for each */
	{ "date", dump_date },       /* [ms, zone] or null */
	{ "words", dump_words },     /* decoded text */
	{ "type", dump_type },       /* [type, subtype, [name, value] ...] */
	{ "ids", dump_ids },         /* message ids */
	{ "charset", dump_charset }, /* "charset NUL bytes": text or null */
	{ "message", dump_message }, /* its row */
};

int
main(int argc, char **argv)
{
	struct dump d = { .cs = charset_reader_new(),
		.builder = email_builder_new(NULL, &(struct hash_key){ 1, 2 }) };
	struct buf in = { 0 }, bytes = { 0 };
	int status = 64;
	str rest, line;

	read_all(&in);
	rest = buf_str(&in);
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (argc != 2 || strcmp(argv[1], verbs[i].name) != 0)
			continue;
		status = 0;
		while (str_take_until(&rest, '\n', &line)) {
			buf_clear(&bytes);
			if (!hex_decode(line, &bytes))
				status = 65;
			verbs[i].dump(&d, buf_str(&bytes));
			buf_add_char(&d.out, '\n');
			arena_reset(&d.arena);
		}
		fwrite(d.out.p, 1, d.out.n, stdout);
	}
	if (status == 64)
		fprintf(stderr, "usage: mail-dump VERB < LINES\n");
	buf_done(&in);
	buf_done(&bytes);
	buf_done(&d.out);
	arena_done(&d.arena);
	charset_reader_free(d.cs);
	email_builder_free(d.builder);
	return status;
}
