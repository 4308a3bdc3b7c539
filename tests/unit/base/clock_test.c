/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>

#include "base/clock.h"

static void
writes_dates(void **state)
{
	static const struct {
		uint64_t	 unix_ms;
		const char	*text, *http;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z",
		    "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 784111777000, "1994-11-06T08:49:37.000Z",
		    "Sun, 06 Nov 1994 08:49:37 GMT" },	/* RFC 9110 5.6.7 */
		{ 1709210096789, "2024-02-29T12:34:56.789Z",
		    "Thu, 29 Feb 2024 12:34:56 GMT" },
		{ 4102444799999, "2099-12-31T23:59:59.999Z",
		    "Thu, 31 Dec 2099 23:59:59 GMT" },
	};
	char text[CLOCK_TEXT_MAX];

	(void)state;
	setlocale(LC_ALL, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(clock_text(rows[i].unix_ms, text),
		    rows[i].text);
		assert_string_equal(clock_http_date(rows[i].unix_ms, text),
		    rows[i].http);
	}
}

static void
durations_never_go_back(void **state)
{
	uint64_t us = clock_us(), ms = clock_ms();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t us_now = clock_us(), ms_now = clock_ms();

		assert_true(us_now >= us);
		assert_true(ms_now >= ms);
		us = us_now;
		ms = ms_now;
	}
	/* One clock in two units. */
	assert_in_range(clock_us() / 1000 - ms, 0, 10000);
	assert_true(clock_unix_ms() > 1700000000000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_dates),
		cmocka_unit_test(durations_never_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
