/* wire/imap.h - the language of IMAP, the server's side: what a client says becomes a struct
 * IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) with the extensions named at each struct. What we answer is in wire/imap_out.h. Pure.
 *
 * A command is lines and literals. The caller reads a line; while it ends by announcing a literal (imap_literal_of) the caller says
 * "+ " when the client waits for it, reads the octets and the next line. All of it, line ends and literals as they came but without
 * the last CRLF, is the text that imap_command_parse takes. How much text it is willing to gather is the caller's business; APPEND
 * and REPLACE are read in steps (imap_append_*), so that their messages need not be gathered. */
#ifndef WIRE_IMAP_H
#define WIRE_IMAP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

enum {
	IMAP_LINE = 65536,      /* octets of a line that clients may need (RFC 7162 4) */
	IMAP_DEPTH = 60,        /* of parentheses and search keys within each other */
	IMAP_KEYS = 5000,       /* search keys of one command */
	IMAP_ITEMS = 1000,      /* of one list: FETCH items, patterns, keywords */
	IMAP_SET_ITEMS = 200000 /* ranges of one sequence set */
};

/* ---- literals: RFC 9051 4.3, RFC 7888, RFC 3516 4.4 ---- */
struct imap_literal {
	uint64_t size;
	bool sync;   /* the client waits for our "+ " */
	bool binary; /* ~{n}: may hold NUL */
};
/* Does this line, without its CRLF, end by announcing a literal? True also for one whose number is too large for 63 bits: then
 * size is UINT64_MAX. */
bool imap_literal_of(str line, struct imap_literal *ret);

/* ---- sets of numbers: RFC 9051 9, RFC 5182 ---- */
enum { IMAP_STAR = UINT32_MAX }; /* "*": the largest number there is */
struct imap_range {
	uint32_t first, last; /* as written: 5:2 and *:1 are left so */
};
struct imap_set {
	const struct imap_range *ranges;
	size_t n;
	bool saved; /* "$": the result of the last SEARCH RETURN (SAVE) */
};
/* The numbers of the set when `largest` is the largest there is (0: there are none): ascending, disjoint, not touching. In the arena. Numbers
 * above `largest` stay: only "*" depends on it. */
void imap_set_resolve(struct arena *a, const struct imap_set *set, uint32_t largest, struct imap_range **ret,
	size_t *ret_n);

/* ---- flags: RFC 9051 2.3.2 ---- */
enum { /* the bits of store/store.h */
	IMAP_SEEN = 1,
	IMAP_ANSWERED = 2,
	IMAP_FLAGGED = 4,
	IMAP_DELETED = 8,
	IMAP_DRAFT = 16
};
struct imap_flags {
	uint32_t bits;       /* IMAP_SEEN ... */
	const str *keywords; /* as written; each once, letter case apart */
	size_t keyword_count;
};

/* ---- commands ---- */
enum imap_verb {
	IMAP_UNKNOWN,
#define IMAP_VERB(name, word, args) IMAP_##name,
#include "wire/imap_verbs.def"
#undef IMAP_VERB
	IMAP_VERBS
};

/* FETCH. RFC 9051 6.4.5; BINARY RFC 3516; MODSEQ RFC 7162; EMAILID, THREADID RFC 8474; SAVEDATE RFC 8514; PREVIEW RFC 8970. */
enum imap_item {
	IMAP_ITEM_FLAGS,
	IMAP_ITEM_UID,
	IMAP_ITEM_INTERNALDATE,
	IMAP_ITEM_SIZE,
	IMAP_ITEM_ENVELOPE,
	IMAP_ITEM_BODYSTRUCTURE,
	IMAP_ITEM_BODY, /* BODYSTRUCTURE without its extension data */
	IMAP_ITEM_MODSEQ,
	IMAP_ITEM_SAVEDATE,
	IMAP_ITEM_EMAILID,
	IMAP_ITEM_THREADID,
	IMAP_ITEM_PREVIEW,
	IMAP_ITEM_SECTION,     /* BODY[...] */
	IMAP_ITEM_BINARY,      /* BINARY[...] */
	IMAP_ITEM_BINARY_SIZE, /* BINARY.SIZE[...] */
	IMAP_ITEM_RFC822,      /* IMAP4rev1's spellings of BODY[], BODY.PEEK[HEADER], BODY[TEXT] */
	IMAP_ITEM_RFC822_HEADER,
	IMAP_ITEM_RFC822_TEXT
};
struct imap_section {
	const uint32_t *path; /* part numbers, each at least 1 */
	size_t path_n;
	enum imap_text {
		IMAP_TEXT_ALL, /* nothing named */
		IMAP_TEXT_HEADER,
		IMAP_TEXT_FIELDS,
		IMAP_TEXT_FIELDS_NOT,
		IMAP_TEXT_TEXT,
		IMAP_TEXT_MIME
	} text;
	const str *fields; /* as written */
	size_t field_n;
};
struct imap_fetch_item {
	enum imap_item item;
	bool peek; /* does not set \Seen */
	bool lazy; /* PREVIEW (LAZY) */
	struct imap_section section;
	bool has_partial; /* <offset.count> */
	uint32_t offset, count;
};
struct imap_partial { /* RFC 9394: the results first to last, counted from the end when negative; both of one sign */
	bool given;
	int64_t first, last;
};
struct imap_fetch {
	struct imap_set set;
	const struct imap_fetch_item *items;
	size_t item_n;
	bool has_changed_since, vanished; /* RFC 7162 3.1.4.1, 3.2.6 */
	uint64_t changed_since;
	struct imap_partial partial;
};

/* STORE. RFC 9051 6.4.6, RFC 7162 3.1.3. */
struct imap_store {
	struct imap_set set;
	bool has_unchanged_since;
	uint64_t unchanged_since;
	enum imap_change { IMAP_CHANGE_REPLACE, IMAP_CHANGE_ADD, IMAP_CHANGE_REMOVE } change;
	bool silent;
	struct imap_flags flags;
};

/* SEARCH, SORT, THREAD, ESEARCH. RFC 9051 6.4.4; RFC 5256, 5957; RFC 4731, 5182, 5267, 9394; RFC 5032, 7162, 8474, 8514; RFC 7377. */
enum imap_key {
	IMAP_KEY_ALL,
	IMAP_KEY_AND, /* all of the children */
	IMAP_KEY_OR,
	IMAP_KEY_NOT,
	IMAP_KEY_SEQUENCE, /* set, message numbers (or "$") */
	IMAP_KEY_UID,
	IMAP_KEY_FLAG,    /* number: the bit */
	IMAP_KEY_KEYWORD, /* text */
	IMAP_KEY_RECENT,  /* nothing is recent: RFC 9051 has no \Recent */
	IMAP_KEY_LARGER,  /* number */
	IMAP_KEY_SMALLER,
	IMAP_KEY_BEFORE, /* number: days since 1970; of INTERNALDATE */
	IMAP_KEY_ON,
	IMAP_KEY_SINCE,
	IMAP_KEY_SENT_BEFORE, /* of the Date header */
	IMAP_KEY_SENT_ON,
	IMAP_KEY_SENT_SINCE,
	IMAP_KEY_SAVED_BEFORE,
	IMAP_KEY_SAVED_ON,
	IMAP_KEY_SAVED_SINCE,
	IMAP_KEY_SAVEDATE_SUPPORTED,
	IMAP_KEY_OLDER, /* number: seconds; of INTERNALDATE */
	IMAP_KEY_YOUNGER,
	IMAP_KEY_MODSEQ, /* number: at least */
	IMAP_KEY_EMAILID,
	IMAP_KEY_THREADID, /* text */
	IMAP_KEY_HEADER,   /* field, text */
	IMAP_KEY_FROM,     /* text, in the field of that name */
	IMAP_KEY_TO,
	IMAP_KEY_CC,
	IMAP_KEY_BCC,
	IMAP_KEY_SUBJECT,
	IMAP_KEY_BODY,
	IMAP_KEY_TEXT
};
struct imap_search_key {
	enum imap_key key;
	struct imap_search_key *children, *next; /* of AND, OR, NOT; siblings */
	struct imap_set set;
	uint64_t number;
	str field, text; /* text in the charset that was named */
};
enum { /* RETURN options */
	IMAP_RETURN_MIN = 1,
	IMAP_RETURN_MAX = 2,
	IMAP_RETURN_ALL = 4,
	IMAP_RETURN_COUNT = 8,
	IMAP_RETURN_SAVE = 16,
	IMAP_RETURN_UPDATE = 32,
	IMAP_RETURN_CONTEXT = 64,
	IMAP_RETURN_PARTIAL = 128
};
struct imap_sort_key {
	enum imap_sort {
		IMAP_SORT_ARRIVAL,
		IMAP_SORT_CC,
		IMAP_SORT_DATE,
		IMAP_SORT_FROM,
		IMAP_SORT_SIZE,
		IMAP_SORT_SUBJECT,
		IMAP_SORT_TO,
		IMAP_SORT_DISPLAYFROM,
		IMAP_SORT_DISPLAYTO
	} key;
	bool reverse;
};
struct imap_source { /* of ESEARCH IN (...) */
	enum imap_where {
		IMAP_SELECTED,
		IMAP_INBOXES,
		IMAP_PERSONAL,
		IMAP_SUBSCRIBED,
		IMAP_SUBTREE,
		IMAP_SUBTREE_ONE,
		IMAP_MAILBOXES,
		IMAP_SELECTED_DELAYED /* NOTIFY only */
	} where;
	const str *mailboxes; /* SUBTREE, SUBTREE_ONE, MAILBOXES */
	size_t mailbox_n;
};
struct imap_search {
	const struct imap_source *sources; /* ESEARCH IN: else none */
	size_t source_n;
	bool extended;   /* RETURN was said: the answer is an ESEARCH */
	unsigned wanted; /* IMAP_RETURN_*; RETURN () is ALL */
	struct imap_partial partial;
	str charset; /* as written; "" = none: US-ASCII, or UTF-8 where that is enabled */
	const struct imap_sort_key *sort;
	size_t sort_n;
	enum imap_thread { IMAP_THREAD_ORDEREDSUBJECT, IMAP_THREAD_REFERENCES, IMAP_THREAD_REFS } thread;
	struct imap_search_key *key;
};

/* LIST, LSUB, XLIST. RFC 9051 6.3.9, RFC 5258, 5819, 6154, 8440, 9208. Names of mailboxes are UTF-8, INBOX in upper case, everywhere. */
enum {
	IMAP_LIST_SUBSCRIBED = 1, /* selection and return options */
	IMAP_LIST_REMOTE = 2,
	IMAP_LIST_RECURSIVE = 4,
	IMAP_LIST_SPECIAL_USE = 8,
	IMAP_LIST_CHILDREN = 16, /* return options */
	IMAP_LIST_STATUS = 32,
	IMAP_LIST_MYRIGHTS = 64,
	IMAP_LIST_METADATA = 128
};
enum { /* STATUS items; RFC 9051 6.3.11, RFC 7162, 8438, 8474, 7889 */
	IMAP_STATUS_MESSAGES = 1,
	IMAP_STATUS_RECENT = 2,
	IMAP_STATUS_UIDNEXT = 4,
	IMAP_STATUS_UIDVALIDITY = 8,
	IMAP_STATUS_UNSEEN = 16,
	IMAP_STATUS_DELETED = 32,
	IMAP_STATUS_SIZE = 64,
	IMAP_STATUS_HIGHESTMODSEQ = 128,
	IMAP_STATUS_MAILBOXID = 256,
	IMAP_STATUS_APPENDLIMIT = 512,
	IMAP_STATUS_DELETED_STORAGE = 1024
};
struct imap_list {
	unsigned select, wanted, status;
	bool extended; /* some option or several patterns: RFC 5258's answers are wanted */
	str reference;
	const str *patterns; /* with % and *; UTF-8 */
	size_t pattern_n;
	const str *entries; /* RETURN (METADATA (...)) */
	size_t entry_n;
};

/* SELECT, EXAMINE. RFC 7162. */
struct imap_select {
	str mailbox;
	bool condstore, qresync;
	uint32_t uidvalidity;
	uint64_t modseq;
	struct imap_set known_uids, match_sequences, match_uids; /* n = 0: not given */
};

struct imap_status {
	str mailbox;
	unsigned items;
};
struct imap_two { /* two words, or one, or a name and what belongs to it */
	str first, second;
	bool has_second;
};
struct imap_words {
	const str *words; /* ID: pairs; NIL is a str whose p is NULL */
	size_t n;
};
struct imap_copy {
	struct imap_set set;
	str mailbox;
};
struct imap_acl { /* RFC 4314 */
	str mailbox, who, rights;
	enum imap_change change;
};
struct imap_quota { /* SETQUOTA: RFC 9208 */
	str root;
	const struct imap_limit {
		str resource;
		uint64_t limit;
	} *limits;
	size_t n;
};
struct imap_metadata { /* RFC 5464 */
	str mailbox;   /* "": of the server */
	bool has_max_size;
	uint64_t max_size;
	unsigned depth; /* 0, 1, UINT_MAX: infinity */
	const struct imap_entry {
		str name;
		bool nil;
		str value;
	} *entries;
	size_t n;
};
struct imap_notify { /* RFC 5465 */
	bool none, status;
	const struct imap_event_group {
		struct imap_source source;
		bool no_events;                      /* NONE */
		unsigned events;                     /* IMAP_EVENT_* */
		const struct imap_fetch_item *items; /* of MessageNew */
		size_t item_n;
	} *groups;
	size_t n;
};
enum {
	IMAP_EVENT_MESSAGE_NEW = 1,
	IMAP_EVENT_MESSAGE_EXPUNGE = 2,
	IMAP_EVENT_FLAG_CHANGE = 4,
	IMAP_EVENT_ANNOTATION_CHANGE = 8,
	IMAP_EVENT_MAILBOX_NAME = 16,
	IMAP_EVENT_SUBSCRIPTION_CHANGE = 32,
	IMAP_EVENT_MAILBOX_METADATA_CHANGE = 64,
	IMAP_EVENT_SERVER_METADATA_CHANGE = 128
};

struct imap_command {
	str tag; /* "" when there was none that could be used: answer "*" */
	enum imap_verb verb;
	bool uid; /* UID FETCH ... */
	str word; /* the verb as sent */
	union {
		struct imap_fetch fetch;
		struct imap_store store;
		struct imap_search search; /* SEARCH, SORT, THREAD, ESEARCH */
		struct imap_list list;     /* LIST, LSUB, XLIST */
		struct imap_select select; /* SELECT, EXAMINE */
		struct imap_status status;
		struct imap_two
			two; /* LOGIN, AUTHENTICATE, RENAME, CREATE (second: special use), one mailbox or word (second empty) */
		struct imap_words words; /* ENABLE, ID, CANCELUPDATE */
		struct imap_copy copy;   /* COPY, MOVE; UID EXPUNGE (mailbox empty) */
		struct imap_acl acl;
		struct imap_quota quota;
		struct imap_metadata metadata;
		struct imap_notify notify;
	};
};

enum imap_mode {
	IMAP_MODE_UTF8 = 1 /* UTF8=ACCEPT or IMAP4rev2 is enabled: names are not in modified UTF-7 */
};
/* The whole text of a command. Strings borrow from it or live in the arena. ret->tag, and ret->verb where it is known, are written also
 * when the rest is refused. Faults: SYNTAX (no command), UNKNOWN_COMMAND, BAD_ARGUMENT (its arguments), TOO_BIG (a limit above).
 * APPEND and REPLACE are not read beyond their verb: two.first is what follows it. */
enum fault imap_command_parse(struct arena *a, str text, unsigned mode, struct imap_command *ret);
const char *imap_verb_name(enum imap_verb v);

/* ---- APPEND and REPLACE, in steps: RFC 9051 6.3.12, RFC 3502, 4469, 6855 4, 8508 ---- */
struct imap_append {
	struct imap_set set; /* REPLACE: the one message */
	str mailbox;
	/* of the message that comes: */
	struct imap_flags flags;
	bool has_date, utf8; /* utf8: UTF8 (~{n}, ended by ")" behind the octets */
	int64_t date_ms;
	enum imap_append_body {
		IMAP_APPEND_LITERAL, /* its octets follow */
		IMAP_APPEND_TEXT,    /* CATENATE: TEXT, its octets follow */
		IMAP_APPEND_URL,     /* CATENATE: a message or part we have */
		IMAP_APPEND_PART_END /* CATENATE: the list ended; the message is whole */
	} body;
	str url;
	/* inside */
	bool in_catenate, replace;
};
/* Begins: `args` is what followed the verb, up to the first literal's announcement, which the mailbox itself may need: then
 * STALE asks for more text (that literal's octets, a CRLF before them, and the line that follows). */
enum fault imap_append_begin(
	struct arena *a, str *args, bool replace, unsigned mode, struct imap_append *ret);
/* The next piece: what is left of *args, up to the announcement that ends it. After the octets of a literal `args` is the line that came
 * behind them. *ret_more false: the command has ended. */
enum fault imap_append_next(struct arena *a, str *args, struct imap_append *p, bool *ret_more);

/* ---- names in modified UTF-7: RFC 3501 5.1.3 ---- */
/* False: it is not well-formed. */
bool imap_name_decode(struct arena *a, str name, str *ret);
void imap_name_encode(struct buf *b, str utf8);

#endif
