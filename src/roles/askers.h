/* roles/askers.h - those who ask a role questions whose answers take a while
 * Several processes of several kinds ask over a channel each. When one dies its successor gets a new channel under the same number and
 * counts its questions from 1 again: an answer to the old one must never reach the new one, whose question of that id is another. So an answer
 * that comes later is sent through a struct question, which knows for whom it was. */
#ifndef ROLES_ASKERS_H
#define ROLES_ASKERS_H

#include "roles/role.h"

enum { ASKERS = 64 };

struct asker {
	struct chan chan; /* ctx is the asker */
	struct role *role;
	unsigned kind; /* TALK_* */
	uint32_t number;
	uint64_t born; /* which of the processes that had this number */
};
struct askers {
	struct asker *list[ASKERS];
	size_t n;
	uint64_t births;
};

/* A new process of that kind and number, in place of the old one; fd is taken over. on_frame's channel has the asker as ctx. */
void askers_up(struct askers *a, struct role *r, unsigned kind, uint32_t number, int fd,
	void (*on_frame)(struct chan *c, struct frame *f));
struct asker *askers_find(const struct askers *a, unsigned kind, uint32_t number); /* NULL: never seen */
void askers_done(struct askers *a);

struct question {
	struct asker *from;
	uint64_t born;
	uint16_t type;
	uint32_t id;
};
struct question question_of(struct chan *c, const struct frame *f);
/* Dropped when the asker is gone. */
void question_answer(const struct question *q, str payload);

#define QUESTION_ANSWER(q, message, ...)                                                                     \
	do {                                                                                                 \
		struct talk_##message answer_ = __VA_ARGS__;                                                 \
		struct buf bytes_ = { 0 };                                                                   \
		talk_put_##message(&bytes_, &answer_);                                                       \
		question_answer((q), buf_str(&bytes_));                                                      \
		buf_done(&bytes_);                                                                           \
	} while (0)

#endif
