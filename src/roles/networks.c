#include "roles/networks.h"

enum fault
network_parse(str text, struct network *ret)
{
	str address;
	struct peer p;
	struct network net = { 0 };
	uint64_t bits;

	if (text.n && text.p[0] == '[') {
		size_t close = str_find(text, ']');
		address = str_sub(text, 1, close - 1);
		text = str_from(text, close + 1);
		if (!str_take(&text, S("/")))
			text = S("");
	} else if (!str_take_until(&text, '/', &address)) {
		return BAD_ARGUMENT;
	}
	if (!peer_parse(address, &p))
		return BAD_ARGUMENT;
	net.family = p.family;
	memcpy(net.ip, p.ip, sizeof(net.ip));
	bits = p.family == AF_INET ? 32 : 128;
	if (text.n && !str_to_u64(text, bits, &bits))
		return BAD_ARGUMENT;
	net.bits = (unsigned)bits;
	for (unsigned i = net.bits; i < (p.family == AF_INET ? 32 : 128); i++)
		if (net.ip[i / 8] & 0x80 >> i % 8)
			return BAD_ARGUMENT;
	*ret = net;
	return OK;
}

enum fault
networks_parse(struct arena *a, const str *words, size_t n, struct networks *ret, str *ret_bad)
{
	struct networks l = { .list = ARENA_ARRAY(a, n, struct network) };

	for (size_t i = 0; i < n; i++) {
		enum fault f = network_parse(words[i], &l.list[l.n]);
		if (f != OK) {
			if (ret_bad)
				*ret_bad = words[i];
			return f;
		}
		l.n++;
	}
	*ret = l;
	return OK;
}

static bool
matches(const struct network *net, const struct peer *p)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->family != p->family || memcmp(net->ip, p->ip, whole) != 0)
		return false;
	return rest == 0 || ((net->ip[whole] ^ p->ip[whole]) & (0xFF00 >> rest & 0xFF)) == 0;
}

bool
networks_have(const struct networks *l, const struct peer *p)
{
	for (size_t i = 0; i < l->n; i++)
		if (matches(&l->list[i], p))
			return true;
	return false;
}
