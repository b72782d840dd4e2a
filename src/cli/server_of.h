/* cli/server_of.h - which server a message goes to */
#ifndef CLI_SERVER_OF_H
#define CLI_SERVER_OF_H

#include "cli/submit.h"

struct server {
	const char *path; /* of a unix socket; NULL: host and port */
	const char *host;
	uint16_t port;
	const char *name; /* whom its certificate should name */
	const char *
		ca; /* the certificate to trust: of the local server, when it has made one itself; NULL: the system's authorities */
	bool is_here;     /* on this machine: nobody can listen in */
	bool tls_at_once; /* port 465, or the local listen_submissions */
};
/* EX_OK, or said. Strings live in the arena or in how. */
int server_find(const struct submit *how, struct arena *a, struct server *ret);

#endif
