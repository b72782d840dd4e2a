/* Opening, batches, closing. */
#include "store/embedded/engine.h"

#include "base/mem.h"
#include "store/embedded/large.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SEGMENT_BYTES    ((uint64_t)128 << 20)
#define MOST_SEGMENT     ((uint64_t)1 << 30)
#define UNFINISHED_BYTES ((uint64_t)1 << 30)

/* ---- opening ---- */

/* Makes it when it is missing; *ret_made: the folder above is to be flushed. */
static enum fault
open_folder(struct store *s, int at, const char *name, int *ret_fd)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !s->set.read_only) {
		if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
			return fault_of_errno(&s->log, "make folder", name);
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return fault_of_errno(&s->log, "open folder", name);
	*ret_fd = fd;
	return OK;
}

enum fault
store_lock(const struct log *log, int dir, int *ret_fd)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	enum fault f;

	if (fd < 0)
		return fault_of_errno(log, "open", "lock");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = fd;
		return OK;
	}
	f = errno == EWOULDBLOCK ? TOO_BUSY : fault_of_errno(log, "lock", "lock");
	close(fd);
	return f;
}

/* A folder that was just made is lost with the power unless the one above it is flushed. */
static enum fault
open_top(struct store *s)
{
	bool made = access(s->set.dir, F_OK) != 0;
	int above;

	TRY(open_folder(s, AT_FDCWD, s->set.dir, &s->dir));
	if (!made)
		return OK;
	above = openat(s->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		return fault_of_errno(&s->log, "open folder", "above the store");
	flush_folder_or_die(&s->log, above, "folder above the store");
	close(above);
	return OK;
}

static enum fault
open_folders(struct store *s)
{
	int index_dir = -1;

	TRY(open_top(s));
	TRY(store_lock(&s->log, s->dir, &s->lock));
	TRY(open_folder(s, s->dir, "log", &s->log_dir));
	TRY(open_folder(s, s->dir, "body", &s->body_dir));
	TRY(open_folder(s, s->dir, s->opening.index_name, &index_dir));
	close(index_dir);
	if (!s->set.read_only)
		flush_folder_or_die(&s->log, s->dir, "store folder");
	return OK;
}

enum fault
store_open_as(const struct store_settings *set, const struct log *log, const struct opening *how,
	struct store **ret)
{
	struct store *s = NEW(struct store);
	enum fault f;

	s->set = *set;
	s->log = *log;
	s->opening = *how;
	if (!s->opening.index_name)
		s->opening.index_name = "index";
	s->dir = s->log_dir = s->body_dir = s->lock = -1;
	s->j.fd = -1;
	list_init(&s->larges);
	if (!s->set.segment_bytes)
		s->set.segment_bytes = SEGMENT_BYTES;
	s->set.segment_bytes = MIN(s->set.segment_bytes, MOST_SEGMENT);
	if (!s->set.most_unfinished_bytes)
		s->set.most_unfinished_bytes = UNFINISHED_BYTES;
	state_init(&s->st, &s->log);
	f = open_folders(s);
	if (f == OK)
		f = store_recover(s);
	if (f != OK) {
		s->set.read_only = true; /* nothing is to be written by closing */
		store_close(s);
		return f;
	}
	*ret = s;
	return OK;
}

enum fault
store_open(const struct store_settings *set, const struct log *log, struct store **ret)
{
	return store_open_as(set, log, &(struct opening){ 0 }, ret);
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Says in the log what is durable, so that damage to the last batch is not taken for a torn tail at the next start. */
static void
write_last_word(struct store *s)
{
	if (store_commit(s) != OK || s->j.marked_lsn == s->j.durable_lsn)
		return;
	if (journal_mark(&s->j) != OK || journal_flush(&s->j, s->set.wall_ms()) != OK)
		return;
	s->uncommitted = true;
	if (store_commit(s) == OK)
		(void)index_sync(s->st.ix);
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	if (!s->set.read_only)
		write_last_word(s);
	while (!list_empty(&s->larges))
		store_large_free(CONTAINER(s->larges.next, struct store_large, link));
	state_done(&s->st);
	journal_done(&s->j);
	buf_done(&s->encoded);
	free(s->bodies_linked);
	store_compact_stop(s);
	free(s->emptied);
	free(s->unfit);
	arena_done(&s->arena);
	arena_done(&s->now.arena);
	close_fd(s->log_dir);
	close_fd(s->body_dir);
	close_fd(s->lock);
	close_fd(s->dir);
	free(s);
}

/* ---- batches ---- */

enum fault
store_begin(struct store *s)
{
	if (s->set.read_only)
		return NOT_PERMITTED;
	if (s->broken)
		return s->broken;
	arena_reset(&s->arena);
	arena_reset(&s->now.arena);
	return state_begin(&s->st, false);
}

static enum fault
add_effect(struct store *s, const struct effect *e, uint16_t flags, str body)
{
	struct record_place at = { 0 };

	buf_clear(&s->encoded);
	effect_encode(&s->encoded, e);
	TRY(journal_add(&s->j, e->type, flags, body, buf_str(&s->encoded), &at));
	s->broken = state_apply(&s->st, e, &at, body.n);
	s->uncommitted = true;
	state_segment(&s->st, at.segment)->bytes = at.offset + at.bytes;
	s->free_bytes -= MIN(s->free_bytes, at.bytes);
	return s->broken;
}

static void
tell_changed(const struct store *s, const struct effect *e)
{
	void (*tell)(void *ctx, uint32_t account, uint32_t mailbox) = s->set.changed;

	switch (e->type) {
	case RECORD_MESSAGE:
		for (size_t i = 0; i < e->message.email_count; i++)
			for (size_t k = 0; k < e->message.emails[i].copy_count; k++)
				tell(s->set.changed_ctx, e->message.emails[i].account,
					e->message.emails[i].copies[k].mailbox);
		break;
	case RECORD_COPIES:
		for (size_t i = 0; i < e->copies.item_count; i++)
			tell(s->set.changed_ctx, e->copies.account, e->copies.items[i].copy.mailbox);
		break;
	case RECORD_FLAGS: tell(s->set.changed_ctx, e->flags.account, e->flags.mailbox); break;
	case RECORD_EXPUNGE: tell(s->set.changed_ctx, e->expunge.account, e->expunge.mailbox); break;
	case RECORD_MAILBOX: tell(s->set.changed_ctx, e->mailbox.account, e->mailbox.id); break;
	case RECORD_MAILBOX_GONE:
	case RECORD_ACCOUNT_GONE: tell(s->set.changed_ctx, e->gone.account, e->gone.mailbox); break;
	default: break;
	}
}

enum fault
store_effect(struct store *s, const struct effect *e, str body)
{
	TRY(add_effect(s, e, 0, body));
	if (s->set.changed)
		tell_changed(s, e);
	return OK;
}

enum fault
store_effect_carried(struct store *s, const struct effect *e)
{
	return add_effect(s, e, RECORD_CARRIED, S(""));
}

void
store_rewind(struct store *s)
{
	enum fault f;

	store_compact_stop(s);
	/* what was to stand in their place may be among what is dropped */
	while (s->emptied_count && s->emptied[s->emptied_count - 1].lsn > s->j.durable_lsn)
		s->emptied_count--;
	journal_drop(&s->j);
	large_unlink_batch(s);
	state_abort(&s->st);
	f = state_begin(&s->st, true);
	if (f == OK)
		f = store_replay(s);
	if (f != OK) { /* what was promised cannot be shown: better a new start than a store that forgets */
		log_error(&s->log, "store-rewind-failed", kv_c("fault", fault_words(f)->name));
		_exit(EXIT_FAILURE);
	}
	s->broken = OK;
	s->uncommitted = s->applied_lsn < s->acked_lsn;
}

bool
store_has_batch(const struct store *s)
{
	return journal_has_batch(&s->j);
}

enum fault
store_flush(struct store *s)
{
	enum fault f = s->broken;

	s->free_known = false;
	if (!journal_has_batch(&s->j) && f == OK)
		return OK;
	if (f == OK) {
		if (s->bodies_linked_count)
			flush_folder_or_die(&s->log, s->body_dir, "body");
		s->j.next_account = s->st.meta.next_account;
		s->j.next_body = s->st.meta.next_body;
		f = journal_flush(&s->j, s->set.wall_ms());
	}
	if (f != OK) {
		store_rewind(s);
		return f;
	}
	s->bodies_linked_count = 0;
	s->batches++;
	s->acked_lsn = s->j.durable_lsn;
	return OK;
}

enum fault
store_commit(struct store *s)
{
	enum fault f;

	TRY(store_flush(s));
	if (!s->uncommitted)
		return OK;
	arena_reset(&s->now.arena);
	TRY(state_begin(&s->st, false));
	s->st.meta.applied_lsn = s->j.durable_lsn;
	s->st.meta.applied_segment = s->j.segment;
	s->st.meta.applied_offset = s->j.end;
	f = state_commit(&s->st);
	if (f != OK) {
		store_rewind(s);
		return f;
	}
	s->commits++;
	s->applied_lsn = s->acked_lsn = s->j.durable_lsn;
	s->uncommitted = false;
	store_unlink_bodies(s);
	store_remove_segments(s);
	return OK;
}

bool
store_has_uncommitted(const struct store *s)
{
	return s->uncommitted;
}

uint64_t
store_acked_lsn(const struct store *s)
{
	return s->acked_lsn;
}

uint64_t
store_applied_lsn(const struct store *s)
{
	return s->applied_lsn;
}

struct store_view *
store_now(struct store *s)
{
	if (!s->set.read_only && state_begin(&s->st, false) != OK)
		s->now.txn = NULL;
	else
		s->now.txn = s->st.txn;
	return &s->now;
}

void
store_get_stats(struct store *s, struct store_stats *ret)
{
	const struct row_meta *m = &s->st.meta;

	*ret = (struct store_stats){
		.segments = s->st.segment_count,
		.large_bodies = m->large_bodies,
		.large_bytes = m->large_bytes,
		.accounts = m->accounts,
		.mailboxes = m->mailboxes,
		.messages = m->messages,
		.index_bytes = index_bytes(s->st.ix),
		.acked_lsn = s->acked_lsn,
		.applied_lsn = s->applied_lsn,
		.flushes = s->j.flushes,
		.batches = s->batches,
		.records = s->j.records,
		.commits = s->commits,
		.replayed = s->replayed,
		.damaged = s->damaged,
	};
	for (size_t i = 0; i < s->st.segment_count; i++) {
		ret->log_bytes += s->st.segments[i].bytes;
		ret->live_bytes += s->st.segments[i].live;
	}
}
