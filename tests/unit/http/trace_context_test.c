/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/trace_context.h"

#define COUNT(rows)	(sizeof(rows) / sizeof((rows)[0]))
#define TRACE	"0af7651916cd43dd8448eb211c80319c"
#define SPAN	"b7ad6b7169203331"

static void
parents_are_read_strictly(void **state)
{
	static const struct {
		const char	*value;
		int		 flags;		/* -1: malformed */
	} rows[] = {
		{ "00-" TRACE "-" SPAN "-01", 1 },
		{ "00-" TRACE "-" SPAN "-00", 0 },
		{ "00-" TRACE "-" SPAN "-ff", 0xff },
		/* a later version may say more */
		{ "01-" TRACE "-" SPAN "-01", 1 },
		{ "cc-" TRACE "-" SPAN "-01-what-the-future-holds", 1 },
		{ "cc-" TRACE "-" SPAN "-01.what", -1 },
		{ "00-" TRACE "-" SPAN "-01-", -1 },
		{ "00-" TRACE "-" SPAN "-01-x", -1 },
		{ "ff-" TRACE "-" SPAN "-01", -1 },
		{ "00-00000000000000000000000000000000-" SPAN "-01", -1 },
		{ "00-" TRACE "-0000000000000000-01", -1 },
		{ "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", -1 },
		{ "00-" TRACE "-" SPAN "-0", -1 },
		{ "00-" TRACE "-" SPAN "-0x", -1 },
		{ "0x-" TRACE "-" SPAN "-01", -1 },
		{ "00-" TRACE "g-" SPAN "-01", -1 },
		{ "00_" TRACE "_" SPAN "_01", -1 },
		{ "00-" TRACE, -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct traceparent p;
		bool good = traceparent_read(&p, slice_of(rows[i].value));

		if (good != (rows[i].flags >= 0) ||
		    (good && p.flags != rows[i].flags))
			fail_msg("%s", rows[i].value);
		if (good) {
			assert_true(slice_is(p.trace_id, TRACE));
			assert_true(slice_is(p.parent_id, SPAN));
		}
	}
}

static void
states_are_lists_of_members(void **state)
{
	static const struct {
		const char	*value;
		int		 members;	/* -1: malformed */
	} rows[] = {
		{ "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", 2 },
		{ "rojo=1 ,\t congo=2", 2 },
		{ "fw529a3039@dt=FfAB", 1 },
		{ "0tenant@dt=x", 1 },
		{ "a=x y", 1 },
		{ ",a=1,,", 1 },
		{ "", 0 },
		{ "A=1", -1 },
		{ "0a=1", -1 },
		{ "a@0b=1", -1 },
		{ "a@b@c=1", -1 },
		{ "@b=1", -1 },
		{ "a@=1", -1 },
		{ "a", -1 },
		{ "=1", -1 },
		{ "a=", -1 },
		{ "a=b=c", -1 },
		{ "a=\x7f", -1 },
		{ "a = 1", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned members = 0;
		bool good = tracestate_is_good(slice_of(rows[i].value),
		    &members);

		if (good != (rows[i].members >= 0) ||
		    (good && (int)members != rows[i].members))
			fail_msg("%s", rows[i].value);
	}
}

/* Through all lines of the field. */
static void
states_have_an_end(void **state)
{
	unsigned members = 0;

	(void)state;
	for (unsigned i = 0; i < TRACESTATE_MEMBERS; i++)
		assert_true(tracestate_is_good(SLICE("a=1"), &members));
	assert_false(tracestate_is_good(SLICE("a=1"), &members));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents_are_read_strictly),
		cmocka_unit_test(states_are_lists_of_members),
		cmocka_unit_test(states_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
