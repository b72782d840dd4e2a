#include "rt/sock.h"

#include "test/t.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static const struct {
	str in;
	int family; /* 0: no address */
	str text;
	unsigned char key[9];
} addresses[] = {
	{ SC("192.0.2.1"), AF_INET, SC("192.0.2.1"), { 4, 192, 0, 2, 1 } },
	{ SC("::ffff:192.0.2.1"), AF_INET, SC("192.0.2.1"), { 4, 192, 0, 2, 1 } },
	{ SC("::FFFF:c000:0201"), AF_INET, SC("192.0.2.1"), { 4, 192, 0, 2, 1 } },
	{ SC("2001:DB8:0:0::1"), AF_INET6, SC("2001:db8::1"), { 6, 0x20, 1, 0xd, 0xb8 } },
	{ SC("2001:db8:1:2:3:4:5:6"), AF_INET6, SC("2001:db8:1:2:3:4:5:6"),
		{ 6, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 2 } },
	{ SC("::1"), AF_INET6, SC("::1"), { 6 } },
	{ SC("::"), AF_INET6, SC("::"), { 6 } },
	{ SC("0.0.0.0"), AF_INET, SC("0.0.0.0"), { 4 } },
	{ SC("") },
	{ SC("192.0.2") },
	{ SC("192.0.2.256") },
	{ SC("192.0.2.1.") },
	{ SC(" 192.0.2.1") },
	{ SC("192.0.2.1\0x") },
	{ SC("[::1]") },
	{ SC("fe80::1%eth0") },
	{ SC("127.0.0.1:25") },
	{ SC("1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222:3333:4444") },
};

static void
an_address_has_one_spelling_and_a_key(void **state)
{
	struct arena a = { 0 };

	(void)state;
	EACH(addresses, c) {
		struct peer p;
		unsigned char key[9];

		CHECK(peer_parse(c->in, &p) == (c->family != 0));
		if (!c->family)
			continue;
		CHECK_INT(p.family, c->family);
		CHECK_INT(p.port, 0);
		CHECK_STR(peer_text(&a, &p), c->text);
		peer_client_key(&p, key);
		CHECK(memcmp(key, c->key, sizeof(key)) == 0);
	}
	arena_done(&a);
}

static void
peers_of_one_64_are_one_client(void **state)
{
	struct peer p, q;
	unsigned char a[9], b[9];

	(void)state;
	CHECK(peer_parse(S("2001:db8:1:2::1"), &p) && peer_parse(S("2001:db8:1:2:ffff::9"), &q));
	peer_client_key(&p, a);
	peer_client_key(&q, b);
	CHECK(memcmp(a, b, 9) == 0);
	CHECK(peer_parse(S("2001:db8:1:3::1"), &q));
	peer_client_key(&q, b);
	CHECK(memcmp(a, b, 9) != 0);
}

static const struct {
	str where;
	enum fault fault;
	size_t least, most;
} places[] = {
	{ SC("0"), OK, 1, 2 }, { SC("*:0"), OK, 1, 2 }, { SC("127.0.0.1:0"), OK, 1, 1 },
	{ SC(""), BAD_ARGUMENT }, { SC(":25"), BAD_ARGUMENT }, { SC("127.0.0.1"), BAD_ARGUMENT },
	{ SC("127.0.0.1:"), BAD_ARGUMENT }, { SC("127.0.0.1:65536"), BAD_ARGUMENT },
	{ SC("127.0.0.1:-1"), BAD_ARGUMENT }, { SC("127.0.0.1:000025"), BAD_ARGUMENT },
	{ SC("[127.0.0.1]:25"), BAD_ARGUMENT }, { SC("[::ffff:127.0.0.1]:25"), BAD_ARGUMENT },
	{ SC("::1:25"), BAD_ARGUMENT }, { SC("[]:25"), BAD_ARGUMENT }, { SC("localhost:25"), BAD_ARGUMENT },
	{ SC("192.0.2.77:0"), INTERNAL }, /* not ours */
};

static void
listening_where_one_is_told(void **state)
{
	(void)state;
	EACH(places, c) {
		int fds[2] = { -1, -1 };
		size_t n = 0;
		struct buf why = { 0 };

		CHECK_INT(sock_listen(c->where, fds, 2, &n, &why), c->fault);
		CHECK((why.n == 0) == (c->fault == OK));
		CHECK(n >= c->least && n <= c->most);
		for (size_t i = 0; i < n; i++) {
			CHECK(sock_port(fds[i]) != 0);
			CHECK_INT(sock_port(fds[i]), sock_port(fds[0]));
			CHECK(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
			CHECK(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		}
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
		buf_done(&why);
	}
}

static void
a_port_in_use_is_refused_and_said_so(void **state)
{
	int fd, again[2];
	size_t n;
	char where[32];
	struct buf why = { 0 };

	(void)state;
	CHECK(sock_listen(S("127.0.0.1:0"), &fd, 1, &n, &why) == OK);
	snprintf(where, sizeof(where), "127.0.0.1:%d", sock_port(fd));
	CHECK(sock_listen(str_c(where), again, 2, &n, &why) == INTERNAL);
	CHECK(str_find_str(buf_str(&why), S("in use")) < why.n);
	snprintf(where, sizeof(where), "%d", sock_port(fd)); /* one family of both */
	CHECK(sock_listen(str_c(where), again, 2, &n, &why) == INTERNAL);
	close(fd);
	buf_done(&why);
}

static void
a_connection_knows_who_is_at_the_other_end(void **state)
{
	int fd, client, got, fds[2];
	size_t n;
	struct buf why = { 0 };
	struct peer to = { .family = AF_INET, .ip = { 127, 0, 0, 1 } }, from;
	struct pollfd wait;

	(void)state;
	CHECK(sock_listen(S("127.0.0.1:0"), &fd, 1, &n, &why) == OK);
	CHECK(sock_accept(fd, &from) == -1 && errno == EAGAIN);
	to.port = sock_port(fd);
	client = sock_connect_start(&to);
	CHECK(client >= 0);
	wait = (struct pollfd){ .fd = fd, .events = POLLIN };
	CHECK_INT(poll(&wait, 1, 2000), 1);
	got = sock_accept(fd, &from);
	CHECK(got >= 0);
	CHECK_INT(from.family, AF_INET);
	CHECK_INT(from.port, sock_port(client));
	CHECK(memcmp(from.ip, to.ip, 4) == 0);
	CHECK_INT(sock_error(client), 0);
	close(got);
	close(client);
	close(fd);
	client = sock_connect_start(&to); /* nobody listens any more */
	if (client >= 0) {
		wait = (struct pollfd){ .fd = client, .events = POLLOUT };
		CHECK_INT(poll(&wait, 1, 2000), 1);
		CHECK_INT(sock_error(client), ECONNREFUSED);
		close(client);
	} else {
		CHECK_INT(errno, ECONNREFUSED);
	}
	CHECK(sock_pair(fds) == OK);
	CHECK(write(fds[0], "x", 1) == 1);
	close(fds[0]);
	close(fds[1]);
	buf_done(&why);
}

static void
addresses_are_of_the_internet_or_of_a_lan(void **state)
{
	static const struct {
		const char *ip;
		unsigned bits;
		enum ip_reach reach;
	} cases[] = {
		{ "127.0.0.1", 32, IP_LOOPBACK },
		{ "127.0.0.0", 8, IP_LOOPBACK },
		{ "127.0.0.0", 7, IP_GLOBAL },
		{ "0.0.0.0", 0, IP_GLOBAL },
		{ "10.255.255.255", 32, IP_PRIVATE },
		{ "10.0.0.0", 7, IP_GLOBAL },
		{ "11.0.0.1", 32, IP_GLOBAL },
		{ "172.15.255.255", 32, IP_GLOBAL },
		{ "172.16.0.0", 32, IP_PRIVATE },
		{ "172.31.255.255", 32, IP_PRIVATE },
		{ "172.32.0.0", 32, IP_GLOBAL },
		{ "192.168.1.0", 24, IP_PRIVATE },
		{ "192.169.0.1", 32, IP_GLOBAL },
		{ "100.63.255.255", 32, IP_GLOBAL },
		{ "100.127.0.1", 32, IP_PRIVATE },
		{ "8.8.8.8", 32, IP_GLOBAL },
		{ "::1", 128, IP_LOOPBACK },
		{ "::", 0, IP_GLOBAL },
		{ "fd00::2", 128, IP_PRIVATE },
		{ "fe80::1", 128, IP_PRIVATE },
		{ "febf::1", 128, IP_PRIVATE },
		{ "fec0::1", 128, IP_GLOBAL },
		{ "2001:db8::1", 128, IP_PRIVATE },
		{ "2001:db9::1", 128, IP_GLOBAL },
	};

	(void)state;
	EACH(cases, c) {
		struct peer p;

		CHECK(peer_parse(str_c(c->ip), &p));
		CHECK_INT(ip_reach(p.ip, p.family == AF_INET ? 4 : 16, c->bits), c->reach);
	}
}

T_MAIN(T(addresses_are_of_the_internet_or_of_a_lan), T(an_address_has_one_spelling_and_a_key),
	T(peers_of_one_64_are_one_client), T(listening_where_one_is_told),
	T(a_port_in_use_is_refused_and_said_so), T(a_connection_knows_who_is_at_the_other_end))
