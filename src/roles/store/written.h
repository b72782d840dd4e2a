/* roles/store/written.h - whom an account has written to
 * For the limit on first-time recipients: a stolen password shows in mail to many whom its owner never wrote to. Kept as notes of the store, so that
 * it survives restarts and is in backups, and small: per account up to eight filters (Bloom, four bits an address) of a thousand addresses
 * each, below 1 KiB; when the last is full the oldest gives way. What is not remembered counts as new again; of a full set one address in six is taken
 * for known that is not. Addresses are known by their hash only, so the notes name nobody. */
#ifndef ROLES_STORE_WRITTEN_H
#define ROLES_STORE_WRITTEN_H

#include "store/store.h"

/* Has the account written to this address (by its hash)? */
bool written_has(struct store_view *v, uint32_t account, uint64_t address);
/* It has now. An effect of the batch, as any other. */
enum fault written_add(struct store *s, uint32_t account, const uint64_t *addresses, size_t n);
/* The account is removed. */
enum fault written_forget(struct store *s, uint32_t account);

#endif
