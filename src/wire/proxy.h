/* wire/proxy.h - the PROXY protocol, versions 1 and 2: a proxy tells who its client is, before anything else
 * As HAProxy's proxy-protocol.txt describes it. Pure. Only what a trusted proxy sends may be read with it. */
#ifndef WIRE_PROXY_H
#define WIRE_PROXY_H

#include "base/str.h"

enum {
	PROXY_V1_MOST = 107, /* octets of a line of version 1, with its CRLF */
	PROXY_MOST = 4096    /* octets of a header of version 2: more than any proxy needs for its extras */
};

struct proxy_end {
	unsigned bytes; /* of its address: 4, 16 */
	unsigned char ip[16];
	uint16_t port;
};
struct proxy_header {
	unsigned version;
	bool has_client; /* false: the proxy's own connection (LOCAL, a health check), or it does not know (UNKNOWN) */
	struct proxy_end from, to;
};
enum proxy_verdict {
	PROXY_MORE, /* what came so far may be the beginning of one */
	PROXY_DONE, /* *ret is filled in; *ret_used octets of it belong to the header, the rest to the client */
	PROXY_BAD   /* it never will be one */
};
/* in: all that came so far. Strict: one blank, decimal ports without leading zeros, the same family on both ends, known
 * commands; a checksum of version 2 must be right. Extras (TLVs) must be whole; they are not looked at otherwise. */
enum proxy_verdict proxy_take(str in, struct proxy_header *ret, size_t *ret_used);
/* After PROXY_MORE: so many octets can be read without taking one that belongs to the client (TLS may begin with it). More than in.n. */
size_t proxy_next(str in);

#endif
