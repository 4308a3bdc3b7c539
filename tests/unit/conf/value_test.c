/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/* Values that are taken; those that are refused stand in tests/data/bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conf/value.h"

static void
durations(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 ms;	/* -1: refused */
	} rows[] = {
		{ "0", 0 }, { "0s", 0 }, { "250ms", 250 }, { "10s", 10000 },
		{ "5m", 300000 }, { "2h", 7200000 }, { "30d", 2592000000 },
		{ "", -1 }, { "s", -1 }, { "-1s", -1 }, { "1.5s", -1 },
		{ "1m30s", -1 }, { "1", -1 }, { "1S", -1 }, { " 1s", -1 },
		{ "1s ", -1 }, { "18446744073709551615d", -1 },
		{ "18446744073709551616ms", -1 },
	};
	char text[VALUE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ms = 77;
		struct err err;
		bool ok = value_duration(&ms, slice_of(rows[i].text), &err);

		assert_int_equal(ok, rows[i].ms >= 0);
		if (ok)
			assert_int_equal(ms, rows[i].ms);
	}
	assert_string_equal(value_duration_text(0, text), "0s");
	assert_string_equal(value_duration_text(90000, text), "90s");
	assert_string_equal(value_duration_text(86400000, text), "1d");
	assert_string_equal(value_duration_text(1001, text), "1001ms");
}

static void
sizes(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 bytes;
	} rows[] = {
		{ "0", 0 }, { "4096", 4096 }, { "17B", 17 },
		{ "64KiB", 65536 }, { "1MiB", 1048576 },
		{ "2GiB", 2147483648 }, { "1kib", -1 }, { "1K", -1 },
		{ "1KB", -1 }, { "KiB", -1 }, { "-1", -1 }, { "", -1 },
		{ "99999999999GiB", -1 },
	};
	char text[VALUE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t bytes;
		struct err err;
		bool ok = value_size(&bytes, slice_of(rows[i].text), &err);

		assert_int_equal(ok, rows[i].bytes >= 0);
		if (ok)
			assert_int_equal(bytes, rows[i].bytes);
	}
	assert_string_equal(value_size_text(1536 * 1024, text), "1536KiB");
	assert_string_equal(value_size_text(1, text), "1");
}

static void
reals_and_shares(void **state)
{
	static const struct {
		const char	*text;
		double		 real, share;	/* NAN-free: -9 is refused */
	} rows[] = {
		{ "1", 1, -9 }, { "-33.87", -33.87, -9 }, { "0.5", 0.5, -9 },
		{ ".5", 0.5, -9 }, { "5.", 5, -9 }, { "1%", -9, 0.01 },
		{ "0.5%", -9, 0.005 }, { "100%", -9, 1 }, { "0%", -9, 0 },
		{ "100.1%", -9, -9 }, { "-1%", -9, -9 }, { "%", -9, -9 },
		{ "1e3", -9, -9 }, { "nan", -9, -9 }, { "inf", -9, -9 },
		{ "0x1", -9, -9 }, { "1,5", -9, -9 }, { "1.2.3", -9, -9 },
		{ "--1", -9, -9 }, { "", -9, -9 }, { ".", -9, -9 },
		{ "123456789012345678901", -9, -9 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice text = slice_of(rows[i].text);
		double real = -9, share = -9;
		struct err err;

		if (!value_real(&real, text, &err))
			assert_true(rows[i].real == -9);
		else
			assert_true(real == rows[i].real);
		if (!value_share(&share, text, &err))
			assert_true(rows[i].share == -9);
		else
			assert_true(share == rows[i].share);
	}
}

static void
dates(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 day;
	} rows[] = {
		{ "1970-01-01", 0 }, { "1970-12-31", 364 },
		{ "2000-02-29", 11016 }, { "2026-11-22", 20779 },
		{ "2100-02-29", -1 }, { "2026-13-01", -1 },
		{ "2026-00-01", -1 }, { "2026-04-31", -1 },
		{ "2026-4-3", -1 }, { "26-04-03", -1 }, { "1969-12-31", -1 },
		{ "2026/04/03", -1 }, { "", -1 }, { "2026-04-03T", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t day = -1;
		struct err err;

		assert_int_equal(value_date(&day, slice_of(rows[i].text),
		    &err), rows[i].day >= 0);
		if (rows[i].day >= 0)
			assert_int_equal(day, rows[i].day);
	}
}

static void
hosts(void **state)
{
	static const struct {
		const char	*text, *host;
	} rows[] = {
		{ "flow.example.com", "flow.example.com" },
		{ "FLOW.Example.com", "flow.example.com" },
		{ "localhost", "localhost" }, { "127.0.0.1", "127.0.0.1" },
		{ "_x.example", "_x.example" }, { "a-b.c", "a-b.c" },
		{ "flow.example.com.", NULL }, { ".example.com", NULL },
		{ "a..b", NULL }, { "-a.b", NULL }, { "a-.b", NULL },
		{ "flow example", NULL }, { "fl\xc3\xb6w.example", NULL },
		{ "[::1]", NULL }, { "a:80", NULL }, { "*", NULL },
		{ "", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaa.example", NULL },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *host;
		struct err err;
		bool ok = value_host(&host, arena, slice_of(rows[i].text),
		    &err);

		assert_int_equal(ok, rows[i].host != NULL);
		if (ok)
			assert_string_equal(host, rows[i].host);
	}
	arena_free(&arena);
}

/* A cut never stands inside a character, and says that it is one. */
static void
long_text_is_cut_in_messages(void **state)
{
	struct arena *arena = arena_new(0);
	char text[100];
	struct err err;
	bool value;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + 59, "\xc3\xa4", 2);
	assert_string_equal(value_quote(arena, (struct slice){ text, 100 }),
	    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'");
	assert_string_equal(value_quote(arena, SLICE("short")), "'short'");
	assert_false(value_bool(&value, (struct slice){ text, 100 }, &err));
	assert_string_equal(err.text, "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaa...' is not true or false");
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(reals_and_shares),
		cmocka_unit_test(dates),
		cmocka_unit_test(hosts),
		cmocka_unit_test(long_text_is_cut_in_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
