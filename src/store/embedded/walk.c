#include "store/embedded/walk.h"

#include "base/mem.h"
#include "store/embedded/effect.h"
#include "store/embedded/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 1 << 20, SECTOR = 4096 };

/* ---- which segments there are ---- */

static int
by_number(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

enum fault
walk_list(const struct log *log, int dir, uint32_t **ret, size_t *ret_n)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint32_t *all = NULL, number;
	size_t n = 0;

	if (!d) {
		enum fault f = fault_of_errno(log, "list", "log");

		if (fd >= 0)
			close(fd);
		return f;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (!segment_of_name(e->d_name, &number))
			continue;
		all = mem_grow(all, (n + 1) * sizeof(*all));
		all[n++] = number;
	}
	closedir(d);
	if (n)
		qsort(all, n, sizeof(*all), by_number);
	*ret = all;
	*ret_n = n;
	return OK;
}

enum fault
walk_segment_head(const struct log *log, int dir, uint32_t number, struct effect_segment *ret)
{
	char name[SEGMENT_NAME], bytes[RECORD_HEADER + SEGMENT_PAYLOAD];
	str payload = { bytes + RECORD_HEADER, SEGMENT_PAYLOAD };
	struct arena none = { 0 };
	struct record_head h;
	struct effect e;
	ssize_t n;
	int fd;

	segment_name(number, name);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? NOT_FOUND : fault_of_errno(log, "open", name);
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		log_error(log, "store-io", kv_c("doing", "read"), kv_c("path", name),
			kv_c("error", strerrordesc_np(errno)));
	close(fd);
	/* The header's sum is keyed by the id that its own payload names: a head that agrees with itself. */
	if (n != (ssize_t)sizeof(bytes) || effect_decode(&none, RECORD_SEGMENT, payload, &e) != OK ||
		!record_take_head(str_of(bytes, sizeof(bytes)), &e.segment.id, number, 0, &h) ||
		h.type != RECORD_SEGMENT || !record_is_whole(&h, S(""), payload) ||
		e.segment.number != number)
		return NOT_FOUND;
	*ret = e.segment;
	return OK;
}

/* ---- reading ---- */

static bool
open_segment(struct walk *w)
{
	char name[SEGMENT_NAME];
	struct stat st;

	if (w->fd >= 0)
		close(w->fd);
	segment_name(w->segments[w->at], name);
	w->fd = openat(w->dir, name, O_RDONLY | O_CLOEXEC);
	if (w->fd < 0 || fstat(w->fd, &st) != 0) {
		(void)fault_of_errno(w->log, "open", name);
		return false;
	}
	w->size = (uint64_t)st.st_size;
	w->offset = w->window_offset = 0;
	buf_clear(&w->window);
	return true;
}

enum fault
walk_begin(struct walk *w, const struct log *log, int dir, const struct hash_key *id, uint32_t segment,
	uint64_t offset)
{
	*w = (struct walk){ .log = log, .dir = dir, .id = *id, .fd = -1 };
	TRY(walk_list(log, dir, &w->segments, &w->segment_count));
	while (w->at < w->segment_count && w->segments[w->at] < segment)
		w->at++;
	if (w->at == w->segment_count)
		return OK;
	if (!open_segment(w)) {
		walk_end(w);
		return STORE_DOWN;
	}
	if (w->segments[w->at] == segment)
		w->offset = offset;
	return OK;
}

void
walk_only_this(struct walk *w)
{
	w->segment_count = MIN(w->segment_count, w->at + 1);
}

void
walk_end(struct walk *w)
{
	if (w->fd >= 0)
		close(w->fd);
	free(w->segments);
	buf_done(&w->window);
	*w = (struct walk){ .fd = -1 };
}

/* Reads n bytes, as zeros where the disk gives an error: what cannot be read is no record. */
static bool
read_bytes(struct walk *w, char *to, size_t n, uint64_t offset)
{
	while (n) {
		ssize_t got = pread(w->fd, to, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EIO) {
			got = (ssize_t)MIN(n, SECTOR - offset % SECTOR);
			log_error(w->log, "log-unreadable", kv_uint("segment", w->segments[w->at]),
				kv_uint("offset", offset));
			memset(to, 0, (size_t)got);
		}
		if (got < 0) {
			(void)fault_of_errno(w->log, "read", "log");
			return false;
		}
		if (got == 0) { /* cut while we read */
			w->size = offset;
			return true;
		}
		to += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

/* Bytes [offset, offset + n) of the segment, as far as it goes. */
static bool
need(struct walk *w, uint64_t offset, uint64_t n, str *ret)
{
	uint64_t most = w->size > offset ? w->size - offset : 0, have;

	n = MIN(n, most);
	have = w->window_offset + w->window.n;
	if (offset < w->window_offset || offset + n > have) {
		uint64_t want = MIN(MAX(n, WINDOW), most);
		char *to;

		buf_clear(&w->window);
		to = buf_reserve(&w->window, want);
		w->window_offset = offset;
		if (!read_bytes(w, to, want, offset))
			return false;
		want = MIN(want, w->size > offset ? w->size - offset : 0);
		buf_used(&w->window, want);
		n = MIN(n, want);
	}
	*ret = str_sub(buf_str(&w->window), offset - w->window_offset, n);
	return true;
}

static bool
read_at(struct walk *w, uint64_t offset, struct record *ret, struct record_head *ret_head, bool *ret_is_head,
	bool *ret_is_whole)
{
	uint32_t segment = w->segments[w->at];
	struct record_head h;
	str bytes, body, rest;

	*ret_is_head = *ret_is_whole = false;
	if (!need(w, offset, RECORD_HEADER, &bytes))
		return false;
	if (!record_take_head(bytes, &w->id, segment, offset, &h))
		return true;
	*ret_is_head = true;
	*ret_head = h;
	if (!need(w, offset, RECORD_HEADER + (uint64_t)h.payload, &bytes))
		return false;
	bytes = str_from(bytes, RECORD_HEADER);
	if (!str_take_bytes(&bytes, h.body, &body) || !str_take_bytes(&bytes, h.payload - h.body, &rest) ||
		!record_is_whole(&h, body, rest))
		return true;
	*ret_is_whole = true;
	*ret = (struct record){
		.type = h.type,
		.at = { h.lsn, segment, (uint32_t)record_bytes(h.body, h.payload - h.body), offset, h.flags },
		.body = body,
		.rest = rest,
	};
	return true;
}

/* From a place that holds no header: the next that does. */
static bool
skip_to_header(struct walk *w, uint64_t from, uint64_t *ret)
{
	uint64_t at = from;

	while (at < w->size) {
		struct record_head h;
		str bytes;

		if (!need(w, at, WINDOW, &bytes))
			return false;
		if (bytes.n < RECORD_HEADER)
			break;
		for (size_t i = 0; i + RECORD_HEADER <= bytes.n; i += 8, at += 8)
			if (record_take_head(str_from(bytes, i), &w->id, w->segments[w->at], at, &h)) {
				*ret = at;
				return true;
			}
	}
	*ret = w->size;
	return true;
}

static enum walk_step
bad(struct walk *w, uint64_t end, struct record *ret)
{
	*ret = (struct record){ .at = { .segment = w->segments[w->at],
					.offset = w->offset,
					.bytes = (uint32_t)(end - w->offset) } };
	w->offset = end;
	return WALK_BAD;
}

enum walk_step
walk_next(struct walk *w, struct record *ret)
{
	bool is_head, is_whole;
	struct record_head h = { 0 };
	uint64_t end;

	while (w->at < w->segment_count && w->offset >= w->size) {
		if (++w->at == w->segment_count)
			return WALK_END;
		if (!open_segment(w))
			return WALK_FAILED;
	}
	if (w->at >= w->segment_count)
		return WALK_END;
	if (!read_at(w, w->offset, ret, &h, &is_head, &is_whole))
		return WALK_FAILED;
	if (is_whole) {
		w->offset += ret->at.bytes;
		return WALK_RECORD;
	}
	if (is_head) {
		end = MIN(w->size, w->offset + record_bytes(h.body, h.payload - h.body));
		end = end < w->size ? end : w->size;
		(void)bad(w, end, ret);
		ret->type = h.type;
		ret->at.lsn = h.lsn;
		return WALK_BAD;
	}
	if (!skip_to_header(w, w->offset + 8, &end))
		return WALK_FAILED;
	return bad(w, end, ret);
}
