/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <pthread.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "base/hash.h"
#include "policy/buckets.h"

#define S	UINT64_C(1000000000)
#define START	(UINT64_C(1000) * S)

static unsigned
take_all(struct buckets *b, uint64_t key, const struct bucket_rule *rule,
    uint64_t now)
{
	uint64_t wait;
	unsigned n = 0;

	while (n < 100000 && buckets_take(b, key, rule, now, &wait))
		n++;
	return n;
}

static const struct {
	double		 rate;
	uint32_t	 burst;
	unsigned	 at_once;	/* of a full bucket */
	uint64_t	 wait_ns;	/* then */
	unsigned	 after_2s;
} rows[] = {
	{ 10, 20, 20, S / 10, 20 },
	{ 10, 50, 50, S / 10, 20 },
	{ 10, 1, 1, S / 10, 1 },
	{ 10, 0, 10, S / 10, 10 },	/* a second's worth */
	{ 0.5, 0, 1, 2 * S, 1 },
	{ 0.5, 3, 3, 2 * S, 1 },
	{ 1000, 1000, 1000, S / 1000, 1000 },
};

static void
rates_and_bursts(void **state)
{
	uint64_t wait = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buckets *b = buckets_new(2);
		struct bucket_rule rule = bucket_rule_of(rows[i].rate,
		    rows[i].burst);

		assert_int_equal(take_all(b, 7, &rule, START),
		    rows[i].at_once);
		assert_false(buckets_take(b, 7, &rule, START, &wait));
		assert_int_equal(wait, rows[i].wait_ns);
		assert_false(buckets_take(b, 7, &rule, START + wait - 1,
		    &wait));
		assert_int_equal(take_all(b, 7, &rule, START + 2 * S),
		    rows[i].after_2s);
		assert_int_equal(take_all(b, 7, &rule, START + 2000 * S),
		    rows[i].at_once);
		buckets_free(&b);
	}
}

static void
no_limit(void **state)
{
	struct buckets *b = buckets_new(2);
	struct bucket_rule rule = bucket_rule_of(0, 5);

	(void)state;
	assert_int_equal(take_all(b, 1, &rule, START), 100000);
	buckets_free(&b);
	assert_null(b);
}

/* A clock that is a little behind another thread's costs that little. */
static void
a_clock_behind(void **state)
{
	struct buckets *b = buckets_new(2);
	struct bucket_rule rule = bucket_rule_of(10, 3);
	uint64_t wait;

	(void)state;
	assert_true(buckets_take(b, 1, &rule, START, &wait));
	assert_true(buckets_take(b, 1, &rule, START - S / 100, &wait));
	assert_false(buckets_take(b, 1, &rule, START - S / 100, &wait));
	assert_int_equal(wait, S / 100);
	buckets_free(&b);
}

/* More keys than places: the newest count, those that are full go first. */
static void
keys_without_end(void **state)
{
	struct buckets *b = buckets_new(10);
	struct bucket_rule rule = bucket_rule_of(1, 2);
	uint64_t wait;

	(void)state;
	for (uint64_t i = 0; i < 800; i++)
		buckets_take(b, hash_slice((struct slice){ (char *)&i,
		    sizeof(i) }), &rule, START, &wait);
	assert_true(buckets_lost(b) < 250);	/* some 80, by chance */
	/* A day later they are all full: nothing more is lost. */
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t lost = buckets_lost(b), key = hash_slice(
		    (struct slice){ (char *)&i, sizeof(i) });
		uint64_t now = START + (86400 + i * 10) * S;

		assert_int_equal(take_all(b, key, &rule, now), 2);
		assert_int_equal(buckets_lost(b), lost);
	}
	/* All at the same moment: each finds a place. */
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t key = hash_slice((struct slice){ (char *)&i,
		    sizeof(i) });

		assert_int_equal(take_all(b, key, &rule, 2000000 * S), 2);
	}
	assert_in_range(buckets_lost(b), 90000, 100000);
	buckets_free(&b);
}

static struct buckets *shared;
static atomic_uint given;

static void *
take_many(void *arg)
{
	const struct bucket_rule *rule = arg;
	uint64_t wait;

	for (int i = 0; i < 20000; i++)
		if (buckets_take(shared, 99, rule, START, &wait))
			atomic_fetch_add(&given, 1);
	return NULL;
}

static void
threads_share_one_bucket(void **state)
{
	struct bucket_rule rule = bucket_rule_of(1, 30000);
	pthread_t threads[4];

	(void)state;
	shared = buckets_new(4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_many,
		    &rule), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&given), 30000, 30004);
	buckets_free(&shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_and_bursts),
		cmocka_unit_test(no_limit),
		cmocka_unit_test(a_clock_behind),
		cmocka_unit_test(keys_without_end),
		cmocka_unit_test(threads_share_one_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
