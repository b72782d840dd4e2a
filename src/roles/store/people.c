/* roles/store/people.c - domains, accounts and aliases, as the command line changes them; secrets, as the vault derives them */
#include "roles/store/role.h"

#include "base/mem.h"
#include "roles/store/written.h"

enum { MOST_TARGETS = 1000 };

void
store_on_secret(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_secret_put ask;
	struct store_account a;
	enum fault fault;
	uint32_t id;

	if (!talk_read_secret_put(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = view_account(store_now(s->store), ask.account, &a);
	if (fault == OK && !str_eq(a.secret, ask.sealed_before))
		fault = STALE; /* the password was changed meanwhile */
	if (fault == OK) {
		a.address = arena_str(&s->scratch, a.address);
		a.secret = ask.sealed;
		fault = store_put_account(s->store, &a, &id);
	}
	STORE_ANSWER(s, p, f, done, { .fault = fault });
}

void
store_on_domain_put(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_domain_put ask;

	if (!talk_read_domain_put(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	STORE_ANSWER(s, p, f, done, { .fault = store_put_domain(s->store, ask.domain) });
}

void
store_on_domain_remove(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_domain_remove ask;

	if (!talk_read_domain_remove(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	STORE_ANSWER(s, p, f, done, { .fault = store_remove_domain(s->store, ask.domain) });
}

void
store_on_account_put(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_account_put ask;
	struct store_account a = { 0 }, old;
	uint32_t id = 0;
	enum fault fault = OK;

	if (!talk_read_account_put(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	a = (struct store_account){ .id = ask.id,
		.address = ask.address,
		.quota_bytes = ask.quota_bytes,
		.disabled = ask.disabled,
		.secret = ask.sealed };
	if (ask.id) {
		fault = view_account(store_now(s->store), ask.id, &old);
		if (fault == OK) {
			a.address = arena_str(&s->scratch, old.address);
			a.created_ms = old.created_ms;
			if (ask.keep_secret)
				a.secret = arena_str(&s->scratch, old.secret);
		}
	}
	if (fault == OK)
		fault = store_put_account(s->store, &a, &id);
	STORE_ANSWER(s, p, f, account_made, { .fault = fault, .id = id });
}

void
store_on_account_remove(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_account_remove ask;
	struct store_account a;
	uint32_t id;
	enum fault fault;

	if (!talk_read_account_remove(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = view_account_by_address(store_now(s->store), ask.address, &a);
	id = fault == OK ? a.id : 0;
	if (fault == OK)
		fault = store_remove_account(s->store, id);
	if (fault == OK)
		fault = written_forget(s->store, id);
	STORE_ANSWER(s, p, f, done, { .fault = fault });
}

void
store_on_alias(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_alias_put ask;
	struct talk_text text;
	str *list_of;
	size_t n = 0;

	if (!talk_read_alias_put(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	list_of = ARENA_ARRAY(&s->scratch, MOST_TARGETS, str);
	for (str list = ask.targets; list.n;) {
		if (n == MOST_TARGETS || !talk_take_text(&list, &text)) {
			role_bad_frame(s->role, &p->chan, f, "targets");
			return;
		}
		list_of[n++] = text.text;
	}
	STORE_ANSWER(s, p, f, done,
		{ .fault = n ? store_put_alias(s->store, ask.address, list_of, n)
			     : store_remove_alias(s->store, ask.address) });
}

void
store_on_stats(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_stats_ask ask;
	struct store_stats stats;
	uint64_t numbers[sizeof(stats) / sizeof(uint64_t)];
	struct buf b = { 0 };

	if (!talk_read_stats_ask(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	store_get_stats(s->store, &stats);
	memcpy(numbers, &stats, sizeof(numbers));
	for (size_t i = 0; i < COUNT(numbers); i++)
		talk_put_key(&b, &(struct talk_key){ numbers[i] });
	ROLE_ANSWER(&p->chan, f, stats_told, { .numbers = buf_str(&b) });
	buf_done(&b);
}
