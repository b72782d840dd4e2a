/* Input: what a server says, a line whenever the client has said something. Our client talks to it, logs in and sends a message; whatever happens, it
 * comes to an end, never sends a line that does not end in CRLF, and never sends the password before somebody asked for it. */
#include "client/inside.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct loop *loop;
	struct stream stream;
	struct client *client;
	struct arena arena;
	str script;
	int fd;
	bool given; /* of the message */
};

static void
serve(void *arg)
{
	struct fuzz *z = arg;
	struct buf heard = { .limit = 1 << 20 };
	enum fault f = OK;

	while (z->script.n) {
		size_t n = str_find(z->script, '\n') + 1;

		if (stream_write(&z->stream, str_sub(z->script, 0, n)) != OK ||
			stream_flush(&z->stream) != OK)
			break;
		z->script = str_from(z->script, n);
		z->stream.due_ms = loop_now_ms(z->loop) +
				   1000; /* a reply of several lines: nothing comes between them */
		f = stream_fill(&z->stream, 1 << 20);
		if (f == CLOSED)
			break;
		buf_add(&heard, stream_pending(&z->stream));
		stream_discard_input(&z->stream);
	}
	stream_close(&z->stream);
	for (size_t i = 0; i < heard.n; i++) {
		assert(heard.p[i] != '\n' || (i && heard.p[i - 1] == '\r'));
		assert(heard.p[i] != '\r' || i + 1 == heard.n || heard.p[i + 1] == '\n');
	}
	buf_done(&heard);
}

static enum fault
next_piece(void *ctx, str *ret)
{
	struct fuzz *z = ctx;

	*ret = z->given ? S("") : S("Subject: x\r\n\r\n.\r\ny\r\n");
	z->given = true;
	return OK;
}

static void
converse(void *arg)
{
	static const struct client_login who = { SC("ann@a.test"), SC("secret"), SC("") };
	struct fuzz *z = arg;
	struct client_rcpt rcpts[] = { { .to = SC("ben@a.test") }, { .to = SC("cid@a.test") } };
	struct client_message m = { .from = S("ann@a.test"),
		.rcpts = rcpts,
		.rcpt_count = 2,
		.size = 20,
		.next = next_piece,
		.ctx = z };
	enum client_end end = client_begin(z->client, z->fd);

	if (end == CLIENT_OK && (client_caps(z->client)->has & CLIENT_HAS_AUTH))
		end = client_login(z->client, &who);
	if (end == CLIENT_OK || end == CLIENT_NO_AUTH)
		end = client_send(z->client, &z->arena, &m);
	if (end == CLIENT_OK)
		for (size_t i = 0; i < COUNT(rcpts); i++)
			assert(rcpts[i].verdict != CLIENT_UNTRIED && rcpts[i].verdict != CLIENT_IN_DOUBT);
	else
		assert(client_why(z->client)->end != CLIENT_OK && client_why(z->client)->text.n);
	assert(end != CLIENT_BROKEN && end != CLIENT_CANCELLED);
	client_quit(z->client);
	stream_close(&z->client->stream);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz z = { .loop = loop_new_sim(1000000) };
	struct client_settings set = { .helo = S("me.test"), .most_ms = 20000 };
	int fds[2];

	if (size == 0)
		goto out;
	z.script = str_of(data + 1, size - 1);
	set.lmtp = data[0] & 1;
	set.private_line = data[0] & 2;
	if (sock_pair(fds) != OK || stream_init(&z.stream, z.loop, fds[1]) != OK)
		abort();
	z.fd = fds[0];
	z.client = client_new(z.loop, &set);
	(void)fiber_start(z.loop, serve, &z);
	(void)fiber_start(z.loop, converse, &z);
	while (fiber_count(z.loop) && loop_run_once(z.loop))
		;
	assert(fiber_count(z.loop) == 0);
	client_free(z.client);
	arena_done(&z.arena);
out:
	loop_free(z.loop);
	return 0;
}
