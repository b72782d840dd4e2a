/* people/resolve.h - whose address is it?
 * From an envelope address to accounts, in Postfix's order: canonical maps, virtual aliases, the domain's class, alias_maps, then what the store
 * knows: aliases of `postrider alias`, accounts, postmaster, the catch-all "@domain". Pure: text tables and the store are asked through
 * callbacks; the one for the store may wait, and is asked once for all names of a level.
 *
 * An address is looked up whole and then, where its local part has a delimiter behind its first character, without the extension. An alias
 * that names itself is not expanded again and leads to the account of that name. Case never matters. An alias of the store hands the
 * extension it was reached by on to its targets that have none; one of a text table does so where main.cf's
 * propagate_unmatched_extensions names its kind. */
#ifndef PEOPLE_RESOLVE_H
#define PEOPLE_RESOLVE_H

#include "base/arena.h"
#include "base/fault.h"
#include "mail/addr.h"

/* What main.cf says of a domain. */
enum resolve_class {
	RESOLVE_FOREIGN,
	RESOLVE_LOCAL,   /* mydestination */
	RESOLVE_MAILBOX, /* virtual_mailbox_domains */
	RESOLVE_ALIAS,   /* virtual_alias_domains: no accounts, only virtual aliases */
	RESOLVE_RELAY,   /* relay_domains: it is ours to relay for, and mail is not sent yet */
	RESOLVE_UNSURE   /* a table cannot be asked now: unless the store has the domain, TABLE_DOWN */
};
/* The text tables, each by the parameter that names it. */
enum resolve_table {
	RESOLVE_SENDER_CANONICAL,
	RESOLVE_RCPT_CANONICAL,
	RESOLVE_CANONICAL,
	RESOLVE_VIRTUAL, /* virtual_alias_maps */
	RESOLVE_ALIASES, /* alias_maps: keys are names without domain */
	RESOLVE_RELOCATED,
	RESOLVE_LOCAL_RCPTS,   /* local_recipient_maps */
	RESOLVE_MAILBOX_RCPTS, /* virtual_mailbox_maps */
	RESOLVE_TABLES
};
const char *resolve_table_name(enum resolve_table t); /* "virtual_alias_maps" */

/* A name the store is asked for: an address, canonical and in lower case; "@domain"; or "" for any account, the first that was made. */
struct resolve_ask {
	str address;
	str extension; /* as written; whose mailbox is wanted */
};
struct resolve_fact {
	bool domain;    /* of "@domain": `postrider domain` has it */
	bool has_alias; /* then: where it leads */
	const str *targets;
	size_t target_count;
	uint32_t account; /* 0: there is none of that name */
	str address;      /* of the account, as it was made */
	uint32_t mailbox; /* the one the extension names; 0: INBOX */
	enum fault fault; /* may the account take the message? OK, OVER_QUOTA, MAILBOX_DISABLED */
};

/* One step, for whoever explains: `address` became, or is, what `what` says. */
struct resolve_step {
	enum resolve_what {
		STEP_TABLE,       /* a text table has it: table, key, value */
		STEP_NOT_LISTED,  /* a table of recipients lacks it: table */
		STEP_STORE_ALIAS, /* key, value: its first target */
		STEP_ACCOUNT,     /* value: the account's address; fault: when it cannot take mail now */
		STEP_ANY,         /* postmaster's mail goes to the first account: value */
		STEP_LUSER,       /* luser_relay: value */
		STEP_LOOP,        /* it was expanded before, and is not again */
		STEP_REFUSED,     /* fault */
	} what;
	int nesting;
	str address;
	enum resolve_table table;
	str key, value;
	enum fault fault;
};

struct resolve_tables {
	/* ---- main.cf's: people/text.h fills these in ---- */
	const void *text;
	enum resolve_class (*class_of)(const void *text, str domain); /* lower case */
	/* The value that a table has for an address (for RESOLVE_ALIASES: a name), and the extension, with its delimiter, that was taken off to
	 * find it. OK, NOT_FOUND, TABLE_DOWN. NULL: there are no text tables. */
	enum fault (*find)(const void *text, struct arena *a, enum resolve_table table, str address,
		str *ret_value, str *ret_extension);
	str origin;    /* the domain of names without one (myorigin) */
	str delimiter; /* recipient_delimiter: characters, "" = none */
	str postmaster; /* who gets postmaster's mail where no account or alias of that name is; "" = the first account, unless the
			 * domain has a catch-all */
	str luser_relay;  /* whoever is unknown in mydestination; "" = refused */
	bool has_aliases; /* alias_maps is not empty; the same for the next two */
	bool lists_local,
		lists_mailbox; /* local_recipient_maps, virtual_mailbox_maps: who is not listed does not exist */
	bool canonical_sender, canonical_rcpt; /* canonical_classes */
	bool propagate_canonical, propagate_virtual, propagate_alias;
	bool expand_owner; /* expand_owner_alias */
	unsigned most_accounts,
		most_nesting; /* virtual_alias_expansion_limit, virtual_alias_recursion_limit; 0 = 1000, 50 */

	/* ---- whoever asks ---- */
	void *ctx;
	/* Everything the store knows of these names, in their order. May wait. */
	enum fault (*ask)(void *ctx, struct arena *a, const struct resolve_ask *asks, size_t n,
		struct resolve_fact *ret);
	void (*tell)(void *ctx, const struct resolve_step *step); /* NULL: nobody listens */
	bool may_relay;                                           /* the client may send to foreign domains */
};
struct resolved {
	uint32_t account, mailbox;
	str address; /* canonical address of the account; postmaster's as it was asked for when any account gets it */
	str extension; /* "lists" of ann+lists, as written; "" */
	str sender; /* the envelope sender for this one: the owner- alias of the list that led here; "" = as it was */
	enum fault
		fault; /* as in resolve_fact: who cannot take the message now stands in the list all the same */
};
struct resolution {
	struct resolved *list; /* each account once, in the order found */
	size_t n;
	str address; /* what the canonical maps made of the address; as it was when they have nothing */
	str why;     /* of RELOCATED: whither; else "" */
};
/* Loops are cut. A target that is nobody's is passed over when another is somebody's; a foreign one refuses the whole. Postmaster, bare
 * or of a local domain, is refused only when there is no account at all. OK: at least one account. The results live in the arena.
 * Faults: NO_SUCH_MAILBOX, RELAY_DENIED (the domain is not ours, and !may_relay), NO_RELAY_YET (it is foreign, and mail is not sent on),
 * TOO_MANY_RCPTS, MAIL_LOOP (nothing but a loop), RELOCATED, TABLE_DOWN, and those of `ask`. */
enum fault people_resolve(
	struct arena *a, const struct resolve_tables *t, const struct addr *to, struct resolution *ret);

/* An address as canonical maps want it: `first` (RESOLVE_SENDER_CANONICAL, RESOLVE_RCPT_CANONICAL), then canonical_maps, each once. *ret is
 * the address itself when they have nothing, or nothing that is an address. TABLE_DOWN. */
enum fault people_canonical(
	struct arena *a, const struct resolve_tables *t, enum resolve_table first, str address, str *ret);

#endif
