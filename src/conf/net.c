/* conf/net.c - addresses, networks, ports and versions of TLS as main.cf writes them */
#include "conf/inside.h"

#include <arpa/inet.h>
#include <string.h>

bool
ip_parse(str s, unsigned char ret[16], size_t *ret_bytes)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, 0, s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	if (inet_pton(AF_INET, text, ret) == 1)
		*ret_bytes = 4;
	else if (inet_pton(AF_INET6, text, ret) == 1)
		*ret_bytes = 16;
	else
		return false;
	return true;
}

/* Takes the brackets off "[x]". */
static bool
unbracket(str *s)
{
	if (s->n < 2 || s->p[0] != '[' || s->p[s->n - 1] != ']')
		return false;
	*s = str_sub(*s, 1, s->n - 2);
	return true;
}

bool
net_parse(str s, struct net *ret, bool *ret_host_bits)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	struct net net = { 0 };
	size_t slash, bytes;
	uint64_t bits;
	str ip;

	*ret_host_bits = false;
	net.no = str_take(&s, S("!"));
	slash = str_find(s, '/');
	ip = str_sub(s, 0, slash);
	(void)unbracket(&ip);
	if (!ip_parse(ip, net.ip, &bytes))
		return false;
	bits = bytes * 8;
	if (slash < s.n && !str_to_u64(str_from(s, slash + 1), bytes * 8, &bits))
		return false;
	if (bytes == 16 && bits >= 96 &&
		memcmp(net.ip, mapped, sizeof(mapped)) == 0) { /* clients have one spelling, IPv4's */
		memmove(net.ip, net.ip + 12, 4);
		bytes = 4;
		bits -= 96;
	}
	net.bytes = (unsigned char)bytes;
	net.bits = (unsigned char)bits;
	for (size_t bit = bits; bit < bytes * 8; bit++)
		if (net.ip[bit / 8] & (0x80 >> bit % 8))
			*ret_host_bits = true;
	if (*ret_host_bits)
		return false;
	*ret = net;
	return true;
}

bool
net_has(const struct net *net, const unsigned char *ip, size_t bytes)
{
	size_t whole = net->bits / 8, left = net->bits % 8;

	if (bytes != net->bytes || memcmp(net->ip, ip, whole) != 0)
		return false;
	return left == 0 || ((net->ip[whole] ^ ip[whole]) >> (8 - left)) == 0;
}

bool
listen_parse(str s, str *ret_host, str *ret_port)
{
	size_t colon = str_rfind(s, ':');
	str host = colon < s.n ? str_sub(s, 0, colon) : S("");
	str port = colon < s.n ? str_from(s, colon + 1) : s;
	unsigned char ip[16];
	size_t bytes;
	uint64_t number;

	if (!str_to_u64(port, 65535, &number) || port.n > 5)
		return false;
	if (colon < s.n && !str_eq(host, S("*"))) {
		str bare = host;
		bool bracketed = unbracket(&bare);

		/* 2001:db8::25 could be an address or an address and a port: brackets say which */
		if (!ip_parse(bare, ip, &bytes) || (bytes == 16) != bracketed)
			return false;
	}
	*ret_host = host;
	*ret_port = port;
	return true;
}

enum { TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };

/* Only the last two are spoken. */
static const struct {
	str name;
	int version;
} tls_names[] = { { SC("SSLv2"), 0x0002 }, { SC("SSLv3"), 0x0300 }, { SC("TLSv1"), 0x0301 },
	{ SC("TLSv1.1"), 0x0302 }, { SC("TLSv1.2"), TLS_1_2 }, { SC("TLSv1.3"), TLS_1_3 } };

static bool
tls_name(str s, int *ret_version)
{
	for (size_t i = 0; i < sizeof(tls_names) / sizeof(tls_names[0]); i++)
		if (str_eq_nocase(s, tls_names[i].name)) {
			*ret_version = tls_names[i].version;
			return true;
		}
	return false;
}

bool
tls_versions_parse(const str *items, size_t n, int *ret_least, int *ret_most)
{
	enum { V2 = 1, V3 = 2, BOTH = V2 | V3 }; /* of TLSv1.2 and TLSv1.3 */
	unsigned left = BOTH, named = 0;
	bool any_named = false;

	for (size_t i = 0; i < n; i++) {
		str s = items[i];
		bool from = str_take(&s, S(">=")), to = !from && str_take(&s, S("<="));
		bool no = !from && !to && str_take(&s, S("!"));
		unsigned bit;
		int version;

		if (!tls_name(s, &version))
			return false;
		bit = version == TLS_1_2 ? V2 : version == TLS_1_3 ? V3 : 0;
		if (from)
			left &= bit == V3 ? V3 : BOTH;
		else if (to)
			left &= bit == V3 ? BOTH : bit;
		else if (no)
			left &= ~bit;
		else
			named |= bit, any_named = true;
	}
	if (any_named)
		left &= named;
	if (left == 0)
		return false;
	*ret_least = left & V2 ? TLS_1_2 : TLS_1_3;
	*ret_most = left & V3 ? TLS_1_3 : TLS_1_2;
	return true;
}
