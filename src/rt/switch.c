#include "rt/switch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

#ifndef SWITCH_UCONTEXT

/* Saves what a callee must keep, leaves the stack pointer in *ret_sp, and goes on where `sp` was left. It goes on by an
 * indirect jump: a `ret` would be mispredicted each time, since the processor's stack of return addresses is the other
 * stack's. `arg` is the first argument of a function that begins. */
void rt_switch(void **ret_sp, void *sp, void *arg);

#if defined(__x86_64__)
/* clang-format off */
__asm__(
	".text\n"
	".globl rt_switch\n"
	".hidden rt_switch\n"
	".type rt_switch, @function\n"
	".align 16\n"
	"rt_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	movq %rdx, %rdi\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	popq %rcx\n"
	"	jmp *%rcx\n"
	".size rt_switch, . - rt_switch\n");
/* clang-format on */

enum {
	SAVED = 8,
	ENTRY_AT = 6
}; /* r15 r14 r13 r12 rbx rbp, the entry, and a return address of 0 that ends backtraces */

#elif defined(__aarch64__)
/* clang-format off */
__asm__(
	".text\n"
	".globl rt_switch\n"
	".hidden rt_switch\n"
	".type rt_switch, %function\n"
	".align 4\n"
	"rt_switch:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	mov x0, x2\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x16, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	mov x30, xzr\n"
	"	br x16\n"
	".size rt_switch, . - rt_switch\n");
/* clang-format on */

enum { SAVED = 20, ENTRY_AT = 11 }; /* x19 ... x28, x29, x30, d8 ... d15 */
#endif

void
switch_make(struct switch_spot *s, void *stack, size_t stack_size, void (*fn)(void *arg), void *arg)
{
	uintptr_t *sp = (uintptr_t *)(((uintptr_t)stack + stack_size) & ~(uintptr_t)15) - SAVED;

	memset(sp, 0, SAVED * sizeof(*sp));
	sp[ENTRY_AT] = (uintptr_t)fn;
	*s = (struct switch_spot){ .sp = sp, .fn = fn, .arg = arg, .stack = stack, .stack_size = stack_size };
}

static void
go(struct switch_spot *here, struct switch_spot *there)
{
	rt_switch(&here->sp, there->sp, there->arg);
}

#else /* SWITCH_UCONTEXT */

/* makecontext passes ints: the pointer comes in two halves. */
static void
begin(unsigned high, unsigned low)
{
	struct switch_spot *s = (struct switch_spot *)(uintptr_t)((uint64_t)high << 32 | low);

	s->fn(s->arg);
}

void
switch_make(struct switch_spot *s, void *stack, size_t stack_size, void (*fn)(void *arg), void *arg)
{
	uint64_t self = (uint64_t)(uintptr_t)s;

	*s = (struct switch_spot){ .fn = fn, .arg = arg, .stack = stack, .stack_size = stack_size };
	if (getcontext(&s->context) != 0)
		abort();
	s->context.uc_stack.ss_sp = stack;
	s->context.uc_stack.ss_size = stack_size;
	s->context.uc_link = NULL;
	makecontext(&s->context, (void (*)(void))begin, 2, (unsigned)(self >> 32), (unsigned)self);
}

static void
go(struct switch_spot *here, struct switch_spot *there)
{
	if (swapcontext(&here->context, &there->context) != 0)
		abort();
}
#endif

#ifdef WITH_ASAN
#define ASAN_LEAVE(save, there) __sanitizer_start_switch_fiber((save), (there)->stack, (there)->stack_size)
#define ASAN_ARRIVE(saved, ret_stack, ret_size)                                                              \
	__sanitizer_finish_switch_fiber((saved), (ret_stack), (ret_size))
#else
#define ASAN_LEAVE(save, there)                 ((void)0)
#define ASAN_ARRIVE(saved, ret_stack, ret_size) ((void)0)
#endif

void
switch_to(struct switch_spot *here, struct switch_spot *there)
{
	ASAN_LEAVE(&here->fake_stack, there);
	go(here, there);
	ASAN_ARRIVE(here->fake_stack, NULL, NULL);
}

void
switch_begun(struct switch_spot *from)
{
	(void)from;
	ASAN_ARRIVE(NULL, &from->stack, &from->stack_size);
}

_Noreturn void
switch_end(struct switch_spot *here, struct switch_spot *there)
{
	ASAN_LEAVE(NULL, there);
	go(here, there);
	abort(); /* it was the last time */
}

unsigned
switch_stack_new(void *stack, size_t size)
{
#ifdef VALGRIND_STACK_REGISTER
	return VALGRIND_STACK_REGISTER(stack, (char *)stack + size);
#else
	(void)stack;
	(void)size;
	return 0;
#endif
}

void
switch_stack_reuse(void *stack, size_t size)
{
	(void)stack;
	(void)size;
#ifdef WITH_ASAN
	/* frames that never returned have left their red zones */
	__asan_unpoison_memory_region(stack, size);
#endif
}

void
switch_stack_gone(unsigned id)
{
	(void)id;
#ifdef VALGRIND_STACK_DEREGISTER
	VALGRIND_STACK_DEREGISTER(id);
#endif
}
