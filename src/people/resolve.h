/* people/resolve.h - whose address is it?
 * From an envelope address to accounts: local domains, accounts, aliases, the recipient delimiter, postmaster. Pure: what the
 * tables say is asked through callbacks, which the role `store` answers from the index.
 *
 * An address is looked up whole and then, where its local part has a delimiter behind its first character, without the extension: as
 * an alias, then as an account. So an alias that names itself keeps a copy. Only then come postmaster and the catch-all alias "@domain".
 * Case never matters. An alias hands the extension it was reached by on to its targets that have none. */
#ifndef PEOPLE_RESOLVE_H
#define PEOPLE_RESOLVE_H

#include "base/arena.h"
#include "base/fault.h"
#include "mail/addr.h"

struct resolve_tables {
	void *ctx;
	bool (*is_local)(void *ctx, str domain);                   /* lower case */
	bool (*account)(void *ctx, str address, uint32_t *ret_id); /* canonical address, in lower case */
	bool (*alias)(
		void *ctx, struct arena *a, str address, str **ret_targets, size_t *ret_n); /* the same */
	str myhostname, delimiter; /* delimiter: characters, "" = none */
	str postmaster; /* who gets postmaster's mail where no account or alias of that name is; "" = the first account, as told
			 * by `any`, unless the domain has a catch-all */
	bool (*any)(void *ctx, uint32_t *ret_id);
};
struct resolved {
	uint32_t account;
	str address; /* canonical address of the account, in lower case; postmaster's as it was asked for when `any` told the account */
	str extension; /* "lists" of ann+lists, as written; wanted mailbox; "" */
};
/* Expands aliases (nesting at most 50, at most 1000 accounts, loops are cut, each account once, in the order found). A target that is
 * nobody's is passed over when another is somebody's; a foreign one refuses the whole. Postmaster, bare or of a local domain, is
 * refused only when there is no account at all. The results live in the arena.
 * Faults: NO_SUCH_MAILBOX, RELAY_DENIED (the domain is not ours), TOO_MANY_RCPTS, MAIL_LOOP (nothing but a loop), NO_RELAY_YET (an
 * alias leads to a foreign address). */
enum fault people_resolve(struct arena *a, const struct resolve_tables *t, const struct addr *to,
	struct resolved **ret, size_t *ret_n);

#endif
