/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"

static void
widths_follow_rfc_3629(void **state)
{
	static const struct {
		const char	*in;
		size_t		 width;
	} rows[] = {
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xee\x80\x80", 3 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\x80", 0 },			/* a continuation alone */
		{ "\xc0\x80", 0 },		/* overlong NUL */
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },		/* overlong */
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xed\xa0\x80", 0 },		/* surrogates */
		{ "\xed\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },	/* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
		{ "\xc2", 0 },			/* cut short */
		{ "\xe2\x82", 0 },
		{ "\xf0\x9f\x8c", 0 },
		{ "\xe2\x28\xa1", 0 },
		{ "\xe2\x82\x28", 0 },
		{ "\xf0\x9f\x8c\x28", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].in);

		assert_int_equal(utf8_width(rows[i].in, len), rows[i].width);
		assert_int_equal(utf8_valid(rows[i].in, len),
		    rows[i].width > 0);
	}
}

static void
whole_texts(void **state)
{
	(void)state;
	assert_true(utf8_valid(NULL, 0));
	assert_int_equal(utf8_width(NULL, 0), 0);
	assert_true(utf8_valid("a\0b", 3));
	assert_true(utf8_valid("S\xc3\xa3o Paulo", 10));
	assert_false(utf8_valid("S\xe3o Paulo", 9));
	assert_false(utf8_valid("ok\xf0\x9f\x8c\x8d", 5));	/* cut */
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_follow_rfc_3629),
		cmocka_unit_test(whole_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
