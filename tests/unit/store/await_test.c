/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "store/await.h"

/* A store whose answers a table gives, one after the other. */
struct scripted {
	struct store	 base;
	const enum store_end *ends;
	unsigned	 asked;
	uint8_t		 ops[8][16];	/* that came with the questions */
	struct task	 task;
	store_row_fn	*fn;
	void		*arg;
};

enum { PERMITTED = 5 };			/* regions that a load names */

static struct loop *loop;

static void
on_task(struct task *task)
{
	struct scripted *s = list_entry(task, struct scripted, task);
	enum store_end end = s->ends[s->asked++];
	struct store_row row = { .token = { 2, 9 }, .home = "GB",
	    .body = SLICE("body") };

	s->fn(s->arg, end, end == STORE_OK ? &row : NULL);
}

static void
ask(struct scripted *s, store_row_fn *fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
	task_set(loop, &s->task);
}

static void
scripted_write(struct store *base, const struct store_row *row,
    store_row_fn *fn, void *arg)
{
	struct scripted *s = list_entry(base, struct scripted, base);

	assert_true(s->asked < 8);
	memcpy(s->ops[s->asked], row->op, 16);
	ask(s, fn, arg);
}

static void
scripted_load(struct store *base, const uint8_t id[16], int64_t now_ms,
    store_regions permitted, store_row_fn *fn, void *arg)
{
	(void)id;
	(void)now_ms;
	assert_int_equal(permitted, PERMITTED);
	ask(list_entry(base, struct scripted, base), fn, arg);
}

static const struct store_ops ops = {
	.create = scripted_write,
	.save = scripted_write,
	.load = scripted_load,
};

/* What the fiber of a test does, and found. */
static struct scripted store;
static struct store_row row;
static enum store_end end;
static struct arena *arena;

static void
begin(const enum store_end *ends)
{
	loop = loop_new();
	store = (struct scripted){ .base = { .ops = &ops, .loop = loop },
	    .ends = ends };
	task_init(&store.task, on_task);
	row = (struct store_row){ .body = SLICE("mine") };
}

static void
run(void (*fn)(void *))
{
	fiber_start(fn, NULL);
	while (fiber_count() > 0)
		loop_run(loop);
	loop_free(&loop);
}

static void
saves(void *arg)
{
	(void)arg;
	end = await_save(&store.base, &row);
	loop_stop(loop);
}

static void
loads(void *arg)
{
	uint8_t id[16] = { 1 };

	(void)arg;
	end = await_load(&store.base, arena, id, 0, PERMITTED, &row);
	loop_stop(loop);
}

static void
a_lost_answer_is_asked_for_again(void **state)
{
	static const enum store_end ends[] = { STORE_UNKNOWN, STORE_MOVING,
	    STORE_UNKNOWN, STORE_OK };
	static const uint8_t none[16];

	(void)state;
	begin(ends);
	run(saves);
	assert_int_equal(end, STORE_OK);
	assert_int_equal(store.asked, 4);
	assert_memory_not_equal(store.ops[0], none, 16);
	for (int i = 1; i < 4; i++)	/* it is one and the same write */
		assert_memory_equal(store.ops[0], store.ops[i], 16);
	assert_int_equal(row.token.epoch, 2);
	assert_int_equal(row.token.version, 9);
	assert_string_equal(row.home, "GB");
	assert_true(slice_is(row.body, "mine"));
}

static void
what_is_certain_is_told_at_once(void **state)
{
	static const enum store_end ends[] = { STORE_CONFLICT,
	    STORE_UNAVAILABLE, STORE_TOO_BIG, STORE_ELSEWHERE,
	    STORE_NOT_FOUND };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		begin(&ends[i]);
		row.token.version = 4;
		run(saves);
		assert_int_equal(end, ends[i]);
		assert_int_equal(store.asked, 1);
		assert_int_equal(row.token.version, 4);
	}
}

static void
a_body_lives_in_the_arena(void **state)
{
	static const enum store_end ends[] = { STORE_MOVING, STORE_OK };

	(void)state;
	arena = arena_new(0);
	begin(ends);
	run(loads);
	assert_int_equal(end, STORE_OK);
	assert_true(slice_is(row.body, "body"));
	arena_free(&arena);
}

static void
naps(void *arg)
{
	uint64_t began = clock_ms();

	(void)arg;
	await_ms(loop, 40);
	assert_true(clock_ms() - began >= 40);
	loop_stop(loop);
}

static void
a_nap_is_not_too_short(void **state)
{
	(void)state;
	begin(NULL);
	run(naps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_answer_is_asked_for_again),
		cmocka_unit_test(what_is_certain_is_told_at_once),
		cmocka_unit_test(a_body_lives_in_the_arena),
		cmocka_unit_test(a_nap_is_not_too_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
