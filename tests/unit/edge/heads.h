/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Heads for tests of the edge, written as they travel.
 */
#ifndef TESTS_UNIT_EDGE_HEADS_H
#define TESTS_UNIT_EDGE_HEADS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "http/h1.h"

/* The text must outlive the head. */
static inline void
head_of(struct h1_head *head, const char *text)
{
	struct h1_end end;
	size_t seen = 0;

	assert_int_equal(h1_read_request(head, slice_of(text), &seen, &end),
	    H1_DONE);
}

/* How many lines begin with this, in any case of the name. */
static inline unsigned
lines_with(const struct buf *b, const char *start)
{
	struct slice rest = buf_all(b), line;
	unsigned n = 0;

	while (slice_split(&rest, '\n', &line))
		n += line.len > 0 &&
		    slice_starts_nocase(line, slice_of(start));
	return n;
}

static inline void
assert_line(const struct buf *b, const char *line)
{
	struct slice rest = buf_all(b), one;

	while (slice_split(&rest, '\n', &one))
		if (one.len == strlen(line) + 1 &&
		    memcmp(one.p, line, one.len - 1) == 0)
			return;
	fail_msg("no line \"%s\" in:\n%.*s", line, SLICE_ARG(buf_all(b)));
}

#endif
