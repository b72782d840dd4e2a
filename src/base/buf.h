/* base/buf.h - bytes that grow, up to a limit
 * Owns its memory. What does not fit is not added: the buffer becomes `full` and stays so until it is cleared, so that
 * a writer may check once at the end. A zeroed struct buf has no limit and no memory. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
	char *p;
	size_t n;     /* bytes in use */
	size_t room;  /* bytes owned */
	size_t limit; /* most bytes it may hold; 0 = no limit */
	bool full;    /* something did not fit */
};

void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b);

bool buf_add(struct buf *b, str s); /* all of s or nothing */
bool buf_add_char(struct buf *b, char c);
bool buf_add_c(struct buf *b, const char *c);
bool buf_add_u64(struct buf *b, uint64_t value); /* decimal */
/* "s" as JSON writes a string; control characters, and all above ASCII when s is not UTF-8, as \u00xx. */
bool buf_add_quoted(struct buf *b, str s);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for n more bytes at b->p + b->n, for the caller to fill and then count with buf_used. NULL: over the limit. */
char *buf_reserve(struct buf *b, size_t n);
void buf_used(struct buf *b, size_t n);

void buf_drop_front(struct buf *b, size_t n); /* moves the rest to the front */
void buf_clear(struct buf *b);                /* empty, no longer full, memory kept */

static inline str
buf_str(const struct buf *b)
{
	return (str){ b->p, b->n }; /* borrowed until the buffer changes */
}

/* Fixed-width integers in records and between processes: little-endian. */
bool buf_add_le16(struct buf *b, uint16_t v);
bool buf_add_le32(struct buf *b, uint32_t v);
bool buf_add_le64(struct buf *b, uint64_t v);
/* LEB128, at most 10 bytes. */
bool buf_add_varint(struct buf *b, uint64_t v);
/* A varint length, then the bytes. */
bool buf_add_counted(struct buf *b, str s);

/* Their readers: take from the front of *s; false, and *s untouched, when it is too short or malformed. */
bool str_take_le16(str *s, uint16_t *ret);
bool str_take_le32(str *s, uint32_t *ret);
bool str_take_le64(str *s, uint64_t *ret);
bool str_take_varint(str *s, uint64_t *ret);
bool str_take_counted(str *s, str *ret); /* borrows from *s */
bool str_take_bytes(str *s, size_t n, str *ret);

#endif
