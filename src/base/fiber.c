/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/fiber.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/must.h"

/* Sanitizers follow stacks, and have to be told of each change. */
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

enum { KEPT_MAX = 64 };			/* stacks, for the next */

struct fiber {
	ucontext_t	 context;
	struct fiber	*next;		/* while it is kept */
	void		(*fn)(void *);
	void		*arg;
	bool		 waits, over;
	char		*stack;		/* begins with the guard page */
	void		*fake;		/* ASan's */
	void		*tsan;
};

/* What one thread has. */
static _Thread_local struct {
	ucontext_t	 home;
	struct fiber	*running, *kept;
	size_t		 nkept, count;
	void		*fake, *tsan;	/* of the thread's own stack */
	const void	*bottom;
	size_t		 size;
} here;

static size_t
guard_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* --- changing stacks ------------------------------------------------------------ */

static void
to_fiber(struct fiber *f)
{
	here.running = f;
	f->waits = false;
#ifdef FIBER_ASAN
	__sanitizer_start_switch_fiber(&here.fake, f->stack + guard_bytes(),
	    FIBER_STACK);
#endif
#ifdef FIBER_TSAN
	here.tsan = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(f->tsan, 0);
#endif
	must(swapcontext(&here.home, &f->context) == 0);
#ifdef FIBER_ASAN
	__sanitizer_finish_switch_fiber(here.fake, NULL, NULL);
#endif
	here.running = NULL;
}

static void
to_home(struct fiber *f)
{
#ifdef FIBER_ASAN
	__sanitizer_start_switch_fiber(f->over ? NULL : &f->fake, here.bottom,
	    here.size);
#endif
#ifdef FIBER_TSAN
	__tsan_switch_to_fiber(here.tsan, 0);
#endif
	must(swapcontext(&f->context, &here.home) == 0);
#ifdef FIBER_ASAN
	__sanitizer_finish_switch_fiber(f->fake, &here.bottom, &here.size);
#endif
}

static void
fiber_main(void)
{
	struct fiber *f = here.running;

#ifdef FIBER_ASAN
	__sanitizer_finish_switch_fiber(NULL, &here.bottom, &here.size);
#endif
	for (;;) {			/* a kept fiber is used again */
		f->fn(f->arg);
		f->over = true;
		to_home(f);
	}
}

/* --- stacks ---------------------------------------------------------------------- */

static struct fiber *
fiber_make(void)
{
	struct fiber *f = xcalloc(1, sizeof(*f));
	size_t guard = guard_bytes();

	f->stack = mmap(NULL, guard + FIBER_STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	must(f->stack != MAP_FAILED);
	must(mprotect(f->stack, guard, PROT_NONE) == 0);
	must(getcontext(&f->context) == 0);
	f->context.uc_stack.ss_sp = f->stack + guard;
	f->context.uc_stack.ss_size = FIBER_STACK;
	f->context.uc_link = NULL;
	makecontext(&f->context, fiber_main, 0);
#ifdef FIBER_TSAN
	f->tsan = __tsan_create_fiber(0);
#endif
	return f;
}

static void
fiber_unmake(struct fiber *f)
{
#ifdef FIBER_TSAN
	__tsan_destroy_fiber(f->tsan);
#endif
	munmap(f->stack, guard_bytes() + FIBER_STACK);
	free(f);
}

static void
after(struct fiber *f)
{
	if (!f->over)
		return;
	here.count--;
	f->fake = NULL;			/* went with the end */
	if (here.nkept == KEPT_MAX) {
		fiber_unmake(f);
		return;
	}
	f->next = here.kept;
	here.kept = f;
	here.nkept++;
}

/* --- calls ------------------------------------------------------------------------- */

void
fiber_start(void (*fn)(void *arg), void *arg)
{
	struct fiber *f = here.kept;

	must(here.running == NULL);
	if (f == NULL) {
		f = fiber_make();
	} else {
		here.kept = f->next;
		here.nkept--;
	}
	f->fn = fn;
	f->arg = arg;
	f->over = false;
	here.count++;
	to_fiber(f);
	after(f);
}

struct fiber *
fiber_self(void)
{
	return here.running;
}

void
fiber_wait(void)
{
	struct fiber *f = here.running;

	must(f != NULL);
	f->waits = true;
	to_home(f);
}

void
fiber_resume(struct fiber *fiber)
{
	must(here.running == NULL && fiber->waits && !fiber->over);
	to_fiber(fiber);
	after(fiber);
}

size_t
fiber_count(void)
{
	return here.count;
}
