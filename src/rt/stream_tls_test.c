/* Streams under TLS: both ends in one loop, the private key a wait away. */
#include "rt/sock.h"
#include "rt/stream.h"
#include "rt/tls.h"

#include "base/mem.h"

#include "test/t.h"

#include <sys/mman.h>
#include <unistd.h>

enum { KEY_MS = 3 }; /* that the vault takes */

struct place {
	struct loop *loop;
	struct tls_key *key;
	struct tls_server *server;
	struct tls_client *client;
};

static enum fault
sign(void *ctx, const struct tls_sign *what, struct buf *ret_signature)
{
	struct place *p = ctx;

	TRY(fiber_sleep(p->loop, KEY_MS));
	return tls_key_sign(p->key, what->how, what->data, ret_signature);
}

static void
place_init(struct place *p)
{
	struct buf cert = { 0 }, key = { 0 }, why = { 0 };
	struct tls_cert c;

	*p = (struct place){ .loop = loop_new_sim(1700000000000) };
	CHECK(tls_self_signed(S("mx.a.test"), 30, (int64_t)time(NULL) * 1000, &cert, &key) == OK);
	CHECK(tls_key_new(buf_str(&key), buf_str(&cert), &why, &p->key) == OK);
	c = (struct tls_cert){ .chain_pem = buf_str(&cert) };
	struct tls_settings s = { .certs = &c,
		.cert_count = 1,
		.least_version = 0x0303,
		.ticket_keys = S(
			"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef") };
	CHECK(tls_server_new(&s, sign, p, &why, &p->server) == OK);
	p->client = tls_client_new(true, NULL, &why);
	CHECK(p->client != NULL);
	buf_done(&cert);
	buf_done(&key);
	buf_done(&why);
}

static void
place_done(struct place *p)
{
	CHECK_INT(fiber_count(p->loop), 0);
	tls_server_free(p->server);
	tls_client_free(p->client);
	tls_key_free(p->key);
	loop_free(p->loop);
}

/* One end of a connection and its fiber. */
struct side {
	struct place *place;
	struct stream stream;
	struct fiber *fiber;
	struct buf got;
	size_t number;
	enum fault said;
	int calls;
	bool over;
};

static void
pair_init(struct place *p, struct side *server, struct side *client)
{
	int fds[2];

	CHECK(sock_pair(fds) == OK);
	*server = (struct side){ .place = p, .said = FAULTS };
	*client = (struct side){ .place = p, .said = FAULTS };
	CHECK(stream_init(&server->stream, p->loop, fds[0]) == OK);
	CHECK(stream_init(&client->stream, p->loop, fds[1]) == OK);
}

static void
pair_done(struct side *server, struct side *client)
{
	stream_close(&server->stream);
	stream_close(&client->stream);
	buf_done(&server->got);
	buf_done(&client->got);
}

static void
end(struct side *s, enum fault said)
{
	s->said = said;
	s->over = true;
}

static void
accept_only(void *arg)
{
	struct side *s = arg;

	s->fiber = fiber_self(s->place->loop);
	end(s, stream_accept_tls(&s->stream, s->place->server));
}

static void
connect_only(void *arg)
{
	struct side *s = arg;

	end(s, stream_connect_tls(&s->stream, s->place->client, S("mx.a.test")));
}

static void
shake_hands(struct place *p, struct side *server, struct side *client)
{
	pair_init(p, server, client);
	fiber_start(p->loop, accept_only, server);
	fiber_start(p->loop, connect_only, client);
	while (!server->over || !client->over)
		CHECK(loop_run_once(p->loop));
	CHECK_INT(server->said, OK);
	CHECK_INT(client->said, OK);
	server->over = client->over = false;
}

/* a dialogue with an upgrade */

static void
serve_lines(void *arg)
{
	struct side *s = arg;
	str line;
	bool bare;
	enum fault f;

	for (;;) {
		f = stream_take_line(&s->stream, 1000, &line, &bare);
		if (f != OK)
			break;
		if (str_eq(line, S("STARTTLS"))) {
			f = stream_write(&s->stream, S("220 Ready\r\n"));
			stream_discard_input(&s->stream); /* RFC 3207 4: what was sent ahead does not count */
			if (f == OK)
				f = stream_accept_tls(&s->stream, s->place->server);
		} else {
			buf_printf(&s->got, "%.*s;", STR_ARG(line));
			f = stream_printf(&s->stream, "250 %.*s\r\n", STR_ARG(line));
			if (f == OK && !stream_has_line(&s->stream))
				f = stream_flush(&s->stream);
		}
		if (f != OK)
			break;
	}
	end(s, f);
	stream_close(&s->stream);
}

static enum fault
say(struct side *s, str what, str want)
{
	str line;
	bool bare;

	TRY(stream_write(&s->stream, what));
	TRY(stream_flush(&s->stream));
	TRY(stream_take_line(&s->stream, 1000, &line, &bare));
	buf_printf(&s->got, "%.*s;", STR_ARG(line));
	return str_eq(line, want) && !bare ? OK : MALFORMED;
}

static enum fault
upgrade(struct side *s)
{
	char text[64];

	TRY(say(s, S("EHLO me\r\n"), S("250 EHLO me")));
	if (s->number % 2) {
		TRY(say(s, S("STARTTLS\r\nRCPT TO:<injected>\r\n"), S("220 Ready")));
	} else {
		TRY(say(s, S("STARTTLS\r\n"), S("220 Ready")));
	}
	TRY(stream_connect_tls(&s->stream, s->place->client, S("mx.a.test")));
	for (size_t i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "250 line %zu of %zu", i, s->number);
		TRY(stream_printf(&s->stream, "%s\r\n", text + 4));
		TRY(say(s, S(""), str_c(text)));
	}
	return OK;
}

static void
run_client(void *arg)
{
	struct side *s = arg;

	end(s, upgrade(s));
	stream_close(&s->stream);
}

static void
fifty_dialogues_turn_to_tls_and_what_was_injected_before_is_dropped(void **state)
{
	enum { N = 50 };
	struct place p;
	struct side *servers = mem_new_array(N, sizeof(*servers)),
		    *clients = mem_new_array(N, sizeof(*clients));

	(void)state;
	place_init(&p);
	for (size_t i = 0; i < N; i++) {
		pair_init(&p, &servers[i], &clients[i]);
		clients[i].number = i;
		fiber_start(p.loop, serve_lines, &servers[i]);
		fiber_start(p.loop, run_client, &clients[i]);
	}
	loop_run(p.loop);
	for (size_t i = 0; i < N; i++) {
		CHECK_INT(clients[i].said, OK);
		CHECK_INT(servers[i].said, CLOSED);
		CHECK(str_find_str(buf_str(&servers[i].got), S("injected")) == servers[i].got.n);
		CHECK(str_starts(buf_str(&servers[i].got), S("EHLO me;line 0 of ")));
		pair_done(&servers[i], &clients[i]);
	}
	free(servers);
	free(clients);
	place_done(&p);
}

static void
plaintext_that_was_not_discarded_stops_the_handshake(void **state)
{
	struct place p;
	struct side server, client;

	(void)state;
	place_init(&p);
	pair_init(&p, &server, &client);
	CHECK(write(client.stream.watch.fd, "RSET\r\n", 6) == 6);
	CHECK(stream_poll(&server.stream, 100) == OK);
	fiber_run(p.loop, accept_only, &server);
	CHECK_INT(server.said, TLS_UNAVAILABLE);
	CHECK(server.stream.tls == NULL);
	pair_done(&server, &client);
	place_done(&p);
}

/* handshakes that fail */

enum { HELLO_ROOM = 4000 };

/* What a client says first. */
static size_t
take_hello(struct place *p, char *hello)
{
	struct side server, client;
	ssize_t n;

	pair_init(p, &server, &client);
	fiber_run(p->loop, connect_only, &client);
	n = read(server.stream.watch.fd, hello, HELLO_ROOM);
	CHECK(n > 100);
	stream_close(&server.stream);
	loop_run(p->loop);
	CHECK_INT(client.said, CLOSED);
	pair_done(&server, &client);
	return (size_t)n;
}

static void
a_peer_that_leaves_during_the_handshake_is_closed(void **state)
{
	struct place p;
	char hello[HELLO_ROOM];
	size_t n;

	(void)state;
	place_init(&p);
	n = take_hello(&p, hello);
	for (size_t cut = 0; cut <= n; cut += cut < 12 ? 1 : MIN(97, MAX(n - cut, 1))) {
		struct side server, client;

		pair_init(&p, &server, &client);
		CHECK(write(client.stream.watch.fd, hello, cut) == (ssize_t)cut);
		fiber_run(p.loop, accept_only, &server);
		stream_close(&client.stream);
		loop_run(p.loop);
		CHECK(server.over);
		CHECK(server.said == CLOSED || server.said == TLS_UNAVAILABLE);
		pair_done(&server, &client);
	}
	place_done(&p);
}

static void
a_peer_that_speaks_no_tls_is_told_so_and_a_silent_one_times_out(void **state)
{
	struct place p;
	struct side server, client;
	int64_t due_ms;

	(void)state;
	place_init(&p);
	pair_init(&p, &server, &client);
	CHECK(write(client.stream.watch.fd, "EHLO you.test\r\nMAIL FROM:<>\r\n", 29) == 29);
	fiber_run(p.loop, accept_only, &server);
	CHECK_INT(server.said, TLS_UNAVAILABLE);
	CHECK(strlen(tls_why(server.stream.tls)) > 0);
	pair_done(&server, &client);

	pair_init(&p, &server, &client);
	due_ms = server.stream.due_ms = loop_now_ms(p.loop) + 60000;
	CHECK(write(client.stream.watch.fd, "\x16\x03\x01", 3) == 3);
	fiber_run(p.loop, accept_only, &server);
	loop_run(p.loop);
	CHECK_INT(server.said, TIMED_OUT);
	CHECK_INT(loop_now_ms(p.loop), due_ms);
	pair_done(&server, &client);
	place_done(&p);
}

static void
a_fiber_cancelled_in_its_handshake_returns(void **state)
{
	(void)state;
	for (int rounds = 0; rounds < 6;
		rounds++) { /* while it waits for the peer, for the key, for the peer again */
		struct place p;
		struct side server, client;

		place_init(&p);
		pair_init(&p, &server, &client);
		fiber_run(p.loop, accept_only, &server);
		fiber_start(p.loop, connect_only, &client);
		for (int i = 0; i < rounds; i++)
			loop_run_once(p.loop);
		if (!server.over) {
			fiber_cancel(server.fiber);
			while (!server.over)
				CHECK(loop_run_once(p.loop));
			CHECK(server.said == CANCELLED || server.said == TLS_UNAVAILABLE);
		}
		stream_close(&server.stream);
		loop_run(p.loop);
		CHECK(client.over);
		pair_done(&server, &client);
		place_done(&p);
	}
}

/* bulk */

enum { BULK = 3 << 20 };

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
		size_t n = MIN((size_t)(at % 49991 + 1), BULK - at);
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
	bool wrong;
};

static void
read_bulk(void *arg)
{
	struct reader *r = arg;

	while (r->at < BULK && stream_fill(&r->side->stream, 100000) == OK) {
		str p = stream_pending(&r->side->stream);
		for (size_t i = 0; i < p.n; i++)
			r->wrong |= (unsigned char)p.p[i] != byte_at(r->at + i);
		r->at += p.n;
		stream_consume(&r->side->stream, p.n);
	}
}

static void
bulk_passes_both_ways_at_once(void **state)
{
	struct place p;
	struct side server, client;

	(void)state;
	place_init(&p);
	shake_hands(&p, &server, &client);
	struct reader rs = { .side = &server }, rc = { .side = &client };
	fiber_start(p.loop, write_bulk, &server);
	fiber_start(p.loop, write_bulk, &client);
	fiber_start(p.loop, read_bulk, &rs);
	fiber_start(p.loop, read_bulk, &rc);
	loop_run(p.loop);
	CHECK(server.said == OK && client.said == OK);
	CHECK(rs.at == BULK && !rs.wrong);
	CHECK(rc.at == BULK && !rc.wrong);
	CHECK_INT(server.stream.bytes_out, BULK);
	pair_done(&server, &client);
	place_done(&p);
}

static void
send_file(void *arg)
{
	struct side *s = arg;
	int file = memfd_create("body", MFD_CLOEXEC);
	enum fault f;

	for (size_t i = 0; i < BULK; i++)
		buf_add_char(&s->got, (char)byte_at(i));
	CHECK(write(file, s->got.p, BULK) == BULK);
	f = stream_send_file(&s->stream, file, 0, BULK);
	if (f == OK)
		f = stream_finish(&s->stream);
	close(file);
	end(s, f);
}

static void
a_file_is_encrypted_and_the_connection_ends_in_order(void **state)
{
	struct place p;
	struct side server, client;

	(void)state;
	place_init(&p);
	shake_hands(&p, &server, &client);
	struct reader rc = { .side = &client };
	server.stream.due_ms = loop_now_ms(p.loop) + 5000;
	fiber_start(p.loop, send_file, &server);
	fiber_start(p.loop, read_bulk, &rc);
	loop_run(p.loop);
	CHECK(rc.at == BULK && !rc.wrong);
	CHECK_INT(server.said, TIMED_OUT); /* the client has not closed its direction */
	CHECK(stream_poll(&client.stream, 100) == CLOSED);
	CHECK_C(str_c(tls_why(client.stream.tls)), "closed"); /* by close-notify, not cut off */
	pair_done(&server, &client);
	place_done(&p);
}

/* records */

static void
reply(void *arg)
{
	struct side *s = arg;

	CHECK(stream_write(&s->stream, S("250-one\r\n")) == OK);
	CHECK(stream_write(&s->stream, S("250-two\r\n")) == OK);
	CHECK(stream_write(&s->stream, S("250 three\r\n")) == OK);
	end(s, stream_flush(&s->stream));
}

static void
what_was_gathered_leaves_in_one_record(void **state)
{
	struct place p;
	struct side server, client;
	unsigned char raw[500];
	ssize_t n;

	(void)state;
	place_init(&p);
	shake_hands(&p, &server, &client);
	CHECK(stream_poll(&client.stream, 100) == OK); /* session tickets */
	fiber_run(p.loop, reply, &server);
	CHECK_INT(server.said, OK);
	n = recv(client.stream.watch.fd, raw, sizeof(raw), MSG_PEEK);
	CHECK(n > 5);
	CHECK_INT(raw[0], 23);
	CHECK_INT((raw[3] << 8 | raw[4]) + 5, n);
	CHECK(stream_poll(&client.stream, 100) == OK);
	CHECK_STR(stream_pending(&client.stream), S("250-one\r\n250-two\r\n250 three\r\n"));
	pair_done(&server, &client);
	place_done(&p);
}

static void
on_parked(struct stream *s, enum fault why)
{
	struct side *side = CONTAINER(s, struct side, stream);

	side->calls++;
	end(side, why);
}

static void
a_parked_stream_sleeps_through_records_without_data(void **state)
{
	struct place p;
	struct side server, client;
	int64_t due_ms;

	(void)state;
	place_init(&p);
	pair_init(&p, &server, &client);
	fiber_start(p.loop, accept_only, &server);
	fiber_start(p.loop, connect_only, &client);
	while (!client.over)
		CHECK(loop_run_once(p.loop));
	/* the server's side is not over: it will send its session tickets now */
	due_ms = loop_now_ms(p.loop) + 30000;
	stream_park(&client.stream, due_ms, on_parked);
	while (!server.over)
		CHECK(loop_run_once(p.loop));
	loop_hurry(p.loop), loop_run_once(p.loop);
	CHECK_INT(client.calls, 0);
	CHECK(client.stream.in.p == NULL);
	stream_park(&server.stream, due_ms, on_parked);
	CHECK(server.stream.in.p == NULL && server.stream.out.p == NULL);

	fiber_run(p.loop, reply, &server); /* ends the server's parking, and wakes the client */
	loop_run_once(p.loop);
	CHECK_INT(client.calls, 1);
	CHECK_INT(client.said, OK);
	CHECK(stream_has_line(&client.stream));
	CHECK_INT(server.calls, 0);

	stream_discard_input(&client.stream);
	stream_park(&client.stream, due_ms, on_parked);
	loop_run(p.loop);
	CHECK_INT(client.calls, 2);
	CHECK_INT(client.said, TIMED_OUT);
	CHECK_INT(loop_now_ms(p.loop), due_ms);

	stream_park(&client.stream, NEVER_MS, on_parked);
	stream_close(&server.stream); /* close-notify */
	loop_run(p.loop);
	CHECK_INT(client.calls, 3);
	CHECK_INT(client.said, OK);
	CHECK(stream_poll(&client.stream, 10) == CLOSED);
	pair_done(&server, &client);
	place_done(&p);
}

T_MAIN(T(fifty_dialogues_turn_to_tls_and_what_was_injected_before_is_dropped),
	T(plaintext_that_was_not_discarded_stops_the_handshake),
	T(a_peer_that_leaves_during_the_handshake_is_closed),
	T(a_peer_that_speaks_no_tls_is_told_so_and_a_silent_one_times_out),
	T(a_fiber_cancelled_in_its_handshake_returns), T(bulk_passes_both_ways_at_once),
	T(a_file_is_encrypted_and_the_connection_ends_in_order), T(what_was_gathered_leaves_in_one_record),
	T(a_parked_stream_sleeps_through_records_without_data))
