/* Whose log it is. The id keys the sums of all records; it stands in the file `id`, in the head of each segment and in the index,
 * so that the loss of some of them does not make a log unreadable. */
#include "store/embedded/engine.h"

#include "base/base64.h"
#include "base/mem.h"
#include "store/embedded/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

enum { ID_BYTES = 16, SUM_BYTES = 8, FILE_BYTES = 2 * (ID_BYTES + SUM_BYTES) + 1 };

static void
file_text(const struct hash_key *id, struct buf *b)
{
	uint64_t sum = hash_sum(str_of(id, sizeof(*id)), 0);

	hex_add(b, str_of(id, sizeof(*id)));
	hex_add(b, str_of(&sum, sizeof(sum)));
	buf_add_char(b, '\n');
}

/* NOT_FOUND: no such file, or not one of ours. */
static enum fault
read_id_file(struct store *s, struct hash_key *ret)
{
	char text[FILE_BYTES + 1];
	struct hash_key id = { 0 };
	struct buf b = { 0 };
	ssize_t n;
	int fd = openat(s->dir, "id", O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return errno == ENOENT ? NOT_FOUND : fault_of_errno(&s->log, "open", "id");
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n == FILE_BYTES && hex_decode(str_of(text, 2 * ID_BYTES), &b))
		memcpy(&id, b.p, sizeof(id));
	buf_clear(&b);
	file_text(&id, &b);
	ok = n == FILE_BYTES && memcmp(b.p, text, FILE_BYTES) == 0;
	buf_done(&b);
	if (!ok)
		return NOT_FOUND;
	*ret = id;
	return OK;
}

static enum fault
write_id_file(struct store *s, const struct hash_key *id)
{
	struct buf b = { 0 };
	enum fault f;
	int fd = openat(s->dir, "id.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return fault_of_errno(&s->log, "create", "id.tmp");
	file_text(id, &b);
	f = write_all(&s->log, fd, 0, buf_str(&b));
	buf_done(&b);
	if (f == OK)
		flush_or_die(&s->log, fd, "id.tmp");
	close(fd);
	if (f == OK && renameat(s->dir, "id.tmp", s->dir, "id") != 0)
		f = fault_of_errno(&s->log, "rename", "id.tmp");
	if (f == OK)
		flush_folder_or_die(&s->log, s->dir, "store folder");
	return f;
}

/* The id of the first segment that has a head; *ret_bytes: is there anything in the log at all? */
static enum fault
read_heads(struct store *s, struct effect_segment *ret, bool *ret_any)
{
	uint32_t *segments = NULL;
	size_t n = 0;
	enum fault f;

	TRY(walk_list(&s->log, s->log_dir, &segments, &n));
	f = NOT_FOUND;
	for (size_t i = 0; i < n && f == NOT_FOUND; i++)
		f = walk_segment_head(&s->log, s->log_dir, segments[i], ret);
	*ret_any = n > 0;
	free(segments);
	return f;
}

static enum fault
new_id(struct store *s, struct hash_key *ret)
{
	if (getrandom(ret, sizeof(*ret), 0) != (ssize_t)sizeof(*ret))
		return fault_of_errno(&s->log, "get", "random bytes");
	return write_id_file(s, ret);
}

enum fault
store_identify(struct store *s)
{
	struct row_meta *m = &s->st.meta;
	struct effect_segment head = { 0 };
	struct hash_key id = { 0 };
	bool any = false;
	enum fault in_file = read_id_file(s, &id), in_log = read_heads(s, &head, &any);

	if ((in_file != OK && in_file != NOT_FOUND) || (in_log != OK && in_log != NOT_FOUND))
		return STORE_DOWN;
	if (in_log == OK && head.format != LOG_FORMAT) {
		log_error(&s->log, "log-of-another-format", kv_uint("format", head.format));
		return STORE_CORRUPT;
	}
	if (in_log != OK && m->applied_lsn) {
		log_error(&s->log, "log-missing", kv_uint("applied", m->applied_lsn));
		return STORE_CORRUPT;
	}
	if (in_file != OK && in_log != OK && m->format == 0 && any) {
		log_error(&s->log, "log-unreadable", kv_c("because", "nothing tells the id of its store"));
		return STORE_CORRUPT;
	}
	if (in_log == OK)
		id = head.id;
	else if (in_file != OK && m->format)
		id = m->id;
	else if (in_file != OK)
		return new_id(s, &m->id);
	if (m->format && memcmp(&id, &m->id, sizeof(id)) != 0)
		TRY(store_give_up_index(s, "it is of another store"));
	m->id = id;
	return in_file == OK ? OK : write_id_file(s, &id);
}
