#include "cli/control.h"

#include "base/mem.h"
#include "cli/house.h"
#include "rt/chan.h"
#include "talk/talk.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MS = 60000, CALLS_AT_ONCE = 256 };

struct control {
	struct loop *loop;
	struct chan chan;
};

/* ---- the connection ---- */

/* The server says nothing that it was not asked. */
static void
on_frame(struct chan *c, struct frame *f)
{
	if (f->fd >= 0)
		close(f->fd);
	chan_down(c);
}

enum fault
control_open(const char *path, const struct log *log, struct control **ret)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	str s = str_c(path);
	struct control *c;
	int fd;

	if (s.n >= sizeof(sa.sun_path))
		return NOT_FOUND; /* nobody can listen there */
	memcpy(sa.sun_path, s.p, s.n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return INTERNAL;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		int error = errno;

		close(fd);
		return error == ENOENT || error == ECONNREFUSED ? NOT_FOUND
		       : error == EACCES || error == EPERM      ? NOT_PERMITTED
		       : error == EAGAIN                        ? TOO_BUSY
								: INTERNAL;
	}
	c = NEW(struct control);
	c->loop = loop_new();
	loop_log_to(c->loop, log);
	chan_init(&c->chan, c->loop, "store", STORE_DOWN);
	c->chan.on_frame = on_frame;
	chan_up(&c->chan, fd);
	*ret = c;
	return OK;
}

void
control_close(struct control *c)
{
	if (!c)
		return;
	chan_down(&c->chan);
	loop_free(c->loop);
	free(c);
}

/* ---- calls ---- */

/* Several fibers take jobs from one list until it is empty. */
struct asking {
	struct control *control;
	enum fault (*ask)(struct asking *a, size_t i);
	const void *what;
	void *ret;
	size_t next, n, running;
	enum fault fault; /* the first that is not a job's own */
};

static void
ask_on(void *arg)
{
	struct asking *a = arg;

	while (a->next < a->n && a->fault == OK) {
		enum fault f = a->ask(a, a->next++);

		if (f != OK && a->fault == OK)
			a->fault = f;
	}
	a->running--;
}

static enum fault
ask_all(struct asking *a)
{
	a->running = MIN(a->n, (size_t)CALLS_AT_ONCE);
	for (size_t i = a->running; i > 0; i--)
		fiber_start(a->control->loop, ask_on, a);
	while (a->running > 0)
		(void)loop_run_once(a->control->loop);
	return a->fault;
}

/* In a fiber. The answer lives in the arena. */
static enum fault
call(struct control *c, uint16_t type, const struct buf *question, struct arena *a, str *ret)
{
	struct frame answer = { .fd = -1 };

	TRY(chan_call(&c->chan, type, buf_str(question), -1, loop_now_ms(c->loop) + ANSWER_MS, a, &answer));
	if (answer.fd >= 0)
		close(answer.fd);
	*ret = answer.payload;
	return OK;
}

struct question {
	uint16_t type;
	struct buf bytes;
	struct arena arena;
	str answer;
};

static enum fault
ask_one(struct asking *a, size_t i)
{
	struct question *q = a->ret;

	(void)i;
	return call(a->control, q->type, &q->bytes, &q->arena, &q->answer);
}

static enum fault
ask(struct control *c, struct question *q)
{
	struct asking a = { .control = c, .ask = ask_one, .ret = q, .n = 1 };

	return ask_all(&a);
}

static void
question_done(struct question *q)
{
	if (q->bytes.p)
		mem_wipe(q->bytes.p, q->bytes.room);
	buf_done(&q->bytes);
	arena_done(&q->arena);
}

/* For questions whose answer is a verdict. */
static enum fault
ask_done(struct control *c, struct question *q)
{
	enum fault f = ask(c, q);
	struct talk_done done;

	if (f == OK)
		f = talk_read_done(q->answer, &done) ? done.fault : MALFORMED;
	question_done(q);
	return f;
}

enum fault
control_apply(struct control *c)
{
	struct question q = { .type = TALK_ASK_apply };

	talk_put_apply(&q.bytes, &(struct talk_apply){ 0 });
	return ask_done(c, &q);
}

enum fault
control_put_domain(struct control *c, str domain)
{
	struct question q = { .type = TALK_ASK_domain_put };

	talk_put_domain_put(&q.bytes, &(struct talk_domain_put){ .domain = domain });
	return ask_done(c, &q);
}

enum fault
control_remove_domain(struct control *c, str domain)
{
	struct question q = { .type = TALK_ASK_domain_remove };

	talk_put_domain_remove(&q.bytes, &(struct talk_domain_remove){ .domain = domain });
	return ask_done(c, &q);
}

enum fault
control_remove_account(struct control *c, str address)
{
	struct question q = { .type = TALK_ASK_account_remove };

	talk_put_account_remove(&q.bytes, &(struct talk_account_remove){ .address = address });
	TRY(ask_done(c, &q));
	return control_apply(c); /* no login from now on */
}

enum fault
control_put_alias(struct control *c, str address, const str *targets, size_t n)
{
	struct question q = { .type = TALK_ASK_alias_put };
	struct buf list = { 0 };

	for (size_t i = 0; i < n; i++)
		talk_put_text(&list, &(struct talk_text){ .text = targets[i] });
	talk_put_alias_put(
		&q.bytes, &(struct talk_alias_put){ .address = address, .targets = buf_str(&list) });
	buf_done(&list);
	return ask_done(c, &q);
}

/* ---- accounts ---- */

struct account_answer {
	enum fault fault;
	uint32_t id;
};

static enum fault
ask_account(struct asking *asking, size_t i)
{
	const struct store_account *a = (const struct store_account *)asking->what + i;
	struct account_answer *ret = (struct account_answer *)asking->ret + i;
	struct question q = { 0 };
	struct talk_account_made made;
	enum fault f;

	talk_put_account_put(&q.bytes, &(struct talk_account_put){ .id = a->id,
					       .address = a->address,
					       .quota_bytes = a->quota_bytes,
					       .disabled = a->disabled,
					       .sealed = a->secret });
	f = call(asking->control, TALK_ASK_account_put, &q.bytes, &q.arena, &q.answer);
	if (f == OK)
		f = talk_read_account_made(q.answer, &made) ? OK : MALFORMED;
	if (f == OK)
		*ret = (struct account_answer){ made.fault, made.id };
	question_done(&q);
	return f;
}

static enum fault
ask_accounts(struct control *c, const struct store_account *list, size_t n, struct account_answer *ret)
{
	struct asking a = { .control = c, .ask = ask_account, .what = list, .ret = ret, .n = n };

	return ask_all(&a);
}

enum fault
control_put_account(struct control *c, const struct store_account *a, uint32_t *ret_id)
{
	struct account_answer answer = { 0 };

	TRY(ask_accounts(c, a, 1, &answer));
	TRY(answer.fault);
	*ret_id = answer.id;
	return a->id ? control_apply(c) : OK; /* a new password, or a closed door, holds from now on */
}

enum fault
control_put_accounts(struct control *c, const struct store_account *list, size_t n, enum fault *ret_faults)
{
	struct account_answer *answers = mem_new_array(n, sizeof(*answers));
	enum fault f;

	for (size_t i = 0; i < n; i++)
		answers[i].fault = STORE_DOWN;
	f = ask_accounts(c, list, n, answers);
	for (size_t i = 0; i < n; i++)
		ret_faults[i] = answers[i].fault;
	free(answers);
	return f;
}

/* ---- mail ---- */

enum fault
control_make_mailbox(struct control *c, uint32_t account, str name, enum store_role role, uint32_t *ret_id)
{
	struct question q = { .type = TALK_ASK_mailbox_make };
	struct talk_mailbox_made made;
	enum fault f;

	talk_put_mailbox_make(
		&q.bytes, &(struct talk_mailbox_make){ account, name, (uint8_t)role, .subscribed = true });
	f = ask(c, &q);
	if (f == OK)
		f = talk_read_mailbox_made(q.answer, &made) ? made.fault : MALFORMED;
	if (f == OK)
		*ret_id = made.id;
	question_done(&q);
	return f;
}

enum fault
control_put_keyword(struct control *c, uint32_t account, str name, unsigned *ret_bit)
{
	struct question q = { .type = TALK_ASK_keyword_put };
	struct talk_keyword_told told;
	enum fault f;

	talk_put_keyword_put(&q.bytes, &(struct talk_keyword_put){ account, name });
	f = ask(c, &q);
	if (f == OK)
		f = talk_read_keyword_told(q.answer, &told) && told.bit < STORE_KEYWORDS ? told.fault
											 : MALFORMED;
	if (f == OK)
		*ret_bit = told.bit;
	question_done(&q);
	return f;
}

/* Says one message; its fault is the answer's. */
static enum fault
append(struct control *c, struct house_message *m, uint64_t large)
{
	struct question q = { 0 };
	struct talk_verdict verdict;
	enum fault f;

	talk_put_append(&q.bytes, &(struct talk_append){ .account = m->account,
					  .mailbox = m->mailbox,
					  .flags = m->flags,
					  .keywords = m->keywords,
					  .received_ms = m->received_ms,
					  .sent_ms = m->sent_ms,
					  .message_id_key = m->message_id_key,
					  .once = m->once,
					  .references = m->references,
					  .dot_lines = m->dot_lines,
					  .large = large,
					  .row = m->row,
					  .body = large ? S("") : m->body });
	f = call(c, TALK_ASK_append, &q.bytes, &q.arena, &q.answer);
	if (f == OK && !talk_read_verdict(q.answer, &verdict))
		f = MALFORMED;
	if (f == OK)
		m->fault = verdict.fault;
	buf_done(&q.bytes);
	arena_done(&q.arena);
	return f;
}

static enum fault
ask_append(struct asking *a, size_t i)
{
	return append(a->control, (struct house_message *)a->ret + i, 0);
}

enum fault
control_append(struct control *c, struct house_message *list, size_t n)
{
	struct asking a = { .control = c, .ask = ask_append, .ret = list, .n = n };

	return ask_all(&a);
}

struct large {
	struct house_message *message;
	bool (*more)(void *ctx, struct buf *b);
	void *ctx;
	struct buf piece;
};

static enum fault
add_piece(struct control *c, uint64_t id, str bytes)
{
	struct question q = { 0 };
	struct talk_done done;
	enum fault f;

	talk_put_large_add(&q.bytes, &(struct talk_large_add){ id, bytes });
	f = call(c, TALK_ASK_large_add, &q.bytes, &q.arena, &q.answer);
	if (f == OK)
		f = talk_read_done(q.answer, &done) ? done.fault : MALFORMED;
	buf_done(&q.bytes);
	arena_done(&q.arena);
	return f;
}

static enum fault
ask_large(struct asking *a, size_t i)
{
	struct question q = { 0 };
	struct large *l = a->ret;
	struct talk_large_made made = { 0 };
	enum fault f;

	(void)i;
	talk_put_large_new(&q.bytes, &(struct talk_large_new){ 0 });
	f = call(a->control, TALK_ASK_large_new, &q.bytes, &q.arena, &q.answer);
	if (f == OK)
		f = talk_read_large_made(q.answer, &made) ? made.fault : MALFORMED;
	while (f == OK && l->more(l->ctx, &l->piece)) {
		f = add_piece(a->control, made.large, buf_str(&l->piece));
		buf_clear(&l->piece);
	}
	if (f == OK)
		f = append(a->control, l->message, made.large);
	question_done(&q);
	return f;
}

enum fault
control_append_large(
	struct control *c, struct house_message *m, bool (*more)(void *ctx, struct buf *b), void *ctx)
{
	struct large l = { .message = m, .more = more, .ctx = ctx };
	struct asking a = { .control = c, .ask = ask_large, .ret = &l, .n = 1 };
	enum fault f = ask_all(&a);

	buf_done(&l.piece);
	return f;
}

enum fault
control_stats(struct control *c, struct store_stats *ret)
{
	struct question q = { .type = TALK_ASK_stats_ask };
	uint64_t numbers[sizeof(*ret) / sizeof(uint64_t)];
	struct talk_stats_told told;
	struct talk_key key;
	enum fault f;

	talk_put_stats_ask(&q.bytes, &(struct talk_stats_ask){ .version = 1 });
	f = ask(c, &q);
	if (f == OK && !talk_read_stats_told(q.answer, &told))
		f = MALFORMED;
	for (size_t i = 0; f == OK && i < COUNT(numbers); i++) {
		if (talk_take_key(&told.numbers, &key))
			numbers[i] = key.key;
		else
			f = MALFORMED;
	}
	if (f == OK && told.numbers.n)
		f = MALFORMED; /* a server of another version */
	if (f == OK)
		memcpy(ret, numbers, sizeof(*ret));
	question_done(&q);
	return f;
}
