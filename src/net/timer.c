/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The timer wheel of a loop.  Thousands of connections move their timers with
 * every request; here that is a store, or a node moved between two rings.
 */
#include "net/loop_private.h"

#include "base/must.h"

static void
timer_place(struct wheel *w, struct timer *timer)
{
	uint64_t step = (timer->due_ms + WHEEL_STEP_MS - 1) / WHEEL_STEP_MS;
	size_t slot;

	if (step <= w->step)
		step = w->step + 1;
	/* Too far for the wheel: it comes up once before its time. */
	if (step > w->step + WHEEL_SLOTS - 1)
		step = w->step + WHEEL_SLOTS - 1;
	slot = step % WHEEL_SLOTS;
	list_append(&w->slots[slot], &timer->node);
	w->used[slot / 64] |= UINT64_C(1) << slot % 64;
	if (step < w->next)
		w->next = step;
}

/* The step of the first used slot after the current one. */
static uint64_t
next_used(const struct wheel *w)
{
	for (uint64_t step = w->step + 1; step < w->step + WHEEL_SLOTS;) {
		size_t slot = step % WHEEL_SLOTS;
		uint64_t word = w->used[slot / 64] >> slot % 64;

		if (word != 0) {
			step += (uint64_t)__builtin_ctzll(word);
			return step < w->step + WHEEL_SLOTS ? step : WHEEL_NEVER;
		}
		step += 64 - slot % 64;
	}
	return WHEEL_NEVER;
}

static void
move_all(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

void
wheel_init(struct wheel *w, uint64_t now_ms)
{
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	w->step = now_ms / WHEEL_STEP_MS;
	w->next = WHEEL_NEVER;
}

/*
 * Slots are emptied before the first call, since calls set and cancel timers.
 * After a long stop of the process the wheel may have turned more than once.
 */
static void
wheel_collect(struct wheel *w, uint64_t until, struct list *up)
{
	uint64_t first = w->next;

	if (until - first >= WHEEL_SLOTS)
		first = until - WHEEL_SLOTS + 1;
	for (uint64_t step = first; step <= until; step++) {
		size_t slot = step % WHEEL_SLOTS;

		move_all(up, &w->slots[slot]);
		w->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	}
	w->step = until;
	w->next = next_used(w);
}

void
wheel_run(struct wheel *w, uint64_t now_ms)
{
	uint64_t until = now_ms / WHEEL_STEP_MS;
	struct list up, *node;

	if (until < w->next)
		return;
	list_init(&up);
	wheel_collect(w, until, &up);
	while ((node = list_pop(&up)) != NULL) {
		struct timer *timer = list_entry(node, struct timer, node);

		if (timer->due_ms > now_ms)
			timer_place(w, timer);
		else
			timer->fn(timer);
	}
}

void
timer_init(struct timer *timer, void (*fn)(struct timer *))
{
	list_init(&timer->node);
	timer->due_ms = 0;
	timer->fn = fn;
}

void
timer_set(struct loop *loop, struct timer *timer, uint64_t after_ms)
{
	uint64_t due = loop->now_ms + after_ms;

	must(due >= after_ms);
	if (timer_is_set(timer) && due >= timer->due_ms) {
		timer->due_ms = due;
		return;
	}
	list_remove(&timer->node);
	timer->due_ms = due;
	timer_place(&loop->private->wheel, timer);
}

void
timer_cancel(struct timer *timer)
{
	list_remove(&timer->node);
}
