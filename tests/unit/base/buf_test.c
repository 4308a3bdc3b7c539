/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "death.h"

static void
grows_and_keeps_everything(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		buf_printf(&b, "%04u", i);
	assert_int_equal(b.len, 40000);
	assert_memory_equal(b.p + 4 * 1234, "1234", 4);
	assert_memory_equal(b.p + 4 * 9999, "9999", 4);
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	buf_add(&b, NULL, 0);
	buf_text(&b, "");
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_cstr(&b), "");
	buf_fini(&b);
	assert_null(b.p);
	assert_string_equal(buf_cstr(&b), "");	/* and usable again */
	buf_fini(&b);
}

static void
a_nul_after_it_does_not_count(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_text(&b, "abc");
	assert_string_equal(buf_cstr(&b), "abc");
	assert_int_equal(b.len, 3);
	buf_char(&b, 'd');
	assert_string_equal(buf_cstr(&b), "abcd");
	assert_true(slice_is(buf_all(&b), "abcd"));
	buf_fini(&b);
}

static void
takes_bytes_off_the_front(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_consume(&b, 0);
	buf_text(&b, "abcdef");
	buf_consume(&b, 2);
	assert_true(slice_is(buf_all(&b), "cdef"));
	buf_consume(&b, 4);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void
consume_too_much(void)
{
	struct buf b = { 0 };

	buf_text(&b, "ab");
	buf_consume(&b, 3);
}

static void
reserve_too_much(void)
{
	struct buf b = { 0 };

	buf_reserve(&b, SIZE_MAX - 10);
}

static void
impossible_sizes_stop(void **state)
{
	(void)state;
	assert_true(dies(consume_too_much));
	assert_true(dies(reserve_too_much));
}

static void
writes_numbers(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_u64(&b, 0);
	buf_char(&b, ' ');
	buf_u64(&b, 1234567890);
	buf_char(&b, ' ');
	buf_u64(&b, UINT64_MAX);
	assert_string_equal(buf_cstr(&b),
	    "0 1234567890 18446744073709551615");
	buf_fini(&b);
}

static void
any_bytes_make_valid_json(void **state)
{
	static const struct {
		const char	*in;
		size_t		 len;
		const char	*out;
	} rows[] = {
		{ "", 0, "\"\"" },
		{ "plain", 5, "\"plain\"" },
		{ "a\"b\\c", 5, "\"a\\\"b\\\\c\"" },
		{ "\n\t\x01\x7f", 4, "\"\\n\\u0009\\u0001\\u007f\"" },
		{ "a\0b", 3, "\"a\\u0000b\"" },
		{ "S\xc3\xa3o", 4, "\"S\xc3\xa3o\"" },
		{ "\xf0\x9f\x8c\x8d", 4, "\"\xf0\x9f\x8c\x8d\"" },
		{ "a\xff" "b", 3, "\"a\xef\xbf\xbd" "b\"" },
		{ "a\xc2\x9b" "31m\xc2\x80", 8,
		    "\"a\\u009b31m\\u0080\"" },
		{ "\xc2\xa0\xc3\x80", 4, "\"\xc2\xa0\xc3\x80\"" },
		{ "\xc3", 1, "\"\xef\xbf\xbd\"" },	/* cut short */
		{ "\xed\xa0\x80", 3,			/* a surrogate */
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = { 0 };

		buf_json(&b, (struct slice){ rows[i].in, rows[i].len });
		assert_string_equal(buf_cstr(&b), rows[i].out);
		buf_fini(&b);
	}
}

static void
markup_is_text(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_markup(&b, SLICE("<a href=\"x'y\">&amp; \xc3\xa9"));
	assert_string_equal(buf_cstr(&b), "&lt;a href=&quot;x&#39;y&quot;&gt;"
	    "&amp;amp; \xc3\xa9");
	buf_fini(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_keeps_everything),
		cmocka_unit_test(a_nul_after_it_does_not_count),
		cmocka_unit_test(takes_bytes_off_the_front),
		cmocka_unit_test(impossible_sizes_stop),
		cmocka_unit_test(writes_numbers),
		cmocka_unit_test(any_bytes_make_valid_json),
		cmocka_unit_test(markup_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
