#include "wire/proxy.h"

#include "base/mem.h"

#include <arpa/inet.h>

static const char signature[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };

/* ---- version 1: a line ---- */

static bool
take_ip(str text, unsigned bytes, struct proxy_end *ret)
{
	char c[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(c) || memchr(text.p, 0, text.n))
		return false;
	memcpy(c, text.p, text.n);
	c[text.n] = 0;
	ret->bytes = bytes;
	return inet_pton(bytes == 4 ? AF_INET : AF_INET6, c, ret->ip) == 1;
}

static bool
take_port(str text, uint16_t *ret)
{
	uint64_t port;

	if (text.n > 5 || (text.n > 1 && text.p[0] == '0') || !str_to_u64(text, 65535, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool
read_line(str line, struct proxy_header *ret)
{
	str words[5] = { { 0 } };
	const char *end = line.p + line.n;
	unsigned bytes;
	size_t n = 0;

	ret->version = 1;
	if (str_eq(line, S("UNKNOWN")) || str_starts(line, S("UNKNOWN ")))
		return true;
	while (n < COUNT(words) && str_take_until(&line, ' ', &words[n]))
		n++;
	if (n != COUNT(words) || line.n || words[4].p + words[4].n != end)
		return false;
	if (!str_eq(words[0], S("TCP4")) && !str_eq(words[0], S("TCP6")))
		return false;
	bytes = words[0].p[3] == '4' ? 4 : 16;
	ret->has_client = true;
	return take_ip(words[1], bytes, &ret->from) && take_ip(words[2], bytes, &ret->to) &&
	       take_port(words[3], &ret->from.port) && take_port(words[4], &ret->to.port);
}

static enum proxy_verdict
take_v1(str in, struct proxy_header *ret, size_t *ret_used)
{
	str seen = str_sub(in, 0, PROXY_V1_MOST);
	size_t lf = str_find(seen, '\n');
	str line = str_sub(seen, 0, lf);

	if (lf == seen.n)
		return in.n < PROXY_V1_MOST ? PROXY_MORE : PROXY_BAD;
	if (!str_ends(line, S("\r")))
		return PROXY_BAD;
	line.n--;
	if (!str_take(&line, S("PROXY ")) || !read_line(line, ret))
		return PROXY_BAD;
	*ret_used = lf + 1;
	return PROXY_DONE;
}

/* ---- version 2: fixed fields ---- */

static unsigned
be16(const char *p)
{
	return (unsigned)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

static uint32_t
crc32c(uint32_t crc, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
	}
	return crc;
}

/* The checksum is over the whole header with its own four octets as zeros. `at`: where they stand. */
static bool
good_checksum(str header, size_t at)
{
	const unsigned char *p = (const unsigned char *)header.p + at;
	uint32_t told = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3], crc;

	crc = crc32c(0xFFFFFFFFu, str_sub(header, 0, at));
	crc = crc32c(crc, S("\0\0\0\0"));
	crc = ~crc32c(crc, str_from(header, at + 4));
	return crc == told;
}

static bool
good_extras(str header, size_t at)
{
	enum { CRC32C = 3 };

	while (at < header.n) {
		size_t n;

		if (header.n - at < 3)
			return false;
		n = be16(header.p + at + 1);
		if (header.n - at - 3 < n)
			return false;
		if (header.p[at] == CRC32C && (n != 4 || !good_checksum(header, at + 3)))
			return false;
		at += 3 + n;
	}
	return true;
}

/* family: 1 IPv4, 2 IPv6, 3 Unix; transport: 1 stream, 2 datagram. *ret_size: octets of the addresses. */
static bool
read_addresses(unsigned family_transport, str body, struct proxy_header *ret, size_t *ret_size)
{
	unsigned family = family_transport >> 4, transport = family_transport & 15;
	unsigned bytes = family == 1 ? 4 : 16;

	*ret_size = 0;
	if (family == 0 && transport == 0)
		return true; /* unspecified: as UNKNOWN */
	if (transport != 1 || family == 0 || family > 3)
		return false;
	*ret_size = family == 3 ? 216 : 2 * bytes + 4;
	if (body.n < *ret_size)
		return false;
	if (family == 3)
		return true; /* no address that a rule could look at */
	ret->has_client = true;
	ret->from.bytes = ret->to.bytes = bytes;
	memcpy(ret->from.ip, body.p, bytes);
	memcpy(ret->to.ip, body.p + bytes, bytes);
	ret->from.port = (uint16_t)be16(body.p + 2 * bytes);
	ret->to.port = (uint16_t)be16(body.p + 2 * bytes + 2);
	return true;
}

static enum proxy_verdict
take_v2(str in, struct proxy_header *ret, size_t *ret_used)
{
	enum { FIXED = 16, LOCAL = 0x20, PROXY = 0x21 };
	size_t n, addresses = 0;
	unsigned command;
	str header;

	if (in.n < FIXED)
		return PROXY_MORE;
	command = (unsigned char)in.p[12];
	n = FIXED + be16(in.p + 14);
	if ((command != LOCAL && command != PROXY) || n > PROXY_MOST)
		return PROXY_BAD;
	if (in.n < n)
		return PROXY_MORE;
	header = str_sub(in, 0, n);
	ret->version = 2;
	*ret_used = n;
	if (command == LOCAL)
		return PROXY_DONE; /* what it says besides is to be ignored */
	if (!read_addresses((unsigned char)in.p[13], str_from(header, FIXED), ret, &addresses) ||
		!good_extras(header, FIXED + addresses))
		return PROXY_BAD;
	return PROXY_DONE;
}

static bool
begins(str in, str whole)
{
	size_t n = MIN(in.n, whole.n);

	return n == 0 || memcmp(in.p, whole.p, n) == 0;
}

enum proxy_verdict
proxy_take(str in, struct proxy_header *ret, size_t *ret_used)
{
	struct proxy_header h = { 0 };
	size_t used = 0;
	enum proxy_verdict v = PROXY_BAD;

	if (in.n == 0)
		return PROXY_MORE;
	if (begins(in, S("PROXY ")))
		v = take_v1(in, &h, &used);
	else if (begins(in, str_of(signature, sizeof(signature))))
		v = in.n < sizeof(signature) ? PROXY_MORE : take_v2(in, &h, &used);
	if (v == PROXY_DONE) {
		*ret = h;
		*ret_used = used;
	}
	return v;
}

size_t
proxy_next(str in)
{
	enum { FIXED = 16, LEAST_V1 = 15 };

	if (in.n < LEAST_V1)
		return LEAST_V1;
	if (in.p[0] == 'P')
		return in.n + 1;
	return in.n < FIXED ? FIXED : MAX(in.n + 1, FIXED + be16(in.p + 14));
}
