#include "roles/reading.h"

#include "talk/talk.h"

#include <errno.h>
#include <sys/uio.h>

enum fault
reading_catch_up(struct chan *store, int64_t most_ms)
{
	struct talk_apply ask = { .lsn = 0 };
	struct talk_done done;
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct frame answer;
	enum fault f;

	talk_put_apply(&b, &ask);
	f = chan_call(
		store, TALK_ASK_apply, buf_str(&b), -1, loop_now_ms(store->loop) + most_ms, &a, &answer);
	if (f == OK)
		f = talk_read_done(answer.payload, &done) ? done.fault : INTERNAL;
	buf_done(&b);
	arena_done(&a);
	return f == TIMED_OUT ? STORE_DOWN : f;
}

enum fault
body_open(struct reading *r, const struct store_email *e, struct body *ret)
{
	int fd;

	TRY(store_reader_file(r->reader, e, &fd));
	*ret = (struct body){ fd, e->place.offset, e->place.size, e->dot_lines };
	return OK;
}

void
body_close(struct reading *r, const struct body *b)
{
	store_reader_release(r->reader, b->fd);
}

struct read_job {
	int fd;
	uint64_t offset;
	size_t n;
	char *to;
	enum fault fault;
};

/* In a thread. */
static void
read_slowly(void *arg)
{
	struct read_job *j = arg;

	while (j->n > 0) {
		ssize_t n = pread(j->fd, j->to, j->n, (off_t)j->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			j->fault = n == 0 ? STORE_CORRUPT : STORE_DOWN;
			return;
		}
		j->to += n;
		j->offset += (uint64_t)n;
		j->n -= (size_t)n;
	}
}

/* Reads what is in memory; moves the job on. */
static void
read_at_once(struct reading *r, struct read_job *j)
{
	while (j->n > 0 && !r->no_nowait) {
		struct iovec to = { j->to, j->n };
		ssize_t n = preadv2(j->fd, &to, 1, (off_t)j->offset, RWF_NOWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
			r->no_nowait = true;
		if (n <= 0)
			return;
		j->to += n;
		j->offset += (uint64_t)n;
		j->n -= (size_t)n;
	}
}

enum fault
body_read(struct reading *r, const struct body *b, uint64_t at, size_t n, char *to)
{
	struct read_job job = { .fd = b->fd, .offset = b->offset + at, .n = n, .to = to, .fault = OK };

	read_at_once(r, &job);
	if (job.n == 0)
		return OK;
	TRY(pool_run(r->pool, read_slowly, &job, 0));
	return job.fault;
}

/* Is this piece of the body in memory? A look at its last octet tells, mostly; if not, the piece is read by a thread, which brings it there. */
enum fault
body_warm(struct reading *r, const struct body *b, uint64_t at, size_t n, char *scratch)
{
	struct read_job last = { .fd = b->fd, .offset = b->offset + at + n - 1, .n = 1, .to = scratch };

	read_at_once(r, &last);
	return last.n == 0 ? OK : body_read(r, b, at, n, scratch);
}
