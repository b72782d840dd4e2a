/* cli/audit_people.c - what is dangerous among the accounts and aliases of the store */
#include "cli/audit.h"

#include "base/mem.h"
#include "cli/house.h"

#include <sys/stat.h>

enum { MOST_NAMED = 5 }; /* in one finding */

/* "ann@a.test, ben@a.test and 3 more". */
struct names {
	struct buf text;
	size_t n;
};

static void
add_name(struct names *names, str name)
{
	if (names->n++ < MOST_NAMED)
		buf_printf(&names->text, "%s%.*s", names->n > 1 ? ", " : "", STR_ARG(name));
}

static void
tell(struct audit *a, enum audit_id id, str where, struct names *names)
{
	audit_ran(a, id);
	if (names->n > MOST_NAMED)
		buf_printf(&names->text, " and %zu more", names->n - MOST_NAMED);
	if (names->n)
		audit_find(a, id, where, "%.*s", STR_ARG(buf_str(&names->text)));
	buf_done(&names->text);
}

/* Digests without salt, without cost: a graphics card tries billions a second. */
static bool
is_weak(str verifier)
{
	return verifier.n && (verifier.p[0] != '$' || str_starts(verifier, S("$1$")));
}

static void
check_accounts(struct audit *a, struct house *h, str where)
{
	struct arena arena = { 0 };
	struct names weak = { 0 };
	struct seal_key key;
	struct store_account account;
	struct store_view *v = house_view(h);
	const char *path = arena_cstr(&arena, arena_printf(&arena, "%s/vault/seal.key", house_dir(h)));
	bool readable = seal_key_load(path, false, &key) == OK;
	uint32_t at = 0;
	size_t count = 0;

	while (v && view_next_account(v, &at, &account) == OK) {
		struct secret secret = { 0 };

		count++;
		if (readable && account.secret.n &&
			secret_unseal(&arena, &key, account.address, account.secret, &secret) == OK &&
			is_weak(secret.verifier))
			add_name(&weak, account.address);
	}
	if (readable)
		tell(a, AUDIT_PASSWORD_WEAK, where, &weak);
	else if (count == 0)
		audit_idle(a, AUDIT_PASSWORD_WEAK, "there are no accounts");
	else
		audit_failed(a, AUDIT_PASSWORD_WEAK, "the sealing key cannot be read");
	mem_wipe(&key, sizeof(key));
	arena_done(&arena);
}

/* Mail for postmaster goes to an account or alias of that name, to postmaster_recipient, or to the first account. */
static void
check_postmaster(struct audit *a, struct house *h)
{
	const struct conf *c = house_conf(h);
	str named = conf_str(c, CONF_postmaster_recipient);
	struct arena arena = { 0 };
	struct store_view *v = house_view(h);
	struct store_account account;
	struct conf_origin o;
	uint32_t at = 0;
	str *targets;
	size_t n;

	conf_origin(c, CONF_postmaster_recipient, &o);
	audit_ran(a, AUDIT_NO_POSTMASTER);
	if (v && named.n && view_account_by_address(v, named, &account) != OK &&
		view_alias(v, &arena, named, &targets, &n) != OK)
		audit_find(a, AUDIT_NO_POSTMASTER,
			arena_printf(&arena, "%s:%d", o.file ? o.file : "default", o.line),
			"postmaster_recipient = %.*s, and nobody has that address", STR_ARG(named));
	else if (v && !named.n && view_next_account(v, &at, &account) != OK)
		audit_find(a, AUDIT_NO_POSTMASTER, str_c(house_dir(h)), "there are no accounts");
	arena_done(&arena);
}

static void
check_aliases(struct audit *a, struct house *h, str where)
{
	struct arena arena = { 0 };
	struct names catch_all = { 0 }, outside = { 0 };
	struct store_view *v = house_view(h);
	str at = S(""), *targets;
	size_t n;

	while (v && view_next_alias(v, &arena, &at, &targets, &n) == OK) {
		bool leaves = false;

		if (at.n == 0 || at.p[0] != '@')
			continue;
		add_name(&catch_all, at);
		for (size_t i = 0; i < n && v; i++)
			leaves |= !house_has_domain(
				h, arena_str(&arena, str_from(targets[i], str_rfind(targets[i], '@') + 1)));
		v = house_view(h);
		if (leaves)
			add_name(&outside, at);
	}
	tell(a, AUDIT_CATCH_ALL, where, &catch_all);
	tell(a, AUDIT_CATCH_ALL_RELAYED, where, &outside);
	arena_done(&arena);
}

bool
audit_has_store(const struct conf *c)
{
	struct arena a = { 0 };
	struct stat st;
	bool has = stat(arena_cstr(&a, arena_printf(&a, "%s/store", conf_path(c, CONF_state_directory))),
			   &st) == 0;

	arena_done(&a);
	return has;
}

void
audit_people(struct audit *a, const struct cli *cli)
{
	static const enum audit_id all[] = { AUDIT_PASSWORD_WEAK, AUDIT_NO_POSTMASTER, AUDIT_CATCH_ALL,
		AUDIT_CATCH_ALL_RELAYED };
	struct house *h;
	str where;

	if (house_open(cli, "audit", HOUSE_READ, &h) != EX_OK) {
		for (size_t i = 0; i < COUNT(all); i++)
			audit_failed(a, all[i], "the store cannot be read");
		return;
	}
	where = arena_printf(&a->arena, "%s/store", house_dir(h));
	check_accounts(a, h, where);
	check_postmaster(a, h);
	check_aliases(a, h, where);
	(void)house_close(h, EX_OK);
}
