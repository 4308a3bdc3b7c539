/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/cors.h"

static bool
knows(const char *const *origins, size_t count, const char *origin)
{
	struct config config = { .cors_origins = origins,
	    .ncors_origins = count };

	return cors_knows(&config, slice_of(origin));
}

static void
origins_are_known_by_name_or_all(void **state)
{
	static const char *const some[] = { "https://a.example",
	    "https://b.example:8443" };
	static const char *const all[] = { "https://a.example", "*" };

	(void)state;
	assert_true(knows(some, 2, "https://a.example"));
	assert_true(knows(some, 2, "HTTPS://B.EXAMPLE:8443"));
	assert_false(knows(some, 2, "https://b.example"));
	assert_false(knows(some, 2, "https://a.example.evil.example"));
	assert_false(knows(some, 2, "*"));
	assert_false(knows(some, 0, "https://a.example"));
	assert_true(knows(all, 2, "https://c.example"));
	assert_true(knows(all, 2, "null"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins_are_known_by_name_or_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
