#include "roles/vault/vault.h"

#include "base/mem.h"

#include <sysexits.h>
#include <unistd.h>

enum { GUESS_ENTRIES = 65536, GUESS_HALF_MS = 5 * 60 * 1000, CACHE_ENTRIES = 65536, MOST_THREADS = 16 };

/* ---- questions ---- */

static const struct {
	uint16_t type;
	void (*fn)(struct ask *k);
} answers[] = {
	{ TALK_ASK_password_ask, vault_on_password },
	{ TALK_ASK_external_ask, vault_on_external },
	{ TALK_ASK_salt_ask, vault_on_salt },
	{ TALK_ASK_proof_ask, vault_on_proof },
	{ TALK_ASK_sign_ask, vault_on_sign },
};

static void
ask_run(void *arg)
{
	struct ask *k = arg;

	for (size_t i = 0; i < COUNT(answers); i++)
		if (answers[i].type == k->question.type)
			answers[i].fn(k);
	if (k->payload.n)
		mem_wipe((char *)k->payload.p, k->payload.n);
	k->vault->asks--;
	arena_done(&k->arena);
	free(k);
}

static void
refuse(struct chan *c, struct frame *f)
{
	switch (f->type) {
	case TALK_ASK_salt_ask:
		ROLE_ANSWER(c, f, salt_told, { .fault = AUTH_UNAVAILABLE, .salt = S("") });
		return;
	case TALK_ASK_sign_ask:
		ROLE_ANSWER(c, f, sign_told, { .fault = TOO_BUSY, .signature = S("") });
		return;
	default:
		ROLE_ANSWER(
			c, f, auth_told, { .fault = AUTH_UNAVAILABLE, .address = S(""), .signature = S("") });
	}
}

static void
on_frame(struct chan *c, struct frame *f)
{
	struct asker *from = c->ctx;
	struct vault *v = from->role->own;
	struct ask *k;

	if (!role_check_frame(v->role, c, f, from->kind))
		return;
	if (f->type == TALK_ASK_sign_ask && vault_sign_now(v, c, f))
		return;
	if (v->asks >= VAULT_ASKS) {
		refuse(c, f);
		return;
	}
	v->asks++;
	k = NEW(struct ask);
	k->vault = v;
	k->question = question_of(c, f);
	k->payload = arena_str(&k->arena, f->payload);
	k->begun_ms = loop_now_ms(v->role->loop);
	fiber_start(v->role->loop, ask_run, k);
}

/* ---- peers ---- */

/* The store and the session role answer us; they ask nothing. */
static void
on_unasked(struct chan *c, struct frame *f)
{
	role_bad_frame(c->ctx, c, f, "not permitted");
}

static void
on_peer(struct role *r, unsigned kind, uint32_t number, int fd)
{
	struct vault *v = r->own;

	switch (kind) {
	case TALK_STORE: chan_up(&v->store, fd); return;
	case TALK_POP3: chan_up(&v->pop3, fd); return;
	case TALK_IMAP: chan_up(&v->imap, fd); return;
	case TALK_SMTP:
	case TALK_LOGIN: askers_up(&v->askers, r, kind, number, fd, on_frame); return;
	default: (void)close(fd);
	}
}

static void
init_chan(struct vault *v, struct chan *c, const char *name)
{
	chan_init(c, v->role->loop, name, AUTH_UNAVAILABLE);
	c->ctx = v->role;
	c->on_frame = on_unasked;
}

/* ---- the role ---- */

enum fault
vault_open_secrets(struct vault *v)
{
	struct role *r = v->role;
	char path[300];
	enum fault f;

	TRY(tls_setup_keys(r, v->keys, &v->key_count)); /* root's, perhaps */
	TRY(role_drop(r));
	snprintf(path, sizeof(path), "%s/vault/seal.key", r->state_dir);
	f = seal_key_load(path, false, &v->seal);
	if (f != OK)
		log_error(&r->log, "cannot-read-sealing-key", kv_c("path", path),
			kv_c("why", fault_words(f)->name));
	return f;
}

struct vault *
vault_new(struct role *r)
{
	struct vault *v = NEW(struct vault);
	int64_t ttl_ms = conf_int(r->conf, CONF_auth_cache_ttl);
	struct hash_key key;
	char cache_key[32];

	v->role = r;
	r->own = v;
	loop_random(r->loop, &key, sizeof(key));
	v->checks_key = key;
	v->guess = guess_new(key, GUESS_ENTRIES, GUESS_HALF_MS);
	if (ttl_ms > 0) {
		loop_random(r->loop, cache_key, sizeof(cache_key));
		v->cache = auth_cache_new(cache_key, CACHE_ENTRIES, ttl_ms);
		mem_wipe(cache_key, sizeof(cache_key));
	}
	v->hostname = conf_str(r->conf, CONF_myhostname);
	v->domain = conf_str(r->conf, CONF_mydomain);
	v->login_domain = conf_str(r->conf, CONF_smtpd_sasl_local_domain);
	init_chan(v, &v->store, "store");
	init_chan(v, &v->pop3, "pop3");
	init_chan(v, &v->imap, "imap");
	r->on_peer = on_peer;
	return v;
}

void
vault_start_threads(struct vault *v)
{
	int threads = (int)MAX(1, MIN(sysconf(_SC_NPROCESSORS_ONLN), MOST_THREADS));

	v->pool = pool_new(v->role->loop, threads);
	v->signers = pool_new(v->role->loop, threads);
}

void
vault_free(struct vault *v)
{
	chan_down(&v->store);
	chan_down(&v->pop3);
	chan_down(&v->imap);
	askers_done(&v->askers);
	if (v->pool) {
		pool_free(v->pool);
		pool_free(v->signers);
	}
	guess_free(v->guess);
	auth_cache_free(v->cache);
	store_reader_close(v->reader);
	for (size_t i = 0; i < v->key_count; i++)
		tls_key_free(v->keys[i]);
	mem_wipe(v, sizeof(*v));
	free(v);
}

static int
run(struct vault *v)
{
	struct role *r = v->role;
	char store[300];
	const char *paths[] = { store, NULL };
	struct jail jail = { JAIL_FILES_READ | JAIL_THREADS, paths, NULL };

	snprintf(store, sizeof(store), "%s/store", r->state_dir);
	if (vault_open_secrets(v) != OK)
		return EX_CONFIG;
	if (store_reader_open(store, &r->log, &v->reader) != OK)
		return EX_UNAVAILABLE;
	if (role_ready(r, &jail) != OK)
		return EX_OSERR;
	vault_start_threads(v);
	return role_loop(r);
}

int
vault_role(struct role *r)
{
	struct vault *v = vault_new(r);
	int status = run(v);

	vault_free(v);
	return status;
}
