/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <pthread.h>

#include <cmocka.h>

#include "base/hash.h"
#include "policy/tallies.h"

static uint64_t
key_of(uint64_t n)
{
	return hash_slice((struct slice){ (char *)&n, sizeof(n) });
}

static void
so_many_and_no_more(void **state)
{
	struct tallies *t = tallies_new(4);
	_Atomic uint64_t *held[4], *other;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(tallies_take(t, 1u << 20, 3, &held[i]));
	assert_false(tallies_take(t, 1u << 20, 3, &held[3]));
	assert_null(held[3]);
	assert_true(tallies_take(t, 2u << 20, 3, &other));
	tally_give(&held[1]);
	assert_null(held[1]);
	tally_give(&held[1]);		/* nothing more */
	assert_true(tallies_take(t, 1u << 20, 3, &held[1]));
	assert_false(tallies_take(t, 1u << 20, 3, &held[3]));
	/* A limit that was lowered meanwhile counts at once. */
	assert_false(tallies_take(t, 1u << 20, 1, &held[3]));
	assert_true(tallies_take(t, 1u << 20, 4, &held[3]));
	for (int i = 0; i < 4; i++)
		tally_give(&held[i]);
	tally_give(&other);
	assert_true(tallies_take(t, 1u << 20, 1, &held[0]));
	tallies_free(&t);
	assert_null(t);
}

/* With every place taken, who comes later is not limited. */
static void
no_place(void **state)
{
	struct tallies *t = tallies_new(2);
	_Atomic uint64_t *held[4], *none;

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_true(tallies_take(t, key_of(i), 1, &held[i]));
	assert_true(tallies_take(t, key_of(9), 1, &none));
	assert_null(none);
	assert_true(tallies_take(t, key_of(9), 1, &none));
	assert_false(tallies_take(t, key_of(2), 1, &none));
	tally_give(&held[2]);
	assert_true(tallies_take(t, key_of(9), 1, &none));
	assert_non_null(none);
	assert_false(tallies_take(t, key_of(9), 1, &held[2]));
	tallies_free(&t);
}

static struct tallies *shared;

static void *
take_and_give(void *arg)
{
	_Atomic uint64_t *held[50];

	(void)arg;
	for (int round = 0; round < 2000; round++) {
		for (uint64_t i = 0; i < 50; i++)
			if (!tallies_take(shared, key_of(i), 2, &held[i]))
				held[i] = NULL;
		for (int i = 0; i < 50; i++)
			tally_give(&held[i]);
	}
	return NULL;
}

static void
threads_give_back_what_they_took(void **state)
{
	pthread_t threads[4];
	_Atomic uint64_t *held;

	(void)state;
	shared = tallies_new(5);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    take_and_give, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (uint64_t i = 0; i < 50; i++) {
		assert_true(tallies_take(shared, key_of(i), 1, &held));
		assert_non_null(held);
		tally_give(&held);
	}
	tallies_free(&shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_and_no_more),
		cmocka_unit_test(no_place),
		cmocka_unit_test(threads_give_back_what_they_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
