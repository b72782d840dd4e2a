/* rt/stream_inside.h - what the files of stream.h know of each other */
#ifndef RT_STREAM_INSIDE_H
#define RT_STREAM_INSIDE_H

#include "rt/stream.h"

enum {
	STREAM_STEP = 16 << 10,       /* read at once */
	STREAM_EAGER_STEP = 64 << 10, /* when there seems to be more */
	STREAM_MOST_OUT = 64 << 10
};

/* What the raw calls give instead of a count of bytes: those of rt/tls.h. */
enum { RAW_END = 0, RAW_WANTS_IN = -1, RAW_WANTS_OUT = -2, RAW_FAILED = -3 };

bool stream_is_open(const struct stream *s);
void stream_unpark(struct stream *s);

/* Reads once into s->in, so that at most `most` bytes are pending; fewer must be now. Never waits. */
long stream_read_some(struct stream *s, size_t most);
/* Sends once. flags: MSG_MORE, without meaning under TLS. Never waits. */
long stream_raw_write(struct stream *s, const void *p, size_t n, int flags);
/* Waits for what a raw call wants; CLOSED when it has ended or failed. */
enum fault stream_wait_for(struct stream *s, long raw);
/* To be called before each read and write that may be one of many: lets others run now and then, and then heeds the deadline. */
enum fault stream_take_turn(struct stream *s);

#endif
