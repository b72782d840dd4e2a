/* client/inside.h - what the files of client.h know of each other */
#ifndef CLIENT_INSIDE_H
#define CLIENT_INSIDE_H

#include "client/client.h"

struct client {
	struct loop *loop;
	struct client_settings set;
	struct stream stream;
	bool open;      /* the stream was begun */
	bool over;      /* 421 was said, or something went wrong: nothing more can be said */
	bool dirty;     /* a transaction was begun and not ended: RSET first */
	bool encrypted; /* the handshake is done */
	struct arena arena;
	struct client_caps caps;
	struct client_why why;
	struct buf line, chunk;
};

/* Ends the conversation for a reason, which is printed like printf; gives `end` back. */
enum client_end client_fail(struct client *c, enum client_end end, enum client_phase phase,
	const struct smtp_answer *answer, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same, when the server's answer is the reason. */
enum client_end client_refused(struct client *c, enum client_phase phase, const struct smtp_answer *answer);
/* And when a call of rt gave f. */
enum client_end client_lost(struct client *c, enum client_phase phase, enum fault f);

/* Gathers a command; shown: what the trace sees instead, "" for the command itself. CLIENT_BROKEN: it has a control character in it. */
enum client_end client_say(struct client *c, enum client_phase phase, str command, str shown);
/* Sends what was gathered, waits for a reply. It may be any; 421 is remembered as the end. */
enum client_end client_hear(
	struct client *c, struct arena *a, enum client_phase phase, struct smtp_answer *ret);
/* Both. */
enum client_end client_command(struct client *c, struct arena *a, enum client_phase phase, str command,
	str shown, struct smtp_answer *ret);
void client_begin_phase(struct client *c, enum client_phase phase); /* sets the deadline */
void client_trace(struct client *c, char who, str line);
void client_note(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
