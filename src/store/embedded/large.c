#include "store/embedded/large.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- names ---- */

void
body_name(uint64_t id, char ret[17])
{
	(void)snprintf(ret, 17, "%016llx", (unsigned long long)id);
}

bool
body_of_name(const char *name, uint64_t *ret_id)
{
	uint64_t id = 0;

	if (strlen(name) != 16)
		return false;
	for (int i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, name[i]);

		if (!at)
			return false;
		id = id << 4 | (uint64_t)(at - digits);
	}
	*ret_id = id;
	return id != 0;
}

static void
tmp_name(uint64_t n, char ret[32])
{
	(void)snprintf(ret, 32, "%llx.tmp", (unsigned long long)n);
}

/* ---- receiving ---- */

enum fault
store_large_new(struct store *s, struct store_large **ret)
{
	struct store_large *l;
	char name[32];
	int fd;

	if (s->set.read_only)
		return NOT_PERMITTED;
	if (s->unfinished_bytes >= s->set.most_unfinished_bytes)
		return STORE_FULL;
	tmp_name(++s->large_names, name);
	fd = openat(s->body_dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_of_errno(&s->log, "create", name);
	l = NEW(struct store_large);
	l->store = s;
	l->fd = fd;
	l->name = s->large_names;
	list_append(&s->larges, &l->link);
	*ret = l;
	return OK;
}

static enum fault
write_block(struct store_large *l)
{
	if (l->block.n == 0)
		return OK;
	TRY(write_all(&l->store->log, l->fd, l->written, buf_str(&l->block)));
	l->sum = large_sum_add(l->sum, buf_str(&l->block));
	l->written += l->block.n;
	buf_clear(&l->block);
	return OK;
}

enum fault
store_large_add(struct store_large *l, str bytes)
{
	struct store *s = l->store;

	if (bytes.n > s->set.most_unfinished_bytes ||
		s->unfinished_bytes > s->set.most_unfinished_bytes - bytes.n)
		return STORE_FULL;
	l->synced = false;
	s->unfinished_bytes += bytes.n;
	l->size += bytes.n;
	while (bytes.n) {
		str head = str_sub(bytes, 0, LARGE_BLOCK - l->block.n);

		buf_add(&l->block, head);
		bytes = str_from(bytes, head.n);
		if (l->block.n == LARGE_BLOCK)
			TRY(write_block(l));
	}
	return OK;
}

enum fault
store_large_sync(struct store_large *l)
{
	TRY(write_block(l));
	flush_or_die(&l->store->log, l->fd, "large body");
	l->synced = true;
	return OK;
}

void
store_large_free(struct store_large *l)
{
	char name[32];

	if (!l)
		return;
	l->store->unfinished_bytes -= l->size;
	close(l->fd);
	if (!l->linked) {
		tmp_name(l->name, name);
		(void)unlinkat(l->store->body_dir, name, 0);
	}
	list_remove(&l->link);
	buf_done(&l->block);
	free(l);
}

/* ---- naming ---- */

enum fault
large_link(struct store *s, struct store_large *l, struct effect_message *m)
{
	char from[32], to[17];
	uint64_t id = s->st.meta.next_body;

	if (!l->synced || l->linked || l->block.n)
		return BAD_ARGUMENT;
	tmp_name(l->name, from);
	body_name(id, to);
	if (renameat(s->body_dir, from, s->body_dir, to) != 0)
		return fault_of_errno(&s->log, "rename", to);
	l->linked = true;
	s->st.meta.next_body = id + 1;
	s->bodies_linked =
		mem_grow(s->bodies_linked, (s->bodies_linked_count + 1) * sizeof(*s->bodies_linked));
	s->bodies_linked[s->bodies_linked_count++] = id;
	m->large = id;
	m->body_size = l->size;
	m->body_sum = l->sum;
	return OK;
}

void
large_unlink_batch(struct store *s)
{
	for (size_t i = 0; i < s->bodies_linked_count; i++) {
		char name[17];

		body_name(s->bodies_linked[i], name);
		(void)unlinkat(s->body_dir, name, 0);
	}
	s->bodies_linked_count = 0;
}

/* ---- removing ---- */

/* A backup holds this lock while it looks at the folder: nothing is removed from under it. */
int
store_lock_removal(struct store *s)
{
	int fd = openat(s->dir, "backup.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void
store_unlink_bodies(struct store *s)
{
	int lock;

	if (s->st.bodies_gone_count == 0 || (lock = store_lock_removal(s)) < 0)
		return;
	for (size_t i = 0; i < s->st.bodies_gone_count; i++) {
		char name[17];

		body_name(s->st.bodies_gone[i], name);
		if (unlinkat(s->body_dir, name, 0) != 0 && errno != ENOENT)
			(void)fault_of_errno(&s->log, "remove", name);
	}
	s->st.bodies_gone_count = 0;
	close(lock);
}
