/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Fibers: code that has to wait (for a store, for a service) and still reads
 * from top to bottom.  A fiber is a stack of its own on the thread that
 * started it; it runs until it waits, and goes on when it is resumed from the
 * thread's own stack, which is where the loop's callbacks run.  Nothing runs
 * at the same time: between two waits a fiber is alone on its thread.
 *
 * Stacks are mapped with a guard page below, FIBER_STACK bytes of which only
 * those that are touched take memory; a few are kept for the next.
 */
#ifndef BASE_FIBER_H
#define BASE_FIBER_H

#include <stdbool.h>
#include <stddef.h>

enum { FIBER_STACK = 1024 * 1024 };

struct fiber;

/*
 * Runs fn(arg) on a new fiber, at once; returns when it waits for the first
 * time, or has ended.  From the thread's own stack only.
 */
void fiber_start(void (*fn)(void *arg), void *arg);

/* The one that runs; NULL on the thread's own stack. */
struct fiber *fiber_self(void);

/* Until fiber_resume() of this one; on a fiber only. */
void fiber_wait(void);

/* From the thread's own stack, and the thread that started it; it must be
 * waiting.  Returns when it waits again, or has ended. */
void fiber_resume(struct fiber *fiber);

/* How many of this thread have not ended. */
size_t fiber_count(void);

#endif
