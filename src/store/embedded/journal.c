#include "store/embedded/journal.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

enum { KEPT_BATCH = 4 << 20 }; /* memory of a larger batch is given back */

static const uint64_t HEAD_BYTES = ((uint64_t)RECORD_HEADER + SEGMENT_PAYLOAD + 7) & ~(uint64_t)7;
static const uint64_t BATCH_BYTES = ((uint64_t)RECORD_HEADER + BATCH_PAYLOAD + 7) & ~(uint64_t)7;

/* ---- files ---- */

void
segment_name(uint32_t number, char ret[SEGMENT_NAME])
{
	(void)snprintf(ret, SEGMENT_NAME, "%08x.seg", number);
}

bool
segment_of_name(const char *name, uint32_t *ret_number)
{
	uint32_t n = 0;

	if (strlen(name) != SEGMENT_NAME - 1 || strcmp(name + 8, ".seg") != 0)
		return false;
	for (int i = 0; i < 8; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, name[i]);

		if (!at)
			return false;
		n = n << 4 | (uint32_t)(at - digits);
	}
	*ret_number = n;
	return n != 0;
}

enum fault
fault_of_errno(const struct log *log, const char *doing, const char *path)
{
	int e = errno;

	log_error(log, "store-io", kv_c("doing", doing), kv_c("path", path),
		kv_c("error", strerrordesc_np(e)), kv_int("errno", e));
	return e == ENOSPC || e == EDQUOT || e == EFBIG ? STORE_FULL : STORE_DOWN;
}

void
flush_or_die(const struct log *log, int fd, const char *what)
{
	if (fdatasync(fd) == 0)
		return;
	log_error(log, "flush-failed", kv_c("of", what), kv_c("error", strerrordesc_np(errno)));
	_exit(EX_IOERR);
}

void
flush_folder_or_die(const struct log *log, int fd, const char *what)
{
	if (fsync(fd) == 0)
		return;
	log_error(log, "flush-failed", kv_c("of", what), kv_c("error", strerrordesc_np(errno)));
	_exit(EX_IOERR);
}

enum fault
write_all(const struct log *log, int fd, uint64_t offset, str bytes)
{
	while (bytes.n) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = ENOSPC;
			return fault_of_errno(log, "write", "log");
		}
		offset += (uint64_t)n;
		bytes = str_from(bytes, (size_t)n);
	}
	return OK;
}

/* ---- opening ---- */

void
journal_init(
	struct journal *j, const struct log *log, int dir, const struct hash_key *id, uint64_t segment_bytes)
{
	*j = (struct journal){
		.log = log,
		.dir = dir,
		.id = *id,
		.segment_bytes = segment_bytes,
		.fd = -1,
		.next_lsn = 1,
	};
}

void
journal_done(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	buf_done(&j->batch);
	free(j->pieces);
	*j = (struct journal){ .fd = -1 };
}

enum fault
journal_open_at(struct journal *j, uint32_t segment, uint64_t end, uint64_t durable_lsn)
{
	char name[SEGMENT_NAME];
	int fd = -1;

	if (segment) {
		segment_name(segment, name);
		fd = openat(j->dir, name, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return fault_of_errno(j->log, "open", name);
	}
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd;
	j->segment = segment;
	j->end = end;
	j->durable_lsn = durable_lsn;
	j->next_lsn = MAX(j->next_lsn, durable_lsn + 1);
	return OK;
}

/* ---- adding ---- */

/* Where the batch stands at the moment. */
static void
at_end(const struct journal *j, uint32_t *ret_segment, uint64_t *ret_offset)
{
	const struct journal_piece *last = j->piece_count ? &j->pieces[j->piece_count - 1] : NULL;

	*ret_segment = last ? last->segment : j->segment;
	*ret_offset = last ? last->offset + (j->batch.n - last->from) : j->end;
}

static void
begin_piece(struct journal *j, uint32_t segment, uint64_t offset, bool is_new)
{
	uint64_t head = BATCH_BYTES + (is_new ? HEAD_BYTES : 0);

	j->pieces = mem_grow(j->pieces, (j->piece_count + 1) * sizeof(*j->pieces));
	j->pieces[j->piece_count++] = (struct journal_piece){
		.segment = segment,
		.offset = offset,
		.from = j->batch.n,
		.first_lsn = j->next_lsn,
		.is_new = is_new,
	};
	memset(buf_reserve(&j->batch, head), 0, head);
	buf_used(&j->batch, head);
	j->next_lsn += is_new ? 2 : 1;
}

enum fault
journal_add(struct journal *j, enum record_type type, uint16_t flags, str body, str rest,
	struct record_place *ret)
{
	uint64_t bytes = record_bytes(body.n, rest.n), offset, head;
	struct record_place at = { .flags = flags };
	uint32_t segment;

	if (body.n > RECORD_MOST || rest.n > RECORD_MOST - body.n)
		return TOO_BIG;
	at_end(j, &segment, &offset);
	head = j->piece_count ? 0 : BATCH_BYTES;
	if (segment == 0 || (offset > HEAD_BYTES && offset + head + bytes > j->segment_bytes))
		begin_piece(j, segment + 1, 0, true);
	else if (!j->piece_count)
		begin_piece(j, segment, offset, false);
	at_end(j, &at.segment, &at.offset);
	at.lsn = j->next_lsn++;
	at.bytes = (uint32_t)bytes;
	(void)record_add(&j->batch, &j->id, type, &at, body, rest); /* the buffer has no limit */
	j->pieces[j->piece_count - 1].count++;
	*ret = at;
	return OK;
}

enum fault
journal_mark(struct journal *j)
{
	if (!j->piece_count && j->segment)
		begin_piece(j, j->segment, j->end, false);
	return OK;
}

void
journal_drop(struct journal *j)
{
	j->piece_count = 0;
	buf_clear(&j->batch);
	if (j->batch.room > KEPT_BATCH)
		buf_done(&j->batch);
}

/* ---- flushing ---- */

static void
write_head(struct journal *j, char *to, const struct effect *e, uint64_t lsn, uint32_t segment,
	uint64_t offset, size_t payload)
{
	struct record_place at = { .lsn = lsn, .segment = segment, .offset = offset };
	struct buf b = { 0 };

	effect_encode(&b, e);
	if (b.n != payload)
		abort(); /* its size is fixed, and room was left for it */
	record_write(to, &j->id, e->type, &at, S(""), buf_str(&b));
	buf_done(&b);
}

/* The head of a piece says what is known to be durable when it is written. */
static void
fill_heads(
	struct journal *j, const struct journal_piece *p, size_t bytes, uint64_t durable_lsn, int64_t wall_ms)
{
	char *to = j->batch.p + p->from;
	uint64_t lsn = p->first_lsn, offset = p->offset;
	size_t head = BATCH_BYTES + (p->is_new ? HEAD_BYTES : 0);
	struct effect e = { .type = RECORD_SEGMENT };

	if (p->is_new) {
		e.segment = (struct effect_segment){
			.format = LOG_FORMAT,
			.number = p->segment,
			.id = j->id,
			.first_lsn = lsn,
			.durable_lsn = durable_lsn,
			.next_account = j->next_account,
			.next_body = j->next_body,
		};
		write_head(j, to, &e, lsn++, p->segment, offset, SEGMENT_PAYLOAD);
		to += HEAD_BYTES;
		offset += HEAD_BYTES;
	}
	e.type = RECORD_BATCH;
	e.batch = (struct effect_batch){
		.durable_lsn = durable_lsn,
		.wall_ms = wall_ms,
		.bytes = bytes - head,
		.count = p->count,
	};
	write_head(j, to, &e, lsn, p->segment, offset, BATCH_PAYLOAD);
}

static size_t
piece_bytes(const struct journal *j, size_t i)
{
	size_t to = i + 1 < j->piece_count ? j->pieces[i + 1].from : j->batch.n;

	return to - j->pieces[i].from;
}

/* The moment of truth: what came before is durable when this returns. */
static void
flush_piece(struct journal *j, const struct journal_piece *p, int fd, const char *name)
{
#ifdef POSTRIDER_SABOTAGE_ACK_BEFORE_FLUSH /* to prove that the crash tests see it */
	(void)p, (void)fd, (void)name;
#else
	flush_or_die(j->log, fd, name);
	if (p->is_new)
		flush_folder_or_die(j->log, j->dir, "log");
#endif
	j->flushes++;
}

static enum fault
write_piece(struct journal *j, size_t i, int *fd)
{
	const struct journal_piece *p = &j->pieces[i];
	char name[SEGMENT_NAME];

	segment_name(p->segment, name);
	if (p->is_new) {
		*fd = openat(j->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (*fd < 0)
			return fault_of_errno(j->log, "create", name);
	}
	TRY(write_all(j->log, *fd, p->offset, str_of(j->batch.p + p->from, piece_bytes(j, i))));
	flush_piece(j, p, *fd, name);
	return OK;
}

/* The files as they were before the batch, and that made durable: bytes of a batch that was refused must not come back. */
static void
take_back(struct journal *j)
{
	bool made = false;

	for (size_t i = 0; i < j->piece_count; i++) {
		char name[SEGMENT_NAME];

		segment_name(j->pieces[i].segment, name);
		if (j->pieces[i].is_new) {
			if (unlinkat(j->dir, name, 0) != 0 && errno != ENOENT) {
				(void)fault_of_errno(j->log, "remove", name);
				_exit(EX_IOERR);
			}
			made = true;
			continue;
		}
		if (ftruncate(j->fd, (off_t)j->end) != 0) {
			(void)fault_of_errno(j->log, "truncate", name);
			_exit(EX_IOERR);
		}
		flush_or_die(j->log, j->fd, name);
	}
	if (made)
		flush_folder_or_die(j->log, j->dir, "log");
}

enum fault
journal_flush(struct journal *j, int64_t wall_ms)
{
	const struct journal_piece *last;
	uint64_t durable = j->durable_lsn;
	int fd = j->fd;

	if (!j->piece_count)
		return OK;
	for (size_t i = 0; i < j->piece_count; i++) {
		int before = fd;
		enum fault f;

		fill_heads(j, &j->pieces[i], piece_bytes(j, i), durable, wall_ms);
		f = write_piece(j, i, &fd);
		if (before != fd && before >= 0 && before != j->fd)
			close(before);
		if (f != OK) {
			if (fd >= 0 && fd != j->fd)
				close(fd);
			take_back(j);
			journal_drop(j);
			return f;
		}
		durable = i + 1 < j->piece_count ? j->pieces[i + 1].first_lsn - 1 : j->next_lsn - 1;
	}
	last = &j->pieces[j->piece_count - 1];
	if (fd != j->fd && j->fd >= 0)
		close(j->fd);
	j->fd = fd;
	j->segment = last->segment;
	j->end = last->offset + piece_bytes(j, j->piece_count - 1);
	j->durable_lsn = durable;
	if (last->count == 0)
		j->marked_lsn = durable;
	j->records += j->next_lsn - j->pieces[0].first_lsn;
	journal_drop(j);
	return OK;
}
