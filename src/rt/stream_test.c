#include "rt/sock.h"
#include "rt/stream.h"

#include "base/mem.h"

#include "test/t.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A fiber with a stream, and what came of it. */
struct side {
	struct loop *loop;
	struct stream stream;
	struct fiber *fiber;
	struct buf got;
	size_t number, most;
	enum fault said;
	int64_t ended_ms;
	bool over;
	int fd; /* the other end, where no stream holds it */
};

static void
side_init(struct side *s, struct loop *l, int kind)
{
	int fds[2];

	*s = (struct side){ .loop = l, .said = FAULTS, .most = 512 };
	CHECK(socketpair(AF_UNIX, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(stream_init(&s->stream, l, fds[0]) == OK);
	s->fd = fds[1];
}

static void
side_done(struct side *s)
{
	stream_close(&s->stream);
	stream_close(&s->stream); /* again: calm */
	if (s->fd >= 0)
		close(s->fd);
	buf_done(&s->got);
}

static void
send_to(struct side *s, str bytes)
{
	if (bytes.n > 0)
		CHECK(write(s->fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
}

static void
end(struct side *s, enum fault said)
{
	s->said = said;
	s->ended_ms = loop_now_ms(s->loop);
	s->over = true;
}

/* lines */

/* Writes down each line as "[text]", "(text)" when it was bare, and LONG. */
static void
note_lines(void *arg)
{
	struct side *s = arg;
	str line;
	bool bare;

	s->fiber = fiber_self(s->loop);
	for (;;) {
		enum fault f = stream_take_line(&s->stream, s->most, &line, &bare);
		if (f == OK)
			buf_printf(&s->got, bare ? "(%.*s)" : "[%.*s]", STR_ARG(line));
		else if (f == LINE_TOO_LONG)
			buf_add_c(&s->got, "LONG");
		else {
			end(s, f);
			return;
		}
	}
}

static const struct {
	str in;
	size_t most;
	str lines;
} framings[] = {
	{ SC("one\r\ntwo\r\n"), 512, SC("[one][two]") },
	{ SC("one\ntwo\r\nthree\n"), 512, SC("(one)[two](three)") },
	{ SC("\r\n\n\r\n"), 512, SC("[]()[]") },
	{ SC("a\rb\r\r\n\r\rc\n"), 512, SC("[a\rb\r](\r\rc)") },
	{ SC("no end"), 512, SC("") },
	{ SC("one\r\nno end\r"), 512, SC("[one]") },
	{ SC("\0\0\r\nx\n"), 512, SC("[](x)") }, /* printf stops at NUL: the line's length tells */
	{ SC("123456\r\n12345678\n1\r\n"), 8, SC("[123456]LONG[1]") },
	{ SC("1234567\r\n1\r\n"), 8, SC("LONG[1]") },
	{ SC("123456\r\n"), 8, SC("[123456]") },
	{ SC("1234567\n"), 8, SC("(1234567)") },
	{ SC("12345678"), 8, SC("LONG") },
	{ SC("1234567890123456789012345\r\nok\r\n"), 8, SC("LONG[ok]") },
	{ SC("1234567890123456\r\n12345678901234\nok\n"), 8, SC("LONGLONG(ok)") },
	{ SC("\n1\n12\n"), 1, SC("()LONGLONG") },
};

static void
lines_are_framed_wherever_the_bytes_are_split(void **state)
{
	(void)state;
	EACH(framings, c) {
		for (size_t cut = 0; cut <= c->in.n; cut++) {
			struct loop *l = loop_new_sim(0);
			struct side s;

			side_init(&s, l, SOCK_STREAM);
			s.most = c->most;
			fiber_run(l, note_lines, &s);
			send_to(&s, str_sub(c->in, 0, cut));
			loop_run(l);
			send_to(&s, str_from(c->in, cut));
			loop_run(l);
			CHECK(!s.over);
			close(s.fd);
			s.fd = -1;
			loop_run(l);
			CHECK(s.over);
			CHECK_INT(s.said, CLOSED);
			CHECK_STR(buf_str(&s.got), c->lines);
			side_done(&s);
			loop_free(l);
		}
	}
}

static void
lines_are_framed_byte_by_byte_and_never_searched_twice(void **state)
{
	(void)state;
	EACH(framings, c) {
		struct loop *l = loop_new_sim(0);
		struct side s;

		side_init(&s, l, SOCK_STREAM);
		s.most = c->most;
		fiber_run(l, note_lines, &s);
		for (size_t i = 0; i < c->in.n; i++) {
			send_to(&s, str_sub(c->in, i, 1));
			loop_run(l);
			CHECK_INT(s.stream.searched, stream_pending(&s.stream).n);
		}
		CHECK_STR(buf_str(&s.got), c->lines);
		CHECK_INT(s.stream.bytes_in, c->in.n);
		side_done(&s); /* under it */
		loop_run(l);
		CHECK_INT(s.said, CLOSED);
		buf_done(&s.got);
		loop_free(l);
	}
}

static void
whether_a_line_is_pending_is_known_without_waiting(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side s;

	(void)state;
	side_init(&s, l, SOCK_STREAM);
	CHECK(!stream_has_line(&s.stream));
	send_to(&s, S("EHLO"));
	CHECK(stream_poll(&s.stream, 512) == OK);
	CHECK_STR(stream_pending(&s.stream), S("EHLO"));
	CHECK(!stream_has_line(&s.stream));
	CHECK(stream_poll(&s.stream, 512) == OK); /* nothing new */
	send_to(&s, S(" x\r\nMAIL"));
	CHECK(stream_poll(&s.stream, 6) == OK);
	CHECK_STR(stream_pending(&s.stream), S("EHLO x")); /* not more than asked for */
	CHECK(stream_poll(&s.stream, 512) == OK);
	CHECK(stream_has_line(&s.stream));
	stream_consume(&s.stream, 8);
	CHECK_STR(stream_pending(&s.stream), S("MAIL"));
	CHECK(!stream_has_line(&s.stream));
	stream_discard_input(&s.stream);
	CHECK_STR(stream_pending(&s.stream), S(""));
	close(s.fd);
	s.fd = -1;
	CHECK(stream_poll(&s.stream, 512) == CLOSED);
	CHECK(stream_poll(&s.stream, 512) == CLOSED);
	side_done(&s);
	CHECK(stream_poll(&s.stream, 512) == CLOSED);
	loop_free(l);
}

/* dialogues */

enum { ECHOES = 1000, LINES = 20 };

static void
echo(void *arg)
{
	struct side *s = arg;
	str line;
	bool bare;
	enum fault f;

	while ((f = stream_take_line(&s->stream, 4096, &line, &bare)) == OK)
		if ((f = stream_printf(&s->stream, "%.*s\r\n", STR_ARG(line))) != OK ||
			(!stream_has_line(&s->stream) && (f = stream_flush(&s->stream)) != OK))
			break;
	end(s, f);
	stream_close(&s->stream);
}

static void
ask(void *arg)
{
	struct side *s = arg;
	str line;
	bool bare;
	enum fault f = OK;
	char text[1200];

	for (size_t i = 0; i < LINES && f == OK; i++) {
		size_t n = (s->number * 7919 + i * 104729) % 1000;
		memset(text, 'a' + (int)(i % 26), n);
		snprintf(text + n, sizeof(text) - n, "%zu/%zu", s->number, i);
		f = stream_printf(&s->stream, "%s\r\n", text);
		if (f == OK && i % 3 == 2) /* the others are sent ahead */
			f = stream_flush(&s->stream);
		for (size_t k = i % 3 == 2 ? 3 : 0; k > 0 && f == OK; k--) {
			f = stream_take_line(&s->stream, 4096, &line, &bare);
			if (f == OK && k == 1 && !str_eq(line, str_c(text)))
				f = MALFORMED;
		}
	}
	end(s, f);
	stream_close(&s->stream);
}

static void
a_thousand_dialogues_at_once(void **state)
{
	struct loop *l = loop_new();
	struct side *servers = mem_new_array(ECHOES, sizeof(*servers)),
		    *clients = mem_new_array(ECHOES, sizeof(*clients));

	(void)state;
	for (size_t i = 0; i < ECHOES; i++) {
		int fds[2];
		CHECK(sock_pair(fds) == OK);
		servers[i] = (struct side){ .loop = l, .said = FAULTS };
		clients[i] = (struct side){ .loop = l, .said = FAULTS, .number = i };
		CHECK(stream_init(&servers[i].stream, l, fds[0]) == OK);
		CHECK(stream_init(&clients[i].stream, l, fds[1]) == OK);
		fiber_start(l, echo, &servers[i]);
		fiber_start(l, ask, &clients[i]);
	}
	while (fiber_count(l) > 0)
		loop_run_once(l);
	for (size_t i = 0; i < ECHOES; i++) {
		CHECK_INT(clients[i].said, OK);
		CHECK_INT(servers[i].said, CLOSED);
		CHECK_INT(servers[i].stream.bytes_in, clients[i].stream.bytes_out);
	}
	free(servers);
	free(clients);
	loop_free(l);
}

static void
every_wait_ends_at_the_deadline(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side s;

	(void)state;
	side_init(&s, l, SOCK_STREAM);
	s.stream.due_ms = loop_now_ms(l) + 300000;
	fiber_run(l, note_lines, &s);
	send_to(&s, S("half a li"));
	loop_run(l);
	CHECK_INT(s.said, TIMED_OUT);
	CHECK_INT(s.ended_ms, s.stream.due_ms);
	side_done(&s);
	loop_free(l);
}

static void
a_cancelled_fiber_waits_no_more(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side s;

	(void)state;
	side_init(&s, l, SOCK_STREAM);
	fiber_run(l, note_lines, &s);
	fiber_cancel(s.fiber);
	loop_run(l);
	CHECK_INT(s.said, CANCELLED);
	side_done(&s);
	loop_free(l);
}

/* writing */

static void
write_replies(void *arg)
{
	struct side *s = arg;

	CHECK(stream_write(&s->stream, S("250-one\r\n")) == OK);
	CHECK(stream_printf(&s->stream, "250-%s %d\r\n", "two", 2) == OK);
	CHECK(stream_write(&s->stream, S("")) == OK);
	CHECK(stream_write(&s->stream, S("250 three\r\n")) == OK);
	s->said = stream_flush(&s->stream);
}

static void
what_was_gathered_leaves_in_one_write(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side s;
	char got[200];

	(void)state;
	side_init(&s, l, SOCK_SEQPACKET); /* where each write is a packet */
	fiber_run(l, write_replies, &s);
	CHECK_INT(s.said, OK); /* without a turn of the loop */
	ssize_t n = read(s.fd, got, sizeof(got));
	CHECK(n > 0);
	CHECK_STR(str_of(got, (size_t)n), S("250-one\r\n250-two 2\r\n250 three\r\n"));
	CHECK(read(s.fd, got, sizeof(got)) < 0 && errno == EAGAIN);
	side_done(&s);
	loop_free(l);
}

enum { BULK = 5 << 20 };

static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static void
write_bulk(void *arg)
{
	struct side *s = arg;
	unsigned char *p = mem_new(100000);
	enum fault f = OK;

	for (size_t at = 0; at < BULK && f == OK;) {
		size_t n = MIN((size_t)(at % 99991 + 1), BULK - at);
		for (size_t i = 0; i < n; i++)
			p[i] = byte_at(at + i);
		f = stream_write(&s->stream, str_of(p, n));
		at += n;
	}
	free(p);
	if (f == OK)
		f = stream_flush(&s->stream);
	end(s, f);
}

struct reader {
	struct side *side;
	size_t at;
	bool wrong, over;
};

static void
read_bulk(void *arg)
{
	struct reader *r = arg;

	while (r->at < BULK && stream_fill(&r->side->stream, 100000) == OK) {
		str p = stream_pending(&r->side->stream);
		size_t n = r->at + p.n < BULK ? p.n * 2 / 3 + 1 : p.n; /* some is left for the next time */
		for (size_t i = 0; i < n; i++)
			r->wrong |= (unsigned char)p.p[i] != byte_at(r->at + i);
		stream_consume(&r->side->stream, n);
		r->at += n;
	}
	r->over = true;
}

static void
bulk_passes_both_ways_with_a_reader_and_a_writer_each(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side a = { .loop = l }, b = { .loop = l };
	struct reader ra = { .side = &a }, rb = { .side = &b };
	int fds[2];

	(void)state;
	CHECK(sock_pair(fds) == OK);
	CHECK(stream_init(&a.stream, l, fds[0]) == OK);
	CHECK(stream_init(&b.stream, l, fds[1]) == OK);
	a.fd = b.fd = -1;
	fiber_start(l, write_bulk, &a);
	fiber_start(l, write_bulk, &b);
	fiber_start(l, read_bulk, &ra);
	fiber_start(l, read_bulk, &rb);
	loop_run(l);
	CHECK(a.over && a.said == OK && b.over && b.said == OK);
	CHECK(ra.over && !ra.wrong && ra.at == BULK);
	CHECK(rb.over && !rb.wrong && rb.at == BULK);
	CHECK_INT(a.stream.bytes_out, BULK);
	CHECK_INT(a.stream.bytes_in, BULK);
	CHECK(a.stream.out.p == NULL); /* what has grown is given back */
	side_done(&a);
	side_done(&b);
	loop_free(l);
}

static void
a_writer_waits_quietly_for_a_peer_that_has_ended_its_own_direction(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side s;
	size_t rounds = 0, got = 0;
	char drain[30000];

	(void)state;
	side_init(&s, l, SOCK_STREAM);
	s.stream.due_ms = NEVER_MS;
	shutdown(s.fd, SHUT_WR);
	fiber_start(l, write_bulk, &s);
	while (loop_run_once(l))
		CHECK(++rounds < 100); /* it sleeps, though the end of input has been reported */
	CHECK(!s.over);
	while (!s.over) {
		ssize_t n;
		while ((n = read(s.fd, drain, sizeof(drain))) > 0)
			got += (size_t)n;
		loop_run(l);
	}
	CHECK_INT(s.said, OK);
	CHECK(got <= BULK);
	side_done(&s);
	loop_free(l);
}

static void
writing_to_a_closed_connection_says_so(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side s;

	(void)state;
	side_init(&s, l, SOCK_STREAM);
	close(s.fd);
	s.fd = -1;
	fiber_start(l, write_bulk, &s);
	loop_run(l);
	CHECK_INT(s.said, CLOSED);
	side_done(&s);
	s.said = FAULTS;
	fiber_start(l, write_bulk, &s);
	loop_run(l);
	CHECK_INT(s.said, CLOSED);
	loop_free(l);
}

/* files */

struct filed {
	struct side side;
	int file;
	uint64_t offset, n;
};

static void
send_file(void *arg)
{
	struct filed *c = arg;
	enum fault f = stream_write(&c->side.stream, S("+OK\r\n"));

	if (f == OK)
		f = stream_send_file(&c->side.stream, c->file, c->offset, c->n);
	if (f == OK)
		f = stream_write(&c->side.stream, S(".\r\n"));
	if (f == OK)
		f = stream_flush(&c->side.stream);
	end(&c->side, f);
}

static const struct {
	uint64_t offset, n;
	enum fault fault;
} parts[] = {
	{ 0, 0, OK },
	{ 0, 1, OK },
	{ 100, 5000, OK },
	{ 7, 32768, OK },
	{ 7, 32769, OK },
	{ 12345, 3000000, OK },
	{ 0, 4 << 20, OK },
	{ 1, 4 << 20, STORE_CORRUPT },
	{ 5 << 20, 10, STORE_CORRUPT },
};

static void
a_part_of_a_file_is_sent_between_what_stands_around_it(void **state)
{
	enum { SIZE = 4 << 20 };
	unsigned char *content = mem_new(SIZE);
	int file = memfd_create("body", MFD_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		content[i] = byte_at(i);
	CHECK(write(file, content, SIZE) == SIZE);
	EACH(parts, c) {
		struct loop *l = loop_new_sim(0);
		struct filed f = { .file = file, .offset = c->offset, .n = c->n };
		char piece[40000];

		side_init(&f.side, l, SOCK_STREAM);
		fiber_start(l, send_file, &f);
		for (ssize_t n = 0; !f.side.over || n > 0;) {
			loop_run(l);
			while ((n = read(f.side.fd, piece, sizeof(piece))) > 0)
				buf_add(&f.side.got, str_of(piece, (size_t)n));
		}
		CHECK_INT(f.side.said, c->fault);
		if (c->fault == OK) {
			str got = buf_str(&f.side.got);
			CHECK_INT(got.n, 5 + c->n + 3);
			CHECK_STR(str_sub(got, 0, 5), S("+OK\r\n"));
			CHECK_STR(str_from(got, got.n - 3), S(".\r\n"));
			CHECK(str_eq(str_sub(got, 5, c->n), str_of(content + c->offset, c->n)));
			CHECK_INT(f.side.stream.bytes_out, got.n);
		}
		side_done(&f.side);
		loop_free(l);
	}
	close(file);
	free(content);
}

/* parking */

struct parked {
	struct side side;
	int calls;
	bool frees;
};

static void
on_parked(struct stream *s, enum fault why)
{
	struct parked *p = CONTAINER(CONTAINER(s, struct side, stream), struct parked, side);

	p->calls++;
	end(&p->side, why);
	if (p->frees) {
		side_done(&p->side);
		free(p);
	}
}

static void
a_parked_stream_costs_its_struct_and_wakes_with_input(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct parked p = { 0 };
	int64_t due_ms;

	(void)state;
	side_init(&p.side, l, SOCK_STREAM);
	send_to(&p.side, S("NOOP\r\n"));
	CHECK(stream_poll(&p.side.stream, 512) == OK);
	stream_discard_input(&p.side.stream);
	CHECK(p.side.stream.in.p != NULL);
	due_ms = loop_now_ms(l) + 1800000;
	stream_park(&p.side.stream, due_ms, on_parked);
	CHECK(p.side.stream.in.p == NULL && p.side.stream.out.p == NULL);
	for (int i = 0; i < 3; i++)
		loop_hurry(l), loop_run_once(l);
	CHECK_INT(p.calls, 0);
	CHECK_INT(fiber_count(l), 0);
	send_to(&p.side, S("QUIT\r\n"));
	loop_run_once(l);
	CHECK_INT(p.calls, 1);
	CHECK_INT(p.side.said, OK);
	CHECK(stream_has_line(&p.side.stream)); /* it has been read already */
	CHECK(!loop_run_once(l));               /* and there is no timer any more */

	stream_park(&p.side.stream, due_ms, on_parked); /* with input pending: soon, not at once */
	CHECK_INT(p.calls, 1);
	loop_run_once(l);
	CHECK_INT(p.calls, 2);
	CHECK_INT(p.side.said, OK);
	CHECK(loop_now_ms(l) < due_ms);
	stream_discard_input(&p.side.stream);

	stream_park(&p.side.stream, due_ms, on_parked); /* until its time is over */
	loop_run(l);
	CHECK_INT(p.calls, 3);
	CHECK_INT(p.side.said, TIMED_OUT);
	CHECK_INT(loop_now_ms(l), due_ms);

	stream_park(&p.side.stream, NEVER_MS, on_parked); /* until the peer goes */
	close(p.side.fd);
	p.side.fd = -1;
	loop_run(l);
	CHECK_INT(p.calls, 4);
	CHECK_INT(p.side.said, OK);
	CHECK(stream_poll(&p.side.stream, 512) == CLOSED);
	stream_park(&p.side.stream, NEVER_MS, on_parked); /* it has gone already */
	loop_run(l);
	CHECK_INT(p.calls, 5);
	side_done(&p.side);
	loop_free(l);
}

static void
reading_writing_or_closing_ends_the_parking(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct parked p = { 0 };

	(void)state;
	side_init(&p.side, l, SOCK_STREAM);
	for (int i = 0; i < 4; i++) {
		stream_park(&p.side.stream, loop_now_ms(l) + 10, on_parked);
		if (i == 0)
			CHECK(stream_poll(&p.side.stream, 100) == OK);
		else if (i == 1)
			CHECK(stream_write(&p.side.stream, S("* BYE\r\n")) == OK);
		else if (i == 2)
			CHECK(stream_flush(&p.side.stream) == OK);
		else
			side_done(&p.side);
		if (i == 1) {
			char got[10];
			CHECK(stream_flush(&p.side.stream) == OK);
			CHECK(read(p.side.fd, got, sizeof(got)) == 7);
		}
		loop_run(l);
		CHECK_INT(p.calls, 0);
	}
	loop_free(l);
}

static void
a_parked_stream_may_be_freed_when_it_wakes(void **state)
{
	enum { N = 300 };
	struct loop *l = loop_new_sim(0);
	struct parked *p[N];
	int fds[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		p[i] = NEW(struct parked);
		side_init(&p[i]->side, l, SOCK_STREAM);
		p[i]->frees = true;
		fds[i] = dup(p[i]->side.fd);
		stream_park(&p[i]->side.stream, loop_now_ms(l) + (i % 3 == 2 ? 5 : 5000), on_parked);
	}
	for (int i = 0; i < N; i++) {
		if (i % 3 == 0)
			CHECK(write(fds[i], "x", 1) == 1);
		close(fds[i]); /* our copy of the other end: the streams have theirs until they are freed */
	}
	loop_run(l);
	CHECK(loop_now_ms(l) >= 5000);
	loop_free(l);
}

/* giving away, connecting, finishing */

static void
a_descriptor_is_given_away_with_what_was_read(void **state)
{
	struct loop *l = loop_new_sim(0);
	struct side s;
	int fd;

	(void)state;
	side_init(&s, l, SOCK_STREAM);
	send_to(&s, S("USER ann\r\nPASS"));
	CHECK(stream_poll(&s.stream, 512) == OK);
	stream_consume(&s.stream, 10);
	fd = stream_take_fd(&s.stream);
	CHECK_STR(stream_pending(&s.stream), S("PASS"));
	CHECK(fcntl(fd, F_GETFD) >= 0);
	CHECK(write(fd, "+OK", 3) == 3);
	buf_done(&s.stream.in);
	stream_close(&s.stream); /* calm: it has none any more */
	CHECK(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	side_done(&s);
	loop_free(l);
}

struct caller {
	struct loop *loop;
	struct peer to;
	enum fault said;
	int error;
	struct buf got;
	size_t sends;
	bool over;
};

static void
connect_and_read_all(void *arg)
{
	struct caller *c = arg;
	struct stream s;

	c->said = stream_connect(&s, c->loop, &c->to, NEVER_MS, &c->error);
	if (c->said == OK) {
		for (size_t i = 0; i < c->sends && c->said == OK; i++)
			c->said = stream_printf(&s, "line %zu of what nobody wants to read\r\n", i);
		if (c->said == OK)
			c->said = stream_flush(&s);
		(void)fiber_sleep(c->loop, 30); /* a reset arrives before this reads */
		while (stream_fill(&s, 1000) == OK)
			;
		buf_add(&c->got, stream_pending(&s));
	}
	stream_close(&s);
	c->over = true;
}

static void
refuse(void *arg)
{
	struct side *s = arg;

	s->stream.due_ms = loop_now_ms(s->loop) + 5000;
	(void)stream_fill(&s->stream, 100); /* and no more of it */
	s->said = stream_write(&s->stream, S("421 4.7.0 Too many\r\n"));
	if (s->said == OK)
		s->said = stream_finish(&s->stream);
	stream_close(&s->stream);
	s->over = true;
}

static void
the_last_reply_arrives_though_input_is_left(void **state)
{
	struct loop *l = loop_new();
	struct caller c = { .loop = l, .to = { .family = AF_INET, .ip = { 127, 0, 0, 1 } }, .sends = 2000 };
	struct side s = { .loop = l, .fd = -1 };
	struct buf why = { 0 };
	struct peer from;
	int listener, fd;
	size_t n;

	(void)state;
	CHECK(sock_listen(S("127.0.0.1:0"), &listener, 1, &n, &why) == OK);
	c.to.port = sock_port(listener);
	fiber_start(l, connect_and_read_all, &c);
	loop_run_once(l);
	while ((fd = sock_accept(listener, &from)) < 0)
		loop_run_once(l);
	CHECK(stream_init(&s.stream, l, fd) == OK);
	fiber_start(l, refuse, &s);
	while (!s.over || !c.over)
		loop_run_once(l);
	CHECK_INT(s.said, OK);
	CHECK_STR(buf_str(&c.got), S("421 4.7.0 Too many\r\n"));
	buf_done(&c.got);

	close(listener); /* and now nobody listens */
	c = (struct caller){ .loop = l, .to = c.to };
	fiber_start(l, connect_and_read_all, &c);
	while (!c.over)
		loop_run_once(l);
	CHECK_INT(c.said, CLOSED);
	CHECK_INT(c.error, ECONNREFUSED);
	loop_free(l);
}

T_MAIN(T(lines_are_framed_wherever_the_bytes_are_split),
	T(lines_are_framed_byte_by_byte_and_never_searched_twice),
	T(whether_a_line_is_pending_is_known_without_waiting), T(a_thousand_dialogues_at_once),
	T(every_wait_ends_at_the_deadline), T(a_cancelled_fiber_waits_no_more),
	T(what_was_gathered_leaves_in_one_write), T(bulk_passes_both_ways_with_a_reader_and_a_writer_each),
	T(a_writer_waits_quietly_for_a_peer_that_has_ended_its_own_direction),
	T(writing_to_a_closed_connection_says_so), T(a_part_of_a_file_is_sent_between_what_stands_around_it),
	T(a_parked_stream_costs_its_struct_and_wakes_with_input),
	T(reading_writing_or_closing_ends_the_parking), T(a_parked_stream_may_be_freed_when_it_wakes),
	T(a_descriptor_is_given_away_with_what_was_read), T(the_last_reply_arrives_though_input_is_left))
