/* A server that hears bytes from strangers, as a record, as the extensions of a ClientHello, as its server name and protocols:
 * never done with the handshake, never signing, always with a reason, and with no name a host cannot have. */
#include "rt/tls_own.h"

#include <openssl/err.h>

#include <assert.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum fault
never_sign(void *ctx, const struct tls_sign *what, struct buf *ret)
{
	/* A full key exchange by chance would be news; without a key share TLS 1.3 asks again, and 1.2 signs its own parameters. */
	(void)ctx, (void)what, (void)ret;
	return INTERNAL;
}

static void
check_name(str name)
{
	assert(name.n <= 253);
	for (size_t i = 0; i < name.n; i++)
		assert(ascii_alnum(name.p[i]) || name.p[i] == '-' || name.p[i] == '.' || name.p[i] == '_');
	for (size_t i = 0; i < name.n; i++)
		assert(ascii_lower(name.p[i]) == name.p[i]);
	assert(!str_ends(name, S(".")) || name.n > 1);
}

static void
add_be16(struct buf *b, size_t n)
{
	buf_add_char(b, (char)(n >> 8));
	buf_add_char(b, (char)n);
}

/* A ClientHello in one record, with these extensions. */
static void
add_hello(struct buf *b, str extensions)
{
	static const char ciphers[] = { 0x13, 0x01, (char)0xc0, 0x2b };
	static const char nonce[32] = "not so random";
	size_t body = 2 + sizeof(nonce) + 1 + 2 + sizeof(ciphers) + 2 + 2 + extensions.n;

	buf_add(b, S("\x16\x03\x01"));
	add_be16(b, body + 4);
	buf_add_char(b, 1);
	buf_add_char(b, (char)(body >> 16));
	add_be16(b, body & 0xffff);
	buf_add(b, S("\3\3"));
	buf_add(b, str_of(nonce, sizeof(nonce)));
	buf_add_char(b, 0);
	add_be16(b, sizeof(ciphers));
	buf_add(b, str_of(ciphers, sizeof(ciphers)));
	buf_add(b, S("\1\0"));
	add_be16(b, extensions.n);
	buf_add(b, extensions);
}

static void
add_extension(struct buf *b, unsigned type, str bytes)
{
	add_be16(b, type);
	add_be16(b, bytes.n);
	buf_add(b, bytes);
}

/* How the input is to be understood. */
static void
shape(struct buf *b, unsigned kind, str in)
{
	struct buf extensions = { 0 }, list = { 0 };
	str name = str_sub(in, 0, in.n / 2);

	switch (kind % 3) {
	case 0: buf_add(b, in); break;
	case 1: add_hello(b, in); break;
	default:
		add_be16(&list, name.n + 3);
		buf_add_char(&list, 0);
		add_be16(&list, name.n);
		buf_add(&list, name);
		add_extension(&extensions, TLSEXT_TYPE_server_name, buf_str(&list));
		add_extension(&extensions, TLSEXT_TYPE_application_layer_protocol_negotiation,
			str_from(in, in.n / 2));
		add_hello(b, buf_str(&extensions));
	}
	buf_done(&extensions);
	buf_done(&list);
}

static struct tls_server *
server_new(void)
{
	struct buf chain = { 0 }, key = { 0 }, why = { 0 };
	struct tls_server *server = NULL;
	struct tls_cert cert;
	struct tls_settings s = {
		.certs = &cert, .cert_count = 1, .least_version = TLS1_2_VERSION, .alpn = "imap"
	};

	if (tls_self_signed(S("mail.test"), 1, (int64_t)time(NULL) * 1000, &chain, &key) != OK)
		abort();
	cert = (struct tls_cert){ buf_str(&chain), 0 };
	if (tls_server_new(&s, never_sign, NULL, &why, &server) != OK)
		abort();
	buf_done(&chain);
	buf_done(&key);
	return server;
}

static void
hear(struct tls_server *server, str bytes)
{
	struct tls_facts facts;
	struct tls *t;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		abort();
	t = tls_accept_new(server, fds[0]);
	if (bytes.n > 0 && send(fds[1], bytes.p, bytes.n, 0) < 0)
		abort();
	shutdown(fds[1], SHUT_WR);
	r = tls_handshake(t);
	assert(r == 0 || r == -3);
	assert(*tls_why(t));
	tls_facts(t, &facts);
	check_name(facts.server_name);
	tls_close(t);
	assert(ERR_peek_error() == 0);
	close(fds[0]);
	close(fds[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_server *server; /* made once: keys take time */
	struct buf bytes = { 0 };
	char room[256];
	str name = S("");

	if (!server)
		server = server_new();
	if (size == 0 || size > 30000)
		return 0;
	if (tls_names_take_sni(str_of(data, size), room, sizeof(room), &name))
		check_name(name);
	shape(&bytes, data[0], str_of(data + 1, size - 1));
	hear(server, buf_str(&bytes));
	buf_done(&bytes);
	return 0;
}
