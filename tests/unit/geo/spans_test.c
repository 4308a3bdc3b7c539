/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "geo/spans.h"

static const ip_number LAST = ~(ip_number)0;

static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;	/* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* What the table must say, found the slow way. */
struct span {
	ip_number	 start;
	uint32_t	 number;
};

static int
compare(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static uint32_t
expected(const struct span *spans, size_t count, ip_number ip)
{
	size_t low = 0, high = count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (spans[middle].start <= ip)
			low = middle;
		else
			high = middle;
	}
	return spans[low].number;
}

/* Sorted, the first at 0, none twice. */
static size_t
tidy(struct span *spans, size_t count)
{
	size_t kept = 1;

	spans[0].start = 0;
	qsort(spans, count, sizeof(*spans), compare);
	for (size_t i = 1; i < count; i++)
		if (spans[i].start != spans[kept - 1].start)
			spans[kept++] = spans[i];
	return kept;
}

static uint32_t
find6(const struct spans6 *s, ip_number ip)
{
	return spans6_find(s, (uint64_t)(ip >> 64), (uint64_t)ip);
}

static void
check6(const struct spans6 *s, const struct span *spans, size_t count,
    ip_number ip)
{
	uint32_t want = expected(spans, count, ip);
	ip_number last;

	assert_int_equal(find6(s, ip), want);
	assert_int_equal(spans6_span(s, ip, &last), want);
	assert_true(last >= ip);
	assert_int_equal(expected(spans, count, last), want);
}

static void
check4(const struct spans4 *s, const struct span *spans, size_t count,
    uint32_t ip)
{
	uint32_t want = expected(spans, count, ip), last;

	assert_int_equal(spans4_find(s, ip), want);
	assert_int_equal(spans4_span(s, ip, &last), want);
	assert_true(last >= ip);
	assert_int_equal(expected(spans, count, last), want);
}

/* Both sides of every boundary, and the ends of everything. */
static void
all_boundaries6(struct span *spans, size_t count)
{
	struct spans6 *s = spans6_new();

	count = tidy(spans, count);
	for (size_t i = 0; i < count; i++)
		spans6_add(s, spans[i].start, spans[i].number);
	spans6_finish(s);
	for (size_t i = 0; i < count; i++) {
		check6(s, spans, count, spans[i].start);
		check6(s, spans, count, spans[i].start - 1);
		check6(s, spans, count, spans[i].start + 1);
	}
	check6(s, spans, count, LAST);
	assert_true(spans6_bytes(s) > 0);
	spans6_free(&s);
	assert_null(s);
}

static void
all_boundaries4(struct span *spans, size_t count)
{
	struct spans4 *s = spans4_new();

	count = tidy(spans, count);
	for (size_t i = 0; i < count; i++)
		spans4_add(s, (uint32_t)spans[i].start, spans[i].number);
	spans4_finish(s);
	for (size_t i = 0; i < count; i++) {
		check4(s, spans, count, (uint32_t)spans[i].start);
		check4(s, spans, count, (uint32_t)spans[i].start - 1);
		check4(s, spans, count, (uint32_t)spans[i].start + 1);
	}
	check4(s, spans, count, UINT32_MAX);
	assert_true(spans4_bytes(s) > 0);
	spans4_free(&s);
	assert_null(s);
}

static void
one_span_is_everything(void **state)
{
	struct span all[] = { { 0, 7 } };

	(void)state;
	all_boundaries4(all, 1);
	all_boundaries6(all, 1);
}

static void
a_number_given_again_goes_on(void **state)
{
	struct spans4 *s4 = spans4_new();
	struct spans6 *s6 = spans6_new();
	ip_number last;
	uint32_t last4;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		spans4_add(s4, i << 16, 3);
		spans6_add(s6, (ip_number)i << 100, 3);
	}
	spans4_finish(s4);
	spans6_finish(s6);
	assert_int_equal(spans4_span(s4, 5, &last4), 3);
	assert_int_equal(spans6_span(s6, 5, &last), 3);
	assert_true(last >= 5);
	spans4_free(&s4);
	spans6_free(&s6);
}

/* Boundaries at and around those of the table's own levels. */
static void
boundaries_of_the_levels(void **state)
{
	static const int shifts6[] = { 0, 1, 63, 64, 65, 79, 80, 96, 111, 112,
	    113, 127 };
	static const int shifts4[] = { 0, 1, 15, 16, 17, 24, 31 };
	struct span spans[64];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 12; i++)
		for (int by = -1; by <= 1; by++, count++)
			spans[count] = (struct span){
			    ((ip_number)1 << shifts6[i]) + (ip_number)by,
			    (uint32_t)count + 1 };
	spans[count++] = (struct span){ LAST, 99 };
	spans[count++] = (struct span){ LAST - UINT64_MAX, 98 };
	spans[count++] = (struct span){ LAST - UINT64_MAX - 1, 97 };
	all_boundaries6(spans, count);
	count = 0;
	for (size_t i = 0; i < 7; i++)
		for (int by = -1; by <= 1; by++, count++)
			spans[count] = (struct span){
			    (UINT32_C(1) << shifts4[i]) + (uint32_t)by,
			    (uint32_t)count + 1 };
	spans[count++] = (struct span){ UINT32_MAX, 99 };
	spans[count++] = (struct span){ 0xffff0000, 98 };
	all_boundaries4(spans, count);
}

/* Crowded and empty parts, as registries have them; several spans in a /64. */
static ip_number
random_start6(uint64_t *seed)
{
	ip_number ip = (ip_number)next_random(seed) << 64 | next_random(seed);

	switch (next_random(seed) % 6) {
	case 0:				/* anywhere */
		return ip;
	case 1:				/* many /48s of one /32 */
		return (ip_number)0x20010678 << 96 |
		    (ip_number)(next_random(seed) & 0xffff) << 80;
	case 2:				/* /32s of one /16 */
		return (ip_number)0x2a02 << 112 |
		    (ip_number)(next_random(seed) & 0xffff) << 96;
	case 3:				/* inside one /64 */
		return (ip_number)0x2a03 << 112 |
		    (next_random(seed) & 0xff) << 3;
	case 4:				/* inside two neighbouring /64s */
		return (ip_number)0x2a04 << 112 |
		    (ip_number)(next_random(seed) & 1) << 64 |
		    (next_random(seed) & 3) << 62;
	default:			/* /64s side by side */
		return (ip_number)0x2a05 << 112 |
		    (ip_number)(next_random(seed) & 0xfff) << 64;
	}
}

static void
random_spans(void **state)
{
	const size_t most = 4000;
	struct span *spans = xmalloc(most * sizeof(*spans));
	uint64_t seed = 20261121;

	(void)state;
	for (int round = 0; round < 60; round++) {
		size_t count = 1 + next_random(&seed) % most;

		for (size_t i = 0; i < count; i++)
			spans[i] = (struct span){ random_start6(&seed),
			    (uint32_t)(next_random(&seed) % 5) };
		all_boundaries6(spans, count);
		for (size_t i = 0; i < count; i++)
			spans[i] = (struct span){
			    (uint32_t)next_random(&seed) &
			    (round % 2 == 0 ? UINT32_MAX : 0x00fff00f),
			    (uint32_t)(next_random(&seed) % 5) };
		all_boundaries4(spans, count);
	}
	free(spans);
}

/* A tree of several levels, full to its last key; and one of single
 * addresses at the very end of everything. */
static void
crowded_buckets(void **state)
{
	const size_t most = 200000;
	struct span *spans = xmalloc(most * sizeof(*spans));

	(void)state;
	for (size_t i = 0; i < most; i++)
		spans[i] = (struct span){ (ip_number)0x2a00ffffffff << 80 |
		    LAST >> 16, (uint32_t)i % 7 };
	for (size_t i = 0; i < most; i++)
		spans[i].start -= (ip_number)i << 80;
	all_boundaries6(spans, most);
	for (size_t i = 0; i < 1000; i++)
		spans[i] = (struct span){ LAST - i, (uint32_t)i % 7 };
	all_boundaries6(spans, 1000);
	for (size_t i = 0; i < 1000; i++)
		spans[i] = (struct span){ LAST - ((ip_number)i << 16),
		    (uint32_t)i % 7 };
	all_boundaries6(spans, 1000);
	for (size_t i = 0; i < 70000; i++)
		spans[i] = (struct span){ UINT32_MAX - i, (uint32_t)i % 7 };
	all_boundaries4(spans, 70000);
	free(spans);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_span_is_everything),
		cmocka_unit_test(a_number_given_again_goes_on),
		cmocka_unit_test(boundaries_of_the_levels),
		cmocka_unit_test(random_spans),
		cmocka_unit_test(crowded_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
