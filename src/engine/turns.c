/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/fiber.h"
#include "engine/engine_private.h"

static void
on_turn(struct task *task)
{
	fiber_resume(list_entry(task, struct turn, task)->fiber);
}

/* The next after node in the list who wants the same state, or NULL.  The
 * list is as long as there are changes under way, which are few. */
static struct turn *
next_with(struct engine *e, struct list *node, const char *state)
{
	for (node = node->next; node != &e->turns; node = node->next) {
		struct turn *turn = list_entry(node, struct turn, node);

		if (slice_eq_nocase(slice_of(turn->state), slice_of(state)))
			return turn;
	}
	return NULL;
}

void
turn_take(struct engine *e, struct turn *turn, const char *state)
{
	bool must_wait = next_with(e, &e->turns, state) != NULL;

	turn->state = state;
	turn->fiber = fiber_self();
	task_init(&turn->task, on_turn);
	list_init(&turn->node);
	list_append(&e->turns, &turn->node);
	if (must_wait)
		fiber_wait();
}

void
turn_end(struct engine *e, struct turn *turn)
{
	struct turn *next = next_with(e, &turn->node, turn->state);

	list_remove(&turn->node);
	if (next != NULL)
		task_set(e->loop, &next->task);
}
