#include "cli/ready.h"

#include "base/mem.h"
#include "base/moment.h"
#include "mail/addrs.h"
#include "mail/header.h"
#include "wire/smtp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 65536, MOST_HEADER = 1 << 20 };

struct ready {
	const struct ready_wish *wish;
	int fd;
	struct buf header; /* as it will be sent, with the empty line */
	off_t body_at;
	uint64_t size;
	bool eight_bit, utf8;
	str message_id, sender;
	struct whom recipients;
	/* while it is read */
	bool header_given, ended;
	off_t at;
	off_t end; /* of the body in the file */
	struct smtp_out out;
	struct buf raw, piece;
};

/* ---- the file ---- */

static int
fail(const struct ready *r, int status)
{
	return cli_fail(status, r->wish->verb, "%s: %s",
		strcmp(r->wish->path, "-") == 0 ? "standard input" : r->wish->path, strerror(errno));
}

/* Lines up to the one that is a dot. */
static bool
write_until_dot(int fd, FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool ok = true;

	while (ok && (n = getline(&line, &room, in)) > 0) {
		str s = str_of(line, (size_t)n);

		if (str_eq(s, S(".\n")) || str_eq(s, S(".\r\n")) || str_eq(s, S(".")))
			break;
		ok = write(fd, line, (size_t)n) == n;
	}
	free(line);
	return ok && !ferror(in);
}

static bool
copy_all(int to, int from)
{
	char step[3000];
	ssize_t n;

	while ((n = read(from, step, sizeof(step))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(to, step, (size_t)n) != n)
			return false;
	}
	return true;
}

/* A file that can be read twice. */
static int
open_file(struct ready *r)
{
	bool standard = strcmp(r->wish->path, "-") == 0;
	int from = standard ? STDIN_FILENO : open(r->wish->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	FILE *spool;
	bool ok;

	if (from < 0 || fstat(from, &st) != 0)
		return fail(r, EX_NOINPUT);
	if (!standard && S_ISREG(st.st_mode)) {
		r->fd = from;
		r->end = st.st_size;
		return EX_OK;
	}
	spool = tmpfile();
	if (!spool)
		return cli_fail(EX_CANTCREAT, r->wish->verb, "no temporary file for the message: %s",
			strerror(errno));
	r->fd = fcntl(fileno(spool), F_DUPFD_CLOEXEC, 3);
	fclose(spool);
	ok = r->fd >= 0 &&
	     (standard && r->wish->dot_ends ? write_until_dot(r->fd, stdin) : copy_all(r->fd, from));
	if (!standard)
		close(from);
	if (!ok || fstat(r->fd, &st) != 0)
		return fail(r, EX_IOERR);
	r->end = st.st_size;
	return EX_OK;
}

/* ---- the header ---- */

static bool
is_field_line(str line)
{
	size_t colon = str_find(line, ':');
	str name = str_sub(line, 0, colon);

	while (name.n && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	return colon < line.n && compose_is_field_name(name);
}

/* Where the header ends and the body begins, in what stands at the beginning of the file. A text without a header is all body. */
static bool
split(str start, bool whole, size_t *ret_header_at, size_t *ret_header_n, size_t *ret_body_at)
{
	str rest = start, line;
	size_t at;

	/* mbox's "From ann Mon ..." is no field. */
	if (str_starts(rest, S("From ")))
		(void)str_take_until(&rest, '\n', &line);
	*ret_header_at = at = (size_t)(rest.p - start.p);
	while (rest.n) {
		size_t n = str_find(rest, '\n');
		str trimmed;

		if (n == rest.n && !whole)
			return false; /* longer than a header may be */
		line = str_sub(rest, 0, n);
		trimmed = line;
		if (str_ends(trimmed, S("\r")))
			trimmed.n--;
		if (!trimmed.n) {
			*ret_header_n = at - *ret_header_at;
			*ret_body_at = MIN(at + n + 1, start.n);
			return true;
		}
		if (!is_field_line(trimmed) &&
			(at == *ret_header_at || (line.p[0] != ' ' && line.p[0] != '\t')))
			break; /* no header, or one without its empty line */
		at = MIN(at + n + 1, start.n);
		rest = str_from(start, at);
	}
	*ret_header_n = at - *ret_header_at;
	*ret_body_at = at;
	return rest.n || whole;
}

static int
take_recipients(struct arena *a, struct ready *r, const struct header_field *f)
{
	str value = header_unfold(a, f->value);
	const char *name = arena_cstr(a, f->name);
	struct addrs reader;
	struct email_addr e;
	int status = EX_OK;

	addrs_init(&reader, a, NULL);
	addrs_begin(&reader, value);
	while (status == EX_OK && addrs_next(&reader, &e)) {
		bool bare = str_eq(e.host, S(ADDRS_NO_HOST));
		str one;

		if (!e.host.n)
			continue; /* a group begins or ends: its members count */
		one = bare ? e.mailbox : arena_printf(a, "%.*s@%.*s", STR_ARG(e.mailbox), STR_ARG(e.host));
		status = whom_add(r->wish->verb, a, name, one, r->wish->host, &r->recipients);
	}
	addrs_done(&reader);
	return status;
}

static void
note_sender(struct arena *a, struct ready *r, str value)
{
	struct addrs reader;
	struct email_addr e;

	addrs_init(&reader, a, NULL);
	addrs_begin(&reader, value);
	while (!r->sender.n && addrs_next(&reader, &e))
		if (e.host.n && !str_eq(e.host, S(ADDRS_NO_HOST)))
			r->sender = arena_printf(a, "%.*s@%.*s", STR_ARG(e.mailbox), STR_ARG(e.host));
	addrs_done(&reader);
}

struct has {
	bool date, from, message_id;
};

static int
look_at_field(struct arena *a, struct ready *r, const struct header_field *f, struct has *has)
{
	bool is_bcc = str_eq_nocase(f->name, S("Bcc"));
	str value = f->value;

	if (str_eq_nocase(f->name, S("Date")))
		has->date = true;
	if (str_eq_nocase(f->name, S("From"))) {
		has->from = true;
		note_sender(a, r, f->value);
	}
	if (str_eq_nocase(f->name, S("Message-ID"))) {
		has->message_id = true;
		(void)header_take_msg_id(a, &value, &r->message_id);
	}
	if (r->wish->take_recipients &&
		(is_bcc || str_eq_nocase(f->name, S("To")) || str_eq_nocase(f->name, S("Cc"))) &&
		str_trim(f->value).n)
		return take_recipients(a, r, f);
	return EX_OK;
}

static int
add_missing(struct arena *a, struct ready *r, const struct has *has)
{
	struct compose_addr from = { str_c(r->wish->from_name), r->wish->from };
	struct buf why = { 0 };
	int zone, status = EX_OK;
	int64_t now = whom_now(&zone);

	if (!has->date) {
		buf_add(&r->header, S("Date: "));
		moment_add_rfc5322(&r->header, now, zone);
		buf_add(&r->header, S("\r\n"));
	}
	if (!has->from && !compose_add_addresses(a, &r->header, S("From"), (struct compose_list){ &from, 1 },
				  !str_is_ascii(r->wish->from), &why))
		status = cli_fail(EX_DATAERR, r->wish->verb, "%.*s", STR_ARG(buf_str(&why)));
	if (!has->from && !r->sender.n)
		r->sender = r->wish->from;
	if (!has->message_id) {
		r->message_id = whom_message_id(a, r->wish->from);
		buf_printf(&r->header, "Message-ID: <%.*s>\r\n", STR_ARG(r->message_id));
	}
	buf_done(&why);
	return status;
}

static int
make_header(struct arena *a, struct ready *r, str block)
{
	struct smtp_out out = { 0 };
	struct header_field f;
	struct has has = { 0 };
	str rest = block;
	int status = EX_OK;

	while (status == EX_OK && header_take_field(&rest, &f))
		status = look_at_field(a, r, &f, &has);
	if (status == EX_OK && r->wish->add_missing)
		status = add_missing(a, r, &has);
	if (status != EX_OK)
		return status;
	for (rest = block; rest.n;) {
		str was = rest;

		if (!header_take_field(&rest, &f))
			break;
		if (!(r->wish->take_recipients && str_eq_nocase(f.name, S("Bcc"))))
			smtp_out_feed(&out, &r->header, str_sub(was, 0, was.n - rest.n));
	}
	smtp_out_end(&out, &r->header);
	buf_add(&r->header, S("\r\n"));
	r->utf8 = r->eight_bit = !str_is_ascii(buf_str(&r->header));
	return EX_OK;
}

/* ---- the whole ---- */

static void
rewind_body(struct ready *r)
{
	r->at = r->body_at;
	r->out = (struct smtp_out){ 0 };
	r->ended = false;
}

static enum fault
next_of_body(struct ready *r, str *ret)
{
	size_t want = (size_t)MIN((off_t)STEP, r->end - r->at);
	ssize_t got = 0;

	buf_clear(&r->raw);
	buf_clear(&r->piece);
	if (want) {
		do
			got = pread(r->fd, buf_reserve(&r->raw, want), want, r->at);
		while (got < 0 && errno == EINTR);
		if (got <= 0)
			return INTERNAL;
		r->at += got;
		smtp_out_feed(&r->out, &r->piece, str_of(r->raw.p, (size_t)got));
	} else {
		smtp_out_end(&r->out, &r->piece);
		r->ended = true;
	}
	*ret = buf_str(&r->piece);
	return OK;
}

static int
measure_body(struct ready *r)
{
	str piece;

	r->size = r->header.n;
	rewind_body(r);
	while (!r->ended) {
		if (next_of_body(r, &piece) != OK)
			return fail(r, EX_IOERR);
		r->size += piece.n;
		r->eight_bit |= !str_is_ascii(piece);
	}
	rewind_body(r);
	return EX_OK;
}

static int
read_header(struct arena *a, struct ready *r)
{
	size_t want = (size_t)MIN((off_t)MOST_HEADER, r->end), header_at, header_n, body_at, got = 0;
	struct buf b = { 0 };
	ssize_t n = 1;
	int status;

	(void)buf_reserve(&b, want + 1);
	while (got < want && (n = pread(r->fd, b.p + got, want - got, (off_t)got)) > 0)
		got += (size_t)n;
	if (n < 0) {
		status = fail(r, EX_IOERR);
	} else if (!split(str_of(b.p, got), got == (size_t)r->end, &header_at, &header_n, &body_at)) {
		status = cli_fail(
			EX_DATAERR, r->wish->verb, "the header of the message has no end, or is above 1 MB");
	} else {
		r->body_at = (off_t)body_at;
		status = make_header(a, r, str_sub(str_of(b.p, got), header_at, header_n));
	}
	buf_done(&b);
	return status;
}

int
ready_open(struct arena *a, const struct ready_wish *wish, struct ready **ret)
{
	struct ready *r = ARENA_NEW(a, struct ready);
	int status;

	r->wish = wish;
	r->fd = -1;
	status = open_file(r);
	if (status == EX_OK)
		status = read_header(a, r);
	if (status == EX_OK)
		status = measure_body(r);
	if (status == EX_OK)
		*ret = r;
	else
		ready_close(r);
	return status;
}

void
ready_close(struct ready *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_done(&r->header);
	buf_done(&r->raw);
	buf_done(&r->piece);
}

uint64_t
ready_size(const struct ready *r)
{
	return r->size;
}

bool
ready_is_eight_bit(const struct ready *r)
{
	return r->eight_bit;
}

bool
ready_is_utf8(const struct ready *r)
{
	return r->utf8;
}

str
ready_message_id(const struct ready *r)
{
	return r->message_id;
}

const struct whom *
ready_recipients(const struct ready *r)
{
	return &r->recipients;
}

str
ready_sender(const struct ready *r)
{
	return r->sender;
}

enum fault
ready_next(void *ready, str *ret_piece)
{
	struct ready *r = ready;

	if (!r->header_given) {
		r->header_given = true;
		*ret_piece = buf_str(&r->header);
		return OK;
	}
	*ret_piece = S("");
	while (!r->ended && !ret_piece->n)
		TRY(next_of_body(r, ret_piece));
	return OK;
}

enum fault
ready_rewind(void *ready)
{
	struct ready *r = ready;

	r->header_given = false;
	rewind_body(r);
	return OK;
}
