/* rt/switch.h - from one stack to another
 * Own assembly for x86-64 and aarch64, ucontext elsewhere (or with -DSWITCH_UCONTEXT). The sanitizers are told. */
#ifndef RT_SWITCH_H
#define RT_SWITCH_H

#include <stddef.h>

#if (!defined(__x86_64__) && !defined(__aarch64__)) || defined(__ILP32__)
#define SWITCH_UCONTEXT 1
#endif
#ifdef SWITCH_UCONTEXT
#include <ucontext.h>
#endif

/* A place where something stopped and can go on. */
struct switch_spot {
#ifdef SWITCH_UCONTEXT
	ucontext_t context;
#else
	void *sp;
#endif
	void (*fn)(void *arg); /* what begins there */
	void *arg;
	void *fake_stack;  /* AddressSanitizer's */
	const void *stack; /* its lowest byte; the thread's own stack is found out at the first switch */
	size_t stack_size;
};

/* Makes *s a place at which fn(arg) begins on the given stack. fn never returns. */
void switch_make(struct switch_spot *s, void *stack, size_t stack_size, void (*fn)(void *arg), void *arg);

/* Stops here, to go on when somebody switches to *here, and goes on at *there. */
void switch_to(struct switch_spot *here, struct switch_spot *there);
/* The first thing on a new stack: `from` is where the switch came from. */
void switch_begun(struct switch_spot *from);
/* As switch_to, for the last time from this stack. */
_Noreturn void switch_end(struct switch_spot *here, struct switch_spot *there);

/* A stack has been mapped (the result names it to valgrind), is used again, is about to be unmapped. */
unsigned switch_stack_new(void *stack, size_t size);
void switch_stack_reuse(void *stack, size_t size);
void switch_stack_gone(unsigned id);

#endif
