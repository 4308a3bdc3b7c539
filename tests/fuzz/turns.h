/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A loop that turns on demand, for harnesses that see what each turn does.
 */
#ifndef TESTS_FUZZ_TURNS_H
#define TESTS_FUZZ_TURNS_H

#include "net/loop.h"

static struct loop *loop;
static struct task turn_end;
static bool once_more;

/* Set twice: between the two the loop looks at its sockets. */
static inline void
on_turn_end(struct task *task)
{
	if (once_more)
		task_set(loop, task);
	else
		loop_stop(loop);
	once_more = false;
}

static inline void
turns_begin(void)
{
	loop = loop_new();
	task_init(&turn_end, on_turn_end);
}

static inline void
turn_once(void)
{
	once_more = true;
	task_set(loop, &turn_end);
	loop_run(loop);
}

#endif
