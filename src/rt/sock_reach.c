#include "rt/sock.h"

#include "base/mem.h"

/* clang-format off */
static const struct range {
	unsigned char bytes, bits, ip[4]; /* the rest is zero */
	enum ip_reach reach;
} ranges[] = {
	{ 4, 8,   { 0 },                      IP_LOOPBACK }, /* this host */
	{ 4, 8,   { 127 },                    IP_LOOPBACK },
	{ 4, 8,   { 10 },                     IP_PRIVATE },  /* RFC 1918 */
	{ 4, 12,  { 172, 16 },                IP_PRIVATE },
	{ 4, 16,  { 192, 168 },               IP_PRIVATE },
	{ 4, 10,  { 100, 64 },                IP_PRIVATE },  /* RFC 6598, between a provider and its customers */
	{ 4, 16,  { 169, 254 },               IP_PRIVATE },  /* link-local */
	{ 4, 24,  { 192, 0, 0 },              IP_PRIVATE },  /* RFC 6890 */
	{ 4, 24,  { 192, 0, 2 },              IP_PRIVATE },  /* documentation */
	{ 4, 24,  { 198, 51, 100 },           IP_PRIVATE },
	{ 4, 24,  { 203, 0, 113 },            IP_PRIVATE },
	{ 4, 15,  { 198, 18 },                IP_PRIVATE },  /* benchmarks */
	{ 4, 4,   { 240 },                    IP_PRIVATE },
	{ 16, 96, { 0 },                      IP_LOOPBACK }, /* ::, ::1 and the long forgotten */
	{ 16, 7,  { 0xfc },                   IP_PRIVATE },  /* RFC 4193 */
	{ 16, 10, { 0xfe, 0x80 },             IP_PRIVATE },  /* link-local */
	{ 16, 32, { 0x20, 0x01, 0x0d, 0xb8 }, IP_PRIVATE },  /* documentation */
};
/* clang-format on */

enum ip_reach
ip_reach(const unsigned char *ip, size_t bytes, unsigned bits)
{
	for (size_t i = 0; i < COUNT(ranges); i++) {
		const struct range *r = &ranges[i];
		unsigned char whole[16] = { 0 };
		size_t n = r->bits / 8, left = r->bits % 8;

		if (r->bytes != bytes || bits < r->bits)
			continue;
		memcpy(whole, r->ip, sizeof(r->ip));
		if (memcmp(ip, whole, n) == 0 && (left == 0 || ((ip[n] ^ whole[n]) >> (8 - left)) == 0))
			return r->reach;
	}
	return IP_GLOBAL;
}
