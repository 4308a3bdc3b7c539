/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "death.h"

static void
pieces_are_zeroed_aligned_and_apart(void **state)
{
	struct arena *arena = arena_new(256);
	unsigned char *piece[200];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		size_t size = i * 7 % 300 + 1;

		piece[i] = arena_alloc(arena, size);
		assert_int_equal((uintptr_t)piece[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < size; j++)
			assert_int_equal(piece[i][j], 0);
		memset(piece[i], (int)i + 1, size);
	}
	/* Nobody wrote over anybody. */
	for (size_t i = 0; i < 200; i++)
		for (size_t j = 0; j < i * 7 % 300 + 1; j++)
			assert_int_equal(piece[i][j], (unsigned char)(i + 1));
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);		/* nothing to free */
}

static void
an_outsized_piece_leaves_the_block_in_use(void **state)
{
	struct arena *arena = arena_new(1024);
	char *a, *b;

	(void)state;
	a = arena_alloc(arena, 16);
	assert_non_null(arena_alloc(arena, 100000));
	b = arena_alloc(arena, 16);
	assert_ptr_equal(b, a + 16);
	assert_true(arena_bytes(arena) >= 100032);
	arena_free(&arena);
}

static void
texts_are_copied(void **state)
{
	struct arena *arena = arena_new(0);
	char source[] = "London";
	char *copy = arena_strdup(arena, source);
	char *part = arena_copy(arena, (struct slice){ source, 3 });

	(void)state;
	source[0] = 'X';
	assert_string_equal(copy, "London");
	assert_string_equal(part, "Lon");
	assert_string_equal(arena_copy(arena, (struct slice){ NULL, 0 }), "");
	assert_string_equal(arena_printf(arena, "%s=%d", "a", 7), "a=7");
	assert_string_equal(arena_printf(arena, "%s", ""), "");
	arena_free(&arena);
}

static void
counts_that_overflow_stop(void)
{
	struct arena *arena = arena_new(0);

	arena_array(arena, SIZE_MAX / 8, 16);
}

static void
sizes_beyond_memory_stop(void)
{
	xmalloc(SIZE_MAX / 2);
}

static void
too_much_stops_the_process(void **state)
{
	(void)state;
	assert_true(dies(counts_that_overflow_stop));
	assert_true(dies(sizes_beyond_memory_stop));
}

static void
nothing_is_a_size_too(void **state)
{
	struct arena *arena = arena_new(0);
	char *p = xmalloc(0), *q = xcalloc(0, 8);
	char *r = xrealloc(xrealloc(NULL, 0), 0);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	assert_non_null(r);
	assert_non_null(arena_alloc(arena, 0));
	assert_non_null(arena_array(arena, 0, 8));
	free(r);
	free(p);
	free(q);
	arena_free(&arena);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(an_outsized_piece_leaves_the_block_in_use),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(too_much_stops_the_process),
		cmocka_unit_test(nothing_is_a_size_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
