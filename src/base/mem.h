/* base/mem.h - memory that is there or the process is not
 * A true out-of-memory ends the process (its parent starts another); nobody checks for NULL. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t size); /* zeroed; free() ends it */
void *mem_new_array(size_t count, size_t size);
void *mem_grow(void *p, size_t size); /* as realloc */
void mem_wipe(void *p, size_t size);  /* overwrites secrets; not optimised away */

/* A zeroed T. */
#define NEW(T) ((T *)mem_new(sizeof(T)))

/* The struct of type T whose member m is at p. */
#define CONTAINER(p, T, m) ((T *)(void *)((char *)(p) - offsetof(T, m)))

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
