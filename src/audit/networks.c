/* audit/networks.c - whom mynetworks trusts
 * Two looks: item by item for what a human reads, and by sampling what conf_has_ip answers, which is what the server does. The second sees
 * through exclusions, halves of the internet written one by one, and tables. */
#include "audit/inside.h"

#include "base/mem.h"
#include "rt/sock.h"

#include <arpa/inet.h>

struct network {
	bool no;
	unsigned char ip[16];
	size_t bytes;
	uint64_t bits;
};

/* False: a table, or no network at all. */
static bool
take_network(str item, struct network *ret)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct network n = { .no = str_take(&item, S("!")) };
	size_t slash = str_find(item, '/');
	str ip = str_sub(item, 0, slash);
	char text[64];

	if (ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		ip = str_sub(ip, 1, ip.n - 2);
	if (ip.n >= sizeof(text))
		return false;
	memcpy(text, ip.p, ip.n);
	text[ip.n] = '\0';
	n.bytes = inet_pton(AF_INET, text, n.ip) == 1 ? 4 : inet_pton(AF_INET6, text, n.ip) == 1 ? 16 : 0;
	n.bits = n.bytes * 8;
	if (n.bytes == 0 || (slash < item.n && !str_to_u64(str_from(item, slash + 1), n.bits, &n.bits)))
		return false;
	if (n.bytes == 16 && n.bits >= 96 && memcmp(n.ip, mapped, sizeof(mapped)) == 0) {
		memmove(n.ip, n.ip + 12, 4);
		n.bytes = 4;
		n.bits -= 96;
	}
	*ret = n;
	return true;
}

static bool
within(const unsigned char *ip, size_t bytes, uint64_t bits, const struct network *of)
{
	size_t whole = of->bits / 8, left = of->bits % 8;

	if (bytes != of->bytes || bits < of->bits || memcmp(ip, of->ip, whole) != 0)
		return false;
	return left == 0 || ((ip[whole] ^ of->ip[whole]) >> (8 - left)) == 0;
}

enum { WIDEST_4 = 8, WIDEST_6 = 32, PUBLIC_4 = 28, PUBLIC_6 = 64, LAN_4 = 24, LAN_6 = 64 };

static void
judge_item(struct audit *a, str where, str item)
{
	static const unsigned char docker[4] = { 172, 17, 0, 1 };
	enum ip_reach reach;
	struct network n;
	bool special;

	if (!take_network(item, &n) || n.no)
		return;
	reach = ip_reach(n.ip, n.bytes, (unsigned)n.bits);
	special = reach != IP_GLOBAL;
	if (reach == IP_LOOPBACK)
		return;
	if (!special && n.bits < (n.bytes == 4 ? WIDEST_4 : WIDEST_6))
		audit_find(a, AUDIT_NETWORKS_WIDE, where, "mynetworks has %.*s", STR_ARG(item));
	else if (!special && n.bits < (n.bytes == 4 ? PUBLIC_4 : PUBLIC_6))
		audit_find(a, AUDIT_NETWORKS_PUBLIC, where, "mynetworks has %.*s", STR_ARG(item));
	else if (special && within(docker, 4, 32, &n))
		audit_find(a, AUDIT_NETWORKS_PRIVATE, where,
			"mynetworks has %.*s, and with it the gateway of docker's network, 172.17.0.1",
			STR_ARG(item));
	else if (special && n.bits < (n.bytes == 4 ? LAN_4 : LAN_6))
		audit_find(a, AUDIT_NETWORKS_PRIVATE, where, "mynetworks has %.*s", STR_ARG(item));
}

/* ---- what the whole does ---- */

static void
sample(const struct conf *c, enum conf_id id, const unsigned char *ip, size_t bytes, unsigned *all,
	unsigned *held)
{
	if (ip_reach(ip, bytes, (unsigned)bytes * 8) != IP_GLOBAL)
		return;
	(*all)++;
	*held += conf_has_ip(c, id, ip, bytes);
}

unsigned
audit_share_of_world(const struct conf *c, enum conf_id id)
{
	enum { STEP_6 = 4 };
	unsigned all4 = 0, held4 = 0, all6 = 0, held6 = 0;

	/* Odd last octets: networks around somebody's own address do not stand for all. */
	for (unsigned first = 1; first < 224; first++)
		for (unsigned second = 3; second < 256; second += 16)
			sample(c, id,
				(const unsigned char[4]){ (unsigned char)first, (unsigned char)second,
					(unsigned char)(second * 37 + 11), 77 },
				4, &all4, &held4);
	for (unsigned top = 0x2000; top < 0x4000; top += STEP_6)
		sample(c, id,
			(const unsigned char[16]){ (unsigned char)(top >> 8), (unsigned char)top, 0x46, 0x70,
				0, 7, [15] = 0x77 },
			16, &all6, &held6);
	return MAX(held4 * 1000 / all4, held6 * 1000 / all6);
}

/* ---- peers ---- */

static const struct {
	enum audit_id check;
	enum conf_id id;
	bool lan; /* a LAN is narrow enough */
} peers[] = {
	{ AUDIT_PEERS_WIDE, CONF_smtpd_authorized_xclient_hosts, false },
	{ AUDIT_PEERS_WIDE, CONF_smtpd_authorized_xforward_hosts, false },
	{ AUDIT_PEERS_WIDE, CONF_smtpd_upstream_proxy_hosts, false },
	{ AUDIT_LMTP_FOR_MANY, CONF_lmtp_authorized_hosts, true },
	{ AUDIT_VRFY_CLIENTS_WIDE, CONF_vrfy_clients, true },
};

static void
judge_peers(struct audit *a, const struct conf *c, size_t at)
{
	enum { PROXIES_4 = 29, PROXIES_6 = 125 };
	str where = audit_where(&a->arena, c, peers[at].id);
	struct conf_origin o;
	struct network n;
	size_t count = 0;
	const str *items = conf_list(c, peers[at].id, &count);

	conf_origin(c, peers[at].id, &o);
	audit_ran(a, peers[at].check);
	for (size_t i = 0; i < count; i++) {
		enum ip_reach reach;
		uint64_t least;

		if (!take_network(items[i], &n) || n.no)
			continue;
		reach = ip_reach(n.ip, n.bytes, (unsigned)n.bits);
		least = peers[at].lan && reach == IP_PRIVATE ? (n.bytes == 4 ? LAN_4 : LAN_6)
							     : (n.bytes == 4 ? PROXIES_4 : PROXIES_6);
		if (reach != IP_LOOPBACK && n.bits < least)
			audit_find(a, peers[at].check, where, "%s has %.*s", o.name, STR_ARG(items[i]));
	}
}

static void
judge_lmtp(struct audit *a, const struct conf *c)
{
	size_t n = 0;
	const str *where = conf_listen(c, CONF_listen_lmtp, &n);

	audit_ran(a, AUDIT_LMTP_OUTSIDE);
	for (size_t i = 0; i < n; i++)
		if (!str_starts(where[i], S("unix:")) && !str_starts(where[i], S("127.")) &&
			!str_starts(where[i], S("[::1]:")))
			audit_find(a, AUDIT_LMTP_OUTSIDE, audit_where(&a->arena, c, CONF_listen_lmtp),
				"listen_lmtp: %.*s", STR_ARG(where[i]));
}

void
audit_networks(struct audit *a, const struct conf *c)
{
	enum { WORTH_TELLING = 10 };
	str where = audit_where(&a->arena, c, CONF_mynetworks);
	size_t n = 0;
	const str *items = conf_list(c, CONF_mynetworks, &n);
	unsigned share = audit_share_of_world(c, CONF_mynetworks);

	audit_ran(a, AUDIT_NETWORKS_OPEN);
	audit_ran(a, AUDIT_NETWORKS_WIDE);
	audit_ran(a, AUDIT_NETWORKS_PUBLIC);
	audit_ran(a, AUDIT_NETWORKS_PRIVATE);
	if (share >= WORTH_TELLING) {
		struct conf_origin o;

		conf_origin(c, CONF_mynetworks, &o);
		audit_find(a, AUDIT_NETWORKS_OPEN, where,
			"mynetworks = %.*s holds %u%% of the internet's addresses",
			STR_ARG(str_sub(o.text, 0, 200)), share / 10);
	}
	for (size_t i = 0; i < n; i++)
		judge_item(a, where, items[i]);
	for (size_t i = 0; i < COUNT(peers); i++)
		judge_peers(a, c, i);
	judge_lmtp(a, c);
}
