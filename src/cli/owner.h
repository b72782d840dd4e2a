/* cli/owner.h - root and mail_owner
 * What is in state_directory is mail_owner's, whoever made it. Each says what is wrong and gives EX_OK or a status. */
#ifndef CLI_OWNER_H
#define CLI_OWNER_H

#include "base/log.h"
#include "conf/conf.h"

struct passwd;

/* Whom root will become; *ret NULL when we are not root, and stay who we are. */
int owner_find(const char *verb, const struct conf *conf, const struct passwd **ret);
/* The folder, 0700; given to the owner (may be NULL) while it is still root's. OK when it is there. */
int owner_make_dir(const char *verb, const char *dir, const struct passwd *owner);
int owner_become(const char *verb, const struct conf *conf,
	const struct log *log); /* for good; says why not in the log */
/* All that is below dir, and dir. Nothing when owner is NULL. */
int owner_give(const char *verb, const char *dir, const struct passwd *owner);

#endif
