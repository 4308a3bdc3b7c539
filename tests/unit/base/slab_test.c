/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/slab.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SLAB = 2 * 1024 * 1024, MANY = 2000, STEPS = 20000, THREADS = 4 };

struct block {
	char		*p;
	size_t		 bytes;
	char		 mark;
};

static bool
is_all(const struct block *b, char value)
{
	for (size_t i = 0; i < b->bytes; i++)
		if (b->p[i] != value)
			return false;
	return true;
}

/* False: it was not as promised. */
static bool
make(struct block *b, size_t bytes, char mark)
{
	*b = (struct block){ slab_alloc(bytes), bytes, 0 };
	if ((uintptr_t)b->p % SLAB_ALIGNED != 0 || !is_all(b, 0))
		return false;
	b->mark = mark;
	memset(b->p, mark, bytes);
	return true;
}

/* False: somebody else wrote into it. */
static bool
drop(struct block *b)
{
	bool whole = is_all(b, b->mark);

	slab_free(b->p, b->bytes);
	b->p = NULL;
	return whole;
}

static void
test_sizes_at_each_border(void **state)
{
	static const size_t sizes[] = { 1, 64, SLAB_LEAST - 1, SLAB_LEAST,
	    SLAB_LEAST + 1, 8191, 8192, 8193, 36000, SLAB_MOST - 1, SLAB_MOST,
	    SLAB_MOST + 1, 3 * SLAB };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct block a, b;

		assert_true(make(&a, sizes[i], 'a'));
		assert_true(make(&b, sizes[i], 'b'));
		assert_true(drop(&a));
		assert_true(drop(&b));
	}
	slab_free(NULL, 100);
	slab_free(NULL, SLAB_LEAST);
}

/* A small generator of its own: the same in each run. */
static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void *
come_and_go(void *arg)
{
	struct block *blocks = calloc(MANY, sizeof(*blocks));
	uint32_t seed = *(uint32_t *)arg;
	bool good = true;

	for (size_t i = 0; i < STEPS && good; i++) {
		struct block *b = &blocks[next(&seed) % 100];

		if (b->p != NULL)
			good = drop(b);
		else
			good = make(b, 1 + next(&seed) % 20000, (char)(1 +
			    next(&seed) % 100));
	}
	for (size_t i = 0; i < 100; i++)
		if (blocks[i].p != NULL)
			good &= drop(&blocks[i]);
	free(blocks);
	return good ? NULL : arg;
}

static void
test_blocks_do_not_touch(void **state)
{
	uint32_t seed = 1;

	(void)state;
	assert_null(come_and_go(&seed));
}

static void
test_threads_may_share_it(void **state)
{
	pthread_t threads[THREADS];
	uint32_t seeds[THREADS];
	void *trouble = NULL, *one;

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++) {
		seeds[i] = i + 2;
		assert_int_equal(pthread_create(&threads[i], NULL,
		    come_and_go, &seeds[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &one), 0);
		trouble = one != NULL ? one : trouble;
	}
	assert_null(trouble);
}

static void
test_what_is_free_goes_back(void **state)
{
	struct block *blocks = calloc(MANY, sizeof(*blocks));
	size_t before = slab_bytes(), most;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		assert_true(make(&blocks[i], 36000, 'x'));
	most = slab_bytes();
	/* An eighth more at most, and one slab that is not full. */
	assert_true(most - before <= (size_t)MANY * 36000 / 8 * 9 + SLAB);
	for (size_t i = 0; i < MANY; i++)
		assert_true(drop(&blocks[i]));
	assert_int_equal(slab_bytes(), before);
	free(blocks);
}

/* Replaced one by one in no order, as the parts of a set are. */
static void
test_what_is_replaced_does_not_grow(void **state)
{
	struct block *blocks = calloc(MANY, sizeof(*blocks));
	uint32_t seed = 7;
	size_t full;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		assert_true(make(&blocks[i], 9000, 'x'));
	full = slab_bytes();
	for (size_t i = 0; i < (size_t)5 * MANY; i++) {
		struct block *b = &blocks[next(&seed) % MANY], new;

		assert_true(make(&new, 9000, 'y'));
		assert_true(drop(b));
		*b = new;
	}
	assert_true(slab_bytes() <= full + SLAB);
	for (size_t i = 0; i < MANY; i++)
		assert_true(drop(&blocks[i]));
	free(blocks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_at_each_border),
		cmocka_unit_test(test_blocks_do_not_touch),
		cmocka_unit_test(test_threads_may_share_it),
		cmocka_unit_test(test_what_is_free_goes_back),
		cmocka_unit_test(test_what_is_replaced_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
