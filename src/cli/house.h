/* cli/house.h - state_directory, as the administrator's verbs see it
 * When no server runs, the store is opened here, under its lock. When one runs, its role `store` makes the changes, asked through
 * state_directory/control, and what is read comes from the index beside it. The verbs do not see the difference. Everything may block. Root
 * becomes mail_owner on the way in, so that nothing of the server's will be root's.
 * What goes wrong with the house itself is said on stderr here, after "postrider VERB: ". */
#ifndef CLI_HOUSE_H
#define CLI_HOUSE_H

#include "base/buf.h"
#include "cli/cli.h"
#include "people/secret.h"
#include "store/store.h"

struct house;

enum house_use {
	HOUSE_READ, /* there must be a store already */
	HOUSE_WRITE /* makes state_directory and the store when they are missing */
};
/* Loads main.cf, too. EX_OK, or a status of sysexits with everything said. */
int house_open(const struct cli *cli, const char *verb, enum house_use use, struct house **ret);
/* The same; prepare() is called when main.cf is known and we are still who we were: root, whose owner is not NULL, or not. */
struct passwd;
int house_open_with(const struct cli *cli, const char *verb, enum house_use use,
	int (*prepare)(void *ctx, const struct passwd *owner), void *ctx, struct house **ret);
/* Makes everything durable and visible. The status, or that of what went wrong now. Calm with NULL. */
int house_close(struct house *h, int status);

const struct conf *house_conf(const struct house *h);
const char *house_dir(const struct house *h); /* state_directory */

/* Everything that was acknowledged so far. Valid until the next call of anything here. NULL: said. */
struct store_view *house_view(struct house *h);
/* Is it one of ours: by main.cf, or by `postrider domain`? */
bool house_has_domain(struct house *h, str domain);

/* As in store.h; durable when they return OK. A server that goes away meanwhile: STORE_DOWN. */
enum fault house_put_domain(struct house *h, str domain);
enum fault house_remove_domain(struct house *h, str domain);
enum fault house_put_account(struct house *h, const struct store_account *a, uint32_t *ret_id);
enum fault house_remove_account(struct house *h, str address);
enum fault house_put_alias(struct house *h, str address, const str *targets, size_t n); /* none: removes it */
/* Many accounts together; each has its fault in ret_faults. What is returned is that of the whole. */
enum fault house_put_accounts(
	struct house *h, const struct store_account *list, size_t n, enum fault *ret_faults);

/* ---- mail ---- */

/* How the store is read beside what writes it: for bodies. */
struct store_reader *house_reader(struct house *h);
/* Subscribed. ALREADY_EXISTS by name. */
enum fault house_make_mailbox(
	struct house *h, uint32_t account, str name, enum store_role role, uint32_t *ret_id);
enum fault house_put_keyword(struct house *h, uint32_t account, str name, unsigned *ret_bit);
/* A message for one mailbox; references: a list of talk's key. fault: what became of it. */
struct house_message {
	uint32_t account, mailbox, flags;
	uint64_t keywords, message_id_key, once;
	int64_t received_ms, sent_ms;
	bool dot_lines;
	str references, row, body;
	enum fault fault;
};
/* Messages of up to HOUSE_LARGE octets, which become durable together; each has its fault. What is returned is that of the whole. */
enum { HOUSE_LARGE = 256 * 1024 };
enum fault house_append(struct house *h, struct house_message *list, size_t n);
/* One longer message, whose octets more() appends in pieces until it says false. */
enum fault house_append_large(
	struct house *h, struct house_message *m, bool (*more)(void *ctx, struct buf *b), void *ctx);
enum fault house_stats(struct house *h, struct store_stats *ret);

/* The key that seals secrets; made by the first who needs it, but not when there are secrets that another key has sealed. EX_OK, or said. */
int house_seal_key(struct house *h, struct seal_key *ret);

/* Says what the fault means for `what` (an address, a domain); the status for it. */
int house_fault(const struct house *h, enum fault f, str what);

#endif
