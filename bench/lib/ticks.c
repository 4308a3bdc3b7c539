/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "ticks.h"

#include <stdlib.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "base/clock.h"

uint64_t
next_random(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t
ticks_now(void)
{
#ifdef __x86_64__
	uint64_t t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
#else
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
#endif
}

double
ticks_calibrate(void)
{
	uint64_t us = clock_us(), t = ticks_now();

	while (clock_us() - us < 100000)
		;
	return (double)(clock_us() - us) * 1000 / (double)(ticks_now() - t);
}

static int
compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

double
ticks_percentile(uint64_t *ticks, size_t count, double share)
{
	qsort(ticks, count, sizeof(*ticks), compare);
	return (double)ticks[(size_t)((double)(count - 1) * share)];
}

double
ticks_of_nothing(uint64_t *ticks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t t = ticks_now();

		ticks[i] = ticks_now() - t;
	}
	return ticks_percentile(ticks, count, 0.5);
}
