/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Equal whitelists are one, and none is there longer than it is used.
 */
#include "policy/restriction_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MANY = 5000, THREADS = 4, ROUNDS = 200 };

/* Different for each number below 2^14. */
static struct restriction
whitelist(unsigned number)
{
	struct restriction r = { .continents = 0 };

	for (unsigned bit = 0; bit < 14; bit++)
		if ((number >> bit & 1) != 0)
			restriction_add_country(&r, (uint16_t)(1 + 7 * bit));
	return r;
}

static void
test_equal_ones_are_one(void **state)
{
	struct restriction_table *table = restriction_table_new(NULL);
	struct restriction a = whitelist(5), b = whitelist(6);
	const struct restriction *first = restriction_take(table, &a);
	const struct restriction *same = restriction_take(table, &a);
	const struct restriction *other = restriction_take(table, &b);

	(void)state;
	assert_ptr_equal(first, same);
	assert_ptr_not_equal(first, other);
	assert_ptr_equal(restriction_take(table, first), first);
	assert_null(restriction_take(table, NULL));
	restriction_give(NULL);
	restriction_table_release(&table);
	assert_null(table);
}

/* A continent and the list of its countries permit the same to a country, but
 * not to whoever is known by the continent alone. */
static void
test_what_is_taken_is_written_out(void **state)
{
	struct restriction_table *table = restriction_table_new(NULL);
	struct restriction r = { .continents = 1 << CONTINENT_EU };
	const struct restriction *whole = restriction_take(table, &r);
	struct place place = { .class = PLACE_LOCATED,
	    .country = country_find(SLICE("DE")), .continent = CONTINENT_NONE };

	(void)state;
	assert_true(whole->written_out);
	assert_true(restriction_permits_place(whole, place));
	restriction_table_release(&table);
}

static void
test_what_nobody_uses_goes(void **state)
{
	struct restriction_table *table = restriction_table_new(NULL);
	struct restriction kept = whitelist(1);
	const struct restriction *first = restriction_take(table, &kept);
	size_t most = 0;

	(void)state;
	for (unsigned round = 0; round < 20; round++)
		for (unsigned i = 2; i < MANY; i++) {
			struct restriction r = whitelist(i);

			restriction_give(restriction_take(table, &r));
			if (round == 0 && i < 500 &&
			    restriction_table_bytes(table) > most)
				most = restriction_table_bytes(table);
		}
	assert_true(restriction_table_bytes(table) <= most);
	assert_ptr_equal(restriction_take(table, &kept), first);
	restriction_table_release(&table);
}

static void
test_many_are_found_again(void **state)
{
	struct restriction_table *table = restriction_table_new(NULL);
	const struct restriction **all = calloc(MANY, sizeof(struct
	    restriction *));

	(void)state;
	for (unsigned i = 1; i < MANY; i++) {
		struct restriction r = whitelist(i);

		all[i] = restriction_take(table, &r);
	}
	for (unsigned i = 1; i < MANY; i++) {
		struct restriction r = whitelist(i);

		assert_ptr_equal(restriction_take(table, &r), all[i]);
	}
	free(all);
	restriction_table_release(&table);
}

static void *
take_and_give(void *arg)
{
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 1; i < 100; i++) {
			struct restriction r = whitelist(i);
			const struct restriction *taken = restriction_take(arg,
			    &r);

			if (memcmp(taken->countries, r.countries,
			    sizeof(r.countries)) != 0)
				return arg;
			restriction_give(taken);
		}
	return NULL;
}

static void
test_threads_may_share_it(void **state)
{
	struct restriction_table *table = restriction_table_new(NULL);
	pthread_t threads[THREADS];
	void *trouble = NULL, *one;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    take_and_give, table), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &one), 0);
		trouble = one != NULL ? one : trouble;
	}
	assert_null(trouble);
	restriction_table_release(&table);
}

static void
test_it_lives_as_long_as_it_is_held(void **state)
{
	struct restriction_table *table = restriction_table_new(NULL), *held;
	struct restriction r = whitelist(9);
	const struct restriction *taken = restriction_take(table, &r);

	(void)state;
	held = restriction_table_hold(table);
	restriction_table_release(&table);
	assert_ptr_equal(restriction_take(held, &r), taken);
	restriction_table_release(&held);
}

static void
test_an_arena_has_it_all(void **state)
{
	struct arena *arena = arena_new(0);
	struct restriction_table *table = restriction_table_new(arena);

	(void)state;
	for (unsigned i = 1; i < MANY; i++) {
		struct restriction r = whitelist(i);

		restriction_give(restriction_take(table, &r));
	}
	restriction_table_release(&table);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_ones_are_one),
		cmocka_unit_test(test_what_is_taken_is_written_out),
		cmocka_unit_test(test_what_nobody_uses_goes),
		cmocka_unit_test(test_many_are_found_again),
		cmocka_unit_test(test_threads_may_share_it),
		cmocka_unit_test(test_it_lives_as_long_as_it_is_held),
		cmocka_unit_test(test_an_arena_has_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
