#include "rt/sock.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, TRIES = 16, MOST_TEXT = 64 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage room;
};

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void
set_ip6(struct peer *p, const void *ip)
{
	bool is_mapped = memcmp(ip, mapped, sizeof(mapped)) == 0;

	p->family = is_mapped ? AF_INET : AF_INET6;
	if (is_mapped)
		memcpy(p->ip, (const char *)ip + sizeof(mapped), 4);
	else
		memcpy(p->ip, ip, 16);
}

void
peer_of(const struct sockaddr *sa, socklen_t n, struct peer *ret)
{
	union address a = { 0 };

	memcpy(&a, sa, MIN((size_t)n, sizeof(a)));
	*ret = (struct peer){ .family = AF_UNIX };
	if (a.any.sa_family == AF_INET) {
		ret->family = AF_INET;
		ret->port = ntohs(a.in.sin_port);
		memcpy(ret->ip, &a.in.sin_addr, 4);
	} else if (a.any.sa_family == AF_INET6) {
		set_ip6(ret, &a.in6.sin6_addr);
		ret->port = ntohs(a.in6.sin6_port);
	}
}

void
peer_of_ip6(const unsigned char ip[16], struct peer *ret)
{
	*ret = (struct peer){ 0 };
	set_ip6(ret, ip);
}

bool
peer_parse(str text, struct peer *ret)
{
	char c[MOST_TEXT];
	unsigned char ip[16];

	if (text.n == 0 || text.n >= sizeof(c) || memchr(text.p, 0, text.n))
		return false;
	memcpy(c, text.p, text.n);
	c[text.n] = 0;
	if (inet_pton(AF_INET, c, ip) == 1) {
		*ret = (struct peer){ .family = AF_INET };
		memcpy(ret->ip, ip, 4);
		return true;
	}
	if (inet_pton(AF_INET6, c, ip) != 1)
		return false;
	*ret = (struct peer){ 0 };
	set_ip6(ret, ip);
	return true;
}

str
peer_text(struct arena *a, const struct peer *p)
{
	char c[INET6_ADDRSTRLEN];

	if (p->family == AF_UNSPEC)
		return S("unknown");
	if (p->family == AF_UNIX || !inet_ntop(p->family, p->ip, c, sizeof(c)))
		return S("local");
	return arena_str(a, str_c(c));
}

void
peer_client_key(const struct peer *p, unsigned char ret[9])
{
	memset(ret, 0, 9);
	if (p->family == AF_INET) {
		ret[0] = 4;
		memcpy(ret + 1, p->ip, 4);
	} else if (p->family == AF_INET6) {
		ret[0] = 6;
		memcpy(ret + 1, p->ip, 8);
	}
}

static socklen_t
address_of(const struct peer *p, union address *ret)
{
	*ret = (union address){ 0 };
	if (p->family == AF_INET) {
		ret->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(p->port) };
		memcpy(&ret->in.sin_addr, p->ip, 4);
		return sizeof(ret->in);
	}
	ret->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(p->port) };
	memcpy(&ret->in6.sin6_addr, p->ip, 16);
	return sizeof(ret->in6);
}

static void
no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
		sizeof(on)); /* fails on AF_UNIX, where nothing is delayed */
}

/* -1 with errno */
static int
listen_at(const struct peer *p)
{
	union address a;
	socklen_t n = address_of(p, &a);
	int on = 1, saved;
	int fd = socket(p->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (p->family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &a.any, n) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

uint16_t
sock_port(int fd)
{
	union address a = { 0 };
	socklen_t n = sizeof(a);
	struct peer p;

	if (getsockname(fd, &a.any, &n) != 0)
		return 0;
	peer_of(&a.any, n, &p);
	return p.port;
}

/* Both families at one port. Where the kernel chooses, its choice for one may be taken in the other: try again. */
static enum fault
listen_everywhere(uint16_t port, int *ret_fds, size_t room, size_t *ret_count)
{
	for (int tries = 0; tries < TRIES; tries++) {
		struct peer p6 = { .family = AF_INET6, .port = port },
			    p4 = { .family = AF_INET, .port = port };
		int fd6 = room > 1 ? listen_at(&p6) : -1, fd4;

		if (room > 1 && fd6 < 0 && errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
			return INTERNAL;
		if (fd6 >= 0)
			p4.port = sock_port(fd6);
		fd4 = listen_at(&p4);
		if (fd4 >= 0) {
			size_t count = 0;
			ret_fds[count++] = fd4;
			if (fd6 >= 0)
				ret_fds[count++] = fd6;
			*ret_count = count;
			return OK;
		}
		if (fd6 >= 0) {
			int saved = errno;
			close(fd6);
			errno = saved;
		}
		if (port != 0 || errno != EADDRINUSE)
			break;
	}
	return INTERNAL;
}

/* "25", "*:25": *ret_everywhere. "127.0.0.1:25", "[::1]:25": *ret. */
static bool
parse_where(str where, struct peer *ret, bool *ret_everywhere)
{
	size_t colon = str_rfind(where, ':');
	str host = colon < where.n ? str_sub(where, 0, colon) : S("*");
	str port = colon < where.n ? str_from(where, colon + 1) : where;
	struct peer p = { 0 };
	uint64_t number;

	if (port.n > 5 || !str_to_u64(port, 65535, &number))
		return false;
	*ret_everywhere = str_eq(host, S("*"));
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		if (!peer_parse(str_sub(host, 1, host.n - 2), &p) || p.family != AF_INET6)
			return false;
	} else if (!*ret_everywhere && (!peer_parse(host, &p) || p.family != AF_INET)) {
		return false;
	}
	p.port = (uint16_t)number;
	*ret = p;
	return true;
}

/* A socket that nobody listens at was left behind by one that was killed, and gives way. -1 with errno */
static int
listen_unix(str path)
{
	union address a = { .un = { .sun_family = AF_UNIX } };
	mode_t mask;
	int fd, saved;

	if (path.n >= sizeof(a.un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.un.sun_path, path.p, path.n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, &a.any, sizeof(a.un)) != 0 && errno == ECONNREFUSED)
		(void)unlink(a.un.sun_path);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	mask = umask(0111);
	saved = bind(fd, &a.any, sizeof(a.un)) == 0 && listen(fd, BACKLOG) == 0 ? 0 : errno;
	(void)umask(mask);
	if (saved == 0)
		return fd;
	close(fd);
	errno = saved;
	return -1;
}

enum fault
sock_listen(str where, int *ret_fds, size_t room, size_t *ret_count, struct buf *why)
{
	struct peer p;
	bool everywhere;
	enum fault f;
	int fd;

	if (room > 0 && str_take(&where, S("unix:"))) {
		ret_fds[0] = listen_unix(where);
		if (ret_fds[0] >= 0) {
			*ret_count = 1;
			return OK;
		}
		buf_printf(why, "cannot listen on %.*s: %s", STR_ARG(where), strerror(errno));
		return INTERNAL;
	}
	if (room == 0 || !parse_where(where, &p, &everywhere)) {
		buf_printf(why, "%.*s is no PORT, ADDRESS:PORT or [ADDRESS]:PORT",
			STR_ARG(str_sub(where, 0, 200)));
		return BAD_ARGUMENT;
	}
	if (everywhere) {
		f = listen_everywhere(p.port, ret_fds, room, ret_count);
	} else {
		fd = listen_at(&p);
		f = fd < 0 ? INTERNAL : OK;
		if (fd >= 0) {
			ret_fds[0] = fd;
			*ret_count = 1;
		}
	}
	if (f != OK)
		buf_printf(why, "cannot listen on %.*s: %s", STR_ARG(where), strerror(errno));
	return f;
}

int
sock_accept(int fd, struct peer *ret)
{
	union address a = { 0 };
	socklen_t n;
	int got;

	do {
		n = sizeof(a);
		got = accept4(fd, &a.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (got < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (got < 0)
		return -1;
	peer_of(&a.any, n, ret);
	if (ret->family != AF_UNIX)
		no_delay(got);
	return got;
}

int
sock_connect_start(const struct peer *to)
{
	union address a;
	socklen_t n = address_of(to, &a);
	int saved, fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	no_delay(fd);
	if (connect(fd, &a.any, n) == 0 || errno == EINPROGRESS)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
sock_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return errno;
	return error;
}

enum fault
sock_pair(int ret[2])
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return INTERNAL;
	ret[0] = fds[0];
	ret[1] = fds[1];
	return OK;
}
