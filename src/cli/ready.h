/* cli/ready.h - a message that is ready: from a file or standard input
 * Read once to know it (its size with CRLF line ends, whether it has octets above 127), and again while it is sent; what comes from a pipe waits in
 * a temporary file without a name. Its header may be mended on the way: Bcc taken off, what is missing put before it. */
#ifndef CLI_READY_H
#define CLI_READY_H

#include "cli/whom.h"

struct ready_wish {
	const char *verb;
	const char *path;      /* "-": standard input */
	bool dot_ends;         /* a line that is a dot ends it (sendmail without -i) */
	bool take_recipients;  /* from To, Cc and Bcc; and Bcc goes */
	bool add_missing;      /* Date, Message-ID, From */
	const char *from_name; /* for a From that is missing */
	str from;              /* the same, and for Message-ID */
	const char *host;      /* of bare names in To, Cc, Bcc; NULL: they are an error */
};
struct ready;

/* EX_OK, or said. */
int ready_open(struct arena *a, const struct ready_wish *wish, struct ready **ret);
void ready_close(struct ready *r); /* calm with NULL */

/* What is known of it then. */
uint64_t ready_size(const struct ready *r);
bool ready_is_eight_bit(const struct ready *r);
bool ready_is_utf8(const struct ready *r); /* octets above 127 in the header */
str ready_message_id(const struct ready *r);
const struct whom *ready_recipients(const struct ready *r);
str ready_sender(const struct ready *r); /* the address of From; "": none */

/* As struct client_message wants it. */
enum fault ready_next(void *ready, str *ret_piece);
enum fault ready_rewind(void *ready);

#endif
