/* people/resolve.h - whose address is it?
 * From an envelope address to accounts: local domains, accounts, aliases, the recipient delimiter, postmaster. Pure: what the tables say
 * is asked through callbacks, which the role `store` answers from the index. */
#ifndef PEOPLE_RESOLVE_H
#define PEOPLE_RESOLVE_H

#include "base/arena.h"
#include "base/fault.h"
#include "mail/addr.h"

struct resolve_tables {
	void *ctx;
	bool (*is_local)(void *ctx, str domain);		   /* lower case */
	bool (*account)(void *ctx, str address, uint32_t *ret_id);  /* canonical address */
	bool (*alias)(void *ctx, struct arena *a, str address, str **ret_targets, size_t *ret_n);
	str myhostname, delimiter; /* delimiter: characters, "" = none */
	str postmaster;		   /* who gets postmaster's mail where no account or alias of that name is; "" = the first account, as told by `any` */
	bool (*any)(void *ctx, uint32_t *ret_id);
};
struct resolved {
	uint32_t account;
	str address;   /* canonical address of the account */
	str extension; /* "lists" of ann+lists; wanted mailbox; "" */
};
/* Expands aliases (nesting at most 50, at most 1000 accounts, loops are cut, each account once). Faults: NO_SUCH_MAILBOX, RELAY_DENIED (the domain is not
 * ours), TOO_MANY_RCPTS, MAIL_LOOP (nothing but a loop), NO_RELAY_YET (an alias leads to a foreign address). */
enum fault people_resolve(struct arena *a, const struct resolve_tables *t, const struct addr *to, struct resolved **ret, size_t *ret_n);

#endif
