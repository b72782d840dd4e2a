/* cli/whom.h - addresses as people write them on a command line or in a header: "Ann <ann@a.test>, ben@b.test" */
#ifndef CLI_WHOM_H
#define CLI_WHOM_H

#include "cli/cli.h"
#include "client/client.h"
#include "mail/compose.h"

struct whom {
	struct compose_addr *addr;
	size_t n, room;
};
/* Appends those of text to *w, in the arena. what: "--to", for people. Where host is not NULL, a bare name is somebody there. EX_OK, or said. */
int whom_add(const char *verb, struct arena *a, const char *what, str text, const char *host, struct whom *w);
struct compose_list whom_list(const struct whom *w);
/* Appends w's addresses to recipients, each once. The domain is written in ASCII unless utf8. EX_OK, or said. */
struct rcpts {
	struct client_rcpt *rcpt;
	size_t n, room;
};
int whom_to_rcpts(const char *verb, struct arena *a, const struct whom *w, bool utf8, struct rcpts *ret);
/* An address of an envelope. */
int whom_envelope(const char *verb, struct arena *a, str address, bool utf8, str *ret);

/* Who calls, at this machine: "ann@laptop.example". host NULL: the machine's name. */
str whom_me(struct arena *a, const char *host);
str whom_host(struct arena *a);
/* For Message-ID: random, at the domain of that address. */
str whom_message_id(struct arena *a, str address);
void whom_noise(void *p, size_t n); /* random bytes, or the end of the process */
/* Now, here. */
int64_t whom_now(int *ret_zone_min);

#endif
