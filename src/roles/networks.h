/* roles/networks.h - lists of networks such as mynetworks: is this client one of them? */
#ifndef ROLES_NETWORKS_H
#define ROLES_NETWORKS_H

#include "base/arena.h"
#include "base/fault.h"
#include "rt/sock.h"

struct network {
	int family;
	unsigned char ip[16];
	unsigned bits;
};
struct networks {
	struct network *list;
	size_t n;
};
/* "192.0.2.0/24", "[2001:db8::]/32", a bare address. BAD_ARGUMENT; host bits beyond the mask are an error, as in Postfix. */
enum fault network_parse(str text, struct network *ret);
/* All of a list of main.cf; *ret_bad (may be NULL) is the first that is wrong. */
enum fault networks_parse(struct arena *a, const str *words, size_t n, struct networks *ret, str *ret_bad);
bool networks_have(const struct networks *l, const struct peer *p);

#endif
