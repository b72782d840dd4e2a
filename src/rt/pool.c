#include "rt/pool.h"

#include "rt/inside.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <sys/eventfd.h>

/* Lies on the stack of the fiber that waits for it. */
struct job {
	struct link link;
	struct fiber *fiber;
	void (*fn)(void *arg);
	void *arg;
};

struct pool {
	struct loop *loop;
	struct watch watch; /* an eventfd: jobs are done */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct link queued, done; /* under the lock, as are these: */
	size_t queued_count;
	bool ends;
	int thread_count;
	pthread_t threads[];
};

static void *
work(void *arg)
{
	struct pool *p = arg;
	struct link *at;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!(at = list_take_first(&p->queued)) && !p->ends)
			pthread_cond_wait(&p->more, &p->lock);
		if (!at)
			break;
		p->queued_count--;
		pthread_mutex_unlock(&p->lock);
		struct job *j = CONTAINER(at, struct job, link);
		j->fn(j->arg);
		pthread_mutex_lock(&p->lock);
		if (list_empty(&p->done)) /* else the loop has been told already */
			(void)eventfd_write(p->watch.fd, 1);
		list_append(&p->done, at);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
wake_done(struct pool *p)
{
	eventfd_t n;
	struct link *at;

	pthread_mutex_lock(&p->lock);
	(void)eventfd_read(p->watch.fd, &n);
	while ((at = list_take_first(&p->done))) {
		p->loop->outside--;
		fiber_wake(CONTAINER(at, struct job, link)->fiber, OK);
	}
	pthread_mutex_unlock(&p->lock);
}

static void
on_done(struct watch *w)
{
	w->ready &= ~(uint32_t)READY_IN;
	wake_done(CONTAINER(w, struct pool, watch));
}

struct pool *
pool_new(struct loop *l, int threads)
{
	struct pool *p = mem_new(sizeof(*p) + (size_t)threads * sizeof(p->threads[0]));
	sigset_t all, before;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	p->loop = l;
	list_init(&p->queued);
	list_init(&p->done);
	if (fd < 0 || pthread_mutex_init(&p->lock, NULL) != 0 || pthread_cond_init(&p->more, NULL) != 0 ||
		watch_start(l, &p->watch, fd, on_done) != OK) {
		perror("thread pool");
		abort();
	}
	sigfillset(&all); /* signals are the loop's */
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->thread_count < threads) {
		if (pthread_create(&p->threads[p->thread_count], NULL, work, p) != 0) {
			perror("thread pool");
			abort();
		}
		p->thread_count++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return p;
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ends = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	wake_done(p);
	watch_stop(&p->watch);
	close(p->watch.fd);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

enum fault
pool_run(struct pool *p, void (*fn)(void *arg), void *arg, size_t most)
{
	struct job j = { .fiber = fiber_self(p->loop), .fn = fn, .arg = arg };

	assert(j.fiber);
	if (j.fiber->cancelled)
		return CANCELLED;
	pthread_mutex_lock(&p->lock);
	if (most && p->queued_count > most) {
		pthread_mutex_unlock(&p->lock);
		return TOO_BUSY;
	}
	list_append(&p->queued, &j.link);
	p->queued_count++;
	p->loop->outside++;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	return fiber_park_deaf(
		p->loop); /* the job cannot be called back: j and arg are in use until it is done */
}
