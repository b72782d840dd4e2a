/* cli/hand.h - the helper process of `mailbox import`, which reads foreign mail
 * Who parses what strangers wrote holds nothing: a child is forked before the state directory is opened. It keeps the rights of whoever
 * called (root may read everybody's mail) but closes itself in (rt/jail.h): it can read below the source and nothing else, open no
 * socket, start nothing, write no file. It walks the source, makes each message what it is stored as (CRLF, the email row) and hands it over
 * a socket pair. The parent believes nothing of it: every frame is decoded as strictly as those between roles. */
#ifndef CLI_HAND_H
#define CLI_HAND_H

#include "base/arena.h"
#include "cli/cli.h"
#include "mail/mbox.h"
#include "talk/codec.h"

#include <sys/types.h>

/* clang-format off */
/* What the helper says. An item is followed by its `size` octets of message. done, total: how far it is, in messages or octets. */
#define HAND_MESSAGES \
	MESSAGE(folder,  FIELD(str, mailbox)) \
	MESSAGE(item,    FIELD(str, name) FIELD(u32, flags) FIELD(str, keywords) FIELD(i64, received_ms) FIELD(i64, sent_ms) \
			 FIELD(u64, message_id_key) FIELD(str, references) FIELD(bool, dot_lines) FIELD(u64, once) FIELD(str, row) \
			 FIELD(u64, size) FIELD(u64, done) FIELD(u64, total)) \
	MESSAGE(trouble, FIELD(str, name) FIELD(str, text) FIELD(bool, fatal)) \
	MESSAGE(end,     FIELD(u64, items))
#define FIELD(type, name) talk_##type name;
#define MESSAGE(message, fields) struct hand_##message { fields };
HAND_MESSAGES
#undef MESSAGE
#undef FIELD
/* clang-format on */

enum hand_kind { HAND_FOLDER = 1, HAND_ITEM, HAND_TROUBLE, HAND_END };
enum { HAND_FRAME_MOST = 4 << 20 /* without the message's octets */ };
#define HAND_MESSAGE_MOST ((size_t)1 << 30)

struct hand_heard {
	enum hand_kind kind;
	union {
		struct hand_folder folder;
		struct hand_item item;
		struct hand_trouble trouble;
		struct hand_end end;
	};
};

/* What is read: a Maildir or an mbox, as it looks. */
struct hand_source {
	const char *path;
	str into; /* the mailbox it goes to, and below which its folders go; empty: INBOX, and they as they are */
	enum mbox_kind kind;
};

/* ---- the parent's side ---- */

struct hand;
/* Forks the helper. EX_OK, or said. */
int hand_start(const char *verb, const struct hand_source *source, struct hand **ret);
/* One that speaks over fd, which is taken over; pid 0: none that we started (a test). */
struct hand *hand_of(const char *verb, pid_t pid, int fd);
/* The next word; strings live until the one after it. False: the helper is gone or says nonsense (said). Items want hand_body until
 * their octets are all taken. */
bool hand_next(struct hand *h, struct hand_heard *ret);
bool hand_body(struct hand *h, struct buf *ret, size_t most); /* appends up to `most` of the octets left */
/* Ends the helper; true: it had come to its end well. */
bool hand_end(struct hand *h);

/* ---- the helper's side: hand_read.c ---- */

struct hand_out;
void hand_say_folder(struct hand_out *o, const struct hand_folder *m);
void hand_say_item(struct hand_out *o, const struct hand_item *m, str message);
void hand_say_trouble(struct hand_out *o, const char *name, const char *text, bool fatal);
void hand_read(struct hand_out *o, const struct hand_source *source); /* all of it */

/* Dovecot's and mbox's words for flags, as keywords: separated by LF. */
void hand_add_keyword(struct buf *list, str name);

#endif
