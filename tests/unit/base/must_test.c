/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "death.h"

static int evaluated;

static void
break_it(void)
{
	must(1 + 1 == 3);
}

static void
stops_only_what_is_broken(void **state)
{
	(void)state;
	must(++evaluated == 1);
	assert_int_equal(evaluated, 1);	/* once, and always */
	assert_true(dies(break_it));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops_only_what_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
