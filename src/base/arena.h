/* base/arena.h - memory with one lifetime
 * Pieces are taken, never given back; arena_reset frees them all and keeps the first block for the next round.
 * A zeroed struct arena is an empty arena and costs nothing until it is used. Never waits. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena {
	struct arena_block *block; /* newest first */
	size_t used;               /* bytes of the newest block */
};

void *arena_take(struct arena *a, size_t size); /* zeroed, aligned for anything */
void *arena_take_array(struct arena *a, size_t count, size_t size);
str arena_str(struct arena *a, str s); /* a copy */
char *arena_cstr(
	struct arena *a, str s); /* a NUL-terminated copy; bytes after an inner NUL are not seen by C */
str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
str arena_lower(struct arena *a, str s); /* a copy, ASCII letters lowered */
str arena_join(struct arena *a, str x, str y);

void arena_reset(struct arena *a); /* all pieces are gone; the arena can be used again */
void arena_done(struct arena *a);  /* and its memory too; zeroed afterwards */

#define ARENA_NEW(a, T)      ((T *)arena_take((a), sizeof(T)))
#define ARENA_ARRAY(a, n, T) ((T *)arena_take_array((a), (n), sizeof(T)))

#endif
