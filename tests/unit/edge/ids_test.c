/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "edge/ids.h"

static void
hex_as_printf_has_it(void **state)
{
	struct ids ids;

	(void)state;
	ids_init(&ids);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t n = i < 64 ? (uint64_t)1 << i : i < 128 ?
		    UINT64_MAX >> (i - 64) : ids_next(&ids);
		char text[17] = { 0 }, expected[17];

		ids_hex64(n, text);
		snprintf(expected, sizeof(expected), "%016" PRIx64, n);
		assert_string_equal(text, expected);
	}
}

static void
ids_differ(void **state)
{
	struct ids ids;
	char a[ID_TEXT], b[ID_TEXT];

	(void)state;
	ids_init(&ids);
	ids_text(&ids, a);
	ids_text(&ids, b);
	assert_memory_not_equal(a, b, ID_TEXT);
	for (size_t i = 0; i < ID_TEXT; i++)
		assert_non_null(memchr("0123456789abcdef", a[i], 16));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_as_printf_has_it),
		cmocka_unit_test(ids_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
