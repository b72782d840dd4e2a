/* rt/stream.h - a connection: bytes in, bytes out, in the clear or under TLS
 * A struct in its owner's session. Buffers exist only while they hold something, so that a parked session costs its struct.
 * Functions that say "waits" run in a fiber and give TIMED_OUT at s->due_ms, CLOSED when the peer is gone, CANCELLED. */
#ifndef RT_STREAM_H
#define RT_STREAM_H

#include "rt/fiber.h"

struct peer;
struct tls;
struct tls_server;
struct tls_client;

struct stream {
	struct watch watch; /* its fd; -1 when closed */
	struct loop *loop;
	struct tls *tls; /* NULL: in the clear */
	struct buf in;   /* unread bytes begin at in.p + in_at */
	size_t in_at;
	size_t searched; /* so many unread bytes are known to have no LF */
	struct buf out;  /* written, not sent yet: from out.p + out_at */
	size_t out_at;
	int64_t due_ms; /* deadline of every wait; set it before each command or reply. NEVER_MS at first */
	struct timer timer; /* of a parked stream */
	void (*parked)(struct stream *s, enum fault why);
	uint64_t bytes_in, bytes_out; /* plaintext */
	bool dry;                     /* there was nothing left to read; the watch tells when there is */
	bool ended;                   /* nothing more will come */
	bool eager;                   /* the last read got all it asked for: ask for more */
	bool skips_line;              /* the rest of a line that was too long */
	unsigned char turns;          /* reads and writes since it last waited: others want to run, too */
};

/* Takes the non-blocking socket fd over; on a fault it is closed. */
enum fault stream_init(struct stream *s, struct loop *l, int fd);
/* Connects to `to`. Waits. *ret_errno says why on CLOSED (refused, unreachable ...). TIMED_OUT, CANCELLED. On a fault s is closed. */
enum fault stream_connect(
	struct stream *s, struct loop *l, const struct peer *to, int64_t due_ms, int *ret_errno);
/* At once: what was gathered and TLS close-notify go if they can without waiting. Calm when closed, or zeroed. */
void stream_close(struct stream *s);
/* Before stream_close, so that the peer reads the last reply: unread input makes the kernel reset a connection that is closed.
 * Flushes, ends our direction, and waits until the peer ends its own, dropping what it sends. Waits. TIMED_OUT, CANCELLED. */
enum fault stream_finish(struct stream *s);
/* Gives the descriptor away (no TLS, nothing buffered for output): what was read already stays in s->in for the caller. */
int stream_take_fd(struct stream *s);

str stream_pending(const struct stream *s); /* what was read and not consumed; borrowed until the next fill */
void stream_consume(struct stream *s, size_t n);
void stream_discard_input(struct stream *s); /* drops what was read: after STARTTLS (RFC 3207 4) */

/* Waits for at least one byte more, at most `most` pending. TOO_BIG: that many are pending already. */
enum fault stream_fill(struct stream *s, size_t most);
/* Reads what is there without waiting; OK also when there was nothing. CLOSED at the end. */
enum fault stream_poll(struct stream *s, size_t most);

/* A line, without its CRLF or LF; *ret_bare says that it ended in LF alone. Borrowed until the next read. Waits.
 * LINE_TOO_LONG: `most` bytes without LF; they are consumed, and so is the rest of the line on later calls, before OK. */
enum fault stream_take_line(struct stream *s, size_t most, str *ret_line, bool *ret_bare);
/* The same without waiting: false when no whole line is pending. */
bool stream_has_line(const struct stream *s);

/* Gathers output; waits only when more than 64 KiB are waiting to go. */
enum fault stream_write(struct stream *s, str bytes);
enum fault stream_printf(struct stream *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void stream_discard_output(struct stream
		*s); /* what was gathered and has not gone: before the end, when it is of no use any more */
enum fault stream_flush(struct stream *s); /* waits until all is with the kernel */
/* Sends n bytes of fd from offset after what was gathered: sendfile in the clear (a small file is gathered, too), read and
 * encrypt under TLS. Waits. STORE_CORRUPT: the file is shorter, or cannot be read; some of it may have gone. */
enum fault stream_send_file(struct stream *s, int fd, uint64_t offset, uint64_t n);
/* Frees empty buffers and stops: parked(s, OK) is called in the loop once there is input (or the end), parked(s, TIMED_OUT) at due_ms.
 * Calls it soon when input is pending already. The stream's next read or write ends the parking. What wakes it is read, so a
 * TLS record without data wakes nobody. parked may close the stream and free it. Output must have been flushed. */
void stream_park(struct stream *s, int64_t due_ms, void (*parked)(struct stream *s, enum fault why));

/* TLS, as server or client. Flushes, and waits for the handshake. The fault is TLS_UNAVAILABLE (tls_why says why), TIMED_OUT,
 * CANCELLED or CLOSED; the stream is then of no use but to be closed. Pending plaintext input is an attack (RFC 3207): it must
 * have been discarded before, else the fault is TLS_UNAVAILABLE at once. */
enum fault stream_accept_tls(struct stream *s, struct tls_server *t);
enum fault stream_connect_tls(struct stream *s, struct tls_client *t, str server_name);

#endif
