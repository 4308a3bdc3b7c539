/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "death.h"

static struct slice
number(char text[16], unsigned n)
{
	return (struct slice){ text, (size_t)snprintf(text, 16, "k%u", n) };
}

/* From the table in the authors' reference code: key 00..0f, input 00..n. */
static void
is_siphash_2_4(void **state)
{
	static const struct {
		size_t		 len;
		uint64_t	 hash;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
		{ 63, 0x958a324ceb064572 },
	};
	uint8_t key[16], in[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		in[i] = (uint8_t)i;
	for (int i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(hash_keyed(key, (struct slice){ (char *)in,
		    rows[i].len }) == rows[i].hash);
}

static void
the_process_has_one_key(void **state)
{
	(void)state;
	assert_true(hash_slice(SLICE("abc")) == hash_slice(SLICE("abc")));
	assert_true(hash_slice(SLICE("abc")) != hash_slice(SLICE("abd")));
}

static void
puts_gets_and_removes(void **state)
{
	struct map *map = map_new();
	int one, two;

	(void)state;
	assert_null(map_get(map, SLICE("a")));
	assert_null(map_remove(map, SLICE("a")));
	assert_null(map_put(map, SLICE("a"), &one));
	assert_ptr_equal(map_put(map, SLICE("a"), &two), &one);
	assert_ptr_equal(map_get(map, SLICE("a")), &two);
	assert_null(map_get(map, SLICE("A")));
	assert_int_equal(map_count(map), 1);
	assert_ptr_equal(map_remove(map, SLICE("a")), &two);
	assert_null(map_get(map, SLICE("a")));
	assert_null(map_remove(map, SLICE("a")));
	assert_int_equal(map_count(map), 0);
	assert_null(map_put(map, SLICE("a"), &one));
	assert_int_equal(map_count(map), 1);
	map_free(&map);
	assert_null(map);
	map_free(&map);
}

static void
keys_are_any_bytes(void **state)
{
	struct map *map = map_new();
	struct slice empty = { NULL, 0 }, nul = { "a\0b", 3 };
	int one, two, three;

	(void)state;
	map_put(map, empty, &one);
	map_put(map, nul, &two);
	map_put(map, SLICE("a"), &three);
	assert_ptr_equal(map_get(map, SLICE("")), &one);
	assert_ptr_equal(map_get(map, nul), &two);
	assert_ptr_equal(map_get(map, SLICE("a")), &three);
	map_free(&map);
}

static void
keys_are_copied(void **state)
{
	struct map *map = map_new();
	char key[] = "key";
	int value;

	(void)state;
	map_put(map, slice_of(key), &value);
	key[0] = 'x';
	assert_ptr_equal(map_get(map, SLICE("key")), &value);
	assert_null(map_get(map, SLICE("xey")));
	map_free(&map);
}

/* Against a plain array, in a random order whose seed is printed. */
static void
agrees_with_an_array(void **state)
{
	enum { KEYS = 500, TURNS = 50000 };
	struct map *map = map_new();
	static char values[KEYS];
	static void *expected[KEYS];
	unsigned seed = (unsigned)getpid();
	size_t count = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int turn = 0; turn < TURNS; turn++) {
		unsigned k = (unsigned)rand() % KEYS;
		char text[16];
		struct slice key = number(text, k);
		bool take = rand() % 3 == 0;
		void *former = take ? map_remove(map, key) :
		    map_put(map, key, &values[k]);

		assert_ptr_equal(former, expected[k]);
		count += (size_t)!take;
		count -= former != NULL;
		expected[k] = take ? NULL : &values[k];
		assert_int_equal(map_count(map), count);
	}
	for (unsigned k = 0; k < KEYS; k++) {
		char text[16];

		assert_ptr_equal(map_get(map, number(text, k)), expected[k]);
	}
	map_free(&map);
}

static void
visits_each_once(void **state)
{
	struct map *map = map_new();
	static char seen[1000];
	struct slice key;
	void *value;
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		char text[16];

		map_put(map, number(text, i), &seen[i]);
	}
	while (map_next(map, &at, &key, &value)) {
		char text[16];

		assert_int_equal((*(char *)value)++, 0);
		assert_true(slice_eq(key, number(text,
		    (unsigned)((char *)value - seen))));
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(seen[i], 1);
	assert_false(map_next(map, &at, &key, &value));
	map_free(&map);
}

static void
put_nothing(void)
{
	map_put(map_new(), SLICE("a"), NULL);
}

static void
no_value_is_a_mistake(void **state)
{
	(void)state;
	assert_true(dies(put_nothing));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_siphash_2_4),
		cmocka_unit_test(the_process_has_one_key),
		cmocka_unit_test(puts_gets_and_removes),
		cmocka_unit_test(keys_are_any_bytes),
		cmocka_unit_test(keys_are_copied),
		cmocka_unit_test(agrees_with_an_array),
		cmocka_unit_test(visits_each_once),
		cmocka_unit_test(no_value_is_a_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
