/* cli/control.h - asking a running server, through state_directory/control
 * Calls block until the answer is there, a minute at most. Faults besides the answer's own: STORE_DOWN (it has gone), TIMED_OUT, MALFORMED. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "base/buf.h"
#include "base/log.h"
#include "store/store.h"

struct control;

/* NOT_FOUND: no server listens there. NOT_PERMITTED. */
enum fault control_open(const char *path, const struct log *log, struct control **ret);
void control_close(struct control *c); /* calm with NULL */

/* Waits until everything acknowledged so far is in the index. */
enum fault control_apply(struct control *c);
enum fault control_put_domain(struct control *c, str domain);
enum fault control_remove_domain(struct control *c, str domain);
/* Changing an account that there is, or removing it, returns once every reader sees it: with the old password nobody logs in from then on. */
enum fault control_put_account(struct control *c, const struct store_account *a, uint32_t *ret_id);
enum fault control_remove_account(struct control *c, str address);
enum fault control_put_alias(struct control *c, str address, const str *targets, size_t n);
/* Many at a time on the way. */
enum fault control_put_accounts(
	struct control *c, const struct store_account *list, size_t n, enum fault *ret_faults);
enum fault control_make_mailbox(
	struct control *c, uint32_t account, str name, enum store_role role, uint32_t *ret_id);
enum fault control_put_keyword(struct control *c, uint32_t account, str name, unsigned *ret_bit);
/* As house_append and house_append_large. */
struct house_message;
enum fault control_append(struct control *c, struct house_message *list, size_t n);
enum fault control_append_large(
	struct control *c, struct house_message *m, bool (*more)(void *ctx, struct buf *b), void *ctx);
enum fault control_stats(struct control *c, struct store_stats *ret);

#endif
