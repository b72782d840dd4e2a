#include "base/arena.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BLOCK = 1024 - 32, LARGEST_STEP = 64 * 1024, ALIGN = 16 };

struct arena_block {
	struct arena_block *older;
	size_t size;
	_Alignas(ALIGN) char bytes[];
};

static void
add_block(struct arena *a, size_t size)
{
	size_t want = a->block ? MIN(a->block->size * 2, LARGEST_STEP) : FIRST_BLOCK;
	struct arena_block *b;

	want = MAX(want, size);
	b = mem_grow(NULL, sizeof(*b) + want);
	b->older = a->block;
	b->size = want;
	a->block = b;
	a->used = 0;
}

void *
arena_take(struct arena *a, size_t size)
{
	void *p;

	if (size > SIZE_MAX / 2)
		abort();
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!a->block || a->block->size - a->used < size)
		add_block(a, size);
	p = a->block->bytes + a->used;
	a->used += size;
	return memset(p, 0, size);
}

void *
arena_take_array(struct arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / 2 / size)
		abort();
	return arena_take(a, count * size);
}

str
arena_str(struct arena *a, str s)
{
	return (str){ arena_cstr(a, s), s.n };
}

char *
arena_cstr(struct arena *a, str s)
{
	char *p = arena_take(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return p;
}

str
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *p;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort();
	p = arena_take(a, (size_t)n + 1);
	va_start(args, format);
	(void)vsnprintf(p, (size_t)n + 1, format, args);
	va_end(args);
	return (str){ p, (size_t)n };
}

str
arena_lower(struct arena *a, str s)
{
	char *p = arena_cstr(a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(p[i]);
	return (str){ p, s.n };
}

str
arena_join(struct arena *a, str x, str y)
{
	char *p = arena_take(a, x.n + y.n + 1);

	if (x.n)
		memcpy(p, x.p, x.n);
	if (y.n)
		memcpy(p + x.n, y.p, y.n);
	return (str){ p, x.n + y.n };
}

void
arena_reset(struct arena *a)
{
	while (a->block && a->block->older) {
		struct arena_block *older = a->block->older;
		free(a->block);
		a->block = older;
	}
	a->used = 0;
}

void
arena_done(struct arena *a)
{
	arena_reset(a);
	free(a->block);
	*a = (struct arena){ 0 };
}
