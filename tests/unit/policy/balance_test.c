/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
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
	struct balance_choice choices[] = { { 1, 0, 0 }, { 0, 0, 0 } };
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
		choices[i] = (struct balance_choice){ 1, i, 0 };
	shares(choices, BALANCE_MAX, UINT64_C(1) << 63 | 5, counts);
	assert_int_equal(counts[0] + counts[2] + counts[63], DRAWS);
	assert_true(counts[0] > counts[2]);
	assert_int_equal(counts[63], 0);	/* loses against both */
}

static void
the_less_loaded_of_two(void **state)
{
	struct balance_choice choices[] = { { 1, 10, 0 }, { 1, 3, 0 } };
	unsigned counts[2];

	(void)state;
	shares(choices, 2, 3, counts);
	assert_int_equal(counts[1], DRAWS);
}

static void
by_weight_when_idle(void **state)
{
	struct balance_choice choices[] = { { 1, 0, 0 }, { 3, 0, 0 } };
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
	struct balance_choice choices[] = { { 1, 0, 0 }, { 2, 0, 0 }, { 4, 0, 0 },
	    { 1, 0, 0 } };
	struct balance_random random = { 42 };

	(void)state;
	for (int i = 0; i < 8000; i++)
		choices[balance_pick(choices, 4, 15, &random)].outstanding++;
	assert_in_range(choices[0].outstanding, 950, 1050);
	assert_in_range(choices[1].outstanding, 1950, 2050);
	assert_in_range(choices[2].outstanding, 3950, 4050);
	assert_in_range(choices[3].outstanding, 950, 1050);
}

/* --- by key ----------------------------------------------------------------- */

enum { KEYS = 20000, ENGINES = 8 };

static uint64_t
key_of(unsigned i)
{
	return hash_slice((struct slice){ (char *)&i, sizeof(i) });
}

static void
idle(struct balance_choice *choices)
{
	for (unsigned i = 0; i < ENGINES; i++)
		choices[i] = (struct balance_choice){ 1, 0,
		    UINT64_C(0x9e3779b97f4a7c15) * (i + 1) };
}

static void
a_key_stays_where_it_is(void **state)
{
	struct balance_choice choices[ENGINES];
	unsigned moved = 0, counts[ENGINES] = { 0 };
	int at, now;

	(void)state;
	idle(choices);
	assert_int_equal(balance_by_key(choices, ENGINES, 0, 1), -1);
	for (unsigned i = 0; i < KEYS; i++) {
		at = balance_by_key(choices, ENGINES, 0xff, key_of(i));
		assert_in_range(at, 0, ENGINES - 1);
		counts[at]++;
		assert_int_equal(at, balance_by_key(choices, ENGINES, 0xff,
		    key_of(i)));
		/* One leaves: its keys move, nobody else's do. */
		now = balance_by_key(choices, ENGINES, 0xf7, key_of(i));
		assert_true(at == 3 ? now != 3 : now == at);
		moved += now != at;
	}
	for (unsigned i = 0; i < ENGINES; i++)
		assert_in_range(counts[i], KEYS / ENGINES * 9 / 10,
		    KEYS / ENGINES * 11 / 10);
	assert_int_equal(moved, counts[3]);
}

static void
keys_by_weight(void **state)
{
	struct balance_choice choices[ENGINES];
	unsigned counts[ENGINES] = { 0 };

	(void)state;
	idle(choices);
	choices[0].weight = 2;
	choices[1].weight = 0;
	for (unsigned i = 0; i < KEYS; i++)
		counts[balance_by_key(choices, ENGINES, 0xff, key_of(i))]++;
	assert_in_range(counts[0], KEYS / 4 * 9 / 10, KEYS / 4 * 11 / 10);
	assert_int_equal(counts[1], 0);
	assert_in_range(counts[2], KEYS / 8 * 9 / 10, KEYS / 8 * 11 / 10);
}

/* However hot one key is, no choice has a quarter more than its share. */
static void
loads_are_bounded(void **state)
{
	struct balance_choice choices[ENGINES];
	unsigned most = 0;

	(void)state;
	idle(choices);
	for (unsigned n = 0; n < 800; n++) {
		int at = balance_by_key(choices, ENGINES, 0xff, 7);

		assert_in_range(at, 0, ENGINES - 1);
		choices[at].outstanding++;
	}
	for (unsigned i = 0; i < ENGINES; i++)
		if (choices[i].outstanding > most)
			most = choices[i].outstanding;
	assert_in_range(most, 100, 126);
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
		cmocka_unit_test(a_key_stays_where_it_is),
		cmocka_unit_test(keys_by_weight),
		cmocka_unit_test(loads_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
