/* What the log holds: how far it is durable, what is damaged, where the torn tail begins. */
#include "store/embedded/engine.h"

#include "base/mem.h"
#include "store/embedded/walk.h"

static void
add_gap(struct survey *v, const struct record *r, struct position before)
{
	v->gaps = mem_grow(v->gaps, (v->gap_count + 1) * sizeof(*v->gaps));
	v->gaps[v->gap_count++] = (struct gap){ r->at, r->type, v->last_lsn, before };
}

/* What a record tells about those before it. It cannot know of itself. */
static void
hear(struct survey *v, struct arena *a, const struct record *r)
{
	struct effect e;
	uint64_t durable = 0;

	v->last_is_mark = false;
	if (r->type != RECORD_SEGMENT && r->type != RECORD_BATCH)
		return;
	if (effect_decode(a, r->type, r->rest, &e) != OK)
		return;
	if (r->type == RECORD_SEGMENT)
		durable = e.segment.durable_lsn;
	else
		durable = e.batch.durable_lsn;
	v->last_is_mark = r->type == RECORD_BATCH && e.batch.count == 0;
	if (durable < r->at.lsn)
		v->durable_lsn = MAX(v->durable_lsn, durable);
}

static enum fault
read_all(struct survey *v, struct walk *w)
{
	struct position end = v->end;
	struct arena a = { 0 };
	struct record r = { 0 };
	enum walk_step step;

	while ((step = walk_next(w, &r)) == WALK_RECORD || step == WALK_BAD) {
		struct position begin = { r.at.segment, r.at.offset };

		v->highest_lsn = MAX(v->highest_lsn, r.at.lsn);
		if (step == WALK_BAD || r.at.lsn <= v->last_lsn) {
			add_gap(v, &r, end);
		} else {
			hear(v, &a, &r);
			v->last_lsn = r.at.lsn;
			v->records++;
		}
		end = (struct position){ begin.segment, begin.offset + r.at.bytes };
		arena_reset(&a);
	}
	arena_done(&a);
	v->end = end;
	return step == WALK_END ? OK : STORE_DOWN;
}

/* The first stretch that may never have been promised: with it the torn tail begins. What was lost in a stretch has an LSN above the
 * last one before it. */
static void
find_torn(struct survey *v)
{
	for (size_t i = 0; i < v->gap_count; i++) {
		const struct gap *g = &v->gaps[i];
		uint64_t lost = g->at.lsn > g->after_lsn ? g->at.lsn : g->after_lsn + 1;

		if (lost <= v->durable_lsn)
			continue;
		v->torn = true;
		v->end = g->before;
		v->last_lsn = g->after_lsn;
		v->gap_count = i;
		return;
	}
}

/* Records that nobody says are durable, up to the end: perhaps only in the page cache, left there by a flush that failed. */
static enum fault
find_doubtful(
	struct survey *v, const struct log *log, int dir, const struct hash_key *id, struct position from)
{
	struct walk w;
	struct record r = { 0 };
	enum walk_step step;

	if (v->last_lsn <= v->durable_lsn)
		return OK;
	TRY(walk_begin(&w, log, dir, id, from.segment, from.offset));
	while ((step = walk_next(&w, &r)) == WALK_RECORD || step == WALK_BAD)
		if (step == WALK_RECORD && r.at.lsn > v->durable_lsn) {
			v->doubtful = (struct position){ r.at.segment, r.at.offset };
			v->first_doubtful_lsn = r.at.lsn;
			break;
		}
	walk_end(&w);
	return step == WALK_FAILED ? STORE_DOWN : OK;
}

enum fault
survey_log(const struct log *log, int dir, const struct hash_key *id, struct position from, uint64_t from_lsn,
	struct survey *ret)
{
	struct survey v = {
		.end = from, .last_lsn = from_lsn, .durable_lsn = from_lsn, .highest_lsn = from_lsn
	};
	struct walk w;
	enum fault f;

	TRY(walk_begin(&w, log, dir, id, from.segment, from.offset));
	f = read_all(&v, &w);
	walk_end(&w);
	if (f == OK) {
		find_torn(&v);
		f = find_doubtful(&v, log, dir, id, from);
	}
	if (f != OK) {
		survey_done(&v);
		return f;
	}
	*ret = v;
	return OK;
}

void
survey_done(struct survey *v)
{
	free(v->gaps);
	*v = (struct survey){ 0 };
}
