#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
must(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
mem_new(size_t size)
{
	return must(calloc(1, size ? size : 1));
}

void *
mem_new_array(size_t count, size_t size)
{
	return must(calloc(count ? count : 1, size ? size : 1));
}

void *
mem_grow(void *p, size_t size)
{
	return must(realloc(p, size ? size : 1));
}

void
mem_wipe(void *p, size_t size)
{
	explicit_bzero(p, size);
}
