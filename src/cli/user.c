/* cli/user.c - postrider user: those who have a mailbox here */
#include "cli/user.h"

#include "cli/ask.h"

#include "base/mem.h"
#include "base/moment.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char verb[] = "user";

/* ---- what stands behind the action ---- */

enum { WITH_PASSWORD = 1, WITH_QUOTA = 2, WITH_STATE = 4, WITH_YES = 8 };
struct request {
	struct arena arena;
	const char *word; /* ADDRESS as written */
	struct addr addr;
	str address; /* as the store knows it */
	bool password_stdin, has_quota, enable, disable, yes;
	uint64_t quota;
};

static bool
take_option(struct request *r, int option, unsigned with)
{
	switch (option) {
	case 'p': r->password_stdin = true; return with & WITH_PASSWORD;
	case 'q': r->has_quota = true; return (with & WITH_QUOTA) && words_size(str_c(optarg), 1, &r->quota);
	case 'e': r->enable = true; return with & WITH_STATE;
	case 'd': r->disable = true; return with & WITH_STATE;
	case 'y': r->yes = true; return with & WITH_YES;
	default: return false;
	}
}

/* Options and one ADDRESS. EX_OK, or said. */
static int
take_request(struct request *r, int argc, char **argv, unsigned with)
{
	static const struct option options[] = { { "password-stdin", no_argument, NULL, 'p' },
		{ "quota", required_argument, NULL, 'q' }, { "enable", no_argument, NULL, 'e' },
		{ "disable", no_argument, NULL, 'd' }, { "yes", no_argument, NULL, 'y' }, { 0 } };
	int option;

	*r = (struct request){ 0 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(r, option, with))
			return cli_usage(&cli_user);
	if (optind + 1 != argc || (r->enable && r->disable))
		return cli_usage(&cli_user);
	r->word = argv[optind];
	return words_address(verb, &r->arena, r->word, &r->addr, &r->address);
}

/* ---- secrets ---- */

void
user_noise(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		abort();
}

/* The password sealed for the address, appended to *ret. EX_OK, or said. */
static int
seal_password(struct house *h, struct arena *a, str address, str password, struct buf *ret)
{
	char noise[48], nonce[12];
	struct seal_key key = { 0 };
	struct secret secret = { 0 };
	int status = house_seal_key(h, &key);
	enum fault f;

	if (status != EX_OK)
		return status;
	user_noise(noise, sizeof(noise));
	user_noise(nonce, sizeof(nonce));
	f = secret_new(a, password, noise, &secret);
	if (f == OK)
		f = secret_seal(&key, address, &secret, nonce, ret);
	mem_wipe(&key, sizeof(key));
	mem_wipe(&secret, sizeof(secret));
	return f == OK ? EX_OK : house_fault(h, f, address);
}

/* NOT_FOUND is said. The strings live in the arena. */
static int
find_user(struct house *h, struct arena *a, str address, struct store_account *ret)
{
	struct store_view *v = house_view(h);
	enum fault f = v ? view_account_by_address(v, address, ret) : STORE_DOWN;

	if (f == NOT_FOUND)
		return cli_fail(EX_NOUSER, verb, "%.*s: there is no such user", STR_ARG(address));
	if (f != OK)
		return house_fault(h, f, address);
	ret->address = arena_str(a, ret->address);
	ret->secret = arena_str(a, ret->secret);
	return EX_OK;
}

int64_t
user_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- add ---- */

/* Before the password is asked for: is there any use in it? */
static int
check_new(struct house *h, const struct request *r)
{
	struct store_account other;
	int status = words_check_domain(h, verb, r->addr.domain);
	struct store_view *v;

	if (status != EX_OK)
		return status;
	v = house_view(h);
	if (!v)
		return EX_TEMPFAIL;
	if (view_account_by_address(v, r->address, &other) == OK)
		return cli_fail(EX_CANTCREAT, verb,
			"%.*s exists already; to change it: postrider user passwd, or set",
			STR_ARG(r->address));
	return EX_OK;
}

static int
put_user(struct house *h, struct request *r, str password)
{
	struct store_account account = {
		.address = r->address, .quota_bytes = r->quota, .created_ms = user_clock_ms()
	};
	struct buf sealed = { 0 };
	int status = seal_password(h, &r->arena, r->address, password, &sealed);
	uint32_t id;
	enum fault f;

	if (status == EX_OK) {
		account.secret = buf_str(&sealed);
		f = house_put_account(h, &account, &id);
		if (f != OK)
			status = house_fault(h, f, r->address);
	}
	buf_done(&sealed);
	return status;
}

static int
add(const struct cli *cli, int argc, char **argv)
{
	struct buf password = { 0 };
	struct house *h = NULL;
	struct request r;
	int status = take_request(&r, argc, argv, WITH_PASSWORD | WITH_QUOTA);

	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_WRITE, &h);
	if (status == EX_OK)
		status = check_new(h, &r);
	if (status == EX_OK)
		status = ask_password(verb, r.password_stdin, r.address, &password);
	if (status == EX_OK)
		status = put_user(h, &r, buf_str(&password));
	ask_forget(&password);
	status = house_close(h, status);
	arena_done(&r.arena);
	return status;
}

/* ---- passwd, set ---- */

static int
change(const struct cli *cli, struct request *r, bool with_password)
{
	struct buf password = { 0 }, sealed = { 0 };
	struct store_account account = { 0 };
	struct house *h = NULL;
	int status = house_open(cli, verb, HOUSE_READ, &h);
	uint32_t id;
	enum fault f;

	if (status == EX_OK)
		status = find_user(h, &r->arena, r->address, &account);
	if (status == EX_OK && with_password) {
		status = ask_password(verb, r->password_stdin, account.address, &password);
		if (status == EX_OK)
			status = seal_password(h, &r->arena, account.address, buf_str(&password), &sealed);
		account.secret = buf_str(&sealed);
	}
	if (status == EX_OK) {
		if (r->has_quota)
			account.quota_bytes = r->quota;
		if (r->enable || r->disable)
			account.disabled = r->disable;
		f = house_put_account(h, &account, &id);
		if (f != OK)
			status = house_fault(h, f, account.address);
	}
	ask_forget(&password);
	buf_done(&sealed);
	return house_close(h, status);
}

static int
passwd(const struct cli *cli, int argc, char **argv)
{
	struct request r;
	int status = take_request(&r, argc, argv, WITH_PASSWORD);

	if (status == EX_OK)
		status = change(cli, &r, true);
	arena_done(&r.arena);
	return status;
}

static int
set(const struct cli *cli, int argc, char **argv)
{
	struct request r;
	int status = take_request(&r, argc, argv, WITH_QUOTA | WITH_STATE);

	if (status == EX_OK && !r.has_quota && !r.enable && !r.disable)
		status = cli_usage(&cli_user);
	if (status == EX_OK)
		status = change(cli, &r, false);
	arena_done(&r.arena);
	return status;
}

/* ---- remove ---- */

/* Aliases that lead to somebody who is gone. */
static void
name_aliases(struct house *h, struct arena *a, str address)
{
	struct store_view *v = house_view(h);
	str *targets;
	size_t n;

	for (str at = S(""); v && view_next_alias(v, a, &at, &targets, &n) == OK;)
		for (size_t i = 0; i < n; i++)
			if (str_eq_nocase(targets[i], address))
				cli_fail(0, verb, "note: the alias %.*s still leads to %.*s", STR_ARG(at),
					STR_ARG(address));
}

static int
remove_user(const struct cli *cli, int argc, char **argv)
{
	struct store_account account = { 0 };
	struct house *h = NULL;
	struct request r;
	int status = take_request(&r, argc, argv, WITH_YES);
	enum fault f;

	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK)
		status = find_user(h, &r.arena, r.address, &account);
	if (status == EX_OK && !r.yes &&
		!ask_sure(arena_printf(&r.arena, "Remove %.*s and %llu messages?", STR_ARG(account.address),
			(unsigned long long)account.used_messages)
				.p))
		status = cli_fail(EX_TEMPFAIL, verb, "nothing was removed");
	else if (status == EX_OK) {
		f = house_remove_account(h, account.address);
		if (f != OK)
			status = house_fault(h, f, account.address);
		else
			name_aliases(h, &r.arena, account.address);
	}
	status = house_close(h, status);
	arena_done(&r.arena);
	return status;
}

/* ---- list ---- */

static void
add_json(struct buf *b, const struct store_account *u, size_t before)
{
	buf_add_c(b, before ? ",\n  {\"address\": " : "\n  {\"address\": ");
	buf_add_quoted(b, u->address);
	buf_printf(b, ", \"id\": %u, \"messages\": %llu, \"bytes\": %llu, \"quota\": %llu, \"disabled\": %s",
		u->id, (unsigned long long)u->used_messages, (unsigned long long)u->used_bytes,
		(unsigned long long)u->quota_bytes, u->disabled ? "true" : "false");
	if (u->created_ms) {
		buf_add_c(b, ", \"created\": \"");
		moment_add_rfc3339(b, u->created_ms);
		buf_add_char(b, '"');
	}
	buf_add_char(b, '}');
}

static void
add_line(struct buf *b, struct arena *a, const struct store_account *u)
{
	str used = words_bytes(a, u->used_bytes),
	    quota = u->quota_bytes ? words_bytes(a, u->quota_bytes) : S("-");

	buf_printf(b, "%-40.*s %9llu %9.*s %9.*s%s\n", STR_ARG(u->address),
		(unsigned long long)u->used_messages, STR_ARG(used), STR_ARG(quota),
		u->disabled ? "  disabled" : "");
}

static int
list_users(const struct cli *cli, int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[argc - 1], "--json") == 0;
	str suffix = S(""), domain = S("");
	struct store_account u;
	struct house *h = NULL;
	struct arena a = { 0 };
	struct buf b = { 0 };
	size_t n = 0;
	int status = argc - json > 2 ? cli_usage(&cli_user) : EX_OK;

	if (status == EX_OK && argc - json == 2) {
		status = words_domain(verb, &a, argv[1], &domain);
		suffix = arena_join(&a, S("@"), domain);
	}
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK) {
		struct store_view *v = house_view(h);

		if (json)
			buf_add_char(&b, '[');
		else if (isatty(STDOUT_FILENO))
			buf_printf(&b, "%-40s %9s %9s %9s\n", "ADDRESS", "MESSAGES", "USED", "QUOTA");
		for (uint32_t at = 0; v && view_next_account(v, &at, &u) == OK;) {
			if (!str_ends_nocase(u.address, suffix))
				continue;
			if (json)
				add_json(&b, &u, n++);
			else
				add_line(&b, &a, &u);
		}
		if (json)
			buf_add_c(&b, n ? "\n]\n" : "]\n");
		status = v ? cli_write(verb, &b) : EX_TEMPFAIL;
	}
	buf_done(&b);
	status = house_close(h, status);
	arena_done(&a);
	return status;
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	static const struct action actions[] = { { "add", add }, { "passwd", passwd }, { "set", set },
		{ "list", list_users }, { "show", user_show }, { "remove", remove_user },
		{ "import", user_import } };

	return words_run(&cli_user, actions, COUNT(actions), cli, argc, argv);
}

const struct cli_verb cli_user = { verb,
	"add ADDRESS [--password-stdin] [--quota SIZE] | passwd ADDRESS [--password-stdin] | "
	"set ADDRESS [--quota SIZE] [--enable|--disable] | list [DOMAIN] [--json] | show ADDRESS | remove "
	"ADDRESS [--yes] | "
	"import [--quota SIZE] [--domain DOMAIN] [--update] FILE",
	"those who have a mailbox here", run };
