/* cli/show.c - postrider user show: all there is to know of one user */
#include "cli/user.h"

#include "base/mem.h"
#include "base/moment.h"
#include "cli/words.h"

static const char verb[] = "user";

static void
add_mailboxes(struct buf *b, struct arena *a, struct store_view *v, uint32_t account)
{
	struct store_mailbox m;

	for (uint32_t at = 0; view_next_mailbox(v, account, &at, &m) == OK;)
		buf_printf(b, "mailbox   %.*s: %u messages, %u unseen, %.*s\n", STR_ARG(m.name), m.exists,
			m.unseen, STR_ARG(words_bytes(a, m.bytes)));
}

static void
add_aliases(struct buf *b, struct arena *a, struct store_view *v, str address)
{
	str *targets;
	size_t n;

	for (str at = S(""); view_next_alias(v, a, &at, &targets, &n) == OK;)
		for (size_t i = 0; i < n; i++)
			if (str_eq_nocase(targets[i], address)) {
				buf_printf(b, "alias     %.*s\n", STR_ARG(at));
				break;
			}
}

static void
add_user(struct buf *b, struct arena *a, struct store_view *v, const struct store_account *u)
{
	str address = arena_str(a, u->address);

	buf_printf(b, "address   %.*s\n", STR_ARG(address));
	buf_printf(b, "messages  %llu\n", (unsigned long long)u->used_messages);
	buf_printf(b, "used      %.*s\n", STR_ARG(words_bytes(a, u->used_bytes)));
	if (u->quota_bytes)
		buf_printf(b, "quota     %.*s%s\n", STR_ARG(words_bytes(a, u->quota_bytes)),
			u->used_bytes >= u->quota_bytes ? " (full: mail is refused)" : "");
	else
		buf_add_c(b, "quota     none\n");
	buf_printf(b, "state     %s\n", u->disabled ? "disabled: neither mail nor logins" : "enabled");
	if (u->created_ms) {
		buf_add_c(b, "created   ");
		moment_add_rfc3339(b, u->created_ms);
		buf_add_char(b, '\n');
	}
	add_mailboxes(b, a, v, u->id);
	add_aliases(b, a, v, address);
}

int
user_show(const struct cli *cli, int argc, char **argv)
{
	struct store_account u;
	struct house *h = NULL;
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct addr ad;
	int status;
	str address;

	if (argc != 2)
		return cli_usage(&cli_user);
	status = words_address(verb, &a, argv[1], &ad, &address);
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK) {
		struct store_view *v = house_view(h);
		enum fault f = v ? view_account_by_address(v, address, &u) : STORE_DOWN;

		if (f == NOT_FOUND)
			status = cli_fail(EX_NOUSER, verb, "%.*s: there is no such user", STR_ARG(address));
		else if (f != OK)
			status = house_fault(h, f, address);
		else {
			add_user(&b, &a, v, &u);
			status = cli_write(verb, &b);
		}
	}
	buf_done(&b);
	status = house_close(h, status);
	arena_done(&a);
	return status;
}
