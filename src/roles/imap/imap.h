/* roles/imap/imap.h - IMAP after login: RFC 3501 with the extensions of caps.h
 * A session begins as POP3's does (roles/handover.h). It reads from the mapped index, each look in a snapshot of its own that no network wait sees,
 * and asks `store` for every change; what it asked for it waits to see (imap_catch_up). Between commands it is parked: its struct, and four octets a
 * message of the mailbox it has selected. In IDLE it is parked too, and woken by the store's notices (roles/notices.h). */
#ifndef ROLES_IMAP_IMAP_H
#define ROLES_IMAP_IMAP_H

#include "mail/charset.h"
#include "mail/email.h"
#include "roles/askers.h"
#include "roles/handover.h"
#include "roles/notices.h"
#include "roles/reading.h"
#include "rt/stream.h"
#include "wire/imap.h"
#include "wire/imap_out.h"

enum {
	IMAP_STORE_MS = 60000,       /* how long the store may take to answer */
	IMAP_TEXT = 1024 * 1024,     /* octets of a command with its literals */
	IMAP_ENOUGH = 64 * 1024,     /* gathered output beyond this goes out before more is made */
	IMAP_BATCH = 64,             /* messages looked at in one snapshot */
	IMAP_RANGES = 40000,         /* of one request: fits a frame */
	IMAP_ERRORS = 50,            /* bad commands in a row before the connection is closed */
	IMAP_LARGE_BODY = 256 * 1024 /* appended messages beyond this go to the store in pieces */
};

struct imap {
	struct role *role;
	struct chan store, vault;
	struct askers logins;
	struct handovers handovers;
	struct reading reading;
	struct notices notices;
	struct charset_stock *stock;
	struct charset_reader *charsets;
	struct email_builder *builder; /* a spare one, or NULL */
	struct link sessions;
	int64_t timeout_ms;
	uint64_t size_limit;
};

struct imap_session;
/* The selected mailbox as the client knows it: message number i has uids[i - 1]. */
struct imap_box {
	struct imap_session *session;
	uint32_t mailbox, uidvalidity;
	bool read_only;
	uint32_t *uids;
	uint32_t n, room;
	uint64_t modseq; /* changes up to here were told */
	uint64_t gone;   /* expunges up to here were told; not above modseq */
	uint64_t
		silent; /* changes of just this modseq need not be told: the client asked for that (.SILENT) */
	struct subscription subscription;
};

struct imap_session {
	struct stream stream;
	struct link link;
	struct imap *imap;
	struct log log;
	char id[24];
	char *client, *address;
	unsigned char client_key[9];
	bool counted, tls, parked, closing, condstore;
	bool wrote;    /* the store was asked for a change that the index may not show yet */
	bool news;     /* the store told of a change of the selected mailbox */
	char *idling;  /* tag of the IDLE under way; NULL */
	unsigned mode; /* IMAP_MODE_* */
	uint8_t errors;
	uint32_t account;
	struct imap_box *box; /* NULL: none selected */
	char *keywords[STORE_KEYWORDS];
	uint64_t fetched, expunged, appended; /* for the log */
};

/* imap_role.c: the role without its jail and its loop. */
struct imap *imap_new(struct role *r);
void imap_free(struct imap *i);

/* session.c */
void imap_session_start(void *imap, int fd, const struct talk_handover *m, uint32_t account, str address);
void imap_session_drain(struct imap_session *s); /* the server goes down: who waits for nothing is told */
int64_t imap_due(const struct imap_session *s);
bool imap_ends_connection(enum fault f);
/* Waits for the client to take what is gathered when that is more than enough. */
enum fault imap_relieve(struct imap_session *s);
/* n octets of a literal, given to fn in pieces as they come. Waits. */
enum fault imap_take_octets(struct imap_session *s, uint64_t n, void (*fn)(void *ctx, str piece), void *ctx);
void imap_notice_came(struct subscription *sub, const struct notice *n);

/* commands.c: one command. Its tagged answer is made here, whatever it comes to; what ends the connection is passed up. */
enum fault imap_command_run(struct imap_session *s, struct arena *a, const struct imap_command *c);
void imap_add_capabilities(struct imap_session *s);

/* ask.c: what the store is asked for. They wait. */
enum fault imap_ask(
	struct imap_session *s, uint16_t type, const struct buf *payload, struct arena *a, str *ret);
/* Everything the store has acknowledged can be read from here on. */
enum fault imap_catch_up(struct imap_session *s);
/* Ranges of uids as a talk list, from *at on, as many as one request holds. */
void imap_put_ranges(struct buf *b, const struct imap_range *r, size_t n, size_t *at);
enum fault imap_change_flags(struct imap_session *s, struct arena *a, const struct imap_range *r, size_t n,
	enum imap_change how, const struct imap_flags *flags, uint64_t unchanged_since,
	struct buf *ret_modified);
enum fault imap_expunge(struct imap_session *s, struct arena *a, const struct imap_range *r, size_t n);

/* box.c: message numbers and uids */
enum fault imap_box_read(struct imap_session *s, struct store_view *v, const struct store_mailbox *m);
void imap_box_close(struct imap_session *s);                      /* calm when none is selected */
uint32_t imap_box_number(const struct imap_box *b, uint32_t uid); /* 0: the client does not know it */
uint32_t imap_box_lowest(const struct imap_box *b, uint32_t uid); /* index of the first uid >= uid; n: none */
/* The uids, among those the client knows, of a set of message numbers or of uids; ascending ranges in the arena. BAD_ARGUMENT: a number
 * beyond the last message. */
enum fault imap_box_set(const struct imap_box *b, struct arena *a, const struct imap_set *set, bool by_uid,
	struct imap_range **ret, size_t *ret_n);

/* sync.c: what changed is told. Expunges only where the client may hear of them (RFC 9051 7.5.1). */
enum fault imap_sync(struct imap_session *s, bool may_expunge);
/* "(\Seen $Junk)" of an entry. The names of keywords are looked up in v once a session. */
void imap_learn_keywords(struct imap_session *s, struct store_view *v, uint64_t bits);
void imap_entry_flags_add(struct imap_session *s, const struct store_entry *e);
enum fault imap_keyword_bits(
	struct imap_session *s, const struct imap_flags *flags, bool make, uint64_t *ret_bits);

/* A mailbox by the name the client gave. NOT_FOUND. */
enum fault imap_find_mailbox(struct imap_session *s, str name, struct store_mailbox *ret);

/* The commands; the text of the tagged OK may be set. A fault is told as NO or BAD. */
struct imap_reply {
	str code, text;
};
typedef enum fault imap_handler(
	struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret);
/* select.c */
imap_handler imap_cmd_select, imap_cmd_close, imap_cmd_unselect, imap_cmd_status;
/* mailboxes.c */
imap_handler imap_cmd_create, imap_cmd_delete, imap_cmd_rename, imap_cmd_subscribe;
/* list.c */
imap_handler imap_cmd_list;
/* fetch.c */
imap_handler imap_cmd_fetch;
/* store.c */
imap_handler imap_cmd_store, imap_cmd_expunge, imap_cmd_copy;
/* search.c */
imap_handler imap_cmd_search;
/* append.c: reads its literals itself. args: what follows the verb. */
enum fault imap_append(struct imap_session *s, struct arena *a, str tag, str args);

/* fetch_body.c: BODY[section] and its kin of one message, as "BODY[] {n}\r\n...". */
enum fault imap_section_send(struct imap_session *s, struct arena *a, const struct store_entry *entry,
	struct store_email *email, const struct email *row, const struct imap_fetch_item *item);
/* The octets of a span of a message, into memory; at most `most`. Waits. */
enum fault imap_span_load(struct imap_session *s, struct store_email *email, uint64_t at, uint64_t size,
	uint64_t most, struct buf *ret);

/* status.c: "* STATUS name (...)" */
void imap_status_add(struct imap_session *s, const struct store_mailbox *m, unsigned items);
/* search_text.c: does the message hold the text? needle: folded (imap_fold). Waits. */
struct imap_message {
	struct store_entry entry;
	struct store_email email; /* kept; email.email 0: not loaded */
	struct email row;
	bool has_row;
};
void imap_fold(struct buf *b, str utf8);
enum fault imap_text_holds(struct imap_session *s, struct arena *a, struct imap_message *m,
	const struct imap_search_key *k, bool *ret);

#endif
