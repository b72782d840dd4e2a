/* rt/sock.h - listeners and peers' addresses */
#ifndef RT_SOCK_H
#define RT_SOCK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Who is at the other end. IPv4-mapped IPv6 is turned into IPv4 at once, so that rules see one spelling. */
struct peer {
	int family; /* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC: a proxy that speaks for it does not know */
	unsigned char ip[16];
	uint16_t port;
};
void peer_of(const struct sockaddr *sa, socklen_t n, struct peer *ret);
void peer_of_ip6(const unsigned char ip[16], struct peer *ret); /* port 0 */
bool peer_parse(
	str text, struct peer *ret); /* an address without port, IPv6 without brackets and without zone */
str peer_text(struct arena *a,
	const struct peer *p); /* 192.0.2.1, 2001:db8::1, "local" for AF_UNIX, "unknown" for AF_UNSPEC */
/* The client a limit counts: 4 and the IPv4 address, 6 and the IPv6 /64, or zeroes for AF_UNIX. */
void peer_client_key(const struct peer *p, unsigned char ret[9]);

/* Can anybody on the internet have the addresses of this network (4 or 16 bytes, so many bits of them)? RFC 6890 and what came after it. PRIVATE:
 * of a LAN, of documentation, or otherwise nobody's; a network that is only partly special is GLOBAL. */
enum ip_reach { IP_GLOBAL, IP_PRIVATE, IP_LOOPBACK };
enum ip_reach ip_reach(const unsigned char *ip, size_t bytes, unsigned bits);

/* "25", "127.0.0.1:25", "[::1]:25", "*:25", "unix:/path" (for everybody who can reach it): the listening sockets (both families, where the system has both, for a bare port or *).
 * Port 0 lets the kernel choose, the same for both families. *ret_fds gets at most `room` descriptors, non-blocking,
 * close-on-exec, backlog 1024. Faults, and *why says what failed: BAD_ARGUMENT (not such a text), INTERNAL (the system refused). */
enum fault sock_listen(str where, int *ret_fds, size_t room, size_t *ret_count, struct buf *why);
uint16_t sock_port(int fd);                /* it is bound to; 0: none */
int sock_accept(int fd, struct peer *ret); /* non-blocking, TCP_NODELAY; -1 with errno */
/* A non-blocking connect under way (READY_OUT tells that it has ended, sock_error how), TCP_NODELAY; -1 with errno. */
int sock_connect_start(const struct peer *to);
int sock_error(int fd); /* takes the socket's pending error: 0 or an errno */
/* A stream socket pair, both ends non-blocking and close-on-exec. */
enum fault sock_pair(int ret[2]);

#endif
