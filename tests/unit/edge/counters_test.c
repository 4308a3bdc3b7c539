/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "edge/counters.h"

static struct counters *c;

static int
begin(void **state)
{
	(void)state;
	c = xcalloc(1, sizeof(*c));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	free(c);
	return 0;
}

static void
codes_without_a_row_count_as_their_hundred(void **state)
{
	static const struct { unsigned status; const char *code; } rows[] = {
		{ 200, "200" }, { 404, "404" }, { 499, "499" },
		{ 299, "2xx" }, { 418, "4xx" }, { 599, "5xx" },
		{ 600, "0xx" }, { 999, "0xx" }, { 0, "0xx" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(counters_code(counters_code_index(
		    rows[i].status)), rows[i].code);
}

static void
durations_fall_into_one_bucket(void **state)
{
	struct histogram h = { 0 };
	uint64_t all = 0;

	(void)state;
	counters_duration(&h, 0);
	counters_duration(&h, 1000);	/* a bound belongs to its bucket */
	counters_duration(&h, 1001);
	counters_duration(&h, UINT32_MAX);
	assert_int_equal(count_read(&h.bucket[0]), 2);
	assert_int_equal(count_read(&h.bucket[1]), 1);
	assert_int_equal(count_read(&h.bucket[DURATION_BUCKETS - 1]), 1);
	for (int i = 0; i < DURATION_BUCKETS; i++)
		all += count_read(&h.bucket[i]);
	assert_int_equal(all, 4);
	assert_int_equal(count_read(&h.sum_us), 2001 + (uint64_t)UINT32_MAX);
}

/* Whatever happens, there are no more series than these. */
static void
rules_find_room_or_are_others(void **state)
{
	static char names[COUNTED_RULES + 10][8];
	uint64_t all = 0;

	(void)state;
	for (int i = 0; i < COUNTED_RULES + 10; i++) {
		snprintf(names[i], sizeof(names[i]), "r%d", i);
		counters_rule(c, names[i]);
	}
	counters_rule(c, names[3]);
	for (int i = 0; i < COUNTED_RULES; i++)
		all += count_read(&c->rules[i].count);
	assert_int_equal(all, COUNTED_RULES + 11);
	assert_int_equal(count_read(&c->rules[3].count), 2);
	assert_string_equal(atomic_load(&c->rules[COUNTED_RULES - 1].name),
	    "others");
	assert_int_equal(count_read(&c->rules[COUNTED_RULES - 1].count), 11);
}

static void
sets_find_room_or_are_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNTED_SETS + 5; i++)
		counters_unavailable(c, (struct region_set){ (uint16_t)i });
	/* the empty set is one, too */
	counters_unavailable(c, (struct region_set){ 0 });
	assert_int_equal(count_read(&c->unavailable[0].count), 2);
	assert_int_equal(count_read(&c->unavailable_others), 5);
}

#define EACH(test)	cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_without_a_row_count_as_their_hundred),
		cmocka_unit_test(durations_fall_into_one_bucket),
		EACH(rules_find_room_or_are_others),
		EACH(sets_find_room_or_are_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
