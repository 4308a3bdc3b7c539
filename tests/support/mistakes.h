/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where a unit test reads configuration into, and what it is told about it.
 */
#ifndef TESTS_SUPPORT_MISTAKES_H
#define TESTS_SUPPORT_MISTAKES_H

#include "base/arena.h"
#include "base/buf.h"
#include "conf/mistakes.h"

static struct arena *arena;
static struct mistakes mistakes;

static int
begin(void **state)
{
	(void)state;
	arena = arena_new(0);
	mistakes_init(&mistakes);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(&arena);
	mistakes_fini(&mistakes);
	return 0;
}

/* Warnings may be; what else there is, is shown. */
static inline void
assert_no_mistake(void)
{
	struct buf out = { 0 };

	mistakes_print(&mistakes, &out);
	if (mistakes.errors > 0)
		print_error("%s", buf_cstr(&out));
	buf_fini(&out);
	assert_int_equal(mistakes.errors, 0);
}

#endif
