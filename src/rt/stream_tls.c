#include "rt/stream_inside.h"

#include "rt/tls.h"

#include <sys/socket.h>

static enum fault
handshake(struct stream *s)
{
	int r;

	while ((r = tls_handshake(s->tls)) != 1) {
		if (r == RAW_WANTS_IN)
			s->watch.ready &= ~(uint32_t)READY_IN;
		else if (r == RAW_WANTS_OUT)
			s->watch.ready &= ~(uint32_t)READY_OUT;
		else
			return r == RAW_END ? CLOSED : TLS_UNAVAILABLE;
		TRY(stream_wait_for(s, r));
	}
	s->dry = false; /* what follows the handshake may have been read with it */
	return OK;
}

static enum fault
ready_for_tls(struct stream *s)
{
	if (!stream_is_open(s))
		return CLOSED;
	if (s->tls || stream_pending(s).n > 0)
		return TLS_UNAVAILABLE;
	return stream_flush(s);
}

enum fault
stream_accept_tls(struct stream *s, struct tls_server *t)
{
	TRY(ready_for_tls(s));
	s->tls = tls_accept_new(t, s->watch.fd);
	return s->tls ? handshake(s) : TLS_UNAVAILABLE;
}

enum fault
stream_connect_tls(struct stream *s, struct tls_client *t, str server_name)
{
	TRY(ready_for_tls(s));
	s->tls = tls_connect_new(t, s->watch.fd, server_name);
	return s->tls ? handshake(s) : TLS_UNAVAILABLE;
}

enum fault
stream_finish(struct stream *s)
{
	enum fault f;

	TRY(stream_flush(s));
	if (s->tls)
		tls_close(s->tls);
	s->tls = NULL; /* what still comes is dropped as it is */
	s->dry = false;
	(void)shutdown(s->watch.fd, SHUT_WR);
	do
		stream_discard_input(s);
	while ((f = stream_fill(s, STREAM_STEP)) == OK);
	return f == CLOSED ? OK : f;
}
