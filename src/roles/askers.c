#include "roles/askers.h"

#include "base/mem.h"

#include <unistd.h>

struct asker *
askers_find(const struct askers *a, unsigned kind, uint32_t number)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i]->kind == kind && a->list[i]->number == number)
			return a->list[i];
	return NULL;
}

void
askers_up(struct askers *a, struct role *r, unsigned kind, uint32_t number, int fd,
	void (*on_frame)(struct chan *c, struct frame *f))
{
	struct asker *k = askers_find(a, kind, number);

	if (!k && a->n == ASKERS) {
		log_error(&r->log, "too-many-peers", kv_int("most", ASKERS));
		(void)close(fd);
		return;
	}
	if (!k) {
		k = a->list[a->n++] = NEW(struct asker);
		k->role = r;
		k->kind = kind;
		k->number = number;
		chan_init(&k->chan, r->loop, talk_role_name(kind), CLOSED);
		k->chan.ctx = k;
		k->chan.on_frame = on_frame;
	}
	k->born = ++a->births;
	chan_up(&k->chan, fd);
}

void
askers_done(struct askers *a)
{
	for (size_t i = 0; i < a->n; i++) {
		chan_down(&a->list[i]->chan);
		free(a->list[i]);
	}
	a->n = 0;
}

struct question
question_of(struct chan *c, const struct frame *f)
{
	struct asker *from = c->ctx;

	return (struct question){ from, from->born, f->type, f->id };
}

void
question_answer(const struct question *q, str payload)
{
	if (q->born == q->from->born)
		chan_send(&q->from->chan, q->type, q->id, payload, -1);
}
