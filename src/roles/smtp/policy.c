/* roles/smtp/policy.c - asking a policy service (SMTPD_POLICY_README): connections are kept and used again */
#include "roles/smtp/restrict.h"

#include "base/mem.h"
#include "rt/jail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_KEPT = 32 };

struct kept {
	struct link link;
	struct stream stream;
	int64_t began_ms, used_ms;
	uint64_t requests;
};
struct service {
	const struct rules_policy *policy;
	struct smtp_policies *all;
	struct link kept; /* the one used last is the first */
	size_t kept_count;
	struct timer timer; /* closes those that are idle */
};
struct smtp_policies {
	struct role *role;
	struct service *services;
	size_t n;
};

static void
drop(struct kept *k)
{
	stream_close(&k->stream);
	free(k);
}

static bool
is_stale(const struct service *sv, const struct kept *k, int64_t now_ms)
{
	const struct rules_policy *p = sv->policy;

	return now_ms - k->used_ms >= p->idle_ms || now_ms - k->began_ms >= p->life_ms ||
	       (p->request_limit && k->requests >= p->request_limit);
}

static void
close_idle(struct timer *t)
{
	struct service *sv = CONTAINER(t, struct service, timer);
	struct loop *l = sv->all->role->loop;

	LIST_EACH(&sv->kept, link) {
		struct kept *k = CONTAINER(link, struct kept, link);

		if (!is_stale(sv, k, loop_now_ms(l)))
			continue;
		list_remove(&k->link);
		sv->kept_count--;
		drop(k);
	}
	if (sv->kept_count)
		timer_set(l, t, loop_now_ms(l) + MAX(1000, sv->policy->idle_ms));
}

static void
keep(struct service *sv, struct kept *k)
{
	struct loop *l = sv->all->role->loop;

	k->used_ms = loop_now_ms(l);
	k->requests++;
	if (is_stale(sv, k, k->used_ms) || sv->kept_count == MOST_KEPT || sv->all->role->draining ||
		stream_pending(&k->stream).n) {
		drop(k);
		return;
	}
	list_prepend(&sv->kept, &k->link);
	if (sv->kept_count++ == 0) {
		sv->timer.fn = close_idle;
		timer_set(l, &sv->timer, k->used_ms + MAX(1000, sv->policy->idle_ms));
	}
}

static struct kept *
take_kept(struct service *sv)
{
	struct kept *k;

	while (!list_empty(&sv->kept)) {
		k = CONTAINER(list_take_first(&sv->kept), struct kept, link);
		sv->kept_count--;
		if (!is_stale(sv, k, loop_now_ms(sv->all->role->loop)))
			return k;
		drop(k);
	}
	return NULL;
}

static enum fault
connect_path(struct stream *s, struct loop *l, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(to.sun_path, path, MIN(strlen(path), sizeof(to.sun_path) - 1));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		if (fd >= 0)
			(void)close(fd);
		return CLOSED;
	}
	return stream_init(s, l, fd);
}

static enum fault
connect_new(struct service *sv, struct kept **ret)
{
	struct loop *l = sv->all->role->loop;
	struct kept *k = NEW(struct kept);
	int why = 0;
	enum fault f;

	k->began_ms = loop_now_ms(l);
	if (sv->policy->path)
		f = connect_path(&k->stream, l, sv->policy->path);
	else
		f = stream_connect(
			&k->stream, l, &sv->policy->peer, k->began_ms + sv->policy->timeout_ms, &why);
	if (f != OK) {
		free(k);
		return f;
	}
	*ret = k;
	return OK;
}

static enum fault
exchange(struct service *sv, struct kept *k, str request, struct arena *a, str *ret_action)
{
	struct stream *s = &k->stream;
	bool ok = false;

	s->due_ms = loop_now_ms(s->loop) + sv->policy->timeout_ms;
	TRY(stream_write(s, request));
	TRY(stream_flush(s));
	for (;;) {
		str in = stream_pending(s), rest = in, action;

		if (rules_policy_answer(&rest, &action, &ok)) {
			action = arena_str(a, action);
			stream_consume(s, in.n - rest.n);
			if (ok)
				*ret_action = action;
			return ok ? OK : MALFORMED;
		}
		TRY(stream_fill(s, RULES_POLICY_ANSWER));
	}
}

enum fault
smtp_policy_ask(struct smtp_policies *p, size_t service, str request, struct arena *a, const struct log *log,
	str *ret_action)
{
	struct service *sv = &p->services[service];
	struct loop *l = p->role->loop;

	for (uint64_t tries = 0; tries < sv->policy->tries;) {
		struct kept *k = take_kept(sv);
		bool used_before = k != NULL;
		enum fault f = k ? OK : connect_new(sv, &k);

		if (f == OK) {
			f = exchange(sv, k, request, a, ret_action);
			if (f == OK) {
				keep(sv, k);
				return OK;
			}
			drop(k);
		}
		if (f == CANCELLED)
			return f;
		if (used_before && f == CLOSED) /* it was closed while nobody used it */
			continue;
		log_warn(log, "policy-failed", kv_c("service", sv->policy->name),
			kv_c("why", fault_words(f)->name));
		if (++tries < sv->policy->tries && fiber_sleep(l, sv->policy->retry_ms) == CANCELLED)
			return CANCELLED;
	}
	*ret_action = sv->policy->default_action;
	return OK;
}

unsigned
smtp_policies_rights(const struct smtp_policies *p)
{
	unsigned rights = 0;

	for (size_t i = 0; p && i < p->n; i++)
		rights |= p->services[i].policy->path ? JAIL_CONNECT_LOCAL : JAIL_CONNECT;
	return rights;
}

void
smtp_policies_free(struct smtp_policies *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct service *sv = &p->services[i];

		timer_clear(&sv->timer);
		while (!list_empty(&sv->kept))
			drop(CONTAINER(list_take_first(&sv->kept), struct kept, link));
	}
	free(p->services);
	free(p);
}

struct smtp_policies *
smtp_policies_new(struct role *r, const struct rules *rules)
{
	struct smtp_policies *all;
	size_t n;
	const struct rules_policy *policies = rules_policies(rules, &n);

	if (n == 0)
		return NULL;
	all = NEW(struct smtp_policies);
	all->role = r;
	all->n = n;
	all->services = mem_new_array(n, sizeof(*all->services));
	for (size_t i = 0; i < n; i++) {
		all->services[i].policy = &policies[i];
		all->services[i].all = all;
		list_init(&all->services[i].kept);
	}
	return all;
}
