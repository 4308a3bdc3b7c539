/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/content.h"

#define COUNT(rows)	(sizeof(rows) / sizeof((rows)[0]))

static void
instants_are_read(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 ms;	/* -1: refused */
	} rows[] = {
		{ "1970-01-01", 0 },
		{ "1970-01-02T00:00:00Z", 86400000 },
		{ "1970-01-01T00:00", 0 },
		{ "1970-01-01t00:00:01z", 1000 },
		{ "1970-01-01 00:00:01", 1000 },
		{ "1970-01-01T02:00:00+02:00", 0 },
		{ "1969-12-31T20:30:00-03:30", 0 },
		{ "1970-01-01T00:00:00+00", 0 },
		{ "1970-01-01T00:00:00.5Z", 500 },
		{ "1970-01-01T00:00:00.1234567Z", 123 },	/* .NET's */
		{ "2024-02-29T12:00:00Z", 1709208000000 },
		{ " 2024-02-29 ", 1709164800000 },
		{ "2024-13-01", -1 },
		{ "2024-00-01", -1 },
		{ "2024-01-32", -1 },
		{ "2024-1-1", -1 },
		{ "24-01-01", -1 },
		{ "2024-01-01T24:00", -1 },
		{ "2024-01-01T12:60", -1 },
		{ "2024-01-01T12", -1 },
		{ "2024-01-01T12:00:00.", -1 },
		{ "2024-01-01T12:00:00+15:00", -1 },
		{ "2024-01-01T12:00:00 GMT", -1 },
		{ "2024-01-01Z", -1 },
		{ "yesterday", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t ms = -1;
		bool good = content_instant(slice_of(rows[i].text), &ms);

		if (good != (rows[i].ms >= 0) || (good && ms != rows[i].ms))
			fail_msg("%s: %d %lld", rows[i].text, good,
			    (long long)ms);
	}
}

static void
validity_is_by_type(void **state)
{
	static const struct {
		enum content_type type;
		const char	*text;
		bool		 valid;
	} rows[] = {
		{ CONTENT_NUMBER, "12", true },
		{ CONTENT_NUMBER, "-1.5e3", true },
		{ CONTENT_NUMBER, " 7 ", true },
		{ CONTENT_NUMBER, "", true },	/* nothing yet */
		{ CONTENT_NUMBER, "0x10", false },
		{ CONTENT_NUMBER, "inf", false },
		{ CONTENT_NUMBER, "nan", false },
		{ CONTENT_NUMBER, "1e999", false },
		{ CONTENT_NUMBER, "1,5", false },
		{ CONTENT_NUMBER, "1 2", false },
		{ CONTENT_NUMBER, "twelve", false },
		{ CONTENT_BOOLEAN, "True", true },
		{ CONTENT_BOOLEAN, "false", true },
		{ CONTENT_BOOLEAN, "yes", false },
		{ CONTENT_DATE_TIME, "2024-01-01T00:00:00Z", true },
		{ CONTENT_DATE, "2024-01-01", true },
		{ CONTENT_DATE, "01.01.2024", false },
		{ CONTENT_STRING, "anything", true },
		{ CONTENT_STRING, "\xff", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (content_valid(rows[i].type, slice_of(rows[i].text)) !=
		    rows[i].valid)
			fail_msg("%s", rows[i].text);
}

static void
order_is_by_type(void **state)
{
	static const struct {
		enum content_type type;
		const char	*a, *b;
		int		 order;	/* 9: none */
	} rows[] = {
		{ CONTENT_STRING, "abc", "ABC", 0 },
		{ CONTENT_STRING, "abc", "abd", -1 },
		{ CONTENT_STRING, "abc", "ab", 1 },
		{ CONTENT_STRING, "", "", 0 },
		{ CONTENT_STRING, "stra\xc3\x9f" "e", "STRA\xc3\x9f" "E", 0 },
		{ CONTENT_STRING, "\xc3\xa9t\xc3\xa9",
		    "\xc3\x89T\xc3\x89", 0 },	/* été */
		{ CONTENT_STRING, "\xd0\xbc\xd0\xb8\xd1\x80",
		    "\xd0\x9c\xd0\x98\xd0\xa0", 0 },	/* мир */
		{ CONTENT_STRING, "10", "9", -1 },	/* as text */
		{ CONTENT_NUMBER, "10", "9", 1 },	/* as numbers */
		{ CONTENT_NUMBER, "1.0", "1", 0 },
		{ CONTENT_NUMBER, "-2", "-10", 1 },
		{ CONTENT_NUMBER, "x", "1", 9 },
		{ CONTENT_NUMBER, "", "1", 9 },
		{ CONTENT_BOOLEAN, "TRUE", "true", 0 },
		{ CONTENT_BOOLEAN, "false", "", 0 },
		{ CONTENT_BOOLEAN, "true", "false", 1 },
		{ CONTENT_DATE_TIME, "2024-01-01T00:00:00Z",
		    "2024-01-01T01:00:00+01:00", 0 },
		{ CONTENT_DATE_TIME, "2023-12-31T23:59:59Z", "2024-01-01",
		    -1 },
		{ CONTENT_DATE, "soon", "2024-01-01", 9 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int order = 0;

		if (!content_compare(rows[i].type, slice_of(rows[i].a),
		    slice_of(rows[i].b), &order))
			order = 9;
		if (order != rows[i].order)
			fail_msg("%s and %s: %d", rows[i].a, rows[i].b, order);
	}
}

static void
adding_is_by_type(void **state)
{
	static const struct {
		enum content_type type;
		const char	*a, *b, *sum;
	} rows[] = {
		{ CONTENT_STRING, "1", "2", "12" },
		{ CONTENT_STRING, "", "x", "x" },
		{ CONTENT_NUMBER, "1", "2", "3" },
		{ CONTENT_NUMBER, "", "2", "2" },
		{ CONTENT_NUMBER, "0.1", "0.2", "0.3" },
		{ CONTENT_NUMBER, "-5", "5", "0" },
		{ CONTENT_NUMBER, "1e3", "1", "1001" },
		{ CONTENT_NUMBER, "99.99", "0.01", "100" },
		{ CONTENT_NUMBER, "123456789012", "0.5", "123456789012.5" },
		{ CONTENT_NUMBER, "1e20", "0", "100000000000000000000" },
		{ CONTENT_NUMBER, "0.00001", "0", "0.00001" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(content_add(arena, rows[i].type,
		    slice_of(rows[i].a), slice_of(rows[i].b)), rows[i].sum);
	arena_free(&arena);
}

static void
types_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < CONTENT_TYPES; i++) {
		enum content_type type = CONTENT_TYPES;

		assert_true(content_type_find(&type, slice_of(
		    content_type_name((enum content_type)i))));
		assert_int_equal(type, i);
	}
	assert_true(content_type_find(&(enum content_type){ 0 },
	    SLICE("CONTENTSTRING")));
	assert_false(content_type_find(&(enum content_type){ 0 },
	    SLICE("String")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instants_are_read),
		cmocka_unit_test(validity_is_by_type),
		cmocka_unit_test(order_is_by_type),
		cmocka_unit_test(adding_is_by_type),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
