#include "roles/master/master.h"

#include "base/mem.h"

static const char *const store_services[] = { "control", NULL };
static const char *const smtp_services[] = { "smtp", "submission", "submissions", "lmtp", NULL };
static const char *const login_services[] = { "pop3", "pop3s", "imap", "imaps", NULL };
static const char *const no_services[] = { NULL };

/* clang-format off */
const struct master_kind master_kinds[] = {
/*	  kind        main        peers                                              one    per core  count                  services       start, drain phase, tables */
	{ TALK_STORE, store_role, TALK_SMTP | TALK_VAULT | TALK_POP3 | TALK_IMAP,    true,  false, CONF_IDS,              store_services, 0, 2, false },
	{ TALK_VAULT, vault_role, TALK_STORE | TALK_SMTP | TALK_LOGIN | TALK_POP3 | TALK_IMAP, false, false, CONF_IDS,              no_services,    1, 1, false },
	{ TALK_POP3,  pop3_role,  TALK_STORE | TALK_VAULT | TALK_LOGIN,              false, false, CONF_IDS,              no_services,    1, 0, false },
	{ TALK_IMAP,  imap_role,  TALK_STORE | TALK_VAULT | TALK_LOGIN,              false, false, CONF_IDS,              no_services,    1, 0, false },
	{ TALK_LOGIN, login_role, TALK_VAULT | TALK_POP3 | TALK_IMAP,                false, true,  CONF_login_processes,  login_services, 1, 0, true },
	{ TALK_SMTP,  smtp_role,  TALK_STORE | TALK_VAULT,                           false, true,  CONF_smtp_processes,   smtp_services,  1, 0, true },
};
/* clang-format on */
const size_t master_kind_count = COUNT(master_kinds);
