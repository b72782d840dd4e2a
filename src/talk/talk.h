/* talk/talk.h - the messages roles send each other: structs, their codec, and who may say what to whom
 * talk/messages.def is the table. Both sides check: talk_may_say before a handler runs, talk_take_* for every field. */
#ifndef TALK_TALK_H
#define TALK_TALK_H

#include "talk/codec.h"

enum {
	TALK_MASTER = 1,
	TALK_STORE = 2,
	TALK_VAULT = 4,
	TALK_SMTP = 8,
	TALK_LOGIN = 16,
	TALK_POP3 = 32,
	TALK_ADMIN = 64, /* the command line, through the control socket */
	TALK_IMAP = 128,
	TALK_ALL = TALK_STORE | TALK_VAULT | TALK_SMTP | TALK_LOGIN | TALK_POP3 | TALK_IMAP
};
const char *talk_role_name(unsigned role); /* "smtp" */

/* The frame types: TALK_ASK_name wants an answer, TALK_SAY_name does not. Answers carry the type of their question. */
enum talk_type {
	TALK_NOTHING,
#define MESSAGE(name, fields)
#define CALL(question, answer, from, to) TALK_ASK_##question,
#define TELL(name, from, to)             TALK_SAY_##name,
#include "talk/messages.def"
#undef MESSAGE
#undef CALL
#undef TELL
	TALK_TYPES
};
const char *talk_type_name(uint16_t type);
/* May `from` send this frame to `to`, and does it want an answer? */
bool talk_may_say(uint16_t type, unsigned from, unsigned to, bool *ret_wants_answer);

#define FIELD(type, name) talk_##type name;
#define MESSAGE(message, fields)                                                                             \
	struct talk_##message {                                                                              \
		fields                                                                                       \
	};                                                                                                   \
	void talk_put_##message(struct buf *b, const struct talk_##message *m);                              \
	bool talk_take_##message(str *in, struct talk_##message *ret);                                       \
	/* the whole of a payload: nothing may follow */                                                     \
	bool talk_read_##message(str payload, struct talk_##message *ret);
#define CALL(question, answer, from, to)
#define TELL(name, from, to)
#include "talk/messages.def"
#undef FIELD
#undef MESSAGE
#undef CALL
#undef TELL

#endif
