/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/fiber.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/must.h"

enum { MANY = 200 };

struct work {
	struct fiber	*fiber;
	unsigned	 waits, done;
	unsigned	 sum;
	bool		 over;
};

/* Uses its stack across waits, so that a mixed up one shows. */
static void
count_up(void *arg)
{
	struct work *w = arg;
	unsigned local[64];

	for (unsigned i = 0; i < 64; i++)
		local[i] = i + w->waits;
	w->fiber = fiber_self();
	for (; w->done < w->waits; w->done++)
		fiber_wait();
	for (unsigned i = 0; i < 64; i++)
		w->sum += local[i] - w->waits;
	w->over = true;
}

static void
test_without_a_wait_it_ends_at_once(void **state)
{
	struct work w = { .waits = 0 };

	(void)state;
	fiber_start(count_up, &w);
	assert_true(w.over);
	assert_int_equal(w.sum, 64 * 63 / 2);
	assert_null(fiber_self());
	assert_int_equal(fiber_count(), 0);
}

static void
test_many_wait_and_go_on_in_any_order(void **state)
{
	static struct work w[MANY];
	size_t left = MANY;

	(void)state;
	memset(w, 0, sizeof(w));
	for (size_t i = 0; i < MANY; i++) {
		w[i].waits = (unsigned)(i % 7 + 1);
		fiber_start(count_up, &w[i]);
		assert_false(w[i].over);
		assert_non_null(w[i].fiber);
	}
	assert_int_equal(fiber_count(), MANY);
	for (size_t i = MANY; left > 0; i = i == 1 ? MANY : i - 1)
		if (!w[i - 1].over) {
			fiber_resume(w[i - 1].fiber);
			left -= w[i - 1].over;
		}
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(w[i].sum, 64 * 63 / 2);
	assert_int_equal(fiber_count(), 0);
}

static unsigned
deep(unsigned levels)
{
	volatile char room[1024];

	room[0] = (char)levels;
	return levels == 0 ? 0 : deep(levels - 1) + (room[0] == (char)levels);
}

static void
go_deep(void *arg)
{
	*(unsigned *)arg = deep(300);
}

static void
test_its_stack_is_large(void **state)
{
	unsigned found = 0;

	(void)state;
	fiber_start(go_deep, &found);
	assert_int_equal(found, 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_wait_it_ends_at_once),
		cmocka_unit_test(test_many_wait_and_go_on_in_any_order),
		cmocka_unit_test(test_its_stack_is_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
