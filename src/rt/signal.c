#include "rt/inside.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/signalfd.h>

static void
on_signals(struct watch *w)
{
	struct loop *l = CONTAINER(w, struct loop, signal_watch);
	struct signalfd_siginfo info;

	while (read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		struct signal_call *call = &l->signal_calls[info.ssi_signo];
		if (call->fn)
			call->fn(call->ctx);
	}
	w->ready &= ~(uint32_t)READY_IN;
}

enum fault
loop_on_signal(struct loop *l, int signo, void (*fn)(void *ctx), void *ctx)
{
	int fd;

	if (signo < 1 || signo >= NSIG || sigaddset(&l->signals, signo) != 0)
		return BAD_ARGUMENT;
	if (pthread_sigmask(SIG_BLOCK, &l->signals, NULL) != 0)
		return INTERNAL;
	if (!l->signal_calls)
		l->signal_calls = mem_new_array(NSIG, sizeof(*l->signal_calls));
	l->signal_calls[signo] = (struct signal_call){ fn, ctx };
	fd = signalfd(
		l->signal_watch.loop ? l->signal_watch.fd : -1, &l->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0) {
		log_error(&l->log, "signalfd-failed", kv_int("errno", errno));
		return INTERNAL;
	}
	if (l->signal_watch.loop)
		return OK;
	return watch_start(l, &l->signal_watch, fd, on_signals);
}

void
signals_free(struct loop *l)
{
	if (l->signal_watch.loop) {
		watch_stop(&l->signal_watch);
		close(l->signal_watch.fd);
	}
	free(l->signal_calls);
}
