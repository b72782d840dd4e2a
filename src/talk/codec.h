/* talk/codec.h - a message's fields as bytes and back, from one list of fields
 * A message is a line in a .def file:
 *	MESSAGE(name, FIELD(str, address) FIELD(str, extension))
 * talk.h makes of it struct talk_name, talk_put_name (appends to a buf) and talk_take_name (takes off the front of a str; false
 * when it does not decode, nothing is written then). Fields of type str borrow. Lists travel as a str that holds one message
 * after another: `while (list.n && talk_take_x(&list, &x))`. Integers are varints with their range checked, bools are 0 or 1. Pure. */
#ifndef TALK_CODEC_H
#define TALK_CODEC_H

#include "base/buf.h"
#include "base/fault.h"

typedef uint8_t talk_u8;
typedef uint32_t talk_u32;
typedef uint64_t talk_u64;
typedef int64_t talk_i64;
typedef bool talk_bool;
typedef str talk_str;
typedef enum fault talk_fault;

static inline void
talk_put_u8(struct buf *b, talk_u8 v)
{
	buf_add_varint(b, v);
}
static inline void
talk_put_u32(struct buf *b, talk_u32 v)
{
	buf_add_varint(b, v);
}
static inline void
talk_put_u64(struct buf *b, talk_u64 v)
{
	buf_add_varint(b, v);
}
static inline void
talk_put_i64(struct buf *b, talk_i64 v)
{
	buf_add_varint(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
static inline void
talk_put_bool(struct buf *b, talk_bool v)
{
	buf_add_varint(b, v);
}
static inline void
talk_put_str(struct buf *b, talk_str v)
{
	buf_add_counted(b, v);
}
static inline void
talk_put_fault(struct buf *b, talk_fault v)
{
	buf_add_varint(b, v);
}

bool talk_take_u8(str *in, talk_u8 *ret);
bool talk_take_u32(str *in, talk_u32 *ret);
bool talk_take_u64(str *in, talk_u64 *ret);
bool talk_take_i64(str *in, talk_i64 *ret);
bool talk_take_bool(str *in, talk_bool *ret);
bool talk_take_str(str *in, talk_str *ret);
bool talk_take_fault(str *in, talk_fault *ret);

#endif
