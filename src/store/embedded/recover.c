/* From a folder as it is found to a store that goes on. */
#include "store/embedded/engine.h"

#include "base/mem.h"
#include "store/embedded/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	COMMIT_EVERY = 20000,
	MOST_ASIDE = 1000 /* records that cannot be applied: with more, the log is not one that we wrote */
};

/* ---- the index: opened, or given up ---- */

static enum fault
open_index(struct store *s)
{
	struct arena a = { 0 };
	struct index_settings set = {
		.dir = arena_printf(&a, "%s/%s", s->set.dir, s->opening.index_name).p,
		.map_bytes = s->set.index_map_bytes,
		.read_only = s->set.read_only,
		.unsynced = s->opening.unsynced,
	};
	enum fault f = index_open(&set, &s->log, &s->st.ix);

	arena_done(&a);
	return f;
}

static enum fault
remove_file(struct store *s, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", s->opening.index_name, name);
	if (unlinkat(s->dir, path, 0) == 0 || errno == ENOENT)
		return OK;
	return fault_of_errno(&s->log, "remove", path);
}

/* The log is the truth: an index that cannot be used is made anew. */
enum fault
store_give_up_index(struct store *s, const char *why)
{
	log_error(&s->log, "index-given-up", kv_c("why", why));
	if (s->set.read_only)
		return STORE_CORRUPT;
	state_abort(&s->st);
	index_close(s->st.ix);
	s->st.ix = NULL;
	TRY(remove_file(s, "data.mdb"));
	TRY(remove_file(s, "lock.mdb"));
	s->st.meta = (struct row_meta){ .id = s->st.meta.id, .next_account = 1, .next_body = 1 };
	s->st.segment_count = 0;
	TRY(open_index(s));
	return state_begin(&s->st, false);
}

/* Opens it and reads its counters; a new one has none. */
static enum fault
read_index(struct store *s)
{
	enum fault f = open_index(s);

	if (f == OK && s->set.read_only) {
		TRY(index_begin_read(s->st.ix, &s->st.txn));
		s->now.txn = s->st.txn;
		return view_meta(&s->now, &s->st.meta);
	}
	if (f == OK)
		f = state_begin(&s->st, true);
	if (f == STORE_CORRUPT)
		return store_give_up_index(s, "it is damaged");
	if (f == OK && s->st.meta.format != LOG_FORMAT)
		return store_give_up_index(s, "it is of another format");
	return f == NOT_FOUND ? OK : f;
}

/* ---- repairs ---- */

static void
report_damage(struct store *s, const struct survey *v)
{
	for (size_t i = 0; i < v->gap_count; i++) {
		const struct gap *g = &v->gaps[i];

		log_error(&s->log, "log-damaged", kv_uint("segment", g->at.segment),
			kv_uint("offset", g->at.offset), kv_uint("bytes", g->at.bytes),
			kv_c("record", record_name(g->type)), kv_uint("lsn", g->at.lsn),
			kv_uint("after-lsn", g->after_lsn));
	}
	s->damaged += v->gap_count;
}

static enum fault
open_segment(struct store *s, uint32_t number, int flags, int *ret_fd, struct stat *ret)
{
	char name[SEGMENT_NAME];

	segment_name(number, name);
	*ret_fd = openat(s->log_dir, name, flags | O_CLOEXEC);
	if (*ret_fd < 0 || fstat(*ret_fd, ret) != 0) {
		enum fault f = fault_of_errno(&s->log, "open", name);

		if (*ret_fd >= 0)
			close(*ret_fd);
		return f;
	}
	return OK;
}

/* Erased for good before anything else is written: its bytes must not come back to life behind new ones. */
static enum fault
erase_behind(struct store *s, struct survey *v)
{
	uint32_t *segments = NULL;
	size_t n = 0;
	bool removed = false;
	struct stat st;
	int fd;

	TRY(walk_list(&s->log, s->log_dir, &segments, &n));
	for (size_t i = n; i-- > 0 && segments[i] >= v->end.segment;) {
		char name[SEGMENT_NAME];
		bool is_end = segments[i] == v->end.segment;
		enum fault f = open_segment(s, segments[i], is_end ? O_WRONLY : O_RDONLY, &fd, &st);

		if (f != OK) {
			free(segments);
			return f;
		}
		segment_name(segments[i], name);
		if (is_end && (uint64_t)st.st_size > v->end.offset) {
			v->torn_bytes += (uint64_t)st.st_size - v->end.offset;
			f = ftruncate(fd, (off_t)v->end.offset) == 0
				    ? OK
				    : fault_of_errno(&s->log, "truncate", name);
			if (f == OK)
				flush_or_die(&s->log, fd, name);
		} else if (!is_end) {
			v->torn_bytes += (uint64_t)st.st_size;
			f = unlinkat(s->log_dir, name, 0) == 0 ? OK : fault_of_errno(&s->log, "remove", name);
			removed = true;
		}
		close(fd);
		if (f != OK) {
			free(segments);
			return f;
		}
	}
	free(segments);
	if (removed)
		flush_folder_or_die(&s->log, s->log_dir, "log");
	if (v->torn_bytes)
		log_warn(&s->log, "torn-tail-erased", kv_uint("segment", v->end.segment),
			kv_uint("offset", v->end.offset), kv_uint("bytes", v->torn_bytes));
	return OK;
}

/* Writes bytes [from, to) over themselves and flushes: what the page cache shows may never have reached the disk. */
static enum fault
write_again(struct store *s, uint32_t segment, uint64_t from, uint64_t to)
{
	struct buf b = { 0 };
	enum fault f = OK;
	struct stat st;
	int fd;

	TRY(open_segment(s, segment, O_RDWR, &fd, &st));
	to = MIN(to, (uint64_t)st.st_size);
	while (from < to && f == OK) {
		size_t n = MIN(to - from, (uint64_t)1 << 20);
		ssize_t got;

		buf_clear(&b);
		got = pread(fd, buf_reserve(&b, n), n, (off_t)from);
		if (got <= 0) {
			f = fault_of_errno(&s->log, "read", "log");
			break;
		}
		f = write_all(&s->log, fd, from, str_of(b.p, (size_t)got));
		from += (uint64_t)got;
	}
	if (f == OK)
		flush_or_die(&s->log, fd, "log");
	buf_done(&b);
	close(fd);
	return f;
}

static enum fault
settle_doubtful(struct store *s, const struct survey *v)
{
	uint32_t *segments = NULL;
	size_t n = 0;
	enum fault f;

	if (!v->doubtful.segment)
		return OK;
	TRY(walk_list(&s->log, s->log_dir, &segments, &n));
	f = OK;
	for (size_t i = 0; i < n && f == OK; i++)
		if (segments[i] >= v->doubtful.segment && segments[i] <= v->end.segment)
			f = write_again(s, segments[i],
				segments[i] == v->doubtful.segment ? v->doubtful.offset : 0,
				segments[i] == v->end.segment ? v->end.offset : UINT64_MAX);
	free(segments);
	flush_folder_or_die(&s->log, s->log_dir, "log");
	return f;
}

/* ---- replay ---- */

static enum fault
is_skipped(struct index_txn *t, uint64_t lsn, bool *ret)
{
	struct key k;
	str value;
	enum fault f;

	key_begin(&k, ROW_SKIPPED);
	key_add_u64(&k, lsn);
	f = index_get(t, key_str(&k), &value);
	*ret = f == OK;
	return f == NOT_FOUND ? OK : f;
}

static enum fault
replay_record(struct state *st, const struct record *r)
{
	struct effect e;
	struct arena a = { 0 };
	enum fault f = effect_decode(&a, r->type, r->rest, &e);

	st->replaying = true;
	if (f == OK)
		f = state_apply(st, &e, &r->at, r->body.n);
	st->replaying = false;
	arena_done(&a);
	return f;
}

/* How far the walk is, of all the bytes there are. */
static void
tell(const struct store_tool *tool, const struct walk *w, int *told)
{
	int per_mille;

	if (!tool || !tool->progress || w->segment_count == 0)
		return;
	per_mille = (int)((w->at * 1000 + (w->size ? w->offset * 1000 / w->size : 0)) / w->segment_count);
	if (per_mille > *told)
		tool->progress(tool->ctx, *told = MIN(per_mille, 1000));
}

static enum fault
commit_at(struct store *s, struct position at, uint64_t lsn)
{
	s->st.meta.format = LOG_FORMAT;
	s->st.meta.applied_lsn = lsn;
	s->st.meta.applied_segment = at.segment;
	s->st.meta.applied_offset = at.offset;
	TRY(state_commit(&s->st));
	s->commits++;
	s->applied_lsn = lsn;
	return state_begin(&s->st, false);
}

/* Applies what is behind the index's position, once each. *ret_poison: the record at which it failed. What comes before the record doubt_lsn is
 * committed first, so that its failure costs no more than itself. */
static enum fault
replay(struct store *s, uint64_t doubt_lsn, bool commits, uint64_t *ret_poison)
{
	const struct row_meta *m = &s->st.meta;
	struct position at = { m->applied_segment, m->applied_offset };
	uint64_t last = m->applied_lsn, n = 0;
	struct record r = { 0 };
	enum walk_step step = WALK_END;
	enum fault f = OK;
	bool buried = false;
	int told = 0;
	struct walk w;

	*ret_poison = 0;
	TRY(walk_begin(&w, &s->log, s->log_dir, &m->id, at.segment, at.offset));
	while (f == OK && ((step = walk_next(&w, &r)) == WALK_RECORD || step == WALK_BAD)) {
		bool skipped = false;

		at = (struct position){ r.at.segment, r.at.offset + r.at.bytes };
		state_segment(&s->st, at.segment)->bytes = at.offset;
		state_segment(&s->st, at.segment)->changed = true;
		if (step == WALK_BAD || r.at.lsn <= last)
			continue;
		if (r.at.lsn == doubt_lsn)
			f = commit_at(s, (struct position){ r.at.segment, r.at.offset }, last);
		if (f == OK)
			f = is_skipped(s->st.txn, r.at.lsn, &skipped);
		if (f == OK && !skipped)
			f = replay_record(&s->st, &r);
		if (f != OK) {
			*ret_poison = r.at.lsn;
			break;
		}
		last = r.at.lsn;
		s->replayed++;
		tell(s->opening.tool, &w, &told);
		if (commits && ++n % COMMIT_EVERY == 0)
			f = commit_at(s, at, last);
	}
	walk_end(&w);
	if (f == OK && step == WALK_FAILED)
		f = STORE_DOWN;
	if (f == OK)
		f = state_bury(&s->st, &buried);
	if (f == OK && commits &&
		(buried || last != m->applied_lsn || at.segment != m->applied_segment ||
			at.offset != m->applied_offset))
		f = commit_at(s, at, last);
	return f;
}

enum fault
store_replay(struct store *s)
{
	uint64_t poison;

	return replay(s, 0, false, &poison);
}

enum fault
state_replay(struct state *st, int log_dir, uint64_t until_lsn, struct index_txn *skips,
	const struct store_tool *tool)
{
	struct record r = { 0 };
	enum walk_step step = WALK_END;
	enum fault f = OK;
	uint64_t n = 0;
	bool buried = false;
	int told = 0;
	struct walk w;

	TRY(walk_begin(&w, st->log, log_dir, &st->meta.id, 0, 0));
	while (f == OK && ((step = walk_next(&w, &r)) == WALK_RECORD || step == WALK_BAD)) {
		bool skipped = false;

		if (r.at.lsn > until_lsn)
			break;
		state_segment(st, r.at.segment)->bytes = r.at.offset + r.at.bytes;
		if (step == WALK_BAD || r.at.lsn <= st->meta.applied_lsn)
			continue;
		f = is_skipped(skips, r.at.lsn, &skipped);
		if (f == OK && !skipped)
			f = replay_record(st, &r);
		st->meta.applied_lsn = r.at.lsn;
		tell(tool, &w, &told);
		if (f == OK && ++n % COMMIT_EVERY == 0)
			f = state_commit(st);
		if (f == OK)
			f = state_begin(st, false);
	}
	walk_end(&w);
	if (f == OK && step == WALK_FAILED)
		f = STORE_DOWN;
	return f == OK ? state_bury(st, &buried) : f;
}

/* Remembers that a record cannot be applied; the store goes on without it. */
static enum fault
set_aside(struct store *s, uint64_t lsn)
{
	struct key k;

	log_error(&s->log, "record-set-aside", kv_uint("lsn", lsn));
	s->damaged++;
	key_begin(&k, ROW_SKIPPED);
	key_add_u64(&k, lsn);
	TRY(index_put(s->st.txn, key_str(&k), S("set aside")));
	TRY(state_commit(&s->st)); /* the next one that fails must not make us forget this one */
	s->commits++;
	return state_begin(&s->st, false);
}

/* A record that fails may be at fault, or the index: the first time the index is made anew from the log, the second time the
 * record is set aside. */
static enum fault
replay_all(struct store *s)
{
	uint64_t poison = 0, failed_before = 0, aside = 0;
	bool made_anew = s->st.meta.applied_lsn == 0;
	enum fault f;

	while ((f = replay(s, failed_before, true, &poison)) != OK && poison) {
		if (f == STORE_FULL || f == STORE_DOWN)
			return f;
		if (!made_anew) {
			TRY(store_give_up_index(s, "a record cannot be applied to it"));
			TRY(commit_at(s, (struct position){ 0 }, 0));
			made_anew = true;
			continue;
		}
		state_abort(&s->st);
		TRY(state_begin(&s->st, true));
		if (poison == failed_before) {
			if (++aside > MOST_ASIDE) {
				log_error(&s->log, "too-many-set-aside", kv_int("most", MOST_ASIDE));
				return STORE_CORRUPT;
			}
			TRY(set_aside(s, poison));
		}
		failed_before = poison;
	}
	return f;
}

/* ---- bodies ---- */

/* Files in body/ that no row names: bodies that were being received, or removed, when the process ended. */
static enum fault
remove_orphans(struct store *s)
{
	int fd = openat(s->body_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return fault_of_errno(&s->log, "list", "body");
	for (struct dirent *e; (e = readdir(d));) {
		struct key k;
		uint64_t id = 0;
		str value;

		if (e->d_name[0] == '.')
			continue;
		if (body_of_name(e->d_name, &id)) {
			key_begin(&k, ROW_BODY);
			key_add_u64(&k, id);
			if (index_get(s->st.txn, key_str(&k), &value) == OK)
				continue;
		} else if (!str_ends(str_c(e->d_name), S(".tmp"))) {
			continue;
		}
		log_event(&s->log, "orphan-removed", kv_c("body", e->d_name));
		(void)unlinkat(s->body_dir, e->d_name, 0);
	}
	closedir(d);
	return OK;
}

/* ---- all of it ---- */

/* The index is ahead of the log, or the log begins behind it: what it points to is not there. */
static bool
index_fits(struct store *s)
{
	const struct row_meta *m = &s->st.meta;
	char name[SEGMENT_NAME];
	struct stat st;

	if (m->applied_lsn == 0)
		return true;
	segment_name(m->applied_segment, name);
	return fstatat(s->log_dir, name, &st, 0) == 0 && (uint64_t)st.st_size >= m->applied_offset;
}

static enum fault
put_in_order(struct store *s)
{
	struct position from = { s->st.meta.applied_segment, s->st.meta.applied_offset };
	struct survey v = { 0 };
	enum fault f;

	TRY(survey_log(&s->log, s->log_dir, &s->st.meta.id, from, s->st.meta.applied_lsn, &v));
	report_damage(s, &v);
	f = erase_behind(s, &v);
	if (f == OK)
		f = settle_doubtful(s, &v);
	if (f == OK)
		f = replay_all(s);
	if (f == OK) {
		journal_init(&s->j, &s->log, s->log_dir, &s->st.meta.id, s->set.segment_bytes);
		/* Numbers that may stand in what was erased are not given again. */
		s->j.next_lsn = MAX(v.highest_lsn, v.last_lsn) + 1 + v.torn_bytes / RECORD_HEADER;
		f = journal_open_at(&s->j, v.end.segment, v.end.offset, v.last_lsn);
		s->j.marked_lsn = v.last_is_mark ? v.last_lsn : 0;
	}
	survey_done(&v);
	return f;
}

/* Segments whose files went just before the process did. */
static enum fault
forget_removed(struct store *s)
{
	for (size_t i = s->st.segment_count; i-- > 0;) {
		uint32_t number = s->st.segments[i].number;
		char name[SEGMENT_NAME];

		segment_name(number, name);
		if (faccessat(s->log_dir, name, F_OK, 0) == 0 || errno != ENOENT)
			continue;
		TRY(state_forget_segment(&s->st, number));
		s->uncommitted = true;
	}
	return OK;
}

/* Its files may be new. Without it they would only be made again, but that takes long. */
static enum fault
flush_index_folder(struct store *s)
{
	int fd = openat(s->dir, s->opening.index_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fault_of_errno(&s->log, "open folder", s->opening.index_name);
	flush_folder_or_die(&s->log, fd, "index");
	close(fd);
	return OK;
}

enum fault
store_recover(struct store *s)
{
	TRY(read_index(s));
	if (s->set.read_only)
		return OK;
	TRY(store_identify(s));
	if (!index_fits(s)) {
		s->damaged++;
		TRY(store_give_up_index(s, "the log does not reach as far as it"));
	}
	if (s->st.meta.format == 0)
		TRY(commit_at(s, (struct position){ 0 }, 0));
	TRY(put_in_order(s));
	s->acked_lsn = s->applied_lsn = s->st.meta.applied_lsn;
	TRY(forget_removed(s));
	TRY(remove_orphans(s));
	return flush_index_folder(s);
}
