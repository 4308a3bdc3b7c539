/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/balance.h"

enum { DRAWS = 100000 };

static void
shares(const struct balance_choice *choices, unsigned count, uint64_t usable,
    unsigned *counts)
{
	struct balance_random random = { 88172645463325252u };

	for (unsigned i = 0; i < count; i++)
		counts[i] = 0;
	for (int i = 0; i < DRAWS; i++) {
		int at = balance_pick(choices, count, usable, &random);

		assert_in_range(at, 0, count - 1);
		counts[at]++;
	}
}

static void
nobody_left(void **state)
{
	struct balance_choice choices[] = { { 1, 0 }, { 0, 0 } };
	struct balance_random random = { 1 };

	(void)state;
	assert_int_equal(balance_pick(choices, 0, ~UINT64_C(0), &random), -1);
	assert_int_equal(balance_pick(choices, 2, 0, &random), -1);
	assert_int_equal(balance_pick(choices, 2, 2, &random), -1);
	assert_int_equal(balance_pick(choices, 2, 3, &random), 0);
}

static void
only_the_usable(void **state)
{
	struct balance_choice choices[BALANCE_MAX];
	unsigned counts[BALANCE_MAX];

	(void)state;
	for (unsigned i = 0; i < BALANCE_MAX; i++)
		choices[i] = (struct balance_choice){ 1, i };
	shares(choices, BALANCE_MAX, UINT64_C(1) << 63 | 5, counts);
	assert_int_equal(counts[0] + counts[2] + counts[63], DRAWS);
	assert_true(counts[0] > counts[2]);
	assert_int_equal(counts[63], 0);	/* loses against both */
}

static void
the_less_loaded_of_two(void **state)
{
	struct balance_choice choices[] = { { 1, 10 }, { 1, 3 } };
	unsigned counts[2];

	(void)state;
	shares(choices, 2, 3, counts);
	assert_int_equal(counts[1], DRAWS);
}

static void
by_weight_when_idle(void **state)
{
	struct balance_choice choices[] = { { 1, 0 }, { 3, 0 } };
	unsigned counts[2];

	(void)state;
	shares(choices, 2, 3, counts);
	assert_in_range(counts[1], DRAWS * 74 / 100, DRAWS * 76 / 100);
	/* as loaded as the other by its weight, then less, then more */
	choices[0].outstanding = 1;
	choices[1].outstanding = 3;
	shares(choices, 2, 3, counts);
	assert_in_range(counts[1], DRAWS * 74 / 100, DRAWS * 76 / 100);
	choices[1].outstanding = 2;
	shares(choices, 2, 3, counts);
	assert_int_equal(counts[1], DRAWS);
	choices[1].outstanding = 4;
	shares(choices, 2, 3, counts);
	assert_int_equal(counts[0], DRAWS);
}

/* A day in short: what each has in hand stays near its share. */
static void
load_follows_weight(void **state)
{
	struct balance_choice choices[] = { { 1, 0 }, { 2, 0 }, { 4, 0 },
	    { 1, 0 } };
	struct balance_random random = { 42 };

	(void)state;
	for (int i = 0; i < 8000; i++)
		choices[balance_pick(choices, 4, 15, &random)].outstanding++;
	assert_in_range(choices[0].outstanding, 950, 1050);
	assert_in_range(choices[1].outstanding, 1950, 2050);
	assert_in_range(choices[2].outstanding, 3950, 4050);
	assert_in_range(choices[3].outstanding, 950, 1050);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_left),
		cmocka_unit_test(only_the_usable),
		cmocka_unit_test(the_less_loaded_of_two),
		cmocka_unit_test(by_weight_when_idle),
		cmocka_unit_test(load_follows_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
