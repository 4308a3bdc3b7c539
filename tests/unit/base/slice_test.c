/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

static const struct slice nothing = { NULL, 0 };

static void
compares(void **state)
{
	(void)state;
	assert_true(slice_eq(nothing, SLICE("")));
	assert_true(slice_eq(SLICE("ab"), slice_of("ab")));
	assert_false(slice_eq(SLICE("ab"), SLICE("abc")));
	assert_false(slice_eq(SLICE("ab"), SLICE("aB")));
	assert_true(slice_eq_nocase(SLICE("Host"), SLICE("hOST")));
	assert_false(slice_eq_nocase(SLICE("host"), SLICE("hosts")));
	/* Letters alone have a case: these differ by the same bit. */
	assert_false(slice_eq_nocase(SLICE("@"), SLICE("`")));
	assert_false(slice_eq_nocase(SLICE("["), SLICE("{")));
	assert_true(slice_starts_nocase(SLICE("HTTPS://x"), SLICE("https://")));
	assert_false(slice_starts_nocase(SLICE("htt"), SLICE("https://")));
	assert_true(slice_starts_nocase(nothing, nothing));
	assert_true(slice_is(nothing, ""));
	assert_int_equal(slice_of(NULL).len, 0);
}

static void
trims_blanks_and_nothing_else(void **state)
{
	(void)state;
	assert_true(slice_is(slice_trim(SLICE(" \t a b \t")), "a b"));
	assert_true(slice_is(slice_trim(SLICE("\ra\n")), "\ra\n"));
	assert_true(slice_is(slice_trim(SLICE(" \t ")), ""));
	assert_true(slice_is(slice_trim(nothing), ""));
}

static void
splits(void **state)
{
	static const struct {
		const char	*in, *parts[4];
	} rows[] = {
		{ "a,b,c", { "a", "b", "c" } },
		{ "a", { "a" } },
		{ "", { "" } },
		{ ",", { "", "" } },
		{ "a,", { "a", "" } },
		{ ",a", { "", "a" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice rest = slice_of(rows[i].in), part;
		size_t n = 0;

		while (slice_split(&rest, ',', &part)) {
			assert_non_null(rows[i].parts[n]);
			assert_true(slice_is(part, rows[i].parts[n]));
			n++;
		}
		assert_null(rows[i].parts[n]);
		assert_int_equal(part.len, 0);
	}
	struct slice rest = nothing, part;

	assert_false(slice_split(&rest, ',', &part));
}

static void
reads_whole_numbers(void **state)
{
	static const struct {
		const char	*in;
		bool		 good;
		uint64_t	 value;
	} rows[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "0x10", false, 0 },
		{ "1e3", false, 0 },
		{ "\xb2", false, 0 },		/* superscript two, Latin-1 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 42;

		if (slice_to_u64(slice_of(rows[i].in), &value) != rows[i].good)
			fail_msg("'%s'", rows[i].in);
		assert_true(value == (rows[i].good ? rows[i].value : 42));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),
		cmocka_unit_test(trims_blanks_and_nothing_else),
		cmocka_unit_test(splits),
		cmocka_unit_test(reads_whole_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
