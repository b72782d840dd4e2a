#include "rt/tls_own.h"

#include <errno.h>
#include <sys/socket.h>

static int
socket_write(BIO *b, const char *p, int n)
{
	struct tls *t = BIO_get_data(b);
	ssize_t sent;

	do
		sent = send(t->fd, p, (size_t)n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	BIO_clear_retry_flags(b);
	if (sent < 0) {
		if (errno == EAGAIN)
			BIO_set_retry_write(b);
		else
			t->error = errno;
	}
	return (int)sent;
}

static int
socket_read(BIO *b, char *p, int n)
{
	struct tls *t = BIO_get_data(b);
	ssize_t got;

	do
		got = recv(t->fd, p, (size_t)n, 0);
	while (got < 0 && errno == EINTR);
	BIO_clear_retry_flags(b);
	if (got < 0) {
		if (errno == EAGAIN)
			BIO_set_retry_read(b);
		else
			t->error = errno;
	}
	t->ended = got == 0;
	return (int)got;
}

static long
socket_ctrl(BIO *b, int cmd, long number, void *p)
{
	struct tls *t = BIO_get_data(b);

	(void)number, (void)p;
	switch (cmd) {
	case BIO_CTRL_FLUSH: return 1;
	case BIO_CTRL_EOF: return t->ended;
	default: return 0;
	}
}

BIO_METHOD *
tls_socket_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");

	if (!m || BIO_meth_set_write(m, socket_write) != 1 || BIO_meth_set_read(m, socket_read) != 1 ||
		BIO_meth_set_ctrl(m, socket_ctrl) != 1)
		abort();
	return m;
}

BIO *
tls_socket_new(const BIO_METHOD *m, struct tls *t)
{
	BIO *b = BIO_new(m);

	if (!b)
		abort();
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	return b;
}
