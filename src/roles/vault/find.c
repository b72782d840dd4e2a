#include "roles/vault/vault.h"

#include "base/mem.h"

str
vault_name(struct vault *v, struct arena *a, str user)
{
	str domain = v->login_domain.n ? v->login_domain : v->domain;

	if (str_find(user, '@') == user.n)
		user = arena_printf(a, "%.*s@%.*s", STR_ARG(user), STR_ARG(domain));
	return arena_lower(a, user);
}

static enum fault
find_address(struct store_view *view, struct arena *a, str user, str domain, struct store_account *ret)
{
	if (domain.n)
		user = arena_printf(a, "%.*s@%.*s", STR_ARG(user), STR_ARG(domain));
	return view_account_by_address(view, user, ret);
}

/* A whole address is itself; a bare name is that of the domain for logins, then of ours, then of our host. */
static enum fault
find_account(struct vault *v, struct store_view *view, struct arena *a, str user, struct store_account *ret)
{
	const str domains[] = { v->login_domain, v->domain, v->hostname };
	enum fault f = NOT_FOUND;

	if (str_find(user, '@') < user.n)
		return find_address(view, a, user, S(""), ret);
	for (size_t i = 0; i < COUNT(domains) && f == NOT_FOUND; i++)
		if (domains[i].n)
			f = find_address(view, a, user, domains[i], ret);
	return f;
}

enum fault
vault_find(struct vault *v, struct arena *a, str user, struct found *ret)
{
	struct store_view *view;
	struct store_account account;
	enum fault f = store_view_begin(v->reader, &view);

	if (f == OK) {
		f = find_account(v, view, a, user, &account);
		*ret = (struct found){ 0 };
		if (f == OK) {
			ret->exists = true;
			ret->disabled = account.disabled;
			ret->id = account.id;
			ret->address = arena_str(a, account.address);
			ret->sealed = arena_str(a, account.secret);
		}
		store_view_end(view);
	}
	if (f == NOT_FOUND)
		return OK;
	if (f == OK)
		f = secret_unseal(a, &v->seal, ret->address, ret->sealed, &ret->secret);
	if (f != OK) {
		log_error(&v->role->log, "secret-unreadable", kv_str("user", user),
			kv_c("why", fault_words(f)->name));
		return AUTH_UNAVAILABLE;
	}
	return OK;
}

enum fault
vault_freshen(struct vault *v)
{
	struct talk_apply ask = { .lsn = 0 };
	struct talk_done done = { .fault = AUTH_UNAVAILABLE };
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct frame answer;
	enum fault f;

	talk_put_apply(&b, &ask);
	f = chan_call(&v->store, TALK_ASK_apply, buf_str(&b), -1, loop_now_ms(v->role->loop) + VAULT_STORE_MS,
		&a, &answer);
	if (f == OK && (!talk_read_done(answer.payload, &done) || done.fault != OK))
		f = AUTH_UNAVAILABLE;
	buf_done(&b);
	arena_done(&a);
	return f == OK || f == CANCELLED ? f : AUTH_UNAVAILABLE;
}
