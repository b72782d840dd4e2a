/* roles/imap/search.c - SEARCH: RFC 3501 6.4.4, RFC 4731 (ESEARCH), 5032, 7162, 8474, 8514
 * Keys that the packed entries answer are tried first; the email row and the message itself are looked at only for what is left. */
#include "roles/imap/imap.h"

#include "base/mem.h"

enum { DAY_MS = 24 * 3600 * 1000 };

/* A search under way. */
struct search {
	struct imap_session *s;
	bool rows; /* some key wants the email row */
	int64_t now_ms;
	uint64_t highest_modseq;
	bool uses_modseq;
};
enum verdict { NO, YES, UNKNOWN /* until more of the message is looked at */ };

/* ---- the keys: made ready ---- */

static bool
is_text_key(enum imap_key k)
{
	return k >= IMAP_KEY_HEADER;
}

/* The text in UTF-8, folded, so that it can be compared. */
static enum fault
prepare_text(struct search *q, struct arena *a, struct imap_search_key *k, str charset)
{
	struct buf utf8 = { 0 }, folded = { 0 };
	enum fault f = OK;

	if (charset.n == 0 || str_eq_nocase(charset, S("UTF-8")) || str_eq_nocase(charset, S("US-ASCII"))) {
		if (!str_is_utf8(k->text))
			return BAD_ARGUMENT;
		buf_add(&utf8, k->text);
	} else if (!charset_add(q->s->imap->charsets, charset, k->text, &utf8)) {
		f = BAD_PARAMETER;
	}
	if (f == OK) {
		imap_fold(&folded, buf_str(&utf8));
		k->text = arena_str(a, buf_str(&folded));
	}
	buf_done(&utf8);
	buf_done(&folded);
	return f;
}

/* Message numbers become uids; what the client cannot know of is BAD. */
static enum fault
prepare_set(struct search *q, struct arena *a, struct imap_search_key *k)
{
	struct imap_range *r;
	size_t n;

	if (k->set.saved)
		return BAD_PARAMETER;
	TRY(imap_box_set(q->s->box, a, &k->set, k->key == IMAP_KEY_UID, &r, &n));
	k->set.ranges = r;
	k->set.n = n;
	return OK;
}

static enum fault
prepare(struct search *q, struct arena *a, struct imap_search_key *k, str charset)
{
	if (k->key == IMAP_KEY_SEQUENCE || k->key == IMAP_KEY_UID)
		TRY(prepare_set(q, a, k));
	if (is_text_key(k->key))
		TRY(prepare_text(q, a, k, charset));
	q->rows |= is_text_key(k->key) || k->key == IMAP_KEY_THREADID || k->key == IMAP_KEY_SENT_BEFORE ||
		   k->key == IMAP_KEY_SENT_ON || k->key == IMAP_KEY_SENT_SINCE;
	q->uses_modseq |= k->key == IMAP_KEY_MODSEQ;
	for (struct imap_search_key *c = k->children; c; c = c->next)
		TRY(prepare(q, a, c, charset));
	return OK;
}

/* ---- judging ---- */

static bool
set_has(const struct imap_set *set, uint32_t uid)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].last < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->n && set->ranges[low].first <= uid;
}

static bool
has_keyword(struct search *q, const struct store_entry *e, str name)
{
	for (unsigned i = 0; i < STORE_KEYWORDS; i++)
		if (e->keywords >> i & 1 && q->s->keywords[i] &&
			str_eq_nocase(str_c(q->s->keywords[i]), name))
			return true;
	return false;
}

static bool
is_id(str text, char letter, uint64_t id)
{
	uint64_t n;

	return text.n > 1 && text.p[0] == letter && str_to_u64(str_from(text, 1), UINT64_MAX, &n) && n == id;
}

static uint64_t
day_of(int64_t ms)
{
	return ms < 0 ? 0 : (uint64_t)ms / DAY_MS;
}

/* What the entry alone says. */
static enum verdict
judge_entry(struct search *q, const struct store_entry *e, const struct imap_search_key *k)
{
	uint64_t age_s = q->now_ms > e->received_ms ? (uint64_t)(q->now_ms - e->received_ms) / 1000 : 0;

	switch (k->key) {
	case IMAP_KEY_ALL:
	case IMAP_KEY_SAVEDATE_SUPPORTED: return YES;
	case IMAP_KEY_SEQUENCE:
	case IMAP_KEY_UID: return set_has(&k->set, e->uid);
	case IMAP_KEY_FLAG: return (e->flags & k->number) != 0;
	case IMAP_KEY_KEYWORD: return has_keyword(q, e, k->text);
	case IMAP_KEY_RECENT: return NO;
	case IMAP_KEY_LARGER: return e->size > k->number;
	case IMAP_KEY_SMALLER: return e->size < k->number;
	case IMAP_KEY_BEFORE: return day_of(e->received_ms) < k->number;
	case IMAP_KEY_ON: return day_of(e->received_ms) == k->number;
	case IMAP_KEY_SINCE: return day_of(e->received_ms) >= k->number;
	case IMAP_KEY_SAVED_BEFORE: return day_of(e->saved_ms) < k->number;
	case IMAP_KEY_SAVED_ON: return day_of(e->saved_ms) == k->number;
	case IMAP_KEY_SAVED_SINCE: return day_of(e->saved_ms) >= k->number;
	case IMAP_KEY_OLDER: return age_s >= k->number;
	case IMAP_KEY_YOUNGER: return age_s <= k->number;
	case IMAP_KEY_MODSEQ: return e->modseq >= k->number;
	case IMAP_KEY_EMAILID: return is_id(k->text, 'M', e->email);
	default: return UNKNOWN;
	}
}

/* What wants the row or the message. Waits. */
static enum fault
judge_message(
	struct search *q, struct arena *a, struct imap_message *m, const struct imap_search_key *k, bool *ret)
{
	switch (k->key) {
	case IMAP_KEY_THREADID: *ret = is_id(k->text, 'T', m->email.thread); return OK;
	case IMAP_KEY_SENT_BEFORE: *ret = day_of(m->email.sent_ms) < k->number; return OK;
	case IMAP_KEY_SENT_ON: *ret = day_of(m->email.sent_ms) == k->number; return OK;
	case IMAP_KEY_SENT_SINCE: *ret = day_of(m->email.sent_ms) >= k->number; return OK;
	default: return imap_text_holds(q->s, a, m, k, ret);
	}
}

static enum fault judge(struct search *q, struct arena *a, struct imap_message *m,
	const struct imap_search_key *k, enum verdict *ret);

/* All (and) or one (or) of the children: first with what the entry says, then, where that leaves it open, with what is costly. */
static enum fault
judge_children(struct search *q, struct arena *a, struct imap_message *m, const struct imap_search_key *k,
	enum verdict decides, enum verdict *ret)
{
	enum verdict whole = decides == NO ? YES : NO;

	for (const struct imap_search_key *c = k->children; c; c = c->next) {
		enum verdict v;

		TRY(judge(q, NULL, m, c, &v));
		if (v == decides) {
			*ret = decides;
			return OK;
		}
		if (v == UNKNOWN)
			whole = UNKNOWN;
	}
	for (const struct imap_search_key *c = k->children; c && a && whole == UNKNOWN; c = c->next) {
		enum verdict v;

		TRY(judge(q, a, m, c, &v));
		if (v == decides) {
			*ret = decides;
			return OK;
		}
	}
	*ret = whole == UNKNOWN && a ? (decides == NO ? YES : NO) : whole;
	return OK;
}

/* a NULL: only what costs nothing. */
static enum fault
judge(struct search *q, struct arena *a, struct imap_message *m, const struct imap_search_key *k,
	enum verdict *ret)
{
	bool holds;

	switch (k->key) {
	case IMAP_KEY_AND: return judge_children(q, a, m, k, NO, ret);
	case IMAP_KEY_OR: return judge_children(q, a, m, k, YES, ret);
	case IMAP_KEY_NOT:
		TRY(judge(q, a, m, k->children, ret));
		*ret = *ret == UNKNOWN ? UNKNOWN : *ret == YES ? NO : YES;
		return OK;
	default: break;
	}
	*ret = judge_entry(q, &m->entry, k);
	if (*ret != UNKNOWN || !a)
		return OK;
	TRY(judge_message(q, a, m, k, &holds));
	*ret = holds ? YES : NO;
	return OK;
}

/* ---- the walk ---- */

struct found {
	uint32_t *uids;
	size_t n;
	uint64_t modseq; /* the highest of them */
};

static enum fault
read_some(struct search *q, struct arena *a, uint32_t *from, struct imap_message *m, size_t *ret_n)
{
	struct imap_session *s = q->s;
	struct store_entry *e = ARENA_ARRAY(a, IMAP_BATCH, struct store_entry);
	struct store_view *v;
	size_t got = 0, n = 0;
	enum fault f;

	TRY(store_view_begin(s->imap->reading.reader, &v));
	f = view_entries(v, s->account, s->box->mailbox, *from, e, IMAP_BATCH, &got);
	for (size_t i = 0; f == OK && i < got; i++) {
		*from = e[i].uid + 1;
		imap_learn_keywords(s, v, e[i].keywords);
		if (!imap_box_number(s->box, e[i].uid))
			continue;
		m[n] = (struct imap_message){ .entry = e[i] };
		if (q->rows) {
			f = view_email(v, s->account, e[i].email, &m[n].email);
			if (f == OK)
				store_email_keep(a, &m[n].email);
		}
		n++;
	}
	store_view_end(v);
	if (got == 0)
		*from = 0;
	*ret_n = n;
	return f;
}

static enum fault
walk(struct search *q, const struct imap_search_key *key, struct found *out)
{
	struct imap_message *m = mem_new_array(IMAP_BATCH, sizeof(*m));
	uint32_t from = 1;
	enum fault f = OK;

	while (from && f == OK) {
		struct arena a = { 0 };
		size_t n = 0;

		f = read_some(q, &a, &from, m, &n);
		for (size_t i = 0; i < n && f == OK; i++) {
			enum verdict v = NO;

			f = judge(q, &a, &m[i], key, &v);
			if (f == OK && v == YES) {
				out->uids[out->n++] = m[i].entry.uid;
				out->modseq = MAX(out->modseq, m[i].entry.modseq);
			}
		}
		arena_done(&a);
		if (f == OK)
			f = fiber_yield(q->s->imap->role->loop);
	}
	free(m);
	return f;
}

/* ---- the answer ---- */

static uint32_t
shown(const struct imap_session *s, bool uid, uint32_t u)
{
	return uid ? u : imap_box_number(s->box, u);
}

static void
answer_plain(struct search *q, const struct imap_command *c, const struct found *out)
{
	struct buf *b = &q->s->stream.out;

	buf_add(b, S("* SEARCH"));
	for (size_t i = 0; i < out->n; i++)
		buf_printf(b, " %u", shown(q->s, c->uid, out->uids[i]));
	if (q->uses_modseq && out->n)
		buf_printf(b, " (MODSEQ %llu)", (unsigned long long)out->modseq);
	buf_add(b, S("\r\n"));
}

/* RFC 4731 3.1 */
static void
answer_extended(struct search *q, const struct imap_command *c, const struct found *out)
{
	struct buf *b = &q->s->stream.out;
	unsigned wanted = c->search.wanted;
	struct imap_set_writer w = { 0 };

	buf_printf(b, "* ESEARCH (TAG \"%.*s\")%s", STR_ARG(c->tag), c->uid ? " UID" : "");
	if (wanted & IMAP_RETURN_MIN && out->n)
		buf_printf(b, " MIN %u", shown(q->s, c->uid, out->uids[0]));
	if (wanted & IMAP_RETURN_MAX && out->n)
		buf_printf(b, " MAX %u", shown(q->s, c->uid, out->uids[out->n - 1]));
	if (wanted & IMAP_RETURN_COUNT)
		buf_printf(b, " COUNT %zu", out->n);
	if (wanted & IMAP_RETURN_ALL && out->n) {
		buf_add(b, S(" ALL "));
		for (size_t i = 0; i < out->n; i++)
			imap_set_put(b, &w, shown(q->s, c->uid, out->uids[i]));
		imap_set_end(b, &w);
	}
	if (q->uses_modseq && out->n)
		buf_printf(b, " MODSEQ %llu", (unsigned long long)out->modseq);
	buf_add(b, S("\r\n"));
}

enum fault
imap_cmd_search(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	const unsigned known = IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_ALL | IMAP_RETURN_COUNT;
	struct search q = { .s = s, .now_ms = loop_wall_ms(s->imap->role->loop) };
	struct found out = { 0 };
	enum fault f;

	if (c->search.wanted & ~known)
		return BAD_PARAMETER;
	if (c->search.charset.n && !str_eq_nocase(c->search.charset, S("UTF-8")) &&
		!str_eq_nocase(c->search.charset, S("US-ASCII")) &&
		!charset_known(s->imap->charsets, c->search.charset)) {
		ret->code = S("BADCHARSET (UTF-8)");
		return NOT_FOUND;
	}
	TRY(prepare(&q, a, c->search.key, c->search.charset));
	s->condstore |= q.uses_modseq;
	if (s->wrote)
		TRY(imap_catch_up(s));
	out.uids = mem_new_array(MAX(s->box->n, 1u), sizeof(*out.uids));
	f = walk(&q, c->search.key, &out);
	if (f == OK && c->search.extended)
		answer_extended(&q, c, &out);
	else if (f == OK)
		answer_plain(&q, c, &out);
	free(out.uids);
	ret->text = S("Searched");
	return f;
}
