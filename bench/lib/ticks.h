/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Timing of what takes nanoseconds, by the processor's own clock, and numbers
 * that are the same in every run.  One thread.
 */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include <stddef.h>
#include <stdint.h>

/* splitmix64 from a fixed seed. */
uint64_t next_random(void);

/* Fenced: what stands between two readings cannot overlap its neighbours. */
uint64_t ticks_now(void);

/* Of one tick; takes a tenth of a second, to be called before. */
double ticks_calibrate(void);

/* Sorts them; share 0.5 is the median. */
double ticks_percentile(uint64_t *ticks, size_t count, double share);

/* The median of two readings with nothing between; overwrites ticks. */
double ticks_of_nothing(uint64_t *ticks, size_t count);

#endif
