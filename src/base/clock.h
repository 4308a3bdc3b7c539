/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Time.  Durations come from the monotonic clock, dates from the real one.
 * On a loop's hot path use the loop's cached time instead (net/loop.h).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);		/* monotonic */
uint64_t clock_us(void);		/* monotonic */
uint64_t clock_unix_ms(void);		/* since 1970, UTC */

enum { CLOCK_TEXT_MAX = 32 };

/* RFC 3339 with milliseconds, UTC: 2026-01-02T03:04:05.678Z. */
const char *clock_text(uint64_t unix_ms, char text[CLOCK_TEXT_MAX]);

/* RFC 9110 IMF-fixdate: Fri, 02 Jan 2026 03:04:05 GMT. */
const char *clock_http_date(uint64_t unix_ms, char text[CLOCK_TEXT_MAX]);

#endif
