/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The error log: one line an event on standard error, for people and for the
 * journal.  "TIME LEVEL NAME[PID]: sentence key=value ...".  Access lines are
 * the edge's own affair (edge/access_log.h).  Any thread may log; a line is
 * one write.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG };

/* What stands before each line ("edge", "engine GB/0"); kept, not copied. */
void log_name(const char *name);
void log_level(enum log_level most);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * For lines that a peer can provoke: true at most burst times in each ten
 * seconds.  One struct a place and thread, zeroed at first.  When the next
 * period begins, *suppressed says how many were kept back (0 otherwise).
 */
struct log_rate {
	uint64_t	 period;
	uint32_t	 count;
};

bool log_rate_allows(struct log_rate *rate, uint32_t burst,
    uint32_t *suppressed);

#endif
