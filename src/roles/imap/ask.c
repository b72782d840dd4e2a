#include "roles/imap/imap.h"

#include "base/mem.h"

enum fault
imap_ask(struct imap_session *s, uint16_t type, const struct buf *payload, struct arena *a, str *ret)
{
	struct frame answer;
	enum fault f = chan_call(&s->imap->store, type, buf_str(payload), -1,
		loop_now_ms(s->imap->role->loop) + IMAP_STORE_MS, a, &answer);

	if (f == OK)
		*ret = answer.payload;
	return f == TIMED_OUT ? STORE_DOWN : f;
}

enum fault
imap_catch_up(struct imap_session *s)
{
	TRY(reading_catch_up(&s->imap->store, IMAP_STORE_MS));
	s->wrote = false;
	return OK;
}

void
imap_put_ranges(struct buf *b, const struct imap_range *r, size_t n, size_t *at)
{
	buf_clear(b);
	for (size_t i = 0; i < IMAP_RANGES && *at < n; i++, (*at)++)
		talk_put_range(b, &(struct talk_range){ r[*at].first, r[*at].last });
}

enum fault
imap_change_flags(struct imap_session *s, struct arena *a, const struct imap_range *r, size_t n,
	enum imap_change how, const struct imap_flags *flags, uint64_t unchanged_since,
	struct buf *ret_modified)
{
	static const uint8_t hows[] = { [IMAP_CHANGE_REPLACE] = FLAGS_REPLACE,
		[IMAP_CHANGE_ADD] = FLAGS_ADD,
		[IMAP_CHANGE_REMOVE] = FLAGS_REMOVE };
	struct buf ranges = { 0 }, b = { 0 };
	uint64_t keywords = 0;
	size_t at = 0;
	enum fault f = imap_keyword_bits(s, flags, how != IMAP_CHANGE_REMOVE, &keywords);

	while (f == OK && at < n) {
		struct talk_flag_ask ask = { .account = s->account,
			.mailbox = s->box->mailbox,
			.how = hows[how],
			.flags = flags->bits,
			.keywords = keywords,
			.unchanged_since = unchanged_since };
		struct talk_flag_told told;
		str answer;

		imap_put_ranges(&ranges, r, n, &at);
		ask.uids = buf_str(&ranges);
		buf_clear(&b);
		talk_put_flag_ask(&b, &ask);
		f = imap_ask(s, TALK_ASK_flag_ask, &b, a, &answer);
		if (f == OK)
			f = talk_read_flag_told(answer, &told) ? told.fault : INTERNAL;
		if (f == OK) {
			s->wrote = true;
			s->box->silent = told.modseq;
			buf_add(ret_modified, told.modified);
		}
	}
	buf_done(&ranges);
	buf_done(&b);
	return f;
}

enum fault
imap_expunge(struct imap_session *s, struct arena *a, const struct imap_range *r, size_t n)
{
	struct buf ranges = { 0 }, b = { 0 };
	size_t at = 0;
	enum fault f = OK;

	while (f == OK && at < n) {
		struct talk_expunge ask = { .account = s->account, .mailbox = s->box->mailbox };
		struct talk_expunged told;
		str answer;

		imap_put_ranges(&ranges, r, n, &at);
		ask.uids = buf_str(&ranges);
		buf_clear(&b);
		talk_put_expunge(&b, &ask);
		f = imap_ask(s, TALK_ASK_expunge, &b, a, &answer);
		if (f == OK)
			f = talk_read_expunged(answer, &told) ? told.fault : INTERNAL;
		if (f == OK) {
			s->wrote = true;
			s->expunged += told.count;
		}
	}
	buf_done(&ranges);
	buf_done(&b);
	return f;
}
