/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_MAX_BYTES = 2048 };

static const char *name = "portolan";	/* set before threads start */
/* A reload sets it while other threads log. */
static _Atomic enum log_level most_level = LOG_LEVEL_INFO;

void
log_name(const char *new_name)
{
	name = new_name;
}

void
log_level(enum log_level most)
{
	atomic_store_explicit(&most_level, most, memory_order_relaxed);
}

/*
 * A line break in the text would let a peer forge a line, and what a terminal
 * takes for a command (U+0080 to U+009F as well) whatever a terminal can do.
 */
static void
flatten(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c == 0x7f)
			line[i] = ' ';
		if (c == 0xc2 && i + 1 < len &&
		    ((unsigned char)line[i + 1] & 0xe0) == 0x80)
			line[i] = line[i + 1] = ' ';
	}
}

__attribute__((format(printf, 2, 0))) static void
write_line(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const words[] = { "error", "warning", "info",
	    "debug" };
	char line[LINE_MAX_BYTES], when[CLOCK_TEXT_MAX];
	int head, body;
	size_t len;

	if (level > atomic_load_explicit(&most_level, memory_order_relaxed))
		return;
	head = snprintf(line, sizeof(line), "%s %s %s[%ld]: ",
	    clock_text(clock_unix_ms(), when), words[level], name,
	    (long)getpid());
	body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	len = strlen(line);
	(void)body;
	flatten(line, len);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;			/* nowhere left to say so */
}

#define LOG_FUNCTION(function, level)		\
void						\
function(const char *fmt, ...)			\
{						\
	va_list ap;				\
						\
	va_start(ap, fmt);			\
	write_line(level, fmt, ap);		\
	va_end(ap);				\
}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

bool
log_rate_allows(struct log_rate *rate, uint32_t burst, uint32_t *suppressed)
{
	uint64_t period = clock_ms() / 10000;

	*suppressed = 0;
	if (period != rate->period) {
		if (rate->count > burst)
			*suppressed = rate->count - burst;
		rate->period = period;
		rate->count = 0;
	}
	return ++rate->count <= burst;
}
