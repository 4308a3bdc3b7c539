/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * For the tables of this folder.  The texts of refused heads hold a \a where
 * the parser must say the fault is; it is taken out before the parser sees
 * it.  Everything is parsed from a block of just its size, so that a
 * sanitizer notices a byte read too many.
 */
#ifndef TESTS_UNIT_HTTP_ROWS_H
#define TESTS_UNIT_HTTP_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/slice.h"
#include "http/h1.h"

#define COUNT(rows)	(sizeof(rows) / sizeof((rows)[0]))

/* A block to free; *fault is where \a stood, or the length. */
static inline char *
unmark(struct slice text, struct slice *bytes, size_t *fault)
{
	char *block = xmalloc(text.len + 1);
	size_t len = 0;

	*fault = text.len;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\a')
			*fault = len;
		else
			block[len++] = text.p[i];
	}
	block = xrealloc(block, len > 0 ? len : 1);
	*bytes = (struct slice){ block, len };
	return block;
}

static inline void
same_slice(const char *what, struct slice got, const char *want)
{
	if (!slice_is(got, want))
		fail_msg("%s: got \"%.*s\", not \"%s\"", what, SLICE_ARG(got),
		    want);
}

#endif
