/* roles/pop3/update.c - what the store is asked to change: nothing before the session ends */
#include "base/mem.h"
#include "roles/pop3/pop3.h"

enum { MOST_RANGES = 40000 }; /* of one request: fits a frame */

static bool
is_deleted(const struct pop3_entry *e)
{
	return e->deleted;
}

static bool
is_fetched(const struct pop3_entry *e)
{
	return e->fetched && !e->deleted;
}

/* Ranges of UIDs of the entries that are `wanted`, from *at on, as a list of talk range. Between two entries of the snapshot there is no UID
 * that exists, so neighbours make one range. False: no more. */
static bool
next_ranges(const struct pop3_session *s, bool (*wanted)(const struct pop3_entry *e), uint32_t *at,
	struct buf *ret)
{
	uint32_t i = *at;

	buf_clear(ret);
	for (int n = 0; i < s->count && n < MOST_RANGES; n++) {
		struct talk_range r;

		while (i < s->count && !wanted(&s->entries[i]))
			i++;
		if (i == s->count)
			break;
		r.first = s->entries[i].uid;
		while (i < s->count && wanted(&s->entries[i]))
			i++;
		r.last = s->entries[i - 1].uid;
		talk_put_range(ret, &r);
	}
	*at = i;
	return ret->n > 0;
}

static enum fault
ask(struct pop3_session *s, uint16_t type, const struct buf *payload, struct arena *a, str *ret)
{
	struct pop3 *p = s->pop3;
	struct frame answer;
	enum fault f = chan_call(&p->store, type, buf_str(payload), -1,
		loop_now_ms(p->role->loop) + POP3_STORE_MS, a, &answer);

	if (f == OK)
		*ret = answer.payload;
	return f == TIMED_OUT ? STORE_DOWN : f;
}

enum fault
pop3_expunge(struct pop3_session *s)
{
	struct buf ranges = { 0 }, b = { 0 };
	struct arena a = { 0 };
	uint32_t at = 0;
	enum fault f = OK;

	while (f == OK && next_ranges(s, is_deleted, &at, &ranges)) {
		struct talk_expunge m = {
			.account = s->account, .mailbox = s->mailbox, .uids = buf_str(&ranges)
		};
		struct talk_expunged told;
		str answer;

		buf_clear(&b);
		talk_put_expunge(&b, &m);
		f = ask(s, TALK_ASK_expunge, &b, &a, &answer);
		if (f == OK)
			f = talk_read_expunged(answer, &told) ? told.fault : INTERNAL;
		if (f == OK)
			s->expunged += told.count;
	}
	if (f != OK)
		log_warn(&s->log, "expunge-failed", kv_uint("deleted", s->deleted),
			kv_c("why", fault_words(f)->name));
	buf_done(&ranges);
	buf_done(&b);
	arena_done(&a);
	return f;
}

void
pop3_save_seen(struct pop3_session *s)
{
	struct buf ranges = { 0 }, b = { 0 };
	struct arena a = { 0 };
	uint32_t at = 0;
	enum fault f = OK;

	while (s->fetched && f == OK && next_ranges(s, is_fetched, &at, &ranges)) {
		struct talk_add_flags m = { .account = s->account,
			.mailbox = s->mailbox,
			.uids = buf_str(&ranges),
			.flags = FLAG_SEEN };
		struct talk_done done;
		str answer;

		buf_clear(&b);
		talk_put_add_flags(&b, &m);
		f = ask(s, TALK_ASK_add_flags, &b, &a, &answer);
		if (f == OK)
			f = talk_read_done(answer, &done) ? done.fault : INTERNAL;
	}
	if (f != OK)
		log_warn(&s->log, "seen-not-kept", kv_uint("messages", s->fetched),
			kv_c("why", fault_words(f)->name));
	s->fetched = 0;
	buf_done(&ranges);
	buf_done(&b);
	arena_done(&a);
}
