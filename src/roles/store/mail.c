/* roles/store/mail.c - what smtp and pop3 ask of the store */
#include "roles/store/role.h"

#include "base/mem.h"
#include "roles/store/written.h"

#include <stdlib.h>

enum { MOST_DELIVERIES = 20000, MOST_RANGES = 1000000 };

struct large {
	struct link link;
	uint64_t id;
	struct store_large *body;
	bool syncing;
};

void
store_on_names(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_names_ask ask;
	struct buf facts = { 0 };
	bool first = false;
	enum fault fault;

	if (!talk_read_names_ask(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_look(s, &ask, &facts, &first);
	if (fault == MALFORMED)
		role_bad_frame(s->role, &p->chan, f, "names");
	else
		ROLE_ANSWER(&p->chan, f, names_told,
			{ .fault = fault, .first = first, .facts = fault == OK ? buf_str(&facts) : S("") });
	buf_done(&facts);
}

/* ---- bodies in pieces ---- */

static struct large *
find_large(struct store_peer *p, uint64_t id)
{
	LIST_EACH(&p->larges, l) {
		struct large *g = CONTAINER(l, struct large, link);
		if (g->id == id)
			return g;
	}
	return NULL;
}

static void
drop_large(struct large *g)
{
	list_remove(&g->link);
	if (g->syncing) /* its fiber frees it */
		return;
	store_large_free(g->body);
	free(g);
}

void
store_drop_larges(struct store_peer *p)
{
	LIST_EACH(&p->larges, l)
		drop_large(CONTAINER(l, struct large, link));
}

void
store_on_large_new(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_large_new ask;
	struct store_large *body = NULL;
	struct large *g;
	enum fault fault;

	if (!talk_read_large_new(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_large_new(s->store, &body);
	if (fault != OK) {
		ROLE_ANSWER(&p->chan, f, large_made, { .fault = fault });
		return;
	}
	g = NEW(struct large);
	g->id = ++s->next_large;
	g->body = body;
	list_append(&p->larges, &g->link);
	ROLE_ANSWER(&p->chan, f, large_made, { .large = g->id });
}

void
store_on_large_add(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_large_add ask;
	struct large *g;

	if (!talk_read_large_add(f->payload, &ask) || !(g = find_large(p, ask.large)) || g->syncing) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	ROLE_ANSWER(&p->chan, f, done, { .fault = store_large_add(g->body, ask.bytes) });
}

void
store_on_large_drop(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_large_drop ask;
	struct large *g;

	if (!talk_read_large_drop(f->payload, &ask))
		role_bad_frame(s->role, &p->chan, f, "fields");
	else if ((g = find_large(p, ask.large)))
		drop_large(g);
}

/* ---- accept ---- */

/* Whom the writer had never written to, in the same batch. That it is not remembered is no reason to refuse the message. */
static void
note_written(struct storekeeper *s, const struct talk_accept *in)
{
	struct talk_key key;
	uint64_t *keys;
	size_t n = 0;
	enum fault f;

	for (str list = in->written; list.n && n < MOST_DELIVERIES && talk_take_key(&list, &key);)
		n++;
	keys = ARENA_ARRAY(&s->scratch, n, uint64_t);
	n = 0;
	for (str list = in->written; list.n && n < MOST_DELIVERIES && talk_take_key(&list, &key);)
		keys[n++] = key.key;
	f = written_add(s->store, in->writer, keys, n);
	if (f != OK)
		log_warn(&s->role->log, "written-not-noted", kv_uint("account", in->writer),
			kv_c("why", fault_words(f)->name));
}

static void
take_references(struct storekeeper *s, str references, struct store_message *m)
{
	struct talk_key key;
	uint64_t *keys;
	size_t n = 0;

	for (str list = references; list.n && talk_take_key(&list, &key);)
		n++;
	m->reference_keys = keys = ARENA_ARRAY(&s->scratch, n, uint64_t);
	m->reference_count = n;
	n = 0;
	for (str list = references; list.n && talk_take_key(&list, &key);)
		keys[n++] = key.key;
}

static void
accept_now(struct storekeeper *s, struct store_peer *p, const struct frame *f, const struct talk_accept *in,
	struct store_large **large)
{
	struct store_message m = { .body = in->body,
		.large = *large,
		.row = in->row,
		.received_ms = in->received_ms,
		.sent_ms = in->sent_ms,
		.message_id_key = in->message_id_key,
		.dot_lines = in->dot_lines };
	struct store_delivery *d;
	struct talk_delivery td;
	size_t n = 0;
	struct buf verdicts = { 0 };
	enum fault fault;

	for (str list = in->deliveries; list.n && talk_take_delivery(&list, &td);)
		n++;
	n = MIN(n, MOST_DELIVERIES);
	d = ARENA_ARRAY(&s->scratch, n, struct store_delivery);
	n = 0;
	for (str list = in->deliveries; n < MOST_DELIVERIES && list.n && talk_take_delivery(&list, &td);)
		d[n++] = (struct store_delivery){ .account = td.account,
			.mailbox = td.mailbox,
			.flags = td.flags,
			.promised = td.promised,
			.prefix = td.prefix };
	take_references(s, in->references, &m);
	fault = n ? store_accept(s->store, &m, d, n) : NO_VALID_RCPTS;
	if (fault == OK)
		*large = NULL;
	if (fault == OK && in->writer && in->written.n)
		note_written(s, in);
	for (size_t i = 0; i < n; i++)
		talk_put_verdict(&verdicts, &(struct talk_verdict){ d[i].verdict, d[i].uid, d[i].email });
	STORE_ANSWER(s, p, f, accepted, { .fault = fault, .verdicts = buf_str(&verdicts) });
	buf_done(&verdicts);
}

static void
append_now(struct storekeeper *s, struct store_peer *p, const struct frame *f, const struct talk_append *in,
	struct store_large **large)
{
	struct store_message m = { .body = in->body,
		.large = *large,
		.row = in->row,
		.received_ms = in->received_ms,
		.sent_ms = in->sent_ms,
		.message_id_key = in->message_id_key,
		.once = in->once,
		.dot_lines = in->dot_lines };
	struct store_delivery d = { .account = in->account,
		.mailbox = in->mailbox,
		.flags = in->flags & STORE_FLAGS,
		.keywords = in->keywords };

	take_references(s, in->references, &m);
	if (store_accept(s->store, &m, &d, 1) == OK)
		*large = NULL;
	STORE_ANSWER(s, p, f, verdict, { d.verdict, d.uid, d.email });
}

struct large_accept {
	struct storekeeper *s;
	struct store_peer *p;
	struct large *large;
	struct frame frame; /* its payload in the arena */
	struct arena arena;
	enum fault fault;
};

static void
sync_in_thread(void *arg)
{
	struct large_accept *la = arg;

	la->fault = store_large_sync(la->large->body);
}

/* A fiber: the body's own flush runs in a thread while the loop goes on; then it joins a batch like any other. */
static void
accept_large(void *arg)
{
	struct large_accept *la = arg;
	struct storekeeper *s = la->s;
	struct talk_accept in;
	struct talk_append one;
	enum fault f = pool_run(s->pool, sync_in_thread, la, 0);
	bool appends = la->frame.type == TALK_ASK_append;

	if (f == OK)
		f = la->fault;
	list_remove(&la->large->link);
	if (f == OK && appends && talk_read_append(la->frame.payload, &one))
		append_now(s, la->p, &la->frame, &one, &la->large->body);
	else if (f == OK && !appends && talk_read_accept(la->frame.payload, &in))
		accept_now(s, la->p, &la->frame, &in, &la->large->body);
	else if (appends)
		ROLE_ANSWER(&la->p->chan, &la->frame, verdict, { .fault = f == OK ? MALFORMED : f });
	else
		ROLE_ANSWER(&la->p->chan, &la->frame, accepted, { .fault = f == OK ? MALFORMED : f });
	arena_reset(&s->scratch);
	la->p->busy--;
	store_large_free(la->large->body);
	free(la->large);
	arena_done(&la->arena);
	free(la);
}

static void
sync_first(struct storekeeper *s, struct store_peer *p, const struct frame *f, uint64_t id, str body)
{
	struct large_accept *la;
	struct large *g = find_large(p, id);

	if (!g || g->syncing || body.n) {
		role_bad_frame(s->role, &p->chan, f, "large");
		return;
	}
	g->syncing = true;
	p->busy++;
	la = NEW(struct large_accept);
	la->s = s;
	la->p = p;
	la->large = g;
	la->frame = *f;
	la->frame.payload = arena_str(&la->arena, f->payload);
	fiber_start(s->role->loop, accept_large, la);
}

void
store_on_accept(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct store_large *none = NULL;
	struct talk_accept in;

	if (!talk_read_accept(f->payload, &in))
		role_bad_frame(s->role, &p->chan, f, "fields");
	else if (in.large)
		sync_first(s, p, f, in.large, in.body);
	else
		accept_now(s, p, f, &in, &none);
}

void
store_on_append(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct store_large *none = NULL;
	struct talk_append in;

	if (!talk_read_append(f->payload, &in))
		role_bad_frame(s->role, &p->chan, f, "fields");
	else if (in.large)
		sync_first(s, p, f, in.large, in.body);
	else
		append_now(s, p, f, &in, &none);
}

/* ---- mailboxes ---- */

void
store_on_mailbox_make(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_mailbox_make ask;
	uint32_t id = 0;
	enum fault fault;

	if (!talk_read_mailbox_make(f->payload, &ask) || ask.role > ROLE_ARCHIVE) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_create_mailbox(s->store, ask.account, ask.name, (enum store_role)ask.role, &id);
	if (fault == OK && ask.subscribed)
		fault = store_subscribe_mailbox(s->store, ask.account, id, true);
	STORE_ANSWER(s, p, f, mailbox_made, { .fault = fault, .id = id });
}

void
store_on_keyword(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_keyword_put ask;
	unsigned bit = 0;
	enum fault fault;

	if (!talk_read_keyword_put(f->payload, &ask)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_put_keyword(s->store, ask.account, ask.name, &bit);
	STORE_ANSWER(s, p, f, keyword_told, { .fault = fault, .bit = (uint8_t)bit });
}

/* ---- changes ---- */

bool
store_read_ranges(struct storekeeper *s, str list, struct uid_range **ret, size_t *ret_n)
{
	struct talk_range r;
	size_t n = 0;

	for (str l = list; l.n;) {
		if (!talk_take_range(&l, &r) || r.first == 0 || r.first > r.last || ++n > MOST_RANGES)
			return false;
	}
	*ret = ARENA_ARRAY(&s->scratch, n, struct uid_range);
	n = 0;
	for (str l = list; l.n && talk_take_range(&l, &r);)
		(*ret)[n++] = (struct uid_range){ r.first, r.last };
	*ret_n = n;
	return true;
}

void
store_on_expunge(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_expunge ask;
	struct uid_range *uids;
	size_t n;
	uint32_t count = 0;
	enum fault fault;

	if (!talk_read_expunge(f->payload, &ask) || !store_read_ranges(s, ask.uids, &uids, &n)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_expunge(s->store, ask.account, ask.mailbox, uids, n, &count);
	STORE_ANSWER(s, p, f, expunged, { .fault = fault, .count = count });
}

void
store_on_flags(struct storekeeper *s, struct store_peer *p, struct frame *f)
{
	struct talk_add_flags ask;
	struct uid_range *uids, *modified = NULL;
	size_t n, modified_n = 0;
	uint64_t modseq = 0;
	enum fault fault;

	if (!talk_read_add_flags(f->payload, &ask) || !store_read_ranges(s, ask.uids, &uids, &n)) {
		role_bad_frame(s->role, &p->chan, f, "fields");
		return;
	}
	fault = store_flag(s->store, &s->scratch, ask.account, ask.mailbox, uids, n, FLAGS_ADD, ask.flags, 0,
		UINT64_MAX, &modseq, &modified, &modified_n);
	STORE_ANSWER(s, p, f, done, { .fault = fault });
}
